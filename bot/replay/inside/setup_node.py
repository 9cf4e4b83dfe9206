"""Stand-in for actions/setup-node: a Node.js that this machine has."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from bot.replay.inside import versions
from bot.replay.inside.adapter import add_path, fail, inputs, set_env, set_output, workspace

CACHE = Path("/opt/hostedtoolcache/node")
LOCKS = {
    "npm": ["package-lock.json", "npm-shrinkwrap.json", "yarn.lock"],
    "yarn": ["yarn.lock"],
    "pnpm": ["pnpm-lock.yaml"],
}
PROGRAMS = {"npm": "npm/bin/npm-cli.js", "npx": "npm/bin/npx-cli.js", "corepack": "corepack/dist/corepack.js"}


def main() -> None:
    """Put the wanted version on PATH."""
    given = inputs()
    wish = given.get("node-version") or from_file(given.get("node-version-file", ""))
    toolchain = versions.taken("node", wish, "Node.js")
    folder = CACHE / toolchain["version"] / "x64"
    if not folder.exists():
        make(folder, toolchain)
    add_path(f"{folder}/bin")
    set_env("npm_config_prefix", str(folder))
    check_cache(given)
    set_output("node-version", f"v{toolchain['version']}")
    set_output("cache-hit", "false")
    print(f"node: v{toolchain['version']}")


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
    modules = Path(toolchain["bin"]).parent / "lib" / "node_modules"
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
