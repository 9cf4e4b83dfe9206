"""Git's binary patches: how large they claim to get (before git unpacks them), and writing one.

The form is described in git's diff.c (`emit_binary_diff_body`) and Documentation/gitformat-pack (deltas): after
`GIT binary patch` come `literal SIZE` or `delta SIZE` and lines of base 85 that hold a deflated stream. A delta starts
with the sizes of source and result, seven bits a byte.
"""

import base64
import binascii
import zlib
from collections.abc import Iterator

import re2

HUNK = re2.compile(r"(?m)^(literal|delta) ([0-9]+)\r?\n([^\n]*)")
LINE = 52  # bytes of deflated data per line
PEEK = 32  # bytes that hold both sizes of a delta


def claimed_sizes(diff: str) -> Iterator[int]:
    """Yield the bytes of each blob that a binary hunk of `diff` would make; unreadable hunks count as endless."""
    for hunk in HUNK.finditer(diff):
        yield int(hunk.group(2)[:18])
        if hunk.group(1) == "delta":
            yield _result_size(hunk.group(3))


def _result_size(first_line: str) -> int:
    endless = 1 << 62
    try:
        data = base64.b85decode(first_line.rstrip("\r")[1:])
        head = zlib.decompressobj().decompress(data, PEEK)
    except (ValueError, zlib.error, binascii.Error):
        return endless
    sizes, value, shift = [], 0, 0
    for byte in head:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            sizes.append(value)
            value = shift = 0
    return sizes[1] if len(sizes) > 1 else endless


def binary_patch(header: str, old: bytes, new: bytes) -> str:
    """Write the patch of one file as ASCII: `header` (up to and with the index line), then both contents whole."""
    return f"{header}GIT binary patch\n{_literal(new)}\n{_literal(old)}\n"


def _literal(content: bytes) -> str:
    packed = zlib.compress(content)
    lines = [packed[i : i + LINE] for i in range(0, len(packed), LINE)]
    return f"literal {len(content)}\n" + "".join(
        f"{_length(x)}{base64.b85encode(x, pad=True).decode()}\n" for x in lines
    )


def _length(line: bytes) -> str:
    return chr(ord("A") + len(line) - 1) if len(line) <= 26 else chr(ord("a") + len(line) - 27)
