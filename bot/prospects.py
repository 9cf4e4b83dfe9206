"""Which language models there are for a repository, what is known of them, and what it takes to ask them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from bot.llm import LLM, Prices
from bot.model import Attempt, Call, Constraints, Diagnosis, Incident, Tally
from bot.planning.breaker import Breaker
from bot.planning.plan import AttemptPlan, plan_for
from bot.planning.purse import InFlight, Purse, purse_of
from bot.planning.tiers import Tier, wanted
from bot.ports import Checkpoints
from bot.settings import LlmSettings
from strategies import llm_edit


@dataclass(frozen=True)
class Prospects:
    """The tiers of models that there are, and what became of the repository's attempts with them, by `Tally.key`."""

    tiers: Sequence[Tier]
    settings: LlmSettings
    past: Mapping[str, Tally]

    def plan(
        self,
        complaint: Diagnosis,
        replay_seconds: float,
        constraints: Constraints,
        made: Sequence[Attempt] = (),
        resting: Collection[int] = (),
    ) -> AttemptPlan:
        """The attempts that are worth making at a failure; `made` were made already, tiers that rest are left out.

        Raises `UsageError` where the constraints name a tier that has no model.
        """
        tiers = wanted(self.tiers, constraints) if llm_edit.applies(complaint, frozenset()) else ()
        return plan_for(
            complaint,
            [tier for tier in tiers if tier.number not in resting],
            replay_usd=Decimal(str(replay_seconds)) / 60 * self.settings.usd_per_replay_minute,
            replay_seconds=replay_seconds,
            past=self.past,
            made=made,
            most=self.settings.max_attempts,
            most_usd_per_fix=self.settings.max_usd_per_fix,
            prefer=constraints.prefer or self.settings.prefer,
            first=constraints.tier,
        )


@dataclass(frozen=True)
class Forecast:
    """What would be tried at one failing leg: the strategies that cost nothing, and the attempts by models after them.

    `waiting` are the jobs that can only run once it is green.
    """

    job: str
    why: Diagnosis
    plan: AttemptPlan
    free: Sequence[str] = ()
    waiting: Sequence[str] = ()


@dataclass(frozen=True)
class Models:
    """What it takes to ask models. `label` is what has to be said of all that comes from them, if anything."""

    llm: LLM
    prices: Prices
    prospects: Prospects
    checkpoints: Checkpoints
    redact: Callable[[str], str]
    breaker: Breaker
    label: str = ""
    in_flight: InFlight = field(default_factory=InFlight)
    others: set[tuple[str, str]] = field(default_factory=set)
    """The models that were asked and the others that answered, as people were told."""

    @property
    def settings(self) -> LlmSettings:
        """How often they may be asked, and what that may cost."""
        return self.prospects.settings

    def purse(self, incident: Incident, now: datetime) -> Purse:
        """What an incident is paid from."""
        return purse_of(incident, self.settings, self.checkpoints, now, self.in_flight)

    def settled(self, incident: Incident, now: datetime) -> Incident:
        """The record with what a killed process has spent and not put down: that is what the attempts it was at cost.

        What it had paid for already, and only not put down, is the last one's: the budget does not say whose it was.
        """
        spent, lost = self.purse(incident, now).settle_lost()
        missing = spent - incident.cost_usd
        if missing <= 0:
            return incident
        models = {tier.number: tier.model for tier in self.prospects.tiers}
        last = max((a.number for a in incident.attempts if a.interrupted), default=0)
        attempts = []
        for attempt in incident.attempts:
            if attempt.interrupted:  # else it was made in an earlier round
                own = sum((r.amount for r in lost if r.attempt == attempt.number), Decimal(0))
                share = missing if attempt.number == last else min(own, missing)
                missing -= share
                attempt = self._charged(attempt, models.get(attempt.tier, ""), share)
            attempts.append(attempt)
        return incident.changed(attempts=tuple(attempts), cost_usd=spent)

    def _charged(self, attempt: Attempt, model: str, usd: Decimal) -> Attempt:
        if not usd:
            return attempt
        call = Call(model=model, prompt="", prices=self.prices.version, stop="lost", cost_usd=usd)
        return attempt.changed(calls=(*attempt.calls, call), cost_usd=attempt.cost_usd + usd)
