"""The parts of an incident: one per failing leg, with what the repair came to for it."""

from collections.abc import Sequence

from bot.findings import failing
from bot.model import Attempt, Category, Diagnosis, FlakyTest, Grade, Incident, JobResult, Part, Result, Verdict
from bot.replay.containers import NOT_HELD
from bot.replay.verdict import grade_of, judge_leg
from bot.rounds import State


def part_of(job: JobResult, diagnosis: Diagnosis) -> Part:
    """The part of a failing leg."""
    return Part(workflow=job.workflow, job=job.id, matrix=job.matrix, diagnosis=diagnosis)


def judged_parts(incident: Incident, state: State) -> tuple[Part, ...]:
    """All parts with their verdicts: those of the baseline, and legs that only came to run, and fail, by a fix."""
    known = {p.key for p in incident.parts}
    later = [part_of(j, state.complaints[j.key]) for j in failing(state.result) if j.key not in known]
    judged = (_judged(part, incident, state) for part in (*incident.parts, *later))
    return tuple(p.changed(flaky_tests=_flaky_tests(p, state)) for p in judged)


def _flaky_tests(part: Part, state: State) -> tuple[FlakyTest, ...]:
    """The tests that failed in some runs of the same tree only; the step may fail always, by another test."""
    ran = state.reruns.get(part.key)
    found = ran.flaky_tests if ran else ()
    # what failed at first alone may be owed to a state that the step has left behind, unless whole replays differ, too
    return tuple(t for t in found if t.failed or part.verdict is Verdict.FLAKY)


def _judged(part: Part, incident: Incident, state: State) -> Part:
    assert incident.baseline
    if part.key in state.flaky:
        return _with(part, Verdict.FLAKY, state.flaky[part.key])
    if part.key in state.unproven:
        reason = f"{state.stopped}: only the failing step was seen to pass"
        return _with(part, Verdict.NOT_FIXED, reason, state.unproven[part.key], Grade.C)
    before, after = incident.baseline.job(part.key), state.result.job(part.key)
    tries = [a for a in incident.attempts if part.diagnosis.fingerprint in a.causes]
    complaint = state.complaints.get(part.key)
    unmoved = state.commit == incident.snapshot or (complaint and complaint.fingerprint == part.diagnosis.fingerprint)
    if unmoved or before is None or before.result is not Result.FAILURE:
        return _not_helped(part, tries, state)
    found = judge_leg(before, after, same_failure=False)
    helped = next((a.strategy for a in reversed(tries) if a.verdict), "")
    grade = None
    if found.verdict is Verdict.FIXED:
        grade = grade_of(state.result, narrowed=bool(incident.options.jobs or incident.options.matrix))
    elif part.key in state.step_green:
        grade = Grade.C
    return _with(part, found.verdict, found.reason, helped, grade)


def _not_helped(part: Part, tries: Sequence[Attempt], state: State) -> Part:
    if not tries and part.diagnosis.category is Category.NETWORK_OR_FLAKY:
        ran = state.reruns.get(part.key)
        told = f"it needs what cannot be reached: {part.diagnosis.error.strip()}"
        if ran and not ran.passed:
            told += f"; it failed in all of {ran.failed} further runs, so that nothing shows it to be transient"
        return _with(part, Verdict.UNREPLAYABLE, told)
    if not tries:
        job = state.result.job(part.key)
        contained = job is not None and (job.reason or "").endswith(NOT_HELD)
        told = NOT_HELD if contained else "no strategy has a candidate for it"
        return _with(part, Verdict.NOT_FIXED, state.stopped or told)
    replayed = [a for a in tries if a.verdict]
    last = (replayed or tries)[-1]
    return _with(part, last.verdict or Verdict.NOT_FIXED, last.reason or state.stopped, last.strategy)


def _with(part: Part, verdict: Verdict, reason: str, strategy: str = "", grade: Grade | None = None) -> Part:
    return part.changed(verdict=verdict, reason=reason, strategy=strategy, grade=grade)
