"""Takes secrets out of text before it leaves the process: known values in every usual encoding, then known forms.

A value that the terminal shows whole may stand broken in the bytes: colours, zero-width characters and the like are
looked through. What is found becomes `***`; newlines inside it stay, so that line numbers keep their meaning.
"""

import base64
import html
import json
import shlex
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from urllib.parse import quote, quote_plus

from bot.text.patterns import Pattern, compile_pattern
from bot.text.secrets import PLACES, TOKENS

MASK = "***"
SHORTEST = 4  # characters of a known value that are still looked for: shorter ones stand everywhere by chance
_SHORTEST_CODED = 6  # characters of an encoded one

_INVISIBLE = (  # characters that no reader sees
    r"[\x{ad}\x{34f}\x{61c}\x{180e}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2064}\x{2066}-\x{206f}\x{feff}\x00]"
)
_ZERO_WIDTH = compile_pattern(_INVISIBLE)
_HIDDEN = compile_pattern(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])?|" + _INVISIBLE
)
_PARAMETERS = bytes(range(0x20, 0x40))  # of a control sequence: what stands before its last byte

Span = tuple[int, int]


@cache
def _rules() -> tuple[Pattern, Pattern]:
    """What secrets look like, in two passes: a place that begins before a token must not take a part of it only."""
    return compile_pattern("|".join(TOKENS.values())), compile_pattern("|".join(PLACES.values()))


class Redactor:
    """Replaces secrets in text. `values` are the known ones; what merely looks like a secret is replaced without them.

    Values of several lines are also looked for line by line. Values under `SHORTEST` characters are left alone.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values for whole in _wholes(value) for form in encodings(whole)}
        self._known: Pattern | None = None
        if forms:
            longest_first = sorted((form.encode("utf-8", "replace") for form in forms), key=lambda f: (-len(f), f))
            self._known = compile_pattern(b"|".join(map(_literal, longest_first)), raw=True)

    def __repr__(self) -> str:
        return "Redactor(...)"

    def __call__(self, text: str) -> str:
        """Return `text` with `***` for every secret; the number of its lines stays as it is."""
        data = text.encode("utf-8", "surrogatepass")
        found = list(self._find(data))
        if not data.isascii() or b"\x1b" in data or b"\x00" in data:
            found += self._find_broken(data, found)
        return _replace(data, found).decode("utf-8", "surrogatepass") if found else text

    def _find(self, data: bytes) -> Iterator[Span]:
        if self._known:
            yield from (match.span() for match in self._known.finditer(data))
        for rules in _rules():
            yield from (match.span(match.lastindex or 0) for match in rules.finditer(data))

    def _find_broken(self, data: bytes, found: list[Span]) -> Iterator[Span]:
        """Find what shows only when the invisible is left out; offsets are of `data` as it is."""
        bare = _without_colours(data)
        if bare is not None and [bare[a:b] for a, b in self._find(bare)] == [data[a:b] for a, b in found]:
            return  # the common case at a fraction of the price: nothing is broken
        kept, starts, origins, at, size = [], [], [], 0, 0
        for hidden in _HIDDEN.finditer(data):
            if hidden.start() > at:
                kept.append(data[at : hidden.start()])
                starts.append(size)
                origins.append(at)
                size += hidden.start() - at
            at = hidden.end()
        if not at:
            return
        kept.append(data[at:])
        starts.append(size)
        origins.append(at)
        for start, end in self._find(b"".join(kept)):
            first, last = bisect_right(starts, start) - 1, bisect_right(starts, end - 1) - 1
            yield start - starts[first] + origins[first], end - starts[last] + origins[last]


def _without_colours(data: bytes) -> bytes | None:
    """Leave out control sequences and what nobody sees; None when there are other escapes to leave out."""
    for mark in {match.group() or b"" for match in _ZERO_WIDTH.finditer(data)}:
        data = data.replace(mark, b"")
    head, *rest = data.split(b"\x1b")
    if any(b"\x20" <= part[:1] < b"\x7f" and part[:1] != b"[" for part in rest):
        return None
    return head + b"".join([part[1:].lstrip(_PARAMETERS)[1:] if part[:1] == b"[" else part for part in rest])


def encodings(value: str) -> set[str]:
    """Return the forms in which a value may stand in a log: as it is, base64, URL, JSON, shell, HTML and hex."""
    data = value.encode("utf-8", "surrogatepass")
    plain = json.dumps(value, ensure_ascii=False)[1:-1]
    forms = {
        value,
        plain,
        json.dumps(value)[1:-1],
        json.dumps(plain, ensure_ascii=False)[1:-1],  # JSON in JSON
        json.dumps(json.dumps(value)[1:-1])[1:-1],
        shlex.quote(value).removeprefix("'").removesuffix("'"),
        "".join(c if c.isalnum() or c in "_-./:=@%+," else f"\\{c}" for c in value),  # as `printf %q` writes it
        "".join(c if c.isalnum() or c == "_" else f"\\{c}" for c in value),
        html.escape(value),
    }
    for quoted in (quote(value, safe="", errors="replace"), quote(value, errors="replace")):
        forms |= {quoted, _lower_escapes(quoted)}
    forms.add(quote_plus(value, errors="replace"))
    coded = {data.hex(), data.hex().upper()}
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * shift + data).decode()
            # the first and last characters also hold bits of what stands before and behind the value
            coded.add(text[-(-shift * 8 // 6) : (shift + len(data)) * 8 // 6])
    return forms | {form for form in coded if len(form) >= _SHORTEST_CODED}


def _wholes(value: str) -> set[str]:
    found = {value, value.strip(), unicodedata.normalize("NFC", value)}
    found |= {line.strip() for line in value.splitlines()}
    return {part for part in found if len(part) >= SHORTEST and part.strip("* ")}


def _literal(form: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in form)


def _lower_escapes(quoted: str) -> str:
    head, *rest = quoted.split("%")
    return head + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)


def _replace(data: bytes, found: list[Span]) -> bytes:
    """Put the mask for every span, one for all that overlap, with the newlines that were inside."""
    out, at = [], 0
    for start, end in sorted(found):
        if start >= at:
            out += [data[at:start], MASK.encode()]
            at = start
        if end > at:
            out.append(b"\n" * data.count(b"\n", at, end))
            at = end
    return b"".join([*out, data[at:]])
