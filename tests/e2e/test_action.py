"""The Action as a caller's workflow runs it, by act: what `regreen init` writes, after a red run on the hub."""

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT, WHEELS
from tests.hub import Hub
from tests.hub.world import Repository
from tests.projects import CHECKOUT, WORKFLOW, Make, workflow

NAME, COMMIT = "octo/regreen", "0123456789abcdef0123456789abcdef01234567"
OWN = ".github/workflows/regreen.yml"
PARTS = ("action.yml", "bot", "strategies", "config", "requirements")


@pytest.fixture
def caller(hub: Hub, project: Make, tmp_path: Path) -> Repository:
    """A repository with a check and with what `regreen init` writes; the Action lies there as GitHub would put it."""
    checks = workflow(CHECKOUT, "run: cp source copy", "run: git diff --exit-code")
    made = project({WORKFLOW: "name: CI\n" + checks, "source": "new\n", "copy": "new\n"})
    assert made.here("init", "--yes", "--action", f"{NAME}@{COMMIT}").code == 0
    action = tmp_path / "action"
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        action.mkdir(exist_ok=True)
        copy(ROOT / part, action / part)
    hub.actions[NAME] = action
    hub.runner_environment = {
        "PATH": os.environ["PATH"],
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(WHEELS),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "RUNNER_ARCH": "X64",
        "REGREEN_REPLAY_NETWORK": "none",
    }
    names = (WORKFLOW, OWN, ".github/regreen.yml", "source", "copy")
    one = hub.repository("octo/app", {name: (made.root / name).read_text() for name in names}, bob="write")
    one.actions_may_open_pulls = True
    return one


def test_a_red_run_becomes_a_pull_request(hub: Hub, caller: Repository) -> None:
    hub.push(caller, {"copy": "old\n"}, by="bob")
    runs = hub.settle()
    for r in runs:
        print(r.name, r.event, r.conclusion)
        for j in r.jobs[1]:
            print(j.name, j.conclusion, j.log[-6000:])
    print(hub.counted(), hub.writes())
    assert [(r.name, r.event, r.conclusion) for r in runs] == [
        ("CI", "push", "failure"),
        ("Regreen", "workflow_run", "success"),
    ]
    (pull,) = caller.pulls
    print(pull.title, pull.body)
    assert pull.title.startswith("Fix CI: ")
