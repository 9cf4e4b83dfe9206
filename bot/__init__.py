"""Regreen: turns a red CI run green and proves it."""

__version__ = "0.1.0"
