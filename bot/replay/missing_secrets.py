"""Whether a step failed for want of a secret or a variable: replays have none but those that the user gives."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import re2

from bot.model import Result, StepResult
from bot.replay.joblog import STAMP_LENGTH

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
    r"|\b(?:no|missing|invalid|empty|without) (?:\w+ )?(?:credentials?|password|api[ _-]?key)\b"
)
TESTED = re2.compile(r"\b\d+ (?:tests? )?(?:failed|passed|passing|failing)\b|^# tests \d")
LAST_WORDS = 8  # lines of a step that say why it ended
AFTERWORD = re2.compile(  # frames of a stack, and what says only that something has failed
    r"^(?:\s|$|g?make\b.*\*\*\*|Node\.js v\d|npm (?:ERR|error)|error Command failed|info Visit|::endgroup)"
)
WORD = re2.compile(r"[a-z0-9]+")

Names = Mapping[str, tuple[str, str]]
"""The name by which a step knows a secret or variable -> its kind, and its own name."""


def want_of_secret(
    places: Sequence[Any],
    job: Mapping[str, Any],
    steps: Sequence[StepResult],
    printed: Callable[[str], Iterable[str]],
    given: Mapping[str, Collection[str]],
    ran_tests: Callable[[Iterable[str]], bool],
) -> str:
    """Why a job's failure tells nothing of the project: its failing step says that it lacks a secret. Else empty.

    `places` are the `env` maps of workflow and job; `printed` gives the lines of a step by its id; `given` are the
    names of the `secrets` and of the `vars` that the job has; `ran_tests` tells whether lines report tests: a step that
    ran some has failed for them. Of another its last word counts, when it names the secret, or what the step was to
    have it as, and says that it is wanting; or its last lines, when they say that it was not let in.
    """
    for raw, step in zip(job["steps"], steps, strict=True):
        if step.result is not Result.FAILURE or step.continue_on_error:
            continue
        own = _lacking(_names((raw.get("env"), raw.get("with")), str(raw.get("run", ""))), given)
        names = {**_lacking(_names(places, ""), given), **own}
        lines = list(printed(step.id)) if names else []
        if not lines or ran_tests(lines):
            return ""
        said = [line[STAMP_LENGTH:].rstrip() for line in lines]
        wanting = None if any(map(TESTED.search, said)) else _wanting(names, said) or _refused(names, own, said)
        return f"the step '{step.name}' needs {TOLD[wanting[0]].format(wanting[1])}" if wanting else ""
    return ""


def _wanting(names: Names, lines: Sequence[str]) -> tuple[str, str] | None:
    """What the last word of a step names and says to be wanting. Words before it may tell of what was left out."""
    last = next((line for line in reversed(lines) if not AFTERWORD.search(line)), "")
    pattern = re2.compile(r"\b(" + "|".join(map(re2.escape, sorted(names))) + r")\b")
    found = pattern.search(last)
    return names[found[1]] if found and WANTING.search(last) else None


def _refused(names: Names, own: Collection[str], lines: Sequence[str]) -> tuple[str, str] | None:
    """The secret without which a step was not let in: one of its `own`.

    What workflow or job give to all their steps counts only where the line has a word of its name, such as password.
    """
    for line in filter(REFUSED.search, lines[-LAST_WORDS:]):
        words = set(WORD.findall(line.lower()))
        for name, (kind, secret) in names.items():
            if kind == "secrets" and (name in own or words & set(WORD.findall(name.lower()))):
                return kind, secret
    return None


def _lacking(found: Iterable[tuple[str, str, str]], given: Mapping[str, Collection[str]]) -> Names:
    return {name: (kind, secret) for name, kind, secret in found if secret not in given[kind] and secret != OWN}


def _names(maps: Iterable[Any], script: str) -> Iterator[tuple[str, str, str]]:
    """The names by which a step knows secrets, each with kind and secret: its own, that of a variable or input."""
    yield from ((name, kind, name) for kind, name in SECRET.findall(script))
    for name, value in (pair for one in maps if isinstance(one, dict) for pair in one.items()):
        for kind, secret in SECRET.findall(str(value)):
            yield from ((str(name), kind, secret), (secret, kind, secret))
