"""A repository on a hub with a red run, and an incident of it whose fix is proven and not yet proposed."""

from pathlib import Path
from typing import Any

from bot.adapters.github_api import with_token
from bot.adapters.hosted_clone import fetched
from bot.model import FailedRun, Incident, Stage
from bot.proposal.hosted import Hosting
from bot.repair.trees import remade
from bot.settings import read_settings
from tests.hub import Hub
from tests.hub.world import Pull, Run
from tests.proposal import samples
from tests.state.helpers import NOON, FakeClock, opened, repository

NAME = "octo/app"
DIFF = "diff --git a/copy b/copy\n--- a/copy\n+++ b/copy\n@@ -1 +1 @@\n-old\n+new\n"
TARGET = "regreen/a1b2c3d4e5f6-run-ruff"


class Scene:
    """`said` is what was told to people meanwhile."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub, self.said = hub, list[str]()
        self.one = hub.repository(NAME, {"copy": "old\n"}, bob="write", eve="read")
        self.checkpoints = opened(repository(folder / "state"))
        self.github = with_token(NAME, hub.token("bob"), FakeClock(), api_url=hub.url)
        self.clone = folder / "clone"

    def hosting(self, **settings: Any) -> Hosting:
        """What proposals are made with, by these settings of `proposal`."""
        chosen = read_settings(f"proposal: {settings}", "here", {}).proposal
        url = f"{self.hub.url}/{NAME}.git"
        git = fetched(self.clone, url, self.github.git_environment, FakeClock())
        return Hosting(self.github, git, chosen, self.checkpoints, self.said.append)

    def red(self, pull: Pull | None = None) -> FailedRun:
        """A run of the default branch, or of a pull request, that has failed."""
        run: Run = self.hub.add_run(self.one, "E\n", pull=pull)
        return FailedRun(
            id=run.id,
            attempt=1,
            name="CI",
            html_url=f"{self.hub.url}/{NAME}/actions/runs/{run.id}",
            event=run.event,
            head_sha=run.head_sha,
            head_branch=run.head_branch,
            head_repository=NAME,
            base_branch=run.head_branch,
            pull=pull.number if pull else 0,
        )

    def pull(self, branch: str = "feature", by: str = "bob", base: str = "main") -> Pull:
        """Somebody's pull request."""
        self.hub.push(self.one, {"other": "x\n"}, branch=branch, by=by)
        asked = {"title": "A feature", "head": branch, "base": base, "body": "Why"}
        made = self.hub.client(self.hub.token(by)).post(f"/repos/{NAME}/pulls", json=asked).raise_for_status()
        found = self.one.issues[made.json()["number"]]
        assert isinstance(found, Pull)
        return found

    def incident(self, hosting: Hosting, run: FailedRun, **more: Any) -> Incident:
        """The incident of a run, which this process works on; `more` are fields of its record, or of its proposal."""
        known = samples.fixed(run=run)
        assert known.proposal
        of_proposal = {name: more.pop(name) for name in ("kind", "target") if name in more}
        diff = more.pop("diff", DIFF)
        made = remade(hosting.git, run.head_sha, diff, "Fix\n", when=NOON)
        proposal = known.proposal.changed(
            **({"target": TARGET, "commit": made, "diff": diff, "message": "Fix\n"} | of_proposal)
        )
        whole = {"head": run.head_sha, "snapshot": run.head_sha, "stage": Stage.ATTEMPTED, "proposal": proposal} | more
        saved = self.checkpoints.save(known.changed(**whole))
        return self.checkpoints.claim(saved.id, "me", 600)
