"""What the gateway costs GitHub, and how it behaves when GitHub asks for patience."""

import time
from datetime import timedelta

import pytest

from bot.adapters.github_memory import MOST_ANSWERS, Answer, Call, Memory
from bot.errors import OutOfBudget, RateLimited
from bot.github import Usage
from tests.adapters.scripted import DROPPED, REPO, Reply, Scripted, a_comment, a_run
from tests.state.helpers import NOON

OK = Reply(200, a_run())
SECONDARY = Reply(403, {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."})


def spent(seconds: float) -> dict[str, str]:
    return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time() + seconds))}


def test_an_unchanged_poll_costs_no_counted_request(script: Scripted) -> None:
    script.answers(Reply(200, a_run(), {"ETag": '"one"', "X-RateLimit-Remaining": "4999"}))
    script.answers(Reply(304, headers={"ETag": '"one"'}), Reply(200, a_run(status="queued"), {"ETag": '"two"'}))
    github = script.gateway()
    first = github.run(7)
    assert (first, first.workflow) == (github.run(7), ".github/workflows/ci.yml")
    assert github.usage == Usage(requests=1, not_modified=1, remaining=4999)
    assert "if-none-match" not in script.asked[0].headers
    assert script.asked[1].headers["if-none-match"] == '"one"'
    assert github.run(7).status == "queued"
    assert github.usage.requests == 2


def test_other_questions_are_not_answered_from_memory(script: Scripted) -> None:
    script.answers(Reply(200, {"workflow_runs": []}, {"ETag": '"one"'}), Reply(200, {"workflow_runs": [a_run()]}))
    github = script.gateway()
    assert (github.runs(branch="main"), len(github.runs(branch="other"))) == ([], 1)
    assert "if-none-match" not in script.asked[1].headers


def test_a_role_is_never_asked_conditionally(script: Scripted) -> None:
    script.answers(Reply(200, {"permission": "write", "role_name": "maintain"}, {"ETag": '"one"'}))
    script.answers(Reply(200, {"permission": "read", "role_name": "triage"}, {"ETag": '"one"'}))
    github = script.gateway()
    assert (github.role("ann"), github.role("ann")) == ("maintain", "triage")
    assert "if-none-match" not in script.asked[1].headers


def test_the_memory_is_bounded() -> None:
    memory = Memory()
    calls = [Call("GET", f"https://x/{n}") for n in range(MOST_ANSWERS + 1)]
    for call in calls:
        memory.keep(call, Answer(200, {"etag": "e"}, "text"), NOON)
    assert memory.answer(calls[0]) is None
    assert memory.answer(calls[1]) == Answer(200, {"etag": "e"}, "text")


def test_so_is_the_text_in_it() -> None:
    memory = Memory()
    calls = [Call("GET", f"https://x/{n}") for n in range(3)]
    for call in calls:
        memory.keep(call, Answer(200, {"etag": "e"}, "x" * 7_000_000), NOON)
    assert [memory.answer(call) is None for call in calls] == [True, False, False]


def test_the_repository_is_asked_for_once(script: Scripted) -> None:
    told = {
        "full_name": "acme/thing",
        "default_branch": "main",
        "clone_url": "https://x/a.git",
        "html_url": "https://x",
    }
    script.answers(Reply(200, told | {"private": False, "fork": False}))
    github = script.gateway()
    assert github.repository() == github.repository()
    assert github.usage == Usage(requests=1, cached=1)


def test_a_primary_limit_that_ends_soon_is_waited_for(script: Scripted) -> None:
    script.answers(Reply(403, {"message": "API rate limit exceeded"}, spent(30)), OK)
    assert script.gateway().run(7).id == 7
    assert script.clock.slept == [pytest.approx(31, abs=2)]


def test_a_primary_limit_that_lasts_says_when_and_nothing_more_is_asked(script: Scripted) -> None:
    script.answers(Reply(429, {"message": "API rate limit exceeded"}, spent(1800)), OK)
    github = script.gateway()
    for _ in range(2):
        with pytest.raises(RateLimited, match="come back after") as raised:
            github.run(7)
        assert (raised.value.until - NOON).total_seconds() == pytest.approx(1801, abs=2)
    assert (len(script.asked), script.clock.slept) == (1, [])
    script.clock.time += timedelta(seconds=1802)
    assert github.run(7).id == 7


def test_the_last_request_of_an_hour_is_known_to_be_the_last(script: Scripted) -> None:
    script.answers(Reply(200, a_run(), spent(1800)), OK)
    github = script.gateway()
    github.run(7)
    with pytest.raises(RateLimited):
        github.run(8)
    assert len(script.asked) == 1


def test_each_kind_of_request_has_a_limit_of_its_own(script: Scripted) -> None:
    said = {"data": {"viewer": {"login": "x"}}}
    script.answers(Reply(200, a_run(), {"X-RateLimit-Remaining": "77"}))
    script.answers(Reply(403, {"message": "no"}), Reply(200, said, spent(1800)), OK)
    github = script.gateway()
    github.run(7)
    assert github.login == "x"
    assert github.usage.remaining == 77
    assert github.run(8).id == 7


def test_retry_after_is_honoured_also_for_a_write(script: Scripted) -> None:
    script.answers(Reply(403, {"message": "slow down"}, {"Retry-After": "5"}), Reply(201, a_comment("hello")))
    assert script.gateway().comment(1, "hello").id == 3
    assert script.clock.slept == [pytest.approx(5)]


def test_a_long_retry_after_is_handed_on(script: Scripted) -> None:
    script.answers(Reply(429, {"message": "slow down"}, {"Retry-After": "300"}))
    with pytest.raises(RateLimited) as raised:
        script.gateway().run(7)
    assert raised.value.until == NOON + timedelta(seconds=300)


def test_a_secondary_limit_without_a_time_is_a_minute_and_doubles(script: Scripted) -> None:
    script.answers(SECONDARY, SECONDARY)
    with pytest.raises(RateLimited) as raised:
        script.gateway().run(7)
    assert script.clock.slept == [60]
    assert raised.value.until == NOON + timedelta(seconds=180)


def test_writes_are_a_second_apart_and_reads_are_not(script: Scripted) -> None:
    script.answers(*[Reply(201, a_comment("hello"))] * 3, OK, OK)
    github = script.gateway()
    for number in range(3):
        github.comment(number, "hello")
    assert script.clock.slept == [1, 1]
    github.run(7)
    github.run(8)
    assert script.clock.slept == [1, 1]
    assert (github.usage.requests, github.usage.writes) == (5, 3)


def test_the_budget_ends_it(script: Scripted) -> None:
    script.answers(OK, OK, OK)
    github = script.gateway(budget=2)
    github.run(1)
    github.run(2)
    with pytest.raises(OutOfBudget, match="2 requests"):
        github.run(3)
    assert len(script.asked) == 2


def test_what_costs_nothing_does_not_use_up_the_budget(script: Scripted) -> None:
    script.answers(Reply(200, a_run(), {"ETag": '"one"'}), *[Reply(304)] * 3)
    github = script.gateway(budget=2)
    for _ in range(4):
        github.run(7)
    assert github.usage == Usage(requests=1, not_modified=3)


def test_retries_are_counted(script: Scripted) -> None:
    script.answers(Reply(502), DROPPED, OK)
    github = script.gateway()
    github.run(7)
    assert [one.path for one in script.asked] == [f"{REPO}/actions/runs/7"] * 3
    assert github.usage.requests == 2


def test_a_list_ends_where_enough_is_found(script: Scripted) -> None:
    link = {"Link": f'<{script.url}{REPO}/actions/runs?page=2>; rel="next"'}
    script.answers(Reply(200, {"workflow_runs": [a_run(id=n) for n in range(30)]}, link))
    assert len(script.gateway().runs(most=30)) == 30
    assert [one.query for one in script.asked] == [{"per_page": "30"}]


def test_a_list_without_end_ends(script: Scripted) -> None:
    link = {"Link": f'<{script.url}{REPO}/issues/1/comments?page=9>; rel="next"'}
    script.answers(*[Reply(200, [a_comment("x")] * 100, link)] * 30)
    assert len(list(script.gateway().comments(1))) == 2500
    assert len(script.asked) == 25
