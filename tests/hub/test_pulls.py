"""Pull requests: merges are real, and what follows from a push does follow."""

from typing import Any

import httpx
import pytest

from tests.hub import Hub
from tests.hub.conftest import RED, Git
from tests.hub.world import Repository

REPO = "/repos/octo/app"


@pytest.fixture
def octo(hub: Hub) -> httpx.Client:
    return hub.client(hub.token("octo"))


def opened(client: httpx.Client, head: str = "fix", **more: Any) -> dict[str, Any]:
    answer = client.post(f"{REPO}/pulls", json={"title": "Fix", "head": head, "base": "main", **more})
    answer.raise_for_status()
    return dict(answer.json())


@pytest.mark.parametrize(("method", "parents"), [("merge", 2), ("squash", 1)])
def test_a_merge_is_a_real_one(hub: Hub, app: Repository, octo: httpx.Client, method: str, parents: int) -> None:
    hub.push(app, {"new.py": "new\n"}, branch="fix")
    hub.push(app, {"other.py": "other\n"})
    pull = opened(octo)
    assert octo.get(f"{REPO}/pulls/1").json()["mergeable"] is True
    merged = octo.put(f"{REPO}/pulls/1/merge", json={"merge_method": method, "sha": pull["head"]["sha"]}).json()
    assert app.git.resolve("main") == merged["sha"]
    assert {"new.py", "other.py"} <= set(app.git.files("main", "."))
    assert len(app.git("log", "-1", "--format=%P", "main").split()) == parents
    assert octo.get(f"{REPO}/pulls/1").json()["merged_by"]["login"] == "octo"
    assert octo.put(f"{REPO}/pulls/1/merge", json={}).status_code == 405


def test_a_conflict_is_not_merged(hub: Hub, app: Repository, octo: httpx.Client) -> None:
    hub.push(app, {"test_app.py": RED}, branch="fix")
    opened(octo)
    assert octo.get(f"{REPO}/pulls/1").json()["mergeable"] is True
    hub.push(app, {"test_app.py": "something else\n"})
    octo.patch(f"{REPO}/pulls/1", json={"state": "closed"})
    octo.patch(f"{REPO}/pulls/1", json={"state": "open"})
    told = octo.get(f"{REPO}/pulls/1").json()
    assert (told["mergeable"], told["mergeable_state"]) == (False, "dirty")
    assert octo.put(f"{REPO}/pulls/1/merge", json={}).status_code == 405
    events = [run.event for run in app.runs.values()]
    assert events == ["push", "pull_request", "push"]  # none of it when it is opened again


def test_a_head_that_moved_is_not_merged(hub: Hub, app: Repository, octo: httpx.Client) -> None:
    old = hub.push(app, {"a": "b"}, branch="fix")
    opened(octo)
    hub.push(app, {"a": "c"}, branch="fix")
    assert octo.put(f"{REPO}/pulls/1/merge", json={"sha": old}).status_code == 409


@pytest.mark.parametrize(
    ("head", "says"),
    [
        pytest.param("fix", "A pull request already exists for octo:fix.", id="there is one"),
        pytest.param("same", "No commits between main and same", id="no commits"),
        pytest.param("nowhere", "invalid", id="no branch"),
    ],
)
def test_what_cannot_be_a_pull_request(hub: Hub, app: Repository, octo: httpx.Client, head: str, says: str) -> None:
    hub.push(app, {"a": "b"}, branch="fix")
    app.git("update-ref", "refs/heads/same", "main")
    opened(octo)
    answer = octo.post(f"{REPO}/pulls", json={"title": "T", "head": head, "base": "main"})
    assert answer.status_code == 422
    assert says in answer.text


@pytest.mark.parametrize("allowed", [False, True])
def test_actions_open_pull_requests_where_the_setting_lets_them(hub: Hub, app: Repository, allowed: bool) -> None:
    hub.push(app, {"a": "b"}, branch="fix")
    app.actions_may_open_pulls = allowed
    client = hub.client(hub.job_token(app, {"pull_requests": "write", "contents": "write"}))
    answer = client.post(f"{REPO}/pulls", json={"title": "T", "head": "fix", "base": "main"})
    assert answer.status_code == (201 if allowed else 403)
    assert allowed or "not permitted to create or approve pull requests" in answer.json()["message"]


def test_a_pull_request_follows_its_branch(hub: Hub, app: Repository, octo: httpx.Client) -> None:
    hub.push(app, {"a": "b"}, branch="fix")
    opened(octo)
    sha = hub.push(app, {"a": "c"}, branch="fix", by="bob")
    assert octo.get(f"{REPO}/pulls/1").json()["head"]["sha"] == sha
    assert [d.payload["action"] for d in hub.webhooks.of("pull_request")] == ["opened", "synchronize"]
    assert octo.delete(f"{REPO}/git/refs/heads/fix").status_code == 204
    assert octo.get(f"{REPO}/pulls/1").json()["state"] == "closed"


def test_a_fork_can_be_gone(hub: Hub, app: Repository, octo: httpx.Client) -> None:
    fork = hub.fork(app, "dave")
    hub.push(fork, {"a": "b"}, branch="fix")
    opened(hub.client(hub.token("dave")), "dave:fix")
    hub.delete(fork)
    assert octo.get(f"{REPO}/pulls/1").json()["head"]["repo"] is None


def test_commits_that_reach_the_base_merge_it(hub: Hub, app: Repository, octo: httpx.Client, git: Git) -> None:
    hub.push(app, {"a": "b"}, branch="fix")
    opened(octo)
    git("clone", "-q", f"{hub.url}/octo/app.git", "clone")
    git("merge", "-q", "origin/fix", folder="clone")
    assert git("push", "origin", "HEAD:main", token=hub.token("bob"), folder="clone").returncode == 0
    assert octo.get(f"{REPO}/pulls/1").json()["merged"] is True


@pytest.mark.parametrize(
    ("remark", "status"),
    [
        pytest.param({"path": "test_app.py", "line": 2}, 200, id="a line of the diff"),
        pytest.param({"path": "test_app.py", "line": 3, "start_line": 1, "start_side": "RIGHT"}, 200, id="lines"),
        pytest.param({"path": "test_app.py", "line": 40}, 422, id="a line outside"),
        pytest.param({"path": "test_app.py", "line": 1, "start_line": 3, "start_side": "RIGHT"}, 422, id="upside down"),
        pytest.param({"path": "README", "line": 1}, 422, id="another file"),
    ],
)
def test_remarks_stand_on_lines_of_the_diff(
    hub: Hub, app: Repository, octo: httpx.Client, remark: dict[str, Any], status: int
) -> None:
    hub.push(app, {"test_app.py": "# line\n" * 50, "README": "r\n"})
    sha = hub.push(app, {"test_app.py": "# line\n# changed\n" + "# line\n" * 48}, branch="fix")
    opened(octo)
    comment = {"side": "RIGHT", "body": "b", **remark}
    made = {"commit_id": sha, "event": "COMMENT", "body": "", "comments": [comment]}
    assert octo.post(f"{REPO}/pulls/1/reviews", json=made).status_code == status


def test_a_signed_commit_wants_the_tip(hub: Hub, app: Repository, octo: httpx.Client) -> None:
    old = app.git.resolve("main")
    tip = hub.push(app, {"a": "b"})
    query = "mutation ($i: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $i) { commit { oid } } }"

    def commit(expected: str, client: httpx.Client) -> Any:
        branch = {"repositoryNameWithOwner": "octo/app", "branchName": "main"}
        given = {"branch": branch, "expectedHeadOid": expected, "message": {"headline": "H"}}
        changes = {"additions": [{"path": "new", "contents": "bmV3"}]}
        body = {"query": query, "variables": {"i": {**given, "fileChanges": changes}}}
        return client.post("/graphql", json=body).json()

    assert commit(old, octo)["errors"][0]["type"] == "STALE_DATA"
    assert commit(tip, hub.client(hub.token("carol")))["errors"][0]["type"] == "FORBIDDEN"
    made = commit(tip, octo)["data"]["createCommitOnBranch"]["commit"]["oid"]
    assert (app.git.resolve("main"), app.git.read("main", "new")) == (made, "new")
    assert made in app.signed
