"""Rounds of candidates and replays.

In each round every failing leg gets the cheapest candidate that patch policy and guard let through; all of them are
replayed together, and what helps is kept: the next round starts from there. Where the whole got worse, each is replayed
alone. Every attempt is in the checkpoint before its replay and after it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING

from bot.contrast import fails_only_with
from bot.errors import MachineError, OutOfBudget, OutOfMoney, Refused, RegreenError, UsageError
from bot.findings import Ahead, Checked, Means, checked_candidates, failing, may_be_flaky, run_again
from bot.flakiness import Reruns
from bot.model import (
    Advice,
    Attempt,
    Candidate,
    Category,
    Diagnosis,
    Incident,
    ReplayResult,
    Result,
    Verdict,
    with_attempt,
)
from bot.planning.order import groups
from bot.repair.lost_names import lost_names
from bot.repair.patch import PatchPolicy, apply, commit
from bot.replay.verdict import Judgement, judge_leg, regressions, step_green
from bot.replay.workbench import Benches, Workbench
from bot.suggestions import suggested
from strategies import Strategy

if TYPE_CHECKING:
    from bot.consulting import Bought

Causes = Mapping[str, tuple[str, ...]]
"""The legs (keys) of each cause (its fingerprint)."""
RUNS_WHERE_FLAKY = 3
SMELLING = frozenset({Category.NETWORK_OR_FLAKY, Category.TIMEOUT_OR_OOM})
CONFIRMATIONS = 3
OF_A_REPLAY = 1.25
"""What a proof may take, of what the replay before it has taken."""
FIXABLE = frozenset({Category.LINT_ERROR, Category.SNAPSHOT_DIFF})
"""What is complained of where a fix has only made others necessary."""
FLAKY = "flaky"
BACK = "it leads back to what was tried before"
CONFLICT = "it conflicts with another fix of the same round, which goes first"


@dataclass
class State:
    """Where the repair stands: the commit reached, what its replay showed, what each failing leg complains of now.

    By leg: `flaky` why it is, `reruns` what further runs of its failing step have shown, `step_green` the strategy by
    which its failing step passes although the job does not, `unproven` the strategy of a fix for which no time was left
    (in `unproven_commit`). `bought`: the attempts by models whose candidates this process had. `stopped`: the bound
    that was met. `ahead`: what was found out of the baseline's legs as they failed.
    """

    commit: str
    result: ReplayResult
    benches: Benches
    complaints: dict[str, Diagnosis]
    ahead: Ahead
    tried: set[tuple[str, str]] = field(default_factory=set)
    bought: set[int] = field(default_factory=set)
    flaky: dict[str, str] = field(default_factory=dict)
    reruns: dict[str, Reruns] = field(default_factory=dict)
    step_green: dict[str, str] = field(default_factory=dict)
    unproven: dict[str, str] = field(default_factory=dict)
    unproven_commit: str = ""
    stopped: str = ""

    def kept(self) -> "State":
        """It as it is now, whatever becomes of it: to come back to."""
        return replace(self, tried={*self.tried}, flaky={**self.flaky}, step_green={**self.step_green})


@dataclass(frozen=True)
class Proposed:
    """A candidate that policy and guard let through, for all legs (keys) of one cause."""

    candidate: Candidate
    policy: PatchPolicy
    legs: tuple[str, ...]
    number: int


class Rounds:
    """The repair of one incident, from the replay of its baseline on."""

    def __init__(self, incident: Incident, state: State, means: Means) -> None:
        assert incident.baseline
        self.incident, self.state, self._means, self._baseline = incident, state, means, incident.baseline
        self.suggestions: list[Advice] = []
        self._found: list[Proposed] = []
        self._has_offer = False
        self._lock = Lock()
        self._first = state.kept()
        self._seen = {self._tree(incident.snapshot)}
        self._sure: State | None = None
        self._detours: list[tuple[Proposed, Judgement, float]] = []

    def run(self) -> None:
        """Go on until everything is green, nothing helps any more, or a bound is met (`state.stopped` says which)."""
        try:
            for _ in range(self._means.settings.fix.max_rounds):
                self._find_flaky()
                self._find_candidates()
                if not self._found:
                    break
                self._prove()
            else:
                self.state.stopped = f"stopped after {self._means.settings.fix.max_rounds} rounds"
        except OutOfBudget as e:
            self.state.stopped = e.message
            self._offer_unproven()
        self._end_detour()
        self._take_back()
        self._find_chance()

    def _find_chance(self) -> None:
        """What turned green without a fix that was meant for it: whether it stays so, and fails without any fix."""
        meant = {fingerprint for a in self.incident.attempts if a.verdict for fingerprint in a.causes}
        for part in self.incident.parts:
            job = self.state.result.job(part.key)
            if job is None or job.result is not Result.SUCCESS or part.diagnosis.fingerprint in meant:
                continue
            self._means.tell(f"{part.job} passes without a fix of its own; replaying it as it was")
            if reason := self._unsteady(part.key) or self._confirmed(part.key, self.incident.snapshot):
                self.state.flaky[part.key] = reason

    def _unsteady(self, key: str) -> str:
        def passes(_: int) -> bool:
            self._means.check_time()
            job = self._means.replays.run(self.state.commit, only=key)[0].job(key)
            return job is not None and job.result is Result.SUCCESS

        return unsteady(passes)

    def _offer_unproven(self) -> None:
        """No time is left for replays: what made its failing step pass on the bench is offered as no more than that."""
        seen = [c for c in self._found if c.candidate.step_green]
        kept, made = self._merged(seen)
        if kept and self.state.commit == self.incident.snapshot:
            self.state.unproven_commit = made
            self.state.unproven = {key: c.candidate.strategy for c in kept for key in c.legs}
            for proposed in kept:
                self._say_of(proposed, kept=True)

    # --- flaky ---

    def _find_flaky(self) -> None:
        causes: set[str] = set()
        for key, complaint in self.state.complaints.items():
            bench, cause = self.state.benches(key), complaint.fingerprint
            # of the legs of one cause the first speaks for all, unless it turns out to be flaky
            if key in self.state.flaky or bench is None or ((FLAKY, cause) in self.state.tried and cause not in causes):
                continue
            self.state.tried.add((FLAKY, cause))
            if may_be_flaky(complaint):
                self._means.tell(f"running the failing step of {key.split(':')[1]} again, to see whether it is flaky")
                if reason := self._flakiness(key, bench, self.state.commit, complaint):
                    self.state.flaky[key] = reason
                    causes.add(cause)

    def _flakiness(self, key: str, bench: Workbench, at: str, complaint: Diagnosis) -> str:
        """Run the held step again, each time from the same state: what then passes and fails is flaky.

        When it only passes, its first failure may be owed to a state that it left behind itself; whole replays decide.
        """
        ran = self._known_reruns(key, at) or run_again(bench, complaint, self._means)
        self.state.reruns[key] = ran
        return ran.flaky or (self._confirmed(key, at) if ran.passed else "")

    def _known_reruns(self, key: str, at: str) -> Reruns | None:
        return self.state.ahead.reruns(key) if at == self.incident.snapshot else None

    def _confirmed(self, key: str, at: str) -> str:
        for again in range(1, CONFIRMATIONS + 1):
            self._means.check_time()
            result, _ = self._means.replays.run(at, only=key)
            job = result.job(key)
            if job and job.result is Result.SUCCESS:
                return f"the same tree failed in replay {again} and passed in replay {again + 1}"
        return ""

    # --- candidates ---

    def _find_candidates(self) -> None:
        """The cheapest candidate for each cause. Models are asked only in a round that has nothing free to prove: they
        had to be paid again for what a free fix of another cause gets in the way of. What may only be red since another
        cause is there waits until nothing is found for that one."""
        self._found, self._has_offer = [], False
        found = self._groups()
        for find in (self._find_free, self._find_paid):
            for causes in found:
                find(causes)
                if self._found:
                    return

    def _find_free(self, causes: Causes) -> None:
        for fingerprint, legs in causes.items():
            if self._may_try and (found := self._candidate_for(fingerprint, legs)):
                self._found.append(found)

    def _find_paid(self, causes: Causes) -> None:
        """Ask models about several causes side by side, as many as replays run. What was paid for is kept, whatever the
        others come to."""
        means = self._means
        if means.models is None:
            return
        from multiprocessing.pool import ThreadPool

        if len(causes) > 1:
            means = replace(means, check_time=self._check_spare, seconds_left=self._spare)
        errors: list[RegreenError] = []
        # its threads do not outlive Ctrl-C, as those of concurrent.futures would: an answer may take minutes
        with ThreadPool(min(len(causes), means.replays.workers)) as pool:
            asked = [(legs, pool.apply_async(self._bought, (legs, means))) for legs in causes.values()]
            for legs, answer in asked:
                try:
                    self._take(answer.get(), legs)
                except RegreenError as e:
                    errors.append(e)
        if self._found:  # what is there is proven as long as there is time
            errors = [e for e in errors if not isinstance(e, OutOfBudget)]
        if errors:
            raise errors[0]

    def _check_spare(self) -> None:
        """Ask no more when a fix of another cause is there, and the time that is left is what its proof takes."""
        self._means.check_time()
        if self._has_offer and self._means.seconds_left() <= self._proof_seconds:
            raise OutOfBudget("the time that is left is for the proof of what was found for others")

    def _spare(self) -> float:
        """The seconds that an answer may take while models are asked about other causes, whose fixes need a proof."""
        left = self._means.seconds_left()
        return left - self._proof_seconds if left > self._proof_seconds else left

    @property
    def _proof_seconds(self) -> float:
        return self.state.result.seconds * OF_A_REPLAY

    def _take(self, offered: "list[Bought]", legs: tuple[str, ...]) -> None:
        for bought in offered:
            self._suggest(bought.checked, legs)
            if not bought.checked.refused:
                self._found.append(Proposed(bought.checked.candidate, bought.checked.policy, legs, bought.number))

    @property
    def _may_try(self) -> bool:
        most = self._means.settings.fix.max_attempts * max(1, len(self.incident.parts))
        return len(self.incident.attempts) < most

    def _groups(self) -> list[Causes]:
        causes = self._causes()
        if len(causes) < 2:
            return [causes] if causes else []
        jobs = {j.key: self._means.replays.job_of(j) for j in self.state.result.jobs}
        parts = {cause: {jobs[key] for key in legs} for cause, legs in causes.items()}
        found = groups(parts, self._means.replays.needs(self.state.commit))
        return [{cause: causes[cause] for cause in group} for group in found]

    def _causes(self) -> dict[str, tuple[str, ...]]:
        causes: dict[str, tuple[str, ...]] = {}
        for key, complaint in self.state.complaints.items():
            if key not in self.state.flaky:
                causes[complaint.fingerprint] = (*causes.get(complaint.fingerprint, ()), key)
        return causes

    def _candidate_for(self, fingerprint: str, legs: tuple[str, ...]) -> Proposed | None:
        key, bench = self._held(legs)
        if bench is None:
            return None
        complaint = self.state.complaints[key]
        tree = self._means.replays.origin.paths(self.state.commit)
        for strategy in self._means.strategies:
            attempt = (strategy.NAME, f"{self.state.commit}:{fingerprint}")
            if attempt in self.state.tried or not strategy.applies(complaint, tree):
                continue
            self.state.tried.add(attempt)
            self._means.check_time()
            for checked in self._checked(strategy, bench, complaint, key):
                if proposed := self._admitted(checked, fingerprint, legs):
                    return proposed
        return None

    def _held(self, legs: tuple[str, ...]) -> tuple[str, Workbench | None]:
        """The first of some legs that is held, and its bench."""
        return next(((k, b) for k in legs if (b := self.state.benches(k))), ("", None))

    def _bought(self, legs: tuple[str, ...], means: Means) -> "list[Bought]":
        """What language models propose, where one may be asked; the last is what may be proven, if any is."""
        key, bench = self._held(legs)
        if means.models is None or self.state.stopped or bench is None or not self._may_try:
            return []
        offered: list[Bought] = []
        complaint = self.state.complaints[key]
        from bot.consulting import Market  # what it reads code with takes a while to import

        workflow = legs[0].split(":")[0]
        market = Market(means.models, means, bench, self.state.commit, complaint, workflow, self._record)
        try:
            for bought in market.offers(self.incident, self.state.bought):
                offered.append(bought)
                if not bought.checked.refused:
                    self._has_offer = True
                    break
        except (OutOfMoney, UsageError, MachineError) as e:  # of the others none is asked either; free fixes stay
            self.state.stopped = e.message
        return offered

    def _checked(self, strategy: Strategy, bench: Workbench, complaint: Diagnosis, key: str) -> Iterable[Checked]:
        commit = self.state.commit
        known = self.state.ahead.checked(key, strategy.NAME) if commit == self.incident.snapshot else None
        if known is not None:
            return known
        self._means.tell(f"trying {strategy.NAME} on {key.split(':')[1]}")
        return checked_candidates(strategy, self.incident, commit, bench, complaint, self._means)

    def _admitted(self, checked: Checked, fingerprint: str, legs: tuple[str, ...]) -> Proposed | None:
        """Take a candidate that the patch policy and the guard let through; what they refuse is an attempt, too."""
        candidate = checked.candidate
        attempt = Attempt(
            number=0,
            causes=(fingerprint,),
            strategy=candidate.strategy,
            summary=candidate.summary,
            diff=candidate.diff,
            notes=candidate.notes,
        )
        self._suggest(checked, legs)
        if checked.refused:
            self._record(attempt.changed(reason=f"refused: {checked.refused}"))
            self._means.tell(f"{candidate.strategy}: refused: {checked.refused}")
            return None
        attempt, _ = self._record(attempt)
        return Proposed(candidate, checked.policy, legs, attempt.number)

    def _suggest(self, checked: Checked | None, legs: tuple[str, ...]) -> None:
        """Keep for people to look at what is refused only since it is theirs to change."""
        if checked and checked.suggested and all(checked.candidate.diff != s.diff for s in self.suggestions):
            cause, before = self.state.complaints[legs[0]], self.state.result
            self.suggestions.append(suggested(checked, cause, legs, before, self._means).advice)

    def _record(self, attempt: Attempt) -> tuple[Attempt, Incident]:
        """Save an attempt, which gets the next number if it has none. Threads take turns: each save has the others'."""
        with self._lock:
            attempt, changed = with_attempt(self.incident, attempt)
            self.incident = self._means.save(changed)
            return attempt, self.incident

    # --- proof ---

    def _prove(self) -> None:
        self._means.check_time()
        merged, made = self._merged(self._found)
        if self._try(merged, made) or len(self._found) == 1:
            self._found = []
            return
        while self._found:
            self._means.check_time()
            self._try(*self._merged([self._found[0]]))
            self._found.pop(0)

    def _merged(self, candidates: list[Proposed]) -> tuple[list[Proposed], str]:
        """One commit with all candidates that go together; the others wait for the next round."""
        base, kept = self.state.commit, []
        for proposed in candidates:
            git = self._means.replays.origin.git
            try:
                applied = apply(git, base, proposed.candidate.diff, policy=proposed.policy)
            except Refused:
                self._say_of(proposed, reason=CONFLICT)
                continue
            base = commit(git, applied, proposed.candidate.summary, [base], when=self._means.clock.now())
            kept.append(proposed)
        return kept, base

    def _try(self, candidates: list[Proposed], made: str) -> bool:
        """Replay a commit with these candidates; keep it when all of them help and nothing got worse."""
        if not candidates:
            return False
        tree = self._tree(made)
        if tree in self._seen and len(candidates) == 1:
            self._say_of(candidates[0], reason=BACK)
            return False
        self._seen.add(tree)
        started = self._means.clock.now()
        self._means.tell("proving: " + ", ".join(dict.fromkeys(c.candidate.summary for c in candidates)))
        result, benches = self._means.replays.run(made, hold=True)
        complaints = {j.key: self._means.complaint(result, j, benches(j.key), made) for j in failing(result)}
        worse = self._regressions(made, result, benches, complaints)
        verdicts = [self._judge(c, result, complaints, worse) for c in candidates]
        if any(v.progress for v in verdicts) and (upset := self._upset(candidates, made, benches, complaints)):
            verdicts = [Judgement(v.verdict, upset) if v.progress else v for v in verdicts]
        if broken := self._unseen(made) if any(v.verdict is Verdict.FIXED for v in verdicts) else "":
            verdicts = [Judgement(Verdict.REGRESSED, broken) if v.helps else v for v in verdicts]
        seconds = (self._means.clock.now() - started).total_seconds()
        helped = all(v.helps for v in verdicts)
        alone = len(candidates) == 1
        if helped or alone:
            for proposed, judgement in zip(candidates, verdicts, strict=True):
                self._note(proposed, judgement, seconds)
        if alone and verdicts[0].detour:
            self._begin_detour(candidates[0], verdicts[0], seconds)
        if helped or (alone and verdicts[0].detour):
            self._keep(candidates, made, result, benches, complaints)
        if helped and self._sure and self._has_come_further(self._sure):
            for proposed, *_ in self._detours:
                self._say_of(proposed, kept=True)
            self._sure, self._detours = None, []
        return helped

    def _tree(self, commit: str) -> str:
        return self._means.replays.origin.git.run("rev-parse", f"{commit}^{{tree}}").decode().strip()

    def _begin_detour(self, proposed: Proposed, judgement: Judgement, seconds: float) -> None:
        """A fix may undo what another checker had made of the file: that checker gets another chance from there."""
        if self._sure is None:
            self._sure = self.state.kept()
        self._detours.append((proposed, judgement, seconds))
        self._note(proposed, Judgement(Verdict.STILL_FAILING, f"{judgement.reason}; going on from there"), seconds)

    def _end_detour(self) -> None:
        """A detour counts only when its legs came further in the end than they were before it; else it never was."""
        if self._sure is None or self._has_come_further(self._sure):
            return
        self.state = replace(self._sure, stopped=self.state.stopped)
        for detour in self._detours:
            self._note(*detour)
        for attempt in self.incident.attempts:
            if attempt.kept and attempt.number > self._detours[0][0].number:
                self._record(attempt.changed(kept=False))

    def _has_come_further(self, sure: State) -> bool:
        """Whether the legs of the detours are nearer to green than before the first one, and no other is red for it."""
        legs = {key for proposed, *_ in self._detours for key in proposed.legs}
        further = all(self._judge_leg(key, sure, self.state.result, self.state.complaints).helps for key in legs)
        return further and regressions(sure.result, self.state.result).keys() <= self.state.flaky.keys()

    def _take_back(self) -> None:
        """Offer nothing of what is fixed in part when other files still use what it has taken away."""
        if self.state.commit == self.incident.snapshot or self.state.result.result is Result.SUCCESS:
            return
        if broken := self._unseen(self.state.commit):
            for attempt in self.incident.attempts:
                if attempt.kept:
                    self._record(attempt.changed(verdict=Verdict.REGRESSED, reason=broken, kept=False))
            self.state = replace(self._first, flaky=self.state.flaky, stopped=self.state.stopped)

    def _regressions(
        self, made: str, result: ReplayResult, benches: Benches, complaints: dict[str, Diagnosis]
    ) -> dict[str, str]:
        """What got worse, in words; a job that failed by chance did not, and is known as flaky from here on."""
        worse = {**regressions(self.state.result, result), **regressions(self._baseline, result)}
        for key in list(worse):
            bench, complaint = benches(key), complaints.get(key)
            flaky = self.state.flaky.get(key, "")
            if not flaky and bench and complaint:
                flaky = self._flakiness(key, bench, made, complaint)
            if flaky:
                self.state.flaky[key] = flaky
                del worse[key]
        return worse

    def _judge(
        self, proposed: Proposed, result: ReplayResult, complaints: dict[str, Diagnosis], worse: dict[str, str]
    ) -> Judgement:
        found = [self._judge_leg(key, self.state, result, complaints) for key in proposed.legs]
        order = (Verdict.REGRESSED, Verdict.STILL_FAILING, Verdict.UNREPLAYABLE, Verdict.FIXED)
        judged = min(found, key=lambda j: (order.index(j.verdict), j.progress))
        if not worse:
            return judged
        linted = all(key in complaints and complaints[key].category is Category.LINT_ERROR for key in worse)
        return Judgement(Verdict.REGRESSED, "; ".join(worse.values()), detour=judged.helps and linted)

    def _judge_leg(
        self, key: str, state: State, result: ReplayResult, complaints: Mapping[str, Diagnosis]
    ) -> Judgement:
        """A leg that is red in one state, with what a later replay shows."""
        before = state.result.job(key)
        assert before
        was, now = state.complaints.get(key), complaints.get(key)
        same = bool(was and now and was.fingerprint == now.fingerprint)
        return judge_leg(before, result.job(key), same_failure=same)

    def _upset(self, candidates: list[Proposed], made: str, benches: Benches, told: dict[str, Diagnosis]) -> str:
        """What a commit has broken that was not reached before, in words; a checker gets its fix in a later round."""
        git = self._means.replays.origin.git
        for key in (key for proposed in candidates for key in proposed.legs):
            bench, complaint = benches(key), told.get(key)
            if bench is None or complaint is None or complaint.category in FIXABLE:
                continue
            if fails_only_with(git, self.state.commit, made, bench.session()):
                return f"'{complaint.step}' fails with it, and passes without it"
        return ""

    def _unseen(self, made: str) -> str:
        """What a commit breaks that no leg runs, in words; fixes of earlier rounds are part of it."""
        return next(lost_names(self._means.replays.origin.git, self.incident.snapshot, made), "")

    def _note(self, proposed: Proposed, judgement: Judgement, seconds: float) -> None:
        update = {"verdict": judgement.verdict, "reason": judgement.reason, "kept": judgement.helps}
        self._say_of(proposed, **update, seconds=seconds)

    def _say_of(self, proposed: Proposed, **update: object) -> None:
        attempt = next(a for a in self.incident.attempts if a.number == proposed.number)
        self._record(attempt.changed(**update))

    def _keep(
        self,
        candidates: list[Proposed],
        made: str,
        result: ReplayResult,
        benches: Benches,
        complaints: dict[str, Diagnosis],
    ) -> None:
        for proposed in candidates:
            for key in proposed.legs:
                before, after = self.state.result.job(key), result.job(key)
                if before and step_green(before, after):
                    self.state.step_green[key] = proposed.candidate.strategy
        self.state.commit, self.state.result, self.state.benches, self.state.complaints = (
            made,
            result,
            benches,
            complaints,
        )


def unsteady(passes: Callable[[int], bool]) -> str:
    """Why a fix that passed its first replay is not to be believed; empty when all further replays (numbered) pass."""
    red = next((n for n in range(2, RUNS_WHERE_FLAKY + 1) if not passes(n)), 0)
    return f"with the fix, replay 1 passed and replay {red} did not" if red else ""
