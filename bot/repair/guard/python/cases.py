"""What Python tests run over (parametrisation, loops) and what they replace by fakes."""

import ast
from collections.abc import Iterator, Sequence

from bot.repair.guard.python.names import Names, last
from bot.repair.guard.python.values import is_literal, text_of

ROWS = frozenset(
    {
        "parametrize",
        "expand",
        "parameterized",
        "parameterized_class",
        "data",
        "unpack",
        "params",
        "cases",
        "example",
        "given",
    }
)
FAKES = frozenset({"Mock", "MagicMock", "AsyncMock", "NonCallableMock", "create_autospec", "PropertyMock"})


def cases_of(nodes: Sequence[ast.expr], names: Names) -> Iterator[str]:
    """The rows of parametrisation and generation decorators."""
    for node in nodes:
        if not isinstance(node, ast.Call) or last(names.dotted(node.func)) not in ROWS:
            continue
        kind = last(names.dotted(node.func))
        arguments = [*node.args, *(k.value for k in node.keywords if k.arg not in {"ids", "indirect", "scope"})]
        if kind == "parametrize":
            for row in arguments[1:2]:
                yield from rows_of(row, names)
        elif kind in {"data", "example", "given"}:
            yield from (f"{kind} {_row(a)}" for a in arguments)
        else:
            for row in arguments:
                yield from rows_of(row, names)


def rows_of(node: ast.expr, names: Names) -> Iterator[str]:
    """The members of what a test runs over: of a literal, of a variable that holds one, or the expression itself."""
    if (
        isinstance(node, ast.Call)
        and text_of(node.func) in {"list", "tuple", "sorted", "enumerate", "reversed", "iter"}
        and node.args
    ):
        node = node.args[0]
    values = names.values_of(node.id) if isinstance(node, ast.Name) else [node]
    for value in values:
        if isinstance(value, (ast.List, ast.Tuple, ast.Set)):
            yield from (_row(e) for e in value.elts)
        elif isinstance(value, ast.Dict):
            yield from (_row(k) + ": " + _row(v) for k, v in zip(value.keys, value.values, strict=True) if k)
        elif text_of(value).startswith("range(") or (isinstance(value, ast.Constant) and value is node):
            yield text_of(value)


def _row(node: ast.expr) -> str:
    """One case as text; lists and tuples read the same, and `pytest.param` reads as its values."""
    if isinstance(node, ast.Call) and text_of(node.func) in {"pytest.param", "param"}:
        parts = node.args
    elif isinstance(node, (ast.List, ast.Tuple)):
        parts = node.elts
    else:
        return text_of(node)
    return _row(parts[0]) if len(parts) == 1 and isinstance(node, ast.Call) else f"({', '.join(map(_row, parts))})"


def patched_by(found: Sequence[ast.AST], names: Names) -> set[str]:
    """What is replaced by fakes: the dotted targets of mock.patch, monkeypatch.setattr and the like."""
    told = set()
    for node in found:
        if not isinstance(node, ast.Call) or not node.args:
            continue
        dotted = names.dotted(node.func)
        name, first = last(dotted), node.args[0]
        if name == "patch" or (name == "setattr" and "monkeypatch" in dotted and isinstance(first, ast.Constant)):
            told |= {str(first.value)} if isinstance(first, ast.Constant) else set()
        elif (dotted.endswith("patch.object") or (name == "setattr" and len(node.args) > 2)) and len(node.args) > 1:
            attribute = node.args[1]
            member = attribute.value if isinstance(attribute, ast.Constant) else None
            told |= {f"{names.dotted(first)}.{member}"} if isinstance(member, str) else set()
    return told


def overwritten_by(statement: ast.stmt, names: Names) -> set[str]:
    """Attributes of imported modules and classes that a statement overwrites."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    value = statement.value if isinstance(statement, ast.Assign) else None
    if value is None or (is_literal(value) and not isinstance(value, ast.Lambda)):
        return set()
    faked = isinstance(value, ast.Lambda) or (isinstance(value, ast.Call) and last(names.dotted(value.func)) in FAKES)
    attributes = [t for t in targets if isinstance(t, ast.Attribute) and isinstance(t.value, ast.Name)]
    return {
        names.dotted(t) for t in attributes if isinstance(t.value, ast.Name) and (faked or t.value.id in names.imports)
    }
