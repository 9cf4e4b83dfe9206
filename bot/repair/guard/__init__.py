"""The guard: refuses candidates that hide a failure instead of repairing it. Deterministic, and nothing is run.

What was there before is compared with what is there after, over all files of the candidate, so that what moved or was
laid out anew is known again. `rules.py` lists the rules; `allow` takes some out by name.
"""

from collections.abc import Iterable, Iterator, Sequence

from bot.model import Refusal
from bot.repair.guard import automake, builds, exits, files, scripts, sources, workflows
from bot.repair.guard.change import Change
from bot.repair.guard.config import judge as config
from bot.repair.guard.config.files import configures
from bot.repair.guard.findings import Finding
from bot.repair.guard.floors import floors_of
from bot.repair.guard.jobs import settled
from bot.repair.guard.kinds import is_workflow
from bot.repair.guard.languages import language_of
from bot.repair.guard.rules import RULES
from bot.repair.guard.specials import Known

__all__ = ["RULES", "Change", "Known", "judge", "reads"]

MOST = 200  # refusals that are told; a candidate with more is no better understood by reading them


def judge(
    changes: Sequence[Change],
    *,
    allow: frozenset[str] = frozenset(),
    known: Known | None = None,
    by_people: bool = False,
) -> tuple[Refusal, ...]:
    """Judge the changed files of one candidate: the refusals in order of file and line, none when it is accepted.

    `allow` names rules (see `RULES`) that the candidate's strategy is about, or that a person allowed. `known` finds
    passages in the tests of the repository as it was; without it only those of the changed files are known. A change
    that is made `by_people` may change what tests expect of a function together with what that function does.
    """
    found = (r for r in _all(changes, known, by_people=by_people) if r.rule not in allow)
    unique = {(r.file, r.line, r.rule, r.message): r for r in found}
    return tuple(unique[key] for key in sorted(unique))[:MOST]


def reads(path: str) -> bool:
    """Whether the guard reads what stands in a file of that name, whatever the file."""
    return bool(
        language_of(path)
        or configures(path)
        or builds.builds(path)
        or is_workflow(path)
        or scripts.holds_commands(path)
    )


def _all(given: Sequence[Change], known: Known | None, *, by_people: bool) -> Iterator[Refusal]:
    changes = [c for c in given if c.old != c.new]  # a mode that changed alone hides nothing
    read = [c for c in changes if not files.skips_reading(c)]
    named = files.words_that_came(read) if by_people else frozenset()
    for change in changes:
        yield from files.judge(change, named)
        if change.binary and change.old is not None and b"\0" not in change.old and reads(change.path):
            told = "is binary now, so that it cannot be read any more"
            yield Refusal(rule="unreadable", file=change.path, line=1, message=told)
    yield from sources.judge(read, known, by_people=by_people)
    yield from _told(config.judge(read))
    gone = [c.path for c in read if c.new is None and language_of(c.path) is not None]
    for change in read:
        yield from _told(exits.judge(change))
        yield from _told(builds.judge(change, gone))
        yield from _told(automake.judge(change))
    floors = floors_of(read)
    for change in settled(read):
        yield from _told(scripts.judge(change))
        yield from _told(workflows.judge(change, floors))


def _told(findings: Iterable[Finding]) -> Iterator[Refusal]:
    for found in findings:
        yield Refusal(rule=found.rule, file=found.path, line=found.line, message=found.message)
