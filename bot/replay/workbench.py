"""The workbench: a job held at its failing step, which runs what fixers and checks ask for and forgets it again.

A session is a stack of writes over the held job's folders. What was written to the workspace lies in the session's
upper folder on the host, where it is read as hostile data: plain files only, never through a link, never by git.
"""

import base64
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

from bot.errors import Transient
from bot.model import ReplayResult
from bot.ports import Executed, Ran, Sandbox, Watched, Written
from bot.replay import layout
from bot.replay.layout import open_below
from bot.replay.leg import Leg

RERUN_SECONDS = 1800.0  # of a step that has no limit of its own
MAX_OUTPUT = 4_000_000
MAX_TRACE = 50_000_000
MAX_SCRIPT = 1_000_000
MAX_FILE = 20_000_000
MAX_ARGUMENT = 60_000  # with base64, below what Linux lets one argument have (128 KiB)
OPAQUE = "user.overlay.opaque"
EMPTY = 'mkdir -p "${1%/*}" && { stat -c %Y "$1" 2>/dev/null || echo 0; } && : > "$1"'  # says of which second it was
APPEND = 'printf %s "$2" | base64 -d >> "$1" && { [ "$(stat -c %Y "$1")" -gt "$3" ] || touch -d "@$(($3 + 1))" "$1"; }'


class Workbench:
    """One held job."""

    def __init__(self, leg: Leg, sandbox: Sandbox) -> None:
        assert leg.held
        self.held, self.sandbox, self.folder, self._leg = leg.held, sandbox, leg.folder, leg
        self._numbers = count(1)

    @property
    def workspace(self) -> str:
        """The checked out repository, as the job sees it."""
        return self.held.env["GITHUB_WORKSPACE"]

    def session(self) -> "Session":
        """A fresh stack of writes over the held job."""
        return Session(self, f"s{next(self._numbers)}")

    def changed(self, blobs: Mapping[str, str], *, by_step: bool = False) -> tuple[Written, ...]:
        """The files (path -> blob id, "" for a new one) that differ in the job's own workspace, as its steps left it.

        With `by_step`, only those that were written since the held step began.
        """
        root = f"home/{self.in_home(self.workspace)}"
        since = self.held.began.timestamp() if by_step else 0.0
        known = ((path, blob) for path, blob in blobs.items() if path not in self.held.absent)
        found = (_difference(self.folder.root, f"{root}/{path}", path, blob, since) for path, blob in known)
        return tuple(w for w in found if w)

    def in_home(self, path: str) -> str:
        """A path without the job's home before it, for `open_below`: the job may say that it stands anywhere."""
        return path.removeprefix(f"{layout.HOME}/")

    def serve(self, command: Sequence[str], cwd: str, env: Mapping[str, str], timeout: float) -> Ran:
        """Let the held job run a command. Raises `Transient` when it has ended meanwhile."""
        name = f"{next(self._numbers)}.out"
        pairs = (f"{k}={v}" for k, v in env.items())
        answer = self._leg.request("run", f"{layout.CONTROL}/{name}", timeout, cwd, len(command), *command, *pairs)
        output = self.folder.control / name
        text = _tail(self.folder.control, name, MAX_OUTPUT).decode("utf-8", "replace")
        output.unlink(missing_ok=True)
        return Ran(answer.code, text, answer.seconds, answer.timed_out)

    def trace(self, command: Sequence[str]) -> tuple[list[str], Path]:
        """The command under watch, and the file (outside) in which its programs will be written down."""
        name = f"{next(self._numbers)}.trace"
        tracer = [layout.INTERPRETER, "-IS", f"{layout.BIN}/run", "trace", f"{layout.CONTROL}/{name}"]
        return [*tracer, *command], self.folder.control / name


Benches = Callable[[str], Workbench | None]
"""Gives the workbench of a leg by its key, None when it is not held."""
Look = Callable[[ReplayResult, Benches], None]
"""Shown a leg that has failed, in a result of that leg alone, while others go on; it runs in the place of that leg."""


class Session:
    """Runs commands in the held step's own environment; their writes stack up here and reach nothing else."""

    def __init__(self, bench: Workbench, name: str) -> None:
        self._bench, self._held = bench, bench.held
        self._name = name
        self._overlays = {}
        for kind, inside in layout.OVERLAID.items():
            for half in ("upper", "work"):
                try:
                    os.close(open_below(bench.folder.control, f"sessions/{name}/{kind}/{half}", folder=True, make=True))
                except OSError as e:
                    raise Transient(f"the held job is in the way of its workbench: {e.strerror}") from e
            base = f"{layout.CONTROL}/sessions/{name}/{kind}"
            self._overlays[inside] = (f"{base}/upper", f"{base}/work")

    @property
    def workspace(self) -> str:
        """The checked out repository, as the job sees it."""
        return self._bench.workspace

    @property
    def _limit(self) -> float:
        return self._held.seconds or RERUN_SECONDS

    @property
    def script(self) -> str:
        """The script of the held step, as its shell was given it; empty for an action."""
        path = Path(self._held.command[-1])
        if not path.is_relative_to(layout.RUNNER_TEMP):
            return ""
        place = f"home/{self._bench.in_home(str(path))}"
        return _tail(self._bench.folder.root, place, MAX_SCRIPT).decode("utf-8", "replace")

    def run(
        self, argv: Sequence[str], *, cwd: str = "", env: Mapping[str, str] | None = None, timeout: float = 600
    ) -> Ran:
        """Run a command, in the held step's folder and environment unless given others."""
        command = self._bench.sandbox.nested(self._overlays, argv, pid_namespace=True)
        return self._bench.serve(command, cwd or self._held.cwd, env or {}, timeout)

    def put(self, path: str, content: bytes | None) -> None:
        """Write a file of the repository, or (None) delete it.

        Its time moves on by a second at least: Python and others keep what they made of a file of that time and size.
        """
        place = f"{self.workspace}/{path}"
        if content is None:
            self.run(["rm", "-f", "--", place])
            return
        emptied = self.run(["sh", "-c", EMPTY, "sh", place])
        for at in range(0, len(content), MAX_ARGUMENT):
            piece = base64.b64encode(content[at : at + MAX_ARGUMENT]).decode()
            self.run(["sh", "-c", APPEND, "sh", place, piece, emptied.output.strip()])

    def rerun(self) -> Ran:
        """Run the held step again, within its own time limit."""
        return self.run(self._held.command, timeout=self._limit)

    def watch(self) -> Watched:
        """Run the held step again, within its own time limit, and see every program that it starts.

        Where watching is refused, none is seen.
        """
        argv, result = self._bench.trace(self._held.command)
        command = self._bench.sandbox.nested(self._overlays, argv, pid_namespace=False)  # the tracer looks into /proc
        ran = self._bench.serve(command, self._held.cwd, {}, self._limit)
        programs = tuple(_executed(_tail(result.parent, result.name, MAX_TRACE)))
        result.unlink(missing_ok=True)
        return Watched(ran.code, ran.output, ran.seconds, ran.timed_out, programs)

    def written(self) -> tuple[Written, ...]:
        """What the session has changed in the workspace, without `.git` and files of more than 20 MB: no fix is one."""
        upper = f"sessions/{self._name}/home/upper/{self._bench.in_home(self.workspace)}"
        return tuple(sorted(_walk(self._bench.folder.control, upper), key=lambda w: w.path))


def _difference(root: Path, place: str, path: str, blob: str, since: float) -> Written | None:
    """What a tracked file has become, or None where it is as it was, is no regular file, or is older than `since`."""
    try:
        descriptor = open_below(root, place)
    except FileNotFoundError:
        return None if since else Written(path, None)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        info = os.fstat(descriptor)
        if info.st_size > MAX_FILE or info.st_ctime < since:
            return None
        content = file.read(MAX_FILE)
    same = hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest() == blob
    return None if same else Written(path, content, bool(info.st_mode & stat.S_IXUSR))


def _tail(root: Path, place: str, limit: int) -> bytes:
    """The end of a file that hostile code may have put there: no link, no device."""
    try:
        descriptor = open_below(root, place)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        file.seek(max(0, os.fstat(descriptor).st_size - limit))
        return file.read(limit)


def _executed(text: bytes) -> Iterator[Executed]:
    for line in text.splitlines():
        try:
            row = json.loads(line)
            code = None if row["code"] is None else int(row["code"])
            env = {str(k): str(v) for k, v in row["env"].items()}
            yield Executed(tuple(map(str, row["argv"])), str(row["cwd"]), code, str(row["program"]), env)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue


def _walk(root: Path, place: str) -> Iterator[Written]:
    try:
        descriptor = open_below(root, place, folder=True)
    except OSError:
        return
    try:
        yield from _walk_open(descriptor, "")
    finally:
        os.close(descriptor)


def _walk_open(folder: int, prefix: str) -> Iterator[Written]:
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        path = prefix + entry.name
        mode = entry.stat(follow_symlinks=False).st_mode
        if not prefix and entry.name == ".git":
            continue
        if stat.S_ISDIR(mode):
            below = os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            try:
                if OPAQUE in os.listxattr(below):  # deleted and made anew
                    yield Written(path, None)
                yield from _walk_open(below, f"{path}/")
            finally:
                os.close(below)
        elif stat.S_ISREG(mode):
            if (content := _content(folder, entry.name)) is not None:
                yield Written(path, content, bool(mode & stat.S_IXUSR))
        elif stat.S_ISCHR(mode) and entry.stat(follow_symlinks=False).st_rdev == 0:  # overlayfs: deleted
            yield Written(path, None)


def _content(folder: int, name: str) -> bytes | None:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(MAX_FILE) if os.fstat(descriptor).st_size <= MAX_FILE else None
