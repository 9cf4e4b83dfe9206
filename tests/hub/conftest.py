"""What the tests of the hub share: a repository with a workflow whose test passes, and git as a user has it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hub import Hub
from tests.hub.world import Repository
from tests.projects import WORKFLOW, workflow

CI = "name: CI\n" + workflow("uses: actions/checkout@v4", "name: Test\nrun: python3 -m unittest")
TEST = """import unittest


class Sums(unittest.TestCase):
    def test_sum(self):
        self.assertEqual(1 + 1, {})
"""
GREEN, RED = TEST.format(2), TEST.format(3)
Git = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def app(hub: Hub) -> Repository:
    """A repository of octo, in which bob may write and carol may read."""
    return hub.repository("octo/app", {WORKFLOW: CI, "test_app.py": GREEN}, bob="write", carol="read")


@pytest.fixture
def git(hub: Hub, tmp_path: Path) -> Git:
    """Runs git in a folder of its own, with a token where one is given."""

    def run(*args: str, token: str = "", folder: str = ".") -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
        env |= {f"GIT_{who}_{what}": "someone@x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        if token:
            header = {"KEY_0": f"http.{hub.url}/.extraHeader", "VALUE_0": f"AUTHORIZATION: bearer {token}"}
            env |= {"GIT_CONFIG_COUNT": "1", **{f"GIT_CONFIG_{name}": value for name, value in header.items()}}
        where = tmp_path / folder
        return subprocess.run(["git", *args], cwd=where, env=env, capture_output=True, text=True, check=False)

    return run
