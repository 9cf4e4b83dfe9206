"""Reusable workflows: what a job that calls one hands over, and what it gets back.

https://docs.github.com/en/actions/reference/workflows-and-actions/reusing-workflow-configurations
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bot.errors import Unavailable, UsageError
from bot.model import Model, Result
from bot.ports import Sources
from bot.replay.context import SERVER, Run
from bot.replay.expressions import Scope, to_string
from bot.replay.own import REMOTE
from bot.replay.workflow import Workflow, parse, resolve

MAX_LEVELS = 10  # GitHub's own limit, the workflow that the event starts included
LOCAL = re.compile(r"[.$]/(\.github/workflows/[^/@]+\.ya?ml)")
EMPTY: Mapping[str, Any] = {"string": "", "boolean": False, "number": 0}
"""The types of inputs, and what an input is that has neither value nor default."""
ReadFile = Callable[[str], bytes | None]


class Need(Model):
    """How a job that is needed has ended, and its outputs."""

    result: Result
    outputs: Mapping[str, str] = {}


class Call(Model):
    """One use of a workflow: started by the event, or called by a leg of a job of another one.

    `id` and `name` are what the ids and names of its jobs begin with; `matrix` is that of the calling legs; `root` is
    the path of the workflow that the event started.
    """

    workflow: Workflow
    run: Run
    secrets: Mapping[str, str]
    root: str
    id: str = ""
    name: str = ""
    matrix: Mapping[str, Any] = {}

    def matrix_of(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """The matrix values of a leg with those of the legs that called its workflow."""
        return {**{f"{self.id}{k}" if k in own else k: v for k, v in self.matrix.items()}, **own}


class Library:
    """Finds the workflows that jobs call: in the replayed commit, in folders that the user gave, or fetched."""

    def __init__(self, read: ReadFile, local: Mapping[str, Path], sources: Sources) -> None:
        self._read, self._local, self._sources = read, local, sources

    def find(self, uses: str, caller: Workflow) -> Workflow:
        """The workflow that a job of `caller` calls.

        Raises `Unavailable` when its repository cannot be had here, `UsageError` where there is no such workflow, or it
        is not made to be called.
        """
        inside, home = LOCAL.fullmatch(uses), REMOTE.fullmatch(caller.path)
        remote = REMOTE.fullmatch(f"{home[1]}/{inside[1]}@{home[3]}" if inside and home else uses)
        if remote:
            mapped = self._local.get(f"{remote[1]}@{remote[3]}")
            folder = mapped or self._sources.files(f"{SERVER}/{remote[1]}", remote[3])
            path, file = remote[0], folder / remote[2]
            text = file.read_bytes() if file.is_file() else None
        elif inside:
            path, text = inside[1], self._read(inside[1])
        else:
            hint = "a job calls ./.github/workflows/FILE or owner/name/.github/workflows/FILE@REF"
            raise UsageError(f"{caller.path}: '{uses}' is no workflow file", hint=hint)
        if text is None:
            raise UsageError(f"{caller.path}: a job calls the workflow {uses}, which does not exist")
        found = parse(text, path)
        if "workflow_call" not in found.triggers:
            raise UsageError(f"{caller.path}: a job calls the workflow {uses}, which has no 'on: workflow_call'")
        return found


def check(workflow: Workflow, library: Library, callers: tuple[str, ...] = ()) -> list[str]:
    """What of the calls GitHub would refuse and a replay lets pass, in words.

    Raises `UsageError` for what GitHub refuses before it starts anything: wrong calls, loops, too many levels.
    """
    chain, notes = (*callers, workflow.path), []
    for job_id, job in workflow.jobs.items():
        where = f"{workflow.path}: the job '{job_id}'"
        if "uses" not in job:
            continue
        try:
            found = library.find(str(job["uses"]), workflow)
        except Unavailable:  # said when the job is reached
            continue
        if found.path in chain:
            raise UsageError(f"{where} calls in a circle: {' -> '.join([*chain, found.path])}")
        if len(chain) >= MAX_LEVELS:
            raise UsageError(f"{where} calls deeper than {MAX_LEVELS} levels, which GitHub does not allow")
        if unknown := _unknown(where, "input", job.get("with") or {}, declared(found, "inputs"), found.path):
            raise UsageError(unknown)
        if job.get("secrets") != "inherit":
            unknown = _unknown(where, "secret", job.get("secrets") or {}, declared(found, "secrets"), found.path)
            notes += [f"{unknown}: GitHub refuses that"] if unknown else []
        notes += check(found, library, chain)
    return notes


def _unknown(where: str, what: str, given: Any, known: Mapping[str, Mapping[str, Any]], path: str) -> str:
    """What is given and not declared, in words. Raises `UsageError` for what is missing."""
    if not isinstance(given, dict):
        raise UsageError(f"{where}: its {what}s are not a mapping")
    names, wanted = ({str(x).lower() for x in given}, {x.lower() for x in known})
    for name, about in known.items():
        if about.get("required") is True and name.lower() not in names and "default" not in about:
            raise UsageError(f"{where} does not give the {what} '{name}', which {path} requires")
    unknown = sorted(names - wanted)
    return f"{where} gives the {what} '{unknown[0]}', which {path} does not declare" if unknown else ""


def declared(workflow: Workflow, what: str, event: str = "workflow_call") -> dict[str, Mapping[str, Any]]:
    """The `inputs`, `secrets` or `outputs` that a workflow declares for those who call it, or dispatch it."""
    trigger = workflow.triggers.get(event)
    found = (trigger.get(what) if isinstance(trigger, dict) else None) or {}
    if not isinstance(found, dict) or not all(x is None or isinstance(x, dict) for x in found.values()):
        raise UsageError(f"{workflow.path}: the {what} of {event} are not mappings")
    return {str(name): about or {} for name, about in found.items()}


def called(caller: Call, job_id: str, name: str, matrix: Mapping[str, Any], scope: Scope, workflow: Workflow) -> Call:
    """What one leg of a calling job starts. Raises `UsageError` where a value has not the type that was declared."""
    job = caller.workflow.jobs[job_id]
    given = {str(k).lower(): v for k, v in resolve(job.get("with") or {}, scope).items()}
    inputs = {}
    for key, about in declared(workflow, "inputs").items():
        kind = str(about.get("type", "string"))
        value = given.get(key.lower(), resolve(about.get("default"), caller.run.scope({})))
        inputs[key] = EMPTY.get(kind) if value is None else _typed(value, kind, f"the input '{key}' of {workflow.path}")
    secrets = caller.secrets
    if job.get("secrets") != "inherit":
        known = scope.having(secrets={"GITHUB_TOKEN": "", **caller.secrets})
        secrets = {str(k): to_string(v) for k, v in resolve(job.get("secrets") or {}, known).items()}
    return Call(
        workflow,
        caller.run.changed(inputs=inputs),
        secrets,
        caller.root,
        f"{caller.id}{job_id}/",
        f"{caller.name}{name} / ",
        caller.matrix_of(matrix),
    )


def _typed(value: Any, kind: str, what: str) -> Any:
    """A value that fits the type of an input; GitHub converts to texts only."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {"boolean": isinstance(value, bool), "number": number, "string": not isinstance(value, dict | list)}
    if not fits.get(kind):
        raise UsageError(f"{what} is to be a {kind}, but '{to_string(value)}' is none")
    return to_string(value) if kind == "string" else value


def outputs_of(call: Call, jobs: Mapping[str, Need]) -> dict[str, str]:
    """The outputs of a called workflow, from those of its jobs."""
    told = {name: {"result": str(need.result), "outputs": dict(need.outputs)} for name, need in jobs.items()}
    scope = call.run.scope({}).having(jobs=told)
    found = declared(call.workflow, "outputs")
    return {name: to_string(resolve(about.get("value"), scope)) for name, about in found.items()}
