"""Which workflows an event starts, and what becomes of their runs."""

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from bot.errors import UsageError
from bot.yaml12 import load
from tests.hub import act, events, shapes_actions
from tests.hub.archives import zip_of
from tests.hub.world import ACTIONS_BOT, Account, Check, Job, Repository, Run, now

if TYPE_CHECKING:
    from tests.hub.hub import Hub

FOLDER = ".github/workflows"
_SKIP = re.compile(r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]")
_TYPES = {"pull_request": ["opened", "synchronize", "reopened"]}
_TYPES["pull_request_target"] = _TYPES["pull_request"]
_RANK = ("failure", "timed_out", "cancelled", "action_required", "success", "neutral", "skipped")


@dataclass
class Place:
    """What a run is of: `sha` is checked out as `ref`; `head_sha` is what GitHub shows, for a pull request its head."""

    head_repository: Repository
    head_branch: str
    sha: str
    head_sha: str = ""
    ref: str = ""


def started(
    hub: "Hub", one: Repository, event: str, payload: dict[str, Any], actor: Account, place: Place
) -> list[Run]:
    """Queue a run of each workflow at that place that the event starts."""
    message = one.git("log", "-1", "--format=%B", place.head_sha or place.sha)
    if event in ("push", "pull_request") and _SKIP.search(message):
        return []
    return [
        _queue(hub, one, path, document, event, payload, actor, place)
        for path in one.git.files(place.sha, FOLDER)
        for document in [_read(one, place.sha, path)]
        for about in [_triggers(document).get(event)]
        if about is not None and _wanted(one, event, path, about, payload, place)
    ]


def _read(one: Repository, sha: str, path: str) -> dict[str, Any]:
    try:
        document = load(one.git.read(sha, path).encode(), path)
    except UsageError:
        return {}
    return document if isinstance(document, dict) else {}


def _triggers(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    on = document.get("on") or {}
    named = [on] if isinstance(on, str) else on
    return {name: about or {} for name, about in on.items()} if isinstance(on, dict) else {n: {} for n in named}


def _wanted(one: Repository, event: str, path: str, about: Any, payload: dict[str, Any], place: Place) -> bool:
    if not isinstance(about, dict):  # the times of a schedule
        return True
    if event == "workflow_dispatch" and payload["workflow"] != path:
        return False
    types = about.get("types") or _TYPES.get(event)
    if types and payload.get("action") not in ([types] if isinstance(types, str) else types):
        return False
    if event == "workflow_run" and payload["workflow"]["name"] not in about.get("workflows", []):
        return False
    if event == "push" and payload["ref"].startswith("refs/tags/"):
        return "tags" in about or not {"branches", "branches-ignore"} & set(about)
    branch = payload["pull_request"]["base"]["ref"] if event.startswith("pull_request") else place.head_branch
    changed = _changed(one, event, payload) if {"paths", "paths-ignore"} & set(about) else []
    return (
        _any(about.get("branches", ["*"]), branch)
        and not _any(about.get("branches-ignore", []), branch)
        and ("paths" not in about or any(_any(about["paths"], path) for path in changed))
        and ("paths-ignore" not in about or not all(_any(about["paths-ignore"], path) for path in changed))
    )


def _any(patterns: Iterable[str], name: str) -> bool:
    """The last pattern that fits decides, as one with `!` takes back."""
    result = False
    for pattern in patterns:
        if fnmatchcase(name, pattern.removeprefix("!").replace("**", "*")):
            result = not pattern.startswith("!")
    return result


def _changed(one: Repository, event: str, payload: dict[str, Any]) -> list[str]:
    if event == "push":
        before = payload["before"]
        old = before if set(before) != {"0"} else one.git("hash-object", "-t", "tree", "/dev/null")
        return one.git("diff", "--name-only", old, payload["after"]).splitlines()
    pull = payload["pull_request"]
    return one.git("diff", "--name-only", f"{pull['base']['sha']}...{pull['head']['sha']}").splitlines()


def _queue(
    hub: "Hub",
    one: Repository,
    path: str,
    document: dict[str, Any],
    event: str,
    payload: dict[str, Any],
    actor: Account,
    place: Place,
) -> Run:
    run = Run(
        id=hub.next_id(),
        number=1 + sum(r.workflow == path for r in one.runs.values()),
        name=str(document.get("name") or path),
        workflow=path,
        event=event,
        head_sha=place.head_sha or place.sha,
        head_branch=place.head_branch,
        head_repository=place.head_repository,
        actor=actor,
        sha=place.sha,
        ref=place.ref or f"refs/heads/{place.head_branch}",
        payload=payload,
    )
    one.runs[run.id] = run
    hub.queue.put((one, run))
    hub.webhooks.emit("workflow_run", shapes_actions.payload_of_run(hub, one, run, "requested"), one, actor)
    return run


def again(hub: "Hub", one: Repository, run: Run) -> None:
    """Queue the next attempt of a run."""
    run.attempt += 1
    run.status, run.conclusion, run.updated = "queued", None, now()
    hub.queue.put((one, run))


def execute(hub: "Hub", one: Repository, run: Run) -> None:
    """Run a queued run with act; its end may start further ones."""
    if run.conclusion == "cancelled":
        return
    run.status = "in_progress"
    jobs = run.scripted.pop(0) if run.scripted else act.jobs_of(hub, one, run)
    with hub.lock:
        finish(hub, one, run, jobs)


def finish(hub: "Hub", one: Repository, run: Run, jobs: list[Job]) -> None:
    """End an attempt with these jobs; those that passed before and did not run again stand as they were."""
    passed = [job for job in run.jobs.get(run.attempt - 1, []) if job.conclusion == "success"]
    kept = {job.name: copy.copy(job) for job in passed}
    for job in kept.values():
        job.id, job.attempt = hub.next_id(), run.attempt
    run.jobs[run.attempt] = [kept.get(job.name, job) for job in jobs]
    run.status, run.conclusion, run.updated = "completed", conclusion(run.jobs[run.attempt]), now()
    for job in run.jobs[run.attempt]:
        one.checks[job.id] = _check_of(run, job)
        told = {"action": "completed", "workflow_job": shapes_actions.job(hub, one, run, job)}
        hub.webhooks.emit("workflow_job", told, one, run.actor)
    told = shapes_actions.payload_of_run(hub, one, run, "completed")
    events.happened(hub, one, "workflow_run", told, None, sender=run.actor)


def conclusion(jobs: Iterable[Job]) -> str:
    """What a run ends with; one without jobs could not start."""
    ends = [job.conclusion or "success" for job in jobs]
    return min(ends, key=_RANK.index) if ends else "startup_failure"


def _check_of(run: Run, job: Job) -> Check:
    return Check(
        id=job.id,
        name=job.name,
        head_sha=run.head_sha,
        app=ACTIONS_BOT.removesuffix("[bot]"),
        status=job.status,
        conclusion=job.conclusion,
        started=job.started,
        completed=job.completed,
    )


def zipped(jobs: Iterable[Job]) -> bytes:
    """The zip of the logs of an attempt: each job whole, and a folder with its steps."""
    files = {}
    for number, job in enumerate(jobs):
        name = job.name.replace("/", "_").replace(":", "_")
        files[f"{number}_{name}.txt"] = job.log
        files |= {f"{name}/{s.number}_{s.name.replace('/', '_')[:60]}.txt": s.log for s in job.steps if s.log}
    return zip_of({name: text.encode("utf-8", "surrogateescape") for name, text in files.items()})
