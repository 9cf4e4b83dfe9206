"""Git without surprises: plumbing commands through GitPython, with everything that could run foreign code switched off.

A repository's own configuration can name programs (hooks, fsmonitor, filters, textconv, ssh commands). The overrides
below keep all of them from running; only plumbing subcommands that honour the overrides are let through.
"""

import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import git
import re2
from git.exc import GitCommandError, GitCommandNotFound

from bot.errors import GitFailed, MachineError, Transient

PLUMBING = frozenset(
    [
        "apply",
        "archive",
        "cat-file",
        "check-ignore",
        "check-ref-format",
        "commit-tree",
        "diff-tree",
        "fast-import",
        "fetch",
        "for-each-ref",
        "grep",
        "hash-object",
        "index-pack",
        "init",
        "ls-files",
        "ls-remote",
        "ls-tree",
        "merge-base",
        "merge-tree",
        "mktree",
        "pack-objects",
        "push",
        "read-tree",
        "rev-list",
        "rev-parse",
        "show-ref",
        "symbolic-ref",
        "unpack-objects",
        "update-index",
        "update-ref",
        "write-tree",
    ]
)
OVERRIDES = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.quotePath": "false",
    "core.autocrlf": "false",
    "core.logAllRefUpdates": "false",
    "diff.external": "",
    "diff.renames": "false",
    "diff.noprefix": "false",
    "diff.mnemonicPrefix": "false",
    "fastimport.unpackLimit": "100",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.ext.allow": "never",
    "push.gpgSign": "false",
    "safe.bareRepository": "explicit",
    "submodule.recurse": "false",
}
KEPT = frozenset({"GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS"})
NO_GIT, GET_GIT = "git is not installed", "install git 2.30 or newer"
FULL = "No space left on device"
LOCKED = re2.compile(r"^fatal: Unable to create '.*\.lock'")  # of an index; that of a ref says which ref first
TIMED_OUT = "Timeout: the command"  # how GitPython reports that it killed the process


class GitPlumbing:
    """One git directory; see `bot.ports.Git`.

    `git_dir` must exist unless the first command is `init`. `work_tree` is only for commands that read one. `within` is
    a command that starts git (to bound it), `config` are more overrides.
    """

    def __init__(
        self,
        git_dir: Path,
        *,
        work_tree: Path | None = None,
        env: Mapping[str, str] | None = None,
        within: Sequence[str] = (),
        config: Mapping[str, str] | None = None,
    ) -> None:
        self._within, self._overrides = tuple(within), {**OVERRIDES, **(config or {})}
        self._git_dir = git_dir.absolute()
        self._work_tree = work_tree.absolute() if work_tree else None
        self._env = dict(env or {})

    @property
    def git_dir(self) -> Path:
        """The absolute git directory."""
        return self._git_dir

    @cached_property
    def _prefix(self) -> list[str]:
        unset = [k for k in os.environ if k.startswith("GIT_") and k not in KEPT]
        words = ["env", *(f"-u{k}" for k in unset), *self._within, "git", f"--git-dir={self._git_dir}"]
        if self._work_tree:
            words.append(f"--work-tree={self._work_tree}")
        return [*words, *(word for k, v in self._overrides.items() for word in ("-c", f"{k}={v}"))]

    def run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, timeout: float = 600) -> bytes:
        """Run `git ARGS`; see `bot.ports.Git.run`."""
        if args[0] not in PLUMBING:
            raise ValueError(f"not a plumbing command: {args[0]}")
        cwd = self._work_tree or (self._git_dir if self._git_dir.is_dir() else self._git_dir.parent)
        settings = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **self._env, **(env or {})}
        with tempfile.TemporaryFile() as feed:
            feed.write(stdin)
            feed.seek(0)
            try:
                out = git.Git(cwd).execute(
                    [*self._prefix, *args],
                    istream=feed,
                    env=settings,
                    stdout_as_string=False,
                    strip_newline_in_stdout=False,
                    kill_after_timeout=timeout,
                )
            except GitCommandNotFound as e:
                raise MachineError(NO_GIT, hint=GET_GIT) from e
            except GitCommandError as e:
                raise _failure(args, e, timeout) from e
            except KeyboardInterrupt:  # GitPython leaves its timer running, and Python would wait for it at the end
                for timer in (t for t in threading.enumerate() if isinstance(t, threading.Timer)):
                    timer.cancel()
                raise
        assert isinstance(out, bytes)
        return out

    def version(self) -> str:
        """The version of git, for people. Raises `MachineError` when there is none."""
        try:
            return "git " + ".".join(map(str, git.Git().version_info))
        except GitCommandNotFound as e:
            raise MachineError(NO_GIT, hint=GET_GIT) from e

    def try_run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes | None:
        """Like `run`, but None when git exits with an error."""
        try:
            return self.run(*args, stdin=stdin, env=env)
        except GitFailed:
            return None


def _failure(args: tuple[str, ...], error: GitCommandError, timeout: float) -> GitFailed | MachineError | Transient:
    text = str(error.stderr).removeprefix("\n  stderr: '").removesuffix("'").strip()
    if TIMED_OUT in text:
        return Transient(f"git {args[0]} needed more than {timeout:.0f} s")
    line = next((x for x in reversed(text.splitlines()) if x.startswith(("fatal:", "error:"))), text.splitlines()[-1:])
    told = line if isinstance(line, str) else "".join(line)
    code = error.status if isinstance(error.status, int) else -1
    if FULL in text:
        return MachineError(f"git {args[0]}: {FULL}", hint="free some space, then go on")
    if code < 0 or LOCKED.search(told):  # it has not answered the question
        return Transient(f"git {args[0]} failed: {told or f'killed by signal {-code}'}")
    return GitFailed(f"git {args[0]} failed: {told or f'exit code {code}'}", code=code, stderr=text)
