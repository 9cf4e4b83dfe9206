"""Killed at any checkpoint and resumed, an incident ends as if it had never been interrupted."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.projects import WORKFLOW, Make, Project, workflow

STEPS = ("uses: actions/checkout@v4", "run: cp source copy", "run: git diff --exit-code")
BOUNDARIES = range(1, 12)
PROPOSED = "8"  # the save behind which a fix is kept and not yet delivered
KILLED = Path(__file__).with_name("killed.py")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(
        tmp_path_factory.mktemp("template") / "project",
        {WORKFLOW: workflow(*STEPS), "source": "new\n", "copy": "old\n"},
    )


@pytest.fixture
def copy(template: Project, tmp_path: Path) -> Project:
    shutil.copytree(template.root, tmp_path / "project")
    return Project(tmp_path / "project")


def told(project: Project) -> dict[str, Any]:
    """What an incident came to, without what may differ between two runs."""
    (found,) = project.here("status", "--json").json
    whole = project.here("show", found["incident"], "--json").json
    for attempt in whole["attempts"]:
        attempt.pop("seconds")
    kept = ("id", "stage", "verdict", "grade", "reason", "effects", "proposal", "attempts", "lease")
    return {k: whole[k] for k in kept} | {"refs": project.git("for-each-ref", "refs/heads/regreen/*-*")}


@pytest.fixture(scope="module")
def uninterrupted(template: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("uninterrupted") / "project"
    shutil.copytree(template.root, root)
    project = Project(root)
    assert project.here("fix", "--json").json["verdict"] == "FIXED"
    return told(project)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_killed_and_resumed(copy: Project, uninterrupted: dict[str, Any], boundary: int) -> None:
    command = [sys.executable, str(KILLED), str(boundary), "fix", "--json"]
    done = subprocess.run(
        command, cwd=copy.root, capture_output=True, check=False, env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    copy.git("fsck", "--strict")
    (found,) = copy.here("status", "--json").json
    resumed = copy.here("resume", found["incident"], "--json")
    assert resumed.code == 0, resumed.err
    assert told(copy) == uninterrupted
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(copy.root) in " ".join(p.info["cmdline"] or [])]


@pytest.fixture
def leaky(project: Make) -> Project:
    """A project whose fix touches a file that holds what looks like a secret."""
    token = "AKIA" + "Z7Q2M4K6P3R5T7V2"
    return project({WORKFLOW: workflow(*STEPS), "source": f"{token}\nnew\n", "copy": f"{token}\nold\n"})


def test_a_patch_is_whole_where_its_record_is_redacted(leaky: Project, tmp_path: Path) -> None:
    found = leaky.here("fix", "--json", "--patch", str(tmp_path / "fix.patch")).json
    assert found["verdict"] == "FIXED"
    assert "AKIA" not in found["diff"]
    leaky.git("apply", "--check", str(tmp_path / "fix.patch"))


def test_what_was_redacted_is_not_delivered_by_another_process(leaky: Project) -> None:
    command = [sys.executable, str(KILLED), PROPOSED, "fix", "--json"]
    environ = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(command, cwd=leaky.root, capture_output=True, check=False, env=environ)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (found,) = leaky.here("status", "--json").json
    resumed = leaky.here("resume", found["incident"])
    assert resumed.code == 2
    assert f"the fix of incident {found['incident']} holds what looks like a secret" in resumed.err
    assert leaky.here("fix").code == 0


def test_resuming_what_is_done_changes_nothing(copy: Project) -> None:
    done = copy.here("fix", "--json").json
    before = told(copy)
    assert copy.here("resume", done["incident"], "--json").code == 0
    assert told(copy) == before


@pytest.mark.parametrize(
    ("seconds", "step"),  # by the seconds each finds its own, as both may run at the same time
    [
        pytest.param("4646", "sleep 4646", id="in a step"),
        pytest.param(
            "4747", "test ! -e once || sleep 4747; touch once; echo 'FAILED a.py::test_b'; exit 1", id="in its rerun"
        ),
    ],
)
def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(
    copy: Project, monkeypatch: pytest.MonkeyPatch, seconds: str, step: str
) -> None:
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # a Ctrl-C in its code would leave its lock taken
    copy.write({WORKFLOW: workflow(f"run: |\n  {step}")})
    child = subprocess.Popen(["regreen", "fix"], cwd=copy.root, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    while not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", seconds]]:
        assert child.poll() is None
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 130
    (found,) = copy.here("status", "--json").json
    assert f"regreen resume {found['incident']}" in err.decode()
    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", seconds]]


def test_two_workers_on_one_incident_have_one_effect(copy: Project, uninterrupted: dict[str, Any]) -> None:
    children = [
        subprocess.Popen(["regreen", "fix", "--json"], cwd=copy.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = [child.communicate(timeout=120) for child in children]
    codes = sorted(child.returncode for child in children)
    assert codes[0] == 0, outputs
    assert codes in ([0, 0], [0, 1]), outputs
    assert all(
        "being worked on by" in err.decode() or "changed" in err.decode()
        for child, (_, err) in zip(children, outputs, strict=True)
        if child.returncode
    )
    assert told(copy)["refs"] == uninterrupted["refs"]
