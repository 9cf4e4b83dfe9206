"""What a model may not add to what a project asks for: packages that the failure is not about, and other indexes."""

from collections.abc import Iterable
from posixpath import basename

import re2

from bot.model import Category
from bot.pins import is_read, pins
from bot.repair.guard.change import Change
from strategies.manifests import is_manifest, places, requirements

ABOUT_PACKAGES = frozenset(
    {Category.DEPENDENCY_INSTALL, Category.COMPILE_ERROR, Category.TYPE_ERROR, Category.DOCKER_BUILD}
)
"""Failures that a package may be missing from: in the others the code finds all that it takes."""
SETTINGS = frozenset({"pip.conf", "pip.ini", ".npmrc", ".yarnrc", ".yarnrc.yml", "uv.toml", "nuget.config"})
NAME = re2.compile(r"^[A-Za-z0-9][\w.-]*")
PLACE = re2.compile(r"(?i)[a-z][a-z+]*://[^\s\"'/]+")


def unasked(changes: Iterable[Change], category: Category) -> str:
    """What a candidate adds that no failure of that category asks for, in words; empty where there is none.

    Whoever can write in a log, a comment or a name can tell a model to add a package, and no job need install it.
    """
    for change in changes:
        if not (is_read(change.path) or is_manifest(change.path) or basename(change.path) in SETTINGS):
            continue
        came = {*PLACE.findall(change.new_text)} - {*PLACE.findall(change.old_text)}
        if came:
            return f"{change.path}: packages from {min(came)}, which the project does not take any from"
        new = _names(change.path, change.new_text) - _names(change.path, change.old_text)
        if new and category not in ABOUT_PACKAGES:
            return f"{change.path}: the package {min(new)}, and the failure is not about packages"
    return ""


def _names(path: str, text: str) -> set[str]:
    told = (requirement for place in places(path, text) for requirement in requirements(place, text))
    found = {*pins(path, text), *(match[0] for match in map(NAME.search, told) if match)}
    return {name.lower().replace("_", "-") for name in found}
