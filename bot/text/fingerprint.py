"""What makes two failures the same one: the text without all that differs from run to run.

`v1` masks times, durations, hashes, addresses, temporary paths, homes and workspaces, ports, counters, line numbers and
every other number. What is left of the failure and its symbols is hashed. A change of the masks needs a new version.
"""

import hashlib
from collections.abc import Iterable

from bot.text.patterns import Match, compile_pattern

VERSION = "v1"

_WORKSPACES = (
    r"/(?:home|Users)/[^/\s]+/work/[^/\s]+/[\w.-]+/?|/__w/[^/\s]+/[\w.-]+/?|/github/workspace/?|/builds/[^/\s]+/[\w.-]+/?"
    r"|/(?:home/[^/\s]+|root)/project/?|/home/travis/build/[^/\s]+/[\w.-]+/?"
    r"|[A-Za-z]:/+(?:a|actions-runner/+_work)/+[^/\s]+/+[\w.-]+/*"
)
_MASKS = {
    "workspace": _WORKSPACES,
    "tmp": (
        r"(?:/private)?/var/folders/[\w+/.-]+|(?:/private)?/tmp/[\w+@/.-]+|/dev/shm/[\w/.-]+|[\w/.-]*/_temp/[\w/.-]+"
        r"|[A-Za-z]:[\\/][^\s\"']*?[\\/](?:Temp|TEMP|_temp)[\\/][^\s\"':]+"
    ),
    "home": r"(?:/home/|/Users/)[^/\s:\"']+/|/root/",
    "time": (
        r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
        r"|\b\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?\b"
    ),
    "id": r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b",
    "address": r"\b0x[0-9a-fA-F]+\b",
    "hash": r"\b[0-9a-f]{7,128}\b|\b[0-9A-F]{16,128}\b",
    "duration": (r"\b\d+(?:[.,]\d+)?\s?(?:ns|us|µs|ms|s|sec|secs|second|seconds|m|min|mins|minute|minutes|h|hours?)\b"),
    "number": r"\bv?\d[\d_,]*(?:\.\d+)*",
}
_MASK = compile_pattern("|".join(f"(?P<{name}>{pattern})" for name, pattern in _MASKS.items()))
_NAMES = {index: name for name, index in _MASK.groupindex.items()}


def mask(text: str) -> str:
    """Return one line with everything that differs between runs of the same failure replaced by what kind it is."""
    data = text.replace("\\", "/").encode("utf-8", "replace")  # one form of path for all systems
    return b" ".join(_MASK.sub(_masked, data).split()).decode().strip()


def fingerprint(*kinds: str, message: str, symbols: Iterable[str] = ()) -> str:
    """Return `v1:` and 16 hex digits for a failure: words that say what kind it is, its message, its symbols.

    Symbols are names of tests, files or functions; neither their order nor how often they come matters.
    """
    told = [*kinds, mask(message), *sorted({mask(symbol) for symbol in symbols})]
    return f"{VERSION}:{hashlib.sha256(chr(0).join(told).encode()).hexdigest()[:16]}"


def _masked(match: Match) -> bytes:
    name = _NAMES[match.lastindex or 0]
    text = match.group() or b""
    if name == "workspace":
        return b""  # so that a path in it is the same as the path from its root
    if name == "hash" and (text.isalpha() or text.isdigit()):
        return text if text.isalpha() else b"<number>"  # a word such as `defaced`, a long number
    return b"<%s>" % name.encode()
