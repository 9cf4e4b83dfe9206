"""What JavaScript expressions say, whatever their layout: text in one form, and the literals in them."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tree_sitter import Node

from bot.repair.guard.javascript.tree import string_of
from bot.repair.guard.trees import text_of, walk

FIXED = frozenset({"true", "false", "null", "undefined"})
LEAVES = frozenset({"string", "template_string", "number", "regex"}) | FIXED
SEEDS = frozenset({"0.0", "false", "null", "undefined", "''", "[ ]"})
MOST = 8  # values of one name that are looked at
DIGESTED = 300  # literals of one variable above which only their digest is kept


class Values:
    """What is assigned to names in a file, and what literals that holds."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._all = sorted(_assignments(nodes), key=lambda row: row[0])
        self._starts = [row[0] for row in self._all]
        self._told: dict[int, list[str]] = {}
        self._literal: dict[int, bool] = {}

    def inside(self, node: Node) -> "Scope":
        """The scope of a test or function: its own assignments hide the file's."""
        own = self._all[bisect_left(self._starts, node.start_byte) : bisect_left(self._starts, node.end_byte)]
        outer = self.file if node.parent is not None else None
        found: dict[str, list[Node]] = {}
        for _, name, value in own:
            found.setdefault(name, []).append(value)
        return Scope(self, found, outer)

    @cached_property
    def file(self) -> "Scope":
        """The scope of the whole file."""
        found: dict[str, list[Node]] = {}
        for _, name, value in self._all:
            found.setdefault(name, []).append(value)
        return Scope(self, found, None)

    def is_literal(self, value: Node) -> bool:
        """Whether an assigned value is made of constants only; asked once for each."""
        if value.id not in self._literal:
            self._literal[value.id] = is_literal(value)
        return self._literal[value.id]

    def told(self, value: Node, scope: "Scope") -> list[str]:
        """The literals of an assigned value; of a very large one only a digest."""
        if value.id not in self._told:
            out = Literals()
            _collect(value, scope, out, 1)
            many = len(out.found) > DIGESTED
            self._told[value.id] = [hashlib.sha256(repr(out.found).encode()).hexdigest()] if many else out.found
        return self._told[value.id]


@dataclass(frozen=True, slots=True)
class Scope:
    """The names that a piece of code sees."""

    file: Values
    own: Mapping[str, Sequence[Node]]
    outer: "Scope | None"

    def get(self, name: str) -> Sequence[Node]:
        """What is assigned to a name (the last few); nothing when that is not known."""
        if name in self.own:
            values = self.own[name][-MOST:]
            return [v for v in values if not _is_seed(v)] if len(values) > 1 else values
        return self.outer.get(name) if self.outer else ()


def _is_seed(value: Node) -> bool:
    """Whether a value is one to begin with, where others follow: a count from 0, a flag that is set later."""
    return normal(value) in SEEDS


def _assignments(nodes: Iterable[Node]) -> Iterator[tuple[int, str, Node]]:
    for node in nodes:
        if node.type == "variable_declarator":
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        elif node.type == "assignment_expression":
            name, value = node.child_by_field_name("left"), node.child_by_field_name("right")
        elif node.type in {"augmented_assignment_expression", "update_expression"}:
            name, value = node.child_by_field_name("left") or node.child_by_field_name("argument"), node
        else:
            continue
        if name is not None and value is not None and name.type == "identifier":
            yield node.start_byte, text_of(name), value


@dataclass(slots=True)
class Literals:
    """The literals of an expression, and how many members its arrays and objects have."""

    found: list[str] = field(default_factory=list)
    elements: int = 0


def normal(node: Node | None) -> str:
    """Source in one layout: quotes, semicolons, parentheses and trailing commas do not show."""
    return " ".join(_tokens(node)) if node else ""


def _tokens(start: Node) -> Iterator[str]:
    stack = [(start, False)]
    while stack:
        node, key = stack.pop()
        kind = node.type
        if kind == "string":
            text = string_of(node)
            yield text if key and text.isidentifier() else repr(text)
        elif kind == "number":
            yield number(node)
        elif kind == "jsx_text":
            yield from text_of(node).split()
        elif node.child_count and kind != "regex":
            stack.extend(_parts(node))
        elif kind not in {"comment", ";"}:
            yield text_of(node)


def _parts(node: Node) -> Iterator[tuple[Node, bool]]:
    """The children that matter, last first, and whether each is the key of a pair."""
    closing = True
    first = node.children[0]
    bare = node.type == "parenthesized_expression" or (node.type == "formal_parameters" and node.named_child_count == 1)
    for child in reversed(node.children):
        kind = child.type
        if kind in {")", "]", "}"}:
            closing = True
        elif kind == "," and closing:
            continue
        elif kind != "comment":
            closing = False
        if not (bare and kind in {"(", ")"}):
            yield child, node.type == "pair" and child == first


def number(node: Node) -> str:
    """A number as Python writes it, so that `.5`, `0.50` and `5e-1` are one."""
    text = text_of(node).replace("_", "").lower()
    try:
        return repr(float(int(text, 0)) if text[:2] in {"0x", "0b", "0o"} else float(text))
    except (ValueError, OverflowError):
        return text


def literals(node: Node | None, scope: Scope) -> Literals:
    """Collect the literals of `node`; a name stands for what is assigned to it, one step, and for literals two."""
    out = Literals()
    if node is not None:
        _collect(node, scope, out, 2)
    return out


def _collect(start: Node, scope: Scope, out: Literals, steps: int) -> None:
    stack = [start]
    while stack:
        node = stack.pop()
        if node.type in LEAVES:
            out.found.append(_leaf(node))
            stack += [c for c in node.children if c.type == "template_substitution"]
        elif node.type == "jsx_text":
            out.found += text_of(node).split()
        elif node.type == "binary_expression" and text_of(node.child_by_field_name("operator")) == "+":
            parts = list(_summands(node))
            if any(p.type in {"string", "template_string"} for p in parts):
                out.found.append(repr("".join(_piece(p) for p in parts)))
                parts = [p for p in parts if p.type not in {"string", "template_string"}]
            stack += parts
        elif node.type == "identifier" and steps and scope.get(text_of(node)):
            own = text_of(node) in scope.own
            for value in scope.get(text_of(node)):
                if steps > 1 and (own or scope.file.is_literal(value)):
                    out.found += scope.file.told(value, scope)
                elif is_constant(value):
                    out.found.append(_leaf(value))
        else:
            out.elements += _members(node, out)
            stack += [
                c for c in node.named_children if c.type not in {"type_annotation", "comment"} and not _is_key(node, c)
            ]


def _leaf(node: Node) -> str:
    if node.type == "number":
        return number(node)
    return repr(_piece(node)) if node.type in {"string", "template_string"} else text_of(node)


def _piece(node: Node) -> str:
    """The text of a string or template, `{}` for what is filled in and for anything else."""
    if node.type == "string":
        return string_of(node)
    if node.type != "template_string":
        return "{}"
    parts = (c for c in node.children if c.is_named and c.type != "comment")
    return "".join("{}" if c.type == "template_substitution" else text_of(c) for c in parts)


def _is_key(parent: Node, child: Node) -> bool:
    return parent.type == "pair" and child == parent.children[0] and child.type != "computed_property_name"


def _members(node: Node, out: Literals) -> int:
    if node.type == "array":
        return node.named_child_count
    if node.type != "object":
        return 0
    for member in node.named_children:
        key = member.child_by_field_name("key") or member
        if key.type in {"property_identifier", "shorthand_property_identifier", "string"}:
            out.found.append(f"key {string_of(key) if key.type == 'string' else text_of(key)}")
    return node.named_child_count


def _summands(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        one = stack.pop()
        if one.type == "binary_expression" and text_of(one.child_by_field_name("operator")) == "+":
            stack += [c for c in (one.child_by_field_name("right"), one.child_by_field_name("left")) if c]
        else:
            yield one


def is_literal(node: Node) -> bool:
    """Whether the expression is made of constants only."""
    return not any(
        n.type in {"identifier", "call_expression", "member_expression", "this", "new_expression"} for n in walk(node)
    )


def is_constant(node: Node | None) -> bool:
    """Whether it is one plain literal."""
    return node is not None and (node.type in FIXED | {"string", "number"} or text_of(node) in {"undefined", "NaN"})


def is_false(node: Node | None) -> bool:
    """Whether a condition is never true: `false`, `0`, `null`, `''`, with or without parentheses."""
    return node is not None and normal(node) in {"false", "0.0", "null", "undefined", "''", "! true", "! 1.0"}
