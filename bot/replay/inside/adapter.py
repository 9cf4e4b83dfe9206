"""What the stand-ins of well-known actions share: inputs, outputs, and the toolchains that the host has found.

Inputs come as one JSON object in INPUTS, as the action's own definition names and defaults them.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from bot.replay.inside import control

ROOT = Path("/regreen")
NPM_INSTALL = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--fetch-retries=0")
"""Installs the packages whose names follow; without retries, for npm waits 70 s where there is no network."""


def inputs() -> dict[str, str]:
    """The inputs of the action, by name."""
    return {k: str(v) if v is not None else "" for k, v in json.loads(os.environ["INPUTS"]).items()}


def truth(text: str) -> bool:
    """A boolean input, as the toolkit reads it."""
    return text.strip().lower() == "true"


def set_output(name: str, value: str) -> None:
    """Set an output of the action."""
    _append("GITHUB_OUTPUT", name, value)


def set_env(name: str, value: str) -> None:
    """Set a variable for the steps after this one."""
    _append("GITHUB_ENV", name, value)


def add_path(folder: str) -> None:
    """Put a folder first on the PATH of the steps after this one."""
    with Path(os.environ["GITHUB_PATH"]).open("a") as file:
        file.write(f"{folder}\n")


def _append(variable: str, name: str, value: str) -> None:
    end = f"end_{os.urandom(8).hex()}"
    with Path(os.environ[variable]).open("a") as file:
        file.write(f"{name}<<{end}\n{value}\n{end}\n")


def workspace() -> Path:
    """The job's workspace."""
    return Path(os.environ["GITHUB_WORKSPACE"])


def toolchains() -> list[dict[str, Any]]:
    """What the host has: a list of {"kind", "version", "bin", "root"}."""
    return list(json.loads((ROOT / "plan" / "toolchains.json").read_text()))


def major_of_ref() -> int:
    """The major version that a job uses of the action (`v6`, `v6.1.0`); 0 where its ref does not say so."""
    found = re.match(r"v(\d+)", os.environ["REF"])
    return int(found[1]) if found else 0


def check_cache(given: Mapping[str, str], locks: Mapping[str, list[str]]) -> None:
    """Fail where the originals do: a cache without a file that its key could be made of. `locks`: patterns by kind."""
    kind = given.get("cache", "").strip()
    if not kind:
        return
    if kind not in locks:
        fail(f"Caching for '{kind}' is not supported")
    patterns = given.get("cache-dependency-path", "").split() or locks[kind]
    if not any(any(workspace().glob(pattern)) for pattern in patterns):
        wanted = " or ".join(patterns)
        fail(f"No file in {workspace()} matched to [{wanted}], make sure you have checked out the target repository")


def from_tool_versions(path: Path, *names: str) -> str:
    """The version that a .tool-versions file gives for a tool, or the empty string."""
    rows = (line.split("#")[0].split() for line in path.read_text().splitlines())
    return next((row[1].removeprefix("v") for row in rows if len(row) > 1 and row[0] in names), "")


def call(*command: str, cwd: Path | None = None, quiet: bool = False, env: Mapping[str, str] | None = None) -> None:
    """Run a program and fail with it."""
    if not quiet:
        print(f"[command]{' '.join(command)}", flush=True)
    done = subprocess.run(command, cwd=cwd, env=env, check=False)
    if done.returncode:
        fail(f"The process '{command[0]}' failed with exit code {done.returncode}")


def unreplayable(reason: str) -> NoReturn:
    """End: this cannot be had here."""
    control.unreplayable(reason)
    fail(reason)


def fail(message: str) -> NoReturn:
    """End with an error, as an action does."""
    print(f"##[error]{message}", flush=True)
    sys.exit(1)
