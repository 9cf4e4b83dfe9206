"""Every answer of the corpus is applied rightly or refused, at the level and in the words that it states."""

import pytest

from tests.repair.edit_cases import Case, corpus, outcome

CASES: dict[str, list[Case]] = {}
for case in corpus():
    CASES.setdefault(case.kind, []).append(case)


@pytest.mark.parametrize("kind", CASES)
def test_answers(kind: str) -> None:
    told = [(case.name, outcome(case)) for case in CASES[kind]]
    assert [(name, found) for name, found in told if found.result not in {"right", "refused"}] == []


def test_each_level_is_reached_by_an_answer_that_is_applied_rightly() -> None:
    told = [outcome(case) for cases in CASES.values() for case in cases if case.level]
    assert {level for found in told for level in found.levels} == {
        "exact",
        "endings",
        "indentation",
        "blank-lines",
        "characters",
        "elision",
        "similar",
        "new",
        "whole",
        "deleted",
    }
