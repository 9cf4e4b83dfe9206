"""What is done on GitHub from beginning to end, each by a program that anything may happen to, and how it has to end."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.e2e.desk import STALE, Desk
from tests.e2e.test_github_action import BOT, Runner
from tests.hub.webhooks import Delivery
from tests.llm.answers import answer
from tests.llm.server import LLMServer

HERE = Path(__file__).parent


MORE = "CAUSE: it is a copy\n\nnote.txt\n<<<<<<< SEARCH\n=======\nsource\n>>>>>>> REPLACE\n"


class Story:
    """Something that Regreen is asked for, and what has to be on the hub in the end.

    `swept`: a sweep makes good that nobody has heard of it; else whoever asked has to ask again.
    """

    swept = True

    def __init__(self, desk: Desk) -> None:
        self.name = type(self).__name__.lower()
        self.desk, self.hub = desk, desk.hub
        self.runner = Runner(desk, desk.folder)
        desk.token = self.runner.token
        self.begin()

    def begin(self) -> None:
        raise NotImplementedError

    def start(self, program: str = "hasty.py", *args: str) -> subprocess.CompletedProcess[str]:
        """Let a program do what is asked for."""
        raise NotImplementedError

    def sweep(self) -> subprocess.CompletedProcess[str]:
        """What the schedule does, some hours later."""
        return self.run("hasty.py", "action", REGREEN_COMMAND="sweep", AHEAD="7200")

    @property
    def whole(self) -> bool:
        """Whether all is there that there is to be."""
        raise NotImplementedError

    @property
    def refused(self) -> bool:
        """Whether somebody was told instead why it was not done."""
        return False

    def check(self) -> None:
        """Hold what the hub has against what it may have in the end, whatever went wrong."""
        raise NotImplementedError

    def run(self, program: str, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        settings = {
            "GITHUB_TOKEN": self.desk.token,
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_REPOSITORY": "octo/app",
            "GITHUB_WORKFLOW_REF": "octo/app/.github/workflows/regreen.yml@refs/heads/main",
            "RUNNER_TEMP": str(self.desk.folder),
            "PYTHONPATH": str(Path.cwd()),
        }
        words = [sys.executable, str(HERE / program), *args]
        whole = os.environ | settings | env
        return subprocess.run(words, cwd=self.desk.folder, env=whole, capture_output=True, text=True, check=False)

    def react(self, delivery: Delivery, program: str, *args: str) -> subprocess.CompletedProcess[str]:
        event = self.desk.folder / "event.json"
        event.write_bytes(delivery.body)
        given = {"GITHUB_EVENT_NAME": delivery.event, "GITHUB_EVENT_PATH": str(event)}
        return self.run(program, *args, "action", **given)

    # --- what there is ---

    @property
    def ended(self) -> Delivery:
        """The event that the first run has ended."""
        found = (d for d in self.hub.webhooks.deliveries if d.event == "workflow_run")
        return next(d for d in found if d.payload["action"] == "completed")

    def comments(self, number: int) -> list[str]:
        rows = self.hub.client(self.runner.token).get(f"/repos/octo/app/issues/{number}/comments").json()
        return [row["body"] for row in rows if row["user"]["login"] == BOT]

    def checks(self, commit: str) -> list[str]:
        """The titles of ours."""
        rows = self.hub.client(self.runner.token).get(f"/repos/octo/app/commits/{commit}/check-runs").json()
        return [row["output"]["title"] for row in rows["check_runs"] if row["name"] == "Regreen"]

    def branches(self) -> list[str]:
        return [
            r
            for r in self.desk.one.git.refs()
            if r.startswith("refs/heads/regreen/") and r != "refs/heads/regreen/state"
        ]


class Fix(Story):
    """The fix of a red default branch, asked for by hand."""

    swept = False

    def begin(self) -> None:
        self.red = self.desk.red()

    def start(self, program: str = "hasty.py", *args: str) -> subprocess.CompletedProcess[str]:
        return self.run(program, *args, "fix", "--run", str(self.red.id), "--repo", "octo/app")

    def check(self) -> None:
        assert self.runner.record["verdict"] == "FIXED"
        assert len(self.branches()) == 1
        assert len(self.desk.pulls()) <= 1
        assert len(self.checks(self.red.head_sha)) <= 1

    @property
    def whole(self) -> bool:
        return len(self.desk.pulls()) == 1 and self.desk.pulls()[0].labels == ["regreen"]


class Revert(Fix):
    """The revert of what broke the default branch, asked for by hand."""

    def begin(self) -> None:
        self.hub.push(self.desk.one, {"other": "\n"}, by="bob")
        assert [run.conclusion for run in self.hub.settle()] == ["success"]
        super().begin()

    def start(self, program: str = "hasty.py", *args: str) -> subprocess.CompletedProcess[str]:
        return self.run(program, *args, "revert", self.desk.url(self.red))

    def check(self) -> None:
        super().check()
        assert [self.desk.one.git.read(pull.head_sha, "copy") for pull in self.desk.pulls()] in ([], ["new"])
        assert self.runner.record["strategy"] == "revert"


class Event(Fix):
    """The same by the event of the run."""

    swept = True

    def start(self, program: str = "hasty.py", *args: str) -> subprocess.CompletedProcess[str]:
        return self.react(self.ended, program, *args)


class Merged(Event):
    """People merge the pull request: its record ends, and the check says so."""

    def begin(self) -> None:
        super().begin()
        done = super().start()
        assert done.returncode == 0, done.stderr
        (pull,) = self.desk.pulls()
        octo = self.hub.client(self.hub.token("octo"))
        octo.put(f"/repos/octo/app/pulls/{pull.number}/merge", json={}).raise_for_status()

    def start(self, program: str = "hasty.py", *args: str) -> subprocess.CompletedProcess[str]:
        found = (d for d in self.hub.webhooks.deliveries if d.event == "pull_request")
        return self.react(next(d for d in found if d.payload["action"] == "closed"), program, *args)

    @property
    def whole(self) -> bool:
        (check,) = self.checks(self.red.head_sha)
        return check == "The proposal was merged" and self.runner.record["outcome"] == "merged"


class Below(Story):
    """The fix of a contributor's pull request, by the event of its run: a comment and a check."""

    def begin(self) -> None:
        self.hub.push(self.desk.one, {"other": "\n"}, by="bob", branch="feature", message="Begin [skip ci]\n")
        self.number = self.runner.request("feature")
        self.tip = self.hub.push(self.desk.one, STALE, by="bob", branch="feature")
        self.hub.settle()

    def start(self, program: str = "hasty.py", *args: str) -> subprocess.CompletedProcess[str]:
        return self.react(self.ended, program, *args)

    def check(self) -> None:
        assert self.refused or self.runner.record["verdict"] == "FIXED"
        assert self.branches() == []
        assert len(self.desk.pulls()) == 1
        assert len(self.checks(self.tip)) <= 1
        assert len(self.comments(self.number)) <= 1

    @property
    def whole(self) -> bool:
        return "/regreen apply" in "".join(self.comments(self.number))


class Command(Below):
    """`/regreen fix` below a pull request that nothing was done about."""

    text = "/regreen fix"

    def begin(self) -> None:
        super().begin()
        client = self.hub.client(self.hub.token("bob"))
        client.post(f"/repos/octo/app/issues/{self.number}/comments", json={"body": self.text}).raise_for_status()
        self.hub.settle()
        self.said = self.hub.webhooks.deliveries[-1]

    def start(self, program: str = "hasty.py", *args: str) -> subprocess.CompletedProcess[str]:
        return self.react(self.said, program, *args)

    @property
    def whole(self) -> bool:
        asked = "`bob` asked" in "".join(self.comments(self.number))
        return asked and self.runner.reactions(self.number) in (["eyes", "rocket"], ["eyes", "confused"])

    @property
    def refused(self) -> bool:
        return "confused" in self.runner.reactions(self.number)


class Apply(Command):
    """`/regreen apply` of what was suggested."""

    text = "/regreen apply"

    def begin(self) -> None:
        super().begin()
        done = Below.start(self)
        assert done.returncode == 0, done.stderr

    def check(self) -> None:
        super().check()
        if self.refused:
            return
        git = self.desk.one.git
        assert git.resolve("feature~1") == self.tip
        assert git.read("feature", "copy") == "new"

    @property
    def whole(self) -> bool:
        pushed = "The fix was pushed" in "".join(self.comments(self.number))
        return (pushed or self.refused) and super().whole


class Objected(Event):
    """A review asks for changes of a pull request: a model makes them on its branch, and the review is answered."""

    swept = False

    def begin(self) -> None:
        super().begin()
        done = super().start()
        assert done.returncode == 0, done.stderr
        (self.pull,) = self.desk.pulls()
        self.tip = self.pull.head_sha
        self.models = self.hub.beside.enter_context(LLMServer(lambda _: answer(MORE)).serving())
        asked = {"event": "REQUEST_CHANGES", "body": "Say where it comes from."}
        octo = self.hub.client(self.hub.token("octo"))
        octo.post(f"/repos/octo/app/pulls/{self.pull.number}/reviews", json=asked).raise_for_status()
        self.hub.settle()
        self.review = next(d for d in self.hub.webhooks.deliveries if d.event == "pull_request_review")

    def start(self, program: str = "hasty.py", *args: str) -> subprocess.CompletedProcess[str]:
        return self.react(self.review, program, *args)

    def run(self, program: str, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        models = getattr(self, "models", None)
        return super().run(program, *args, **env, **(models.environ if models else {}))

    def check(self) -> None:
        super().check()
        assert len(self.comments(self.pull.number)) <= 1
        git = self.desk.one.git
        assert (git.read(self.pull.head_sha, "note.txt"), git.read(self.pull.head_sha, "copy")) == ("source", "new")
        assert git.resolve(f"{self.pull.head_sha}~1") == self.red.head_sha

    @property
    def whole(self) -> bool:
        return "I have changed this" in "".join(self.comments(self.pull.number)) and self.pull.head_sha != self.tip


STORIES: dict[str, Callable[[Desk], Story]] = {
    "fix": Fix,
    "event": Event,
    "below": Below,
    "command": Command,
    "apply": Apply,
    "merged": Merged,
    "revert": Revert,
    "objected": Objected,
}
