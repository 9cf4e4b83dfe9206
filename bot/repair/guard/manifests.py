"""Lints that are errors by the manifest of a crate, where attributes in its sources made them errors before."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

import re2

from bot.repair.guard.change import Change
from bot.repair.guard.config.readers import toml
from bot.repair.guard.facts import Facts, TooComplex, Unparsable
from bot.repair.guard.kinds import name_of

DENIED = re2.compile(r"#!\[(?:deny|forbid)\(([^)]*)\)\]")
LINT = re2.compile(r"^(?:workspace\.)?lints\.(\w+)\.(\w+)(?:\.level)?$")
STRICT = frozenset({"deny", "forbid"})


def with_manifests(files: Mapping[str, Facts], by_path: Mapping[str, Change]) -> Iterator[tuple[str, Facts]]:
    """Yield the files of the new side, those of Rust as if they still held the lints that moved to a manifest."""
    manifests = [c for path, c in by_path.items() if name_of(path) == "Cargo.toml" and not c.binary]
    strict = {lint for c in manifests for lint in _errors(c.new_text) - _errors(c.old_text)}
    for path, facts in files.items():
        moved = _lost(by_path[path], strict) if strict else 0
        closers = Counter(dict(facts.closers)) + Counter(deny=moved)
        yield path, replace(facts, closers=tuple(sorted(closers.items()))) if moved else facts


def _lost(change: Change, strict: set[str]) -> int:
    was, now = (Counter(_denied(text)) for text in (change.old_text, change.new_text))
    return sum(lint in strict for lint in (was - now).elements())


def _denied(text: str) -> Iterator[str]:
    return (lint.strip() for told in DENIED.findall(text) for lint in told.split(","))


def _errors(text: str) -> set[str]:
    """The lints that a manifest makes errors, by the names that attributes have for them."""
    try:
        settings = toml(text)
    except (TooComplex, Unparsable):
        return set()
    told = [match.groups() for s in settings if s.value in STRICT and (match := LINT.search(s.key))]
    return {name if tool == "rust" else f"{tool}::{name}" for tool, name in told}
