"""What a condition asks: `a == 6 && !b.isEmpty()` taken apart into the operators of `checks.py`."""

from dataclasses import dataclass

from tree_sitter import Node

from bot.repair.guard.syntax import words
from bot.repair.guard.syntax.grammar import Grammar
from bot.repair.guard.syntax.values import stripped
from bot.repair.guard.trees import field, text_of

MOST = 40  # operands of one condition that are looked at
BOTH, EITHER = frozenset({"&&", "and"}), frozenset({"||", "or"})
TRUE, FALSE = (
    frozenset({"true", "1", "True", "YES", "TRUE"}),
    frozenset({"false", "0", "nil", "null", "NULL", "nullptr", "NO", "FALSE"}),
)


@dataclass(frozen=True, slots=True)
class Question:
    """An operator of `checks.py`, what it looks at, what it expects, and how far that may be off."""

    op: str
    subject: Node
    expected: tuple[Node, ...] = ()
    distance: tuple[Node, ...] = ()


def questions(node: Node, positive: bool, grammar: Grammar, *, exact: bool) -> list[Question]:
    """What must hold for the condition to be `positive`; `exact`: true or false and nothing like it."""
    found: list[Question] = []
    todo = [(node, positive)]
    while todo and len(found) < MOST:
        one, wanted = todo.pop()
        one = stripped(one, grammar)
        operator = operator_of(one, grammar)
        left, right = operands(one)
        if operator in {"!", "not"} and left is not None:
            todo.append((left, not wanted))
        elif left is not None and right is not None and operator in (BOTH if wanted else EITHER):
            todo += [(right, wanted), (left, wanted)]
        else:
            found.append(_question(one, wanted, operator, left, right, grammar, exact=exact))
    return found


def _question(
    node: Node, positive: bool, operator: str, left: Node | None, right: Node | None, grammar: Grammar, *, exact: bool
) -> Question:
    op = words.COMPARISONS.get(operator, "")
    if op in {"eq", "ne"} and left is not None and right is not None and text_of(right) == "0":
        compared = _compared(left, grammar)
        if compared is not None:
            return Question(op if positive else words.NEGATED[op], *compared)
    if op and left is not None and right is not None:
        return Question(op if positive else words.NEGATED.get(op, f"not:{op}"), left, (right,))
    call = grammar.call(node)
    name = call.name if call is not None else ""
    if call is not None and name in words.QUESTIONS:
        op, count = words.QUESTIONS[name]
        given = [*([call.receiver] if call.receiver is not None else []), *call.arguments]
        if len(given) > count:  # `reflect.DeepEqual(a, b)`, `in_array(a, b)`: called on a module, or with options
            given = given[1:] if call.receiver is not None else given[:count]
        if len(given) == count:
            op = op if positive else words.NEGATED.get(op, f"not:{op}")
            return Question(op, given[0], tuple(given[1:]))
    if name.startswith("matches") and node.type == "macro_invocation":  # a pattern that is no expression
        return Question("match" if positive else "not-match", node, (node,))
    if exact:
        return Question("true" if positive else "false", node)
    return Question("truthy" if positive else "falsy", node)


def _compared(node: Node, grammar: Grammar) -> tuple[Node, tuple[Node]] | None:
    """Both sides of a call that gives back 0 where they are the same: `strcmp(a, b)`, `a.compareTo(b)`."""
    call = grammar.call(stripped(node, grammar))
    if call is None or call.name not in words.ZERO_WHEN_SAME:
        return None
    method = call.receiver is not None and len(call.arguments) == 1
    sides = [n for n in ([call.receiver] if method else []) + list(call.arguments) if n is not None]
    return (sides[0], (sides[1],)) if len(sides) == 2 else None


def operator_of(node: Node, grammar: Grammar) -> str:
    """The operator of a binary or unary expression; empty for anything else."""
    if node.type in grammar.binaries | grammar.unaries:
        told = node.child_by_field_name("operator")
        if told is not None:
            return text_of(told)
        return next((text_of(c) for c in node.children if not c.is_named), "")
    if node.type == "instanceof_expression":
        return "instanceof"
    if node.type in {"is_expression", "in_expression"}:
        return next((text_of(c) for c in node.children if not c.is_named), "")
    return ""


def operands(node: Node) -> tuple[Node | None, Node | None]:
    """Left and right side; one operand stands left."""
    left, right = field(node, "left", "operand", "argument"), field(node, "right")
    if left is None and node.named_child_count:
        left = node.named_children[0]
    if right is None and node.named_child_count > 1 and left != node.named_children[-1]:
        right = node.named_children[-1]
    return left, right


def never(node: Node | None, grammar: Grammar) -> bool:
    """Whether a condition is false whatever happens: a part of it that is joined by `and` is."""
    todo = [node] if node is not None else []
    for _ in range(MOST):
        if not todo:
            break
        one = stripped(todo.pop(), grammar)
        operator = operator_of(one, grammar)
        left, right = operands(one)
        if operator in BOTH and left is not None and right is not None:
            todo += [left, right]
        elif text_of(one) in FALSE or (operator in {"!", "not"} and text_of(left) in TRUE):
            return True
    return False


def parts(node: Node | None, grammar: Grammar) -> int:
    """How many conditions are joined by `and`."""
    count, todo = 0, [node] if node is not None else []
    while todo and count < MOST:
        one = stripped(todo.pop(), grammar)
        left, right = operands(one)
        if operator_of(one, grammar) in BOTH and left is not None and right is not None:
            todo += [left, right]
        else:
            count += 1
    return max(1, count)
