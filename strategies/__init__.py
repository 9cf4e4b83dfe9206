"""The strategies, cheapest first. A module each, with the same four names: NAME, CATEGORIES, applies, propose."""

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Protocol

from bot.model import Candidate, Category, Diagnosis, Incident
from bot.ports import Tools
from strategies import dependency_drift, fix_mode, left_behind, lock_files, undeclared_dependency


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


ALL: tuple[Strategy, ...] = (dependency_drift, left_behind, lock_files, fix_mode, undeclared_dependency)
GROUP = "regreen.strategies"


def installed() -> tuple[Strategy, ...]:
    """Ours, then those that other packages register in the entry-point group `regreen.strategies`."""
    return (*ALL, *(entry.load() for entry in entry_points(group=GROUP)))
