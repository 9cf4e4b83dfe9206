"""Bounds for a sandbox: a control group where one can be made, and a watcher that kills in any case.

rlimits do not do: they count per user, and do not bind root at all.

A replay waits until this is imported; psutil and tenacity, which take longer than the rest, are imported when needed.
"""

import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bot.ports import Limits

CGROUPS = Path("/sys/fs/cgroup")
INTERVAL_SECONDS = 0.1
GONE_SECONDS = 10.0  # how long the end of killed processes is waited for
STALE_SECONDS = 60.0
LEG_BYTES = 2 * 1024**3  # room that a leg is given at least; GitHub's own runners have 4 GB per core
PREFIX = "regreen-"
INSIDE = "inside"
ENTER = 'for f in $1; do echo $$ > "$f/cgroup.procs" || exit 125; done; shift; unset PWD OLDPWD; exec "$@"'


@dataclass(frozen=True)
class Group:
    """A control group of our own: one folder under cgroup 2, one per controller under cgroup 1.

    What runs is in a group below it: in a user namespace of its own a process may mount its group and all below, and
    write to it if it has the uid that made it; so the limits stand above.
    """

    folders: tuple[Path, ...]

    @classmethod
    def make(cls, limits: Limits, root: Path = CGROUPS) -> "Group | None":
        """Make one with these limits; None where this user may not."""
        name = f"{PREFIX}{os.getpid()}-{os.urandom(4).hex()}"
        if (root / "cgroup.controllers").is_file():
            group = cls((root / name,))
            bounds = {"pids.max": limits.processes, "memory.max": limits.memory, "memory.swap.max": 0}
        elif (root / "pids").is_dir() and (root / "memory").is_dir():
            group = cls((root / "pids" / name, root / "memory" / name))
            bounds = {"memory.use_hierarchy": 1}  # which Linux 5.11 and newer have always
            bounds |= {"pids.max": limits.processes, "memory.limit_in_bytes": limits.memory}
        else:
            return None
        for folder in group.folders:
            _sweep(folder.parent)
        try:
            for folder in group.folders:
                folder.mkdir()
            group._write(bounds)
            for folder in group.folders:
                (folder / INSIDE).mkdir()
        except OSError:
            group.remove()
            return None
        return group

    def _write(self, bounds: dict[str, int]) -> None:
        for file, value in bounds.items():
            target = next((f / file for f in self.folders if (f / file).exists()), None)
            if target:
                target.write_text(str(value))
        if not any((f / "pids.max").exists() for f in self.folders):
            raise OSError("the controllers are not delegated")

    def entering(self, command: Sequence[str]) -> list[str]:
        """The command that joins the group before it becomes `command`."""
        return ["/bin/sh", "-c", ENTER, "sh", " ".join(str(f / INSIDE) for f in self.folders), *command]

    def verdict(self) -> str:
        """Whether a limit was hit, in words; empty when none was."""
        for folder in (f / below for f in self.folders for below in (INSIDE, "")):  # cgroup 1 counts where it happened
            if _counter(folder / "memory.events", "oom_kill") or _counter(folder / "memory.oom_control", "oom_kill"):
                return "it used more memory than it may"
            if _counter(folder / "pids.events", "max"):
                return "it started more processes than it may"
        return ""

    def remove(self) -> None:
        """End what is left in the group, wait until it has gone, and remove the group."""
        from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

        for folder in (Path(below) for f in self.folders for below, _, _ in os.walk(f, topdown=False)):
            with suppress(OSError):  # not made, or what is in it cannot be ended
                Retrying(
                    retry=retry_if_exception(lambda e: isinstance(e, OSError) and e.errno == errno.EBUSY),
                    wait=wait_fixed(0.002),
                    stop=stop_after_delay(GONE_SECONDS),
                    reraise=True,
                )(_empty, folder)


def _empty(folder: Path) -> None:
    for pid in (folder / "cgroup.procs").read_text().split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    folder.rmdir()


@cache
def _sweep(root: Path) -> None:
    """Remove the groups that killed processes left behind; once in the life of a process."""
    for folder in root.glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).split("-")[0]
        with suppress(OSError):  # another process was quicker, or it is still in use
            if time.time() - folder.stat().st_mtime > STALE_SECONDS and not Path("/proc", pid).exists():
                for below, _, _ in os.walk(folder, topdown=False):
                    Path(below).rmdir()


def _counter(file: Path, key: str) -> int:
    try:
        words = file.read_text().split()
    except OSError:
        return 0
    return int(words[words.index(key) + 1]) if key in words else 0


def legs_at_once(cores: int, memory: int) -> int:
    """How many legs run side by side: one per core, as long as there is memory (bytes) for each; one in any case."""
    return max(1, min(cores, memory // LEG_BYTES))


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory(root: Path = CGROUPS) -> int:
    """The bytes that are free on this machine, or that its container may have, if those are less."""
    free = 1024 * _counter(Path("/proc/meminfo"), "MemAvailable:")
    if not free:  # no Linux
        import psutil

        free = psutil.virtual_memory().available
    for file in (root / "memory.max", root / "memory" / "memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # no container, or `max`
            free = min(free, int(file.read_text()))
    return free


def watch(
    pid: int,
    limits: Limits,
    disks: Sequence[int],
    group: Group | None,
    kill: Callable[[str], None],
    ended: threading.Event,
) -> None:
    """Look every 0.1 s at the processes below `pid` and at the disk; kill with a reason when a limit is passed.

    `disks` are descriptors of folders; they are closed in the end.
    """
    free = [_free(d) for d in disks]
    deadline = time.monotonic() + limits.seconds
    while not ended.wait(INTERVAL_SECONDS):
        if reason := group.verdict() if group else _over(pid, limits):
            kill(reason)
        elif time.monotonic() > deadline:
            kill(f"it ran longer than {limits.seconds:g} s")
        elif any(was - _free(d) > limits.disk for d, was in zip(disks, free, strict=True)):
            kill(f"it wrote more than {limits.disk:,} bytes")
    for disk in disks:
        os.close(disk)


def _free(disk: int) -> int:
    found = os.fstatvfs(disk)
    return found.f_bavail * found.f_frsize


def _over(pid: int, limits: Limits) -> str:
    count, memory = _usage(pid)
    if count > limits.processes:
        return "it started more processes than it may"
    return "it used more memory than it may" if memory > limits.memory else ""


def _usage(pid: int) -> tuple[int, int]:
    import psutil

    try:
        processes = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return 0, 0
    memory = 0
    for process in processes:
        try:
            memory += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return len(processes), memory
