"""What the order of paid attempts saves: `python -m benchmarks.order [--incidents N]`.

Simulates incidents whose true chances and prices are known, of repositories of 200 incidents each, which learn as
Regreen does (Beta posteriors from the attempts before). An incident is of a category, has a complexity, and a replay
price; the true chance of each tier is drawn per repository and category around config/tiers.yaml, so that the table is
right on average and wrong everywhere. Prints cost per fix and fix rate of: always small, always large, the fixed cascade
small, medium, large, ours, and an oracle that knows the true chances; the last two also with hopeless attempts left out.

Then how far the estimates of plans are from what became of them, with 20 incidents of a repository behind them; of
each repository prices lie around those of the table by a factor of its own.
"""

import argparse
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from statistics import median
from typing import NamedTuple

from bot.model import Attempt, Diagnosis, Location, Tally
from bot.planning.complexity import complexity
from bot.planning.plan import AttemptPlan, plan_for
from bot.planning.tiers import table, tiers

TIERS = tiers({"small": "s", "medium": "m", "large": "l"})
OF_A_REPOSITORY = 200
SPREAD = 6.0
"""The true chances are of a Beta distribution of so many pseudo-attempts."""
REPLAY_SECONDS = (60, 300, 1200)
USD_PER_MINUTE = 0.006
SPREADS = (0.5, 0.3, 0.2)
"""See `cases`; what it really is nobody has measured. The first is that of the orders."""
OF_A_PRICE = 0.5
"""The same of what attempts cost on average in a repository, around the table's price."""
BEHIND = 20
"""How many incidents a repository has behind it when its estimates are looked at."""


@dataclass(frozen=True)
class Case:
    """One incident: what is seen of it, and what nobody knows."""

    diagnosis: Diagnosis
    replay_seconds: float
    chances: dict[int, float]
    usd: dict[int, float]
    dice: dict[int, float]

    @property
    def replay_usd(self) -> float:
        return self.replay_seconds / 60 * USD_PER_MINUTE

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


def cases(count: int, chance: random.Random, spread: float) -> Iterator[tuple[int, Case]]:
    """(number of the repository, incident). `spread` is how far one attempt's price is from that of others like it: the
    standard deviation of its logarithm."""
    categories = [c for c in table().chance if table().chance[c][0]]
    for number in range(count):
        repository = number // OF_A_REPOSITORY
        if number % OF_A_REPOSITORY == 0:
            true = {c: [drawn(p, chance) for p in table().chance[c]] for c in categories}
            seconds = chance.choice(REPLAY_SECONDS)
            own = {t.number: float(t.usd) * chance.lognormvariate(0, OF_A_PRICE) for t in TIERS}
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
        score = complexity(diagnosis)
        left = table().left
        chances = {t.number: true[category][i] * (1 - score * (1 - left[i])) for i, t in enumerate(TIERS)}
        usd = {t.number: own[t.number] * chance.lognormvariate(0, spread) for t in TIERS}
        yield repository, Case(diagnosis, seconds, chances, usd, {t.number: chance.random() for t in TIERS})


def drawn(mean: float, chance: random.Random) -> float:
    return chance.betavariate(SPREAD * mean, SPREAD * (1 - mean))


def ours(most: float) -> Order:
    """Regreen's order, with attempts left out at which a fix would cost more than `most` dollars on average."""

    def order(case: Case, known: Known) -> Iterator[int]:
        made: tuple[Attempt, ...] = ()
        while steps := planned(case, known, most, made).steps:
            tier = steps[0].tier.number
            made += (Attempt(number=len(made) + 1, causes=("f",), strategy="", tier=tier),)
            yield tier

    return order


def planned(case: Case, known: Known, most: float, made: tuple[Attempt, ...] = ()) -> AttemptPlan:
    return plan_for(
        case.diagnosis,
        TIERS,
        past=known.past,
        made=made,
        replay_usd=Decimal(f"{case.replay_usd}"),
        replay_seconds=case.replay_seconds,
        most=3,
        most_usd_per_fix=Decimal(f"{most}"),
    )


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


class Estimated(NamedTuple):
    """Of one incident: what its plan was expected to cost, what the attempts that were made were, and what they did."""

    plan: float
    made: float
    cost: float


def estimates(incidents: list[tuple[int, Case]], most: float) -> Iterator[list[Estimated]]:
    """Of each repository its incidents, as ours estimates them while it learns."""
    for _, cases_of_one in groupby(incidents, key=lambda pair: pair[0]):
        known, found = Known(), []
        for _, case in cases_of_one:
            plan = planned(case, known, most)
            before = {step.tier.number: float(step.usd) for step in plan.steps}
            done = []
            for tier in ours(most)(case, known):
                done.append(tier)
                if case.fixes(tier):
                    break
            for tier in done:
                known.learn(case, tier, fixed=case.fixes(tier))
            if done:
                cost = sum(case.usd[tier] for tier in done)
                found.append(Estimated(float(plan.expected.usd), sum(before[tier] for tier in done), cost))
        yield found


def off(estimate: float, actual: float) -> float:
    return abs(estimate - actual) / actual


def print_estimates(incidents: list[tuple[int, Case]], spread: float) -> None:
    print(f"\nestimates, where prices of attempts that are alike spread by {spread}:")
    early, late = [], []
    for found in estimates(incidents, 5):
        early += found[:BEHIND]
        late.append(found[BEHIND:])
    single = [one for found in late for one in found]
    blocks = [found[at : at + BEHIND] for found in late for at in range(0, len(found) - BEHIND + 1, BEHIND)]
    rows = {
        f"plan of one incident, of the first {BEHIND}": [off(one.plan, one.cost) for one in early],
        "plan of one incident, later": [off(one.plan, one.cost) for one in single],
        f"attempts that were made, of the first {BEHIND}": [off(one.made, one.cost) for one in early],
        "attempts that were made, later": [off(one.made, one.cost) for one in single],
        f"plans of {BEHIND} incidents together, later": [
            off(sum(one.plan for one in block), sum(one.cost for one in block)) for block in blocks
        ],
    }
    for name, errors in rows.items():
        print(f"  {name:46} off by {median(errors):5.1%} in the median")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--incidents", type=int, default=10_000)
    count = arguments.parse_args().incidents
    incidents = list(cases(count, random.Random(1), SPREADS[0]))
    results = {name: simulate(order, incidents) for name, order in ORDERS.items()}
    cascade = results["fixed cascade"][1]
    for name, (rate, dollars) in results.items():
        print(f"{name:26} fixed {rate:5.1%}  ${dollars:.4f} for each fix  {dollars / cascade:.2f} of the fixed cascade")
    for spread in SPREADS:
        print_estimates(list(cases(count, random.Random(1), spread)), spread)


if __name__ == "__main__":
    main()
