"""Runs the command line with one fault of its own parts: `faulty.py FAULT NUMBER ARGUMENTS...`.

The fault strikes at the call with that number of what it strikes: a git command, a start of the sandbox, a save.
"""

import errno
import itertools
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import git

from bot.adapters import git_plumbing
from bot.adapters.bubblewrap import Process
from bot.app import App, Voices
from bot.cli import main
from bot.state.checkpoints import Checkpoints

FAULT, NUMBER = sys.argv.pop(1), int(sys.argv.pop(1))
CACHE = Path(os.environ["XDG_CACHE_HOME"]) / "regreen"
STRIKES = "the fault strikes"
LOCKED_OUT = "echo \"fatal: Unable to create 'x.lock': File exists.\" >&2; exit 128"
LOCK = Path(".git/refs/heads/regreen/state.lock")


def tell() -> None:
    print(STRIKES, file=sys.stderr)


def at_the_call(
    owner: Any,
    name: str,
    strike: Callable[..., Any],
    *,
    before: bool = True,
    counts: Callable[..., bool] = lambda *_: True,
) -> None:
    """Let `strike` see the arguments of the call with our number among those that `counts` says to count.

    What it returns replaces them, if it is anything.
    """
    method, numbers = getattr(owner, name), itertools.count(1)

    def called(*args: Any, **kwargs: Any) -> Any:
        struck = counts(*args) and next(numbers) == NUMBER
        if struck:
            tell()
        if struck and before:
            args = strike(*args) or args
        found = method(*args, **kwargs)
        if struck and not before:
            strike(*args)
        return found

    setattr(owner, name, called)


def git_instead(script: str, *commands: str) -> None:
    def counts(words: list[str], *_: object) -> bool:
        return not commands or any(command in words for command in commands)

    at_the_call(git_plumbing, "answer", lambda _, *more: (["sh", "-c", script], *more), counts=counts)


def sandbox_killed(seconds: float) -> None:
    def strike(process: Process, *_: object) -> None:
        threading.Timer(seconds, process._child.send_signal, [signal.SIGKILL]).start()

    at_the_call(Process, "__init__", strike, before=False)


def runs_dropped(*_: object) -> None:
    shutil.rmtree(CACHE / "runs", ignore_errors=True)


def changed_by_another(checkpoints: Checkpoints, incident: Any) -> None:
    with git.Repo(".") as repo:
        app = App(Path(repo.working_dir), os.environ, Voices(lambda _: None, lambda *_: None))
        if app.checkpoints.load(incident.id):
            app.checkpoints.update(incident.id, lambda r: r.changed(history=(*r.history, "another was here")))


def ref_locked(*_: object) -> None:
    if LOCK.parent.is_dir() and not LOCK.exists():
        LOCK.touch()
        threading.Timer(0.7, LOCK.unlink).start()


def damaged(name: str, content: bytes) -> None:
    tell()
    (CACHE / name).parent.mkdir(parents=True, exist_ok=True)
    (CACHE / name).write_bytes(content)


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(CACHE))


FAULTS: dict[str, Callable[[], object]] = {
    "git killed": lambda: git_instead("kill -9 $$"),
    "git locked out": lambda: git_instead(LOCKED_OUT, "update-index", "read-tree", "update-ref", "fast-import"),
    "sandbox killed at once": lambda: sandbox_killed(0),
    "sandbox killed in a step": lambda: sandbox_killed(0.25),
    "runs dropped": lambda: at_the_call(git_plumbing, "answer", runs_dropped),
    "runs dropped before a sandbox": lambda: at_the_call(Process, "__init__", runs_dropped),
    "record changed": lambda: at_the_call(Checkpoints, "save", changed_by_another),
    "branch locked": lambda: at_the_call(git_plumbing, "answer", ref_locked),
    "toolchains damaged": lambda: damaged("toolchains.json", [b"", b"{", b"[]", b'{"a": 1}', b"\xff\0"][NUMBER % 5]),
    "no space": lambda: at_the_call(Process, "__init__", no_space),
}

FAULTS[FAULT]()
main()
