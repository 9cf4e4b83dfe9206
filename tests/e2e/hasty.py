"""A clock that does not wait: what it would have slept, its time is ahead. As a program, the command line on it."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.adapters.system_clock import SystemClock
from bot.cli import main

real = SystemClock.now


def be_hasty(put: Callable[[type, str, object], None], ahead: float) -> None:
    """Put such a clock, some seconds ahead, in the place of the machine's."""
    more = timedelta(seconds=ahead)

    def now(self: SystemClock) -> datetime:
        return real(self) + more

    def sleep(_: SystemClock, seconds: float) -> None:
        nonlocal more
        more += timedelta(seconds=seconds)

    put(SystemClock, "now", now)
    put(SystemClock, "sleep", sleep)


if __name__ == "__main__":
    be_hasty(setattr, float(os.environ.get("AHEAD", "0")))
    main()
