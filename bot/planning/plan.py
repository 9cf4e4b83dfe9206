"""The order of paid attempts: by chance over price, what replaying costs included.

With a verifier of cost v, and attempts that are independent, sorting by p / (c + v), the highest first, costs least for
each fix (Kadane and Simon, Optimal Strategies for a Class of Constrained Sequential Problems, Annals of Statistics 5,
1977). p is the mean of a Beta posterior: the table's chance, less by complexity, and what became of earlier attempts.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from bot.model import Attempt, Diagnosis, Model, Tally
from bot.planning.complexity import complexity, features
from bot.planning.tiers import Tier, table


class Planned(Model, kw_only=True):
    """One attempt that may be made: with which tier, its chance, and what it and its replay cost about, in dollars.

    `tokens` are those of its context, about; 0 where nobody has asked.
    """

    tier: Tier
    chance: float
    usd: Decimal
    replay_usd: Decimal
    tokens: int = 0

    @property
    def worth(self) -> float:
        """Chance of a fix for a dollar."""
        return self.chance / float(self.usd + self.replay_usd)


class AttemptPlan(Model, kw_only=True):
    """The attempts that are worth making at a failure, in order; `score` is its complexity, of these `features`."""

    score: float
    features: dict[str, float]
    steps: tuple[Planned, ...]


def plan_for(
    diagnosis: Diagnosis,
    tiers: Iterable[Tier],
    *,
    replay_usd: Decimal,
    past: Mapping[str, Tally],
    made: Sequence[Attempt] = (),
    most: int,
    most_usd_per_fix: Decimal,
) -> AttemptPlan:
    """Plan the attempts at one failure.

    `past` is what became of the repository's attempts, by `Tally.key`; `made` are those of this failure, of which there
    may be `most`. Each tier has one; what is left over then goes to the one with the best chance. An attempt with which
    a fix would cost more than `most_usd_per_fix` on average is not worth making.
    """
    score = complexity(diagnosis)
    found = [_planned(diagnosis, tier, score, replay_usd, past) for tier in tiers]
    worthy = (s for s in found if s.chance > 0 and s.worth * float(most_usd_per_fix) >= 1)
    steps = sorted(worthy, key=lambda s: s.worth, reverse=True)
    done = [a.tier for a in made if a.tier]
    left = [s for s in steps if s.tier.number not in done]
    if steps:
        best = max(steps, key=lambda s: s.chance)
        left += [best] * (most - len(done) - len(left))
    return AttemptPlan(score=score, features=features(diagnosis), steps=tuple(left[: max(0, most - len(done))]))


def _planned(diagnosis: Diagnosis, tier: Tier, score: float, replay_usd: Decimal, past: Mapping[str, Tally]) -> Planned:
    known, index = table(), tier.number - 1
    easiest = known.chance.get(diagnosis.category, (0, 0, 0))[index]
    prior = easiest * (1 - score * (1 - known.left[index]))
    seen = past.get(Tally.key(diagnosis.category, tier.number), Tally())
    chance = (known.strength * prior + seen.fixed) / (known.strength + seen.tried) if easiest else 0.0
    usd = (tier.usd + seen.cost_usd) / (1 + seen.tried)
    return Planned(tier=tier, chance=chance, usd=usd, replay_usd=replay_usd)
