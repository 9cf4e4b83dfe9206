"""Dotted names in Python source, with import aliases resolved."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar, cast

from bot.repair.guard.facts import TooComplex

UNKNOWN = ast.Name("?")  # stands for a value that is not to be had from the source
T = TypeVar("T")
CHECKS = 2500  # assertions of one file that are read with care
MOST = 8  # assignments to one name that are looked at, so that a text full of them stays cheap


@dataclass(slots=True)
class Names:
    """What the names of a module stand for: imports as dotted names, and what was assigned to each name, by scope.

    `values` maps a name (or `self.name`) to everything that is assigned to it. `outer` is the enclosing scope.
    """

    imports: dict[str, str] = field(default_factory=dict)
    values: dict[str, list[ast.expr]] = field(default_factory=dict)
    outer: "Names | None" = None
    told: dict[int, list[str]] = field(default_factory=dict)
    """Literals of assigned values by the id of their node, shared by all scopes of a module."""
    memory: dict[tuple[str, int], object] = field(default_factory=dict)
    """Answers about nodes that were given before, shared likewise."""
    spent: list[int] = field(default_factory=lambda: [0])
    """How many assertions were read, in all scopes of a module."""
    places: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Line and column of the assignment of a value, by the id of its node; shared likewise."""

    def remember(self, question: Callable[[ast.expr], T], node: ast.expr) -> T:
        """The answer of `question` about a node, asked once however often the node is met."""
        key = (question.__name__, id(node))
        if key not in self.memory:
            self.memory[key] = question(node)
        return cast("T", self.memory[key])

    def spend(self) -> None:
        """Count an assertion. Raises `TooComplex` when a file is full of them, which is no file that people wrote."""
        self.spent[0] += 1
        if self.spent[0] > CHECKS:
            raise TooComplex(f"more than {CHECKS} assertions")

    def dotted(self, node: ast.expr) -> str:
        """The dotted name of a Name or Attribute with aliases resolved; a call in the chain reads `()`; else ''."""
        parts = []
        while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript)):
            if isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
            elif isinstance(node, ast.Call):
                parts.append("()")
                node = node.func
            else:
                parts.append("[]")
                node = node.value
        if not isinstance(node, ast.Name):
            return ".".join(reversed([*parts, "?"]))
        return ".".join(reversed([*parts, self.imports.get(node.id, node.id)]))

    def values_of(self, name: str) -> list[ast.expr]:
        """What is assigned to `name` in this scope or, failing that, in an enclosing one (the last few)."""
        scope: Names | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name][-MOST:]
            scope = scope.outer
        return []

    def inner(self, body: list[ast.stmt]) -> "Names":
        """The scope of a function with that body."""
        names = Names(self.imports, {}, self, self.told, self.memory, self.spent, self.places)
        names.learn(body)
        return names

    def members(self, node: ast.ClassDef) -> "Names":
        """The scope that methods of a class see: what the class and its methods set reads `self.name`."""
        names = Names(self.imports, {}, self, self.told, self.memory, self.spent, self.places)
        for function in node.body:
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                names.learn(function.body)
        own = Names(self.imports, {}, self, self.told, self.memory, self.spent, self.places)
        own.learn(node.body)
        names.values = {k: v for k, v in names.values.items() if "." in k}
        for name, value in own.values.items():
            names.values |= {f"{who}.{name}": value for who in ("self", "cls", node.name)}
        return names

    def latest(self, name: str, line: int, column: int) -> list[ast.expr]:
        """What a name can hold for a statement there: an assignment in the same block hides the earlier ones."""
        values = self.values.get(name, [])[-MOST:]
        before = [v for v in values if self.places.get(id(v), (0, -1))[0] < line]
        if UNKNOWN in values or not before:
            return [UNKNOWN] if values else []
        return before[-1:] if self.places.get(id(before[-1]), (0, -1))[1] == column else values

    def line_of(self, value: ast.expr) -> int:
        """The line on which a value is assigned; 0 when that is not known."""
        return self.places.get(id(value), (0, 0))[0]

    def learn(self, body: list[ast.stmt]) -> None:
        """Take in the imports and assignments of a body, nested blocks included, nested functions not."""
        for statement in flat(body):
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                self.imports |= dict(_imported(statement))
            elif isinstance(statement, ast.Assign):
                for target in statement.targets:
                    self._assign(target, statement.value)
                self.places[id(statement.value)] = (statement.lineno, statement.col_offset)
            elif isinstance(statement, ast.AnnAssign) and statement.value:
                self._assign(statement.target, statement.value)
                self.places[id(statement.value)] = (statement.lineno, statement.col_offset)
            else:
                self._written(statement)

    def _written(self, statement: ast.stmt) -> None:
        """Note what a statement writes in another way than by assignment: its value is not known."""
        if isinstance(statement, (ast.AugAssign, ast.For, ast.AsyncFor)):
            self._assign(statement.target, UNKNOWN)
        elif isinstance(statement, (ast.With, ast.AsyncWith)):
            for item in statement.items:
                for value in self._opened(item.context_expr):
                    self._assign(item.optional_vars or UNKNOWN, value)
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for node in ast.walk(statement):
                if isinstance(node, (ast.Global, ast.Nonlocal)):
                    for name in node.names:
                        self._assign(ast.Name(name), UNKNOWN)

    def _opened(self, value: ast.expr) -> list[ast.expr]:
        """What a `with` gives a name to: the path of a file that it opens; anything else is not known."""
        called = value.func if isinstance(value, ast.Call) else None
        path: ast.expr | None = None
        if isinstance(called, ast.Attribute) and called.attr == "open":
            path = called.value
        elif isinstance(value, ast.Call) and isinstance(called, ast.Name) and called.id == "open":
            path = next(iter(value.args), None)
        if path is None:  # what a class makes is often what it gives, and is asked for by what it was made of
            made = isinstance(called, ast.Name) and called.id[:1].isupper()
            return [value if made else UNKNOWN]
        return (self.values.get(path.id) if isinstance(path, ast.Name) else None) or [path]

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.values.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            self.values.setdefault(f"{target.value.id}.{target.attr}", []).append(value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            same = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts)
            parts = value.elts if same and isinstance(value, (ast.Tuple, ast.List)) else [value] * len(target.elts)
            for one, part in zip(target.elts, parts, strict=True):
                self._assign(one, part)


def _imported(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    for alias in statement.names:
        if isinstance(statement, ast.ImportFrom):
            module = "." * statement.level + (statement.module or "")
            yield alias.asname or alias.name, f"{module}.{alias.name}"
        elif alias.asname:
            yield alias.asname, alias.name
        else:
            yield alias.name.partition(".")[0], alias.name.partition(".")[0]


def last(dotted: str) -> str:
    """The last part of a dotted name."""
    return dotted.rpartition(".")[2]


def blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The statement lists directly inside a compound statement that is no function or class."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return
    for name in ("body", "orelse", "finalbody"):
        inner = getattr(statement, name, None)
        if isinstance(inner, list) and inner and isinstance(inner[0], ast.stmt):
            yield inner
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body


def flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements of a body in order, nested blocks included; functions and classes are not entered."""
    stack = list(reversed(body))
    while stack:
        statement = stack.pop()
        yield statement
        for inner in reversed(list(blocks(statement))):
            stack.extend(reversed(inner))


def expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """The expressions of a statement itself: all of a simple one, the head of a compound one (decorators not)."""
    for name, value in ast.iter_fields(statement):
        if name in {"decorator_list", "annotation", "returns", "type_params"}:
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, ast.expr):
                yield one
            elif isinstance(one, ast.withitem):
                yield one.context_expr
            elif isinstance(one, ast.ExceptHandler) and one.type:
                yield one.type
            elif isinstance(one, ast.match_case) and one.guard:
                yield one.guard
