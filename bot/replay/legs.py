"""The legs that a job would have on GitHub, and what is known of each before it starts."""

import platform
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bot.errors import UsageError
from bot.model import JobResult, Model, Result
from bot.replay.backends import unsafe
from bot.replay.expressions import Scope, condition, to_string, truthy
from bot.replay.switched_off import image_is_off
from bot.replay.workflow import Workflow, expand_matrix, job_name, resolve

JOB_MINUTES = 360.0  # GitHub's own limit for a job that names none
OTHER_SYSTEMS = ("windows", "macos")
ARM = ("arm64", "aarch64")


class Planned(Model):
    """A leg that can run here, or calls a workflow; `minutes` limit it, `scope` is what its expressions may name."""

    job_id: str
    name: str
    matrix: Mapping[str, Any]
    minutes: float
    continue_on_error: bool
    scope: Scope


def legs_of(
    workflow: Workflow, job_id: str, scope: Scope, only: tuple[tuple[str, str], ...], as_of: datetime | None
) -> Iterator[Planned | JobResult]:
    """Each leg of a job: planned, or already a result (skipped by its `if`, or not to be had on this machine).

    `only` are wanted matrix values; a job whose matrix has no such key runs as it is. `as_of` is the moment that is
    replayed, None is now. Raises `UsageError` where an
    expression or a matrix of the job is wrong.
    """
    job = workflow.jobs[job_id]
    where = f"{workflow.path}: the job '{job_id}'"
    try:
        if not condition(job.get("if"), scope):
            yield JobResult(
                id=job_id, name=str(job.get("name") or job_id), workflow=workflow.path, result=Result.SKIPPED
            )
            return
        combinations = expand_matrix(job, scope)
        for index, matrix in enumerate(combinations):
            if all(to_string(matrix[k]) == v for k, v in only if k in matrix):
                yield _leg(workflow, job_id, matrix, _with_matrix(scope, matrix, index, len(combinations), job), as_of)
    except UsageError as e:
        raise UsageError(
            e.message if e.message.startswith(workflow.path) else f"{where}: {e.message}", hint=e.hint
        ) from e


def _with_matrix(scope: Scope, matrix: Mapping[str, Any], index: int, total: int, job: Mapping[str, Any]) -> Scope:
    given = resolve({k: v for k, v in (job.get("strategy") or {}).items() if k != "matrix"}, scope)
    strategy = {"job-index": index, "job-total": total, "fail-fast": True, "max-parallel": total, **given}
    return scope.having(matrix=dict(matrix), strategy=strategy)


def _leg(
    workflow: Workflow, job_id: str, matrix: Mapping[str, Any], scope: Scope, as_of: datetime | None
) -> Planned | JobResult:
    job = workflow.jobs[job_id]
    name = job_name(job_id, job, matrix, scope)
    if reason := "" if "uses" in job else out_of_reach(job, scope, as_of):
        return JobResult(
            id=job_id, name=name, workflow=workflow.path, matrix=dict(matrix), result=Result.UNREPLAYABLE, reason=reason
        )
    minutes = resolve(job.get("timeout-minutes"), scope)
    goes_on = truthy(resolve(job.get("continue-on-error"), scope))
    return Planned(job_id, name, matrix, float(minutes) if minutes else JOB_MINUTES, goes_on, scope)


def labels_of(job: Mapping[str, Any], scope: Scope) -> list[str]:
    """The runners that a job takes, in small letters."""
    wanted = resolve(job["runs-on"], scope)
    if isinstance(wanted, dict):
        wanted = wanted.get("labels") or wanted.get("group") or ""
    return [to_string(x).lower() for x in (wanted if isinstance(wanted, list) else [wanted])]


def out_of_reach(job: Mapping[str, Any], scope: Scope, as_of: datetime | None) -> str:
    """Why a job cannot run on this machine, or the empty string."""
    labels = labels_of(job, scope)
    shown = ", ".join(labels)
    if any(image_is_off(label, as_of) for label in labels):
        return f"the job runs on {shown}, which GitHub has retired"
    if any(label.startswith(OTHER_SYSTEMS) for label in labels):
        return f"the job runs on {shown}, which this machine is not"
    if not any("ubuntu" in label or label in ("self-hosted", "linux") for label in labels):
        return f"the job runs on '{shown}', which is not known here"
    if any(label.endswith("-arm") or label in ARM for label in labels) != (platform.machine() in ARM):
        return f"the job runs on {shown}, but this machine is {platform.machine()}"
    return unsafe(job, scope.having(env={}, secrets={}))


def number(log: str) -> int:
    """The number that a leg's log begins with; 0 where it has none."""
    head = log.split("_", 1)[0]
    return int(head) if head.isdigit() else 0
