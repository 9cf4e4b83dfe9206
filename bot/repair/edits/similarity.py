"""Lines of a file that are like those of a block: to be changed where that is certain, to be shown where it is not."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, get_close_matches
from itertools import accumulate

from bot.repair.edits.blank_lines import BLANKS
from bot.repair.edits.places import Reading, Splice, eol_of

ALIKE = 0.9
CLEARLY = 0.1  # how much less alike any other place is
SLACK = 2  # lines that the file may have more, or less
LEAST = 3  # lines
MOST_LINES = 20_000
MOST_TEXT = 10_000  # characters: comparing them takes the square
TRIED = 3
COMPARED = 10


def similar(lines: Sequence[str], search: Sequence[str], replace: Sequence[str]) -> Iterator[Reading]:
    """The one place that is like the lines, where those to be changed and their neighbours are the same."""
    if len(search) < LEAST or len(lines) > MOST_LINES or sum(map(len, search)) > MOST_TEXT:
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
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2("\n".join(wanted))

    def ratio(start: int, end: int) -> float:
        matcher.set_seq1("\n".join(bare[start:end]))
        least = ALIKE - CLEARLY
        return matcher.ratio() if matcher.real_quick_ratio() >= least and matcher.quick_ratio() >= least else 0

    size = len(wanted)
    told = [(ratio(at, at + size), at) for at in range(max(1, len(bare) - size + 1))]
    top = sorted((one for one in told if one[0]), reverse=True)[:TRIED]
    sizes = [(at, at + n) for _, at in top for n in range(max(1, size - SLACK), size + SLACK + 1)]
    best, start, end = max(((ratio(a, b), a, min(b, len(bare))) for a, b in sizes), default=(0.0, 0, 0))
    rivals = [one for one, at in told if at >= end or at + size <= start]
    return (start, end) if best >= ALIKE and max(rivals, default=0) <= best - CLEARLY else None


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
    bare = [line.strip(BLANKS) for line in lines]
    wanted = {line.strip(BLANKS) for line in search} - {""}
    size = max(len(search), 1)
    sums = [0, *accumulate(line in wanted for line in bare)]
    counts = [sums[min(at + size, len(bare))] - sums[at] for at in range(len(bare))]
    best = max(counts, default=0)
    if best:
        matcher = SequenceMatcher(None, "", "\n".join(search)[:MOST_TEXT])
        ratios = []
        for at in [at for at, count in enumerate(counts) if count == best][:COMPARED]:
            matcher.set_seq1("\n".join(lines[at : at + size])[:MOST_TEXT])
            ratios.append((matcher.ratio(), -at))
        start = -max(ratios)[1]
        return start, min(start + size, len(bare))
    first = next((line.strip(BLANKS) for line in search if line.strip(BLANKS)), "")[:200]
    close = get_close_matches(first, {line[:200] for line in bare[:MOST_LINES] if line}, 1, 0.5)
    if not close:
        return None
    start = next(n for n, line in enumerate(bare) if line[:200] == close[0])
    return start, min(start + size, len(bare))
