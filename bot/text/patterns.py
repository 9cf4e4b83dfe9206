"""The one door to re2, typed: every pattern that meets a log is compiled here, so none can take exponential time.

re2's syntax has no look-around and no back-references; `(?i)`, `(?m)`, `(?s)` and `(?P<name>...)` are as in `re`.
Patterns are matched against bytes: a str would be encoded anew at each call.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import re2

_LEAST, _MOST, _PER_BYTE = 1 << 18, 32 << 20, 1 << 11
"""How much the automaton of a pattern may cache, by the pattern's length: there are a thousand, and what a process that
lives long has met stays."""


class Match(Protocol):
    """What `re.Match` has, of bytes."""

    def group(self, group: int | str = 0, /) -> bytes | None:
        """Return what a group matched, None when it took no part."""

    def groupdict(self) -> dict[str, bytes | None]:
        """Return the named groups."""

    def start(self, group: int | str = 0, /) -> int:
        """Return where a group begins, -1 when it took no part."""

    def end(self, group: int | str = 0, /) -> int:
        """Return where a group ends."""

    def span(self, group: int | str = 0, /) -> tuple[int, int]:
        """Return both."""

    @property
    def lastindex(self) -> int | None:
        """The number of the last group that took part."""


class Pattern(Protocol):
    """What `re.Pattern` has, of bytes."""

    def search(self, data: bytes, pos: int = 0, endpos: int = ..., /) -> Match | None:
        """Find the first match anywhere."""

    def match(self, data: bytes, pos: int = 0, endpos: int = ..., /) -> Match | None:
        """Match at `pos`."""

    def fullmatch(self, data: bytes, pos: int = 0, endpos: int = ..., /) -> Match | None:
        """Match all of it."""

    def finditer(self, data: bytes, pos: int = 0, endpos: int = ..., /) -> Iterator[Match]:
        """Find all matches, left to right."""

    def sub(self, new: Any, data: bytes, count: int = 0, /) -> bytes:
        """Replace matches by bytes, or by what a function makes of each."""

    @property
    def groupindex(self) -> dict[str, int]:
        """The numbers of the named groups."""


class Finder(Protocol):
    """See `finder`."""

    def __call__(self, data: bytes, start: int = 0) -> list[tuple[int, int]]:
        """Find the first match from `start` on."""


def compile_pattern(pattern: str | bytes, *, raw: bool = False) -> Pattern:
    """Compile for UTF-8 text, or (`raw`) for bytes of any kind, where `.` is any byte but a newline.

    Groups are named by str when the pattern is a str. Raises ValueError, with re2's words, when it is not valid.
    """
    try:
        compiled: Pattern = re2.compile(_bytes(pattern) if raw else pattern, _options(len(pattern), raw=raw))
    except re2.error as error:
        raise ValueError(_text(error)) from None
    return compiled


def escape(text: bytes) -> bytes:
    """Return a pattern that matches exactly `text`."""
    quoted: bytes = re2.escape(text)
    return quoted


def finder(pattern: Pattern) -> Finder:
    """Return what tells where a pattern stands next from a place on: the spans of all of it and of each group.

    What took no part has (-1, -1), as all have where the pattern stands nowhere. It is `search` for where every byte
    of a log is passed, or much is asked: re2's own call, without the generator and the object for each match around it,
    which cost more than the search.
    """
    inner = pattern._regexp  # type: ignore[attr-defined]  # noqa: SLF001 (there is no public way to it)
    match, anywhere = inner.Match, inner.Anchor.UNANCHORED

    def find(data: bytes, start: int = 0) -> list[tuple[int, int]]:
        spans: list[tuple[int, int]] = match(anywhere, data, start, len(data))
        return spans

    return find


class PatternSet:
    """Many patterns asked at once: one pass over the text, whatever their number."""

    def __init__(self, patterns: Iterable[str | bytes], *, raw: bool = False) -> None:
        given = [_bytes(pattern) for pattern in patterns]
        self._set = re2.Set.SearchSet(_options(sum(map(len, given)), raw=raw))
        count = 0
        for pattern in given:
            try:
                self._set.Add(pattern)
            except re2.error as error:
                raise ValueError(_text(error)) from None
            count += 1
        self._empty = not count  # re2 refuses to compile nothing
        if count:
            self._set.Compile()

    def matching(self, data: bytes) -> list[int]:
        """Return the indexes of the patterns that stand somewhere in `data`, in no certain order."""
        found: list[int] = [] if self._empty else self._set.Match(data) or []
        return found


def _options(length: int, *, raw: bool) -> Any:
    options = re2.Options()
    options.max_mem = min(max(_LEAST, length * _PER_BYTE), _MOST)
    options.log_errors = False
    if raw:
        options.encoding = re2.Options.Encoding.LATIN1
    return options


def _bytes(pattern: str | bytes) -> bytes:
    return pattern.encode() if isinstance(pattern, str) else pattern


def _text(error: Exception) -> str:
    word = error.args[0] if error.args else error
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else str(word)
