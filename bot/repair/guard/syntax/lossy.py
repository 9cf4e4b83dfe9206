"""What throws away a part of a compared value, in any language that tree-sitter reads."""

from collections.abc import Sequence

from tree_sitter import Node

from bot.repair.guard.directives import words_of
from bot.repair.guard.syntax import words
from bot.repair.guard.syntax.grammar import Grammar
from bot.repair.guard.trees import text_of, walk


def lossy(nodes: Sequence[Node], grammar: Grammar) -> frozenset[str]:
    """The names in expressions that stand for only a part of a value, and `choice` where there are alternatives."""
    found = set()
    for one in (n for node in nodes for n in walk(node)):
        operator = text_of(one.child_by_field_name("operator"))
        if operator in {"||", "or", "?:", "??"} or "ternary" in one.type or one.type == "conditional_expression":
            found.add("choice")
        elif one.type == "type_identifier":
            found |= {text_of(one)} & words.SETS
        elif one.type in grammar.identifiers or one.type in {"name", "field_identifier"}:
            found |= ({text_of(one)} & (words.LOSSY | words.ANYTHING)) if not _is_half(one) else set()
    return frozenset(found)


def _is_half(node: Node) -> bool:
    """Whether it is the member `first` of a pair of C++, which is no call for the first of many."""
    if node.type != "field_identifier" or node.parent is None or node.parent.parent is None:
        return False
    return text_of(node) == "first" and node.parent.parent.child_by_field_name("function") != node.parent


def broad(op: str, expected: str) -> frozenset[str]:
    """Whether any failure will do."""
    found = words_of(expected)
    return frozenset({"which failure"}) if op == "raises" and (not found or found & words.BROAD) else frozenset()
