"""What GitHub has switched off, on real repositories: a suggestion, and where people allow it a fix."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.config_files import config_root
from bot.diagnosis import diagnose
from bot.errors import OutOfBudget
from bot.model import Candidate, Category, Diagnosis, Incident
from bot.ports import Tools, Written
from bot.repair.guard import RULES
from bot.replay.replays import Replays
from bot.strategy_kit import try_strategy
from bot.yaml12 import load
from strategies import switched_off
from strategies.workflow_text import edited
from tests.projects import CHECKOUT, WORKFLOW, Make, workflow

TABLE = load((config_root() / "switched_off.yaml").read_bytes(), "switched_off.yaml")
ALLOWED = {"REGREEN_FIX_WORKFLOW_FILES": "true"}
UPLOAD = "uses: actions/upload-artifact@v3  # why\nwith: {name: made, path: made}"
UPLOADS = workflow("run: echo > made", UPLOAD)


def advice(found: Mapping[str, Any]) -> Mapping[str, Any]:
    [one] = found["advice"]
    assert one["kind"] == "suggestion"
    return dict(one)


def test_an_action_is_a_suggestion_that_a_replay_proves(project: Make) -> None:
    made = project({WORKFLOW: UPLOADS})
    done = made.here("fix", "--json")
    told = advice(done.json)
    assert (done.code, done.json["verdict"], done.json["branch"]) == (1, "NOT_FIXED", None)
    assert (told["verdict"], told["jobs"]) == ("FIXED", ["job"]), told
    assert (
        "-      - uses: actions/upload-artifact@v3  # why\n+      - uses: actions/upload-artifact@v4  # why\n"
        in told["diff"]
    )
    assert told["diff"].count("\n+") == 2  # with the header
    assert any("cannot be added to" in line for line in told["evidence"])
    assert "fix.workflow_files lets Regreen apply it" in told["evidence"]
    assert [a["strategy"] for a in done.json["attempts"]] == ["switched off"]
    assert made.git("branch", "--list", "regreen/[0-9a-f]*") == ""


def test_what_github_has_reported_is_reproduced(project: Make, tmp_path: Path) -> None:
    learn = "https://github.blog/changelog/2024-04-16-deprecation-notice-v3-of-the-artifact-actions/"
    said = f"because it uses a deprecated version of `actions/upload-artifact: v3`. Learn more: {learn}"
    (tmp_path / "ci.log").write_text(f"##[error]This request has been automatically failed {said}\n")
    done = project({WORKFLOW: UPLOADS}).here("fix", "--json", "--log", str(tmp_path / "ci.log"), env=ALLOWED)
    assert (done.code, done.json["verdict"]) == (0, "FIXED"), done.out


def test_two_jobs_with_something_off_are_one_suggestion(project: Make) -> None:
    text = (
        UPLOADS
        + "  other:\n    runs-on: ubuntu-latest\n    steps: [{uses: actions/cache@v2, with: {path: x, key: y}}]\n"
    )
    done = project({WORKFLOW: text}).here("fix", "--json").json
    assert advice(done)["diff"].count("\n+") == 3, advice(done)["diff"]


def test_people_read_the_diff_and_the_reason(project: Make) -> None:
    done = project({WORKFLOW: UPLOADS}).here("fix")
    assert "suggestion: Replace what GitHub has switched off: actions/upload-artifact@v3 by v4" in done.out
    assert "(FIXED; nothing was changed)" in done.out
    assert "+      - uses: actions/upload-artifact@v4  # why" in done.out


def test_where_people_allow_it_is_a_fix_and_goes_on(project: Make) -> None:
    steps = ("run: echo > made", UPLOAD, "run: sort words > sorted && git diff --exit-code")
    made = project({WORKFLOW: workflow(CHECKOUT, *steps), "words": "a\n", "sorted": ""})
    done = made.here("fix", "--json", env=ALLOWED)
    assert (done.code, done.json["verdict"], done.json["grade"], done.json["advice"]) == (0, "FIXED", "A", []), done.out
    assert [a["strategy"] for a in done.json["attempts"]] == ["switched off", "left behind"]
    assert made.git("diff", "--name-only", "main", done.json["branch"]).split() == [WORKFLOW, "sorted"]
    assert "cannot be added to" in done.json["attempts"][0]["notes"][0]


class Sly:
    """Makes a failing step another one."""

    NAME = "sly"
    CATEGORIES = frozenset(Category)

    def applies(self, diagnosis: Diagnosis, tree: frozenset[str]) -> bool:
        return WORKFLOW in tree and bool(diagnosis.error)

    def propose(self, incident: Incident, tools: Tools) -> Iterator[Candidate]:
        text = tools.read(WORKFLOW).replace("exit 1", "exit 0").encode()
        candidate = tools.candidate([Written(WORKFLOW, text)], "Be sly", rules=("workflow",))
        assert candidate, incident.id
        yield candidate


class Emptying(Sly):
    """Says that it is about all there are rules for, and empties the test."""

    NAME = "emptying"

    def propose(self, incident: Incident, tools: Tools) -> Iterator[Candidate]:
        changes = [Written("test_a.py", b"def test_a():\n    pass\n")]
        candidate = tools.candidate(changes, "Empty it", rules=tuple(RULES))
        assert candidate, incident.id
        yield candidate


def test_no_strategy_is_about_a_test(tmp_path: Path) -> None:
    files = {
        WORKFLOW: workflow(CHECKOUT, "run: python3 -c 'import test_a; test_a.test_a()'"),
        "test_a.py": "def test_a():\n    assert 1 == 2\n",
    }
    tried = try_strategy(Emptying(), files, tmp_path)
    assert (tried.verdict, tried.changed) == ("NOT_FIXED", {})


def test_a_job_that_comes_out_red_behind_a_retired_image_is_no_fix(project: Make) -> None:
    text = "on: push\njobs:\n  a: {runs-on: ubuntu-20.04, steps: [{run: 'true'}]}\n"
    made = project({WORKFLOW: f"{text}  b: {{runs-on: ubuntu-latest, needs: a, steps: [{{run: 'false'}}]}}\n"})
    done = made.here("fix", "--json", env=ALLOWED)
    assert (done.code, done.json["verdict"], done.json["branch"]) == (1, "UNREPLAYABLE", None), done.out
    assert "with it, the job b fails" in advice(done.json)["evidence"][0]


def test_more_than_versions_is_never_applied(tmp_path: Path) -> None:
    settings = {"fix.workflow_files": "true"}
    tried = try_strategy(Sly(), {WORKFLOW: workflow("run: exit 1")}, tmp_path, settings=settings)
    assert (tried.verdict, tried.changed) == ("NOT_FIXED", {})
    assert (
        "more than versions" in advice(tried.report)["evidence"][-1]
        or "no newer version" in advice(tried.report)["evidence"][-1]
    )


class Wrong(Sly):
    """Makes a workflow that GitHub would refuse."""

    def propose(self, incident: Incident, tools: Tools) -> Iterator[Candidate]:
        text = tools.read(WORKFLOW).replace("runs-on: ubuntu-latest", "runs-off: ubuntu-latest").encode()
        candidate = tools.candidate([Written(WORKFLOW, text)], "Be wrong")
        assert candidate, incident.id
        yield candidate


def test_a_suggestion_that_is_no_workflow_is_told_as_such(tmp_path: Path) -> None:
    tried = try_strategy(Wrong(), {WORKFLOW: workflow("run: exit 1")}, tmp_path)
    assert (tried.verdict, advice(tried.report)["verdict"]) == ("NOT_FIXED", None)
    assert "runs-off" in advice(tried.report)["evidence"][0]


def test_a_branch_cannot_allow_itself(project: Make) -> None:
    made = project({WORKFLOW: UPLOADS})
    made.git("switch", "--quiet", "-c", "theirs")
    made.write({".github/regreen.yml": "fix: {workflow_files: true}\n"})
    made.commit("Allow myself")
    assert made.here("fix", "--json").json["verdict"] == "NOT_FIXED"
    made.git("branch", "--force", "main", "theirs")
    assert made.here("fix", "--json").json["verdict"] == "FIXED"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(workflow("run: echo > made", UPLOAD, job="strategy: {matrix: {v: [1, 2]}}"), "each leg of the job job uploads it", id="matrix"),
        pytest.param(workflow("run: echo > made; echo > made2", UPLOAD, UPLOAD.replace("path: made", "path: made2")), "job and job upload it", id="twice"),
    ],
)  # fmt: skip
def test_one_name_for_several_artifacts_is_never_applied(project: Make, text: str, told: str) -> None:
    made = project({WORKFLOW: text})
    done = made.here("fix", "--json", env=ALLOWED).json
    assert (done["verdict"], done["branch"]) == ("NOT_FIXED", None)
    assert any(told in line and "merge-multiple" in line for line in advice(done)["evidence"])
    assert advice(done)["verdict"] != "FIXED"


def test_a_retired_image_is_replaced_and_replayed(project: Make) -> None:
    made = project({WORKFLOW: workflow("run: 'true'", job="runs-on: 'ubuntu-20.04'")})
    done = made.here("fix", "--json")
    assert (done.code, done.json["verdict"], done.json["branch"]) == (1, "UNREPLAYABLE", None)
    told = advice(done.json)
    assert told["verdict"] == "FIXED"
    assert "+    runs-on: 'ubuntu-22.04'" in told["diff"]
    done = made.here("fix", "--json", env=ALLOWED)
    assert (done.code, done.json["verdict"], done.json["grade"], done.json["strategy"]) == (
        0,
        "FIXED",
        "A",
        "switched off",
    )
    assert "runs-on: 'ubuntu-22.04'" in made.git("show", f"{done.json['branch']}:{WORKFLOW}")
    assert [p["verdict"] for p in done.json["parts"]] == ["FIXED"]


def test_what_then_fails_is_not_applied(project: Make) -> None:
    made = project({WORKFLOW: workflow("run: exit 3", job="runs-on: ubuntu-18.04")})
    done = made.here("fix", "--json", env=ALLOWED).json
    assert (done["verdict"], done["branch"]) == ("UNREPLAYABLE", None)
    assert advice(done)["verdict"] == "STILL_FAILING"
    assert "with it, the job job fails in 'Run exit 3'" in advice(done)["evidence"]


def test_an_image_without_the_python_of_the_job_is_not_called_proven(project: Make) -> None:
    """This machine may have a Python that GitHub's image has not."""
    step = "uses: actions/setup-python@v5\nif: github.actor == 'x'\nwith: {python-version: '3.6'}"
    made = project({WORKFLOW: workflow(step, "run: 'true'", job="runs-on: ubuntu-20.04")})
    done = made.here("fix", "--json", env=ALLOWED).json
    assert (done["verdict"], advice(done)["verdict"]) == ("UNREPLAYABLE", None)
    assert "a replay with it is green, which does not show that it is right" in advice(done)["evidence"]
    assert any("no Python 3.6 for this image, 3.7 is the oldest" in line for line in advice(done)["evidence"])


@pytest.mark.parametrize(("label", "new"), [("macos-12", "macos-15-intel"), ("windows-2019", "windows-2022")])
def test_what_cannot_be_replayed_is_marked_unproven(project: Make, label: str, new: str) -> None:
    made = project({WORKFLOW: workflow("run: 'true'", job=f"runs-on: {label}")})
    done = made.here("fix", env=ALLOWED)
    assert "(unproven; nothing was changed)" in done.out
    assert f"+    runs-on: {new}" in done.out
    assert "a replay proves nothing here: " in done.out


def test_a_leg_of_a_matrix_beside_a_failure(project: Make) -> None:
    job = "runs-on: ${{ matrix.os }}\nstrategy:\n  fail-fast: false\n  matrix:\n    os:\n      - ubuntu-20.04  # old\n      - ubuntu-24.04\n"
    made = project({WORKFLOW: workflow("run: case ${{ matrix.os }} in *24.04) exit 1;; esac", job=job)})
    done = made.here("fix", "--json").json
    assert done["verdict"] == "NOT_FIXED"
    assert "+          - ubuntu-22.04  # old" in advice(done)["diff"]
    assert advice(done)["verdict"] == "FIXED", advice(done)["evidence"]


def test_a_reported_failure_that_does_not_happen_here(project: Make, tmp_path: Path) -> None:
    log = "##[error]The version '3.6' with architecture 'x64' was not found for Ubuntu 24.04.\n"
    (tmp_path / "ci.log").write_text(log)
    text = workflow(
        "uses: actions/setup-python@v5\nif: github.actor == 'x'\nwith: {python-version: 3.6}", "run: 'true'"
    )
    done = project({WORKFLOW: text}).here("fix", "--json", "--log", str(tmp_path / "ci.log")).json
    assert (done["verdict"], advice(done)["verdict"]) == ("NOT_REPRODUCED", None)
    assert "{python-version: 3.8}" in advice(done)["diff"]
    assert any("the container python:3.6" in line for line in advice(done)["evidence"])


def test_a_command_that_is_disabled_is_only_suggested(project: Make) -> None:
    made = project(
        {WORKFLOW: workflow("run: |\n  mkdir -p bin\n  echo \"::add-path::$PWD/bin\"\n  echo '::set-env name=A::b'")}
    )
    done = made.here("fix", "--json", env=ALLOWED).json
    assert (done["verdict"], done["branch"]) == ("NOT_FIXED", None), done
    assert '+          echo "$PWD/bin" >> "$GITHUB_PATH"' in advice(done)["diff"]


def edit(text: str, log: str, moment: str = "2026-12-01") -> str:
    """The workflow with what is proposed for a log."""
    found = switched_off.Found()
    given = switched_off.Workflow(text, WORKFLOW, TABLE, datetime.fromisoformat(moment), log)
    return edited(text, given.edits(found))


OLD_CACHE = "0c45773b623bea8c8e75f6c82b208c3cf94ea4f9"
JOB = "jobs:\n  a:\n    runs-on: {}\n    strategy:\n      matrix:\n        {}\n    steps:\n      - uses: actions/setup-python@v5\n        with: {{python-version: '{}'}}\n"


@pytest.mark.parametrize(
    ("before", "log", "after"),
    [
        pytest.param("uses: actions/cache@v2", "a deprecated version of `actions/cache: v2`. Please", "uses: actions/cache@v4", id="as GitHub says it"),
        pytest.param("uses: actions/cache/restore@v2.1.0", "a deprecated version of `actions/cache: v2.1.0`.", "uses: actions/cache/restore@v4", id="in a folder, in full"),
        pytest.param("uses: actions/cache@v2", "a deprecated version of `actions/cache: v1`.", "uses: actions/cache@v2", id="another version"),
        pytest.param("uses: actions/cache@v3", "a deprecated version of `actions/cache: v3`.", "uses: actions/cache@v3", id="not off"),
        pytest.param("uses: actions/cache@v4.0.2", "a deprecated version of `actions/cache: v4.0.2`.", "uses: actions/cache@v4", id="a release of a version that is on"),
        pytest.param(f"uses: actions/cache@{OLD_CACHE}  # v4.0.2", f"a deprecated version of `actions/cache: {OLD_CACHE}`.", "uses: actions/cache@0400d5f644dc74513175e3cd8d07132dd4860809  # v4.0.2", id="pinned"),
        pytest.param("uses: other/cache@v2", "a deprecated version of `actions/cache: v2`.", "uses: other/cache@v2", id="another action"),
        pytest.param("uses: actions/upload-artifact@v3\n      - uses: actions/download-artifact@v2", "deprecated version of `actions/upload-artifact: v3`", "uses: actions/upload-artifact@v4\n      - uses: actions/download-artifact@v4", id="all of a family"),
    ],
)  # fmt: skip
def test_actions(before: str, log: str, after: str) -> None:
    text = "jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - {}\n"
    assert edit(text.format(before), log) == text.format(after)


@pytest.mark.parametrize(
    ("before", "log", "after"),
    [
        pytest.param(("${{ matrix.os }}", "os: [ubuntu-20.04, macos-15]", "3.12"), "runs on ubuntu-20.04, which GitHub has retired", ("${{ matrix.os }}", "os: [ubuntu-22.04, macos-15]", "3.12"), id="matrix"),
        pytest.param(("${{ matrix.os }}", "os: [ubuntu-20.04, ubuntu-22.04]", "3.12"), "ubuntu-20.04, which GitHub has retired", ("${{ matrix.os }}", "os: [ubuntu-24.04, ubuntu-22.04]", "3.12"), id="the nearest that is not there"),
        pytest.param(("${{ matrix.os }}", "os: [ubuntu-22.04, ubuntu-24.04, ubuntu-20.04]", "3.12"), "ubuntu-20.04, which GitHub has retired", ("${{ matrix.os }}", "os: [ubuntu-22.04, ubuntu-24.04]", "3.12"), id="all are there"),
        pytest.param(("${{ matrix.os }}", "include: [{os: macos-13}]", "3.12"), "The macOS-13 environment is deprecated", ("${{ matrix.os }}", "include: [{os: macos-15-intel}]", "3.12"), id="include, as GitHub says it"),
        pytest.param(("${{ matrix.os }}", "os: [macos-12]\n        exclude: [{os: macos-12, v: 1}]", "3.12"), "macos-12, which GitHub has retired", ("${{ matrix.os }}", "os: [macos-15-intel]\n        exclude: [{os: macos-15-intel, v: 1}]", "3.12"), id="exclude"),
        pytest.param(("ubuntu-latest", "note: [ubuntu-20.04]", "3.12"), "ubuntu-20.04, which GitHub has retired", ("ubuntu-latest", "note: [ubuntu-20.04]", "3.12"), id="no runner"),
        pytest.param(("ubuntu-latest", "v: [1]", "3.6"), "Python 3.6 is not installed here", ("ubuntu-latest", "v: [1]", "3.8"), id="Python"),
        pytest.param(("ubuntu-22.04", "v: [1]", "2.7"), "version '2.7' with architecture 'x64' was not found", ("ubuntu-22.04", "v: [1]", "3.7"), id="Python of an older image"),
        pytest.param(("ubuntu-latest", "py: ['3.6', '3.9']", "${{ matrix.py }}"), "Python 3.6 is not installed here", ("ubuntu-latest", "py: ['3.8', '3.9']", "${{ matrix.py }}"), id="Python in a matrix"),
        pytest.param(("ubuntu-latest", "py:\n          - '3.6'\n          - '3.8'", "${{ matrix.py }}"), "Python 3.6 is not installed here", ("ubuntu-latest", "py:\n          - '3.8'", "${{ matrix.py }}"), id="its successor is there"),
        pytest.param(("ubuntu-latest", "py: [3.9, 3.10]", "${{ matrix.py }}"), "Python 3.1 is not installed here", ("ubuntu-latest", "py: [3.9, '3.10']", "${{ matrix.py }}"), id="a number"),
        pytest.param(("ubuntu-latest", "py: ['3.10', 3.1]", "${{ matrix.py }}"), "Python 3.1 is not installed here", ("ubuntu-latest", "py: ['3.10', 3.8]", "${{ matrix.py }}"), id="no number"),
        pytest.param(("windows-2022", "v: [1]", "3.6"), "Python 3.6 is not installed here", ("windows-2022", "v: [1]", "3.6"), id="Windows has it"),
        pytest.param(("ubuntu-latest", "v: [1]", "3.9"), "Python 3.9 is not installed here", ("ubuntu-latest", "v: [1]", "3.9"), id="GitHub has it"),
        pytest.param(("ubuntu-latest", "v: [1]", ">=3.6"), "Python 3.6 is not installed here", ("ubuntu-latest", "v: [1]", ">=3.6"), id="a range"),
    ],
)  # fmt: skip
def test_images_and_pythons(before: tuple[str, ...], log: str, after: tuple[str, ...]) -> None:
    assert edit(JOB.format(*before), log) == JOB.format(*after)


def test_what_was_not_off_then_stays() -> None:
    text = JOB.format("ubuntu-20.04", "v: [1]", "3.12")
    assert edit(text, "ubuntu-20.04, which GitHub has retired", "2025-04-15") == text


@pytest.mark.parametrize(
    ("log", "applies"),
    [
        ("##[error]This request has been automatically failed because it uses a deprecated version of `actions/upload-artifact: v3`. Learn more", True),
        ("##[error]The version '3.6' with architecture 'x64' was not found for Ubuntu 24.04.", True),
        ("FAILED tests/test_x.py::test_y - assert 1 == 2", False),
    ],
)  # fmt: skip
def test_it_is_asked_only_for_what_a_log_says(log: str, applies: bool) -> None:
    found: Diagnosis = diagnose([log.encode()])
    assert switched_off.applies(found, frozenset({WORKFLOW})) is applies
    assert not switched_off.applies(found, frozenset({"a.py"}))


def test_a_suggestion_for_which_no_time_is_left_is_unproven(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict on the rest stays what it is."""
    replayed = Replays.run

    def run(self: Replays, commit: str, **kwargs: Any) -> Any:
        if commit != self.snapshot.commit:
            raise OutOfBudget("the 0.1 minutes are over")
        return replayed(self, commit, **kwargs)

    monkeypatch.setattr(Replays, "run", run)
    text = workflow("run: exit 3") + "  old:\n    runs-on: ubuntu-20.04\n    steps: [{run: 'true'}]\n"
    done = project({WORKFLOW: text}).here("fix", "--json").json
    assert (done["verdict"], advice(done)["verdict"]) == ("NOT_FIXED", None)
    assert advice(done)["evidence"][0] == "not replayed: the 0.1 minutes are over"
    assert [p["job"] for p in done["parts"]] == ["job"]
