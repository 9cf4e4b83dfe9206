"""Lines of a file that are like those of a block: to be changed where that is certain, to be shown where it is not."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, get_close_matches
from itertools import accumulate

from bot.repair.edits.blank_lines import BLANKS
from bot.repair.edits.places import Reading, Splice, eol_of

ALIKE = 0.9
CLEARLY = 0.1  # how much less alike any other place is
SHARED = 0.4  # of the text that is in lines which are the same: the others are compared only then
SLACK = 2  # lines that the file may have more, or less
LEAST, MOST = 3, 200  # lines of a block
MOST_TEXT = 10_000  # characters of a block
MOST_PLACES = 50  # that are compared
TRIED = 3
MOST_CLOSE = 5000  # lines among which the closest is looked for


def similar(lines: Sequence[str], search: Sequence[str], replace: Sequence[str]) -> Iterator[Reading]:
    """The one place that is like the lines, where those to be changed and their neighbours are the same."""
    if not LEAST <= len(search) <= MOST or sum(map(len, search)) > MOST_TEXT:
        return
    bare, wanted = ([line.rstrip(BLANKS) for line in part] for part in (lines, search))
    window = _window(bare, wanted)
    if window is None:
        return
    splices = _splices(lines, bare, wanted, replace, window)
    if splices is not None:
        yield Reading(window[0] + 1, splices)


def _window(bare: Sequence[str], wanted: Sequence[str]) -> tuple[int, int] | None:
    """Start and end of the lines that are alike; None where there are none, or others nearly as much."""
    size, least = len(wanted), SHARED * _length(wanted)
    shared = _shared(bare, wanted)
    places = [at for at in range(max(1, len(bare) - size + 1)) if shared[at] >= least]
    if len(places) > MOST_PLACES:
        return None
    told = [(_ratio(wanted, bare[at : at + size]), at) for at in places]
    top = [at for _, at in sorted(told, reverse=True)[:TRIED]]
    sizes = [(at, min(at + n, len(bare))) for at in top for n in range(max(1, size - SLACK), size + SLACK + 1)]
    best, start, end = max(((_ratio(wanted, bare[a:b]), a, b) for a, b in sizes), default=(0.0, 0, 0))
    rivals = [one for one, at in told if at >= end or at + size <= start]
    return (start, end) if best >= ALIKE and max(rivals, default=0) <= best - CLEARLY else None


def _length(lines: Sequence[str]) -> int:
    return sum(map(len, lines)) + len(lines)


def _shared(bare: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """For each line, how many characters of it and the next ones are in lines that are wanted, too."""
    known, size = {*wanted} - {""}, len(wanted)
    sums = [0, *accumulate(len(line) + 1 if line in known else 0 for line in bare)]
    return [sums[min(at + size, len(bare))] - sums[at] for at in range(len(bare))]


def _ratio(one: Sequence[str], other: Sequence[str]) -> float:
    """How alike two texts are, as difflib has it: equal lines, and equal characters of the lines between those."""
    equal = 0
    between: list[tuple[str, str]] = []
    for op, i1, i2, j1, j2 in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if op == "equal":
            equal += _length(one[i1:i2])
        elif op == "replace":
            between.append(("\n".join(one[i1:i2]), "\n".join(other[j1:j2])))
    if equal >= SHARED * _length(one):
        matchers = (SequenceMatcher(None, a, b, autojunk=False) for a, b in between)
        equal += sum(block.size for matcher in matchers for block in matcher.get_matching_blocks())
    return 2 * equal / max(_length(one) + _length(other), 1)


def _splices(
    lines: Sequence[str], bare: Sequence[str], wanted: Sequence[str], replace: Sequence[str], window: tuple[int, int]
) -> tuple[Splice, ...] | None:
    """What changes, as the file has it; None where it or its neighbours are not what they are in the block."""
    start, end = window
    blocks = SequenceMatcher(None, wanted, bare[start:end], autojunk=False).get_matching_blocks()
    where = {a + n: start + b + n for a, b, size in blocks for n in range(size)}
    splices, new = [], [line.rstrip(BLANKS) for line in replace]
    for op, i1, i2, j1, j2 in SequenceMatcher(None, wanted, new, autojunk=False).get_opcodes():
        if op == "equal":
            continue
        around = range(max(i1 - 1, 0), min(i2 + 1, len(wanted)))
        there = [where[n] for n in around if n in where]
        if len(there) < len(around) or there[-1] - there[0] != len(around) - 1:
            return None
        first = there[0] + i1 - around[0]
        eol = eol_of(lines, dict(zip(around, there, strict=True)))
        splices.append(Splice(first, first + i2 - i1, tuple(f"{line}{eol}" for line in replace[j1:j2])))
    return tuple(splices)


def nearest(lines: Sequence[str], search: Sequence[str]) -> tuple[int, int] | None:
    """Start and end of the lines that are most like those of a block; None where none is like them."""
    bare, wanted = ([line.strip(BLANKS) for line in part] for part in (lines, search))
    size = max(len(search), 1)
    shared = _shared(bare, wanted)
    best = max(shared, default=0)
    if best:
        places = [at for at, one in enumerate(shared) if one == best][: MOST_PLACES if size <= MOST else 1]
        start = max(places, key=lambda at: (_ratio(wanted, bare[at : at + size]), -at))
        return start, min(start + size, len(bare))
    first = next((line.strip(BLANKS) for line in search if line.strip(BLANKS)), "")[:200]
    close = get_close_matches(first, {line[:200] for line in bare[:MOST_CLOSE] if line}, 1, 0.5)
    if not close:
        return None
    start = next(n for n, line in enumerate(bare) if line[:200] == close[0])
    return start, min(start + size, len(bare))
