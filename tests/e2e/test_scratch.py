"""`regreen replay --backend github`: a commit on a scratch branch, whose real CI is followed to its end."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.adapters.system_clock import SystemClock
from tests.e2e.desk import STALE, Desk, hastily
from tests.e2e.hasty import be_hasty
from tests.projects import Done


@pytest.fixture
def checkout(desk: Desk, tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(desk.one.git.path), str(folder)], check=True)
    return folder


def replay(desk: Desk, checkout: Path, *args: str) -> Done:
    settings = {"GITHUB_TOKEN": desk.token, "GITHUB_API_URL": desk.hub.url}
    given = ("replay", "--backend", "github", "--repository", "octo/app", "--json", *args)

    def be_hasty_while_runs_run(put: Callable[[type, str, object], None], ahead: float) -> None:
        be_hasty(put, ahead)
        passing = SystemClock.sleep

        def sleep(clock: SystemClock, seconds: float) -> None:
            desk.hub.settle()
            passing(clock, seconds)

        put(SystemClock, "sleep", sleep)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.e2e.desk.be_hasty", be_hasty_while_runs_run)
        return hastily(*given, cwd=checkout, env=settings)


def branches(desk: Desk) -> list[str]:
    return [ref for ref in desk.one.git.refs() if ref.startswith("refs/heads/regreen/")]


def test_what_is_not_committed_runs_on_github_and_leaves_no_branch(desk: Desk, checkout: Path) -> None:
    done = replay(desk, checkout)
    assert (done.code, done.json["result"]) == (0, "success"), done.err
    (checkout / "copy").write_text(STALE["copy"])
    done = replay(desk, checkout)
    assert (done.code, done.json["result"]) == (1, "failure"), done.err
    [job] = done.json["jobs"]
    assert (job["name"], job["workflow"]) == ("job", ".github/workflows/ci.yml")
    assert "copy" in done.out
    assert replay(desk, checkout, "--committed").code == 0
    assert branches(desk) == []
    assert len(desk.one.runs) == 3


def test_a_push_that_starts_nothing_is_no_green(desk: Desk, checkout: Path) -> None:
    desk.token = desk.hub.job_token(desk.one, {"contents": "write", "actions": "write"})
    done = replay(desk, checkout)
    assert (done.code, done.json["result"]) == (3, "unreplayable")
    assert "no run began for the scratch branch" in done.json["reason"]
    assert branches(desk) == []


def test_what_a_real_run_cannot_be_told_is_refused(desk: Desk, checkout: Path) -> None:
    done = replay(desk, checkout, "--job", "job")
    assert done.code == 2
    assert "takes no jobs" in done.err
    assert len(desk.one.runs) == 0
