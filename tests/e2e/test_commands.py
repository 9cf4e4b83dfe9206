"""The commands beside `fix`, as people and machines use them."""

import json
import os
import pty
import signal
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from bot.model import Stage
from tests.projects import CHECKOUT, WORKFLOW, Make, Project, here, regreen, workflow
from tests.state.helpers import FakeClock, incident, opened

STALE = {
    WORKFLOW: workflow(CHECKOUT, "run: cp source copy", "run: git diff --exit-code"),
    "source": "new\n",
    "copy": "old\n",
}


@pytest.fixture
def stale(project: Make) -> Project:
    """A project that one run of `regreen fix` fixes."""
    return project(STALE)


def test_replay_as_json(project: Make) -> None:
    made = project({WORKFLOW: workflow("run: 'true'", "{name: Red, id: red, run: exit 3}", "run: 'true'",
                                       job="strategy: {matrix: {v: [1]}}")})  # fmt: skip
    done = made.regreen("replay", "--json")
    assert done.code == 1
    assert {"result", "reason", "jobs", "log"} <= set(done.json)
    (job,) = done.json["jobs"]
    assert (job["id"], job["name"], job["matrix"], job["result"]) == ("job", "job (1)", {"v": 1}, "failure")
    assert [(s["name"], s["id"], s["result"]) for s in job["steps"]] == [
        ("Run true", "0", "success"), ("Red", "red", "failure"), ("Run true", "2", "skipped"),
    ]  # fmt: skip
    assert all(s["seconds"] >= 0 for s in job["steps"])
    assert "exit code 3" in Path(done.json["log"]).read_text()


def test_replay_in_words(project: Make) -> None:
    made = project({WORKFLOW: workflow("{name: Red, run: exit 3, continue-on-error: true}")})
    done = made.regreen("replay")
    assert done.code == 0
    assert "✗ Red" in done.out
    assert "(its job goes on)" in done.out
    assert "success in" in done.out
    assert "replayed code has no network" in done.err


def test_unreplayable_has_an_exit_code_of_its_own(project: Make) -> None:
    done = project({WORKFLOW: workflow("run: 'true'", job="runs-on: windows-latest")}).regreen("replay", "--json")
    assert (done.code, done.json["result"]) == (3, "unreplayable")
    assert "windows-latest" in done.json["reason"]


def test_status_and_show(stale: Project) -> None:
    assert stale.here("status").out.strip() == "no incidents"
    assert stale.here("status", "--json").json == []
    fixed = stale.here("fix", "--json").json
    assert stale.here("status", "--json").json == [fixed]
    listed = stale.here("status").out
    assert fixed["incident"] in listed
    assert "FIXED" in listed
    shown = stale.here("show", fixed["incident"]).out
    assert f"the fix is on the branch {fixed['branch']}" in shown
    assert "grade A: every leg of the workflow was replayed and is green" in shown
    assert "copy | +1 -1" in shown
    assert "1 failure 1 success" in " ".join(shown.split())
    assert f"git switch {fixed['branch']} && regreen replay --network none" in shown
    whole = stale.here("show", fixed["incident"], "--json").json
    assert (whole["schema_version"], whole["stage"], whole["verdict"]) == (1, "closed", "FIXED")


def test_what_is_not_fixed_is_explained(project: Make) -> None:
    made = project({WORKFLOW: workflow("run: |\n  echo 'FAILED tests/test_a.py::test_b - assert 1 == 2'\n  exit 1")})
    done = made.regreen("fix")
    assert done.code == 1
    assert "job: NOT_FIXED  no strategy has a candidate for it" in done.out
    assert "failing tests: tests/test_a.py::test_b" in done.out
    assert "##[error]Process completed with exit code 1." in done.out


def test_doctor(stale: Project, tmp_path: Path) -> None:
    done = stale.regreen("doctor", "--json")
    assert done.code == 0
    assert {c["name"] for c in done.json} >= {"git", "sandbox", "act", "checkout", "python", "node"}
    assert all(c["ok"] for c in done.json if c["needed"])
    told = stale.regreen("doctor").out
    assert f"✓ checkout: {stale.root}" in told
    assert "? container engine: no engine answers at" in told
    outside = regreen("doctor", cwd=tmp_path)
    assert (outside.code, "? checkout" in outside.out) == (0, True)


def test_doctor_says_how_to_get_what_is_missing(stale: Project, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("regreen", "env", "python3"):
        found = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
        (tmp_path / "bin" / name).symlink_to(found)
    done = stale.regreen("doctor", env={"PATH": str(tmp_path / "bin")})
    assert done.code == 3
    assert "✗ git: git is not installed (install git" in done.out


def test_config_show_says_where_each_value_is_from(project: Make) -> None:
    made = project({WORKFLOW: workflow("run: 'true'"), ".github/regreen.yml": "fix:\n  max_rounds: 3\n"})
    shown = made.here("config", "show", "--json").json
    assert shown["fix.max_rounds"] == {"value": 3, "source": ".github/regreen.yml"}
    assert shown["replay.network"] == {"value": "none", "source": "REGREEN_REPLAY_NETWORK"}
    assert shown["scope.max_files"] == {"value": 10, "source": "default"}
    assert "fix.max_rounds" in made.here("config", "show").out


@pytest.mark.parametrize(
    ("file", "env"), [(".github/regreen.yml", {}), ("ci/bot.yml", {"REGREEN_CONFIG": "ci/bot.yml"})]
)
def test_the_configuration_of_the_branch_under_repair_does_not_count(
    project: Make, file: str, env: dict[str, str]
) -> None:
    made = project({WORKFLOW: workflow("run: 'true'"), file: "scope:\n  max_lines: 8\n"})
    made.git("switch", "--quiet", "-c", "feature")
    made.write({file: "scope:\n  max_files: 9999\n"})
    made.commit("Widen the scope")
    shown = made.here("config", "show", "--json", env=env).json
    assert shown["scope.max_files"]["value"] == 10
    assert shown["scope.max_lines"] == {"value": 8, "source": file}


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("fix:\n  max_rounds: 3\n", 0, "valid"),
        ("", 0, "valid"),
        ("fix:\n  max_rounds: many\n", 2, "regreen.yml:2: fix.max_rounds"),
        ("fix:\n  max_round: 3\n", 2, "regreen.yml:2: fix.max_round"),
        ("fix: [\n", 2, "regreen.yml:2:1: not valid YAML"),
        ("- a\n", 2, "regreen.yml:1"),
    ],
)
def test_config_validate(tmp_path: Path, text: str, code: int, told: str) -> None:
    (tmp_path / "regreen.yml").write_text(text)
    done = here("config", "validate", "regreen.yml", cwd=tmp_path)
    assert (done.code, told in done.out + done.err) == (code, True), done


def test_diagnose_in_words(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("FAILED tests/test_a.py::test_b - assert 1 == 2\n= 1 failed, 2 passed in 0.1s =\n")
    done = here("diagnose", "--log", "log", cwd=tmp_path)
    assert done.code == 0
    assert "test_assertion" in done.out
    assert "tests: 3 run, 1 failed, 0 skipped" in done.out
    assert "failed: tests/test_a.py::test_b" in done.out


def test_logs_that_failed_alike_are_told_once(tmp_path: Path) -> None:
    for leg in ("3.11", "3.12"):
        text = f"/tmp/py{leg}/x\nFAILED tests/test_a.py::test_a - assert 1 == 2\n1 failed in {leg}s\n"
        (tmp_path / leg).write_text(text)
    (tmp_path / "lint").write_text("src/a.py:1:2: F401 `os` imported but unused\n")
    done = here("diagnose", "--log", "3.11", "--log", "3.12", "--log", "lint", cwd=tmp_path)
    assert "2 of 3 logs: 3.11, 3.12" in done.out
    assert "1 of 3 logs: lint" in done.out
    assert done.out.count("test_a.py::test_a - assert") == 2  # the cause and the excerpt


def test_a_log_that_comes_through_a_pipe_is_read_once(tmp_path: Path) -> None:
    log = b"FAILED tests/test_a.py::test_b - assert 1 == 2\n= 1 failed, 2 passed in 0.1s =\n"
    done = regreen("diagnose", "--log", "/dev/stdin", cwd=tmp_path, stdin=log)
    assert "failed: tests/test_a.py::test_b" in done.out


def test_the_jobs_of_a_run_s_zip_that_failed_alike_are_told_once(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "run.zip", "w") as run:
        run.writestr("test (3.10)/1_test.txt", "working\n##[error]The operation was canceled.\n")
        for leg in ("3.11", "3.12"):
            text = f"/tmp/py{leg}/x\nFAILED tests/test_a.py::test_a - assert 1 == 2\n##[error]exit code 1.\n"
            run.writestr(f"test ({leg})/1_test.txt", text)
        run.writestr("docs/1_build.txt", "fine\n")
        run.writestr("lint/1_lint.txt", "src/a.py:1:2: F401 `os` imported but unused\n##[error]exit code 1.\n")
    done = here("diagnose", "--log", "run.zip", cwd=tmp_path)
    assert "2 of 3 logs: run.zip: test (3.11), run.zip: test (3.12)" in done.out
    assert "1 of 3 logs: run.zip: lint" in done.out
    told = here("diagnose", "--log", "run.zip", "--json", cwd=tmp_path).json
    assert [job["job"] for job in told["jobs"]] == ["test (3.11)", "test (3.12)", "lint"]
    assert told["fingerprint"] == told["jobs"][0]["fingerprint"] == told["jobs"][1]["fingerprint"]


def test_resuming_asks_for_the_secrets_of_the_incident(project: Make) -> None:
    made = project({WORKFLOW: workflow("run: exit 1")})
    found = made.here("fix", "--secret", "KEY", "--json", env={"KEY": "hush-hush-hush"}).json
    assert "hush-hush-hush" not in made.git("cat-file", "--batch-all-objects", "--batch", "--buffer")
    done = made.here("resume", found["incident"])
    assert (done.code, "with the secret KEY" in done.err) == (2, True)
    assert made.here("resume", found["incident"], "--secret", "KEY", env={"KEY": "hush-hush-hush"}).code == 1


def test_resuming_on_a_checkout_that_has_changed(stale: Project) -> None:
    killed = [sys.executable, str(Path(__file__).with_name("killed.py")), "2", "fix"]
    subprocess.run(killed, cwd=stale.root, env={**os.environ, "PYTHONPATH": str(Path.cwd())}, check=False)
    (found,) = stale.here("status", "--json").json
    stale.write({"source": "newer\n"})
    done = stale.here("resume", found["incident"])
    assert (done.code, "the checkout has changed since" in done.err) == (2, True)


def test_strangers_text_is_inert(project: Make) -> None:
    name = "\x1b]0;owned\x07\x1b[2J[bold]x[/] \u202e"
    made = project({WORKFLOW: workflow(json.dumps({"name": name, "run": "printf '\\033[31mred\\033[2J'; exit 1"}))})
    for command in (("replay",), ("fix",)):
        done = made.here(*command)
        assert "[bold]x[/]" in done.out
        assert not [c for c in done.out + done.err if c in "\x1b\x07\u202e"]


def test_progress_on_a_terminal(stale: Project) -> None:
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        ["regreen", "fix"], cwd=stale.root, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm-256color"}
    )
    os.close(theirs)
    seen = b""
    while chunk := _read(ours):
        seen += chunk
    os.close(ours)
    assert done.wait() == 0
    for told in ("Run git diff --exit-code", "replaying the workflow as it is", "FIXED", "\x1b[?25l", "\x1b[?25h"):
        assert told.encode() in seen


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""


def test_ctrl_c_in_a_replay(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # a Ctrl-C in its code would leave its lock taken
    made = project({WORKFLOW: workflow("run: sleep 4747")})
    child = subprocess.Popen(["regreen", "replay"], cwd=made.root, stderr=subprocess.PIPE)
    while not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "4747"]]:
        assert child.poll() is None
    child.send_signal(signal.SIGINT)
    _, err = child.communicate()
    assert (child.returncode, err.decode().splitlines()[-1]) == (130, "regreen: interrupted")
    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "4747"]]


def test_what_is_older_than_the_retention_goes_when_a_fix_ends(project: Make) -> None:
    made = project({WORKFLOW: workflow("run: true")})
    clock = FakeClock()
    clock.time = datetime.now(UTC) - timedelta(days=181)
    old = opened(made.root, clock=clock).save(incident(stage=Stage.CLOSED))
    clock.time += timedelta(days=2)
    young = opened(made.root, clock=clock).save(incident(2, stage=Stage.CLOSED))
    here = made.here("fix", "--json").json
    assert {row["incident"] for row in made.here("status", "--json").json} == {young.id, here["incident"]}
    assert opened(made.root).load(old.id) is None
    assert made.git("rev-list", "--count", "regreen/state").strip() == "1"  # the history that held it
