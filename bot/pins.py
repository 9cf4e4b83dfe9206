"""Which versions of packages a file of a project asks for: lock files, lists of requirements, manifests."""

import json
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import chain
from posixpath import basename
from typing import Any

import re2
from packaging.requirements import InvalidRequirement, Requirement

Pins = dict[str, str]
"""By the name of a package what is asked for: a version, or a range of some."""

_REQUIREMENT = re2.compile(r"(?m)^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?[ \t]*([=<>~!][^;#\\\n]*)")
_GO_MODULE = re2.compile(r"(?m)^(?:require)?[ \t]*([\w.-]+\.[\w.-]+/[^\s]+)[ \t]+(v[^\s/]+)")
_GEM = re2.compile(r"(?m)^    (\S+) \(([^)=<>~]+)\)$")
_YARN = re2.compile(r'(?m)^"?(@?[^@"\n]+)@[^\n]*:\n  version:? "?([^"\n]+)')
_PNPM = re2.compile(r"(?m)^  /?'?(@?[^@'\s(/]+(?:/[^@'\s(]+)?)@([^:'(\s]+)[^\n]*:")


def pins(path: str, text: str) -> Pins:
    """What the file asks for, by names in lower case; empty for a file of another kind, or one that does not parse."""
    read = _reader(path)
    try:
        return {package.lower(): str(version).strip() for package, version in read(text)} if read else {}
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return {}


def is_read(path: str) -> bool:
    """Whether a file is of a kind that is read here, by its name."""
    return _reader(path) is not None


def _reader(path: str) -> "_Reader | None":
    name = basename(path)
    return next((reader for pattern, reader in _READERS.items() if fnmatchcase(name, pattern)), None)


def _lines(pattern: Any) -> Callable[[str], Iterable[tuple[str, str]]]:
    return lambda text: ((m.group(1), m.group(2)) for m in pattern.finditer(text))


def _locked(text: str) -> Iterator[tuple[str, str]]:
    yield from ((p["name"], p.get("version", "")) for p in tomllib.loads(text)["package"])


def _npm(text: str) -> Iterator[tuple[str, str]]:
    for place, about in json.loads(text)["packages"].items():
        if "node_modules/" in place and "version" in about:
            yield place.rpartition("node_modules/")[2], about["version"]


def _pipenv(text: str) -> Iterator[tuple[str, str]]:
    data = json.loads(text)
    for group in ("default", "develop"):
        yield from ((name, about.get("version", "")) for name, about in data.get(group, {}).items())


def _composer(text: str) -> Iterator[tuple[str, str]]:
    data = json.loads(text)
    yield from ((p["name"], p["version"]) for p in chain(data["packages"], data.get("packages-dev", ())))


def _package_json(text: str) -> Iterator[tuple[str, str]]:
    data = json.loads(text)
    for group in ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies"):
        yield from data.get(group, {}).items()


def _pyproject(text: str) -> Iterator[tuple[str, str]]:
    data = tomllib.loads(text)
    project, poetry = data.get("project", {}), data.get("tool", {}).get("poetry", {})
    groups: Mapping[str, Any] = {**project.get("optional-dependencies", {}), **data.get("dependency-groups", {})}
    for row in chain(project.get("dependencies", ()), *groups.values()):
        try:
            asked = Requirement(row)
        except (InvalidRequirement, TypeError):  # a group may include another one
            continue
        yield asked.name, str(asked.specifier)
    tables = [poetry, *poetry.get("group", {}).values()]
    for table in tables:
        yield from (
            (n, v if isinstance(v, str) else v.get("version", "")) for n, v in table.get("dependencies", {}).items()
        )


_Reader = Callable[[str], Iterable[tuple[str, str]]]
_READERS: Mapping[str, _Reader] = {
    "uv.lock": _locked,
    "poetry.lock": _locked,
    "pdm.lock": _locked,
    "Cargo.lock": _locked,
    "Pipfile.lock": _pipenv,
    "package-lock.json": _npm,
    "npm-shrinkwrap.json": _npm,
    "composer.lock": _composer,
    "package.json": _package_json,
    "pyproject.toml": _pyproject,
    "yarn.lock": _lines(_YARN),
    "pnpm-lock.yaml": _lines(_PNPM),
    "go.mod": _lines(_GO_MODULE),
    "Gemfile.lock": _lines(_GEM),
    "*requirements*.txt": _lines(_REQUIREMENT),
    "*requirements*.in": _lines(_REQUIREMENT),
    "*constraints*.txt": _lines(_REQUIREMENT),
}
