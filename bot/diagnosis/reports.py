"""What test runners report in a log: how many ran, how many failed, and which."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from bot.diagnosis import runners
from bot.diagnosis.junit_xml import XmlReport
from bot.diagnosis.survey import Hit, Survey
from bot.model import TestCounts
from bot.text.log import Line, Log
from bot.text.patterns import compile_pattern

_COUNT = compile_pattern(
    r"(?P<n>\d+) +(?P<word>[A-Za-z]+)|(?P<key>[A-Za-z][A-Za-z ]*?) ?[:=] *(?P<m>\d+)|^(?P<first>\d+)\b"
)
_WORDS = {
    "failed": ("failed", "failures", "failure", "fail", "failing", "unexpected successes"),
    "errors": ("errors", "error", "undefined", "ambiguous", "timed", "exec"),  # `1 timed out`, `1 exec failed`
    "passed": ("passed", "passing", "pass", "succeeded", "xfailed", "xpassed", "expected failures", "subtests"),
    "skipped": ("skipped", "skips", "skip", "pending", "ignored", "todo", "incomplete", "disabled", "canceled"),
    "total": ("total", "examples", "example", "tests", "test", "tests run", "runs", "specs"),
}
_FIELD = {word: name for name, words in _WORDS.items() for word in words}
_PARAMETERS = compile_pattern(r"[\[({].*$")
_PARTS = compile_pattern(r"::| > | \x{203a} |[.#/\\]")


class FailedTest(NamedTuple):
    """A failing test: its id as the runner prints it, and the line that names it best."""

    id: str
    line: Line
    hit: Hit


@dataclass
class _Tally:
    """The counts of one runner."""

    total: int = 0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seen: bool = False

    def add(self, counts: dict[str, int]) -> None:
        self.total += counts.get("total", 0)
        self.passed += counts.get("passed", 0)
        self.failed += counts.get("failed", 0) + counts.get("errors", 0)
        self.skipped += counts.get("skipped", 0)
        self.seen = True

    def join(self, other: "_Tally") -> None:
        self.add({"total": other.total, "passed": other.passed, "failed": other.failed, "skipped": other.skipped})

    def counts(self) -> TestCounts:
        passed = self.passed or max(0, self.total - self.failed - self.skipped)
        return TestCounts(run=passed + self.failed, passed=passed, failed=self.failed, skipped=self.skipped)


@dataclass(frozen=True)
class Report:
    """The tests of a whole log.

    `comparable` are the counts that a green run has, too: no tests that are only named since they failed, and no totals
    that only red runs print. `mentions` are all lines that name one of the failing tests, `tallies` those that told of
    failures: of each runner the last.
    """

    counts: TestCounts
    comparable: TestCounts
    failed: list[FailedTest] = field(default_factory=list)
    mentions: list[Hit] = field(default_factory=list)
    tallies: list[Hit] = field(default_factory=list)


def read_report(log: Log, survey: Survey) -> Report:
    """Sum up what all runners of the log report."""
    tallies: dict[str, list[Hit]] = defaultdict(list)
    named: dict[str, list[Hit]] = defaultdict(list)
    for hit in runners.refined(log, survey.hits):
        if hit.signature.role == "tally":
            tallies[hit.signature.tool].append(hit)
        elif hit.signature.role == "test" and hit.test:
            named[hit.signature.tool].append(hit)
    counts, comparable, failed, telling = TestCounts(), TestCounts(), [], []
    for tool in dict.fromkeys([*tallies, *named]):
        tests = _unique(named[tool])
        tally = _tally(tallies[tool])
        if any(hit.signature.mode != "red" for hit in tallies[tool]):
            comparable = _sum(comparable, tally.counts())
        if tally.seen and not tally.failed:
            tests = []  # what failed there was tried again and passed
        elif not tally.seen:
            tally.add({"failed": len(tests)})
        counts = _sum(counts, tally.counts())
        failed += tests
        telling += [hit for hit in tallies[tool] if _tells(hit)][-1:]
    failed.sort(key=lambda test: test.line.number)
    tails = {_tail(test.id) for test in failed}
    mentions = [hit for hits in named.values() for hit in hits if _tail(hit.test) in tails]
    return Report(counts, comparable, failed, mentions, telling)


def _tally(hits: Iterable[Hit]) -> _Tally:
    """Combine the counts of one runner by the modes of their signatures."""
    whole, parts, last = _Tally(), _Tally(), _Tally()
    for hit in hits:
        counts = _counts(hit)
        if hit.signature.mode == "part":
            parts.add(counts)
        elif hit.signature.mode == "last":
            last = _Tally()
            last.add(counts)
        else:
            whole.add(counts)
            parts = _Tally()
    for rest in (parts, last):
        if rest.seen:
            whole.join(rest)
    return whole


def _counts(hit: Hit) -> dict[str, int]:
    """Read the numbers of one line: named captures, and a list of `12 passed` or `Failures: 3` in `counts`."""
    found = {name: int(value) for name, value in hit.fields.items() if name in _WORDS and value.isdigit()}
    return {**found, **_listed(hit.fields["counts"])} if "counts" in hit.fields else found


def _tells(hit: Hit) -> bool:
    counts = _counts(hit)
    return bool(counts.get("failed") or counts.get("errors"))


@lru_cache(maxsize=1024)  # most classes of a big build report the same
def _listed(counts: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for match in _COUNT.finditer(counts.encode()):
        word = (match.group("word") or match.group("key") or b"total").decode().lower().strip()
        number = int(match.group("n") or match.group("m") or match.group("first") or b"0")
        if name := _FIELD.get(word):
            found[name] = found.get(name, 0) + number
    return found


def _unique(hits: list[Hit]) -> list[FailedTest]:
    """Return each failing test once, as the best rank names it."""
    kept: dict[str, FailedTest] = {}
    tails: set[str] = set()
    for rank in sorted({hit.signature.rank for hit in hits}):
        fresh = []
        for hit in hits:
            name = " ".join(hit.test.split())
            if hit.signature.rank != rank or name in kept or (rank > 1 and _tail(name) in tails):
                continue
            kept[name] = FailedTest(name, hit.line, hit)
            fresh.append(_tail(name))
        tails.update(fresh)
    return list(kept.values())


def joined(report: Report, said: XmlReport) -> tuple[list[str], TestCounts]:
    """Return the failing tests and the counts of a log and its XML: names as the log has them, counts of the XML."""
    if not (said.counts.run or said.counts.skipped):
        return [test.id for test in report.failed], report.counts
    tails = {_tail(test.id) for test in report.failed}
    more = [case.id for case in said.failed if _tail(case.id) not in tails]
    return [*(test.id for test in report.failed), *more], said.counts


@lru_cache(maxsize=8192)  # a log names each failing test several times
def _tail(name: str) -> str:
    """Return the part of an id that every place of a log gives: the test's own name, letters and digits only."""
    bare = _PARAMETERS.sub(b"", name.encode())
    last = _PARTS.sub(b"\n", bare).decode().strip("\n").rsplit("\n", 1)[-1]
    return "".join(filter(str.isalnum, last)).lower()


def _sum(one: TestCounts, other: TestCounts) -> TestCounts:
    return TestCounts(
        run=one.run + other.run,
        passed=one.passed + other.passed,
        failed=one.failed + other.failed,
        skipped=one.skipped + other.skipped,
    )
