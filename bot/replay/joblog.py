"""The log of a job in GitHub's form: timestamps, `##[group]`, `##[error]`, commands acted on, secrets masked."""

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import re2

COMMAND = re2.compile(r"^::([a-zA-Z-]+)(?: .*?)?::(.*)$")
SHOWN = {"error": "##[error]", "warning": "##[warning]", "notice": "##[notice]", "group": "##[group]", "debug": None}
SILENT = frozenset(
    {"add-mask", "set-output", "save-state", "set-env", "add-path", "add-matcher", "remove-matcher", "echo"}
)
STAMP_LENGTH = len("2026-01-01T00:00:00.0000000Z ")
MASK = "***"


def stamp(moment: datetime) -> str:
    """A time as GitHub's logs begin a line with it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f0Z ")


class JobLog:
    """Writes one job's log. `redact` takes out of every line what looks like a secret; `masks` are known ones."""

    def __init__(self, path: Path, redact: Callable[[str], str], masks: Iterable[str] = ()) -> None:
        self._file = path.open("w", encoding="utf-8", errors="surrogateescape", newline="\n")
        self._redact = redact
        self._masks = masks_of(masks)
        self._stopped = ""

    def header(self, moment: datetime, title: str, script: str = "", shell: str = "") -> None:
        """Begin a step, as the runner does."""
        lines = [f"##[group]{title}", *(f"\x1b[36;1m{x}\x1b[0m" for x in script.splitlines())]
        if shell:
            lines.append(f"shell: {shell}")
        for line in [*lines, "##[endgroup]"]:
            self._write(stamp(moment), line)

    def copy(self, lines: Iterable[str]) -> None:
        """Append lines that begin with their time, acting on workflow commands among them."""
        for line in lines:
            shown = self._acted_on(line[STAMP_LENGTH:].rstrip("\n"))
            if shown is not None:
                self._write(line[:STAMP_LENGTH], shown)

    def line(self, moment: datetime, text: str) -> None:
        """Append one line."""
        self._write(stamp(moment), text)

    def close(self) -> None:
        """End the log."""
        self._file.close()

    def flush(self) -> None:
        """Let readers see what is written so far."""
        self._file.flush()

    def _acted_on(self, text: str) -> str | None:
        if self._stopped:
            if text.strip() == f"::{self._stopped}::":
                self._stopped = ""
            return text
        found = COMMAND.match(text.lstrip()) if text.lstrip().startswith("::") else None
        if not found:
            return text
        name, told = found[1].lower(), found[2]
        if name == "stop-commands":
            self._stopped = told.strip()
        elif name == "add-mask" and told.strip():
            self._masks.append(told.strip())
        elif name == "endgroup":
            return "##[endgroup]"
        if name in SHOWN:
            prefix = SHOWN[name]
            return None if prefix is None else prefix + _unescape(told)
        return None if name in SILENT else text

    def _write(self, moment: str, text: str) -> None:
        self._file.write(f"{moment}{self._redact(masked(text, self._masks))}\n")


def masks_of(secrets: Iterable[str]) -> list[str]:
    """What is masked of secrets: each of their lines, as the runner does."""
    return [line for secret in secrets for line in secret.splitlines() if line.strip()]


def masked(text: str, masks: Iterable[str]) -> str:
    """The text without the masks."""
    for mask in masks:
        text = text.replace(mask, MASK)
    return text


def _unescape(text: str) -> str:
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
