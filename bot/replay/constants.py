"""What is known of a job before it starts, written into its expressions as literals, so that act need not know it."""

import json
import re
from collections.abc import Mapping
from typing import Any

from bot.replay.expressions import TOKEN, split, to_string

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def literal(value: Any) -> str:
    """A value as an expression that gives just that value, whatever braces or quotes its texts have."""
    return f"fromJSON('{STRING.sub(_without_marks, json.dumps(value))}')"


def _without_marks(text: re.Match[str]) -> str:
    return text[0].replace("'", "\\u0027").replace("{", "\\u007b").replace("}", "\\u007d")


def filled(value: Any, constants: Mapping[str, Any]) -> Any:
    """A YAML value with the constants in place of their names, in every expression and every `if` of a step.

    Constants are whole contexts (`inputs`) or one property of one (`github.workflow`).
    """
    written = {name: literal(constant) for name, constant in constants.items()}
    return _filled(value, written)


def _filled(value: Any, written: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        pieces = (f"${{{{{_in_code(part, written)}}}}}" if is_code else part for is_code, part in split(value))
        return "".join(pieces)
    if isinstance(value, dict):
        return {k: _condition(v, written) if k == "if" else _filled(v, written) for k, v in value.items()}
    return [_filled(x, written) for x in value] if isinstance(value, list) else value


def _condition(value: Any, written: Mapping[str, str]) -> Any:
    text = to_string(value)
    return _filled(text, written) if "${{" in text else _in_code(text, written)


def _in_code(code: str, written: Mapping[str, str]) -> str:
    tokens: list[re.Match[str]] = []
    end = 0
    while end < len(code.rstrip()):
        token = TOKEN.match(code, end)
        if not token:
            return code  # act says what is wrong with it
        tokens.append(token)
        end = token.end()
    pieces, at, index = [], 0, 0
    while index < len(tokens):
        name, length = _named(tokens, index, written)
        if name:
            start, last = tokens[index], tokens[index + length - 1]
            pieces += [code[at : start.start(start.lastgroup or 0)], written[name]]
            at = last.end(last.lastgroup or 0)
        index += length
    return "".join([*pieces, code[at:]])


def _named(tokens: list[re.Match[str]], index: int, written: Mapping[str, str]) -> tuple[str, int]:
    """The constant that stands at a token, and how many tokens its name has; no name where none stands there."""
    words = [(t.lastgroup, t[t.lastgroup or 0].lower()) for t in tokens[max(0, index - 1) : index + 4]]
    before = words.pop(0) if index else None
    kind, first = words[0]
    if kind != "name" or before == ("op", ".") or words[1:2] == [("op", "(")]:
        return "", 1
    if words[1:2] == [("op", ".")] and len(words) > 2 and f"{first}.{words[2][1]}" in written:
        return f"{first}.{words[2][1]}", 3
    bracketed = len(words) > 3 and words[1] == ("op", "[") and words[2][0] == "string" and words[3] == ("op", "]")
    if bracketed and f"{first}.{words[2][1]}" in written:
        return f"{first}.{words[2][1]}", 4
    return (first, 1) if first in written else ("", 1)
