"""Stand-ins of actions, written as composite actions that act reads instead of the originals."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bot.replay.layout import BIN, PLAN
from bot.yaml12 import load

LOCAL = ("./", "docker://")


def used(documents: Iterable[Any]) -> set[str]:
    """Every remote `uses:` of workflow and action files, as written (`owner/name[/path]@ref`)."""
    found = set()
    for document in documents:
        found |= {str(v) for v in _values(document, "uses") if not str(v).startswith(LOCAL) and "@" in str(v)}
    return found


def _values(node: Any, key: str) -> Iterable[Any]:
    if isinstance(node, dict):
        for k, v in node.items():
            if k == key and isinstance(v, str):
                yield v
            yield from _values(v, key)
    elif isinstance(node, list):
        for item in node:
            yield from _values(item, key)


class StandIns:
    """The table of stand-ins (`config/actions.yaml`), and the folders that act is given for what a job uses."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = {name.lower(): entry for name, entry in table.items()}

    @classmethod
    def read(cls, path: Path) -> "StandIns":
        """Read the table."""
        return cls(load(path.read_bytes(), path.name))

    def write(self, uses: Iterable[str], plan: Path, local: Mapping[str, str]) -> list[str]:
        """Write a folder below `plan` for each action, and return act's arguments that point at them.

        `local` maps `owner/name@ref` to a folder inside the sandbox that the user gave for it. What there is no
        stand-in for gets one that says so when a job reaches it.
        """
        arguments = []
        for number, (repository, paths) in enumerate(sorted(_by_repository(uses).items())):
            if repository in local:
                arguments += ["--local-repository", f"{repository}={local[repository]}"]
                continue
            folder = plan / "actions" / str(number)
            for path in sorted(paths):
                self._write_one(repository, path, folder / path)
            arguments += ["--local-repository", f"{repository}={PLAN}/actions/{number}"]
        return arguments

    def known(self, uses: str) -> bool:
        """Whether an action has a stand-in."""
        repository, path = _split(uses)
        entry = self._table.get(repository.split("@")[0].lower())
        return entry is not None and (not path or path in entry.get("sub", {}))

    def _write_one(self, repository: str, path: str, folder: Path) -> None:
        entry = self._table.get(repository.split("@")[0].lower())
        if entry and path:
            entry = entry.get("sub", {}).get(path)
        folder.mkdir(parents=True, exist_ok=True)
        name = repository if not path else f"{repository.split('@')[0]}/{path}@{repository.split('@')[1]}"
        ref = name.rpartition("@")[2]
        if entry and any(ref == old or ref.startswith(f"{old}.") for old in entry.get("retired", ())):
            definition = _unavailable(name, f"GitHub fails every job that uses the retired version {name}", "retired ")
        elif entry:
            definition = _definition(name, entry)
        else:
            reason = f"the action {name} cannot be had here; map it with --local-action {name}=DIR"
            definition = _unavailable(name, reason)
        (folder / "action.yml").write_text(json.dumps(definition))


def _split(uses: str) -> tuple[str, str]:
    name, ref = uses.split("@", 1)
    owner, repository, *path = name.split("/")
    return f"{owner}/{repository}@{ref}", "/".join(path)


def _by_repository(uses: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in uses:
        if "/" in one.split("@")[0]:
            repository, path = _split(one)
            found.setdefault(repository, set()).add(path)
    return found


def _definition(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    program = {
        "id": "run",
        "shell": f"{BIN}/step adapter {entry.get('run')} {{0}}",
        "run": entry.get("run"),
        "env": {"INPUTS": "${{ toJSON(inputs) }}"},
    }
    return {
        "name": name,
        "inputs": {name: {"default": default} for name, default in entry["inputs"].items()},
        "outputs": {name: {"value": f"${{{{ steps.run.outputs.{name} }}}}"} for name in entry.get("outputs", ())},
        "runs": {"using": "composite", "steps": entry.get("steps") or [program]},
    }


def _unavailable(name: str, reason: str, kind: str = "") -> dict[str, Any]:
    shell = f"{BIN}/step adapter unavailable {kind}{{0}}"
    step = {"shell": shell, "run": "unavailable", "env": {"REASON": reason}}
    return {"name": name, "runs": {"using": "composite", "steps": [step]}}
