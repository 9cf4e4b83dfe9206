"""Undeclared dependencies of JavaScript, Go and Rust; Go and Rust have commands of their own that declare them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import re2

from bot.ports import Session, Tools
from strategies.lock_files import relock
from strategies.package_json import KINDS, package_of, package_text
from strategies.requirement_style import caret_of
from strategies.typosquats import look_alike, well_known

NODE = re2.compile(
    r"(?:Cannot find (?:module|package)|Could not resolve|Can't resolve|Failed to resolve import"
    r"|Unable to resolve path to module) ['\"]((?:@[a-z0-9][\w.-]*/)?[a-z0-9][\w.-]*)(?:/[\w./-]*)?['\"]"
)
GO = re2.compile(r"no required module provides package ([\w.-]+\.[a-z]+/[\w./-]+)")
RUST = re2.compile(
    r"(?:use of (?:undeclared|unresolved) (?:crate or module|crate|module or unlinked crate)|unresolved import"
    r"|can't find crate for|(?:could not|cannot) find (?:module or crate)) `(\w+)"
)
SCRIPTS = (".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx", ".vue", ".svelte")
FOR_TESTS = re2.compile(
    r"(?i)(^|/)(tests?|testing|__tests__|__mocks__|spec|e2e|benches|examples)/|(\.|_)(test|spec|config|stories)\.[a-z]+$|_test\.go$"
)
OWN_CRATES = frozenset({"std", "core", "alloc", "test", "proc_macro", "crate", "self", "super"})
MOST = 5
SECONDS = 600


def is_manifest(path: str) -> bool:
    """Whether a file of that name declares what is needed."""
    return path.rpartition("/")[2] in ("package.json", "go.mod", "Cargo.toml")


def missing(log: str) -> bool:
    """Whether a log says that something could not be imported."""
    return bool(NODE.search(log) or GO.search(log) or RUST.search(log))


def declare(log: str, session: Session, tools: Tools) -> Iterator[str]:
    """Declare in the session what a log misses; what and why, in words that begin with its name."""
    for pattern, one in ((NODE, _node), (GO, _go), (RUST, _rust)):
        for name in list(dict.fromkeys(pattern.findall(log)))[:MOST]:
            yield from one(name, session, tools)


def _node(name: str, session: Session, tools: Tools) -> Iterator[str]:
    word = re2.compile(rf"""(?:from|require\(|import\(?)\s*['"]{re2.escape(name)}(?:/[^'"]*)?['"]""")
    users = _users(word, SCRIPTS, tools)
    manifest = _nearest(users, "package.json", tools)
    packages = [tools.read(p) for p in tools.paths if p.rpartition("/")[2] == "package.json"]
    document = package_of(tools.read(manifest)) if manifest else {}
    if not document or name in {n for kind in KINDS for n in document.get(kind) or {}}:
        return
    if look_alike(name, well_known(tools, "npm")) or any(package_of(p).get("name") == name for p in packages):
        return
    folder = manifest.rpartition("/")[0]
    place = f"{session.workspace}/{folder}".rstrip("/")
    asked = session.run(["npm", "view", f"{name}@latest", "version", "--json"], cwd=place, timeout=SECONDS)
    version = asked.output.strip().strip('"')
    if asked.code or not re2.fullmatch(r"\d+\.\d+\.\d+[\w.+-]*", version):
        return
    text = _with_package(tools.read(manifest), document, name, version, dev=_only_for_tests(users))
    session.put(manifest, text.encode())
    relock(session, folder, tools)
    yield f"{name} {version}, which the index has, is imported by {users[0]}"


def _with_package(text: str, document: Mapping[str, Any], name: str, version: str, *, dev: bool) -> str:
    """With one package more, in the order of the alphabet if the others are."""
    kind = "devDependencies" if dev else "dependencies"
    there = document.get(kind) or {}
    others = [str(v) for k in KINDS for v in (document.get(k) or {}).values()]
    rows = {**there, name: caret_of([v for v in others if v[:1] in "^~*" or v[:1].isdigit()], version)}
    rows = dict(sorted(rows.items())) if list(there) == sorted(there) else rows
    return package_text({**document, kind: rows}, text)


def _go(name: str, session: Session, tools: Tools) -> Iterator[str]:
    users = _users(re2.compile(rf'"{re2.escape(name)}"'), (".go",), tools)
    manifest = _nearest(users, "go.mod", tools)
    known = well_known(tools, "go")
    parts = name.split("/")
    modules = ["/".join(parts[:n]) for n in range(2, min(len(parts), 4) + 1)]
    if not manifest or (not known.intersection(modules) and any(look_alike(m, known) for m in modules)):
        return
    place = f"{session.workspace}/{manifest.rpartition('/')[0]}".rstrip("/")
    if session.run(["go", "get", name], cwd=place, timeout=SECONDS).code == 0:
        yield f"{name}, which the index has, is imported by {users[0]}"


def _rust(name: str, session: Session, tools: Tools) -> Iterator[str]:
    users = _users(re2.compile(rf"\b{name}\b"), (".rs",), tools)
    manifest = _nearest(users, "Cargo.toml", tools)
    local = any(p.endswith((f"/{name}.rs", f"/{name}/mod.rs")) for p in tools.paths)
    if not manifest or local or name in OWN_CRATES or look_alike(name.replace("_", "-"), well_known(tools, "rust")):
        return
    place = f"{session.workspace}/{manifest.rpartition('/')[0]}".rstrip("/")
    words = ["cargo", "add", *(["--dev"] if _only_for_tests(users) else []), name]
    if session.run(words, cwd=place, timeout=SECONDS).code == 0:
        relock(session, manifest.rpartition("/")[0], tools)
        yield f"{name}, which the index has, is imported by {users[0]}"


def _users(word: Any, endings: tuple[str, ...], tools: Tools) -> list[str]:
    """The files of the repository in which a pattern stands."""
    return [p for p in sorted(tools.paths) if p.endswith(endings) and word.search(tools.read(p))]


def _nearest(users: Sequence[str], name: str, tools: Tools) -> str:
    """The manifest of that name that is nearest above the first file; empty when there is none."""
    parents = PurePosixPath(users[0]).parents if users else ()
    return next((str(p / name) for p in parents if str(p / name) in tools.paths), "")


def _only_for_tests(users: Sequence[str]) -> bool:
    return all(FOR_TESTS.search(path) for path in users)
