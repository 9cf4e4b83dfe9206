"""The strategies, cheapest first. A module each, with the same four names: NAME, CATEGORIES, applies, propose."""

from collections.abc import Iterator
from typing import Protocol

from bot.model import Candidate, Category, Diagnosis, Incident
from bot.ports import Tools
from strategies import fix_mode, left_behind


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


ALL: tuple[Strategy, ...] = (left_behind, fix_mode)
