"""The one pass: what is kept of it stays bounded."""

import pytest

from bot.diagnosis import survey
from bot.diagnosis.signatures import load
from bot.diagnosis.survey import Survey, pass_over
from bot.text.log import open_log
from tests.diagnosis.samples import stamped

SIGNATURES = load()
ERROR = "src/a.py:{n}: error: Name 'x{n}' is not defined  [name-defined]"


def survey_of(*lines: str) -> Survey:
    with open_log([stamped(list(lines))]) as log:
        return pass_over(log, SIGNATURES)


def test_of_very_many_equal_hits_the_first_are_kept() -> None:
    found = survey_of("##[group]Run mypy", *(ERROR.format(n=n) for n in range(2000)), "##[error]no")
    errors = [hit.line.number for hit in found.hits if hit.signature.id == "mypy.error"]
    assert errors == list(range(2, 62))


def test_of_a_step_that_passed_little_but_its_tests_is_kept() -> None:
    found = survey_of(
        "##[group]Run one",
        *(ERROR.format(n=n) for n in range(50)),
        *(f"FAILED a/b.py::test_{n}" for n in range(50)),
        "##[group]Run two",
        "##[error]no",
    )
    kept = [hit.signature.id for hit in found.hits]
    assert kept.count("mypy.error") == 5
    assert kept.count("pytest.failed") == 50


def test_the_hits_of_very_many_steps_are_thinned_to_their_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "_MOST", 100)
    passed = [
        line for n in range(60) for line in ("##[group]Run x", f"FAILED a/b.py::test_{n}", "=== 1 failed in 1.00s ===")
    ]
    found = survey_of(*passed, "##[group]Run y", "FAILED a/b.py::test_y", "##[error]no")
    kept = [hit.signature.id for hit in found.hits]
    assert len(kept) <= 110
    assert kept.count("pytest.counts") == 60
    assert found.hits[-1].signature.role != "tally"
    assert "a/b.py::test_y" in {hit.test for hit in found.hits}


def test_a_long_line_is_kept_in_part() -> None:
    found = survey_of("ERROR: Cannot install x" + "y" * 5000)
    assert len(found.hits[0].line.text) == 1000


def test_each_step_has_its_own_share() -> None:
    flood = [ERROR.format(n=n) for n in range(70)]
    found = survey_of("##[group]Run one", *flood, "##[error]a", "##[group]Run two", *flood, "##[error]b")
    assert [hit.step for hit in found.hits if hit.signature.id == "mypy.error"] == [1] * 60 + [2] * 60


@pytest.mark.parametrize("prefix", ["", "app:lint: "])
def test_a_line_that_one_step_had_no_room_for_is_found_in_the_next(prefix: str) -> None:
    flood = [prefix + ERROR.format(n=n) for n in range(70)]
    found = survey_of("##[group]Run one", *flood, "##[error]a", "##[group]Run two", flood[-1], "##[error]b")
    assert [hit.step for hit in found.hits if hit.signature.id == "mypy.error"] == [1] * 60 + [2]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("src/a.py:1: \x1b[1m\x1b[31merror:\x1b(B\x1b[m Name 'x' is not defined", "mypy.error"),
        ("\x1b[0m\x1b[1m\x1b[31merror\x1b[0m\x1b[1m: cannot find a root\x1b[0m", "rustc.plain"),
        ("mypy.....................................\x1b[41mFailed\x1b[m", "precommit.failed"),
        ("^[[0m^[[1m^[[31merror^[[0m^[[1m: cannot find a root^[[0m", "rustc.plain"),
        ("\x1b[1;35mapp.store.StoreException\x1b[0m: \x1b[35mfull\x1b[0m", "python.exception"),
        ("\x1b[1msum.go:12\x1b[0m:2: \x1b[31mshould not use dot imports\x1b[0m (ST1001)", "go.lint"),
    ],
)
def test_colours_that_tear_what_is_looked_for_apart_hide_nothing(line: str, name: str) -> None:
    assert name in {hit.signature.id for hit in survey_of(line).hits}


def test_hits_stand_in_the_order_of_the_log_with_their_lines() -> None:
    found = survey_of("fine", ERROR.format(n=1), "fine", "FAILED a/b.py::test_c")
    assert [(hit.signature.id, hit.line.number, hit.test) for hit in found.hits] == [
        ("mypy.error", 2, ""),
        ("pytest.failed", 4, "a/b.py::test_c"),
    ]
