"""The scripts of action.yml alone, on machines as runners can be."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.yaml12 import load
from tests.conftest import ROOT, WHEELS

STEPS: list[dict[str, Any]] = load((ROOT / "action.yml").read_bytes(), "action.yml")["runs"]["steps"]
RESTRICTED = "kernel.apparmor_restrict_unprivileged_userns"


@dataclass
class Runner:
    """A machine: programs of its own stand before the others in PATH."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    def program(self, name: str, script: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def run(self, step: str) -> subprocess.CompletedProcess[str]:
        """Run a step as GitHub runs `shell: bash`."""
        script = next(s["run"] for s in STEPS if s.get("id") == step)
        env = {
            "PATH": f"{self.root}:{os.environ['PATH']}",
            "RUNNER_OS": "Linux",
            "RUNNER_ARCH": "X64",
            "RUNNER_TEMP": str(self.root),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(self.root / "output"),
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(
            command, env=env | self.environ, cwd=self.root, capture_output=True, text=True, check=False
        )


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A machine whose user namespaces are not restricted, where nobody may become root."""
    made = Runner(tmp_path / "runner")
    made.program("sysctl", "echo 0")
    made.program("sudo", "exit 1")
    return made


def test_the_key_of_the_cache_names_what_the_downloads_are_for(runner: Runner) -> None:
    done = runner.run("machine")
    assert (done.returncode, done.stdout) == (0, "")
    first = (runner.root / "output").read_text()
    assert first.startswith("key=regreen-Linux-X64-3.")
    runner.program("python3", 'case "$*" in *print*) echo 3.99;; esac')
    runner.run("machine")
    assert (runner.root / "output").read_text().removeprefix(first).startswith("key=regreen-Linux-X64-3.99-")


def test_other_systems_are_told_in_a_line(runner: Runner) -> None:
    runner.environ["RUNNER_OS"] = "macOS"
    done = runner.run("machine")
    assert done.returncode == 1
    assert done.stdout == "::error title=Regreen::replays need Linux, this is macOS (use runs-on: ubuntu-24.04)\n"


@pytest.mark.parametrize("python", ["exit 1", "exit 127"], ids=["old", "none"])
def test_a_python_that_is_too_old_is_told_in_a_line(runner: Runner, python: str) -> None:
    runner.program("python3", python)
    done = runner.run("machine")
    assert done.returncode == 1
    assert done.stdout.startswith("::error title=Regreen::there is no python3 of version 3.11 or newer (use ")
    assert done.stderr == ""


def test_restricted_namespaces_are_allowed_where_the_job_may(runner: Runner) -> None:
    runner.program("sysctl", "echo 1")
    runner.program("sudo", f'printf "%s " "$@" > {runner.root}/asked')
    done = runner.run("machine")
    assert (done.returncode, done.stdout) == (0, "")
    assert (runner.root / "asked").read_text() == f"-n sysctl -qw {RESTRICTED}=0 "


@pytest.mark.parametrize("stage", ["analyse", "publish"])
def test_stages_that_replay_nothing_allow_nothing(runner: Runner, stage: str) -> None:
    runner.program("sysctl", "echo 1")
    runner.program("sudo", f"touch {runner.root}/asked")
    runner.environ["STAGE"] = stage
    assert (runner.run("machine").stdout, (runner.root / "asked").exists()) == ("", False)


def test_where_it_may_not_it_says_what_to_do(runner: Runner) -> None:
    runner.program("sysctl", "echo 1")
    done = runner.run("machine")
    assert done.returncode == 0
    assert done.stdout.startswith("::warning title=Regreen::the sandbox cannot run here")
    assert f"sudo sysctl {RESTRICTED}=0" in done.stdout


@pytest.mark.parametrize("sysctl", ["echo 0", "exit 255"], ids=["off", "unknown"])
def test_where_nothing_is_restricted_nobody_becomes_root(runner: Runner, sysctl: str) -> None:
    runner.program("sysctl", sysctl)
    runner.program("sudo", f"touch {runner.root}/asked")
    assert runner.run("machine").stdout == ""
    assert not (runner.root / "asked").exists()


def test_inputs_become_settings(runner: Runner) -> None:
    runner.program("regreen/venv/bin/python", f'[ "$2" = -c ] && exec python3 "$@"; env -0 > {runner.root}/env')
    runner.environ |= {"MODE": "suggest", "MAX_COST_USD": "0.5", "PREFER": "speed"}
    runner.environ |= {"ALLOWED_BOTS": 'renovate[bot], dependabot[bot]\nx:" #y'}
    assert runner.run("regreen").returncode == 0
    told = dict(line.split("=", 1) for line in (runner.root / "env").read_text().split("\0") if line)
    assert told["REGREEN_PROPOSAL_MODE"] == "suggest"
    assert (told["REGREEN_LLM_MAX_USD_INCIDENT"], told["REGREEN_LLM_PREFER"]) == ("0.5", "speed")
    assert json.loads(told["REGREEN_COMMANDS_ALLOWED_BOTS"]) == ["renovate[bot]", "dependabot[bot]", 'x:"', "#y"]


def test_empty_inputs_leave_the_settings_alone(runner: Runner) -> None:
    runner.program("regreen/venv/bin/python", f"env > {runner.root}/env")
    runner.environ |= {"MODE": "", "ALLOWED_BOTS": "", "MAX_COST_USD": "", "PREFER": ""}
    assert runner.run("regreen").returncode == 0
    assert "REGREEN_" not in (runner.root / "env").read_text()


def test_what_is_printed_gives_no_commands_to_the_runner(runner: Runner) -> None:
    runner.program("regreen/venv/bin/python", "echo '::add-path::/tmp/evil'; exit 3")
    runner.environ |= {"MODE": "", "ALLOWED_BOTS": ""}
    done, again = runner.run("regreen"), runner.run("regreen")
    assert done.returncode == 3
    stop, evil, resume = done.stdout.splitlines()
    assert evil == "::add-path::/tmp/evil"
    token = stop.removeprefix("::stop-commands::")
    assert len(token) >= 32
    assert resume == f"::{token}::"
    assert token not in again.stdout  # nobody can know it before


def test_nothing_is_imported_from_the_workspace(runner: Runner) -> None:
    for name in ("sys.py", "sysconfig.py", "json.py", "platform.py", "bot.py"):
        runner.root.mkdir(exist_ok=True)
        (runner.root / name).write_text(f"open({str(runner.root / 'imported')!r}, 'w')")
    runner.program("regreen/venv/bin/python", 'exec python3 "$@"')
    runner.environ |= {"MODE": "", "ALLOWED_BOTS": "x", "PYTHONPATH": str(runner.root)}
    runner.run("machine")
    runner.run("regreen")
    assert not (runner.root / "imported").exists()


@pytest.fixture
def cached(runner: Runner, tmp_path: Path) -> Path:
    """The one download that the Action needs here, as the cache has brought it."""
    (wheel,) = WHEELS.glob("click-*.whl")
    listed = re.search(r"^click==(?:.*\\\n)+.*\n", (ROOT / "requirements" / "base.txt").read_text(), re.MULTILINE)
    assert listed
    (tmp_path / "action" / "requirements").mkdir(parents=True)
    (tmp_path / "action" / "requirements" / "base.txt").write_text(listed[0])
    runner.environ |= {"GITHUB_ACTION_PATH": str(tmp_path / "action"), "CACHED": "true"}
    (runner.root / "regreen" / "wheels").mkdir(parents=True)
    return Path(shutil.copy(wheel, runner.root / "regreen" / "wheels"))


def test_cached_downloads_are_enough_and_the_action_is_used_as_it_lies_there(runner: Runner, cached: Path) -> None:
    assert runner.run("install").returncode == 0
    (runner.root.parent / "action" / "bot.py").write_text("import click; print(click.__file__, __file__)")
    done = subprocess.run([runner.root / "regreen/venv/bin/python", "-I", "-m", "bot"], capture_output=True, text=True)
    assert done.stdout.split()[1:] == [str(runner.root.parent / "action" / "bot.py")], done.stderr
    assert done.stdout.startswith(str(runner.root / "regreen/venv/lib/"))


def test_a_cached_download_that_was_changed_is_refused(runner: Runner, cached: Path) -> None:
    cached.write_bytes(cached.read_bytes() + b"\n")
    done = runner.run("install")
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_what_has_no_hash_is_not_installed(runner: Runner, cached: Path) -> None:
    listed = runner.root.parent / "action" / "requirements" / "base.txt"
    listed.write_text(listed.read_text().partition(" ")[0] + "\n")
    done = runner.run("install")
    assert done.returncode != 0
    assert "Hashes are required in --require-hashes mode" in done.stderr
