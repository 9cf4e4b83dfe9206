"""The levels at which a block is looked for in a file, the strictest first."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice

from bot.repair.edits.elision import elided
from bot.repair.edits.places import ENOUGH, Attempt, Reading, Splice, exact, found, readings
from bot.repair.edits.similarity import nearest, similar

Finder = Callable[[Sequence[str], Sequence[str], Sequence[str]], Iterator[Reading]]
ATTEMPTS = (
    Attempt("endings"),
    Attempt("indentation", shifted=True),
    Attempt("blank-lines", blanks=True),
    Attempt("blank-lines", shifted=True, blanks=True),
    Attempt("characters", folded=True),
    Attempt("characters", shifted=True, blanks=True, folded=True),
)
LEVELS: tuple[tuple[str, Finder], ...] = (
    ("exact", exact),
    *((attempt.level, partial(readings, attempt)) for attempt in ATTEMPTS),
    ("elision", elided),
    ("similar", similar),
)
SHOWN = 40  # lines of the file that are shown at most


class NotPlacedError(Exception):
    """A block has no one place in the file; the message says why, in one or more lines, for the model."""


def place(lines: Sequence[str], search: Sequence[str], replace: Sequence[str]) -> tuple[str, tuple[Splice, ...]]:
    """The level at which the lines are found, and what is written. Raises `NotPlacedError`."""
    for level, find in LEVELS:
        told = list(islice(find(lines, search, replace), ENOUGH))
        if level == "exact" and len(told) == 1:  # nobody sees the blanks at the end of lines: other places are as good
            also = [Reading(min(where.values()) + 1) for where in islice(found(ATTEMPTS[0], lines, search), ENOUGH)]
            told = also if len(also) > 1 else told
        if len(told) > 1:
            raise NotPlacedError(f"SEARCH matches {_listed(told)}: give more context")
        if told and told[0].problem:
            at = f"at line {told[0].line}, " if told[0].line else ""
            raise NotPlacedError(f"{at}{told[0].problem}")
        if told:
            return level, told[0].splices
    raise NotPlacedError(_nowhere(lines, search))


def _listed(told: Sequence[Reading]) -> str:
    *most, last = sorted({one.line for one in told})
    return f"at lines {', '.join(map(str, most))} and {last}" if most else f"at line {last} in more than one way"


def _nowhere(lines: Sequence[str], search: Sequence[str]) -> str:
    near = nearest(lines, search)
    if near is None:
        return "SEARCH is not in the file, nor anything like it"
    start, end = max(near[0] - 1, 0), min(near[1] + 1, near[0] + SHOWN, len(lines))
    return f"SEARCH is not in the file; the nearest lines are:\n{shown(lines, start, end)}"


def shown(lines: Sequence[str], start: int, end: int) -> str:
    """Lines of a file with their numbers."""
    return "\n".join(f"{n + 1:5} | {lines[n].rstrip()}" for n in range(start, end))
