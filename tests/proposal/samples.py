"""Incidents as proposals tell them: one of each kind, with words that can be chosen, to see that they stay words."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.model import (
    Advice,
    Attempt,
    Category,
    DeliveryKind,
    Diagnosis,
    Excerpt,
    ExcerptLine,
    FailedRun,
    FlakyTest,
    Grade,
    Incident,
    JobResult,
    Location,
    Part,
    Proposal,
    ReplayOptions,
    ReplayResult,
    Result,
    Stage,
    TestCounts,
    Verdict,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RUN = FailedRun(
    id=4711,
    attempt=1,
    name="CI",
    html_url="https://github.com/octo/app/actions/runs/4711",
    event="push",
    head_sha="8d1f0c2b7a9e4d3c5b6a7f8e9d0c1b2a3f4e5d6c",
    head_branch="main",
    head_repository="octo/app",
    base_branch="main",
)
REQUESTED = RUN.changed(event="pull_request", head_branch="faster-carts", pull=12, base_branch="faster-carts")
DIFF = """diff --git a/shop/cart.py b/shop/cart.py
index 3f1c2d4..9a8b7c6 100644
--- a/shop/cart.py
+++ b/shop/cart.py
@@ -1,6 +1,5 @@
-import os, sys
+import sys
+
 from shop import prices
-
 def total(items):
     return sum(prices.of(item) for item in items)
"""
LINT = Diagnosis(
    category=Category.LINT_ERROR,
    error="shop/cart.py:1:8: F401 [*] `os` imported but unused",
    error_line=40,
    step="Lint",
    command="ruff check .",
    exit_code=1,
    excerpt=Excerpt(
        lines=(
            ExcerptLine(line=38, text="##[group]Run ruff check ."),
            ExcerptLine(line=40, text="shop/cart.py:1:8: F401 [*] `os` imported but unused"),
            ExcerptLine(line=41, text="Found 1 error."),
            ExcerptLine(line=43, text="##[error]Process completed with exit code 1."),
        )
    ),
    locations=(Location(file="shop/cart.py", line=1, column=8, message="F401 `os` imported but unused"),),
    fingerprint="f1",
    confidence=0.95,
)
TESTS = LINT.changed(
    category=Category.TEST_ASSERTION,
    error="E       assert total([apple, pear]) == 7",
    step="Run the tests",
    command="pytest -q",
    locations=(Location(file="tests/test_cart.py", line=31), Location(file="shop/cart.py", line=6)),
    failing_tests=tuple(f"tests/test_cart.py::TestCart::test_total[{n} items]" for n in range(8)),
    excerpt=Excerpt(
        lines=tuple(
            ExcerptLine(line=n, text=f"tests/test_cart.py::TestCart::test_total[{n} items] FAILED {'.' * n}")
            for n in range(35, 120)
        )
    ),
    fingerprint="f2",
)


def replayed(job: str, tests: TestCounts, result: Result, *notes: str) -> ReplayResult:
    """A replay of one job."""
    done = JobResult(id=job, name=job, result=result, tests=tests, seconds=8.5)
    return ReplayResult(result=result, jobs=(done,), notes=notes, seconds=9.25)


def part(diagnosis: Diagnosis, verdict: Verdict, **more: Any) -> Part:
    """A failing leg."""
    known: dict[str, Any] = {
        "workflow": ".github/workflows/ci.yml",
        "job": "lint",
        "diagnosis": diagnosis,
        "verdict": verdict,
    }
    return Part(**(known | more))


def _incident(**more: Any) -> Incident:
    known: dict[str, Any] = {
        "id": "a1b2c3d4e5f6",
        "repository": "octo/app",
        "head": RUN.head_sha,
        "snapshot": RUN.head_sha,
        "ref": "main",
        "options": ReplayOptions(workflows=(".github/workflows/ci.yml",), event="push", as_of=NOON, committed=True),
        "failed_run": RUN,
        "created": NOON,
        "updated": NOON + timedelta(minutes=3),
        "stage": Stage.PROPOSED,
        "seconds": 31.5,
    }
    return Incident(**(known | more))


def fixed(kind: DeliveryKind = "pull-request", run: FailedRun = RUN) -> Incident:
    """A lint error that its own tool mends."""
    return _incident(
        failed_run=run,
        parts=(part(LINT, Verdict.FIXED, grade=Grade.A, strategy="ruff"),),
        attempts=(
            Attempt(
                number=1,
                causes=("f1",),
                strategy="isort",
                summary="Sort the imports",
                verdict=Verdict.STILL_FAILING,
                reason="the step still fails: F401 `os` imported but unused",
            ),
            Attempt(
                number=2,
                causes=("f1",),
                strategy="ruff",
                summary="Run ruff in fix mode",
                verdict=Verdict.FIXED,
                kept=True,
                notes=("The import of `os` has no side effect that anybody relies on.",),
            ),
        ),
        baseline=replayed("lint", TestCounts(), Result.FAILURE),
        final=replayed("lint", TestCounts(), Result.SUCCESS, "packages are as they were at 2026-11-20 12:00 UTC"),
        proposal=Proposal(kind=kind, target="regreen/a1b2c3d4e5f6-run-ruff", commit="c" * 40, diff=DIFF, message="m"),
        verdict=Verdict.FIXED,
        grade=Grade.A,
    )


def partly() -> Incident:
    """One of two failures is fixed."""
    one, two = fixed("suggestion", REQUESTED), part(TESTS, Verdict.NOT_FIXED, job="test", matrix={"python": "3.12"})
    told = "no strategy knows what to do about it"
    return one.changed(
        parts=(*one.parts, two.changed(reason=told)),
        baseline=replayed("test", TestCounts(run=120, passed=112, failed=8), Result.FAILURE),
        final=replayed("test", TestCounts(run=120, passed=112, failed=8), Result.FAILURE),
        verdict=Verdict.NOT_FIXED,
        grade=Grade.B,
        reason=f"1 of 2 fixed; test: NOT_FIXED: {told}",
    )


def flaky() -> Incident:
    """A test that fails now and then."""
    name = "tests/test_clock.py::test_it_ticks"
    found = part(
        TESTS.changed(error="TimeoutError: no tick within 0.1 s", failing_tests=(name,)),
        Verdict.FLAKY,
        job="test",
        reason="the same tree passes in 4 of 5 further runs",
        flaky_tests=(FlakyTest(name=name, failed=1, runs=5),),
    )
    told = "the failure did not come again: run the failed jobs again, and mend the test"
    return _incident(
        failed_run=REQUESTED,
        parts=(found,),
        verdict=Verdict.FLAKY,
        reason="test: FLAKY: the same tree passes in 4 of 5 further runs",
        advice=(Advice(kind="re-run", jobs=("test",), told=told, evidence=("4 of 5",)),),
    )


def unreplayable() -> Incident:
    """A job that no backend takes, for which newer versions are suggested."""
    told = "actions/upload-artifact@v3 is switched off on GitHub: use v4, which refuses a second artifact of one name"
    return _incident(
        failed_run=REQUESTED,
        verdict=Verdict.UNREPLAYABLE,
        reason="the job deploy runs on macos-15, and there is no such machine here",
        advice=(Advice(kind="suggestion", jobs=("deploy",), told=told, diff=DIFF, verdict=None),),
    )


def not_fixed() -> Incident:
    """Many failures and a long log."""
    return _incident(
        failed_run=REQUESTED,
        parts=(part(TESTS, Verdict.NOT_FIXED, job="test", reason="3 attempts did not help"),),
        attempts=tuple(
            Attempt(
                number=n,
                causes=("f2",),
                strategy="snapshots",
                summary=f"Attempt {n}",
                verdict=Verdict.NOT_FIXED,
                reason="the step still fails",
            )
            for n in (1, 2, 3)
        ),
        baseline=replayed("test", TestCounts(run=120, passed=112, failed=8), Result.FAILURE),
        verdict=Verdict.NOT_FIXED,
        reason="test: NOT_FIXED: 3 attempts did not help",
    )


def saying(text: str) -> Incident:
    """An incident in which everything that others can choose says `text`."""
    run = REQUESTED.changed(name=text, head_branch=text, base_branch=text)
    name, lines = " ".join(text.split()), text.splitlines() or [""]
    found = LINT.changed(
        error=text,
        step=text,
        command=text,
        excerpt=Excerpt(lines=tuple(ExcerptLine(line=n, text=line) for n, line in enumerate(lines, 40))),
        locations=(Location(file=text, line=3, message=text),),
        failing_tests=(text, text),
    )
    named: dict[str, Any] = {
        "job": text,
        "matrix": {"v": text},
        "reason": text,
        "flaky_tests": (FlakyTest(name=text, failed=1, runs=5),),
    }
    kept = Attempt(number=1, causes=(), strategy=text, summary=text, kept=True, verdict=Verdict.FIXED, notes=(text,))
    tried = Attempt(number=2, causes=(), strategy=text, summary=text, verdict=Verdict.NOT_FIXED, reason=text)
    rows = "".join(f"-{line}\n+{line}!\n" for line in lines)
    diff = f"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n{rows}"
    return _incident(
        failed_run=run,
        asked_by="bob",
        options=ReplayOptions(workflows=(name,), jobs=(name,), matrix=((name, name),), committed=True),
        parts=(part(found, Verdict.FIXED, grade=Grade.B, **named), part(found, Verdict.NOT_FIXED, **named)),
        attempts=(kept, tried),
        baseline=replayed(text, TestCounts(), Result.FAILURE, text),
        final=replayed(text, TestCounts(), Result.SUCCESS, text),
        proposal=Proposal(kind="suggestion", target="regreen/a1b2c3d4e5f6-x", commit="c" * 40, diff=diff, message="m"),
        verdict=Verdict.NOT_FIXED,
        grade=Grade.B,
        reason=text,
        advice=(Advice(kind="suggestion", jobs=(text,), told=text, evidence=(text,), diff=diff),),
    )
