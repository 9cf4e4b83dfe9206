"""The lines of `act --json` as a plain log: line N of the one is line N of the other.

Each line is an object with `msg`, and mostly `jobID`, `job`, `matrix`, `stage`, `step`, `stepResult`, `jobResult` and
`raw_output` (nektos/act, pkg/runner/logger.go). Jobs run side by side and their lines mix: only those of the job that
failed first are kept, all others become empty lines.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

MAX_LINE = 4_000_000  # bytes; a longer line is read in pieces, which are no objects


def looks_like_act(head: bytes) -> bool:
    """Tell whether the first bytes of a log are those of `act --json`."""
    first = head.split(b"\n", 1)[0]
    return first[:1] == b"{" and b'"level"' in first and b'"msg"' in first


def failing_job(lines: Iterable[bytes]) -> str:
    """Return what `job_of` says of the first job that failed; of the first job at all when none did."""
    first = ""
    for line in lines:
        row = _parse(line)
        job = job_of(row)
        if job and (row.get("jobResult") == "failure" or row.get("stepResult") == "failure"):
            return job
        first = first or job
    return first


def job_of(row: dict[str, Any]) -> str:
    """Return what tells a job and its matrix leg from the others; empty for lines of no job."""
    job = row.get("jobID") or row.get("job") or ""
    return json.dumps([job, row.get("matrix") or {}], sort_keys=True) if job else ""


def plain(lines: Iterable[bytes], job: str) -> Iterator[bytes]:
    """Yield one line, with its newline, for each given one: what the job wrote, and act's own words about its steps."""
    for line in lines:
        row = _parse(line)
        text = row.get("msg")
        if not isinstance(text, str) or job_of(row) not in {job, ""}:
            yield b"\n"
            continue
        yield " ".join(text.splitlines()).encode("utf-8", "replace") + b"\n"


def _parse(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):  # a line that the process wrote past act's logger; nesting without end
        return {}
    return row if isinstance(row, dict) else {}
