"""Whether a step failed for want of a secret or a variable: replays have none but those that the user gives."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import re2

from bot.model import Result, StepResult

SECRET = re2.compile(r"""\b(secrets|vars)(?:\.|\[\s*['"])([A-Za-z_]\w*)""")
TOLD = {
    "secrets": "the secret {0}, which was not given (--secret {0})",
    "vars": "the variable {0}, which was not given (--var {0}=…)",
}
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
    given: Mapping[str, Collection[str]],
) -> str:
    """Why a job's failure tells nothing of the project: its failing step says that it lacks a secret. Else empty.

    `places` are the `env` maps of workflow and job; `printed` gives the lines of a step by its id; `given` are the
    names of the `secrets` and of the `vars` that the job has. A line counts when it names the secret, or what the step
    was to have it as, and says that it is wanting; of a step that runs no tests also when its last words are that it
    was not let in.
    """
    for raw, step in zip(job["steps"], steps, strict=True):
        if step.result is not Result.FAILURE or step.continue_on_error:
            continue
        maps = (*places, raw.get("env"), raw.get("with"))
        found = _names(maps, str(raw.get("run", "")))
        names = {n: (kind, s) for n, kind, s in found if s not in given[kind] and s != OWN}
        if not names:
            return ""
        wanting = _wanting(names, list(printed(step.id)))
        return f"the step '{step.name}' needs {TOLD[wanting[0]].format(wanting[1])}" if wanting else ""
    return ""


def _wanting(names: Mapping[str, tuple[str, str]], lines: Sequence[str]) -> tuple[str, str] | None:
    """What a step that printed these lines has failed for want of, and its kind; None where it did not."""
    pattern = re2.compile(r"\b(" + "|".join(map(re2.escape, sorted(names))) + r")\b")
    for line in lines:
        if (found := pattern.search(line)) and WANTING.search(line):
            return names[found[1]]
    tested = any(TESTED.search(line) for line in lines)
    refused = not tested and any(REFUSED.search(line) for line in lines[-LAST_WORDS:])
    return next((one for one in names.values() if one[0] == "secrets"), None) if refused else None


def _names(maps: Iterable[Any], script: str) -> Iterator[tuple[str, str, str]]:
    """The names by which a step knows secrets, each with kind and secret: its own, that of a variable or input."""
    yield from ((name, kind, name) for kind, name in SECRET.findall(script))
    for name, value in (pair for one in maps if isinstance(one, dict) for pair in one.items()):
        for kind, secret in SECRET.findall(str(value)):
            yield from ((str(name), kind, secret), (secret, kind, secret))
