# ruff: noqa: RUF001 - lines and signs as the runners print them
"""What test runners report: counts and failing tests, from lines as the runners print them."""

from typing import NamedTuple

import pytest

from bot.diagnosis import count_tests, diagnose
from bot.model import TestCounts


class Told(NamedTuple):
    """Passed, failed and skipped tests."""

    passed: int
    failed: int
    skipped: int


def counts(text: str) -> Told:
    found = count_tests([text.encode()])
    assert found.run == found.passed + found.failed
    return Told(found.passed, found.failed, found.skipped)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "=== 3 failed, 40 passed, 224 deselected, 5 xfailed, 1 xpassed, 2 errors in 255.21s (0:04:15) ===",
            (46, 5, 0),
        ),
        ("2 passed, 1 skipped, 3 warnings in 0.10s", (2, 0, 1)),
        ("Ran 10 tests in 1.2s\n\nFAILED (failures=1, errors=2, skipped=3)", (4, 3, 3)),
        ("Ran 10 tests in 1.2s\n\nOK", (10, 0, 0)),
        ("Tests:       1 failed, 2 skipped, 3 todo, 4 passed, 10 total", (4, 1, 5)),
        ("      Tests  1 failed | 5 passed | 2 skipped (8)", (5, 1, 2)),
        ("  4 passing (1s)\n  1 pending\n  2 failing", (4, 2, 1)),
        ("# tests 5\n# pass 3\n# fail 1\n# skipped 1", (3, 1, 1)),
        ("ℹ tests 5\nℹ pass 4\nℹ fail 1\nℹ skipped 0", (4, 1, 0)),
        ("  1 failed\n    [chromium] › a.spec.ts:1:1 › x ───\n  2 skipped\n  12 passed (3.4s)", (12, 1, 2)),
        ("10 specs, 1 failure, 2 pending specs", (7, 1, 2)),
        ("FAILED | 4 passed | 1 failed (12ms)", (4, 1, 0)),
        ("DONE 120 tests, 3 skipped, 2 failures in 3.001s", (115, 2, 3)),
        ("test result: FAILED. 5 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out", (5, 1, 2)),
        ("     Summary [   9.876s] 396 tests run: 395 passed (1 slow), 1 failed, 4 skipped", (395, 1, 4)),
        ("     Summary [  63.334s] 308 tests run: 305 passed, 2 failed, 1 timed out, 22 skipped", (305, 3, 22)),
        ("[ERROR] Tests run: 10, Failures: 1, Errors: 2, Skipped: 3", (4, 3, 3)),
        ("[info] Tests: succeeded 10, failed 1, canceled 0, ignored 2, pending 0", (10, 1, 2)),
        ("120 examples, 3 failures, 2 pending", (115, 3, 2)),
        ("0 examples, 0 failures, 2 errors occurred outside of examples", (0, 2, 0)),
        ("10 runs, 20 assertions, 1 failures, 2 errors, 3 skips", (4, 3, 3)),
        ("Tests: 10, Assertions: 20, Failures: 1, Errors: 2, Skipped: 3.", (4, 3, 3)),
        ("OK (10 tests, 20 assertions)", (10, 0, 0)),
        ("  Tests:    1 failed, 5 passed (10 assertions)", (5, 1, 0)),
        ("Failed!  - Failed:     1, Passed:    10, Skipped:     2, Total:    13, Duration: 1 s - a.dll", (10, 1, 2)),
        ("Total tests: 13\n     Passed: 10\n     Failed: 1\n     Skipped: 2", (10, 1, 2)),
        ("90% tests passed, 1 tests failed out of 10", (9, 1, 0)),
        ("[  PASSED  ] 9 tests.\n[  FAILED  ] 1 test, listed below:", (9, 1, 0)),
        ("test cases:  10 |  9 passed | 1 failed", (9, 1, 0)),
        ("3 doctests, 10 tests, 1 failure, 2 skipped", (7, 1, 2)),
        ("\t Executed 10 tests, with 1 failure (0 unexpected) in 0.1 (0.2) seconds", (9, 1, 0)),
        ("[ FAIL 1 | WARN 0 | SKIP 2 | PASS 10 ]", (10, 1, 2)),
        ("00:05 +10 ~2 -1: Some tests failed.", (10, 1, 2)),
        ("nothing about tests\n12 passed cars", (0, 0, 0)),
    ],
)
def test_the_counts_of_a_runner(text: str, told: tuple[int, int, int]) -> None:
    assert counts(text) == told


@pytest.mark.parametrize(
    ("text", "run"),
    [
        pytest.param("--- FAIL: TestA (0.00s)\nFAIL\nFAIL\texample.com/a\t0.1s", 1, id="go test"),
        pytest.param("BTest > c() FAILED\n2966 tests completed, 1 failed, 5 skipped", 2961, id="Gradle"),
    ],
)
def test_runners_that_are_silent_when_all_is_green_are_not_compared(text: str, run: int) -> None:
    assert count_tests([text.encode()]).run == 0
    assert diagnose([text.encode()]).tests.run == run


def test_the_counts_of_all_runs_and_runners_add_up() -> None:
    text = "=== 1 failed, 2 passed in 0.1s ===\nTests:       3 passed, 3 total\n=== 4 passed in 0.1s ===\n"
    assert count_tests([text.encode()]) == TestCounts(run=10, passed=9, failed=1, skipped=0)


def test_the_classes_of_a_maven_module_are_part_of_its_total() -> None:
    one = "[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.1 s - in a.B\n"
    total = "[INFO] Tests run: 6, Failures: 0, Errors: 0, Skipped: 0\n"
    assert counts(one + one + total) == (6, 0, 0)
    assert counts(one + one + total + one) == (9, 0, 0)  # a module that never came to its total


def test_of_progress_only_the_last_count_is_taken() -> None:
    lines = "".join(f"Chrome 100 (Linux): Executed {n} of 3 (1 FAILED) (0.1 secs)\r" for n in (1, 2, 3))
    assert counts(lines + "\n") == (2, 1, 0)


def failing(text: str) -> list[str]:
    return list(diagnose([text.encode()]).failing_tests)


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        ("FAILED a/b.py::test_c[x - y] - assert [1] == [2]\nFAILED a/b.py::test_d", ["a/b.py::test_c[x - y]", "a/b.py::test_d"]),
        ("[gw0] [ 50%] FAILED a/b.py::test_c[x y]\na/b.py::test_d FAILED [ 99%]", ["a/b.py::test_c[x y]", "a/b.py::test_d"]),
        ("=== FAILURES ===\n___ TestX.test_c ___\n=== PASSES ===\n___ test_d ___", ["TestX.test_c"]),
        ("FAIL: test_a (m.X)\nERROR: m.sub.test_b\nFAIL: test_c (m.X.test_c) (i=1)", ["test_a (m.X)", "m.sub.test_b", "test_c (m.X.test_c)"]),
        ("  ● a › b\n  ● Console\n  ● Test suite failed to run\nSummary of all failing tests\n  ● a › b", ["a › b"]),
        ("not ok 1 - adds\nok 2 - b\nnot ok 3 - later # TODO\n    not ok 1 - inner", ["adds", "inner"]),
        ("--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b_c (0.00s)\n--- PASS: TestD (0.00s)", ["TestA", "TestA/b_c"]),
        ("        FAIL [   0.010s] (3/9) app::it adds\n        FAIL [   0.010s] app sums::adds", ["app::it adds", "app sums::adds"]),
        ("[ERROR] a.BTest.c -- Time elapsed: 0.1 s <<< FAILURE!\n[ERROR]   BTest.c:7 no\n[ERROR]   mvn <args> -rf :x", ["a.BTest.c"]),
        ("[ERROR] Tests run: 1, Errors: 0, Failures: 1, Skipped: 0, Time elapsed: 1 s <<< FAILURE! - in a.B\n[ERROR] c  Time elapsed: 0.1 s  <<< ERROR!", ["c"]),
        ("[ERROR] Tests run: 1, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 1 s <<< FAILURE! - in a.B\n[ERROR] c  Time elapsed: 0.1 s  <<< ERROR!", ["a.B.c"]),
        ("    [junit] Testsuite: a.B\n    [junit] Testcase: c took 1.4 sec\n    [junit] Testcase: d took 1 sec\n    [junit] \tCaused an ERROR\n", ["a.B.d"]),
        ("    [junit] Testsuite: a.B\n    [junit] Testcase: c(a.B):\tFAILED\n    [junit] \tFAILED", ["a.B.c"]),
        ("BTest > c() FAILED\nBTest > d [1] FAILED\n> Task :test FAILED", ["BTest > c()", "BTest > d [1]"]),
        ("[info] - should add *** FAILED *** (12 milliseconds)", ["should add"]),
        ("[  FAILED  ] A.B (0 ms)\n[  FAILED  ] 1 test, listed below:\n[  FAILED  ] A.B", ["A.B"]),
        ("  Failed A.B.C(x: 1) [12 ms]\n  Passed A.B.D [1 ms]", ["A.B.C(x: 1)"]),
        ("SumTest#test_adds [/repo/a_test.rb:12]:\nExpected: 3", ["SumTest#test_adds"]),
        ("//a:b_test    FAILED in 0.3s\n//a:c_test    PASSED in 0.1s", ["//a:b_test"]),
        ("(fail) a > b [1.20ms]", ["a > b"]),
    ],
)  # fmt: skip
def test_the_failing_tests_of_a_runner(text: str, tests: list[str]) -> None:
    assert failing(text + "\n") == tests


MOCHA = """
  Cart
    1) adds items
    2) "after each" hook

  3 passing (1s)
  2 failing

  1) Cart
       with items
         adds items:
     Error: no
      at Context.<anonymous> (test/a.js:1:2)

  2) "after each" hook:
     Error: again

  3) not of the list
"""


def test_mocha_spreads_a_name_over_lines() -> None:
    assert failing(MOCHA) == ["Cart with items adds items", '"after each" hook']


def test_a_test_that_passed_when_it_was_tried_again_did_not_fail() -> None:
    again = "[ERROR] a.BTest.c -- Time elapsed: 0.1 s <<< FAILURE!\n"
    total = "[WARNING] Tests run: 5, Failures: 0, Errors: 0, Skipped: 0, Flakes: 1\n"
    assert failing(again + total) == []
    assert failing(again) == ["a.BTest.c"]


def test_a_runner_without_counts_has_as_many_failures_as_it_names() -> None:
    found = diagnose([b"--- FAIL: TestA (0.00s)\n--- FAIL: TestB (0.00s)\n"]).tests
    assert found == TestCounts(run=2, passed=0, failed=2, skipped=0)


def test_thousands_of_failing_tests_are_counted_and_not_all_named() -> None:
    text = "".join(f"FAILED a/b.py::test_{n}\n" for n in range(2000)) + "=== 2000 failed in 9.00s ===\n"
    diagnosis = diagnose([text.encode()])
    assert diagnosis.tests.failed == 2000
    assert len(diagnosis.failing_tests) == 500


NODE_SPEC = """\
▶ cart
  ✔ is empty (0.44ms)
  ✖ sums up prices (0.64ms)
✖ cart (5.06ms)
ℹ tests 2
ℹ pass 1
ℹ fail 1

✖ failing tests:

test at test/cart.test.mjs:5:3
✖ sums up prices (0.64ms)
  AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:
      at TestContext.<anonymous> (file:///home/runner/work/app/app/test/cart.test.mjs:6:12)
"""
NODE_TAP = """\
# Subtest: cart
    # Subtest: sums up prices
    not ok 1 - sums up prices
      ---
      duration_ms: 0.68
      type: 'test'
      location: '/home/runner/work/app/app/test/cart.test.mjs:5:3'
      failureType: 'testCodeFailure'
      stack: |-
        TestContext.<anonymous> (file:///home/runner/work/app/app/test/cart.test.mjs:6:12)
      ...
    1..1
not ok 1 - cart
  ---
  duration_ms: 5.71
  type: 'suite'
  failureType: 'subtestsFailed'
  ...
# tests 2
# pass 1
# fail 1
"""


@pytest.mark.parametrize("text", [NODE_SPEC, NODE_TAP])
def test_a_suite_of_node_is_no_failing_test(text: str) -> None:
    found = diagnose([text.encode()])
    assert found.failing_tests == ("sums up prices",)
    assert (found.tests.run, found.tests.failed) == (2, 1)
    assert [(p.file, p.line) for p in found.locations][:2] == [
        ("test/cart.test.mjs", 6),
        ("test/cart.test.mjs", 5),
    ]
