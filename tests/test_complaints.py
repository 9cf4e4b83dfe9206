"""What the held step and the files of the commit add to the diagnosis of a log."""

from typing import Any

import pytest

from bot.complaints import category_of, rooted
from bot.model import Category, Diagnosis, Location
from bot.ports import Executed
from tests.projects import CHECKOUT, WORKFLOW, Make, workflow

FIXERS = [{"name": "fmt", "program": "fmt", "check": ["--check"]}]


def told(*places: tuple[str, int]) -> Diagnosis:
    found = tuple(Location(file=file, line=line) for file, line in places)
    shown: dict[str, Any] = {"category": Category.LINT_ERROR, "error": "", "error_line": 1, "fingerprint": "x"}
    return Diagnosis(**shown, confidence=1, locations=found)


@pytest.mark.parametrize(
    ("folders", "place", "path"),
    [
        (["services/api"], "a.py", "services/api/a.py"),
        (["services/web", "services/api"], "../api/a.py", "services/api/a.py"),
        ([""], "a.py", "a.py"),
        ([], "com/acme/Cart.java", "src/main/java/com/acme/Cart.java"),
        ([], "b.py", "b.py"),  # two have that name
        ([], "nowhere.py", "nowhere.py"),
    ],
)
def test_places_are_told_from_the_root_of_the_repository(folders: list[str], place: str, path: str) -> None:
    files = {"a.py", "services/api/a.py", "src/main/java/com/acme/Cart.java", "one/b.py", "two/b.py"}
    assert [p.file for p in rooted(told((place, 3)), files, folders).locations] == [path]


def test_a_place_that_two_paths_lead_to_comes_once() -> None:
    assert len(rooted(told(("a.py", 3), ("x/a.py", 3)), {"x/a.py"}, []).locations) == 1


@pytest.mark.parametrize(
    ("programs", "category"),
    [
        (["grep -q x", "/venv/bin/python -m pytest -q", "make ci"], Category.TEST_ASSERTION),
        (["/opt/fmt --check a", "sh run.sh"], Category.LINT_ERROR),
        (["/opt/fmt a", "sh run.sh"], None),
        (["gcc -c a.c", "/opt/fmt --check a"], Category.LINT_ERROR),
        (["mypy src"], Category.TYPE_ERROR),
        ([], None),
    ],
)
def test_the_programs_that_failed_say_what_kind_of_failure_it_is(programs: list[str], category: Category) -> None:
    assert category_of([Executed(tuple(p.split()), "/w", 1) for p in programs], FIXERS) is category


def test_a_checker_that_no_signature_knows_is_seen_in_a_wrapper(project: Make) -> None:
    files = {
        "web/ci.sh": "#!/bin/sh\n./taplo fmt --check a.toml >&2\n",
        "web/taplo": "#!/bin/sh\necho 'a.toml:3 something is off here'\nexit 1\n",
        "web/a.toml": "a = 1\n",
    }
    made = project({WORKFLOW: workflow(CHECKOUT, "run: chmod +x taplo; ./ci.sh\nworking-directory: web"), **files})
    found = made.here("fix", "--json").json["diagnosis"]
    assert found["category"] == "lint_error"
