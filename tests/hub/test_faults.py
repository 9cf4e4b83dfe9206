"""Each fault does what it says, to the request that it is meant for."""

import socket
import struct

import httpx
import pytest

from tests.hub import Hub, faults
from tests.hub.conftest import RED, Git
from tests.hub.faults import What
from tests.hub.world import Repository

REPO = "/repos/octo/app"


@pytest.fixture
def client(hub: Hub, app: Repository) -> httpx.Client:
    return hub.client(hub.token("octo"))


@pytest.mark.parametrize(
    ("what", "status", "says", "headers"),
    [
        pytest.param(faults.unavailable(500), 500, "Server Error", {}, id="500"),
        pytest.param(faults.unavailable(), 502, "Server Error", {}, id="502"),
        pytest.param(faults.primary_limit(), 403, "rate limit exceeded", {"x-ratelimit-remaining": "0"}, id="primary"),
        pytest.param(faults.secondary_limit(), 403, "secondary rate limit", {"retry-after": "60"}, id="secondary"),
        pytest.param(faults.secondary_limit(None, 429), 429, "secondary rate limit", {}, id="without a time"),
        pytest.param(
            faults.missing_permission("issues=write"),
            403,
            "not accessible by integration",
            {"x-accepted-github-permissions": "issues=write"},
            id="permission",
        ),
        pytest.param(faults.may_not_open_pulls(), 403, "not permitted to create or approve", {}, id="setting"),
        pytest.param(faults.not_yet_there(), 404, "Not Found", {}, id="not yet there"),
        pytest.param(faults.already_exists(), 422, "Reference already exists", {}, id="exists"),
        pytest.param(faults.expired_token(), 401, "Bad credentials", {}, id="expired"),
        pytest.param(faults.logs_gone(), 410, "Gone", {}, id="gone"),
    ],
)
def test_a_fault_is_answered_instead(
    hub: Hub, client: httpx.Client, app: Repository, what: What, status: int, says: str, headers: dict[str, str]
) -> None:
    fault = hub.fault(what, "POST */issues")
    assert client.get(f"{REPO}/issues").status_code == 200
    assert not fault.struck
    answer = client.post(f"{REPO}/issues", json={"title": "T"})
    assert (answer.status_code, says in answer.json()["message"]) == (status, True)
    assert headers.items() <= dict(answer.headers).items()
    assert ("retry-after" in answer.headers) is ("retry-after" in headers)
    assert (fault.struck, app.issues) == (True, {})
    assert client.post(f"{REPO}/issues", json={"title": "T"}).status_code == 201


@pytest.mark.parametrize("after", [False, True])
def test_a_connection_drops_before_or_after_the_effect(
    hub: Hub, client: httpx.Client, app: Repository, after: bool
) -> None:
    hub.fault(faults.dropped(after=after), "POST */issues")
    with pytest.raises(httpx.TransportError):
        client.post(f"{REPO}/issues", json={"title": "T"})
    assert len(app.issues) == after
    assert hub.requests[-1].status == 0


def test_a_client_may_go_away(hub: Hub, app: Repository, client: httpx.Client) -> None:
    asked = f"GET {REPO} HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['authorization']}\r\n\r\n"
    with hub.lock, socket.create_connection(("127.0.0.1", hub.server.server_port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(asked.encode())  # it is answered when nobody is there any more
    assert [client.get(REPO).status_code for _ in range(3)] == [200] * 3


def test_a_bad_gateway_can_hide_an_effect(hub: Hub, client: httpx.Client, app: Repository) -> None:
    hub.fault(faults.unavailable(after=True), "POST */issues")
    assert client.post(f"{REPO}/issues", json={"title": "T"}).status_code == 502
    assert len(app.issues) == 1


def test_a_fault_strikes_where_and_as_often_as_it_is_told(hub: Hub, client: httpx.Client) -> None:
    hub.fault(faults.unavailable(), lambda request: request.method == "GET", nth=2, times=2)
    assert [client.get(REPO).status_code for _ in range(5)] == [200, 502, 502, 200, 200]


def test_whether_it_can_be_merged_is_not_known_yet(hub: Hub, client: httpx.Client, app: Repository) -> None:
    hub.push(app, {"test_app.py": RED}, branch="fix")
    client.post(f"{REPO}/pulls", json={"title": "T", "head": "fix", "base": "main"})
    hub.fault(faults.mergeable_unknown(), "GET */pulls/1")
    assert [client.get(f"{REPO}/pulls/1").json()["mergeable"] for _ in range(2)] == [None, True]


@pytest.mark.parametrize("after", [False, True])
def test_a_push_can_be_lost_too(hub: Hub, app: Repository, git: Git, after: bool) -> None:
    git("clone", "-q", f"{hub.url}/octo/app.git", "clone")
    git("commit", "-q", "--allow-empty", "-m", "More", folder="clone")
    hub.fault(faults.dropped(after=after), "POST */git-receive-pack", times=9)  # curl tries again by itself
    assert git("push", "origin", "HEAD:new", token=hub.token("bob"), folder="clone").returncode
    assert ("refs/heads/new" in app.git.refs()) is after
