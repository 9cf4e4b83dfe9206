"""A tier that does not answer is left alone for a while, and asked again after it."""

from datetime import timedelta

import pytest

from bot.adapters.anthropic_api import AnthropicLLM
from bot.llm import Request, Turn, Unanswered
from bot.planning.breaker import IN_A_ROW, REST, Breaker
from bot.planning.tiers import tiers
from tests.llm import faults
from tests.llm.answers import Answer, answer
from tests.llm.faults import Fault
from tests.llm.server import LLMServer
from tests.state.helpers import FakeClock

SMALL, MEDIUM = tiers({"small": "claude-haiku-5-5", "medium": "claude-sonnet-5-5"})
QUESTION = Request(SMALL.model, 100, (), (Turn("user", ({"type": "text", "text": "What is wrong?"},)),))
SAID = answer("The first line.")


class Asked:
    """Asks questions of the small tier, as long as it does not rest."""

    def __init__(self, server: LLMServer) -> None:
        self.clock = FakeClock()
        self.breaker = Breaker(self.clock)
        self._server, self._llm = server, AnthropicLLM(server.environ, timeout=5, retries=0)

    def ask(self, *script: Answer | Fault) -> None:
        self._server.script = script
        for _ in script:
            try:
                with self.breaker.watching(SMALL):
                    self._llm.ask(QUESTION)
            except Unanswered:
                continue

    def rests(self) -> bool:
        return SMALL.number in self.breaker.resting()


@pytest.fixture
def asked(llm_server: LLMServer) -> Asked:
    return Asked(llm_server)


@pytest.mark.parametrize("fault", [faults.overloaded(), faults.rate_limited(), faults.dropped()])
def test_who_does_not_answer_again_and_again_rests_for_a_while(asked: Asked, fault: Fault) -> None:
    asked.ask(*[fault] * (IN_A_ROW - 1))
    assert not asked.rests()
    asked.ask(fault)
    assert asked.breaker.resting().keys() == {SMALL.number}
    asked.clock.time += REST - timedelta(seconds=1)
    assert asked.rests()
    asked.clock.time += timedelta(seconds=1)
    assert not asked.rests()


def test_the_reason_is_told(asked: Asked) -> None:
    asked.ask(*[faults.overloaded()] * IN_A_ROW)
    told = asked.breaker.resting()[SMALL.number]
    assert told.startswith("rests until 12:05:00 UTC: 3 times in a row no answer; 127.0.0.1")
    assert told.endswith("Overloaded")


def test_after_a_rest_one_failure_begins_the_next_and_an_answer_ends_it(asked: Asked) -> None:
    asked.ask(*[faults.overloaded()] * IN_A_ROW)
    asked.clock.time += REST
    asked.ask(faults.overloaded())
    assert asked.rests()
    asked.clock.time += REST
    asked.ask(SAID, *[faults.overloaded()] * (IN_A_ROW - 1))
    assert not asked.rests()


def test_answers_in_between_and_what_is_wrong_with_the_question_do_not_count(asked: Asked) -> None:
    asked.ask(faults.overloaded(), faults.overloaded(), SAID, faults.overloaded(), faults.overloaded())
    asked.ask(*[faults.too_long()] * IN_A_ROW, *[faults.spend_limit()] * IN_A_ROW)
    assert not asked.rests()
