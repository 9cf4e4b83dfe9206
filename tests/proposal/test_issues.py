"""The issue for a red default branch that nothing was proposed for."""

from pathlib import Path
from typing import Any

import pytest

from bot.adapters.github_api import with_token
from bot.aftermath import Aftermath
from bot.model import Advice, FailedRun, Incident, Verdict
from bot.proposal.facts import issue_of
from bot.proposal.issues import ask
from tests.hub import Hub
from tests.hub.world import Issue
from tests.proposal import samples
from tests.proposal.scene import NAME, Scene
from tests.state.helpers import FakeClock

AGAIN = Advice(kind="re-run", jobs=("test",), told="run it again")


@pytest.fixture
def scene(hub: Hub, tmp_path: Path) -> Scene:
    return Scene(hub, tmp_path)


def open_one(scene: Scene, run: FailedRun, **more: Any) -> Incident:
    """An incident that came to nothing."""
    known = samples.not_fixed().changed(failed_run=run, head=run.head_sha, snapshot=run.head_sha)
    saved = scene.checkpoints.save(known.changed(**more))
    return scene.checkpoints.claim(saved.id, "me", 600)


def issues(scene: Scene) -> list[Issue]:
    return list(scene.one.issues.values())


def test_one_issue_for_a_workflow_is_brought_up_to_date(scene: Scene) -> None:
    hosting = scene.hosting(issue=True)
    first = ask(open_one(scene, scene.red()), hosting, "main")
    (made,) = issues(scene)
    assert (issue_of(first), made.labels, made.title) == ("1", ["regreen"], "CI is red, and needs people: CI on main")
    assert "3 attempts did not help" in made.body
    made.body = f"I look at it.\n\n{made.body}"
    more = {"id": "b1b2c3d4e5f6", "reason": "test: NOT_FIXED: nobody knows why"}
    second = ask(open_one(scene, scene.red(), **more), hosting, "main")
    assert (issues(scene), issue_of(second)) == ([made], "1")
    assert made.body.startswith("I look at it.\n\n<!-- regreen:issue=")
    assert second.id in made.body
    assert ask(second, hosting, "main") == second


@pytest.mark.parametrize(
    "more",
    [
        {"verdict": Verdict.NOT_REPRODUCED},
        {"verdict": Verdict.FLAKY},
        {"advice": (AGAIN,)},
        {"proposal": samples.fixed().proposal},
    ],
    ids=str,
)
def test_what_needs_no_people_has_none(scene: Scene, more: dict[str, Any]) -> None:
    incident = open_one(scene, scene.red(), **more)
    assert ask(incident, scene.hosting(issue=True), "main") == incident
    assert issues(scene) == []


def test_it_is_for_the_default_branch_alone_and_only_where_it_is_wanted(scene: Scene) -> None:
    run, wanted = scene.red(), scene.hosting(issue=True)
    incident = open_one(scene, run)
    ask(incident, scene.hosting(), "main")
    ask(incident, wanted, "next")
    ask(incident.changed(failed_run=run.changed(head_repository="anna/app")), wanted, "main")
    ask(incident.changed(failed_run=run.changed(event="schedule")), wanted, "main")  # a lie
    assert issues(scene) == []
    scene.hub.push(scene.one, {"note": "x\n"}, branch="next", by="bob")
    pull = scene.pull("main", base="next")
    ask(open_one(scene, scene.red(pull), id="b1b2c3d4e5f6"), wanted, "main")
    assert issues(scene) == [pull]


def test_it_is_closed_when_the_branch_is_green_again(scene: Scene) -> None:
    hosting = scene.hosting(issue=True, check=False)
    runs = scene.red(), scene.red()
    asked = [
        ask(open_one(scene, run, id=name), hosting, "main")
        for run, name in zip(runs, ("a1b2c3d4e5f6", "b1b2c3d4e5f6"), strict=True)
    ]
    assert [Aftermath(hosting, FakeClock()).revisit(one).outcome for one in asked] == [None, None]
    scene.hub.push(scene.one, {"copy": "new\n"}, by="bob")
    scene.hub.add_run(scene.one, "", conclusion="success")
    ended = [Aftermath(scene.hosting(check=False), FakeClock()).revisit(one) for one in asked]
    assert [one.closed for one in ended] == [True, True]
    (made,) = issues(scene)
    (told,) = scene.one.comments.values()
    assert (made.state, "green again" in told.body) == ("closed", True)


def test_without_the_permission_it_is_said(scene: Scene) -> None:
    rights = {"contents": "write", "actions": "read"}
    scene.github = with_token(NAME, scene.hub.job_token(scene.one, rights), FakeClock(), api_url=scene.hub.url)
    left = ask(open_one(scene, scene.red()), scene.hosting(issue=True), "main")
    assert (issue_of(left), issues(scene)) == ("", [])
    assert ["issues: write" in told for told in scene.said] == [True]
