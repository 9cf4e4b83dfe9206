"""Syntax trees of JavaScript and TypeScript, and the few ways the guard walks them."""

from collections.abc import Iterator
from dataclasses import dataclass

import re2
import tree_sitter_javascript
import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from bot.repair.guard.facts import Unparsable
from bot.repair.guard.rules import listed
from bot.repair.guard.trees import first_error, line_of, one_per_thread, text_of
from bot.repair.guard.trees import parse as parsed

FUNCTIONS = frozenset(
    listed(
        "arrow_function function_expression function_declaration generator_function "
        "generator_function_declaration method_definition function"
    )
)

ALL_TYPES = re2.compile(r"(?m)^([ \t]*export[ \t]+)type([ \t]+\*)")
"""The export of all types of a module, which the grammar knows of all its values only."""


@one_per_thread
def parser_of(ending: str) -> Parser:
    """The parser for files whose names end so, in small letters."""
    if ending in {"ts", "mts", "cts"}:
        return Parser(Language(tree_sitter_typescript.language_typescript()))
    if ending == "tsx":
        return Parser(Language(tree_sitter_typescript.language_tsx()))
    return Parser(Language(tree_sitter_javascript.language()))


def parse(path: str, text: str) -> Node:
    """Parse one file and return the root node.

    Raises `TooComplex` when it is large, minified or made to keep the parser busy, `Unparsable` on a syntax error.
    """
    root = tree_of(path, text)
    wrong = first_error(root)
    if wrong is not None:
        raise Unparsable("syntax error", line_of(wrong))
    return root


def tree_of(path: str, text: str) -> Node:
    """The syntax tree, which may hold errors. Raises `TooComplex`."""
    return parsed(parser_of(path.rpartition(".")[2].lower()), ALL_TYPES.sub(r"\1    \2", text))


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
