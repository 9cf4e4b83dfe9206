"""Runs: what starts them, what act makes of them, and how they are told."""

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bot.diagnosis import diagnose
from bot.model import Category
from tests.hub import Hub
from tests.hub.conftest import CI, GREEN, RED
from tests.hub.world import Repository
from tests.projects import WORKFLOW, workflow

REPO = "/repos/octo/app"
LISTENER = """
name: Listener
on: {workflow_run: {workflows: [CI], types: [completed]}}
permissions: {contents: write, pull-requests: write}
jobs:
  listen:
    runs-on: ubuntu-latest
    steps:
    - env: {TOKEN: "${{ github.token }}", TOLD: "${{ github.event.workflow_run.conclusion }}"}
      run: |
        echo "told of a $TOLD"
        curl -sf -H "Authorization: Bearer $TOKEN" "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues?state=all"
"""


def test_a_pushed_commit_gives_a_red_run_that_can_be_diagnosed(hub: Hub, app: Repository, tmp_path: Path) -> None:
    sha = hub.push(app, {"test_app.py": RED}, by="bob")
    [run] = hub.settle()
    assert (run.conclusion, run.head_sha, run.head_branch) == ("failure", sha, "main")
    client = hub.client(hub.token("bob"))
    [job] = client.get(f"{REPO}/actions/runs/{run.id}/jobs").json()["jobs"]
    assert [s["name"] for s in job["steps"] if s["conclusion"] == "failure"] == ["Test"]
    answer = client.get(f"{REPO}/actions/jobs/{job['id']}/logs")
    log = hub.client().get(answer.headers["location"]).content
    found = diagnose([log])
    assert (found.category, found.command, found.exit_code) == (Category.TEST_ASSERTION, "python3 -m unittest", 1)
    assert found.error == "FAIL: test_sum (test_app.Sums.test_sum)"
    answer = client.get(f"{REPO}/actions/runs/{run.id}/logs")
    (tmp_path / "logs.zip").write_bytes(hub.client().get(answer.headers["location"]).content)
    assert diagnose(tmp_path / "logs.zip").fingerprint == found.fingerprint
    [check] = client.get(f"{REPO}/commits/{sha}/check-runs").json()["check_runs"]
    assert (check["id"], check["conclusion"]) == (job["id"], "failure")


def test_legs_jobs_and_secrets_are_told_as_github_tells_them(hub: Hub) -> None:
    text = """
    name: CI
    on: push
    jobs:
      leg:
        strategy: {fail-fast: false, matrix: {v: [1, 2]}}
        runs-on: ubuntu-latest
        steps:
        - run: |
            echo "::error file=a.py,line=3::$(( ${{ matrix.v }} * 2 )) is wrong"
            echo "it is ${{ secrets.PASS }}"
            test ${{ matrix.v }} = 1 || exit 7
      named: {name: "With a name", runs-on: ubuntu-latest, steps: [{run: "true"}]}
      later: {needs: leg, runs-on: ubuntu-latest, steps: [{run: "true"}]}
    """
    one = hub.repository("octo/app", {"a": "b"})
    one.secrets["PASS"] = "hush-hush"
    hub.push(one, {WORKFLOW: text})
    [run] = hub.settle()
    told = {job.name: job.conclusion for job in run.jobs[1]}
    assert told == {"leg (1)": "success", "leg (2)": "failure", "With a name": "success", "later": "skipped"}
    [log] = [job.log for job in run.jobs[1] if job.name == "leg (2)"]
    lines = [line.partition("Z ")[2] for line in log.splitlines()]
    assert "##[error]4 is wrong" in lines, lines
    assert "it is ***" in lines
    assert "##[error]Process completed with exit code 7." in lines
    assert "hush" not in log


def test_what_the_token_of_a_job_does_starts_nothing(hub: Hub, app: Repository) -> None:
    app.actions_may_open_pulls = True
    manual = CI.replace("[push, pull_request]", "[workflow_dispatch, repository_dispatch, issue_comment]")
    hub.push(app, {".github/workflows/manual.yml": manual})
    app.runs.clear()
    token = hub.job_token(app, dict.fromkeys(("contents", "pull_requests", "issues", "actions"), "write"))
    client = hub.client(token)
    hub.push(app, {"a": "b"}, branch="fix", token=token)
    assert client.post(f"{REPO}/pulls", json={"title": "T", "head": "fix", "base": "main"}).status_code == 201
    assert client.post(f"{REPO}/issues/1/comments", json={"body": "x"}).status_code == 201
    assert app.runs == {}
    assert client.post(f"{REPO}/actions/workflows/manual.yml/dispatches", json={"ref": "main"}).status_code == 204
    assert client.post(f"{REPO}/dispatches", json={"event_type": "x"}).status_code == 204
    assert [run.event for run in app.runs.values()] == ["workflow_dispatch", "repository_dispatch"]
    assert client.post(f"{REPO}/actions/workflows/ci.yml/dispatches", json={"ref": "main"}).status_code == 422


def test_a_run_of_a_fork_names_the_fork_and_no_pull_request(hub: Hub, app: Repository) -> None:
    fork = hub.fork(app, "dave")
    hub.push(fork, {"test_app.py": RED}, branch="fix")
    client = hub.client(hub.token("dave"))
    made = client.post(f"{REPO}/pulls", json={"title": "T", "head": "dave:fix", "base": "main"})
    assert made.json()["head"]["repo"]["full_name"] == "dave/app"
    [run] = client.get(f"{REPO}/actions/runs", params={"event": "pull_request"}).json()["workflow_runs"]
    assert run["head_repository"]["full_name"] == "dave/app"
    assert (run["pull_requests"], run["head_sha"]) == ([], made.json()["head"]["sha"])
    hub.push(app, {"test_app.py": RED}, branch="own")
    hub.client(hub.token("octo")).post(f"{REPO}/pulls", json={"title": "T", "head": "own", "base": "main"})
    [own, _] = client.get(f"{REPO}/actions/runs", params={"branch": "own"}).json()["workflow_runs"]
    assert own["event"] == "pull_request"
    assert [pull["number"] for pull in own["pull_requests"]] == [2]


def test_a_finished_run_starts_who_listens_with_a_token_of_its_own(hub: Hub, app: Repository) -> None:
    hub.push(app, {"test_app.py": RED, ".github/workflows/listener.yml": LISTENER})
    first, second = hub.settle()
    assert (first.name, first.conclusion) == ("CI", "failure")
    assert (second.name, second.conclusion, second.event) == ("Listener", "success", "workflow_run")
    assert "told of a failure" in second.jobs[1][0].log
    [asked] = [a for a in hub.requests if a.path == f"{REPO}/issues"]
    assert (asked.status, asked.login) == (200, "github-actions[bot]")
    assert all(not token.job for token in hub.tokens.values())  # it ended with its run


def test_a_job_can_push_and_that_starts_nothing(hub: Hub, app: Repository) -> None:
    script = "uses: actions/checkout@v4", "run: git switch -c made && git push origin made"
    hub.push(app, {WORKFLOW: workflow(*script, head="permissions: {contents: write}\n")})
    [run] = hub.settle()
    assert run.conclusion == "success", run.jobs[1][0].log
    assert app.git.resolve("made") == app.git.resolve("main")
    read = workflow(*script, head="permissions: {contents: read}\n").replace("made", "more")
    hub.push(app, {WORKFLOW: read})
    [run] = hub.settle()
    assert "Permission to octo/app.git denied to github-actions[bot]" in run.jobs[1][0].log


@pytest.mark.parametrize(
    "text", ["on: push\n", "on: push\njobs: {j: {runs-on: ubuntu-latest, needs: nowhere, steps: [{run: ls}]}}\n"]
)
def test_a_workflow_that_cannot_start_says_so(hub: Hub, app: Repository, text: str) -> None:
    hub.push(app, {WORKFLOW: text})
    assert [run.conclusion for run in hub.settle()] == ["startup_failure"]


def test_an_action_of_ours_runs_as_a_caller_calls_it(hub: Hub, app: Repository, tmp_path: Path) -> None:
    script = "echo told=$TOLD with $MACHINE in $GITHUB_REPOSITORY on $GITHUB_EVENT_NAME; git log --oneline | wc -l"
    step = f'{{run: "{script}", shell: bash, env: {{TOLD: "${{{{ inputs.what }}}}"}}}}'
    action = f"name: Tool\ninputs: {{what: {{required: true}}}}\nruns: {{using: composite, steps: [{step}]}}\n"
    (tmp_path / "tool").mkdir()
    (tmp_path / "tool" / "action.yml").write_text(action)
    hub.actions["me/tool"] = tmp_path / "tool"
    hub.runner_environment["MACHINE"] = "its own"
    hub.push(app, {WORKFLOW: workflow("uses: actions/checkout@v4", "uses: me/tool@v1\nwith: {what: this}")})
    [run] = hub.settle()
    printed = [line.partition("Z ")[2] for line in run.jobs[1][0].log.splitlines()]
    assert "told=this with its own in octo/app on push" in printed, run.jobs[1][0].log
    assert "2" in printed


def test_what_a_run_uploads_can_be_had(hub: Hub, app: Repository) -> None:
    up = "uses: actions/upload-artifact@v4\nwith: {name: report, path: out/*.txt}"
    down = "uses: actions/download-artifact@v4\nwith: {name: report, path: got}"
    hub.push(app, {WORKFLOW: workflow("run: mkdir out && echo told > out/a.txt", up, down, "run: grep told got/a.txt")})
    [run] = hub.settle()
    assert run.conclusion == "success", run.jobs[1][0].log
    client = hub.client(hub.token("bob"))
    [artifact] = client.get(f"{REPO}/actions/runs/{run.id}/artifacts").json()["artifacts"]
    answer = client.get(f"{REPO}/actions/artifacts/{artifact['id']}/zip")
    got = hub.client().get(answer.headers["location"]).content
    assert zipfile.ZipFile(io.BytesIO(got)).read("a.txt") == b"told\n"


def test_a_rerun_is_another_attempt(hub: Hub, app: Repository, tmp_path: Path) -> None:
    mark = tmp_path / "second"
    step = f"run: test -e {mark} || {{ touch {mark}; exit 1; }}"
    hub.push(app, {WORKFLOW: workflow(step)})
    [run] = hub.settle()
    client = hub.client(hub.token("bob"))
    assert client.post(f"{REPO}/actions/runs/{run.id}/rerun-failed-jobs").status_code == 201
    assert client.get(f"{REPO}/actions/runs/{run.id}").json()["status"] == "queued"
    hub.settle()
    told = client.get(f"{REPO}/actions/runs/{run.id}").json()
    assert (told["conclusion"], told["run_attempt"]) == ("success", 2)
    assert client.get(f"{REPO}/actions/runs/{run.id}/attempts/1").json()["conclusion"] == "failure"
    assert client.post(f"{REPO}/actions/runs/{run.id}/rerun-failed-jobs").status_code == 403


@pytest.mark.parametrize(
    ("on", "change", "runs"),
    [
        pytest.param("{push: {branches: [main]}}", {}, 1, id="the branch"),
        pytest.param("{push: {branches: [release/**]}}", {}, 0, id="another branch"),
        pytest.param("{push: {branches-ignore: [main]}}", {}, 0, id="not this branch"),
        pytest.param("{push: {paths: ['docs/**']}}", {"files": {"docs/a/b": "c"}}, 1, id="the path"),
        pytest.param("{push: {paths: ['docs/**']}}", {}, 0, id="another path"),
        pytest.param("{push: {paths-ignore: ['docs/**']}}", {"files": {"docs/a": "c"}}, 0, id="not this path"),
        pytest.param("push", {"message": "Change [skip ci]\n"}, 0, id="to be skipped"),
        pytest.param("[pull_request]", {}, 0, id="another event"),
        pytest.param("[", {}, 0, id="no workflow"),
    ],
)
def test_filters_decide(hub: Hub, on: str, change: dict[str, Any], runs: int) -> None:
    one = hub.repository("octo/app", {WORKFLOW: f"on: {on}\njobs: {{j: {{runs-on: ubuntu-latest, steps: []}}}}\n"})
    hub.push(one, **{"files": {"a": "b"}, **change})
    assert len(one.runs) == runs


def test_a_schedule_ticks(hub: Hub, app: Repository) -> None:
    assert hub.schedule(app) == []
    hub.push(app, {WORKFLOW: workflow("run: 'true'", on="{schedule: [{cron: '0 * * * *'}]}")})
    hub.schedule(app)
    assert [run.event for run in hub.settle()] == ["schedule"]


def test_a_runner_of_its_own_runs_beside_the_test(hub: Hub, app: Repository) -> None:
    with hub.runner():
        hub.push(app, {"test_app.py": GREEN + "# more\n"})
    [run] = app.runs.values()
    assert run.conclusion == "success"


def test_a_run_can_be_put_there(hub: Hub, app: Repository) -> None:
    log = gzip.compress(b"")  # a log is any text
    run = hub.add_run(app, "E   AssertionError\n" + repr(log), then=["failure", "success"], job="unit")
    assert (run.conclusion, hub.settle()) == ("failure", [])
    client = hub.client(hub.token("bob"))
    for end in run.scripted.copy():
        client.post(f"{REPO}/actions/runs/{run.id}/rerun-failed-jobs")
        hub.settle()
        assert client.get(f"{REPO}/actions/runs/{run.id}").json()["conclusion"] == end[0].conclusion
