"""Compilers in commands: whether they still warn of as much, and still take their warnings for errors."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import re2

from bot.repair.guard.shell import Command

COMPILER = re2.compile(
    r"^[@+-]*(?:\$[({](?:CC|CXX|JAVAC|RUSTC)[)}]|(?:.*/)?(?:[\w-]+-)?(?:cc|gcc|g\+\+|c\+\+|clang|clang\+\+|javac|rustc)(?:-\d+)?)$"
)
STRICT = re2.compile(
    r"^-(?:W(?:error\b.*|all|extra|pedantic)|pedantic-errors|Xlint(?:|:all)|fsanitize=.+)$|^-Dwarnings$"
)
LAX = re2.compile(r"^-(?:w|Wno-.+|fno-sanitize.*=.+|nowarn|Xlint:(?:none|-.+)|Awarnings|DNDEBUG)$")
ELSEWHERE = re2.compile(r"\$[({]?\w*(?:FLAGS|OPTS|OPTIONS|WARN)\w*")
"""A variable that may hold the options: its own value is compared where it stands."""


def compilers(before: Sequence[Command], after: Sequence[Command]) -> Iterator[tuple[int, str]]:
    """Yield (line, what) for options that compilers have lost or got; one that is not called any more lost none."""
    was, now = (_calls(side) for side in (before, after))
    lost = _options(was, STRICT) - _options(now, STRICT)
    for option in lost if len(now) >= len(was) else ():
        call = next((c for c in now if option not in c.words and not any(map(ELSEWHERE.search, c.words))), None)
        if call:
            yield call.line, f"`{call.words[0]}` lost {option}"
    for option in _options(now, LAX) - _options(was, LAX) if was else ():
        call = next(c for c in now if option in c.words)
        yield call.line, f"`{call.words[0]}` got {option}, which makes it find less"


def _calls(side: Sequence[Command]) -> list[Command]:
    return [command for command in side if COMPILER.search(command.words[0])]


def _options(calls: Sequence[Command], pattern: Any) -> Counter[str]:
    return Counter(w for call in calls for w in call.words if pattern.search(w))
