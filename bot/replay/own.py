"""`uses: $/PATH`: an action of the very repository that a workflow is of, at the commit that runs, without a checkout.

act does not know this; it is given the action as one of another repository.
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

import json
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import re2

from bot.errors import UsageError
from bot.ports import Git
from bot.replay.actions import steps_of
from bot.yaml12 import load

OWN = re2.compile(r"^\$/([^@]+)$")
REPOSITORY = "regreen-replay/own@tree"
"""What the repository of the replayed tree is called instead."""
REMOTE = re2.compile(r"([\w.-]+/[\w.-]+)/(\.github/workflows/[^/@]+\.ya?ml)@(.+)")
"""The path of a workflow of another repository."""


def rename(steps: list[dict[str, Any]], path: str = "") -> None:
    """Name the actions of steps as act wants it, where they are of the repository of the file with this path."""
    home = REMOTE.fullmatch(path)
    repository, ref = (home[1], home[3]) if home else REPOSITORY.split("@")
    for step in steps:
        if found := OWN.match(str(step.get("uses", ""))):
            step.setdefault("name", f"Run {step['uses']}")
            step["uses"] = f"{repository}/{found[1].strip('/')}@{ref}".replace("/.@", "@")


def place_of(uses: str) -> str:
    """The folder in the tree of an action of the tree, as people name it or as act wants it; empty for all others."""
    if uses.startswith("./"):
        return uses
    if found := OWN.match(uses):
        return f"./{found[1]}"
    name, _, ref = uses.partition("@")
    own, _, tree = REPOSITORY.partition("@")
    return f"./{name.removeprefix(own).strip('/')}" if ref == tree and f"{name}/".startswith(f"{own}/") else ""


def nested(definition: Any) -> bool:
    """Whether an action uses others in this way."""
    return any(OWN.match(str(step.get("uses", ""))) for step in steps_of(definition))


def export(git: Git, commit: str, folder: Path) -> Path:
    """The files of a commit, in a new folder; its actions name each other as act wants it."""
    archive = folder.with_suffix(".tar")
    git.run("archive", "--format=tar", f"--output={archive}", commit)
    with tarfile.open(archive) as members:
        for member in members:
            with suppress(tarfile.FilterError):  # a link that leads outside
                members.extract(member, folder, filter="data")
    archive.unlink()
    for file in folder.rglob("action.y*ml"):
        with suppress(UsageError, OSError):  # a template, say, or a folder of that name
            definition = load(file.read_bytes(), file.name)
            if nested(definition):
                rename(steps_of(definition))
                file.write_text(json.dumps(definition))
    return folder
