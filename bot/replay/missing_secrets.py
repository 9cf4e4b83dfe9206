"""Whether a step failed for want of a secret: replays have none but those that the user gives."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import re2

from bot.model import Result, StepResult

SECRET = re2.compile(r"""\bsecrets(?:\.|\[\s*['"])([A-Za-z_]\w*)""")
OWN = "GITHUB_TOKEN"  # empty in a replay, and named by many steps that do not need it
WANTING = re2.compile(
    r"(?i)\b(?:not (?:been )?(?:set|found|given|supplied|provided|defined|configured|specified|present|available)|unset"
    r"|un(?:bound|defined|available)|missing|required?|requires|mandatory|empty|blank|invalid"
    r"|must (?:be|have|set|provide)|KeyError"
    r"|no (?:value|such|\w+ (?:set|found|given|supplied|provided|defined|configured)))\b"
)
REFUSED = re2.compile(
    r"(?i)\bauthentication (?:failed|failure|required|error)|\b(?:not |un)authori[sz]ed\b|\baccess denied\b"
    r"|\bbad credentials\b|\blog ?in failed\b|\b(?:HTTP|status|error|code)\S* (?:code )?:?40[13]\b"
    r"|\b40[13] (?:unauthori[sz]ed|forbidden)"
    r"|\b(?:no|missing|invalid|empty|without) (?:\w+ )?(?:credentials?|password|api[ _-]?key|(?:access |auth )?token)\b"
)
TESTED = re2.compile(r"\b\d+ (?:tests? )?(?:failed|passed|passing|failing)\b|^Ran \d+ tests?|^FAILED \(|^# tests \d")
LAST_WORDS = 8  # lines of a step that say why it ended


def want_of_secret(
    places: Sequence[Any],
    job: Mapping[str, Any],
    steps: Sequence[StepResult],
    printed: Callable[[str], Iterable[str]],
    given: Collection[str],
) -> str:
    """Why a job's failure tells nothing of the project: its failing step says that it lacks a secret. Else empty.

    `places` are the `env` maps of workflow and job; `printed` gives the lines of a step by its id; `given` are the
    names of the secrets that the job has. A line counts when it names the secret, or what the step was to have it as,
    and says that it is wanting; of a step that runs no tests also when its last words are that it was not let in.
    """
    for raw, step in zip(job["steps"], steps, strict=True):
        if step.result is not Result.FAILURE or step.continue_on_error:
            continue
        maps = (*places, raw.get("env"), raw.get("with"))
        names = {n: s for n, s in _names(maps, str(raw.get("run", ""))) if s not in given and s != OWN}
        if not names:
            return ""
        secret = _wanting(names, list(printed(step.id)))
        told = f"the step '{step.name}' needs the secret {secret}, which was not given (--secret {secret})"
        return told if secret else ""
    return ""


def _wanting(names: Mapping[str, str], lines: Sequence[str]) -> str:
    """The secret for want of which a step that printed these lines has failed; empty where none is."""
    pattern = re2.compile(r"\b(" + "|".join(map(re2.escape, sorted(names))) + r")\b")
    for line in lines:
        if (found := pattern.search(line)) and WANTING.search(line):
            return names[found[1]]
    tested = any(TESTED.search(line) for line in lines)
    refused = not tested and any(REFUSED.search(line) for line in lines[-LAST_WORDS:])
    return next(iter(names.values())) if refused else ""


def _names(maps: Iterable[Any], script: str) -> Iterator[tuple[str, str]]:
    """The names by which a step knows secrets, each with the secret: its own, and that of a variable or an input."""
    yield from ((name, name) for name in SECRET.findall(script))
    for name, value in (pair for one in maps if isinstance(one, dict) for pair in one.items()):
        for secret in SECRET.findall(str(value)):
            yield from ((str(name), secret), (secret, secret))
