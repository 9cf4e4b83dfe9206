"""The strategies, cheapest first. A module each, with the same four names: NAME, CATEGORIES, applies, propose."""

from collections.abc import Callable, Collection, Iterator
from typing import Protocol

from bot.model import Candidate, Category, Diagnosis, Incident
from bot.ports import Tools
from strategies import dependency_drift, fix_mode, foreign, left_behind, lock_files, switched_off, undeclared_dependency


class Strategy(Protocol):
    """What a strategy module has."""

    NAME: str
    CATEGORIES: frozenset[Category]

    def applies(self, diagnosis: Diagnosis, tree: frozenset[str]) -> bool:
        """Whether to try it on this diagnosis, in a tree of these paths."""
        ...

    def propose(self, incident: Incident, tools: Tools) -> Iterator[Candidate]:
        """Candidates, the best first."""
        ...


ALL: tuple[Strategy, ...] = (
    dependency_drift,
    switched_off,
    left_behind,
    lock_files,
    fix_mode,
    undeclared_dependency,
)


def installed(tell: Callable[[str], None], without: Collection[str] = ()) -> tuple[Strategy, ...]:
    """Ours, then those that other packages register in the entry-point group `regreen.strategies`, by their names.

    `without` are names to leave out, of strategies or of entry points; the latter are not even imported. What cannot be
    used is left out, and told in one line.
    """
    theirs = foreign.registered(tell, without, {s.NAME for s in ALL})
    return tuple(s for s in (*ALL, *theirs) if s.NAME not in without)
