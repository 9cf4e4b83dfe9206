"""What becomes of a job's steps, as act's events and our own programs tell it, and the log that people read of it."""

import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import re2

from bot.model import Result
from bot.replay import actlog
from bot.replay.backends import NEEDS_ENGINE
from bot.replay.derive import OUTPUTS_STEP
from bot.replay.inside.control import MARKER
from bot.replay.joblog import STAMP_LENGTH, JobLog
from bot.replay.layout import LegFolder, open_below
from bot.replay.record import PLAIN_UNREPLAYABLE, Call, Record, Step

NO_ENGINE = "failed to connect to the docker API"  # as act says it
EXIT = re2.compile(r"^(?:exitcode '|exit with `FAILURE`: )(\d+)")  # as act says it of a step in a container
NO_NODE = re2.compile(r'"node": executable file not found|executable file .node. not found')  # as engines say it
COLOURS = re2.compile(r"\x1b\[[\d;]*m")

Watcher = Callable[[str, Step], None]


class Events:
    """Follows one leg: the `record` of its job, the `calls` of our wrapper by their numbers, each with its `paths`.

    `actions` is what steps use, by their ids; `scripts` are those of the steps of a job in containers, where no program
    of ours tells them. `step_seconds` are the limits of steps that our wrapper cannot limit: `step_deadline` is when
    the one that runs has had its time. `denied` gives what was refused since it was asked last.
    """

    def __init__(
        self,
        job_id: str,
        folder: LegFolder,
        log: JobLog,
        watcher: Watcher,
        denied: Callable[[], tuple[str, ...]],
        *,
        actions: Mapping[str, str],
        scripts: Mapping[str, str] | None,
        step_seconds: Mapping[str, float],
    ) -> None:
        self.record = Record()
        self.calls: dict[int, Call] = {}
        self.paths: dict[int, tuple[str, ...]] = {}
        self.step_deadline = math.inf
        self._job_id, self._folder, self._log, self._watcher, self._denied = job_id, folder, log, watcher, denied
        self._actions, self._contained, self._scripts = actions, scripts is not None, scripts or {}
        self._step_seconds = step_seconds

    def read(self, line: bytes) -> None:
        """Take one line of act's."""
        event = actlog.parse(line, self._job_id)
        if b'"jobID"' in line:  # act has read the secrets by now, and nothing of a step has run
            self._folder.secrets.unlink(missing_ok=True)
        if isinstance(event, actlog.Began) and len(event.path) == 1:
            step = Step(event.path[0], event.name, event.time)
            self.record.steps[step.id] = step
            self.step_deadline = time.monotonic() + self._step_seconds.get(step.id, math.inf)
            if step.id != OUTPUTS_STEP:
                self._watcher("began", step)
        elif isinstance(event, actlog.Output) and event.path:
            self._on_output(event)
        elif isinstance(event, actlog.Ended) and len(event.path) == 1:
            step = self.record.steps[event.path[0]]
            self.step_deadline = math.inf
            if step.result is None:
                step.result, step.seconds = event.result, event.seconds
                self.finish(step)
            if self._contained:
                self._on_contained(step)
        elif isinstance(event, actlog.WentOn):
            self._on_went_on(event.path)
        elif isinstance(event, actlog.Problem):
            self._on_problem(event)
        elif isinstance(event, actlog.JobEnded):
            self.record.job = self.record.job or event.result

    def cannot(self, reason: str) -> None:
        """Note why the job cannot be replayed; the first reason stays."""
        self.record.unreplayable = self.record.unreplayable or reason

    def _on_contained(self, step: Step) -> None:
        """A step in a container has ended: what it was refused it has not done, whether it may fail or not."""
        if step.denied:
            reason = f"the step '{step.name}' {step.denied[0]}"
            self.cannot(reason)
        if step.id == OUTPUTS_STEP:
            outputs = _outputs(step.output)
            if outputs is None and step.result is Result.SUCCESS:
                self.cannot("the outputs of the job could not be read")
            self.record.outputs = outputs or {}

    def _on_went_on(self, path: tuple[str, ...]) -> None:
        """A step whose failure counts for nothing: act does not say why it failed where it could not run it at all."""
        if not self._contained and not any(ran[: len(path)] == path for ran in self.paths.values()):
            name = self.record.steps[path[0]].name
            reason = f"the step '{name}' did not begin, and act does not say why (a container action needs an engine)"
            self.cannot(reason)
        if len(path) == 1:
            self.record.steps[path[0]].went_on = True

    def _on_output(self, event: actlog.Output) -> None:
        step = self.record.steps.get(event.path[0])
        if step is None:
            return
        if event.text.startswith(MARKER):
            number = event.text.removeprefix(MARKER).strip()
            if number.isdigit() and int(number) in self.calls:
                step.calls.append(int(number))
                self.paths[int(number)] = event.path
        elif self._contained and (reason := _told_plainly(event.text, step)):
            self.cannot(reason)
        elif not step.calls:
            step.output.append(f"{event.time:%Y-%m-%dT%H:%M:%S.%f0Z} {event.text}")

    def _on_problem(self, event: actlog.Problem) -> None:
        if event.path and event.text.startswith(NO_ENGINE) and (step := self.record.steps.get(event.path[0])):
            reason = f"the step '{step.name}' uses a container action{NEEDS_ENGINE}"
            self.cannot(reason)
        if event.text.startswith("exit status"):
            return
        code = EXIT.search(event.text) if self._contained else None
        if not code:
            self.record.problems.append(event.text)
        step = self.record.steps.get(event.path[0]) if event.path else None
        if step and step.result is not None:
            told = f"Process completed with exit code {code[1]}." if code else event.text
            self._log.line(event.time, f"##[error]{told}")

    def finish(self, step: Step) -> None:
        """Write the section of a step that has ended: what it ran, what it printed, how it ended."""
        if step.id == OUTPUTS_STEP:
            return
        calls = [self.calls[n] for n in dict.fromkeys(step.calls)]
        script = calls[0].script if calls else self._scripts.get(step.id, "")
        runs = self._actions.get(step.id) or script.strip() or step.name
        title = f"Run {next(iter(runs.splitlines()), '').removeprefix('Run ')}"
        shell = " ".join([*calls[0].command[:-1], "{0}"]) if script and calls else ""
        self._log.header(step.began, title, script, shell)
        if not calls:
            self._log.copy(step.output)
        for call in calls:
            self._log.copy(self._lines_of(call.number))
        step.denied = tuple(d for call in calls for d in call.denied) + (() if calls else self._denied())
        step.is_owed = any(call.is_owed for call in calls) or (bool(step.denied) and not calls)
        for denied in step.denied:
            self._log.line(datetime.now(UTC), f"##[warning]The step {denied}.")
        if step.result is Result.FAILURE and calls and calls[-1].code:
            self._log.line(datetime.now(UTC), f"##[error]Process completed with exit code {calls[-1].code}.")
        if step.went_on:  # as the runner tells it of steps in composite actions: this failure is not the job's
            self._log.line(datetime.now(UTC), f"##[end-action id={step.id};outcome=failure;conclusion=success]")
        self._log.flush()
        self._watcher("ended", step)

    def printed(self, step: Step) -> Iterator[str]:
        """The lines that a step has printed."""
        yield from step.output
        for number in dict.fromkeys(step.calls):
            yield from self._lines_of(number)

    def exit_code(self, step: Step) -> int | None:
        """That of the last that a step ran; None where no program of ours has seen it."""
        return self.calls[step.calls[-1]].code if step.calls else None

    def printed_by(self, call: int) -> Iterator[str]:
        """What a call printed, without times and colours."""
        return (COLOURS.sub("", line[STAMP_LENGTH:].rstrip()) for line in self._lines_of(call))

    def _lines_of(self, call: int) -> Iterator[str]:
        try:
            descriptor = open_below(self._folder.control, f"calls/{call}.log")
        except OSError:
            return
        with os.fdopen(descriptor, encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            yield from lines


def _told_plainly(line: str, step: Step) -> str:
    """Why a step in a container says that it cannot be replayed, or the empty string."""
    if NO_NODE.search(line):
        return f"the step '{step.name}' needs Node.js, which the image has not; GitHub brings its own into containers"
    return line.removeprefix(PLAIN_UNREPLAYABLE).strip() if line.startswith(PLAIN_UNREPLAYABLE) else ""


def _outputs(printed: Iterable[str]) -> dict[str, str] | None:
    """The outputs of a job in containers, which its last step has printed as one JSON object; None where it has not."""
    with suppress(ValueError, AttributeError, RecursionError):
        return {str(k): str(v) for k, v in json.loads("\n".join(x[STAMP_LENGTH:] for x in printed)).items()}
    return None
