"""Proposals that are of no use any more are closed, once and with a reason; what people have worked on is theirs."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapters.git_plumbing import GitPlumbing
from bot.adapters.github_api import with_token
from bot.aftermath import Aftermath
from bot.github import GitHub
from bot.model import Effect, Incident
from bot.proposal import hosted, texts
from bot.proposal.hosted import Hosting
from bot.settings import read_settings
from bot.state.checkpoints import Checkpoints
from tests.hub import Hub
from tests.hub.world import Repository
from tests.proposal import samples
from tests.state.helpers import FakeClock, opened, repository

TARGET = "regreen/a1b2c3d4e5f6-run-ruff"


@dataclass
class Scene:
    """A repository on the hub with a proposal of bob's Regreen, and the records."""

    hub: Hub
    one: Repository
    github: GitHub
    checkpoints: Checkpoints
    aftermath: Aftermath

    def proposed(self, name: str, branch: str, run: int) -> Incident:
        """An incident of a run, with an open pull request."""
        commit = self.hub.push(self.one, {"copy": f"{name}\n"}, branch=branch, by="bob")
        number = self.github.open_pull(title="Fix", body="Why", head=branch, base="main", draft=False).number
        known = samples.fixed()
        assert known.proposal
        effects = (
            Effect(kind="push", name=branch, done=True, value=commit),
            Effect(kind="pull-request", name=branch, done=True, value=str(number)),
        )
        failed = samples.RUN.changed(id=run)
        proposal = known.proposal.changed(target=branch, commit=commit)
        return self.checkpoints.save(known.changed(id=name, failed_run=failed, effects=effects, proposal=proposal))

    def comments(self, number: int) -> list[str]:
        return [one.body for one in self.github.comments(number)]


@pytest.fixture
def scene(hub: Hub, tmp_path: Path) -> Scene:
    one = hub.repository("octo/app", {"copy": "old\n"}, bob="write")
    clock = FakeClock()
    github = with_token("octo/app", hub.token("bob"), clock, api_url=hub.url)
    settings = read_settings("proposal: {check: false}", "here", {}).proposal
    checkpoints = opened(repository(tmp_path / "state"))
    hosting = Hosting(github, GitPlumbing(one.git.path), settings, checkpoints, print)
    return Scene(hub, one, github, checkpoints, Aftermath(hosting, clock))


def test_what_conflicts_is_closed_with_one_comment(scene: Scene) -> None:
    incident = scene.proposed("a1b2c3d4e5f6", TARGET, 1)
    assert scene.aftermath.revisit(incident).outcome is None
    scene.hub.push(scene.one, {"copy": "else\n"}, by="bob")
    ended = scene.aftermath.revisit(incident)
    assert ended.outcome
    assert (ended.outcome.kind, ended.closed, scene.github.pull(1).state) == ("closed", True, "closed")
    scene.aftermath.revisit(ended)
    scene.aftermath.revisit(incident)
    (told,) = scene.comments(1)
    assert "conflicts with `main`" in told


def test_what_people_have_worked_on_stays(scene: Scene) -> None:
    incident = scene.proposed("a1b2c3d4e5f6", TARGET, 1)
    scene.hub.push(scene.one, {"copy": "mine\n"}, branch=TARGET, by="bob")
    scene.hub.push(scene.one, {"copy": "else\n"}, by="bob")
    assert scene.aftermath.revisit(incident).outcome is None
    assert (scene.github.pull(1).state, scene.comments(1)) == ("open", [])


def test_one_for_a_newer_run_closes_the_older_and_not_the_other_way(scene: Scene) -> None:
    old = scene.proposed("a1b2c3d4e5f6", TARGET, 1)
    new = scene.proposed("b1b2c3d4e5f6", "regreen/b1b2c3d4e5f6-x", 2)
    assert scene.aftermath.revisit(new).outcome is None
    assert scene.aftermath.revisit(old).outcome
    assert [scene.github.pull(n).state for n in (1, 2)] == ["closed", "open"]
    assert ["#2 is for a newer run" in text for text in scene.comments(1)] == [True]


def test_the_one_comment_is_not_one_that_quotes_its_marker(scene: Scene) -> None:
    scene.proposed("a1b2c3d4e5f6", TARGET, 1)
    quoting = scene.github.comment(1, f"> {texts.STICKY}\n")
    for text in ("one", "two"):
        hosted.say(scene.github, 1, texts.closing(text))
    assert scene.comments(1) == [quoting.body, texts.closing("two")]
