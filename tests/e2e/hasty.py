"""Runs the command line on a clock that does not wait: what it would have slept, its time is ahead."""

import os
from datetime import datetime, timedelta

from bot.adapters.system_clock import SystemClock
from bot.cli import main

ahead = timedelta(seconds=float(os.environ.get("AHEAD", "0")))
real = SystemClock.now


def now(self: SystemClock) -> datetime:
    return real(self) + ahead


def sleep(_: SystemClock, seconds: float) -> None:
    global ahead
    ahead += timedelta(seconds=seconds)


SystemClock.now = now  # type: ignore[method-assign]
SystemClock.sleep = sleep  # type: ignore[method-assign, assignment]
if __name__ == "__main__":
    main()
