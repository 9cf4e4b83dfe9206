"""`regreen fix` killed around a question to a model, and many at once: no budget is exceeded, nothing is paid for twice."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest

from bot.adapters.price_table import PriceTable
from bot.model import Attempt, Call
from tests.e2e.test_llm import RED, RIGHT, TEST, WRONG
from tests.llm.answers import Answer, answer, use
from tests.llm.faults import Fault
from tests.llm.server import LLMServer
from tests.projects import WORKFLOW, Project, workflow

KILLED = Path(__file__).with_name("killed_asking.py")
PRICES = PriceTable({})
EDIT = use("edit", path="shop.py", old="    for item in items[1:]:", new="    for item in items:")
EDITED = "for item in items:"
AGENT = {"REGREEN_LLM_MODELS": "{large: claude-opus-5-5}"}
Script = Callable[[Mapping[str, Any]], Answer | Fault]


@dataclass(frozen=True)
class Kill:
    """When: a `moment` of killed_asking.py, or `held`, while the server works on the question of that `number`.

    `billed`: what the server was asked by then has cost something.
    """

    moment: str
    number: int = 1
    billed: bool = True

    def __str__(self) -> str:
        return f"{self.moment} {self.number}{'' if self.billed else ', free'}"


HELD, PAID = Kill("held"), Kill("candidate")
MOMENTS = [
    Kill("attempt", billed=False),
    Kill("before reserve", billed=False),
    Kill("after reserve", billed=False),
    Kill("held", billed=False),
    HELD,
    Kill("before settle"),
    Kill("after settle"),
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("template") / "project", RED)


@pytest.fixture
def shop(template: Project, tmp_path: Path) -> Project:
    shutil.copytree(template.root, tmp_path / "project")
    return Project(tmp_path / "project")


def kill(project: Project, server: LLMServer, at: Kill, script: Script, **env: str) -> bool:
    """Run `regreen fix` until it is killed; whether it was, or came to its end before."""
    asked = 0

    def held(body: Mapping[str, Any]) -> Answer | Fault:
        nonlocal asked
        asked += 1
        given = script(body)
        if (at.moment, at.number) != ("held", asked):
            return given
        child.kill()
        child.wait()
        return given if at.billed else Fault()

    server.script = held
    environ = {**os.environ, "PYTHONPATH": str(Path.cwd()), **server.environ, **env}
    command = [sys.executable, str(KILLED), at.moment, str(at.number), "fix", "--json"]
    child = subprocess.Popen(command, cwd=project.root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, err = child.communicate(timeout=120)
    assert child.returncode in (-signal.SIGKILL, 0, 1), err.decode()
    server.script = script
    return child.returncode == -signal.SIGKILL


def finish(project: Project, server: LLMServer, command: str = "resume", **env: str) -> dict[str, Any]:
    [known] = project.here("status", "--json").json
    args = ["resume", known["incident"]] if command == "resume" else [command]
    done = project.here(*args, "--json", env={**server.environ, **env})
    assert done.out, done.err
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(project.root) in " ".join(p.info["cmdline"] or [])]
    found: dict[str, Any] = done.json
    return found


def hold_the_books(project: Project, server: LLMServer, found: Mapping[str, Any], cap: Decimal) -> Decimal:
    """What was lost: all books say the same, at least what the server has billed, and no more than may be spent."""
    checkpoints = project.app().checkpoints
    names = project.git("ls-tree", "-r", "--name-only", "regreen/state", "budgets/").split()
    budgets = [name.removeprefix("budgets/").removesuffix(".json") for name in names]
    assert {b.split("/")[0] for b in budgets} == {"incident", "day", "month"}
    assert [r for b in budgets for r in checkpoints.reservations(b)] == []
    [spent] = {checkpoints.spent(b) for b in budgets}
    billed = server.cost(PRICES)
    assert billed <= spent <= cap
    assert found["cost_usd"] == float(spent)
    assert sum(Decimal(str(a["cost_usd"])) for a in found["attempts"]) == spent
    return spent - billed


def looking(body: Mapping[str, Any]) -> Answer:
    """An agent that edits, runs the step and finishes, and sees from what it is told which of it was done."""
    told = str(body["messages"])
    if EDITED not in told:
        return answer("First the edit.", EDIT)
    return answer(
        use("finish", cause="one was left out") if "Ran 1 test" in told.split(EDITED)[-1] else use("run_step")
    )


def right(_: Mapping[str, Any]) -> Answer:
    return answer(RIGHT)


def escalating(body: Mapping[str, Any]) -> Answer:
    return answer(WRONG if "haiku" in body["model"] else RIGHT)


@pytest.mark.parametrize(
    ("at", "command"), [(HELD, "resume"), (PAID, "fix")], ids=["while it is held", "once it is paid"]
)
def test_what_was_lost_counts_and_what_was_paid_is_not_paid_again(
    shop: Project, llm_server: LLMServer, at: Kill, command: str
) -> None:
    assert kill(shop, llm_server, at, right)
    [known] = shop.here("status", "--json").json
    held = shop.app().checkpoints.reservations(f"incident/{known['incident']}")
    assert [r.attempt for r in held] == ([1] if at is HELD else [])
    found = finish(shop, llm_server, command)
    assert (found["verdict"], len(found["attempts"])) == ("FIXED", 1)
    lost = hold_the_books(shop, llm_server, found, Decimal(2))
    assert (lost > 0) == (at is HELD)
    assert len(llm_server.bills) == (2 if at is HELD else 1)


def test_what_was_lost_counts_in_a_later_round_too(shop: Project, llm_server: LLMServer) -> None:
    assert kill(shop, llm_server, HELD, right)
    assert shop.here("fix", "--no-llm", "--json").json["cost_usd"] == 0
    found = finish(shop, llm_server, "fix")
    assert found["verdict"] == "FIXED"
    assert Decimal(str(found["cost_usd"])) == shop.app().checkpoints.spent(f"incident/{found['incident']}")


def test_a_killed_agent_goes_on_with_what_it_has_edited(shop: Project, llm_server: LLMServer) -> None:
    at_first = answer("I look, and edit.", use("search", pattern="items"), EDIT)
    assert kill(shop, llm_server, Kill("held", 2, billed=False), lambda _: at_first, **AGENT)
    llm_server.script = [answer(use("diff"), use("run_step")), answer(use("finish", cause="one was left out"))]
    found = finish(shop, llm_server, **AGENT)
    assert found["verdict"] == "FIXED"
    told = llm_server.asked[-2]["messages"]
    assert len(told) == 1
    assert "for item in items:" in str(told)
    results = str(llm_server.asked[-1]["messages"][-1]["content"])
    assert "+    for item in items:" in results
    assert "OK" in results
    assert hold_the_books(shop, llm_server, found, Decimal(2)) > 0
    [attempt] = shop.here("show", found["incident"], "--json").json["attempts"]
    assert [s["tool"] for s in attempt["steps"]] == ["search", "edit", "diff", "run_step", "finish"]
    assert [c["stop"] for c in attempt["calls"]] == ["tool_use", "lost", "tool_use", "tool_use"]


def test_a_killed_agent_that_had_finished_is_asked_nothing_more(shop: Project, llm_server: LLMServer) -> None:
    everything = answer(EDIT, use("finish", cause="one was left out"))
    assert kill(shop, llm_server, Kill("step", 2), lambda _: everything, **AGENT)
    found = finish(shop, llm_server, **AGENT)
    assert found["verdict"] == "FIXED"
    assert "one was left out" in str(found)
    assert hold_the_books(shop, llm_server, found, Decimal(2)) == 0
    assert len(llm_server.bills) == 1


def test_a_fix_that_only_led_to_the_next_failure_is_not_paid_for_again(tmp_path: Path, llm_server: LLMServer) -> None:
    steps = "uses: actions/checkout@v4", "run: python3 -m unittest test_shop", "run: python3 -m unittest test_signs"
    signs = {
        "signs.py": "def flip(sign):\n    return sign\n",
        "test_signs.py": TEST.replace("shop import total", "signs import flip").replace(
            "total([1, 2, 3]), 6", "flip(1), -1"
        ),
    }
    project = Project(tmp_path / "project", {**RED, WORKFLOW: workflow(*steps), **signs})
    flipped = "signs.py\n<<<<<<< SEARCH\n    return sign\n=======\n    return -sign\n>>>>>>> REPLACE\n"
    asked: list[str] = []

    def one_by_one(body: Mapping[str, Any]) -> Answer:
        asked.append("signs" if "test_signs.TestTotal" in str(body["messages"]) else "shop")
        return answer(flipped if asked[-1] == "signs" else RIGHT)

    assert kill(project, llm_server, Kill("held", 2), one_by_one)
    found = finish(project, llm_server)
    assert found["verdict"] == "FIXED"
    assert asked == ["shop", "signs", "signs"]


def tampered(project: Project, change: Callable[[Attempt], tuple[Attempt, ...]]) -> None:
    """Put other attempts in the place of the only one, as somebody with the right to push can."""
    checkpoints = project.app().checkpoints
    [known] = checkpoints.incidents()
    checkpoints.update(known.id, lambda record: record.changed(attempts=change(record.attempts[0])))


def test_interrupted_attempts_of_a_record_are_made_as_the_settings_say(shop: Project, llm_server: LLMServer) -> None:
    assert kill(shop, llm_server, Kill("attempt", billed=False), right)
    tampered(shop, lambda attempt: tuple(attempt.changed(number=n, tier=n) for n in (1, 2, 3)))
    llm_server.script = lambda _: answer(WRONG)
    finish(shop, llm_server, REGREEN_LLM_MAX_ATTEMPTS="1")
    assert len(llm_server.bills) <= 1


def test_an_attempt_that_was_interrupted_after_its_last_question_ends_with_a_reason(
    shop: Project, llm_server: LLMServer
) -> None:
    assert kill(shop, llm_server, Kill("attempt", billed=False), right)
    asked = Call(model="claude-haiku-5-5", prompt="", prices="", stop="end_turn")
    tampered(shop, lambda attempt: (attempt.changed(calls=(asked, asked)),))
    found = finish(shop, llm_server)
    assert [(a["tier"], a["verdict"]) for a in found["attempts"]] == [(1, None), (2, "FIXED")]
    assert "asked as often as it may be" in found["attempts"][0]["reason"]


@pytest.mark.campaign
@pytest.mark.parametrize(("cap", "command"), [("2", "resume"), ("2", "fix"), ("0.02", "resume"), ("0.005", "resume")])
@pytest.mark.parametrize("at", [*MOMENTS, *(replace(at, number=2) for at in MOMENTS), PAID], ids=str)
def test_killed_at_every_moment(shop: Project, llm_server: LLMServer, at: Kill, cap: str, command: str) -> None:
    caps = {"REGREEN_LLM_MAX_USD_DAY": cap}
    was_killed = kill(shop, llm_server, at, escalating, **caps)
    found = finish(shop, llm_server, command, **caps)
    hold_the_books(shop, llm_server, found, Decimal(cap))
    if Decimal(cap) == 2:  # with less it may not come so far
        assert was_killed
        assert found["verdict"] == "FIXED"


@pytest.mark.campaign
@pytest.mark.parametrize("at", [replace(at, number=n) for at in (*MOMENTS, Kill("step")) for n in (1, 2, 3)], ids=str)
def test_an_agent_killed_at_every_moment(shop: Project, llm_server: LLMServer, at: Kill) -> None:
    assert kill(shop, llm_server, at, looking, **AGENT)
    found = finish(shop, llm_server, **AGENT)
    assert (found["verdict"], len(found["attempts"])) == ("FIXED", 1)
    hold_the_books(shop, llm_server, found, Decimal(2))
    assert len(llm_server.bills) <= 4  # one more than without the kill


MANY = [4, pytest.param(16, marks=pytest.mark.campaign)]


def side_by_side(project: Project, environ: Mapping[str, str], commands: Sequence[Sequence[str]]) -> list[int]:
    """Run `fix` by each command at once, each in a tree of its own, so of an incident of its own; how each has ended."""
    folders = [project.root.parent / f"worker{n}" for n in range(len(commands))]
    for number, folder in enumerate(folders):
        if not folder.exists():
            project.git("worktree", "add", "--quiet", "--detach", str(folder))
            (folder / "number").write_text(str(number))
    words = ("fix", "--json", "--network", "none")
    whole = {**os.environ, "PYTHONPATH": str(Path.cwd()), **environ}
    team = [
        subprocess.Popen([*command, *words], cwd=folder, env=whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for command, folder in zip(commands, folders, strict=True)
    ]
    ends = [(child.communicate(timeout=600), child.returncode) for child in team]
    assert {code for _, code in ends} <= {1, -signal.SIGKILL}, [err.decode() for (_, err), _ in ends]
    return [code for _, code in ends]


def hold_the_day(project: Project, server: LLMServer, cap: Decimal, workers: int) -> tuple[Decimal, Decimal]:
    """What the server has billed, and what the books say was spent, which is no more than may be."""
    checkpoints = project.app().checkpoints
    [day] = project.git("ls-tree", "-r", "--name-only", "regreen/state", "budgets/day/").split()
    name = day.removeprefix("budgets/").removesuffix(".json")
    assert checkpoints.reservations(name) == ()
    billed, spent, incidents = server.cost(PRICES), checkpoints.spent(name), list(checkpoints.incidents())
    assert 0 < billed <= spent <= cap
    assert len(incidents) == workers
    assert sum(i.cost_usd for i in incidents) == spent
    assert any("the budget does not allow it" in str(i) for i in incidents)
    return billed, spent


@pytest.mark.parametrize("workers", MANY)
def test_many_workers_stay_within_one_day(shop: Project, llm_server: LLMServer, workers: int) -> None:
    llm_server.script = lambda _: answer(WRONG)
    cap = PRICES.most("claude-haiku-5-5", 20_000, 8_000) * workers / 2
    environ = {**llm_server.environ, "REGREEN_LLM_MAX_USD_DAY": str(cap)}
    assert side_by_side(shop, environ, [["regreen"]] * workers) == [1] * workers
    billed, spent = hold_the_day(shop, llm_server, cap, workers)
    assert billed == spent


@pytest.mark.parametrize("workers", MANY)
def test_many_workers_of_which_every_second_is_killed_stay_within_one_day(
    shop: Project, llm_server: LLMServer, workers: int
) -> None:
    llm_server.script = lambda _: answer(WRONG)
    cap = PRICES.most("claude-haiku-5-5", 20_000, 8_000) * workers / 2
    environ = {**llm_server.environ, "REGREEN_LLM_MAX_USD_DAY": str(cap)}
    moments = [at.moment for at in MOMENTS if at.moment != "held"]
    killed = [[sys.executable, str(KILLED), moments[n % len(moments)], "1"] for n in range(workers)]
    ends = side_by_side(shop, environ, [["regreen"] if n % 2 else killed[n] for n in range(workers)])
    assert -signal.SIGKILL in ends
    assert side_by_side(shop, environ, [["regreen"]] * workers) == [1] * workers
    hold_the_day(shop, llm_server, cap, workers)
