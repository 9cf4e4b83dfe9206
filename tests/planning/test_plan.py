"""The order of paid attempts: by chance over price, the replay's own price included, and by what became of others."""

from collections.abc import Iterable
from decimal import Decimal

import pytest

from bot.errors import UsageError
from bot.model import Attempt, Category, Constraints, Diagnosis, Estimate, Excerpt, ExcerptLine, Location, Tally
from bot.planning.complexity import complexity, features
from bot.planning.plan import AttemptPlan, plan_for
from bot.planning.tiers import table, tiers, wanted

MODELS = {"small": "s", "medium": "m", "large": "l"}
FREE = Decimal(0)


def diagnosis(**given: object) -> Diagnosis:
    easy = Diagnosis(
        category=Category.TYPE_ERROR,
        error="it is wrong",
        error_line=1,
        fingerprint="f",
        confidence=1.0,
        locations=(Location(file="a.py", line=1),),
    )
    return easy.changed(**given)


def plan(why: Diagnosis, replay_usd: Decimal = FREE, only: Iterable[str] = MODELS, **given: object) -> AttemptPlan:
    values = {"past": {}, "replay_seconds": 0.0, "most": 3, "most_usd_per_fix": Decimal(1000), **given}
    return plan_for(why, tiers({name: MODELS[name] for name in only}), replay_usd=replay_usd, **values)  # type: ignore[arg-type]


def names(found: AttemptPlan) -> list[str]:
    return [step.tier.name for step in found.steps]


def tried(tier: int, number: int = 1) -> Attempt:
    return Attempt(number=number, causes=("f",), strategy="llm_edit", tier=tier)


def test_where_replays_cost_nothing_the_cheapest_tier_comes_first() -> None:
    assert names(plan(diagnosis())) == ["small", "medium", "large"]


def test_where_replays_are_dear_the_tier_that_fixes_most_comes_first() -> None:
    assert names(plan(diagnosis(), Decimal(10))) == ["large", "medium", "small"]


def test_what_costs_nothing_at_all_is_worth_it() -> None:
    free = [tier.changed(usd=FREE) for tier in tiers(MODELS)]
    found = plan_for(diagnosis(), free, replay_usd=FREE, replay_seconds=0, past={}, most=3, most_usd_per_fix=Decimal(1))
    assert names(found) == ["small", "medium", "large"]


def test_who_prefers_reliability_gets_the_tier_that_fixes_most_first() -> None:
    assert names(plan(diagnosis(), prefer="reliability")) == ["large", "medium", "small"]


def test_who_prefers_speed_gets_first_what_takes_least_time_for_a_fix() -> None:
    assert names(plan(diagnosis(), prefer="speed")) == ["small", "medium", "large"]
    assert names(plan(diagnosis(), prefer="speed", replay_seconds=3600.0)) == ["large", "medium", "small"]
    slow = {Tally.key(Category.LINT_ERROR, 1): Tally(tried=9, fixed=9, seconds=9000)}
    assert names(plan(diagnosis(), prefer="speed", past=slow)) == ["medium", "large", "small"]


def test_the_tier_to_begin_with_comes_first_and_no_cheaper_one_after_it() -> None:
    every = tiers(MODELS)
    found = wanted(every, Constraints(tier="medium"))
    assert [t.name for t in found] == ["medium", "large"]
    assert names(plan(diagnosis(), Decimal(10), only=[t.name for t in found], first="medium")) == [
        "medium", "large", "large",
    ]  # fmt: skip
    with pytest.raises(UsageError, match=r"llm\.models has no model of the tier large"):
        wanted(every[:2], Constraints(tier="large"))


def test_as_agents_all_tiers_work_in_several_steps_and_cost_more() -> None:
    every = tiers(MODELS)
    for before, after in zip(every, wanted(every, Constraints(agent=True)), strict=True):
        assert (after.mode, after.turns) == ("agent", every[-1].turns)
        assert after == before if before.mode == "agent" else after.usd > before.usd


def test_what_is_expected_counts_each_attempt_as_often_as_it_is_come_to() -> None:
    found = plan(diagnosis(), replay_seconds=10.0)
    small, medium, large = found.steps
    second, third = 1 - small.chance, (1 - small.chance) * (1 - medium.chance)
    usd = float(small.usd) + second * float(medium.usd) + third * float(large.usd)
    seconds = 10 * (1 + second + third) + small.seconds + second * medium.seconds + third * large.seconds
    assert float(found.expected.usd) == pytest.approx(usd, abs=1e-5)
    assert found.expected.seconds == pytest.approx(seconds, abs=0.1)
    assert found.chance == pytest.approx(1 - third * (1 - large.chance))
    nothing = plan(diagnosis(category=Category.PERMISSION_OR_SECRET))
    assert (nothing.chance, nothing.expected) == (0, Estimate())


def test_prices_and_times_are_learned_from_all_categories_and_chances_from_their_own() -> None:
    past = {Tally.key(Category.LINT_ERROR, 1): Tally(tried=9, fixed=0, cost_usd=Decimal("0.095"), seconds=85)}
    found, before = plan(diagnosis(), past=past).steps[0], plan(diagnosis()).steps[0]
    assert (found.usd, found.seconds, found.chance) == (Decimal("0.01"), 10, before.chance)


def test_what_became_of_the_repositorys_own_attempts_changes_the_order() -> None:
    past = {Tally.key(Category.TYPE_ERROR, 1): Tally(tried=500, fixed=0, cost_usd=Decimal("2.5"))}
    found = plan(diagnosis(), past=past)
    assert names(found) == ["medium", "large", "small"]
    assert found.steps[-1].chance < 0.01


def test_what_attempts_have_cost_becomes_what_they_are_expected_to_cost() -> None:
    past = {Tally.key(Category.TYPE_ERROR, 1): Tally(tried=9, fixed=5, cost_usd=Decimal("0.095"))}
    assert plan(diagnosis(), past=past).steps[0].usd == Decimal("0.01")


def test_each_tier_is_asked_once_and_what_is_left_over_goes_to_the_best() -> None:
    assert names(plan(diagnosis(), made=(tried(1),))) == ["medium", "large"]
    assert names(plan(diagnosis(), only=("medium",), made=(tried(2),))) == ["medium", "medium"]
    assert names(plan(diagnosis(), made=(tried(1), tried(2, 2), tried(3, 3)))) == []


def test_what_would_cost_too_much_for_a_fix_is_not_tried() -> None:
    assert names(plan(diagnosis(), most_usd_per_fix=Decimal("0.2"))) == ["small", "medium", "medium"]
    assert names(plan(diagnosis(), most_usd_per_fix=FREE)) == []


def test_free_attempts_do_not_count() -> None:
    assert len(plan(diagnosis(), made=(tried(0),)).steps) == 3


def test_what_no_model_can_fix_has_no_plan() -> None:
    assert names(plan(diagnosis(category=Category.PERMISSION_OR_SECRET))) == []


def test_complexity_grows_with_each_feature_and_lowers_the_chance() -> None:
    easy = diagnosis()
    files = tuple(Location(file=f"{n}.py") for n in range(9))
    harder = [
        diagnosis(locations=()),
        diagnosis(locations=files),
        diagnosis(failing_tests=("a", "b", "c")),
        diagnosis(confidence=0.4),
        diagnosis(excerpt=Excerpt(lines=(ExcerptLine(line=1, text="x" * 4000),))),
    ]
    assert complexity(easy) == 0
    for one in harder:
        assert 0 < complexity(one) <= 1
        assert plan(one).steps[0].chance < plan(easy).steps[0].chance
    assert features(easy).keys() == table().complexity.keys()
    assert sum(table().complexity.values()) == pytest.approx(1)


def test_a_tier_that_there_is_not_is_named() -> None:
    with pytest.raises(UsageError, match=r"llm\.models: there is no tier 'huge' \(there are small, medium, large\)"):
        tiers({"huge": "h"})
