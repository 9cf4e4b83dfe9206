"""What single lines cannot tell of some test runners: names that go over several lines, or belong to a line before."""

from collections.abc import Iterable, Iterator

from bot.diagnosis.signatures import Signature
from bot.diagnosis.survey import Hit
from bot.model import Category
from bot.text.log import Log
from bot.text.patterns import compile_pattern

_MOCHA = Signature("mocha.failed", "test", Category.TEST_ASSERTION, 90, (), "")
_MOCHA_ITEM = compile_pattern(r"^  (\d+)\) (.*)$")
_MOCHA_TITLE = compile_pattern(r"^ {5,}(\S.*)$")
_MOCHA_LINES = 60, 4000  # of the list of failures that are read: for each, and at most
_MARK_LINES = 3  # between a test case of Ant and the word that it failed
_TAP_LINES = 8  # of what is told of a point of TAP before what kind it is


def refined(log: Log, hits: Iterable[Hit]) -> Iterator[Hit]:
    """Yield the hits with what their neighbours add: tests named in full, those left out that did not fail."""
    suite, section, case = "", "", None
    for hit in _tests_of_tap(hits):
        name = hit.signature.id
        suite = hit.fields.get("class", suite) if name in {"surefire.class", "antjunit.suite"} else suite
        section = hit.fields["section"] if name == "pytest.part" else section
        if name == "pytest.header" and section not in {"", "FAILURES", "ERRORS"}:
            continue  # the same headers stand over the output of tests that passed
        if name == "surefire.failed":
            yield _qualified(hit, suite)
        elif name == "antjunit.case":
            case = hit
            if hit.fields.get("mark"):
                yield _qualified(hit, suite)
        elif name == "antjunit.mark":
            if case and hit.line.number - case.line.number <= _MARK_LINES and not case.fields.get("mark"):
                yield _qualified(case, suite)
            case = None
        elif name == "go.failed":
            yield hit
        else:
            yield hit
            if name == "mocha.failing":
                yield from _mocha(log, hit)


def _tests_of_tap(hits: Iterable[Hit]) -> Iterator[Hit]:
    """Leave out the suites, which fail with their tests; of node's marks only those count that its last list has."""
    point: Hit | None = None
    listed = -1  # the step whose list has begun
    for hit in hits:
        name = hit.signature.id
        if point and not (name == "tap.suite" and hit.line.number - point.line.number <= _TAP_LINES):
            yield point
        point = hit if name == "tap.failed" else None
        listed = hit.step if name == "tap.listing" else listed
        if name == "tap.marked":
            if listed == hit.step and hit.line.text.startswith("✖"):
                yield hit
        elif point is None:
            yield hit
    if point:
        yield point


def _qualified(hit: Hit, suite: str) -> Hit:
    """Put the class before the name of a test that stands alone."""
    owner = hit.fields.get("class", suite)
    if not owner or "." in hit.test.split("{")[0] or "(" in hit.test:
        return hit
    return hit._replace(fields={**hit.fields, "test": f"{owner}.{hit.test}"})


def _mocha(log: Log, tally: Hit) -> Iterator[Hit]:
    """Read the list behind `N failing`: a number, then the titles of the suites and the test, the last with a colon."""
    wanted = int(tally.fields["failed"])
    each, most = _MOCHA_LINES
    lines = log.around(tally.line.number, tally.line.offset, 0, min(most, each * (wanted + 1)))[1:]
    index = 0
    while wanted > 0 and index < len(lines):
        item = _MOCHA_ITEM.match(lines[index].text.encode())
        index += 1
        if not item:
            continue
        first, titles = lines[index - 1], [(item.group(2) or b"").decode()]
        while not titles[-1].endswith(":") and index < len(lines):
            title = _MOCHA_TITLE.match(lines[index].text.encode())
            if not title:
                break
            titles.append((title.group(1) or b"").decode())
            index += 1
        if titles[-1].endswith(":"):
            wanted -= 1
            test = " ".join(titles).removesuffix(":").strip()
            yield Hit(_MOCHA, {"test": test}, first, tally.step)
