"""Code that knows the answers of the tests: a condition on a literal that gives back a literal, both from one test."""

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence

import re2
from tree_sitter import Node

from bot.repair.guard.facts import Special
from bot.repair.guard.trees import field, line_of, text_of

Known = Callable[[str], Iterable[str]]
"""Passages of a few lines in the tests of the repository, as they were, that hold a text."""
IFS = frozenset({"if_statement", "if_expression", "if", "if_modifier"})
LONGEST = 300  # bytes of a condition or an answer
_LITERAL = r"(?:-?\d[\d_.]*(?:[eE][-+]?\d+)?\w{0,3}|\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`)"
_MADE = rf"(?:new\s+)?[A-Za-z_][\w.:]*\(\s*(?:{_LITERAL}\s*,?\s*)+\)"
_VALUE = rf"(?:{_LITERAL}|{_MADE}|[\[({{]\s*(?:{_LITERAL}\s*,?\s*)+[\])}}])"
_NAME = r"[\w$.\[\]>-]+"
_EQUAL = (
    rf"(?:{_NAME}\s*={{2,3}}\s*{_VALUE}|{_VALUE}\s*={{2,3}}\s*{_NAME}|{_NAME}\.equals\({_VALUE}\)"
    rf"|{_VALUE}\.equals\({_NAME}\)|strcmp\({_NAME},\s*{_VALUE}\)\s*==\s*0)"
)
CONDITION = re2.compile(rf"^[\s(]*{_EQUAL}(?:[\s)]*(?:&&|\band\b)[\s(]*{_EQUAL})*[\s)]*$")
ANSWER = re2.compile(
    rf"^[\s{{]*(?:return\s+|\w+\s*=\s*)?[&(]?({_VALUE})\)?(?:\.(?:to_string|into|to_owned|freeze)\(\)|,\s*nil)?[\s;}}]*$"
)
YES_OR_NO = re2.compile(r"^[\s{]*return\s+(?:[Tt]rue|[Ff]alse)[\s;}]*$")
DATA = re2.compile(r"^[^\s/]*\d[^\s/]*\d[^\s/]*\d[^\s/]*\d[^\s/]*$")
"""What looks like a value of somebody's, and like no name of a kind or state."""
LITERAL = re2.compile(_LITERAL)
TRIVIAL = frozenset({"0", "1", "-1", "0.0", "1.0", "", "2", "10", "100"})


def specials_of(nodes: Sequence[Node]) -> Iterator[Special]:
    """The conditions on literals with literal answers in a file that tree-sitter has read."""
    for node in nodes:
        if node.type in IFS:
            condition = field(node, "condition") or next(iter(node.named_children), None)
            body = field(node, "consequence", "body")
            if body is None:
                body = next((c for c in node.named_children if c != condition), None)
            if condition is not None and body is not None:
                yield from _special(_short(condition), _short(body), line_of(node))


def specials_in(tree: ast.Module) -> Iterator[Special]:
    """The same in Python."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and len(node.body) == 1 and isinstance(node.test, (ast.Compare, ast.BoolOp)):
            yield from _special(ast.unparse(node.test)[:LONGEST], ast.unparse(node.body[0])[:LONGEST], node.lineno)


def _short(node: Node) -> str:
    return text_of(node) if node.end_byte - node.start_byte <= LONGEST else ""


def _special(condition: str, answer: str, line: int) -> Iterator[Special]:
    told = ANSWER.search(answer)
    if told and CONDITION.search(condition):
        asked, given = (tuple(_literals(text)) for text in (condition, told.group(1)))
        if asked and given:
            yield Special(asked, given, line)
    elif YES_OR_NO.search(answer) and CONDITION.search(condition):
        asked = tuple(text for text in _literals(condition) if DATA.search(text))
        if asked:
            yield Special(asked, (), line)


def _literals(text: str) -> Iterator[str]:
    """The literals in a text that are not found everywhere, without quotes."""
    for found in LITERAL.findall(text):
        told = found.strip("'\"`")
        if told not in TRIVIAL:
            yield told


def is_known(special: Special, known: Known) -> bool:
    """Whether a test asks for this answer to this question: all their literals stand in one passage of it."""
    wanted = {*special.asked, *special.given}
    longest = max(wanted, key=len)
    return any(all(w in passage for w in wanted) for passage in known(longest))
