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

CACHE = Path("/opt/hostedtoolcache/Ruby")
PROGRAMS = ("ruby", "gem", "bundle", "bundler", "rake", "irb", "erb", "rdoc", "ri", "racc", "rbs", "typeprof", "rdbg")


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
    prefix = CACHE / toolchain["version"] / "x64"
    if not prefix.exists():
        link(Path(toolchain["bin"]), prefix / "bin")
    gems = Path.home() / ".gem" / "ruby" / toolchain["version"]
    set_env("GEM_HOME", str(gems))
    add_path(f"{prefix}/bin")
    add_path(f"{gems}/bin")
    set_output("ruby-prefix", str(prefix))
    if truth(given["bundler-cache"]):
        bundle(folder, f"{prefix}/bin", gems)
    print(f"Ruby {toolchain['version']}")


def link(source: Path, target: Path) -> None:
    """Put its programs where the original has them: with all of their folder on PATH, /usr/bin would hide the job's."""
    target.mkdir(parents=True)
    for name in PROGRAMS:
        if (source / name).exists():
            (target / name).symlink_to(source / name)


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
    names = (os.environ.get("BUNDLE_GEMFILE", "Gemfile"), "gems.rb")
    gemfile = next((Path(name) for name in names if (folder / name).is_file()), None)
    if gemfile is None:
        print('Could not determine gemfile path, skipping "bundle install" and caching')
        return
    lock = folder / ("gems.locked" if gemfile.name == "gems.rb" else f"{gemfile}.lock")
    call("bundle", "config", "--local", "path", f"{folder}/vendor/bundle", cwd=folder, env=env)
    if lock.exists():
        call("bundle", "config", "--local", "deployment", "true", cwd=folder, env=env)
    try:
        call("bundle", "install", "--jobs", "4", cwd=folder, env=env)
    except SystemExit:
        control.unreplayable("ruby/setup-ruby could not install the bundle here")
        raise
