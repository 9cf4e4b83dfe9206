"""Stands where git's own transport for https stands (gitremote-helpers(7)): the repository comes from the host's cache.

The host fetches what the replayed tree names and shows a copy. What it refuses is asked of the real transport where
there is a network; where that cannot have it either, the job is UNREPLAYABLE, and the repository named.
"""

import os
import subprocess
import sys

from bot.replay.inside import control

REAL = "/regreen/git-remote-https"


def main(network: str, remote: str, url: str = "") -> None:
    """Serve one remote; git calls with its name and its URL."""
    host = control.Host()
    host.tell("source", url or remote)
    place, reason = [*host.hear(), "", ""][1:3]
    if place:
        connect(place)
    elif network == "none" or subprocess.call([REAL, remote, *([url] if url else [])]):
        control.unreplayable(reason)
        print(f"fatal: {reason}", file=sys.stderr)
        sys.exit(128)


def connect(place: str) -> None:
    """Answer git's questions until it asks for the other side's program, then become that."""
    while (line := read_line()) and not line.startswith("connect "):
        os.write(1, b"connect\n\n" if line == "capabilities" else b"\n")
    if line.endswith("git-receive-pack"):
        control.unreplayable("a step pushes to a repository, which is never done in a replay")
        sys.exit(128)
    if line:
        os.write(1, b"\n")
        env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith("GIT_TRACE")}
        os.execvpe("git", ["git", "upload-pack", "--strict", place], env)


def read_line() -> str:
    """One line of standard input, and not a byte more: the rest is for the program that this process becomes."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode()
