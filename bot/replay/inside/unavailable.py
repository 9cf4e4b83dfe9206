"""Stands where an action stands that cannot be had here, or that GitHub refuses: whoever reaches it learns why."""

import os

from bot.replay.inside.adapter import fail, unreplayable


def main(kind: str = "") -> None:
    """Say so and fail; `retired` fails as on GitHub."""
    fail(os.environ["REASON"]) if kind == "retired" else unreplayable(os.environ["REASON"])
