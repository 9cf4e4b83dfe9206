"""Names that a fix takes away although other files of the repository go on using them.

A linter calls an import unused that only others take from the module, and a speller gives a function or the key of a
record another name in the files that it looks at: where no test runs those others, every leg is green, and they are
broken all the same. Imports are followed in Python; keys are words in quotes, in whatever language.
"""

import ast
import sys
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import PurePosixPath

import re2

from bot.ports import Git
from bot.repair.guard.facts import TooComplex, Unparsable
from bot.repair.guard.python.newer import parse
from bot.repair.trees import tracked

SUFFIXES = (".py", ".pyi")
MOST_FILES = 5000
SPELT = 0.8  # how alike a word and its correction are at least
QUOTED = re2.compile(r'"([A-Za-z_][\w-]*)"|\'([A-Za-z_][\w-]*)\'')
KEY = re2.compile(QUOTED.pattern + r"|(?m:^\s*([A-Za-z_][\w-]*)\s*[:=])")
Files = Mapping[str, tuple[str, str]]
OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def lost_names(git: Git, before: str, after: str) -> Iterator[str]:
    """What others still use although it is gone between two commits, in words."""
    was, now = tracked(git, before), tracked(git, after)
    changed = [p for p in was if p in now and was[p] != now[p]]
    yield from _lost_imports(git, after, changed, was, now)
    yield from _lost_keys(git, after, changed, was, now)


def _lost_imports(git: Git, after: str, changed: Iterable[str], was: Files, now: Files) -> Iterator[str]:
    modules = [p for p in changed if p.endswith(SUFFIXES)]
    lost = {p: names for p in modules if (names := _lost(git, p, was, now))}
    for path in _having(git, after, set().union(*lost.values()), [f"*{s}" for s in SUFFIXES]):
        taken = set(_taken(_parsed(git, now[path][1]), path)) if path in now else set()
        for module, names in lost.items():
            places = list(_known_as(module, now))
            for name in sorted(n for n in names if any((place, n) in taken for place in places)):
                yield f"{path} takes {name} from {module}, which has it no more"


def _lost_keys(git: Git, after: str, changed: Collection[str], was: Files, now: Files) -> Iterator[str]:
    lost = {p: words for p in changed if (words := _reworded(_text(git, was[p][1]), _text(git, now[p][1])))}
    for path in _having(git, after, set().union(*lost.values())):
        keys = set(_words(_text(git, now[path][1]))) if path in now and path not in changed else set()
        for other, words in lost.items():
            for word in sorted(keys & words):
                yield f"{path} has the key '{word}', which is another one in {other}"


def _having(git: Git, commit: str, words: Iterable[str], where: Sequence[str] = ()) -> list[str]:
    """The files of a commit that have one of these words."""
    patterns = [arg for word in sorted(words) for arg in ("-e", word)]
    found = git.try_run("grep", "-IlzwF", *patterns, commit, "--", *where) if patterns else None
    rows = (found or b"").split(b"\0")[:MOST_FILES]
    return [row.partition(b":")[2].decode("utf-8", "surrogateescape") for row in rows if row]


def _text(git: Git, blob: str) -> str:
    return git.run("cat-file", "blob", blob).decode("utf-8", "replace")


def _words(text: str) -> list[str]:
    """What may be keys: the single words in quotes, and those at the beginning of a line that a colon or `=` ends."""
    return [m.group(1) or m.group(2) or m.group(3) for m in KEY.finditer(text)]


def _reworded(before: str, after: str) -> set[str]:
    """The words in quotes that are written otherwise now; another word is not one that was spelt."""
    old, new = ({m.group(1) or m.group(2) for m in QUOTED.finditer(text)} for text in (before, after))
    return {word for word in old - new if get_close_matches(word, new - old, 1, SPELT)}


def _parsed(git: Git, blob: str) -> ast.Module | None:
    try:
        return parse(_text(git, blob).removeprefix("\ufeff"))
    except (Unparsable, TooComplex):
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
