"""An incident as JSON: redacted on the way out, believed only after checks on the way in."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bot.errors import CorruptCache, Refused
from bot.model import SCHEMA_VERSION, Incident

MAX_BYTES = 8 * 2**20
"""A record of 256 legs with 50 steps each is about 4 MB; more than this is a log or a bomb."""
MAX_DEPTH = 100

Redactor = Callable[[str], str]
Migration = Callable[[dict[str, Any]], dict[str, Any]]
MIGRATIONS: Mapping[int, Migration] = {}
"""From the version that is the key to the next one, on the raw JSON. Old records are never rewritten just for that."""


class Unreadable(CorruptCache):
    """What lies on the state branch is not a record of ours; the message says why, and repeats nothing of it."""


def encode(incident: Incident, redactor: Redactor) -> tuple[bytes, Incident]:
    """Return the JSON of a record and the record that it reads back as, both without secrets.

    Raises `Refused` when it would not read back: too large, too deep, or redaction changed what must stay.
    """
    try:
        plain = redacted(incident.as_json(), redactor)
        raw = json.dumps(plain, indent=1, allow_nan=False).encode()
        stored = decode(raw, incident.id)
    except (RecursionError, TypeError, ValueError, Unreadable) as e:
        reason = e.message if isinstance(e, Unreadable) else "it is no plain JSON"
        raise Refused(f"incident {incident.id} cannot be saved: {reason}") from e
    if (stored.head, stored.snapshot) != (incident.head, incident.snapshot):
        raise Refused(f"incident {incident.id} cannot be saved: its commit looks like a secret")
    return raw, stored


def decode(raw: bytes | None, incident_id: str, migrations: Mapping[int, Migration] = MIGRATIONS) -> Incident:
    """Read the record of an incident; `raw` None stands for one that was too large to be read.

    Older versions are migrated. Raises `Unreadable` for anything that is not a valid record of this very incident.
    """
    if raw is None or len(raw) > MAX_BYTES:
        raise Unreadable(f"it is larger than {MAX_BYTES} bytes or no file")
    try:
        data = msgspec.json.decode(raw)
    except (ValueError, RecursionError) as e:
        raise Unreadable("it is no JSON") from e
    if is_deep(data):
        raise Unreadable(f"it is deeper than {MAX_DEPTH} levels")
    try:
        incident = msgspec.convert(_migrated(data, migrations), Incident)
    except (msgspec.ValidationError, RecursionError) as e:
        raise Unreadable("one of its fields does not validate") from e
    if incident.id != incident_id:
        raise Unreadable("it is the record of another incident")
    return incident


def redacted(value: Any, redactor: Redactor, depth: int = 0) -> Any:
    """Redact every string of a JSON value, the keys included. Raises `ValueError` below `MAX_DEPTH` levels."""
    if depth > MAX_DEPTH:
        raise ValueError(f"deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        return redactor(value)
    if isinstance(value, (list, tuple)):
        return [redacted(item, redactor, depth + 1) for item in value]
    if isinstance(value, dict):
        told: dict[str, Any] = {}
        for key, item in value.items():
            name = redactor(key)
            while name in told:  # two secrets as keys look alike afterwards; neither entry may get lost
                name += "'"
            told[name] = redacted(item, redactor, depth + 1)
        return told
    return value


def is_deep(value: Any, left: int = MAX_DEPTH) -> bool:
    """Whether a JSON value is deeper than any record."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return left < 0 or any(is_deep(part, left - 1) for part in parts)


def _migrated(data: Any, migrations: Mapping[int, Migration]) -> dict[str, Any]:
    version = data.get("schema_version") if isinstance(data, dict) else None
    while type(version) is int and version in migrations:
        data = migrations[version](data) | {"schema_version": version + 1}
        version += 1
    if type(version) is not int or version != SCHEMA_VERSION:
        raise Unreadable("its schema version is not known here")
    assert isinstance(data, dict)
    return data
