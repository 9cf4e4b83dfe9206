"""The folder of one command's replays, beside those of earlier commands, whose logs are kept for a while."""

import array
import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from bot.replay.layout import remove
from bot.replay.replays import discard

KEPT, MOST = 30, 100
KEPT_SECONDS = 7 * 24 * 3600.0
GET_FLAGS, SET_FLAGS, TOP = (
    0x80086601,
    0x40086602,
    0x20000,
)  # FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_TOPDIR_FL of linux/fs.h


def new_folder(runs: Path, now: datetime) -> Path:
    """Make a folder below `runs` that only this user can enter."""
    folder = runs / f"{now:%Y%m%dT%H%M%S}-{os.getpid()}-{os.urandom(2).hex()}"
    if not runs.exists():
        runs.mkdir(parents=True, exist_ok=True)  # another process may be as new
        spread(runs)
    folder.mkdir(mode=0o700)  # else other users could run what a job has made setuid
    return folder


def tidy(runs: Path, now: datetime, is_running: Callable[[str], bool]) -> None:
    """Remove what earlier commands have left.

    Logs stay: those of a week up to `MOST`, and the newest `KEPT` in any case. What a killed process left goes;
    `is_running` tells of the number of a process whether it is there.
    """
    for number, old in enumerate(sorted(runs.iterdir(), reverse=True)):
        with suppress(FileNotFoundError):  # another process tidies up as well
            age = now.timestamp() - old.stat().st_mtime
            running = is_running(old.name.partition("-")[2].partition("-")[0])
            in_use = running and (old / "source").exists()
            if not in_use and (number >= MOST or (number >= KEPT and age > KEPT_SECONDS)):
                remove(old)
            elif not running:
                discard(old)


def spread(folder: Path) -> None:
    """Ask ext4 to spread what is below a folder over the disk, as `chattr +T` does; others refuse, which is no matter.

    Without a journal it looks, for each new inode, at all of the neighbourhood that were freed in the last
    minutes: a checkout of 2,000 files cost 2.2 s of system time after some replays, and 0.3 s so.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    flags = array.array("i", [0])
    try:
        fcntl.ioctl(descriptor, GET_FLAGS, flags)
        flags[0] |= TOP
        fcntl.ioctl(descriptor, SET_FLAGS, flags)
    except OSError:
        pass
    finally:
        os.close(descriptor)
