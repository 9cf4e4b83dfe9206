"""Budgets hold to the cent: whatever the server does, whoever is killed, however many ask at once."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from threading import Event

import pytest

from bot.adapters.anthropic_api import AnthropicLLM
from bot.adapters.git_plumbing import GitPlumbing
from bot.adapters.price_table import PriceTable
from bot.errors import OutOfBudget, OutOfMoney, RegreenError
from bot.llm import Passage, Turn, Unanswered
from bot.model import Constraints, Reservation
from bot.planning.breaker import Breaker
from bot.planning.purse import InFlight, Metered, Purse, purse_of
from bot.planning.tiers import tiers
from bot.settings import read_settings
from bot.state.checkpoints import Checkpoints
from tests.llm.answers import answer
from tests.llm.faults import Fault
from tests.llm.server import LLMServer
from tests.state.helpers import NOON, FakeClock, RealClock, incident, incident_number, opened, repository

SMALL = tiers({"small": "claude-haiku-5-5"})[0]
PRICES = PriceTable({})
SYSTEM = (Passage("You repair.", "1h"),)
TURNS = (Turn("user", ({"type": "text", "text": "What is wrong?"},)),)
MINE, DAY = f"incident/{incident_number(1)}", "day/2026-11-20"
OVERLOADED = Fault(status=529, body=b'{"type":"error","error":{"type":"overloaded_error","message":"later"}}')


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return repository(tmp_path / "repo")


def metered(
    checkpoints: Checkpoints, server: LLMServer, cap: str = "1", attempt: str = "1", number: int = 1
) -> Metered:
    caps = {f"incident/{incident_number(number)}": Decimal(1), DAY: Decimal(cap)}
    purse = Purse(checkpoints, incident_number(number), caps)
    llm = AnthropicLLM(server.environ, timeout=5, retries=0)
    return Metered(
        llm, PRICES, SMALL, purse, Decimal(attempt), lambda: None, lambda: 60, Breaker(FakeClock()), lambda *_: None
    )


def test_what_was_set_aside_becomes_what_it_has_cost(repo: Path, llm_server: LLMServer) -> None:
    llm_server.script = [answer("It is the first line.")]
    asked = metered(checkpoints := opened(repo), llm_server)
    assert asked.ask(SYSTEM, TURNS).text == "It is the first line."
    paid = llm_server.cost(PRICES)
    [call] = asked.calls
    assert (call.cost_usd, call.model, call.prices) == (paid, SMALL.model, PRICES.version)
    assert paid == asked.cost_usd == checkpoints.spent(MINE) == checkpoints.spent(DAY) > 0
    assert checkpoints.reservations(DAY) == ()


@pytest.mark.parametrize(
    ("fault", "billed"),
    [(OVERLOADED, False), (Fault(), True), (Fault(answer=answer("It is " + "x" * 400), events=4), True)],
    ids=["overloaded", "no answer", "half an answer"],
)
def test_what_came_to_nothing_costs_nothing_or_all_of_it(
    repo: Path, llm_server: LLMServer, fault: Fault, billed: bool
) -> None:
    llm_server.script = [fault]
    asked = metered(checkpoints := opened(repo), llm_server)
    with pytest.raises(Unanswered):
        asked.ask(SYSTEM, TURNS)
    assert (asked.cost_usd > 0) == billed
    assert checkpoints.spent(DAY) == asked.cost_usd >= llm_server.cost(PRICES)
    assert checkpoints.reservations(DAY) == ()


def test_nothing_is_asked_that_could_exceed_a_budget(repo: Path, llm_server: LLMServer) -> None:
    llm_server.script = lambda _: answer("It is the first line.")
    for cap, attempt in (("0.0001", "1"), ("1", "0.0001")):
        asked = metered(opened(repo), llm_server, cap=cap, attempt=attempt)
        with pytest.raises(OutOfMoney, match=r"dollars may be needed for a question to claude-haiku-5-5"):
            asked.ask(SYSTEM, TURNS)
        assert asked.calls == []
    assert llm_server.bills == []


class Refusing(Checkpoints):
    """Checkpoints that tell when they have refused a reservation."""

    refused = Event()

    def reserve(self, caps: Mapping[str, Decimal], incident_id: str, amount: Decimal, attempt: int = 0) -> Reservation:
        try:
            return super().reserve(caps, incident_id, amount, attempt)
        except OutOfMoney:
            self.refused.set()
            raise


def test_side_by_side_a_question_waits_for_what_another_leaves(repo: Path) -> None:
    checkpoints = Refusing(GitPlumbing(repo / ".git"), clock=RealClock(), redactor=str)
    purse = Purse(checkpoints, incident_number(1), {MINE: Decimal(1)})
    first = purse.reserve(Decimal("0.8"))
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(purse.reserve, Decimal("0.8"))
        assert checkpoints.refused.wait(60)
        assert not second.done()
        purse.settle(first, Decimal("0.1"))
        purse.settle(second.result(60), Decimal("0.8"))
    assert checkpoints.spent(MINE) == Decimal("0.9")
    with pytest.raises(OutOfMoney):  # nothing is under way that could leave something
        purse.reserve(Decimal("0.2"))


def test_whose_time_ends_while_money_is_waited_for_asks_nothing(repo: Path, llm_server: LLMServer) -> None:
    asked = metered(checkpoints := opened(repo), llm_server)

    def check_time() -> None:
        assert checkpoints.reservations(DAY)  # so that nobody is waited for any more
        raise OutOfBudget("the 30 minutes are over")

    asked.check_time = check_time
    with pytest.raises(OutOfBudget, match="minutes are over"):
        asked.ask(SYSTEM, TURNS)
    assert (llm_server.asked, asked.calls) == ([], [])
    assert checkpoints.spent(DAY) == Decimal(0)
    assert checkpoints.reservations(DAY) == ()


def test_an_incident_may_have_less_than_the_settings_say_and_never_more(repo: Path) -> None:
    settings = read_settings(None, "", {}).llm
    for wanted, cap in ((None, 2), ("0.5", "0.5"), ("99", 2)):
        limit = None if wanted is None else Decimal(wanted)
        one = incident().changed(constraints=Constraints(max_usd=limit))
        purse = purse_of(one, settings, opened(repo), NOON, InFlight())
        assert purse.caps[f"incident/{one.id}"] == Decimal(cap)


def test_near_its_end_a_budget_still_pays_for_a_shorter_answer(repo: Path, llm_server: LLMServer) -> None:
    llm_server.script = [answer("It is the first line.")]
    half = PRICES.most(SMALL.model, 1000, SMALL.output // 2)
    asked = metered(opened(repo), llm_server, cap=str(half))
    asked.ask(SYSTEM, TURNS)
    assert llm_server.requests[-1].body["max_tokens"] == SMALL.output // 2


def test_who_goes_on_pays_for_who_was_killed(repo: Path, llm_server: LLMServer) -> None:
    left = metered(opened(repo), llm_server).purse
    left.reserve(Decimal("0.3"))
    metered(opened(repo), llm_server, number=2).purse.reserve(Decimal("0.1"))
    after = metered(checkpoints := opened(repo), llm_server).purse
    spent, [lost] = after.settle_lost()
    assert (spent, lost.amount) == (Decimal("0.3"), Decimal("0.3"))
    assert after.settle_lost() == (Decimal("0.3"), [])
    assert checkpoints.spent(DAY) == Decimal("0.3")
    assert [r.amount for r in checkpoints.reservations(DAY)] == [Decimal("0.1")]


def test_many_who_ask_at_once_stay_within_what_they_share(repo: Path, llm_server: LLMServer) -> None:
    llm_server.script = lambda _: answer("It is the first line. " * 200)
    opened(repo).reserve({"other": Decimal(1)}, incident_number(99), Decimal(0))  # the branch is there
    cap = PRICES.most(SMALL.model, 300, SMALL.output) * 3

    def ask(number: int) -> bool:
        asked = metered(opened(repo), llm_server, cap=str(cap), number=number)
        try:
            for _ in range(2):
                asked.ask(SYSTEM, TURNS)
        except OutOfMoney:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(patient(ask), range(1, 17)))
    assert 0 < llm_server.cost(PRICES) == opened(repo).spent(DAY) <= cap


def patient(ask: Callable[[int], bool]) -> Callable[[int], bool]:
    """What is lost in the race for the branch is asked again, as commands do."""

    def again(number: int) -> bool:
        for _ in range(20):
            try:
                return ask(number)
            except OutOfMoney:
                raise
            except RegreenError:
                continue
        return False

    return again
