"""Every method of the gateway on a hub, which holds each of its requests against GitHub's published description."""

import gc
import io
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.github_access import PERMISSIONS
from bot.adapters.github_api import GitHubApi, with_app, with_token
from bot.errors import Conflict, Forbidden, Gone, Refused, UsageError
from bot.github import Annotation, Check, GitHub, Issue, Remark
from tests.hub import Hub, faults
from tests.hub.world import Repository
from tests.projects import WORKFLOW, workflow
from tests.state.helpers import FakeClock

NAME = "octo/app"
CI = workflow("run: 'true'").replace("[push, pull_request]", "workflow_dispatch")
LOG = "one line\nError: it broke\n"


@dataclass
class Rig:
    """A hub with a repository, and its gateway for whom one likes."""

    hub: Hub
    one: Repository
    clock: FakeClock

    def bob(self) -> GitHubApi:
        return with_token(NAME, self.hub.token("bob"), self.clock, api_url=self.hub.url)

    def job(self, **permissions: str) -> GitHubApi:
        return with_token(NAME, self.hub.job_token(self.one, permissions), self.clock, api_url=self.hub.url)

    def app(self) -> GitHubApi:
        app = self.hub.app("regreen", PERMISSIONS)
        return with_app(NAME, app.id, app.private_key, app.installation, self.clock, api_url=self.hub.url)

    def branch(self, name: str = "fix", files: Mapping[str, str] | None = None) -> str:
        return self.hub.push(self.one, files or {"a.py": "1\n2\n3\n"}, branch=name, by="bob")

    def pull(self, github: GitHub, head: str = "fix") -> int:
        self.branch(head)
        return github.open_pull(title="Fix", body="Why", head=head, base="main", draft=False).number


@pytest.fixture
def rig(hub: Hub) -> Rig:
    clock = FakeClock()
    clock.time = datetime.now(UTC)
    one = hub.repository(NAME, {WORKFLOW: CI, "a.py": "1\n"}, bob="write", carol="read", dave="maintain")
    return Rig(hub, one, clock)


def test_the_repository(rig: Rig) -> None:
    github: GitHub = rig.bob()
    told = github.repository()
    assert (told.name, told.default_branch, told.archived, told.fork, told.private) == (
        NAME,
        "main",
        False,
        False,
        False,
    )
    assert told.clone_url == f"{rig.hub.url}/{NAME}.git"
    fork = rig.hub.fork(rig.one, "eve")
    token = rig.hub.token("eve")
    assert with_token(fork.name, token, rig.clock, api_url=rig.hub.url).repository().fork


def test_a_poll_of_what_did_not_change_costs_nothing(rig: Rig) -> None:
    run = rig.hub.add_run(rig.one, LOG)
    github = rig.bob()
    for _ in range(5):
        assert github.run(run.id).conclusion == "failure"
        assert [job.failed_steps for job in github.jobs(github.run(run.id))] == [("Run tests",)]
    assert (rig.hub.counted(), github.usage.requests, github.usage.not_modified) == (2, 2, 13)
    assert github.usage.remaining == 4998


def test_runs_jobs_logs_and_artifacts(rig: Rig, tmp_path: Path) -> None:
    run = rig.hub.add_run(rig.one, LOG, artifacts={"report": {"junit.xml": b"<x/>"}})
    other = rig.hub.add_run(rig.one, LOG, conclusion="success", workflow=".github/workflows/other.yml", name="Other")
    github = rig.bob()
    told = github.run(run.id)
    assert (told.workflow, told.event, told.conclusion, told.attempt) == (WORKFLOW, "push", "failure", 1)
    assert (told.head_repository, told.head_branch, told.actor, told.pulls) == (NAME, "main", "octo", ())
    assert github.run(run.id, attempt=1) == told
    assert [one.id for one in github.runs()] == [other.id, run.id]
    assert [one.id for one in github.runs(status="failure")] == [run.id]
    assert [one.id for one in github.runs(workflow=".github/workflows/other.yml")] == [other.id]
    assert github.runs(branch="none") == github.runs(head_sha="0" * 40) == []
    assert [one.id for one in github.runs(most=1)] == [other.id]
    (job,) = github.jobs(told)
    assert (job.name, job.run_id, job.conclusion, job.failed_steps) == ("test", run.id, "failure", ("Run tests",))
    assert "Error: it broke" in b"".join(github.job_log(job.id)).decode()
    github.run_logs(told, tmp_path / "logs.zip")
    with zipfile.ZipFile(tmp_path / "logs.zip") as zipped:
        assert any("Error: it broke" in zipped.read(name).decode() for name in zipped.namelist())
    ((number, name),) = github.artifacts(told)
    github.artifact(number, tmp_path / "report.zip")
    assert (name, zipfile.ZipFile(io.BytesIO((tmp_path / "report.zip").read_bytes())).namelist()) == (
        "report",
        ["junit.xml"],
    )
    rig.one.artifacts[number].expired = run.logs_expired = True
    assert github.artifacts(told) == []
    with pytest.raises(Gone):
        github.job_log(job.id)
    with pytest.raises(Gone):
        github.run_logs(told, tmp_path / "gone.zip")
    assert not (tmp_path / "gone.zip").exists()


def test_the_run_of_a_fork_names_it(rig: Rig) -> None:
    fork = rig.hub.fork(rig.one, "eve")
    rig.hub.push(fork, {"a.py": "x\n"}, branch="idea", by="eve")
    client = rig.hub.client(rig.hub.token("eve"))
    asked = {"title": "Idea", "head": "eve:idea", "base": "main"}
    number = client.post(f"/repos/{NAME}/pulls", json=asked).json()["number"]
    run = rig.hub.add_run(rig.one, LOG, pull=next(p for p in rig.one.pulls if p.number == number))
    github = rig.bob()
    told = github.run(run.id)
    assert (told.head_repository, told.pulls, told.event) == ("eve/app", (), "pull_request")
    assert [pull.number for pull in github.pulls(head="eve:idea")] == [number]
    assert github.pull(number).head_repository == "eve/app"


def test_failed_jobs_run_again(rig: Rig) -> None:
    run = rig.hub.add_run(rig.one, LOG, then=["success"])
    github = rig.bob()
    github.rerun_failed(run.id)
    rig.hub.settle()
    again = github.run(run.id)
    assert (again.attempt, again.conclusion) == (2, "success")
    assert github.run(run.id, attempt=1).conclusion == "failure"
    assert [job.attempt for job in github.jobs(again)] == [2]


def test_a_run_is_cancelled_unless_it_has_ended(rig: Rig) -> None:
    run = rig.hub.add_run(rig.one, LOG)
    github = rig.bob()
    github.cancel(run.id)
    assert github.run(run.id).conclusion == "failure"
    github.rerun_failed(run.id)
    github.cancel(run.id)
    rig.hub.settle()
    assert github.run(run.id).conclusion == "cancelled"


def test_a_pull_request_from_beginning_to_end(rig: Rig) -> None:
    github = rig.bob()
    head = rig.branch()
    made = github.open_pull(title="Fix", body="Why", head="fix", base="main", draft=True)
    assert (made.head_sha, made.head_ref, made.head_repository, made.base_ref) == (head, "fix", NAME, "main")
    assert (made.author, made.state, made.merged, made.draft, made.body) == ("bob", "open", False, True, "Why")
    again = github.open_pull(title="Fix", body="Why", head="octo:fix", base="main", draft=True)
    assert again.number == made.number
    github.add_labels(made.number, ["regreen", "ci"])
    github.add_labels(made.number, ["regreen"])
    github.remove_label(made.number, "ci")
    github.remove_label(made.number, "ci")
    github.request_reviews(made.number, ["carol", "octo/team"])
    changed = github.update_pull(made.number, title="Mend", body="Because")
    assert (changed.title, changed.body, changed.labels, changed.mergeable) == ("Mend", "Because", ("regreen",), True)
    pull = next(p for p in rig.one.pulls if p.number == made.number)
    assert (pull.reviewers, pull.teams) == (["carol"], ["team"])
    assert [p.number for p in github.pulls(base="main")] == [made.number]
    assert [p.number for p in github.pulls_of(head)] == [made.number]
    assert github.update_pull(made.number, state="closed").state == "closed"
    assert github.pulls() == []
    assert [p.number for p in github.pulls(state="all")] == [made.number]


def test_a_merged_pull_request_names_its_commit(rig: Rig) -> None:
    github = rig.bob()
    number = rig.pull(github)
    rig.hub.client(rig.hub.token("octo")).put(f"/repos/{NAME}/pulls/{number}/merge", json={}).raise_for_status()
    pull = github.pull(number)
    assert (pull.merged, pull.state, pull.merge_commit) == (True, "closed", rig.one.git.resolve("main"))
    assert [p.merged for p in github.pulls(state="closed")] == [True]


def test_comments_and_reactions(rig: Rig) -> None:
    github = rig.bob()
    number = rig.pull(github)
    made = github.comment(number, "<!-- m -->\nhello")
    assert (made.author, made.author_is_bot, made.body) == ("bob", False, "<!-- m -->\nhello")
    assert github.edit_comment(made.id, "other").body == "other"
    assert [c.body for c in github.comments(number)] == ["other"]
    assert [github.react(made.id, "eyes") for _ in range(2)] == [True, False]
    assert rig.job(issues="write").react(made.id, "rocket")
    assert github.reactions(made.id) == {"eyes"}
    assert next(github.comments(number)).reactions == frozenset({"eyes", "rocket"})
    assert [kind for _, _, kind in rig.one.comments[made.id].reactions] == ["eyes", "rocket"]
    with pytest.raises(Gone):
        github.edit_comment(12345, "x")


def test_recent_comments_say_where_they_stand(rig: Rig) -> None:
    github = rig.bob()
    number = rig.pull(github)
    issue = github.open_issue(title="T", body="B", labels=[])
    old, new = github.comment(number, "old"), github.comment(issue, "new")
    github.review(number, rig.one.git.resolve("fix"), "", [Remark(path="a.py", line=2, body="on lines")])
    found = {c.body: (c.number, c.is_pull, c.on_lines) for c in github.recent_comments()}
    assert found == {"old": (number, True, False), "new": (issue, False, False)}
    (one,) = github.recent_comments(review=True)
    assert (one.number, one.is_pull, one.on_lines, one.commit) == (number, True, True, rig.one.git.resolve("fix"))
    assert (old.number, new.number) == (number, issue)


def test_a_later_process_asks_anew_at_no_cost(rig: Rig, tmp_path: Path) -> None:
    token = rig.hub.job_token(rig.one, {"contents": "read"})

    def ask(value: str = token) -> tuple[str, str]:
        github = with_token(NAME, value, rig.clock, api_url=rig.hub.url, shelf=tmp_path / "kept")
        return github.repository().default_branch, github.login

    assert ask() == ("main", "github-actions[bot]")
    rig.hub.forget_requests()
    assert ask() == ("main", "github-actions[bot]")
    assert rig.hub.counted() == 0
    rig.one.default_branch = "other"
    assert ask()[0] == "other"
    assert ask(rig.hub.token("bob")) == ("other", "bob")


def test_the_thread_is_read_to_its_end(rig: Rig) -> None:
    github = rig.bob()
    number = rig.pull(github)
    client = rig.hub.client(rig.hub.token("carol"))
    for n in range(101):
        client.post(f"/repos/{NAME}/issues/{number}/comments", json={"body": str(n)})
    rig.hub.forget_requests()
    assert [c.body for c in github.comments(number)] == [str(n) for n in range(101)]
    assert rig.hub.counted() == 2


def test_reviews(rig: Rig) -> None:
    github = rig.bob()
    number = rig.pull(github)
    head = rig.one.git.resolve("fix")
    remarks = [
        Remark(path="a.py", line=3, start_line=2, body="```suggestion\n4\n```"),
        Remark(path="a.py", line=2, body="x"),
    ]
    made = github.review(number, head, "Look", remarks)
    assert github.reviews(number) == [made]
    assert [(one.path, one.body) for one in github.remarks(number, made.id)] == [(r.path, r.body) for r in remarks]
    assert (made.author, made.body, made.commit) == ("bob", "Look", head)
    (review,) = rig.one.reviews.values()
    assert (review.state, review.body, review.commit) == ("COMMENTED", "Look", head)
    comment = next(c for c in rig.one.comments.values() if c.body == "x")
    github.react(comment.id, "+1", review=True)
    assert [kind for _, _, kind in comment.reactions] == ["+1"]
    with pytest.raises(Refused, match="could not be resolved"):
        github.review(number, head, "Look", [Remark(path="a.py", line=99, body="x")])
    with pytest.raises(Refused, match="could not be resolved"):
        github.review(number, head, "Look", [Remark(path="none", line=1, body="x")])


def test_roles_are_those_of_now(rig: Rig) -> None:
    github = rig.bob()
    assert [github.role(who) for who in ("octo", "bob", "carol", "dave")] == ["admin", "write", "read", "maintain"]
    rig.one.roles["dave"] = "triage"
    assert github.role("dave") == "triage"
    assert github.role("nobody-at-all") == "none"


def test_a_check_with_many_annotations(rig: Rig) -> None:
    github = rig.app()
    sha = rig.one.git.resolve("main")
    notes = tuple(
        Annotation(path="a.py", start_line=n, end_line=n, level="warning", message="m", title="t")
        for n in range(1, 121)
    )
    check = Check(name="Regreen", head_sha=sha, external_id="i1", status="in_progress", title="Looks", summary="s")
    number = github.put_check(check)
    rig.hub.forget_requests()
    done = check.changed(status="completed", conclusion="neutral", annotations=notes, title="Done")
    assert (github.put_check(done), rig.app().put_check(done)) == (number, number)
    (made,) = rig.one.checks.values()
    assert (made.status, made.conclusion, made.external_id, made.output["title"]) == (
        "completed",
        "neutral",
        "i1",
        "Done",
    )
    assert [one["start_line"] for one in made.annotations] == list(range(1, 121))
    assert github.put_check(check.changed(external_id="i2")) != number


def test_a_person_can_make_no_check(rig: Rig) -> None:
    check = Check(
        name="R", head_sha=rig.one.git.resolve("main"), external_id="", status="queued", title="t", summary="s"
    )
    with pytest.raises(Forbidden, match="use the GITHUB_TOKEN of a job, or an App"):
        rig.bob().put_check(check)


def test_issues(rig: Rig) -> None:
    github = rig.bob()
    rig.hub.client(rig.hub.token("carol")).post(f"/repos/{NAME}/issues", json={"title": "x", "body": "<!-- m -->"})
    rig.pull(github)
    assert github.find_issue("<!-- m -->") is None
    number = github.open_issue(title="Look", body="text <!-- m -->", labels=["regreen"])
    found = github.find_issue("<!-- m -->")
    assert found == Issue(number=number, body="text <!-- m -->")
    github.update_issue(number, body="other <!-- m -->")
    assert rig.one.issues[number].body == "other <!-- m -->"
    assert (rig.one.issues[number].title, rig.one.issues[number].labels) == ("Look", ["regreen"])
    github.update_issue(number, state="closed")
    assert rig.one.issues[number].state == "closed"
    assert github.find_issue("<!-- m -->") is None


def test_a_commit_that_github_signs(rig: Rig) -> None:
    github = rig.app()
    tip = rig.branch("bot/fix", {"gone.txt": "x\n"})
    files = {"a.py": b"2\n", "new/ä.bin": bytes(range(256)), "gone.txt": None}
    made = github.commit_on_branch(branch="bot/fix", parent=tip, message="Fix it\n\nWhy: because\n", files=files)
    assert rig.one.git.resolve("bot/fix") == made
    assert made in rig.one.signed
    assert rig.one.git.read(made, "a.py").strip() == "2"
    assert rig.one.git("ls-tree", "-rz", "--name-only", made).split("\0")[:-1] == [WORKFLOW, "a.py", "new/ä.bin"]
    assert rig.one.git("log", "-1", "--format=%B", made).strip() == "Fix it\n\nWhy: because"
    with pytest.raises(Conflict):
        github.commit_on_branch(branch="bot/fix", parent=tip, message="Fix it", files={"a.py": b"3\n"})
    with pytest.raises(Gone):
        github.commit_on_branch(branch="none", parent=tip, message="Fix it", files={"a.py": b"3\n"})


def test_a_branch_is_deleted_once(rig: Rig) -> None:
    github = rig.bob()
    rig.branch("bot/fix")
    for _ in range(2):
        github.delete_branch("bot/fix")
    assert "refs/heads/bot/fix" not in rig.one.git.refs()


def test_a_workflow_is_started(rig: Rig) -> None:
    rig.bob().dispatch(WORKFLOW, "main", {})
    (run,) = rig.hub.settle()
    assert (run.event, run.conclusion) == ("workflow_dispatch", "success")
    with pytest.raises(Gone):
        rig.bob().dispatch("none.yml", "main", {})


def test_whether_actions_may_open_pull_requests(rig: Rig) -> None:
    assert rig.bob().may_open_pulls() is None
    owner = with_token(NAME, rig.hub.token("octo"), rig.clock, api_url=rig.hub.url)
    assert owner.may_open_pulls() is False
    rig.branch()
    job = rig.job(pull_requests="write", contents="write")
    with pytest.raises(Forbidden, match="Settings > Actions > General"):
        job.open_pull(title="t", body="b", head="fix", base="main", draft=False)
    rig.one.actions_may_open_pulls = True
    assert owner.may_open_pulls() is True
    assert job.open_pull(title="t", body="b", head="fix", base="main", draft=False).author == "github-actions[bot]"


def test_who_it_is(rig: Rig) -> None:
    assert [rig.bob().login, rig.job().login, rig.app().login] == ["bob", "github-actions[bot]", "regreen[bot]"]


def test_git_fetches_and_pushes_with_its_environment(rig: Rig, tmp_path: Path) -> None:
    rig.one.private = True

    def git(github: GitHub, *args: str) -> int:
        who = {f"GIT_{kind}_{what}": "x@y" for kind in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        env = github.git_environment() | who | {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        return subprocess.run(["git", *args], env=env, cwd=tmp_path, capture_output=True).returncode

    url, app = f"{rig.hub.url}/{NAME}.git", rig.app()
    stranger = with_token(NAME, rig.hub.token("eve"), rig.clock, api_url=rig.hub.url)
    assert git(stranger, "clone", "-q", url, "none") != 0
    assert git(app, "clone", "-q", url, "here") == 0
    assert git(app, "-C", "here", "commit", "-q", "--allow-empty", "-m", "x") == 0
    assert git(rig.job(contents="read"), "-C", "here", "push", "-q", "origin", "HEAD:refs/heads/made") != 0
    assert git(app, "-C", "here", "push", "-q", "origin", "HEAD:refs/heads/made") == 0
    assert "refs/heads/made" in rig.one.git.refs()
    assert "x-access-token" not in (tmp_path / "here" / ".git" / "config").read_text()


def test_a_renamed_repository_is_still_worked_on(rig: Rig) -> None:
    github = rig.bob()
    number = rig.pull(github)
    rig.hub.rename(rig.one, "octo/other")
    assert github.comment(number, "hello").body == "hello"
    assert [c.body for c in github.comments(number)] == ["hello"]
    assert github.repository().name == "octo/other"


def test_what_a_token_may_not_is_named(rig: Rig) -> None:
    number = rig.pull(rig.bob())
    github = rig.job(contents="read")
    with pytest.raises(Forbidden) as raised:
        github.comment(number, "hello")
    assert "issues: write" in raised.value.hint
    rig.one.archived = True
    with pytest.raises(Forbidden, match="archived"):
        rig.bob().comment(number, "hello")


def test_connections_end_with_their_gateway(rig: Rig) -> None:
    github = rig.bob()
    github.repository()
    client = github._wire.client
    assert not client.is_closed
    del github
    gc.collect()
    assert client.is_closed


def test_nothing_of_another_repository_is_reached(rig: Rig) -> None:
    rig.hub.repository("octo/secret", {"a": "b"}, private=True)
    token = rig.hub.job_token(rig.one, {"contents": "write"})
    with pytest.raises(Gone, match="the token may not see it"):
        with_token("octo/secret", token, rig.clock, api_url=rig.hub.url).repository()
    with pytest.raises(UsageError):
        with_token("octo/app/../secret", token, rig.clock, api_url=rig.hub.url)


Act = Callable[[GitHub, str], Any]
CHECK = Check(name="R", head_sha="", external_id="i", status="queued", title="t", summary="s")
WRITES: dict[str, tuple[Act, Callable[[Repository], int]]] = {
    # what writes at a pull request or a tip, and how many there are of what it makes
    "open_pull": (
        lambda g, _: g.open_pull(title="t", body="b", head="two", base="main", draft=False),
        lambda one: len(one.pulls),
    ),
    "update_pull": (lambda g, _: g.update_pull(1, title="x"), lambda one: len(one.pulls)),
    "add_labels": (lambda g, _: g.add_labels(1, ["x"]), lambda one: len(one.issues[1].labels)),
    "request_reviews": (lambda g, _: g.request_reviews(1, ["carol"]), lambda one: len(one.pulls[0].reviewers)),
    "comment": (lambda g, _: g.comment(1, "hello"), lambda one: len(one.comments)),
    "review": (lambda g, sha: g.review(1, sha, "hello", []), lambda one: len(one.reviews)),
    "open_issue": (lambda g, _: g.open_issue(title="t", body="b", labels=[]), lambda one: len(one.issues)),
    "put_check": (lambda g, sha: g.put_check(CHECK.changed(head_sha=sha)), lambda one: len(one.checks)),
    "commit_on_branch": (
        lambda g, sha: g.commit_on_branch(branch="two", parent=sha, message="m", files={"a.py": b"9\n"}),
        lambda one: int(one.git("rev-list", "--count", "two")),
    ),
    "delete_branch": (lambda g, _: g.delete_branch("two"), lambda one: len(one.git.refs())),
    "dispatch": (lambda g, _: g.dispatch(WORKFLOW, "main", {}), lambda one: len(one.runs)),
}
FAULTS = {
    "dropped before": faults.dropped(),
    "dropped after": faults.dropped(after=True),
    "502 after": faults.unavailable(after=True),
    "a limit": faults.secondary_limit(retry_after=30),
}


@pytest.mark.parametrize("name", WRITES)
def test_each_write_has_one_effect_whatever_happens(hub: Hub, name: str) -> None:
    """Each fault at the write itself, each on a repository of its own: the same is there as without any."""
    act, count = WRITES[name]
    app = hub.app("regreen", PERMISSIONS)
    found = {}
    for number, (fault, what) in enumerate({"none": None, **FAULTS}.items()):
        one = hub.repository(f"octo/app{number}", {WORKFLOW: CI, "a.py": "1\n"}, carol="read")
        sha = hub.push(one, {"a.py": "2\n"}, branch="one")
        one.git("update-ref", "refs/heads/two", sha)
        clock = FakeClock()
        clock.time = datetime.now(UTC)
        github = with_app(one.name, app.id, app.private_key, app.installation, clock, api_url=hub.url)
        assert github.open_pull(title="t", body="b", head="one", base="main", draft=False).number == 1
        if what:
            hub.fault(what, lambda request: request.method != "GET" and "access_tokens" not in request.path)
        act(github, sha)
        found[fault] = count(one)
    assert found == dict.fromkeys(found, found["none"])
