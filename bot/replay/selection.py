"""Which workflows of a checkout are replayed, with which event, as which run."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.errors import UsageError
from bot.model import ReplayOptions
from bot.ports import Checkout, Sources
from bot.replay.calls import Library, check, declared
from bot.replay.context import History, Run, payload
from bot.replay.expressions import to_string
from bot.replay.replayer import Plan
from bot.replay.source import Origin
from bot.replay.workflow import FOLDER, Workflow, event_of, parse

NONE = "0" * 40
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
WITH_INPUTS = ("workflow_dispatch", "workflow_call")
MERGED = ("pull_request", "pull_request_review", "pull_request_review_comment")
"""The events whose runs are about the merge of a pull request."""
SUFFIXES = (".yml", ".yaml")
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
    sources: Sources,
    *,
    merge: bool,
) -> Plan:
    """The plan for a commit. Raises `UsageError` when there is no such workflow or job, or nothing to replay.

    `merge`: where the event is a pull request whose base and head are in the checkout, their merge is replayed. What
    fixes a head does without: candidates are made of the files as the head has them.
    """
    library = Library(lambda path: origin.read(commit, path), local, sources)
    base, head = _request(origin, commit, checkout, options)
    notes = [] if merge or not base else ["the head of the pull request was replayed, not its merge with the base"]
    merged = origin.merge(base, head) if base and merge else commit
    unmerged = f"the pull request cannot be merged: its base {base[:9]} and its head {head[:9]} conflict"
    commit = merged or commit
    workflows = _chosen(origin, commit, options)
    for job in options.jobs:
        if not any(job in w.jobs for w in workflows):
            known = ", ".join(j for w in workflows for j in w.jobs)
            raise UsageError(
                f"there is no job '{job}' in {', '.join(w.path for w in workflows)}", hint=f"jobs: {known}"
            )
    history = _history(origin, commit, checkout)
    runs = tuple((w, _run(w, commit, checkout, options, history)) for w in workflows)
    notes += [note for workflow in workflows for note in check(workflow, library)]
    return Plan(
        commit, runs, options, library, secrets, local, notes=tuple(notes), unreplayable="" if merged else unmerged
    )


def _request(origin: Origin, commit: str, checkout: Checkout, options: ReplayOptions) -> tuple[str, str]:
    """Base and head of the pull request that the event's payload tells of, where the clone has both; else nothing."""
    base, head = (_tip(options, side) for side in ("base", "head"))
    if options.event not in ("", *MERGED) or not (base and head and origin.has(base) and origin.has(head)):
        return "", ""
    return base, commit if head == checkout.head else head


def _tip(options: ReplayOptions, side: str) -> str:
    request = (options.event_payload or {}).get("pull_request")
    branch = request.get(side) if isinstance(request, dict) else None
    return str(branch.get("sha") or "") if isinstance(branch, dict) else ""


def refuse_another_head(origin: Origin, checkout: Checkout, options: ReplayOptions) -> None:
    """Raise `UsageError` where the event is about another commit than the one that is to be fixed."""
    head = _tip(options, "head")
    if head and head != checkout.head and origin.has(head):
        message = f"the event is about the commit {head[:9]}, but {checkout.head[:9]} is checked out"
        raise UsageError(message, hint=f"git switch --detach {head}")


def _chosen(origin: Origin, commit: str, options: ReplayOptions) -> list[Workflow]:
    files = sorted(p for p in origin.paths(commit) if p.startswith(FOLDER))
    paths = [p for p in files if p.endswith(SUFFIXES) and p.count("/") == 2]
    if not paths and not options.workflows:
        raise UsageError(
            "there is no workflow in .github/workflows of this commit", hint="commit one, or add it to the checkout"
        )
    wanted = [_named(name, paths, origin, commit) for name in options.workflows]
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


def _named(name: str, paths: list[str], origin: Origin, commit: str) -> str:
    """The path of a workflow that the user names; outside of GitHub's folder only by its whole path."""
    fitting = [p for p in paths if name in (p, p.removeprefix(FOLDER), f"./{p}") or p.endswith(f"/{name}")]
    if not fitting and name.endswith(SUFFIXES) and origin.read(commit, name.removeprefix("./")) is not None:
        return name.removeprefix("./")
    if not fitting:
        raise UsageError(f"there is no workflow {name}", hint=f"workflows: {', '.join(paths)}")
    return fitting[0]


def _read(origin: Origin, commit: str, path: str) -> Workflow:
    return parse(origin.require(commit, path), path)


def _history(origin: Origin, commit: str, checkout: Checkout) -> History:
    """What came before a commit. On the default branch itself, its base is the commit before it."""
    said = origin.commit(commit)
    before = said.parents[0] if said.parents else ""
    tip = origin.refs().get(f"refs/remotes/origin/{checkout.default_branch}", "")
    known = tip and tip != commit and checkout.branch != checkout.default_branch
    return History(before or NONE, said.message, tip if known else before or commit)


def _run(workflow: Workflow, commit: str, checkout: Checkout, options: ReplayOptions, history: History) -> Run:
    told = "pull_request" if "pull_request" in (options.event_payload or {}) else ""
    event = options.event or (
        told if told in workflow.triggers else event_of(workflow) or next(iter(workflow.triggers))
    )
    repository = options.repository or repository_of(checkout)
    branch = checkout.branch or checkout.default_branch
    ref = options.ref or f"refs/heads/{branch}"
    if not ref.startswith("refs/"):
        ref = f"refs/heads/{ref}"
    given = options.event_payload or payload(event, repository, commit, ref, checkout.default_branch, history)
    inputs = _inputs(workflow, event, {**_payload_inputs(given, event), **options.inputs})
    if inputs:
        given = {**given, "inputs": {k: to_string(v) for k, v in inputs.items()}}
    is_request = event.startswith("pull_request")
    request: dict[str, Any] = given.get("pull_request") or {}
    number = str(int(commit[:7], 16))  # no fix gets the run that it was made in: what a job writes of it does not last
    return Run(
        repository=repository,
        sha=commit,
        ref=f"refs/pull/{given.get('number', 1)}/merge" if is_request else ref,
        event=event,
        payload=given,
        default_branch=checkout.default_branch,
        actor=repository.split("/")[0],
        run_id=number,
        run_number=number,
        workflow=workflow.name,
        workflow_path=workflow.path,
        base_ref=str((request.get("base") or {}).get("ref") or "") if is_request else "",
        head_ref=str((request.get("head") or {}).get("ref") or "") if is_request else "",
        variables=options.variables,
        inputs=inputs,
    )


def _payload_inputs(given: Mapping[str, Any], event: str) -> dict[str, str]:
    found = given.get("inputs") if event in WITH_INPUTS else None
    return {str(k): to_string(v) for k, v in found.items() if v is not None} if isinstance(found, dict) else {}


def _inputs(workflow: Workflow, event: str, given: Mapping[str, str]) -> dict[str, Any]:
    """The inputs of a dispatched run: what was given, else the defaults, in the types that the workflow declares.

    As on GitHub only booleans keep their type, and choices must be among their options.
    """
    known = declared(workflow, "inputs", event) if event in WITH_INPUTS else {}
    if unknown := set(given) - set(known):
        hint = f"inputs: {', '.join(known) or 'none'}"
        raise UsageError(f"{workflow.path}: there is no input '{min(unknown)}'", hint=hint)
    found: dict[str, Any] = {}
    for name, about in known.items():
        value = given.get(name, about.get("default"))
        where = f"{workflow.path}: the input '{name}'"
        if value in (None, "") and about.get("required") is True:
            raise UsageError(f"{where} is required", hint=f"give it with --input {name}=VALUE")
        found[name] = _typed(to_string(value), about, where)
    return found


def _typed(text: str, about: Mapping[str, Any], where: str) -> Any:
    kind = about.get("type", "string")
    if kind == "boolean":
        if text.lower() not in ("", "true", "false"):
            raise UsageError(f"{where} is 'true' or 'false', not '{text}'")
        return text.lower() == "true"
    if kind == "number" and text and not NUMBER.fullmatch(text):
        raise UsageError(f"{where} is a number, not '{text}'")
    options = [to_string(x) for x in about.get("options") or ()]
    if kind == "choice" and text and text not in options:
        raise UsageError(f"{where} is one of {', '.join(options)}, not '{text}'")
    return text
