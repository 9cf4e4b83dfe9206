"""Runs, jobs, logs, artifacts and checks."""

from datetime import datetime
from typing import Any

from tests.hub import act, events, runs, shapes_actions
from tests.hub.routing import Answer, Failure, Request, invalid, not_found, route
from tests.hub.world import Artifact, Check, Job, Repository, Run, now

_REPO = "/repos/{owner}/{repo}"
_RUN = f"{_REPO}/actions/runs/{{run_id}}"
_MOST_ANNOTATIONS = 50


def run_of(request: Request) -> Run:
    return request.repository.runs.get(request.number("run_id")) or not_found()


@route("GET", f"{_REPO}/actions/runs", "actions:read")
def list_runs(request: Request) -> Answer:
    return _listed(request, list(request.repository.runs.values()))


@route("GET", f"{_REPO}/actions/workflows/{{workflow_id}}/runs", "actions:read")
def runs_of_workflow(request: Request) -> Answer:
    name = request.values["workflow_id"]
    found = [r for r in request.repository.runs.values() if name in _names(r.workflow)]
    return _listed(request, found)


def _names(workflow: str) -> tuple[str, str]:
    """What a workflow is called in a path: its file, or its number."""
    return workflow.rpartition("/")[2], str(sum(workflow.encode()))


def _listed(request: Request, found: list[Run]) -> Answer:
    one, query = request.repository, request.query
    for name, value in query.items():
        told = {"head_sha": "head_sha", "branch": "head_branch", "event": "event"}.get(name)
        found = [r for r in found if not told or getattr(r, told) == value]
        found = [r for r in found if name != "status" or value in (r.status, r.conclusion)]
        found = [r for r in found if name != "actor" or r.actor.login == value]
        found = [r for r in found if name != "created" or _created(r, value)]
    newest = sorted(found, key=lambda r: r.id, reverse=True)
    return request.page(newest, lambda r: shapes_actions.run(request.hub, one, r), "workflow_runs")


def _created(run: Run, condition: str) -> bool:
    """The one form of condition that the hub knows is `>=` a time."""
    if not condition.startswith(">="):
        raise Failure(422, f"the hub does not know how to search for {condition}")
    return datetime.fromisoformat(condition.removeprefix(">=")) <= run.created


@route("GET", _RUN, "actions:read")
def get_run(request: Request) -> Answer:
    return Answer(body=shapes_actions.run(request.hub, request.repository, run_of(request)))


@route("GET", f"{_RUN}/attempts/{{attempt_number}}", "actions:read")
def get_attempt(request: Request) -> Answer:
    found, attempt = run_of(request), _attempt(request)
    told = shapes_actions.run(request.hub, request.repository, found)
    earlier = attempt < found.attempt
    conclusion = runs.conclusion(found.jobs[attempt]) if earlier else found.conclusion
    status = "completed" if earlier else found.status
    return Answer(body={**told, "run_attempt": attempt, "conclusion": conclusion, "status": status})


def _attempt(request: Request) -> int:
    attempt = request.number("attempt_number")
    return attempt if 1 <= attempt <= run_of(request).attempt else not_found()


@route("GET", f"{_RUN}/jobs", "actions:read")
def jobs(request: Request) -> Answer:
    found = run_of(request)
    attempts = list(found.jobs) if request.query.get("filter") == "all" else [found.attempt]
    return _jobs(request, [job for attempt in attempts for job in found.jobs.get(attempt, [])])


@route("GET", f"{_RUN}/attempts/{{attempt_number}}/jobs", "actions:read")
def jobs_of_attempt(request: Request) -> Answer:
    return _jobs(request, run_of(request).jobs.get(_attempt(request), []))


def _jobs(request: Request, found: list[Job]) -> Answer:
    of = run_of(request)
    return request.page(found, lambda job: shapes_actions.job(request.hub, request.repository, of, job), "jobs")


def _job(request: Request) -> tuple[Run, Job]:
    number = request.number("job_id")
    every = ((r, job) for r in request.repository.runs.values() for jobs in r.jobs.values() for job in jobs)
    return next((found for found in every if found[1].id == number), None) or not_found()


@route("GET", f"{_REPO}/actions/jobs/{{job_id}}", "actions:read")
def get_job(request: Request) -> Answer:
    return Answer(body=shapes_actions.job(request.hub, request.repository, *_job(request)))


@route("GET", f"{_REPO}/actions/jobs/{{job_id}}/logs", "actions:read")
def job_log(request: Request) -> Answer:
    run, job = _job(request)
    return _logs(request, run, f"{job.id}.txt", b"\xef\xbb\xbf" + job.log.encode("utf-8", "surrogateescape"))


@route("GET", f"{_RUN}/logs", "actions:read")
def run_logs(request: Request) -> Answer:
    found = run_of(request)
    return _logs(request, found, f"{found.id}.zip", runs.zipped(found.jobs.get(found.attempt, [])))


@route("GET", f"{_RUN}/attempts/{{attempt_number}}/logs", "actions:read")
def attempt_logs(request: Request) -> Answer:
    found = run_of(request)
    return _logs(request, found, f"{found.id}.zip", runs.zipped(found.jobs.get(_attempt(request), [])))


def _logs(request: Request, of: Run, name: str, data: bytes) -> Answer:
    """Logs are had by people and tokens that are signed in, also those of a public repository."""
    token = request.token
    if not token or (token.permissions is not None and token.permissions.get("actions", "none") == "none"):
        accepted = {"x-accepted-github-permissions": "actions=read"}
        raise Failure(403, "Must have admin rights to Repository.", headers=accepted)
    if of.logs_expired:
        raise Failure(410, "Gone")
    if of.status != "completed":
        not_found()
    return Answer(302, headers={"location": request.hub.blob(name, data)})


@route("POST", f"{_RUN}/rerun-failed-jobs", "actions:write")
def rerun_failed(request: Request) -> Answer:
    found = run_of(request)
    if found.status != "completed" or found.conclusion == "success":
        raise Failure(403, "This workflow run cannot be retried")
    runs.again(request.hub, request.repository, found)
    return Answer(201, {})


@route("POST", f"{_RUN}/cancel", "actions:write")
def cancel(request: Request) -> Answer:
    found = run_of(request)
    if found.status == "completed":
        raise Failure(409, "Cannot cancel a workflow run that is completed.")
    found.status, found.conclusion = "completed", "cancelled"
    return Answer(202, {})


@route("GET", f"{_RUN}/artifacts", "actions:read")
def artifacts(request: Request) -> Answer:
    one, of = request.repository, run_of(request)
    act.keep_artifacts(request.hub, one, of)
    found = [a for a in one.artifacts.values() if a.run is of and request.query.get("name", a.name) == a.name]
    return request.page(found, lambda a: shapes_actions.artifact(request.hub, one, a), "artifacts")


@route("GET", f"{_REPO}/actions/artifacts/{{artifact_id}}/{{archive_format}}", "actions:read")
def artifact(request: Request) -> Answer:
    found: Artifact = request.repository.artifacts.get(request.number("artifact_id")) or not_found()
    if found.expired:
        raise Failure(410, "Artifact has expired")
    return Answer(302, headers={"location": request.hub.blob(f"{found.name}.zip", found.zipped)})


@route("POST", f"{_REPO}/actions/workflows/{{workflow_id}}/dispatches", "actions:write")
def dispatch(request: Request) -> Answer:
    hub, one, body = request.hub, request.repository, request.body
    ref = body["ref"].removeprefix("refs/heads/")
    sha = one.git.resolve(ref)
    if not sha:
        raise Failure(422, f"No ref found for: {ref}")
    files = [f for f in one.git.files(sha, ".github/workflows") if request.values["workflow_id"] in _names(f)]
    if not files:
        not_found()
    payload = {"inputs": body.get("inputs", {}), "ref": f"refs/heads/{ref}", "workflow": files[0]}
    if not events.happened(hub, one, "workflow_dispatch", payload, request.token, runs.Place(one, ref, sha)):
        raise Failure(422, "Workflow does not have 'workflow_dispatch' trigger")
    return Answer(204)


@route("GET", f"{_REPO}/commits/{{ref}}/check-runs", "checks:read")
def checks(request: Request) -> Answer:
    one, query = request.repository, request.query
    sha = one.git.resolve(request.values["ref"])
    if not sha:
        raise Failure(422, f"No commit found for SHA: {request.values['ref']}")
    found = [c for c in one.checks.values() if c.head_sha == sha and query.get("check_name", c.name) == c.name]
    if query.get("filter", "latest") == "latest":
        found = list({(c.app, c.name, c.external_id): c for c in found}.values())
    newest = sorted(found, key=lambda c: c.id, reverse=True)
    return request.page(newest, lambda c: shapes_actions.check(request.hub, one, c), "check_runs")


@route("POST", f"{_REPO}/check-runs", "checks:write")
def make_check(request: Request) -> Answer:
    """Only apps make checks; the token of a job is one of the app github-actions."""
    hub, one, body = request.hub, request.repository, request.body
    if not request.token or request.token.permissions is None:
        raise Failure(403, "You must authenticate via a GitHub App.")
    if not one.git.succeeds("cat-file", "-e", f"{body['head_sha']}^{{commit}}"):
        raise Failure(422, f"No commit found for SHA: {body['head_sha']}")
    app = request.account.login.removesuffix("[bot]")
    it = Check(id=hub.next_id(), name=body["name"], head_sha=body["head_sha"], app=app)
    _put(one, it, body)
    return Answer(201, shapes_actions.check(hub, one, it))


@route("PATCH", f"{_REPO}/check-runs/{{check_run_id}}", "checks:write")
def edit_check(request: Request) -> Answer:
    it = _check(request)
    if it.app != request.account.login.removesuffix("[bot]"):
        raise Failure(403, "Invalid app_id")
    _put(request.repository, it, request.body)
    return Answer(body=shapes_actions.check(request.hub, request.repository, it))


@route("GET", f"{_REPO}/check-runs/{{check_run_id}}", "checks:read")
def get_check(request: Request) -> Answer:
    return Answer(body=shapes_actions.check(request.hub, request.repository, _check(request)))


@route("GET", f"{_REPO}/check-runs/{{check_run_id}}/annotations", "checks:read")
def annotations(request: Request) -> Answer:
    nothing = dict.fromkeys(("start_column", "end_column", "title", "raw_details"))
    return request.page(_check(request).annotations, lambda a: {**nothing, **a, "blob_href": ""})


def _check(request: Request) -> Check:
    return request.repository.checks.get(request.number("check_run_id")) or not_found()


def _put(one: Repository, it: Check, body: dict[str, Any]) -> None:
    """Take over what is given; annotations are added to those that are there."""
    output = body.get("output") or {}
    if output and not output.get("summary"):
        raise invalid("CheckRun", "summary", code="missing_field")
    if len(output.get("annotations", [])) > _MOST_ANNOTATIONS:
        raise Failure(422, "Invalid request.\n\nNo more than 50 items are allowed in annotations.")
    it.external_id, it.details_url = body.get("external_id", it.external_id), body.get("details_url", it.details_url)
    it.name, it.conclusion = body.get("name", it.name), body.get("conclusion", it.conclusion)
    it.status = "completed" if body.get("conclusion") else body.get("status", it.status)
    if it.status == "completed" and not it.conclusion:
        raise invalid("CheckRun", "conclusion", code="missing_field")
    it.completed = now() if it.status == "completed" else None
    it.output = {**it.output, **output}
    it.annotations += output.get("annotations", [])
    one.checks[it.id] = it
