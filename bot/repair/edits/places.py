"""Where the lines of a block stand in a file when a few differences do not count, and what is written there then.

Lines that are in both parts of a block are written as the file has them, whatever the model made of them.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

from bot.repair.edits.blank_lines import BLANKS, own_gaps
from bot.repair.edits.indentation import Shift, indent_of, shift_of
from bot.repair.edits.lookalikes import folded, own_characters

ENOUGH = 6  # places to name when there is more than one


class Attempt(NamedTuple):
    """What does not count: the indentation where all lines are shifted alike, blank lines, typographic characters."""

    level: str
    shifted: bool = False
    blanks: bool = False
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Splice:
    """Lines to be written in place of those from `start` up to `end` (from 0, without it)."""

    start: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to understand a block: the line (from 1) where it stands, and what is written; `problem`: why nothing."""

    line: int
    splices: tuple[Splice, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Lines to be found, what takes their place, and where each of the former stands (those that stand anywhere)."""

    search: Sequence[str]
    replace: Sequence[str]
    where: Mapping[int, int]


UNCERTAIN = "what takes the place of its lines cannot be told for certain: give SEARCH exactly as the file has it"
MARGIN = (
    "it is indented otherwise than the file, and what replaces it cannot be shifted alike: indent it as the file is"
)


def exact(lines: Sequence[str], search: Sequence[str], replace: Sequence[str]) -> Iterator[Reading]:
    """The places where the lines stand as they are."""
    for where in found(Attempt("exact"), lines, search, plain=True):
        start = where[0]
        written = tuple(f"{line}{eol_of(lines, where)}" for line in replace)
        yield Reading(start + 1, (Splice(start, start + len(search), written),))


def readings(
    attempt: Attempt, lines: Sequence[str], search: Sequence[str], replace: Sequence[str]
) -> Iterator[Reading]:
    """The places where the lines stand but for the differences of an attempt."""
    for where in found(attempt, lines, search):
        reading = read(attempt, lines, [Part(search, replace, where)])
        if reading:
            yield reading


def found(
    attempt: Attempt, lines: Sequence[str], search: Sequence[str], *, plain: bool = False
) -> Iterator[dict[int, int]]:
    """Where the lines stand, each time as a mapping from them to the file's; how they are indented is not compared."""

    def key(line: str) -> str:
        if plain:
            return line
        text = line.strip(BLANKS) if attempt.shifted else line.rstrip(BLANKS)
        return folded(text) if attempt.folded else text

    wanted, have = (
        [(n, k) for n, line in enumerate(part) if (k := key(line)) or not attempt.blanks] for part in (search, lines)
    )
    if not wanted:
        return
    text, part = ("\n".join(["", *(k for _, k in keys), ""]) for keys in (have, wanted))
    ends = [*accumulate(len(k) + 1 for _, k in have)]
    at = text.find(part)
    while at >= 0:
        line = bisect_right(ends, at)
        yield {n: have[line + i][0] for i, (n, _) in enumerate(wanted)}
        at = text.find(part, at + 1)


def read(attempt: Attempt, lines: Sequence[str], parts: Sequence[Part]) -> Reading | None:
    """The reading of parts that were found; None where they are not shifted alike."""
    line = min(parts[0].where.values()) + 1
    shift = shift_at(lines, parts)
    if shift is None:
        return None
    splices = []
    for part in parts:
        try:
            splices.append(_splice(attempt, lines, part, shift))
        except _UncertainError as e:
            return Reading(line, problem=str(e))
    return Reading(line, tuple(splices))


def shift_at(lines: Sequence[str], parts: Sequence[Part]) -> Shift | None:
    """How the lines of all parts are shifted, None where they are not shifted alike."""
    rows = [(p.search[n], lines[at]) for p in parts for n, at in p.where.items() if p.search[n].strip()]
    if not rows:
        return lambda indent: indent
    written = {indent_of(line) for p in parts for line in (*p.search, *p.replace) if line.strip()}
    file = {indent_of(line) for line in lines if line.strip()}
    return shift_of([(indent_of(model), indent_of(own)) for model, own in rows], written, file)


class _UncertainError(Exception):
    """What is to be written is in doubt; the message says why."""


def eol_of(lines: Sequence[str], where: Mapping[int, int]) -> str:
    """What new lines there end with before the newline: a carriage return or nothing."""
    around = [lines[at].endswith("\r") for at in where.values()]
    if not any(around) or all(around):
        return "\r" if all(around) else ""
    return "\r" if sum(line.endswith("\r") for line in lines) * 2 > len(lines) else ""


def _splice(attempt: Attempt, lines: Sequence[str], part: Part, shift: Shift) -> Splice:
    start, end = _region(lines, part)
    eol = eol_of(lines, part.where)
    rows = _rows(attempt, lines, part, shift, eol)
    gaps = _gaps(lines, part, (start, end), eol)
    written = list(gaps[0])
    for row, gap in zip(rows, gaps[1:], strict=True):
        written += [row, *gap]
    return Splice(start, end, tuple(written))


def _region(lines: Sequence[str], part: Part) -> tuple[int, int]:
    """The lines to be written over: those that were found, and blank ones around them as far as the part has such."""
    start, end = min(part.where.values()), max(part.where.values()) + 1
    above = min(part.where)
    behind = len(part.search) - 1 - max(part.where)
    while above and start and not lines[start - 1].strip(BLANKS):
        above, start = above - 1, start - 1
    while behind and end < len(lines) and not lines[end].strip(BLANKS):
        behind, end = behind - 1, end + 1
    return start, end


def _rows(attempt: Attempt, lines: Sequence[str], part: Part, shift: Shift, eol: str) -> list[str]:
    """The lines to be written that are not blank."""
    own: defaultdict[str, list[str]] = defaultdict(list)
    for n, at in part.where.items():
        own[part.search[n].rstrip(BLANKS)].append(lines[at])
    new = [line for line in part.replace if line.strip(BLANKS)]
    counts = Counter(line.rstrip(BLANKS) for line in new)
    contents = _contents(attempt, lines, part, new, frozenset(own))
    seen: Counter[str] = Counter()
    rows = []
    for line, content in zip(new, contents, strict=True):
        model = line.rstrip(BLANKS)
        if theirs := own.get(model):
            rows.append(_kept(theirs, seen[model], counts[model], eol))
            seen[model] += 1
            continue
        indent = shift(indent_of(line))
        if indent is None:
            raise _UncertainError(MARGIN)
        rows.append(f"{indent}{content}{eol}")
    return rows


def _kept(theirs: Sequence[str], turn: int, count: int, eol: str) -> str:
    """A line of both parts as the file has it; where it has it in several forms, each in its turn."""
    if len(set(theirs)) == 1:
        return theirs[0]
    if len(theirs) == count:
        return theirs[turn]
    if len({one.rstrip(BLANKS) for one in theirs}) == 1:
        return theirs[0].rstrip(BLANKS) + eol
    raise _UncertainError(UNCERTAIN)


def _contents(
    attempt: Attempt, lines: Sequence[str], part: Part, new: Sequence[str], own: frozenset[str]
) -> Sequence[str]:
    """The new lines without their indentation, with the characters that the file has where that matters."""
    plain = [line.lstrip(" \t") for line in new]
    if not attempt.folded:
        return plain
    pairs = [(part.search[n].strip(BLANKS), lines[at].strip(BLANKS)) for n, at in sorted(part.where.items())]
    pairs = [(model, theirs) for model, theirs in pairs if model]
    kept = frozenset(line.strip(BLANKS) for line in new if line.rstrip(BLANKS) in own)
    stripped = [line.strip(BLANKS) for line in plain]
    told = own_characters([m for m, _ in pairs], stripped, [t for _, t in pairs], kept)
    if told is None:
        raise _UncertainError(UNCERTAIN)
    return told


def _gaps(lines: Sequence[str], part: Part, region: tuple[int, int], eol: str) -> list[list[str]]:
    """The blank lines before, between and behind the lines to be written."""
    anchors = [region[0] - 1, *(at for n, at in sorted(part.where.items()) if part.search[n].strip(BLANKS)), region[1]]
    theirs = [list(lines[a + 1 : b]) for a, b in pairwise(anchors)]
    gaps = own_gaps(part.search, part.replace, theirs, eol)
    if gaps is None:
        raise _UncertainError(UNCERTAIN)
    return gaps
