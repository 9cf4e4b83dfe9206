"""Which language models there are for a repository, what is known of them, and what it takes to ask them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.llm import LLM, Prices
from bot.model import Attempt, Call, Diagnosis, Incident, Tally
from bot.planning.plan import AttemptPlan, plan_for
from bot.planning.purse import Purse, purse_of
from bot.planning.tiers import Tier
from bot.ports import Checkpoints
from bot.settings import LlmSettings
from strategies import llm_edit


@dataclass(frozen=True)
class Prospects:
    """The tiers of models that there are, and what became of the repository's attempts with them, by `Tally.key`."""

    tiers: Sequence[Tier]
    settings: LlmSettings
    past: Mapping[str, Tally]

    def plan(self, complaint: Diagnosis, replay_seconds: float, made: Sequence[Attempt] = ()) -> AttemptPlan:
        """The attempts that are worth making at a failure; `made` were made already."""
        return plan_for(
            complaint,
            self.tiers if llm_edit.applies(complaint, frozenset()) else (),
            replay_usd=Decimal(str(replay_seconds)) / 60 * self.settings.usd_per_replay_minute,
            past=self.past,
            made=made,
            most=self.settings.max_attempts,
            most_usd_per_fix=self.settings.max_usd_per_fix,
        )


@dataclass(frozen=True)
class Models:
    """What it takes to ask models. `label` is what has to be said of all that comes from them, if anything."""

    llm: LLM
    prices: Prices
    prospects: Prospects
    checkpoints: Checkpoints
    redact: Callable[[str], str]
    label: str = ""

    @property
    def settings(self) -> LlmSettings:
        """How often they may be asked, and what that may cost."""
        return self.prospects.settings

    def purse(self, incident: Incident, now: datetime) -> Purse:
        """What an incident is paid from."""
        return purse_of(incident, self.settings, self.checkpoints, now)

    def settled(self, incident: Incident, now: datetime) -> Incident:
        """The record with what a killed process has spent and not put down: that is what the attempt it was at cost."""
        spent = self.purse(incident, now).settle_lost()
        at = next((a for a in reversed(incident.attempts) if a.interrupted), None)
        if at is None or spent <= incident.cost_usd:
            return incident
        lost = spent - incident.cost_usd
        model = next((t.model for t in self.prospects.tiers if t.number == at.tier), "")
        call = Call(model=model, prompt="", prices=self.prices.version, stop="lost", cost_usd=lost)
        charged = at.changed(calls=(*at.calls, call), cost_usd=at.cost_usd + lost)
        attempts = tuple(charged if a is at else a for a in incident.attempts)
        return incident.changed(attempts=attempts, cost_usd=spent)
