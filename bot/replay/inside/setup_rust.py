"""Stand-ins for dtolnay/rust-toolchain, actions-rs/toolchain and actions-rust-lang/setup-rust-toolchain."""

import os
import re
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

from bot.replay.inside import rust, versions
from bot.replay.inside.adapter import fail, inputs, set_env, set_output, truth, unreplayable, workspace

VERSION = re.compile(r"(?:stable|beta|nightly|\d+\.\d+(?:\.\d+)?)(?:-\d{4}-\d\d-\d\d)?")


def main(original: str) -> None:
    """`dtolnay`, `actions-rs` or `actions-rust-lang`."""
    if versions.preferred("rustup") is None:
        unreplayable("a step sets up Rust, and rustup is not installed here")
    {"dtolnay": dtolnay, "actions-rs": actions_rs, "actions-rust-lang": actions_rust_lang}[original](inputs())


def dtolnay(given: dict[str, str]) -> None:
    """The ref of the action is the toolchain, unless the input says another."""
    channel = given["toolchain"] or os.environ["REF"]
    if not given["toolchain"] and channel in ("master", "v1"):
        fail("'toolchain' is a required input")
    if not VERSION.fullmatch(channel):
        unreplayable(f"dtolnay/rust-toolchain is asked for '{channel}', which cannot be resolved here")
    rust.take(channel, listed(given["components"]), listed(given["targets"] or given["target"]))
    run("rustup", "default", channel)
    for name, value in {
        "CARGO_HOME": f"{Path.home()}/.cargo",
        "CARGO_INCREMENTAL": "0",
        "CARGO_TERM_COLOR": "always",
    }.items():
        set_unless_there(name, value)
    set_output("name", channel)
    set_output("cachekey", cache_key(channel))


def actions_rs(given: dict[str, str]) -> None:
    """The input is the toolchain, or else the file `rust-toolchain`."""
    file = workspace() / "rust-toolchain"
    if not given["toolchain"] and not file.is_file():
        fail("toolchain input was not given and repository does not have a rust-toolchain file")
    channel = given["toolchain"] or file.read_text().strip()
    rust.take(channel, listed(given["components"]), listed(given["target"]))
    if truth(given["default"]):
        run("rustup", "default", channel)
    if truth(given["override"]):
        run("rustup", "override", "set", channel)
    for name in ("rustc", "cargo", "rustup"):
        said = run(name, "-V").split(" ", 1)[1].strip()
        set_output(name, said)
        if name == "rustc" and (found := re.search(r"\((\S+) ", said)):
            set_output("rustc_hash", found[1])


def actions_rust_lang(given: dict[str, str]) -> None:
    """The input lists toolchains, the last one is used; without it the file of the tree, or stable."""
    settings = {"CARGO_INCREMENTAL": "0", "CARGO_PROFILE_DEV_DEBUG": "0", "CARGO_TERM_COLOR": "always"}
    settings |= {"RUST_BACKTRACE": "short", "RUSTFLAGS": given["rustflags"], "CARGO_UNSTABLE_SPARSE_REGISTRY": "true"}
    settings["CARGO_REGISTRIES_CRATES_IO_PROTOCOL"] = "sparse"
    for name, value in settings.items():
        if value:
            set_unless_there(name, value)
    folder = workspace() / given["rust-src-dir"]
    if not folder.is_dir():
        fail(f"'rust-src-dir' does not point to an existing directory\nThe value of 'rust-src-dir' is: {folder}")
    channels = listed(given["toolchain"]) or [from_file(folder) or "stable"]
    for channel in channels:
        rust.take(channel, listed(given["components"]), listed(given["target"]))
    if (given["toolchain"] or not from_file(folder)) and truth(given["override"]):
        run("rustup", "override", "set", channels[-1], cwd=folder)
    for name in ("rustc", "cargo", "rustup"):
        set_output(f"{name}-version", run(name, "--version", cwd=folder).strip())
    set_output("cachekey", cache_key(channels[-1]))


def from_file(folder: Path) -> str:
    """The channel of a rust-toolchain or rust-toolchain.toml file, or the empty string."""
    file = next((f for f in (folder / "rust-toolchain", folder / "rust-toolchain.toml") if f.is_file()), None)
    if file is None:
        return ""
    text = file.read_text()
    if "[toolchain]" not in text:
        return text.strip()
    return str(tomllib.loads(text)["toolchain"].get("channel", ""))


def listed(text: str) -> list[str]:
    """A list with commas or spaces."""
    return text.replace(",", " ").split()


def set_unless_there(name: str, value: str) -> None:
    """Set a variable that the job has not set itself."""
    if name not in os.environ:
        set_env(name, value)


def cache_key(channel: str) -> str:
    """Date and commit of the compiler, as the originals make them."""
    said = dict(row.split(": ", 1) for row in run("rustc", f"+{channel}", "-Vv").splitlines() if ": " in row)
    return (said.get("commit-date", "").replace("-", "") + said.get("commit-hash", ""))[:12]


def run(name: str, *arguments: str, cwd: Path | None = None) -> str:
    """What a program of rustup prints."""
    env: Mapping[str, str] = {**os.environ, "PATH": f"{rust.PROGRAMS}:{os.environ['PATH']}"}
    done = subprocess.run([name, *arguments], env=env, cwd=cwd, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        fail(f"The process '{name}' failed with exit code {done.returncode}")
    return done.stdout
