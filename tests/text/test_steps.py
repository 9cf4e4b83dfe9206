"""The steps of a job from the marks of the runners."""

from datetime import UTC, datetime

from bot.text.log import open_log
from bot.text.scan import Scanner
from bot.text.steps import MOST_STEPS, NEAR, Step, StepReader
from tests.diagnosis.samples import github_log, stamped
from tests.text.test_archive import zipped


def read(*blocks: bytes) -> StepReader:
    with open_log(blocks) as log:
        reader = StepReader(log.parts)
        for raw in log.scan(Scanner(list(NEAR))):
            reader.feed(raw, log.clean(raw.data))
        return reader


def failing(*lines: str) -> Step | None:
    return read(stamped(list(lines))).failing()


def test_a_job_has_its_steps_with_names_times_and_codes() -> None:
    reader = read(github_log("make\nmake test", "boom", code=2, job="unit (3.12)"))
    assert reader.job == "unit (3.12)"
    assert [(step.kind, step.name) for step in reader.steps] == [
        ("setup", ""),
        ("uses", "Run actions/checkout@v4"),
        ("run", "Run make"),
        ("post", "Post job cleanup"),
    ]
    step = reader.failing()
    assert step is not None
    assert (step.name, step.exit_code, step.failed, step.line, step.body, step.last) == ("Run make", 2, True, 8, 12, 14)
    assert step.seconds == 0.7
    assert step.started == datetime(2026, 3, 1, 12, 0, 0, 700_000, UTC)
    assert step.end is not None
    assert step.end.number == 14
    assert [step.holds(number) for number in (7, 8, 14, 15)] == [False, True, True, False]


def test_the_first_step_that_an_error_ended_failed_the_job() -> None:
    step = failing(
        "##[group]Run one", "##[endgroup]", "##[error]a problem matcher's", "fine after all",
        "##[group]Run two", "##[endgroup]", "##[error]Process completed with exit code 3.",
        "##[group]Run three", "##[endgroup]", "##[error]Process completed with exit code 4.",
    )  # fmt: skip
    assert step is not None
    assert (step.name, step.exit_code) == ("Run two", 3)


def test_a_failure_after_which_the_job_went_on_is_not_the_jobs() -> None:
    header = ["##[group]Run lint", "##[endgroup]", "##[error]Process completed with exit code 1."]
    went_on = "##[end-action id=lint;outcome=failure;conclusion=success;duration_ms=12]"
    later = ["##[group]Run test", "##[endgroup]", "##[error]Process completed with exit code 2."]
    assert failing(*header, went_on) is None
    step = failing(*header, went_on, *later)
    assert step is not None
    assert step.name == "Run test"
    forged = failing(*header[:2], went_on, *header[2:], *later)
    assert forged is not None
    assert forged.name == "Run lint"


def test_an_error_of_an_action_ends_its_step() -> None:
    step = failing("##[group]Run acme/deploy@v1", "with:", "##[endgroup]", "##[error]no token", "##[group]Run two")
    assert step is not None
    assert (step.kind, step.failed, step.exit_code) == ("uses", True, None)


def test_what_fails_in_the_cleanup_fails_the_job_only_when_nothing_else_did() -> None:
    lines = [
        "##[group]Run one",
        "##[endgroup]",
        "Post job cleanup.",
        "##[error]The process 'x' failed with exit code 1",
    ]
    step = failing(*lines)
    assert step is not None
    assert step.kind == "post"
    step = failing("##[group]Run a", "##[error]Process completed with exit code 1.", *lines)
    assert step is not None
    assert step.name == "Run a"


def test_the_headers_of_container_hooks_are_no_steps() -> None:
    reader = read(
        stamped(["##[group]Run pytest", "##[endgroup]", "##[group]Run '/opt/hooks/index.js'", "##[endgroup]", "x"])
    )
    assert [step.name for step in reader.steps[1:]] == ["Run pytest"]


def test_a_log_without_marks_has_no_failing_step() -> None:
    reader = read(b"just\ntext\nexit code 1\n")
    assert reader.failing() is None
    assert len(reader.steps) == 1


def test_the_marks_of_act() -> None:
    passed = "⭐ Run Main lint\n  ✅  Success - Main lint\n"
    failed = "⭐ Run Main test\nFAILED\n  ❌  Failure - Main test [1s]\nexitcode '2': failure\n"
    step = read((passed + failed).encode()).failing()
    assert step is not None
    assert (step.name, step.exit_code, step.line) == ("Run test", 2, 3)


def test_the_marks_of_azure() -> None:
    step = read(stamped(["##[section]Starting: Unit tests", "x", "##[error]Bash exited with code '1'."])).failing()
    assert step is not None
    assert step.name == "Run Unit tests"


def test_a_zip_names_its_steps() -> None:
    body = ["##[group]Run pytest", "##[endgroup]", "boom", "##[error]Process completed with exit code 1."]
    data = zipped(
        {"t/1_Set up.txt": stamped(["a"]), "t/2_Unit tests.txt": stamped(body), "t/3_Post.txt": stamped(["b"])}
    )
    step = read(data).failing()
    assert step is not None
    assert (step.name, step.exit_code) == ("Unit tests", 1)


def test_a_flood_of_errors_is_not_kept() -> None:
    reader = read(stamped(["##[group]Run x", *(["##[error]again"] * 500)]))
    assert len(reader.steps[-1].errors) == 50


def test_a_flood_of_steps_is_not_kept() -> None:
    reader = read(
        stamped([f"##[group]Run {n}" for n in range(6000)] + ["##[error]Process completed with exit code 1."])
    )
    assert len(reader.steps) == MOST_STEPS
    assert reader.failing() is reader.steps[-1]
