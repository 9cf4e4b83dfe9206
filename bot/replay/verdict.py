"""The verdict: what a replay of a candidate shows, held against the replay of the baseline."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.model import Grade, JobResult, ReplayResult, Result, Verdict


@dataclass(frozen=True)
class Judgement:
    """The verdict on one leg and the reason in words.

    `progress`: it still fails, but came further than before. `detour`: it fails earlier than before, in a step that the
    candidate itself may have upset.
    """

    verdict: Verdict
    reason: str = ""
    progress: bool = False
    detour: bool = False

    @property
    def helps(self) -> bool:
        """Whether the candidate is worth keeping."""
        return self.verdict is Verdict.FIXED or self.progress


def judge_leg(before: JobResult, after: JobResult | None, *, same_failure: bool) -> Judgement:
    """Judge a leg that failed in the baseline. `same_failure`: its fingerprint is what it was."""
    if after is None or after.result is Result.UNREPLAYABLE:
        return Judgement(
            Verdict.UNREPLAYABLE, after.reason or "" if after else "the leg was not replayed", step_green(before, after)
        )
    if after.result is Result.SUCCESS:
        return fewer_tests(before, after) or Judgement(Verdict.FIXED)
    if after.result is Result.FAILURE:
        return _still_red(before, after, same_failure=same_failure)
    return Judgement(Verdict.STILL_FAILING, f"the job was {after.result} with the candidate")


def _still_red(before: JobResult, after: JobResult, *, same_failure: bool) -> Judgement:
    was, now = _position(before), _position(after)
    name = after.failing_step.name if after.failing_step else after.reason or "the job"
    if now < was:
        return Judgement(Verdict.REGRESSED, f"the step '{name}', which passed before, fails", detour=True)
    if now > was:
        return Judgement(Verdict.STILL_FAILING, f"the next failure is in '{name}'", progress=True)
    if same_failure:
        return Judgement(Verdict.STILL_FAILING, f"'{name}' fails as before")
    return Judgement(Verdict.STILL_FAILING, f"'{name}' fails in another way", progress=_comes_further(before, after))


def _comes_further(before: JobResult, after: JobResult) -> bool:
    """Whether a step that fails in another way is nearer to green: more tests run, or fewer fail, where any do."""
    was, now = before.tests, after.tests
    return (was.run, now.run) == (0, 0) or now.run > was.run or (now.run == was.run and now.failed < was.failed)


def _position(job: JobResult) -> int:
    failing = job.failing_step
    return job.steps.index(failing) if failing else len(job.steps)


def step_green(before: JobResult, after: JobResult | None) -> bool:
    """Whether the step that failed in the baseline passed, whatever became of the rest of the job."""
    if after is None or before.failing_step is None:
        return False
    return any(s.id == before.failing_step.id and s.result is Result.SUCCESS for s in after.steps)


def fewer_tests(before: JobResult, after: JobResult) -> Judgement | None:
    """A judgement against a candidate with which fewer tests ran than before."""
    if after.tests.run >= before.tests.run:
        return None
    reason = f"{after.name}: only {after.tests.run} tests ran, before it were {before.tests.run}"
    return Judgement(Verdict.REGRESSED, reason)


def regressions(before: ReplayResult, after: ReplayResult) -> dict[str, str]:
    """The legs (keys) that passed before and do not now, or in which fewer tests ran: what happened, in words."""
    found = {}
    for was in before.jobs:
        now = after.job(was.key)
        if was.result is not Result.SUCCESS:
            continue
        if now is None or now.result is not Result.SUCCESS:
            step = now.failing_step if now else None
            detail = f" in '{step.name}'" if step else f" ({now.reason})" if now and now.reason else ""
            found[was.key] = f"the job {was.name}, which passed before, fails{detail}"
        elif fewer := fewer_tests(was, now):
            found[was.key] = fewer.reason
    return found


def grade_of(after: ReplayResult, *, narrowed: bool) -> Grade:
    """A for a whole green workflow, B for a green job where other legs are red, left out or not to be replayed."""
    whole = after.result is Result.SUCCESS and not narrowed
    return Grade.A if whole else Grade.B


RANK = (
    Verdict.STILL_FAILING,
    Verdict.FLAKY,
    Verdict.NOT_FIXED,
    Verdict.REGRESSED,
    Verdict.NOT_REPRODUCED,
    Verdict.UNREPLAYABLE,
)


def overall(parts: Mapping[str, Verdict]) -> Verdict:
    """The verdict on the whole: FIXED only when every part is; else the best that was reached short of it.

    Where some parts are fixed and others are not, the workflow as a whole is still failing.
    """
    verdicts = set(parts.values())
    if verdicts == {Verdict.FIXED}:
        return Verdict.FIXED
    if Verdict.FIXED in verdicts:
        return Verdict.STILL_FAILING
    return next(v for v in RANK if v in verdicts)
