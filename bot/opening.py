"""How an incident begins: as a record of its own, or where the one that is known goes on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.model import Constraints, Delivery, FailedRun, Incident, ReplayOptions, Stage, incident_id
from bot.ports import Checkout
from bot.replay.selection import repository_of

UNSAID = Constraints()


def drafted(
    checkout: Checkout,
    commit: tuple[str, str],
    options: ReplayOptions,
    delivery: Delivery,
    max_minutes: float,
    now: datetime,
    given: Mapping[str, Any],
) -> Incident:
    """The record of an incident that nothing is known of; `commit` is what is replayed, and its tree."""
    repository = options.repository or repository_of(checkout)
    about: FailedRun | None = given.get("failed_run")
    same = options.changed(event_payload={"number": about.pull}) if about else options  # its title may change
    return Incident(
        id=incident_id(repository, commit[1], same),
        repository=repository,
        head=checkout.head,
        snapshot=commit[0],
        ref=checkout.branch,
        options=options,
        delivery=delivery,
        max_minutes=max_minutes,
        created=now,
        updated=now,
        **given,
    )


def begun(known: Incident | None, fresh: Incident) -> Incident:
    """The record to work on: `known` itself where that goes on as it is, else what has to be saved before."""
    if known is None:
        return fresh
    has_ended = known.closed or (known.stage is Stage.PROPOSED and known.proposal is None)  # that is for people
    said = constraints = fresh.constraints
    if known.failed_run and constraints.max_usd is None:
        constraints = constraints.changed(max_usd=known.constraints.max_usd)
    if known.failed_run and not (has_ended and fresh.asked_by):
        is_heard = fresh.asked_by and said != UNSAID and known.proposal is None
        return known.changed(constraints=constraints) if is_heard else known
    undone = tuple(e.changed(done=False) for e in known.effects)
    # Who asks anew while a round is not at its end, as after a kill, does not pay for it again.
    paid = () if has_ended else tuple(a for a in known.attempts if a.tier)
    kept = {"revision": known.revision, "round": known.round + 1, "effects": undone, "cost_usd": known.cost_usd}
    return fresh.changed(**kept, constraints=constraints, attempts=paid)
