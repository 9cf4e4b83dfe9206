"""Errors of Go that a function makes or asks for itself, and gives back: under which condition, and where it is nil."""

from collections.abc import Iterator, Sequence

import re2
from tree_sitter import Node

from bot.repair.guard.trees import field as child
from bot.repair.guard.trees import line_of, size_of, text_of

FUNCTIONS = frozenset({"function_declaration", "method_declaration", "func_literal"})
GIVES_ERROR = re2.compile(r"(?:^|[\s,(])error\)?$")
CASES = frozenset({"communication_case", "expression_case", "type_case", "default_case"})
CHOSEN = re2.compile(r"errors\.(?:Is|As)\b|\bIs(?:NotExist|NotFound|Exist|Timeout)\b|NotFound|\bEOF\b")
"""Conditions that pick one kind of failure, which may be none here."""
TELLS = re2.compile(r"(?i)^(?:\w+\.)*(?:\w*log\w*|slog|fmt|t)\.")
STEPPED = re2.compile(r"\b(\w+)\.(?:Next|Scan)\(\)")
"""What is stepped through until it ends or fails; `Err` tells which."""
CLIMB = 40  # nodes between a statement and its function
LONG = 400  # bytes of a condition that is told
FEW = 10  # statements of a block that does nothing but give back
LONGEST = 20_000  # bytes of a function that is searched


def returned(nodes: Sequence[Node]) -> Iterator[tuple[str, int, bool]]:
    """Yield (what may fail, line, whether the failure is given back) for each place that decides it by itself."""
    for node in nodes:
        if node.type == "return_statement":
            yield from _given(node)
        elif node.type == "if_statement":
            yield from _told_only(node)
        elif node.type in FUNCTIONS and _gives_error(node):
            text = text_of(node)[:LONGEST]
            for name in sorted(set(STEPPED.findall(text))):
                yield f"{_name(node)}: {name}.Err()", line_of(node), f"{name}.Err()" in text


def _given(node: Node) -> Iterator[tuple[str, int, bool]]:
    """What a `return` under a condition gives back for an error."""
    condition, function, one = "", None, node
    for _ in range(CLIMB):
        above = one.parent
        if above is None or one.type in FUNCTIONS:
            break
        if not condition and above.type in {"if_statement", *CASES}:
            condition = _condition(above, one)
        function, one = (above if above.type in FUNCTIONS else None), above
    values = node.named_children[0].named_children if node.named_child_count else []
    if condition and values and function is not None and _gives_error(function) and not CHOSEN.search(condition):
        is_nil = text_of(values[-1]) == "nil"
        if not is_nil or _is_bare(node):
            yield f"{_name(function)}: {condition}", line_of(node), not is_nil


def _told_only(node: Node) -> Iterator[tuple[str, int, bool]]:
    """An error that is asked for, told, and no more."""
    body, condition = child(node, "consequence"), _condition(node, node)
    if body is None or body.named_child_count > FEW or not condition or CHOSEN.search(condition):
        return
    statements = [
        s for one in body.named_children for s in (one.named_children if one.type == "statement_list" else [one])
    ]
    statements = [s for s in statements if s.type not in {"comment", "continue_statement"}]
    if not statements or not all(TELLS.search(text_of(s)[:80]) for s in statements):
        return
    function = node.parent
    for _ in range(CLIMB):
        if function is None or function.type in FUNCTIONS:
            break
        function = function.parent
    if function is not None and function.type in FUNCTIONS and _gives_error(function):
        yield f"{_name(function)}: {condition}", line_of(node), False


def _condition(above: Node, one: Node) -> str:
    if above.type == "default_case":
        return "default"
    given = child(above, "condition", "communication", "value", "type")
    branch = "else " if one == child(above, "alternative") else ""
    if given is None or one == given or size_of(given) > LONG:
        return ""
    return f"{branch}{' '.join(text_of(given).split())}"


def _is_bare(node: Node) -> bool:
    """Whether nothing is done before a `return` but telling of it."""
    around = node.parent
    if around is None or around.named_child_count > FEW:
        return False
    others = [c for c in around.named_children if c != node and c.type.endswith("_statement")]
    return all(TELLS.search(text_of(other)) for other in others if other.type != "send_statement")


def _gives_error(function: Node) -> bool:
    return bool(GIVES_ERROR.search(text_of(child(function, "result")).strip()))


def _name(function: Node) -> str:
    return text_of(child(function, "name")) or "func"
