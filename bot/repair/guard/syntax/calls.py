"""Calls of the languages whose grammars name the parts of a call by fields."""

from collections.abc import Mapping

from tree_sitter import Node

from bot.repair.guard.syntax.grammar import Call
from bot.repair.guard.trees import field, text_of

INSIDE = frozenset({"generic_function", "template_function", "parenthesized_expression"})


def fielded(node: Node, types: frozenset[str], members: Mapping[str, tuple[str, str]]) -> Call | None:
    """A call whose function stands in the field `function`, or whose receiver and name have fields of their own."""
    if node.type not in types:
        return None
    function = field(node, "function")
    while function is not None and function.type in INSIDE:
        function = field(function, "function", "name") or next(iter(function.named_children), None)
    given = arguments(field(node, "arguments"))
    block = field(node, "block")
    if function is None:
        receiver = field(node, "object", "receiver", "scope")
        return Call(node, receiver, text_of(field(node, "method", "name", "type")), given, block)
    if function.type in members:
        target, name = members[function.type]
        last = field(function, name)
        receiver = field(function, target)
        while last is not None and (last.type in members or last.type == "template_function"):
            last = field(last, "name")
        return Call(node, receiver, text_of(last), given, block)
    return Call(node, None, text_of(function) if function.type.endswith(("identifier", "name")) else "", given, block)


def arguments(node: Node | None) -> tuple[Node, ...]:
    """The arguments in a list of them, each without its wrapper."""
    if node is None:
        return ()
    return tuple(bare(c) for c in node.named_children if "comment" not in c.type)


def bare(node: Node) -> Node:
    """What stands in an `argument`, `value_argument` or `literal_element`."""
    while node.type in {"argument", "value_argument", "literal_element"} and node.named_child_count:
        node = node.named_children[-1]
    return node
