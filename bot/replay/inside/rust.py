"""rustup of a job: the machine's own, in a home of the job's, where links stand for the toolchains of this machine.

Lies as `rustup`, `cargo`, `rustc` ... behind that home's programs on PATH, so that it makes the home when one of them
is first used. Afterwards it is still `rustup`: what that would download is taken from this machine, or named.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from bot.replay.inside import control, versions
from bot.replay.inside.adapter import toolchains

HOME = Path("/home/runner/.rustup")
PROGRAMS = Path("/home/runner/.cargo/bin")
PROXIES = (
    "cargo",
    "rustc",
    "rustdoc",
    "rustfmt",
    "cargo-fmt",
    "cargo-clippy",
    "clippy-driver",
    "rust-gdb",
    "rust-lldb",
)
TRIPLE = f"{os.uname().machine}-unknown-linux-gnu"
OURS = "/regreen/tools/rustup"


def main(name: str, arguments: list[str]) -> None:
    """Become the program; as rustup, take what is to be installed from this machine."""
    make()
    if name == "rustup" and arguments[:2] in (["toolchain", "install"], ["toolchain", "update"], ["toolchain", "add"]):
        install(arguments[2:])
    elif name == "rustup" and arguments[:1] in (["install"], ["update"], ["upgrade"]):
        install(arguments[1:])
    elif name != "rustup" or arguments[:2] != ["self", "update"]:
        program = real() if name == "rustup" else f"{PROGRAMS}/{name}"
        os.execv(program, [name, *arguments])


def real() -> str:
    """The machine's own rustup."""
    found = versions.preferred("rustup")
    assert found is not None, "the host makes us a command only where it has found one"
    return f"{found['bin']}/{found['program']}"


def make() -> None:
    """Make the home: every toolchain under its version, the newest of each channel under its name."""
    if HOME.exists():
        return
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    (HOME / "toolchains").mkdir(parents=True)
    (PROGRAMS / "rustup").symlink_to(OURS)
    for name in PROXIES:
        (PROGRAMS / name).symlink_to(real())
    for channel in ("stable", "beta", "nightly"):
        if newest := versions.newest("rust", channel):
            link(channel, newest["bin"])
    for toolchain in toolchains():
        if toolchain["kind"] == "rust" and "-" not in toolchain["version"]:
            link(toolchain["version"], toolchain["bin"])
    default = f'default_toolchain = "stable-{TRIPLE}"\n'
    (HOME / "settings.toml").write_text(f'version = "12"\nprofile = "minimal"\n{default}')


def link(channel: str, programs: str) -> None:
    """Let a name stand for a toolchain."""
    place = HOME / "toolchains" / f"{channel}-{TRIPLE}"
    if not place.is_symlink():
        place.symlink_to(Path(programs).parent)


def take(channel: str, components: list[str], targets: list[str]) -> None:
    """Make sure of a toolchain with its components and targets, or end."""
    make()
    channel = channel.removesuffix(f"-{TRIPLE}")
    link(channel, versions.taken("rust", channel, "Rust")["bin"])
    for kind, names in (("component", components), ("target", targets)):
        command = [real(), kind, "add", "--toolchain", channel, *names]
        if names and subprocess.run(command, check=False).returncode:
            control.unreplayable(f"Rust {channel} has not the {kind} {' '.join(names)} here")
            sys.exit(1)


def install(arguments: list[str]) -> None:
    """`rustup toolchain install` and its like; without a toolchain, that of the folder."""
    parser = argparse.ArgumentParser(prog="rustup", add_help=False, allow_abbrev=False)
    parser.add_argument("-c", "--component", action="extend", type=words, default=[])
    parser.add_argument("-t", "--target", action="extend", type=words, default=[])
    parser.add_argument("--profile")
    given, rest = parser.parse_known_args(arguments)
    channels = [word for word in rest if not word.startswith("-")]
    for channel in channels:
        take(channel, given.component, given.target)
    if not channels:
        os.execv(real(), ["rustup", "show", "active-toolchain"])


def words(text: str) -> list[str]:
    """A list with commas."""
    return [word for word in text.split(",") if word]
