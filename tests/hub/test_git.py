"""git itself, over the hub's HTTP."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.hub import Hub
from tests.hub.conftest import CI, RED, Git
from tests.hub.world import Repository, now
from tests.projects import WORKFLOW


@pytest.fixture
def clone(hub: Hub, app: Repository, git: Git, tmp_path: Path) -> Path:
    """A clone with one more commit."""
    assert git("clone", "-q", f"{hub.url}/octo/app.git", "clone").returncode == 0
    (tmp_path / "clone" / "test_app.py").write_text(RED)
    git("commit", "-qam", "Break it", folder="clone")
    return tmp_path / "clone"


def test_a_push_with_a_token_moves_the_branch_and_starts_a_run(
    hub: Hub, app: Repository, git: Git, clone: Path
) -> None:
    done = git("push", "origin", "HEAD:main", token=hub.token("bob"), folder="clone")
    assert done.returncode == 0, done.stderr
    assert app.git.read("main", "test_app.py") == RED.strip()
    [run] = hub.settle()
    assert (hub.pushes(), hub.counted()) == (1, 0)
    assert (run.event, run.conclusion, run.actor.login) == ("push", "failure", "bob")


def test_a_token_can_be_the_password(hub: Hub, app: Repository, git: Git, clone: Path) -> None:
    url = hub.url.replace("//", f"//x-access-token:{hub.token('bob')}@") + "/octo/app.git"
    assert git("push", url, "HEAD:other", folder="clone").returncode == 0
    assert "refs/heads/other" in app.git.refs()


def test_a_large_push_comes_in_pieces(hub: Hub, app: Repository, git: Git, clone: Path) -> None:
    (clone / "large").write_bytes(bytes(range(256)) * 10_000 + Path(__file__).read_bytes())
    git("add", ".", folder="clone")
    git("commit", "-qm", "Large", folder="clone")
    done = git("-c", "http.postBuffer=1000", "push", "origin", "HEAD:large", token=hub.token("bob"), folder="clone")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("who", "says"),
    [
        pytest.param("carol", "Permission to octo/app.git denied to carol", id="one who may only read"),
        pytest.param("", "could not read Username", id="nobody"),
    ],
)
def test_who_may_not_write_cannot_push(hub: Hub, app: Repository, git: Git, clone: Path, who: str, says: str) -> None:
    before = app.git.refs()
    done = git("push", "origin", "HEAD:main", token=hub.token(who) if who else "", folder="clone")
    assert done.returncode
    assert says in done.stderr
    assert app.git.refs() == before


def test_an_expired_token_is_none(hub: Hub, app: Repository, git: Git, clone: Path) -> None:
    token = hub.token("bob", expires=now() - timedelta(seconds=1))
    done = git("push", "origin", "HEAD:main", token=token, folder="clone")
    assert done.returncode
    assert hub.client(token).get("/user").json()["message"] == "Bad credentials"


def test_a_protected_branch_refuses(hub: Hub, app: Repository, git: Git, clone: Path) -> None:
    app.git.protect("main")
    done = git("push", "origin", "HEAD:main", token=hub.token("bob"), folder="clone")
    assert "GH006: Protected branch update failed for refs/heads/main" in done.stderr
    assert git("push", "origin", "HEAD:other", token=hub.token("bob"), folder="clone").returncode == 0


@pytest.mark.parametrize("permitted", [False, True])
def test_workflows_are_changed_only_by_who_may(
    hub: Hub, app: Repository, git: Git, clone: Path, permitted: bool
) -> None:
    (clone / WORKFLOW).write_text(CI + "# changed\n")
    git("commit", "-qam", "Change CI", folder="clone")
    more = {"workflows": "write"} if permitted else {}
    done = git("push", "origin", "HEAD:new", token=hub.job_token(app, {"contents": "write", **more}), folder="clone")
    assert ("refusing to allow a GitHub App" in done.stderr) is not permitted
    assert ("refs/heads/new" in app.git.refs()) is permitted


def test_a_private_repository_is_not_seen(hub: Hub, git: Git) -> None:
    hub.repository("octo/secret", {"a": "b"}, private=True, bob="read")
    url = f"{hub.url}/octo/secret.git"
    assert "could not read Username" in git("ls-remote", url).stderr
    assert "not found" in git("ls-remote", url, token=hub.token("eve")).stderr
    assert "refs/heads/main" in git("ls-remote", url, token=hub.token("bob")).stdout


def test_an_archived_repository_takes_no_push(hub: Hub, app: Repository, git: Git, clone: Path) -> None:
    app.archived = True
    assert "archived" in git("push", "origin", "HEAD:main", token=hub.token("bob"), folder="clone").stderr


def test_a_renamed_repository_is_found(hub: Hub, app: Repository, git: Git) -> None:
    hub.rename(app, "octo/program")
    assert "refs/heads/main" in git("ls-remote", f"{hub.url}/octo/app.git").stdout
