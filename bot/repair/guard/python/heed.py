"""Whose failure comes out and whose is dropped, in Python code that is no test: counted by the names of calls."""

import ast
from collections.abc import Iterator

import re2

from bot.repair.guard.facts import Heed
from bot.repair.guard.heed import EXPECTED_TO_FAIL, TELLING
from bot.repair.guard.python.marks import is_broad, suppresses
from bot.repair.guard.python.names import Names

TELLS = frozenset({"print", "print_exc", "warn", "pprint"})
LOGGER = re2.compile(r"(?i)^_?(?:log|logger|logging|\w*_log|\w*_logger)$")
LOOPS = (ast.For, ast.AsyncFor, ast.While)
IMPORTED = EXPECTED_TO_FAIL | {"import_module", "version", "find_spec", "unlink", "remove"}


def heed_of(tree: ast.Module, names: Names) -> Heed:
    """Read a module."""
    heeded: list[str] = []
    dropped: list[tuple[str, int]] = []
    stack: list[tuple[ast.AST, int, bool]] = [(tree, 0, False)]  # node, line of what drops its failure, in a loop
    while stack:
        node, line, looped = stack.pop()
        if name := _named(node):
            if line:
                dropped.append((name, line))
            else:
                heeded.append(name)
        looped = isinstance(node, LOOPS) or (looped and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
        handler = 0 if line else _drops(node, names, looped=looped)
        body = {id(s) for s in getattr(node, "body", ())} if handler else set()
        children = ast.iter_child_nodes(node)
        stack.extend((n, line or (handler if id(n) in body else 0), looped) for n in children)
    for name, line, raised in _turned(tree):
        heeded += [name] if raised else []
        dropped += [] if raised else [(name, line)]
    return Heed(tuple(heeded), tuple(dropped))


def _turned(tree: ast.Module) -> Iterator[tuple[str, int, bool]]:
    """Yield (name, line, whether it raises) for each handler of a function that raises, or does nothing at all."""
    for function in (n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))):
        for handler in (n for n in ast.walk(function) if isinstance(n, ast.ExceptHandler)):
            caught = ast.unparse(handler.type) if handler.type else ""
            raised = any(isinstance(n, ast.Raise) for n in ast.walk(handler))
            if raised or all(_says_nothing(s, looped=False, bound=handler.name or "") for s in handler.body):
                yield f"{function.name} with {caught}".rstrip(), handler.lineno, raised


def _named(node: ast.AST) -> str:
    """The name of what may fail: a call, or a look into what may not hold it."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return "[]"
    return _last(node.func) if isinstance(node, ast.Call) else ""


def _drops(node: ast.AST, names: Names, *, looped: bool) -> int:
    """The line of what drops any failure of the body of a statement; 0 when nothing does."""
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return next((node.lineno for i in node.items if suppresses(i.context_expr, names)), 0)
    if not isinstance(node, ast.Try):
        return 0
    for handler in node.handlers:
        if is_broad(handler.type, names) and all(
            _says_nothing(s, looped=looped, bound=handler.name or "") for s in handler.body
        ):
            told = any(not isinstance(s, ast.Pass) for s in handler.body)
            expected = told and IMPORTED & set(_called(node.body))
            return 0 if expected else handler.lineno
    return 0


def _called(body: list[ast.stmt]) -> Iterator[str]:
    for node in (n for s in body for n in ast.walk(s)):
        if isinstance(node, ast.Call):
            yield _last(node.func)


def _says_nothing(statement: ast.stmt, *, looped: bool, bound: str) -> bool:
    """Whether a statement of a handler does nothing with the failure but, perhaps, tell of it."""
    if isinstance(statement, (ast.Pass, ast.Continue, ast.Break)):
        return True
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        if isinstance(function, ast.Attribute) and LOGGER.search(_last(function.value)):
            return not looped
        return _last(function) in TELLS
    value = statement.value if isinstance(statement, (ast.Return, ast.Expr, ast.Assign)) else statement
    if isinstance(statement, ast.Return) and statement.value is not None and _is_record(statement.value, bound):
        return True
    return value is None or (isinstance(value, ast.expr) and _is_nothing(value))


def _is_record(value: ast.expr, bound: str) -> bool:
    """Whether what is given back is made of literals and names, none of which tells of the failure."""
    if not isinstance(value, (ast.Dict, ast.List, ast.Tuple)) or TELLING.search(ast.unparse(value)):
        return False
    parts = list(ast.iter_child_nodes(value))
    parts = [p for p in parts if not isinstance(p, ast.expr_context)]
    names = {p.id for p in parts if isinstance(p, ast.Name)}
    return all(isinstance(p, (ast.Constant, ast.Name)) for p in parts) and bound not in names


def _is_nothing(value: ast.expr) -> bool:
    if isinstance(value, ast.Constant):
        return value.value is not False and (value.value is True or not value.value or value.value is ...)
    return (isinstance(value, (ast.List, ast.Tuple)) and not value.elts) or (
        isinstance(value, ast.Dict) and not value.keys
    )


def _last(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
