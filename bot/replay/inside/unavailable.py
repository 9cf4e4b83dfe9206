"""Stands where an action stands that cannot be had here: whoever reaches it learns why."""

import os

from bot.replay.inside.adapter import unreplayable


def main() -> None:
    """Say so and fail."""
    unreplayable(os.environ["REASON"])
