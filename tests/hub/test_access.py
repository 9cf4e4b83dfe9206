"""Who may do what, limits, pages, and what does not change."""

import io
import time
import zipfile
from typing import Any

import httpx
import jwt
import pytest

from tests.hub import Hub
from tests.hub.conftest import GREEN
from tests.hub.world import App, Repository

REPO = "/repos/octo/app"


def signed(app: App, **changed: Any) -> str:
    now = int(time.time())
    return jwt.encode({"iat": now - 10, "exp": now + 540, "iss": str(app.id), **changed}, app.private_key, "RS256")


def test_an_app_gets_a_token_of_one_repository(hub: Hub, app: Repository) -> None:
    regreen = hub.app("regreen", {"issues": "write", "contents": "read"})
    path = f"/app/installations/{regreen.installation}/access_tokens"
    given = {"repositories": ["app"], "permissions": {"issues": "write"}}
    answer = hub.client(signed(regreen)).post(path, json=given)
    assert (answer.status_code, answer.json()["permissions"]) == (201, {"issues": "write"})
    assert hub.client(signed(regreen)).get("/app").json()["slug"] == "regreen"
    client = hub.client(answer.json()["token"])
    assert client.post(f"{REPO}/issues", json={"title": "T"}).json()["user"]["login"] == "regreen[bot]"
    assert client.post(f"{REPO}/git/refs", json={"ref": "refs/heads/x", "sha": "0"}).status_code == 403
    hub.repository("octo/other", {"a": "b"}, private=True)
    assert client.get("/repos/octo/other").status_code == 404
    more = hub.client(signed(regreen)).post(path, json={"permissions": {"contents": "write"}})
    assert more.status_code == 422


@pytest.mark.parametrize("changed", [{"exp": 1}, {"iss": "0"}, {"exp": time.time() + 4000}])
def test_an_app_must_sign_well(hub: Hub, app: Repository, changed: dict[str, Any]) -> None:
    regreen = hub.app("regreen", {})
    path = f"/app/installations/{regreen.installation}/access_tokens"
    assert hub.client(signed(regreen, **changed)).post(path).status_code == 401
    other = hub.app("other", {})
    assert hub.client(signed(other)).post(path).status_code == 401


def test_the_token_of_a_job_is_one_of_its_repository(hub: Hub, app: Repository) -> None:
    client = hub.client(hub.job_token(app, {"issues": "write"}))
    hub.repository("octo/other", {"a": "b"})
    assert client.get("/repos/octo/other").status_code == 200
    assert client.post("/repos/octo/other/issues", json={"title": "T"}).status_code == 403
    assert client.post(f"{REPO}/issues", json={"title": "T"}).status_code == 201


def test_a_missing_permission_is_named(hub: Hub, app: Repository) -> None:
    client = hub.client(hub.job_token(app, {"issues": "read"}))
    answer = client.post(f"{REPO}/issues", json={"title": "T"})
    assert (answer.status_code, answer.json()["message"]) == (403, "Resource not accessible by integration")
    assert answer.headers["x-accepted-github-permissions"] == "issues=write"
    assert client.get("/user").status_code == 403
    assert client.get(f"{REPO}/actions/permissions/workflow").status_code == 403


@pytest.mark.parametrize(("who", "status"), [("octo", 201), ("bob", 201), ("carol", 403), ("eve", 403), ("", 401)])
def test_roles_decide(hub: Hub, app: Repository, who: str, status: int) -> None:
    client = hub.client(hub.token(who) if who else "")
    made = {"ref": "refs/heads/new", "sha": app.git.resolve("main")}
    assert client.post(f"{REPO}/git/refs", json=made).status_code == status
    assert client.get(REPO).status_code == 200


def test_a_role_is_told_as_it_is_now(hub: Hub, app: Repository) -> None:
    hub.user("eve")
    client = hub.client(hub.token("octo"))

    def role(login: str) -> str:
        return str(client.get(f"{REPO}/collaborators/{login}/permission").json()["role_name"])

    assert [role(x) for x in ("octo", "bob", "carol", "eve")] == ["admin", "write", "read", "read"]
    app.roles["bob"] = "triage"
    assert role("bob") == "triage"


def test_it_answers_as_an_enterprise_server_too(hub: Hub, app: Repository) -> None:
    client = hub.client(hub.token("bob"))
    assert client.get(f"/api/v3{REPO}").json() == client.get(REPO).json()
    query = {"query": "query { viewer { login } }"}
    assert client.post("/api/graphql", json=query).json()["data"]["viewer"]["login"] == "bob"


def test_a_wrong_token_is_refused_even_for_what_is_public(hub: Hub, app: Repository) -> None:
    assert hub.client("ghp_wrong").get(REPO).json()["message"] == "Bad credentials"


def test_an_archived_repository_is_read_only(hub: Hub, app: Repository) -> None:
    app.archived = True
    client = hub.client(hub.token("octo"))
    assert client.post(f"{REPO}/issues", json={"title": "T"}).status_code == 403
    assert client.get(REPO).json()["archived"] is True


def test_a_renamed_repository_answers_where_it_is(hub: Hub, app: Repository) -> None:
    hub.rename(app, "octo/program")
    answer = hub.client().get(REPO)
    assert (answer.status_code, answer.headers["location"]) == (301, f"{hub.url}/repos/octo/program")
    assert hub.client().get(answer.headers["location"]).json()["full_name"] == "octo/program"


def test_what_has_not_changed_costs_nothing(hub: Hub, app: Repository) -> None:
    client = hub.client(hub.token("bob"))
    first = client.get(f"{REPO}/pulls")
    again = client.get(f"{REPO}/pulls", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["x-ratelimit-remaining"] == again.headers["x-ratelimit-remaining"] == "4999"
    assert (hub.counted(), hub.writes()) == (1, 0)
    hub.push(app, {"test_app.py": GREEN + "#\n"}, branch="x")
    client.post(f"{REPO}/pulls", json={"title": "T", "head": "x", "base": "main"})
    changed = client.get(f"{REPO}/pulls", headers={"if-none-match": first.headers["etag"]})
    assert changed.status_code == 200
    assert (hub.counted(), hub.writes()) == (3, 1)


def test_the_limit_of_a_token_ends(hub: Hub, app: Repository) -> None:
    client = hub.client(hub.token("bob", limit=2))
    assert [client.get(REPO).status_code for _ in range(3)] == [200, 200, 403]
    last = client.get(REPO)
    assert last.headers["x-ratelimit-remaining"] == "0"
    assert "rate limit exceeded" in last.json()["message"]
    assert client.get("/rate_limit").json()["rate"]["remaining"] == 0


def test_lists_come_in_pages(hub: Hub, app: Repository) -> None:
    client = hub.client(hub.token("octo"))
    for number in range(5):
        client.post(f"{REPO}/issues", json={"title": str(number)})
    titles, url = [], f"{REPO}/issues?per_page=2&state=all"
    while url:
        answer = client.get(url)
        titles.append([issue["title"] for issue in answer.json()])
        url = answer.links.get("next", {}).get("url", "")
    assert titles == [["4", "3"], ["2", "1"], ["0"]]


@pytest.mark.parametrize(
    ("count", "status"), [pytest.param(50, 201, id="as many as may be"), pytest.param(51, 422, id="one more")]
)
def test_annotations_of_a_request_are_limited(hub: Hub, app: Repository, count: int, status: int) -> None:
    remark = {"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [remark] * count}
    client = hub.client(hub.job_token(app, {"checks": "write"}))
    made = {"name": "c", "head_sha": app.git.resolve("main"), "output": output}
    assert client.post(f"{REPO}/check-runs", json=made).status_code == status
    hub.violations.clear()  # the description knows the limit too


def test_a_person_makes_no_checks(hub: Hub, app: Repository) -> None:
    made = {"name": "c", "head_sha": app.git.resolve("main")}
    answer = hub.client(hub.token("octo")).post(f"{REPO}/check-runs", json=made)
    assert (answer.status_code, answer.json()["message"]) == (403, "You must authenticate via a GitHub App.")


@pytest.mark.parametrize(("length", "status"), [(65_536, 201), (65_537, 422)])
def test_a_comment_is_limited(hub: Hub, app: Repository, length: int, status: int) -> None:
    client = hub.client(hub.token("octo"))
    client.post(f"{REPO}/issues", json={"title": "T"})
    assert client.post(f"{REPO}/issues/1/comments", json={"body": "x" * length}).status_code == status


def test_logs_are_on_another_host_that_takes_no_token(hub: Hub, app: Repository) -> None:
    run = hub.add_run(app, "red\n")
    client = hub.client(hub.token("carol"))
    answer = client.get(f"{REPO}/actions/runs/{run.id}/logs")
    place = httpx.URL(answer.headers["location"])
    assert (answer.status_code, place.host != httpx.URL(hub.url).host) == (302, True)
    got = hub.client().get(place)
    assert zipfile.ZipFile(io.BytesIO(got.content)).read("test/2_Run tests.txt") == b"red\n"
    assert client.get(place).status_code == 400
    assert hub.client().get(f"{REPO}/actions/runs/{run.id}/logs").status_code == 403
    run.logs_expired = True
    assert client.get(f"{REPO}/actions/runs/{run.id}/logs").status_code == 410
