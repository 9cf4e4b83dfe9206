"""Lock files that a killed git left behind."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

from bot.ports import Clock

GRACE_SECONDS = 10.0
"""A live git holds a ref's lock for milliseconds; this leaves room for a stalled disk."""
LOOK_SECONDS = 0.25


def clear_stale(locks: Iterable[Path], clock: Clock) -> None:
    """Remove those of `locks` that stay the very same file for `GRACE_SECONDS`: nobody is going to finish them.

    Waits only as long as one does. Ages are not compared with the wall clock, which may jump.
    """
    held = {path: mark for path in locks if (mark := _identity(path))}
    waited = 0.0
    while held and waited < GRACE_SECONDS:
        clock.sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
        held = {path: mark for path, mark in held.items() if _identity(path) == mark}
    for path in held:
        path.unlink(missing_ok=True)


def _identity(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        status = path.lstat()
        return status.st_ino, status.st_ctime_ns
    return None
