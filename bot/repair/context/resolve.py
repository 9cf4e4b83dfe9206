"""From what logs call a file to the file in the tree."""

import posixpath
from collections.abc import Iterator, Sequence

import re2

from bot.repair.context.tree import Tree
from bot.text.paths import inside

MOST = 3  # files that a name may stand for
PREFIX = re2.compile(r"^(?:webpack(?:-internal)?://[^/]*/+|ng://+|vite://+|file://)|[?#].*$")
INSTALLED = re2.compile(r"(?:site|dist)-packages/(.+)$")
JVM = (".java", ".kt", ".scala", ".groovy")
BUILT = re2.compile(
    r"(^|/)(?:dist|build|lib|out|esm|cjs|es|target/(?:test-)?classes|\.next|bin/(?:Debug|Release)/[^/]+)/"
)
CACHED = re2.compile(r"(^|/)__pycache__/([^/.]+)\.[^/]*\.pyc$")
SOURCES = {
    ".d.ts": (".ts", ".tsx"),
    ".js": (".ts", ".tsx", ".jsx", ".js"),
    ".mjs": (".mts", ".ts", ".mjs"),
    ".cjs": (".cts", ".ts", ".cjs"),
    ".class": JVM,
    ".o": (".c", ".cpp", ".cc"),
}
DOTTED = (".py", *JVM, ".php", ".rb", ".ts", ".js", ".rs", ".ex")


def resolve(tree: Tree, name: str, near: Sequence[str] = ()) -> tuple[str, ...]:
    """The files of the tree that a log may mean by a path, the likeliest first; none when they are of others.

    `near` are folders that tools ran in or that the log speaks of.
    """
    told = PREFIX.sub("", name.replace("\\", "/").strip().strip("'\""))
    installed = INSTALLED.search(told)
    if installed:  # perhaps the project itself
        found = _whole(tree, installed.group(1))
        return found if len(found) == 1 and "/" in installed.group(1) else ()
    if path := inside(told):
        return _of_path(tree, path, near) or next(
            filter(None, (_of_path(tree, source, near) for source in _sources(path))), ()
        )
    foreign = inside(told.lstrip("/"))  # an absolute path in a container
    return _by_tail(tree, foreign, 2) if foreign else ()


def dotted(tree: Tree, name: str, endings: Sequence[str] = DOTTED) -> tuple[str, ...]:
    """The files of a dotted name, as of a module, a class or a test: `tests.test_a.TestB`, `com.acme.Cart$Line`."""
    parts = name.partition("$")[0].replace("::", ".").replace("\\", ".").strip(".").split(".")
    for count in range(len(parts), 0, -1):
        path = "/".join(parts[:count])
        rows = (f"{path}{ending}" for ending in (*endings, "/__init__.py", "/mod.rs"))
        found = [whole for row in rows for whole in _whole(tree, row)]
        if found and (count > 1 or len(found) == 1):
            return tuple(found[:MOST])
    return ()


def nearest(tree: Tree, names: Sequence[str], folders: Sequence[str]) -> str:
    """The first of these file names in the first of these folders, or the nearest above it, that has one."""
    for folder in (*folders, ""):
        while True:
            found = next((p for n in names if (p := posixpath.join(folder, n)) in tree), "")
            if found or not folder:
                break
            folder = posixpath.dirname(folder)
        if found:
            return found
    return ""


def _of_path(tree: Tree, path: str, near: Sequence[str]) -> tuple[str, ...]:
    path = posixpath.normpath(path)
    if path in tree:
        return (path,)
    joined = (posixpath.normpath(posixpath.join(folder, path)) for folder in near)
    if found := next((p for p in joined if p in tree), ""):
        return (found,)
    whole = _whole(tree, path)
    if whole:
        close = [p for p in whole if any(p.startswith(f"{folder}/") for folder in near if folder)]
        return tuple((close or whole)[:MOST])
    return () if path.endswith(JVM) else _by_tail(tree, path, 2)


def _whole(tree: Tree, path: str) -> tuple[str, ...]:
    """The files whose path ends with all of it, those with the shortest path first."""
    return tuple(sorted(tree.named(path), key=lambda p: (p.count("/"), p)))


def _by_tail(tree: Tree, path: str, least: int) -> tuple[str, ...]:
    """The one file that shares the longest end with a path, of so many parts at least."""
    told = path.split("/")[::-1]
    shared = {p: _alike(told, p.split("/")[::-1]) for p in tree.named(told[0])}
    most = max(shared.values(), default=0)
    best = [p for p, count in shared.items() if count == most]
    return tuple(best) if most >= least and len(best) == 1 else ()


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _sources(path: str) -> Iterator[str]:
    """What a compiled file may have been made of."""
    if CACHED.search(path):
        yield CACHED.sub(r"\1\2.py", path)
    stem, ending = next(((path[: -len(e)], e) for e in SOURCES if path.endswith(e)), (path, ""))
    for new in SOURCES.get(ending, ()):
        for place in (r"\1src/", r"\1", r"\1src/main/java/", r"\1src/test/java/"):
            yield BUILT.sub(place, stem, count=1) + new
        yield stem + new
