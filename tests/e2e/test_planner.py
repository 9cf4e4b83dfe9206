"""Several red jobs of one run with `regreen fix`: in which order models are asked about them, and how many at once."""

import os
import signal
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

from bot.adapters.anthropic_api import AnthropicLLM
from bot.adapters.price_table import PriceTable
from bot.adapters.system_clock import SystemClock
from bot.llm import Reply, Request
from tests.e2e.test_llm import fix, prompt_of
from tests.llm.answers import Answer, answer
from tests.llm.faults import Fault, held, overloaded
from tests.llm.server import LLMServer
from tests.projects import WORKFLOW, Make, workflow

CODE = "def {name}(items):\n    result = 0\n    for item in items[1:]:\n        result += item\n    return result\n"
TEST = (
    "import unittest\n\nimport {name}\n\n\nclass Test{name}(unittest.TestCase):\n    def test_{name}(self):\n"
    "        self.assertEqual({name}.{name}([1, 2, 3]), 6)\n"
)
RIGHT = "{name}.py\n<<<<<<< SEARCH\n    for item in items[1:]:\n=======\n    for item in items:\n>>>>>>> REPLACE\n"
QUICK = {"REGREEN_FIX_FLAKY_RERUNS": "0"}
SMALL = {**QUICK, "REGREEN_LLM_MODELS": "{small: claude-haiku-5-5}", "REGREEN_LLM_MAX_ATTEMPTS": "1"}
PATIENCE = 60
"""Seconds until a test fails in which the second of two questions never comes."""


def red(*names: str, needs: Mapping[str, str] | None = None, **more: str) -> dict[str, str]:
    """A project with a job for each name, whose test fails by a mistake in a file of its own."""
    jobs = "".join(
        f"  {name}:\n    runs-on: ubuntu-latest\n    needs: [{(needs or {}).get(name, '')}]\n    steps:\n"
        f"      - uses: actions/checkout@v4\n      - run: python3 -m unittest -v test_{name}\n"
        for name in names
    )
    files = {f"{name}.py": CODE.format(name=name) for name in names}
    tests = {f"test_{name}.py": TEST.format(name=name) for name in names}
    return {WORKFLOW: f"on: push\njobs:\n{jobs}", **files, **tests, **more}


def about(body: Mapping[str, Any], *names: str) -> str:
    """Which of some jobs a question is about: the files of the others may be shown with it, but not their failures."""
    shown = prompt_of(body)
    (found,) = (name for name in names if f"unittest -v test_{name}" in shown and f"FAIL: test_{name}" in shown)
    return found


def test_independent_parts_are_asked_about_side_by_side(project: Make, llm_server: LLMServer) -> None:
    both = Barrier(2, timeout=PATIENCE)

    def script(body: Mapping[str, Any]) -> Answer:
        both.wait()  # the first is only answered when the second has come
        return answer(RIGHT.format(name=about(body, "alpha", "beta")))

    llm_server.script = script
    _, found = fix(project(red("alpha", "beta")), llm_server, **SMALL, REGREEN_REPLAY_WORKERS="2")
    assert (found["verdict"], found["grade"]) == ("FIXED", "A"), found
    assert [a["verdict"] for a in found["attempts"]] == ["FIXED", "FIXED"]
    assert len(llm_server.bills) == 2
    assert found["cost_usd"] == float(llm_server.cost(PriceTable({}))) > 0


def test_a_fix_is_proven_before_the_time_ends_whatever_another_part_is_waiting_for(
    project: Make, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.rounds.OF_A_REPLAY", 100)  # so that the test has time
    seconds: list[float] = []
    later, asked = timedelta(0), AnthropicLLM.ask

    def noted(self: AnthropicLLM, request: Request) -> Reply:
        seconds.append(request.seconds)
        return asked(self, request)

    def script(body: Mapping[str, Any]) -> Answer:
        nonlocal later
        if about(body, "alpha", "beta") == "alpha":
            return answer(RIGHT.format(name="alpha"))
        # after the first question about it 40 seconds are left, after the second none
        later = timedelta(minutes=31) if later else timedelta(minutes=29, seconds=20)
        return answer("beta.py\n<<<<<<< SEARCH\nnothing\n=======\n>>>>>>> REPLACE\n")

    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + later)
    monkeypatch.setattr(AnthropicLLM, "ask", noted)
    llm_server.script = script
    _, found = fix(project(red("alpha", "beta")), llm_server, **SMALL, REGREEN_REPLAY_WORKERS="1")
    assert [(p["job"], p["verdict"]) for p in found["parts"]] == [("alpha", "FIXED"), ("beta", "NOT_FIXED")], found
    assert "is for the proof of what was found for others" in found["attempts"][1]["reason"]
    assert found["grade"] == "B"
    assert len(seconds) == 2
    assert all(s < 30 * 60 - 100 for s in seconds)


def test_a_fix_that_conflicts_with_another_is_planned_anew_behind_it(project: Make, llm_server: LLMServer) -> None:
    def script(body: Mapping[str, Any]) -> Answer:
        name = about(body, "alpha", "beta")
        return answer(f"shared.py\n<<<<<<< SEARCH\n{name} = 10\n=======\n{name} = 2\n>>>>>>> REPLACE\n")

    llm_server.script = script
    tests = {
        f"test_{name}.py": f"import unittest\n\nimport shared\n\n\nclass Test(unittest.TestCase):\n"
        f"    def test_{name}(self):\n        self.assertEqual(shared.{name}, 2)\n"
        for name in ("alpha", "beta")
    }
    made = project({**red("alpha", "beta"), **tests, "shared.py": "alpha = 10\nbeta = 10\n"})
    models = "{small: claude-haiku-5-5, medium: claude-sonnet-5-5}"
    _, found = fix(made, llm_server, **QUICK, REGREEN_LLM_MODELS=models)
    assert found["verdict"] == "FIXED", found
    first, again = sorted(found["attempts"][:2], key=lambda a: bool(a["reason"])), found["attempts"][2]
    told = [(a["tier"], a["verdict"]) for a in (*first, again)]
    assert told == [(1, "FIXED"), (1, None), (2, "FIXED")]
    assert "conflicts with another fix" in first[1]["reason"]


def test_what_most_jobs_wait_for_comes_first_and_what_waited_goes_on_behind_it(
    project: Make, llm_server: LLMServer
) -> None:
    asked = []

    def script(body: Mapping[str, Any]) -> Answer:
        asked.append(about(body, *names))
        return answer(RIGHT.format(name=asked[-1]))

    names = ("alpha", "beta", "gamma")
    llm_server.script = script
    made = project(red(*names, needs={"gamma": "beta"}))
    done, rows = fix(made, llm_server, "--dry-run", **SMALL)
    assert done.code == 0
    assert [(row["job"], row["waiting"]) for row in rows] == [("beta", ["gamma"]), ("alpha", [])]
    assert asked == []
    _, found = fix(made, llm_server, **SMALL, REGREEN_REPLAY_WORKERS="1")
    assert asked == ["beta", "alpha", "gamma"]
    assert found["verdict"] == "FIXED", found
    assert [a["verdict"] for a in found["attempts"]] == ["FIXED"] * 3


@pytest.mark.parametrize(
    ("step", "code", "told"),
    [
        ("run: 'true'", 0, "success: there is nothing to fix"),
        ("uses: octo/gone@v1", 3, "job: unreplayable: "),
        ("run: 'false'\ncontinue-on-error: true", 0, "success: there is nothing to fix"),
    ],
    ids=["green", "unreplayable", "red where it may be"],
)
def test_where_nothing_is_to_be_planned_that_is_said(project: Make, step: str, code: int, told: str) -> None:
    done = project({WORKFLOW: workflow(step)}).here("fix", "--dry-run", "--json", "--network", "none")
    assert (done.code, done.json) == (code, [])
    assert told in done.err


def test_a_tier_that_does_not_answer_is_not_asked_again_and_the_reason_is_told(
    project: Make, llm_server: LLMServer
) -> None:
    llm_server.script = lambda _: overloaded()
    names = ("alpha", "beta", "gamma", "delta")
    done, found = fix(project(red(*names)), llm_server, **SMALL, REGREEN_REPLAY_WORKERS="1")
    told = [attempt["reason"] for attempt in found["attempts"]]
    assert len(told) == len(names)
    assert all("says to claude-haiku-5-5: Overloaded" in reason for reason in told[:3])
    assert "claude-haiku-5-5 rests until" in told[3]
    assert [attempt["tier"] for attempt in found["attempts"]] == [1, 1, 1, 0]
    assert "claude-haiku-5-5 rests until" in done.err
    assert len(llm_server.asked) == 3 * 3  # the SDK tries each question three times
    assert found["parts"][3]["reason"] == told[3]


def test_what_was_expected_stands_beside_what_it_came_to(project: Make, llm_server: LLMServer) -> None:
    llm_server.script = [answer(RIGHT.format(name="alpha"))]
    made = project(red("alpha"))
    _, [row] = fix(made, llm_server, "--dry-run", **QUICK)
    _, found = fix(made, llm_server, **QUICK)
    assert found["models"]["expected"]["usd"] == row["expected"]["usd"] > row["steps"][0]["usd"]
    assert found["models"]["took"]["usd"] == found["cost_usd"] > 0
    assert found["attempts"][0]["estimate_usd"] == found["models"]["estimated"]["usd"] == row["steps"][0]["usd"]
    told = made.here("show", found["incident"]).out
    assert f"language models: ${found['cost_usd']:.4f} and " in told
    assert f"the plan ${row['expected']['usd']:.4f} and " in told


def test_ctrl_c_waits_for_no_answer(project: Make, llm_server: LLMServer) -> None:
    running: list[subprocess.Popen[str]] = []

    both = Barrier(2, timeout=PATIENCE)

    def script(_: Mapping[str, Any]) -> Fault:
        if both.wait() == 0:  # once, when both are under way
            running[0].send_signal(signal.SIGINT)
        return held()

    llm_server.script = script
    made = project(red("alpha", "beta"))
    env = {**os.environ, **llm_server.environ, **SMALL, "REGREEN_REPLAY_WORKERS": "2"}
    running.append(subprocess.Popen(["regreen", "fix"], cwd=made.root, env=env, stderr=subprocess.PIPE, text=True))
    _, told = running[0].communicate(timeout=PATIENCE)
    assert running[0].returncode == 130
    [row] = made.here("status", "--json").json
    assert f"go on with: regreen resume {row['incident']}" in told
    llm_server.script = lambda body: answer(RIGHT.format(name=about(body, "alpha", "beta")))
    found = made.here("resume", row["incident"], "--json", env={**env, "REGREEN_LLM_MAX_ATTEMPTS": "2"}).json
    assert found["verdict"] == "FIXED", found
    assert found["cost_usd"] > float(llm_server.cost(PriceTable({})))  # what nobody knows counts as spent


def test_a_dry_run_of_a_run_on_github_is_refused(project: Make) -> None:
    done = project({WORKFLOW: workflow("run: 'true'")}).here("fix", "--run", "1", "--repo", "octo/app", "--dry-run")
    assert (done.code, "--dry-run goes with a checkout" in done.err) == (2, True)


@pytest.mark.parametrize("text", ["soon", "0", "-1", "5d", "1e9", "10 m", "8761h", "999999999h"])
def test_what_is_no_time_is_named(project: Make, text: str) -> None:
    done = project({WORKFLOW: workflow("run: 'true'")}).here("fix", "--max-duration", text)
    assert (done.code, done.out) == (2, "")
    assert f"'{text}' is no time: 90s, 10m, 1h, or a number of minutes" in done.err


@pytest.mark.parametrize("text", ["much", "-1", "nan", "inf", "1e15"])
def test_what_is_no_amount_is_named(project: Make, text: str) -> None:
    done = project({WORKFLOW: workflow("run: 'true'")}).here("fix", "--max-cost", text)
    assert (done.code, done.out) == (2, "")
    assert f"'{text}' is no amount of dollars" in done.err


def test_what_this_call_may_take_and_prefers_stands_in_the_record(project: Make) -> None:
    made = project({WORKFLOW: workflow("run: 'true'")})
    wanted = ("--max-duration", "90s", "--max-cost", "0.5", "--prefer", "speed", "--tier", "large", "--agent")
    found = made.here("fix", "--json", *wanted).json
    record = made.here("show", found["incident"], "--json").json
    assert record["max_minutes"] == 1.5
    assert record["constraints"] == {"max_usd": "0.5", "prefer": "speed", "tier": "large", "agent": True}
