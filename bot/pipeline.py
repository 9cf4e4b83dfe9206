"""The story of an incident, and the stages that it is told in.

Each stage is a function from the record to the record's next part, and the record is saved after each. What is alive
(the clone, held jobs) hangs on the `Work` of the process; a process that starts anew makes it again from the record.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bot.advice import reported_advice, rerun_advice, rerun_after
from bot.errors import GitFailed, OutOfBudget, UsageError
from bot.findings import Ahead, Means, failing, hold_again
from bot.ledger import once
from bot.model import Advice, Attempt, Diagnosis, DriftReport, Incident, Part, Proposal, Result, Stage, Verdict
from bot.objections import Revision
from bot.parts import judged_parts, part_of
from bot.ports import Checkout, Checkpoints, Clock, Git
from bot.proposal import hosted, issues, local
from bot.proposal.facts import is_revert, issue_of, pending, summary_of
from bot.proposal.message import commit_message
from bot.repair.patch import diff_of
from bot.repair.trees import remade
from bot.replay.replays import Replays
from bot.replay.verdict import grade_of, overall
from bot.reverts import Scene, made_again, weigh
from bot.rounds import RUNS_WHERE_FLAKY, SMELLING, Rounds, State, unsteady
from bot.suggestions import Suggested, for_reported, for_unreplayable


@dataclass
class Work:
    """Everything that a process has in hand for one incident.

    `theirs` is the checkout's own repository; `open_replays` makes the clone and what replays it; `means` gives the
    rounds what they work with; `find_drift` looks for the release that broke it since it was green; `reported` is the
    diagnosis of the failure that somebody reported, if any; `hosting` is there for incidents of runs on GitHub.
    """

    checkpoints: Checkpoints
    clock: Clock
    owner: str
    checkout: Checkout
    theirs: Git
    open_replays: Callable[[Incident], Replays]
    means: Callable[[Replays, Callable[[Incident], Incident]], Means]
    find_drift: Callable[[Incident], DriftReport]
    say: Callable[[str], None]
    reported: Diagnosis | None = None
    hosting: hosted.Hosting | None = None
    state: State | None = None
    replays: Replays | None = None
    started: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock.now()

    def close(self) -> None:
        """End what is alive; it is made again when it is needed."""
        self.state = None
        if self.replays:
            self.replays.close()
            self.replays = None


def run(incident: Incident, work: Work, until: Stage = Stage.CLOSED) -> Incident:
    """Bring an incident from wherever it is to its end, or up to a stage; the record is saved after every stage."""
    order = list(Stage)
    try:
        for stage, step in STORY:
            if order.index(incident.stage) < order.index(stage) <= order.index(until):
                incident = work.checkpoints.save(step(incident, work))
    except OutOfBudget as e:  # the record stays where it is, and can be resumed
        incident = work.checkpoints.load(incident.id) or incident
        incident = work.checkpoints.save(incident.changed(verdict=Verdict.NOT_FIXED, reason=e.message))
        if work.hosting:
            hosted.tell(incident, work.hosting)
    return incident


def reproduce(incident: Incident, work: Work) -> Incident:
    """Replay the commit as it is, hold what fails, and look into that while slower legs still run."""
    work.say("replaying the workflow as it is")
    state = _baseline(incident, work)
    result = state.result
    if result.result is Result.SUCCESS:
        if work.reported:
            told = "a failure was reported, but the workflow passes here"
            advice = reported_advice(work.reported, "the same tree passes here (1 of 1 replays)")
            advice += tuple(for_reported(incident, work.reported, _means(incident, work)))
            return _ended(incident, Verdict.NOT_REPRODUCED, told, baseline=result, advice=advice)
        return _ended(incident, Verdict.GREEN, "the workflow passes: there is nothing to fix", baseline=result)
    if result.result is Result.UNREPLAYABLE:
        return _unreplayable(incident.changed(baseline=result), work)
    work.state = state
    return incident.changed(stage=Stage.REPRODUCED, baseline=result)


def diagnose(incident: Incident, work: Work) -> Incident:
    """Say of each failing leg why it is red."""
    state, means = _alive(incident, work)
    state.complaints = _complaints(state, means, incident)
    parts = tuple(part_of(job, state.complaints[job.key]) for job in failing(state.result))
    if not parts:
        if state.result.result is not Result.SUCCESS:
            return _ended(incident, Verdict.UNREPLAYABLE, state.result.reason or "")
        reason = "the same tree failed in its first replay and passed in the second"
        return _ended(incident, Verdict.FLAKY, reason, advice=rerun_after(reason))
    if incident.green:
        work.say(f"looking for the release that broke it since {incident.green:%Y-%m-%d %H:%M} UTC")
        found = work.find_drift(incident)
        work.say(found.told)
        incident = incident.changed(drift=found)
        state.complaints = _complaints(state, means, incident)
        parts = tuple(p.changed(diagnosis=state.complaints[p.key]) for p in parts)
    if work.reported and all(p.diagnosis.fingerprint != work.reported.fingerprint for p in parts):
        reason = f"the workflow fails here, but in another way than was reported ('{work.reported.error.strip()}')"
        advice = (*reported_advice(work.reported, reason), *for_reported(incident, work.reported, means))
        return _ended(incident, Verdict.NOT_REPRODUCED, reason, parts=parts, advice=advice)
    return incident.changed(stage=Stage.DIAGNOSED, parts=parts)


def repair(incident: Incident, work: Work) -> Incident:
    """Try candidates until all is green or nothing helps, and judge what was reached."""
    if incident.wish:
        return incident.changed(stage=Stage.ATTEMPTED)
    if pending(incident):
        return revise(incident, work)
    state, means = _alive(incident, work)
    # what cost nothing is made again by a process that starts anew
    incident = incident.changed(attempts=tuple(a for a in incident.attempts if a.tier))
    if means.models:
        incident = means.models.settled(incident, work.clock.now())
    rounds = Rounds(incident, state, means)
    rounds.run()
    incident, state = rounds.incident, rounds.state
    parts = judged_parts(incident, state)
    verdict = overall({p.key: p.verdict or Verdict.NOT_FIXED for p in parts})
    if verdict is Verdict.FIXED and (shaky := _disagreement(parts, work, state)):
        verdict, parts = (
            Verdict.FLAKY,
            tuple(p.changed(verdict=Verdict.FLAKY, reason=shaky) for p in parts),
        )
    grades = [p.grade for p in parts if p.grade]
    update = {
        "parts": parts,
        "final": state.result if state.commit != incident.snapshot else None,
        "verdict": verdict,
        "grade": max(grades) if grades else None,  # the weakest of them: A < B < C
        "reason": _reason(parts, verdict, state),
        "advice": (*rerun_advice(parts, state.reruns), *rounds.suggestions, *_of_unreplayable(incident, means)),
        "proposal": _proposal(incident, parts, work, state) if grades else None,
        "seconds": (work.clock.now() - work.started).total_seconds(),
    }
    return incident.changed(stage=Stage.ATTEMPTED, **update)


def revise(incident: Incident, work: Work) -> Incident:
    """Do what somebody wants changed of a proposal, where that can be proven; else it stays as it is."""
    objection, proposal = incident.objection, incident.proposal
    assert objection
    assert proposal
    work.say("changing the proposal as its review asks")
    means, origin = _means(incident, work), _clone(incident, work)
    when = _replays(incident, work).snapshot.created
    revision = Revision(incident, means, remade(origin, incident.snapshot, proposal.diff, proposal.message, when=when))
    revision.run()
    incident, state, parts = revision.incident, revision.state, revision.parts

    def stays(why: str) -> Incident:
        return incident.changed(stage=Stage.ATTEMPTED, objection=objection.changed(came=why))

    if state is None:
        return stays(revision.why)
    try:
        shaky = _disagreement(parts, work, state)
    except OutOfBudget as e:
        shaky = e.message
    if shaky:
        return stays(shaky)
    grades = [p.grade for p in parts if p.grade]
    made = _proposal(incident, parts, work, state).changed(target=proposal.target)
    verdict = overall({p.key: p.verdict or Verdict.NOT_FIXED for p in parts})
    if work.hosting:
        local.hand_over(origin, work.theirs, made.commit)
        if why := hosted.held_back(incident, made, work.hosting):
            return stays(why)
    effects = tuple(
        e.changed(done=False) if e.name == proposal.target and e.kind in ("push", "pull-request") else e
        for e in incident.effects
    )
    update = {"parts": parts, "final": state.result, "verdict": verdict, "grade": max(grades), "effects": effects}
    reason = _reason(parts, verdict, state)
    came = objection.changed(came="")
    return incident.changed(stage=Stage.ATTEMPTED, proposal=made, reason=reason, objection=came, **update)


def propose(incident: Incident, work: Work) -> Incident:
    """Hand the fix over, once, and tell people on GitHub: there it may be a revert where nothing was fixed."""
    if work.hosting and incident.proposal is None:
        incident = _weighed(incident, work, work.hosting)
    proposal = incident.proposal
    if work.hosting:
        if proposal:
            local.hand_over(_clone(incident, work), work.theirs, proposal.commit)
        incident = made_public(incident, work.hosting, work.checkout.default_branch)
    elif proposal:
        look, act = DELIVERIES[proposal.kind]
        incident = once(
            work.checkpoints,
            incident,
            proposal.kind,
            proposal.target,
            look=lambda: look(proposal, work),
            act=lambda: act(incident, proposal, work),
        )
    return incident.changed(stage=Stage.PROPOSED)


def made_public(incident: Incident, hosting: hosted.Hosting, default_branch: str) -> Incident:
    """Make the proposal on GitHub, if there is one, whose commit the clone has by now, and tell people."""
    if incident.proposal:
        incident = hosted.deliver(incident, hosting)
    hosted.tell(incident, hosting)
    if pending(incident):
        incident = hosted.reply(incident, hosting)
    return issues.ask(incident, hosting, default_branch)


def close(incident: Incident, work: Work) -> Incident:
    """End, and let others have it; what was proposed or asked on GitHub waits for its CI, and for people."""
    return ended(incident, on_github=work.hosting is not None)


def ended(incident: Incident, *, on_github: bool) -> Incident:
    """The record without its lease, closed where nobody is waited for."""
    if on_github and (incident.proposal or issue_of(incident)) and incident.outcome is None:
        return incident.changed(lease=None)
    return incident.changed(stage=Stage.CLOSED, lease=None)


STORY: Sequence[tuple[Stage, Callable[[Incident, Work], Incident]]] = (
    (Stage.REPRODUCED, reproduce),
    (Stage.DIAGNOSED, diagnose),
    (Stage.ATTEMPTED, repair),
    (Stage.PROPOSED, propose),
    (Stage.CLOSED, close),
)


def _weighed(incident: Incident, work: Work, hosting: hosted.Hosting) -> Incident:
    found = weigh(incident, Scene(_means(incident, work), hosting, work.checkout.default_branch))
    if found is incident:
        return incident
    return work.checkpoints.save(found.changed(seconds=(work.clock.now() - work.started).total_seconds()))


def _unreplayable(incident: Incident, work: Work) -> Incident:
    """End where nothing can be said of the workflow as it is; what GitHub has switched off can be replaced."""
    assert incident.baseline
    found = list(for_unreplayable(incident, incident.baseline, _means(incident, work)))
    advice = reported_advice(work.reported, "nothing but the log says so: it could not be replayed here")
    if fix := next((s for s in found if s.applies), None):
        return _replaced(incident, fix, (*advice, *(s.advice for s in found if s is not fix)), work)
    advice += tuple(s.advice for s in found)
    return _ended(incident, Verdict.UNREPLAYABLE, incident.baseline.reason or "", advice=advice)


def _replaced(incident: Incident, fix: Suggested, advice: Sequence[Advice], work: Work) -> Incident:
    """Propose what a replay has proven, and people have allowed."""
    assert incident.baseline
    assert fix.after
    candidate, options = fix.checked.candidate, incident.options
    grade = grade_of(fix.after, narrowed=bool(options.jobs or options.matrix))
    jobs = [j for j in incident.baseline.jobs if j.key in fix.legs]
    done = {"verdict": Verdict.FIXED, "grade": grade, "strategy": candidate.strategy}
    parts = tuple(part_of(j, fix.cause).changed(**done) for j in jobs)
    attempt = Attempt(
        number=len(incident.attempts) + 1,
        causes=(fix.cause.fingerprint,),
        strategy=candidate.strategy,
        summary=candidate.summary,
        diff=candidate.diff,
        notes=candidate.notes,
        verdict=Verdict.FIXED,
    )
    incident = incident.changed(attempts=(*incident.attempts, attempt))
    state = State(fix.commit, fix.after, lambda _: None, {}, Ahead(incident, _means(incident, work)))
    proposal = _proposal(incident, parts, work, state)
    update = {"parts": parts, "final": fix.after, "grade": grade, "proposal": proposal, "advice": advice}
    update["seconds"] = (work.clock.now() - work.started).total_seconds()
    reason = _reason(parts, Verdict.FIXED, state)
    return _ended(incident, Verdict.FIXED, reason, **update)


def _of_unreplayable(incident: Incident, means: Means) -> tuple[Advice, ...]:
    assert incident.baseline
    return tuple(s.advice for s in for_unreplayable(incident, incident.baseline, means))


def _ended(incident: Incident, verdict: Verdict, reason: str, **update: object) -> Incident:
    return incident.changed(stage=Stage.ATTEMPTED, verdict=verdict, reason=reason, **update)


def _replays(incident: Incident, work: Work) -> Replays:
    if work.replays is None:
        work.replays = work.open_replays(incident)
    return work.replays


def _alive(incident: Incident, work: Work) -> tuple[State, Means]:
    """The state of the repair; a process that has none replays the baseline to get it back."""
    means = _means(incident, work)
    if work.state is None:
        work.say("replaying the workflow as it is, to go on from there")
        work.state = _baseline(incident, work)
        work.state.complaints = _complaints(work.state, means, incident)
    return work.state, means


def _means(incident: Incident, work: Work) -> Means:
    return work.means(_replays(incident, work), work.checkpoints.save)


def _baseline(incident: Incident, work: Work) -> State:
    ahead = Ahead(incident, _means(incident, work))
    look = None if incident.wish else ahead.look  # nothing is tried where a revert is asked for
    result, benches = _replays(incident, work).run(incident.snapshot, hold=True, look=look)
    return State(incident.snapshot, result, benches, {}, ahead)


def _complaints(state: State, means: Means, incident: Incident) -> dict[str, Diagnosis]:
    found = {
        j.key: state.ahead.diagnosis(j.key) or means.complaint(state.result, j, state.benches(j.key), state.commit)
        for j in failing(state.result)
    }
    return {key: _with_drift(diagnosis, incident) for key, diagnosis in found.items()}


def _with_drift(diagnosis: Diagnosis, incident: Incident) -> Diagnosis:
    """The diagnosis with the release that broke the workflow: all of it was green before."""
    drift = incident.drift.drift if incident.drift else ()
    return diagnosis.changed(drift=drift[0] if drift else None)


def _disagreement(parts: Sequence[Part], work: Work, state: State) -> str:
    """Where a cause smells of flakiness one green replay is not enough: K of K have to be."""
    if not any(p.diagnosis.category in SMELLING for p in parts):
        return ""

    def passes(count: int) -> bool:
        assert work.replays
        work.say(f"proving again ({count} of {RUNS_WHERE_FLAKY}): the failure smells of flakiness")
        return work.replays.run(state.commit)[0].result is Result.SUCCESS

    return unsteady(passes)


def _reason(parts: Sequence[Part], verdict: Verdict, state: State) -> str:
    left_out = [f"{j.name} was not replayed: {j.reason}" for j in state.result.jobs if j.result is Result.UNREPLAYABLE]
    fixed = sum(p.verdict is Verdict.FIXED for p in parts)
    red = [f"{p.job}: {p.verdict}: {p.reason}" for p in parts if p.verdict is not Verdict.FIXED]
    count = [f"{fixed} of {len(parts)} fixed"] if fixed and verdict is not Verdict.FIXED else []
    return "; ".join([*count, *red, *left_out])


def _proposal(incident: Incident, parts: Sequence[Part], work: Work, state: State) -> Proposal:
    assert work.replays
    origin, reached = work.replays.origin.git, state.unproven_commit or state.commit
    tree = origin.run("rev-parse", f"{reached}^{{tree}}").decode().strip()
    what = summary_of(incident)
    kind = incident.delivery.kind
    message = commit_message(incident, parts, what)
    diff = diff_of(origin, incident.snapshot, tree)
    made = remade(origin, incident.snapshot, diff, message, when=work.replays.snapshot.created)
    targets = {"apply": "the working tree", "patch": incident.delivery.patch}
    target = targets.get(kind) or local.branch_name(incident.id, what)
    return Proposal(kind=kind, target=target, commit=made, diff=diff, message=message)


def _branch_there(proposal: Proposal, work: Work) -> str | None:
    found = work.theirs.try_run("rev-parse", "--verify", "--quiet", f"refs/heads/{proposal.target}")
    return proposal.commit if found and found.decode().strip() == proposal.commit else None


def _to_branch(incident: Incident, proposal: Proposal, work: Work) -> str:
    ours = next((e.value for e in incident.effects if e.kind == "branch" and e.name == proposal.target), "")
    local.to_branch(_clone(incident, work), work.theirs, proposal.target, proposal.commit, ours)
    return proposal.commit


def _to_work_tree(incident: Incident, proposal: Proposal, work: Work) -> str:
    local.to_work_tree(work.checkout, _clone(incident, work), incident.snapshot, proposal.commit)
    return proposal.commit


def _to_patch(incident: Incident, proposal: Proposal, work: Work) -> str:
    git = _clone(incident, work)  # the record's own diff may have lost what looks like a secret
    local.to_patch(Path(proposal.target), diff_of(git, incident.snapshot, f"{proposal.commit}^{{tree}}"))
    return proposal.commit


def _clone(incident: Incident, work: Work) -> Git:
    """The clone, with the proposed commit in it: a process that starts anew makes the very same from the diff.

    Raises `UsageError` where it cannot, because redaction took something out of the diff, and `Refused` for a diff that
    was never let through.
    """
    proposal, replays = incident.proposal, _replays(incident, work)
    assert proposal
    git = replays.origin.git
    if git.try_run("cat-file", "-e", f"{proposal.commit}^{{commit}}") is None:
        try:
            if is_revert(incident):
                made = made_again(incident, git, replays.snapshot.created)
            else:
                made = remade(git, incident.snapshot, proposal.diff, proposal.message, when=replays.snapshot.created)
                means = _means(incident, work)
                hold_again(git, incident, means.settings, means.guard)
        except GitFailed:
            if git.try_run("cat-file", "-e", incident.snapshot) is None:  # it is the clone that has gone
                raise
            made = ""
        if made != proposal.commit:
            told = f"the fix of incident {incident.id} holds what looks like a secret and was not kept whole"
            raise UsageError(told, hint="run regreen fix again")
    return git


DELIVERIES: dict[str, tuple[Callable[[Proposal, Work], str | None], Callable[[Incident, Proposal, Work], str]]] = {
    "branch": (_branch_there, _to_branch),
    "apply": (lambda *_: None, _to_work_tree),
    "patch": (lambda *_: None, _to_patch),
}
