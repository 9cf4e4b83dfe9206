"""Python newer than the interpreter that reads it (PEP 695, 696, 701, 750, 758, 798, 810), as older ones write it."""

import ast
import warnings
from collections.abc import Iterator

import re2
import tree_sitter_python
from tree_sitter import Language, Node, Parser

from bot.repair.guard.facts import TooComplex, Unparsable
from bot.repair.guard.trees import one_per_thread, walk
from bot.repair.guard.trees import parse as parsed

COMPREHENSIONS = ("list_comprehension", "set_comprehension", "generator_expression")
STRINGS = ("string", "concatenated_string")
LAZY = re2.compile(r"(?m)^([ \t]*)lazy[ \t]+(import|from)\b")
Edit = tuple[int, int, bytes]
"""What stands in place of the bytes from one offset to another."""


@one_per_thread
def _parser() -> Parser:
    return Parser(Language(tree_sitter_python.language()))


def parse(text: str) -> ast.Module:
    """Parse one file, of whichever Python it is. Raises `Unparsable` and `TooComplex`."""
    try:
        return _parse(text)
    except Unparsable:
        older = as_older(text)
        if older == text:
            raise
        return _parse(older)


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in foreign code are not ours to report
        try:
            return ast.parse(text)
        except SyntaxError as e:
            if "too many nested" in str(e.msg):
                raise TooComplex("too deeply nested") from e
            raise Unparsable(str(e.msg), e.lineno or 1) from e
        except ValueError as e:  # a NUL byte, or a number of thousands of digits
            raise Unparsable(str(e)) from e
        except (RecursionError, MemoryError) as e:  # how CPython's parser says that it is too deep
            raise TooComplex("too deeply nested") from e


def as_older(text: str) -> str:
    """The file with the same code and the same lines in older syntax; what cannot be read of it stays as it is."""
    text = LAZY.sub(r"\1\2", text)
    source, out, at = text.encode("utf-8", "surrogatepass"), [], 0
    try:
        root = parsed(_parser(), text)
    except TooComplex:
        return text
    for start, end, told in sorted((edit for node in walk(root) for edit in _edits(node, source)), key=lambda e: e[:2]):
        if start >= at:  # not within what was replaced
            out += [source[at:start], told]
            at = end
    return b"".join([*out, source[at:]]).decode("utf-8", "surrogatepass")


def _edits(node: Node, source: bytes) -> Iterator[Edit]:
    parent = node.parent.type if node.parent else ""
    if node.type == "type_alias_statement":
        yield from _alias(node, source)
    elif node.type == "type_parameter" and parent in ("function_definition", "class_definition"):
        # the grammar does not know defaults
        if not node.has_error or b"=" in source[node.start_byte : node.end_byte]:
            yield node.start_byte, node.end_byte, b"\\\n" * _lines(source, node.start_byte, node.end_byte)
    elif node.type == "except_clause":
        values = node.children_by_field_name("value")
        if len(values) > 1:
            yield values[0].start_byte, values[0].start_byte, b"("
            yield values[-1].end_byte, values[-1].end_byte, b")"
    elif node.type == "list_splat" and parent in COMPREHENSIONS:
        yield node.start_byte, node.start_byte + 1, b" "
    elif node.type in STRINGS and parent not in STRINGS and not node.has_error and _is_newer(node, source):
        yield from _pieces(node, source)


def _alias(node: Node, source: bytes) -> Iterator[Edit]:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left and right and not right.has_error:
        name = source[left.start_byte : left.end_byte].partition(b"[")[0].strip()
        lines = _lines(source, node.start_byte, right.start_byte)
        yield node.start_byte, right.start_byte, name + b" = (" + b"\n" * lines
        yield right.end_byte, right.end_byte, b")"


def _is_newer(node: Node, source: bytes) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(b"(" + source[node.start_byte : node.end_byte] + b")", mode="eval")
        except SyntaxError:
            return True
        except (ValueError, RecursionError, MemoryError):
            return False
    return False


def _pieces(node: Node, source: bytes) -> Iterator[Edit]:
    """The string as a tuple of its text and its expressions: neither is lost to whoever reads the code."""
    at, opened = node.start_byte, b"("
    for start, end in sorted((e.start_byte, e.end_byte) for e in _expressions(node)):
        yield at, start, opened + _quoted(source[at:start]) + b", ("
        at, opened = end, b"), "
    yield at, node.end_byte, opened + _quoted(source[at : node.end_byte]) + b")"


def _expressions(node: Node) -> Iterator[Node]:
    todo = [*node.children]
    while todo:
        inner = todo.pop()
        found = (
            inner.child_by_field_name("expression") if inner.type in ("interpolation", "format_expression") else None
        )
        if found:
            yield found
        todo += [child for child in inner.children if child != found]


def _quoted(text: bytes) -> bytes:
    return ascii(text.decode("utf-8", "replace")).encode() + b"\n" * text.count(b"\n")


def _lines(source: bytes, start: int, end: int) -> int:
    return source.count(b"\n", start, end)
