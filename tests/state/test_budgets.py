"""Budgets: the cap holds, sums are exact, a broken record spends nothing."""

from decimal import Decimal
from pathlib import Path

import pytest

from bot.errors import OutOfBudget, UsageError
from tests.state.helpers import NOON, REF, FakeClock, git, history, incident_number, opened, plant

DAY = "day/2026-11-20"
ID = incident_number(1)
CAP = Decimal("0.30")


def test_money_is_set_aside_and_settled(repo: Path) -> None:
    checkpoints = opened(repo)
    assert checkpoints.spent(DAY) == 0
    reservation = checkpoints.reserve({DAY: CAP}, ID, Decimal("0.2"))
    assert (reservation.incident, reservation.amount, reservation.since) == (ID, Decimal("0.2"), NOON)
    assert opened(repo).reservations(DAY) == (reservation,)
    checkpoints.settle(reservation, Decimal("0.05"))
    assert checkpoints.reservations(DAY) == ()
    assert checkpoints.spent(DAY) == Decimal("0.05")
    assert history(repo) == [f"{verb} from {DAY} for incident {ID}" for verb in ("Settle", "Reserve")]


def test_the_cap_holds_exactly(repo: Path) -> None:
    checkpoints = opened(repo)
    held = [checkpoints.reserve({DAY: CAP}, ID, Decimal("0.1")) for _ in range(3)]
    with pytest.raises(OutOfBudget, match=r"day/2026-11-20: 0\.3 of 0\.30 dollars are used, 1E-30 more are needed"):
        checkpoints.reserve({DAY: CAP}, ID, Decimal("1e-30"))
    checkpoints.settle(held[0], Decimal("0.1"))
    with pytest.raises(OutOfBudget):
        checkpoints.reserve({DAY: CAP}, ID, Decimal("0.1"))
    checkpoints.settle(held[1], Decimal(0))
    checkpoints.reserve({DAY: CAP}, ID, Decimal("0.1"))
    assert len(history(repo)) == 6


def test_budgets_do_not_mix(repo: Path) -> None:
    checkpoints = opened(repo)
    checkpoints.reserve({DAY: CAP}, ID, CAP)
    checkpoints.reserve({"day": CAP}, ID, CAP)
    checkpoints.reserve({"pull-request/Owner/na.me_x/12": CAP}, ID, CAP)
    assert len(checkpoints.reservations("day")) == 1


def test_several_budgets_allow_it_together_or_not_at_all(repo: Path) -> None:
    checkpoints = opened(repo)
    caps = {DAY: CAP, "month/2026-11": Decimal("0.25")}
    reservation = checkpoints.reserve(caps, ID, Decimal("0.2"))
    with pytest.raises(OutOfBudget, match=r"month/2026-11: 0\.2 of 0\.25"):
        checkpoints.reserve(caps, ID, Decimal("0.1"))
    assert checkpoints.reservations(DAY) == (reservation,)
    checkpoints.settle(reservation, Decimal("0.1"))
    assert [checkpoints.spent(name) for name in caps] == [Decimal("0.1")] * 2
    assert len(history(repo)) == 2


def test_budgets_of_days_and_months_go_with_time(repo: Path, clock: FakeClock) -> None:
    checkpoints = opened(repo, clock=clock)
    names = ["day/2026-11-19", "day/2026-11-20", "month/2026-10", "month/2026-11", "pull/7"]
    for name in names:
        checkpoints.settle(checkpoints.reserve({name: Decimal(1)}, ID, Decimal(1)), Decimal(1))
    checkpoints.prune(clock.time)
    kept = {name for name in names if checkpoints.spent(name)}
    assert kept == {"day/2026-11-20", "month/2026-11", "pull/7"}


def test_settling_twice_counts_once(repo: Path) -> None:
    checkpoints = opened(repo)
    reservation = checkpoints.reserve({DAY: CAP}, ID, Decimal("0.2"))
    checkpoints.settle(reservation, Decimal("0.2"))
    checkpoints.settle(reservation, Decimal("0.2"))
    assert checkpoints.spent(DAY) == Decimal("0.2")


def test_more_than_was_set_aside_is_counted_too(repo: Path) -> None:
    checkpoints = opened(repo)
    checkpoints.settle(checkpoints.reserve({DAY: CAP}, ID, Decimal("0.2")), Decimal("0.5"))
    assert checkpoints.spent(DAY) == Decimal("0.5")
    with pytest.raises(OutOfBudget):
        checkpoints.reserve({DAY: CAP}, ID, Decimal(0))


@pytest.mark.parametrize("wrong", ["-0.1", "NaN"])
def test_money_is_not_made_up(repo: Path, wrong: str) -> None:
    checkpoints = opened(repo)
    checkpoints.settle(checkpoints.reserve({DAY: CAP}, ID, Decimal("0.1")), Decimal("0.1"))
    reservation = checkpoints.reserve({DAY: CAP}, ID, Decimal("0.2"))
    with pytest.raises(ValueError, match="nobody can have spent"):
        checkpoints.settle(reservation, Decimal(wrong))
    with pytest.raises(ValueError):
        checkpoints.reserve({DAY: CAP}, ID, Decimal(wrong))
    assert checkpoints.reservations(DAY) == (reservation,)
    assert checkpoints.spent(DAY) == Decimal("0.1")


@pytest.mark.parametrize("name", ["", "/day", "day/", "../day", "day/../x", ".git/x", "a b", "day\n", "day/2026\nx"])
def test_a_name_that_is_none_is_refused(repo: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a budget"):
        opened(repo).reserve({name: CAP}, ID, Decimal(0))


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"spent": "-5"}', b'{"spent": "NaN"}', b'{"cap": "9"}', b'{"spent": "1E+99999"}']
)
def test_a_broken_record_spends_nothing(repo: Path, raw: bytes) -> None:
    checkpoints = opened(repo)
    reservation = checkpoints.reserve({DAY: CAP}, ID, Decimal("0.2"))
    plant(repo, f"budgets/{DAY}.json", raw)
    head = git(repo, "rev-parse", REF)
    with pytest.raises(OutOfBudget, match=f"the record of the budget {DAY} does not read"):
        checkpoints.reserve({DAY: CAP}, ID, Decimal(0))
    with pytest.raises(OutOfBudget):
        checkpoints.settle(reservation, Decimal(0))
    assert git(repo, "rev-parse", REF) == head
