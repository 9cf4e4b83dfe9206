"""Assertions in Python that cannot fail, whatever the code under test does."""

import ast
from dataclasses import dataclass

from bot.repair.guard.python.names import Names
from bot.repair.guard.python.values import constant, is_literal, text_of

OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Is: "is",
    ast.IsNot: "is-not",
    ast.In: "in",
    ast.NotIn: "not-in",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
}
SELF_EQUAL = frozenset({"eq", "is", "ge", "le", "approx", "same-items"})
CONSTANT = frozenset({"eq", "is", "ne", "in", "approx", "ge", "gt", "le", "lt"})
ALWAYS_TRUE_LENGTHS = frozenset({("ge", 0), ("gt", -1), ("ne", -1)})


@dataclass(frozen=True, slots=True)
class Place:
    """Where an assertion stands and what names mean there."""

    names: Names
    line: int
    column: int

    def values(self, node: ast.expr) -> list[ast.expr]:
        """What a local name can hold here; nothing for anything else."""
        return self.names.latest(node.id, self.line, self.column) if isinstance(node, ast.Name) else []


def why_hollow(op: str, subject: ast.expr, expected: ast.expr | None, place: Place) -> str:
    """Say why a check with this operator cannot fail; empty when it can."""
    if expected is None:
        return _alone(op, subject, place)
    left, right = text_of(subject), text_of(expected)
    if op in SELF_EQUAL and (left == right or _alias(subject, place) == right or _alias(expected, place) == left):
        return "compares a value with itself"
    if op in CONSTANT and _fixed(subject, place) and _fixed(expected, place):
        return "compares constants"
    if op == "in" and isinstance(subject, (ast.Tuple, ast.List, ast.Set)):
        return "looks for a value in a list of itself" if any(text_of(e) == right for e in subject.elts) else ""
    if op == "instance" and right == "object":
        return "everything is an object"
    sized = isinstance(subject, ast.Call) and text_of(subject.func) == "len"
    return "a length is never negative" if sized and (op, constant(expected)) in ALWAYS_TRUE_LENGTHS else ""


def _alone(op: str, node: ast.expr, place: Place) -> str:
    if op in {"true", "truthy", "not-none"}:
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            return "an alternative is always true" if any(_always(v, place) for v in node.values) else ""
        return "is always true" if _always(node, place) else ""
    if op in {"false", "falsy", "none"} and constant(node) is not ...:
        return "is always false" if not constant(node) else ""
    return ""


def _always(node: ast.expr, place: Place) -> bool:
    """Whether the expression is true whatever the code under test does."""
    if isinstance(node, (ast.Lambda, ast.JoinedStr)):
        return True
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return bool(node.elts)
    if isinstance(node, ast.Dict):
        return bool(node.keys)
    if isinstance(node, ast.Call) and text_of(node.func) == "bool" and node.args:
        return _always(node.args[0], place)
    if isinstance(node, ast.Compare):
        op, left, right = OPERATORS[type(node.ops[0])], node.left, node.comparators[0]
        return bool(why_hollow(op, right, left, place) if op == "in" else why_hollow(op, left, right, place))
    if isinstance(node, ast.Name) and _fixed(node, place):
        return all(constant(v) for v in place.values(node))
    dots = isinstance(node, ast.Constant) and node.value is ...
    return dots or (constant(node) is not ... and bool(constant(node)))


def _alias(node: ast.expr, place: Place) -> str:
    """What a local name that was assigned once stands for; '' for anything else."""
    values = place.values(node)
    if len(values) != 1 or (isinstance(values[0], ast.Call) and _makes(values[0].func)):
        return ""
    if isinstance(values[0], ast.Attribute) and place.names.line_of(values[0]) < place.line - 1:
        return ""  # what was done in between may have written it
    return place.names.remember(text_of, values[0])


def _makes(function: ast.expr) -> bool:
    """Whether a call makes an object: two of them are equal only when their class says so."""
    return text_of(function).rpartition(".")[2][:1].isupper()


def _fixed(node: ast.expr, place: Place) -> bool:
    """Whether the expression is a constant, also when it went through a local variable that nothing else writes."""
    if is_literal(node):
        return True
    values = place.values(node)
    return bool(values) and all(constant(v) is not ... for v in values)
