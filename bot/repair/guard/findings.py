"""What the parts of the guard report."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a change breaks, and where; `old` says that `line` is one of the old file."""

    rule: str
    path: str
    line: int
    message: str
    old: bool = False
