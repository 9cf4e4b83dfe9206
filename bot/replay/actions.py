"""Stand-ins of actions, written as composite actions that act reads instead of the originals."""

import json
import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import re2

from bot.replay.layout import BIN, PLAN
from bot.replay.record import TELL_PLAINLY
from bot.replay.switched_off import action_is_off

LOCAL = ("./", "docker://")
ACTION = re2.compile(r"^[\w.-]+/[\w.-]+(?:/[^@/]+)*@[^@\s]+$")


def is_action(uses: str) -> bool:
    """Whether a text can name an action of a repository: `owner/name[/path]@ref`, and the path stays in it."""
    return bool(ACTION.match(uses)) and not {".", ".."} & set(uses.partition("@")[0].split("/"))


def used(documents: Iterable[Any]) -> set[str]:
    """Every remote `uses:` of workflow and action files, as written (`owner/name[/path]@ref`)."""
    found = set()
    for document in documents:
        found |= {v for v in _values(document, "uses") if not v.startswith(LOCAL) and "@" in v}
    return found


def uses_tree(job: Any) -> bool:
    """Whether a job uses an action of the tree."""
    return any(v.startswith(LOCAL[0]) for v in _values(job, "uses"))


def steps_of(definition: Any) -> list[dict[str, Any]]:
    """The steps of a composite action, whatever stands in its file."""
    runs = definition.get("runs") if isinstance(definition, dict) else None
    steps = runs.get("steps") if isinstance(runs, dict) else None
    return [s for s in steps if isinstance(s, dict)] if isinstance(steps, list) else []


def _values(node: Any, key: str) -> Iterable[str]:
    if isinstance(node, dict):
        for k, v in node.items():
            if k == key and isinstance(v, str):
                yield v
            yield from _values(v, key)
    elif isinstance(node, list):
        for item in node:
            yield from _values(item, key)


class StandIns:
    """The table of stand-ins (`config/actions.yaml`), and the folders that act is given for what a job uses.

    In containers nothing is `wrapped`: there are no programs of ours.
    """

    def __init__(self, table: Mapping[str, Any], as_of: datetime | None = None, *, wrapped: bool = True) -> None:
        self._as_of, self._wrapped = as_of, wrapped
        self._table = {name.lower(): entry for name, entry in table.items()}

    def write(
        self, uses: Iterable[str], plan: Path, folders: Mapping[str, tuple[Path, str]], refused: Mapping[str, str]
    ) -> list[str]:
        """Write a folder below `plan` for each action, and return act's arguments that point at them.

        `folders` maps `owner/name@ref` to the folder that is had for it, here and inside the sandbox. `refused` are
        actions that end their job as UNREPLAYABLE when it reaches them, and why; with an empty reason they do nothing.
        """
        arguments = []
        for number, (repository, paths) in enumerate(sorted(_by_repository(uses).items())):
            here, inside = folders.get(repository, (None, f"{PLAN}/actions/{number}"))
            replaced = {p for p in paths if here is None or _join(repository, p) in refused}
            folder = plan / "actions" / str(number)
            if here and replaced:
                shutil.copytree(here, folder, symlinks=True)
                inside = f"{PLAN}/actions/{number}"
            for path in sorted(replaced):
                self._write_one(repository, path, folder / path, refused)
            arguments += ["--local-repository", f"{repository}={inside}"]
        return arguments

    def covers(self, repository: str) -> bool:
        """Whether there are stand-ins for the actions of a repository (`owner/name@ref`)."""
        return repository.split("@")[0].lower() in self._table

    def _write_one(self, repository: str, path: str, folder: Path, refused: Mapping[str, str]) -> None:
        entry = self._table.get(repository.split("@")[0].lower())
        if entry and path:
            entry = entry.get("sub", {}).get(path)
        folder.mkdir(parents=True, exist_ok=True)
        name = _join(repository, path)
        ref = name.rpartition("@")[2]
        if entry and (told := action_is_off(repository.split("@")[0], ref, self._as_of)):
            definition = _unavailable(name, told, "retired ")
        elif entry:
            definition = _definition(name, entry)
        else:
            reason = refused.get(name, f"there is no stand-in for the action {name}")
            definition = _unavailable(name, reason) if self._wrapped else _plain(name, reason)
        for file in ("action.yml", "action.yaml"):
            (folder / file).unlink(missing_ok=True)
        (folder / "action.yml").write_text(json.dumps(definition))


def split(uses: str) -> tuple[str, str]:
    """`owner/name/path@ref` -> (`owner/name@ref`, `path`)."""
    name, ref = uses.split("@", 1)
    owner, repository, *path = name.split("/")
    return f"{owner}/{repository}@{ref}", "/".join(path)


def _join(repository: str, path: str) -> str:
    name, ref = repository.split("@", 1)
    return f"{name}/{path}@{ref}" if path else repository


def _by_repository(uses: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in uses:
        repository, path = split(one)
        found.setdefault(repository, set()).add(path)
    return found


def _definition(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    program = {
        "id": "run",
        "shell": f"{BIN}/step adapter {entry.get('run')} {{0}}",
        "run": entry.get("run"),
        "env": {"INPUTS": "${{ toJSON(inputs) }}", "REF": name.rpartition("@")[2]},
    }
    return {
        "name": name,
        "inputs": {name: {"default": default} for name, default in entry["inputs"].items()},
        "outputs": {name: {"value": f"${{{{ steps.run.outputs.{name} }}}}"} for name in entry.get("outputs", ())},
        "runs": {"using": "composite", "steps": entry.get("steps") or [program]},
    }


def _unavailable(name: str, reason: str, kind: str = "") -> dict[str, Any]:
    step: dict[str, Any] = {"shell": f"{BIN}/step sh {{0}}", "run": f"# not run in a replay: {name}"}
    if reason:
        shell = f"{BIN}/step adapter unavailable {kind}{{0}}"
        step = {"shell": shell, "run": "unavailable", "env": {"REASON": reason}}
    return {"name": name, "runs": {"using": "composite", "steps": [step]}}


def _plain(name: str, reason: str) -> dict[str, Any]:
    step: dict[str, Any] = {"shell": "sh", "run": f"# not run in a replay: {name}"}
    if reason:
        step = {**TELL_PLAINLY, "env": {"REASON": reason}}
    return {"name": name, "runs": {"using": "composite", "steps": [step]}}
