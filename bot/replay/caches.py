"""The package managers' own caches: what a replay of a commit has filled is given to later ones of the same files.

A job gets them as layers below its HOME that it cannot change. What it writes itself is kept only from the replay of
the commit that the checkout is at, never from that of a candidate, and is seen by nobody but replays of the same files
and of the candidates that are made of them: see docs/security.md. Layers never change once they are there.
"""

import fcntl
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bot.model import JobResult, Result
from bot.replay.layout import LegFolder, open_below, remove

MAX_LAYERS = 3  # of one leg: what the second and third run of the same files have still had to fetch
MAX_FILES, MAX_DEPTH = 200_000, 40
CHUNK = 1 << 24
FILES, ABOUT = "files", "about"
ENDED = (Result.SUCCESS, Result.FAILURE)


@dataclass(frozen=True)
class Caches:
    """All that is kept, below `folder`, bounded to `max_bytes`. `patterns` of config/caches.yaml, by their tools.

    `stacks` says whether a sandbox can have layers there.
    """

    folder: Path
    patterns: Mapping[str, Sequence[str]]
    max_bytes: int
    stacks: Callable[[Path], bool]

    def shelf(self, name: str) -> "Shelf":
        """What belongs to replays of the same files with the same options; the caller closes it."""
        return Shelf(self.folder / _short(name), self)

    def prune(self) -> None:
        """Drop what was used longest ago, until the rest is small enough; what is in use stays."""
        total = 0
        for shelf in sorted(self.folder.iterdir(), key=_last_use, reverse=True):
            total += sum(_told(about)[0] for about in shelf.glob(f"*/*/{ABOUT}"))
            with _locked(shelf, fcntl.LOCK_EX) as alone:
                if not alone:
                    continue
                if total > self.max_bytes or shelf.suffix:
                    gone = shelf.with_suffix(".gone")  # at once: nobody finds half of it
                    with suppress(OSError):
                        shelf.rename(gone)
                    remove(gone)
                for part in shelf.glob("part-*"):  # of a process that was killed
                    remove(part)


class Shelf:
    """The layers of the legs of a replay. Nobody removes them as long as it is open."""

    def __init__(self, folder: Path, caches: Caches) -> None:
        self._folder, self._caches = folder, caches
        self._open = ExitStack()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._usable = self._open.enter_context(_locked(folder, fcntl.LOCK_SH))
        if self._usable:
            os.utime(folder)
        self.grown = False

    def close(self) -> None:
        """Let it go."""
        with suppress(OSError):
            self._folder.rmdir()  # where nothing was kept
        self._open.close()

    def layers(self, leg: str) -> tuple[Path, ...]:
        """The folders that go below the HOME of a leg, the lowest first; those that are damaged are left out."""
        if not self._usable:
            return ()
        found = sorted(self._of(leg).glob(f"*/{FILES}"), key=lambda path: path.parent.name)
        return tuple(path for path in found if _told(path.parent / ABOUT) == _about(path))[-MAX_LAYERS:]

    def keep(self, leg: str, home: Path, given: Sequence[Path]) -> None:
        """Keep what a leg with the layers `given` has added to the caches in its HOME, which hostile code has written.

        All of it or, where it is too much or cannot be read, nothing.
        """
        if not self._usable or len(given) >= MAX_LAYERS:
            return
        paths = _matching(home, [p for of_tool in self._caches.patterns.values() for p in of_tool])
        if not paths:
            return
        part = self._folder / f"part-{os.urandom(8).hex()}"
        try:
            if not _Copy(home, part / FILES, given, self._caches.max_bytes).take(paths) or not self._stacks:
                return
            (part / ABOUT).write_text(" ".join(map(str, _about(part / FILES))))
            self._of(leg).mkdir(exist_ok=True)
            part.rename(self._of(leg) / f"{time.time_ns():020}-{part.name}")
            self.grown = True
        except OSError:  # the disk is full, say: the next replay fetches once more
            return
        finally:
            remove(part)

    @cached_property
    def _stacks(self) -> bool:
        return self._caches.stacks(self._folder)

    def _of(self, leg: str) -> Path:
        return self._folder / _short(leg)


class Given:
    """What one replay has of the caches; `trusted` is that of the commit that the checkout is at, and nothing else."""

    def __init__(self, shelf: Shelf | None, *, trusted: bool) -> None:
        self._shelf, self._trusted = shelf, trusted
        self._names: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """Which legs had layers, in words for people."""
        names = ", ".join(self._names)
        return (
            (f"package caches that a replay of the commit itself had filled were given to: {names}",) if names else ()
        )

    def layers(self, leg: str, name: str) -> tuple[Path, ...]:
        """What goes below the HOME of the leg of that key and name, the lowest first."""
        found = self._shelf.layers(leg) if self._shelf else ()
        if found:
            self._names[name] = None
        return found

    def keep(self, job: JobResult, folder: LegFolder) -> None:
        """Keep what a leg that has ended, or is held, has fetched."""
        if self._shelf and self._trusted and _would_go_the_same_way(job):
            self._shelf.keep(job.key, folder.home, folder.layers)


def _would_go_the_same_way(job: JobResult) -> bool:
    """Whether a job would end as it did with all at hand that it has fetched.

    Where steps went on after a failure, what they have fetched might let pass, next time, the step that failed.
    """
    ran = [step.result for step in job.steps if step.result in ENDED]
    return job.result in ENDED and Result.FAILURE not in ran[:-1]


class _Copy:
    """Copies caches out of a HOME: plain files, folders and links; no link is followed."""

    def __init__(self, home: Path, target: Path, given: Sequence[Path], max_bytes: int) -> None:
        self._home, self._target, self._given, self._max_bytes = home, target, given, max_bytes
        self._files = self._bytes = 0

    def take(self, paths: Sequence[str]) -> int:
        """Copy folders, or files; how many files that were. Raises `OSError`."""
        self._target.mkdir(parents=True)
        for path in paths:
            folder, _, name = path.rpartition("/")
            try:
                found = open_below(self._home, folder, folder=True)
            except OSError:  # a link is on the way
                continue
            try:
                self._entry(found, name, self._target / folder, path.count("/"))
            finally:
                os.close(found)
        return self._files

    def _entry(self, parent: int, name: str, target: Path, depth: int) -> None:
        info = os.stat(name, dir_fd=parent, follow_symlinks=False)
        target.mkdir(parents=True, exist_ok=True)
        if stat.S_ISDIR(info.st_mode):
            self._folder(parent, name, target / name, depth + 1)
            (target / name).chmod(info.st_mode & 0o777 | stat.S_IRWXU)
        elif any(os.path.lexists(layer / target.relative_to(self._target) / name) for layer in self._given):
            return  # uv's hard links let all that a job installs appear among what it has written
        elif stat.S_ISLNK(info.st_mode):
            (target / name).symlink_to(os.readlink(name, dir_fd=parent))
        elif stat.S_ISREG(info.st_mode):
            self._file(parent, name, target / name)

    def _folder(self, parent: int, name: str, target: Path, depth: int) -> None:
        target.mkdir()
        if depth > MAX_DEPTH:
            raise OSError(f"{name} is too deep")
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        try:
            for entry in list(os.scandir(below)):
                self._entry(below, entry.name, target, depth)
        finally:
            os.close(below)

    def _file(self, parent: int, name: str, target: Path) -> None:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=parent)
        with os.fdopen(descriptor, "rb") as file, target.open("wb") as copy:
            info = os.fstat(descriptor)
            self._files, self._bytes = self._files + 1, self._bytes + info.st_size
            if not stat.S_ISREG(info.st_mode) or self._files > MAX_FILES or self._bytes > self._max_bytes:
                raise OSError(f"{name} is too much")
            shutil.copyfileobj(file, copy, CHUNK)
            after = os.fstat(descriptor)
            if (after.st_size, after.st_mtime_ns) != (info.st_size, info.st_mtime_ns):
                raise OSError(f"{name} is being written")
        target.chmod(info.st_mode & 0o777)
        os.utime(target, ns=(info.st_mtime_ns, info.st_mtime_ns))


def _last_use(shelf: Path) -> float:
    """When a shelf was opened last; long ago, where another process removes it just now."""
    with suppress(FileNotFoundError):
        return shelf.stat().st_mtime
    return 0.0


def _short(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _matching(home: Path, patterns: Sequence[str]) -> list[str]:
    """The paths below a HOME that match; what is there may be a link, and is opened as one that may."""
    return sorted({str(path.relative_to(home)) for pattern in patterns for path in home.glob(pattern)})


def _about(layer: Path) -> tuple[int, str]:
    """The bytes of a layer, and a digest of what its files look like: a power failure may have cut some."""
    total, digest = 0, hashlib.sha256()
    for path in sorted(layer.rglob("*")):  # links are not followed
        info = path.lstat()
        if not stat.S_ISDIR(info.st_mode):
            total += info.st_size
            row = f"{path.relative_to(layer)}\0{info.st_mode}\0{info.st_size}\0{info.st_mtime_ns}\0"
            digest.update(row.encode("utf-8", "surrogateescape"))
    return total, digest.hexdigest()


def _told(about: Path) -> tuple[int, str]:
    """What was noted of a layer when it was kept; nothing where that cannot be read."""
    with suppress(OSError, ValueError):
        total, digest = about.read_text().split()
        return int(total), digest
    return 0, ""


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[bool]:
    """Lock a folder if it is there and nobody's lock is in the way; whether it was."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield False
        return
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        is_it = os.path.samestat(os.fstat(descriptor), folder.stat())
    except OSError:
        is_it = False
    try:
        yield is_it
    finally:
        os.close(descriptor)
