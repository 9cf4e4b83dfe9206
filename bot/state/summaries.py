"""Per-shard summaries: order and sums of all incidents from 256 small files, without reading the records."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated

import msgspec

from bot.model import Incident, Model, Stage, Sums, Tally, UtcTime, Verdict, refuse_amount
from bot.state.objects import Stored, View
from bot.state.records import MAX_BYTES, Unreadable, decode

SHARDS = tuple(f"{n:02x}" for n in range(256))
RECORD = re.compile(r"incidents/[0-9a-f]{2}/([0-9a-f]{12})\.json")
# Paths are made of these, so a poisoned summary must not bring its own.
IncidentId = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{12}\Z")]


class Line(Model, kw_only=True, omit_defaults=True):
    """What a summary says of one incident."""

    updated: UtcTime
    stage: Stage
    verdict: Verdict | None = None
    cost_usd: Decimal
    seconds: Annotated[float, msgspec.Meta(ge=0)]
    tallies: dict[str, Tally] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        refuse_amount(self.cost_usd)

    @property
    def sums(self) -> Sums:
        """This incident alone, as sums."""
        verdicts = {self.verdict: 1} if self.verdict else {}
        return Sums(incidents=1, verdicts=verdicts, cost_usd=self.cost_usd, seconds=self.seconds, tallies=self.tallies)


class Shard(Model, kw_only=True):
    """The incidents whose ids begin alike, and the sums of those that retention dropped."""

    incidents: dict[IncidentId, Line] = msgspec.field(default_factory=dict)
    dropped: Sums = Sums()

    @property
    def sums(self) -> Sums:
        """All of the shard, the dropped ones included."""
        return sum((line.sums for line in self.incidents.values()), self.dropped)

    def having(self, lines: Mapping[str, Line]) -> "Shard":
        """The shard with these incidents added or replaced."""
        return self.changed(incidents={**self.incidents, **lines})

    def forgetting(self, incident_id: str) -> "Shard":
        """The shard as if that incident had never been."""
        return self.changed(incidents={i: x for i, x in self.incidents.items() if i != incident_id})

    def without(self, ids: Iterable[str]) -> "Shard":
        """The shard without these incidents; what they sum to stays."""
        gone = {i: self.incidents[i] for i in ids}
        kept = {i: line for i, line in self.incidents.items() if i not in gone}
        return Shard(incidents=kept, dropped=sum((line.sums for line in gone.values()), self.dropped))

    def encoded(self) -> bytes:
        """The content of the shard's file."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)


UNWANTED = ("closed", "reverted", "regressed")
"""What becomes of proposals that were of no use. By whom they are closed is told where that is Regreen."""


def record_path(incident_id: str) -> str:
    """Where the record of an incident lies."""
    return f"incidents/{incident_id[:2]}/{incident_id}.json"


def shard_path(shard: str) -> str:
    """Where the summary of a shard lies."""
    return f"summaries/{shard}.json"


def line_of(incident: Incident) -> Line:
    """What the summary is to say of an incident."""
    return Line(
        updated=incident.updated,
        stage=incident.stage,
        verdict=incident.verdict,
        cost_usd=incident.cost_usd,
        seconds=incident.seconds,
        tallies=_tallies(incident),
    )


def _tallies(incident: Incident) -> dict[str, Tally]:
    """What became of the attempts in which a model has answered: an overloaded server says nothing of its chance.

    What people have closed or taken back, or what broke their branch, has fixed nothing.
    """
    found: dict[str, Tally] = {}
    outcome = incident.outcome
    is_unwanted = outcome is not None and outcome.kind in UNWANTED and not outcome.by
    for attempt in incident.attempts:
        if attempt.tier and attempt.category and any(call.tokens.output for call in attempt.calls):
            key = Tally.key(attempt.category, attempt.tier)
            fixed = int(attempt.verdict is Verdict.FIXED and not is_unwanted)
            seconds = sum(call.seconds for call in attempt.calls)
            one = Tally(tried=1, fixed=fixed, cost_usd=attempt.cost_usd, seconds=seconds)
            found[key] = found.get(key, Tally()) + one
    return found


def read_shard(view: View, shard: str, stored: Stored | None) -> Shard:
    """Read a summary. One that does not validate is made anew from the records; what was dropped is then unknown."""
    if stored is None:
        return Shard()
    try:
        return msgspec.json.decode(stored.data or b"", type=Shard)
    except (ValueError, RecursionError):  # no JSON, or no summary
        return _rebuilt(view, shard)


def read_shards(view: View) -> Iterator[tuple[str, Shard]]:
    """Read all summaries that there are."""
    paths = {shard_path(s): s for s in SHARDS}
    for path, stored in view.read(paths, MAX_BYTES).items():
        yield paths[path], read_shard(view, paths[path], stored)


def _rebuilt(view: View, shard: str) -> Shard:
    lines = {}
    paths = {p: m[1] for p in view.files(f"incidents/{shard}") if (m := RECORD.fullmatch(p))}
    for path, stored in view.read(paths, MAX_BYTES).items():
        with contextlib.suppress(Unreadable):
            lines[paths[path]] = line_of(decode(stored.data, paths[path]))
    return Shard(incidents=lines)
