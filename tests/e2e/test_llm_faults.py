"""Whatever goes wrong with a model, `regreen fix` ends as the tables of docs/llm.md say: a reason, the next tier, the cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partialmethod
from typing import Any

import pytest

from bot.adapters.anthropic_api import AnthropicLLM
from bot.adapters.price_table import PriceTable
from tests.e2e.test_llm import MISFIT, RED, RIGHT, fix
from tests.llm import faults
from tests.llm.answers import Answer, answer
from tests.llm.faults import Fault
from tests.llm.server import LLMServer
from tests.projects import Make

TWICE = "twin.py\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n"
DIFF = "--- a/shop.py\n+++ b/shop.py\n@@ -3 +3 @@\n-    for item in items[1:]:\n+    for item in items:\n"
MODELS = ("haiku", "sonnet", "opus")


@dataclass(frozen=True)
class Case:
    """What a model does each time; the reason that its attempt ends with, of so many questions.

    `lost`: nobody knows what it has cost, so all that was set aside counts.
    """

    does: Answer | Fault
    says: str
    asked: int = 1
    lost: bool = False


ONCE_MORE = 2
RETRIED = 3
SETS = {
    "busy": (
        Case(faults.rate_limited(0.001), "rate limit", RETRIED),
        Case(faults.rate_limited(), "rate limit", RETRIED),
        Case(faults.overloaded(), "Overloaded", RETRIED),
    ),
    "no answer": (
        Case(faults.held(), "there was no answer for too long", lost=True),
        Case(faults.held(answer(RIGHT)), "there was no answer for too long", lost=True),
        Case(faults.cut(answer(RIGHT), 4), "the connection ended before the answer did", lost=True),
    ),
    "no room": (
        Case(answer("word " * 80_000), "the answer is cut: it needs more tokens than it may have", ONCE_MORE),
        Case(answer(RIGHT[:60], stop="model_context_window_exceeded"), "the question leaves the model no room"),
        Case(faults.too_long(), "prompt is too long"),
    ),
    "no edits": (
        Case(answer(stop="refusal"), "the model declines to answer"),
        Case(answer(" "), "the model's answer is empty", ONCE_MORE),
        Case(faults.too_large(), "exceeds the maximum size"),
    ),
    "another form": (
        Case(answer(DIFF), "the answer has no block", ONCE_MORE),
        Case(answer("CANNOT: the key is its owner's."), "the model cannot: the key is its owner's."),
        Case(faults.rate_limited(3600), "rate limit"),
    ),
    "edits that do not fit": (
        Case(answer(MISFIT), "edits cannot be applied", ONCE_MORE),
        Case(answer(TWICE), "edits cannot be applied", ONCE_MORE),
        Case(faults.dropped(), "the connection ended before the answer did", lost=True),
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_each_tier_ends_with_its_reason_and_the_next_is_asked(
    project: Make, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("anthropic._base_client.INITIAL_RETRY_DELAY", 0.001)
    monkeypatch.setattr(AnthropicLLM, "__init__", partialmethod(AnthropicLLM.__init__, timeout=2))
    cases = dict(zip(MODELS, SETS[name], strict=True))

    def model(body: Mapping[str, Any]) -> Answer | Fault:
        return next(case.does for word, case in cases.items() if word in body["model"])

    llm_server.script = model
    made = project({**RED, "twin.py": "x = 1\n\nx = 1\n"})
    done, found = fix(made, llm_server)
    assert (done.code, found["verdict"], found["branch"]) == (1, "NOT_FIXED", None)
    prices = PriceTable({})
    bills = [(bill.model, prices.cost(bill.model, bill.tokens)) for bill in llm_server.bills]
    for tier, (attempt, (word, case)) in enumerate(zip(found["attempts"], cases.items(), strict=True), 1):
        assert (attempt["tier"], attempt["verdict"]) == (tier, None)
        assert case.says in attempt["reason"]
        assert len([body for body in llm_server.asked if word in body["model"]]) == case.asked
        billed = sum((cost for of, cost in bills if word in of), Decimal(0))
        cost = Decimal(str(attempt["cost_usd"]))
        assert cost > billed if case.lost else cost == billed
    assert made.git("status", "--porcelain") == ""
