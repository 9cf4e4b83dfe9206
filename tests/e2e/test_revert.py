"""The commit that broke a branch is found by replaying and its revert proposed, on a hub without the internet."""

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.hub import Hub
from tests.hub.world import Pull, Repository, Run
from tests.projects import CHECKOUT, WORKFLOW, Done, regreen, workflow

FILES = {
    WORKFLOW: workflow(CHECKOUT, "run: sh check.sh"),
    "check.sh": 'echo "the answer is $(cat answer)"; grep -q 42 answer\n',
    "answer": "42\n",
}
BROKEN = {"answer": "41\n", "by": "the culprit\n"}
COMMITS, CULPRIT = 10, 7
AUTOMATIC = {"REGREEN_REVERT_AUTOMATIC": "true"}
KILLED = Path(__file__).with_name("killed.py")


class Desk:
    """A repository on a hub whose main branch goes red by one of ten commits, and Regreen used on it from elsewhere."""

    def __init__(self, hub: Hub, folder: Path, files: Mapping[str, str | bytes] = FILES) -> None:
        self.hub, self.folder = hub, folder
        self.one: Repository = hub.repository("octo/app", files, bob="write")
        self.one.actions_may_open_pulls = True
        self.token = hub.token("bob")
        hub.push(self.one, {"note": "0\n"}, by="bob")
        assert [run.conclusion for run in hub.settle()] == ["success"]

    def red(self, message: str = "Reckon anew @octo/everybody\n") -> tuple[str, Run]:
        """Ten commits that are pushed at once: the culprit, and the run that is red."""
        git, shas = self.one.git, [self.one.git.resolve("main")]
        for number in range(1, COMMITS):
            files = BROKEN if number == CULPRIT else {f"note{number}": "\n"}
            told = message if number == CULPRIT else f"Note {number}\n"
            shas.append(git.commit(files, told, "bob", [shas[-1]]))
        git("update-ref", "refs/heads/main", shas[-1])
        self.hub.push(self.one, {"note": f"{COMMITS}\n"}, by="bob")
        (run,) = self.hub.settle()
        assert run.conclusion == "failure"
        return shas[CULPRIT], run

    def regreen(self, *args: str, env: Mapping[str, str] | None = None) -> Done:
        settings = {"GITHUB_TOKEN": self.token, "GITHUB_API_URL": self.hub.url, **(env or {})}
        return regreen(*args, cwd=self.folder, env=settings)

    def url(self, run: Run) -> str:
        return f"{self.hub.url}/octo/app/actions/runs/{run.id}"

    def pulls(self) -> list[Pull]:
        return [issue for issue in self.one.issues.values() if isinstance(issue, Pull)]

    def opened(self, branch: str, files: Mapping[str, str]) -> int:
        """A pull request with these files, whose runs have ended; its number."""
        self.hub.push(self.one, files, by="bob", branch=branch)
        asked = {"title": "A feature", "head": branch, "base": "main"}
        number = self.hub.client(self.token).post("/repos/octo/app/pulls", json=asked).json()["number"]
        self.hub.settle()
        return int(number)

    def merge(self, number: int, method: str = "merge") -> str:
        client = self.hub.client(self.token)
        answer = client.put(f"/repos/octo/app/pulls/{number}/merge", json={"merge_method": method})
        return str(answer.json()["sha"])


@pytest.fixture
def desk(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """See `Desk`; with a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Desk(hub, tmp_path)


def test_the_culprit_among_ten_commits_is_reverted(desk: Desk) -> None:
    culprit, run = desk.red()
    desk.hub.forget_requests()
    done = desk.regreen("revert", desk.url(run), "-m", "it can wait", "--json")
    assert (done.code, done.json["verdict"], done.json["grade"], done.json["strategy"]) == (0, "FIXED", "A", "revert")
    assert desk.hub.counted() <= 25
    assert desk.hub.writes() <= 8
    assert done.json["culprit"]["commit"] == culprit
    assert len(done.json["culprit"]["looked"]) + 1 <= math.log2(COMMITS) + 3
    (pull,) = desk.pulls()
    assert (pull.title, pull.base_ref, pull.draft) == ('Revert "Reckon anew @octo/everybody"', "main", False)
    assert pull.head_ref == f"regreen/{done.json['incident']}-revert-{culprit[:7]}"
    git = desk.one.git
    assert git.read(pull.head_sha, "answer") == "42"
    message = git("log", "-1", "--format=%B", pull.head_sha)
    assert message.startswith(f'Revert "Reckon anew @octo/everybody"\n\nThis reverts commit {culprit}.\n')
    assert (
        git("log", "-1", "--format=%(trailers:key=Regreen-Incident,valueonly)", pull.head_sha).strip()
        == (done.json["incident"])
    )
    assert "`Reckon anew @octo/everybody` by `bob`" in pull.body
    assert "**fails alike**" in pull.body
    assert "bob has asked for the revert: it can wait" in pull.body
    assert "| jobs | 1 failure | 1 success |" in pull.body
    assert {run.event: run.conclusion for run in desk.hub.settle()} == {"push": "success", "pull_request": "success"}
    again = desk.regreen("revert", desk.url(run), "--json")
    assert again.json["proposed"] == done.json["proposed"]
    assert len(desk.pulls()) == 1


def test_by_itself_only_where_that_is_allowed_and_nobody_has_opted_out(desk: Desk) -> None:
    culprit, run = desk.red("Reckon anew\n\nNo-Auto-Revert: true\n")
    left = desk.regreen("fix", "--run", desk.url(run), "--json")
    assert left.code == 1
    assert "no revert: revert.automatic is off" in left.json["reason"]
    assert left.json["culprit"] is None
    told = desk.regreen("fix", "--run", desk.url(run), "--json", env={**AUTOMATIC, "REGREEN_PROPOSAL_MODE": "suggest"})
    assert "no revert: proposal.mode lets me open no pull request" in told.json["reason"]
    asked = desk.regreen("fix", "--run", desk.url(run), "--json", env=AUTOMATIC)
    assert asked.code == 1
    assert f"no revert: {culprit[:12]} broke it, and says No-Auto-Revert: true" in asked.json["reason"]
    assert desk.pulls() == []
    done = desk.regreen("revert", desk.url(run), "--json", env=AUTOMATIC)
    assert done.json["verdict"] == "FIXED", done.err
    assert len(desk.pulls()) == 1


def test_what_no_repair_could_fix_is_reverted_by_itself(desk: Desk) -> None:
    culprit, run = desk.red()
    done = desk.regreen("fix", "--run", desk.url(run), "--json", env=AUTOMATIC)
    assert (done.code, done.json["verdict"], done.json["culprit"]["commit"]) == (0, "FIXED", culprit)
    (pull,) = desk.pulls()
    assert "No fix was found: " in pull.body


def test_of_a_branch_that_has_moved_on_nothing_is_reverted_by_itself(desk: Desk) -> None:
    _, run = desk.red()
    desk.hub.push(desk.one, {"by": "else\n"}, by="bob")
    done = desk.regreen("fix", "--run", desk.url(run), "--json", env=AUTOMATIC)
    assert "no revert: main has moved on" in done.json["reason"], done.err
    assert desk.pulls() == []


def test_a_revert_that_conflicts_is_reported(desk: Desk) -> None:
    culprit, _ = desk.red()
    desk.hub.push(desk.one, {"answer": "40\n"}, by="bob")
    desk.hub.settle()
    done = desk.regreen("revert", f"{desk.hub.url}/octo/app/commit/{culprit}", "--json")
    assert (done.code, done.json["verdict"]) == (1, "NOT_FIXED"), done.err
    assert f"{culprit[:12]} cannot be reverted: later changes build on it in answer" in done.json["reason"]
    assert desk.pulls() == []


def test_a_revert_that_does_not_help_is_not_proposed(desk: Desk) -> None:
    _, _ = desk.red()
    innocent = desk.one.git.resolve("main~1")
    done = desk.regreen("revert", f"{desk.hub.url}/octo/app/commit/{innocent[:12]}", "--json")
    assert (done.code, done.json["verdict"]) == (1, "NOT_FIXED"), done.err
    assert "without it job is no better" in done.json["reason"]
    assert desk.pulls() == []


def test_a_revert_that_breaks_something_else_is_not_proposed(desk: Desk) -> None:
    steps = "{runs-on: ubuntu-latest, steps: [{uses: actions/checkout@v4}, {run: test -f by}]}"
    desk.red()
    desk.hub.push(desk.one, {WORKFLOW: f"{FILES[WORKFLOW]!s}  other: {steps}\n"}, by="bob")
    (run,) = desk.hub.settle()
    done = desk.regreen("revert", desk.url(run), "--json")
    assert (done.code, done.json["verdict"]) == (1, "NOT_FIXED"), done.err
    assert "without it other breaks" in done.json["reason"]
    assert desk.pulls() == []


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_a_merged_pull_request_is_reverted(desk: Desk, method: str) -> None:
    number = desk.opened("feature", {**BROKEN, "more": "1\n"})
    merged = desk.merge(number, method)
    desk.hub.settle()
    done = desk.regreen("revert", f"{desk.hub.url}/octo/app/pull/{number}", "--json")
    assert (done.code, done.json["verdict"]) == (0, "FIXED"), done.err
    assert (done.json["culprit"]["commit"], done.json["culprit"]["pull"]) == (merged, number)
    pull = desk.pulls()[-1]
    assert desk.one.git.read(pull.head_sha, "answer") == "42"
    assert ("reversing\nchanges made to" in desk.one.git("log", "-1", "--format=%B", pull.head_sha)) == (
        method == "merge"
    )


def test_what_cannot_be_reverted(desk: Desk) -> None:
    number = desk.opened("feature", BROKEN)
    pull = f"{desk.hub.url}/octo/app/pull/{number}"
    assert f"#{number} is not merged" in desk.regreen("revert", pull).err
    run = next(run for run in desk.one.runs.values() if run.event == "pull_request")
    assert "is of a pull request" in desk.regreen("revert", desk.url(run)).err
    green = next(run for run in desk.one.runs.values() if run.conclusion == "success")
    assert "the newest runs of main are not red" in desk.regreen("revert", desk.url(green)).err
    assert "is not where the token is for" in desk.regreen("revert", "https://github.com/octo/app/pull/1").err


def test_no_revert_of_a_revert_nor_of_what_is_reverted_already(desk: Desk) -> None:
    culprit, run = desk.red()
    assert desk.regreen("revert", desk.url(run)).code == 0
    (pull,) = desk.pulls()
    desk.merge(pull.number)
    desk.hub.settle()
    desk.hub.push(desk.one, {"check.sh": "echo 'error: out of paper'; exit 1\n"}, by="bob")
    desk.hub.settle()
    war = desk.regreen("revert", f"{desk.hub.url}/octo/app/pull/{pull.number}", "--json")
    assert war.code == 1
    assert "is a revert of mine" in war.json["reason"]
    twice = desk.regreen("revert", f"{desk.hub.url}/octo/app/commit/{culprit}", "--json")
    assert "has reverted it already" in twice.json["reason"]
    assert len(desk.pulls()) == 1


def test_no_more_a_day_than_the_settings_say(desk: Desk) -> None:
    _, run = desk.red()
    bound = {"REGREEN_REVERT_MAX_PER_DAY": "1"}
    assert desk.regreen("revert", desk.url(run), env=bound).code == 0
    culprit = desk.hub.push(desk.one, {"by": "else\n"}, by="bob")
    desk.hub.settle()
    done = desk.regreen("revert", f"{desk.hub.url}/octo/app/commit/{culprit}", "--json", env=bound)
    assert "1 a day are enough (revert.max_per_day)" in done.json["reason"]
    assert len(desk.pulls()) == 1


def test_a_fix_of_our_own_that_breaks_the_branch_is_reverted(hub: Hub, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    steps = (CHECKOUT, "run: cp source copy", "run: git diff --exit-code")
    desk = Desk(hub, tmp_path, {WORKFLOW: workflow(*steps), "source": "old\n", "copy": "old\n"})
    hub.push(desk.one, {"source": "new\n"}, by="bob")
    (run,) = hub.settle()
    fixed = desk.regreen("fix", "--run", desk.url(run), "--json")
    assert fixed.json["verdict"] == "FIXED", fixed.err
    hub.push(desk.one, {"source": "old\n"}, by="bob")  # somebody has found another way meanwhile
    hub.settle()
    (pull,) = desk.pulls()
    merged = desk.merge(pull.number)
    red = hub.settle()[-1]
    assert red.conclusion == "failure"
    done = desk.regreen("revert", desk.url(red), "--json")
    assert (done.json["verdict"], done.json["culprit"]["commit"]) == ("FIXED", merged), done.err
    assert done.json["culprit"]["incident"] == fixed.json["incident"]
    assert f"a fix of mine (incident `{fixed.json['incident']}`)" in desk.pulls()[-1].body
    record = json.loads(
        desk.one.git.read("regreen/state", f"incidents/{fixed.json['incident'][:2]}/{fixed.json['incident']}.json")
    )
    assert record["outcome"]["kind"] == "regressed"


@pytest.mark.parametrize("boundary", [8, 12, 15])
def test_killed_and_asked_again_there_is_one_pull_request(desk: Desk, boundary: int) -> None:
    culprit, run = desk.red()
    command = [sys.executable, str(KILLED), str(boundary), "revert", desk.url(run)]
    env = {**os.environ, "GITHUB_TOKEN": desk.token, "GITHUB_API_URL": desk.hub.url, "PYTHONPATH": str(Path.cwd())}
    killed = subprocess.run(command, cwd=desk.folder, capture_output=True, check=False, env=env)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    done = desk.regreen("revert", desk.url(run), "--json")
    assert (done.code, done.json["culprit"]["commit"]) == (0, culprit), done.err
    assert [p.head_ref for p in desk.pulls()] == [f"regreen/{done.json['incident']}-revert-{culprit[:7]}"]
    assert desk.one.git.resolve(desk.pulls()[0].head_ref) == desk.pulls()[0].head_sha
