"""A whole replay: every wanted leg of the selected workflows, in the order of their needs, side by side."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from posixpath import dirname
from socket import socket
from threading import Lock
from typing import Any
from uuid import uuid4

from bot.errors import Transient, Unavailable, UsageError
from bot.model import JobResult, ReplayOptions, ReplayResult, Result, StepResult, TestCounts, leg_key
from bot.ports import Contained, Egress, Sandbox, SandboxSpec, Sources
from bot.replay import containers, layout, own, prepare
from bot.replay.actions import StandIns, steps_of, used, uses_tree
from bot.replay.backends import DOCKER, NEEDS_ENGINE, Backends
from bot.replay.caches import Caches, Given
from bot.replay.calls import Call, Library
from bot.replay.context import SERVER, Run
from bot.replay.derive import Derived, actions_of, derive, limits_of_actions
from bot.replay.gates import counting, judged_by_gate
from bot.replay.joblog import JobLog, masked, masks_of
from bot.replay.layout import LegFolder
from bot.replay.leg import ENDED, Leg
from bot.replay.legs import Planned, labels_of
from bot.replay.missing_secrets import want_of_secret
from bot.replay.outcome import judge, step_results, summary, want_of_command, want_of_download, want_of_files
from bot.replay.record import Record, Step
from bot.replay.remote_actions import Found, RemoteActions
from bot.replay.repositories import Repositories
from bot.replay.schedule import Ended, RunLeg, Schedule
from bot.replay.side_effects import SideEffects
from bot.replay.source import Origin
from bot.replay.switched_off import offered
from bot.replay.workbench import Look, Workbench
from bot.replay.workflow import Workflow
from bot.yaml12 import load

POLL_SECONDS = 1.0
MAX_LOG_NAME = 60  # characters, of up to 4 bytes; a file name has 255 bytes
Progress = Callable[[str, str, Step | JobResult | None], None]
"""Told what ("started", "step began", "step ended", "ended"), the leg's name, and the step or, at last, the result."""
CountTests = Callable[[Path | Iterable[bytes]], TestCounts]
"""Counts the tests that a log reports."""
RanTests = Callable[[Iterable[bytes]], bool]
"""Tells whether a log reports any."""


@dataclass(frozen=True)
class Plan:
    """What to replay: workflows with the run that each is given, the filters of the options, and secrets for tests.

    `commit` is that of the run; `notes` say what is not as on GitHub; `unreplayable`, why nothing can be run.
    """

    commit: str
    workflows: tuple[tuple[Workflow, Run], ...]
    options: ReplayOptions
    library: Library
    secrets: Mapping[str, str] = field(default_factory=dict)
    local_actions: Mapping[str, Path] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unreplayable: str = ""


@dataclass(frozen=True)
class Tools:
    """What a replay works with. `meanwhile` prepares what is needed later, once the sandbox of a leg runs."""

    sandbox: Sandbox
    machine: prepare.Machine
    stand_ins: StandIns
    side_effects: SideEffects
    sources: Sources
    count_tests: CountTests
    ran_tests: RanTests
    meanwhile: Callable[[], object]
    redact: Callable[[str], str]
    workers: int
    backends: Backends
    caches: Caches


class Replay:
    """One replay of one plan, in a folder of its own. Legs that it holds live until `close`."""

    def __init__(
        self,
        folder: Path,
        origin: Origin,
        plan: Plan,
        tools: Tools,
        progress: Progress,
        check_time: Callable[[], None],
        caches: Given,
    ) -> None:
        tools = replace(tools, machine=replace(tools.machine, host=f"runner-{plan.commit[:8]}"))  # not the one before
        self.folder, self._origin, self._commit, self._plan, self._tools = folder, origin, plan.commit, plan, tools
        self._progress, self._check_time, self._caches = progress, check_time, caches
        self._look: Look | None = None
        self.numbers: Iterator[int] = count(1)
        self._legs: dict[str, Leg] = {}
        self._closed, self._lock = False, Lock()
        self._benches: dict[str, Workbench] = {}
        self._notes: dict[str, None] = dict.fromkeys(plan.notes)
        self._logs = folder / "log"
        self._logs.mkdir(parents=True)
        self._repositories = Repositories(folder / "sources", origin, plan.workflows[0][1], tools.sources)
        node = next((t.version for t in tools.machine.toolchains if t.kind == "node"), "")
        what = (tools.side_effects, plan.local_actions, node, self._is_named, self._own)
        self._remote = RemoteActions(tools.sources, tools.stand_ins, *what)
        self._plain = StandIns({}, wrapped=False)
        self._remote_contained = RemoteActions(tools.sources, self._plain, *what, containers=True)
        prepare.write_shared(folder / "shared", tools.machine)

    def run(self, *, hold: bool = False, only: str = "", look: Look | None = None) -> ReplayResult:
        """Replay, and return what came of it. With `hold`, a leg that fails is held at its failing step.

        `only` is the key of the one leg that is wanted; of the others only those run that its job needs.
        """
        started, self._look = time.monotonic(), look
        if reason := self._plan.unreplayable:
            (self._logs / "replay.log").touch()
            return ReplayResult(result=Result.UNREPLAYABLE, reason=reason, log=str(self._logs / "replay.log"))
        jobs: list[JobResult] = []
        for workflow, run in self._plan.workflows:
            jobs += self._run(Call(workflow, run, self._plan.secrets, workflow.path), hold=hold, only=only)
        with (self._logs / "replay.log").open("wb") as whole:
            for job in jobs:
                whole.write((self._logs / job.log).read_bytes() if job.log else b"")
        proxy = self._tools.machine.proxy
        notes = (*self._notes, *self._caches.notes, *self._tools.sources.notes, *(proxy.notes() if proxy else ()))
        return summary(jobs, notes, time.monotonic() - started, str(self._logs / "replay.log"))

    def bench(self, key: str) -> Workbench | None:
        """The workbench of a held leg, or None when it is not held. Raises `Transient` when it was killed since."""
        leg = self._legs.get(key)
        if not leg or not leg.held:
            return None
        if not leg.is_alive():
            raise Transient(ENDED)
        if key not in self._benches:
            self._benches[key] = Workbench(leg, self._tools.sandbox)
        return self._benches[key]

    def close(self) -> None:
        """End all legs; none begins any more."""
        with self._lock:
            self._closed = True
            legs = list(self._legs.values())
        for leg in legs:
            leg.close()

    @cached_property
    def _actions(self) -> dict[str, Any]:
        """The definitions of the actions of the tree, by their folders ("." is the root)."""
        found = {}
        for path in sorted(self._origin.paths(self._commit)):
            if path.rsplit("/", 1)[-1] in ("action.yml", "action.yaml"):
                with suppress(UsageError):  # a template, say; act fails the step that uses it
                    found[dirname(path) or "."] = load(self._origin.require(self._commit, path), path)
        return found

    def _own(self) -> Path:
        """The folder of the tree's actions for those who name them without a checkout."""
        with self._lock:
            folder = self.folder / "own"
            return folder if folder.exists() else own.export(self._origin.git, self._commit, folder)

    def _run(self, call: Call, *, hold: bool, only: str) -> list[JobResult]:
        """Run one workflow: a job starts when all that it needs has ended. All results, in the order of the file."""
        running: dict[Future[JobResult], Ended] = {}
        with ThreadPoolExecutor(self._tools.workers) as pool:
            schedule = Schedule(self, call, partial(_submitted, pool, running), hold=hold, only=only)
            try:
                while not schedule.advance():
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        running.pop(future)(future.result())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.close()  # else the pool waits for legs that go on
                raise
        return schedule.results()

    def start(self, call: Call, planned: Planned, index: int, *, hold: bool) -> JobResult:
        """Run one leg to its end, or until it is held: at the step whose failure it is, where another judges it."""
        ended = self._start(call, planned, str(index), hold=hold)
        job_id, name = planned.job_id, call.name + planned.name
        if (leg := self._legs.get(ended.key)) is None:
            return ended
        if hold and (ids := judged_by_gate(call.workflow.jobs[job_id], ended.steps)):
            leg.close()
            strict = call.changed(workflow=counting(call.workflow, job_id, ids))
            again = self._start(strict, planned, f"{index}_again", hold=hold)
            ended = again if again.result is Result.FAILURE else ended
        self._progress("ended", name, ended)
        if self._look and ended.result is Result.FAILURE:
            self._look(ReplayResult(result=ended.result, jobs=(ended,), log=str(self._logs / "replay.log")), self.bench)
        return ended

    def _start(self, call: Call, planned: Planned, place: str, *, hold: bool) -> JobResult:
        job = call.workflow.jobs[planned.job_id]
        job_id, name, matrix = call.id + planned.job_id, call.name + planned.name, call.matrix_of(planned.matrix)
        ended = JobResult(
            id=job_id,
            name=name,
            workflow=call.root,
            matrix=matrix,
            result=Result.UNREPLAYABLE,
            continue_on_error=planned.continue_on_error,
        )
        try:
            actions, contained = self._placed(call, planned, name)
        except Unavailable as e:
            return ended.changed(reason=e.message)
        leg, log = self._leg(call, planned, place, name, actions, contained, hold=hold and contained is None)
        try:
            with self._lock:
                self._check_open()
                self._legs[leg_key(call.root, job_id, matrix)] = leg
        except Transient:
            leg.forget()
            raise
        self._progress("started", name, None)
        leg.start()
        leg.underway.wait()  # the other thread would have to wait for each of its turns
        self._tools.meanwhile()
        record = self._settled(leg)
        self._notes |= {f"{name}: {self._clean(note, call)}": None for note in record.notes}
        steps = tuple(step.changed(name=self._clean(step.name, call)) for step in step_results(job, record))
        result, reason = self._judged(call, planned, leg, record, steps, contained)
        if result is Result.FAILURE and contained and hold:
            reason = "; ".join(filter(None, [reason, containers.NOT_HELD]))
        more = {
            "result": result,
            "reason": reason,
            "seconds": record.seconds,
            "steps": steps,
            "outputs": record.outputs,
            "tests": self._tools.count_tests(self._logs / log),
            "log": log,
        }
        ended = ended.changed(**more)
        if contained is None:
            self._caches.keep(ended, leg.folder)
        return ended

    def _judged(
        self,
        call: Call,
        planned: Planned,
        leg: Leg,
        record: Record,
        steps: tuple[StepResult, ...],
        contained: Contained | None,
    ) -> tuple[Result, str | None]:
        """The result of a leg that has ended, and its reason: a failure counts where nothing was lacking."""
        job, name = call.workflow.jobs[planned.job_id], call.name + planned.name
        result, reason = judge(job, record, steps)
        is_bounded = contained and contained.network != "all"
        remote = self._remote_contained if is_bounded else self._remote
        env = [call.workflow.document.get("env"), job.get("env")]
        given = {"secrets": call.secrets, "vars": call.run.variables}
        if result is Result.FAILURE and (
            told := remote.want_of_network(job, steps, leg.printed)
            or want_of_files(steps, record, leg.printed)
            or want_of_command(labels_of(job, planned.scope), steps, leg.printed, leg.exit_code)
            or want_of_download(steps, record, leg.printed, leg.exit_code)
            or want_of_secret(env, job, steps, leg.printed, given, self._ran_tests)
        ):
            result, reason = Result.UNREPLAYABLE, told
        if record.absent:
            lost = f"{name}: the local clone lacks {', '.join(record.absent)}; the job ran without"
            self._notes[self._clean(lost, call)] = None
        for step in record.steps.values():
            for denied in step.denied:
                self._notes[self._clean(f"{name}: the step '{step.name}' {denied}", call)] = None
        return result, self._clean(reason, call) if reason else None

    def _ran_tests(self, lines: Iterable[str]) -> bool:
        """Whether lines of a step report tests."""
        return self._tools.ran_tests(f"{x.rstrip()}\n".encode("utf-8", "surrogateescape") for x in lines)

    def _is_named(self, repository: str) -> bool:
        return self._repositories.is_named(f"{SERVER}/{repository}")

    def _check_open(self) -> None:
        if self._closed:
            raise Transient(ENDED)

    def _check_on(self) -> None:
        """Raises where there is no use in going on with what is prepared."""
        self._check_open()
        self._check_time()

    def _placed(self, call: Call, planned: Planned, name: str) -> tuple[Found, Contained | None]:
        """The actions of a leg, and what it is given of a container engine, None where it runs on the host.

        Raises `Unavailable`.
        """
        job, scope, backends = call.workflow.jobs[planned.job_id], planned.scope, self._tools.backends
        ours = self._own_actions(job)
        need = containers.need(job, scope)
        wish = need or containers.wish(job, ours)
        actions = None if wish else self._found(call, job)
        if actions:
            wish = next((told for told in actions.refused.values() if told.endswith(NEEDS_ENGINE)), "")
        backend = backends.choose(wish) or backends.choose(need)
        if not backend:
            told = backends.refusals()
            raise Unavailable(f"{need} ({told})" if told else need)
        if backend != DOCKER:
            return actions or self._found(call, job), None
        machine, actions = self._tools.machine, self._found(call, job, contained=True)
        definitions = [*ours, *actions.definitions]
        what = (machine.network, machine.limits, self._check_on)
        found = containers.contained(job, scope, definitions, backends, *what)
        why = f"{wish.removesuffix(NEEDS_ENGINE)}; " if wish else ""
        self._notes[f"{name}: it ran on the backend docker ({why}image {found.image})"] = None
        if self._plan.options.as_of:
            self._notes["containers do not travel in time: what they fetch is what is there now"] = None
        if machine.network == "registries":
            self._notes[
                "containers reached no package index: the backend docker cannot give the network 'registries'"
            ] = None
        return actions, found

    def _own_actions(self, job: Mapping[str, Any]) -> list[Any]:
        """The definitions of the actions of the tree that the steps of a job name."""
        names = (str(s.get("uses", "")) for s in job["steps"])
        places = (name.removeprefix("./").strip("/") or "." for name in names if name.startswith("./"))
        return [self._actions[place] for place in places if place in self._actions]

    def _found(self, call: Call, job: Mapping[str, Any], *, contained: bool = False) -> Found:
        """The actions of other repositories that a job can come to."""
        ours = self._actions.values() if uses_tree(job) else ()
        uses = used([job, *ours])
        if contained:
            uses = {one for one in uses if not containers.is_checkout(one)}
        remote = self._remote_contained if contained else self._remote
        return remote.find(uses, of_tree=not own.REMOTE.fullmatch(call.workflow.path))

    def _leg(
        self,
        call: Call,
        planned: Planned,
        place: str,
        name: str,
        actions: Found,
        contained: Contained | None,
        *,
        hold: bool,
    ) -> tuple[Leg, str]:
        """A leg that has not begun, and the name of its log."""
        key = leg_key(call.root, call.id + planned.job_id, call.matrix_of(planned.matrix))
        layers = () if contained else self._caches.layers(key, name)
        folder = LegFolder(self.folder / "legs" / place, layers).make()
        job = call.workflow.jobs[planned.job_id]
        derived = self._derived(call, planned, contained)
        self._notes |= dict.fromkeys(f"{name}: {note}" for note in derived.notes)
        ours = self._actions.values() if uses_tree(job) else ()
        for one in sorted(actions.side_effects - used([job])):
            self._notes[f"{name}: the side effect '{one.split('@')[0]}' was not run"] = None
        log = f"{place}_{name.replace('/', '_')[:MAX_LOG_NAME]}.txt"
        leg = Leg(
            planned.job_id,
            self._spec(call, planned, folder, derived.document, actions, contained),
            folder,
            self._tools.sandbox,
            self._repositories.serve,
            self._reach(contained),
            JobLog(self._logs / log, self._tools.redact, call.secrets.values()),
            hold=hold,
            hold_nested=not _lenient([*ours, *actions.definitions]),
            deadline_seconds=planned.minutes * 60,
            step_seconds=limits_of_actions(job, planned.scope, wrapped=contained is None),
            actions=actions_of(job),
            scripts=containers.scripts(job) if contained else None,
            watcher=lambda what, step: self._on_step(what, name, step, call),
        )
        return leg, log

    def _derived(self, call: Call, planned: Planned, contained: Contained | None) -> Derived:
        effects = replace(self._tools.side_effects, tree=self._actions)
        if contained is None:
            return derive(call.workflow, planned, call.run, effects)
        job = call.workflow.jobs[planned.job_id]
        found = derive(call.workflow, planned, call.run, effects, containers.CONSTANTS)
        containers.in_containers(found.document, planned.job_id, f"regreen-{uuid4().hex}", job, planned.scope)
        return found

    def _reach(self, contained: Contained | None) -> Callable[[socket], Egress] | None:
        if contained:
            return partial(self._tools.backends.engine.serve, leg=contained)
        proxy = self._tools.machine.proxy
        return proxy.serve if proxy else None

    def _spec(
        self,
        call: Call,
        planned: Planned,
        folder: LegFolder,
        document: Mapping[str, Any],
        actions: Found,
        contained: Contained | None,
    ) -> SandboxSpec:
        places = {name: f"{layout.ROOT}/local/{n}" for n, name in enumerate(actions.folders)}
        mounts = {places[name]: path for name, path in actions.folders.items()}
        folders = {name: (path, places[name]) for name, path in actions.folders.items()}
        refused = {**dict.fromkeys(actions.side_effects, ""), **actions.refused}
        machine, stand_ins, uses = self._tools.machine, self._tools.stand_ins, actions.uses
        job = call.workflow.jobs[planned.job_id]
        toolchains = offered(machine.toolchains, labels_of(job, planned.scope), self._plan.options.as_of)
        machine = replace(machine, toolchains=toolchains)
        if contained:  # act itself reaches the engine alone
            machine, stand_ins = replace(machine, network="none", proxy=None), self._plain
            more = containers.refused(job, {*uses, *used([job])})
            refused, uses = {**refused, **more}, {*uses, *more}
            mounts[layout.NETWORK] = folder.network
        argv = prepare.write_plan(folder, document, call.run, machine, call.secrets)
        argv += stand_ins.write(uses, folder.plan, folders, refused)
        argv += ["--job", next(iter(document["jobs"]))]
        artifacts = self.folder / "artifacts" / call.root.replace("/", "_")
        artifacts.mkdir(parents=True, exist_ok=True)
        if contained:
            argv = containers.act(argv, job, call.run, contained.image)
        sources = {**mounts, layout.SOURCES: self._repositories.folder}
        made = prepare.spec(argv, self.folder / "shared", artifacts, folder, self._origin, machine, sources)
        return made.changed(env={**made.env, **containers.ENVIRONMENT}) if contained else made

    def _on_step(self, what: str, leg: str, step: Step, call: Call) -> None:
        step.name = self._clean(step.name, call)
        self._progress(f"step {what}", leg, step)

    def _clean(self, text: str, call: Call) -> str:
        """Without the secrets that the job was given, which act puts into the names of steps and its own words."""
        return self._tools.redact(masked(text, masks_of(call.secrets.values())))

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
    def library(self) -> Library:
        """Where the workflows are found that jobs call."""
        return self._plan.library


def _submitted(pool: ThreadPoolExecutor, running: dict[Future[JobResult], Ended], run: RunLeg, ended: Ended) -> None:
    running[pool.submit(run)] = ended


def _lenient(definitions: list[Any]) -> bool:
    """Whether a step of a composite action may fail without harm: then none of them is held at a failure."""
    return any(step.get("continue-on-error") for one in definitions for step in steps_of(one))
