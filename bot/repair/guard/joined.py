"""Tests that run over cases, and the tests that were apart before and are cases now."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.repair.guard.facts import Check, Unit
from bot.repair.guard.handed import short
from bot.repair.guard.tables import feeds, holds, in_order

MOST = 120  # cases of a test that are looked at for the single checks of another one


def provided(units: Sequence[Unit]) -> tuple[Unit, ...]:
    """The units of a file; a test that names a function as the source of its cases runs over what that gives back."""
    given = {short(u.name): u.cases for u in units if not u.collected and u.cases}

    def rows(case: str) -> Sequence[str]:
        return given.get(case.strip("'\"").rpartition("#")[2], (case,))

    return tuple(replace(u, cases=tuple(r for c in u.cases for r in rows(c))) if u.collected else u for u in units)


@dataclass(slots=True)
class Joined:
    """Tests that run over cases, and which of their cases have taken in a test that was apart before."""

    units: Sequence[Unit]
    used: set[tuple[int, int]] = field(default_factory=set)

    def takes(self, old: Unit) -> bool:
        """Whether a test asks all that `old` asked, with its values in a case that has taken in no other."""
        for number, unit in enumerate(self.units if old.checks else ()):
            row = next(
                (i for i, case in enumerate(unit.cases) if (number, i) not in self.used and in_case(old, unit, case)),
                -1,
            )
            if unit.collected and row >= 0:
                self.used.add((number, row))
                return True
            spread = self._spread(old, number, unit) if unit.collected and row < 0 else set()
            if spread:
                self.used |= spread
                return True
        return False

    def _spread(self, old: Unit, number: int, unit: Unit) -> set[tuple[int, int]]:
        """The cases in which `unit` makes the checks of `old`, each in one of its own; none when one is missing."""
        found: set[tuple[int, int]] = set()
        if not 1 < len(old.checks) <= len(unit.cases[:MOST]):
            return found
        for check in old.checks:
            one = replace(old, checks=(check,))
            free = ((i, c) for i, c in enumerate(unit.cases[:MOST]) if not {(number, i)} & (self.used | found))
            row = next((i for i, case in free if in_case(one, unit, case) and _in_order(check, unit, case)), -1)
            if row < 0:
                return set()
            found.add((number, row))
        return found


def _in_order(check: Check, unit: Unit, case: str) -> bool:
    return any(c.op == check.op and in_order(check, c, case, unit) for c in unit.checks)


def in_case(old: Unit, new: Unit, case: str) -> bool:
    """Whether `new` makes the same checks as `old` with the values of `old` in one case, which is given as text."""
    left = list(new.checks)
    for check in old.checks:
        heir = next(
            (
                c
                for c in left
                if c.op == check.op and not (c.lossy - check.lossy) and c.guards == check.guards and not c.hollow
            ),
            None,
        )
        if heir is None or not (holds(check, heir, case) or feeds(check, heir, case)):
            return False
        left.remove(heir)
    return True
