"""What the order of paid attempts saves: `python -m benchmarks.order [--incidents N]`.

Simulates incidents whose true chances and prices are known, of repositories of 200 incidents each, which learn as
Regreen does (Beta posteriors from the attempts before). An incident is of a category, has a complexity, and a replay
price; the true chance of each tier is drawn per repository and category around config/tiers.yaml, so that the table is
right on average and wrong everywhere. Prints cost per fix and fix rate of: always small, always large, the fixed cascade
small, medium, large, ours, and an oracle that knows the true chances; the last two also with hopeless attempts left out.
"""

import argparse
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from bot.model import Attempt, Diagnosis, Location, Tally
from bot.planning.plan import plan_for
from bot.planning.tiers import table, tiers

TIERS = tiers({"small": "s", "medium": "m", "large": "l"})
OF_A_REPOSITORY = 200
SPREAD = 6.0
"""The true chances are of a Beta distribution of so many pseudo-attempts."""
REPLAY_USD = (0.006, 0.03, 0.12)
"""One, five and twenty minutes of replaying."""


@dataclass(frozen=True)
class Case:
    """One incident: what is seen of it, and what nobody knows."""

    diagnosis: Diagnosis
    replay_usd: float
    chances: dict[int, float]
    usd: dict[int, float]
    dice: dict[int, float]

    def cost(self, tier: int) -> float:
        return self.usd[tier] + self.replay_usd

    def fixes(self, tier: int) -> bool:
        return self.dice[tier] < self.chances[tier]


Order = Callable[[Case, "Known"], Iterator[int]]


class Known:
    """What a repository has learned."""

    def __init__(self) -> None:
        self.past: dict[str, Tally] = {}

    def learn(self, case: Case, tier: int, *, fixed: bool) -> None:
        key = Tally.key(case.diagnosis.category, tier)
        one = Tally(tried=1, fixed=int(fixed), cost_usd=Decimal(f"{case.usd[tier]:.6f}"))
        self.past[key] = self.past.get(key, Tally()) + one


def cases(count: int, chance: random.Random) -> Iterator[tuple[int, Case]]:
    """(number of the repository, incident)."""
    categories = [c for c in table().chance if table().chance[c][0]]
    for number in range(count):
        repository = number // OF_A_REPOSITORY
        if number % OF_A_REPOSITORY == 0:
            true = {c: [drawn(p, chance) for p in table().chance[c]] for c in categories}
            price = chance.choice(REPLAY_USD)
        category = chance.choice(categories)
        files = chance.choice((0, 1, 1, 1, 2, 5))
        diagnosis = Diagnosis(
            category=category,
            error="",
            error_line=1,
            fingerprint="f",
            confidence=chance.choice((0.95, 0.8, 0.5)),
            locations=tuple(Location(file=f"{n}.py") for n in range(files)),
        )
        score = plan_for(diagnosis, TIERS, replay_usd=Decimal(0), past={}, most=3, most_usd_per_fix=Decimal(1)).score
        left = table().left
        chances = {t.number: true[category][i] * (1 - score * (1 - left[i])) for i, t in enumerate(TIERS)}
        usd = {t.number: float(t.usd) * chance.lognormvariate(0, 0.5) for t in TIERS}
        yield repository, Case(diagnosis, price, chances, usd, {t.number: chance.random() for t in TIERS})


def drawn(mean: float, chance: random.Random) -> float:
    return chance.betavariate(SPREAD * mean, SPREAD * (1 - mean))


def ours(most: float) -> Order:
    """Regreen's order, with attempts left out at which a fix would cost more than `most` dollars on average."""

    def order(case: Case, known: Known) -> Iterator[int]:
        made: tuple[Attempt, ...] = ()
        given = {"replay_usd": Decimal(f"{case.replay_usd}"), "most": 3, "most_usd_per_fix": Decimal(f"{most}")}
        while steps := plan_for(case.diagnosis, TIERS, past=known.past, made=made, **given).steps:
            tier = steps[0].tier.number
            made += (Attempt(number=len(made) + 1, causes=("f",), strategy="", tier=tier),)
            yield tier

    return order


def oracle(most: float) -> Order:
    """The same by who knows the true chances and prices."""

    def order(case: Case, _: Known) -> Iterator[int]:
        worth = {t: case.chances[t] / case.cost(t) for t in case.chances}
        yield from (t for t in sorted(worth, key=lambda t: worth[t], reverse=True) if worth[t] * most >= 1)

    return order


def always(*numbers: int) -> Order:
    return lambda *_: iter(numbers)


ORDERS: dict[str, Order] = {
    "always small": always(1),
    "always large": always(3),
    "fixed cascade": always(1, 2, 3),
    "ours, whatever it costs": ours(1000),
    "oracle, whatever it costs": oracle(1000),
    **{
        f"{name}, ${most} for a fix": of(most)
        for most in (5, 2, 1)
        for name, of in (("ours", ours), ("oracle", oracle))
    },
}


def simulate(order: Order, incidents: list[tuple[int, Case]]) -> tuple[float, float]:
    """(fix rate, dollars for each fix)."""
    spent, fixed, known, last = 0.0, 0, Known(), -1
    for repository, case in incidents:
        if repository != last:
            known, last = Known(), repository
        for tier in order(case, known):
            spent += case.cost(tier)
            done = case.fixes(tier)
            known.learn(case, tier, fixed=done)
            if done:
                fixed += 1
                break
    return fixed / len(incidents), spent / fixed


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--incidents", type=int, default=10_000)
    count = arguments.parse_args().incidents
    incidents = list(cases(count, random.Random(1)))
    results = {name: simulate(order, incidents) for name, order in ORDERS.items()}
    cascade = results["fixed cascade"][1]
    for name, (rate, dollars) in results.items():
        print(f"{name:26} fixed {rate:5.1%}  ${dollars:.4f} for each fix  {dollars / cascade:.2f} of the fixed cascade")


if __name__ == "__main__":
    main()
