"""Requirements in the words of a project: which of the two ends it bounds, and how it writes them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import re2
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

WRITTEN = re2.compile(r"^\s*([A-Za-z0-9][\w.-]*)(\s*\[[^\]]*\])?(\s*)((?:[=~<>!]=?=?)[^;#]*)?")
OPERATOR = re2.compile(r"^[=~<>!]+")


@dataclass(frozen=True)
class Style:
    """How versions are bounded: the operator ("" for not at all), blanks around it, and whether the end is bounded."""

    operator: str = ">="
    blank: str = ""
    ended: bool = False

    def of(self, name: str, version: str) -> str:
        """The requirement of a package at the version that was found."""
        known = Version(version)
        if not self.operator:
            return name
        if self.operator == "~=":
            version = f"{known.major}.{known.minor}"
        end = f",<{known.major + 1}" if self.ended else ""
        return f"{name}{self.blank}{self.operator}{self.blank}{version}{end}"


def style_of(siblings: Sequence[str]) -> Style:
    """The style that most requirements of a list have; `>=` where it has none."""
    found = Counter(_style(text) for text in siblings if name_of(text))
    return found.most_common(1)[0][0] if found else Style()


def _style(text: str) -> Style:
    match = WRITTEN.match(text)
    bounds = _bounds(match.group(4))
    operator = _operator(bounds[0]) if bounds else ""
    known = operator if operator in {"==", "~=", ">=", ""} else ">="
    ended = operator == ">=" and any(b.startswith("<") for b in bounds)
    return Style(known, " " if match.group(3) and bounds else "", ended)


def _bounds(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _operator(bound: str) -> str:
    return str(OPERATOR.match(bound).group(0))


def name_of(text: str) -> str:
    """The canonical name of the package that a requirement is for; empty when it is none (an option, a path)."""
    match = WRITTEN.match(text)
    return canonicalize_name(match.group(1)) if match else ""


def caret_of(values: Sequence[str], version: str) -> str:
    """The version in the style of Poetry and npm (`^1.2`, `~1.2`, `1.2`, `*`) that most of `values` have."""
    found = Counter(_caret(v) for v in values)
    prefix = found.most_common(1)[0][0] if found else "^"
    return prefix if prefix == "*" else f"{prefix}{version}"


def _caret(value: str) -> str:
    return next((p for p in ("^", "~", ">=", "==", "*") if value.startswith(p)), "")


def without_release(text: str, broken: str, *, newest: bool) -> str:
    """A requirement that does not take the release that broke it: only this one, when it is the `newest` there is,
    so that the next is taken; else nothing from it on. A version that was pinned already stays as it is.
    """
    match = WRITTEN.match(text)
    bounds = _bounds(match.group(4))
    if any(_operator(b) in {"==", "==="} for b in bounds):
        return text
    blank = match.group(3) if bounds else ""
    kept = [b for b in bounds if newest or not b.startswith("<")]
    told = ",".join([*kept, f"{'!=' if newest else '<'}{blank}{broken}"])
    head, specs = text[: match.end(2) if match.group(2) else match.end(1)], (match.group(4) or "").rstrip()
    return f"{head}{blank}{told}{text[len(head) + len(match.group(3)) + len(specs) :]}"


def caret_without_release(value: str, broken: str, comma: str) -> str:
    """The same for a version as Poetry and npm write it; empty where it is pinned, or not understood.

    `comma` stands between two bounds.
    """
    match = re2.match(r"^(\^|~|>=|\*)\s*([\d.]*)$", value.strip())
    try:
        Version(broken)
    except InvalidVersion:
        return ""
    if not match:
        return ""
    return f">={match.group(2)}{comma}<{broken}" if match.group(2) else f"<{broken}"
