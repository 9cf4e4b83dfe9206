"""The order of paid attempts: by chance over price, what replaying costs included, or by what else somebody prefers.

With a verifier of cost v, and attempts that are independent, sorting by p / (c + v), the highest first, costs least for
each fix (Kadane and Simon, Optimal Strategies for a Class of Constrained Sequential Problems, Annals of Statistics 5,
1977); with seconds in the place of dollars it takes the least time. p is the mean of a Beta posterior: the table's
chance, less by complexity, and what became of earlier attempts.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from bot.model import Attempt, Category, Diagnosis, Estimate, Model, Prefer, Tally
from bot.planning.complexity import complexity, features
from bot.planning.tiers import Tier, table

MICRO = Decimal("0.000001")


class Planned(Model, kw_only=True):
    """One attempt that may be made: with which tier, its chance, and what it and its replay take about.

    `tokens` are those of its context, about; 0 where nobody has asked.
    """

    tier: Tier
    chance: float
    usd: Decimal
    seconds: float
    replay_usd: Decimal
    replay_seconds: float
    tokens: int = 0

    @property
    def worth(self) -> float:
        """Chance of a fix for a dollar."""
        dollars = float(self.usd + self.replay_usd)
        return self.chance / dollars if dollars else math.inf

    @property
    def pace(self) -> float:
        """Chance of a fix for a second."""
        return self.chance / (self.seconds + self.replay_seconds)


ORDERS: Mapping[Prefer, Callable[[Planned], float]] = {
    "cost": lambda step: step.worth,
    "reliability": lambda step: step.chance,
    "speed": lambda step: step.pace,
}


class AttemptPlan(Model, kw_only=True):
    """The attempts that are worth making at a failure, in order; `score` is its complexity, of these `features`."""

    score: float
    features: dict[str, float]
    steps: tuple[Planned, ...]

    @property
    def chance(self) -> float:
        """That one of them fixes it."""
        return 1 - self._reached(len(self.steps))

    @property
    def expected(self) -> Estimate:
        """What they come to on average: each is made only where those before it have not helped."""
        usd = sum((Decimal(self._reached(n)) * step.usd for n, step in enumerate(self.steps)), Decimal(0))
        seconds = sum(self._reached(n) * (step.seconds + step.replay_seconds) for n, step in enumerate(self.steps))
        return Estimate(usd=usd.quantize(MICRO), seconds=round(seconds, 1))

    def _reached(self, number: int) -> float:
        """The chance that so many of them do not help."""
        left = 1.0
        for step in self.steps[:number]:
            left *= 1 - step.chance
        return left


def plan_for(
    diagnosis: Diagnosis,
    tiers: Iterable[Tier],
    *,
    replay_usd: Decimal,
    replay_seconds: float,
    past: Mapping[str, Tally],
    made: Sequence[Attempt] = (),
    most: int,
    most_usd_per_fix: Decimal,
    prefer: Prefer = "cost",
    first: str | None = None,
) -> AttemptPlan:
    """Plan the attempts at one failure.

    `past` is what became of the repository's attempts, by `Tally.key`; `made` are those of this failure, of which there
    may be `most`. Each tier has one; what is left over then goes to the one with the best chance. An attempt with which
    a fix would cost more than `most_usd_per_fix` on average is not worth making. They come in the order of `prefer`,
    but the tier `first` before all others.
    """
    score = complexity(diagnosis)
    found = [_planned(diagnosis, tier, score, past, replay_usd, replay_seconds) for tier in tiers]
    worthy = (s for s in found if s.chance > 0 and s.worth * float(most_usd_per_fix) >= 1)
    steps = sorted(worthy, key=lambda s: (s.tier.name != first, -ORDERS[prefer](s)))
    done = [a.tier for a in made if a.tier]
    left = [s for s in steps if s.tier.number not in done]
    if steps:
        best = max(steps, key=lambda s: s.chance)
        left += [best] * (most - len(done) - len(left))
    return AttemptPlan(score=score, features=features(diagnosis), steps=tuple(left[: max(0, most - len(done))]))


def _planned(
    diagnosis: Diagnosis,
    tier: Tier,
    score: float,
    past: Mapping[str, Tally],
    replay_usd: Decimal,
    replay_seconds: float,
) -> Planned:
    known, index = table(), tier.number - 1
    easiest = known.chance.get(diagnosis.category, (0, 0, 0))[index]
    prior = easiest * (1 - score * (1 - known.left[index]))
    seen = past.get(Tally.key(diagnosis.category, tier.number), Tally())
    # what an attempt takes depends on the tier and the repository much more than on the category
    alike = sum((past.get(Tally.key(category, tier.number), Tally()) for category in Category), Tally())
    return Planned(
        tier=tier,
        chance=(known.strength * prior + seen.fixed) / (known.strength + seen.tried) if easiest else 0.0,
        usd=(tier.usd + alike.cost_usd) / (1 + alike.tried),
        seconds=(tier.seconds + alike.seconds) / (1 + alike.tried),
        replay_usd=replay_usd,
        replay_seconds=replay_seconds,
    )
