"""Stand-in for pnpm/action-setup: pnpm from the machine's own npm registry, in the version that is asked for."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from bot.replay.inside.adapter import (
    NPM_INSTALL,
    add_path,
    call,
    fail,
    inputs,
    set_env,
    set_output,
    truth,
    unreplayable,
    workspace,
)


def main() -> None:
    """Install pnpm, put it on PATH, and run `pnpm install` where that is asked for."""
    given = inputs()
    target = wanted(given["version"], workspace() / given["package_json_file"])
    if given["run_install"].strip() not in ("", "null", "~", "true", "false"):
        unreplayable("pnpm/action-setup is asked for a list of installs (run_install), which cannot be had here")
    name = "@pnpm/exe" if truth(given["standalone"]) else "pnpm"
    folder = Path(os.path.abspath(Path(given["dest"]).expanduser()))
    programs = folder / "node_modules" / ".bin"
    if (folder / "package.json").exists():  # else only pnpm's own store may be there, of an earlier replay
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}')
    if subprocess.run([*NPM_INSTALL, f"{name}@{target}"], cwd=folder, check=False).returncode:
        unreplayable(f"{name}@{target} cannot be had here")
    add_path(str(programs))
    set_env("PNPM_HOME", str(programs))
    set_output("dest", str(folder))
    set_output("bin_dest", str(programs))
    if truth(given["run_install"]):
        env = {**os.environ, "PNPM_HOME": str(programs), "PATH": f"{programs}:{os.environ['PATH']}"}
        call("pnpm", "recursive", "install", cwd=workspace(), env=env)


def wanted(version: str, package: Path) -> str:
    """The version of the input, or that of `packageManager` in package.json."""
    manager = json.loads(package.read_text()).get("packageManager") if package.is_file() else None
    named = manager.removeprefix("pnpm@") if isinstance(manager, str) else ""
    if version and named and named != version:
        fail(
            f"Multiple versions of pnpm specified:\n"
            f'  - version {version} in the GitHub Action config with the key "version"\n'
            f'  - version {manager} in the package.json with the key "packageManager"'
        )
    if version:
        return version
    if not named:
        fail("No pnpm version is specified.")
    if not str(manager).startswith("pnpm@"):
        fail("Invalid packageManager field in package.json")
    return named.partition("+")[0]
