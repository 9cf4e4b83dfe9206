"""Programs that a job needs and this machine has not, from the package indexes that it may reach."""

import os
import shutil
import subprocess
from pathlib import Path

from bot.replay.inside import versions
from bot.replay.inside.adapter import NPM_INSTALL
from bot.replay.inside.setup_python import make

PIP_INSTALL = ("install", "--quiet", "--no-input", "--retries=0", "--no-compile", "--only-binary=:all:")
OF_THE_JOB = ("PIP_CONSTRAINT", "PIP_NO_DEPS", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PIP_TARGET", "PIP_USER")
"""Variables by which a job tells pip what to do with its own packages."""


def of_python(folder: Path, requirement: str) -> bool:
    """Whether a folder has an installation of Python with this package now."""
    toolchain = versions.preferred("python")
    if toolchain is None:
        return False
    make(folder, toolchain)
    pip = [str(folder / "bin" / "python"), "-I", "-m", "pip", *PIP_INSTALL, requirement]
    env = {name: value for name, value in os.environ.items() if name not in OF_THE_JOB}
    done = subprocess.run(pip, env=env, capture_output=True, check=False).returncode == 0
    if not done:
        shutil.rmtree(folder)
    return done


def of_npm(folder: Path, *packages: str) -> bool:
    """Whether a folder has these packages in its `node_modules` now."""
    if not shutil.which("npm"):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}')
    return subprocess.run([*NPM_INSTALL, *packages], cwd=folder, capture_output=True, check=False).returncode == 0
