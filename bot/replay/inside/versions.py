"""Version wishes of setup-* actions against the versions that this machine has."""

import re
from typing import Any

from bot.replay.inside import control
from bot.replay.inside.adapter import toolchains, unreplayable

Version = tuple[int, ...]
COMPARATOR = re.compile(r"(>=|<=|>|<|==|=|~>|~=|~|\^)?\s*v?\b(\d+(?:\.(?:\d+|x|X|\*))*)(?![\w.-])")
EXACT = re.compile(r"=*\s*v?(\d+\.\d+\.\d+)")
LTS = {"lts/hydrogen": "18", "lts/iron": "20", "lts/jod": "22", "lts/krypton": "24"}


def parse(text: str) -> Version:
    """`3.11.7` -> (3, 11, 7); anything behind the numbers is left out."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", text.strip())
    return tuple(map(int, found[1].split("."))) if found else ()


def satisfies(version: str, wish: str) -> bool:
    """Whether a version fits a semver range as setup-python and setup-node read it.

    A patch release that is asked for exactly is met by any patch of its minor.
    """
    number, _, channel = version.partition("-")
    if channel:  # of Rust: only who asks for it by name gets it
        return wish.strip() == channel
    return any(_all_fit(parse(number), part) for part in wish.split("||"))


def _all_fit(version: Version, part: str) -> bool:
    part = re.sub(r"(\S+)\s+-\s+(\S+)", r">=\1 <=\2", part.strip())
    part = LTS.get(part.lower(), part)
    if part in ("", "*", "x", "latest", "current", "node", "lts/*", "stable"):
        return True
    part = part.replace(",", " ")
    found = COMPARATOR.findall(part)
    if COMPARATOR.sub("", part).strip():  # pypy, free-threaded builds, previews: not to be had by a number
        return False
    return bool(found) and all(_fits(version, operator, wanted) for operator, wanted in found)


def _fits(version: Version, operator: str, wanted: str) -> bool:
    numbers = tuple(int(x) for x in re.split(r"[.]", wanted) if x.isdigit())
    head = version[: len(numbers)]
    if operator in ("", "=", "=="):
        return version[: min(len(numbers), 2)] == numbers[:2]
    if operator in ("~", "~>", "~="):
        return head >= numbers and version[: max(1, min(2, len(numbers)))] == numbers[: max(1, min(2, len(numbers)))]
    if operator == "^":
        return head >= numbers and version[:1] == numbers[:1]
    return bool({">=": head >= numbers, ">": head > numbers, "<=": head <= numbers, "<": head < numbers}[operator])


def taken(kind: str, wish: str, name: str) -> dict[str, Any]:
    """The toolchain that a job gets; where GitHub's may be another, the evidence says so. Ends where there is none."""
    toolchain = newest(kind, wish)
    if toolchain is None:
        unreplayable(f"{name} {wish or 'of any version'} is not installed here (found: {known(kind)})")
    exact = EXACT.fullmatch(wish.strip())
    floats = bool(wish) and not any(c.isdigit() for c in wish) and wish.lower() not in LTS
    if floats or (exact and exact[1] != toolchain["version"]):
        control.note(f"{name} {toolchain['version']} of this machine was taken for {wish.strip()}")
    return toolchain


def newest(kind: str, wish: str) -> dict[str, Any] | None:
    """The newest toolchain of a kind (`python`, `node`, ...) that fits; an exact match first."""
    fitting = [t for t in toolchains() if t["kind"] == kind and satisfies(t["version"], wish)]
    exact = [t for t in fitting if t["version"] == wish.strip().removeprefix("v")]
    return max(exact or fitting, key=lambda t: parse(t["version"]), default=None)


def known(kind: str) -> str:
    """The versions of a kind that this machine has, for people."""
    return ", ".join(sorted((t["version"] for t in toolchains() if t["kind"] == kind), key=parse)) or "none"


def preferred(kind: str) -> dict[str, Any] | None:
    """The toolchain that a job has which does not ask for one: the host lists it first."""
    return next((t for t in toolchains() if t["kind"] == kind), None)
