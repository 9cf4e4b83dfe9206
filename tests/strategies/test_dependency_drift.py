"""A release broke what nobody had changed: it is left out, in the project's own words."""

import pytest

from tests.index import Index, Release
from tests.projects import CHECKOUT, SETUP_PYTHON, WORKFLOW, Make, workflow

NETWORK = {"REGREEN_REPLAY_NETWORK": "registries"}
STEPS = (
    SETUP_PYTHON,
    "run: pip install -r requirements.txt",
    "run: python -c 'import loose; assert loose.ANSWER == 42'",
)


def releases(count: int) -> list[Release]:
    return [Release("loose", f"1.{n}", f"2024-0{n + 1}-05T00:00:00Z", f"ANSWER = {42 + (n > 1)}") for n in range(count)]


@pytest.mark.parametrize(
    ("count", "bounded"), [pytest.param(4, "loose>=1.0,<1.2", id="others followed"), pytest.param(3, "loose>=1.0,!=1.2", id="newest")]
)  # fmt: skip
def test_the_release_is_left_out_with_the_evidence(
    project: Make, monkeypatch: pytest.MonkeyPatch, count: int, bounded: str
) -> None:
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    with Index(releases(count)) as index:
        monkeypatch.setenv("PIP_INDEX_URL", f"{index.url}/simple")
        made = project({WORKFLOW: workflow(CHECKOUT, *STEPS), "requirements.txt": "loose>=1.0  # why\n"})
        done = made.here("fix", "--json", "--green", "2024-02-10", env=NETWORK)
    assert (done.json["verdict"], done.json["strategy"]) == ("FIXED", "dependency drift"), done.out
    assert made.git("show", f"{done.json['branch']}:requirements.txt") == f"{bounded}  # why"
    assert "loose 1.2, released 2024-03-05 00:00 UTC, broke it" in done.json["attempts"][0]["notes"][0]
    assert done.json["diagnosis"]["drift"]["version"] == "1.2"
    assert "loose 1.2" in made.git("log", "-1", "--format=%B", done.json["branch"])


def test_what_the_repository_itself_broke_is_no_drift(project: Make) -> None:
    made = project({WORKFLOW: workflow("run: exit 1")})
    done = made.here("fix", "--json", "--green", "2024-02-10", env=NETWORK)
    assert (done.json["verdict"], done.json["attempts"]) == ("NOT_FIXED", [])
    assert "drift: it fails as of 2024-02-10, too: it is not the date that decides" in done.json["notes"]


@pytest.mark.parametrize(
    ("env", "told"),
    [(NETWORK, "--green: 'nope' is no commit and no time"), ({}, "--green: packages travel in time with --network registries")],
)  # fmt: skip
def test_what_cannot_be_asked(project: Make, env: dict[str, str], told: str) -> None:
    made = project({WORKFLOW: workflow("run: 'true'")})
    done = made.here("fix", "--green", "nope", env=env)
    assert (done.code, told in done.err) == (2, True), done.err
