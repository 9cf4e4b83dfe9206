"""How the table of what GitHub has switched off (`config/switched_off.yaml`) is read."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

COMMIT_DIGITS = 12  # of a commit, in the table


def version_that_is_off(row: Mapping[str, Any], ref: str, moment: datetime | None) -> str:
    """The version of an action's row that a reference means and that is off at a moment (None: now); empty for none.

    A reference is a tag of the version, or a commit that one of its releases was made of.
    """
    commits = row.get("commits", {})
    for old, last in row["off"].items():
        is_tag = ref == old or ref.startswith(f"{old}.")
        if (is_tag or ref[:COMMIT_DIGITS] in commits.get(old, "").split()) and is_over(last, moment):
            return str(old)
    return ""


def is_over(last: str, moment: datetime | None) -> bool:
    """Whether the last day on which something worked has gone at a moment; None is now."""
    return moment is None or moment.date() > date.fromisoformat(last)
