"""What the jobs of the hardened workflow hand over to each other: orders to replay failures, and the replies to them.

Whoever has run code of others may have been taken over by it. So a reply is hostile until shown otherwise: who
publishes knows from GitHub what was to be replayed, and takes from the reply nothing but what a replay finds out. That
it cannot see for itself: it only holds the parts of a reply against each other, and its patch against the policy.
"""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bot.errors import Refused
from bot.findings import failing
from bot.github import Hosted
from bot.model import Diagnosis, Grade, Incident, Model, Part, ReplayResult, Result, Stage, Verdict
from bot.proposal.facts import summary_of
from bot.proposal.local import branch_name
from bot.proposal.message import commit_message
from bot.replay.verdict import grade_of, judge_leg
from bot.settings import Settings
from bot.state.records import is_deep
from bot.text.own import incident_of_message

VERSION = 1
MAX_BYTES = 16 * 2**20
MAX_ROWS = 1000
MAX_COUNT = 2**53
UNREPLAYED = (Stage.OPENED, Stage.REPRODUCED, Stage.DIAGNOSED)
"""Where an incident is that a replay is wanted for."""
FOUND_OUT = ("baseline", "final", "parts", "attempts", "advice", "proposal", "verdict", "grade", "reason", "seconds")
"""What a reply may say of an incident; the rest is known."""
BOOKKEEPING = ("revision", "created", "updated", "stage", "lease", "history", "options")
BELIEVED = (
    "The replays ran in a job that may write nothing. The job that wrote this has held the fix against policy and "
    "guard once more, and has not seen the replays: code that broke out of the sandbox there could have forged the "
    "verdict"
)
"""What people have to know of a proposal, for the evidence of another job is believed."""
LOOK = "look at the log of the job that replays"
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, OSError, RuntimeError)


class Order(Model, kw_only=True):
    """A failure to replay: its incident as it begins, and what the log of its run says. `only_replay`: as it is."""

    incident: Incident
    reported: Diagnosis | None = None
    only_replay: bool = False


class Orders(Model, kw_only=True):
    """All that a job is to replay, and of which repository."""

    version: int = VERSION
    repository: Hosted
    orders: tuple[Order, ...]


class Reply(Model, kw_only=True):
    """What came of an order: the incident after its replays, or the replay alone, or (in a line) why there is none."""

    id: str
    incident: Incident | None = None
    replayed: ReplayResult | None = None
    failed: str = ""

    @property
    def told(self) -> str:
        """It in a line of plain text."""
        came = self.incident.verdict if self.incident else self.replayed.result if self.replayed else self.failed
        return f"incident {self.id}: {came}"


class Replies(Model, kw_only=True):
    """All that a job has replayed."""

    version: int = VERSION
    replies: tuple[Reply, ...]


Handed = TypeVar("Handed", Orders, Replies)


def write(what: Orders | Replies, file: Path) -> None:
    """Write it to a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.encode(what))


def read(raw: bytes, kind: type[Handed]) -> Handed:
    """Read what another job has written. Raises `Refused` for what it cannot have written."""
    if len(raw) > MAX_BYTES:
        raise _refused(f"is larger than {MAX_BYTES:,} bytes")
    try:
        data = msgspec.json.decode(raw)
    except (ValueError, RecursionError) as e:
        raise _refused("is no JSON") from e
    version = data.get("version") if isinstance(data, dict) else None
    if version != VERSION:
        told = f"is of version {str(version)[:20]}, and this job knows {VERSION}"
        raise _refused(told, hint="use the same commit of the Action in all jobs")
    if is_deep(data):
        raise _refused("is too deep")
    if _is_huge(data):
        raise _refused("counts more than anything can")
    try:
        return msgspec.convert(data, kind)
    except (msgspec.ValidationError, RecursionError) as e:
        raise _refused("does not validate") from e


def unzipped(file: Path, name: str) -> bytes:
    """The one file that an artifact has, which is never written anywhere. Raises `Refused` for any other archive."""
    try:
        with zipfile.ZipFile(file) as archive:
            if [entry.filename for entry in archive.infolist()] != [name]:
                raise _refused(f"holds something else than {name}")
            with archive.open(name) as text:
                return text.read(MAX_BYTES + 1)
    except _BROKEN as e:
        raise _refused("is no zip that can be read") from e


def taken(begun: Incident, reply: Incident, settings: Settings) -> Incident:
    """The record of an incident with what a reply has found out.

    Raises `Refused` for a reply about anything else, and for one that does not bear out itself.
    """
    for field in begun.__struct_fields__:
        if field not in (*FOUND_OUT, *BOOKKEEPING) and getattr(reply, field) != getattr(begun, field):
            raise _refused(f"says something else of the {field.replace('_', ' ')} of incident {begun.id} than GitHub")
    found = {name: getattr(reply, name) for name in FOUND_OUT}
    record = begun.changed(**found, stage=reply.stage)
    if told := next(_contradictions(record, begun, settings), ""):
        raise _refused(f"{told} (incident {begun.id})")
    proposal = record.proposal
    return record.changed(reason="; ".join(filter(None, (record.reason, BELIEVED)))) if proposal else record


def _contradictions(record: Incident, begun: Incident, settings: Settings) -> Iterator[str]:
    """What no replay would say, in words."""
    most = 2 * settings.fix.max_attempts * max(1, len(record.parts)) + len(begun.attempts)  # a round may go over it
    if len(record.attempts) > most or max(len(record.parts), len(record.advice)) > MAX_ROWS:
        yield "has more rows than replays can come to"
    paid = tuple(a for a in begun.attempts if a.tier)
    if tuple(a for a in record.attempts if a.tier or a.calls or a.cost_usd) != paid:
        yield "says something else of what was paid for"
    if record.verdict is None or record.stage not in (*UNREPLAYED, Stage.ATTEMPTED):
        yield "has no verdict of a replay"
    elif record.stage is not Stage.ATTEMPTED and (record.proposal or record.verdict is not Verdict.NOT_FIXED):
        yield "says that it has ended before its end"
    yield from _without_evidence(record)
    if record.proposal:
        yield from _forged(record)


def _without_evidence(record: Incident) -> Iterator[str]:
    """What a record claims that its own replays do not show."""
    fixed = bool(record.parts) and all(p.verdict is Verdict.FIXED for p in record.parts)
    grades = [p.grade for p in record.parts if p.grade]
    if (record.verdict is Verdict.FIXED) != fixed:
        yield "has a verdict that is not that of its parts"
    if (record.proposal is not None) != bool(grades) or record.grade != max(grades, default=None):
        yield "has a grade and no fix, or a fix and no grade"
    if fixed and record.final and failing(record.final):
        yield "says FIXED, and its last replay is red"
    for part in record.parts:
        if part.verdict is Verdict.FIXED and not _is_borne_out(part, record):
            yield f"says {part.verdict}, and its replays do not show it"
        elif part.verdict is not Verdict.FIXED and part.grade not in (None, Grade.C):
            yield "has a grade for what is not fixed"


def _is_borne_out(part: Part, record: Incident) -> bool:
    """Whether a job was red in the first replay, and is green in the last, with no fewer tests."""
    before = record.baseline.job(part.key) if record.baseline else None
    if before is None or record.final is None or before.result not in (Result.FAILURE, Result.UNREPLAYABLE):
        return False
    options = record.options
    grade = grade_of(record.final, narrowed=bool(options.jobs or options.matrix))
    judged = judge_leg(before, record.final.job(part.key), same_failure=False).verdict
    return judged is Verdict.FIXED and part.grade is grade


def _forged(record: Incident) -> Iterator[str]:
    """What makes a proposal another one than its record would make."""
    proposal = record.proposal
    assert proposal
    what = summary_of(record) if record.attempts else ""
    if (proposal.kind, proposal.target) != (record.delivery.kind, branch_name(record.id, what)):
        yield "wants to be proposed in another way"
    message = commit_message(record, record.parts, what)
    if proposal.message != message or incident_of_message(message) != record.id:
        yield "has a commit message that is not that of its record"


def _is_huge(value: Any) -> bool:
    """Whether a number in a JSON value is larger than any count, for what has thousands of digits cannot be printed."""
    if isinstance(value, int):
        return abs(value) > MAX_COUNT
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_is_huge, parts))


def _refused(what: str, *, hint: str = LOOK) -> Refused:
    return Refused(f"what the other job has handed over {what}: nothing was done", hint=hint)
