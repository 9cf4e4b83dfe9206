"""A commit that nobody has changed turns red: which release of a dependency was it?"""

import math
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.index import Index, Release
from tests.projects import SETUP_PYTHON, WORKFLOW, Make, workflow

COMMITTED = "2024-01-10T00:00:00Z"
NETWORK = {"REGREEN_REPLAY_NETWORK": "registries"}
RELEASES = [
    *(Release("steady", f"1.{n}", f"2024-0{n + 2}-01T00:00:00Z", "ANSWER = 42") for n in range(5)),
    *(Release("loose", f"1.{n}", f"2024-0{n + 1}-05T00:00:00Z", f"ANSWER = {42 if n < 4 else 41}") for n in range(8)),
    Release("steady", "0.9", "2023-01-01T00:00:00Z", "ANSWER = 42"),
]


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
        monkeypatch.setenv(name, COMMITTED)
    with Index(RELEASES) as served:
        monkeypatch.setenv("PIP_INDEX_URL", f"{served.url}/simple")
        yield served


def test_the_release_that_broke_it_is_named(project: Make, index: Index) -> None:
    check = "python -c 'import loose, steady; assert loose.ANSWER == steady.ANSWER, loose.ANSWER'"
    made = project({WORKFLOW: workflow(SETUP_PYTHON, "run: pip install loose steady", f"run: {check}")})
    done = made.here("replay", "--drift", "HEAD", "--json", env=NETWORK)
    assert done.code == 1, done.err
    (drift,) = done.json["drift"]
    assert (drift["package"], drift["version"]) == ("loose", "1.4")
    assert datetime.fromisoformat(drift["released"]) == datetime.fromisoformat("2024-05-05T00:00:00Z")
    assert done.json["diagnosis"]["drift"] == drift
    between = sum(r.uploaded > COMMITTED for r in RELEASES)
    assert done.json["replays"] <= math.ceil(math.log2(between)) + 2
    assert (done.json["result_then"], done.json["result_now"]) == ("success", "failure")


def test_what_fails_then_too_is_no_drift(project: Make, index: Index) -> None:
    made = project({WORKFLOW: workflow("run: exit 1")})
    done = made.here("replay", "--drift", "HEAD", env=NETWORK)
    assert done.code == 1
    assert "it fails as of 2024-01-10, too" in done.out


def test_what_is_green_now_too_is_no_drift(project: Make, index: Index) -> None:
    made = project({WORKFLOW: workflow("run: 'true'")})
    done = made.here("replay", "--drift", "HEAD", env=NETWORK)
    assert done.code == 0
    assert "green as of now, too" in done.out


def test_what_cannot_be_asked(project: Make, index: Index) -> None:
    made = project({WORKFLOW: workflow("run: 'true'")})
    assert "there is no commit nope" in made.here("replay", "--drift", "nope", env=NETWORK).err
    assert "--network registries alone" in made.here("replay", "--drift", "HEAD").err
