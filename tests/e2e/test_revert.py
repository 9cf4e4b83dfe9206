"""The commit that broke a branch is found by replaying and its revert proposed, on a hub without the internet."""

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.reverts import MOST_DIFF
from tests.e2e.desk import Desk
from tests.e2e.test_github_action import Runner
from tests.hub import Hub
from tests.hub.world import Run
from tests.projects import CHECKOUT, WORKFLOW, Done, workflow

FILES = {
    WORKFLOW: workflow(CHECKOUT, "run: sh check.sh"),
    "check.sh": 'echo "the answer is $(cat answer)"; grep -q 42 answer\n',
    "answer": "42\n",
}
BROKEN = {"answer": "41\n", "by": "the culprit\n"}
COMMITS, CULPRIT = 10, 7
AUTOMATIC = {"REGREEN_REVERT_AUTOMATIC": "true"}
KILLED = Path(__file__).with_name("killed.py")


class Broken(Desk):
    """A desk whose repository goes red by one of ten commits."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        super().__init__(hub, folder)
        hub.push(self.one, FILES, by="bob")
        assert [run.conclusion for run in hub.settle()] == ["success"]

    def ten(self, message: str = "Reckon anew @octo/everybody\n", by: str = "the culprit\n") -> tuple[str, Run]:
        """Ten commits that are pushed at once: the culprit, and the run that is red."""
        git, shas = self.one.git, [self.one.git.resolve("main")]
        for number in range(1, COMMITS):
            files = {**BROKEN, "by": by} if number == CULPRIT else {f"note{number}": "\n"}
            told = message if number == CULPRIT else f"Note {number}\n"
            shas.append(git.commit(files, told, "bob", [shas[-1]]))
        git("update-ref", "refs/heads/main", shas[-1])
        self.hub.push(self.one, {"note": f"{COMMITS}\n"}, by="bob")
        (run,) = self.hub.settle()
        assert run.conclusion == "failure"
        return shas[CULPRIT], run

    def fix(self, run: Run, **env: str) -> Done:
        return self.regreen("fix", "--run", self.url(run), "--json", env=env)

    def revert(self, what: str, *args: str, env: Mapping[str, str] | None = None) -> Done:
        """Ask for the revert of what a page of the repository shows."""
        return self.regreen("revert", f"{self.hub.url}/octo/app/{what}", "--json", *args, env=env)

    def opened(self, branch: str, files: Mapping[str, str]) -> int:
        """A pull request with these files, whose runs have ended; its number."""
        self.hub.push(self.one, files, by="bob", branch=branch)
        asked = {"title": "A feature", "head": branch, "base": "main"}
        number = self.hub.client(self.token).post("/repos/octo/app/pulls", json=asked).json()["number"]
        self.hub.settle()
        return int(number)


def merge(desk: Desk, number: int, method: str = "merge") -> str:
    """Merge a pull request; the commit that it has become."""
    client = desk.hub.client(desk.token)
    answer = client.put(f"/repos/octo/app/pulls/{number}/merge", json={"merge_method": method})
    return str(answer.raise_for_status().json()["sha"])


@pytest.fixture
def broken(hub: Hub, tmp_path: Path, own_cache: Path) -> Broken:
    """See `Broken`; with a cache of its own."""
    return Broken(hub, tmp_path)


def test_the_culprit_among_ten_commits_is_reverted(broken: Broken) -> None:
    culprit, run = broken.ten()
    broken.hub.forget_requests()
    done = broken.revert(f"actions/runs/{run.id}", "-m", "it can wait")
    assert (done.code, done.json["verdict"], done.json["grade"], done.json["strategy"]) == (0, "FIXED", "A", "revert")
    assert broken.hub.counted() <= 25
    assert broken.hub.writes() <= 8
    assert done.json["culprit"]["commit"] == culprit
    assert len(done.json["culprit"]["looked"]) + 1 <= math.log2(COMMITS) + 3
    (pull,) = broken.pulls()
    assert (pull.title, pull.base_ref, pull.draft) == ('Revert "Reckon anew @octo/everybody"', "main", False)
    assert pull.head_ref == f"regreen/{done.json['incident']}-revert-{culprit[:7]}"
    git = broken.one.git
    assert git.read(pull.head_sha, "answer") == "42"
    message = git("log", "-1", "--format=%B", pull.head_sha)
    assert message.startswith(f'Revert "Reckon anew @octo/everybody"\n\nThis reverts commit {culprit}.\n')
    assert (
        git("log", "-1", "--format=%(trailers:key=Regreen-Incident,valueonly)", pull.head_sha).strip()
        == (done.json["incident"])
    )
    assert "`Reckon anew @octo/everybody` by `bob`" in pull.body
    assert "| **red** | it fails alike |" in pull.body
    assert "bob has asked for the revert: it can wait" in pull.body
    assert "| jobs | 1 failure | 1 success |" in pull.body
    assert {run.event: run.conclusion for run in broken.hub.settle()} == {"push": "success", "pull_request": "success"}
    again = broken.revert(f"actions/runs/{run.id}")
    assert again.json["proposed"] == done.json["proposed"]
    assert len(broken.pulls()) == 1


def test_by_itself_only_where_that_is_allowed_and_nobody_has_opted_out(broken: Broken) -> None:
    culprit, run = broken.ten("Reckon anew\n\nNo-Auto-Revert: true\n")
    left = broken.fix(run)
    assert left.code == 1
    assert "no revert: revert.automatic is off" in left.json["reason"]
    assert left.json["culprit"] is None
    told = broken.fix(run, **AUTOMATIC, REGREEN_PROPOSAL_MODE="suggest")
    assert "no revert: proposal.mode lets me open no pull request" in told.json["reason"]
    asked = broken.fix(run, **AUTOMATIC)
    assert asked.code == 1
    assert f"no revert: {culprit[:12]} broke it, and says No-Auto-Revert: true" in asked.json["reason"]
    assert broken.pulls() == []
    done = broken.revert(f"actions/runs/{run.id}", env=AUTOMATIC)
    assert done.json["verdict"] == "FIXED", done.err
    assert len(broken.pulls()) == 1


def test_what_no_repair_could_fix_is_reverted_by_itself(broken: Broken) -> None:
    culprit, run = broken.ten()
    done = broken.fix(run, **AUTOMATIC)
    assert (done.code, done.json["verdict"], done.json["culprit"]["commit"]) == (0, "FIXED", culprit)
    (pull,) = broken.pulls()
    assert "No fix was found: " in pull.body


def test_of_a_branch_that_has_moved_on_nothing_is_reverted_by_itself(broken: Broken) -> None:
    _, run = broken.ten()
    broken.hub.push(broken.one, {"by": "else\n"}, by="bob")
    done = broken.fix(run, **AUTOMATIC)
    assert "no revert: main has moved on" in done.json["reason"], done.err
    assert broken.pulls() == []


def test_a_revert_that_conflicts_is_reported(broken: Broken) -> None:
    culprit, _ = broken.ten()
    broken.hub.push(broken.one, {"answer": "40\n"}, by="bob")
    broken.hub.settle()
    done = broken.revert(f"commit/{culprit}")
    assert (done.code, done.json["verdict"]) == (1, "NOT_FIXED"), done.err
    assert f"{culprit[:12]} cannot be reverted: later changes build on it in answer" in done.json["reason"]
    assert broken.pulls() == []


def test_a_revert_that_does_not_help_is_not_proposed(broken: Broken) -> None:
    _, _ = broken.ten()
    innocent = broken.one.git.resolve("main~1")
    done = broken.revert(f"commit/{innocent[:12]}")
    assert (done.code, done.json["verdict"]) == (1, "NOT_FIXED"), done.err
    assert "without it job is no better" in done.json["reason"]
    assert broken.pulls() == []


def test_a_revert_that_breaks_something_else_is_not_proposed(broken: Broken) -> None:
    steps = "{runs-on: ubuntu-latest, steps: [{uses: actions/checkout@v4}, {run: test -f by}]}"
    broken.ten()
    broken.hub.push(broken.one, {WORKFLOW: f"{FILES[WORKFLOW]!s}  other: {steps}\n"}, by="bob")
    (run,) = broken.hub.settle()
    done = broken.revert(f"actions/runs/{run.id}")
    assert (done.code, done.json["verdict"]) == (1, "NOT_FIXED"), done.err
    assert "without it other breaks" in done.json["reason"]
    assert broken.pulls() == []


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_a_merged_pull_request_is_reverted(broken: Broken, method: str) -> None:
    number = broken.opened("feature", {**BROKEN, "more": "1\n"})
    merged = merge(broken, number, method)
    broken.hub.settle()
    done = broken.revert(f"pull/{number}")
    assert (done.code, done.json["verdict"]) == (0, "FIXED"), done.err
    assert (done.json["culprit"]["commit"], done.json["culprit"]["pull"]) == (merged, number)
    pull = broken.pulls()[-1]
    assert broken.one.git.read(pull.head_sha, "answer") == "42"
    assert ("reversing\nchanges made to" in broken.one.git("log", "-1", "--format=%B", pull.head_sha)) == (
        method == "merge"
    )


def test_what_cannot_be_reverted(broken: Broken) -> None:
    number = broken.opened("feature", BROKEN)
    pull = f"{broken.hub.url}/octo/app/pull/{number}"
    assert f"#{number} is not merged" in broken.regreen("revert", pull).err
    run = next(run for run in broken.one.runs.values() if run.event == "pull_request")
    assert "is of a pull request" in broken.revert(f"actions/runs/{run.id}").err
    green = next(run for run in broken.one.runs.values() if run.conclusion == "success")
    assert "the newest runs of main are not red" in broken.revert(f"actions/runs/{green.id}").err
    assert "is not where the token is for" in broken.regreen("revert", "https://github.com/octo/app/pull/1").err


def test_no_revert_of_a_revert_nor_of_what_is_reverted_already(broken: Broken) -> None:
    culprit, run = broken.ten()
    assert broken.revert(f"actions/runs/{run.id}").code == 0
    (pull,) = broken.pulls()
    merge(broken, pull.number)
    broken.hub.settle()
    broken.hub.push(broken.one, {"check.sh": "echo 'error: out of paper'; exit 1\n"}, by="bob")
    broken.hub.settle()
    war = broken.revert(f"pull/{pull.number}")
    assert war.code == 1
    assert "is a revert of mine" in war.json["reason"]
    twice = broken.revert(f"commit/{culprit}")
    assert "has reverted it already" in twice.json["reason"]
    assert len(broken.pulls()) == 1


def test_no_more_a_day_than_the_settings_say(broken: Broken) -> None:
    _, run = broken.ten()
    bound = {"REGREEN_REVERT_MAX_PER_DAY": "1"}
    assert broken.revert(f"actions/runs/{run.id}", env=bound).code == 0
    culprit = broken.hub.push(broken.one, {"by": "else\n"}, by="bob")
    broken.hub.settle()
    done = broken.revert(f"commit/{culprit}", env=bound)
    assert "1 a day are enough (revert.max_per_day)" in done.json["reason"]
    assert len(broken.pulls()) == 1


def test_a_fix_of_our_own_that_breaks_the_branch_is_reverted(desk: Desk) -> None:
    desk.hub.push(desk.one, {"source": "newer\n"}, by="bob")
    (run,) = desk.hub.settle()
    fixed = desk.regreen("fix", "--run", desk.url(run), "--json")
    assert fixed.json["verdict"] == "FIXED", fixed.err
    desk.hub.push(desk.one, {"source": "new\n"}, by="bob")  # somebody has found another way meanwhile
    desk.hub.settle()
    (pull,) = desk.pulls()
    merged = merge(desk, pull.number)
    red = desk.hub.settle()[-1]
    assert red.conclusion == "failure"
    done = desk.regreen("revert", desk.url(red), "--json")
    assert (done.json["verdict"], done.json["culprit"]["commit"]) == ("FIXED", merged), done.err
    known = fixed.json["incident"]
    assert done.json["culprit"]["incident"] == known
    assert f"a fix of mine (incident `{known}`)" in desk.pulls()[-1].body
    record = json.loads(desk.one.git.read("regreen/state", f"incidents/{known[:2]}/{known}.json"))
    assert record["outcome"]["kind"] == "regressed"


def test_people_ask_for_it_below_what_they_have_merged(broken: Broken, tmp_path: Path) -> None:
    runner = Runner(broken, tmp_path)
    number = broken.opened("feature", BROKEN)
    merged = merge(broken, number)
    runner.react()
    assert "write" in runner.say("eve", "/regreen revert", number)
    assert len(broken.pulls()) == 1
    said = runner.say("bob", '/regreen revert -m "it can wait"', number)
    client = broken.hub.client(broken.token)
    issue = client.post("/repos/octo/app/issues", json={"title": "It is red"}).json()["number"]
    proposed = broken.pulls()[-1]
    assert f"The revert is proposed in #{proposed.number}." in said
    assert runner.reactions(number) == ["eyes", "rocket"]
    assert proposed.head_ref.endswith(f"-revert-{merged[:7]}")
    assert "bob has asked for the revert: it can wait" in proposed.body
    assert f"The revert is proposed in #{proposed.number}." in runner.say("bob", "/regreen revert", issue)


@pytest.mark.parametrize("boundary", [8, 11])
def test_killed_and_asked_again_there_is_one_pull_request(broken: Broken, boundary: int) -> None:
    culprit, run = broken.ten(by="a line\n" * (MOST_DIFF // 7))  # more than a record keeps
    command = [sys.executable, str(KILLED), str(boundary), "revert", broken.url(run)]
    env = {**os.environ, "GITHUB_TOKEN": broken.token, "GITHUB_API_URL": broken.hub.url, "PYTHONPATH": str(Path.cwd())}
    killed = subprocess.run(command, cwd=broken.folder, capture_output=True, check=False, env=env)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    done = broken.revert(f"actions/runs/{run.id}")
    assert (done.code, done.json["culprit"]["commit"]) == (0, culprit), done.err
    assert [p.head_ref for p in broken.pulls()] == [f"regreen/{done.json['incident']}-revert-{culprit[:7]}"]
    assert broken.one.git.resolve(broken.pulls()[0].head_ref) == broken.pulls()[0].head_sha
