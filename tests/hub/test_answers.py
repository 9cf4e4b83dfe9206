"""The hub's answers are those of GitHub's published description: one test walks through all that it can be asked."""

from typing import Any

import httpx
import pytest

from tests.hub import Hub
from tests.hub.conftest import GREEN, RED
from tests.hub.routing import ROUTES, Answer, Request
from tests.hub.world import Repository, ReviewComment

REPO = "/repos/octo/app"
SIGN = """mutation ($input: CreateCommitOnBranchInput!) {
    createCommitOnBranch(input: $input) { commit { oid signature { isValid } } }
}"""


def signed(**changed: Any) -> dict[str, Any]:
    """A request for a commit on a branch that is not there."""
    given = {
        "branch": {"repositoryNameWithOwner": "octo/app", "branchName": "none"},
        "expectedHeadOid": "0" * 40,
        "message": {"headline": "H"},
        **changed,
    }
    left = {name: value for name, value in given.items() if value is not None}
    return {"json": {"query": SIGN, "variables": {"input": left}}}


class Walk:
    """Asks, and wants success."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def __call__(self, method: str, path: str, **more: Any) -> Any:
        answer = self.client.request(method, path, **more)
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


def about_runs(ask: Walk, hub: Hub, app: Repository) -> None:
    run = hub.add_run(
        app, "2026-01-01T00:00:00.0000000Z red\n", artifacts={"report": {"a.xml": b"<a/>"}}, then=["success"]
    )
    at = f"{REPO}/actions/runs/{run.id}"
    assert ask("GET", f"{REPO}/actions/runs", params={"status": "failure"})["total_count"] == 1
    assert ask("GET", f"{REPO}/actions/workflows/ci.yml/runs", params={"branch": "main"})["total_count"] == 1
    assert ask("GET", at)["conclusion"] == ask("GET", f"{at}/attempts/1")["conclusion"] == "failure"
    [job] = ask("GET", f"{at}/jobs")["jobs"]
    assert ask("GET", f"{at}/attempts/1/jobs")["jobs"] == [job] == [ask("GET", f"{REPO}/actions/jobs/{job['id']}")]
    for path in (f"{REPO}/actions/jobs/{job['id']}/logs", f"{at}/logs", f"{at}/attempts/1/logs"):
        ask("GET", path)
    [artifact] = ask("GET", f"{at}/artifacts")["artifacts"]
    ask("GET", f"{REPO}/actions/artifacts/{artifact['id']}/zip")
    ask("POST", f"{at}/rerun-failed-jobs")
    ask("POST", f"{at}/cancel")
    ask("POST", f"{at}/rerun-failed-jobs")
    hub.settle()
    assert ask("GET", at)["conclusion"] == "success"
    ask("POST", f"{REPO}/dispatches", json={"event_type": "x", "client_payload": {"a": 1}})


def about_references(ask: Walk, hub: Hub, app: Repository) -> None:
    main = app.git.resolve("main")
    ask("POST", f"{REPO}/git/refs", json={"ref": "refs/heads/a/b", "sha": main})
    assert ask("GET", f"{REPO}/git/ref/heads/a/b")["object"]["sha"] == main
    new = hub.push(app, {"x": "y"}, branch="c")
    assert ask("PATCH", f"{REPO}/git/refs/heads/a/b", json={"sha": new})["object"]["sha"] == new
    given = {
        "branch": {"repositoryNameWithOwner": "octo/app", "branchName": "a/b"},
        "expectedHeadOid": new,
        "message": {"headline": "Signed"},
        "fileChanges": {"additions": [{"path": "z", "contents": "eg=="}], "deletions": [{"path": "x"}]},
    }
    made = ask("POST", "/graphql", json={"query": SIGN, "variables": {"input": given}})["data"]
    commit = made["createCommitOnBranch"]["commit"]
    assert commit["signature"]["isValid"]
    told = ask("GET", f"{REPO}/git/commits/{commit['oid']}")
    assert (told["verification"]["verified"], told["message"], len(told["parents"])) == (True, "Signed", 1)
    assert ask("POST", "/graphql", json={"query": "query { viewer { login } }"})["data"]["viewer"]["login"] == "octo"
    assert commit["oid"] == app.git.resolve("a/b")
    assert sorted(app.git.files("a/b", ".")) == [".github/workflows/ci.yml", "test_app.py", "z"]
    ask("DELETE", f"{REPO}/git/refs/heads/a/b")


def about_issues(ask: Walk) -> None:
    issue = ask("POST", f"{REPO}/issues", json={"title": "T", "body": "marker", "labels": ["regreen"]})
    at = f"{REPO}/issues/{issue['number']}"
    ask("PATCH", at, json={"title": "New"})
    assert ask("GET", at)["title"] == "New"
    assert ask("GET", f"{REPO}/issues", params={"creator": "octo", "labels": "regreen", "state": "open"})
    ask("POST", f"{at}/labels", json={"labels": ["more"]})
    ask("DELETE", f"{at}/labels/more")
    assert [label["name"] for label in ask("GET", f"{at}/labels")] == ["regreen"]
    comment = ask("POST", f"{at}/comments", json={"body": "one"})
    comment_at = f"{REPO}/issues/comments/{comment['id']}"
    ask("PATCH", comment_at, json={"body": "two"})
    assert ask("GET", comment_at)["body"] == ask("GET", f"{at}/comments")[0]["body"] == "two"
    first = ask("POST", f"{comment_at}/reactions", json={"content": "eyes"})
    assert ask("POST", f"{comment_at}/reactions", json={"content": "eyes"}) == first
    assert ask("GET", f"{comment_at}/reactions") == [first]
    assert [c["id"] for c in ask("GET", f"{REPO}/issues/comments", params={"sort": "updated"})] == [comment["id"]]
    ask("DELETE", comment_at)


def about_pulls(ask: Walk, hub: Hub, app: Repository) -> None:
    sha = hub.push(app, {"test_app.py": GREEN + "# more\n"}, branch="fix", by="bob")
    pull = ask("POST", f"{REPO}/pulls", json={"title": "T", "body": "B", "head": "fix", "base": "main", "draft": False})
    at = f"{REPO}/pulls/{pull['number']}"
    assert ask("GET", at)["mergeable"] is True
    for head in ("octo:fix", "octo:other"):
        assert len(ask("GET", f"{REPO}/pulls", params={"head": head, "state": "all"})) == (head == "octo:fix")
    ask("PATCH", at, json={"title": "New"})
    ask("POST", f"{at}/requested_reviewers", json={"reviewers": ["bob"]})
    remark = {"path": "test_app.py", "line": 7, "side": "RIGHT", "body": "```suggestion\n```"}
    review = ask("POST", f"{at}/reviews", json={"commit_id": sha, "body": "", "event": "COMMENT", "comments": [remark]})
    assert len(ask("GET", f"{at}/reviews/{review['id']}/comments")) == 1
    assert len(ask("GET", f"{at}/reviews")) == len(ask("GET", f"{at}/comments")) == 1
    [made] = [c.id for c in app.comments.values() if isinstance(c, ReviewComment)]
    ask("POST", f"{REPO}/pulls/comments/{made}/reactions", json={"content": "+1"})
    assert len(ask("GET", f"{REPO}/pulls/comments/{made}/reactions")) == 1
    assert [c["id"] for c in ask("GET", f"{REPO}/pulls/comments")] == [made]
    assert [p["number"] for p in ask("GET", f"{REPO}/commits/{sha}/pulls")] == [pull["number"]]
    assert [p["sha"] for p in ask("GET", f"{REPO}/commits/heads/fix")["parents"]] == [app.git.resolve("main")]
    ask("PUT", f"{at}/merge", json={"merge_method": "merge"})
    assert ask("GET", at)["merged"] is True


def about_checks(ask: Walk, app: Repository) -> None:
    remark = {"path": "a", "start_line": 1, "end_line": 2, "annotation_level": "failure", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [remark]}
    given = {"name": "regreen", "head_sha": app.git.resolve("main"), "external_id": "i", "status": "in_progress"}
    check = ask("POST", f"{REPO}/check-runs", json={**given, "output": output})
    at = f"{REPO}/check-runs/{check['id']}"
    ask("PATCH", at, json={"conclusion": "neutral", "status": "completed", "output": output})
    assert ask("GET", at)["output"]["annotations_count"] == len(ask("GET", f"{at}/annotations")) == 2
    assert ask("GET", f"{REPO}/commits/main/check-runs", params={"check_name": "regreen"})["total_count"] == 1


def about_itself(ask: Walk) -> None:
    assert ask("GET", REPO)["permissions"]["admin"] is True
    assert ask("GET", f"{REPO}/collaborators/bob/permission")["role_name"] == "write"
    assert ask("GET", f"{REPO}/actions/permissions/workflow")["can_approve_pull_request_reviews"] is False
    assert ask("GET", "/user")["login"] == "octo"
    assert ask("GET", "/users/bob")["login"] == "bob"
    assert ask("GET", "/rate_limit")["rate"]["limit"] == 5000


def test_every_route_answers_as_described(hub: Hub, app: Repository) -> None:
    ask = Walk(hub.client(hub.token("octo")))
    about_itself(ask)
    about_runs(ask, hub, app)
    about_references(ask, hub, app)
    about_issues(ask)
    about_pulls(ask, hub, app)
    about_checks(Walk(hub.client(hub.job_token(app, {"checks": "write"}))), app)
    manual = "on: workflow_dispatch\njobs: {j: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"
    hub.push(app, {".github/workflows/manual.yml": manual})
    ask("POST", f"{REPO}/actions/workflows/manual.yml/dispatches", json={"ref": "main"})
    hub.app("regreen", {"contents": "write"})
    reached = {(asked.method, asked.template) for asked in hub.requests}
    never = {(route.method, route.template) for route in ROUTES} - reached
    assert never == {("GET", "/app"), ("POST", "/app/installations/{installation_id}/access_tokens")}  # see test_access


@pytest.mark.parametrize(
    ("method", "path", "asked", "problem"),
    [
        pytest.param("GET", f"{REPO}/pulls", {"params": {"heads": "x"}}, "no parameter 'heads'", id="parameter"),
        pytest.param(
            "POST", f"{REPO}/issues", {"json": {"title": "T", "text": "x"}}, "no property 'text'", id="property"
        ),
        pytest.param("POST", f"{REPO}/issues", {"json": {"title": ["T"]}}, "title", id="type"),
        pytest.param("PATCH", f"{REPO}/issues/1", {"json": {"state": "gone"}}, "state", id="value"),
        pytest.param("POST", "/graphql", {"json": {"query": "query { viewer {"}}, "Syntax Error", id="syntax"),
        pytest.param("POST", "/graphql", {"json": {"text": "x"}}, "Syntax Error", id="no document"),
        pytest.param("POST", "/graphql", {"json": {"query": "query { viewer { nick } }"}}, "'nick'", id="field"),
        pytest.param("POST", "/graphql", {"json": {"query": "query { viewer }"}}, "subfields", id="no selection"),
        pytest.param("POST", "/graphql", {"json": {"query": SIGN}}, "'$input' has invalid value", id="no variable"),
        pytest.param("POST", "/graphql", signed(expectedHeadOid=None), "required field 'expectedHeadOid'", id="lacks"),
        pytest.param("POST", "/graphql", signed(force=True), "unknown field 'force'", id="unknown input"),
        pytest.param("POST", "/graphql", signed(message={"headline": 1}), "headline", id="type of an input"),
    ],
)
def test_a_request_that_departs_is_noticed(
    hub: Hub, app: Repository, method: str, path: str, asked: dict[str, Any], problem: str
) -> None:
    client = hub.client(hub.token("octo"))
    client.post(f"{REPO}/issues", json={"title": "T"}).raise_for_status()
    assert hub.violations == []
    client.request(method, path, **asked)
    assert any(problem in told for told in hub.violations)
    hub.violations.clear()


@pytest.mark.parametrize("changed", [{"number": "1"}, {"head": None}, {"state": "merged"}])
def test_an_answer_that_departs_is_noticed(hub: Hub, app: Repository, changed: dict[str, Any]) -> None:
    hub.push(app, {"test_app.py": RED}, branch="x")
    client = hub.client(hub.token("octo"))
    pull = client.post(f"{REPO}/pulls", json={"title": "T", "head": "x", "base": "main"}).json()
    template = "/repos/{owner}/{repo}/pulls/{pull_number}"
    asked = Request(hub, "GET", "", {}, {}, None, None, template=template)
    assert hub.description.answer_problems(asked, Answer(body=pull)) == []
    assert len(hub.description.answer_problems(asked, Answer(body={**pull, **changed}))) == 1
