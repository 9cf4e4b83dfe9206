"""Assertions in Python: `assert`, unittest, pytest, numpy, pandas, mock and helpers by name, brought into one form.

The names stand in `vocabulary.py`.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import re2

from bot.repair.guard.directives import words_of
from bot.repair.guard.facts import Check
from bot.repair.guard.python.hollow import OPERATORS, Place, why_hollow
from bot.repair.guard.python.names import Names, blocks, expressions, last
from bot.repair.guard.python.values import Literals, constant, is_literal, literals, text_of
from bot.repair.guard.python.vocabulary import (
    BROAD,
    CLOSE,
    COMPARED,
    CONTEXTS,
    DEEPEST,
    EVERYTHING,
    HELPER,
    LOSSY,
    METHODS,
    MIRROR,
    MOCK,
    NEGATED,
    NOT_HELPERS,
    OWNED,
    OWNERS,
    SAME_ERRORS,
    SHOWN,
    SWITCHES,
    TOLERANCES,
)

CONTEXT_HELPER = re2.compile(r"^[a-z]+_assert_\w+$")
"""Fixtures that assert around a block: `with django_assert_num_queries(3):`."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where an assertion stands: what names mean there, its line and its guards."""

    names: Names
    line: int
    guards: tuple[str, ...]
    column: int = 0


def checks_in(statement: ast.stmt, names: Names, guards: tuple[str, ...], found: Sequence[ast.AST]) -> Iterator[Check]:
    """Yield the assertions of one statement (its own expressions, given flat in `found`, not the blocks inside it)."""
    if isinstance(statement, ast.Assert):
        yield from _conditions(statement.test, True, Frame(names, statement.lineno, guards, statement.col_offset))
    elif isinstance(statement, ast.Raise) and statement.exc and _raises_failure(statement.exc):
        yield Check("fail", "", "", statement.lineno, guards=guards)
    alone = _alone(statement)
    contexts = {id(item.context_expr) for item in getattr(statement, "items", ())}
    lazy = _lazy(found)
    for node in found:
        if isinstance(node, ast.Call):
            body = getattr(statement, "body", []) if id(node) in contexts else []
            frame = Frame(names, node.lineno, (*guards, *lazy.get(id(node), ())), statement.col_offset)
            checks = _call(node, frame, body, node is alone)
            waited = isinstance(getattr(statement, "value", None), ast.Await) and node is alone
            yield from (replace(c, awaited=True) for c in checks) if waited else checks


def _lazy(found: Sequence[ast.AST]) -> dict[int, tuple[str, ...]]:
    """Calls that may not run though their statement does, with the guard: in a lambda, a generator, behind `and`."""
    guards: dict[int, tuple[str, ...]] = {}
    for node in found:  # parents come before what is in them
        mine = guards.get(id(node), ())
        if isinstance(node, (ast.Lambda, ast.GeneratorExp, ast.BoolOp, ast.IfExp)):
            kind = "function" if isinstance(node, ast.Lambda) else "if"
            late = _late(node)
            guards |= {id(c): (*mine, kind)[:DEEPEST] if c in late else mine for c in ast.iter_child_nodes(node)}
        elif mine:
            guards |= dict.fromkeys(map(id, ast.iter_child_nodes(node)), mine)
    return guards


def _late(node: ast.Lambda | ast.GeneratorExp | ast.BoolOp | ast.IfExp) -> list[ast.AST]:
    """The parts of an expression that are not always reached."""
    if isinstance(node, ast.Lambda):
        return [node.body]
    if isinstance(node, ast.GeneratorExp):
        return [node.elt]
    return list(node.values[1:]) if isinstance(node, ast.BoolOp) else [node.body, node.orelse]


def _alone(statement: ast.stmt) -> ast.expr | None:
    """The call that is the whole statement, awaited or not."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    return value.value if isinstance(value, ast.Await) else value


def _raises_failure(node: ast.expr) -> bool:
    target = node.func if isinstance(node, ast.Call) else node
    return isinstance(target, ast.Name) and target.id == "AssertionError"


def _conditions(node: ast.expr, wanted: bool, frame: Frame) -> Iterator[Check]:
    """Split a condition into checks; `wanted` is False below a `not`."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield from _conditions(node.operand, not wanted, frame)
    elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And) is wanted:
        for part in node.values:
            yield from _conditions(part, wanted, frame)
    elif constant(node) is not ... and bool(constant(node)) is not wanted:
        yield Check("fail", "", "", frame.line, guards=frame.guards)
    elif isinstance(node, ast.Compare) and (len(node.ops) == 1 or wanted):
        lefts = [node.left, *node.comparators]
        for left, operator, right in zip(lefts, node.ops, node.comparators, strict=False):
            op = OPERATORS[type(operator)]
            yield _comparison(op if wanted else NEGATED[op], left, right, frame)
    elif isinstance(node, ast.Call) and text_of(node.func) == "isinstance" and len(node.args) == 2:
        yield _build("instance" if wanted else "not-instance", node.args[0], node.args[1], frame)
    elif isinstance(node, ast.Call) and last(frame.names.dotted(node.func)) in CLOSE and len(node.args) > 1:
        yield _build("approx" if wanted else "not-approx", node.args[0], node.args[1], frame, [node])
    else:
        yield _build("truthy" if wanted else "falsy", node, None, frame)


def _comparison(op: str, left: ast.expr, right: ast.expr, frame: Frame) -> Check:
    if op in {"in", "not-in"}:
        left, right = right, left  # what is searched is the subject
    elif (is_literal(left) and not is_literal(right)) or _is_approx(left, frame.names):
        left, right, op = right, left, MIRROR.get(op, op)
    value = constant(right)
    if op in {"eq", "is", "ne", "is-not"} and (value is None or isinstance(value, bool)):
        plain = {None: "none", True: "true", False: "false"}[value]
        return _build(plain if op in {"eq", "is"} else NEGATED[plain], left, None, frame)
    if op in {"eq", "ne"} and isinstance(right, ast.Call) and _is_approx(right, frame.names) and right.args:
        return _build("approx" if op == "eq" else "not-approx", left, right.args[0], frame, [right])
    return _build(op, left, right, frame)


def _is_approx(node: ast.expr, names: Names) -> bool:
    return isinstance(node, ast.Call) and last(names.dotted(node.func)) == "approx"


def _call(node: ast.Call, frame: Frame, body: list[ast.stmt], alone: bool) -> Iterator[Check]:
    dotted = frame.names.dotted(node.func)
    name = last(dotted)
    known = METHODS.get(name)
    if known and name in OWNED and name != dotted and not dotted.startswith(OWNERS):
        known = None
    if known is None:
        head = last(dotted.partition(".()")[0])
        if (alone and head not in NOT_HELPERS and HELPER.search(head)) or (body and CONTEXT_HELPER.search(name)):
            yield _helper(f"call:{name}", node, frame)
        return
    op, arity = known
    args = node.args
    if op in CONTEXTS:
        yield _context(op, arity, node, frame, body)
    elif arity == MOCK:
        yield _mock_call(op, node, frame)
    elif op in {"truthy", "falsy"} and args:
        yield from _conditions(args[0], op == "truthy", frame)
    elif op in COMPARED and len(args) > 1:
        yield _with_options(_comparison(op, args[0], args[1], frame), node)
    elif op in {"in", "not-in"} and len(args) > 1:
        subject, wanted = (args[0], args[1]) if name.endswith("Contains") else (args[1], args[0])
        yield _build(op, subject, wanted, frame)
    elif op == "fail":
        yield Check("fail", "", "", frame.line, guards=frame.guards)
    elif len(args) >= arity:
        yield _with_options(_build(op, args[0], args[1] if arity > 1 else None, frame, [node]), node)


def _helper(op: str, node: ast.Call, frame: Frame) -> Check:
    """A call of something that asserts by its name: all arguments are what is checked."""
    told = literals(node, frame.names)
    text = text_of(node)
    return Check(
        op,
        text,
        "",
        frame.line,
        subject_literals=tuple(sorted(told.found)),
        elements=told.elements,
        guards=frame.guards,
        words=words_of(text),
    )


def _mock_call(op: str, node: ast.Call, frame: Frame) -> Check:
    subject = node.func.value if isinstance(node.func, ast.Attribute) else node.func
    given = ast.Tuple(elts=[*node.args, *(k.value for k in node.keywords)], ctx=ast.Load())
    return replace(_build(op, subject, given, frame), hollow="")


def _context(op: str, arity: int, node: ast.Call, frame: Frame, body: list[ast.stmt]) -> Check:
    """`pytest.raises` and its like, as a context with a body, or with the callable as an argument."""
    match = [k.value for k in node.keywords if k.arg in {"match", "expected_regex", "expected_message", "level"}]
    if arity > 1 and len(node.args) > 1:
        match = [node.args[1]]
    told = [text for m in match for text in literals(m, frame.names).found]
    kinds = _error_names(node.args[0] if node.args else None, frame.names)
    subject = "; ".join(_head(s) for s in body[:SHOWN]) or ", ".join(text_of(a) for a in node.args[arity:])
    return Check(
        op,
        subject,
        " | ".join(sorted(kinds)),
        frame.line,
        expected_literals=tuple(sorted([*told, *(f"error {k}" for k in kinds - BROAD)])),
        lossy=frozenset(f"also {k}" for k in kinds) if len(kinds) > 1 or kinds & BROAD else frozenset(),
        guards=frame.guards,
        words=words_of(subject),
        hollow="the block raises the error itself" if any(isinstance(s, ast.Raise) for s in body[:1]) else "",
    )


def _head(statement: ast.stmt) -> str:
    """Source of a statement; of a compound one only its head, so that nesting costs nothing."""
    if any(True for _ in blocks(statement)):
        return ", ".join(text_of(e) for e in expressions(statement))
    return "" if isinstance(statement, (ast.FunctionDef, ast.ClassDef)) else ast.unparse(statement)


def _error_names(node: ast.expr | None, names: Names) -> frozenset[str]:
    if node is None:
        return frozenset()
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    dotted = (names.dotted(p) for p in parts)
    return frozenset(SAME_ERRORS.get(d, last(d)) for d in dotted)


def _with_options(check: Check, node: ast.Call) -> Check:
    """Take in keywords such as `check_dtype=False`, each of which makes the comparison accept more."""
    off = {f"{k.arg}=False" for k in node.keywords if SWITCHES.search(k.arg or "") and constant(k.value) is False}
    return replace(check, lossy=check.lossy | off) if off else check


def _build(
    op: str, subject: ast.expr, expected: ast.expr | None, frame: Frame, tolerant: Sequence[ast.Call] = ()
) -> Check:
    frame.names.spend()
    left = literals(subject, frame.names)
    right = literals(expected, frame.names) if expected else Literals()
    texts = [text_of(subject), text_of(expected) if expected else ""]
    return Check(
        op,
        texts[0],
        texts[1],
        frame.line,
        subject_literals=tuple(sorted(left.found)),
        expected_literals=tuple(sorted(right.found)),
        elements=right.elements,
        tolerances=_tolerances(op, subject, expected, tolerant),
        lossy=_lossy(subject, expected),
        guards=frame.guards,
        words=words_of(" ".join(texts)),
        hollow=why_hollow(op, subject, expected, Place(frame.names, frame.line, frame.column)),
    )


def _tolerances(
    op: str, subject: ast.expr | None, expected: ast.expr | None, calls: Sequence[ast.Call]
) -> tuple[tuple[str, float], ...]:
    found = {}
    for call in calls:
        given = {k.arg: k.value for k in call.keywords if k.arg in TOLERANCES}
        if last(ast.unparse(call.func)) == "assertAlmostEqual" and len(call.args) > 2:
            given["places"] = call.args[2]
        if last(ast.unparse(call.func)) == "approx" and len(call.args) > 1:
            given["rel"] = call.args[1]
        for name, node in given.items():
            value = constant(node)
            if isinstance(value, (int, float)):
                found[str(name)] = TOLERANCES[str(name)] * float(value)
    bound = constant(expected)
    small = isinstance(subject, ast.Call) and isinstance(subject.func, ast.Name) and subject.func.id == "abs"
    if op in {"lt", "le"} and small and isinstance(bound, (int, float)):
        found["bound"] = float(bound)
    return tuple(sorted(found.items()))


def _lossy(*sides: ast.expr | None) -> frozenset[str]:
    found = set()
    for node in (n for side in sides if side for n in ast.walk(side)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            found |= {name} & LOSSY
        elif isinstance(node, (ast.IfExp, ast.BoolOp)):
            found.add("choice")
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            found.add("slice")
        elif isinstance(node, (ast.Name, ast.Attribute)) and ast.unparse(node) in EVERYTHING:
            found.add("anything")
    return frozenset(found)
