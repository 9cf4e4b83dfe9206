"""What a killed process had set aside is charged to the attempts that it was at."""

from decimal import Decimal
from pathlib import Path

from bot.adapters.anthropic_api import AnthropicLLM
from bot.adapters.price_table import PriceTable
from bot.model import Attempt, budget_of
from bot.planning.breaker import Breaker
from bot.planning.tiers import tiers
from bot.prospects import Models, Prospects
from bot.settings import read_settings
from tests.state.helpers import NOON, FakeClock, incident, opened, repository

SMALL, LARGE = "claude-haiku-5-5", "claude-opus-5-5"


def test_attempts_that_were_killed_side_by_side_are_charged_with_what_each_had_set_aside(tmp_path: Path) -> None:
    checkpoints = opened(repository(tmp_path / "repo"))
    settings = read_settings(None, "", {}).llm
    prospects = Prospects(tiers({"small": SMALL, "large": LARGE}), settings, {})
    models = Models(AnthropicLLM({}), PriceTable({}), prospects, checkpoints, str, Breaker(FakeClock()))
    large = max(tier.number for tier in prospects.tiers)
    at = [Attempt(number=n, causes=("f",), strategy="llm-edit", tier=tier) for n, tier in ((1, large), (2, 1), (3, 1))]
    ended = Attempt(number=4, causes=("f",), strategy="llm-edit", tier=1, reason="it could not")
    killed = incident().changed(attempts=(*at, ended))
    for number, usd in ((1, "0.3"), (2, "0.1"), (4, "0.02")):
        checkpoints.reserve({budget_of(killed.id): Decimal(1)}, killed.id, Decimal(usd), number)
    paid = checkpoints.reserve({budget_of(killed.id): Decimal(1)}, killed.id, Decimal("0.05"), 2)
    checkpoints.settle(paid, Decimal("0.04"))  # and it was killed before it put that down

    settled = models.settled(killed, NOON)

    charged = [(a.cost_usd, [(c.model, c.stop) for c in a.calls]) for a in settled.attempts]
    assert charged == [
        (Decimal("0.3"), [(LARGE, "lost")]),
        (Decimal("0.1"), [(SMALL, "lost")]),
        (Decimal("0.06"), [(SMALL, "lost")]),  # the last that was at work has what is nobody's
        (Decimal(0), []),
    ]
    assert settled.cost_usd == checkpoints.spent(budget_of(killed.id)) == Decimal("0.46")
    assert models.settled(settled, NOON) == settled
