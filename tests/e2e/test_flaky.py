"""What is flaky or transient, as `regreen fix` tells it: real jobs whose outcome the test decides, run by run.

A job reads the outcome of its next run from the folder of pip's packages, which it sees and cannot write.
"""

from pathlib import Path
from typing import Any

import pytest

from bot.replay.replays import Replays
from bot.replay.workbench import Session
from tests.projects import CHECKOUT, WORKFLOW, Make, Project, workflow

pytestmark = pytest.mark.usefixtures("often_enough")
TESTS = """
    import pathlib
    import unittest

    outcome = pathlib.Path(__import__("os").environ["PIP_FIND_LINKS"], "outcome").read_text()

    class T(unittest.TestCase):
        def test_shaky(self):
            self.assertNotIn("s", outcome)

        def test_broken(self):
            self.assertNotIn("b", outcome)

        def test_solid(self):
            self.assertTrue(outcome)
"""
NETWORK = '|\n  case $(cat $PIP_FIND_LINKS/outcome) in *n*) echo "npm ERR! network read ECONNRESET" >&2; exit 1;; esac'


class Fate:
    """The outcomes of runs: whole replays and re-runs of a held step take the next of their own, the last one stays."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.replays, self.reruns = folder, [""], [""]
        replayed, rerun = Replays.run, Session.rerun

        def run(replays: Replays, *args: Any, **kwargs: Any) -> Any:
            self._next(self.replays)
            return replayed(replays, *args, **kwargs)

        def again(session: Session) -> Any:
            self._next(self.reruns)
            return rerun(session)

        monkeypatch.setattr(Replays, "run", run)
        monkeypatch.setattr(Session, "rerun", again)

    def _next(self, outcomes: list[str]) -> None:
        (self.folder / "outcome").write_text(outcomes.pop(0) if len(outcomes) > 1 else outcomes[0])


@pytest.fixture
def fate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fate:
    folder = tmp_path / "fate"
    folder.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("REGREEN_FIX_FLAKY_RERUNS", "10")
    return Fate(folder, monkeypatch)


def project_of(project: Make, script: str) -> Project:
    return project({WORKFLOW: workflow(CHECKOUT, f"run: {script}"), "test_a.py": TESTS})


def with_tests(project: Make) -> Project:
    return project_of(project, "python3 -m unittest -v")


def test_a_flaky_test_is_named_with_its_rate_and_a_re_run_is_proposed(project: Make, fate: Fate) -> None:
    fate.replays, fate.reruns = ["s."], ["."] * 7 + ["s."] * 2 + ["."]
    done = with_tests(project).here("fix", "--json")
    assert (done.code, done.json["verdict"], done.json["branch"]) == (1, "FLAKY", None), done.out
    assert "passed and failed (3 of 11 runs failed)" in done.json["reason"]
    [flaky] = done.json["parts"][0]["flaky_tests"]
    assert ("test_shaky" in flaky["name"], flaky["failed"], flaky["runs"]) == (True, 2, 10)
    [advice] = done.json["advice"]
    assert (advice["kind"], advice["jobs"], advice["diff"]) == ("re-run", ["job"], "")
    assert "that it may pass repairs nothing: repair" in advice["told"]
    assert "test_shaky" in advice["told"]
    assert any("failed in 2 of 10 (20%; 6% to 51% with 95% confidence)" in line for line in advice["evidence"])
    assert "FAIL: test_shaky" in advice["evidence"][0]


def test_people_read_the_same(project: Make, fate: Fate) -> None:
    fate.replays, fate.reruns = ["s."], [".", "s.", "."]
    done = with_tests(project).here("fix")
    assert "re-run: run job again; that it may pass repairs nothing" in done.out
    assert "test_shaky) failed in 1 of 10" in done.out or "test_shaky failed in 1 of 10" in done.out, done.out


def test_a_failure_next_to_a_flaky_test_is_not_called_flaky(project: Make, fate: Fate) -> None:
    fate.replays, fate.reruns = ["bs."], ["b.", "bs.", "b."]
    done = with_tests(project).here("fix", "--json").json
    assert (done["verdict"], done["advice"]) == ("NOT_FIXED", [])
    assert [("test_shaky" in t["name"], t["failed"]) for t in done["parts"][0]["flaky_tests"]] == [(True, 1)]


def test_a_failure_that_never_passes_is_neither_flaky_nor_transient(project: Make, fate: Fate) -> None:
    fate.replays = fate.reruns = ["b."]
    done = with_tests(project).here("fix", "--json").json
    assert (done["verdict"], done["advice"], done["parts"][0]["flaky_tests"]) == ("NOT_FIXED", [], [])


def test_what_a_step_leaves_behind_makes_no_flaky_test(project: Make, fate: Fate) -> None:
    """It passes whenever it is run again in its own leavings; whole replays fail always."""
    fate.replays, fate.reruns = ["b."], ["."]
    done = with_tests(project).here("fix", "--json").json
    assert (done["verdict"], done["advice"], done["parts"][0]["flaky_tests"]) == ("NOT_FIXED", [], [])


def test_a_rare_failure_is_confirmed_by_whole_replays(project: Make, fate: Fate) -> None:
    fate.replays, fate.reruns = ["s.", "."], ["."]
    done = with_tests(project).here("fix", "--json").json
    assert (done["verdict"], done["reason"]) == (
        "FLAKY",
        "job: FLAKY: the same tree failed in replay 1 and passed in replay 2",
    )
    assert [t["failed"] for t in done["parts"][0]["flaky_tests"]] == [0]
    assert any("in 0 of 10 (0%; 0% to 28%" in line for line in done["advice"][0]["evidence"])


def test_a_transient_failure_is_proposed_to_be_run_again(project: Make, fate: Fate) -> None:
    fate.replays, fate.reruns = ["n"], ["", "n", ""]
    done = project_of(project, NETWORK).here("fix", "--json").json
    assert (done["verdict"], done["parts"][0]["diagnosis"]["category"]) == ("FLAKY", "network_or_flaky")
    [advice] = done["advice"]
    assert (advice["kind"], "look at the service" in advice["told"]) == ("re-run", True)
    assert "ECONNRESET" in advice["evidence"][0]


def test_what_only_looks_like_the_network_is_not_called_transient(project: Make, fate: Fate) -> None:
    fate.replays = fate.reruns = ["n"]
    done = project_of(project, NETWORK).here("fix", "--json")
    assert (done.code, done.json["verdict"], done.json["advice"]) == (1, "UNREPLAYABLE", [])
    assert "it failed in all of 10 further runs, so that nothing shows it to be transient" in done.json["reason"]


def test_both_legs_of_a_flaky_cause_are_flaky(project: Make, fate: Fate) -> None:
    fate.replays, fate.reruns = ["s."], ["s.", "."] * 20
    made = with_tests(project)
    made.write({WORKFLOW: workflow(CHECKOUT, "run: python3 -m unittest -v", job="strategy: {matrix: {v: [1, 2]}}")})
    done = made.here("fix", "--json").json
    assert [p["verdict"] for p in done["parts"]] == ["FLAKY", "FLAKY"]
    assert [a["jobs"] for a in done["advice"]] == [["job"]]


LOG = (
    "2026-01-01T00:00:00.0000000Z ##[group]Run npm ci\n2026-01-01T00:00:00.0000000Z ##[endgroup]\n"
    "2026-01-01T00:00:01.0000000Z {}\n2026-01-01T00:00:01.0000000Z ##[error]Process completed with exit code 1.\n"
)


@pytest.mark.parametrize(
    ("line", "step", "verdict", "advised"),
    [
        pytest.param("npm ERR! network read ECONNRESET", "run: 'true'", "NOT_REPRODUCED", "the same tree passes here (1 of 1 replays)", id="passes here"),
        pytest.param("npm ERR! network read ECONNRESET", "uses: acme/unknown@v1", "UNREPLAYABLE", "nothing but the log says so", id="not to be replayed"),
        pytest.param("npm ERR! network read ECONNRESET", "run: echo other; exit 9", "NOT_REPRODUCED", "in another way than was reported", id="fails otherwise"),
        pytest.param("FAILED tests/test_x.py::test_y - assert 1 == 2", "run: 'true'", "NOT_REPRODUCED", "", id="a failing test"),
    ],
)  # fmt: skip
def test_a_reported_failure_of_the_network(
    project: Make, tmp_path: Path, line: str, step: str, verdict: str, advised: str
) -> None:
    (tmp_path / "ci.log").write_text(LOG.format(line))
    done = project({WORKFLOW: workflow(step)}).here("fix", "--json", "--log", str(tmp_path / "ci.log")).json
    assert done["verdict"] == verdict
    assert [a["kind"] for a in done["advice"]] == (["re-run"] if advised else [])
    assert all(line in a["evidence"][0] and advised in a["evidence"][1] for a in done["advice"])
