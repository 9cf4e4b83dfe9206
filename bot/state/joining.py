"""What to take over from a local state branch that was used without the remote it is to follow now."""

import contextlib
from collections.abc import Mapping

from bot.state.budgets import MAX_BYTES as MAX_BUDGET
from bot.state.budgets import Budget, merged, parsed
from bot.state.objects import Entry, View
from bot.state.records import MAX_BYTES
from bot.state.summaries import RECORD, Line, read_shard, shard_path


def reconciled(ours: View, theirs: View, common: View) -> Mapping[str, bytes | Entry | None]:
    """Return the files that only we changed since `common`, to be put onto `theirs`.

    Incidents that both sides changed stay theirs, as for anybody who loses a race; budgets count what both spent.
    """
    mine, other, past = ours.files(), theirs.files(), common.files()
    changed = {p: e for p, e in mine.items() if e != past.get(p)}
    clear = {p: e for p, e in changed.items() if other.get(p) == past.get(p)}
    files: dict[str, bytes | Entry | None] = {p: e for p, e in clear.items() if RECORD.fullmatch(p)}
    budgets = {p for p in changed if p.startswith("budgets/") and "\n" not in p}
    files |= {p: mine[p] for p in budgets & clear.keys()}
    files |= _budgets(budgets - clear.keys(), ours, theirs, common)
    return files | _summaries(files, ours, theirs)


def _budgets(paths: set[str], ours: View, theirs: View, common: View) -> dict[str, bytes]:
    sides = [view.read(paths, MAX_BUDGET) for view in (ours, theirs, common)]
    told = {}
    for path in paths:
        with contextlib.suppress(ValueError):  # one that does not read stays theirs
            mine, other, past = (parsed(side[path]) if path in side else Budget() for side in sides)
            told[path] = merged(mine, other, past).encoded()
    return told


def _summaries(records: Mapping[str, object], ours: View, theirs: View) -> dict[str, bytes]:
    ids = [m[1] for p in records if (m := RECORD.fullmatch(p))]
    told = {}
    for shard in {i[:2] for i in ids}:
        path = shard_path(shard)
        here, there = (read_shard(v, shard, v.read([path], MAX_BYTES).get(path)) for v in (ours, theirs))
        lines: dict[str, Line] = {i: here.incidents[i] for i in ids if i[:2] == shard and i in here.incidents}
        told[path] = there.having(lines).encoded()
    return told
