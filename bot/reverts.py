"""A revert in the place of a fix: the commit that broke a branch is found, taken back, and that is proven.

People may ask for it; by itself it is thought of only when the repair came to nothing, and the settings allow it.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bot.errors import Conflict, OutOfBudget, UsageError
from bot.findings import Means, failing
from bot.github import Run
from bot.model import (
    Attempt,
    Culprit,
    FailedRun,
    Incident,
    Looked,
    Outcome,
    Part,
    Proposal,
    ReplayResult,
    Result,
    Stage,
    Verdict,
)
from bot.ports import Git
from bot.proposal.facts import is_revert
from bot.proposal.hosted import Hosting
from bot.proposal.message import revert_message
from bot.repair.patch import diff_of
from bot.repair.revert import REVERTS, messages_of, revert
from bot.replay.culprit import Failure, find_culprit, judged
from bot.replay.source import read_commit
from bot.replay.verdict import grade_of, overall
from bot.rounds import SMELLING, unsteady
from bot.text.own import BRANCHES, incident_of_branch, incident_of_message
from bot.text.patterns import compile_pattern

STRATEGY = "revert"
CAME_TO_NOTHING = (Verdict.NOT_FIXED, Verdict.STILL_FAILING, Verdict.REGRESSED)
OPT_OUT = compile_pattern(r"(?mi)^No-Auto-Revert:[ \t]*true[ \t\r]*$")
MOST_DIFF = 200_000
"""Characters of a diff that a record keeps; a longer one can be seen in the pull request."""


@dataclass(frozen=True)
class Scene:
    """What a revert is made with; `branch` is the default one."""

    means: Means
    hosting: Hosting
    branch: str


def weigh(incident: Incident, scene: Scene) -> Incident:
    """The record with a proposal to revert what broke the branch, or with the reason why there is none.

    It stays as it is where nobody has asked for one and there is no failure of the default branch that the repair could
    do nothing about.
    """
    run, wish = incident.failed_run, incident.wish
    assert run
    if wish is None:
        is_everybodys = not run.pull and run.head_branch == scene.branch and run.head_repository == incident.repository
        if not is_everybodys or incident.verdict not in CAME_TO_NOTHING:
            return incident
    why = "" if wish else _not_by_itself(incident, scene)
    if not why:
        work = Reverting(incident, run, scene)
        why = work.run()
        incident = work.incident
    if not why:
        return incident
    told = "; ".join(filter(None, (incident.reason, f"no revert: {why}")))
    return incident.changed(reason=told, verdict=incident.verdict or Verdict.NOT_FIXED)


def made_again(incident: Incident, git: Git, when: datetime) -> str:
    """The commit of a revert that an earlier process has proposed."""
    assert incident.culprit
    assert incident.proposal
    return revert(git, incident.snapshot, incident.culprit.commit, incident.proposal.message, when=when)


def _not_by_itself(incident: Incident, scene: Scene) -> str:
    if not scene.means.settings.revert.automatic:
        return "revert.automatic is off (regreen revert looks for one)"
    if scene.hosting.settings.mode == "suggest":
        return "proposal.mode lets me open no pull request"
    if _tip(scene.hosting.git, scene.branch) != incident.head:
        return f"{scene.branch} has moved on, and its newest run counts"
    return ""


def _tip(git: Git, branch: str) -> str:
    return git.run("rev-parse", f"refs/remotes/origin/{branch}").decode().strip()


class Reverting:
    """The revert of one incident; `incident` is its record, which is saved after each replay."""

    def __init__(self, incident: Incident, run: FailedRun, scene: Scene) -> None:
        self.incident, self._run = incident, run
        self._means, self._hosting = scene.means, scene.hosting
        self._git = scene.means.replays.origin.git

    def run(self) -> str:
        """Go on until a revert is proven, or say why there is none.

        No more are proposed in a day than the settings say, however many workers there are: `reserve` holds that bound
        as it does with money. What is held stays so: whoever goes on with the incident finds it.
        """
        checkpoints, most = self._hosting.checkpoints, self._means.settings.revert.max_per_day
        budget = f"reverts/{self._means.clock.now():%Y-%m-%d}"
        mine = next((r for r in checkpoints.reservations(budget) if r.incident == self.incident.id), None)
        try:
            held = mine or checkpoints.reserve({budget: Decimal(most)}, self.incident.id, Decimal(1))
        except OutOfBudget:
            return f"{most} a day are enough (revert.max_per_day)"
        why = self._search() or self._refusal() or self._prove()
        if why:
            checkpoints.settle(held, Decimal(0))
        return why

    @property
    def _culprit(self) -> Culprit:
        assert self.incident.culprit
        return self.incident.culprit

    # --- which commit it was ---

    def _search(self) -> str:
        wish = self.incident.wish
        if self.incident.culprit is None or not self.incident.culprit.commit:
            found = self._named(wish.commit) if wish and wish.commit else self._bisected()
            self._keep(self._described(found) if found.commit else found)
        self._means.tell(self._culprit.told)
        return "" if self._culprit.commit else self._culprit.told

    def _named(self, commit: str) -> Culprit:
        head = self.incident.head
        if self._git.try_run("merge-base", "--is-ancestor", commit, head) is None:
            return Culprit(told=f"{commit[:12]} is not in {head[:12]}, which is red", red=head)
        return Culprit(told=f"somebody has named {commit[:12]} as what broke it", red=head, commit=commit)

    def _bisected(self) -> Culprit:
        incident, means, part = self.incident, self._means, self.incident.parts[0]
        leg = incident.baseline.job(part.key) if incident.baseline else None
        assert leg
        failure = Failure(leg, part.diagnosis.fingerprint)
        most = means.settings.revert.max_commits + 1
        told = self._git.run("rev-list", "--first-parent", f"--max-count={most}", incident.head)
        chain = told.decode().split()[::-1]
        green = self._last_green(chain[:-1])
        if green:
            chain = chain[chain.index(green.head_sha) :]

        def look(commit: str) -> Looked:
            means.check_time()
            means.tell(f"replaying {commit[:12]}, one of {len(chain) - 1} commits: does it fail alike?")
            try:
                result = means.replays.run(commit, only=leg.key)[0]
            except UsageError as e:  # it has no such workflow or job, or one that is not valid
                return Looked(commit=commit, mark="unknown", told=e.message)
            return judged(commit, failure, result, {j.key: means.diagnose(result, j) for j in failing(result)})

        def keep(looked: tuple[Looked, ...]) -> None:
            self._keep(Culprit(told="it is being looked for", looked=looked))

        seen = incident.culprit.looked if incident.culprit else ()
        found = find_culprit(chain, look, sure=green is not None, seen=seen, keep=keep)
        return found.changed(green_run=green.html_url if green else "")

    def _last_green(self, chain: Sequence[str]) -> Run | None:
        """The newest run of the workflow before it that was green, for a commit that the branch still has."""
        (workflow,) = self.incident.options.workflows
        runs = self._hosting.github.runs(branch=self._run.head_branch, workflow=workflow, status="success")
        return next((r for r in runs if r.id < self._run.id and r.head_sha in chain), None)

    def _described(self, found: Culprit) -> Culprit:
        """The culprit with who brought it, and how."""
        named = self._git.run("rev-list", "--max-count=1", "--format=%an%n%s", found.commit)
        _, author, subject, *_ = named.decode("utf-8", "replace").split("\n")
        pull = next((p for p in self._hosting.github.pulls_of(found.commit) if p.merged), None)
        is_here = pull is not None and pull.head_repository == self.incident.repository
        branch = incident_of_branch(pull.head_ref) if pull and is_here else ""
        of = next(filter(None, [branch, *map(incident_of_message, messages_of(self._git, found.commit))]), "")
        return found.changed(author=author, subject=subject, pull=pull.number if pull else 0, incident=of)

    # --- whether it may be taken back ---

    def _refusal(self) -> str:
        found, messages = self._culprit, messages_of(self._git, self._culprit.commit)
        if not self.incident.wish and any(OPT_OUT.search(text.encode("utf-8", "replace")) for text in messages):
            return f"{found.commit[:12]} broke it, and says No-Auto-Revert: true"
        known = self._hosting.checkpoints.load(found.incident) if found.incident else None
        is_ours = any(REVERTS in text and incident_of_message(text) for text in messages)
        if is_ours or (known and is_revert(known)):
            return f"{found.commit[:12]} broke it, and is a revert of mine: whether it was right is for people to say"
        if by := self._reverted_by(found.commit):
            return f"{found.commit[:12]} broke it, and {by[:12]} has reverted it already"
        return ""

    def _reverted_by(self, commit: str) -> str:
        """The commit of the branch, as it is now, that reverts another one and stands."""
        tip = _tip(self._hosting.git, self._run.head_branch)
        words = ("--fixed-strings", f"--grep={REVERTS}{commit}", f"{commit}..{tip}")
        later = self._hosting.git.run("rev-list", *words).decode().split()
        return next((sha for sha in later if not self._reverted_by(sha)), "")

    # --- whether it helps ---

    def _prove(self) -> str:
        incident, found, replays = self.incident, self._culprit, self._means.replays
        when = replays.snapshot.created
        try:
            made = revert(self._git, incident.snapshot, found.commit, f"Revert {found.commit}", when=when)
        except (Conflict, UsageError) as e:
            return f"{found.told}, but {e}"
        diff = diff_of(self._git, incident.snapshot, made)
        if not diff:
            return f"{found.commit[:12]} broke it, and nothing of it is left"
        self._means.check_time()
        self._means.tell(f"replaying {incident.head[:12]} without {found.commit[:12]}")
        after = replays.run(made)[0]
        parts = tuple(self._judged(part, after) for part in incident.parts)
        why = self._not_proven(parts, after, made)
        verdict = overall({p.key: p.verdict or Verdict.NOT_FIXED for p in parts})
        if verdict is Verdict.FIXED and after.result is not Result.SUCCESS:
            verdict = Verdict.STILL_FAILING
        attempt = self._attempt(parts, verdict, why)
        incident = incident.changed(attempts=(*incident.attempts, attempt))
        if why:
            self.incident = incident
            return f"{found.told}, but without it {why}"
        grade = grade_of(after, narrowed=False)
        incident = incident.changed(parts=parts, final=after, verdict=verdict, grade=grade, reason="")
        message = revert_message(incident, read_commit(self._git, found.commit).parents)
        self.incident = incident.changed(
            proposal=Proposal(
                kind="pull-request",
                target=f"{BRANCHES}{incident.id}-revert-{found.commit[:7]}",
                commit=revert(self._git, incident.snapshot, found.commit, message, when=when),
                diff=diff if len(diff) <= MOST_DIFF else "",
                message=message,
            )
        )
        self._note_regression()
        return ""

    def _judged(self, part: Part, after: ReplayResult) -> Part:
        """A part with what became of it. That fewer tests run is no fault here: some may have come with the culprit."""
        now = after.job(part.key)
        if now is None or now.result is Result.UNREPLAYABLE:
            reason = (now.reason if now else "") or "the job is gone with it"
            return part.changed(verdict=Verdict.UNREPLAYABLE, reason=reason, strategy=STRATEGY)
        if now.result is Result.SUCCESS:
            grade = grade_of(after, narrowed=False)
            return part.changed(verdict=Verdict.FIXED, reason="", strategy=STRATEGY, grade=grade)
        step = now.failing_step
        reason = f"it is still red in '{step.name}'" if step else f"the job is {now.result}"
        return part.changed(verdict=Verdict.STILL_FAILING, reason=reason, strategy=STRATEGY)

    def _not_proven(self, parts: Sequence[Part], after: ReplayResult, made: str) -> str:
        """Why the revert does not help; empty when the failure is gone, and nothing else has broken."""
        before = self.incident.baseline
        assert before
        passed = {j.key for j in before.jobs if j.result is Result.SUCCESS}
        if broken := [j.name for j in after.jobs if j.key in passed and j.result is not Result.SUCCESS]:
            return f"{', '.join(broken)} breaks"
        is_named = self.incident.wish is not None and bool(self.incident.wish.commit)
        meant = parts if is_named else parts[:1]
        if not any(p.verdict is Verdict.FIXED for p in meant):
            return f"{meant[0].job} is no better: {meant[0].reason}"

        def passes(_: int) -> bool:
            self._means.check_time()
            return self._means.replays.run(made)[0].result is after.result

        return unsteady(passes) if any(p.diagnosis.category in SMELLING for p in meant) else ""

    def _attempt(self, parts: Sequence[Part], verdict: Verdict, why: str) -> Attempt:
        incident, found = self.incident, self._culprit
        return Attempt(
            number=len(incident.attempts) + 1,
            causes=tuple(dict.fromkeys(p.diagnosis.fingerprint for p in parts)),
            strategy=STRATEGY,
            summary=f'Revert {found.commit[:12]} "{found.subject}"',
            verdict=Verdict.NOT_FIXED if why else verdict,
            reason=why,
            notes=(self._why_not_forward(),),
        )

    def _why_not_forward(self) -> str:
        wish = self.incident.wish
        if wish is None:
            return f"No fix was found: {self.incident.reason or 'nothing that was tried helped'}."
        said = f": {wish.why}" if wish.why else "."
        return f"{self.incident.asked_by or 'Somebody'} has asked for the revert{said}"

    def _note_regression(self) -> None:
        """Where the culprit was a fix of ours, its record says what became of it."""
        outcome = Outcome(kind="regressed", when=self._means.clock.now())

        def change(record: Incident) -> Incident:
            told = record.outcome.kind if record.outcome else ""
            is_open = record.proposal is None or told == outcome.kind
            return record if is_open else record.changed(outcome=outcome, stage=Stage.CLOSED, lease=None)

        with suppress(UsageError):  # there is no such incident: anybody can write its name
            if self._culprit.incident:
                self._hosting.checkpoints.update(self._culprit.incident, change)

    def _keep(self, culprit: Culprit) -> None:
        self.incident = self._means.save(self.incident.changed(culprit=culprit))
