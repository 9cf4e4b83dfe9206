"""Test reports in XML: what runners write, and what must not be read."""

from pathlib import Path

import pytest

from bot.diagnosis import diagnose
from bot.diagnosis.junit_xml import read_reports
from bot.errors import UsageError
from tests.diagnosis.samples import github_log

PYTEST = """<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" tests="4">
<testcase classname="tests.test_cart" name="test_starts_empty" time="0.001" />
<testcase classname="tests.test_cart.TestTotals" name="test_rows[c::d]"><failure message="assert 4 == 5">def x</failure>
</testcase><testcase classname="tests.test_cart" name="test_db"><error message="failed on setup">E</error></testcase>
<testcase classname="tests.test_cart" name="test_later"><skipped type="pytest.skip" message="later"/></testcase>
</testsuite></testsuites>"""
SUREFIRE = """<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="com.acme.CartTest" tests="2">
<testcase name="adds" classname="com.acme.CartTest" time="0"><flakyFailure message="once"/></testcase>
<testcase name="total" classname="com.acme.CartTest" file="src/CartTest.java" line="7"><failure>no total</failure>
</testcase></testsuite>"""


def written(folder: Path, text: str) -> Path:
    path = folder / "report.xml"
    path.write_text(text)
    return path


def test_cases_are_counted_and_the_failing_ones_named(tmp_path: Path) -> None:
    found = read_reports([written(tmp_path, PYTEST)])
    assert (found.counts.run, found.counts.passed, found.counts.failed, found.counts.skipped) == (3, 1, 2, 1)
    assert [case.id for case in found.failed] == [
        "tests.test_cart.TestTotals.test_rows[c::d]",
        "tests.test_cart.test_db",
    ]
    assert found.failed[0].message == "assert 4 == 5"


def test_what_passed_when_it_was_tried_again_did_not_fail(tmp_path: Path) -> None:
    found = read_reports([written(tmp_path, SUREFIRE)])
    assert [tuple(case) for case in found.failed] == [("com.acme.CartTest.total", "no total", "src/CartTest.java", 7)]
    assert found.counts.passed == 1


def test_a_log_says_the_names_and_its_report_what_the_log_left_out(tmp_path: Path) -> None:
    log = github_log("pytest", "FAILED tests/test_cart.py::TestTotals::test_rows[c::d] - assert 4 == 5\n1 failed")
    found = diagnose([log], reports=[written(tmp_path, PYTEST)])
    assert found.failing_tests == ("tests/test_cart.py::TestTotals::test_rows[c::d]", "tests.test_cart.test_db")
    assert (found.tests.failed, found.tests.skipped) == (2, 1)


@pytest.mark.parametrize(
    "text",
    [
        "no xml",
        "<testsuite><testcase name='a'>",
        '<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>',
        '<!DOCTYPE t [<!ENTITY a SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&a;"/></testsuite>',
    ],
)
def test_what_is_broken_or_hostile_is_refused_by_name(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"report\.xml is no report"):
        read_reports([written(tmp_path, text)])


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_reports([tmp_path / "nothing.xml"])
