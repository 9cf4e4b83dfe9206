"""Failures of steps that were refused a host: which may be owed to that, and which are the project's own."""

import pytest

from bot.replay.refusals import is_owed

NO = ("asked for other.example, which the network setting 'registries' does not allow",)
HEADER, SUMMARY = "=========== FAILURES ===========", "====== short test summary info ======"
NETWORKED = (
    "____________ test_page ____________\n>   get()\nE   httpx.ConnectError: [Errno -2] Name or service not known"
)
OWN = "____________ test_sum ____________\n>   assert 1 == 2\nE   assert 1 == 2"
UNITTEST = "=" * 70 + "\nFAIL: test_sum (a.T)\n" + "-" * 70 + "\nAssertionError: 1 != 2\n\nRan 2 tests in 0.1s"


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        pytest.param("", True, id="nothing is said"),
        pytest.param("E501 line too long", True, id="no test has a report"),
        pytest.param(f"{HEADER}\n{NETWORKED}\n{SUMMARY}", True, id="all tests want the network"),
        pytest.param(f"{HEADER}\n{NETWORKED}\n{OWN}\n{SUMMARY}", False, id="one does not"),
        pytest.param(f"{HEADER}\n{OWN}\n{SUMMARY}", False, id="none does"),
        pytest.param(f"{HEADER}\n{OWN}\n{SUMMARY}\nurlopen error", True, id="said behind the reports"),
        pytest.param(f"could not fetch the data\n{HEADER}\n{OWN}", True, id="said before the reports"),
        pytest.param(UNITTEST, False, id="unittest"),
        pytest.param(f"Failed to resolve 'x'\n{UNITTEST}", True, id="unittest after a download"),
    ],
)
def test_whose_failure_it_is(printed: str, expected: bool) -> None:
    assert is_owed(NO, printed.splitlines()) is expected


def test_a_server_that_does_not_answer_may_always_be_the_reason() -> None:
    gone = "asked for one.example, which cannot be reached from here"
    assert is_owed((*NO, gone), f"{HEADER}\n{OWN}".splitlines())
