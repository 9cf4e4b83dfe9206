"""Problem matchers, with which GitHub marks the errors of a log, as signatures.

A matcher file is `{problemMatcher: [{owner, severity, pattern: [{regexp, file, line, column, severity, code, message,
loop}]}]}`: groups are told by number. Of a matcher of several lines the last pattern has the message, and it alone is a
cause; one before it that has the file is its heading. The runner writes a line that matched behind `##[error]` or
`##[warning]`. Patterns that re2 does not have are left out.
"""

import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from bot.diagnosis.signatures import Signature
from bot.text.patterns import compile_pattern

_WEIGHT = {"error": 83, "warning": 40}
_NEAR = ("##[error]", "##[warning]", "rror")
_FIELDS = {"file": "file", "fromPath": "path", "line": "line", "column": "column", "code": "code", "message": "message"}
_MARK = r"(?:##\[(?:error|warning)\])?"
_MOST_FILES, _MOST_LOOKED_AT, _MOST_BYTES, _LONGEST = 50, 2000, 200_000, 1000
_ADDED = compile_pattern(r"::add-matcher::([\w./-]+)")


def read_matchers(root: Path) -> list[Signature]:
    """Return the matchers of a checkout: of `.github/**/*.json`, and of files that its workflows add."""
    found: dict[str, Signature] = {}
    for path in _files(root):
        for row in _matchers(_text(root, path)):
            for signature in _signature(row):
                found[signature.id] = signature
    return list(found.values())


def _files(root: Path) -> Iterator[Path]:
    github = root / ".github"
    if github.is_symlink():
        return
    below = (Path(folder, name) for folder, _, names in os.walk(github) for name in names)  # follows no links
    files = sorted(islice(below, _MOST_LOOKED_AT))
    yield from [path for path in files if path.suffix == ".json"][:_MOST_FILES]
    for workflow in [path for path in files if path.suffix in {".yml", ".yaml"}][:_MOST_FILES]:
        for match in islice(_ADDED.finditer(_text(root, workflow)), _MOST_FILES):
            yield root / (match.group(1) or b"").decode()


def _text(root: Path, path: Path) -> bytes:
    """Read a file of the checkout, not one that a link or `..` leads to elsewhere."""
    try:
        if not path.resolve().is_relative_to(root.resolve()) or not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except (OSError, RuntimeError):  # a link to itself is the latter, up to Python 3.12
        return b""


def _matchers(text: bytes) -> Iterator[dict[str, Any]]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return
    rows = data.get("problemMatcher") if isinstance(data, dict) else None
    yield from (row for row in rows or () if isinstance(row, dict)) if isinstance(rows, list) else ()


def _signature(matcher: dict[str, Any]) -> Iterator[Signature]:
    patterns, owner = matcher.get("pattern"), matcher.get("owner")
    *above, last = patterns if isinstance(patterns, list) and patterns else [patterns]
    if not isinstance(owner, str) or not (pattern := _pattern(owner, last)):
        return
    severity = str(matcher.get("severity", "error")).lower()
    yield Signature(f"{owner}.matcher", "cause", None, _WEIGHT.get(severity, 40), _NEAR, pattern)
    headings = (_pattern(owner, one) for one in above if isinstance(one, dict) and "file" in one)
    for number, heading in enumerate(filter(None, headings)):
        yield Signature(f"{owner}.matcher-heading-{number}", "detail", None, 0, (), heading)


def _pattern(owner: str, row: Any) -> str:
    """The pattern of a row for re2, with the names of its groups; empty when there is none."""
    if not isinstance(row, dict) or not isinstance(row.get("regexp"), str):
        return ""
    if not (owner + row["regexp"]).isprintable():  # half of a character cannot be encoded
        return ""
    pattern = _named(row["regexp"], {row[key]: name for key, name in _FIELDS.items() if isinstance(row.get(key), int)})
    try:
        compile_pattern(pattern)
    except ValueError:  # a look-around, a back-reference
        return ""
    return pattern if len(pattern) <= _LONGEST else ""


def _named(pattern: str, names: dict[int, str]) -> str:
    """Name the groups of a regular expression of JavaScript, and let it match behind the runner's mark."""
    parts, group, index, in_class = [_MARK] if pattern.startswith("^") else [], 0, 0, False
    while index < len(pattern):
        char, step = pattern[index], 1
        if char == "\\":
            step = 2
        elif char in "[]":
            in_class = char == "[" or (in_class and char != "]")
        elif char == "(" and not in_class and (pattern[index + 1 : index + 2] != "?" or _is_named(pattern[index:])):
            group += 1
            step = pattern.index(">", index) - index + 1 if _is_named(pattern[index:]) else 1
            char = f"(?P<{names[group]}>" if group in names else "("
            parts.append(char)
            index += step
            continue
        parts.append(pattern[index : index + step])
        index += step
    return ("^" + "".join(parts).replace("^", "", 1)) if pattern.startswith("^") else "".join(parts)


def _is_named(rest: str) -> bool:
    return rest.startswith("(?<") and rest[3:4] not in {"=", "!", ""} and ">" in rest
