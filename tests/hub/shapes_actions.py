"""Runs, jobs, artifacts and checks as GitHub's JSON."""

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.hub.shapes import Json, api, repository, time, user
from tests.hub.world import Artifact, Check, Job, Pull, Repository, Run, Step, node_id, now

if TYPE_CHECKING:
    from tests.hub.hub import Hub


def run(hub: "Hub", one: Repository, it: Run) -> Json:
    at = f"{api(hub, one)}/actions/runs/{it.id}"
    whole = f"{at}/attempts/{it.attempt}" if it.attempt > 1 else at
    message = one.git("log", "-1", "--format=%B", it.head_sha) if it.head_sha else ""
    when = time(it.created)
    person = {"name": it.actor.login, "email": "noreply@example.invalid"}
    commit = {"id": it.head_sha, "tree_id": it.head_sha, "message": message, "timestamp": when}
    workflow = sum(it.workflow.encode())
    return {
        "id": it.id,
        "name": it.name,
        "node_id": node_id("WorkflowRun", it.id),
        "head_branch": it.head_branch,
        "head_sha": it.head_sha,
        "path": it.workflow,
        "display_title": message.partition("\n")[0],
        "run_number": it.number,
        "run_attempt": it.attempt,
        "event": it.event,
        "status": it.status,
        "conclusion": it.conclusion,
        "workflow_id": workflow,
        "check_suite_id": it.id,
        "check_suite_node_id": node_id("CheckSuite", it.id),
        "url": at,
        "html_url": f"{hub.url}/{one.name}/actions/runs/{it.id}",
        "pull_requests": [_pull(hub, one, pull) for pull in one.pulls if _matches(one, it, pull)],
        "created_at": when,
        "updated_at": time(it.updated),
        "run_started_at": when,
        "actor": user(hub, it.actor),
        "triggering_actor": user(hub, it.actor),
        "jobs_url": f"{whole}/jobs",
        "logs_url": f"{whole}/logs",
        "check_suite_url": f"{api(hub, one)}/check-suites/{it.id}",
        **{f"{name}_url": f"{at}/{name}" for name in ("artifacts", "cancel", "rerun")},
        "previous_attempt_url": f"{at}/attempts/{it.attempt - 1}" if it.attempt > 1 else None,
        "workflow_url": f"{api(hub, one)}/actions/workflows/{workflow}",
        "head_commit": {**commit, "author": person, "committer": person},
        "repository": repository(hub, one),
        "head_repository": repository(hub, it.head_repository),
    }


def _matches(one: Repository, it: Run, pull: Pull) -> bool:
    """GitHub lists the open ones of the run's branch, whatever started it; none of a fork."""
    own = it.head_repository is one is pull.head_repository
    return own and pull.state == "open" and it.head_branch == pull.head_ref


def _pull(hub: "Hub", one: Repository, it: Pull) -> Json:
    def side(where: Repository, ref: str, sha: str) -> Json:
        repo = {"id": where.id, "url": api(hub, where), "name": where.name.partition("/")[2]}
        return {"ref": ref, "sha": sha, "repo": repo}

    head = side(it.head_repository or one, it.head_ref, it.head_sha)
    url = f"{api(hub, one)}/pulls/{it.number}"
    return {"id": it.id + 1, "number": it.number, "url": url, "head": head, "base": side(one, it.base_ref, it.base_sha)}


def job(hub: "Hub", one: Repository, of: Run, it: Job) -> Json:
    return {
        "id": it.id,
        "run_id": of.id,
        "run_url": f"{api(hub, one)}/actions/runs/{of.id}",
        "node_id": node_id("CheckRun", it.id),
        "run_attempt": it.attempt,
        "head_sha": of.head_sha,
        "head_branch": of.head_branch,
        "workflow_name": of.name,
        "name": it.name,
        "url": f"{api(hub, one)}/actions/jobs/{it.id}",
        "html_url": f"{hub.url}/{one.name}/actions/runs/{of.id}/job/{it.id}",
        "status": it.status,
        "conclusion": it.conclusion,
        "created_at": time(it.started),
        "started_at": time(it.started),
        "completed_at": time(it.completed),
        "check_run_url": f"{api(hub, one)}/check-runs/{it.id}",
        "labels": it.labels,
        "steps": [_step(step) for step in it.steps],
        "runner_id": 1,
        "runner_name": "GitHub Actions 1",
        "runner_group_id": 0,
        "runner_group_name": "GitHub Actions",
    }


def _step(it: Step) -> Json:
    told = {"name": it.name, "number": it.number, "status": "completed", "conclusion": it.conclusion}
    return {**told, "started_at": time(it.started), "completed_at": time(it.completed)}


def artifact(hub: "Hub", one: Repository, it: Artifact) -> Json:
    at = f"{api(hub, one)}/actions/artifacts/{it.id}"
    run_told = {"id": it.run.id, "repository_id": one.id, "head_repository_id": it.run.head_repository.id}
    return {
        "id": it.id,
        "node_id": node_id("Artifact", it.id),
        "name": it.name,
        "size_in_bytes": len(it.zipped),
        "url": at,
        "archive_download_url": f"{at}/zip",
        "expired": it.expired,
        "created_at": time(it.created),
        "updated_at": time(it.created),
        "expires_at": time(now() - timedelta(days=1) if it.expired else it.created + timedelta(days=90)),
        "workflow_run": {**run_told, "head_branch": it.run.head_branch, "head_sha": it.run.head_sha},
    }


def check(hub: "Hub", one: Repository, it: Check) -> Json:
    at, page = f"{api(hub, one)}/check-runs/{it.id}", f"{hub.url}/{one.name}/runs/{it.id}"
    output = {name: it.output.get(name) for name in ("title", "summary", "text")}
    return {
        "id": it.id,
        "node_id": node_id("CheckRun", it.id),
        "head_sha": it.head_sha,
        "name": it.name,
        "external_id": it.external_id,
        "url": at,
        "html_url": page,
        "details_url": it.details_url or page,
        "status": it.status,
        "conclusion": it.conclusion,
        "started_at": time(it.started),
        "completed_at": time(it.completed),
        "output": {**output, "annotations_count": len(it.annotations), "annotations_url": f"{at}/annotations"},
        "check_suite": {"id": 1},
        "app": app(hub, it.app, sum(it.app.encode())),
        "pull_requests": [],
    }


def app(hub: "Hub", slug: str, number: int) -> Json:
    when = "2020-01-01T00:00:00Z"
    urls = {"external_url": hub.url, "html_url": f"{hub.url}/apps/{slug}", "created_at": when, "updated_at": when}
    told = {"id": number, "node_id": node_id("App", 1), "slug": slug, "name": slug, "description": ""}
    owner = user(hub, hub.user(slug + "[bot]"))
    return {**told, **urls, "owner": owner, "permissions": {"checks": "write"}, "events": []}


def payload_of_run(hub: "Hub", one: Repository, it: Run, action: str) -> Json:
    """What an event says of a run."""
    number, when = sum(it.workflow.encode()), time(one.created)
    told = {"id": number, "node_id": node_id("Workflow", number), "name": it.name, "path": it.workflow}
    at, file = f"{api(hub, one)}/actions/workflows/{number}", it.workflow.rpartition("/")[2]
    page = f"{hub.url}/{one.name}/actions/workflows/{file}"
    urls = {"url": at, "html_url": page, "badge_url": f"{page}/badge.svg"}
    workflow = {**told, **urls, "state": "active", "created_at": when, "updated_at": when}
    return {"action": action, "workflow_run": run(hub, one, it), "workflow": workflow}
