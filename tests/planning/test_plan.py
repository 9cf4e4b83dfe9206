"""The order of paid attempts: by chance over price, the replay's own price included, and by what became of others."""

from collections.abc import Iterable
from decimal import Decimal

import pytest

from bot.errors import UsageError
from bot.model import Attempt, Category, Diagnosis, Excerpt, ExcerptLine, Location, Tally
from bot.planning.complexity import complexity, features
from bot.planning.plan import AttemptPlan, plan_for
from bot.planning.tiers import table, tiers

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
    values = {"past": {}, "most": 3, "most_usd_per_fix": Decimal(1000), **given}
    return plan_for(why, tiers({name: MODELS[name] for name in only}), replay_usd=replay_usd, **values)  # type: ignore[arg-type]


def names(found: AttemptPlan) -> list[str]:
    return [step.tier.name for step in found.steps]


def tried(tier: int, number: int = 1) -> Attempt:
    return Attempt(number=number, causes=("f",), strategy="llm_edit", tier=tier)


def test_where_replays_cost_nothing_the_cheapest_tier_comes_first() -> None:
    assert names(plan(diagnosis())) == ["small", "medium", "large"]


def test_where_replays_are_dear_the_tier_that_fixes_most_comes_first() -> None:
    assert names(plan(diagnosis(), Decimal(10))) == ["large", "medium", "small"]


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
