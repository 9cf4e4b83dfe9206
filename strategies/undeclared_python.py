"""Undeclared dependencies of Python: from a missing module to its distribution, and to the place that declares such."""

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import re2
from packaging.utils import canonicalize_name

from bot.ports import Session, Tools
from strategies.lock_files import relock
from strategies.manifests import Place, is_manifest, places, requirements, with_requirement
from strategies.requirement_style import name_of
from strategies.typosquats import look_alike, well_known

MISSING = re2.compile(r"No module named '([\w.]+)'")
MOST_FILES = 5000
MOST_MODULES = 5
MOST_NAMES = 20
CATCHING = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
STEERING = re2.compile(
    r"(?i)(^\.github/(workflows|actions)/.*\.ya?ml$|(^|/)(Makefile|tox\.ini|noxfile\.py|justfile|Taskfile\.ya?ml)$|\.sh$)"
)
BY_PROJECT = re2.compile(
    r"pip3? install [^\n;&|]*(\s|['\"])\.(\[|['\"\s]|$)"
    r"|\b(uv (sync|run)|poetry (install|sync)|pdm (install|sync)|pipenv (install|sync))\b"
)
TEST_FILE = re2.compile(r"(^|/)(tests?|testing|__tests__|spec|e2e)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")


@dataclass(frozen=True)
class Probe:
    """What the index gave for a distribution: its version, and the paths in it."""

    version: str
    paths: frozenset[str]

    def has(self, module: str) -> bool:
        """Whether a module is in it."""
        place = module.replace(".", "/")
        return any(p == place or p.startswith((f"{place}.", f"{place}/")) for p in self.paths)


def missing(log: str) -> bool:
    """Whether a log says that a module could not be imported."""
    return bool(MISSING.search(log))


def declare(log: str, session: Session, tools: Tools) -> Iterator[str]:
    """Declare in the session what a log misses; what and why, in words that begin with its name."""
    modules = dict.fromkeys(m.partition(".")[0] for m in MISSING.findall(log))
    for module in list(modules)[:MOST_MODULES]:
        if module in sys.stdlib_module_names or is_local(module, tools.paths):
            continue
        users = importers(module, tools)
        wanted: dict[str, set[str]] = {}
        for name in sorted(n for names in users.values() for n in names):
            wanted.setdefault(distribution_of(name, tools.table("imports.yaml")), set()).add(name)
        place = place_for(sorted(users), tools) if users else None
        for distribution, names in wanted.items() if place else ():
            assert place
            if probe := _known(distribution, names, place, session, tools):
                text = with_requirement(place, tools.read(place.path), distribution, probe.version)
                session.put(place.path, text.encode())
                relock(session, place.path.rpartition("/")[0], tools)
                yield f"{distribution} {probe.version}, which the index has, holds {module}, which {min(users)} imports"


def _known(distribution: str, names: set[str], place: Place, session: Session, tools: Tools) -> Probe | None:
    """What the index has of a distribution that may be declared, and holds all these modules."""
    known, imports = well_known(tools, "python"), tools.table("imports.yaml")
    if look_alike(distribution, known) or declared(distribution, place, tools):
        return None
    probe = probed(session, distribution)
    held = probe and all(probe.has(n) or ("." in n and probe.has(n.rpartition(".")[0])) for n in names)
    if not probe or not held:
        return None
    sure = canonicalize_name(distribution) in known or distribution in imports.values()
    return probe if _meant(distribution, names, probe, session, tools, sure=sure) else None


def _meant(distribution: str, names: set[str], probe: Probe, session: Session, tools: Tools, *, sure: bool) -> bool:
    """Whether the code means a distribution, and no module of its own that was forgotten.

    Then its files have every name that the code takes from it; of one that few know there have to be such names.
    """
    taken = sorted(n for n in names if "." in n and not n.endswith(".*"))[:MOST_NAMES]
    if not sure and (not taken or canonicalize_name(distribution) in well_known(tools, "own modules")):
        return False
    search = ["grep", "-rqwF", "--exclude-dir=*.dist-info", "-e"]
    return all(
        probe.has(n) or session.run([*search, n.rpartition(".")[2], _folder(distribution)]).code == 0 for n in taken
    )


def is_local(module: str, paths: frozenset[str]) -> bool:
    """Whether the repository has a module of that name."""
    ours = (f"{module}.py", f"{module}.pyi", f"{module}.pyx")
    return any(p.rpartition("/")[2] in ours or module in p.split("/")[:-1] for p in paths)


def importers(module: str, tools: Tools) -> Mapping[str, frozenset[str]]:
    """The files of the repository that import a module, with the dotted names that they take from it."""
    found = {}
    for path in [p for p in sorted(tools.paths) if p.endswith(".py")][:MOST_FILES]:
        text = tools.read(path)
        if module in text and (names := _imported(module, text)):
            found[path] = names
    return found


def _imported(module: str, text: str) -> frozenset[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    names: set[str] = set()
    bound: set[str] = set()
    nodes = list(ast.walk(tree))
    optional = _optional(nodes)
    for node in (n for n in nodes if n not in optional):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
            bound |= {alias.asname or alias.name for alias in node.names if alias.name == module}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    names |= {f"{module}.{n.attr}" for n in nodes if isinstance(n, ast.Attribute) and _name(n.value) in bound}
    return frozenset(n for n in names if n.partition(".")[0] == module)


def _optional(nodes: Sequence[ast.AST]) -> set[ast.AST]:
    """The imports that the code does without: in a `try` that catches their failure, and neither raises nor exits."""
    tries = (n for n in nodes if isinstance(n, ast.Try) and any(map(_copes, n.handlers)))
    return {inner for one in tries for statement in one.body for inner in ast.walk(statement)}


def _copes(handler: ast.ExceptHandler) -> bool:
    caught = {_name(n) for n in ast.walk(handler.type)} if handler.type else CATCHING
    ends = (isinstance(n, ast.Raise) or "exit" in _called(n) for n in ast.walk(handler))
    return not CATCHING.isdisjoint(caught) and not any(ends)


def _called(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else None
    return function.attr if isinstance(function, ast.Attribute) else _name(function)


def _name(node: ast.AST | None) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def distribution_of(module: str, table: Mapping[str, str]) -> str:
    """The distribution of a dotted module: by the longest name of the table, else of the same name."""
    parts = module.split(".")
    names = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((table[n] for n in names if n in table), parts[0].replace("_", "-"))


def place_for(users: Sequence[str], tools: Tools) -> Place | None:
    """Where the project declares what these files need: in its nearest manifest the list that the job installs."""
    folder = PurePosixPath(users[0]).parent
    tests_only = all(TEST_FILE.search(path) for path in users)
    steering = "\n".join(tools.read(p) for p in sorted(tools.paths) if STEERING.search(p))
    for parent in (folder, *folder.parents):
        near = [p for p in sorted(tools.paths) if is_manifest(p) and _belongs(p, parent)]
        found = [place for p in near for place in places(p, tools.read(p))]
        if found:
            return _chosen(found, steering, tests_only=tests_only)
    return None


def _belongs(path: str, folder: PurePosixPath) -> bool:
    own = PurePosixPath(path).parent
    return own == folder or (own.name == "requirements" and own.parent == folder)


def _chosen(found: Sequence[Place], steering: str, *, tests_only: bool) -> Place | None:
    """A requirements file where the job installs by files, else a list of the project; that of tests for tests."""
    by_file = [p for p in found if not p.keys and p.path.rpartition("/")[2] in steering]
    by_project = [p for p in found if p.keys]
    lists = by_project if by_project and (BY_PROJECT.search(steering) or not by_file) else by_file or list(found)
    if not tests_only:
        return next((p for p in lists if p.main), next((p for p in lists if not p.keys), None))
    named = [p for p in lists if p.testing]
    asked = [p for p in named if p.group and re2.search(rf"[\[\s,=]{re2.escape(p.group)}\b", steering)]
    return next(iter(asked or named), next((p for p in lists if not p.keys), None))


def declared(distribution: str, place: Place, tools: Tools) -> bool:
    """Whether a list beside the place has the distribution already: then it is not undeclared, but not installed."""
    wanted, folder = canonicalize_name(distribution), place.path.rpartition("/")[0]
    near = [p for p in tools.paths if is_manifest(p) and p.rpartition("/")[0] == folder]
    rows = (row for p in near for one in places(p, tools.read(p)) for row in requirements(one, tools.read(p)))
    return any(name_of(row) == wanted for row in rows)


def probed(session: Session, distribution: str) -> Probe | None:
    """What the index has of a distribution, by the job's own pip or uv; None when it knows none that fits."""
    folder = _folder(distribution)
    options = ("install", "--quiet", "--no-deps", "--only-binary", ":all:", "--target", folder, distribution)
    for installer in (["python", "-m", "pip"], ["uv", "pip"]):
        if session.run([*installer, *options]).code == 0:
            found = session.run(["find", folder, "-mindepth", "1", "-maxdepth", "5", "-printf", "%P\\n"])
            listing = found.output.splitlines()
            wanted = canonicalize_name(distribution)
            infos = [x.removesuffix(".dist-info") for x in listing if x.endswith(".dist-info")]
            version = next(
                (x.rpartition("-")[2] for x in infos if canonicalize_name(x.rpartition("-")[0]) == wanted), ""
            )
            return Probe(version, frozenset(listing)) if version else None
    return None


def _folder(distribution: str) -> str:
    return "/tmp/regreen-probe/" + canonicalize_name(distribution)  # noqa: S108 - in a sandbox of its own
