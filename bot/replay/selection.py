"""Which workflows of a checkout are replayed, with which event, as which run."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.errors import UsageError
from bot.model import ReplayOptions
from bot.ports import Checkout
from bot.replay.context import History, Run, payload
from bot.replay.expressions import to_string
from bot.replay.replayer import Plan
from bot.replay.source import Origin
from bot.replay.workflow import FOLDER, Workflow, event_of, parse

NONE = b"0" * 40
GITHUB_URL = re.compile(r"(?:[:/])([\w.-]+/[\w.-]+?)(?:\.git)?/?$")


def repository_of(checkout: Checkout) -> str:
    """`owner/name` by the URL of the remote, or `local/<folder>`."""
    found = GITHUB_URL.search(checkout.origin) if "://" in checkout.origin or "@" in checkout.origin else None
    return found[1] if found else "local/" + re.sub(r"[^\w.-]", "-", checkout.root.name)


def select(
    origin: Origin,
    commit: str,
    checkout: Checkout,
    options: ReplayOptions,
    secrets: Mapping[str, str],
    local: Mapping[str, Path],
) -> Plan:
    """The plan for a commit. Raises `UsageError` when there is no such workflow or job, or nothing to replay."""
    workflows = _chosen(origin, commit, options)
    for job in options.jobs:
        if not any(job in w.jobs for w in workflows):
            known = ", ".join(j for w in workflows for j in w.jobs)
            raise UsageError(
                f"there is no job '{job}' in {', '.join(w.path for w in workflows)}", hint=f"jobs: {known}"
            )
    history = _history(origin, commit, checkout)
    runs = tuple((w, _run(w, commit, checkout, options, history)) for w in workflows)
    return Plan(runs, options, secrets, local)


def _chosen(origin: Origin, commit: str, options: ReplayOptions) -> list[Workflow]:
    paths = [p for p in origin.files(commit, FOLDER) if p.endswith((".yml", ".yaml")) and p.count("/") == 2]
    if not paths:
        raise UsageError(
            "there is no workflow in .github/workflows of this commit", hint="commit one, or add it to the checkout"
        )
    wanted = [_named(name, paths) for name in options.workflows]
    if wanted:
        return [_read(origin, commit, path) for path in wanted]
    found = [w for w in (_read(origin, commit, path) for path in paths) if event_of(w)]
    if not found:
        names = ", ".join(paths)
        raise UsageError(
            f"no workflow runs on push or pull_request ({names})",
            hint="name one with --workflow, and its event with --event",
        )
    return found


def _named(name: str, paths: list[str]) -> str:
    fitting = [p for p in paths if name in (p, p.removeprefix(FOLDER), f"./{p}") or p.endswith(f"/{name}")]
    if not fitting:
        raise UsageError(f"there is no workflow {name}", hint=f"workflows: {', '.join(paths)}")
    return fitting[0]


def _read(origin: Origin, commit: str, path: str) -> Workflow:
    return parse(origin.require(commit, path), path)


def _history(origin: Origin, commit: str, checkout: Checkout) -> History:
    """What came before a commit. On the default branch itself, its base is the commit before it."""
    before = (origin.git.try_run("rev-parse", "--verify", "--quiet", f"{commit}~1") or NONE).decode().strip()
    base = f"refs/remotes/origin/{checkout.default_branch}"
    tip = (origin.git.try_run("rev-parse", "--verify", "--quiet", base) or b"").decode().strip()
    message = origin.git.run("cat-file", "commit", commit).decode("utf-8", "replace").partition("\n\n")[2].strip()
    known = tip and tip != commit and checkout.branch != checkout.default_branch
    return History(before, message, tip if known else before if before != NONE.decode() else commit)


def _run(workflow: Workflow, commit: str, checkout: Checkout, options: ReplayOptions, history: History) -> Run:
    event = options.event or event_of(workflow) or next(iter(workflow.triggers))
    repository = options.repository or repository_of(checkout)
    branch = checkout.branch or checkout.default_branch
    ref = options.ref or f"refs/heads/{branch}"
    if not ref.startswith("refs/"):
        ref = f"refs/heads/{ref}"
    inputs = _inputs(workflow, event, options)
    given = options.event_payload or payload(event, repository, commit, ref, checkout.default_branch, history)
    if inputs:
        given = {**given, "inputs": {k: to_string(v) for k, v in inputs.items()}}  # where act takes them from
    is_request = event.startswith("pull_request")
    request: dict[str, Any] = given.get("pull_request") or {}
    return Run(
        repository=repository,
        sha=commit,
        ref=f"refs/pull/{given.get('number', 1)}/merge" if is_request else ref,
        event=event,
        payload=given,
        default_branch=checkout.default_branch,
        actor=repository.split("/")[0],
        workflow=workflow.name,
        workflow_path=workflow.path,
        base_ref=str((request.get("base") or {}).get("ref") or "") if is_request else "",
        head_ref=str((request.get("head") or {}).get("ref") or "") if is_request else "",
        variables=options.variables,
        inputs=inputs,
    )


def _inputs(workflow: Workflow, event: str, options: ReplayOptions) -> dict[str, Any]:
    """The inputs of a dispatched run: what was given, else the defaults, in the types that the workflow declares."""
    trigger = workflow.triggers.get(event) if event == "workflow_dispatch" else None
    declared = (trigger.get("inputs") if isinstance(trigger, dict) else None) or {}
    if not isinstance(declared, dict) or not all(x is None or isinstance(x, dict) for x in declared.values()):
        raise UsageError(f"{workflow.path}: the inputs of workflow_dispatch are not mappings")
    unknown = set(options.inputs) - set(declared)
    if unknown:
        raise UsageError(
            f"{workflow.path}: there is no input '{min(unknown)}'", hint=f"inputs: {', '.join(declared) or 'none'}"
        )
    found: dict[str, Any] = {}
    for name, about in declared.items():
        value = options.inputs.get(name, (about or {}).get("default"))
        if value is None and (about or {}).get("required"):
            raise UsageError(
                f"{workflow.path}: the input '{name}' is required", hint=f"give it with --input {name}=VALUE"
            )
        kind = (about or {}).get("type", "string")
        found[name] = str(value).lower() == "true" if kind == "boolean" else ("" if value is None else value)
    return found
