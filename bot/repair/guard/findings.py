"""What those parts of the guard report that read one file at a time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a change breaks, and where."""

    rule: str
    path: str
    line: int
    message: str
