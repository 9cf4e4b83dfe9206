"""One pass over the raw bytes of a log: which lines hold something of interest, with their numbers and offsets.

Lines end where `str.splitlines()` of the decoded text ends them. That can be told from the bytes alone, also in invalid
UTF-8: the first bytes of a break (0x0a-0x0d, 0x1c-0x1e, 0xc2, 0xe2) are never continuation bytes, so a decoder always
starts anew at them. Breaks other than a newline are rare; they are found by the same automaton that looks for the
interesting lines, and so cost nothing where there are none.
"""

import os
from collections.abc import Generator, Iterator
from typing import BinaryIO, NamedTuple

from bot.text.patterns import compile_pattern, finder

BLOCK = 1 << 18  # bytes read at a time
LONGEST = 4 << 20  # a line longer than this is scanned in pieces
CLIP_BEFORE, CLIP_AFTER = 2000, 4000  # bytes of a long line that are kept around what was found in it

_ODD = rb"[\x0b\x0c\x1c-\x1e]|\r(?:[^\n]|\z)|\xc2\x85|\xe2\x80[\xa8\xa9]"
_ODD_BREAK = compile_pattern(_ODD, raw=True)
_ANY_BREAK = compile_pattern(rb"\r\n|[\n-\r\x1c-\x1e]|\xc2\x85|\xe2\x80[\xa8\xa9]", raw=True)
_find_break = finder(_ANY_BREAK)
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS} ".encode()
_BREAKS = (b"\n", b"\r", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
_PERHAPS_BREAKS = b"\x0b\x0c\x1c\x1d\x1e\r\xc2\xe2"  # one of them begins each break but a newline
_ODD_FIRST = frozenset(_PERHAPS_BREAKS)


class RawLine(NamedTuple):
    """A line as it stands in the file, without its end: number from 1, offset of its first byte."""

    number: int
    offset: int
    data: bytes


class Scanner:
    """Finds the lines in which any of some patterns stands.

    `near` are re2 patterns over raw bytes; they must not match across a newline. A line of more than some kilobytes
    comes clipped around the find, with an ellipsis in front when its start is missing, so that `^` cannot match there.
    """

    def __init__(self, near: list[bytes]) -> None:
        # Sorted, as re2 shares the beginnings of neighbours only: the automaton is built in half the time.
        self._find = finder(compile_pattern(b"|".join([_ODD, *sorted(set(near))]), raw=True))

    def lines(self, file: BinaryIO) -> Iterator[RawLine]:
        """Yield the interesting lines of `file`, from its present position on, each once."""
        number, offset, torn = 1, 0, False
        for block in blocks(file):
            number = yield from self._block(block, offset, number, torn)
            offset += len(block)
            torn = block[-1] != 0x0A

    def _block(self, data: bytes, base: int, number: int, torn: bool) -> Generator[RawLine, None, int]:
        counted = start = pos = 0
        size = len(data)
        while pos < size:
            at, end = self._find(data, pos)[0]
            if at < 0:
                break
            if newlines := data.count(b"\n", counted, at):
                number += newlines
                start = data.rfind(b"\n", counted, at) + 1
            counted = at
            if data[at] in _ODD_FIRST and (odd := _ODD_BREAK.match(data, at)):
                pos = counted = start = odd.end() if data[at] > 0x7F else at + 1
                number += 1
                continue
            stop = data.find(b"\n", at)
            if stop < 0 or len(text := data[at:stop]) != len(text.translate(None, _PERHAPS_BREAKS)):
                stop = _line_end(data, at)
            text = data[start:stop] if stop - start <= CLIP_BEFORE + CLIP_AFTER else _clip(data, start, at, stop)
            yield RawLine(number, base + start, text if start or not torn else _ELLIPSIS + text)
            pos = max(stop, end)
        return number + data.count(b"\n", counted)


def _line_end(data: bytes, at: int) -> int:
    """Return where the line ends that `at` is in."""
    stop = _find_break(data, at)[0][0]
    return len(data) if stop < 0 else stop


def _clip(data: bytes, start: int, at: int, stop: int) -> bytes:
    """Return what is kept of a long line."""
    if at - start <= CLIP_BEFORE:
        return data[start : start + CLIP_BEFORE + CLIP_AFTER]
    return _ELLIPSIS + data[at - CLIP_BEFORE : min(stop, at + CLIP_AFTER)]


def blocks(file: BinaryIO) -> Iterator[bytes]:
    """Read a seekable `file` in blocks that end after a newline, or, in a very long line, between two characters."""
    size = BLOCK
    while piece := file.read(size):
        cut = piece.rfind(b"\n") + 1
        if len(piece) < size:  # the end of the file
            cut = len(piece)
        elif not cut and size < LONGEST:
            size *= 2
        else:
            cut = cut or _between_characters(piece)
            size = BLOCK
        if cut < len(piece):
            file.seek(cut - len(piece), os.SEEK_CUR)
        if cut:
            yield piece[:cut]


def _between_characters(piece: bytes) -> int:
    """Return a place near the end of `piece` where no break of several bytes is torn apart."""
    cut = len(piece) - 3
    for _ in range(2):
        cut -= piece[cut - 1] in b"\xc2\xe2" or piece[cut - 2] == 0xE2
    return cut + (piece[cut - 1 : cut + 1] == b"\r\n")


def count_breaks(data: bytes) -> int:
    """Count the ends of lines in a block, as `str.splitlines()` does."""
    return sum(map(data.count, _BREAKS)) - data.count(b"\r\n")


def spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the lines of `data` begin and end (without their breaks), as `str.splitlines()` counts them."""
    start = 0
    for match in _ANY_BREAK.finditer(data):
        yield start, match.start()
        start = match.end()
    if start < len(data):
        yield start, len(data)
