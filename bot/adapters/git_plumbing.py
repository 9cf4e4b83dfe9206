"""Git without surprises: plumbing commands, with everything that could run foreign code switched off.

A repository's own configuration can name programs (hooks, fsmonitor, filters, textconv, ssh commands). The overrides
below keep all of them from running; only plumbing subcommands that honour the overrides are let through.

Not by way of GitPython: a replay asks git some twenty times, which cost 20 % more so, with its import 60 ms in all.
"""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import re2

from bot.errors import GitFailed, MachineError, Transient

PLUMBING = frozenset(
    [
        "apply",
        "archive",
        "blame",
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
REMOTE = frozenset(["fetch", "ls-remote", "push"])
"""Those that speak to other repositories."""
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


class GitPlumbing:
    """One git directory; see `bot.ports.Git`.

    `git_dir` must exist unless the first command is `init`. `work_tree` is only for commands that read one. `within` is
    a command that starts git (to bound it), `config` are more overrides. `access` gives what lets commands in at other
    repositories, in their environment; it is asked for each of those, for it may not last.
    """

    def __init__(
        self,
        git_dir: Path,
        *,
        work_tree: Path | None = None,
        env: Mapping[str, str] | None = None,
        within: Sequence[str] = (),
        config: Mapping[str, str] | None = None,
        access: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._within, self._overrides = tuple(within), {**OVERRIDES, **(config or {})}
        self._git_dir = git_dir.absolute()
        self._work_tree = work_tree.absolute() if work_tree else None
        self._env = dict(env or {})
        self._access = access

    @property
    def git_dir(self) -> Path:
        """The absolute git directory."""
        return self._git_dir

    def run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, timeout: float = 600) -> bytes:
        """Run `git ARGS`; see `bot.ports.Git.run`."""
        if args[0] not in PLUMBING:
            raise ValueError(f"not a plumbing command: {args[0]}")
        words = [*self._within, "git", f"--git-dir={self._git_dir}"]
        if self._work_tree:
            words.append(f"--work-tree={self._work_tree}")
        words += (word for k, v in self._overrides.items() for word in ("-c", f"{k}={v}"))
        cwd = self._work_tree or next(p for p in (self._git_dir, *self._git_dir.parents) if p.is_dir())
        access = self._access() if args[0] in REMOTE else {}
        settings = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **self._env, **access, **(env or {})}
        try:
            code, out, errors = answer([*words, *args], cwd, without_gits() | settings, stdin, timeout)
        except subprocess.TimeoutExpired as e:
            raise Transient(f"git {args[0]} needed more than {timeout:.0f} s") from e
        if code:
            raise _failure(args[0], code, out, errors.decode("utf-8", "replace").strip())
        return out

    def version(self) -> str:
        """The version of git, for people. Raises `MachineError` when there is none."""
        _, told, _ = answer(["git", "version"], Path.cwd(), os.environ, b"", 60)
        return told.decode().replace(" version", "").strip()

    def try_run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes | None:
        """Like `run`, but None when git exits with an error."""
        try:
            return self.run(*args, stdin=stdin, env=env)
        except GitFailed:
            return None


def without_gits() -> dict[str, str]:
    """Our own environment without what would tell git another repository or configuration."""
    return {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k in KEPT}


def answer(
    words: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: bytes, timeout: float
) -> tuple[int, bytes, bytes]:
    """The exit code, output and errors of git, which does not outlive the call, nor do the programs that it started.

    Raises `MachineError` when there is none.
    """
    try:
        started_git = subprocess.Popen(
            words, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except FileNotFoundError as e:
        raise MachineError(NO_GIT, hint=GET_GIT) from e
    with started_git as process:
        try:
            out, errors = process.communicate(stdin, timeout)
        except BaseException:
            import psutil

            with suppress(psutil.NoSuchProcess):  # after Ctrl-C it may have ended of itself
                started = psutil.Process(process.pid).children(recursive=True)
                process.kill()
                for one in started:
                    with suppress(psutil.NoSuchProcess):
                        one.kill()
            raise
    return process.returncode, out, errors


def _failure(command: str, code: int, out: bytes, text: str) -> GitFailed | MachineError | Transient:
    lines = text.splitlines()
    told = next((x for x in reversed(lines) if x.startswith(("fatal:", "error:"))), lines[-1] if lines else "")
    if FULL in text:
        return MachineError(f"git {command}: {FULL}", hint="free some space, then go on")
    if code < 0 or LOCKED.search(told):  # it has not answered the question
        return Transient(f"git {command} failed: {told or f'killed by signal {-code}'}")
    return GitFailed(f"git {command} failed: {told or f'exit code {code}'}", code=code, stderr=text, out=out)
