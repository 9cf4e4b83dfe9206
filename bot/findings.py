"""What can be found out of one failing leg alone, whatever the others come to: its cause, flakiness, candidates.

Whoever asks first finds it out: `Ahead` while slower legs of the baseline still run, or else the rounds themselves.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

from bot.complaints import complaint
from bot.errors import Refused, RegreenError
from bot.flakiness import Reruns, rerun
from bot.model import Candidate, Category, Diagnosis, Incident, JobResult, Refusal, ReplayResult, Result
from bot.ports import Clock
from bot.repair.patch import Applied, PatchPolicy, apply
from bot.repair.tools import StrategyTools
from bot.replay.replays import Replays
from bot.replay.workbench import Benches, Workbench
from bot.settings import Settings
from strategies import Strategy

MAY_BE_FLAKY = frozenset(
    {Category.TEST_ASSERTION, Category.NETWORK_OR_FLAKY, Category.TIMEOUT_OR_OOM, Category.SNAPSHOT_DIFF}
)
CANDIDATE = "a candidate to be proven: "
"""How people are told of one; its summary follows."""


@dataclass(frozen=True)
class Means:
    """What a repair works with.

    `diagnose` reads a leg's log, `failing_tests` the output of a step; `guard` gives the refusals of an applied
    candidate; `save` writes a checkpoint; `tell` is for people; `check_time` raises `OutOfBudget`
    when the time is over.
    """

    replays: Replays
    settings: Settings
    clock: Clock
    strategies: Sequence[Strategy]
    diagnose: Callable[[ReplayResult, JobResult], Diagnosis]
    failing_tests: Callable[[str], tuple[str, ...]]
    guard: Callable[[Applied, frozenset[str]], tuple[Refusal, ...]]
    save: Callable[[Incident], Incident]
    tell: Callable[[str], None]
    check_time: Callable[[], None]

    def complaint(self, result: ReplayResult, job: JobResult, bench: Workbench | None, commit: str) -> Diagnosis:
        """Why a leg of the replay of a commit failed; more is known where it is held."""
        return complaint(self.diagnose(result, job), bench, frozenset(self.replays.origin.files(commit)))


@dataclass(frozen=True)
class Checked:
    """A candidate that has met the patch policy and the guard; `refused` is why they do not let it through, if so."""

    candidate: Candidate
    policy: PatchPolicy
    refused: str = ""


def failing(result: ReplayResult) -> list[JobResult]:
    """The legs whose failure fails the workflow."""
    return [j for j in result.jobs if j.result is Result.FAILURE and not j.continue_on_error]


def run_again(bench: Workbench, complaint: Diagnosis, means: Means) -> Reruns:
    """Run a held step again as often as the settings say."""
    settings = means.settings.fix
    return rerun(
        bench.session,
        means.failing_tests,
        complaint.failing_tests,
        most=settings.flaky_reruns,
        seconds=settings.flaky_seconds,
        check_time=means.check_time,
    )


def checked_candidates(
    strategy: Strategy, incident: Incident, commit: str, bench: Workbench, complaint: Diagnosis, means: Means
) -> Iterator[Checked]:
    """The candidates of a strategy for a held leg that has `commit` checked out."""
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
    )
    for candidate in strategy.propose(incident, tools):
        yield _checked(candidate, means)


def _checked(candidate: Candidate, means: Means) -> Checked:
    scope, allowed = means.settings.scope, frozenset({*candidate.rules, *means.settings.guard.allow})
    policy = PatchPolicy(allow=allowed, max_files=scope.max_files, max_lines=scope.max_lines)
    if not candidate.safe and not means.settings.fix.unsafe_fixes:
        told = f"{candidate.summary}: their tool calls these fixes unsafe, and fix.unsafe_fixes does not let them in"
        return Checked(candidate, policy, told)
    try:
        applied = apply(means.replays.origin.git, candidate.base, candidate.diff, policy=policy)
        if refusals := means.guard(applied, allowed):
            raise Refused("the guard refused it", refusals=[str(r) for r in refusals])
    except Refused as e:
        return Checked(candidate, policy, "; ".join((e.message, *e.refusals[:3])))
    return Checked(candidate, policy)


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
        if complaint.category in MAY_BE_FLAKY:
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
        tree = frozenset(self._means.replays.origin.files(commit))
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
