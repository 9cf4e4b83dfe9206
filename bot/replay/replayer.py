"""A whole replay: every wanted leg of the selected workflows, in the order of their needs, side by side."""

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from typing import Any

from bot.errors import UsageError
from bot.model import JobResult, ReplayOptions, ReplayResult, Result, TestCounts, leg_key
from bot.ports import Sandbox
from bot.replay import layout, prepare
from bot.replay.actions import StandIns, used
from bot.replay.context import Run
from bot.replay.derive import Need, derive, limits_of_actions
from bot.replay.expressions import Scope, condition
from bot.replay.joblog import JobLog, masked, masks_of
from bot.replay.layout import LegFolder
from bot.replay.leg import Leg
from bot.replay.legs import Planned, legs_of, number
from bot.replay.outcome import judge, step_results, summary
from bot.replay.record import Record, Step
from bot.replay.side_effects import SideEffects
from bot.replay.source import Origin
from bot.replay.workbench import Workbench
from bot.replay.workflow import Workflow, closure, needs
from bot.yaml12 import load

POLL_SECONDS = 1.0
MAX_LOG_NAME = 60  # characters, of up to 4 bytes; a file name has 255 bytes
Progress = Callable[[str, str, Step | None], None]
"""Told what ("started", "step", "ended"), the leg's name, and the step where there is one."""
CountTests = Callable[[Path], TestCounts]
"""Counts the tests that a log reports."""


@dataclass(frozen=True)
class Plan:
    """What to replay: workflows with the run that each is given, the filters of the options, and secrets for tests."""

    workflows: tuple[tuple[Workflow, Run], ...]
    options: ReplayOptions
    secrets: Mapping[str, str] = field(default_factory=dict)
    local_actions: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Tools:
    """What a replay works with."""

    sandbox: Sandbox
    machine: prepare.Machine
    stand_ins: StandIns
    side_effects: SideEffects
    count_tests: CountTests
    redact: Callable[[str], str]
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)


class Replay:
    """One replay of one commit, in a folder of its own. Legs that it holds live until `close`."""

    def __init__(
        self,
        folder: Path,
        origin: Origin,
        commit: str,
        plan: Plan,
        tools: Tools,
        progress: Progress,
        check_time: Callable[[], None],
    ) -> None:
        self.folder, self._origin, self._commit, self._plan, self._tools = folder, origin, commit, plan, tools
        self._progress, self._check_time = progress, check_time
        self._numbers = count(1)
        self._legs: dict[str, Leg] = {}
        self._benches: dict[str, Workbench] = {}
        self._notes: dict[str, None] = {}
        self._logs = folder / "log"
        self._logs.mkdir(parents=True)
        prepare.write_shared(folder / "shared", tools.machine)

    def run(self, *, hold: bool = False, only: str = "") -> ReplayResult:
        """Replay, and return what came of it. With `hold`, a leg that fails is held at its failing step.

        `only` is the key of the one leg that is wanted; of the others only those run that its job needs.
        """
        started = time.monotonic()
        jobs: list[JobResult] = []
        for workflow, run in self._plan.workflows:
            jobs += _Schedule(self, workflow, run, hold=hold, only=only).run()
        with (self._logs / "replay.log").open("wb") as whole:
            for job in jobs:
                whole.write((self._logs / job.log).read_bytes() if job.log else b"")
        return summary(jobs, tuple(self._notes), time.monotonic() - started, str(self._logs / "replay.log"))

    def bench(self, key: str) -> Workbench | None:
        """The workbench of a held leg, or None when it is not held."""
        leg = self._legs.get(key)
        if not leg or not leg.held or not leg.is_alive():
            return None
        if key not in self._benches:
            self._benches[key] = Workbench(leg, self._tools.sandbox)
        return self._benches[key]

    def close(self) -> None:
        """End all held legs."""
        for leg in self._legs.values():
            leg.close()

    def uses(self, workflow: Workflow) -> set[str]:
        """The remote actions that the workflow and the actions of the tree name."""
        return used([workflow.document, *self._actions])

    @cached_property
    def _actions(self) -> list[Any]:
        """The definitions of the actions of the tree."""
        paths = (p for p in self._origin.files(self._commit) if p.rsplit("/", 1)[-1] in ("action.yml", "action.yaml"))
        return [load(self._origin.require(self._commit, path), path) for path in paths]

    @cached_property
    def _lenient(self) -> bool:
        """Whether a step of a composite action may fail without harm: then none of them is held at a failure."""
        runs = (a.get("runs") for a in self._actions if isinstance(a, dict))
        steps = (s for r in runs if isinstance(r, dict) for s in r.get("steps") or ())
        return any(isinstance(s, dict) and s.get("continue-on-error") for s in steps)

    def start(
        self,
        workflow: Workflow,
        run: Run,
        planned: Planned,
        needed: Mapping[str, Need],
        uses: set[str],
        *,
        hold: bool,
    ) -> JobResult:
        """Run one leg to its end, or until it is held."""
        job = workflow.jobs[planned.job_id]
        leg, log = self._leg(workflow, run, planned, needed, uses, hold=hold)
        self._legs[leg_key(workflow.path, planned.job_id, planned.matrix)] = leg
        self._progress("started", planned.name, None)
        leg.start()
        record = self._settled(leg)
        named = step_results(job, record)
        steps = tuple(step.model_copy(update={"name": self._clean(step.name)}) for step in named)
        stub_failed = any(n.result in (Result.FAILURE, Result.CANCELLED) for n in needed.values())
        result, reason = judge(job, record, steps, stub_failed=stub_failed)
        for step in record.steps.values():
            for denied in step.denied:
                self._notes[self._clean(f"{planned.name}: the step '{step.name}' {denied}")] = None
        self._progress("ended", planned.name, None)
        return JobResult(
            id=planned.job_id,
            name=planned.name,
            workflow=workflow.path,
            matrix=dict(planned.matrix),
            result=result,
            reason=self._clean(reason) if reason else None,
            continue_on_error=planned.continue_on_error,
            seconds=record.seconds,
            steps=steps,
            outputs=record.outputs,
            tests=self._tools.count_tests(self._logs / log),
            log=log,
        )

    def _leg(
        self,
        workflow: Workflow,
        run: Run,
        planned: Planned,
        needed: Mapping[str, Need],
        uses: set[str],
        *,
        hold: bool,
    ) -> tuple[Leg, str]:
        """A leg that has not begun, and the name of its log."""
        index = next(self._numbers)
        folder = LegFolder(self.folder / "legs" / str(index)).make()
        effects = self._tools.side_effects
        derived = derive(workflow, planned.job_id, planned.matrix, needed, run.event, effects, planned.scope)
        for effect in derived.replaced:
            self._notes[f"{planned.name}: the side effect '{effect}' was not run"] = None
        local = {f"{layout.ROOT}/local/{n}": path for n, path in enumerate(self._plan.local_actions.values())}
        mapped = dict(zip(self._plan.local_actions, local, strict=True))
        machine, stand_ins, secrets = self._tools.machine, self._tools.stand_ins, self._plan.secrets
        argv = prepare.write_plan(folder, derived.document, run, machine, stand_ins, uses, mapped, secrets)
        artifacts = self.folder / "artifacts" / workflow.path.replace("/", "_")
        artifacts.mkdir(parents=True, exist_ok=True)
        argv += ["--job", planned.job_id]
        log = f"{index}_{planned.name.replace('/', '_')[:MAX_LOG_NAME]}.txt"
        leg = Leg(
            planned.job_id,
            prepare.spec(argv, self.folder / "shared", artifacts, folder, self._origin, machine, local),
            folder,
            self._tools.sandbox,
            machine.proxy,
            JobLog(self._logs / log, self._tools.redact, secrets.values()),
            hold=hold,
            hold_nested=not self._lenient,
            deadline_seconds=planned.minutes * 60,
            step_seconds=limits_of_actions(workflow.jobs[planned.job_id]),
            watcher=lambda what, step: self._progress(f"step {what}", planned.name, step),
        )
        return leg, log

    def _clean(self, text: str) -> str:
        """Without the secrets that the user has given, which act puts into the names of steps and its own words."""
        return self._tools.redact(masked(text, masks_of(self._plan.secrets.values())))

    def _settled(self, leg: Leg) -> Record:
        while True:
            try:
                return leg.settled.result(timeout=POLL_SECONDS)
            except TimeoutError:
                self._check_time()

    @property
    def options(self) -> ReplayOptions:
        """The filters."""
        return self._plan.options

    @property
    def workers(self) -> int:
        """How many legs run side by side."""
        return self._tools.workers


class _Schedule:
    """Runs one workflow: a job starts when all that it needs has ended."""

    def __init__(self, replay: Replay, workflow: Workflow, run: Run, *, hold: bool, only: str) -> None:
        self._replay, self._workflow, self._run, self._hold, self._only = replay, workflow, run, hold, only
        self._uses = replay.uses(workflow)
        self._needed: dict[str, Need] = {}
        self._results: dict[str, list[JobResult]] = {}
        self._running: dict[Future[JobResult], str] = {}
        self._wanted: frozenset[str] = frozenset()

    def run(self) -> list[JobResult]:
        """All results, in the order of the workflow file."""
        wanted = [j for j in self._replay.options.jobs if j in self._workflow.jobs]
        if self._replay.options.jobs and not wanted:
            return []
        if self._only:
            wanted = [self._only.removeprefix(f"{self._workflow.path}:").split(":", 1)[0]]
        todo = closure(self._workflow, wanted)
        self._wanted = frozenset(wanted or todo)
        with ThreadPoolExecutor(self._replay.workers) as pool:
            try:
                while todo or self._running:
                    for job_id in [j for j in todo if all(n in self._needed for n in needs(self._workflow.jobs[j]))]:
                        todo.remove(job_id)
                        self._start(job_id, pool)
                    self._collect()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self._replay.close()  # else the pool waits for legs that go on
                raise
        return [r for job_id in self._workflow.jobs for r in self._results.get(job_id, [])]

    def _start(self, job_id: str, pool: ThreadPoolExecutor) -> None:
        self._results[job_id] = []
        for planned in self._planned(job_id):
            if isinstance(planned, JobResult):
                self._results[job_id].append(planned)
                continue
            alone = self._only and self._needs_nobody_else(job_id)
            if alone and leg_key(self._workflow.path, job_id, planned.matrix) != self._only:
                continue
            run_one = partial(
                self._replay.start,
                self._workflow,
                self._run,
                planned,
                {n: self._needed[n] for n in needs(self._workflow.jobs[job_id])},
                self._uses,
                hold=self._hold,
            )
            self._running[pool.submit(run_one)] = job_id
        self._finish(job_id)

    def _planned(self, job_id: str) -> list[Planned | JobResult]:
        """The legs of a job. What is wrong with a job that only a run can tell (it has needs) fails that job alone."""
        job = self._workflow.jobs[job_id]
        unknown = [n for n in needs(job) if self._needed[n].result is Result.UNREPLAYABLE]
        held = [n for n in needs(job) if any(self._replay.bench(leg.key) for leg in self._results[n])]
        try:
            if unknown:
                return self._planned_without(job_id, unknown)
            if held and condition(job.get("if"), self._scope(job_id)):
                waiting = f"it was not run, because {', '.join(held)} is held at its failing step"
                return [self._without_a_run(job_id, Result.SKIPPED, waiting)]
            only = self._replay.options.matrix if job_id in self._wanted else ()
            return list(legs_of(self._workflow, job_id, self._scope(job_id), only))
        except UsageError as e:
            if not needs(job):
                raise
            reason = e.message.removeprefix(f"{self._workflow.path}: ")
            return [self._without_a_run(job_id, Result.FAILURE, reason)]

    def _planned_without(self, job_id: str, unknown: list[str]) -> list[Planned | JobResult]:
        """The result of a job that needs what could not be replayed: skipped only when it would be in any case."""
        job = self._workflow.jobs[job_id]
        for result in (Result.SUCCESS, Result.FAILURE):
            if condition(job.get("if"), self._scope(job_id, dict.fromkeys(unknown, result))):
                reason = f"it needs {', '.join(unknown)}, which could not be replayed"
                return [self._without_a_run(job_id, Result.UNREPLAYABLE, reason)]
        return [self._without_a_run(job_id, Result.SKIPPED, None)]

    def _without_a_run(self, job_id: str, result: Result, reason: str | None) -> JobResult:
        name = str(self._workflow.jobs[job_id].get("name") or job_id)
        return JobResult(id=job_id, name=name, workflow=self._workflow.path, result=result, reason=reason)

    def _scope(self, job_id: str, instead: Mapping[str, Result] | None = None) -> Scope:
        """What the expressions of a job may name; `instead` gives jobs another result than they have."""
        results = {n: str((instead or {}).get(n, found.result)) for n, found in self._needed.items()}
        needed = needs(self._workflow.jobs[job_id])
        told = {n: {"result": results[n], "outputs": dict(self._needed[n].outputs)} for n in needed}
        return self._run.scope(told, [results[n] for n in closure(self._workflow, [job_id]) if n != job_id])

    def _needs_nobody_else(self, job_id: str) -> bool:
        return self._only.startswith(f"{self._workflow.path}:{job_id}:")

    def _collect(self) -> None:
        if not self._running:
            return
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        for future in done:
            job_id = self._running.pop(future)
            self._results[job_id].append(future.result())
            self._finish(job_id)

    def _finish(self, job_id: str) -> None:
        if job_id in self._running.values():
            return
        legs = self._results[job_id] = sorted(self._results[job_id], key=lambda r: number(r.log))
        outputs = {k: v for leg in legs for k, v in leg.outputs.items() if v}
        counting = [leg.result for leg in legs if not leg.continue_on_error and leg.reason != "no step of the job ran"]
        worst = (Result.FAILURE, Result.CANCELLED, Result.UNREPLAYABLE, Result.SKIPPED)
        self._needed[job_id] = Need(next((r for r in worst if r in counting), Result.SUCCESS), outputs)
