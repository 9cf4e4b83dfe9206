"""From a whole log to the answer."""

import json
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.diagnosis import Hint, diagnose
from bot.errors import RegreenError, UsageError
from bot.model import Category, Diagnosis
from bot.text.redact import Redactor
from tests.diagnosis.samples import CASES, Case, github_log, stamped
from tests.text.test_archive import zipped
from tests.text.test_log import row

BY_NAME = {case.name: case for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_cause_of_a_failure(case: Case) -> None:
    found = diagnose([case.log])
    lines = case.log.decode().splitlines()
    assert found.category == case.category
    assert case.error in found.error
    assert found.error in lines[found.error_line - 1].replace("\x1b[36;1m", "").replace("\x1b[0m", "")
    assert list(found.failing_tests) == case.tests
    assert found.tests.failed == case.failed
    assert found.exit_code == case.code
    assert found.step == f"Run {case.command.splitlines()[0]}"
    assert found.command == case.command
    if case.place:
        assert case.place in [(place.file, place.line) for place in found.locations]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_excerpt_holds_the_cause_the_command_and_the_end_within_the_budget(case: Case) -> None:
    for tokens in (150, 500, 2000):
        found = diagnose([case.log], max_tokens=tokens)
        text = "\n".join(line.text for line in found.excerpt.lines)
        assert len(text) / 4 <= tokens
        assert found.error[:200] in text
        assert f"Run {case.command.splitlines()[0]}" in text
        assert case.code is None or "Process completed with exit code" in text
        lines = case.log.decode().splitlines()
        assert all(line.text in lines[line.line - 1].replace("\x1b[36;1m", "") for line in found.excerpt.lines)


def again(case: Case, shift: int) -> Diagnosis:
    """Diagnose the same failure of another run: other times, workspace, hashes and numbers."""
    output = case.output.replace("/home/runner/work/app/app/", "/__w/app/app/") if shift else case.output
    output = output.replace("0.12s", "7.31s").replace("(0.00s)", "(1.07s)").replace("12 ms", "80 ms")
    noise = "\n".join(f"Received {n * 17} of 366920698 (0x{n:x}ff)" for n in range(shift))
    start = datetime(2026, 4, 1 + shift, 3, tzinfo=UTC)
    return diagnose([github_log(case.command, f"{noise}\n{output}", code=case.code, job=f"leg {shift}", start=start)])


@pytest.mark.parametrize("case", [case for case in CASES if case.output.strip()], ids=lambda case: case.name)
def test_the_same_failure_of_another_run_has_the_same_fingerprint(case: Case) -> None:
    assert again(case, 0).fingerprint == again(case, 9).fingerprint == diagnose([case.log]).fingerprint


def test_different_failures_have_different_fingerprints() -> None:
    prints = [diagnose([case.log]).fingerprint for case in CASES]
    assert len(set(prints)) == len(prints)


def test_what_a_replay_knows_better_is_taken_over() -> None:
    hint = Hint(step="Unit tests", command="pytest -x", exit_code=4)
    found = diagnose([BY_NAME["pytest"].log], hint=hint)
    assert (found.step, found.command, found.exit_code) == ("Unit tests", "pytest -x", 4)


def test_an_error_that_was_tried_again_is_named_where_it_came_last() -> None:
    fatal = "##[error]fatal: couldn't find remote ref refs/tags/v9"
    wait = "Waiting 10 seconds before trying again"
    end = "##[error]The process '/usr/bin/git' failed with exit code 128"
    log = stamped(["##[group]Run actions/checkout@v4", "##[endgroup]", fatal, wait, fatal, wait, fatal, end])
    found = diagnose([log])
    assert (found.error_line, found.exit_code, found.category) == (7, 128, Category.GITHUB_ACTIONS_CONFIG)


def test_an_error_in_a_step_that_passed_is_not_the_cause() -> None:
    first = stamped(
        ["##[group]Run ./try.sh", "##[endgroup]", "src/a.py:1: error: Name 'x' is not defined  [name-defined]"]
    )
    log = first + stamped(
        ["##[group]Run ./real.sh", "##[endgroup]", "boom: it broke", "##[error]Process completed with exit code 1."]
    )
    found = diagnose([log])
    assert found.error == "boom: it broke"
    assert found.step == "Run ./real.sh"


def test_what_a_chained_exception_ends_in_is_the_cause() -> None:
    output = (
        "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'x'\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        'Traceback (most recent call last):\n  File "a.py", line 2, in g\nLookupFailedError: nothing for x\n'
    )
    assert diagnose([github_log("python a.py", output)]).error == "LookupFailedError: nothing for x"


def test_a_cancelled_job_was_cancelled_whatever_it_logged() -> None:
    log = github_log(
        "mvn test", "java.lang.IllegalStateException: a test logs this\n##[error]The operation was canceled.", code=None
    )
    found = diagnose([log])
    assert (found.category, found.error) == (Category.TIMEOUT_OR_OOM, "##[error]The operation was canceled.")


def test_a_plain_log_needs_no_marks() -> None:
    found = diagnose([BY_NAME["rustc"].output.encode()])
    assert (found.category, found.step, found.exit_code) == (Category.COMPILE_ERROR, "", None)
    assert found.error == "error[E0308]: mismatched types"


def test_a_zip_an_act_log_and_a_plain_one_give_the_same_answer() -> None:
    case = BY_NAME["mypy"]
    plain = diagnose([case.log])
    body = github_log(case.command, case.output).split(b"\n", 7)
    packed = diagnose([zipped({"t/1_Checkout.txt": b"\n".join(body[:7]) + b"\n", "t/2_Types.txt": body[7]})])
    assert packed.changed(step=plain.step) == plain
    assert packed.step == "Types"
    rows = [row("⭐ Run Main Types", jobID="t"), *(row(line, jobID="t") for line in case.output.splitlines())]
    rows += [
        row("  ❌  Failure - Main Types", jobID="t", stepResult="failure"),
        row("exitcode '1': failure", jobID="t"),
    ]
    acted = diagnose(["\n".join(rows).encode()])
    assert (acted.error, acted.category, acted.step, acted.exit_code) == (plain.error, plain.category, "Run Types", 1)
    assert acted.fingerprint == plain.fingerprint


def test_an_empty_log_gets_an_honest_answer() -> None:
    for log in ([], [b""], [b"\n\n"], [b"\xef\xbb\xbf"]):
        found = diagnose(log)
        assert found.confidence <= 0.15
        assert found.excerpt.lines == () or not found.excerpt.lines[0].text.strip()


def test_a_job_that_passed_gets_an_answer_of_little_confidence() -> None:
    found = diagnose([github_log("pytest", "=== 3 passed in 0.10s ===", code=None)])
    assert found.confidence <= 0.35
    assert (found.tests.passed, found.failing_tests) == (3, ())


def test_the_better_a_line_names_the_cause_the_surer_the_answer() -> None:
    sure = diagnose([BY_NAME["mypy"].log]).confidence
    less = diagnose([BY_NAME["a-script-that-raises"].log]).confidence
    least = diagnose([BY_NAME["words-only"].log]).confidence
    assert sure >= 0.9 > less > least


def test_no_secret_leaves() -> None:
    canary, token = "tea-for-two-at-half-past", "ghp_" + "a1B2" * 10
    output = BY_NAME["pytest"].output.replace("total(2)", f"total('{canary}') {token}").replace("[2-5]", f"[{canary}]")
    log = github_log(f"pytest --key {canary}", f"{output}\nsrc/{canary}.py:3: error: no {token}\n")
    for hint in (None, Hint(step=canary, command=f"x {token}")):
        said = json.dumps(diagnose([log], max_tokens=8000, redactor=Redactor([canary]), hint=hint).as_json())
        assert canary not in said
        assert token not in said
        assert "***" in said


def test_no_line_of_a_private_key_leaves() -> None:
    body = [f"{n:04}" + "aB3" * 20 for n in range(20)]
    key = ["-----BEGIN RSA PRIVATE KEY-----", *body, "-----END RSA PRIVATE KEY-----"]
    log = github_log("./deploy", "\n".join([*key, "error: it failed"]))
    said = json.dumps(diagnose([log], max_tokens=8000).as_json())
    assert not any(line in said for line in body)
    assert "error: it failed" in said
    cut = json.dumps(diagnose([github_log("./deploy", "\n".join(key[:-1]))], max_tokens=8000).as_json())
    assert not any(line in cut for line in body)


def test_a_secret_does_not_change_the_fingerprint() -> None:
    logs = [github_log("./x", f"error: login with {secret} failed") for secret in ("swordfish-one", "swordfish-two")]
    prints = {diagnose([log], redactor=Redactor(["swordfish-one", "swordfish-two"])).fingerprint for log in logs}
    assert len(prints) == 1


def test_a_long_log_is_diagnosed_where_it_failed() -> None:
    lines = b"".join(b"2026-03-01T12:00:00.1234567Z   PASS some test number %d\n" % n for n in range(100_000))
    log = BY_NAME["mypy"].log
    found = diagnose([log[:600], b"\n", lines, log])
    assert found.error.startswith("src/cart.py:12: error:")
    assert found.error_line > 100_000


def test_a_flood_of_errors_stays_bounded() -> None:
    flood = "\n".join(f"src/a{n}.py:{n}: error: Name 'x{n}' is not defined  [name-defined]" for n in range(30_000))
    found = diagnose([github_log("mypy .", flood)])
    assert found.category == Category.TYPE_ERROR
    assert len(found.locations) <= 20


def test_what_cannot_be_read_is_an_error_for_people(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        diagnose(tmp_path / "none")
    with pytest.raises(UsageError):
        diagnose([bytes(1000)])


def test_the_command_for_development_prints_json(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(BY_NAME["jest"].log)
    command = [sys.executable, "-m", "bot.diagnosis", "--max-tokens", "300", "--json", "--log"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout)["category"] == "test_assertion"
    failed = subprocess.run([*command, str(tmp_path / "none")], capture_output=True, text=True, check=False)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert "cannot read the log" in failed.stderr


LOGS = [case.log for case in CASES]
DAMAGE = st.tuples(st.integers(0, 4000), st.integers(0, 200), st.binary(max_size=12))
FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def answered(data: bytes) -> None:
    with suppress(RegreenError):
        found = diagnose([data], max_tokens=200)
        assert 0 <= found.error_line <= len(data.decode("utf-8", "replace").splitlines()) + 1
        assert len("\n".join(line.text for line in found.excerpt.lines)) <= 800


@FUZZ
@given(st.binary(max_size=2000))
def test_any_bytes_get_an_answer_or_an_error_for_people(data: bytes) -> None:
    answered(data)


@FUZZ
@given(
    st.sampled_from(LOGS),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 200), st.binary(max_size=12)), max_size=8),
)
def test_any_damaged_log_gets_an_answer_or_an_error_for_people(
    log: bytes, damage: list[tuple[int, int, bytes]]
) -> None:
    for at, length, new in damage:
        log = log[:at] + new + log[at + length :]
    answered(log)


@FUZZ
@given(st.lists(st.sampled_from([entry for case in CASES for entry in case.output.splitlines() if entry]), max_size=40))
def test_any_mixture_of_lines_gets_an_answer(lines: list[str]) -> None:
    answered("\n".join(lines).encode())


def test_what_a_run_that_passed_prints_too_counts_for_little(tmp_path: Path) -> None:
    usual = "src/old.c:12:3: error: the compiler of the sandbox cannot do this, as ever"
    new = "Error: the widget is bent"
    passed = tmp_path / "passed.log"
    passed.write_bytes(github_log("./check.sh", f"{usual.replace('12', '14')}\nfine", code=None))
    log = [github_log("./check.sh", f"{usual}\n{new}")]
    assert diagnose(log).error == usual
    assert diagnose(log, passed=passed).error == new
