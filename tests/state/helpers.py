"""What the tests of the state branch share: repositories, clocks, incidents, and a git that can be told to fail."""

import hashlib
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.adapters.git_plumbing import GitPlumbing
from bot.model import Incident, ReplayOptions
from bot.state.checkpoints import Checkpoints

REF = "refs/heads/regreen/state"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
IDENTITY = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")


class FakeClock:
    """A clock that stands still, except for sleeping, which takes no time but moves it."""

    def __init__(self) -> None:
        self.time = NOON
        self.slept: list[float] = []
        self.on_sleep: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)
        self.on_sleep()


class RealClock:
    """The machine's clock, for tests with several processes."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.1))  # only who waits for its turn comes here


def _nothing(command: str) -> None:
    """What happens around a command when nobody says otherwise."""


class WatchedGit:
    """The real git, with its commands counted and `before` and `after` called around each of them."""

    def __init__(self, git_dir: Path) -> None:
        self._git = GitPlumbing(git_dir)
        self.calls: list[str] = []
        self.before: Callable[[str], None] = _nothing
        self.after: Callable[[str], None] = _nothing

    @property
    def git_dir(self) -> Path:
        return self._git.git_dir

    def run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, timeout: float = 600) -> bytes:
        self.calls.append(args[0])
        self.before(args[0])
        out = self._git.run(*args, stdin=stdin, env=env, timeout=timeout)
        self.after(args[0])
        return out

    def try_run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes | None:
        self.calls.append(args[0])
        self.before(args[0])
        out = self._git.try_run(*args, stdin=stdin, env=env)
        self.after(args[0])
        return out


def git(folder: Path, *args: str, stdin: bytes = b"") -> str:
    """Run git as a user would, with nobody's configuration."""
    done = subprocess.run(
        ["env", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "git", *IDENTITY, *args],
        cwd=folder,
        input=stdin,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def repository(folder: Path, *options: str) -> Path:
    """Make an empty repository."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", *options)
    return folder


def git_dir(folder: Path) -> Path:
    """The git directory of a checkout or of a bare repository."""
    return folder / ".git" if (folder / ".git").is_dir() else folder


def opened(folder: Path, **options: Any) -> Checkpoints:
    """Open the checkpoints of a repository."""
    chosen: dict[str, Any] = {"clock": FakeClock(), "redactor": str} | options
    return Checkpoints(GitPlumbing(git_dir(folder)), **chosen)


def incident_number(number: int) -> str:
    """An id, spread over the shards as real ones are."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:12]


def incident(number: int = 1, **fields: Any) -> Incident:
    """A new incident."""
    known: dict[str, Any] = {
        "id": incident_number(number),
        "repository": "owner/name",
        "head": "a" * 40,
        "snapshot": "b" * 40,
        "ref": "refs/heads/main",
        "options": ReplayOptions(),
        "created": NOON,
        "updated": NOON,
    }
    return Incident(**(known | fields))


def plant(folder: Path, path: str, content: bytes, *, mode: str = "100644") -> None:
    """Commit a file to the state branch behind our back, as somebody with write permission could."""
    blob = git(folder, "hash-object", "-w", "--stdin", stdin=content)
    plant_object(folder, path, blob, mode=mode)


def plant_object(folder: Path, path: str, sha: str, *, mode: str) -> None:
    stream = f"commit {REF}\ncommitter x <x@y> 1 +0000\ndata 1\nx\nfrom {REF}^0\nM {mode} {sha} {path}\n"
    git(folder, "fast-import", "--quiet", stdin=stream.encode())


def paths(folder: Path, ref: str = REF) -> list[str]:
    """Every file on the state branch."""
    return git(folder, "ls-tree", "-r", "--name-only", ref).splitlines()


def history(folder: Path) -> list[str]:
    """The subjects of the state branch's commits, newest first."""
    return git(folder, "log", "--format=%s", REF).splitlines()
