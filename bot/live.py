"""The legs that run now, redrawn on a terminal."""

import time
from threading import Lock
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from bot.model import JobResult
from bot.replay.record import Step
from bot.report import SIGNS, shown
from bot.text.inert import plain

MOST_ENDED = 10
"""How many legs that have ended the live list shows."""


class LiveSteps:
    """The legs that run now, each with its steps, and those that have ended; rich asks for it ten times a second."""

    def __init__(self) -> None:
        self._legs: dict[str, list[tuple[Step, float]]] = {}
        self._ended: list[tuple[str, JobResult]] = []
        self._lock = Lock()
        self._spinner = Spinner("dots")
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._live = Live(self, console=self._console, transient=True, refresh_per_second=10)
        self._live.start()

    def stop(self) -> None:
        """Take it off the terminal."""
        self._live.stop()

    def say(self, text: str) -> None:
        """A line that stays, above it."""
        self._console.print(f"[dim]{shown(text)}[/]")

    def on(self, what: str, leg: str, of: Step | JobResult | None) -> None:
        """See `bot.replay.replayer.Progress`."""
        with self._lock:
            if what == "started":
                self._ended = self._ended if self._legs else []  # another replay begins
                self._legs[leg] = []
            elif what == "step began" and isinstance(of, Step) and leg in self._legs:
                self._legs[leg].append((of, time.monotonic()))
            elif what == "ended" and isinstance(of, JobResult):
                self._legs.pop(leg, None)
                self._ended.append((leg, of))

    def __rich__(self) -> Group:
        rows: list[Any] = []
        with self._lock:
            for leg, job in self._ended[-MOST_ENDED:]:
                rows.append(Text.from_markup(f"{SIGNS[job.result]} {shown(leg)}  [dim]{job.seconds:.1f} s[/]"))
            for leg, steps in self._legs.items():
                rows.append(Text(plain(leg), style="bold"))
                rows += [self._row(step, began) for step, began in steps]
        return Group(*rows)

    def _row(self, step: Step, began: float) -> Any:
        name = plain(step.headline)
        if step.result is None:
            line = Table.grid(padding=(0, 1))
            line.add_row("  ", self._spinner, Text(name), Text(f"{time.monotonic() - began:.0f} s", style="dim"))
            return line
        return Text.from_markup(f"    {SIGNS[step.result]} {escape(name)}  [dim]{step.seconds:.1f} s[/]")
