"""Workflow files: read, selected, and spread into the legs that GitHub would start."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import product
from typing import Any

import re2

from bot.errors import UsageError
from bot.model import Model
from bot.replay.expressions import Scope, interpolate, to_string
from bot.replay.own import rename
from bot.replay.schema import check
from bot.yaml12 import load, merge_key

FOLDER = ".github/workflows/"
BRANCHES, TAGS = {"branches", "branches-ignore"}, {"tags", "tags-ignore"}
INSERT = re2.compile(r"^\$\{\{\s*insert\s*\}\}$")
MAX_LEGS = 256  # GitHub's own limit per job


class Workflow(Model):
    """One workflow file: its path in the repository and its document. Everything else derives from the document."""

    path: str
    document: Mapping[str, Any]
    jobs: Mapping[str, Mapping[str, Any]]
    triggers: Mapping[str, Any] = {}

    @property
    def name(self) -> str:
        """GitHub shows the path where the file gives no name."""
        return str(self.document.get("name") or self.path)


def parse(text: str | bytes, path: str) -> Workflow:
    """Read a workflow file. Raises `UsageError` with path and line, or with the job that is wrong."""
    document = load(text, path)
    if b"<<" in (text.encode() if isinstance(text, str) else text) and (line := merge_key(text, path)):
        raise UsageError(f"{path}:{line}: GitHub knows anchors, but no merge keys (<<)")
    if not isinstance(document, dict) or not isinstance(document.get("jobs"), dict) or not document["jobs"]:
        raise UsageError(f"{path}: this is no workflow: it has no jobs")
    check(document, path)
    jobs = document["jobs"]
    for job_id, job in jobs.items():
        rename(job.get("steps") or [], path)
        for need in needs(job):
            if need not in jobs:
                raise UsageError(f"{path}: the job '{job_id}' needs '{need}', which does not exist")
    _refuse_cycles(path, jobs)
    return Workflow(path, document, jobs, _triggers(document.get("on"), path))


def _triggers(value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, str):
        return {value: None}
    if isinstance(value, list):
        return {str(x): None for x in value}
    if isinstance(value, dict):
        return value
    raise UsageError(f"{path}: this is no workflow: it has no 'on'")


def needs(job: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of the jobs that a job waits for."""
    value = job.get("needs") or ()
    return (value,) if isinstance(value, str) else tuple(map(str, value))


def _refuse_cycles(path: str, jobs: Mapping[str, Mapping[str, Any]]) -> None:
    try:
        TopologicalSorter({job_id: needs(job) for job_id, job in jobs.items()}).prepare()
    except CycleError as e:
        circle = " needs ".join(reversed(e.args[1]))  # each is needed by the next
        raise UsageError(f"{path}: jobs need each other in a circle: {circle}") from None


def event_of(workflow: Workflow) -> str | None:
    """The event to replay a local checkout with: `push`, else `pull_request`, else None (not a CI workflow).

    A workflow that only runs on pushed tags is a release, not CI. Branch and path filters do not count here.
    """
    push = workflow.triggers.get("push", False)
    tags_only = isinstance(push, dict) and not push.keys() & BRANCHES and bool(push.keys() & TAGS)
    if push is not False and not tags_only:
        return "push"
    return next((e for e in ("pull_request", "pull_request_target") if e in workflow.triggers), None)


def closure(workflow: Workflow, wanted: Iterable[str]) -> list[str]:
    """The wanted jobs and all they need, in an order in which every job comes after its needs.

    Raises `UsageError` for a job that does not exist.
    """
    todo, keep = list(wanted) or list(workflow.jobs), set()
    for job in todo:
        if job not in workflow.jobs:
            raise UsageError(f"{workflow.path}: there is no job '{job}'", hint=f"its jobs: {', '.join(workflow.jobs)}")
        if job not in keep:
            keep.add(job)
            todo.extend(needs(workflow.jobs[job]))
    order: list[str] = []
    while len(order) < len(keep):
        order.extend(
            j for j in workflow.jobs if j in keep and j not in order and set(needs(workflow.jobs[j])) <= set(order)
        )
    return order


def expand_matrix(job: Mapping[str, Any], scope: Scope) -> list[dict[str, Any]]:
    """The legs of a job as matrix combinations, `[{}]` without a matrix.

    Excludes come before includes; an include extends each combination whose original values it does not overwrite,
    else it is a leg of its own.
    """
    strategy = resolve(job.get("strategy") or {}, scope)
    matrix = strategy.get("matrix") if isinstance(strategy, dict) else None
    if matrix is None:
        return [{}]
    if not isinstance(matrix, dict):
        raise UsageError("a matrix is not a mapping")
    axes = {k: v for k, v in matrix.items() if k not in ("include", "exclude")}
    for axis, values in axes.items():
        if not isinstance(values, list):
            raise UsageError(f"the matrix axis '{axis}' is not a list")
        if not values:
            raise UsageError(f"the matrix axis '{axis}' has no values")
    combinations = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())] if axes else []
    excluded = _mappings(matrix, "exclude")
    combinations = [c for c in combinations if not any(_matches(c, e) for e in excluded)]
    legs = [dict(c) for c in combinations]
    for extra in _mappings(matrix, "include"):
        fitting = [i for i, c in enumerate(combinations) if all(c[k] == v for k, v in extra.items() if k in c)]
        for i in fitting:
            legs[i].update({k: v for k, v in extra.items() if k not in combinations[i]})
        if not fitting:
            legs.append(dict(extra))
    if not legs:
        raise UsageError("a matrix has no legs")
    if len(legs) > MAX_LEGS:
        raise UsageError(f"a matrix has {len(legs)} legs; GitHub allows {MAX_LEGS}")
    return legs


def _mappings(matrix: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = matrix.get(key) or []
    if not isinstance(found, list) or not all(isinstance(x, dict) for x in found):
        raise UsageError(f"the '{key}' of a matrix is not a list of mappings")
    return found


def _matches(combination: Mapping[str, Any], pattern: Mapping[str, Any]) -> bool:
    def fits(value: Any, wanted: Any) -> bool:
        if isinstance(wanted, dict) and isinstance(value, dict):
            return all(k in value and fits(value[k], v) for k, v in wanted.items())
        return bool(value == wanted)

    return all(k in combination and fits(combination[k], v) for k, v in pattern.items())


def resolve(value: Any, scope: Scope) -> Any:
    """Interpolate every text inside a YAML value; expressions keep their types.

    As in GitHub's templates a list that comes of an expression goes into the list around it, and what an `insert` key
    has into the mapping around it (github.com/actions/runner, src/Sdk/DTObjectTemplating). Raises `UsageError`.
    """
    if isinstance(value, str):
        return interpolate(value, scope)
    if isinstance(value, dict):
        found: dict[Any, Any] = {}
        for key, item in value.items():
            made = resolve(item, scope)
            if not INSERT.match(str(key)):
                found[to_string(interpolate(key, scope)) if isinstance(key, str) else key] = made
            elif isinstance(made, dict):
                found |= made
            else:
                raise UsageError(f"{key} needs a mapping")
        return found
    if isinstance(value, list):
        whole = [(x, resolve(x, scope)) for x in value]
        return [y for x, made in whole for y in (made if isinstance(x, str) and isinstance(made, list) else [made])]
    return value


def job_name(job_id: str, job: Mapping[str, Any], matrix: Mapping[str, Any], scope: Scope) -> str:
    """The name that GitHub shows for a leg: the job's own, or its id with the matrix values in brackets.

    Raises `UsageError` where the name's expression is wrong.
    """
    if job.get("name"):
        given = str(job["name"])
        name = to_string(interpolate(given, scope))
        if name != given or not matrix:
            return name
    else:
        name = job_id
    flat = [to_string(v) for v in matrix.values() if not isinstance(v, dict | list)]
    return f"{name} ({', '.join(flat)})" if flat else name
