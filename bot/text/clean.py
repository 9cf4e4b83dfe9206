"""Make bytes of a log readable: the runner's time stamps, colours and other escapes taken off; nothing else changed.

Formats: GitHub stamps every line `2024-01-31T12:00:00.1234567Z ` (a byte order mark may stand before it, at the start
of the file and wherever the runner joined two files); `gh run view --log` puts `job<TAB>step<TAB>` before the stamp;
act writes `[workflow/job]   | ` before output. Escapes: ECMA-48 (CSI, OSC, DCS and the two-byte ones).
"""

from collections.abc import Callable
from datetime import UTC, datetime

from bot.text.patterns import Pattern, compile_pattern

Cut = Callable[[bytes], bytes]
"""Takes one raw line, gives what stands behind its prefix and time stamp."""

_PARAMETERS = bytes(range(0x20, 0x40))  # parameter and intermediate bytes of a control sequence
_STRINGS = b"]PX^_"  # OSC, DCS, SOS, PM, APC: up to BEL or ST
_CONTROLS = bytes(range(0x09)) + bytes(range(0x0A, 0x20)) + b"\x7f"
_CARET = compile_pattern(rb"\^\[\[[\d;]*[mK]", raw=True)  # a log that went through `cat -v` or a viewer
_BOM = b"\xef\xbb\xbf"
_STAMP = compile_pattern(rb"^(?:\xef\xbb\xbf)?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z)(?: |$)", raw=True)
_T, _POINT, _Z, _SPACE = b"T.Z "  # where GitHub's stamp has them, they are asked for without the pattern
_GH = compile_pattern(rb"^[^\t]{1,300}\t[^\t]{1,300}\t(?:\xef\xbb\xbf)?", raw=True)
_ACT = compile_pattern(rb"^\[[^\]]{1,300}\] {1,3}(?:\| )?", raw=True)


def strip_escapes(raw: bytes) -> bytes:
    """Return `raw` without terminal escape sequences; an unfinished one takes the rest of the line with it."""
    if b"\x1b" not in raw:
        return raw
    head, *rest = raw.split(b"\x1b")
    kept = [head]
    in_string = False
    for part in rest:
        if in_string:  # only ST (`ESC \`) ends it here; a BEL would have ended it below
            in_string = part[:1] != b"\\"
            kept.append(b"" if in_string else part[1:])
        elif part[:1] == b"[":
            kept.append(part[1:].lstrip(_PARAMETERS)[1:])
        elif part[:1] and part[:1] in _STRINGS:
            _, bell, text = part.partition(b"\x07")
            in_string = not bell
            kept.append(text)
        else:
            kept.append(part.lstrip(b" !\"#$%&'()*+,-./")[1:])
    return b"".join(kept)


def stamp_end(raw: bytes) -> int:
    """Return how many bytes of `raw` are byte order mark and time stamp."""
    match = _STAMP.match(raw) if raw[:3] == _BOM or raw[4:5] == b"-" else None
    if match:
        return match.end()
    return 3 if raw[:3] == _BOM else 0


def stamp_of(raw: bytes) -> datetime | None:
    """Return the time that stands at the start of a raw line, or None."""
    match = _STAMP.match(raw)
    if match is None:
        return None
    try:
        return datetime.fromisoformat((match.group(1) or b"")[:-1][:26].decode()).replace(tzinfo=UTC)
    except ValueError:  # 2024-13-45 has the form and is no date
        return None


def clean(raw: bytes) -> bytes:
    """Return a line of GitHub's log, or of any other, without stamp, escapes and control characters, in valid UTF-8."""
    return readable(bare(raw))


def bare(raw: bytes) -> bytes:
    """Return a raw line without byte order mark and time stamp."""
    if len(raw) > 28 and raw[27] == _Z and raw[28] == _SPACE and raw[10] == _T and raw[19] == _POINT:
        return raw[29:]
    return raw[stamp_end(raw) :]


def cut_for(head: bytes) -> Cut:
    """Choose from the first kilobytes of a log what is cut off its lines."""
    lines = [line for line in head.split(b"\n")[:50] if line.strip()]
    if sum(_GH.match(line) is not None and stamp_end(_without(_GH, line)) > 3 for line in lines) > len(lines) / 2:
        return lambda raw: bare(_without(_GH, raw))
    if sum(_ACT.match(line) is not None for line in lines) > len(lines) / 2 and any(
        b"] \xe2\xad\x90" in x for x in lines
    ):
        return lambda raw: bare(_without(_ACT, raw))
    return bare


def readable(text: bytes) -> bytes:
    """Return text without escapes and control characters, in valid UTF-8."""
    if b"\x1b" in text:
        text = strip_escapes(text)
    if b"^[[" in text:
        text = _CARET.sub(b"", text)
    text = text.translate(None, _CONTROLS)
    return text if text.isascii() else text.decode("utf-8", "replace").encode()


def _without(prefix: Pattern, raw: bytes) -> bytes:
    match = prefix.match(raw)
    return raw[match.end() :] if match else raw
