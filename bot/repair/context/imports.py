"""Which files of the tree a source file builds on: what it imports, what lies in its package, what it tests by name."""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import re2

from bot.repair.context.outline import without_texts
from bot.repair.context.resolve import JVM, dotted
from bot.repair.context.tree import Tree
from bot.repair.guard.kinds import C_FAMILY, name_of

MOST = 30  # files that one file builds on
PACKAGE = 40  # files of a package that are looked at
SCRIPTS = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte")
QUOTED = re2.compile(
    r"""(?:\bfrom|\bimport|\brequire|\bimport|\bmock|\bunmock|\bdoMock|\bresolve)\s*\(?\s*(?:<[^>]*>\s*\(\s*)?['"`]([^'"`\n]+)['"`]"""
)
PYTHON = re2.compile(r"(?m)^[ \t]*(?:import[ \t]+([^\n]+)|from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]+))")
JVM_IMPORT = re2.compile(r"(?m)^\s*import\s+(?:static\s+)?([\w.]+)")
GO_IMPORT = re2.compile(r"""(?m)^\s*(?:import\s+)?(?:[\w.]+\s+)?"([^"\s]+/[^"\s]+)"\s*$""")
RUBY = re2.compile(r"""(?m)^\s*require(_relative)?\s*\(?\s*['"]([^'"]+)['"]""")
PHP_USE = re2.compile(r"(?m)^\s*use\s+(?:function\s+|const\s+)?([\w\\]+)")
PHP_FILE = re2.compile(r"""\b(?:require|include)(?:_once)?\b[^;'"]*['"]/?([^'"]+)['"]""")
RUST = re2.compile(r"\b(?:crate|super|self|[a-z]\w*)((?:::\w+)+)|(?m:^\s*(?:pub(?:\([a-z]+\))?\s+)?mod\s+(\w+);)")
INCLUDE = re2.compile(r"""(?m)^\s*#\s*include\s*["<]([^">\n]+)[">]""")
CONSTANT = re.compile(r"\b[A-Z]\w*[a-z]\w*\b")
OF_TEST = re2.compile(
    r"^(?:(?:test|tests)[_-]|Test)(.+)$|^(.+?)(?:[_-](?:test|tests|spec|it)|Tests?|Spec|IT|TestCase|_?unittest)$"
)
DOTTED_TEST = re2.compile(r"(?:\.(?:test|tests|spec|cy|e2e|it|unit|integration))+$")
SOURCE = re2.compile(
    r"(?i)\.(py|pyi|[cm]?[jt]sx?|vue|svelte|go|rs|java|kt|kts|scala|groovy|rb|php|c|cc|cpp|cxx|h|hh|hpp|hxx|cs|swift|sh|ex|exs|dart|lua)$"
)
Names = Iterator[str]


def imported(tree: Tree, path: str, text: str) -> tuple[str, ...]:
    """The files that a file builds on, in the order in which it names them; what it tests by its name comes first."""
    read = next((r for endings, r in READERS.items() if path.endswith(endings)), None)
    tested = list(subjects(tree, path))
    named = list(read(tree, path, text)) if read else []
    found = [*tested, *named] if len(tested) == 1 else [*named, *tested]
    return tuple(p for p in dict.fromkeys(found) if p != path and p in tree)[:MOST]


def subjects(tree: Tree, path: str) -> Names:
    """What a test file tests if its name is made of that of the file: `test_cart.py` and `cart.py`."""
    stem, _, ending = name_of(path).rpartition(".")
    plain = DOTTED_TEST.sub("", stem)
    match = OF_TEST.match(plain)
    told = (match.group(1) or match.group(2)) if match else plain
    if told == stem and "__tests__" not in path:
        return
    endings = SCRIPTS if f".{ending}" in SCRIPTS else C_FAMILY if f".{ending}" in C_FAMILY else (f".{ending}",)
    found = [p for e in endings for p in tree.named(f"{told}{e}") if p != path]
    nearest = max((_near(p, path) for p in found), default=0)
    yield from sorted((p for p in found if _near(p, path) == nearest), key=lambda p: (p.count("/"), p))[:2]


def _near(one: str, other: str) -> int:
    """How many folders two paths share, wherever they stand: `tests/unit/shop/...` and `src/shop/...` share one."""
    return len(set(one.split("/")[:-1]) & set(other.split("/")[:-1]))


def _python(tree: Tree, path: str, text: str) -> Names:
    folder = posixpath.dirname(path)
    for module, level in _modules(text):
        name = module.replace(".", "/")
        if level:
            base = folder
            for _ in range(level - 1):
                base = posixpath.dirname(base)
            name = posixpath.join(base, name)
        if name in {"", "/"}:
            continue
        found = [p for e in (".py", "/__init__.py", ".pyi", ".pyx") if (p := f"{name}{e}") in tree]
        beside = [p for e in (".py", "/__init__.py") if (p := posixpath.join(folder, f"{name}{e}")) in tree]
        yield from found or beside or ([] if level else _suffixed(tree, name, (".py", "/__init__.py")))
    if name_of(path).startswith("test"):
        yield posixpath.join(folder, "conftest.py")


def _modules(text: str) -> Iterator[tuple[str, int]]:
    """The modules that Python code may import, each with the number of dots before it."""
    for match in PYTHON.finditer(without_texts(text)):
        plain, source, names = match.groups()
        if plain:
            yield from ((name.split()[0], 0) for name in plain.split(",") if name.strip())
            continue
        module = source.lstrip(".")
        level = len(source) - len(module)
        taken = (name.split()[0] for name in names.strip("()").split(",") if name.strip(" \t\r\n\\()"))
        yield from ((".".join(filter(None, (module, name))), level) for name in taken if name != "*")
        yield module, level


def _suffixed(tree: Tree, name: str, endings: Sequence[str]) -> list[str]:
    """The one file whose path ends with a name, wherever the root of its packages is."""
    for ending in endings:
        path = f"{name}{ending}"
        found = tree.named(path)
        if len(found) == 1 or (found and "/" in name):
            return found[:1]
    return []


def _scripts(tree: Tree, path: str, text: str) -> Names:
    folder = posixpath.dirname(path)
    for match in QUOTED.finditer(text):
        name = match.group(1)
        stem = re.sub(r"\.[cm]?jsx?$", "", name)
        tried = [f"{s}{e}" for s in (name, stem) for e in ("", *SCRIPTS, *(f"/index{e}" for e in SCRIPTS))]
        if name.startswith("."):
            yield from [p for t in tried if (p := posixpath.normpath(posixpath.join(folder, t))) in tree][:1]
        elif name.startswith(("@/", "~/", "#/", "src/", "/")) or "/" in name:
            ends = [t.lstrip("@~#/") for t in tried]
            whole = [p for t in ends for p in tree.named(t)]
            yield from whole[:1] or _workspace(tree, name)
        else:
            yield from _workspace(tree, name)


def _workspace(tree: Tree, name: str) -> list[str]:
    """The entry of a package of the same repository."""
    last = name_of(name)
    entries = (f"{last}/{p}index{e}" for p in ("src/", "", "lib/") for e in SCRIPTS)
    return [p for entry in entries for p in tree.named(entry)][:1]


def _go(tree: Tree, path: str, text: str) -> Names:
    folder = posixpath.dirname(path)
    yield from _go_files(tree, folder)
    for match in GO_IMPORT.finditer(text):
        parts = match.group(1).split("/")
        place = next((p for n in range(1, len(parts)) if (p := "/".join(parts[n:])) in tree.folders), "")
        yield from _go_files(tree, place) if place else ()


def _go_files(tree: Tree, folder: str) -> Names:
    files = [p for p in tree.inside(folder) if p.endswith(".go") and not p.endswith("_test.go")]
    yield from files[:PACKAGE]


def _jvm(tree: Tree, path: str, text: str) -> Names:
    """Classes of its own package, which needs no import, by their names; then what is imported."""
    package = re.sub(r"^.*?/src/[^/]+/[^/]+/|^src/[^/]+/[^/]+/", "", posixpath.dirname(path))
    for name in dict.fromkeys(CONSTANT.findall(text)):
        for ending in JVM:
            found = tree.named(f"{name}{ending}")
            yield from [p for p in found if posixpath.dirname(p).endswith(package)][:1]
    if path.endswith(".kt"):  # its files are not called after their classes
        yield from _package(tree, package)
    for match in JVM_IMPORT.finditer(text):
        named = dotted(tree, match.group(1), JVM)[:1]
        yield from named or _package(tree, match.group(1).rpartition(".")[0].replace(".", "/"))


def _package(tree: Tree, package: str) -> list[str]:
    """The files of a package of Kotlin, in all folders that are called so."""
    folders = sorted(f for f in tree.folders if package and (f == package or f.endswith(f"/{package}")))
    return [p for f in folders for p in tree.inside(f) if p.endswith(".kt")][:PACKAGE]


def _ruby(tree: Tree, path: str, text: str) -> Names:
    for match in RUBY.finditer(text):
        relative, name = match.groups()
        stem = name.removesuffix(".rb")
        own = posixpath.normpath(posixpath.join(posixpath.dirname(path), stem)) + ".rb"
        yield from [own] if relative and own in tree else _suffixed(tree, stem, (".rb",))
    for name in dict.fromkeys(CONSTANT.findall(text)):  # loaded by its name
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        yield from _suffixed(tree, snake, (".rb",))


def _php(tree: Tree, path: str, text: str) -> Names:
    for match in PHP_USE.finditer(text):
        parts = match.group(1).strip("\\").split("\\")
        for start in range(len(parts)):  # the first parts stand for a folder
            if found := _suffixed(tree, "/".join(parts[start:]), (".php",)):
                yield from found
                break
    for match in PHP_FILE.finditer(text):
        yield from _suffixed(tree, match.group(1).removesuffix(".php").lstrip("./"), (".php",))
    for name in dict.fromkeys(CONSTANT.findall(text)):
        yield from [p for p in tree.named(f"{name}.php") if _near(p, path)][:1]


def _rust(tree: Tree, path: str, text: str) -> Names:
    folder, name = posixpath.split(path)
    own = folder if name in {"mod.rs", "lib.rs", "main.rs"} else posixpath.join(folder, name.removesuffix(".rs"))
    sources = _crate(tree, path)
    for match in RUST.finditer(text):
        if module := match.group(2):
            yield from (posixpath.join(own, f"{module}{e}") for e in (".rs", "/mod.rs"))
            continue
        parts = match.group(1).strip(":").split("::")
        for count in range(min(len(parts), 3), 0, -1):
            place = "/".join(parts[:count])
            found = [
                p
                for root in (sources, folder)
                for e in (".rs", "/mod.rs")
                if (p := posixpath.join(root, place) + e) in tree
            ]
            if found := found or (_suffixed(tree, f"src/{place}", (".rs", "/mod.rs")) if count > 1 else []):
                yield found[0]
                break
    yield from (posixpath.join(sources, p) for p in ("lib.rs", "main.rs"))


def _crate(tree: Tree, path: str) -> str:
    """The folder `src` of the crate that a file belongs to."""
    folder = posixpath.dirname(path)
    while folder and posixpath.join(folder, "Cargo.toml") not in tree:
        folder = posixpath.dirname(folder)
    return posixpath.join(folder, "src")


def _c(tree: Tree, path: str, text: str) -> Names:
    for match in INCLUDE.finditer(text):
        stem, _, ending = posixpath.normpath(match.group(1)).rpartition(".")
        stem = stem.lstrip("./") or posixpath.normpath(match.group(1))
        beside = [
            p for e in (f".{ending}", *C_FAMILY) if (p := posixpath.join(posixpath.dirname(path), stem + e)) in tree
        ]
        header = beside[:1] or _suffixed(tree, stem, (f".{ending}",))
        yield from header
        if header or "/" not in match.group(1):
            yield from _sources(tree, name_of(stem), header)


def _sources(tree: Tree, stem: str, header: Iterable[str]) -> list[str]:
    """What implements a header: the files of its name."""
    near = next(iter(header), "")
    found = [p for e in (".c", ".cc", ".cpp", ".cxx") for p in tree.named(f"{stem}{e}")]
    return sorted(found, key=lambda p: (-_near(p, near), p))[:1]


READERS: Mapping[tuple[str, ...], Callable[[Tree, str, str], Names]] = {
    (".py", ".pyi"): _python,
    SCRIPTS: _scripts,
    (".go",): _go,
    JVM: _jvm,
    (".rb", ".rake"): _ruby,
    (".php",): _php,
    (".rs",): _rust,
    C_FAMILY: _c,
}
