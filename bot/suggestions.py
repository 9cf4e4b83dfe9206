"""Suggested changes of workflow files: what people may apply, and what a replay with it shows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NoReturn

from bot.errors import OutOfBudget, Refused, Unavailable, UsageError
from bot.findings import WORKFLOW, Checked, Means, checked_candidates, failing, refusals_of
from bot.model import Advice, Category, Diagnosis, Incident, JobResult, ReplayResult, Result, Verdict
from bot.repair.patch import apply, commit
from bot.replay.verdict import regressions
from bot.text.fingerprint import fingerprint
from strategies import switched_off

ALLOW = "fix.workflow_files lets Regreen apply it"


@dataclass(frozen=True)
class Suggested:
    """A suggestion for some legs (keys) of one cause, and what replaying it gave; `commit` is empty where none was."""

    checked: Checked
    advice: Advice
    cause: Diagnosis
    legs: tuple[str, ...]
    commit: str = ""
    after: ReplayResult | None = None

    @property
    def applies(self) -> bool:
        """Whether it may be applied, and is proven."""
        return not self.checked.refused and self.advice.verdict is Verdict.FIXED


class NoBench:
    """Stands for the held job of a leg that could not even begin."""

    def session(self) -> NoReturn:
        """Nothing is held."""
        raise Unavailable("no job is held: it could not be replayed")

    def changed(self, *_: object, **__: object) -> NoReturn:
        """Nothing is held."""
        raise Unavailable("no job is held: it could not be replayed")


def for_unreplayable(incident: Incident, before: ReplayResult, means: Means) -> Iterator[Suggested]:
    """What may be written instead of what GitHub has no more, for the legs that could not be replayed for it."""
    reasons: dict[str, list[JobResult]] = {}
    for job in before.jobs:
        if job.result is Result.UNREPLAYABLE and job.reason:
            reasons.setdefault(job.reason, []).append(job)
    for reason, jobs in reasons.items():
        told = fingerprint(Category.GITHUB_ACTIONS_CONFIG, "unreplayable", message=reason)
        cause = Diagnosis(
            category=Category.GITHUB_ACTIONS_CONFIG, error=reason, error_line=0, fingerprint=told, confidence=1
        )
        legs = tuple(j.key for j in jobs)
        for checked in _candidates(incident, cause, means):
            yield suggested(checked, cause, legs, before, means)


def for_reported(incident: Incident, reported: Diagnosis | None, means: Means) -> Iterator[Advice]:
    """The same for a failure that was reported and does not happen here, so that no replay can prove anything."""
    for checked in _candidates(incident, reported, means) if reported else ():
        yield _advice(checked, (), None, "the reported failure does not happen here: no replay can prove it")


def suggested(
    checked: Checked, cause: Diagnosis, legs: tuple[str, ...], before: ReplayResult, means: Means
) -> Suggested:
    """Replay a candidate that people would have to apply, and say what it shows of the legs (keys) it is for."""
    jobs = tuple(dict.fromkeys(j.name for j in before.jobs if j.key in legs))
    git, candidate = means.replays.origin.git, checked.candidate
    policy = replace(checked.policy, allow=checked.policy.allow | {WORKFLOW})
    try:
        means.check_time()
        applied = apply(git, candidate.base, candidate.diff, policy=policy)
        if refusals := refusals_of(applied, policy.allow, means.guard):
            raise Refused("", refusals=refusals)
        made = commit(git, applied, candidate.summary, [candidate.base], when=means.clock.now())
        means.tell(f"replaying a suggestion: {candidate.summary}")
        after, _ = means.replays.run(made)
    except (OutOfBudget, Refused, UsageError) as e:
        why = "; ".join(e.refusals[:3]) if isinstance(e, Refused) else e.message
        return Suggested(checked, _advice(checked, jobs, None, f"not replayed: {why}"), cause, legs)
    verdict, told = _judge(before, after, legs)
    if verdict is Verdict.FIXED and not candidate.safe:
        verdict, told = None, "a replay with it is green, which does not show that it is right"
    return Suggested(checked, _advice(checked, jobs, verdict, told), cause, legs, made, after)


def _candidates(incident: Incident, cause: Diagnosis, means: Means) -> Iterator[Checked]:
    tree = means.replays.origin.paths(incident.snapshot)
    if any(s is switched_off for s in means.strategies) and switched_off.applies(cause, tree):
        yield from checked_candidates(switched_off, incident, incident.snapshot, NoBench(), cause, means)


def _advice(checked: Checked, jobs: tuple[str, ...], verdict: Verdict | None, told: str) -> Advice:
    candidate = checked.candidate
    allowed = WORKFLOW in checked.policy.allow
    may_be = [ALLOW] if verdict is Verdict.FIXED and WORKFLOW in candidate.rules and not allowed else []
    evidence = (
        told,
        *candidate.notes,
        *([f"not applied: {checked.refused}"] if allowed and checked.refused else may_be),
    )
    return Advice(
        kind="suggestion", jobs=jobs, told=candidate.summary, evidence=evidence, diff=candidate.diff, verdict=verdict
    )


def _judge(before: ReplayResult, after: ReplayResult, legs: tuple[str, ...]) -> tuple[Verdict | None, str]:
    """What a replay shows of these legs; of other values of their matrix, where the suggestion is about those."""
    jobs = {(j.workflow, j.id) for j in before.jobs if j.key in legs}
    own = [j for j in after.jobs if j.key in legs or ((j.workflow, j.id) in jobs and before.job(j.key) is None)]
    if worse := regressions(before, after):
        return Verdict.REGRESSED, "; ".join(worse.values())
    known = {j.key for j in failing(before)}  # legs that could not be replayed may come out red now, or begin at all
    if red := next((j for j in failing(after) if j in own or j.key not in known), None):
        step = f" in '{red.failing_step.name}'" if red.failing_step else ""
        return Verdict.STILL_FAILING, f"with it, the job {red.name} fails{step}"
    if own and all(j.result is Result.SUCCESS for j in own):
        return Verdict.FIXED, f"green in a replay with it: {', '.join(j.name for j in own)}"
    unknown = next(
        (j.reason or f"{j.name} was {j.result}" for j in own if j.result is not Result.SUCCESS), after.reason
    )
    return None, f"a replay proves nothing here: {unknown}"
