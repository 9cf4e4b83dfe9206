"""How the state branch stays small: closed incidents go but their sums stay, and old history is left behind."""

from datetime import UTC, datetime

from bot.model import Stage, budget_of
from bot.ports import Git
from bot.state.budgets import budget_path
from bot.state.objects import Change, Entry, View
from bot.state.records import MAX_BYTES, Unreadable, decode
from bot.state.summaries import Shard, read_shards, record_path, shard_path

QUARANTINE = "quarantine"


def quarantine_path(incident_id: str, entry: Entry, today: datetime) -> str:
    """Where a record that does not validate is kept for people to look at."""
    return f"{QUARANTINE}/{today:%Y-%m-%d}/{incident_id}-{entry.sha[:12]}.json"


def pruning(view: View, older_than: datetime) -> tuple[Change | None, int]:
    """Return the change that drops incidents closed and last changed before `older_than`, and their number.

    What was quarantined before that day, and the budgets of days and months before, go too.
    """
    files: dict[str, bytes | Entry | None] = {}
    count = 0
    for name, shard in read_shards(view):
        ids = _closed(view, shard, older_than)
        if ids:
            files |= dict.fromkeys(path for i in ids for path in (record_path(i), budget_path(budget_of(i))))
            files |= {shard_path(name): shard.without(ids).encoded()}
            count += len(ids)
    day, month = f"{older_than.astimezone(UTC):%Y-%m-%d}", f"{older_than.astimezone(UTC):%Y-%m}"
    for folder, since in ((QUARANTINE, f"{day}/"), ("budgets/day", f"{day}.json"), ("budgets/month", f"{month}.json")):
        files |= {path: None for path in view.files(folder) if path < f"{folder}/{since}" and "\n" not in path}
    return (Change(f"Drop {count} closed incidents", files) if files else None), count


def _closed(view: View, shard: Shard, older_than: datetime) -> list[str]:
    old = [i for i, line in shard.incidents.items() if line.stage is Stage.CLOSED and line.updated < older_than]
    records = view.read(map(record_path, old), MAX_BYTES)
    # The summary only proposes: what is dropped for good is decided by the record.
    return [i for i in old if record_path(i) in records and _is_closed(records[record_path(i)].data, i, older_than)]


def _is_closed(raw: bytes | None, incident_id: str, older_than: datetime) -> bool:
    try:
        incident = decode(raw, incident_id)
    except Unreadable:
        return False
    return incident.closed and incident.updated < older_than


def compaction(git: Git, view: View, older_than: datetime) -> Change | None:
    """Return the change that leaves the history behind, or None while it does not reach back before `older_than`."""
    if view.head is None:
        return None
    roots = git.run("rev-list", "--max-parents=0", "--timestamp", view.head).decode().splitlines()
    if min(int(line.split()[0]) for line in roots) >= older_than.timestamp():
        return None
    return Change("Leave the history behind", {}, parentless=True)
