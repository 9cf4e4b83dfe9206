"""Strategies of other packages: what is wrong with one costs a line, never the repair."""

import traceback
from collections.abc import Callable, Collection, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from bot.errors import RegreenError
from bot.model import Candidate, Category, Diagnosis, Incident
from bot.ports import Tools

GROUP = "regreen.strategies"
Tell = Callable[[str], None]


class Foreign:
    """A strategy of another package. What it raises is told in one line, and it has no candidate then."""

    def __init__(self, module: Any, package: str, tell: Tell) -> None:
        self._module, self._package, self._tell = module, package, tell
        self.NAME: str = module.NAME
        self.CATEGORIES: frozenset[Category] = frozenset(module.CATEGORIES)

    def applies(self, diagnosis: Diagnosis, tree: frozenset[str]) -> bool:
        """See `strategies.Strategy.applies`."""
        try:
            return bool(self._module.applies(diagnosis, tree))
        except (Exception, SystemExit) as e:  # noqa: BLE001 - whatever others have written
            self._failed(e)
            return False

    def propose(self, incident: Incident, tools: Tools) -> Iterator[Candidate]:
        """See `strategies.Strategy.propose`."""
        try:
            for candidate in self._module.propose(incident, tools):
                if not isinstance(candidate, Candidate):
                    raise TypeError(f"a {type(candidate).__name__} is no candidate")
                yield candidate.changed(strategy=self.NAME)
        except RegreenError:  # of the tools: the time is over, the held job has ended
            raise
        except (Exception, SystemExit) as e:  # noqa: BLE001 - whatever others have written
            self._failed(e)

    def _failed(self, error: BaseException) -> None:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        self._tell(f"the strategy '{self.NAME}' of the package {self._package} has failed: {_told(error)} ({where})")


def registered(tell: Tell, without: Collection[str], taken: Collection[str]) -> Iterator[Foreign]:
    """The usable strategies of other packages, in the order of their entry points' names.

    The first of a name counts, and none of the names that are `taken`.
    """
    names = set(taken)
    for entry in sorted(entry_points(group=GROUP), key=lambda e: (e.name, _owner(e))):
        if entry.name in without:
            continue
        module, wrong = _loaded(entry)
        wrong = wrong or _problem(module)
        if not wrong and module.NAME in names:
            wrong = f"there is a strategy called '{module.NAME}' already"
        if wrong:
            tell(f"the strategy '{entry.name}' of the package {_owner(entry)} is left out: {wrong}")
            continue
        names.add(module.NAME)
        yield Foreign(module, _owner(entry), tell)


def _loaded(entry: EntryPoint) -> tuple[Any, str]:
    try:
        return entry.load(), ""
    except (Exception, SystemExit) as e:  # noqa: BLE001 - whatever others have written runs here
        return None, _told(e)


def _problem(module: Any) -> str:
    """What it lacks to be a strategy; empty for one."""
    if not isinstance(getattr(module, "NAME", None), str) or not module.NAME.strip():
        return "it has no NAME"
    categories = getattr(module, "CATEGORIES", None)
    if not isinstance(categories, Collection) or not all(isinstance(c, Category) for c in categories):
        return "its CATEGORIES are no set of bot.model.Category"
    lacking = [name for name in ("applies", "propose") if not callable(getattr(module, name, None))]
    return f"it has no function {lacking[0]}" if lacking else ""


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "?"


def _told(error: BaseException) -> str:
    """An exception in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
