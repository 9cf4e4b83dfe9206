"""Names that a fix takes out of a Python module although other files of the repository import them from there.

A linter calls an import unused that only others take, and a speller renames a function in the files that it looks at:
where no test runs those others, every leg is green, and they are broken all the same.
"""

import ast
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from bot.ports import Git
from bot.repair.trees import tracked

SUFFIXES = (".py", ".pyi")
MOST_FILES = 5000
Files = Mapping[str, tuple[str, str]]
OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def lost_names(git: Git, before: str, after: str) -> Iterator[str]:
    """What others still import although it is gone between two commits, in words."""
    was, now = tracked(git, before), tracked(git, after)
    modules = [p for p in was if p.endswith(SUFFIXES) and p in now and was[p] != now[p]]
    lost = {p: names for p in modules if (names := _lost(git, p, was, now))}
    if not lost:
        return
    words = [word for name in sorted(set().union(*lost.values())) for word in ("-e", name)]
    found = git.try_run("grep", "-lzwF", *words, after, "--", *(f"*{s}" for s in SUFFIXES)) or b""
    paths = [row.partition(b":")[2].decode("utf-8", "surrogateescape") for row in found.split(b"\0") if row]
    for path in [p for p in paths if p in now][:MOST_FILES]:
        taken = set(_taken(_parsed(git, now[path][1]), path))
        for module, names in lost.items():
            places = list(_known_as(module, now))
            for name in sorted(n for n in names if any((place, n) in taken for place in places)):
                yield f"{path} takes {name} from {module}, which has it no more"


def _parsed(git: Git, blob: str) -> ast.Module | None:
    try:
        return ast.parse(git.run("cat-file", "blob", blob))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _lost(git: Git, path: str, was: Files, now: Files) -> set[str]:
    """The names that a module has no more; none where it may have others than are written in it, or has a module so."""
    before, after = (_parsed(git, files[path][1]) for files in (was, now))
    names = set(_bound(after.body)) if after else {"*"}
    if before is None or names & {"*", "__getattr__"}:
        return set()
    folder = path.removesuffix("__init__.py")
    modules = {n for n in _bound(before.body) for p in (f"{folder}{n}.py", f"{folder}{n}/__init__.py") if p in now}
    return {*_bound(before.body)} - names - (modules if folder != path else set())


def _bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    todo = [*nodes]
    while todo:
        node = todo.pop()
        if isinstance(node, OWN_SCOPE):
            yield getattr(node, "name", "")
            continue
        if isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        todo += ast.iter_child_nodes(node)


def _taken(tree: ast.Module | None, path: str) -> Iterator[tuple[str, str]]:
    """What a file takes from modules: (the module as a path without suffix, name)."""
    modules: dict[str, str] = {}
    nodes = list(ast.walk(tree)) if tree else []
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            place = _place(node, path)
            yield from ((place, alias.name) for alias in node.names)
            modules |= {a.asname or a.name: "/".join(filter(None, (place, a.name))) for a in node.names}
        elif isinstance(node, ast.Import):
            modules |= {a.asname or a.name: a.name.replace(".", "/") for a in node.names}
    yield from _attributes(nodes, modules)


def _attributes(nodes: Iterable[ast.AST], modules: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        if isinstance(node, ast.Attribute) and (place := modules.get(_dotted(node.value))):
            yield place, node.attr


def _dotted(node: ast.AST) -> str:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else ""


def _place(node: ast.ImportFrom, path: str) -> str:
    parts = (node.module or "").split(".") if node.module else []
    if not node.level:
        return "/".join(parts)
    folders = PurePosixPath(path).parts[: -node.level]
    return "/".join((*folders, *parts))


def _known_as(module: str, tree: Container[str]) -> Iterator[str]:
    """By which paths a module may be imported: from the root, or from a folder on the way to it that is no package."""
    parts = PurePosixPath(module).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    for n, name in enumerate(parts):
        folder = "/".join(parts[:n])
        is_stdlib = n == len(parts) - 1 and name in sys.stdlib_module_names
        if f"{folder}/__init__.py" not in tree and not is_stdlib:
            yield "/".join(parts[n:])
