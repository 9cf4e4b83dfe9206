"""Stand-in for ruby/setup-ruby: a Ruby that this machine has; what `gem install` adds is the job's own."""

import os
import re
from pathlib import Path

from bot.replay.inside import control, versions
from bot.replay.inside.adapter import (
    add_path,
    call,
    fail,
    from_tool_versions,
    inputs,
    set_env,
    set_output,
    truth,
    unreplayable,
    workspace,
)


def main() -> None:
    """Put the wanted version on PATH, and install the bundle where that is asked for."""
    given = inputs()
    folder = workspace() / given["working-directory"]
    wish = given["ruby-version"]
    if wish == "default":
        wish = from_files(folder)
    wish = wish.removeprefix("ruby-").removeprefix("ruby") or "latest"
    toolchain = versions.taken("ruby", wish, "Ruby")
    if given["rubygems"] not in ("", "default"):
        unreplayable(f"RubyGems {given['rubygems']} is asked for, which cannot be had here")
    gems = Path.home() / ".gem" / "ruby" / toolchain["version"]
    set_env("GEM_HOME", str(gems))
    add_path(toolchain["bin"])
    add_path(f"{gems}/bin")
    set_output("ruby-prefix", str(Path(toolchain["bin"]).parent))
    if truth(given["bundler-cache"]):
        bundle(folder, toolchain["bin"], gems)
    print(f"Ruby {toolchain['version']}")


def from_files(folder: Path) -> str:
    """What .ruby-version, .tool-versions or mise.toml asks for, in the original's order."""
    if (folder / ".ruby-version").is_file():
        return (folder / ".ruby-version").read_text().strip()
    if (folder / ".tool-versions").is_file() and (found := from_tool_versions(folder / ".tool-versions", "ruby")):
        return found
    mise = folder / "mise.toml"
    row = re.search(r"""^ruby\s*=\s*["'](.+)["']""", mise.read_text(), re.MULTILINE) if mise.is_file() else None
    return (
        row[1] if row else fail("input ruby-version needs to be specified if no .ruby-version or .tool-versions exists")
    )


def bundle(folder: Path, programs: str, gems: Path) -> None:
    """Install the bundle as the original does. Whether a failure is the project's own is not known."""
    env = {**os.environ, "GEM_HOME": str(gems), "PATH": f"{gems}/bin:{programs}:{os.environ['PATH']}"}
    gemfile = Path(os.environ.get("BUNDLE_GEMFILE", "Gemfile"))
    lock = folder / ("gems.locked" if gemfile.name == "gems.rb" else f"{gemfile}.lock")
    call("bundle", "config", "--local", "path", f"{folder}/vendor/bundle", cwd=folder, env=env)
    if lock.exists():
        call("bundle", "config", "--local", "deployment", "true", cwd=folder, env=env)
    try:
        call("bundle", "install", "--jobs", "4", cwd=folder, env=env)
    except SystemExit:
        control.unreplayable("ruby/setup-ruby could not install the bundle here")
        raise
