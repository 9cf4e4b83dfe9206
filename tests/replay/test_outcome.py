"""Success counts only where everything agrees: each contradiction alone makes a failure, or unknown."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.model import JobResult, Result
from bot.replay.outcome import judge, step_results, summary, want_of_command, want_of_download
from bot.replay.record import STEP_TIME_LIMIT, TIME_LIMIT, Record, Step

JOB = {"steps": [{"run": "a"}, {"run": "b", "if": "x"}]}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def record(*results: Result | None, **more: Any) -> Record:
    steps = {str(n): Step(str(n), "Run", NOW, result=r) for n, r in enumerate(results)}
    return Record(**{"steps": steps, "job": Result.SUCCESS, "code": 0, **more})


def judged(found: Record) -> tuple[Result, str]:
    result, reason = judge(JOB, found, step_results(JOB, found))
    return result, reason or ""


OK, BAD = Result.SUCCESS, Result.FAILURE


@pytest.mark.parametrize(
    ("found", "result", "told"),
    [
        (record(OK, OK), Result.SUCCESS, ""),
        (record(OK), Result.SUCCESS, ""),
        (record(OK, OK, code=1), Result.UNREPLAYABLE, "ended with exit code 1"),
        (record(OK, OK, code=-9), Result.UNREPLAYABLE, "ended with exit code -9"),
        (record(OK, BAD), Result.FAILURE, "the step 'Run b' failed"),
        (record(OK, None), Result.FAILURE, "'Run b' did not run"),
        (record(), Result.FAILURE, "'Run a' did not run"),
        (record(OK, OK, job=None), Result.FAILURE, "ended without a result"),
        (record(job=None, code=1, problems=["no such image"]), Result.UNREPLAYABLE, "could not start the job: no such image"),
        (record(OK, BAD, job=BAD, code=1), Result.FAILURE, ""),
        (record(OK, OK, job=BAD, code=1, problems=["bad file command"]), Result.FAILURE, "bad file command"),
        (record(OK, OK, unreplayable="needs x"), Result.UNREPLAYABLE, "needs x"),
        (record(OK, OK, killed="it used more memory than it may"), Result.UNREPLAYABLE, "more memory"),
        (record(OK, OK, killed=f"{TIME_LIMIT} of 1 minutes"), Result.FAILURE, "maximum execution time"),
        (record(job=None, killed=f"{TIME_LIMIT} of 1 minutes"), Result.UNREPLAYABLE, "maximum execution time"),
        (record(OK, OK, killed=f"{STEP_TIME_LIMIT} after 1 minutes"), Result.FAILURE, "the action has timed out"),
    ],
)  # fmt: skip
def test_a_leg(found: Record, result: Result, told: str) -> None:
    assert judged(found)[0] is result
    assert told in judged(found)[1]


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ((OK, Result.SKIPPED), OK), ((OK, BAD), BAD), ((OK, Result.UNREPLAYABLE), Result.UNREPLAYABLE),
        ((BAD, Result.UNREPLAYABLE), BAD), ((Result.SKIPPED,), Result.UNREPLAYABLE), ((), Result.UNREPLAYABLE),
    ],
)  # fmt: skip
def test_the_whole(results: tuple[Result, ...], expected: Result) -> None:
    jobs = [JobResult(id=str(n), name=str(n), result=r, reason="why") for n, r in enumerate(results)]
    assert summary(jobs, (), 1.0, "log").result is expected


@pytest.mark.parametrize(
    ("code", "lines", "needs"),
    [
        (127, ["make: of-their-own: not found", "npm ERR! code 127"], True),
        (1, ["ccache: command not found"], False),
        (127, ["ccache: command not found", *"123456789"], False),
        (None, ["run.sh: line 1: ccache: command not found", ""], True),
        (None, ["ccache: command not found", "AssertionError"], False),
    ],
)
def test_a_command_of_the_self_hosted_runner(code: int | None, lines: list[str], *, needs: bool) -> None:
    found = record(BAD, job=BAD)
    steps = step_results({"steps": JOB["steps"][:1]}, found)
    printed = [f"2026-01-01T00:00:00.0000000Z {line}" for line in lines]
    assert bool(want_of_command(["self-hosted"], steps, lambda _: printed, lambda _: code)) is needs


@pytest.mark.parametrize(
    ("denied", "said", "code", "needs"),
    [
        (("asked for get.example.org, which is not allowed",), "", 127, True),
        ((), "curl: (6) Could not resolve host: get.example.org", 127, True),
        ((), "fine", 127, False),
        (("asked for get.example.org, which is not allowed",), "", 1, False),
    ],
)
def test_a_program_that_a_step_before_could_not_fetch(
    denied: tuple[str, ...], said: str, code: int, *, needs: bool
) -> None:
    found = record(OK, BAD, job=BAD)
    found.steps["0"].denied = denied
    told = want_of_download(step_results(JOB, found), found, lambda _: [said], lambda _: code)
    assert bool(told) is needs
    assert not want_of_download(step_results(JOB, record(OK, OK)), found, lambda _: [said], lambda _: code)
