"""What is proposed on GitHub, and what people have made of it meanwhile."""

from pathlib import Path

import pytest

from bot.proposal import texts
from bot.proposal.hosted import deliver
from tests.hub import Hub
from tests.proposal.scene import NAME, TARGET, Scene


@pytest.fixture
def scene(hub: Hub, tmp_path: Path) -> Scene:
    return Scene(hub, tmp_path)


def open_from(scene: Scene, by: str, commit: str) -> int:
    """Open a pull request from the branch of the proposal, with its marker; its number."""
    if not scene.one.git.resolve(TARGET):
        scene.one.git("update-ref", f"refs/heads/{TARGET}", commit)
    asked = {"title": "Fix", "head": TARGET, "base": "main", "body": texts.marker("a1b2c3d4e5f6")}
    made = scene.hub.client(scene.hub.token(by)).post(f"/repos/{NAME}/pulls", json=asked)
    return int(made.raise_for_status().json()["number"])


def test_only_an_open_pull_request_of_its_own_account_counts(scene: Scene) -> None:
    hosting = scene.hosting()
    incident = scene.incident(hosting, scene.red())
    assert incident.proposal
    scene.one.git("fetch", "-q", str(hosting.git.git_dir), incident.proposal.commit)
    closed = open_from(scene, "bob", incident.proposal.commit)
    scene.one.issues[closed].state = "closed"
    theirs = open_from(scene, "octo", incident.proposal.commit)
    left = deliver(incident, hosting)
    assert left.reason.startswith(f"somebody else has opened a pull request from {TARGET}")
    assert [pull.labels for pull in scene.one.pulls] == [[], []]
    scene.one.issues[theirs].state = "closed"
    done = deliver(left, hosting)
    assert [pull.labels for pull in scene.one.pulls] == [[], [], ["regreen"]]
    assert deliver(done, hosting) == done
    assert len(scene.one.pulls) == 3
