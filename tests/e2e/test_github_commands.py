"""What follows from commands that change what happens later: run it again, leave it alone, it was no good."""

from pathlib import Path

import pytest

from bot.model import Feedback
from tests.e2e.desk import STALE, Desk
from tests.e2e.test_github_action import Runner
from tests.e2e.test_tampered import tamper
from tests.hub.world import Run
from tests.projects import WORKFLOW, workflow


@pytest.fixture
def runner(desk: Desk, tmp_path: Path) -> Runner:
    return Runner(desk, tmp_path)


def asked_for(runner: Runner, files: dict[str, str]) -> int:
    """A pull request of bob's that is red with these files, and told about."""
    runner.hub.push(runner.desk.one, {"other": "\n"}, by="bob", branch="feature", message="Begin [skip ci]\n")
    number = runner.request("feature")
    runner.hub.push(runner.desk.one, files, by="bob", branch="feature")
    runner.react()
    return number


def checks(runner: Runner) -> list[Run]:
    return [run for run in runner.desk.one.runs.values() if run.workflow == WORKFLOW]


def test_retry_runs_the_failed_jobs_again(runner: Runner) -> None:
    number = asked_for(runner, {WORKFLOW: workflow('run: test -n "$SERVICE_IS_UP"', on="pull_request")})
    (run,) = checks(runner)
    assert "write" in runner.say("eve", "/regreen retry", number)
    assert (run.attempt, run.conclusion, runner.reactions(number)) == (1, "failure", ["eyes", "confused"])
    runner.hub.runner_environment["SERVICE_IS_UP"] = "1"
    assert "The failed jobs run again" in runner.say("bob", "/regreen retry", number)
    assert (run.attempt, run.conclusion, runner.reactions(number)) == (2, "success", ["eyes", "rocket"])
    assert "is red: there is nothing to do" in runner.say("bob", "/regreen retry", number)
    assert run.attempt == 2


def test_what_is_to_be_ignored_is_left_alone_when_it_fails_again(runner: Runner) -> None:
    number = asked_for(runner, STALE)
    incident = runner.record["incident"]
    assert "left alone from now on" in runner.say("bob", "/regreen ignore", number)
    assert runner.reactions(number) == ["eyes", "rocket"]
    runner.hub.push(runner.desk.one, {"more": "\n"}, by="bob", branch="feature")
    told = [done.err for done in runner.react()]
    assert any("somebody has asked to leave failures like this one alone" in err for err in told), told
    assert runner.record["incident"] == incident  # the only one
    assert "Fixed, and proven" in runner.say("bob", "/regreen fix", number)  # who asks gets it all the same


def test_what_people_think_of_a_proposal_is_kept_once(runner: Runner) -> None:
    number = asked_for(runner, STALE)
    assert "Thank you" in runner.say("bob", "/regreen feedback bad it is a *copy*", number)
    assert runner.reactions(number) == ["eyes", "rocket"]
    (heard,) = (d for d in runner.hub.webhooks.deliveries if b"/regreen feedback" in d.body and is_new(d.payload))
    runner.run(heard)
    record = tamper(runner.desk, lambda _, known: known)
    comment = heard.payload["comment"]["id"]
    assert record.feedback == (Feedback(kind="bad", by="bob", comment=comment, text="it is a *copy*"),)
    assert "write" in runner.say("eve", "/regreen feedback bad", number)
    assert tamper(runner.desk, lambda _, known: known).feedback == record.feedback


def is_new(payload: dict[str, object]) -> bool:
    return payload["action"] == "created"
