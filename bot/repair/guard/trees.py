"""Syntax trees of tree-sitter: parsing within bounds, and the few ways the guard walks them."""

from collections.abc import Callable, Iterator
from functools import cache, wraps
from threading import local
from typing import ParamSpec

from tree_sitter import Node, Parser, Point

from bot.repair.guard.facts import TooComplex

LARGEST = 200_000  # characters that are parsed with care
LONGEST = 20_000  # characters of a line: above, it is minified, and look-ahead costs the square
CHUNK = 1024
WORK = 20  # how often each byte may be looked at (normal source: 1.1 to 2 times), plus WORK_FREE bytes
WORK_FREE = 500_000
STEPS = 3  # parser steps (in hundreds) per 100 bytes; normal source needs 3
DEEPEST = 400  # nodes below each other; people write less than 100


Given = ParamSpec("Given")


def one_per_thread(make: Callable[Given, Parser]) -> Callable[Given, Parser]:
    """Make a parser once for each thread: it calls back while it parses, and another thread may go on meanwhile."""
    known = local()

    @wraps(make)
    def made(*args: Given.args, **kwargs: Given.kwargs) -> Parser:
        if not hasattr(known, "make"):
            known.make = cache(make)
        parser: Parser = known.make(*args, **kwargs)
        return parser

    return made


def parse(parser: Parser, text: str) -> Node:
    """Parse one file and return the root node, which may hold errors.

    Raises `TooComplex` when the text is large, minified, nested too deeply or made to keep the parser busy.
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

    try:
        tree = parser.parse(read, progress_callback=stop)
    except ValueError as e:  # stopped
        parser.reset()
        raise TooComplex("the parser needs too long") from e
    parsing = False
    if spent > budget:
        raise TooComplex("the parser needs too long")
    return tree.root_node


def first_error(root: Node) -> Node | None:
    """The innermost node of the first place that does not parse; None when all does."""
    node = root if root.has_error else None
    while node is not None:
        bad = next((c for c in node.children if c.has_error or c.is_missing or c.is_error), None)
        if bad is None or bad.is_error or bad.is_missing:
            return bad or node
        node = bad
    return None


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


def field(node: Node | None, *names: str) -> Node | None:
    """The first child of that field that there is."""
    if node is None:
        return None
    return next((c for c in map(node.child_by_field_name, names) if c is not None), None)
