"""Stand-in for actions/setup-go: a Go that this machine has."""

import os
import re
import subprocess
from pathlib import Path

from bot.replay.inside import versions
from bot.replay.inside.adapter import (
    add_path,
    fail,
    from_tool_versions,
    inputs,
    major_of_ref,
    set_env,
    set_output,
    truth,
    workspace,
)

CACHE = Path("/opt/hostedtoolcache/go")
LOCAL_SINCE = 6  # the version of the action that lets go take no other toolchain for a go.mod


def main() -> None:
    """Put the wanted version, and the folder of what `go install` makes, on PATH."""
    given = inputs()
    wish = given["go-version"] or from_file(given["go-version-file"])
    if major_of_ref() >= LOCAL_SINCE:
        set_env("GOTOOLCHAIN", "local")
    toolchain = versions.taken("go", wish, "Go")
    folder = CACHE / toolchain["version"] / "x64"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.symlink_to(Path(toolchain["bin"]).parent)
    add_path(f"{folder}/bin")
    asked = subprocess.run([f"{folder}/bin/go", "env", "GOPATH"], capture_output=True, text=True, check=False)
    programs = Path(asked.stdout.strip() or Path.home() / "go") / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    add_path(str(programs))
    if truth(given["cache"]):
        set_output("cache-hit", "false")
    set_output("go-version", toolchain["version"])
    print(f"Successfully set up Go version {toolchain['version']}")


def from_file(name: str) -> str:
    """What a go.mod, go.work, .tool-versions or .go-version asks for."""
    if not name:
        return ""
    path = workspace() / name
    if not path.is_file():
        fail(f"The specified go version file at: {name} does not exist")
    if path.name == ".tool-versions":
        return from_tool_versions(path, "golang")
    text = path.read_text()
    if path.name not in ("go.mod", "go.work"):
        return text.strip()
    exact = re.search(r"^toolchain go(1\.\d+(?:\.\d+|rc\d+)?)", text, re.MULTILINE)
    if exact and os.environ.get("GOTOOLCHAIN") != "local":
        return exact[1]
    found = re.search(r"^go (\d+(\.\d+)*)", text, re.MULTILINE)
    return found[1] if found else ""
