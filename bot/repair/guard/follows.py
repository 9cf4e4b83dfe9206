"""What a candidate does to the program, and whether what its tests expect now follows from that."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import re2

from bot.repair.guard.facts import Check, Unit
from bot.repair.guard.mirrored import Mirrored
from bot.repair.guard.operators import EQUAL, FLIPPED
from bot.repair.guard.reworked import Reworked
from bot.repair.guard.tables import QUOTES, VALUE

SORTS = frozenset({"sorted", "sort", "Sort", "sort_by"})
ORDERED = re2.compile(
    r"(?i)sort|order|rank|first|last|new|old|recent|prior|top|sequen|queue|stack|fifo|lifo|asc|desc|chrono|history|heap|leader|schedul|stable"
)
"""What tells that the order of a result is a part of it."""
FOLLOWS = frozenset({"changed-expectation", "weakened-assertion"})
"""Rules that an expectation may break which changes together with what the program does."""
EXACT = EQUAL | {"raises", "length", "none", "true", "false", "undefined"}


@dataclass(frozen=True, slots=True)
class Program:
    """What the candidate does to the program that its tests are about.

    `gone` are the names that each file of tests imports of code that is taken out: tests of nothing else go with it.
    `mirrored` are the words that changed, `reworked` the functions that do something else.
    """

    gone: Mapping[str, frozenset[str]]
    mirrored: Mirrored
    reworked: Reworked
    by_people: bool


def follows(old: Check, new: Check, unit: Unit, program: Program) -> bool:
    """Whether a check in a change of people's expects exactly something else of what does something else now.

    Or expects the same in any order, where nothing tells of one.
    """
    if not program.by_people:
        return False
    if new.lossy - old.lossy and new.lossy - old.lossy <= SORTS and (old.op, old.expected) == (new.op, new.expected):
        return not ORDERED.search(f"{unit.name} {old.subject}")
    lost = Counter(old.subject_literals) - Counter((*new.subject_literals, *new.expected_literals))
    lost = Counter() if old.subject == new.subject and old.op != new.op else lost  # a failure keeps no literals
    if len(old.subject_literals) == len(new.subject_literals) and set(old.expected_literals).isdisjoint(
        new.expected_literals
    ):
        lost = Counter()  # another question with another answer, both exact
    said = old.op == new.op and program.mirrored.brings(old.expected_literals, new.expected_literals)
    exact = new.op in EXACT or new.op == old.op or frozenset((old.op, new.op)) in FLIPPED
    return exact and not lost and not new.lossy - old.lossy and (said or program.reworked.answers(new, unit))


Swap = tuple[tuple[str, ...], tuple[str, ...]]


def swap_of(old: Check, new: Check) -> Swap:
    """Which literals of a check gave way to which."""
    was, now = (Counter((*c.subject_literals, *c.expected_literals)) for c in (old, new))
    return tuple(sorted((was - now).elements())), tuple(sorted((now - was).elements()))


def tells(swap: Swap) -> bool:
    """Whether texts gave way to texts, which mean the same wherever they stand; a number does not."""
    return all(side and all(x[:1] in QUOTES for x in side) for side in swap)


def rows_follow(lost: Counter[str], came: Counter[str], unit: Unit, program: Program) -> bool:
    """Whether rows of a test of what does something else now ask the same (it stands first), and expect another."""
    if not program.by_people or lost.total() != came.total() or not program.reworked.runs_in(unit):
        return False
    firsts = [Counter("".join(VALUE.findall(row)[:1]) for row in side.elements()) for side in (lost, came)]
    return firsts[0] == firsts[1]
