from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest

from bot.errors import UsageError
from bot.intake import loops
from bot.intake.commands import Verb
from bot.intake.events import WorkflowRun, parse
from bot.intake.loops import Skip
from bot.model import Attempt, Category, Incident
from bot.settings import Settings, read_settings
from tests.intake import payloads
from tests.state.helpers import incident

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DEFAULTS = read_settings(None, "", {})


def watch(text: str) -> Settings:
    return read_settings(f"watch: {{{text}}}", ".regreen.yml", {})


def run(**changed: Any) -> WorkflowRun:
    found = parse("workflow_run", payloads.run(**changed))
    assert isinstance(found, WorkflowRun)
    return found


def tried(times: int, cause: str = "f", *, ago: timedelta = timedelta(hours=1)) -> Incident:
    attempts = tuple(Attempt(number=n, causes=(cause,), strategy="left behind") for n in range(times))
    return incident(times, attempts=attempts, updated=NOW - ago)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ""),
        ("workflows: [CI]", ""),
        ("workflows: [ci.yml]", ""),
        ("workflows: ['.github/workflows/*']", ""),
        ("workflows: [Release]", "workflow"),
        ("workflows: []", "workflow"),
        ("disabled_workflows: [ci.*]", "workflow"),
        ("branches: [main, 'feat*']", ""),
        ("branches: [main]", "branch"),
        ("disabled_branches: [feature]", "branch"),
    ],
)
def test_workflows_and_branches_can_be_switched_off(text: str, told: str) -> None:
    found = loops.switched_off(run(), watch(text))
    assert (found.reason.startswith(f"the {told} ") and "watch" in found.reason) if told else found is None  # type: ignore[union-attr]


def test_a_run_without_a_branch_is_watched_only_where_all_are() -> None:
    assert loops.switched_off(run(head_branch=None), DEFAULTS) is None
    assert loops.switched_off(run(head_branch=None), watch("branches: [main]"))


def test_kinds_of_failures_can_be_left_to_people() -> None:
    settings = watch("disabled_categories: [permission_or_secret]")
    assert loops.left_to_people(Category.PERMISSION_OR_SECRET, settings)
    assert loops.left_to_people(Category.LINT_ERROR, settings) is None


def test_the_label_stops_what_is_done_by_itself() -> None:
    assert loops.stopped(["bug"], DEFAULTS) is None
    assert loops.stopped(["bug", "regreen: stop"], DEFAULTS)
    assert loops.stopped(["bug"], watch("stop_label: bug"))


@pytest.mark.parametrize("verb", get_args(Verb))
def test_the_label_stops_commands_but_those_that_change_nothing_or_end_it(verb: Verb) -> None:
    found = loops.stopped(["regreen: stop"], DEFAULTS, verb)
    assert (found is None) is (verb in {"stop", "resume", "status", "feedback", "help"})
    assert loops.stopped([], DEFAULTS, verb) is None


@pytest.mark.parametrize(
    ("hours", "time", "is_quiet"),
    [
        ("22:00-06:00", "21:59", False),
        ("22:00-06:00", "22:00", True),
        ("22:00-06:00", "00:00", True),
        ("22:00-06:00", "05:59", True),
        ("22:00-06:00", "06:00", False),
        ("09:00-17:30", "08:59", False),
        ("09:00-17:30", "09:00", True),
        ("09:00-17:30", "17:30", False),
        ("09:00-09:00", "09:00", False),
    ],
)
def test_quiet_hours(hours: str, time: str, is_quiet: bool) -> None:
    now = datetime.fromisoformat(f"2026-01-31T{time}:30+00:00")
    settings = watch(f"quiet_hours: ['03:00-03:01', '{hours}']")
    for same in (now, now.astimezone(timezone(timedelta(hours=5)))):
        assert (loops.quiet(same, settings) is not None) is is_quiet
    assert loops.quiet(now, DEFAULTS) is None


@pytest.mark.parametrize(
    ("incidents", "reason"),
    [
        ([], ""),
        ([tried(2)], ""),
        ([tried(3)], "3 times"),
        ([tried(1), tried(2, ago=timedelta(days=6))], "3 times"),
        ([tried(1), tried(2, ago=timedelta(days=7))], ""),
        ([tried(3, "other")], ""),
        ([tried(4, "other"), tried(1, "more")], "5 attempts in a day"),
        ([tried(4, "other"), tried(1, "more", ago=timedelta(days=1))], ""),
    ],
)
def test_attempts_are_counted_by_failure_and_by_day(incidents: list[Incident], reason: str) -> None:
    settings = watch("max_attempts_per_failure: 3, failure_days: 7, max_attempts_per_day: 5")
    found = loops.worn_out(["g", "f"], incidents, NOW, settings)
    assert isinstance(found, Skip) is bool(reason)
    assert found is None or reason in found.reason


def test_bots_start_nothing_unless_they_are_listed() -> None:
    listed = read_settings('commands:\n  allowed_bots: ["helper[bot]"]\n', ".regreen.yml", {})
    actor = run(actor=payloads.OTHER_BOT).workflow_run.actor
    assert actor
    assert loops.by_bot(actor, DEFAULTS)
    assert loops.by_bot(actor, listed) is None
    assert loops.by_bot(run().sender, DEFAULTS) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("quiet_hours: ['22-6']", "watch.quiet_hours"),
        ("quiet_hours: ['24:00-06:00']", "watch.quiet_hours"),
        ("stop_label: ''", "watch.stop_label"),
        ("failure_days: 1000", "watch.failure_days"),
        ("disabled_categories: [lint]", "there are 'test_assertion' or 'lint_error'"),
    ],
)
def test_mistakes_in_the_settings_are_named(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        watch(text)
