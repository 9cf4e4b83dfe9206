"""Tests a strategy on a small real repository, as `regreen fix` would use it: for ours and those of other packages.

    def test_words_are_sorted(tmp_path):
        tried = try_strategy(sort_words, {".github/workflows/ci.yml": WORKFLOW, "words.txt": "b\\na\\n"}, tmp_path)
        assert (tried.verdict, tried.changed) == ("FIXED", {"words.txt": "a\\nb\\n"})

The workflow is replayed in the sandbox, the strategy is the only one that is asked, and what it yields passes the patch
policy, the guard and a whole replay. What it raises goes through, so that a test shows where.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.app import App, Voices, commit_all
from bot.model import Category, Delivery, Diagnosis, Incident, Network, ReplayOptions
from bot.ports import Git
from bot.rows import incident_row
from strategies import Strategy


@dataclass(frozen=True)
class Tried:
    """What became of it: `verdict` and `grade` as words, `changed` the proposed files (None where one is deleted).

    `candidates` are the summaries of what the strategy has yielded, `report` is the object of `regreen fix --json`, and
    `told` are the lines of progress.
    """

    verdict: str
    grade: str | None
    changed: Mapping[str, str | None]
    candidates: tuple[str, ...]
    report: Mapping[str, Any]
    told: tuple[str, ...]


def try_strategy(
    strategy: Strategy,
    files: Mapping[str, str | bytes],
    folder: Path,
    *,
    network: Network = "none",
    green: str = "",
    settings: Mapping[str, Any] | None = None,
) -> Tried:
    """Make a repository of `files` in the folder, with one commit, and fix it by the strategy alone.

    A file that begins with `#!` is executable. `network` is what the jobs may reach (`none`, `registries`, `all`),
    `green` when the workflow was green, `settings` are Regreen's own by their dotted names.
    """
    _hold_contract(strategy)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if path.read_bytes().startswith(b"#!"):
            path.chmod(0o755)
    commit_all(folder, "A small project")
    told: list[str] = []
    given = {f"REGREEN_{name.replace('.', '_').upper()}": str(value) for name, value in (settings or {}).items()}
    app = App(folder, {**os.environ, **given}, Voices(told.append, lambda *_: None), strategies=(strategy,))
    options = ReplayOptions(network=network)
    opened = app.open_incident(options, Delivery(), app.settings.fix.max_minutes, green=green)
    incident = app.fix(opened)
    changed = _changed(incident, app.theirs)
    summaries = tuple(a.summary for a in incident.attempts)
    grade = str(incident.grade) if incident.grade else None
    return Tried(str(incident.verdict), grade, changed, summaries, incident_row(incident), tuple(told))


def _hold_contract(strategy: Strategy) -> None:
    """What holds of every strategy, whatever it is about: its four names, and `applies` for any diagnosis and tree."""
    assert isinstance(strategy.NAME, str), "NAME is what people read"
    assert strategy.NAME.strip(), "NAME is empty"
    assert set(Category) >= strategy.CATEGORIES, "CATEGORIES are some of bot.model.Category"
    for category in Category:
        empty = Diagnosis(category=category, error="", error_line=0, fingerprint="", confidence=0)
        told = strategy.applies(empty, frozenset())
        assert isinstance(told, bool), "applies says True or False, for any diagnosis and tree"


def _changed(incident: Incident, git: Git) -> dict[str, str | None]:
    """The files of the proposal that differ from what was replayed, as they are there."""
    if incident.proposal is None:
        return {}
    commit = incident.proposal.commit
    rows = git.run("diff-tree", "-r", "-z", "--no-renames", "--name-status", incident.snapshot, commit)
    words: Sequence[str] = rows.decode().split("\0")[:-1]
    pairs = zip(words[::2], words[1::2], strict=True)
    return {
        name: None if status == "D" else git.run("cat-file", "blob", f"{commit}:{name}").decode("utf-8", "replace")
        for status, name in pairs
    }
