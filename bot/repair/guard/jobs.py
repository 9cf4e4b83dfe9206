"""Jobs of GitHub's workflows as trees: legs that a matrix leaves out, jobs that are in another file now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import re2
import yaml

from bot.errors import UsageError
from bot.repair.guard.change import Change
from bot.yaml12 import compose

WORKFLOWS = re2.compile(r"^\.github/workflows/[^/]+\.ya?ml$")
CALLING = frozenset({"uses", "with", "secrets", "needs", "name", "permissions"})
"""What a job may hold that calls a workflow, and does so always."""
ASIDE = frozenset({"name", "permissions", "timeout-minutes"})
"""What a job may have otherwise in another file without asking for less."""
MOST = 300  # jobs, and rows of a matrix, that are compared each with each
SHARED = ("env", "defaults")
"""What a workflow says for all of its jobs."""

Nodes = Mapping[str, yaml.Node]


def below(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """The members of a mapping; none of anything else."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return {str(key.value): value for key, value in pairs}


def left_out(change: Change) -> Iterator[tuple[int, str]]:
    """Yield (line, message) for each row of `exclude` that leaves out a leg which was there before."""
    before, after = (_matrices(text) for text in (change.old_text, change.new_text))
    for job, matrix in after.items():
        was = [before[job]] if job in before else list(before.values())
        known = [row for one in was for row, _ in _rows(one)][:MOST]
        rows = _rows(matrix)
        if len(rows) > MOST:
            yield rows[MOST][1], f"the matrix of {job} leaves more than {MOST} legs out"
        for row, line in rows[:MOST]:
            wider = next((old for old in known if old.items() <= row.items()), None)
            if wider is not None:
                known.remove(wider)
            elif not any(value in _values(matrix, key) and not _has(was, key, value) for key, value in row.items()):
                yield line, f"the matrix of {job} leaves {', '.join(map(str, row.values()))} out"


def _matrices(text: str) -> dict[str, Nodes]:
    return {name: below(below(below(job).get("strategy")).get("matrix")) for name, job in _jobs(_root(text)).items()}


def _rows(matrix: Nodes) -> list[tuple[dict[str, Any], int]]:
    rows = matrix.get("exclude")
    found = rows.value if isinstance(rows, yaml.SequenceNode) else [rows] if rows is not None else []
    return [
        ({k: _plain(v) for k, v in below(row).items()} or {"": _plain(row)}, row.start_mark.line + 1) for row in found
    ]


def _values(matrix: Nodes, key: str) -> list[Any]:
    node = matrix.get(key)
    return [_plain(item) for item in node.value] if isinstance(node, yaml.SequenceNode) else []


def _has(matrices: Sequence[Nodes], key: str, value: object) -> bool:
    return any(value in _values(matrix, key) for matrix in matrices)


def settled(changes: Sequence[Change]) -> list[Change]:
    """The changes, those of workflows as if each job had been before where the same job is now.

    A workflow that is deleted, and all of whose jobs are elsewhere, is left out.
    """
    flows = {c.path: _Flow.of(_root(c.old_text), _root(c.new_text)) for c in changes if WORKFLOWS.search(c.path)}
    used: set[tuple[str, str]] = set()
    told = []
    for change in changes:
        moved = _moved(change.path, flows, used) if change.path in flows and change.old is not None else []
        if moved and change.new is None and len(moved) == len(_jobs(flows[change.path].old)):
            continue
        told.append(replace(change, old=_without(change, flows[change.path].old, moved)) if moved else change)
    return told


@dataclass(frozen=True, slots=True)
class _Flow:
    """A workflow before and after, and what the jobs do that came."""

    old: yaml.Node | None
    new: yaml.Node | None
    came: Mapping[str, object]

    @classmethod
    def of(cls, old: yaml.Node | None, new: yaml.Node | None) -> "_Flow":
        known = _jobs(old)
        return cls(old, new, {name: _does(job) for name, job in list(_jobs(new).items())[:MOST] if name not in known})


def _moved(path: str, flows: Mapping[str, _Flow], used: set[tuple[str, str]]) -> list[str]:
    """The names of the jobs of a workflow that are in another one now, where they run as often."""
    old, now = flows[path].old, _jobs(flows[path].new)
    called = {_plain(below(job).get("uses")) for name, job in now.items() if below(job).keys() <= CALLING}
    found = []
    for name, job in list(_jobs(old).items())[:MOST]:
        if name in now and "uses" not in below(now[name]):
            continue
        does = _does(job)
        for home, flow in flows.items():
            same = [n for n, other in flow.came.items() if other == does]
            if not same or home == path or name in found or _shared(old) != _shared(flow.new):
                continue
            calls = not called.isdisjoint((f"./{home}", f"$/{home}")) and "workflow_call" in _triggers(flow.new)
            same = same if calls else [n for n in same if (home, n) not in used and _covers(flow.new, old)]
            if same:
                used.add((home, same[0]))
                found.append(name)
    return found


def _root(text: str) -> yaml.Node | None:
    try:
        return compose(text, "workflow")
    except UsageError:
        return None


def _jobs(root: yaml.Node | None) -> dict[str, yaml.Node]:
    return below(below(root).get("jobs"))


def _does(job: yaml.Node) -> object:
    """All that a job does, and on what condition. What it waits for counts where it asks what became of that."""
    told = {key: _plain(node) for key, node in below(job).items() if key not in ASIDE}
    if "needs." not in str(told):
        told.pop("needs", None)
    return told


def _shared(root: yaml.Node | None) -> object:
    return [_plain(below(root).get(key)) for key in SHARED]


def _triggers(root: yaml.Node | None) -> dict[str, Any]:
    """What starts a workflow, with its filters."""
    told = _plain(below(root).get("on"))
    return told if isinstance(told, dict) else dict.fromkeys(told if isinstance(told, list) else [told], "")


def _covers(new: yaml.Node | None, old: yaml.Node | None) -> bool:
    """Whether a workflow runs whenever another one did."""
    now = _triggers(new)
    return all(name in now and now[name] in ("", filters) for name, filters in _triggers(old).items())


def _plain(node: yaml.Node | None) -> Any:
    """A node as dicts, lists and text; actions without their version."""
    if isinstance(node, yaml.MappingNode):
        return {
            k: _plain(v).partition("@")[0] if k == "uses" and isinstance(v, yaml.ScalarNode) else _plain(v)
            for k, v in below(node).items()
        }
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    return "" if node is None else str(node.value).strip()


def _without(change: Change, root: yaml.Node | None, jobs: Sequence[str]) -> bytes | None:
    """The text of a workflow before, without some of its jobs."""
    lines = change.old_text.split("\n")
    node = below(root)["jobs"]
    pairs = [(str(key.value), key.start_mark.line, value.end_mark) for key, value in node.value]
    for at in range(len(pairs) - 1, -1, -1):
        name, first, end = pairs[at]
        last = pairs[at + 1][1] if at + 1 < len(pairs) else end.line + (end.column > 0)
        if name in jobs:
            del lines[first:last]
    return "\n".join(lines).encode()
