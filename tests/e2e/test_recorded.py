"""Recorded answers in the place of a model's: the whole way without a key, and nobody can take them for a model's."""

from pathlib import Path

import pytest

from bot.adapters.recorded import LABEL
from bot.config_files import config_root
from bot.errors import UsageError
from bot.model import Delivery, ReplayOptions, Verdict
from tests.e2e.test_llm import RED, RIGHT
from tests.projects import Make


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.yaml"
    path.write_text(
        "- when: [items, test_all_items_count]\n  answer: |\n" + RIGHT.replace("\n", "\n    ").join(["    ", ""])
    )
    return path


def test_a_recorded_answer_is_proven_and_labelled_and_costs_nothing(project: Make, answers: Path) -> None:
    made = project(RED)
    app = made.app(recorded=answers)
    found = app.fix(app.open_incident(ReplayOptions(network="none"), Delivery(), 5))
    [attempt] = found.attempts
    assert found.verdict is Verdict.FIXED
    assert found.cost_usd == attempt.estimate_usd == 0
    assert [call.model for call in attempt.calls] == [LABEL]
    assert found.proposal
    assert LABEL in found.proposal.message
    assert LABEL in made.git("log", "-1", "--format=%B", found.proposal.target)
    assert LABEL in made.here("show", found.id).out


def test_what_nothing_is_recorded_for_stays_unfixed(project: Make) -> None:
    app = project(RED).app(recorded=config_root() / "demo" / "answers.yaml")
    found = app.fix(app.open_incident(ReplayOptions(network="none"), Delivery(), 5))
    assert found.verdict is Verdict.NOT_FIXED
    assert all("there is no recorded answer" in a.reason for a in found.attempts)


def test_no_settings_choose_recorded_answers(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = project(RED)
    assert made.app().models is None
    monkeypatch.setenv("REGREEN_LLM_PROVIDER", "recorded")
    with pytest.raises(UsageError, match=r"llm\.provider"):
        _ = made.app().settings


def test_none_is_given_where_people_on_github_would_see_it(project: Make, answers: Path) -> None:
    assert project(RED).app(recorded=answers, hosting=lambda _: None).models is None
