"""Lines such as `...` and `# rest of the code` that models write for lines which they do not repeat."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise

import re2

from bot.repair.edits.indentation import indent_of
from bot.repair.edits.places import Attempt, Part, Reading, found, read, shift_at
from bot.repair.guard.kinds import C_FAMILY

BARE = re2.compile(r"^\s*(?:\.{3}|…)\s*$")
_SIGN = r"^\s*(?:#+|//+|/\*+|--|<!--|;+|%+|\{/\*)\s*"
_END = r"[\s.…)\]]*(?:\*/\}?|-->)?\s*$"
_WORDS = r"existing|rest|remaining|unchanged|same|omitted|elided|previous|other|original|keep|snip"
DOTTED = re2.compile(rf"(?i){_SIGN}(?:\.{{3}}|…)\s*(?:[^.…]*\b(?:{_WORDS})\b[^.…]*)?{_END}")
_PARTS = r"(?:code|functions?|methods?|class|file|body|implementation|imports|tests?|lines?)"
_THINGS = rf"(?:the |this )?[\w ]{{0,40}}?{_PARTS}"
_STATE = r"(?: (?:is|are|stays?|remains?|unchanged|here|the|same|as|before|goes|continues|omitted))"
WORDED = re2.compile(
    rf"(?i){_SIGN}[\[(]?(?:the )?(?:rest of|remaining|existing|unchanged|previous) {_THINGS}{_STATE}*{_END}"
)
HEADING = re2.compile(rf"(?i){_SIGN}(?:the )?remaining {_THINGS}{_END}")
"""Where something follows at their own level such lines are headings of that."""
MOST_PLACES = 100  # of each part
MOST = 2000  # steps in the search for places of the parts
ATTEMPTS = (Attempt("elision"), Attempt("elision", shifted=True))
TOO_MANY = "its parts stand at too many places: leave out less"
COUNTS = "SEARCH and what replaces it do not leave out lines equally often: each ... has to stand in both"


def is_elision(line: str) -> bool:
    """Whether a line stands for others, unless it is really there."""
    return bool(BARE.search(line) or DOTTED.search(line) or WORDED.search(line))


def lazy_line(path: str, before: Sequence[str], after: Sequence[str]) -> str:
    """The first line of `after` that would delete what it stands for, because `before` leaves nothing out there."""
    told = [line for n, line in enumerate(after) if _stands_for_others(path, after, n)]
    known = {line.strip() for line in before}
    if len(told) <= sum(map(is_elision, before)):
        return ""
    return next((line.strip() for line in told if line.strip() not in known), told[-1].strip())


def _stands_for_others(path: str, lines: Sequence[str], at: int) -> bool:
    others = (_is_heading(lines, at), _is_body(path, lines, at), _is_parameter(path, lines, at))
    return is_elision(lines[at]) and not any(others)


def _is_heading(lines: Sequence[str], at: int) -> bool:
    below = next((line for line in lines[at + 1 :] if line.strip()), "")
    goes_on = below.strip()[:1].isalnum() or below.strip()[:1] in ("_", "@")
    return bool(HEADING.search(lines[at])) and goes_on and indent_of(below) == indent_of(lines[at])


def _is_parameter(path: str, lines: Sequence[str], at: int) -> bool:
    """Whether a line says that a function of C takes any further arguments (variadic)."""
    above, below = "".join(lines[:at]).rstrip(), "".join(lines[at + 1 :]).lstrip()
    return path.endswith(C_FAMILY) and lines[at].strip() == "..." and above.endswith(",") and below.startswith(")")


def _is_body(path: str, lines: Sequence[str], at: int) -> bool:
    """Whether a line is all that a function or class of Python consists of, or goes on with one of a doctest."""
    if not path.endswith((".py", ".pyi", ".rst", ".md")) or lines[at].strip() != "...":
        return False
    above = next((line.rstrip() for line in reversed(lines[:at]) if line.strip()), "")
    if above.lstrip().startswith((">>> ", "... ")):
        return indent_of(above) == indent_of(lines[at])
    above = above.partition("  #")[0].rstrip()
    below = next((line for line in lines[at + 1 :] if line.strip()), "")
    opens = above.endswith((":", '"""')) and len(indent_of(above)) <= len(indent_of(lines[at]))
    return opens and len(indent_of(below)) < max(len(indent_of(lines[at])), 1)


def elided(lines: Sequence[str], search: Sequence[str], replace: Sequence[str]) -> Iterator[Reading]:
    """The places where the lines stand, with others in place of each elision, which stay."""
    marks = [line for line in search if is_elision(line)]
    if not marks:
        return
    pairs = list(zip(_parts(search), _parts(replace), strict=False))
    if len(_parts(replace)) != len(marks) + 1 or any(
        _blank(s) and (not _blank(r) or len(s) != len(r)) for s, r in pairs
    ):
        yield Reading(0, problem=COUNTS)
        return
    kept = [n for n, (s, _) in enumerate(pairs) if not _blank(s)]
    if not kept or kept != list(range(kept[0], kept[-1] + 1)):
        return
    pairs, marks = [pairs[n] for n in kept], marks[kept[0] : kept[-1]]
    for attempt in ATTEMPTS:
        told = list(_read(attempt, lines, pairs, marks))
        yield from told
        if told:
            return


def _parts(lines: Sequence[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in lines:
        if is_elision(line):
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def _blank(lines: Sequence[str]) -> bool:
    return not any(line.strip() for line in lines)


def _read(
    attempt: Attempt, lines: Sequence[str], pairs: Sequence[tuple[list[str], list[str]]], marks: Sequence[str]
) -> Iterator[Reading]:
    places = [list(islice(found(attempt, lines, search), MOST_PLACES + 1)) for search, _ in pairs]
    if any(len(one) > MOST_PLACES for one in places):
        yield Reading(0, problem=TOO_MANY)
        return
    steps = 0
    stack: list[list[Mapping[int, int]]] = [[place] for place in places[0]]
    while stack:
        chain = stack.pop()
        steps += 1
        if steps > MOST:
            yield Reading(0, problem=TOO_MANY)
            return
        if len(chain) < len(pairs):
            end = max(chain[-1].values())
            stack += [[*chain, place] for place in places[len(chain)] if min(place.values()) > end]
            continue
        parts = [Part(search, replace, where) for (search, replace), where in zip(pairs, chain, strict=True)]
        reading = read(attempt, lines, parts)
        if reading and _stays_inside(lines, parts, marks):
            yield reading


def _stays_inside(lines: Sequence[str], parts: Sequence[Part], marks: Sequence[str]) -> bool:
    """Whether no line that an elision stands for is further out than the elision, or than what is around it."""
    shift = shift_at(lines, parts)
    for mark, (one, other) in zip(marks, pairwise(parts), strict=True):
        above, below = max(one.where.values()), min(other.where.values())
        around = [len(indent_of(lines[n])) for n in (above, below)]
        least = around[1] if around[1] > around[0] else min(around)
        own = shift(indent_of(mark)) if shift else None
        least = max(least, len(own or ""))
        if any(line.strip() and len(indent_of(line)) < least for line in lines[above + 1 : below]):
            return False
    return True
