"""What the gateway makes of each fault of GitHub: one effect, or one clear error."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.adapters.github_api import GitHubApi, with_token
from bot.errors import Conflict, Forbidden, Gone, Refused, RegreenError, Transient, Unauthenticated, UsageError
from bot.github import Check, Remark
from tests.adapters.scripted import (
    COMMIT,
    DROPPED,
    NAME,
    REPO,
    TOKEN,
    Reply,
    Scripted,
    a_comment,
    a_pull,
    a_run,
    a_user,
    scripted,
)
from tests.state.helpers import FakeClock

OK = Reply(200, a_run())
ME = Reply(200, a_user())
CHECK = Check(name="Regreen", head_sha=COMMIT, external_id="i1", status="completed", title="t", summary="s")
A_CHECK = {"id": 9, "external_id": "i1", "output": {"annotations_count": 0}}
TEXT = "The same\r\ntext "
MINE = TEXT.replace("\r", "").strip()
REVIEW = {"id": 1, "user": a_user(), "html_url": "", "body": MINE, "commit_id": COMMIT, "state": "COMMENTED"}
ISSUE = {"number": 4, "user": a_user(), "body": MINE}
TIP = {"sha": "c" * 40, "commit": {"message": "m"}, "parents": [{"sha": COMMIT}]}
MADE = {"data": {"createCommitOnBranch": {"commit": {"oid": "d" * 40}}}}

Act = Callable[[GitHubApi], Any]
# What makes something, the answer when it is made, and the answers that show it made, or not made.
EFFECTS: dict[str, tuple[Act, Reply, list[Reply], list[Reply]]] = {
    "pull": (
        lambda g: g.open_pull(title="t", body="b", head="fix", base="main", draft=False),
        Reply(201, a_pull()),
        [Reply(200, [a_pull()]), ME],
        [Reply(200, [a_pull() | {"user": a_user("you")}]), ME],
    ),
    "comment": (
        lambda g: g.comment(1, TEXT),
        Reply(201, a_comment(TEXT)),
        [Reply(200, [a_comment("another"), a_comment(MINE)]), ME],
        [Reply(200, [a_comment("another"), a_comment(MINE, "you")]), ME],
    ),
    "review": (
        lambda g: g.review(1, COMMIT, TEXT, [Remark(path="a", line=1, body="b")]),
        Reply(200, REVIEW),
        [Reply(200, [REVIEW]), ME],
        [Reply(200, [REVIEW | {"commit_id": "b" * 40}, REVIEW | {"user": None}]), ME],
    ),
    "issue": (
        lambda g: g.open_issue(title="t", body=TEXT, labels=["l"]),
        Reply(201, ISSUE),
        [ME, Reply(200, [ISSUE | {"number": 9, "pull_request": {}}, ISSUE])],
        [ME, Reply(200, [ISSUE | {"body": None}])],
    ),
    "rerun": (
        lambda g: g.rerun_failed(7),
        Reply(201, {}),
        [Reply(200, a_run(run_attempt=2))],
        [Reply(200, a_run())],
    ),
    "dispatch": (
        lambda g: g.dispatch(".github/workflows/ci.yml", "main", {}),
        Reply(204),
        [Reply(200, {"workflow_runs": [a_run()]})],
        [Reply(200, {"workflow_runs": []})],
    ),
    "commit": (
        lambda g: g.commit_on_branch(branch="fix", parent=COMMIT, message="m", files={"a": b"1", "b": None}),
        Reply(200, MADE),
        [Reply(200, TIP)],
        [Reply(200, TIP | {"parents": [{"sha": "0" * 40}]})],
    ),
    "check": (
        lambda g: g.put_check(CHECK),
        Reply(201, A_CHECK),
        [Reply(200, {"check_runs": [A_CHECK]})],
        [Reply(200, {"check_runs": [A_CHECK | {"external_id": "i2"}]})],
    ),
}
LOOKS_FIRST = {"check": [Reply(200, {"check_runs": []})], "rerun": [OK]}


def posts(script: Scripted) -> int:
    return len([one for one in script.asked if one.verb == "POST"])


@pytest.mark.parametrize("fault", [DROPPED, Reply(502), Reply(500, {"message": "oops"})], ids=["dropped", "502", "500"])
@pytest.mark.parametrize("name", EFFECTS)
def test_what_was_made_before_the_answer_was_lost_is_found(script: Scripted, name: str, fault: Reply) -> None:
    act, _, there, _ = EFFECTS[name]
    script.answers(*LOOKS_FIRST.get(name, ()), fault, *there)
    act(script.gateway())
    assert posts(script) == 1


@pytest.mark.parametrize("name", EFFECTS)
def test_what_was_not_made_is_made_after_looking(script: Scripted, name: str) -> None:
    act, made, _, nothing = EFFECTS[name]
    script.answers(*LOOKS_FIRST.get(name, ()), DROPPED, *nothing, made)
    act(script.gateway())
    assert posts(script) == 2
    assert not script.replies


def test_a_commit_that_was_made_is_the_one_at_the_tip(script: Scripted) -> None:
    script.answers(DROPPED, Reply(200, TIP))
    assert EFFECTS["commit"][0](script.gateway()) == "c" * 40


def test_an_issue_that_was_made_is_no_pull_request_of_the_same_text(script: Scripted) -> None:
    script.answers(DROPPED, *EFFECTS["issue"][2])
    assert EFFECTS["issue"][0](script.gateway()) == 4


def test_looking_goes_on_until_it_is_given_up(script: Scripted) -> None:
    script.answers(*[Reply(502)] * 50)
    with pytest.raises(Transient, match="status 502"):
        script.gateway().comment(1, "hello")
    assert posts(script) == 1  # who cannot look does not make


REPEATED: dict[str, Act] = {
    "get": lambda g: g.run(7),
    "patch": lambda g: g.edit_comment(3, "text"),
    "delete": lambda g: g.delete_branch("fix"),
    "labels": lambda g: g.add_labels(1, ["x"]),
    "reviewers": lambda g: g.request_reviews(1, ["ann", "acme/team"]),
    "reaction": lambda g: g.react(3, "eyes"),
}


@pytest.mark.parametrize("name", REPEATED)
def test_what_may_be_asked_twice_is(script: Scripted, name: str) -> None:
    script.answers(Reply(503), DROPPED, Reply(200, a_run() | a_comment("x")))
    REPEATED[name](script.gateway())
    assert len(script.asked) == 3
    assert 1 <= max(script.clock.slept) <= 5


def test_a_service_that_is_down_is_asked_five_times(script: Scripted) -> None:
    script.answers(*[Reply(500)] * 9)
    with pytest.raises(Transient, match=f"gave no answer to GET {REPO}/actions/runs/7: status 500"):
        script.gateway().run(7)
    assert len(script.asked) == 5


def test_nobody_listens() -> None:
    clock = FakeClock()
    with pytest.raises(Transient, match="Connection refused"):
        with_token(NAME, TOKEN, clock, api_url="http://127.0.0.1:1").run(7)
    assert len(clock.slept) == 4


def test_what_we_just_made_is_waited_for(script: Scripted) -> None:
    script.answers(Reply(201, a_pull(script.url)), *[Reply(404, {"message": "Not Found"})] * 2, Reply(200, []))
    github = script.gateway()
    pull = EFFECTS["pull"][0](github)
    github.add_labels(pull.number, ["regreen"])
    assert script.verbs() == ["POST /pulls", *["POST /issues/5/labels"] * 3]


def test_it_is_waited_for_some_ten_seconds(script: Scripted) -> None:
    script.answers(Reply(201, a_pull(script.url)), *[Reply(404, {"message": "Not Found"})] * 9)
    github = script.gateway()
    EFFECTS["pull"][0](github)
    with pytest.raises(Gone):
        github.pull(5)
    assert 10 <= sum(script.clock.slept) <= 17


def test_what_is_not_ours_or_older_is_not_waited_for(script: Scripted) -> None:
    script.answers(Reply(201, a_pull(script.url)), *[Reply(404, {"message": "Not Found"})] * 2)
    github = script.gateway()
    EFFECTS["pull"][0](github)
    with pytest.raises(Gone, match="the token may not see it"):
        github.pull(55)
    script.clock.time += timedelta(minutes=2)
    with pytest.raises(Gone):
        github.pull(5)
    assert len(script.asked) == 3


def test_a_pull_request_that_exists_is_fetched(script: Scripted) -> None:
    error = {"resource": "PullRequest", "code": "custom", "message": "A pull request already exists for acme:fix."}
    script.answers(Reply(422, {"message": "Validation Failed", "errors": [error]}), Reply(200, [a_pull()]), ME)
    assert EFFECTS["pull"][0](script.gateway()).number == 5
    assert script.asked[1].query["head"] == "acme:fix"


def test_one_that_somebody_else_has_opened_is_not_taken(script: Scripted) -> None:
    error = {"resource": "PullRequest", "code": "custom", "message": "A pull request already exists for acme:fix."}
    theirs = Reply(200, [a_pull() | {"user": a_user("you")}])
    script.answers(Reply(422, {"message": "Validation Failed", "errors": [error]}), theirs, ME)
    with pytest.raises(Forbidden, match="somebody else has opened a pull request from fix"):
        EFFECTS["pull"][0](script.gateway())


def test_another_refusal_is_told(script: Scripted) -> None:
    error = {"resource": "PullRequest", "code": "custom", "message": "No commits between main and fix"}
    script.answers(Reply(422, {"message": "Validation Failed", "errors": [error]}))
    with pytest.raises(Refused, match="No commits between main and fix") as raised:
        EFFECTS["pull"][0](script.gateway())
    assert raised.value.refusals == ("No commits between main and fix",)


def test_a_branch_that_is_gone_is_fine_and_a_protected_one_is_not(script: Scripted) -> None:
    script.answers(Reply(422, {"message": "Reference does not exist"}), Reply(404, {"message": "Not Found"}))
    script.answers(Reply(422, {"message": "Cannot delete protected branch"}))
    github = script.gateway()
    github.delete_branch("fix")
    github.delete_branch("fix")
    with pytest.raises(Refused, match="protected"):
        github.delete_branch("fix")


def test_a_run_that_goes_on_is_not_started_again(script: Scripted) -> None:
    script.answers(Reply(200, a_run(status="in_progress")))
    script.answers(OK, DROPPED, Reply(200, a_run(status="queued")))
    busy = Reply(403, {"message": "This workflow run is already running"})
    script.answers(OK, busy, Reply(200, a_run(status="queued")))
    for _ in range(3):
        script.gateway().rerun_failed(7)
    assert (posts(script), script.replies) == (2, [])
    old = Reply(403, {"message": "Unable to retry this workflow run because it was created over a month ago"})
    script.answers(OK, old, OK)
    with pytest.raises(Forbidden, match="over a month ago") as raised:
        script.gateway().rerun_failed(7)
    assert raised.value.hint == ""  # no permission would help


@pytest.mark.parametrize(
    ("said", "headers", "told"),
    [
        (
            "Resource not accessible by integration",
            {"X-Accepted-GitHub-Permissions": "pull_requests=write,contents=read"},
            "the token needs the permission pull_requests: write and contents: read",
        ),
        ("Resource not accessible by integration", {}, "the token needs the permission pull_requests: write"),
        (
            "GitHub Actions is not permitted to create or approve pull requests.",
            {},
            "Settings > Actions > General > Workflow permissions",
        ),
        ("Repository was archived so is read-only.", {}, "the repository is archived"),
        ("Repository rule violations found", {}, "a rule of the repository protects"),
        ("Resource protected by organization SAML enforcement.", {}, "SAML enforcement"),
        ("Cannot change a protected branch", {}, "a rule of the repository protects"),
        ("You must authenticate via a GitHub App.", {}, "use the GITHUB_TOKEN of a job"),
    ],
)
def test_what_is_forbidden_is_named_and_not_tried_again(
    script: Scripted, said: str, headers: dict[str, str], told: str
) -> None:
    script.answers(Reply(403, {"message": said}, headers))
    with pytest.raises(Forbidden) as raised:
        EFFECTS["pull"][0](script.gateway())
    assert told in str(raised.value)
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("act", "permission"),
    [
        (lambda g: g.run(7), "actions: read"),
        (lambda g: g.dispatch("ci.yml", "main", {}), "actions: write"),
        (lambda g: g.put_check(CHECK), "checks: read"),
        (lambda g: g.find_issue("m"), "issues: read"),
        (lambda g: g.delete_branch("x"), "contents: write"),
        (lambda g: g.role("ann"), "metadata: read"),
        (lambda g: g.repository(), ""),
    ],
)
def test_the_permission_is_named_where_github_does_not(script: Scripted, act: Act, permission: str) -> None:
    forbidden = Reply(403, {"message": "Resource not accessible by integration"})
    script.answers(*([ME] if permission == "issues: read" else []), forbidden, OK)
    with pytest.raises(Forbidden) as raised:
        act(script.gateway())
    assert raised.value.hint == (permission and f"the token needs the permission {permission}")


def test_a_wrong_token_is_told_in_one_line_that_does_not_show_it(script: Scripted) -> None:
    script.answers(Reply(401, {"message": "Bad credentials"}))
    github = script.gateway()
    with pytest.raises(Unauthenticated) as raised:
        github.run(7)
    assert str(raised.value).startswith("GitHub does not accept the token (")
    assert len(script.asked) == 1
    assert TOKEN not in repr(vars(github)) + repr(raised.value)


@pytest.mark.parametrize("status", [404, 410, 451])
def test_what_is_gone(script: Scripted, status: int) -> None:
    script.answers(Reply(status, {"message": "Not\x1b[31m here\n"}))
    with pytest.raises(Gone, match=f"GitHub has nothing for GET {REPO}/pulls/5: Not here"):
        script.gateway().pull(5)


def test_a_renamed_repository_is_followed_with_the_question(script: Scripted) -> None:
    script.answers(Reply(301, {"message": "Moved"}, {"Location": f"{script.url}/repositories/1/pulls"}))
    script.answers(Reply(200, [a_pull()]))
    assert script.gateway().pulls(head="acme:fix", state="all")[0].number == 5
    moved = script.asked[1]
    assert (moved.path, moved.query["head"], moved.query["state"]) == ("/repositories/1/pulls", "acme:fix", "all")


def test_a_write_to_a_renamed_repository_stays_a_write(script: Scripted) -> None:
    script.answers(Reply(307, {"message": "Moved"}, {"Location": f"{script.url}/repositories/1/x"}))
    script.answers(Reply(201, a_comment("hello")))
    script.gateway().comment(1, "hello")
    assert [(one.verb, one.body) for one in script.asked] == [("POST", {"body": "hello"})] * 2


def test_the_token_goes_to_no_other_host(script: Scripted) -> None:
    with scripted() as other:
        script.answers(Reply(301, {}, {"Location": f"{other.url}{REPO}/actions/runs/7"}))
        with pytest.raises(UsageError, match="GITHUB_API_URL"):
            script.gateway().run(7)
        link = {"Link": f'<{other.url}{REPO}/issues/1/comments?page=2>; rel="next"'}
        script.answers(Reply(200, [a_comment("one")], link), Reply(200, [a_comment("two")]))
        assert [one.body for one in script.gateway().comments(1)] == ["one", "two"]
    assert other.asked == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, raw=b"<html>Sign in to the hotel</html>", headers={"Content-Type": "text/html"}),
        Reply(200, a_run(id="seven")),
        Reply(200, {"id": 7}),
        Reply(200, []),
        Reply(200, raw=b"{"),
    ],
)
def test_an_answer_that_is_no_answer(script: Scripted, reply: Reply) -> None:
    script.answers(*[reply] * 5)
    with pytest.raises(Transient, match="answered"):
        script.gateway().run(7)


def test_who_is_no_collaborator_has_no_role(script: Scripted) -> None:
    script.answers(
        Reply(404, {"message": "ghost is not a user"}), Reply(200, {"permission": "write", "role_name": "qa"})
    )
    github = script.gateway()
    assert (github.role("ghost/../x"), github.role("ann")) == ("none", "write")
    assert script.asked[0].path.endswith("/collaborators/ghost%2F..%2Fx/permission")


@pytest.mark.parametrize(
    ("kind", "error"),
    [("STALE_DATA", Conflict), ("NOT_FOUND", Gone), ("FORBIDDEN", Forbidden), ("UNPROCESSABLE", Refused)],
)
def test_errors_of_graphql(script: Scripted, kind: str, error: type[RegreenError]) -> None:
    script.answers(Reply(200, {"data": None, "errors": [{"type": kind, "message": "Expected branch to point to x"}]}))
    with pytest.raises(error, match="Expected branch to point to x"):
        EFFECTS["commit"][0](script.gateway())
    assert len(script.asked) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_a_token_that_may_not_see_the_setting_does_not_know(script: Scripted, status: int) -> None:
    script.answers(Reply(status, {"message": "no"}), Reply(200, {"can_approve_pull_request_reviews": False}))
    github = script.gateway()
    assert github.may_open_pulls() is None
    assert github.may_open_pulls() is False
