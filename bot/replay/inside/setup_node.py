"""Stand-in for actions/setup-node: a Node.js that this machine has, or else npm's registry."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from bot.replay.inside import control, packages, versions
from bot.replay.inside.adapter import add_path, fail, inputs, set_env, set_output, workspace
from bot.replay.inside.versions import LTS

CACHE = Path("/opt/hostedtoolcache/node")
LOCKS = {
    "npm": ["package-lock.json", "npm-shrinkwrap.json", "yarn.lock"],
    "yarn": ["yarn.lock"],
    "pnpm": ["pnpm-lock.yaml"],
}
PROGRAMS = {"npm": "npm/bin/npm-cli.js", "npx": "npm/bin/npx-cli.js", "corepack": "corepack/dist/corepack.js"}
MACHINES = {"x86_64": "x64", "aarch64": "arm64"}
RANGE = re.compile(r"(?i)lts/[a-z]+|[\dvx.*^~<>=| -]+")
NPM = ((24, "11"), (18, "10"), (15, "8"), (0, "6"))  # what Node.js brings, from a version on


def main() -> None:
    """Put the wanted version on PATH."""
    given = inputs()
    wish = given.get("node-version") or from_file(given.get("node-version-file", ""))
    found = None if versions.newest("node", wish) else fetched(wish)
    toolchain = found or versions.taken("node", wish, "Node.js")
    folder = CACHE / toolchain["version"] / "x64"
    if not folder.exists():
        make(folder, toolchain)
    add_path(f"{folder}/bin")
    set_env("npm_config_prefix", str(folder))
    check_cache(given)
    set_output("node-version", f"v{toolchain['version']}")
    set_output("cache-hit", "false")
    print(f"node: v{toolchain['version']}")


def fetched(wish: str) -> dict[str, Any] | None:
    """A Node.js from npm's registry, with an npm that knows it; none where the registry has none, or is not reached."""
    wish, kind = wish.strip(), MACHINES.get(os.uname().machine, "")
    version = LTS.get(wish.lower(), wish)
    number = re.search(r"\d+", version)
    if not kind or not number or not RANGE.fullmatch(wish):
        return None
    npm = next(major for since, major in NPM if int(number[0]) >= since)
    place = CACHE / "fetched" / re.sub(r"\W+", "-", wish)
    modules = place / "node_modules"
    folder = modules / f"node-linux-{kind}" / "bin"
    if not packages.of_npm(place, f"node-linux-{kind}@{version}", f"npm@{npm}"):
        return None
    asked = subprocess.run([f"{folder}/node", "--version"], capture_output=True, text=True, check=False)
    version = asked.stdout.strip().removeprefix("v")
    if asked.returncode or not version:
        return None
    control.note(f"Node.js {version} of npm's registry was taken for {wish}")
    return {"version": version, "bin": str(folder), "program": "node", "modules": str(modules)}


def check_cache(given: dict[str, str]) -> None:
    """Fail where the original does: a cache without the lock file that its key is made of, or without its program."""
    kind = given.get("cache", "").strip()
    if not kind:
        return
    if kind not in LOCKS:
        fail(f"Caching for '{kind}' is not supported")
    if kind == "pnpm" and not shutil.which(kind):
        fail("Unable to locate executable file: pnpm.")
    names = given.get("cache-dependency-path", "").split() or LOCKS[kind]
    if not any(any(workspace().glob(name)) for name in names):
        told = f"Supported file patterns: {','.join(names)}"
        fail(f"Dependencies lock file is not found in {workspace()}. {told}")


def make(folder: Path, toolchain: dict[str, Any]) -> None:
    """A writable prefix at the original's path, with links to the programs: global installs go there, as on GitHub."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "node").symlink_to(f"{toolchain['bin']}/{toolchain['program']}")
    modules = Path(toolchain.get("modules") or Path(toolchain["bin"]).parent / "lib" / "node_modules")
    if not modules.is_dir():  # Debian keeps them elsewhere
        modules = Path("/usr/share/nodejs")
    for name, target in PROGRAMS.items():
        if (modules / target).exists():
            (folder / "bin" / name).symlink_to(modules / target)


def from_file(name: str) -> str:
    """What a .nvmrc, .node-version, .tool-versions or package.json asks for."""
    if not name:
        return ""
    path = workspace() / name
    if not path.is_file():
        fail(f"The specified node version file at: {path} does not exist")
    text = path.read_text()
    if path.name == "package.json":
        document = json.loads(text)
        return str(document.get("volta", {}).get("node") or document.get("engines", {}).get("node") or "")
    found = re.search(r"^(?:node(?:js)?\s+)?v?(\S+)", text, re.MULTILINE)
    return found[1] if found else ""
