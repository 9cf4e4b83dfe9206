"""Budgets: the cap holds, sums are exact, a broken record spends nothing."""

from decimal import Decimal
from pathlib import Path

import pytest

from bot.errors import OutOfBudget, UsageError
from tests.state.helpers import NOON, REF, git, history, incident_number, opened, plant

DAY = "day/2026-11-20"
ID = incident_number(1)
CAP = Decimal("0.30")


def test_money_is_set_aside_and_settled(repo: Path) -> None:
    checkpoints = opened(repo)
    assert checkpoints.spent(DAY) == 0
    reservation = checkpoints.reserve(DAY, ID, Decimal("0.2"), CAP)
    assert (reservation.incident, reservation.amount, reservation.since) == (ID, Decimal("0.2"), NOON)
    assert opened(repo).reservations(DAY) == (reservation,)
    checkpoints.settle(reservation, Decimal("0.05"))
    assert checkpoints.reservations(DAY) == ()
    assert checkpoints.spent(DAY) == Decimal("0.05")
    assert history(repo) == [f"{verb} from {DAY} for incident {ID}" for verb in ("Settle", "Reserve")]


def test_the_cap_holds_exactly(repo: Path) -> None:
    checkpoints = opened(repo)
    held = [checkpoints.reserve(DAY, ID, Decimal("0.1"), CAP) for _ in range(3)]
    with pytest.raises(OutOfBudget, match=r"day/2026-11-20: 0\.3 of 0\.30 dollars are used, 1E-30 more are needed"):
        checkpoints.reserve(DAY, ID, Decimal("1e-30"), CAP)
    checkpoints.settle(held[0], Decimal("0.1"))
    with pytest.raises(OutOfBudget):
        checkpoints.reserve(DAY, ID, Decimal("0.1"), CAP)
    checkpoints.settle(held[1], Decimal(0))
    checkpoints.reserve(DAY, ID, Decimal("0.1"), CAP)
    assert len(history(repo)) == 6


def test_budgets_do_not_mix(repo: Path) -> None:
    checkpoints = opened(repo)
    checkpoints.reserve(DAY, ID, CAP, CAP)
    checkpoints.reserve("day", ID, CAP, CAP)
    checkpoints.reserve("pull-request/Owner/na.me_x/12", ID, CAP, CAP)
    assert len(checkpoints.reservations("day")) == 1


def test_settling_twice_counts_once(repo: Path) -> None:
    checkpoints = opened(repo)
    reservation = checkpoints.reserve(DAY, ID, Decimal("0.2"), CAP)
    checkpoints.settle(reservation, Decimal("0.2"))
    checkpoints.settle(reservation, Decimal("0.2"))
    assert checkpoints.spent(DAY) == Decimal("0.2")


def test_more_than_was_set_aside_is_counted_too(repo: Path) -> None:
    checkpoints = opened(repo)
    checkpoints.settle(checkpoints.reserve(DAY, ID, Decimal("0.2"), CAP), Decimal("0.5"))
    assert checkpoints.spent(DAY) == Decimal("0.5")
    with pytest.raises(OutOfBudget):
        checkpoints.reserve(DAY, ID, Decimal(0), CAP)


@pytest.mark.parametrize("wrong", ["-0.1", "NaN"])
def test_money_is_not_made_up(repo: Path, wrong: str) -> None:
    checkpoints = opened(repo)
    checkpoints.settle(checkpoints.reserve(DAY, ID, Decimal("0.1"), CAP), Decimal("0.1"))
    reservation = checkpoints.reserve(DAY, ID, Decimal("0.2"), CAP)
    with pytest.raises(ValueError, match="nobody can have spent"):
        checkpoints.settle(reservation, Decimal(wrong))
    with pytest.raises(ValueError):
        checkpoints.reserve(DAY, ID, Decimal(wrong), CAP)
    assert checkpoints.reservations(DAY) == (reservation,)
    assert checkpoints.spent(DAY) == Decimal("0.1")


@pytest.mark.parametrize("name", ["", "/day", "day/", "../day", "day/../x", ".git/x", "a b", "day\n", "day/2026\nx"])
def test_a_name_that_is_none_is_refused(repo: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a budget"):
        opened(repo).reserve(name, ID, Decimal(0), CAP)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"spent": "-5"}', b'{"spent": "NaN"}', b'{"cap": "9"}', b'{"spent": "1E+99999"}']
)
def test_a_broken_record_spends_nothing(repo: Path, raw: bytes) -> None:
    checkpoints = opened(repo)
    reservation = checkpoints.reserve(DAY, ID, Decimal("0.2"), CAP)
    plant(repo, f"budgets/{DAY}.json", raw)
    head = git(repo, "rev-parse", REF)
    with pytest.raises(OutOfBudget, match=f"the record of the budget {DAY} does not read"):
        checkpoints.reserve(DAY, ID, Decimal(0), CAP)
    with pytest.raises(OutOfBudget):
        checkpoints.settle(reservation, Decimal(0))
    assert git(repo, "rev-parse", REF) == head
