"""act's `--json` lines as typed events of one job.

act 0.2.89: rows of steps carry `stepID` (a list: the step, then the steps of composite actions in it), rows of its own
set-up carry `stepid`; Post stages repeat a step's id after its Main failure, so only Main decides.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bot.model import Model, Result

MAX_LINE = 1_000_000
OBEYED = frozenset({"set-env", "add-path", "add-mask", "set-output", "save-state", "add-matcher"})
"""Workflow commands whose lines act keeps to itself; the others are there to be shown."""


class Began(Model):
    """A step's Main stage began; `path` is its id, then the ids of nested steps."""

    path: tuple[str, ...]
    name: str
    time: datetime


class Ended(Model):
    """A step's Main stage ended."""

    path: tuple[str, ...]
    result: Result
    seconds: float


class WentOn(Model):
    """A step has failed, and its job goes on as if it had not."""

    path: tuple[str, ...]


class Output(Model):
    """A line that a step printed, as act shows it."""

    path: tuple[str, ...]
    text: str
    time: datetime


class Problem(Model):
    """An error of act itself: of a step (`path`), or of the job's set-up (empty path)."""

    path: tuple[str, ...]
    text: str
    time: datetime


class JobEnded(Model):
    """The job ended."""

    result: Result


Event = Began | Ended | WentOn | Output | Problem | JobEnded


class Lines:
    """Cuts a stream of bytes into lines; what is longer than `MAX_LINE` is cut off there."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The whole lines so far."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if not self._skipping:
                yield line
            self._skipping = False
        if len(self._rest) > MAX_LINE:
            if not self._skipping:
                yield self._rest[:MAX_LINE]
            self._rest, self._skipping = b"", True


def parse(line: bytes, job_id: str) -> Event | None:
    """The event of a line, if it has one for this job. A line that is no JSON is a problem that act met."""
    try:
        row = json.loads(line)
    except ValueError:
        text = line.decode("utf-8", "replace").strip()
        return Problem((), text.removeprefix("Error: "), datetime.now(UTC)) if text.startswith("Error: ") else None
    if not isinstance(row, dict) or row.get("jobID") != job_id:
        return None
    if "jobResult" in row:
        return JobEnded(Result.SUCCESS if row["jobResult"] == "success" else Result.FAILURE)
    path = tuple(map(str, row.get("stepID") or ()))
    if path and row.get("stage") != "Main":
        return None
    return _step_event(row, path)


def _step_event(row: dict[str, Any], path: tuple[str, ...]) -> Event | None:
    text, moment = str(row.get("msg", "")), datetime.now(UTC)  # act's own time has no fractions
    if row.get("raw_output"):
        return Output(path, text, moment)
    if isinstance(row.get("raw"), str) and row.get("command") not in OBEYED:
        return Output(path, row["raw"].rstrip("\r\n"), moment)
    if row.get("level") == "error":
        return Problem(path, text, moment)
    if path and row.get("stepResult"):
        result = Result.SUCCESS if row["stepResult"] == "success" else Result.FAILURE
        return Ended(path, result, float(row.get("executionTime") or 0) / 1e9)
    if path and text == "Failed but continue next step":
        return WentOn(path)
    return Began(path, str(row.get("step", "")), moment) if path and text.startswith("⭐ Run Main") else None
