"""`regreen fix` with language models, from a red project to a proven fix, against a server that speaks their protocol."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.adapters.price_table import PriceTable
from bot.adapters.system_clock import SystemClock
from bot.errors import OutOfBudget
from bot.replay.replays import Replays
from tests.llm import faults
from tests.llm.answers import Answer, answer, use
from tests.llm.faults import Fault
from tests.llm.server import LLMServer
from tests.projects import WORKFLOW, Done, Make, Project, workflow

CODE = "def total(items):\n    result = 0\n    for item in items[1:]:\n        result += item\n    return result\n"
TEST = """import unittest

from shop import total


class TestTotal(unittest.TestCase):
    def test_all_items_count(self):
        self.assertEqual(total([1, 2, 3]), 6)
"""
RED = {
    WORKFLOW: workflow("uses: actions/checkout@v4", "run: python3 -m unittest -v"),
    "shop.py": CODE,
    "test_shop.py": TEST,
}
TWO_JOBS = """on: push
jobs:
  generate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: echo new > generated.txt && git diff --exit-code
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: python3 -m unittest -v
"""
RIGHT = """CAUSE: total() leaves out the first item.

shop.py
<<<<<<< SEARCH
    for item in items[1:]:
=======
    for item in items:
>>>>>>> REPLACE
"""
WRONG = RIGHT.replace("in items:", "in items[2:]:")
MISFIT = RIGHT.replace("for item in items[1:]:", "for thing in things:")
MASKING = """test_shop.py
<<<<<<< SEARCH
        self.assertEqual(total([1, 2, 3]), 6)
=======
        self.assertTrue(True)
>>>>>>> REPLACE
"""


def fix(project: Project, server: LLMServer, *args: str, **env: str) -> tuple[Done, Any]:
    done = project.here("fix", "--json", "--network", "none", *args, env={**server.environ, **env})
    assert done.out, done.err
    return done, done.json


def paid(server: LLMServer) -> Decimal:
    return server.cost(PriceTable({}))


def prompt_of(body: Mapping[str, Any]) -> str:
    system = "".join(block["text"] for block in body["system"])
    return system + "".join(b.get("text", "") for turn in body["messages"] for b in turn["content"])


def test_the_cheapest_tier_fixes_it_and_costs_what_the_server_says(project: Make, llm_server: LLMServer) -> None:
    llm_server.script = [answer(RIGHT)]
    made = project(RED)
    done, found = fix(made, llm_server)
    assert (done.code, found["verdict"], found["grade"]) == (0, "FIXED", "A"), found
    [attempt] = found["attempts"]
    assert (attempt["strategy"], attempt["tier"], attempt["verdict"]) == ("llm_edit", 1, "FIXED")
    assert "for item in items:" in made.git("show", f"{found['branch']}:shop.py")
    [bill] = llm_server.bills
    assert bill.model == "claude-haiku-5-5"
    assert found["cost_usd"] == attempt["cost_usd"] == float(paid(llm_server)) > 0
    shown = prompt_of(llm_server.requests[-1].body)
    for part in (CODE, "test_all_items_count", "python3 -m unittest -v"):
        assert part in shown


@pytest.mark.parametrize(("args", "most"), [((), "1.0000"), (("--max-cost", "0.3"), "0.3000")])
def test_what_an_attempt_may_cost_is_said_before_it_is_made(
    project: Make, llm_server: LLMServer, args: tuple[str, ...], most: str
) -> None:
    llm_server.script = [answer(RIGHT)]
    done, found = fix(project(RED), llm_server, *args)
    said = f"asking claude-haiku-5-5 (about ${found['attempts'][0]['estimate_usd']:.4f}, at most ${most})"
    assert (done.err.count(said), done.err.count("asking claude")) == (1, 1)


def test_another_model_that_answers_is_paid_and_told_once(project: Make, llm_server: LLMServer) -> None:
    llm_server.script = [answer(MISFIT, model="claude-opus-5-5"), answer(RIGHT, model="claude-opus-5-5")]
    done, found = fix(project(RED), llm_server)
    assert (found["verdict"], len(found["attempts"])) == ("FIXED", 1)
    assert found["cost_usd"] == float(paid(llm_server)) > 0.01
    assert done.err.count("claude-haiku-5-5 was asked, and claude-opus-5-5 has answered") == 1


def test_what_does_not_help_is_told_to_the_next_tier(project: Make, llm_server: LLMServer) -> None:
    llm_server.script = [answer(WRONG), answer(RIGHT)]
    _, found = fix(project(RED), llm_server)
    assert found["verdict"] == "FIXED"
    tiers = [(a["tier"], a["verdict"]) for a in found["attempts"]]
    assert tiers == [(1, "STILL_FAILING"), (2, "FIXED")]
    assert "in items[2:]:" in prompt_of(llm_server.requests[-1].body)
    assert found["cost_usd"] == float(paid(llm_server))


def test_what_fails_in_another_way_without_coming_further_is_not_kept(project: Make, llm_server: LLMServer) -> None:
    llm_server.script = [answer(RIGHT.replace("in items:", "in itmes:")), answer(RIGHT)]
    _, found = fix(project(RED), llm_server)
    assert [(a["tier"], a["verdict"]) for a in found["attempts"]] == [(1, "STILL_FAILING"), (2, "FIXED")]
    assert "name 'itmes' is not defined" in prompt_of(llm_server.requests[-1].body)


def test_edits_that_do_not_fit_are_corrected_once(project: Make, llm_server: LLMServer) -> None:
    llm_server.script = [answer(MISFIT), answer(RIGHT)]
    _, found = fix(project(RED), llm_server)
    assert [(a["tier"], a["verdict"]) for a in found["attempts"]] == [(1, "FIXED")]
    assert "could not be applied" in prompt_of(llm_server.requests[-1].body)


def test_who_hides_the_failure_is_refused_whatever_it_says(project: Make, llm_server: LLMServer) -> None:
    llm_server.script = lambda _: answer(MASKING)
    _, found = fix(project(RED), llm_server)
    assert (found["verdict"], found["branch"]) == ("NOT_FIXED", None)
    assert [a["tier"] for a in found["attempts"]] == [1, 2, 3]
    assert all("refused" in a["reason"] or "without an edit" in a["reason"] for a in found["attempts"])


def test_the_agent_looks_edits_runs_and_finishes(project: Make, llm_server: LLMServer) -> None:
    edit = use("edit", path="shop.py", old="    for item in items[1:]:", new="    for item in items:")
    llm_server.script = [
        answer("I look first.", use("read_file", path="shop.py", first_line="1"), use("search", pattern="total")),
        answer(edit, use("run_step")),
        answer(use("finish", cause="the first item was left out")),
    ]
    made = project(RED)
    done, found = fix(made, llm_server, REGREEN_LLM_MODELS="{large: claude-opus-5-5}")
    assert found["verdict"] == "FIXED", (found, done.err)
    assert [(a["strategy"], a["tier"], a["verdict"]) for a in found["attempts"]] == [("llm_agent", 3, "FIXED")]
    results = [b for b in llm_server.requests[-1].body["messages"][-1]["content"] if b["type"] == "tool_result"]
    assert "OK" in str(results)
    assert found["cost_usd"] == float(paid(llm_server))
    told = made.here("show", found["incident"], "--trajectory").out
    assert "search total" in told
    assert "shop.py:1:def total(items):" in told
    record = made.here("show", found["incident"], "--json").json
    assert [s["tool"] for s in record["attempts"][0]["steps"]] == ["read_file", "search", "edit", "run_step", "finish"]


def test_the_agent_sees_the_files_that_it_has_made_and_deleted(project: Make, llm_server: LLMServer) -> None:
    new = "from shop import total\n\nEVERYTHING = total\n"
    search, listed = use("search", "search", pattern="EVERYTHING|leftover"), use("list_files", "list_files", prefix="")
    llm_server.script = in_turn(
        answer(use("edit", path="sub/all.py", old="", new=new), use("delete_file", path="old.py"), EDIT),
        answer(search, listed, use("diff", "diff")),
        answer(use("finish", cause="1")),
    )
    fix(project({**RED, "old.py": "leftover = 1\n"}), llm_server, REGREEN_LLM_MODELS=LARGE)
    said = {b["tool_use_id"]: b["content"] for b in llm_server.asked[2]["messages"][-1]["content"]}
    assert said["search"] == "sub/all.py:3:EVERYTHING = total\n"
    assert said["list_files"].splitlines()[1:] == ["shop.py", "sub/all.py", "test_shop.py"]
    assert all(line in said["diff"] for line in ("+++ b/sub/all.py", "+EVERYTHING = total", "-leftover = 1"))
    assert "+    for item in items:" in said["diff"]


def test_no_more_is_spent_than_may_be(project: Make, llm_server: LLMServer) -> None:
    llm_server.script = lambda _: answer(WRONG)
    _, found = fix(project(RED), llm_server, "--max-cost", "0.01")
    assert found["verdict"] == "STILL_FAILING"
    assert Decimal(str(found["cost_usd"])) == paid(llm_server) <= Decimal("0.01")
    assert "the budget does not allow it" in found["reason"] + str([a["reason"] for a in found["attempts"]])


@pytest.mark.parametrize(
    ("budget", "told"), [("ATTEMPT", "are left of the attempt's"), ("INCIDENT", "of 0.02 dollars are used")]
)
def test_what_a_tier_may_not_cost_another_may(project: Make, llm_server: LLMServer, budget: str, told: str) -> None:
    llm_server.script = lambda _: answer(RIGHT)
    most = {f"REGREEN_LLM_MAX_USD_{budget}": "0.02"}  # a question to the small tier stays below
    _, found = fix(project(RED), llm_server, "--prefer", "reliability", **most)
    assert [(a["tier"], a["verdict"]) for a in found["attempts"]] == [(3, None), (2, None), (1, "FIXED")], found
    assert all(told in a["reason"] for a in found["attempts"][:2])
    assert len(llm_server.bills) == 1


def test_what_was_paid_for_is_offered_when_no_time_is_left_to_prove_it(
    project: Make, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    replayed = Replays.run

    def run(self: Replays, commit: str, **kwargs: Any) -> Any:
        if commit != self.snapshot.commit:
            raise OutOfBudget("the 30 minutes are over")
        return replayed(self, commit, **kwargs)

    monkeypatch.setattr(Replays, "run", run)
    llm_server.script = [answer(RIGHT)]
    _, found = fix(project(RED), llm_server)
    assert (found["verdict"], found["grade"]) == ("NOT_FIXED", "C"), found
    assert "only the failing step was seen to pass" in found["reason"]
    assert found["branch"]


@pytest.mark.parametrize(("ran", "grade"), [(True, "C"), (False, None)], ids=["it passes", "nobody knows"])
def test_an_agent_for_which_no_time_is_left_has_come_to_what_it_has_seen(
    project: Make, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch, *, ran: bool, grade: str | None
) -> None:
    later = timedelta(0)
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + later)

    def script(_: Mapping[str, Any]) -> Answer:
        nonlocal later
        later = timedelta(minutes=31)
        edit = use("edit", path="shop.py", old="    for item in items[1:]:", new="    for item in items:")
        return answer(edit, use("run_step")) if ran else answer(edit)

    llm_server.script = script
    _, found = fix(project(RED), llm_server, REGREEN_LLM_MODELS="{large: claude-opus-5-5}")
    assert (found["verdict"], found["grade"], len(found["attempts"])) == ("NOT_FIXED", grade, 1), found
    assert "minutes are over" in found["reason"]
    assert ran or "minutes are over" in found["attempts"][0]["reason"]


EDIT = use("edit", path="shop.py", old="    for item in items[1:]:", new="    for item in items:")
LARGE = "{large: claude-opus-5-5}"


@pytest.mark.parametrize(
    "fault",
    [
        answer("word " * 80_000),
        answer(stop="refusal"),
        answer(),
        faults.overloaded(),
        faults.cut(answer("All is " * 40), 4),
    ],
    ids=["max_tokens", "refusal", "empty", "529", "cut"],
)
@pytest.mark.parametrize("ran", [True, False], ids=["seen to pass", "not run"])
def test_what_an_agent_has_seen_to_pass_is_not_lost_with_its_next_answer(
    project: Make, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch, fault: Answer | Fault, *, ran: bool
) -> None:
    monkeypatch.setattr("anthropic._base_client.INITIAL_RETRY_DELAY", 0.001)
    first = answer(EDIT, use("run_step")) if ran else answer(EDIT)
    llm_server.script = lambda body: first if len(body["messages"]) == 1 else fault
    _, found = fix(project(RED), llm_server, REGREEN_LLM_MODELS=LARGE, REGREEN_LLM_MAX_ATTEMPTS="1")
    assert (found["verdict"], found["grade"]) == (("FIXED", "A") if ran else ("NOT_FIXED", None)), found
    assert len(found["attempts"]) == 1


def in_turn(*answers: Answer) -> Callable[[Mapping[str, Any]], Answer]:
    """By how often a conversation was answered already; the last one again and again."""
    return lambda body: answers[min(len(body["messages"]) // 2, len(answers) - 1)]


@pytest.mark.parametrize(
    ("said", "verdict", "questions"),
    [
        (
            (answer("I look into it."), answer("Now I edit."), answer(EDIT), answer(use("finish", cause="1"))),
            "FIXED",
            4,
        ),
        ((*[answer("Wait.", stop="pause_turn")] * 3, answer(EDIT), answer(use("finish", cause="1"))), "FIXED", 5),
        ((answer("I look."), answer("I look."), answer(use("diff")), answer("I look.")), "NOT_FIXED", 6),
        ((answer(EDIT), answer("That is it.")), "FIXED", 4),
        ((answer(EDIT, use("run_step")), answer("That is it.")), "FIXED", 2),
        ((answer("CANNOT: the bank knows."),), "NOT_FIXED", 1),
    ],
    ids=["says what it will do", "pauses", "only talks", "does not finish", "has seen it pass", "cannot"],
)
def test_an_agent_that_only_talks_is_reminded_of_its_tools_twice(
    project: Make, llm_server: LLMServer, said: tuple[Answer, ...], verdict: str, questions: int
) -> None:
    llm_server.script = in_turn(*said)
    _, found = fix(project(RED), llm_server, REGREEN_LLM_MODELS=LARGE, REGREEN_LLM_MAX_ATTEMPTS="1")
    assert (found["verdict"], len(llm_server.asked)) == (verdict, questions), found
    told = found["attempts"][0]["reason"]
    assert verdict == "FIXED" or f"ends without an edit: {said[-1].blocks[0]['text']}" in told


def test_no_answer_is_waited_for_longer_than_there_is_time(
    project: Make, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = timedelta(0)
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + later)

    def script(_: Mapping[str, Any]) -> Answer | Fault:
        nonlocal later
        if not later:
            later = timedelta(minutes=29, seconds=56)  # of thirty
            return answer(MISFIT)
        return faults.cut(answer(RIGHT), 3, hold=True)

    llm_server.script = script
    _, found = fix(project(RED), llm_server)
    assert "the answer was not at its end after" in found["attempts"][0]["reason"], found
    assert "minutes are over" in found["reason"]
    assert found["cost_usd"] > float(paid(llm_server))  # the half answer counts with all that was set aside


@pytest.mark.parametrize("args", [("--no-llm",), ("--dry-run",)])
def test_nobody_is_asked_where_none_is_to_be(project: Make, llm_server: LLMServer, args: tuple[str, ...]) -> None:
    made = project(RED)
    done, found = fix(made, llm_server, *args)
    assert llm_server.requests == []
    if "--dry-run" in args:
        assert done.code == 0
        [row] = found
        assert [s["tier"] for s in row["steps"]] == ["small", "medium", "large"]
        assert all(0 < s["tokens"] < 2000 for s in row["steps"])
        assert made.git("branch", "--list", "regreen/*") == ""


@pytest.mark.parametrize(
    ("fault", "told"),
    [(faults.bad_key(), "ANTHROPIC_API_KEY"), (faults.spend_limit(), "claude-haiku-5-5")],
    ids=["wrong key", "spend limit"],
)
def test_who_cannot_pay_keeps_what_is_free(project: Make, llm_server: LLMServer, fault: Fault, told: str) -> None:
    llm_server.script = lambda _: fault
    made = project({**RED, WORKFLOW: TWO_JOBS, "generated.txt": "old\n"})
    _, found = fix(made, llm_server)
    assert [(p["job"], p["verdict"]) for p in found["parts"]] == [("generate", "FIXED"), ("test", "NOT_FIXED")]
    assert len([r for r in llm_server.requests if r.path.endswith("/messages")]) == 1
    assert told in str([a["reason"] for a in found["attempts"]])
    assert found["cost_usd"] == 0


def test_a_server_that_needs_no_key_is_asked_without_one(project: Make, llm_server: LLMServer) -> None:
    llm_server.script, llm_server.key = [answer(RIGHT)], ""
    done = project(RED).here("fix", "--json", "--network", "none", env={"ANTHROPIC_BASE_URL": llm_server.url})
    assert (done.json["verdict"], len(llm_server.bills)) == ("FIXED", 1), done.err


@pytest.mark.parametrize("address", ["https://api.anthropic.com", "localhost:11434"])
def test_who_names_a_server_is_told_why_it_is_not_asked(project: Make, address: str) -> None:
    done = project(RED).here("fix", "--network", "none", env={"ANTHROPIC_BASE_URL": address})
    assert ("ANTHROPIC_API_KEY is not set" if "//" in address else "ANTHROPIC_BASE_URL has is no address") in (
        done.out + done.err
    )


def test_no_secret_reaches_a_model(project: Make, llm_server: LLMServer) -> None:
    token = "ghp_" + "a1B2c3D4e5F6" * 3
    code = CODE.replace("result = 0\n", f"result = 0  # {token}\n")
    llm_server.script = [answer(MISFIT), answer(RIGHT.replace("for item in items:", "for item in items[:]:"))]
    made = project({**RED, "shop.py": code})
    _, found = fix(made, llm_server)
    assert found["verdict"] == "FIXED"
    assert len(llm_server.bills) == 2
    told = json.dumps([r.body for r in llm_server.requests])
    assert "result = 0  # ***" in told
    assert token not in told
    assert llm_server.key not in told


def test_nobody_is_asked_where_the_job_has_secrets(project: Make, llm_server: LLMServer) -> None:
    llm_server.script = [answer(RIGHT)]
    asks = workflow("uses: actions/checkout@v4", 'run: python3 -m unittest -v\nenv: {KEY: "${{ secrets.KEY }}"}')
    made = project({**RED, WORKFLOW: asks})
    done, found = fix(made, llm_server, "--secret", "KEY", KEY="hush-hush")
    assert (found["verdict"], llm_server.requests) == ("NOT_FIXED", [])
    assert "no language model is asked where the job is given secrets" in done.err
    dry = made.here("fix", "--dry-run", "--secret", "KEY", env={**llm_server.environ, "KEY": "hush-hush"})
    assert "no language model would be asked" in dry.out
    assert fix(made, llm_server)[1]["verdict"] == "FIXED"


TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3
STARS = "# *** the sum ***\n"
KEPT = f"KEY = {TOKEN!r}\n{STARS}{CODE}"
SHOWN = KEPT.replace(TOKEN, "***").replace("items[1:]", "items")
WHOLE = f"shop.py\n<<<<<<< FILE\n{SHOWN}>>>>>>> FILE\n"


def test_no_secret_is_overwritten_by_what_stands_for_it(project: Make, llm_server: LLMServer) -> None:
    stars = f"\n<<<<<<< SEARCH\n{STARS}=======\n    {STARS}>>>>>>> REPLACE\n"
    llm_server.script = [answer(WHOLE), answer(RIGHT + stars)]
    made = project({**RED, "shop.py": KEPT})
    _, found = fix(made, llm_server, REGREEN_LLM_MODELS="{medium: claude-sonnet-5-5}")
    assert (found["verdict"], len(llm_server.bills)) == ("FIXED", 2)
    assert "would overwrite a secret" in json.dumps(llm_server.requests[-1].body)


def test_no_agent_overwrites_a_secret_by_what_stands_for_it(project: Make, llm_server: LLMServer) -> None:
    moves = iter((use("delete_file", path="shop.py"), use("edit", path="shop.py", old="", new=SHOWN)))
    llm_server.script = lambda _: answer(next(moves, use("cannot", reason="it is gone")))
    _, found = fix(project({**RED, "shop.py": KEPT}), llm_server, REGREEN_LLM_MODELS="{large: claude-opus-5-5}")
    assert found["verdict"] == "NOT_FIXED"
    assert "would overwrite a secret" in json.dumps([r.body for r in llm_server.requests])


def test_later_attempts_read_most_of_what_they_are_shown_from_the_cache(project: Make, llm_server: LLMServer) -> None:
    llm_server.script = [answer(WRONG), answer(RIGHT)]
    _, found = fix(project(RED), llm_server, REGREEN_LLM_MODELS="{medium: claude-sonnet-5-5}")
    assert [a["tier"] for a in found["attempts"]] == [2, 2]
    second = llm_server.bills[1].tokens
    assert second.cache_read / second.prompt >= 0.6


def test_a_server_that_gives_nothing_ends_in_a_reason(project: Make, llm_server: LLMServer) -> None:
    llm_server.script = lambda _: Fault(
        status=404, body=b'{"type":"error","error":{"type":"not_found_error","message":"no such model"}}'
    )
    done, found = fix(project(RED), llm_server)
    assert (done.code, found["verdict"], found["cost_usd"]) == (1, "NOT_FIXED", 0)
    assert all(re.search("claude-", a["reason"]) for a in found["attempts"])


def test_who_is_killed_between_attempts_loses_none_of_them(project: Make, llm_server: LLMServer) -> None:
    made = project({**RED, WORKFLOW: TWO_JOBS, "generated.txt": "old\n"})
    running: list[subprocess.Popen[bytes]] = []

    def script(_: Mapping[str, Any]) -> Answer:
        if len(llm_server.asked) == 2:
            running[0].kill()
        return answer(WRONG)

    llm_server.script = script
    env = {
        **os.environ,
        **llm_server.environ,
        "REGREEN_FIX_FLAKY_RERUNS": "0",
        "REGREEN_LLM_MODELS": "{small: claude-haiku-5-5, medium: claude-sonnet-5-5}",
    }
    running.append(subprocess.Popen(["regreen", "fix"], cwd=made.root, env=env, stderr=subprocess.DEVNULL))
    assert running[0].wait() == -signal.SIGKILL
    [row] = made.here("status", "--json").json
    found = made.here("resume", row["incident"], "--json", env=env).json
    record = made.here("show", row["incident"], "--json").json
    assert [a["number"] for a in record["attempts"]] == [2, 3, 4, 5]
    assert [a["tier"] for a in record["attempts"]] == [1, 2, 0, 2], found
