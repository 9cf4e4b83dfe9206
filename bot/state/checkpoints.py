"""Checkpoints: the records of all incidents, and the budgets, on the branch `regreen/state`."""

import logging
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal

from bot.errors import Conflict, Forbidden, UsageError
from bot.model import Incident, Lease, Reservation, Stage, Sums
from bot.ports import Clock, Git
from bot.state.branch import PATIENCE_SECONDS, Branch
from bot.state.budgets import Budget, budget_path, read_budget
from bot.state.joining import reconciled
from bot.state.objects import Change, Entry, Stored, View
from bot.state.records import MAX_BYTES, Redactor, Unreadable, decode, encode
from bot.state.retention import compaction, pruning, quarantine_path
from bot.state.summaries import Shard, line_of, read_shard, read_shards, record_path, shard_path

LOG = logging.getLogger(__name__)
ID = re.compile(r"[0-9a-f]{12}")
BATCH = 50
"""Records that are read at once while listing."""


class Checkpoints:
    """See `bot.ports.Checkpoints`.

    `redactor` takes the secrets out of a string and is asked about every string that is saved. With `remote` (a name or
    a URL) the truth is the remote's branch, without it the local one. `patience` is how many seconds a write may wait
    for its turn among others. Nothing is kept in memory, so one object serves many threads.
    """

    def __init__(
        self,
        git: Git,
        *,
        clock: Clock,
        redactor: Redactor,
        remote: str | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._git = git
        self._clock = clock
        self._redactor = redactor
        self._branch = Branch(git, clock=clock, reconcile=reconciled, remote=remote, patience=patience)

    def load(self, incident_id: str) -> Incident | None:
        """See `bot.ports.Checkpoints.load`."""
        path = _path(incident_id)
        stored = self._branch.view().read([path], MAX_BYTES).get(path)
        return self._believed(incident_id, stored)

    def incidents(self, *, waiting: bool = False) -> Iterator[Incident]:
        """See `bot.ports.Checkpoints.incidents`."""
        view = self._branch.view()
        lines = {i: line for _, shard in read_shards(view) for i, line in shard.incidents.items()}
        if waiting:
            lines = {i: line for i, line in lines.items() if line.stage is not Stage.CLOSED}
        ids = sorted(lines, key=lambda i: (lines[i].updated, i), reverse=True)
        for start in range(0, len(ids), BATCH):
            paths = {record_path(i): i for i in ids[start : start + BATCH]}
            for path, stored in view.read(paths, MAX_BYTES).items():
                incident = self._believed(paths[path], stored)
                if incident:
                    yield incident

    def save(self, incident: Incident) -> Incident:
        """See `bot.ports.Checkpoints.save`."""
        raw, told = encode(self._stamped(incident), self._redactor)

        def decide(view: View) -> tuple[Change, Incident]:
            held, shard = _held(view, incident.id)
            if (held.revision if held else 0) != incident.revision:
                raise _changed(incident.id)
            return _saving(raw, told, shard), told

        return self._branch.commit(decide)

    def update(self, incident_id: str, change: Callable[[Incident], Incident]) -> Incident:
        """See `bot.ports.Checkpoints.update`."""
        _path(incident_id)

        def decide(view: View) -> tuple[Change | None, Incident]:
            held, shard = _held(view, incident_id)
            if held is None:
                raise UsageError(f"there is no incident {incident_id}")
            wanted = change(held)
            if wanted == held:
                return None, held
            raw, told = encode(self._stamped(wanted), self._redactor)
            return _saving(raw, told, shard), told

        return self._branch.commit(decide)

    def claim(self, incident_id: str, owner: str, seconds: float) -> Incident:
        """See `bot.ports.Checkpoints.claim`."""

        def claimed(incident: Incident) -> Incident:
            now = self._clock.now()
            lease = incident.lease
            if lease and lease.owner != owner and lease.expires > now:
                raise Conflict(
                    f"incident {incident_id} is being worked on by {lease.owner[:80]!r}",
                    hint=f"until {lease.expires:%Y-%m-%d %H:%M:%S} UTC at the latest",
                )
            return incident.changed(lease=Lease(owner=owner, expires=now + timedelta(seconds=seconds)))

        return self.update(incident_id, claimed)

    def release(self, incident_id: str, owner: str) -> Incident:
        """See `bot.ports.Checkpoints.release`."""

        def released(incident: Incident) -> Incident:
            if incident.lease and incident.lease.owner != owner:
                raise _changed(incident_id)
            return incident.changed(lease=None)

        return self.update(incident_id, released)

    def reserve(self, caps: Mapping[str, Decimal], incident_id: str, amount: Decimal, attempt: int = 0) -> Reservation:
        """See `bot.ports.Checkpoints.reserve`."""
        _path(incident_id)
        reservation = Reservation(
            id=uuid.uuid4().hex,
            budgets=tuple(caps),
            incident=incident_id,
            amount=amount,
            since=self._clock.now(),
            attempt=attempt,
        )
        self._spend(reservation, lambda name, held: held.reserve(reservation, name, caps[name]), "Reserve")
        return reservation

    def settle(self, reservation: Reservation, actual: Decimal) -> None:
        """See `bot.ports.Checkpoints.settle`."""
        self._spend(reservation, lambda _, held: held.settle(reservation, actual), "Settle")

    def reservations(self, budget: str) -> tuple[Reservation, ...]:
        """See `bot.ports.Checkpoints.reservations`."""
        return tuple(read_budget(self._branch.view(), budget).open.values())

    def spent(self, budget: str) -> Decimal:
        """See `bot.ports.Checkpoints.spent`."""
        return read_budget(self._branch.view(), budget).spent

    def sums(self) -> Sums:
        """See `bot.ports.Checkpoints.sums`."""
        return sum((shard.sums for _, shard in read_shards(self._branch.view())), Sums())

    def prune(self, older_than: datetime) -> int:
        """See `bot.ports.Checkpoints.prune`."""
        return self._branch.commit(lambda view: pruning(view, older_than))

    def compact(self, keep_days: float) -> bool:
        """See `bot.ports.Checkpoints.compact`."""
        older_than = self._clock.now() - timedelta(days=keep_days)

        def decide(view: View) -> tuple[Change | None, bool]:
            change = compaction(self._git, view, older_than)
            return change, change is not None

        return self._branch.commit(decide)

    def _stamped(self, incident: Incident) -> Incident:
        _path(incident.id)
        return incident.changed(revision=incident.revision + 1, updated=self._clock.now())

    def _spend(self, reservation: Reservation, change: Callable[[str, Budget], Budget], verb: str) -> None:

        def decide(view: View) -> tuple[Change | None, None]:
            held = {name: read_budget(view, name) for name in reservation.budgets}
            wanted = {name: change(name, budget) for name, budget in held.items()}
            if wanted == held:
                return None, None
            message = f"{verb} from {', '.join(wanted)} for incident {reservation.incident}"
            return Change(message, {budget_path(name): budget.encoded() for name, budget in wanted.items()}), None

        self._branch.commit(decide)

    def _believed(self, incident_id: str, stored: Stored | None) -> Incident | None:
        """The record that was read; one that does not validate is put aside, with a warning, and is None."""
        if stored is None:
            return None
        try:
            return decode(stored.data, incident_id)
        except Unreadable as e:
            with suppress(Forbidden):  # who may only read leaves that to others
                if self._put_aside(incident_id, stored.entry):
                    LOG.warning("incident %s starts afresh: its checkpoint was put aside, %s", incident_id, e.message)
            return None

    def _put_aside(self, incident_id: str, entry: Entry) -> bool:
        path = record_path(incident_id)

        def decide(view: View) -> tuple[Change | None, bool]:
            if view.find([path]).get(path) != entry:
                return None, False  # somebody else was faster, or it is another record by now
            summary = shard_path(incident_id[:2])
            shard = read_shard(view, incident_id[:2], view.read([summary], MAX_BYTES).get(summary))
            aside = quarantine_path(incident_id, entry, self._clock.now())
            files = {path: None, aside: entry, summary: shard.forgetting(incident_id).encoded()}
            return Change(f"Put incident {incident_id} aside", files), True

        return self._branch.commit(decide)


def _path(incident_id: str) -> str:
    if not ID.fullmatch(incident_id):
        raise UsageError(f"{incident_id!r} is no incident", hint="an id is 12 hexadecimal digits")
    return record_path(incident_id)


def _held(view: View, incident_id: str) -> tuple[Incident | None, Shard]:
    """The record as it is now, for a writer, and its shard. Raises `Conflict` when the record does not validate."""
    path, summary = record_path(incident_id), shard_path(incident_id[:2])
    stored = view.read([path, summary], MAX_BYTES)
    shard = read_shard(view, incident_id[:2], stored.get(summary))
    try:
        return (decode(stored[path].data, incident_id) if path in stored else None), shard
    except Unreadable as e:
        raise _changed(incident_id) from e  # loading it again puts it aside


def _saving(raw: bytes, incident: Incident, shard: Shard) -> Change:
    files = {
        record_path(incident.id): raw,
        shard_path(incident.id[:2]): shard.having({incident.id: line_of(incident)}).encoded(),
    }
    return Change(f"Incident {incident.id}: {incident.stage}", files)


def _changed(incident_id: str) -> Conflict:
    return Conflict(f"incident {incident_id} was changed by another worker", hint="resume from what it left")
