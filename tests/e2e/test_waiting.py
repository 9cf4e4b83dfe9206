"""Which incidents an event wakes, and which runs begin one."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.adapters.git_plumbing import GitPlumbing
from bot.model import Incident, Stage
from bot.state.checkpoints import Checkpoints
from tests.e2e.desk import STALE, Desk
from tests.e2e.test_github_action import Runner, is_heard
from tests.hub.webhooks import Delivery
from tests.projects import WORKFLOW, workflow
from tests.proposal import samples
from tests.state.helpers import FakeClock


@pytest.fixture
def runner(desk: Desk, tmp_path: Path) -> Runner:
    return Runner(desk, tmp_path)


def ended(runner: Runner) -> Delivery:
    """The newest event of a run that has ended."""
    runner.hub.settle()
    return [d for d in runner.hub.webhooks.deliveries if d.event == "workflow_run" and is_heard(d)][-1]


def waiting(runner: Runner, name: str, branch: str) -> Incident:
    """An incident of a branch that waits for what becomes of its proposal."""
    clock = FakeClock()
    clock.time = datetime.now(UTC)
    checkpoints = Checkpoints(GitPlumbing(runner.desk.one.git.path), clock=clock, redactor=str)
    known, tip = samples.fixed("suggestion"), runner.desk.one.git.resolve("main")
    run = samples.RUN.changed(head_branch=branch, base_branch=branch, head_sha=tip)
    options = known.options.changed(workflows=(WORKFLOW,))
    more = {"head": tip, "snapshot": tip, "options": options, "failed_run": run, "stage": Stage.PROPOSED}
    return checkpoints.save(known.changed(id=name, **more))


def test_a_green_run_is_news_for_its_own_branch_alone(runner: Runner) -> None:
    other, own = waiting(runner, "a1b2c3d4e5f6", "other"), waiting(runner, "b1b2c3d4e5f6", "main")
    runner.hub.push(runner.desk.one, {"note": "x\n"}, by="bob")
    done = runner.run(ended(runner))
    assert done.code == 0, done.err
    assert own.id in done.err
    assert other.id not in done.err


def test_a_commit_with_a_copied_trailer_is_none_of_its_own(runner: Runner) -> None:
    known = waiting(runner, "a1b2c3d4e5f6", "main")
    message = f"Mine\n\nRegreen-Incident: {known.id}\n"
    runner.hub.push(runner.desk.one, STALE, by="bob", branch="feature", message=message)
    done = runner.run(ended(runner))
    assert "FIXED" in done.err
    assert [pull.base_ref for pull in runner.desk.pulls()] == ["feature"]


def test_a_red_default_branch_that_needs_people_has_an_issue_until_it_is_green(runner: Runner) -> None:
    broken = workflow("uses: actions/checkout@v4", "run: echo 'assertion failed'; exit 3")
    files = {".github/regreen.yml": "proposal: {issue: true}\n", WORKFLOW: broken}
    runner.hub.push(runner.desk.one, files, by="bob")
    runner.react()
    (issue,) = runner.desk.one.issues.values()
    assert "assertion failed" in issue.body
    assert "Not fixed" in runner.say("bob", "/regreen status", issue.number)
    (red,) = (run for run in runner.desk.one.runs.values() if run.workflow == WORKFLOW)
    runner.desk.token = runner.token
    again = runner.desk.regreen("fix", "--run", str(red.id), "--repo", "octo/app", "--json").json["incident"]
    record = json.loads(runner.desk.one.git.read("regreen/state", f"incidents/{again[:2]}/{again}.json"))
    assert (record["round"], len(runner.desk.one.issues)) == (2, 1)
    runner.hub.push(runner.desk.one, {WORKFLOW: workflow("run: 'true'")}, by="bob")
    runner.react()
    assert issue.state == "closed"
    assert "green again" in runner.answer(issue.number)
    assert runner.record["outcome"] == "closed"
