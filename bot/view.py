"""What a command shows while it works, and the way of its results: reports in words, or one JSON object."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

import click

from bot.app import Check, Voices
from bot.model import Diagnosis, DriftReport, Incident, Investigation, JobResult, ReplayOptions, ReplayResult, Result
from bot.replay.compare import Change
from bot.replay.record import Step
from bot.rows import changes_row, incident_row, plan_row, replay_row
from bot.settings import LlmSettings, Settings
from bot.text.inert import plain

if TYPE_CHECKING:
    from bot.live import LiveSteps
    from bot.prospects import Forecast
    from bot.report import Report

NETWORKS = {
    "all": "replayed code may use the network (--network none forbids it)",
    "none": "replayed code has no network",
    "registries": "replayed code reaches package indexes alone (--network none or all for less or more)",
}


class View:
    """Shows one command: progress on standard error, live where that is a terminal; results on standard output."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._live: LiveSteps | None = None
        self._coming: Thread | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from bot.live import LiveSteps

            self._live = LiveSteps()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    @cached_property
    def _report(self) -> "Report":
        from bot.report import Report

        return Report()

    @property
    def voices(self) -> Voices:
        """What the app tells its progress to."""
        return Voices(self.say, self._progress)

    def _progress(self, what: str, leg: str, of: Step | JobResult | None) -> None:
        """See `bot.replay.replayer.Progress`: the live list; where nothing can be redrawn, what has ended."""
        if what == "step began" and not self._coming:
            # the report, which would take a while to import when all else is done
            self._coming = Thread(target=import_module, args=("bot.report",), name="report-import", daemon=True)
            self._coming.start()
        if self._live:
            self._live.on(what, leg, of)
        elif isinstance(of, JobResult):
            self.say(f"{leg}: {of.result} in {of.seconds:.1f} s")
        elif what == "step ended" and of and of.result is Result.FAILURE:
            self.say(f"{leg} / {of.headline}: {of.result} in {of.seconds:.1f} s")

    def say(self, text: str) -> None:
        """A line of progress."""
        if self._live:
            self._live.say(text)
        else:
            click.secho(plain(text), err=True, dim=True)

    def announce(self, options: ReplayOptions) -> None:
        """Say what replayed code may reach, before anything runs."""
        self.say(f"sandboxed; {NETWORKS[options.network]}")

    # --- results ---

    def replay_result(self, result: ReplayResult, root: Path, why: Mapping[str, Diagnosis]) -> None:
        """A replay; `root` is the folder that its log is relative to, `why` the causes of its failures."""
        log = str(root / result.log)
        self._show(lambda: replay_row(result, log, why), lambda: self._report.replay(result, log, why))

    def changes(self, changes: Sequence[Change]) -> None:
        """What differs between two replays."""
        self._show(lambda: changes_row(changes), lambda: self._report.changes(changes))

    def plans(self, found: Sequence["Forecast"], most: LlmSettings) -> None:
        """What would be tried at each failure, and the most that it may cost."""
        self._show(lambda: [plan_row(one) for one in found], lambda: self._report.plans(found, most))

    def unplanned(self, result: ReplayResult) -> None:
        """Why there is nothing to try at a replay: on the standard error, since as JSON that is an empty list."""
        reasons = [f"{job.name}: {job.result}: {job.reason}" for job in result.jobs if job.reason]
        for told in reasons or [f"{result.result}: {result.reason or 'there is nothing to fix'}"]:
            self.say(told)

    def drift(self, found: DriftReport) -> None:
        """What became of a commit that was green once."""
        self._show(found.as_json, lambda: self._report.drift(found))

    def incident(self, incident: Incident, *, everything: bool = False, trajectory: bool = False) -> None:
        """An incident; with `everything` also its history, and as JSON the whole record.

        With `trajectory`, also what agents did.
        """
        row = incident.as_json() if everything else incident_row(incident)
        self._show(lambda: row, lambda: self._report.incident(incident, history=everything, trajectory=trajectory))

    def diagnoses(
        self, found: Sequence[tuple[str, Sequence[tuple[str, Diagnosis]]]], where: Sequence[Investigation] = ()
    ) -> None:
        """The diagnoses of some logs by their names, of each by the names of its jobs.

        As JSON that of the first job, one log a line, with all of its `jobs` where it has several; for people one for
        all that failed alike. `where` has what was found out about each job, if that was asked for.
        """
        told = iter(where)
        if not self._json:
            self._stop()
            named = [(": ".join(filter(None, (log, job))), one) for log, jobs in found for job, one in jobs]
            self._report.diagnoses(named, where)
            return
        for _, jobs in found:
            rows = [{**one.as_json(), **_investigated(next(told, None))} for _, one in jobs]
            names = [{"job": job, **row} for (job, _), row in zip(jobs, rows, strict=True)]
            self._show(partial(dict, rows[0], **({"jobs": names} if len(jobs) > 1 else {})), lambda: None)

    def incidents(self, found: Iterable[Incident]) -> None:
        """A list of incidents."""
        self._show(lambda: [incident_row(i) for i in found], lambda: self._report.incidents(found))

    def checks(self, found: Sequence[Check]) -> bool:
        """The doctor's findings; whether all that is needed is there."""
        rows = [{"name": c.name, "ok": c.ok, "told": c.told, "needed": c.needed} for c in found]
        self._show(lambda: rows, lambda: self._report.checks(found))
        return all(c.ok for c in found if c.needed)

    def settings(self, settings: Settings) -> None:
        """Every setting, its value, and where it came from."""
        rows = {name: {"value": value, "source": source} for name, value, source in settings.rows()}
        self._show(lambda: rows, lambda: self._report.settings(settings))

    def heading(self, text: str) -> None:
        """A line that stands out, in words only."""
        if not self._json:
            self._report.heading(text)

    def _show(self, row: Callable[[], Any], report: Callable[[], None]) -> None:
        self._stop()
        if self._json:
            sys.stdout.write(json.dumps(row(), default=str) + "\n")
        else:
            report()


def _investigated(found: Investigation | None) -> dict[str, Any]:
    return {"investigation": found.as_json()} if found else {}
