"""What a failing leg complains of: what its log tells, held against its held step and the files of its commit.

A log gives paths as the tools print them, relative to wherever they ran; and where no signature knows what was printed,
the programs that failed in the step, seen by watching it, say what kind of failure it is.
"""

import posixpath
from collections.abc import Collection, Sequence

from bot.config_files import config_root
from bot.diagnosis import meaning
from bot.model import Category, Diagnosis, Location
from bot.ports import Executed
from bot.replay.workbench import Workbench
from bot.yaml12 import load
from strategies.commands import unwrap
from strategies.fixers import Fixer, recognise

UNSURE = 0.6
WATCHED = 0.7
"""The confidence up to which the step is watched, and the one in what its programs say."""


def complaint(told: Diagnosis, bench: Workbench | None, files: Collection[str]) -> Diagnosis:
    """The diagnosis of a log with what the bench of its leg (None: it is not held) and its commit's files add."""
    here = [below(bench.held.cwd, bench.workspace)] if bench else []
    found = rooted(told, files, here)
    unsure, lost = told.confidence <= UNSURE, any(p.file not in files for p in found.locations[:1])
    if bench is None or not (unsure or lost):
        return found
    failed = [p for p in bench.session().watch().programs if p.code]
    found = rooted(told, files, [*(below(p.cwd, bench.workspace) for p in failed), *here])
    table = config_root() / "fixers.yaml"
    category = category_of(failed, load(table.read_bytes(), table.name)) if unsure else None
    return found.changed(category=category, confidence=WATCHED) if category else found


def category_of(failed: Sequence[Executed], fixers: Sequence[Fixer]) -> Category | None:
    """What the programs that failed in a step mean: a checker if one is among them, else the first that ended.

    None where that is not known.
    """
    if any(recognise(program, fixers, unsafe=True) for program in failed):
        return Category.LINT_ERROR
    commands = (unwrap(program.argv) for program in failed)
    found = (meaning(" ".join((command.name, *command.arguments))) for command in commands)
    return next((category for category in found if category), None)


def rooted(diagnosis: Diagnosis, files: Collection[str], folders: Sequence[str]) -> Diagnosis:
    """The diagnosis with the paths of its places from the root of the repository, where that can be told.

    `folders` are those that tools ran in, the likeliest first.
    """
    places = {(p.file, p.line): p for p in (_rooted(place, files, folders) for place in diagnosis.locations)}
    return diagnosis.changed(locations=tuple(places.values()))


def _rooted(place: Location, files: Collection[str], folders: Sequence[str]) -> Location:
    tried = (posixpath.normpath(posixpath.join(folder, place.file)) for folder in folders)
    path = next((path for path in tried if path in files), "")
    if not path and place.file not in files:
        ends = [f for f in files if f.endswith(f"/{place.file}")]
        path = ends[0] if len(ends) == 1 else ""
    return place.changed(file=path) if path else place


def below(folder: str, root: str) -> str:
    """A folder relative to the root; the root itself for one that is elsewhere."""
    return posixpath.relpath(folder, root) if folder.startswith(f"{root}/") else ""
