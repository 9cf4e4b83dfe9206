"""Comments and strings without a parser: linear in the text, for any text.

A family says how a language writes comments and strings. The lists come from the languages' references; a family that
is wrong about an odd corner sees a comment in a string or the reverse for one line, no more.
"""

from collections.abc import Iterator

import re2

from bot.repair.guard.facts import TooComplex

QUOTES = frozenset("\"'`")
MOST = 40_000  # comments and strings of one file
STRING = r'"(?:[^"\\\n]|\\.)*"'
SINGLE = r"'(?:[^'\\\n]|\\.)*'"
CHARACTER = r"'(?:[^'\\\n]|\\[^\n][^'\n]{0,8})'"  # one character; Rust's lifetimes are not strings
FAMILIES = {
    "python": rf'(?s)(?P<comment>#[^\n]*)|"""(?:[^\\]|\\.)*?"""|\'\'\'(?:[^\\]|\\.)*?\'\'\'|{STRING}|{SINGLE}',
    "hash": rf"(?m)(?P<comment>(?:^|[ \t;])#[^\n]*)|{STRING}|'[^'\n]*'",
    "slash": rf"(?s)(?P<comment>//[^\n]*|/\*.*?\*/)|{STRING}|{CHARACTER}|`(?:[^`\\]|\\.)*`",
    "script": rf"(?s)(?P<comment>//[^\n]*|/\*.*?\*/)|{STRING}|{SINGLE}|`(?:[^`\\]|\\.)*`",
    "markup": r"(?s)(?P<comment><!--.*?-->)",
    "semicolon": r"(?m)(?P<comment>^[ \t]*[;#][^\n]*)",
    "dash": rf"(?s)(?P<comment>--[^\n]*|/\*.*?\*/)|{STRING}|{SINGLE}",
    "percent": r"(?P<comment>%[^\n]*)",
}
PATTERNS = {name: re2.compile(pattern) for name, pattern in FAMILIES.items()}


def comments(text: str, family: str) -> Iterator[tuple[int, str]]:
    """Yield (line from 1, comment with its marker) for each comment of `text`. Raises `TooComplex` on a flood."""
    line, at = 1, 0
    for start, _, piece, is_comment in _tokens(text, family):
        if is_comment:
            first = start + len(piece) - len(piece.lstrip())
            line += text.count("\n", at, first)
            at = first
            yield line, piece.lstrip()


def code_only(text: str, family: str) -> str:
    """Return `text` without comments and insides of strings; lines stay. Raises `TooComplex` on a flood."""
    return _blanked(text, family, strings=True)


def without_comments(text: str, family: str) -> str:
    """Return `text` without comments; lines stay. Raises `TooComplex` on a flood."""
    return _blanked(text, family, strings=False)


def _blanked(text: str, family: str, *, strings: bool) -> str:
    out, at = [], 0
    for start, end, piece, is_comment in _tokens(text, family):
        if is_comment or strings:
            edge = "" if is_comment else piece[:1]
            out.append(text[at:start] + edge + "\n" * piece.count("\n") + edge)
            at = end
    return "".join([*out, text[at:]])


def _tokens(text: str, family: str) -> Iterator[tuple[int, int, str, bool]]:
    """Start, end, text of each comment and string, and whether it is a comment."""
    for count, match in enumerate(PATTERNS[family].finditer(text)):
        if count > MOST:
            raise TooComplex(f"more than {MOST} comments and strings")
        piece = match.group()
        yield match.start(), match.end(), piece, piece.lstrip(" \t;\n")[:1] not in QUOTES
