"""Money with a cap that holds however many workers spend at once: reserved before, settled after, summed exactly."""

import re
from collections.abc import Iterable
from decimal import Context, Decimal, localcontext

import msgspec

from bot.errors import OutOfMoney, UsageError
from bot.model import Model, Reservation, refuse_amount
from bot.state.objects import Stored, View

MAX_BYTES = 2**20
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
EXACT = Context(prec=100)  # no sum of prices comes near, so nothing is ever rounded


class Budget(Model, kw_only=True):
    """What was spent from a budget, and what is set aside: by reservation id."""

    spent: Decimal = Decimal(0)
    open: dict[str, Reservation] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        refuse_amount(self.spent)

    @property
    def used(self) -> Decimal:
        """Spent and set aside, in dollars."""
        return _sum([self.spent, *(r.amount for r in self.open.values())])

    def reserve(self, reservation: Reservation, name: str, cap: Decimal) -> "Budget":
        """Set money aside. Raises `OutOfMoney`, which calls it by its name, when that would go beyond `cap`."""
        if _sum([self.used, reservation.amount]) > cap:
            told = f"{name}: {self.used} of {cap} dollars are used, {reservation.amount} more are needed"
            raise OutOfMoney(f"the budget does not allow it: {told}")
        return self.changed(open={**self.open, reservation.id: reservation})

    def settle(self, reservation: Reservation, actual: Decimal) -> "Budget":
        """Put `actual` dollars in the place of a reservation. One that is not open any more changes nothing."""
        if not (actual.is_finite() and actual >= 0):
            raise ValueError(f"nobody can have spent {actual} dollars")
        if reservation.id not in self.open:
            return self
        left = {i: r for i, r in self.open.items() if i != reservation.id}
        return Budget(spent=_sum([self.spent, actual]), open=left)

    def encoded(self) -> bytes:
        """The content of the budget's file."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)


def budget_path(name: str) -> str:
    """Where a budget lies. Raises `UsageError` for a name that is none, like `../day`."""
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a budget", hint="for instance day/2026-11-20")
    return f"budgets/{name}.json"


def read_budget(view: View, name: str) -> Budget:
    """Read a budget; one that was never used is empty.

    Raises `OutOfMoney` for one that does not validate: money is not spent on the word of a broken record.
    """
    path = budget_path(name)
    stored = view.read([path], MAX_BYTES).get(path)
    if stored is None:
        return Budget()
    try:
        return parsed(stored)
    except ValueError as e:
        hint = f"look at {path} on the state branch; without that file the budget starts afresh"
        raise OutOfMoney(f"the record of the budget {name} does not read", hint=hint) from e


def parsed(stored: Stored) -> Budget:
    """Read a budget's file. Raises `ValueError` when it is none."""
    try:
        return msgspec.json.decode(stored.data or b"", type=Budget)
    except RecursionError as e:
        raise ValueError("it is too deep") from e


def merged(ours: Budget, theirs: Budget, common: Budget) -> Budget:
    """What two sides spent and set aside since their common past, both counted."""
    spent = _sum([theirs.spent, ours.spent, -common.spent])
    settled = common.open.keys() - (ours.open.keys() & theirs.open.keys())
    both = {**ours.open, **theirs.open}
    return Budget(spent=max(spent, theirs.spent), open={i: r for i, r in both.items() if i not in settled})


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    with localcontext(EXACT):
        return sum(amounts, Decimal(0))
