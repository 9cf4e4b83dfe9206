"""Python for the guard: read with `ast`."""

import ast
from collections.abc import Iterator

from bot.repair.guard.directives import Anchor, found_in, line_words, words_of
from bot.repair.guard.examples import examples_in
from bot.repair.guard.facts import Facts, Patterns, TooComplex
from bot.repair.guard.kinds import in_test_folder, is_python_test, name_of
from bot.repair.guard.lexer import without_comments
from bot.repair.guard.python.heed import heed_of
from bot.repair.guard.python.marks import imported, marks_in
from bot.repair.guard.python.names import Names
from bot.repair.guard.python.newer import parse
from bot.repair.guard.python.units import Scope, class_marks, module_unit, units_of
from bot.repair.guard.python.values import is_literal, text_of
from bot.repair.guard.specials import specials_in

NAME = "python"
PATTERNS = Patterns(
    test=r"^\s*(?:async\s+)?def\s+(test\w*)",
    check=r"^\s*(?:assert\b|(?:await\s+)?(?:self|cls)\.assert\w+|(?:async\s+)?with\s+.*raises\(|[\w.]*\.assert_\w+\(|(?:pytest\.)?fail\()",
    off=r"\b(?:skip|skipif|skipIf|skipUnless|xfail|expectedFailure|importorskip|skipTest|SkipTest)\b",
    comments="python",
)
LARGEST = 300_000  # characters that are parsed with care
LONGEST = 20_000  # characters of a line
BRACES = 20_000  # opening braces: CPython takes quadratic time for those of one f-string


def claims(path: str) -> bool:
    """Whether it is a Python file."""
    return path.endswith((".py", ".pyi", ".pyw"))


def is_test(path: str) -> bool:
    """Whether it is a test file, a conftest, or in a folder for tests."""
    return is_python_test(path) or name_of(path) == "conftest.py" or in_test_folder(path)


def collected(path: str) -> bool:
    """Whether pytest or unittest look for tests in it."""
    return is_python_test(path)


def read(path: str, text: str) -> Facts:
    """Read one side of a Python file; see `Language.read`."""
    if len(text) > LARGEST or text.count("{") > BRACES or max(map(len, text.split("\n"))) > LONGEST:
        raise TooComplex("too large, or a line is too long")
    tree = parse(text)
    try:
        return _facts(path, text, tree)
    except RecursionError as e:
        raise TooComplex("too deeply nested") from e


def _facts(path: str, text: str, tree: ast.Module) -> Facts:
    directives, closers = found_in(text, "python", _anchor(text, tree))
    names = Names()
    names.learn(tree.body)
    examples = tuple(examples_in(text))
    if not is_test(path):
        found = [n for n in ast.walk(tree) if isinstance(n, (ast.Call, ast.Compare, ast.Name, ast.Attribute))]
        told = tuple(marks_in(found, names, test=False))
        return Facts(
            directives=directives,
            closers=closers,
            examples=examples,
            marks=told,
            heed=heed_of(tree, names),
            specials=tuple(specials_in(tree)),
        )
    lines = text.split("\n")
    own = frozenset(s.name for s in tree.body if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef)))
    scope = Scope("", names, collected=True, own=own)
    return Facts(
        units=(module_unit(tree.body, names), *units_of(tree.body, scope, lines)),
        marks=(*class_marks(tree.body, names), *imported(names)),
        directives=directives,
        closers=closers,
        constants=tuple(_constants(tree)),
        examples=examples,
    )


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for statement in tree.body:
        value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        for target in targets:
            if value is not None and is_literal(value) and isinstance(target, ast.Name):
                yield target.id, text_of(value)


def _anchor(text: str, tree: ast.Module) -> Anchor:
    """Words of the statement that a comment stands at, so that a comment is known again after a re-wrapping."""
    lines = text.split("\n")
    at: dict[int, tuple[int, int]] = {}
    bare: list[str] = []

    def words(line: int) -> frozenset[str]:
        if not bare:
            bare.extend(without_comments(text, "python").split("\n"))
            at.update(_statements(tree))
        first, end = at.get(line) or at.get(line + 1) or (0, 0)
        return words_of("\n".join(bare[first:end])) if end else line_words(lines, line)

    return words


def _statements(tree: ast.Module) -> Iterator[tuple[int, tuple[int, int]]]:
    """Map each line to the slice of lines of the innermost statement there (the head of a compound one)."""
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        inner = [n for n in ast.iter_child_nodes(node) if isinstance(n, (ast.stmt, ast.ExceptHandler, ast.match_case))]
        first = getattr(node, "lineno", 0)
        if isinstance(node, ast.stmt):
            starts = [n.lineno - 1 for n in inner if isinstance(n, (ast.stmt, ast.ExceptHandler))]
            end = max(first, min(starts, default=node.end_lineno or first))
            yield from ((line, (first - 1, end)) for line in range(first, end + 1))
        stack.extend(inner)
