"""What events do not tell, what people have stopped or refused, and runs that nothing can be proposed for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.desk import FILES, STALE
from tests.e2e.test_github_action import BOT, Runner, number, runner
from tests.e2e.test_revert import Broken, broken
from tests.hub import faults
from tests.hub.world import Run
from tests.projects import WORKFLOW

__all__ = ["broken", "number", "runner"]
STOP = "regreen: stop"
LATER = "7200"  # seconds, after which whoever was told has had the time to react
COMMENT = "/repos/octo/app/issues/{}/comments"


def set_state(runner: Runner, pull: int, state: str) -> None:
    runner.hub.client(runner.hub.token("octo")).patch(f"/repos/octo/app/pulls/{pull}", json={"state": state})
    runner.react()


def sweep(runner: Runner, **more: str) -> str:
    done = runner.start(REGREEN_COMMAND="sweep", **more)
    return done.err


def test_a_red_run_whose_event_was_lost_is_found_by_a_sweep_once_and_what_nobody_watches_is_not(runner: Runner) -> None:
    one, hub = runner.desk.one, runner.hub
    hub.push(one, STALE, by="bob")
    hub.fault(faults.primary_limit(), "GET /repos/octo/app/actions/runs/*")
    assert [done.code for done in runner.react()] == [0]
    assert runner.desk.pulls() == []
    hub.add_run(one, "##[error]x", workflow=".github/workflows/regreen.yml", name="Regreen", event="schedule")
    hub.add_run(one, "##[error]x", workflow="dynamic/pages/pages-build-deployment", event="dynamic")
    sweep(runner)
    assert runner.desk.pulls() == []  # whoever was told may still be at it
    sweep(runner, AHEAD=LATER)
    sweep(runner, AHEAD=LATER)
    assert [pull.base_ref for pull in runner.desk.pulls()] == ["main"]
    assert len(runner.desk.regreen("status", "--repo", "octo/app", "--json").json) == 1


def test_each_hour_a_sweep_begins_with_another_one(runner: Runner) -> None:
    for branch in ("main", "feature"):
        runner.hub.push(runner.desk.one, STALE, by="bob", branch=branch)
        runner.react()
    orders = [sweep(runner, AHEAD=str(hours * 3600)).strip().split("; ") for hours in (0, 1)]
    assert orders[0] == orders[1][::-1] != orders[1]


def test_what_was_stopped_is_not_gone_on_with_until_somebody_says_so(runner: Runner) -> None:
    runner.hub.push(runner.desk.one, {"other": "\n"}, by="bob", branch="feature", message="Begin [skip ci]\n")
    number = runner.request("feature")
    runner.hub.push(runner.desk.one, STALE, by="bob", branch="feature")
    runner.hub.settle()
    runner.hub.fault(faults.primary_limit(), "POST /repos/octo/app/pulls/*/reviews")
    runner.react()
    client = runner.hub.client(runner.hub.token("bob"))
    client.post(f"/repos/octo/app/issues/{number}/labels", json={"labels": [STOP]}).raise_for_status()
    reviews = f"/repos/octo/app/pulls/{number}/reviews"
    assert "it has the label" in sweep(runner)
    assert client.get(reviews).json() == []
    told = runner.say("octo", "/regreen resume\n/regreen apply", number)
    assert "The fix was pushed" in told
    assert "No CI will start for this by itself" in told  # by what a job's token pushes


def test_stop_below_an_issue_holds_for_the_commands_below_it(broken: Broken, tmp_path: Path) -> None:
    broken.ten()
    runner = Runner(broken, tmp_path)
    runner.seen = len(broken.hub.webhooks.deliveries)
    client = broken.hub.client(broken.hub.token("bob"))
    number = client.post("/repos/octo/app/issues", json={"title": "main is red"}).raise_for_status().json()["number"]
    runner.say("bob", "/regreen stop", number)
    assert "it has the label" in runner.say("bob", "/regreen revert", number)
    assert [pull.title for pull in broken.pulls() if "Revert" in pull.title] == []


def test_what_people_have_closed_is_not_proposed_again_for_a_while(runner: Runner) -> None:
    runner.hub.push(runner.desk.one, STALE, by="bob")
    runner.react()
    (pull,) = runner.desk.pulls()
    set_state(runner, pull.number, "closed")
    runner.hub.push(runner.desk.one, {"more": "1\n"}, by="bob")
    assert f"people have closed #{pull.number}" in runner.react()[-1].err
    sweep(runner, AHEAD=LATER)
    assert [p.number for p in runner.desk.pulls()] == [pull.number]
    set_state(runner, pull.number, "open")
    assert runner.record["outcome"] is None


def test_a_red_run_that_is_green_when_it_is_run_again_needs_no_fix(runner: Runner) -> None:
    runner.hub.push(runner.desk.one, STALE, by="bob")
    runner.react()
    (run,), (pull,) = runner.desk.one.runs.values(), runner.desk.pulls()
    run.attempt, run.conclusion = 2, "success"
    sweep(runner)
    assert (pull.state, runner.record["outcome"]) == ("closed", "closed")


@pytest.mark.parametrize("verb", ["fix", "diagnose", "retry"])
def test_commands_are_about_runs_that_check_the_repository(runner: Runner, number: int, verb: str) -> None:
    head = runner.desk.one.git.resolve("feature")
    for workflow in (".github/workflows/regreen.yml", "dynamic/github-code-scanning/codeql"):
        runner.hub.add_run(runner.desk.one, "##[error]x", sha=head, branch="feature", workflow=workflow, name="Not CI")
    runner.react()
    told = runner.say("bob", f"/regreen {verb}", number)
    assert runner.reactions(number) == ["eyes", "rocket"]
    assert "Not CI" not in told


def test_what_one_run_or_job_stands_in_the_way_of_is_done_for_the_others(runner: Runner, number: int) -> None:
    one = runner.desk.one
    old = runner.hub.add_run(one, "##[error]x", branch="feature", workflow=".github/workflows/lint.yml", name="Lint")
    old.logs_expired = True
    runner.react()
    told = runner.say("bob", "/regreen fix", number)
    assert ("Lint: " in told, "expired" in told, "The fix is" in told) == (True, True, True)
    assert runner.reactions(number) == ["eyes", "confused"]

    other = "  other:\n    runs-on: ubuntu-latest\n    steps: [{run: 'exit 1'}]\n"
    runner.hub.push(one, {WORKFLOW: FILES[WORKFLOW] + other, **STALE}, by="bob")
    runner.hub.settle()
    run = next(run for run in one.runs.values() if run.head_branch == "main")
    gone = next(job for job in run.jobs[1] if job.name == "other")
    runner.hub.fault(faults.logs_gone(), f"GET /repos/octo/app/actions/jobs/{gone.id}/logs", times=9)
    runner.react()
    assert [pull.base_ref for pull in runner.desk.pulls() if pull.author.login == BOT] == ["main"]


def of_a_tag(runner: Runner, run: Run) -> None:
    runner.desk.one.git("update-ref", "refs/tags/v1.0", run.head_sha)
    run.head_branch, run.ref = "v1.0", "refs/tags/v1.0"


def of_the_merge_queue(runner: Runner, run: Run) -> None:
    run.head_branch, run.event = f"gh-readonly-queue/main/pr-7-{run.head_sha}", "merge_group"
    runner.desk.one.git("update-ref", f"refs/heads/{run.head_branch}", run.head_sha)


@pytest.mark.parametrize(
    ("change", "told"), [(of_a_tag, "v1.0 is no branch"), (of_the_merge_queue, "the merge queue")], ids=["tag", "queue"]
)
def test_for_a_run_of_no_branch_nothing_is_proposed(
    runner: Runner, change: Callable[[Runner, Run], None], told: str
) -> None:
    run = runner.desk.red()
    change(runner, run)
    done = runner.desk.regreen("fix", "--run", runner.desk.url(run))
    assert (done.code, told in done.err) == (1, True)
    assert (runner.desk.pulls(), runner.desk.regreen("status", "--repo", "octo/app", "--json").json) == ([], [])


def test_a_scheduled_run_of_the_default_branch_is_of_no_pull_request_that_it_is_the_head_of(runner: Runner) -> None:
    runner.desk.one.git("update-ref", "refs/heads/release", runner.desk.one.git.resolve("main"))
    run = runner.desk.red()
    run.event = "schedule"
    asked = {"title": "Release", "head": "main", "base": "release"}
    runner.hub.client(runner.hub.token("bob")).post("/repos/octo/app/pulls", json=asked).raise_for_status()
    runner.desk.regreen("fix", "--run", runner.desk.url(run))
    assert [pull.base_ref for pull in runner.desk.pulls()] == ["release", "main"]


def test_a_lost_command_is_obeyed_though_somebody_else_has_reacted_as_we_do(runner: Runner, number: int) -> None:
    client = runner.hub.client(runner.hub.token("bob"))
    made = client.post(COMMENT.format(number), json={"body": "/regreen status"}).raise_for_status().json()["id"]
    runner.seen = len(runner.hub.webhooks.deliveries)
    eve = runner.hub.client(runner.hub.token("eve"))
    eve.post(f"/repos/octo/app/issues/comments/{made}/reactions", json={"content": "rocket"}).raise_for_status()
    sweep(runner, AHEAD=LATER)
    assert sorted(runner.reactions(number)) == ["eyes", "rocket", "rocket"]
    assert "bob" in runner.answer(number)


def test_who_asks_where_the_settings_cannot_be_read_is_told(runner: Runner, number: int) -> None:
    wrong = {".github/regreen.yml": "proposal:\n  mode: shout\n"}
    runner.hub.push(runner.desk.one, wrong, by="bob", message="Shout [skip ci]\n")
    runner.react()
    told = runner.say("bob", "/regreen fix", number)
    assert ".github/regreen.yml:2" in told
    assert runner.reactions(number) == ["confused"]
