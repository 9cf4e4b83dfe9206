"""The effects ledger: what the world is told, once, whoever dies in between."""

from collections.abc import Callable

from bot.model import Effect, Incident
from bot.ports import Checkpoints


def intend(incident: Incident, kind: str, name: str) -> Incident:
    """The record with the intent written down; one that is there already, open or done, stays as it is."""
    if find(incident, kind, name):
        return incident
    return incident.changed(effects=(*incident.effects, Effect(kind=kind, name=name)))


def done(incident: Incident, kind: str, name: str, value: str = "") -> Incident:
    """The record with the effect marked as done and what it led to. Raises `ValueError` when it was never intended."""
    if find(incident, kind, name) is None:
        raise ValueError(f"effect {kind} {name} was not intended")
    finished = Effect(kind=kind, name=name, done=True, value=value)
    effects = tuple(finished if (e.kind, e.name) == (kind, name) else e for e in incident.effects)
    return incident.changed(effects=effects)


def find(incident: Incident, kind: str, name: str) -> Effect | None:
    """The effect of that kind and name in the ledger, or None."""
    return next((e for e in incident.effects if (e.kind, e.name) == (kind, name)), None)


def once(
    checkpoints: Checkpoints,
    incident: Incident,
    kind: str,
    name: str,
    *,
    look: Callable[[], str | None],
    act: Callable[[], str],
) -> Incident:
    """Have a side effect exactly once and return the saved record.

    The caller holds the lease (`incident` descends from what `claim` gave): a second worker could not tell an intent
    that is being carried out from one whose worker died. The intent is saved; then `look` searches the world for the
    effect by its deterministic name (None: not there) and `act` makes it only if nothing was found; then it is saved as
    done with the value of either. Raises `Conflict` before anything happened when another worker has the incident by
    now, `ValueError` without a lease, and whatever `look` and `act` raise.
    """
    if incident.lease is None:
        raise ValueError(f"effect {kind} {name}: claim incident {incident.id} first")
    known = find(incident, kind, name)
    if known and known.done:
        return incident
    saved = checkpoints.save(intend(incident, kind, name))
    value = look()
    if value is None:
        value = act()
    return checkpoints.save(done(saved, kind, name, value))
