"""The blank lines of what is written: those of the file where an edit leaves them alone, else those that it says."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

BLANKS = " \t\r\f\v"
START, END = "\n(start)", "\n(end)"  # stand for what is before and behind: no line holds a newline


class Gap(NamedTuple):
    """Neighbouring lines that are not blank (or an end), and how many blank ones are between them."""

    before: str
    behind: str
    width: int


def spaced(lines: Sequence[str]) -> list[Gap]:
    """All gaps of some lines, those of no width and both ends included."""
    texts = [(-1, START), *((n, t) for n, line in enumerate(lines) if (t := line.rstrip(BLANKS))), (len(lines), END)]
    return [Gap(one, other, m - n - 1) for (n, one), (m, other) in pairwise(texts)]


def own_gaps(
    search: Sequence[str], replace: Sequence[str], theirs: Sequence[list[str]], eol: str
) -> list[list[str]] | None:
    """The blank lines for each gap of `replace`; None where it is in doubt which of the file's stay.

    `theirs` are those that the file has in the gaps of `search`: perhaps more or fewer than the model believes.
    """
    wanted = spaced(replace)
    groups: defaultdict[Gap, list[list[str]]] = defaultdict(list)
    for gap, own in zip(spaced(search), theirs, strict=True):
        groups[gap].append(own)
    unchanged = {n for n, gap in enumerate(wanted) if gap in groups}
    kept: dict[int, list[str]] = {}
    for gap, many in sorted(groups.items(), key=lambda one: one[0] not in wanted):  # the unchanged ones first
        misbelieved = any(len(own) != gap.width for own in many)
        near = _near(gap, wanted)
        same = [n for n in near if wanted[n] == gap]
        where = same or [n for n in near if wanted[n].width == gap.width and n not in unchanged]
        alike = all(own == many[0] for own in many)
        clear = (alike or len(many) == len(where)) and bool(same or len(where) == 1)
        resized = any(wanted[n].width not in {0, gap.width} for n in near)
        forgotten = any(len(own) > gap.width for own in many)
        lost = forgotten and bool(near) and not where and wanted[near[0]][:2] != gap[:2]
        partly = not same and bool(where) and any(0 < len(own) < gap.width for own in many)
        if misbelieved and (lost or resized or partly or (where and not clear)):
            return None
        if any(len(kept[n]) != len(many[0]) for n in where if n in kept):  # of two gaps one is left
            return None
        kept |= {n: many[turn % len(many)] for turn, n in enumerate(where)} if clear else {}
    return [kept.get(n, [eol] * gap.width) for n, gap in enumerate(wanted)]


def _near(gap: Gap, wanted: Sequence[Gap]) -> list[int]:
    """The gaps that may be this one: between the same lines, else at one of them."""
    same = [n for n, one in enumerate(wanted) if one[:2] == gap[:2]]
    return same or [n for n, one in enumerate(wanted) if one.before == gap.before or one.behind == gap.behind]
