"""What differs between two replays of the same workflows."""

from collections.abc import Iterator

from bot.model import Diagnosis, JobResult, Model, ReplayResult, Result, TestCounts

BAD = frozenset({Result.FAILURE, Result.CANCELLED, Result.UNREPLAYABLE})
ABSENT = "absent"


class ToldJob(JobResult, kw_only=True):
    """A leg as `regreen replay --json` tells it; `diagnosis` says why it failed."""

    diagnosis: Diagnosis | None = None


class Told(ReplayResult, kw_only=True):
    """The object that `regreen replay --json` prints."""

    jobs: tuple[ToldJob, ...] = ()


class Change(Model):
    """One difference: of a `job`, a `step` of it or a `test` in it; `worse` when the second result is."""

    what: str
    job: str
    name: str
    before: str
    after: str
    worse: bool = False


def compare(before: Told, after: Told) -> list[Change]:
    """Every change of the result of a job, a step or a test; jobs in the order of the files, gone ones last."""
    was, now = {j.key: j for j in before.jobs}, {j.key: j for j in after.jobs}
    found: list[Change] = []
    for key in [*now, *(k for k in was if k not in now)]:
        found += _changes(was.get(key), now.get(key))
    return found


def _changes(was: ToldJob | None, now: ToldJob | None) -> Iterator[Change]:
    known = now or was
    assert known
    if was is None or now is None:
        before, after = (str(job.result) if job else ABSENT for job in (was, now))
        worse = was.result is Result.SUCCESS if was else known.result in BAD
        yield Change("job", known.name, "", before, after, worse)
        return
    if was.result is not now.result:
        yield Change("job", now.name, "", was.result, now.result, _worse(was.result, now.result))
    yield from _steps(was, now)
    yield from _tests(was, now)


def _worse(was: Result, now: Result) -> bool:
    return was is not now and (was is Result.SUCCESS or (was is Result.SKIPPED and now in BAD))


def _steps(was: JobResult, now: JobResult) -> Iterator[Change]:
    earlier = {s.id: s for s in was.steps}
    for step in now.steps:
        before = earlier.pop(step.id, None)
        if before is None:
            yield Change("step", now.name, step.name, ABSENT, step.result, step.result in BAD)
        elif before.result is not step.result:
            worse = before.result is Result.SUCCESS and step.result in BAD
            yield Change("step", now.name, step.name, before.result, step.result, worse)
    for gone in earlier.values():
        yield Change("step", now.name, gone.name, gone.result, ABSENT)


def _tests(was: ToldJob, now: ToldJob) -> Iterator[Change]:
    failed_before, failed_now = _failing(was), _failing(now)
    for test in sorted(failed_now - failed_before):
        yield Change("test", now.name, test, "not failing", "failing", worse=True)
    for test in sorted(failed_before - failed_now):
        yield Change("test", now.name, test, "failing", "not failing")
    if was.tests != now.tests:
        fewer = now.tests.run < was.tests.run or now.tests.failed > was.tests.failed
        yield Change("test", now.name, "all", _counts(was.tests), _counts(now.tests), fewer)


def _counts(tests: TestCounts) -> str:
    return f"{tests.run} run, {tests.failed} failed, {tests.skipped} skipped"


def _failing(job: ToldJob) -> set[str]:
    return set(job.diagnosis.failing_tests) if job.diagnosis else set()
