"""What single lines cannot tell of some test runners: names in other lines, and lists of tests that did not fail."""

from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest

from bot.diagnosis.signatures import Signature
from bot.diagnosis.survey import Hit
from bot.model import Category
from bot.text.log import Line, Log
from bot.text.patterns import compile_pattern

_MOCHA_ITEM = compile_pattern(r"^  (\d+)\) (.*)$")
_MOCHA_TITLE = compile_pattern(r"^ {5,}(\S.*)$")
_MOCHA_LINES = 60, 4000  # of the list of failures that are read: for each, and at most
_MARK_LINES = 3  # between a test case of Ant and the word that it failed
_TAP_LINES = 8  # of what is told of a point of TAP before what kind it is
_CATCH_HEADER = 12  # lines before a failed check of Catch2 in which its test is named
_ITEM = compile_pattern(r"^ {0,2}\d+\) (\S.*)$")
_FAILED_SECTIONS = {
    "pytest.part": {"FAILURES", "ERRORS"},
    "phpunit.section": {"failure", "failures", "error", "errors"},
}
_LISTED = {"pytest.header": "pytest.part", "phpunit.failed": "phpunit.section"}


def _named(tool: str) -> Signature:
    return Signature(f"{tool}.named", "test", Category.TEST_ASSERTION, 90, (), "")


_MOCHA, _JASMINE, _BUSTED, _CATCH, _RSPEC = map(_named, ("mocha", "jasmine", "busted", "catch", "rspec"))


def refined(log: Log, hits: Iterable[Hit]) -> Iterator[Hit]:
    """Yield the hits with what their neighbours add: tests named in full, those left out that did not fail."""
    suite, case, sections = "", None, dict[str, str]()
    for hit in _without_passed(list(_tests_of_tap(hits))):
        name = hit.signature.id
        suite = hit.fields.get("class", suite) if name in {"surefire.class", "antjunit.suite"} else suite
        if name in _FAILED_SECTIONS:
            sections[name] = hit.fields["section"]
        list_of = _LISTED.get(name)
        if list_of and sections.get(list_of, "") not in {"", *_FAILED_SECTIONS[list_of]}:
            continue  # tests are listed in the same form that passed, are risky, were skipped
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
        else:
            yield hit
            if name in _READERS:
                yield from _READERS[name](log, hit)


def _without_passed(hits: list[Hit]) -> Iterator[Hit]:
    """Leave out what a neighbouring line tells to be none of the failing tests."""
    before: Hit | None = None
    flaky = _flaky(hits)
    for hit, after in zip_longest(hits, hits[1:]):
        name = hit.signature.id
        skipped = name == "minitest.failed" and _is_kind(before, hit, "Skipped")
        suite = name == "robot.failed" and after and after.signature.id == "robot.counts" and _follows(hit, after)
        if not (skipped or suite or (name == "playwright.failed" and hit.test in flaky)):
            yield hit
        before = hit


def _flaky(hits: list[Hit]) -> set[str]:
    """Return the tests that Playwright lists behind `N flaky`: they passed when they were tried again."""
    tests: set[str] = set()
    listed = range(0)
    for hit in hits:
        if "flaky" in hit.fields:
            listed = range(hit.line.number, hit.line.number + 1 + int(hit.fields["flaky"][:6]))
        elif hit.signature.id == "playwright.failed" and hit.line.number in listed:
            tests.add(hit.test)
    return tests


def _is_kind(before: Hit | None, hit: Hit, kind: str) -> bool:
    return before is not None and before.fields.get("kind") == kind and _follows(before, hit)


def _follows(before: Hit, after: Hit) -> bool:
    return after.line.number == before.line.number + 1


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


def _jasmine(log: Log, message: Hit) -> Iterator[Hit]:
    """Read the title of a failure of Jasmine: `1) suite test`, in the line before `Message:`."""
    *earlier, _ = log.around(message.line.number, message.line.offset, 1, 0)
    if earlier and (item := _ITEM.match(earlier[0].text.encode())):
        yield Hit(_JASMINE, {"test": (item.group(1) or b"").decode()}, earlier[0], message.step)


def _busted(log: Log, place: Hit) -> Iterator[Hit]:
    """Read the title behind the place of a failure of Busted."""
    for line in log.around(place.line.number, place.line.offset, 0, 1)[1:]:
        yield Hit(_BUSTED, {**place.fields, "test": line.text.strip()}, line, place.step)


def _hspec(log: Log, place: Hit) -> Iterator[Hit]:
    """Read the title behind the place of a failure of Hspec: `1) group test`; its counts are as those of RSpec."""
    for line in log.around(place.line.number, place.line.offset, 0, 1)[1:]:
        if item := _ITEM.match(line.text.encode()):
            yield Hit(_RSPEC, {**place.fields, "test": (item.group(1) or b"").decode()}, line, place.step)


def _catch(log: Log, place: Hit) -> Iterator[Hit]:
    """Read the header over a failed check of Catch2: dashes, the test, its sections, dashes, its place, dots."""
    lines = log.around(place.line.number, place.line.offset, _CATCH_HEADER, 0)[:-1]
    while lines and not _is_rule(lines[-1], "."):
        lines.pop()
    rules = [index for index, line in enumerate(lines) if _is_rule(line, "-")]
    if len(rules) >= 2 and rules[-1] - rules[-2] > 1:
        title = lines[rules[-2] + 1]
        yield Hit(_CATCH, {**place.fields, "test": title.text.strip()}, title, place.step)


def _is_rule(line: Line, mark: str) -> bool:
    text = line.text.strip()
    return len(text) > 20 and not text.strip(mark)


_READERS: dict[str, Callable[[Log, Hit], Iterator[Hit]]] = {
    "mocha.failing": _mocha,
    "jasmine.message": _jasmine,
    "busted.failed": _busted,
    "catch.place": _catch,
    "hspec.place": _hspec,
}
