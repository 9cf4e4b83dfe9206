"""Syntax trees of JavaScript and TypeScript, and the few ways the guard walks them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import tree_sitter_javascript
import tree_sitter_typescript
from tree_sitter import Language, Node, Parser, Point

from bot.repair.guard.facts import TooComplex, Unparsable
from bot.repair.guard.rules import listed

LARGEST = 200_000  # characters that are parsed with care
LONGEST = 20_000  # characters of a line: above, it is minified, and look-ahead costs the square
CHUNK = 1024
WORK = 20  # how often each byte may be looked at (normal source: 1.1 to 2 times), plus WORK_FREE bytes
WORK_FREE = 500_000
STEPS = 3  # parser steps (in hundreds) per 100 bytes; normal source needs 3
FUNCTIONS = frozenset(
    listed(
        "arrow_function function_expression function_declaration generator_function "
        "generator_function_declaration method_definition function"
    )
)


@cache
def _parser(ending: str) -> Parser:
    if ending in {"ts", "mts", "cts"}:
        return Parser(Language(tree_sitter_typescript.language_typescript()))
    if ending == "tsx":
        return Parser(Language(tree_sitter_typescript.language_tsx()))
    return Parser(Language(tree_sitter_javascript.language()))


def parse(path: str, text: str) -> Node:
    """Parse one file and return the root node.

    Raises `TooComplex` when it is large, minified or made to keep the parser busy, `Unparsable` on a syntax error.
    """
    if len(text) > LARGEST or max(map(len, text.split("\n"))) > LONGEST:
        raise TooComplex("too large, or a line is too long")
    source = text.encode("utf-8", "surrogatepass")
    budget = WORK * len(source) + WORK_FREE
    most_steps = STEPS * len(source) // 100 + 1000
    spent = steps = 0
    parsing = True

    def read(at: int, _: Point) -> bytes:
        nonlocal spent
        spent += CHUNK if parsing else 0  # the tree reads the texts of its nodes through this, too
        return source[at : at + CHUNK] if spent <= budget else b""

    def stop(*_: object) -> bool:
        nonlocal steps
        steps += 1
        return spent > budget or steps > most_steps

    parser = _parser(path.rpartition(".")[2].lower())
    try:
        tree = parser.parse(read, progress_callback=stop)
    except ValueError as e:  # stopped
        parser.reset()
        raise TooComplex("the parser needs too long") from e
    parsing = False
    if spent > budget:
        raise TooComplex("the parser needs too long")
    if tree.root_node.has_error:
        raise Unparsable("syntax error", _first_error(tree.root_node))
    return tree.root_node


def _first_error(root: Node) -> int:
    node = root
    while True:
        bad = next((c for c in node.children if c.has_error or c.is_missing or c.is_error), None)
        if bad is None or bad.is_error or bad.is_missing:
            return line_of(bad or node)
        node = bad


def walk(node: Node) -> Iterator[Node]:
    """All named nodes below and with `node`, parents first."""
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        if one.child_count:
            stack.extend(reversed(one.named_children))


def size_of(node: Node) -> int:
    """The bytes of a node's source."""
    return node.end_byte - node.start_byte


def line_of(node: Node) -> int:
    """The line (from 1) on which a node starts."""
    return node.start_point.row + 1


def text_of(node: Node | None) -> str:
    """The source of a node as it stands."""
    return (node.text or b"").decode("utf-8", "replace") if node else ""


def string_of(node: Node) -> str:
    """The contents of a string node, with the escapes that formatters add or drop undone."""
    raw = text_of(node)[1:-1]
    out, at = [], 0
    while at < len(raw):
        if raw[at] == "\\" and raw[at + 1 : at + 2] in {"'", '"', "`", "/"}:
            at += 1
        elif raw[at] == "\\":
            out.append(raw[at])
            at += 1
        out.append(raw[at : at + 1])
        at += 1
    return "".join(out)


@dataclass(frozen=True, slots=True)
class Chain:
    """`base.name(args).name ...` taken apart: the innermost node, and what follows it in order.

    `root` is the name that it starts with ('' when it starts with something else). A link is a name or the arguments
    node (or template) of a call. `inner` are the ids of the nodes that the chain is made of.
    """

    node: Node
    base: Node
    root: str
    links: tuple[str | Node, ...]
    inner: frozenset[int]

    @property
    def names(self) -> list[str]:
        """The property names in order."""
        return [x for x in self.links if isinstance(x, str)]

    @property
    def dotted(self) -> str:
        """Base and names up to the first call, or `()` for calls between."""
        parts = [self.root or "?"]
        parts += [x if isinstance(x, str) else "()" for x in self.links]
        while len(parts) > 1 and parts[-1] == "()":
            parts.pop()
        return ".".join(parts)

    def calls(self) -> Iterator[tuple[str, Node]]:
        """(name before it, arguments) of each call; the name is the base's for the first of `f()`."""
        before: str | Node = self.root
        for link in self.links:
            if not isinstance(link, str):
                yield (before if isinstance(before, str) else ""), link
            before = link


def chain_of(node: Node) -> Chain:
    """Take a call or member expression apart, whatever its length."""
    links: list[str | Node] = []
    inner: set[int] = set()
    one = node
    while True:
        function, target = one.child_by_field_name("function"), one.child_by_field_name("object")
        if one.type == "call_expression" and function is not None:
            links.append(one.child_by_field_name("arguments") or one)
            one = function
        elif one.type in {"member_expression", "subscript_expression"} and target is not None:
            links.append(text_of(one.child_by_field_name("property") or one.child_by_field_name("index")).strip("'\""))
            one = target
        elif one.type in {"parenthesized_expression", "non_null_expression", "await_expression"} and links:
            one = next((c for c in one.children if c.is_named and c.type != "comment"), one.children[0])
        else:
            root = text_of(one) if one.type in {"identifier", "this", "import"} else ""
            return Chain(node, one, root, tuple(reversed(links)), frozenset(inner))
        inner.add(one.id)


def arguments(node: Node) -> list[Node]:
    """The arguments of a call; a template counts as one."""
    return [c for c in node.children if c.is_named and c.type != "comment"] if node.type == "arguments" else [node]
