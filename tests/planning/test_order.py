"""In which order the parts of a run are worked on, by what their jobs need."""

import pytest

from bot.planning.order import groups, waiting

NEEDS = {"lint": [], "build": [], "test": ["build"], "pack": ["test"], "deploy": ["pack", "lint"]}


def order(*jobs: str) -> list[tuple[str, ...]]:
    return list(groups({job: [job] for job in jobs}, NEEDS))


def test_independent_parts_are_one_group_with_the_longest_path_first() -> None:
    assert order("lint", "build") == [("build", "lint")]


def test_parts_come_behind_those_that_their_jobs_need_also_by_way_of_others() -> None:
    assert order("deploy", "lint", "test") == [("test", "lint"), ("deploy",)]
    assert order("pack", "build") == [("build",), ("pack",)]


def test_a_part_waits_only_if_all_of_its_jobs_do() -> None:
    parts = {"old": ["build"], "both": ["lint", "test"], "late": ["test", "pack"]}
    assert list(groups(parts, NEEDS)) == [("old", "both"), ("late",)]


def test_parts_of_one_job_or_of_unknown_jobs_go_together_in_their_order() -> None:
    assert list(groups({"b": ["test"], "a": ["test"], "c": ["elsewhere"]}, NEEDS)) == [("b", "a", "c")]
    assert list(groups({}, NEEDS)) == []


@pytest.mark.parametrize(("job", "found"), [("build", ("test", "pack", "deploy")), ("deploy", ())])
def test_what_waits_for_a_job(job: str, found: tuple[str, ...]) -> None:
    assert waiting(job, NEEDS) == found
