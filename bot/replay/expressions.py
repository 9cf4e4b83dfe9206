"""GitHub's expression language, for everything that is decided before a job starts: legs, `runs-on`, `if`, names.

Semantics: https://docs.github.com/en/actions/reference/workflows-and-actions/expressions. Values are None, bool, float,
str, list and dict, as in JSON. Steps are evaluated by act, which knows their outputs; tests hold the two together.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.errors import UsageError

TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>[-+]?(?:0x[0-9a-fA-F]+|0o[0-7]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?))(?![\w.])
  | '(?P<string>(?:[^']|'')*)'
  | (?P<name>[A-Za-z_][\w-]*)
  | (?P<op>==|!=|<=|>=|&&|\|\||[()\[\].,!<>*])
  )\s*""",
    re.VERBOSE,
)
BINDING = {"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4}
STATUS_FUNCTIONS = frozenset({"success", "failure", "always", "cancelled"})
KEYWORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "nan": math.nan, "infinity": math.inf}
MAX_DEPTH = 50  # GitHub's own limit
MAX_LENGTH = 21_000  # GitHub's own limit
MAX_TOKENS = 500  # a chain of them is as deep as it is long, here

Node = tuple[Any, ...]
Function = Callable[..., Any]


class _Filtered(list[Any]):
    """The result of `.*`: further names apply to each of its items."""


@dataclass(frozen=True)
class Scope:
    """What an expression may name: the contexts, and the functions that depend on the place (`success()`, ...)."""

    contexts: Mapping[str, Any]
    functions: Mapping[str, Function] = field(default_factory=dict)

    def having(self, **contexts: Any) -> "Scope":
        """The same with more contexts."""
        return Scope({**self.contexts, **contexts}, self.functions)


def evaluate(text: str, scope: Scope) -> Any:
    """Evaluate one expression, without its `${{ }}`. Raises `UsageError` when it is malformed or names the unknown."""
    return _value(_parse(text), scope)


def interpolate(text: str, scope: Scope) -> Any:
    """Replace every `${{ }}` of a text; a text that is one single expression keeps the type of its value."""
    pieces = list(split(text))
    if len(pieces) == 1 and pieces[0][0]:
        return evaluate(pieces[0][1], scope)
    return "".join(to_string(evaluate(part, scope)) if is_code else part for is_code, part in pieces)


def condition(value: Any, scope: Scope) -> bool:
    """Decide an `if:`. Without a status function it means `success() && (...)`; None means `success()`."""
    text = to_string(value).strip() or "true"
    pieces = list(split(text))
    mixed = len(pieces) > 1  # GitHub formats such a mixture into a string, which is true unless it is empty
    nodes = [_parse(code) for is_code, code in pieces if is_code] if mixed or pieces[0][0] else [_parse(text)]
    if not any(_calls(n) & STATUS_FUNCTIONS for n in nodes) and not truthy(_value(("call", "success", ()), scope)):
        return False
    return bool(interpolate(text, scope)) if mixed else truthy(_value(nodes[0], scope))


def split(text: str) -> list[tuple[bool, str]]:
    """Cut a text into (is an expression, its text) pieces; a `}}` inside a quoted string does not end one."""
    pieces, at = [], 0
    while (start := text.find("${{", at)) >= 0:
        if start > at:
            pieces.append((False, text[at:start]))
        end, quoted = start + 3, False
        while end < len(text) and (quoted or not text.startswith("}}", end)):
            quoted ^= text[end] == "'"
            end += 1
        if end >= len(text):
            raise UsageError(f"the expression '{text[start : start + 40]}' has no end")
        pieces.append((True, text[start + 3 : end]))
        at = end + 2
    if at < len(text):
        pieces.append((False, text[at:]))
    return pieces


def truthy(value: Any) -> bool:
    """GitHub's truth: everything but null, false, 0, NaN and the empty string."""
    return not (
        value is None or value is False or value == "" or (_is_number(value) and (value == 0 or value != value))
    )


def to_string(value: Any) -> str:
    """GitHub's conversion to a string."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if _is_number(value):
        return _format_number(value)
    return value if isinstance(value, str) else "Array" if isinstance(value, list) else "Object"


def _format_number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return format(value, ".15G")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- parsing ---------------------------------------------------------------------------------------------------------


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.at, self.depth = text, [], 0, 0
        end = 0
        while end < len(text.rstrip()):
            match = TOKEN.match(text, end)
            if not match:
                raise UsageError(f"the expression '{text.strip()}' is malformed at '{text[end:].strip()[:20]}'")
            kind = match.lastgroup or ""
            self.tokens.append((kind, match[kind]))
            if len(self.tokens) > MAX_TOKENS:
                raise UsageError(f"an expression has more than {MAX_TOKENS} parts")
            end = match.end()

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self, expected: str = "") -> tuple[str, str]:
        token = self.peek()
        if expected and token != ("op", expected):
            raise UsageError(f"the expression '{self.text.strip()}' is malformed: '{expected}' is missing")
        self.at += 1
        return token

    def binary(self, least: int = 0) -> Node:
        left = self.unary()
        while (token := self.peek())[0] == "op" and BINDING.get(token[1], 0) > least:
            self.take()
            left = (token[1], left, self.binary(BINDING[token[1]]))
        return left

    def unary(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UsageError(f"an expression is nested deeper than {MAX_DEPTH} levels")
        if self.peek() == ("op", "!"):
            self.take()
            node: Node = ("!", self.unary())
        else:
            node = self.postfix(self.primary())
        self.depth -= 1
        return node

    def primary(self) -> Node:
        kind, word = self.take()
        if kind == "number":
            return ("value", float(int(word, 0)) if re.match(r"[-+]?0[xo]", word) else float(word))
        if kind == "string":
            return ("value", word.replace("''", "'"))
        if (kind, word) == ("op", "("):
            node = self.binary()
            self.take(")")
            return node
        if kind != "name":
            raise UsageError(f"the expression '{self.text.strip()}' is malformed at '{word or 'its end'}'")
        if self.peek() == ("op", "("):
            return ("call", word.lower(), self.arguments())
        lower = word.lower()
        return ("value", KEYWORDS[lower]) if lower in KEYWORDS else ("context", word)

    def arguments(self) -> tuple[Node, ...]:
        self.take("(")
        found = []
        while self.peek() != ("op", ")"):
            found.append(self.binary())
            if self.peek() != ("op", ")"):
                self.take(",")
        self.take(")")
        return tuple(found)

    def postfix(self, node: Node) -> Node:
        while self.peek() in (("op", "."), ("op", "[")):
            if self.take()[1] == ".":
                kind, word = self.take()
                if kind != "name" and word != "*":
                    raise UsageError(f"the expression '{self.text.strip()}' is malformed after '.'")
                node = ("star", node) if word == "*" else ("index", node, ("value", word))
            elif self.peek() == ("op", "*"):
                self.take()
                self.take("]")
                node = ("star", node)
            else:
                node = ("index", node, self.binary())
                self.take("]")
        return node


def _parse(text: str) -> Node:
    if len(text) > MAX_LENGTH:
        raise UsageError(f"an expression has {len(text):,} characters; GitHub allows {MAX_LENGTH:,}")
    parser = _Parser(text)
    node = parser.binary()
    if parser.peek()[0] != "end":
        raise UsageError(f"the expression '{text.strip()}' is malformed at '{parser.peek()[1]}'")
    return node


def _calls(node: Node) -> set[str]:
    found = {node[1]} if node[0] == "call" else set()
    for child in node[1:]:
        for one in child if isinstance(child, tuple) and child and isinstance(child[0], tuple) else (child,):
            if isinstance(one, tuple) and one:
                found |= _calls(one)
    return found


# --- evaluation ------------------------------------------------------------------------------------------------------


def _value(node: Node, scope: Scope) -> Any:
    kind = node[0]
    if kind == "value":
        return node[1]
    if kind == "context":
        return _context(node[1], scope)
    if kind == "call":
        return _call(node[1], [_value(x, scope) for x in node[2]], scope)
    if kind == "!":
        return not truthy(_value(node[1], scope))
    left = _value(node[1], scope)
    if kind == "star":
        return _star(left)
    if kind in ("&&", "||"):
        return _value(node[2], scope) if truthy(left) == (kind == "&&") else left
    right = _value(node[2], scope)
    return _index(left, right) if kind == "index" else _compare(kind, left, right)


def _context(name: str, scope: Scope) -> Any:
    for key, value in scope.contexts.items():
        if key.lower() == name.lower():
            return value
    raise UsageError(f"the expression names '{name}', which is not known here")


def _index(value: Any, key: Any) -> Any:
    if isinstance(value, _Filtered):
        found = (_index(item, key) for item in value)
        return _Filtered(item for item in found if item is not None)
    if isinstance(value, dict):
        wanted = to_string(key).lower()
        return next((v for k, v in value.items() if str(k).lower() == wanted), None)
    if isinstance(value, list):
        number = _to_number(key)
        return value[int(number)] if number >= 0 and number < len(value) else None
    return None


def _star(value: Any) -> _Filtered:
    if isinstance(value, _Filtered):
        return _Filtered(x for item in value for x in _star(item))
    if isinstance(value, dict):
        return _Filtered(value.values())
    return _Filtered(value if isinstance(value, list) else [])


def _to_number(value: Any) -> float:
    if value is None or value == "":
        return 0.0
    if isinstance(value, bool | int | float):
        return float(value)
    if not isinstance(value, str):
        return math.nan
    word = value.strip()
    try:
        return float(int(word, 0)) if re.fullmatch(r"[-+]?0[xo]\w+", word) else float(word)
    except ValueError:
        return math.nan


def _compare(operator: str, left: Any, right: Any) -> bool:
    if operator == "!=":
        return not _compare("==", left, right)
    if isinstance(left, str) and isinstance(right, str):
        left, right = left.upper(), right.upper()
    elif isinstance(left, list | dict) or isinstance(right, list | dict):
        return operator == "==" and left is right
    elif type(left) is not type(right) or not isinstance(left, str):
        left, right = _to_number(left), _to_number(right)
    return bool(
        {"==": left == right, "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]
    )


def _call(name: str, arguments: list[Any], scope: Scope) -> Any:
    function = scope.functions.get(name) or FUNCTIONS.get(name)
    if function is None:
        raise UsageError(f"the expression calls '{name}()', which is not known here")
    try:
        return function(*arguments)
    except TypeError as e:
        raise UsageError(
            f"the expression calls '{name}()' with {len(arguments)} arguments, which it does not take"
        ) from e


def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, list):
        return any(_compare("==", item, what) for item in where)
    return to_string(what).lower() in to_string(where).lower()


def _format(pattern: Any, *values: Any) -> str:
    def place(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        if not match[1] or int(match[1]) >= len(values):
            raise UsageError(f"format() of '{pattern}' names {match[0]}, which is not among its {len(values)} values")
        return to_string(values[int(match[1])])

    return (
        re.sub(r"\{\{|\}\}|\{(\d*)\}|[{}]", place, to_string(pattern))
        if "{" in to_string(pattern)
        else to_string(pattern)
    )


def _join(values: Any, separator: Any = ",") -> str:
    return to_string(separator).join(map(to_string, values)) if isinstance(values, list) else to_string(values)


def _from_json(text: Any) -> Any:
    try:
        return json.loads(to_string(text))
    except (ValueError, RecursionError) as e:
        raise UsageError(f"fromJSON() got '{to_string(text)[:40]}', which is no JSON") from e


def _to_json(value: Any) -> str:
    def plain(item: Any) -> Any:
        if isinstance(item, float) and item.is_integer():
            return int(item)
        if isinstance(item, dict):
            return {k: plain(v) for k, v in item.items()}
        return [plain(x) for x in item] if isinstance(item, list) else item

    return json.dumps(plain(value), indent=2, ensure_ascii=False)


FUNCTIONS: dict[str, Function] = {
    "contains": _contains,
    "startswith": lambda text, start: to_string(text).lower().startswith(to_string(start).lower()),
    "endswith": lambda text, end: to_string(text).lower().endswith(to_string(end).lower()),
    "format": _format,
    "join": _join,
    "tojson": _to_json,
    "fromjson": _from_json,
}
