"""Receipts."""

import os
import time


def number():
    """The number of a receipt: the hundredths of a second since 1970."""
    return int(time.time() * 100)
