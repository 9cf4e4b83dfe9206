"""From what was recorded of a leg to its result, believing nothing that a step could have made up alone."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bot.model import JobResult, ReplayResult, Result, StepResult
from bot.replay.joblog import STAMP_LENGTH
from bot.replay.record import STEP_TIME_LIMIT, TIME_LIMIT, Record
from bot.replay.refusals import NETWORK

NO_COMMAND = re.compile(r"(?:^|[:\s])([\w.+-]+): (?:command )?not found$")
NOT_FOUND, LAST_WORDS = 127, 8
NO_STEP = "no step of the job ran"


def step_results(job: Mapping[str, Any], record: Record) -> tuple[StepResult, ...]:
    """The job's own steps in their order; one that act never began was skipped."""
    found = []
    for number, step in enumerate(job["steps"]):
        name = str(step.get("id") or number)
        seen = record.steps.get(name)
        shown = str(step.get("name") or _headline(step))
        if seen is None:
            found.append(StepResult(name=shown, id=name, result=Result.SKIPPED))
            continue
        shown = seen.name.splitlines()[0] if step.get("name") and seen.name else shown
        result = seen.result or Result.CANCELLED
        found.append(
            StepResult(name=shown, id=name, result=result, seconds=seen.seconds, continue_on_error=seen.went_on)
        )
    return tuple(found)


def _headline(step: Mapping[str, Any]) -> str:
    text = str(step.get("run") or step.get("uses") or "").strip()
    return f"Run {text.splitlines()[0]}" if text else "Run"


def judge(job: Mapping[str, Any], record: Record, steps: tuple[StepResult, ...]) -> tuple[Result, str | None]:
    """The result of a leg and the reason where it needs one.

    Success counts only where act's JSON, its exit code and the list of steps agree that all that had to run has run.
    """
    if record.unreplayable:
        return Result.UNREPLAYABLE, record.unreplayable
    if record.killed:
        timed_out = record.killed.startswith((TIME_LIMIT, STEP_TIME_LIMIT))
        return (Result.FAILURE if timed_out and record.steps else Result.UNREPLAYABLE), record.killed
    if record.job is None:
        problem = record.problems[-1] if record.problems else f"exit code {record.code}"
        if not record.steps:
            return Result.UNREPLAYABLE, f"act could not start the job: {problem}"
        return Result.FAILURE, f"the job ended without a result: {problem}"
    if record.job is Result.FAILURE:
        if not any(s.result is Result.FAILURE and not s.continue_on_error for s in steps) and not record.steps:
            return Result.UNREPLAYABLE, f"act could not start the job: {(record.problems or ['no reason given'])[-1]}"
        failing = next((s for s in steps if s.result is Result.FAILURE and not s.continue_on_error), None)
        if failing and record.steps[failing.id].is_owed:
            return Result.UNREPLAYABLE, f"the step '{failing.name}' {record.steps[failing.id].denied[0]}"
        return Result.FAILURE, None if failing or not record.problems else record.problems[-1]
    if problem := _contradiction(job, steps):
        return Result.FAILURE, f"the result cannot be trusted: {problem}"
    if record.code != 0:  # such as of an act that cannot tidy up what a step has made
        told = f"act says that the job succeeded, but ended with exit code {record.code}"
        return Result.UNREPLAYABLE, "; ".join([told, *record.problems[-1:]])
    if not any(s.result is not Result.SKIPPED for s in steps):
        return Result.SKIPPED, NO_STEP
    return Result.SUCCESS, None


def want_of_files(steps: Iterable[StepResult], record: Record, printed: Callable[[str], Iterable[str]]) -> str:
    """Why a failure may be owed to a file that the clone lacks: the failing step names it. Else empty."""
    failing = next((s for s in steps if s.result is Result.FAILURE and not s.continue_on_error), None)
    names = {path.rsplit("/", 1)[-1]: path for path in record.absent}
    lines = printed(failing.id) if failing and names else ()
    name = next((name for line in lines for name in names if name in line), "")
    return f"the step '{failing.name}' needs {names[name]}, which the local clone lacks" if failing and name else ""


def want_of_command(
    labels: Iterable[str],
    steps: Iterable[StepResult],
    printed: Callable[[str], Iterable[str]],
    exit_code: Callable[[str], int | None],
) -> str:
    """Why a failure says nothing of the project: people's own runner has a command that is not here. Else empty.

    The step has ended for it: by its exit code, or where nobody has seen that (in a container) by its very last line.
    """
    failing = next((s for s in steps if s.result is Result.FAILURE and not s.continue_on_error), None)
    if failing is None or "self-hosted" not in labels:
        return ""
    code = exit_code(failing.id)
    lines = [line.rstrip() for line in printed(failing.id) if line[STAMP_LENGTH:].strip()]
    last = lines[-1:] if code is None else lines[-LAST_WORDS:] if code == NOT_FOUND else []
    name = next((found[1] for line in reversed(last) if (found := NO_COMMAND.search(line))), "")
    told = "which the self-hosted runner may have and this machine has not"
    return f"the step '{failing.name}' needs {name}, {told}" if name else ""


def want_of_download(
    steps: Iterable[StepResult],
    record: Record,
    printed: Callable[[str], Iterable[str]],
    exit_code: Callable[[str], int | None],
) -> str:
    """Why a failure says nothing of the project: a step before that passed could not fetch what is missing. Else empty.

    Such as `curl … | sh`: the pipe ends as the shell does, and only who calls the program learns that it is not there.
    """
    ran = [s for s in steps if s.id in record.steps]
    failing = next((s for s in ran if s.result is Result.FAILURE and not s.continue_on_error), None)
    if failing is None or exit_code(failing.id) != NOT_FOUND:
        return ""
    for step in ran[: ran.index(failing)]:
        denied = record.steps[step.id].denied
        if denied or any(map(NETWORK.search, printed(step.id))):
            what = denied[0] if denied else "could not reach a server"
            return f"the step '{failing.name}' needs a program, and the step '{step.name}' before {what}"
    return ""


def _contradiction(job: Mapping[str, Any], steps: tuple[StepResult, ...]) -> str:
    for raw, step in zip(job["steps"], steps, strict=True):
        if step.result is Result.FAILURE and not step.continue_on_error:
            return f"act says that the job succeeded, but the step '{step.name}' failed"
        if step.result is Result.CANCELLED or (step.result is Result.SKIPPED and "if" not in raw):
            return f"act says that the job succeeded, but the step '{step.name}' did not run"
    return ""


def summary(jobs: Iterable[JobResult], notes: tuple[str, ...], seconds: float, log: str) -> ReplayResult:
    """The result of the whole: failure before unreplayable before success; what ran no step at all is no success."""
    found = tuple(jobs)
    counting = [j for j in found if not j.continue_on_error]
    unknown = [f"{j.name}: {j.reason}" for j in found if j.result is Result.UNREPLAYABLE]
    if any(j.result is Result.FAILURE for j in counting):
        result, reason = Result.FAILURE, "; ".join(unknown) or None
    elif unknown:
        result, reason = Result.UNREPLAYABLE, "; ".join(unknown)
    elif not any(j.result is Result.SUCCESS for j in found):
        failed_alone = any(j.result is Result.FAILURE for j in found)
        result, reason = (Result.SUCCESS, None) if failed_alone else (Result.UNREPLAYABLE, "no step of any job ran")
    else:
        result, reason = Result.SUCCESS, None
    return ReplayResult(result=result, reason=reason, jobs=found, notes=notes, seconds=seconds, log=log)
