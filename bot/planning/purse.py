"""Asking models within budgets: every call is reserved before it is made, and settled with what it has cost.

What is set aside is the most that a call can cost: its bytes as tokens (or the tokens, where they were counted) at the
dearest price of input, and as much output as it may have. A call of which nobody knows what it cost, since no answer
came or the process was killed, has cost all of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from threading import Condition
from typing import Any

from bot.errors import OutOfBudget, OutOfMoney, RegreenError
from bot.llm import LLM, Passage, Prices, Reply, Request, Turn, Unanswered, is_other
from bot.model import Call, Incident, Reservation, budget_of
from bot.planning.breaker import Breaker
from bot.planning.tiers import Tier
from bot.ports import Checkpoints
from bot.settings import LlmSettings

MARGIN = Decimal("1.05")
"""What the counted tokens of a prompt may be off by: the endpoint that counts them calls it an estimate."""


class InFlight:
    """How many questions of this process have money set aside that is not settled."""

    def __init__(self) -> None:
        self.changed = Condition()
        self.count = 0


@dataclass(frozen=True)
class Purse:
    """The budgets that an incident is paid from, by name, and the most that each may reach, in dollars.

    `attempt` is the number of the attempt that pays from it, if one does.
    """

    checkpoints: Checkpoints
    incident: str
    caps: Mapping[str, Decimal]
    in_flight: InFlight = field(default_factory=InFlight)
    attempt: int = 0

    def settle_lost(self) -> tuple[Decimal, Sequence[Reservation]]:
        """Count what workers that were killed had set aside for the incident as spent: its cost in all, and those.

        Only who has the lease of the incident may ask for it: then nobody else works on it. What they had settled, but
        not put down in its record any more, is part of the cost: the budget is what is true.
        """
        lost = [r for r in self.checkpoints.reservations(budget_of(self.incident)) if r.incident == self.incident]
        for reservation in lost:
            self.checkpoints.settle(reservation, reservation.amount)
        return self.checkpoints.spent(budget_of(self.incident)), lost

    def reserve(self, amount: Decimal) -> Reservation:
        """Set dollars aside in all budgets. Raises `OutOfMoney`.

        Most questions cost much less than is set aside for them: while others of this process are asked, it waits for
        what they leave, so that side by side no less can be paid for than one after the other.
        """
        with self.in_flight.changed:
            while True:
                try:
                    reservation = self.checkpoints.reserve(self.caps, self.incident, amount, self.attempt)
                except OutOfMoney:
                    if not self.in_flight.count:
                        raise
                    self.in_flight.changed.wait()
                else:
                    self.in_flight.count += 1
                    return reservation

    def settle(self, reservation: Reservation, actual: Decimal) -> None:
        """Put what a question has cost in the place of what was set aside for it."""
        try:
            self.checkpoints.settle(reservation, actual)
        finally:
            with self.in_flight.changed:
                self.in_flight.count -= 1
                self.in_flight.changed.notify_all()


def purse_of(
    incident: Incident, settings: LlmSettings, checkpoints: Checkpoints, now: datetime, in_flight: InFlight
) -> Purse:
    """The purse of an incident: its own budget, those of the day and the month, and that of its pull request.

    Its constraints may allow less than the settings do, never more: others write records, too.
    """
    wanted = incident.constraints.max_usd
    caps = {
        budget_of(incident.id): settings.max_usd_incident if wanted is None else min(wanted, settings.max_usd_incident),
        f"day/{now:%Y-%m-%d}": settings.max_usd_day,
        f"month/{now:%Y-%m}": settings.max_usd_month,
    }
    if incident.failed_run and incident.failed_run.pull:
        caps[f"pull/{incident.failed_run.pull}"] = settings.max_usd_pull_request
    return Purse(checkpoints, incident.id, caps, in_flight)


@dataclass
class Metered:
    """A tier of models that is asked within one attempt: of which `calls` are what was paid for so far.

    `check_time` raises `OutOfBudget` when the time is over, `seconds_left` is how much of it is left for an answer.
    `tell_other` is told each time that another model answers than the one that is asked.
    """

    llm: LLM
    prices: Prices
    tier: Tier
    purse: Purse
    cap: Decimal
    check_time: Callable[[], None]
    seconds_left: Callable[[], float]
    breaker: Breaker
    tell_other: Callable[[str, str], None]
    prompt: str = ""
    calls: list[Call] = field(default_factory=list)

    @property
    def cost_usd(self) -> Decimal:
        """What the attempt has cost so far."""
        return sum((c.cost_usd for c in self.calls), Decimal(0))

    def ask(self, system: Sequence[Passage], turns: Sequence[Turn], tools: Sequence[Mapping[str, Any]] = ()) -> Reply:
        """Ask the model. Raises `OutOfMoney` before anything is spent, `Unanswered` and `UsageError` as `LLM.ask`."""
        tier = self.tier
        request = Request(tier.model, tier.output, tuple(system), tuple(turns), tier.effort, tuple(tools))
        request, reservation = self._reserved(request)
        with self._settled(reservation) as call:
            self.check_time()  # here, for others may have been waited for
            with self.breaker.watching(tier):
                reply = self.llm.ask(request.changed(seconds=self.seconds_left()))
            cost = self._cost(reply)
            call.append(
                Call(
                    model=reply.model or tier.model,
                    prompt=self.prompt,
                    tokens=reply.tokens,
                    cost_usd=cost,
                    prices=self.prices.version,
                    seconds=reply.seconds,
                    stop=reply.stop,
                    request_id=reply.request_id,
                )
            )
        return reply

    def _cost(self, reply: Reply) -> Decimal:
        """What an answer has cost; that another model gave it than was asked is told."""
        asked, answered = self.tier.model, reply.model
        if not is_other(asked, answered):
            return self.prices.cost(asked, reply.tokens)
        self.tell_other(asked, answered)
        return self.prices.billed(asked, answered, reply.tokens)

    def _reserved(self, request: Request) -> tuple[Request, Reservation]:
        """The request with no more output than there is money for, and what is set aside for it."""
        room = self.cap - self.cost_usd
        whole = self._most(request.size, request.max_output)
        if whole <= room:
            with suppress(OutOfMoney):
                return request, self.purse.reserve(whole)
        counted = self.llm.count(request)
        prompt = int(counted * MARGIN) if counted is not None else request.size
        why = f"{room} are left of the attempt's"
        for output in (request.max_output, request.max_output // 2, request.max_output // 4):
            amount = self._most(prompt, output)
            try:
                if amount <= room:
                    return request.changed(max_output=output), self.purse.reserve(amount)
            except OutOfMoney as e:
                why = str(e)
        told = f"{amount} dollars may be needed for a question to {request.model}: {why}"
        raise OutOfMoney(f"the budget does not allow it: {told}")

    def _most(self, prompt: int, output: int) -> Decimal:
        return self.prices.most(self.tier.model, prompt, output)

    @contextmanager
    def _settled(self, reservation: Reservation) -> Iterator[list[Call]]:
        """Settle whatever comes of it; a process that is killed leaves it to `Purse.settle_lost`."""
        made: list[Call] = []
        lost = Call(model=self.tier.model, prompt=self.prompt, prices=self.prices.version, stop="lost")
        try:
            yield made
        except Unanswered as e:
            cost = reservation.amount if e.billed else Decimal(0)
            made.append(lost.changed(stop=e.kind, cost_usd=cost))
            raise
        except OutOfBudget:  # it was not asked
            raise
        except RegreenError:
            made.append(lost.changed(stop="rejected"))
            raise
        except BaseException:  # nobody knows
            made.append(lost.changed(cost_usd=reservation.amount))
            raise
        finally:
            self.calls += made
            self.purse.settle(reservation, sum((c.cost_usd for c in made), Decimal(0)))
