"""Check runs: one each, with annotations that GitHub takes only in batches and never forgets."""

from typing import Any

import pytest

from bot.github import Annotation, Check
from tests.adapters.scripted import COMMIT, DROPPED, REPO, Reply, Scripted

NONE = Reply(200, {"check_runs": []})


def a_check(annotations: int = 0, **more: Any) -> Check:
    made = [Annotation(path="a.py", start_line=n, end_line=n, level="failure", message="m") for n in range(annotations)]
    told = {"name": "Regreen", "head_sha": COMMIT, "external_id": "i1", "status": "in_progress", "title": "t"}
    return Check(**(told | {"summary": "s", "annotations": tuple(made)} | more))


def with_annotations(count: int, status: int = 200) -> Reply:
    return Reply(status, {"id": 9, "external_id": "i1", "output": {"annotations_count": count}})


def found(count: int) -> Reply:
    return Reply(200, {"check_runs": [with_annotations(count).said]})


def sent(script: Scripted) -> list[list[int]]:
    writes = (one.body["output"].get("annotations", []) for one in script.asked if one.verb != "GET")
    return [[a["start_line"] for a in annotations] for annotations in writes]


def test_a_check_is_made_once_and_then_changed(script: Scripted) -> None:
    script.answers(NONE, with_annotations(0, 201), with_annotations(0))
    github = script.gateway()
    done = a_check(status="completed", conclusion="neutral")
    assert (github.put_check(a_check()), github.put_check(done)) == (9, 9)
    assert script.verbs() == [f"GET /commits/{COMMIT}/check-runs", "POST /check-runs", "PATCH /check-runs/9"]
    assert script.asked[0].query["check_name"] == "Regreen"
    assert (script.asked[1].body["head_sha"], "conclusion" in script.asked[1].body) == (COMMIT, False)
    assert script.asked[2].body["conclusion"] == "neutral"
    assert "head_sha" not in script.asked[2].body


def test_another_process_finds_it(script: Scripted) -> None:
    script.answers(found(0), with_annotations(0))
    assert script.gateway().put_check(a_check()) == 9
    assert script.verbs()[1:] == ["PATCH /check-runs/9"]


def test_annotations_go_in_batches(script: Scripted) -> None:
    script.answers(NONE, with_annotations(50, 201), with_annotations(100), with_annotations(120))
    script.gateway().put_check(a_check(120))
    assert sent(script) == [list(range(50)), list(range(50, 100)), list(range(100, 120))]


def test_those_that_are_there_are_not_sent_again(script: Scripted) -> None:
    script.answers(found(50), with_annotations(60))
    script.gateway().put_check(a_check(60))
    assert sent(script) == [list(range(50, 60))]


def test_they_are_capped_visibly(script: Scripted) -> None:
    script.answers(NONE, *[with_annotations(n, 200) for n in (50, 100, 150, 200)])
    script.gateway().put_check(a_check(207, summary="s" * 70_000))
    assert sum(map(len, sent(script))) == 200
    summary = script.asked[-1].body["output"]["summary"]
    assert "… cut here, " in summary
    assert summary.endswith("characters more\n\n7 more annotations are not shown.")
    assert len(summary) <= 65_535


def test_a_batch_whose_answer_was_lost_is_not_sent_twice(script: Scripted) -> None:
    script.answers(NONE, with_annotations(50, 201), DROPPED, with_annotations(100), with_annotations(120))
    script.gateway().put_check(a_check(120))
    assert script.verbs()[2:] == ["PATCH /check-runs/9", "GET /check-runs/9", "PATCH /check-runs/9"]
    assert sent(script) == [list(range(50)), list(range(50, 100)), list(range(100, 120))]


def test_a_batch_that_was_lost_is_sent_again(script: Scripted) -> None:
    script.answers(NONE, with_annotations(50, 201), DROPPED, with_annotations(50), with_annotations(70))
    script.gateway().put_check(a_check(70))
    assert sent(script) == [list(range(50)), list(range(50, 70)), list(range(50, 70))]


def test_a_server_that_keeps_no_annotations_ends_it(script: Scripted) -> None:
    script.answers(NONE, with_annotations(0, 201), with_annotations(0))
    assert script.gateway().put_check(a_check(60)) == 9
    assert len(script.asked) == 3


@pytest.mark.parametrize(
    ("act", "reply"),
    [
        (
            "comment",
            Reply(
                201, {"id": 1, "user": None, "html_url": "", "issue_url": "/1", "created_at": "2026-01-01T00:00:00Z"}
            ),
        ),
        (
            "review",
            Reply(
                200, {**dict.fromkeys(("user", "commit_id")), "id": 1, "html_url": "", "body": "", "state": "COMMENTED"}
            ),
        ),
    ],
)
def test_long_texts_are_cut_visibly_and_keep_their_marker(script: Scripted, act: str, reply: Reply) -> None:
    text = "line\n```\n" + "x" * 70_000 + "\n```\n\n<!-- regreen:1 -->\n"
    script.answers(Reply(reply.status, {"updated_at": "2026-01-01T00:00:00Z"} | reply.said))
    github = script.gateway()
    if act == "comment":
        github.comment(1, text)
    else:
        github.review(1, COMMIT, text, [])
    body = script.asked[0].body["body"]
    assert 65_000 < len(body) <= 65_536
    assert "\n```\n\n… cut here, " in body
    assert body.endswith("characters more\n\n<!-- regreen:1 -->")
    assert script.asked[0].path.startswith(REPO)
