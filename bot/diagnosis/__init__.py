"""Why is it red? From a log of any form to one cause, its category, its places, its tests, and the lines that tell.

`diagnose` passes once over the log (`survey`), sums up the test reports (`reports`), narrows down to the step that
failed (`scope`), ranks what was found there (`cause`) and chooses what to show (`compose`). What tools print is data,
in `config/signatures`. Nothing leaves this package that was not redacted.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from bot.diagnosis.cause import Cause, find_cause
from bot.diagnosis.compose import Composer
from bot.diagnosis.junit_xml import read_reports
from bot.diagnosis.matchers import read_matchers
from bot.diagnosis.places import locations
from bot.diagnosis.reports import Report, joined, read_report
from bot.diagnosis.scope import Scope, category_of, find_scope
from bot.diagnosis.signatures import Signatures, load, read_entries
from bot.diagnosis.survey import Hit, Survey, pass_over, usual_lines
from bot.model import Category, Diagnosis, Excerpt, TestCounts
from bot.text.excerpt import choose
from bot.text.fingerprint import fingerprint
from bot.text.log import open_log
from bot.text.redact import MASK, Redactor
from bot.text.source import failed_jobs

__all__ = [
    "Hint",
    "Signatures",
    "count_tests",
    "diagnose",
    "failed_jobs",
    "load",
    "meaning",
    "ran_tests",
    "read_entries",
    "read_matchers",
    "shipped",
]

Redact = Callable[[str], str]
"""Takes secrets out of a text."""

_LONGEST_ERROR = 600  # characters of `error`
_LONGEST_COMMAND = 1000
_MOST_TESTS = 500
_SYMBOLS = 20  # failing tests that take part in the fingerprint


@dataclass(frozen=True)
class Hint:
    """What a replay knows better than its log tells."""

    step: str = ""
    command: str = ""
    exit_code: int | None = None


@dataclass(frozen=True)
class _Findings:
    """All that was found out about one log."""

    survey: Survey
    scope: Scope
    report: Report
    cause: Cause
    hint: Hint
    failing: list[str]
    counts: TestCounts


def diagnose(
    source: Path | Iterable[bytes],
    *,
    max_tokens: int = 2000,
    redactor: Redact | None = None,
    hint: Hint | None = None,
    job: str = "",
    signatures: Signatures | None = None,
    reports: Iterable[Path] = (),
    passed: Path | None = None,
) -> Diagnosis:
    """Tell why the job of a log is red.

    `source` is a path (a log, a zip of a run's logs, `act --json`, any of them gzipped) or blocks of bytes; `job` names
    one job of a zip. `max_tokens` bounds the excerpt, a token being four characters. `redactor` takes secrets out of
    text; by default only what looks like one. `reports` are the job's test reports in JUnit's XML, `passed` is
    the log of a run that passed: what stands there too counts for little. An empty log, or that of a job that passed,
    gets an answer of little confidence. Raises `UsageError` when the source cannot be read,
    is no text, or passes the caps.
    """
    signatures = signatures or shipped()
    said = read_reports(reports)
    with open_log(source, job=job) as log:
        seen = pass_over(log, signatures)
        scope = replace(find_scope(log, seen), usual=_usual(passed, signatures))
        report = read_report(log, seen)
        cause = find_cause(log, scope, report, signatures)
        if cause is None:
            return _silent(hint or Hint(), joined(report, said)[1])
        composer = Composer(log, seen, scope, report, signatures)
        excerpt = choose(composer.candidates(cause), max_tokens)
    findings = _Findings(seen, scope, report, cause, hint or Hint(), *joined(report, said))
    return _told(findings, excerpt, composer.beside, redactor or Redactor())


def count_tests(source: Path | Iterable[bytes], *, signatures: Signatures | None = None) -> TestCounts:
    """Sum up how many tests ran, in numbers that those of another run can be held against. Raises as `diagnose`.

    Runners that are silent where all is green count for nothing, or with each fix all of their tests were gone.
    """
    with open_log(source) as log:
        return read_report(log, pass_over(log, signatures or shipped())).comparable


def ran_tests(lines: Iterable[bytes]) -> bool:
    """Whether a log tells of any tests, be it only of those that failed. Raises as `diagnose`."""
    with open_log(lines) as log:
        return read_report(log, pass_over(log, shipped())).counts.run > 0


def meaning(command: str) -> Category | None:
    """What it means when a command fails, if a table says so."""
    return category_of(command, shipped())


@lru_cache(maxsize=1)
def shipped() -> Signatures:
    """The signatures of `config/signatures`, read once; it takes some 50 ms."""
    return load()


def _usual(passed: Path | None, signatures: Signatures) -> frozenset[str]:
    if passed is None:
        return frozenset()
    with open_log(passed) as log:
        return usual_lines(log, signatures)


def _silent(hint: Hint, counts: TestCounts) -> Diagnosis:
    return Diagnosis(
        category=Category.GITHUB_ACTIONS_CONFIG,
        error="the log is empty",
        error_line=0,
        step=hint.step,
        command=hint.command,
        exit_code=hint.exit_code,
        tests=counts,
        fingerprint=fingerprint("empty", message=""),
        confidence=0.05,
    )


def _told(findings: _Findings, excerpt: Excerpt, beside: list[Hit], redact: Redact) -> Diagnosis:
    """Put the answer together; every text in it passes through `redact`."""
    cause, scope, hint = findings.cause, findings.scope, findings.hint
    step = scope.step
    tests = tuple(redact(test) for test in findings.failing[:_MOST_TESTS])
    places = tuple(
        place.changed(file=redact(place.file), message=redact(place.message))
        for place in locations(_by_worth(findings, beside))
    )
    error = MASK if findings.survey.is_key(cause.line.number) else redact(cause.line.text.strip())
    return Diagnosis(
        category=cause.category,
        error=error[:_LONGEST_ERROR],
        error_line=cause.line.number,
        step=redact(hint.step or (step.name if step else "")),
        command=redact(hint.command or scope.command)[:_LONGEST_COMMAND],
        exit_code=hint.exit_code if hint.exit_code is not None or not step else step.exit_code,
        excerpt=_redacted(excerpt, findings.survey, redact),
        locations=places,
        failing_tests=tests,
        tests=findings.counts,
        fingerprint=_fingerprint(cause, tests, [place.file for place in places], redact),
        confidence=cause.confidence,
    )


def _by_worth(findings: _Findings, beside: list[Hit]) -> Iterator[Hit]:
    """Yield what may name a place: the cause, its neighbours, the failing tests, then other causes."""
    if findings.cause.hit:
        yield findings.cause.hit
    yield from beside
    yield from (test.hit for test in findings.report.failed)
    telling = (hit for hit in findings.scope.hits if hit.signature.role in {"cause", "detail"})
    yield from sorted(telling, key=lambda hit: -hit.signature.weight)


def _redacted(excerpt: Excerpt, seen: Survey, redact: Redact) -> Excerpt:
    lines = (line.changed(text=MASK if seen.is_key(line.line) else redact(line.text)) for line in excerpt.lines)
    return Excerpt(lines=tuple(lines))


def _fingerprint(cause: Cause, tests: tuple[str, ...], files: list[str], redact: Redact) -> str:
    """Identify the failure by its kind, its message, and its tests or, where none failed, its first file."""
    kind = cause.hit.signature.id if cause.hit else "none"
    fields = cause.hit.fields if cause.hit else {}
    message = redact(fields.get("message") or cause.line.text)
    return fingerprint(cause.category, kind, message=message, symbols=tests[:_SYMBOLS] or files[:1])
