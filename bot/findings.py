"""What can be found out of one failing leg alone, whatever the others come to: its cause, flakiness, candidates.

Whoever asks first finds it out: `Ahead` while slower legs of the baseline still run, or else the rounds themselves.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

from bot.complaints import complaint
from bot.declared import declared
from bot.errors import Refused, RegreenError
from bot.flakiness import Reruns, rerun
from bot.model import Candidate, Category, Diagnosis, Incident, JobResult, Refusal, ReplayResult, Result
from bot.ports import Clock, Consultation, Git
from bot.prospects import Models
from bot.repair.guard.kinds import is_workflow
from bot.repair.patch import Applied, PatchPolicy, apply
from bot.repair.tools import Bench, StrategyTools
from bot.repair.versions import more_than_versions
from bot.replay.replays import Replays
from bot.replay.workbench import Benches, Workbench
from bot.settings import Settings
from strategies import Strategy

MAY_BE_FLAKY = frozenset(
    {Category.TEST_ASSERTION, Category.NETWORK_OR_FLAKY, Category.TIMEOUT_OR_OOM, Category.SNAPSHOT_DIFF}
)
WORKFLOW = "workflow"
"""The rule by which the policy and the guard refuse changes of files that steer CI."""
ABOUT = frozenset({"generated-file", "lock-file", "snapshot", WORKFLOW})
"""The rules that a strategy may be about; the others are for nobody to break."""
CANDIDATE = "a candidate to be proven: "
"""How people are told of one; its summary follows."""
Guard = Callable[[Applied, frozenset[str]], tuple[Refusal, ...]]


@dataclass(frozen=True)
class Means:
    """What a repair works with.

    `diagnose` reads a leg's log, `diagnose_output` the output of a step; `guard` gives the refusals of an applied
    candidate; `save` writes a checkpoint; `tell` is for people; `check_time` raises `OutOfBudget`
    when the time is over, `seconds_left` is what is left of it; `models` are asked where nothing free has helped.
    """

    replays: Replays
    settings: Settings
    clock: Clock
    strategies: Sequence[Strategy]
    diagnose: Callable[[ReplayResult, JobResult], Diagnosis]
    diagnose_output: Callable[[str], Diagnosis]
    guard: Guard
    save: Callable[[Incident], Incident]
    tell: Callable[[str], None]
    check_time: Callable[[], None]
    seconds_left: Callable[[], float]
    models: Models | None = None

    def complaint(self, result: ReplayResult, job: JobResult, bench: Workbench | None, commit: str) -> Diagnosis:
        """Why a leg of the replay of a commit failed; more is known where it is held."""
        origin = self.replays.origin
        files = origin.paths(commit)
        return declared(complaint(self.diagnose(result, job), bench, files), origin.git, commit, files)


@dataclass(frozen=True)
class Checked:
    """A candidate that has met the patch policy and the guard; `refused` is why they do not let it through, if so.

    `suggested`: it is refused since it changes workflow files, which are people's, and is for them to look at.
    `applied` is what came of it where policy and guard have let it through.
    """

    candidate: Candidate
    policy: PatchPolicy
    refused: str = ""
    suggested: bool = False
    applied: Applied | None = None


def failing(result: ReplayResult) -> list[JobResult]:
    """The legs whose failure fails the workflow."""
    return [j for j in result.jobs if j.result is Result.FAILURE and not j.continue_on_error]


def may_be_flaky(complaint: Diagnosis) -> bool:
    """Whether to run a step again before anything else; a generator is none, which no test has judged."""
    is_generator = complaint.category is Category.SNAPSHOT_DIFF and not complaint.failing_tests
    return complaint.category in MAY_BE_FLAKY and not is_generator


def run_again(bench: Workbench, complaint: Diagnosis, means: Means) -> Reruns:
    """Run a held step again as often as the settings say."""
    settings = means.settings.fix
    return rerun(
        bench.session,
        lambda output: means.diagnose_output(output).failing_tests,
        complaint.failing_tests,
        most=settings.flaky_reruns,
        seconds=settings.flaky_seconds,
        check_time=means.check_time,
    )


def checked_candidates(
    strategy: Strategy,
    incident: Incident,
    commit: str,
    bench: Bench | None,
    complaint: Diagnosis,
    means: Means,
    consultation: Consultation | None = None,
    since: str = "",
) -> Iterator[Checked]:
    """The candidates of a strategy for a held leg that has `commit` checked out; `consultation` if it asks a model.

    They are differences to `since`, if that is given.
    """
    settings = means.settings.fix
    tools = StrategyTools(
        means.replays.origin.git,
        commit,
        bench,
        complaint,
        unsafe_fixes=settings.unsafe_fixes,
        max_rounds=settings.max_rounds,
        snapshots=settings.snapshots,
        strategy=strategy.NAME,
        consultation=consultation,
        since=since,
    )
    for candidate in strategy.propose(incident, tools):
        yield check(candidate, means)


def check(candidate: Candidate, means: Means) -> Checked:
    """Hold a candidate against the patch policy and the guard."""
    settings, scope = means.settings, means.settings.scope
    allowed = _allowed(settings, ABOUT.intersection(candidate.rules))
    policy = PatchPolicy(allow=allowed, max_files=scope.max_files, max_lines=scope.max_lines)
    try:
        applied = apply(means.replays.origin.git, candidate.base, candidate.diff, policy=policy)
        _hold(applied, allowed, settings, means.guard)
    except Refused as e:
        suggested = bool(e.findings) and all(isinstance(r, Refusal) and is_workflow(r.file) for r in e.findings)
        return Checked(candidate, policy, "; ".join((e.message, *e.refusals[:3])), suggested)
    if not candidate.safe and not settings.fix.unsafe_fixes:
        told = f"{candidate.summary}: their tool calls these fixes unsafe, and fix.unsafe_fixes does not let them in"
        return Checked(candidate, policy, told)
    return Checked(candidate, policy, applied=applied)


def hold_again(git: Git, incident: Incident, settings: Settings, guard: Guard, pieces: int = 0) -> None:
    """Hold the fix that a record proposes against the policy and the guard once more: others may have written it.

    It may change as much as so many candidates may; without `pieces` that is no matter. Raises `Refused`.
    """
    assert incident.proposal
    allowed, scope = _allowed(settings, ABOUT), settings.scope
    most = (scope.max_files * pieces, scope.max_lines * pieces) if pieces else (sys.maxsize, sys.maxsize)
    policy = PatchPolicy(allow=allowed, max_files=most[0], max_lines=most[1])
    _hold(apply(git, incident.snapshot, incident.proposal.diff, policy=policy), allowed, settings, guard)


def _allowed(settings: Settings, about: frozenset[str]) -> frozenset[str]:
    """The rules that may be broken by what is about some of them."""
    off = {
        name for name, on in (("snapshot", settings.fix.snapshots), (WORKFLOW, settings.fix.workflow_files)) if not on
    }
    return (about - off) | {*settings.guard.allow}


def _hold(applied: Applied, allowed: frozenset[str], settings: Settings, guard: Guard) -> None:
    if WORKFLOW in allowed - {*settings.guard.allow}:
        _hold_to_versions(applied)
    if refusals := refusals_of(applied, allowed, guard):
        raise Refused("the guard refused it", refusals=refusals)


def refusals_of(applied: Applied, allowed: frozenset[str], guard: Guard) -> tuple[Refusal, ...]:
    """What the guard says, but that a leg of a matrix is gone where it only has a newer version."""
    newer = {c.path for c in applied.changes if is_workflow(c.path) and not more_than_versions(c)}
    return tuple(r for r in guard(applied, allowed) if r.rule != "weakened-command" or r.file not in newer)


def _hold_to_versions(applied: Applied) -> None:
    """Raise `Refused` where workflow files are changed in more than versions."""
    told = [(c.path, more_than_versions(c)) for c in applied.changes if is_workflow(c.path)]
    found = [Refusal(rule=WORKFLOW, file=path, line=0, message=what) for path, what in told if what]
    if found:
        raise Refused("the patch policy refuses the candidate: workflow", refusals=found)


class Ahead:
    """What is found out of the legs that have failed while the baseline goes on, for the rounds to take.

    It runs in the place that the held leg leaves among those side by side, so no bound is passed. What goes wrong here
    is left to the rounds, which meet it again.
    """

    def __init__(self, incident: Incident, means: Means) -> None:
        self._incident, self._means = incident, means
        self._causes: set[str] = set()
        self._lock = Lock()
        self._diagnoses: dict[str, Diagnosis] = {}
        self._reruns: dict[str, Reruns] = {}
        self._checked: dict[tuple[str, str], list[Checked]] = {}

    def look(self, seen: ReplayResult, benches: Benches) -> None:
        """Find out what there is of the failing legs of `seen`; candidates up to the first that may be proven."""
        for job in failing(seen):
            try:
                self._look_at(job, seen, benches)
            except RegreenError:
                return

    def diagnosis(self, key: str) -> Diagnosis | None:
        """Why a leg failed, if that is known."""
        return self._diagnoses.get(key)

    def reruns(self, key: str) -> Reruns | None:
        """What running its step again has shown, if it was; once."""
        return self._reruns.pop(key, None)

    def checked(self, key: str, strategy: str) -> list[Checked] | None:
        """The candidates of a strategy for it, if it was asked; once."""
        return self._checked.pop((key, strategy), None)

    def _look_at(self, job: JobResult, seen: ReplayResult, benches: Benches) -> None:
        bench = benches(job.key)
        complaint = self._diagnoses[job.key] = self._means.complaint(seen, job, bench, self._incident.snapshot)
        self._means.tell(f"{job.name}: {complaint.category}: {complaint.error.strip()}")
        if bench is None or not self._is_first(complaint.fingerprint):
            return
        if may_be_flaky(complaint):
            self._means.tell(f"running the failing step of {job.name} again, to see whether it is flaky")
            ran = self._reruns[job.key] = run_again(bench, complaint, self._means)
            if ran.passed:
                return
        self._find_candidate(job, bench, complaint)

    def _is_first(self, fingerprint: str) -> bool:
        with self._lock:
            is_first = fingerprint not in self._causes
            self._causes.add(fingerprint)
        return is_first

    def _find_candidate(self, job: JobResult, bench: Workbench, complaint: Diagnosis) -> None:
        commit = self._incident.snapshot
        tree = self._means.replays.origin.paths(commit)
        for strategy in self._means.strategies:
            if not strategy.applies(complaint, tree):
                continue
            self._means.check_time()
            self._means.tell(f"trying {strategy.NAME} on {job.id}")
            found: list[Checked] = []
            for checked in checked_candidates(strategy, self._incident, commit, bench, complaint, self._means):
                found.append(checked)
                if not checked.refused:
                    break
            self._checked[job.key, strategy.NAME] = found
            if found and not found[-1].refused:
                self._means.tell(f"{job.name}: {CANDIDATE}{found[-1].candidate.summary}")
                return
