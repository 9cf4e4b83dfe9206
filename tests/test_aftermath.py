"""Proposals that are of no use any more are closed, once and with a reason; what people have worked on is theirs."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from bot.adapters.git_plumbing import GitPlumbing
from bot.adapters.github_api import with_token
from bot.aftermath import Aftermath
from bot.github import GitHub
from bot.model import Attempt, Call, Category, Effect, Grade, Incident, Tally, Tokens, Verdict
from bot.proposal import hosted, texts
from bot.proposal.hosted import Hosting
from bot.settings import read_settings
from bot.state.checkpoints import Checkpoints
from bot.text.own import TRAILER
from tests.hub import Hub
from tests.hub.faults import What
from tests.hub.world import Repository, Run
from tests.proposal import samples
from tests.state.helpers import FakeClock, opened, repository

OWN, STOP = ".github/workflows/regreen.yml", "regreen: stop"
TARGET = "regreen/a1b2c3d4e5f6-run-ruff"


@dataclass
class Scene:
    """A repository on the hub with a proposal of bob's Regreen, and the records."""

    hub: Hub
    one: Repository
    github: GitHub
    checkpoints: Checkpoints
    aftermath: Aftermath
    clock: FakeClock

    def proposed(self, name: str, branch: str, run: int) -> Incident:
        """An incident of a run, with an open pull request."""
        told = f"Fix it\n\n{TRAILER}: {name}\n"
        commit = self.hub.push(self.one, {"copy": f"{name}\n"}, branch=branch, by="bob", message=told)
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

    def described(self, incident: Incident) -> Incident:
        """Its pull request has the text that it is opened with."""
        self.github.update_pull(1, body=texts.pull_request(incident))
        return incident

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
    return Scene(hub, one, github, checkpoints, Aftermath(hosting, clock, OWN, STOP), clock)


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


def test_what_people_have_taken_back_is_no_success(scene: Scene) -> None:
    attempt = Attempt(
        number=1, causes=("f",), category=Category.LINT_ERROR, strategy="llm_edit", tier=1, verdict=Verdict.FIXED
    )
    said = Call(model="m", prompt="p", prices="", stop="end_turn", tokens=Tokens(output=9), cost_usd=Decimal(0))
    incident = scene.proposed("a1b2c3d4e5f6", TARGET, 1)
    scene.checkpoints.save(incident.changed(attempts=(attempt.changed(calls=(said,)),)))
    merge = scene.hub.client(scene.hub.token("bob")).put("/repos/octo/app/pulls/1/merge", json={}).json()["sha"]
    scene.aftermath.revisit(incident)
    fixed = scene.checkpoints.sums().tallies[Tally.key(Category.LINT_ERROR, 1)].fixed
    branch = "refs/remotes/origin/main"
    scene.one.git("update-ref", branch, merge)
    assert (fixed, scene.aftermath.taken_back("main")) == (1, [])
    scene.hub.push(scene.one, {"copy": "old\n"}, by="bob", message=f"Revert it\n\nThis reverts commit {merge}.\n")
    scene.one.git("update-ref", branch, "refs/heads/main")
    assert [one.outcome and one.outcome.kind for one in scene.aftermath.taken_back("main")] == ["reverted"]
    assert scene.checkpoints.sums().tallies[Tally.key(Category.LINT_ERROR, 1)].fixed == 0
    assert scene.aftermath.taken_back("main") == []


def test_the_one_comment_is_not_one_that_quotes_its_marker(scene: Scene) -> None:
    scene.proposed("a1b2c3d4e5f6", TARGET, 1)
    quoting = scene.github.comment(1, f"> {texts.STICKY}\n")
    for text in ("one", "two"):
        hosted.say(scene.github, 1, texts.closing(text))
    assert scene.comments(1) == [quoting.body, texts.closing("two")]


def test_of_two_comments_that_are_written_at_once_the_first_stays(scene: Scene) -> None:
    scene.proposed("a1b2c3d4e5f6", TARGET, 1)
    scene.github.comment(1, texts.closing("one"))
    scene.hub.fault(What(change=lambda _: []), "GET */issues/1/comments")  # it was looked for before that was written
    hosted.say(scene.github, 1, texts.closing("two"))
    assert scene.comments(1) == [texts.closing("two")]


def ran(scene: Scene, conclusion: str, workflow: str = ".github/workflows/ci.yml", event: str = "pull_request") -> Run:
    """A run of CI for the proposal's commit."""
    sha = scene.one.git.resolve(TARGET)
    return scene.hub.add_run(
        scene.one, "", sha=sha, branch=TARGET, workflow=workflow, event=event, conclusion=conclusion
    )


def changed(scene: Scene, state: str) -> None:
    """Somebody closes the proposal, or opens it again."""
    scene.hub.client(scene.hub.token("bob")).patch("/repos/octo/app/pulls/1", json={"state": state}).raise_for_status()


def test_what_people_open_again_goes_on_and_what_they_merge_after_all_is_merged(scene: Scene) -> None:
    incident = scene.proposed("a1b2c3d4e5f6", TARGET, 1)
    changed(scene, "closed")
    closed = scene.aftermath.revisit(incident)
    assert (closed.outcome and closed.outcome.kind, scene.aftermath.revisit(closed)) == ("closed", closed)
    changed(scene, "open")
    ran(scene, "success")
    going = scene.aftermath.revisit(closed)
    assert (going.outcome, going.closed, going.grade) == (None, False, Grade.R)
    changed(scene, "closed")
    closed = scene.aftermath.revisit(going)
    changed(scene, "open")
    scene.hub.client(scene.hub.token("bob")).put("/repos/octo/app/pulls/1/merge", json={}).raise_for_status()
    merged = scene.aftermath.revisit(closed)
    assert (merged.outcome and merged.outcome.kind) == "merged"


def test_what_regreen_has_closed_itself_stays_theirs_when_they_open_it_again(scene: Scene) -> None:
    incident = scene.proposed("a1b2c3d4e5f6", TARGET, 1)
    scene.hub.push(scene.one, {"copy": "else\n"}, by="bob")
    ended = scene.aftermath.revisit(incident)
    changed(scene, "open")
    assert scene.aftermath.revisit(ended) == ended
    assert scene.github.pull(1).state == "open"


def test_of_its_ci_the_newest_run_of_each_workflow_counts_and_a_grade_that_was_wrong_is_taken_back(
    scene: Scene,
) -> None:
    incident = scene.proposed("a1b2c3d4e5f6", TARGET, 1)
    before = incident.grade
    ran(scene, "failure")
    incident = scene.aftermath.revisit(incident)
    assert (incident.verdict, incident.grade) == (Verdict.STILL_FAILING, before)
    ran(scene, "success")
    incident = scene.aftermath.revisit(incident)
    assert (incident.verdict, incident.grade) == (Verdict.FIXED, Grade.R)
    ran(scene, "failure")
    incident = scene.aftermath.revisit(incident)
    assert (incident.verdict, incident.grade) == (Verdict.STILL_FAILING, before)


@pytest.mark.parametrize("workflow", [OWN, "dynamic/github-code-scanning/codeql"])
def test_runs_that_are_no_checks_of_the_repository_judge_nothing(scene: Scene, workflow: str) -> None:
    incident = scene.proposed("a1b2c3d4e5f6", TARGET, 1)
    ran(scene, "failure", workflow=workflow, event="pull_request_review")
    assert scene.aftermath.revisit(incident) == incident
    ran(scene, "success")
    assert scene.aftermath.revisit(incident).grade is Grade.R


def test_a_proposal_that_no_ci_has_run_for_says_why_and_no_more_once_it_has(scene: Scene) -> None:
    incident = scene.described(scene.proposed("a1b2c3d4e5f6", TARGET, 1))
    scene.aftermath.revisit(incident)
    assert "No CI has run" not in scene.github.pull(1).body
    scene.clock.sleep(3600)
    scene.aftermath.revisit(incident)
    assert "No CI has run" in scene.github.pull(1).body
    writes = scene.github.usage.writes
    scene.aftermath.revisit(incident)
    assert scene.github.usage.writes == writes
    waiting = ran(scene, "failure")
    waiting.conclusion = "action_required"
    scene.aftermath.revisit(incident)
    body = scene.github.pull(1).body
    assert ("No CI has run" in body, f"/actions/runs/{waiting.id}" in body) == (False, True)
    ran(scene, "success")
    scene.aftermath.revisit(incident)
    assert "approve it" not in scene.github.pull(1).body


def test_where_people_have_put_the_label_nothing_is_said_nor_closed(scene: Scene) -> None:
    incident = scene.proposed("a1b2c3d4e5f6", TARGET, 1)
    scene.github.add_labels(1, [STOP])
    scene.hub.push(scene.one, {"copy": "else\n"}, by="bob")
    assert scene.aftermath.revisit(incident) == incident
    assert (scene.github.pull(1).state, scene.comments(1)) == ("open", [])
    changed(scene, "closed")
    assert scene.aftermath.revisit(incident).outcome


def test_what_an_update_of_the_branch_brings_is_no_change_by_people(scene: Scene) -> None:
    incident = scene.proposed("a1b2c3d4e5f6", TARGET, 1)
    main = scene.hub.push(scene.one, {"new": "of main\n"}, by="bob")
    git, before = scene.one.git, scene.one.git.refs()
    made = git.commit({"new": "of main\n"}, "Update the branch\n", "bob", [git.resolve(TARGET), main])
    git("update-ref", f"refs/heads/{TARGET}", made)
    scene.hub.refs_changed(scene.one, before, scene.hub.tokens[scene.hub.token("bob")])
    scene.hub.client(scene.hub.token("bob")).put("/repos/octo/app/pulls/1/merge", json={}).raise_for_status()
    ended = scene.aftermath.revisit(incident)
    assert (ended.outcome and ended.outcome.kind, ended.outcome and ended.outcome.diff) == ("merged", "")
