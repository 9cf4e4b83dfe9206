"""What the names in an assertion stand for: values that moved into a fixture, names that mean another thing."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import re2

from bot.repair.guard.directives import literals_of, words_of
from bot.repair.guard.facts import Check, Facts, Unit

STEPS = 3  # names behind names that are followed
HOOKS = re2.compile(r"(?i)^(set_?up|before|init|let|subject)")
"""Names of functions that run before each test without being called."""
HEAD = re2.compile(r"(?:^|[^.\w])([A-Za-z_]\w*)")
CALLED = re2.compile(r"([A-Za-z_][\w.]*)\(")
PARAMETER = ("(",)
STRING = re2.compile(r"\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`")


def short(name: str) -> str:
    """The last part of a unit's or function's name."""
    name = name.removesuffix("()")
    return name.rpartition(" > ")[2] if " > " in name else name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Handed:
    """The fixtures, hooks and helpers of a candidate, and the literals that came into them."""

    helpers: tuple[Unit, ...]
    came: Counter[tuple[str, str]]
    """(name of the helper, literal): how many more there are than before."""

    @classmethod
    def of(cls, old: Mapping[str, Facts], new: Mapping[str, Facts]) -> "Handed":
        """Read them from the files of both sides."""
        came = Counter[tuple[str, str]]()
        for side, sign in ((old, -1), (new, 1)):
            for unit in _helpers(side):
                came.update({(_label(unit), text): sign * count for text, count in unit.literals})
        return cls(tuple(_helpers(new)), came)

    def feeds(self, literal: str, old: Unit, new: Unit, check: Check) -> bool:
        """Whether a literal that left `check` is behind one of its names now: in its test, or in a helper it calls."""
        text = literal.strip("'\"").removesuffix(".0")
        hooks = [pair for unit in self.helpers if HOOKS.search(short(unit.name)) for pair in unit.assigned]
        reached = set(words_of(STRING.sub("", check.subject)))
        called = {c.rpartition(".")[2] for c in CALLED.findall(check.subject.replace(" (", "("))}
        for _ in range(STEPS):
            for name, value in (*new.assigned, *hooks):
                if name in reached - called:
                    reached |= words_of(STRING.sub("", value))
            for unit in self.helpers:
                if _label(unit) in reached:
                    reached |= unit.words
        if any(self.came[_label(unit), text] > 0 for unit in self.helpers if _label(unit) in reached):
            return True
        if any(name in reached - called and text in dict(literals_of(value)) for name, value in hooks):
            return any(count > 0 for (_, told), count in self.came.items() if told == text)
        own = any(name in reached - called and text in dict(literals_of(value)) for name, value in new.assigned)
        return own and dict(new.literals).get(text, 0) >= dict(old.literals).get(text, 1)


def _label(unit: Unit) -> str:
    """The name by which tests call a helper: `items` of RSpec's `let items`."""
    return (short(unit.name).split() or [""])[-1]


def _helpers(files: Mapping[str, Facts]) -> Iterator[Unit]:
    return (u for f in files.values() for u in f.units if not u.collected and u.name != "<module>")


def means_the_same(check: Check, old: Unit, new: Unit) -> bool:
    """Whether the names in an assertion of `old` stand for the same in `new`, and are not assigned anew there."""
    heads = heads_of(check.subject)
    for _ in range(STEPS):
        heads |= {h for name, value in old.assigned if name in heads for h in heads_of(value)}
    for name in heads:
        was, now = ({_bare(value) for told, value in unit.assigned if told == name} for unit in (old, new))
        now -= {PARAMETER} if was else set()  # what a helper is handed
        if now - was:
            return False
    called = {c for c in old.calls if short(c) in heads}
    return called <= set(new.calls)


def heads_of(code: str) -> frozenset[str]:
    """The names in code that are no attributes of others."""
    return frozenset(HEAD.findall(STRING.sub("", code.replace(" . ", "."))))


def _bare(value: str) -> tuple[str, ...]:
    """What an assigned value calls; the value itself where it calls nothing."""
    return tuple(CALLED.findall(value)) or (value,)
