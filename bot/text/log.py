"""A log that can be passed over once and then be read in places: the two ways in which a diagnosis needs it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import BinaryIO, NamedTuple

from bot.text.clean import bare, cut_for, readable
from bot.text.scan import RawLine, Scanner, blocks, count_breaks, spans
from bot.text.source import Opened, Part, Source, open_source

WIDEST = 4000  # characters of a line that are read; the rest of it is left out

_WINDOW = 1 << 18  # the most bytes to either side of a place that are read for the lines around it


class Line(NamedTuple):
    """A line as people see it: number (from 1), offset of its first byte, text without stamp and colours."""

    number: int
    offset: int
    text: str


class Log:
    """An opened log. `job` and `parts` are what its source tells of the job and its steps (only a zip does)."""

    def __init__(self, opened: Opened) -> None:
        self._file: BinaryIO = opened.file
        self._fd = opened.file.fileno()
        self.job: str = opened.job
        self.parts: tuple[Part, ...] = opened.parts
        self.size: int = os.fstat(self._fd).st_size
        self.bare = cut_for(os.pread(self._fd, 1 << 14, 0)) if self.size else bare

    def clean(self, raw: bytes) -> bytes:
        """Return a raw line as people see it, in valid UTF-8."""
        return readable(self.bare(raw))

    def scan(self, scanner: Scanner) -> Iterator[RawLine]:
        """Pass over the whole log and yield the lines that `scanner` is after."""
        self._file.seek(0)
        return scanner.lines(self._file)

    def around(self, number: int, offset: int, before: int, after: int) -> list[Line]:
        """Return the line that begins at `offset`, which is line `number`, with so many lines before and after it.

        Fewer come back at the ends of the log, and where lines are so long that they pass the window.
        """
        earlier = self._before(offset, before) if before else []
        later = self._after(offset, after)
        return [Line(number - len(earlier) + i, at, self.text(raw)) for i, (at, raw) in enumerate(earlier + later)]

    def last(self, count: int) -> list[Line]:
        """Return the last lines of the log. They are numbered from the end of a pass: none has to have been made."""
        earlier = self._before(self.size, count)
        first = self._count_until(earlier[0][0]) + 1 if earlier else 1
        return [Line(first + i, at, self.text(raw)) for i, (at, raw) in enumerate(earlier)]

    def _count_until(self, offset: int) -> int:
        """Count the lines that end before `offset`."""
        self._file.seek(0)
        number = 0
        for block in blocks(self._file):
            number += count_breaks(block[: max(0, offset)])
            offset -= len(block)
            if offset <= 0:
                break
        return number

    def _before(self, offset: int, count: int) -> list[tuple[int, bytes]]:
        for size in _windows(count):
            start = max(0, offset - size)
            data = os.pread(self._fd, offset - start, start)
            found = list(spans(data))
            if start and len(found) > 1:
                found = found[1:]  # the first one is most likely only the end of a line
            if len(found) >= count or not start:
                break
        return [(start + a, data[a:b]) for a, b in found[max(0, len(found) - count) :]]

    def _after(self, offset: int, count: int) -> list[tuple[int, bytes]]:
        for size in _windows(count):
            data = os.pread(self._fd, size, offset)
            found = list(islice(spans(data), count + 2))
            if len(found) > count + 1 or len(data) < size:
                break
        return [(offset + a, data[a:b]) for a, b in found[: count + 1]]

    def text(self, raw: bytes) -> str:
        """Return a raw line as people see it, cut at `WIDEST` characters."""
        return self.clean(raw[: WIDEST * 2]).decode()[:WIDEST]


def _windows(lines: int) -> Iterator[int]:
    """Yield growing sizes: most lines are short, and reading much for each of many places would be slow."""
    yield min(_WINDOW, 2048 + 300 * lines)
    yield _WINDOW


@contextmanager
def open_log(source: Source, *, job: str = "") -> Iterator[Log]:
    """Open whatever holds a log; see `open_source` for what that can be and what is raised."""
    with open_source(source, job=job) as opened:
        yield Log(opened)
