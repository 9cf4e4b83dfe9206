"""Versions of languages that a candidate supports no more, by what it says of itself: those need not be tested."""

from collections.abc import Sequence

import re2

from bot.repair.guard.change import Change

Version = tuple[int, ...]
Floors = Sequence[tuple[Version, Version]]
"""(the least version before, the least one now), of each that rose."""
LEAST = re2.compile(
    r"(?m)(?:^|[{,])\s*[\w.]*"
    r"(requires-python|python_requires|required_ruby_version|rust-version|\"php\"|\"node\"|go[ \t])"
    r"[^\w\n]*[~^>=v\"' ]*([0-9]{1,4}(?:\.[0-9]{1,4}){0,2})"
)
FILES = ("pyproject.toml", "setup.py", "setup.cfg", "package.json", "Cargo.toml", "go.mod", "composer.json", ".gemspec")
NUMBER = re2.compile(r"^(?:py|pypy|v)?([0-9]{1,4}(?:\.[0-9]{1,4}){0,2})(?:\.x)?$")


def floors_of(changes: Sequence[Change]) -> Floors:
    """Read what the changed files say of the least version that they work with."""
    found = []
    for change in (c for c in changes if c.path.endswith(FILES) and not c.binary):
        old, new = (dict(LEAST.findall(text)) for text in (change.old_text, change.new_text))
        pairs = [(_version(old[name]), _version(new[name])) for name in old.keys() & new.keys()]
        found += [(was, now) for was, now in pairs if was < now]
    return found


def is_below(leg: str, floors: Floors) -> bool:
    """Whether a leg is a version that was supported, and is no more: `3.8` or `py38`."""
    told = NUMBER.match(leg)
    if told is None:
        return False
    text = told.group(1)
    bare = leg.startswith(("py3", "pypy3")) and "." not in text
    version = _version(f"{text[0]}.{text[1:]}" if bare and text[1:] else text)
    return any(was <= version < now for was, now in floors)


def _version(text: str) -> Version:
    return tuple(int(n) for n in [*text.split("."), "0", "0"][:3])
