"""The Action's own entry point, given each event that the hub tells, as the runner would give it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.model import Stage
from bot.text.own import MARKER
from tests.e2e.desk import STALE, Desk, hastily
from tests.e2e.test_tampered import tamper
from tests.hub import faults
from tests.hub.webhooks import Delivery
from tests.hub.world import now
from tests.llm.answers import answer
from tests.llm.server import LLMServer
from tests.projects import WORKFLOW, Done, workflow

HEARD = {
    "workflow_run": ("completed",),
    "issue_comment": ("created",),
    "pull_request": ("closed", "reopened"),
    "pull_request_review": ("submitted",),
}
"""The events that the workflow of `regreen init` is for."""
GRANTED = ("contents", "pull_requests", "issues", "checks", "actions")
BOT = "github-actions[bot]"
SMALL, MEDIUM, LARGE = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"


def is_heard(delivery: Delivery) -> bool:
    """Whether the Action runs for it."""
    return bool(delivery.event in HEARD and delivery.payload["action"] in HEARD[delivery.event])


class Runner:
    """Runs the Action for what has happened on a hub since it was last asked."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk, self.hub, self.folder, self.seen = desk, desk.hub, folder, 0
        self.token = self.hub.job_token(desk.one, dict.fromkeys(GRANTED, "write"))

    def react(self) -> list[Done]:
        """Let runs run, and give every event to the Action, until nothing happens any more."""
        done = []
        self.hub.settle()
        while self.seen < len(self.hub.webhooks.deliveries):
            delivery = self.hub.webhooks.deliveries[self.seen]
            self.seen += 1
            if is_heard(delivery):
                done.append(self.run(delivery))
            self.hub.settle()
        return done

    def run(self, delivery: Delivery, **more: str) -> Done:
        event = self.folder / "event.json"
        event.write_bytes(delivery.body)
        return self.start(GITHUB_EVENT_NAME=delivery.event, GITHUB_EVENT_PATH=str(event), **more)

    def start(self, **more: str) -> Done:
        (self.folder / "output").unlink(missing_ok=True)
        settings = {
            "GITHUB_TOKEN": self.token,
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_REPOSITORY": "octo/app",
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_WORKFLOW_REF": "octo/app/.github/workflows/regreen.yml@refs/heads/main",
            "RUNNER_TEMP": str(self.folder),
        }
        done = hastily("action", cwd=self.folder, env=settings | more)
        assert "Traceback" not in done.err
        return done

    @property
    def outputs(self) -> dict[str, str]:
        lines = (self.folder / "output").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def record(self) -> dict[str, Any]:
        """The record of the incident, as anybody can see it."""
        (row,) = self.desk.regreen("status", "--repo", "octo/app", "--json").json
        return dict(row)

    def say(self, who: str, text: str, number: int) -> str:
        """Write a comment, let the Action react, and give what its own comment says then."""
        client = self.hub.client(self.hub.token(who))
        client.post(f"/repos/octo/app/issues/{number}/comments", json={"body": text}).raise_for_status()
        self.react()
        return self.answer(number)

    def answer(self, number: int) -> str:
        rows = self.hub.client(self.token).get(f"/repos/octo/app/issues/{number}/comments").json()
        ours = [row["body"] for row in rows if row["user"]["login"] == BOT]
        assert len(ours) <= 1
        return ours[0] if ours else ""

    def reactions(self, number: int) -> list[str]:
        """The reactions to the last comment of a person."""
        client = self.hub.client(self.token)
        rows = client.get(f"/repos/octo/app/issues/{number}/comments").json()
        last = [row["id"] for row in rows if row["user"]["login"] != BOT][-1]
        return [row["content"] for row in client.get(f"/repos/octo/app/issues/comments/{last}/reactions").json()]

    def request(self, head: str, by: str = "bob") -> int:
        """Open a pull request."""
        asked = {"title": "A feature", "head": head, "base": "main"}
        answer = self.hub.client(self.hub.token(by)).post("/repos/octo/app/pulls", json=asked)
        return int(answer.raise_for_status().json()["number"])


@pytest.fixture
def runner(desk: Desk, tmp_path: Path) -> Runner:
    return Runner(desk, tmp_path)


@pytest.fixture
def number(runner: Runner) -> int:
    """A pull request of bob's that is red, and told about."""
    runner.hub.push(runner.desk.one, {"other": "\n"}, by="bob", branch="feature", message="Begin [skip ci]\n")
    opened = runner.request("feature")
    runner.hub.push(runner.desk.one, STALE, by="bob", branch="feature")
    runner.react()
    return opened


def test_from_a_red_push_to_the_merge_of_its_fix(runner: Runner) -> None:
    runner.hub.push(runner.desk.one, STALE, by="bob")
    runner.hub.forget_requests()
    runner.react()
    (pull,) = runner.desk.pulls()
    assert (pull.author.login, pull.base_ref, pull.state) == (BOT, "main", "open")
    assert runner.record["verdict"] == "FIXED"
    assert "Close and reopen" in pull.body  # what such a token pushes starts no CI
    octo = runner.hub.client(runner.hub.token("octo"))
    octo.put(f"/repos/octo/app/pulls/{pull.number}/merge", json={}).raise_for_status()
    runner.react()
    incident = runner.record["incident"]
    (closed,) = runner.desk.regreen("status", "--repo", "octo/app", "--json").json
    assert (closed["incident"], closed["outcome"]) == (incident, "merged")
    assert runner.desk.one.git.read("main", "copy") == "new"


def test_from_a_red_push_by_way_of_its_own_ci_to_the_merge(runner: Runner) -> None:
    runner.token = runner.hub.token("octo")  # a person's token starts runs
    runner.hub.push(runner.desk.one, STALE, by="bob")
    runner.hub.settle()
    (ended,) = (d for d in runner.hub.webhooks.deliveries if d.event == "workflow_run" and is_heard(d))
    runner.run(ended)
    (pull,) = runner.desk.pulls()
    pull.body += "\nReviewed by the plumbers.\n"
    runner.react()
    assert runner.record["grade"] == "R"
    assert "The real CI is green" in pull.body
    assert pull.body.endswith("\nReviewed by the plumbers.\n")
    assert pull.state == "open"
    of_it = [run for run in runner.desk.one.runs.values() if run.head_branch == pull.head_ref]
    assert [(run.event, run.conclusion) for run in of_it] == [("push", "success"), ("pull_request", "success")]
    at = f"/repos/octo/app/pulls/{pull.number}/merge"
    runner.hub.client(runner.hub.token("bob")).put(at, json={}).raise_for_status()
    runner.react()
    found = runner.record
    assert (found["verdict"], found["grade"], found["outcome"]) == ("FIXED", "R", "merged")
    assert tamper(runner.desk, lambda _, record: record).closed
    assert runner.desk.one.git.read("main", "copy") == "new"
    (last,) = (run for run in runner.desk.one.runs.values() if run.sha == runner.desk.one.git.resolve("main"))
    assert last.conclusion == "success"


def test_a_signed_commit_is_known_by_its_own_id(runner: Runner) -> None:
    runner.token = runner.hub.token("octo")
    files = {**STALE, ".github/regreen.yml": "proposal:\n  signed: true\n"}
    runner.hub.push(runner.desk.one, files, by="bob")
    runner.react()
    (pull,) = runner.desk.pulls()
    assert pull.head_sha in runner.desk.one.signed
    assert runner.desk.one.git.read(pull.head_sha, "copy") == "new"
    assert runner.record["grade"] == "R"
    (commit,) = runner.desk.one.git("log", "--format=%H", f"main..{pull.head_sha}").split()
    assert commit == pull.head_sha


def test_a_fix_that_nobody_needs_any_more_is_closed(runner: Runner) -> None:
    runner.hub.push(runner.desk.one, STALE, by="bob")
    runner.react()
    runner.hub.push(runner.desk.one, {"copy": "new\n"}, by="bob")
    runner.react()
    (pull,) = runner.desk.pulls()
    assert pull.state == "closed"
    assert "green again" in runner.answer(pull.number)
    assert runner.record["outcome"] == "closed"


def test_a_review_that_asks_for_changes_gets_its_answer_once(runner: Runner) -> None:
    runner.hub.push(runner.desk.one, STALE, by="bob")
    runner.react()
    (pull,) = runner.desk.pulls()

    def review(who: str) -> str:
        asked = {"event": "REQUEST_CHANGES", "body": "Not like this."}
        at = f"/repos/octo/app/pulls/{pull.number}/reviews"
        runner.hub.client(runner.hub.token(who)).post(at, json=asked).raise_for_status()
        runner.react()
        return runner.answer(pull.number)

    assert review("eve") == ""
    assert "cannot follow reviews" in review("octo")
    delivery = [d for d in runner.hub.webhooks.deliveries if d.event == "pull_request_review"][-1]
    runner.say("octo", "/regreen help", pull.number)
    runner.hub.forget_requests()
    runner.run(delivery)
    assert [one.path for one in runner.hub.requests if one.method in ("POST", "PATCH") and "comments" in one.path] == []


def test_what_is_suggested_is_not_suggested_again(runner: Runner, number: int) -> None:
    client = runner.hub.client(runner.token)
    before = client.get(f"/repos/octo/app/pulls/{number}/reviews").json()
    runner.say("bob", "/regreen fix", number)
    assert client.get(f"/repos/octo/app/pulls/{number}/reviews").json() == before
    assert len(before) == 1


def test_commands_below_a_pull_request(runner: Runner, number: int) -> None:
    assert "/regreen apply" in runner.answer(number)
    assert "Fixed, and proven" in runner.say("bob", "/regreen status", number)
    assert runner.reactions(number) == ["eyes", "rocket"]
    assert "snapshot_diff" in runner.say("bob", "/regreen explain", number).replace("\\", "")
    assert "1 failure" in runner.say("bob", "Hm.\n\n/regreen replay", number)
    tip = runner.desk.one.git.resolve("feature")
    assert "write" in runner.say("eve", "/regreen apply", number)
    assert runner.reactions(number) == ["eyes", "confused"]
    assert runner.desk.one.git.resolve("feature") == tip
    assert "The fix was pushed" in runner.say("bob", "/regreen apply", number)
    assert runner.desk.one.git.read("feature", "copy") == "new"
    assert "Thank you" in runner.say("bob", "/regreen feedback good it's right", number)


UNDECIDED = {WORKFLOW: workflow("uses: actions/checkout@v4", "run: \"echo 'a.py:1: error: bad  [misc]'; exit 1\"")}


@pytest.fixture
def helpless(llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> LLMServer:
    """Models that are asked, and have no fix for anything."""
    for name, value in llm_server.environ.items():
        monkeypatch.setenv(name, value)
    llm_server.script = lambda _: answer("CANNOT: somebody has to decide it")
    return llm_server


@pytest.fixture
def undecided(runner: Runner, helpless: LLMServer) -> int:
    """A pull request of bob's that is red, and that models have no fix for."""
    runner.hub.push(runner.desk.one, {"other": "\n"}, by="bob", branch="feature", message="Begin [skip ci]\n")
    number = runner.request("feature")
    runner.hub.push(runner.desk.one, UNDECIDED, by="bob", branch="feature")
    runner.react()
    return number


def test_a_command_says_how_models_are_asked_and_what_they_may_cost(
    runner: Runner, llm_server: LLMServer, undecided: int
) -> None:
    assert {body["model"] for body in llm_server.asked} == {SMALL, MEDIUM, LARGE}
    llm_server.requests.clear()
    assert "an incident may cost $2" in runner.say("bob", "/regreen fix --max-cost 3", undecided).replace("\\", "")
    assert llm_server.asked == []
    runner.say("bob", "/regreen fix --max-cost 0.50 --tier medium --prefer reliability --agent", undecided)
    assert [body["model"] for body in llm_server.asked[:2]] == [MEDIUM, LARGE]
    assert all(body["tools"] for body in llm_server.asked)
    assert "may cost $0.50" in runner.say("bob", "/regreen fix --max-cost 1", undecided).replace("\\", "")
    assert runner.reactions(undecided) == ["eyes", "confused"]
    runner.say("octo", "/regreen fix --max-cost 1", undecided)
    assert runner.reactions(undecided) == ["eyes", "rocket"]


def test_what_a_command_says_of_models_holds_for_what_was_interrupted_too(
    runner: Runner, llm_server: LLMServer, undecided: int
) -> None:
    runner.say("bob", "/regreen fix", undecided)
    interrupted = {"stage": Stage.DIAGNOSED, "attempts": (), "verdict": None}
    tamper(runner.desk, lambda _, record: record.changed(**interrupted))
    llm_server.requests.clear()
    runner.say("bob", "/regreen fix --max-cost 0.0001", undecided)
    assert llm_server.asked == []
    tamper(runner.desk, lambda _, record: record.changed(**interrupted))
    runner.say("octo", "/regreen fix --tier large --max-cost 2", undecided)
    assert {body["model"] for body in llm_server.asked} == {LARGE}


def test_a_closed_pull_request_is_left_alone(runner: Runner, number: int) -> None:
    closed = runner.hub.client(runner.hub.token("bob")).patch(
        f"/repos/octo/app/pulls/{number}", json={"state": "closed"}
    )
    closed.raise_for_status()
    assert "is closed" in runner.say("bob", "/regreen fix", number)
    assert runner.reactions(number) == ["eyes", "confused"]
    assert "is closed" in runner.say("bob", "/regreen replay", number)


def test_expired_logs_are_told(runner: Runner, number: int) -> None:
    for run in runner.desk.one.runs.values():
        run.logs_expired = True
    assert "has expired" in runner.say("bob", "/regreen fix", number)


NO_COMMANDS = ("> /regreen apply", "```\n/regreen apply\n```", "please /regreen apply", "`/regreen apply`")


def test_what_is_no_command_does_nothing_and_an_unknown_one_gets_the_usage(runner: Runner, number: int) -> None:
    before = runner.answer(number)
    for text in NO_COMMANDS:
        assert runner.say("bob", text, number) == before
        assert runner.reactions(number) == []
    assert "Usage: /regreen VERB" in runner.say("bob", "/regreen dance", number)
    assert runner.reactions(number) == ["eyes", "confused"]


def test_a_command_that_was_lost_is_obeyed_by_a_sweep(runner: Runner) -> None:
    runner.hub.push(runner.desk.one, {"other": "x\n"}, by="bob", branch="feature", message="Begin [skip ci]\n")
    number = runner.request("feature")
    client = runner.hub.client(runner.hub.token("bob"))

    def swept(hours: float, *, edited: bool = False) -> list[str]:
        asked = {"body": "/regreen help"}
        made = client.post(f"/repos/octo/app/issues/{number}/comments", json=asked).raise_for_status().json()["id"]
        comment = runner.desk.one.comments[made]
        comment.created -= timedelta(hours=hours)
        comment.updated = now() if edited else comment.created
        assert runner.start(REGREEN_COMMAND="sweep").code == 0
        return runner.reactions(number)

    assert swept(0) == []  # somebody may be at it
    assert swept(48) == []
    assert swept(2, edited=True) == []
    assert runner.answer(number) == ""
    assert swept(2) == ["eyes", "rocket"]
    assert "Usage: /regreen VERB" in runner.answer(number)
    assert "nothing waits" in runner.start(REGREEN_COMMAND="sweep").err


def test_a_lost_command_is_not_for_a_head_that_came_later(runner: Runner, number: int) -> None:
    client = runner.hub.client(runner.hub.token("bob"))
    asked = {"body": "/regreen apply"}
    made = client.post(f"/repos/octo/app/issues/{number}/comments", json=asked).raise_for_status().json()["id"]
    comment = runner.desk.one.comments[made]
    comment.created = comment.updated = comment.created - timedelta(hours=2)
    tip = runner.desk.one.git.resolve("feature")
    assert runner.start(REGREEN_COMMAND="sweep").code == 0
    assert "The head has moved" in runner.answer(number)
    assert runner.desk.one.git.resolve("feature") == tip


def test_a_repeated_command_is_not_carried_out_again(runner: Runner, number: int) -> None:
    runner.say("bob", "/regreen stop", number)
    heard = next(d for d in runner.hub.webhooks.deliveries if d.event == "issue_comment" and b"regreen stop" in d.body)
    runner.say("octo", "/regreen resume", number)
    assert "answered before" in runner.run(heard).err
    (pull,) = (p for p in runner.desk.pulls() if p.number == number)
    assert pull.labels == []


def test_what_nothing_follows_from_costs_nothing(runner: Runner) -> None:
    runner.hub.push(runner.desk.one, STALE, by="bob")
    runner.hub.settle()
    begun = next(d for d in runner.hub.webhooks.deliveries if d.event == "workflow_run")
    runner.hub.forget_requests()
    assert runner.run(begun).code == 0
    assert runner.outputs["conclusion"] == "neutral"
    assert runner.hub.requests == []


def test_stop_and_resume(runner: Runner, number: int) -> None:
    assert "leave this alone" in runner.say("bob", "/regreen stop", number)
    assert "has the label" in runner.say("bob", "/regreen apply", number)
    runner.say("octo", "/regreen resume", number)
    assert "The fix was pushed" in runner.say("bob", "/regreen apply", number)


def test_what_cannot_be_fixed_or_proven_is_told_all_the_same(runner: Runner) -> None:
    runner.hub.push(runner.desk.one, {"other": "\n"}, by="bob", branch="feature", message="Begin [skip ci]\n")
    number = runner.request("feature")
    passes = {WORKFLOW: workflow("uses: actions/checkout@v4", 'run: test -z "$HOME_OF_TESTS"')}
    runner.hub.runner_environment["HOME_OF_TESTS"] = "1"
    runner.hub.push(runner.desk.one, passes, by="bob", branch="feature")
    runner.react()
    assert "It could not be reproduced" in runner.answer(number)
    fails = {WORKFLOW: workflow("uses: actions/checkout@v4", "run: echo 'assertion failed'; exit 3")}
    runner.hub.push(runner.desk.one, fails, by="bob", branch="feature")
    runner.react()
    assert "Not fixed" in runner.answer(number)


def test_a_head_that_moved_is_not_pushed_to(runner: Runner, number: int) -> None:
    tip = runner.hub.push(runner.desk.one, {"other": "x\n"}, by="bob", branch="feature", message="More [skip ci]\n")
    assert "has moved" in runner.say("bob", "/regreen apply", number)
    assert runner.desk.one.git.resolve("feature") == tip


def test_a_fork_gets_a_patch_and_no_push(runner: Runner) -> None:
    fork = runner.hub.fork(runner.desk.one, "mallory")
    tip = runner.hub.push(fork, STALE, branch="feature")
    number = runner.request("mallory:feature", by="mallory")
    runner.react()
    (remark,) = runner.hub.client(runner.token).get(f"/repos/octo/app/pulls/{number}/comments").json()
    assert remark["body"] == "```suggestion\nnew\n```"
    told = runner.answer(number)
    assert "suggested on the lines" in told
    assert "/regreen apply" not in told
    assert "cannot push to" in runner.say("octo", "/regreen apply", number)
    assert fork.git.resolve("feature") == tip
    assert [p.number for p in runner.desk.pulls()] == [number]


def test_a_repeated_delivery_does_nothing_new(runner: Runner) -> None:
    runner.hub.push(runner.desk.one, STALE, by="bob")
    runner.react()
    before = len(runner.hub.client(runner.token).get("/repos/octo/app/issues?state=all").json())
    for delivery in [d for d in runner.hub.webhooks.deliveries if is_heard(d)] * 2:
        runner.run(delivery)
    assert len(runner.desk.pulls()) == 1
    assert len(runner.hub.client(runner.token).get("/repos/octo/app/issues?state=all").json()) == before


def test_a_sweep_goes_on_where_a_limit_has_stopped_it(runner: Runner) -> None:
    runner.hub.fault(faults.primary_limit(), "POST /repos/octo/app/pulls")
    runner.hub.push(runner.desk.one, STALE, by="bob")
    (*_, done) = runner.react()
    assert done.code == 0
    assert "come back after" in done.err
    assert runner.desk.pulls() == []
    assert runner.start(REGREEN_COMMAND="sweep").code == 0
    assert len(runner.desk.pulls()) == 1


def test_actions_may_open_no_pull_requests(runner: Runner) -> None:
    runner.desk.one.actions_may_open_pulls = False
    runner.hub.push(runner.desk.one, STALE, by="bob")
    (*_, done) = runner.react()
    assert done.code == 0
    assert "Workflow permissions" in done.err
    assert runner.record["verdict"] == "FIXED"
    assert "compare/" in (runner.folder / "summary").read_text()


def test_outputs_and_summary(runner: Runner) -> None:
    runner.hub.push(runner.desk.one, STALE, by="bob")
    runner.hub.settle()
    (delivery,) = [
        d for d in runner.hub.webhooks.deliveries if d.event == "workflow_run" and d.payload["action"] == "completed"
    ]
    assert runner.run(delivery).code == 0
    (pull,) = runner.desk.pulls()
    outputs = runner.outputs
    report = json.loads(Path(outputs.pop("report")).read_text())
    assert outputs == {
        "conclusion": "success",
        "incident-id": report["incidents"][0]["id"],
        "verdict": "FIXED",
        "pull-request-url": f"{runner.hub.url}/octo/app/pull/{pull.number}",
        "branch": pull.head_ref,
        "cost-usd": "0",
        "input-tokens": "0",
        "output-tokens": "0",
        "next": "",
    }
    assert f"proposed in #{pull.number}" in (runner.folder / "summary").read_text()
    assert MARKER in pull.body


def test_outputs_tell_what_models_took(runner: Runner, helpless: LLMServer) -> None:
    runner.hub.push(runner.desk.one, UNDECIDED, by="bob")
    runner.hub.settle()
    runner.run(next(d for d in runner.hub.webhooks.deliveries if d.event == "workflow_run" and is_heard(d)))
    taken, told = [bill.tokens for bill in helpless.bills], runner.outputs
    assert len(taken) > 1
    assert told["input-tokens"] == str(sum(one.prompt for one in taken))
    assert told["output-tokens"] == str(sum(one.output for one in taken))
    assert float(told["cost-usd"]) > 0


def test_a_mistake_in_the_settings_is_named_with_its_line(runner: Runner) -> None:
    runner.hub.push(runner.desk.one, {".github/regreen.yml": "proposal:\n  mode: shout\n"}, by="bob")
    (*_, done) = runner.react()
    assert done.code == 2
    assert ".github/regreen.yml:2: proposal.mode" in done.err


def test_a_dry_run_writes_nothing(runner: Runner) -> None:
    runner.hub.push(runner.desk.one, STALE, by="bob")
    runner.hub.settle()
    runner.hub.forget_requests()
    done = runner.run(runner.hub.webhooks.deliveries[-1], REGREEN_DRY_RUN="true")
    assert "dry run" in done.err
    assert [
        asked
        for asked in runner.hub.requests
        if asked.method != "GET" and asked.counted and "graphql" not in asked.path
    ] == []
    assert runner.desk.pulls() == []
