"""Checkpoints on the state branch."""
