"""Small logs in the form of GitHub's runner, written for these tests: `cases/*.txt`, each a header and an output."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

_START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def stamped(lines: list[str], *, start: datetime = _START) -> bytes:
    """Return lines as the runner writes them: a byte order mark, and a time before each line."""
    times = (start + timedelta(milliseconds=100 * i) for i in range(len(lines)))
    rows = zip(times, lines, strict=False)
    text = "".join(f"{t:%Y-%m-%dT%H:%M:%S}.{t.microsecond:06d}0Z {line}\n" for t, line in rows)
    return b"\xef\xbb\xbf" + text.encode("utf-8", "surrogateescape")


def github_log(
    command: str, output: str, *, code: int | None = 1, job: str = "check", start: datetime = _START
) -> bytes:
    """Return a job's log: a checkout that passes, then one step that runs `command`, prints `output` and fails."""
    return stamped(
        [
            "Current runner version: '2.333.1'",
            f"Complete job name: {job}",
            "##[group]Run actions/checkout@v4",
            "with:",
            "  fetch-depth: 1",
            "##[endgroup]",
            "Syncing repository: acme/app",
            f"##[group]Run {command.splitlines()[0]}",
            *(f"\x1b[36;1m{line}\x1b[0m" for line in command.splitlines()),
            "shell: /usr/bin/bash -e {0}",
            "##[endgroup]",
            *output.strip("\n").split("\n"),
            *([] if code is None else [f"##[error]Process completed with exit code {code}."]),
            "Post job cleanup.",
            "Cleaning up orphan processes",
        ],
        start=start,
    )


@dataclass(frozen=True)
class Case:
    """A log and what must be found in it; `error` is part of the error line, `failed` the number of failed tests."""

    name: str
    output: str
    command: str
    category: str
    error: str
    tests: list[str]
    failed: int
    place: tuple[str, int] | None
    code: int | None

    @property
    def log(self) -> bytes:
        """The whole log."""
        return github_log(self.command, self.output, code=self.code)


def _read(path: Path) -> Case:
    head, _, output = path.read_text().partition("\n---\n")
    told: dict[str, Any] = yaml.safe_load(head)
    place = told.get("place")
    return Case(
        name=path.stem,
        output=output,
        command=told["command"],
        category=told["category"],
        error=told["error"],
        tests=told.get("tests", []),
        failed=told.get("failed", 0),
        place=tuple(place) if place else None,
        code=told.get("code", 1),
    )


CASES = [_read(path) for path in sorted((Path(__file__).parent / "cases").glob("*.txt"))]
