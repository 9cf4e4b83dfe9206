"""What expressions say, whatever their layout: text in one form, the literals in them, the rows of a table."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import re2
from tree_sitter import Node

from bot.repair.guard.facts import TooComplex
from bot.repair.guard.syntax.calls import bare
from bot.repair.guard.syntax.grammar import Grammar, Names, chain_of
from bot.repair.guard.trees import size_of, text_of, walk

SHORT = 200  # bytes of a plain literal that is no string
MOST_ROWS = 20_000  # rows of all tables of a file
MOST = 8  # values of one name that are looked at
DIGESTED = 300  # literals of one variable above which only their digest is kept
QUOTED = re2.compile(r"(?s)^[a-zA-Z0-9@]*?#*(?:\"\"\"|'''|\"|'|`|R\"\()(.*?)(?:\"\"\"|'''|\)?\"|'|`)?#*[a-z0-9]*$")
SUFFIX = re2.compile(r"(?i)(?:[iuf](?:8|16|32|64|128|size)|(?:ul?l?|l?l?u|f|l|d|m|r))$")
BRACKETS = {"(": "[", ")": "]"}
CONSTANTS = frozenset({"true", "false", "null", "nullptr", "NULL"})
UPDATES = frozenset(
    {
        "update_expression",
        "inc_statement",
        "dec_statement",
        "compound_assignment_expr",
        "augmented_assignment_expression",
    }
)
REFERENCES = frozenset({"unary_expression", "pointer_expression", "reference_expression"})
BRACED = re2.compile(r"\$\{(\w+)\}")
LISTS = frozenset({"listOf", "setOf", "mapOf", "arrayOf", "intArrayOf", "vec", "to", "array", "Pair"})
OWN = re2.compile(r"^(?:this(?:\.|->)|self\.|\$this->|@@?|\$)")


class Values:
    """What is assigned to names in a file."""

    def __init__(self, nodes: Iterable[Node], grammar: Grammar) -> None:
        self.grammar = grammar
        nodes = list(nodes)
        self.handed = frozenset(text_of(n)[1:].removeprefix("mut ") for n in nodes if _is_handed(n)) | _buffers(nodes)
        """Names whose place is handed over, so that others may write there."""
        self._all = sorted(_assignments(nodes, grammar), key=lambda row: row[0])
        self._starts = [row[0] for row in self._all]
        self._told: dict[int, list[str]] = {}
        self._rows = 0
        self._literal: dict[int, bool] = {}

    def inside(self, node: Node, outer: "Scope | None" = None) -> "Scope":
        """The scope of a test or function, or of less: its own assignments hide those `outer`, or of the file."""
        own = self._all[bisect_left(self._starts, node.start_byte) : bisect_left(self._starts, node.end_byte)]
        return Scope(self, _by_name(own), outer or self.file)

    @cached_property
    def file(self) -> "Scope":
        """The scope of the whole file."""
        return Scope(self, _by_name(self._all), None)

    def count(self, rows: int) -> None:
        """Take in that so many rows are read. Raises `TooComplex` when it is too many for one file."""
        self._rows += rows
        if self._rows > MOST_ROWS:
            raise TooComplex(f"more than {MOST_ROWS} rows of tables")

    def is_literal(self, value: Node) -> bool:
        """Whether an assigned value is made of constants only; asked once for each."""
        if value.id not in self._literal:
            self._literal[value.id] = is_literal(value, self.grammar)
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
        name = OWN.sub("", name) if name[:1] in "@$ts" else name
        if name in self.own:
            return self.own[name][-MOST:]
        return self.outer.get(name) if self.outer else ()


@dataclass(slots=True)
class Literals:
    """The literals of an expression, and how many members its lists have."""

    found: list[str] = field(default_factory=list)
    elements: int = 0


def _is_handed(node: Node) -> bool:
    """Whether it is `&name` or `&mut name`."""
    return node.type in REFERENCES and size_of(node) <= SHORT and text_of(node)[:1] == "&"


def _buffers(nodes: Sequence[Node]) -> frozenset[str]:
    """Arrays of C that are handed to functions, and are no constants."""
    found = (n for n in nodes if n.type == "array_declarator")
    arrays = {text_of(n.child_by_field_name("declarator")) for n in found if "const" not in _declaration(n)}
    given = (c for n in nodes if n.type == "argument_list" for c in n.named_children) if arrays else ()
    return frozenset(text_of(c) for c in given if c.type == "identifier") & arrays


def _declaration(node: Node) -> set[str]:
    """The words before what a declarator declares."""
    one: Node | None = node
    while one is not None and one.type != "declaration":
        one = one.parent
    return set(text_of(one)[: node.start_byte - one.start_byte].split()) if one is not None else set()


def _by_name(rows: Iterable[tuple[int, str, Node]]) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for _, name, value in rows:
        found.setdefault(name, []).append(value)
    return found


def _assignments(nodes: Iterable[Node], grammar: Grammar) -> Iterator[tuple[int, str, Node]]:
    for node in nodes:
        told = grammar.assignments.get(node.type)
        if node.type in UPDATES and node.named_child_count:
            yield node.start_byte, OWN.sub("", text_of(node.named_children[0])), node
        if told is None:
            continue
        left = node.child_by_field_name(told[0]) if told[0] else _first(node)
        right = node.child_by_field_name(told[1]) if told[1] else _last(node)
        if left is None or right is None or left == right:
            continue
        if text_of(right).endswith(".freeze"):
            right = right.child_by_field_name("receiver") or right
        lefts, rights = _parts(left), _parts(right)
        if len(lefts) != len(rights):
            rights = [right] * len(lefts)
        for one, value in zip(lefts, rights, strict=True):
            yield node.start_byte, OWN.sub("", _declared(one)), value


def _first(node: Node) -> Node | None:
    return next((c for c in node.named_children if c.type != "modifiers"), None)


def _last(node: Node) -> Node | None:
    return node.named_children[-1] if node.named_child_count > 1 else None


def _parts(node: Node) -> list[Node]:
    """The members of `a, b` on a side of an assignment."""
    return node.named_children if node.type in {"expression_list", "left_assignment_list"} else [node]


def _declared(node: Node) -> str:
    """The name in a declarator: `a` of `a[]`, `*a`, `mut a`, `a: Int`."""
    while node.type.endswith("_declarator") or node.type in {"mut_pattern", "variable_declaration", "ref_pattern"}:
        inner = node.child_by_field_name("declarator") or next(iter(node.named_children), None)
        if inner is None:
            break
        node = inner
    return text_of(node).removeprefix("mut ")


def normal(node: Node | None, grammar: Grammar) -> str:
    """Source in one layout: quotes, semicolons, parentheses and trailing commas do not show."""
    return " ".join(_tokens(node, grammar)) if node else ""


def _tokens(start: Node, grammar: Grammar) -> Iterator[str]:
    stack = [(start, "")]  # with the type of what it stands in: to ask a node for it costs its depth
    while stack:
        node, around = stack.pop()
        kind = node.type
        if kind in grammar.strings:
            yield repr(string_of(node))
        elif kind in grammar.numbers:
            yield number(text_of(node))
        elif kind in grammar.comments or kind == ";":
            continue
        elif node.child_count:
            stack.extend((c, kind) for c in _inner(node, grammar))
        elif kind in grammar.respelled or text_of(node) in grammar.respelled:
            told = grammar.respelled.get(kind, grammar.respelled.get(text_of(node), ""))
            yield from [told] if told else []
        else:
            yield _spelled(node, around)


def _spelled(node: Node, around: str) -> str:
    """A token as it stands; lists of PHP have brackets of one kind, symbols of Ruby no colon."""
    if node.type in BRACKETS and around == "array_creation_expression":
        return BRACKETS[node.type]
    return text_of(node).lstrip(":") if node.type == "simple_symbol" else text_of(node)


def _inner(node: Node, grammar: Grammar) -> Iterator[Node]:
    """The children that matter, last first."""
    closing = True
    plain = node.type in grammar.wrappers or node.type in grammar.bare_lists
    for child in reversed(node.children):
        kind = child.type
        if kind in {")", "]", "}"}:
            closing = True
        elif kind == "," and closing:
            continue
        elif kind not in grammar.comments:
            closing = False
        if not (plain and kind in {"(", ")"}):
            yield child


def string_of(node: Node) -> str:
    """The contents of a string, without prefix and quotes, with the escapes that formatters add or drop undone."""
    text = text_of(node)
    if node.type == "concatenated_string":
        return "".join(string_of(c) for c in node.named_children if c.type != "comment")
    match = QUOTED.match(text)
    raw = match.group(1) if match else text
    raw = raw.replace("\\'", "'").replace('\\"', '"') if "\\" in raw else raw
    return BRACED.sub(r"$\1", raw) if "${" in raw else raw


def number(text: str) -> str:
    """A number as Python writes it, so that `.5`, `0.50`, `5e-1` and `0.5f` are one."""
    if text.isdecimal() and len(text) < 16:
        return f"{int(text)}.0"
    plain = text.replace("_", "").replace("'", "").lower()
    if plain[:2] not in {"0x", "0b", "0o"}:
        plain = SUFFIX.sub("", plain)
    try:
        return repr(float(int(plain, 0)) if plain[:2] in {"0x", "0b", "0o"} else float(plain))
    except (ValueError, OverflowError):
        return plain


def literals(node: Node | None, scope: Scope) -> Literals:
    """Collect the literals of `node`; a name stands for what is assigned to it, one step, and for literals two."""
    out = Literals()
    if node is not None:
        _collect(node, scope, out, 2)
    return out


def _collect(start: Node, scope: Scope, out: Literals, steps: int) -> None:
    grammar = scope.file.grammar
    stack = [start]
    while stack:
        node = stack.pop()
        kind = node.type
        if kind in grammar.binaries and _operator(node) in {"+", "."}:
            parts = list(summands(node, grammar))
            if any(p.type in grammar.strings for p in parts):
                out.found.append(repr("".join(string_of(p) if p.type in grammar.strings else "{}" for p in parts)))
                parts = [p for p in parts if p.type not in grammar.strings]
            stack += parts
        elif leaf(node, grammar):
            out.found.append(leaf(node, grammar))
        elif kind in grammar.identifiers and steps and scope.get(text_of(node)):
            own = OWN.sub("", text_of(node)) in scope.own
            values = {text_of(v): v for v in scope.get(text_of(node))}  # set twice to the same it is said once
            for value in values.values():
                if value.id != start.id and (own or scope.file.is_literal(value)):
                    out.found += scope.file.told(value, scope) if steps > 1 else [leaf(value, grammar)]
        elif kind == "pair" and (key := node.child_by_field_name("key")) is not None and key.type == "simple_symbol":
            stack += [c for c in node.named_children if c != key]  # `:name => 6` is `name: 6`
        elif kind not in grammar.comments and kind not in grammar.lambdas:
            out.elements += node.named_child_count if kind in grammar.lists else 0
            stack += node.named_children
    out.found = [x for x in out.found if x]


def leaf(node: Node, grammar: Grammar) -> str:
    """The text of a plain literal, with its sign; empty when it is none."""
    kind = node.type
    if kind in grammar.strings:
        return repr(string_of(node))
    if kind in grammar.numbers:
        return number(text_of(node))
    if size_of(node) > SHORT:  # a sign and a number are shorter
        return ""
    if kind in grammar.fixed or text_of(node) in CONSTANTS:
        return text_of(node)
    inner = next(iter(node.named_children), None)
    if kind in grammar.unaries and inner is not None and inner.type in grammar.numbers and text_of(node)[:1] == "-":
        return f"-{number(text_of(inner))}"
    return ""


def _operator(node: Node) -> str:
    return text_of(node.child_by_field_name("operator"))


def summands(node: Node, grammar: Grammar) -> Iterator[Node]:
    """The parts of a sum, in order."""
    stack = [node]
    while stack:
        one = stack.pop()
        if one.type in grammar.binaries and _operator(one) in {"+", "."}:
            stack += [c for c in (one.child_by_field_name("right"), one.child_by_field_name("left")) if c]
        else:
            yield one


def is_literal(node: Node, grammar: Grammar) -> bool:
    """Whether the expression is made of constants only; calls that make lists of them count as such."""
    for one in walk(node):
        if one.type in grammar.lambdas or one.type in grammar.members:
            return False
        called = grammar.call(one)
        if called is not None and (called.receiver is not None or called.name not in LISTS):
            return False
        named = one.type in grammar.identifiers and not leaf(one, grammar)
        if named and not (one.parent is not None and grammar.call(one.parent) is not None) and one.id == node.id:
            return False
    return True


def is_constant(node: Node | None, scope: Scope) -> bool:
    """Whether it is one plain literal, or a name that stands for nothing else."""
    if node is None:
        return False
    grammar = scope.file.grammar
    if leaf(node, grammar):
        return True
    if node.type not in grammar.identifiers or text_of(node) in scope.file.handed:
        return False
    told = {leaf(v, grammar) for v in scope.get(text_of(node))}
    return len(told) == 1 and "" not in told  # what is set to this and to that is decided by what runs


def stripped(node: Node, grammar: Grammar) -> Node:
    """What stands in parentheses, references and conditions."""
    while node.type in grammar.wrappers and node.named_child_count:
        inner = next((c for c in node.named_children if c.type not in grammar.comments), None)
        if inner is None:
            break
        node = inner
    return bare(node)


def rows(node: Node | None, scope: Scope, listers: Names, steps: int = 2) -> Iterator[str]:
    """The rows of a table: the members of a list, of a call that makes one, of what a name stands for."""
    if node is None or not steps:
        return
    grammar = scope.file.grammar
    node = stripped(node, grammar)
    if node.type in grammar.identifiers:
        for value in scope.get(text_of(node))[-1:]:
            yield from rows(value, scope, listers, steps - 1)
        return
    found = _members(node, grammar, listers)
    scope.file.count(len(found))
    for member in found:
        yield normal(bare(member), grammar)
    if not found and grammar.call(node) is not None:
        chain = chain_of(node, grammar)
        if chain.base is None and chain.links and chain.links[0].call is None:  # `CASES.iter()`
            for value in scope.get(chain.links[0].name)[-1:]:
                yield from rows(value, scope, listers, steps - 1)


def _members(node: Node, grammar: Grammar, listers: Names) -> list[Node]:
    if node.type in grammar.lists or node.type == "hash":
        return [c for c in node.named_children if c.type not in grammar.comments]
    body = node.child_by_field_name("body") if node.type == "composite_literal" else None
    if body is not None:
        return _members(body, grammar, listers)
    inner = next((c for c in node.named_children if c.type in grammar.lists), None)
    if inner is not None and (grammar.call(node) is None or node.type == "array_creation_expression"):
        return _members(inner, grammar, listers)
    if grammar.call(node) is None:
        return []
    chain = chain_of(node, grammar)
    told = next((x.call for x in chain.links if x.call and x.name in listers), None)
    if told is not None:
        return list(told.arguments)
    return _members(stripped(chain.base, grammar), grammar, listers) if chain.base is not None else []
