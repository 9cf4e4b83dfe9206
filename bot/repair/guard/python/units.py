"""The tests and other functions of a Python test file, as facts."""

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import re2

from bot.repair.guard.directives import assigned_in, literals_of, words_of
from bot.repair.guard.facts import Check, Mark, TooComplex, Unit
from bot.repair.guard.python import marks
from bot.repair.guard.python.asserts import checks_in
from bot.repair.guard.python.cases import cases_of, overwritten_by, patched_by, rows_of
from bot.repair.guard.python.names import Names, blocks, expressions, flat, last
from bot.repair.guard.python.values import constant, literals, text_of
from bot.repair.guard.rules import listed

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
TEST_BASE = re2.compile(r"(?i)test|case|spec")
OUTSIDE = sys.stdlib_module_names | frozenset(
    listed(
        "requests httpx aiohttp urllib3 boto3 botocore redis celery smtplib psycopg pymongo sqlalchemy "
        "django flask stripe"
    )
)  # what tests fake so as not to reach it
UNITS = 2000  # functions of one file that are read with care
ASYNC_MARKS = frozenset({"asyncio", "anyio", "trio", "gen_test", "tornado", "asyncio_cooperative"})
TRIVIAL = (ast.Pass, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where functions are defined: the class chain, what names mean, whether the runner looks there, and guards."""

    prefix: str
    names: Names
    collected: bool
    guards: tuple[str, ...] = ()
    async_runner: bool = True
    own: frozenset[str] = frozenset()
    """Functions of the module, which may serve as decorators."""


def units_of(body: list[ast.stmt], scope: Scope, lines: Sequence[str]) -> Iterator[Unit]:
    """Yield a unit for each function of a module or class body, classes inside it included."""
    defined = list(_definitions(body, scope.guards))
    if len(defined) > UNITS:
        raise TooComplex(f"more than {UNITS} functions")
    dead = _undone(body)
    final = {node.name: node for node, _ in defined}
    for node, guards in defined:
        alive = scope.collected and final[node.name] is node and node.name not in dead and not guards
        if isinstance(node, ast.ClassDef):
            yield from units_of(node.body, _class_scope(node, scope, alive, guards), lines)
        else:
            runs = alive and node.name.startswith("test") and not _is_no_test(node, scope.names)
            yield _unit(node, scope, runs, lines)


def _definitions(
    body: list[ast.stmt], guards: tuple[str, ...]
) -> Iterator[tuple[Function | ast.ClassDef, tuple[str, ...]]]:
    """Functions and classes of a body with the conditions they are defined under; the branches of `try` are none."""
    for statement in body:
        if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
            yield statement, guards
        else:
            inner = (*guards, text_of(statement.test)) if isinstance(statement, (ast.If, ast.While)) else guards
            for block in blocks(statement):
                yield from _definitions(block, inner)


def _is_no_test(node: Function, names: Names) -> bool:
    """Whether a decorator makes something else of a function, so that no runner finds a test in it."""
    told = {last(names.dotted(d.func if isinstance(d, ast.Call) else d)) for d in node.decorator_list}
    return bool(
        told & {"fixture", "property", "cached_property", "contextmanager", "asynccontextmanager", "abstractmethod"}
    )


def _undone(body: list[ast.stmt]) -> frozenset[str]:
    """Names that are deleted, overwritten or switched off after their definition."""
    gone = set()
    for statement in flat(body):
        targets = statement.targets if isinstance(statement, (ast.Delete, ast.Assign)) else []
        for target in targets:
            if isinstance(target, ast.Name):
                gone.add(target.id)
            elif isinstance(target, ast.Attribute) and target.attr == "__test__" and isinstance(target.value, ast.Name):
                gone.add(target.value.id)
    return frozenset(gone)


def _class_scope(node: ast.ClassDef, outer: Scope, alive: bool, guards: tuple[str, ...]) -> Scope:
    own_init = any(isinstance(s, FUNCTIONS) and s.name in {"__init__", "__new__"} for s in node.body)
    bases = [last(outer.names.dotted(b)) for b in node.bases]
    by_base = any(TEST_BASE.search(b) for b in bases) or (any(b != "object" for b in bases) and "est" in node.name)
    found = by_base or (node.name.startswith("Test") and not own_init)
    names = outer.names.members(node)
    plain = any(b in {"TestCase", "SimpleTestCase"} for b in bases)
    return Scope(f"{outer.prefix}{node.name}.", names, alive and found, guards, not plain, outer.own)


def _unit(node: Function, scope: Scope, collected: bool, lines: Sequence[str]) -> Unit:
    names = scope.names.inner(node.body)
    for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
        names.values.setdefault(argument.arg, [])
    walk = _Walk(names, collected)
    walk.body(node.body, ())
    own = f"{scope.prefix}{node.name}"
    marked = [*walk.marks, *_exits(node, walk, collected), *_of_definition(node, scope, walk, collected)]
    marked += [
        Mark("hollow-assertion", f"{c.op} {c.subject} {c.expected}", c.line, f"this assertion {c.hollow}")
        for c in walk.checks
        if c.hollow
    ]
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    text = "\n".join(lines[first - 1 : node.end_lineno])
    return Unit(
        own,
        node.lineno,
        collected,
        checks=tuple(walk.checks),
        marks=tuple(marked),
        cases=(*cases_of(node.decorator_list, names), *walk.cases),
        values=tuple(walk.values),
        calls=tuple(walk.calls),
        patches=frozenset(walk.patches | patched_by([n for d in node.decorator_list for n in ast.walk(d)], names)),
        weight=walk.weight,
        words=words_of(text),
        literals=literals_of(text),
        assigned=assigned_in(text),
    )


def module_unit(body: list[ast.stmt], names: Names) -> Unit:
    """The statements of a module outside its functions and classes, as one unit named `<module>`."""
    walk = _Walk(names, False)
    walk.body([s for s in body if not isinstance(s, (*FUNCTIONS, ast.ClassDef))], ())
    runs = [Check(f"call:{c}", c, "", 1) for c in walk.calls if c in {"unittest.main", "pytest.main"}]
    return Unit("<module>", 1, False, checks=(*walk.checks, *runs), marks=tuple(walk.marks), calls=tuple(walk.calls))


def class_marks(body: list[ast.stmt], names: Names) -> Iterator[Mark]:
    """The marks of classes: their decorators and what stands in them outside their methods."""
    for statement in flat(body):
        if isinstance(statement, ast.ClassDef):
            yield from marks.decorators(statement.decorator_list, names, owner=statement.name)
            for inner in flat(statement.body):
                yield from marks.tampering(inner, names)
                yield from marks.marks_in([n for e in expressions(inner) for n in ast.walk(e)], names, test=True)
            yield from class_marks(statement.body, names)


class _Walk:
    """One pass over the body of a function, collecting what its unit needs."""

    def __init__(self, names: Names, test: bool) -> None:
        self.names, self.test = names, test
        self.checks: list[Check] = []
        self.marks: list[Mark] = []
        self.cases: list[str] = []
        self.values: list[str] = []
        self.calls: list[str] = []
        self.patches: set[str] = set()
        self.exits: list[ast.stmt] = []
        self.weight = 0
        self.yields = self.awaits = False

    def body(self, statements: list[ast.stmt], guards: tuple[str, ...]) -> None:
        """Walk a block; `guards` are the conditions it stands under."""
        for statement in statements:
            self._statement(statement, guards)

    def _statement(self, statement: ast.stmt, guards: tuple[str, ...]) -> None:
        if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
            before, exits = len(self.checks), len(self.exits)
            self.body(statement.body, (*guards, "function"))
            if len(self.checks) == before:  # what ends a function of the test's own ends no check
                del self.exits[exits:]
            return
        found: list[ast.AST] = [n for e in expressions(statement) for n in ast.walk(e)]
        checks = list(checks_in(statement, self.names, guards, found))
        self.checks += checks
        self.marks += [*marks.marks_in(found, self.names, test=True), *marks.tampering(statement, self.names)]
        self.calls += [self.names.dotted(n.func) for n in found if isinstance(n, ast.Call)]
        self.patches |= patched_by(found, self.names) | overwritten_by(statement, self.names)
        if "function" not in guards:
            self.yields |= any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in found)
            self.awaits |= any(isinstance(n, ast.Await) or getattr(n, "is_async", 0) for n in found)
            self.awaits |= isinstance(statement, (ast.AsyncFor, ast.AsyncWith))
        self.weight += not (isinstance(statement, TRIVIAL) or _idle(statement))
        self._values(statement, found)
        self._blocks(statement, guards, inverted=any(c.op in {"raises", "fail"} for c in checks))

    def _values(self, statement: ast.stmt, found: Sequence[ast.AST]) -> None:
        if isinstance(statement, (ast.Return, ast.Continue, ast.Break)):
            self.exits.append(statement)
        if isinstance(statement, ast.Return) and statement.value:
            self.values += literals(statement.value, self.names).found
        for node in found:
            if isinstance(node, ast.Yield) and node.value:
                self.values += literals(node.value, self.names).found
        if isinstance(statement, (ast.For, ast.AsyncFor)):
            self.cases += rows_of(statement.iter, self.names)

    def _blocks(self, statement: ast.stmt, guards: tuple[str, ...], *, inverted: bool) -> None:
        before = len(self.checks)
        for block in blocks(statement):
            self.body(block, (*guards, *_guards(statement, block, self.names, inverted)))
        if marks.swallowing(statement, self.names):
            told = "a broad handler drops failures"
            self.marks.append(Mark("swallowed-failure", "broad handler", statement.lineno, told))
        if (
            len(self.checks) > before
            and isinstance(statement, ast.Try)
            and any(_leaves(s) for s in flat(statement.finalbody))
        ):
            self.marks.append(
                Mark("swallowed-failure", "finally", statement.lineno, "leaving `finally` drops failures")
            )


def _leaves(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.Return, ast.Break, ast.Continue))


def _idle(statement: ast.stmt) -> bool:
    """A docstring, an ellipsis, a constant, a bare return."""
    if isinstance(statement, ast.Return):
        return statement.value is None or constant(statement.value) is not ...
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _guards(statement: ast.stmt, block: list[ast.stmt], names: Names, inverted: bool) -> tuple[str, ...]:
    """What a block adds to the guards of the statements in it."""
    if isinstance(statement, (ast.If, ast.While)):
        if _never(statement.test) and block is statement.body:
            return ("dead",)
        joined = (
            statement.test.values
            if isinstance(statement.test, ast.BoolOp) and isinstance(statement.test.op, ast.And)
            else [0]
        )
        return ("if",) * len(joined)
    if isinstance(statement, ast.Match):
        return ("if",)
    if isinstance(statement, (ast.For, ast.AsyncFor)):
        return ("dead",) if _empty(statement.iter) else ()
    if isinstance(statement, ast.Try) and block is not statement.finalbody:
        return ("try",) if marks.catches(statement) else ()
    if isinstance(statement, (ast.With, ast.AsyncWith)):
        return ("raises",) if inverted else ("try",) if marks.swallowing(statement, names) else ()
    return ()


def _never(node: ast.expr) -> bool:
    """Whether a condition is never true when tests run."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        value = constant(node.operand)
        return value is not ... and bool(value)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        return any(_never(v) for v in node.values)
    value = constant(node)
    return (
        (value is not ... and not value) or _empty(node) or text_of(node) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}
    )


def _empty(node: ast.expr) -> bool:
    return (isinstance(node, (ast.List, ast.Tuple, ast.Set)) and not node.elts) or text_of(node) in {
        "range(0)",
        "{}",
        "''",
    }


def _exits(node: Function, walk: _Walk, collected: bool) -> Iterator[Mark]:
    """Returns and the like that come before the end of a test, or before the last check of a helper."""
    final = max((c.line for c in walk.checks), default=0)
    for statement in walk.exits:
        early = statement.lineno < final or (
            collected and isinstance(statement, ast.Return) and statement is not node.body[-1]
        )
        if early and (collected or walk.checks):
            kind = type(statement).__name__.lower()
            yield Mark("early-exit", kind, statement.lineno, f"{kind} before the end of the test")


def _of_definition(node: Function, scope: Scope, walk: _Walk, collected: bool) -> Iterator[Mark]:
    names = walk.names
    yield from marks.decorators(node.decorator_list, names, owner="", own=scope.own)
    calls = [d for d in node.decorator_list if isinstance(d, ast.Call)]
    inside = [*calls, *(n for d in calls for a in [*d.args, *d.keywords] for n in ast.walk(a))]
    yield from marks.marks_in(inside, names, test=True)
    yield from marks.hook(node)
    if any(k.arg == "autouse" and constant(k.value) is True for d in calls for k in d.keywords):
        for target in sorted(walk.patches):
            if target.partition(".")[0] not in OUTSIDE:
                told = f"{target} is replaced by a fake in all tests"
                yield Mark("mocked-subject", f"always {target}", node.lineno, told)
    if not collected:
        return
    marked = {last(names.dotted(d.func if isinstance(d, ast.Call) else d)) for d in node.decorator_list}
    awaited = scope.async_runner and (walk.awaits or marked & ASYNC_MARKS)
    if isinstance(node, ast.AsyncFunctionDef) and not awaited:
        yield Mark("disabled-test", "async", node.lineno, "a coroutine that nothing awaits: the test never runs")
    if walk.yields:
        yield Mark("disabled-test", "generator", node.lineno, "a generator is not run as a test")
