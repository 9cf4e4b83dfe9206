"""From a red run on GitHub to a proposal there, on a hub without the internet."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.e2e.desk import STALE, Desk
from tests.hub import faults
from tests.hub.world import Run
from tests.llm.answers import answer
from tests.llm.server import LLMServer
from tests.projects import WORKFLOW, workflow


def test_a_red_run_is_fixed_by_a_pull_request_whose_own_ci_is_green(desk: Desk) -> None:
    run = desk.red()
    desk.hub.forget_requests()
    done = desk.regreen("fix", "--run", desk.url(run), "--json")
    assert (done.code, done.json["verdict"], done.json["grade"]) == (0, "FIXED", "A"), done.err
    assert desk.hub.counted() <= 25
    assert desk.hub.writes() <= 8
    (pull,) = desk.pulls()
    assert (pull.title, pull.base_ref, pull.labels) == (
        "Fix CI: Commit what the job generates: copy",
        "main",
        ["regreen"],
    )
    assert done.json["proposed"].endswith(f"/octo/app/pull/{pull.number}")
    assert done.json["incident"] in pull.body
    assert "| jobs | 1 failure | 1 success |" in pull.body
    assert {run.event: run.conclusion for run in desk.hub.settle()} == {"push": "success", "pull_request": "success"}
    assert desk.one.git.read(pull.head_sha, "copy") == "new"


def test_asked_twice_nothing_is_made_twice(desk: Desk) -> None:
    run = desk.red()
    first = desk.regreen("fix", "--run", desk.url(run), "--json")
    desk.hub.forget_requests()
    again = desk.regreen("fix", "--run", str(run.id), "--repo", "octo/app", "--json")
    assert again.json["incident"] == first.json["incident"]
    assert len(desk.pulls()) == 1
    assert desk.hub.writes() == 0
    assert [row["incident"] for row in desk.regreen("status", "--repo", "octo/app", "--json").json] == [
        first.json["incident"]
    ]


def test_status_says_what_it_has_cost(desk: Desk) -> None:
    words = ("status", "--repo", "octo/app", "--api")
    assert "GitHub: 1 requests, 0 of them writes; at no cost 0 answered with 304" in desk.regreen(*words).err
    again = desk.regreen(*words)
    assert "GitHub: 0 requests, 0 of them writes; at no cost 1 answered with 304" in again.err
    assert "; 4999 are left" in again.err
    assert desk.regreen("status", "--api").code == 2


def test_a_run_is_diagnosed_by_its_logs(desk: Desk) -> None:
    run = desk.red()
    desk.hub.forget_requests()
    done = desk.regreen("diagnose", "--run", desk.url(run), "--json")
    assert done.code == 0, done.err
    assert done.json["category"] == "snapshot_diff"
    assert desk.hub.writes() == 0


def test_of_very_many_red_jobs_some_logs_of_each_kind_are_read(desk: Desk) -> None:
    run = desk.hub.add_run(desk.one, "##[error]broken\n", job="test (0)")
    (first,) = run.jobs[1]
    names = [*(f"test ({n})" for n in range(1, 120)), "lint"]
    run.jobs[1] += [replace(first, id=desk.hub.next_id(), name=name) for name in names]
    desk.hub.forget_requests()
    done = desk.regreen("diagnose", "--run", desk.url(run), "--json")
    assert "121 jobs are red: the logs of 20 of them are read" in done.err
    assert [job["job"] for job in done.json["jobs"]] == ["test (0)", "lint", *(f"test ({n})" for n in range(1, 19))]
    assert desk.hub.counted() <= 26


def red_request(desk: Desk, files: Mapping[str, str]) -> tuple[int, Run]:
    """A pull request of bob's whose CI is red: its number, and that run."""
    desk.hub.push(desk.one, files, by="bob", branch="feature")
    desk.hub.settle()
    asked = {"title": "A feature", "head": "feature", "base": "main"}
    number = desk.hub.client(desk.token).post("/repos/octo/app/pulls", json=asked).json()["number"]
    (run,) = desk.hub.settle()
    return number, run


def test_a_contributors_pull_request_gets_a_suggestion_and_no_push(desk: Desk) -> None:
    number, run = red_request(desk, STALE)
    tip = desk.one.git.resolve("feature")
    done = desk.regreen("fix", "--run", desk.url(run), "--json")
    assert done.json["verdict"] == "FIXED", done.err
    client = desk.hub.client(desk.token)
    (review,) = client.get(f"/repos/octo/app/pulls/{number}/reviews").json()
    (remark,) = client.get(f"/repos/octo/app/pulls/{number}/comments").json()
    assert (remark["path"], remark["line"], remark["body"]) == ("copy", 1, "```suggestion\nnew\n```")
    (comment,) = client.get(f"/repos/octo/app/issues/{number}/comments").json()
    assert "/regreen apply" in comment["body"]
    assert review["html_url"] in comment["body"]
    assert "+new" not in comment["body"]
    assert done.json["proposed"].endswith(review["html_url"])
    assert desk.one.git.resolve("feature") == tip
    assert len(desk.pulls()) == 1


def test_a_github_app_opens_the_pull_request_as_itself(desk: Desk) -> None:
    run = desk.red()
    permissions = dict.fromkeys(("contents", "pull_requests", "issues", "checks", "actions"), "write")
    app = desk.hub.app("mender", permissions)
    env = {
        "GITHUB_TOKEN": "",
        "REGREEN_APP_ID": str(app.id),
        "REGREEN_APP_PRIVATE_KEY": app.private_key,
        "REGREEN_APP_INSTALLATION": str(app.installation),
    }
    done = desk.regreen("fix", "--run", desk.url(run), "--json", env=env)
    assert done.json["verdict"] == "FIXED", done.err
    (pull,) = desk.pulls()
    assert pull.author.login == "mender[bot]"
    assert "No CI will start" not in pull.body


def test_a_fix_outside_of_the_diff_is_told_as_a_patch(desk: Desk) -> None:
    number, run = red_request(desk, {"source": "newer\n"})
    done = desk.regreen("fix", "--run", desk.url(run), "--json")
    assert done.json["verdict"] == "FIXED", done.err
    client = desk.hub.client(desk.token)
    assert client.get(f"/repos/octo/app/pulls/{number}/reviews").json() == []
    (comment,) = client.get(f"/repos/octo/app/issues/{number}/comments").json()
    assert "+newer" in comment["body"]


def test_a_suggestion_that_github_refuses_is_told_as_a_patch(desk: Desk) -> None:
    number, run = red_request(desk, STALE)
    desk.hub.fault(faults.outside_of_diff(), "POST */reviews")
    done = desk.regreen("fix", "--run", desk.url(run), "--json")
    assert done.json["verdict"] == "FIXED", done.err
    (comment,) = desk.hub.client(desk.token).get(f"/repos/octo/app/issues/{number}/comments").json()
    assert "+new" in comment["body"]


def test_a_protected_branch_is_not_pushed_to_and_gets_a_patch(desk: Desk) -> None:
    run = desk.red()
    desk.one.git.protect("main")
    desk.token = desk.hub.job_token(
        desk.one, dict.fromkeys(("contents", "pull_requests", "checks", "actions"), "write")
    )
    tip = desk.one.git.resolve("main")
    done = desk.regreen("fix", "--run", desk.url(run), "--json", env={"REGREEN_PROPOSAL_MODE": "push"})
    assert (done.code, done.json["verdict"]) == (0, "FIXED"), done.err
    assert "the branch main is protected" in done.err
    assert desk.one.git.resolve("main") == tip
    checks = desk.hub.client(desk.token).get(f"/repos/octo/app/commits/{tip}/check-runs").json()["check_runs"]
    check = next(one for one in checks if one["name"] == "Regreen")
    assert "the branch main is protected" in check["output"]["summary"]
    assert "+new" in check["output"]["summary"]


NO = {
    "half an app": (
        {"GITHUB_TOKEN": "", "REGREEN_APP_ID": "1"},
        ("fix", "--run", "1", "--repo", "octo/app"),
        2,
        "REGREEN_APP_INSTALLATION is no number",
    ),
    "no token": ({"GITHUB_TOKEN": ""}, ("fix", "--run", "1", "--repo", "octo/app"), 2, "there is no token for GitHub"),
    "a wrong token": ({"GITHUB_TOKEN": "x" * 30}, ("fix", "--run", "1", "--repo", "octo/app"), 3, "token"),
    "no such run": ({}, ("fix", "--run", "77", "--repo", "octo/app"), 1, "77"),
    "no such repository": ({}, ("fix", "--run", "77", "--repo", "octo/none"), 1, "octo/none"),
    "no run": ({}, ("fix", "--run", "https://x.invalid/a"), 2, "is no run"),
    "another server": (
        {},
        ("fix", "--run", "https://github.com/octo/app/actions/runs/1"),
        2,
        "is not where the token is",
    ),
    "no repository": ({}, ("fix", "--run", "12"), 2, "which repository"),
}


@pytest.mark.parametrize("name", NO)
def test_bad_input_is_one_clear_line(desk: Desk, name: str) -> None:
    env, words, code, told = NO[name]
    done = desk.regreen(*words, env=env)
    assert done.code == code, done.err
    lines = [line for line in done.err.splitlines() if line.startswith("regreen: ")]
    assert len(lines) == 1
    assert told in lines[0]
    assert "Traceback" not in done.err


def test_a_green_run_is_nothing_to_fix(desk: Desk) -> None:
    desk.hub.push(desk.one, {"other": "x\n"}, by="bob")
    (run,) = desk.hub.settle()
    done = desk.regreen("fix", "--run", desk.url(run))
    assert done.code == 2
    assert "has not failed: success" in done.err


def test_a_reader_gets_the_reason_why_nothing_was_pushed(desk: Desk) -> None:
    run = desk.red()
    done = desk.regreen("fix", "--run", desk.url(run), env={"GITHUB_TOKEN": desk.hub.token("eve")})
    assert done.code == 3
    assert "contents: write" in done.err
    assert desk.pulls() == []


def test_an_archived_repository_is_left_alone(desk: Desk) -> None:
    run = desk.red()
    desk.one.archived = True
    done = desk.regreen("fix", "--run", desk.url(run))
    assert done.code == 2
    assert "octo/app is archived" in done.err


def test_an_expired_log_is_named(desk: Desk) -> None:
    run = desk.red()
    run.logs_expired = True
    done = desk.regreen("fix", "--run", desk.url(run))
    assert done.code == 1
    assert "has expired" in done.err


def test_what_the_call_says_of_models_holds_for_runs_on_github(desk: Desk, llm_server: LLMServer) -> None:
    llm_server.script = lambda _: answer("CANNOT: somebody has to decide it")
    desk.hub.push(desk.one, {WORKFLOW: workflow("run: \"echo 'a.py:1: error: bad  [misc]'; exit 1\"")}, by="bob")
    (run,) = desk.hub.settle()
    call = ("fix", "--run", desk.url(run), "--json")
    assert desk.regreen(*call, "--no-llm", env=llm_server.environ).json["verdict"] == "NOT_FIXED"
    assert llm_server.requests == []
    desk.regreen(*call, "--tier", "large", "--max-cost", "0.9", env=llm_server.environ)
    assert {body["model"] for body in llm_server.asked} == {"claude-opus-5-5"}
