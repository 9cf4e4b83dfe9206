"""A model's answer as edits, or a `Misfit` that says which block is wrong. The form is described in docs/llm.md.

Nothing is guessed: what can mean two things is refused, and so is what was cut short.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import re2

from bot.errors import Misfit
from bot.repair.edits.paths import FENCE, NoPathError, path_in, path_of, relative

OPENING = re2.compile(r"(?i)^([ \t]*)(<{5,9})[ \t]*(SEARCH|FILE|DELETE)(?:[ \t:]+(.*?))?[ \t]*$")
CLOSING = re2.compile(r"(?i)^(>{5,9})[ \t]*(REPLACE|FILE|DELETE)[ \t:]*$")
CLOSED_BY = {"SEARCH": "REPLACE", "FILE": "FILE", "DELETE": "DELETE"}
DIVIDER = re2.compile(r"^(={5,9})[ \t]*$")
CONFLICT = re2.compile(r"^(?:<{7}|>{7})(?: .*)?$")
TOLD = re2.compile(r"(?i)^[ \t]*(?:\*\*|__)?(CAUSE|CANNOT)(?:\*\*|__)?[ \t]*:(?:\*\*|__)?[ \t]*(.*)$")
BEGUN = re2.compile(r"^[ \t]*(?:<{1,2}$|<{3})")
SIGNS = 7
SURE = 9  # signs of markers around text that has such lines itself
NINE = "write its markers with nine signs each (<<<<<<<<< SEARCH, =========, >>>>>>>>> REPLACE)"


@dataclass(frozen=True, slots=True)
class Edit:
    """One block: lines to be found and what takes their place, a whole file, or a deletion.

    `number` counts the answer's blocks from 1. `path` is relative to the root; whether such a file exists is not known.
    """

    number: int
    path: str
    kind: Literal["replace", "whole", "delete"]
    search: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says: the cause, and either edits or why it cannot."""

    cause: str = ""
    cannot: str = ""
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class _Block:
    """Where a block stands in the answer: its first line, and the one behind it."""

    start: int
    end: int
    signs: int
    kind: str
    behind: str
    body: tuple[str, ...]
    closed: bool


class _NoBlockError(Exception):
    """A block cannot be read; the message says why."""


def parse(answer: str) -> Answer:
    """Read an answer. Raises `Misfit` with all that is wrong with it, where it has no block and no `CANNOT:` too."""
    if any("\ud800" <= c <= "\udfff" for c in answer):
        raise Misfit(["the answer is no text: it has lone surrogates"])
    lines = answer.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    blocks = list(_blocks(lines))
    fences = _fences(lines, blocks)
    edits, problems = _edits(lines, blocks, fences)
    outside = _outside(lines, blocks)
    told = {word: _told(outside, word) for word in ("CAUSE", "CANNOT")}
    if told["CANNOT"] and blocks:
        problems.append("the answer says CANNOT and has blocks all the same: give one of them")
    if not blocks and not told["CANNOT"]:
        problems.append("the answer has no block: write each edit as <<<<<<< SEARCH, =======, >>>>>>> REPLACE")
    if blocks and blocks[-1].closed and _is_cut(lines, blocks[-1].end, fences[-1]):
        problems.append("the answer was cut short behind its last block: give all of it again, with fewer words")
    if problems:
        raise Misfit(problems)
    return Answer(told["CAUSE"], told["CANNOT"], edits)


def _blocks(lines: Sequence[str]) -> Iterator[_Block]:
    at = 0
    while at < len(lines):
        found = OPENING.search(lines[at])
        at += 1
        if found:
            block = _block(lines, at - 1, found[1], len(found[2]), found[3].upper(), found[4] or "")
            yield block
            at = block.end


def _block(lines: Sequence[str], start: int, indent: str, signs: int, kind: str, behind: str) -> _Block:
    """The block that begins at a line, up to its end marker, or up to what shows that this is missing."""
    exact = signs == SURE
    at, closed = start + 1, False
    while at < len(lines):
        closing, opening = CLOSING.search(lines[at].removeprefix(indent)), OPENING.search(lines[at])
        if closing and closing[2].upper() == CLOSED_BY[kind] and (not exact or len(closing[1]) == SURE):
            closed = True
            break
        if opening and (not exact or len(opening[2]) == SURE):
            break
        at += 1
    body = lines[start + 1 : at]
    if all(line.startswith(indent) for line in body if line.strip()):
        body = [line.removeprefix(indent) for line in body]
    return _Block(start, at + closed, signs, kind, behind, tuple(body), closed)


def _edits(lines: Sequence[str], blocks: Sequence[_Block], fences: Sequence[int]) -> tuple[tuple[Edit, ...], list[str]]:
    """All edits, a repeated one once, and what is wrong with which block."""
    edits: dict[tuple[object, ...], Edit] = {}
    problems: list[str] = []
    end, path = 0, ""
    for number, (block, fence) in enumerate(zip(blocks, fences, strict=False), 1):
        try:
            path = _path(lines[end : block.start], block, path)
            edit = _edit(number, path, block, in_fence=fence >= 0, tail=lines[block.end :])
            edits.setdefault((edit.path, edit.kind, edit.search, edit.replace), edit)
        except NoPathError as e:
            problems.append(f"block {number}: {e}: write the path alone on the line before the block")
            path = ""
        except _NoBlockError as e:
            problems.append(f"block {number}{f' ({path})' if path else ''}: {e}")
        end = block.end
    return tuple(edits.values()), problems


def _path(between: Sequence[str], block: _Block, inherited: str) -> str:
    if not block.behind:
        return relative(path_of(between, inherited))
    found = path_in(block.behind)
    if not found:
        raise NoPathError(f"what stands behind {block.kind} is no path")
    return relative(found)


def _edit(number: int, path: str, block: _Block, *, in_fence: bool, tail: Sequence[str]) -> Edit:
    end = f"{'>' * SIGNS} {CLOSED_BY[block.kind]}"
    if not block.closed:
        raise _NoBlockError(f"it is not closed: no line {end} ends it; nothing of the answer was applied")
    if block.kind == "FILE":
        _check_unfenced(block.body)
        return Edit(number, path, "whole", replace=block.body)
    if block.kind == "DELETE":
        if any(line.strip() for line in block.body):
            raise _NoBlockError("a deletion has no lines between its markers")
        return Edit(number, path, "delete")
    at = _divider(block)
    search, replace = block.body[:at], block.body[at + 1 :]
    if in_fence and _ends_fence(search, replace, tail):
        raise _NoBlockError(f"its code fence ends before the line {end}")
    if not any(line.strip() for line in search):
        _check_unfenced(replace)
    return Edit(number, path, "replace", search, replace)


def _check_unfenced(body: Sequence[str]) -> None:
    """Refuse a whole file that stands in a fence within its markers: it would have the fence's lines."""
    told = [line for line in body if line.strip()]
    if len(told) > 1 and FENCE.search(told[0]) and FENCE.search(told[-1]):
        raise _NoBlockError("a code fence stands within its markers: put it around them, or leave it out")


def _divider(block: _Block) -> int:
    """The line of the body that parts what is found from what replaces it."""
    found = _dividers(block)
    if not found:
        raise _NoBlockError("no line ======= parts what is to be found from what replaces it")
    if len(found) > 1:
        exact = [at for at in found if _width(block.body[at]) == block.signs]
        if len(exact) > 1:  # a heading may begin behind the divider, and never ends before it
            exact = [at for at in exact if at == 0 or len(block.body[at - 1].strip()) != block.signs]
        others = (at for at in found if at not in exact)
        if len(exact) != 1 or not all(_underlines(block.body, at) for at in others):
            raise _NoBlockError(f"more than one line could be its =======: {NINE}")
        found = exact
    return found[0]


def _dividers(block: _Block) -> list[int]:
    """All lines that may be the divider. Whole merge conflicts in the text have their own."""
    body = block.body
    if block.signs == SURE:
        return [at for at, line in enumerate(body) if _width(line) == SURE]
    found, inner = [], -1  # dividers of the conflict that a line stands in, -1 outside of any
    for at, line in enumerate(body):
        if CONFLICT.search(line):
            if (line[0] == "<") == (inner >= 0) or (line[0] == ">" and inner != 1):
                break
            inner = 0 if line[0] == "<" else -1
        elif _width(line):
            found += [at] if inner < 0 else []
            inner += inner >= 0
    else:
        if inner < 0 and (found or not any(map(CONFLICT.search, body))):
            return found
    raise _NoBlockError(f"it holds markers of a merge conflict: {NINE}")


def _width(line: str) -> int:
    found = DIVIDER.search(line)
    return len(found[1]) if found else 0


def _underlines(body: Sequence[str], at: int) -> bool:
    """Whether a line of signs belongs to a heading above or below it."""
    around = [body[n].strip() for n in (at - 1, at + 1) if 0 <= n < len(body)]
    return any(text.strip("=") and len(text) == _width(body[at].strip()) for text in around)


def _ends_fence(search: Sequence[str], replace: Sequence[str], tail: Sequence[str]) -> bool:
    """Whether the last line of a block is the end of the fence around it, and not one of the file's."""
    counts = [sum(bool(FENCE.search(line)) for line in part) for part in (search, replace)]
    last, after = (next((x for x in part if x.strip()), "") for part in (reversed(replace), tail))
    closes = FENCE.search(last)
    return bool(closes and not closes[2] and (counts[1] - counts[0]) % 2 and not FENCE.search(after))


def _outside(lines: Sequence[str], blocks: Sequence[_Block]) -> list[str]:
    """The lines that are in no block, with an empty one for each block."""
    found: list[str] = []
    end = 0
    for block in blocks:
        found += [*lines[end : block.start], ""]
        end = block.end
    return [*found, *lines[end:]]


def _told(outside: Sequence[str], word: str) -> str:
    """What stands behind the first `word:`, up to an empty line, a fence or a path."""
    for at, line in enumerate(outside):
        found = TOLD.search(line)
        if found and found[1].upper() == word:
            told = [found[2]]
            for more in outside[at + 1 :]:
                if not more.strip() or FENCE.search(more) or path_in(more) or TOLD.search(more):
                    break
                told.append(more)
            return " ".join(" ".join(told).split()) or "(no reason given)"
    return ""


def _is_cut(lines: Sequence[str], end: int, opened: int) -> bool:
    """Whether something was begun behind the last block, which has this end: a fence, a marker, a path."""
    last = next((line for line in reversed(lines[end:]) if line.strip()), "")
    return opened >= end or bool(BEGUN.search(last)) or bool(path_in(last))


def _fences(lines: Sequence[str], blocks: Sequence[_Block]) -> list[int]:
    """For each block, and for the end of the answer: where the fence around it begins, -1 where it stands in none."""
    found, end = [], 0
    opened, signs = -1, ""
    for start, behind in [*((b.start, b.end) for b in blocks), (len(lines), 0)]:
        for at in range(end, start):
            fence = FENCE.search(lines[at])
            if fence and opened >= 0 and not fence[2].strip() and fence[1].startswith(signs):
                opened = -1
            elif fence:
                opened, signs = at, fence[1]
        found.append(opened)
        end = behind
    return found
