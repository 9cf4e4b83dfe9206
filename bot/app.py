"""The composition root: builds the adapters and wires them to the stages. Nothing else does.

What only some commands need, or only when a replay is red, is imported then: a replay must not wait for it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import platformdirs

from bot.adapters.bubblewrap import Bubblewrap
from bot.adapters.checkouts import create_checkout, open_checkout
from bot.adapters.container_engine import engine_problem
from bot.adapters.git_plumbing import GitPlumbing
from bot.adapters.machine import execute_only_act
from bot.adapters.sources import GitSources
from bot.adapters.system_clock import SystemClock
from bot.adapters.toolchains import LocalToolchains
from bot.adapters.workers import is_gone, this_worker
from bot.errors import Conflict, CorruptCache, GitFailed, MachineError, OutOfBudget, RegreenError, Transient, UsageError
from bot.llm import LLM_ADDRESS, LLM_KEYS
from bot.model import (
    Constraints,
    Delivery,
    Diagnosis,
    DriftReport,
    FailedRun,
    Incident,
    Investigation,
    JobResult,
    ReplayOptions,
    ReplayResult,
    Result,
    Stage,
    Wish,
    utc,
)
from bot.opening import begun, drafted
from bot.planning.breaker import Breaker
from bot.ports import Checkout, Git
from bot.recovery import Recovery
from bot.replay.drift import find_drift
from bot.replay.layout import remove
from bot.replay.replayer import Plan, Progress, Tools
from bot.replay.replays import Replays
from bot.replay.runs import new_folder
from bot.replay.selection import refuse_another_head, select
from bot.replay.source import Origin, Snapshot, commit_named, paths_of, read_commit
from bot.settings import Settings, settings_of
from bot.text.redact import Redactor
from bot.wiring import Wiring

if TYPE_CHECKING:
    from bot.diagnosis import Signatures
    from bot.findings import Guard
    from bot.investigation import Scene
    from bot.pipeline import Work
    from bot.planning.order import Needs
    from bot.planning.plan import AttemptPlan
    from bot.proposal.hosted import Hosting
    from bot.prospects import Forecast, Models, Prospects
    from bot.state.checkpoints import Checkpoints
    from strategies import Strategy

LEASE_SPARE_SECONDS = 600.0
NONE = Constraints()
NOT_TOLD = (
    "no language model is asked where the job is given secrets: leave --secret and --secret-file out to have one asked"
)
Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Check:
    """One finding of the doctor: what was looked at, whether it is well, and what to say of it."""

    name: str
    ok: bool
    told: str
    needed: bool = True


@dataclass(frozen=True)
class Voices:
    """How progress reaches people: lines of text, and the steps of replays."""

    say: Say
    progress: Progress


class App:
    """Regreen on one checkout of this machine.

    `environ` is the process' environment; `secrets` are the values of the secrets that the user lets tests have,
    `hidden` more values that nobody may see; `strategies`, if any, are used in place of those that are installed.
    `clone` is given where the path is no folder that people work in: a checkout of the clone of a repository on GitHub,
    and its git, which has a token; then `hosting` makes what proposals are made with. `recorded` is a file of answers
    that stand for a model's where none can be asked; nobody's settings name one, and on GitHub there is none. `breaker`
    is given where several apps of a process ask the same models.
    """

    def __init__(
        self,
        path: Path,
        environ: Mapping[str, str],
        voices: Voices,
        *,
        secrets: Mapping[str, str] | None = None,
        local_actions: Mapping[str, Path] | None = None,
        strategies: Sequence["Strategy"] = (),
        hidden: Sequence[str] = (),
        clone: tuple[Checkout, GitPlumbing] | None = None,
        hosting: Callable[["App"], "Hosting"] | None = None,
        recorded: Path | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self._strategies, self._clone_on_github, self._hosting = strategies, clone, hosting
        self._recorded = recorded
        self._hidden = tuple(hidden)
        self._path, self._environ, self._voices = path, environ, voices
        self._secrets, self._local_actions = dict(secrets or {}), dict(local_actions or {})
        self._clock = SystemClock()
        self._breaker = breaker or Breaker(self._clock)

    @cached_property
    def checkout(self) -> Checkout:
        """The checkout. Raises `UsageError` when there is none."""
        if self._clone_on_github:
            return self._clone_on_github[0]
        return self._recovery.run(lambda: open_checkout(self._path))

    @cached_property
    def theirs(self) -> GitPlumbing:
        """The checkout's own repository."""
        return self._clone_on_github[1] if self._clone_on_github else GitPlumbing(self.checkout.common_dir)

    @cached_property
    def cache(self) -> Path:
        """Where replays and what can be made again lie."""
        return platformdirs.user_cache_path("regreen")

    @cached_property
    def settings(self) -> Settings:
        """The settings: the repository's file comes from its base branch, not from what is checked out."""
        return self._recovery.run(lambda: settings_of(self.theirs, self.checkout, self._environ))

    @cached_property
    def sources(self) -> GitSources:
        """Repositories of others, which no branch or tag is asked for twice in one command."""
        return GitSources(self.cache / "sources", self.settings.replay.sources)

    @cached_property
    def _local(self) -> dict[str, Path]:
        """The folders that stand for repositories of actions, by `owner/name@ref`."""
        return {k: Path(v) for k, v in self.settings.replay.local_actions.items()} | self._local_actions

    @cached_property
    def redactor(self) -> Redactor:
        """Takes out the secrets that are known, and what looks like one."""
        keys = [key for name in LLM_KEYS if (key := self._environ.get(name))]
        return Redactor([*self._secrets.values(), *self._hidden, *keys])

    @cached_property
    def checkpoints(self) -> "Checkpoints":
        """The records of this repository."""
        from bot.state.checkpoints import Checkpoints

        return Checkpoints(
            self.theirs, clock=self._clock, redactor=self.redactor, remote=self.settings.state.remote or None
        )

    # --- what the commands do ---

    def replay(self, options: ReplayOptions) -> ReplayResult:
        """Replay the checkout as it is."""

        def once() -> ReplayResult:
            with closing(self.replays(options)) as replays:
                return replays.run(replays.snapshot.commit)[0]

        return self._recovery.run(once)

    def explain(self, result: ReplayResult) -> dict[str, Diagnosis]:
        """Why each leg that failed did, by its key."""
        return {j.key: self._diagnose_leg(result, j) for j in result.jobs if j.result is Result.FAILURE and j.log}

    def replays(self, options: ReplayOptions) -> Replays:
        """What replays the checkout as it is; the caller closes it."""
        return self._opened_replays(options, self.checkout)

    def committed(self, options: ReplayOptions) -> tuple[Git, str]:
        """The commit that a replay would replay, and the clone that has it."""
        origin, snapshot = self._recovery.run(
            lambda: self._clone(self._run_folder(), self.checkout, committed=options.committed)
        )
        return origin.git, snapshot.commit

    def _opened_replays(self, options: ReplayOptions, checkout: Checkout) -> Replays:
        folder = self._run_folder()
        origin, snapshot, tools = self._clone_and_tools(folder, options, checkout)
        return self._replays(folder, origin, snapshot, options, tools, lambda: None, checkout, merge=True)

    def drift(self, options: ReplayOptions, green: str) -> DriftReport:
        """Say of a commit that was green whether only the date has broken it, and which release that was.

        It was green at `options.as_of`, else when it was made.
        """
        found = self._recovery.run(lambda: commit_named(self.theirs, green))
        if found is None:
            raise UsageError(f"--drift: there is no commit {green}")
        if options.network != "registries":
            raise UsageError("--drift: packages travel in time with --network registries alone")
        checkout = self.checkout.changed(head=found)

        def open_replays(moment: datetime) -> Replays:
            dated = options.changed(as_of=moment, committed=True)
            return self._opened_replays(dated, checkout)

        then = options.as_of or read_commit(self.theirs, checkout.head).created
        report, red = self._recovery.run(lambda: find_drift(open_replays, then, self._clock.now()))
        if not red or not report.drift:
            return report
        job = next(j for j in red.jobs if j.result is Result.FAILURE)
        diagnosis = self._diagnose_leg(red, job).changed(drift=report.drift[0])
        return report.changed(diagnosis=diagnosis)

    def open_incident(
        self,
        options: ReplayOptions,
        delivery: Delivery,
        max_minutes: float,
        *,
        green: str = "",
        failed_run: FailedRun | None = None,
        asked_by: str = "",
        wish: Wish | None = None,
        constraints: Constraints = NONE,
    ) -> Incident:
        """The record for fixing the checkout as it is: a fresh one, or a new round of the one that is known.

        `green` is a commit that was green when it was made, or the time of a green run. Of a run on GitHub there is a
        new round only when somebody has asked for it; `wish` is for a revert in the place of a fix. `constraints` are
        for this round, but for what the incident of a run on GitHub may cost: that holds until somebody says another.
        """
        moment = self._recovery.run(lambda: self._moment(green, options)) if green else None
        given = {"failed_run": failed_run, "asked_by": asked_by, "wish": wish, "constraints": constraints}
        return self._recovery.run(lambda: self._opened(options, delivery, max_minutes, moment, given))

    def _moment(self, green: str, options: ReplayOptions) -> datetime:
        if options.network != "registries":
            raise UsageError("--green: packages travel in time with --network registries alone")
        if found := commit_named(self.theirs, green):
            return read_commit(self.theirs, found).created
        try:
            return utc(green)
        except ValueError as e:
            raise UsageError(f"--green: '{green}' is no commit and no time (2026-01-31, 2026-01-31T12:00:00Z)") from e

    def patiently(self, work: Callable[[], T]) -> T:
        """Do what can be done twice, again where it fails in passing. Raises `Conflict` at once."""
        return self._recovery.run(work, again=_unless_it_is_a_conflict)

    def incidents(self) -> list[Incident]:
        """The records, the newest first."""
        return self.patiently(lambda: list(self.checkpoints.incidents()))

    def _opened(
        self,
        options: ReplayOptions,
        delivery: Delivery,
        max_minutes: float,
        green: datetime | None,
        given: Mapping[str, Any],
    ) -> Incident:
        replays = self.replays(options)
        snapshot = replays.snapshot
        try:
            select(replays.origin, snapshot.commit, self.checkout, options, {}, self._local, self.sources, merge=False)
            refuse_another_head(replays.origin, self.checkout, options)
        finally:
            replays.close()
        commit = (snapshot.commit, snapshot.tree)
        about = {**given, "green": green}
        fresh = drafted(self.checkout, commit, options, delivery, max_minutes, self._clock.now(), about)
        known = self.checkpoints.load(fresh.id)
        found = begun(known, fresh)
        return found if found is known else self.checkpoints.save(found)

    def fix(self, incident: Incident, reported: Diagnosis | None = None, *, until: Stage = Stage.CLOSED) -> Incident:
        """Bring an incident to its end, from wherever it is; no further than `until`, where that is given."""
        from bot import pipeline

        if incident.stage is Stage.CLOSED:
            return incident
        owner = this_worker()
        incident = self._bounded(incident)
        seconds = incident.max_minutes * 60 + LEASE_SPARE_SECONDS
        record = self._bounded(self.patiently(lambda: self.claim(incident.id, owner, seconds)))
        work = self._work(record, owner, reported)

        def again(error: RegreenError) -> None:
            nonlocal record
            work.close()
            record = self._bounded(self._recovery.run(lambda: self.checkpoints.load(incident.id) or incident))
            if isinstance(error, Conflict) and record.lease and record.lease.owner != owner:
                raise error

        try:
            return self._recovery.run(lambda: pipeline.run(record, work, until), again=again)
        finally:
            work.close()
            with suppress(Conflict, Transient, GitFailed):  # another's by now, or it expires by itself
                self.checkpoints.release(incident.id, owner)
            with suppress(Conflict, Transient, GitFailed):  # the next command does it
                days = self.settings.state.retention_days
                self.checkpoints.prune(self._clock.now() - timedelta(days=days))
                self.checkpoints.compact(days)

    def _bounded(self, incident: Incident) -> Incident:
        """On GitHub a record gets no more time and network than the settings give: others write it, too."""
        if self._hosting is None:
            return incident
        minutes = min(incident.max_minutes, self.settings.fix.max_minutes)
        network = self.settings.replay.network
        options = incident.options.changed(network=network, backend="", secrets=(), local_actions={})
        return incident.changed(max_minutes=minutes, options=options)

    def claim(self, incident_id: str, owner: str, seconds: float) -> Incident:
        """Take the lease of an incident; that of a worker of this machine which was killed is void.

        Raises `Conflict` when another worker has it.
        """

        def without_dead(record: Incident) -> Incident:
            dead = record.lease and is_gone(record.lease.owner)
            return record.changed(lease=None) if dead else record

        self.checkpoints.update(incident_id, without_dead)
        return self.checkpoints.claim(incident_id, owner, seconds)

    @cached_property
    def signatures(self) -> "Signatures":
        """What errors look like: everywhere, by the repository's settings, and by its problem matchers."""
        from bot.diagnosis import read_entries, read_matchers, shipped

        try:
            root = self.checkout.root
        except UsageError:  # a log can be diagnosed anywhere
            return shipped()
        own = read_entries(self.settings.diagnosis.signatures, self.settings.sources["diagnosis.signatures"])
        return shipped().with_more([*own, *read_matchers(root)])

    def diagnose_jobs(
        self, log: Path | Iterator[bytes], max_tokens: int, reports: Iterable[Path] = (), passed: Path | None = None
    ) -> list[tuple[str, Diagnosis]]:
        """The same of each job that failed in the zip of a run, with its name; of any other log alone, without one."""
        from bot.diagnosis import failed_jobs

        jobs = failed_jobs(log) if isinstance(log, Path) else []
        return [(job, self.diagnose(log, max_tokens, reports, passed, job)) for job in jobs or [""]]

    def diagnose(
        self,
        log: Path | Iterator[bytes],
        max_tokens: int,
        reports: Iterable[Path] = (),
        passed: Path | None = None,
        job: str = "",
    ) -> Diagnosis:
        """Say of a log why it is red.

        `reports` are test reports in XML, `passed` is the log of a run that passed, `job` names one of a zip.
        """
        from bot.diagnosis import diagnose

        return diagnose(
            log,
            max_tokens=max_tokens,
            redactor=self.redactor,
            signatures=self.signatures,
            reports=reports,
            passed=passed,
            job=job,
        )

    def investigate(self, found: Sequence[Diagnosis], green: str) -> list[Investigation]:
        """Say of failures of the checkout's commit where they come from; `green` is a commit that did not fail."""
        from bot.investigation import investigate_all

        return self._recovery.run(lambda: investigate_all(found, self._scene(green)))

    def diagnose_checkout(
        self, options: ReplayOptions, green: str
    ) -> tuple[ReplayResult, list[tuple[str, Diagnosis, Investigation]]]:
        """Replay the checkout; for each leg that fails its name, why it does, and where that comes from.

        On a branch of its own the same jobs of the base branch are replayed as well.
        """
        from bot.investigation import base_of, investigate_all, with_base

        def once() -> tuple[ReplayResult, list[tuple[str, Diagnosis, Investigation]]]:
            scene, here = self._scene(green), self.checkout
            result, uncommitted = self._replayed(options, here)
            if not (failed := self.explain(result)):
                return result, []
            jobs = {j.key: j for j in result.jobs}
            scene = replace(scene, uncommitted=uncommitted)
            if base := base_of(self.theirs, here):
                self._voices.say(f"replaying {here.default_branch}, too: does it fail alike?")
                same = options.changed(jobs=tuple({jobs[key].id: None for key in failed}), committed=True)
                with suppress(UsageError):  # it has no such job yet
                    there, _ = self._replayed(same, here.changed(head=base, branch=here.default_branch))
                    scene = with_base(scene, base, here.default_branch, there, self.explain(there).values())
            where = investigate_all(list(failed.values()), scene)
            return result, [(jobs[k].name, failed[k], one) for k, one in zip(failed, where, strict=True)]

        return self._recovery.run(once)

    def _replayed(self, options: ReplayOptions, checkout: Checkout) -> tuple[ReplayResult, frozenset[str]]:
        """The replay of a checkout, and the files that were not committed in it."""
        from bot.repair.difference import changed_files

        with closing(self._opened_replays(options, checkout)) as replays:
            snapshot = replays.snapshot.commit
            uncommitted = frozenset(f.path for f in changed_files(replays.origin.git, checkout.head, snapshot))
            return replays.run(snapshot)[0], uncommitted

    def _scene(self, green: str) -> "Scene":
        from bot.investigation import scene_of

        git = GitPlumbing(self.checkout.common_dir, work_tree=self.checkout.root)
        return scene_of(git, self.checkout, green, self.checkpoints.incidents(), self.redactor)

    def check_up(self) -> list[Check]:
        """Look at everything that a replay needs of this machine."""
        found = [_check("git", lambda: GitPlumbing(self.cache).version())]
        found.append(_check("sandbox", lambda: str(Bubblewrap(outside=None).program)))
        found.append(_check("act", lambda: str(execute_only_act(self.cache / "tools", None))))
        found.append(_check("checkout", lambda: str(self.checkout.root), needed=False))
        problem = engine_problem(self._environ)
        found.append(Check("container engine", not problem, problem or "answers", needed=False))
        toolchains = LocalToolchains(self.cache / "toolchains.json", self._environ).found()
        for kind in ("python", "node", "go", "rust", "java", "ruby", "uv"):
            versions = ", ".join(t.version for t in toolchains if t.kind == kind)
            found.append(
                Check(
                    kind, bool(versions), versions or "none found: jobs that need it cannot be replayed", needed=False
                )
            )
        return found

    # --- wiring ---

    def _work(self, incident: Incident, owner: str, reported: Diagnosis | None) -> "Work":
        from bot.findings import Means
        from bot.pipeline import Work

        strategies = self._installed()
        deadline = self._clock.now() + timedelta(minutes=incident.max_minutes)
        models = self.models

        def seconds_left() -> float:
            return (deadline - self._clock.now()).total_seconds()

        def check_time() -> None:
            if seconds_left() < 0:
                raise OutOfBudget(f"the {incident.max_minutes:g} minutes are over")

        def open_replays(record: Incident) -> Replays:
            folder = self._run_folder()
            origin, snapshot, tools = self._clone_and_tools(folder, record.options, self.checkout)
            if snapshot.commit != record.snapshot:
                raise UsageError(
                    f"the checkout has changed since incident {record.id} began", hint="run regreen fix again"
                )
            given = (folder, origin, snapshot, record.options, tools, check_time, self.checkout)
            return self._replays(*given, merge=False)

        def means(replays: Replays, save: Callable[[Incident], Incident]) -> Means:
            return Means(
                replays,
                self.settings,
                self._clock,
                strategies,
                self._diagnose_leg,
                lambda output: self.diagnose(iter([output.encode()]), self.settings.diagnosis.max_tokens),
                guard_with(replays.origin.git),
                save,
                self._voices.say,
                check_time,
                seconds_left,
                models,
            )

        def drift_of(record: Incident) -> DriftReport:
            def at(moment: datetime) -> Replays:
                return self._opened_replays(record.options.changed(as_of=moment), self.checkout)

            assert record.green
            return find_drift(at, record.green, record.options.as_of or self._clock.now())[0]

        return Work(
            checkpoints=self.checkpoints,
            clock=self._clock,
            owner=owner,
            checkout=self.checkout,
            theirs=self.theirs,
            open_replays=open_replays,
            means=means,
            find_drift=drift_of,
            say=self._voices.say,
            reported=reported,
            hosting=self._hosting(self) if self._hosting else None,
        )

    def _installed(self) -> Sequence["Strategy"]:
        """The strategies to use, the cheapest first."""
        from strategies import installed

        chosen = self.settings.fix
        return self._strategies or [
            s
            for s in installed(self._voices.say, chosen.disabled_strategies)
            if not chosen.strategies or s.NAME in chosen.strategies
        ]

    @cached_property
    def prospects(self) -> "Prospects":
        """What language models there are, and what became of the repository's attempts with them."""
        from bot.hiring import prospects_of

        return prospects_of(self.settings.llm, self.checkpoints)

    @cached_property
    def models(self) -> "Models | None":
        """What it takes to ask language models, if they may be asked."""
        from bot.hiring import lacking, may_ask, models_of, recorded_models

        missing = lacking(self.settings.llm, self._environ)
        if missing and self._environ.get(LLM_ADDRESS) and self.settings.llm.use != "never":
            self._voices.say(f"no language model is asked: {missing}, and {LLM_ADDRESS} has the public API")
        if may_ask(self.settings.llm, self._environ) and self._may_be_told:
            return models_of(self._environ, self.prospects, self.checkpoints, self.redactor, self._breaker)
        if self._recorded and self._hosting is None and self.settings.llm.use != "never":
            return recorded_models(self._recorded, self.settings.llm, self.checkpoints, self.redactor, self._breaker)
        return None

    @cached_property
    def _may_be_told(self) -> bool:
        """Whether models may see what replays print: code that they write could disguise the secrets that a job has."""
        if self._secrets:
            self._voices.say(NOT_TOLD)
        return not self._secrets

    def forecasts(self, options: ReplayOptions, constraints: Constraints) -> tuple[ReplayResult, list["Forecast"]]:
        """Replay the checkout as it is, and say what would be tried at each leg that failed, in the order of that."""

        def once() -> "tuple[ReplayResult, list[Forecast]]":
            with closing(self.replays(options)) as replays:
                result = replays.run(replays.snapshot.commit)[0]
                return result, self._forecasts(result, replays.needs(replays.snapshot.commit), constraints)

        return self._recovery.run(once)

    def _forecasts(self, result: ReplayResult, needs: "Needs", constraints: Constraints) -> list["Forecast"]:
        from bot.planning.order import groups, waiting
        from bot.prospects import Forecast

        paths, free = paths_of(self.theirs, self.checkout.head), self._installed()
        why = self.explain(result)
        jobs = {j.key: j for j in result.jobs if j.key in why and not j.continue_on_error}
        found = []
        for key in (key for group in groups({k: [Replays.job_of(j)] for k, j in jobs.items()}, needs) for key in group):
            held_up = waiting(Replays.job_of(jobs[key]), needs)
            found.append(
                Forecast(
                    jobs[key].name,
                    why[key],
                    self.plan(why[key], result.seconds, constraints),
                    tuple(s.NAME for s in free if s.applies(why[key], paths)),
                    tuple(job.rpartition(":")[2] for job in held_up),
                )
            )
        return found

    def plan(self, complaint: Diagnosis, replay_seconds: float, constraints: Constraints) -> "AttemptPlan":
        """The attempts by models that are worth making at a failure, and about how much they are shown, for people."""
        from bot.adapters.token_estimate import encoding_at_hand, estimate
        from bot.repair.context import gather

        found = self.prospects.plan(complaint, replay_seconds, constraints)
        if not self._may_be_told:
            return found.changed(steps=())
        encoding = encoding_at_hand(self._environ)
        sizes: dict[int, int] = {}
        for budget in {step.tier.prompt for step in found.steps}:
            shown = gather(self.theirs, self.checkout.head, complaint, budget=budget, redact=self.redactor)
            sizes[budget] = estimate("".join(layer.text for layer in shown), encoding)
        return found.changed(steps=tuple(step.changed(tokens=sizes[step.tier.prompt]) for step in found.steps))

    @cached_property
    def _recovery(self) -> Recovery:
        def forget() -> None:
            (self.cache / "toolchains.json").unlink(missing_ok=True)

        return Recovery(self._clock, self.cache, forget, self._voices.say)

    def _clone_and_tools(
        self, folder: Path, options: ReplayOptions, checkout: Checkout
    ) -> tuple[Origin, Snapshot, Tools]:
        """The clone and what replays it, made side by side: both wait for other programs most of the time."""
        wiring = Wiring(self._environ, self.cache, self.settings.replay, self.sources, self.redactor)
        order = (options.backend,) if options.backend else self.settings.replay.backends
        backends = wiring.backends(order)
        if not backends.choose(""):
            raise MachineError(f"no backend can replay this: {backends.refusals()}", hint="use the backend host")
        with ThreadPoolExecutor(1) as pool:
            tools = pool.submit(wiring.tools, self.checkout.root, folder, options, backends)
            cloned = self._clone(folder, checkout, committed=options.committed)
            return *cloned, tools.result()

    def _clone(self, folder: Path, checkout: Checkout, *, committed: bool) -> tuple[Origin, Snapshot]:
        source = folder / "source"
        remove(source)
        origin = Origin(source, lambda git_dir, tree: GitPlumbing(git_dir, work_tree=tree))
        origin.create(checkout)
        return origin, origin.snapshot(checkout, committed=committed)

    def _replays(
        self,
        folder: Path,
        origin: Origin,
        snapshot: Snapshot,
        options: ReplayOptions,
        tools: Tools,
        check_time: Callable[[], None],
        checkout: Checkout,
        *,
        merge: bool,
    ) -> Replays:

        def plan(commit: str) -> Plan:
            return select(origin, commit, checkout, options, self._secrets, self._local, self.sources, merge=merge)

        return Replays(folder, origin, snapshot, plan, tools, self._voices.progress, check_time)

    def _diagnose_leg(self, result: ReplayResult, job: JobResult) -> Diagnosis:
        log = Path(result.log).parent / job.log
        if not log.exists():
            raise CorruptCache(f"{log} has gone")
        tokens = self.settings.diagnosis.max_tokens
        found = self.diagnose(log, tokens)
        step = job.failing_step  # a log names what a step runs, not what the workflow calls it
        return found.changed(step=step.name) if step else found

    def _run_folder(self) -> Path:
        return new_folder(self.cache / "runs", self._clock.now())


def guard_with(git: Git) -> "Guard":
    """The guard, which finds in a repository what a commit has already."""
    from bot.repair.difference import passages
    from bot.repair.guard import judge

    return lambda applied, allow: judge(applied.changes, allow=allow, known=passages(git, applied.base))


def commit_all(root: Path, message: str) -> None:
    """Make a git repository of the files in a folder."""
    create_checkout(root, message)


def _unless_it_is_a_conflict(error: RegreenError) -> None:
    if isinstance(error, Conflict):
        raise error


def _check(name: str, look: Callable[[], str], *, needed: bool = True) -> Check:
    try:
        return Check(name, ok=True, told=look(), needed=needed)
    except RegreenError as e:
        return Check(name, ok=False, told=str(e), needed=needed)
