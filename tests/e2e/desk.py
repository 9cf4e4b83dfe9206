"""A repository on a hub, and Regreen used on it from elsewhere."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.hasty import be_hasty
from tests.hub import Hub
from tests.hub.world import Pull, Repository, Run
from tests.projects import WORKFLOW, Done, here, workflow

STEPS = ("uses: actions/checkout@v4", "run: cp source copy", "run: git diff --exit-code")
FILES = {WORKFLOW: workflow(*STEPS), "source": "new\n", "copy": "new\n"}
STALE = {"copy": "old\n"}
"""What makes a run red, and a tool of the project can mend."""


def hastily(*args: str, cwd: Path, env: Mapping[str, str]) -> Done:
    """Run the command line on a clock that does not wait between writes."""
    with pytest.MonkeyPatch.context() as patch:
        be_hasty(patch.setattr, float(env.get("AHEAD", "0")))
        return here(*args, cwd=cwd, env=env)


class Desk:
    """A repository on a hub, and Regreen used on it from elsewhere."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub, self.folder = hub, folder
        self.one: Repository = hub.repository("octo/app", FILES, bob="write", eve="read")
        self.one.actions_may_open_pulls = True
        self.token = hub.token("bob")

    def red(self, **more: Any) -> Run:
        """A commit that makes CI red, and its run."""
        self.hub.push(self.one, STALE, by="bob", **more)
        (run,) = self.hub.settle()
        assert run.conclusion == "failure"
        return run

    def regreen(self, *args: str, env: Mapping[str, str] | None = None) -> Done:
        settings = {"GITHUB_TOKEN": self.token, "GITHUB_API_URL": self.hub.url, **(env or {})}
        return hastily(*args, cwd=self.folder, env=settings)

    def url(self, run: Run) -> str:
        return f"{self.hub.url}/octo/app/actions/runs/{run.id}"

    def pulls(self) -> list[Pull]:
        return [issue for issue in self.one.issues.values() if isinstance(issue, Pull)]
