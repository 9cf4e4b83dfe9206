"""The order of a workflow's jobs: one starts when all that it needs has ended; called workflows run as parts of it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Protocol

from bot.errors import Unavailable, UsageError
from bot.model import JobResult, ReplayOptions, Result, leg_key
from bot.replay.calls import Call, Library, Need, called, outputs_of
from bot.replay.expressions import Scope, condition
from bot.replay.legs import Planned, legs_of, number
from bot.replay.outcome import NO_STEP
from bot.replay.workbench import Workbench
from bot.replay.workflow import closure, needs

WORST = (Result.FAILURE, Result.CANCELLED, Result.UNREPLAYABLE)
RunLeg = Callable[[], JobResult]
Ended = Callable[[JobResult], None]
Submit = Callable[[RunLeg, Ended], None]
"""Starts a leg side by side with the others; the second is told its result."""


class Runner(Protocol):
    """What a schedule asks of the replay that it belongs to."""

    @property
    def options(self) -> ReplayOptions:
        """The filters."""
        ...

    @property
    def library(self) -> Library:
        """Where the workflows are found that jobs call."""
        ...

    @property
    def numbers(self) -> Iterator[int]:
        """Of the legs, in the order of the file, whenever they begin."""
        ...

    def start(self, call: Call, planned: Planned, index: int, *, hold: bool) -> JobResult:
        """Run one leg to its end, or until it is held."""
        ...

    def bench(self, key: str) -> Workbench | None:
        """The workbench of a held leg, or None when it is not held."""
        ...


class Schedule:
    """The jobs of one call of a workflow, those of the workflows that they call included."""

    def __init__(self, replay: Runner, call: Call, submit: Submit, *, hold: bool, only: str) -> None:
        self._replay, self._call, self._submit, self._hold, self._only = replay, call, submit, hold, only
        self._workflow, self._run = call.workflow, call.run
        self._needed: dict[str, Need] = {}
        self._results: dict[str, list[JobResult]] = {}
        self._calls: dict[str, list[Schedule]] = {}
        self._running: Counter[str] = Counter()
        wanted = [] if call.id else [j for j in replay.options.jobs if j in self._workflow.jobs]
        if mine := self._only_job():
            wanted = [mine]
        nothing = not wanted and bool(replay.options.jobs) and not call.id
        self._todo = [] if nothing else closure(self._workflow, wanted)
        self._wanted = frozenset(wanted or self._todo)

    def _only_job(self) -> str:
        """The job of this workflow that the one wanted leg belongs to, or the empty string."""
        begin = f"{self._call.root}:{self._call.id}"
        return re.split("[:/]", self._only.removeprefix(begin))[0] if self._only.startswith(begin) else ""

    def advance(self) -> bool:
        """Start what can start, end what has ended; whether all is over."""
        for job_id in [j for j in self._todo if all(n in self._needed for n in needs(self._workflow.jobs[j]))]:
            self._todo.remove(job_id)
            self._start(job_id)
        open_jobs = [j for j in self._results if j not in self._needed and not self._running[j]]
        ended = [j for j in open_jobs if self._advanced(j)]
        for job_id in ended:
            self._finish(job_id)
        if ended and self._todo:
            return self.advance()
        return not self._todo and len(self._needed) == len(self._results)

    def _advanced(self, job_id: str) -> bool:
        over = [call.advance() for call in self._calls.get(job_id, ())]
        return all(over)

    def results(self) -> list[JobResult]:
        """All results, in the order of the workflow file."""
        return [r for job_id in self._workflow.jobs for r in self._results_of(job_id)]

    def _results_of(self, job_id: str) -> list[JobResult]:
        called = [r for schedule in self._calls.get(job_id, ()) for r in schedule.results()]
        return [*self._results.get(job_id, []), *called]

    def outcome(self) -> Need:
        """How the call as a whole has ended, and its outputs."""
        results = [need.result for need in self._needed.values()]
        ran = Result.SUCCESS if Result.SUCCESS in results else Result.SKIPPED
        return Need(next((r for r in WORST if r in results), ran), outputs_of(self._call, self._needed))

    def _start(self, job_id: str) -> None:
        self._results[job_id] = []
        for planned in self._planned(job_id):
            if isinstance(planned, JobResult):
                self._results[job_id].append(planned)
            elif isinstance(planned, Call):
                schedule = Schedule(self._replay, planned, self._submit, hold=self._hold, only=self._only)
                self._calls.setdefault(job_id, []).append(schedule)
            elif not self._passed_over(job_id, planned):
                self._running[job_id] += 1
                run_one = partial(self._replay.start, self._call, planned, next(self._replay.numbers), hold=self._hold)
                self._submit(run_one, partial(self._add, job_id))

    def _passed_over(self, job_id: str, planned: Planned) -> bool:
        """Whether this is another leg of the job of which only one leg is wanted."""
        if job_id != self._only_job():
            return False
        return leg_key(self._call.root, self._call.id + job_id, self._call.matrix_of(planned.matrix)) != self._only

    def _add(self, job_id: str, result: JobResult) -> None:
        self._results[job_id].append(result)
        self._running[job_id] -= 1

    def _planned(self, job_id: str) -> list[Planned | Call | JobResult]:
        """The legs of a job. What is wrong with a job that only a run can tell (it has needs) fails that job alone."""
        job = self._workflow.jobs[job_id]
        unknown = [n for n in needs(job) if self._needed[n].result is Result.UNREPLAYABLE]
        held = [n for n in needs(job) if any(self._replay.bench(leg.key) for leg in self._results_of(n))]
        try:
            if unknown:
                return self._planned_without(job_id, unknown)
            if held and condition(job.get("if"), self._scope(job_id)):
                waiting = f"it was not run, because {', '.join(held)} is held at its failing step"
                return [self._without_a_run(job_id, Result.SKIPPED, waiting)]
            only = self._replay.options.matrix if job_id in self._wanted and not self._call.id else ()
            legs = legs_of(self._workflow, job_id, self._scope(job_id), only, self._replay.options.as_of)
            return [self._in_call(leg) if isinstance(leg, JobResult) else self._called(leg) for leg in legs]
        except UsageError as e:
            if not needs(job):
                raise
            reason = e.message.removeprefix(f"{self._workflow.path}: ")
            return [self._without_a_run(job_id, Result.FAILURE, reason)]

    def _called(self, planned: Planned) -> Planned | Call | JobResult:
        """A leg as it is; what it calls, where it calls a workflow."""
        uses = self._workflow.jobs[planned.job_id].get("uses")
        if uses is None:
            return planned
        try:
            workflow = self._replay.library.find(str(uses), self._workflow)
        except Unavailable as e:
            reason = f"the job calls the workflow {uses}, which cannot be had here: {e.message}"
            return self._without_a_run(planned.job_id, Result.UNREPLAYABLE, reason)
        return called(self._call, planned.job_id, planned.name, planned.matrix, planned.scope, workflow)

    def _in_call(self, result: JobResult) -> JobResult:
        call = self._call
        names = {"id": call.id + result.id, "name": call.name + result.name, "workflow": call.root}
        return result.changed(**names, matrix=call.matrix_of(result.matrix))

    def _planned_without(self, job_id: str, unknown: list[str]) -> list[Planned | Call | JobResult]:
        """The result of a job that needs what could not be replayed: skipped only when it would be in any case."""
        job = self._workflow.jobs[job_id]
        for result in (Result.SUCCESS, Result.FAILURE):
            if condition(job.get("if"), self._scope(job_id, dict.fromkeys(unknown, result))):
                reason = f"it needs {', '.join(unknown)}, which could not be replayed"
                return [self._without_a_run(job_id, Result.UNREPLAYABLE, reason)]
        return [self._without_a_run(job_id, Result.SKIPPED, None)]

    def _without_a_run(self, job_id: str, result: Result, reason: str | None) -> JobResult:
        name = str(self._workflow.jobs[job_id].get("name") or job_id)
        return self._in_call(JobResult(id=job_id, name=name, result=result, reason=reason))

    def _scope(self, job_id: str, instead: Mapping[str, Result] | None = None) -> Scope:
        """What the expressions of a job may name; `instead` gives jobs another result than they have."""
        results = {n: str((instead or {}).get(n, found.result)) for n, found in self._needed.items()}
        needed = needs(self._workflow.jobs[job_id])
        told = {n: {"result": results[n], "outputs": dict(self._needed[n].outputs)} for n in needed}
        return self._run.scope(told, [results[n] for n in closure(self._workflow, [job_id]) if n != job_id])

    def _finish(self, job_id: str) -> None:
        legs = self._results[job_id] = sorted(self._results[job_id], key=lambda r: number(r.log))
        ended = [call.outcome() for call in self._calls.get(job_id, ())]
        counting = [leg.result for leg in legs if not leg.continue_on_error and leg.reason != NO_STEP]
        counting += [need.result for need in ended]
        told = [leg.outputs for leg in legs] + [need.outputs for need in ended]
        outputs = {k: v for part in told for k, v in part.items() if v}
        worst = next((r for r in (*WORST, Result.SKIPPED) if r in counting), Result.SUCCESS)
        self._needed[job_id] = Need(worst, outputs)
