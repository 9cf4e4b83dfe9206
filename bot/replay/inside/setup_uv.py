"""Stand-in for astral-sh/setup-uv: a uv of this machine, and its Pythons where uv looks for those that it downloads."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from bot.replay.inside import versions
from bot.replay.inside.adapter import (
    add_path,
    call,
    fail,
    from_tool_versions,
    inputs,
    set_env,
    set_output,
    toolchains,
    truth,
    workspace,
)

CACHE = Path("/opt/hostedtoolcache/uv")
DEPENDENCY = re.compile(r"uv([=<>~!]+[^;\s]*)")
UNCACHED_EVENTS = ("pull_request_target", "workflow_run", "release")


def main() -> None:
    """Put uv on PATH."""
    given = inputs()
    folder = workspace() / given["working-directory"]
    file = folder / Path(given["version-file"]).expanduser() if given["version-file"] else None
    toolchain = versions.taken("uv", wanted(given["version"], file, folder), "uv")
    programs = CACHE / toolchain["version"] / "x86_64"
    if not programs.exists():
        programs.mkdir(parents=True)
        for name in ("uv", "uvx"):
            (programs / name).symlink_to(f"{toolchain['bin']}/{name}")
    announce(given, folder, programs)
    python = given["python-version"]
    if not python and file and file.name.endswith(".tool-versions") and not os.environ.get("UV_PYTHON"):
        python = from_tool_versions(file, "python")
    if versions.EXACT.fullmatch(python):  # uv would not take another patch release
        python = versions.taken("python", python, "Python")["version"]
    settings = dict(os.environ, UV_PYTHON_INSTALL_DIR=str(pythons()), UV_PYTHON_PREFERENCE=preference())
    if python:
        set_env("UV_PYTHON", python)
        settings["UV_PYTHON"] = python
    if truth(given["activate-environment"]):
        activate(given, folder, programs / "uv", settings)
    set_output("uv-version", toolchain["version"])
    set_output("python-version", python or python_of(folder, programs / "uv", settings))
    print(f"Successfully installed uv version {toolchain['version']}")


def wanted(version: str, file: Path | None, folder: Path) -> str:
    """The version of uv: the input, that of the file, that of uv.toml or pyproject.toml, or the latest."""
    if version:
        return version
    if file:
        return from_file(file) or fail(f"Could not determine uv version from file: {file}")
    found = (from_file(folder / name) for name in ("uv.toml", "pyproject.toml"))
    return next(filter(None, found), "latest")


def from_file(path: Path) -> str:
    """What a uv.toml, pyproject.toml, uv.lock, .tool-versions or requirements file asks for, or the empty string."""
    if not path.is_file():
        return ""
    if path.name.endswith(".tool-versions"):
        return from_tool_versions(path, "uv")
    if path.suffix == ".txt":
        return dependency(path.read_text().splitlines())
    try:
        document = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError:
        return ""
    if path.name.endswith("uv.lock"):
        return next((str(p.get("version", "")) for p in document.get("package", ()) if p.get("name") == "uv"), "")
    if path.name.endswith("uv.toml"):
        return str(document.get("required-version", ""))
    return str(document.get("tool", {}).get("uv", {}).get("required-version", "")) or dependency(listed(document))


def listed(document: dict[str, Any]) -> list[str]:
    """The dependencies of a pyproject.toml, of every kind."""
    project = document.get("project", {})
    groups = [*project.get("optional-dependencies", {}).values(), *document.get("dependency-groups", {}).values()]
    rows = [*project.get("dependencies", ()), *(row for group in groups for row in group)]
    return [row for row in rows if isinstance(row, str)]


def dependency(rows: list[str]) -> str:
    """What the first requirement of uv asks for."""
    return next((found[1] for row in rows if (found := DEPENDENCY.match(row.strip()))), "")


def announce(given: dict[str, str], folder: Path, programs: Path) -> None:
    """Variables, PATH and outputs, in the original's order."""
    home = Path.home()
    binaries = given["tool-bin-dir"] and folder / Path(given["tool-bin-dir"]).expanduser()
    if binaries:
        set_env("UV_TOOL_BIN_DIR", str(binaries))
    data = os.environ.get("XDG_DATA_HOME")
    add_path(str(binaries or os.environ.get("XDG_BIN_HOME") or (f"{data}/../bin" if data else home / ".local/bin")))
    set_output("uv-path", f"{programs}/uv")
    set_output("uvx-path", f"{programs}/uvx")
    add_path(str(programs))
    if given["tool-dir"]:
        set_env("UV_TOOL_DIR", str(folder / Path(given["tool-dir"]).expanduser()))
    set_env("UV_PYTHON_INSTALL_DIR", str(pythons()))
    set_env("UV_PYTHON_PREFERENCE", preference())
    add_path(str(pythons()))
    cached = cache_is_on(given["enable-cache"])
    if given["cache-local-path"]:
        set_env("UV_CACHE_DIR", str(folder / Path(given["cache-local-path"]).expanduser()))
    elif cached:
        set_env("UV_CACHE_DIR", os.environ.get("UV_CACHE_DIR") or str(own_cache()))
    if cached:
        set_output("cache-hit", "false")
        set_output("python-cache-hit", "false")


def own_cache() -> Path:
    """The original's folder; it leads to the one that uv has by itself, where what an earlier replay left may lie."""
    folder, usual = Path(os.environ["RUNNER_TEMP"], "setup-uv-cache"), Path.home() / ".cache" / "uv"
    usual.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        folder.symlink_to(usual)
    return folder


def cache_is_on(wish: str) -> bool:
    """Whether the original would use its cache; `auto` asks for the event."""
    if wish != "auto":
        return wish == "true"
    event, ref = os.environ["GITHUB_EVENT_NAME"], os.environ["GITHUB_REF"]
    return event not in UNCACHED_EVENTS and not (event == "push" and ref.startswith("refs/tags/"))


def pythons() -> Path:
    """The folder of uv's own Pythons, with those of this machine in it: they stand for what uv would download."""
    folder = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or f"{os.environ['RUNNER_TEMP']}/uv-python-dir")
    if not folder.exists():
        for toolchain in toolchains():
            if toolchain["kind"] == "python":
                add_python(folder / f"cpython-{toolchain['version']}-linux-{os.uname().machine}-gnu", toolchain)
    return folder


def add_python(root: Path, toolchain: dict[str, Any]) -> None:
    """What uv looks at in a Python of its own: the program, and settings of its build that uv changes."""
    minor = f"python{'.'.join(toolchain['version'].split('.')[:2])}"
    library = root / "lib" / minor
    if library.exists():
        return
    library.mkdir(parents=True)
    for settings in Path(toolchain["bin"]).parent.glob(f"lib/{minor}/_sysconfigdata_*.py"):
        shutil.copy(settings, library)
    (root / "bin").mkdir()
    (root / "bin" / minor).symlink_to(f"{toolchain['bin']}/{toolchain['program']}")


def preference() -> str:
    """What is on PATH first, as on GitHub, where uv has downloaded no Python yet."""
    return os.environ.get("UV_PYTHON_PREFERENCE") or "system"


def activate(given: dict[str, str], folder: Path, uv: Path, settings: dict[str, str]) -> None:
    """Make the virtual environment for the steps after this one."""
    environment = folder / Path(given["venv-path"] or ".venv").expanduser()
    more = ["--no-project"] if truth(given["no-project"]) else []
    call(str(uv), "venv", str(environment), "--directory", str(folder), "--clear", *more, env=settings)
    add_path(f"{environment}/bin")
    set_env("VIRTUAL_ENV", str(environment))
    set_output("venv", str(environment))


def python_of(folder: Path, uv: Path, settings: dict[str, str]) -> str:
    """The version of the Python that uv would take, or `unknown`."""
    find = [str(uv), "python", "find", "--directory", str(folder)]
    path = subprocess.run(find, env=settings, capture_output=True, text=True, check=False).stdout.strip()
    if not path:
        return "unknown"
    return (
        subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout.split(" ")[-1].strip()
    )
