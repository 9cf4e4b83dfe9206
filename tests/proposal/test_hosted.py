"""What is proposed on GitHub, and what people have made of it meanwhile."""

from pathlib import Path

import pytest

from bot.adapters.github_api import with_token
from bot.proposal import texts
from bot.proposal.hosted import deliver, say, tell
from tests.hub import Hub
from tests.hub.world import Comment
from tests.proposal.scene import DIFF, NAME, TARGET, Scene
from tests.state.helpers import FakeClock


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


def test_the_one_comment_is_found_behind_a_thousand(scene: Scene) -> None:
    pull, bob = scene.pull(), scene.hub.user("bob")
    for _ in range(1_100):
        number = scene.hub.next_id()
        scene.one.comments[number] = Comment(id=number, issue=pull, body="Hm.", author=bob)
    for told in ("one", "two"):
        say(scene.github, pull.number, texts.closing(told))
    (ours,) = (c.body for c in scene.one.comments.values() if c.body != "Hm.")
    assert ours == texts.closing("two")


def test_no_more_comments_are_read_than_it_takes(scene: Scene) -> None:
    pull, bob = scene.pull(), scene.hub.user("bob")
    say(scene.github, pull.number, texts.closing("one"))
    for _ in range(500):
        number = scene.hub.next_id()
        scene.one.comments[number] = Comment(id=number, issue=pull, body="Hm.", author=bob)
    scene.hub.forget_requests()
    say(scene.github, pull.number, texts.closing("two"))
    asked = [one.method for one in scene.hub.requests if "comments" in one.path]
    assert asked == ["GET", "PATCH"]


def test_what_may_not_be_pushed_is_left_as_a_patch(scene: Scene) -> None:
    rights = dict.fromkeys(("contents", "pull_requests", "checks"), "write")
    scene.github = with_token(NAME, scene.hub.job_token(scene.one, rights), FakeClock(), api_url=scene.hub.url)
    scene.hub.push(scene.one, {".github/workflows/ci.yml": "old\n"}, by="bob")
    hosting, run = scene.hosting(), scene.red()
    diff = DIFF.replace("copy", ".github/workflows/ci.yml")
    left = deliver(scene.incident(hosting, run, diff=diff), hosting)
    told = "the token may not change files of .github/workflows (give it the permission workflows: write)"
    assert (left.reason, scene.said) == (told, [told])
    assert not scene.one.git.resolve(TARGET)
    tell(left, hosting)
    (check,) = (one for one in scene.one.checks.values() if one.name == "Regreen")
    assert "workflows: write" in check.output["summary"]
    assert "+new" in check.output["summary"]
    assert "open a pull request" not in check.output["summary"]


@pytest.mark.parametrize("drafts", [True, False])
def test_where_there_are_no_drafts_it_is_none_and_says_so(scene: Scene, *, drafts: bool) -> None:
    scene.one.drafts = drafts
    hosting = scene.hosting(draft="always")
    deliver(scene.incident(hosting, scene.red()), hosting)
    (pull,) = scene.one.pulls
    assert pull.draft is drafts
    assert ("the plan of this repository has none" in pull.body) is not drafts
    assert bool(scene.said) is not drafts
