"""What the inputs of the Action do, and how it says what is wrong with them."""

import json
from pathlib import Path

import pytest

from tests.hub import Hub
from tests.projects import WORKFLOW, regreen, workflow


@pytest.fixture
def environ(hub: Hub, tmp_path: Path, own_cache: Path) -> dict[str, str]:
    """The environment of a run of the Action for a red run of CI."""
    one = hub.repository("octo/app", {WORKFLOW: workflow("run: exit 1")})
    run = hub.add_run(one, "##[error]Process completed with exit code 1.\n")
    told = json.loads(hub.client(hub.token("octo")).get(f"/repos/octo/app/actions/runs/{run.id}").text)
    whole = {"action": "completed", "workflow_run": told, "workflow": None, "repository": told["repository"]}
    (tmp_path / "event.json").write_text(json.dumps({**whole, "sender": told["actor"]}))
    hub.forget_requests()
    return {
        "GITHUB_TOKEN": hub.token("octo"),
        "GITHUB_API_URL": hub.url,
        "GITHUB_REPOSITORY": "octo/app",
        "GITHUB_EVENT_NAME": "workflow_run",
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "RUNNER_TEMP": str(tmp_path),
    }


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("REGREEN_COMMAND", "fix", "command: 'fix' is not auto or sweep (it is an input of the Action)"),
        ("REGREEN_DRY_RUN", "True", "dry-run: 'True' is not false or true"),
        ("REGREEN_PROPOSAL_MODE", "push!", "proposal.mode: "),
    ],
)
def test_a_wrong_input_is_named_and_stands_in_the_summary(
    hub: Hub, environ: dict[str, str], tmp_path: Path, name: str, value: str, told: str
) -> None:
    done = regreen("action", cwd=tmp_path, env={**environ, name: value})
    assert done.code == 2
    assert told in done.err
    assert told in (tmp_path / "summary").read_text().replace("\\", "")
    assert hub.writes() == 0


def test_a_dry_run_says_what_would_be_done_and_does_nothing(hub: Hub, environ: dict[str, str], tmp_path: Path) -> None:
    refs = hub.repositories["octo/app"].git.refs()
    done = regreen("action", cwd=tmp_path, env={**environ, "REGREEN_DRY_RUN": "true"})
    assert done.code == 0, done.err
    assert "dry run; what would be done: Open(run=" in done.err
    assert (hub.writes(), hub.repositories["octo/app"].git.refs()) == (0, refs)
    assert "conclusion=neutral\n" in (tmp_path / "output").read_text()


def test_a_sweep_looks_at_what_waits_whatever_the_event(environ: dict[str, str], tmp_path: Path) -> None:
    done = regreen("action", cwd=tmp_path, env={**environ, "REGREEN_COMMAND": "sweep"})
    assert (done.code, done.err) == (0, "nothing waits\n")


def test_empty_inputs_mean_what_is_usual(environ: dict[str, str], tmp_path: Path) -> None:
    event = Path(environ["GITHUB_EVENT_PATH"])
    event.write_text(event.read_text().replace('"failure"', '"success"'))
    done = regreen("action", cwd=tmp_path, env={**environ, "REGREEN_COMMAND": "", "REGREEN_DRY_RUN": ""})
    assert (done.code, done.err) == (0, "the run is green\n")


ELSEWHERE = "ci/regreen.yml"
WRONG = "proposal:\n  mode: {}\n"


@pytest.mark.parametrize("name", [ELSEWHERE, f"./{ELSEWHERE}"])
def test_the_settings_of_another_file_are_those_of_the_default_branch(
    hub: Hub, environ: dict[str, str], tmp_path: Path, name: str
) -> None:
    one = hub.repositories["octo/app"]
    hub.push(one, {ELSEWHERE: WRONG.format("there"), ".github/regreen.yml": WRONG.format("usual")})
    hub.push(one, {ELSEWHERE: WRONG.format("branch")}, branch="feature")
    done = regreen("action", cwd=tmp_path, env={**environ, "REGREEN_CONFIG": name})
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"{ELSEWHERE}:2: proposal.mode: invalid enum value 'there'" in done.err


@pytest.mark.parametrize("name", ["ci/none.yml", ".github", "../regreen.yml", "/etc/hostname", "--format=x", "ci/\x1b"])
def test_settings_that_are_not_there_are_named(environ: dict[str, str], tmp_path: Path, name: str) -> None:
    done = regreen("action", cwd=tmp_path, env={**environ, "REGREEN_CONFIG": name})
    assert (done.code, done.err.count("\n"), "\x1b" in done.err) == (2, 1, False)
    assert f"{name!r}: there is no such file on main" in done.err


def test_another_file_may_name_no_folders_of_the_machine_either(
    hub: Hub, environ: dict[str, str], tmp_path: Path
) -> None:
    folders = 'replay: {local_actions: {"octo/x@v1": /etc}}\n'
    hub.push(hub.repositories["octo/app"], {ELSEWHERE: folders})
    done = regreen("action", cwd=tmp_path, env={**environ, "REGREEN_CONFIG": ELSEWHERE})
    assert done.code == 2
    assert f"{ELSEWHERE}: replay.local_actions: folders are taken from the environment only" in done.err
