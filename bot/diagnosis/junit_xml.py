"""Reports in JUnit's XML: which tests failed and how many ran, as runners write it beside their log.

`testsuites` or `testsuite` at the root, any number of suites in suites, `testcase`s with `name`, `classname`, mostly
`file` and `line`; in a case `failure`, `error` or `skipped`. Surefire's `flakyFailure` and `flakyError` stand in cases
that passed when they were tried again. Jobs write these files: they are read without DTD, entities, anything external.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from bot.errors import UsageError
from bot.model import TestCounts

MAX_BYTES = 200_000_000
_MOST_FAILED = 10_000


class Case(NamedTuple):
    """A failing test: class and name as one, what it said, where it stands as far as the report tells."""

    id: str
    message: str
    file: str
    line: int


@dataclass(frozen=True)
class XmlReport:
    """What some reports say together."""

    counts: TestCounts
    failed: tuple[Case, ...]


def read_reports(paths: Iterable[Path]) -> XmlReport:
    """Read reports and sum them up. Raises `UsageError` that names the file which is none, or cannot be read."""
    failed: list[Case] = []
    tally = {"passed": 0, "failed": 0, "skipped": 0}
    for path in paths:
        try:
            if path.stat().st_size > MAX_BYTES:
                raise UsageError(f"{path} has more than {MAX_BYTES // 1_000_000} MB")
            for event, element in ElementTree.iterparse(path, events=("start", "end"), forbid_dtd=True):
                if event == "end" and _tag(element) == "testcase":
                    failed += _read(element, tally)
                    del failed[_MOST_FAILED:]
                    element.clear()
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
        except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
            raise UsageError(f"{path} is no report in JUnit's XML: {error}") from None
    return XmlReport(TestCounts(run=tally["passed"] + tally["failed"], **tally), tuple(failed))


def _read(case: Element, tally: dict[str, int]) -> list[Case]:
    """Count a case; return it when it failed."""
    children = {_tag(child): child for child in case}
    found = children.get("failure", children.get("error"))
    if found is None:
        tally["skipped" if "skipped" in children else "passed"] += 1
        return []
    tally["failed"] += 1
    text = (found.get("message") or found.text or "").strip()
    file, line = case.get("file", ""), case.get("line", "")
    return [Case(_id(case), text, file, int(line) if line.isdigit() and len(line) < 10 else 0)]


def _id(case: Element) -> str:
    name, owner = case.get("name", "").strip(), case.get("classname", "").strip()
    return name if not owner or name.startswith(owner) else f"{owner}.{name}"


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
