import json
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UsageError
from bot.intake import events
from bot.intake.events import EVENTS, Ignored, parse, read
from tests.conftest import NODE_MODULES
from tests.intake import payloads

EXAMPLES = NODE_MODULES / "@octokit" / "webhooks-examples"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def examples() -> list[tuple[str, Any]]:
    files = sorted(EXAMPLES.glob("*/index.json"))
    kinds = [kind for file in files for kind in json.loads(file.read_bytes())]
    return [(kind["name"], payload) for kind in kinds for payload in kind["examples"]]


def test_every_official_example_parses() -> None:
    told = examples()
    assert len(told) > 700
    for name, payload in told:
        found = parse(name, payload)
        assert found == read(name, json.dumps(payload).encode())
        if name not in EVENTS:
            assert found == Ignored(name=name)
            continue
        assert type(found) is EVENTS[name]
        assert isinstance(found, events.Event)
        assert found.action == payload.get("action", "")
        if "repository" in payload:
            assert found.repository
            assert found.repository.full_name == payload["repository"]["full_name"]
        if "installation" in payload:
            assert found.installation
            assert found.installation.id == payload["installation"]["id"]


def test_all_kinds_but_those_of_actions_alone_have_examples() -> None:
    assert EVENTS.keys() - {name for name, _ in examples()} == {"schedule", "pull_request_target"}


def test_a_run_tells_what_is_used_of_it() -> None:
    found = parse("workflow_run", payloads.run(actor=payloads.BOT, head_repository=None, conclusion=None))
    assert isinstance(found, events.WorkflowRun)
    assert found.workflow_run.actor
    assert found.workflow_run.actor.is_bot
    assert not found.sender.is_bot
    assert (found.workflow_run.head_repository, found.workflow_run.conclusion) == (None, None)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({}, ".github/workflows/ci.yml"),
        ({"path": ".github/workflows/ci.yml@main"}, ".github/workflows/ci.yml"),
        ({"path": ""}, ".github/workflows/old.yml"),
    ],
)
def test_the_file_of_the_workflow_is_told_by_old_servers_too(changed: dict[str, str], path: str) -> None:
    told = payloads.run(**changed) | {"workflow": {"path": ".github/workflows/old.yml"}}
    found = parse("workflow_run", told)
    assert isinstance(found, events.WorkflowRun)
    assert found.path == path


@pytest.mark.parametrize(
    ("account", "is_bot"),
    [({"login": "x", "type": "Bot"}, True), ({"login": "x[bot]"}, True), ({"login": "robot", "type": "User"}, False)],
)
def test_bots_are_known_by_their_type_and_by_their_name(account: dict[str, str], is_bot: bool) -> None:
    found = parse("push", {"ref": "r", "after": "a", "repository": payloads.repository(), "sender": account})
    assert isinstance(found, events.Push)
    assert found.sender.is_bot is is_bot


def test_actions_names_no_sender_and_no_repository_on_a_schedule() -> None:
    assert parse("schedule", {"schedule": "7 * * * *", "workflow": "x.yml"}) == events.Schedule(schedule="7 * * * *")


@pytest.mark.parametrize(
    ("name", "payload", "field"),
    [
        ("workflow_run", payloads.run(id="30"), "$.workflow_run.id"),
        ("workflow_run", payloads.run(id=-1), "$.workflow_run.id"),
        ("workflow_run", payloads.event("completed"), "workflow_run"),
        ("workflow_run", payloads.run(head_branch=["main"]), "$.workflow_run.head_branch"),
        ("workflow_run", payloads.run(head_branch="b" * 2000), "$.workflow_run.head_branch"),
        ("issue_comment", payloads.comment("x", created_at="yesterday"), "$.comment.created_at"),
        ("issue_comment", payloads.comment("x", created_at="2026-01-31T12:00:00"), "$.comment.created_at"),
        ("issue_comment", payloads.comment("x" * 65_537), "$.comment.body"),
        ("workflow_run", payloads.run(head_commit={"message": "x" * 2_000_000}), "$.workflow_run.head_commit.message"),
        ("push", {"ref": "r", "after": "a", "sender": payloads.ANNA}, "repository"),
        ("ping", [], "object"),
    ],
)
def test_a_malformed_payload_names_event_and_field(name: str, payload: Any, field: str) -> None:
    for told in (partial(parse, name, payload), partial(read, name, json.dumps(payload).encode())):
        with pytest.raises(UsageError) as caught:
            told()
        assert str(caught.value).startswith(f"the event {name} is malformed: ")
        assert field in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"unused": ' + b"[" * 200_000,
        b'{"unused": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"sender": ' + b'{"login":' * 200_000,
        b"",
        b"\xff",
        b'{"action": "\xff"}',
        b"{}" + b" " * events.MOST_BYTES,
    ],
    ids=["deep", "deep and whole", "deep in use", "empty", "no text", "no text inside", "big"],
)
def test_a_hostile_payload_is_refused(payload: bytes) -> None:
    with pytest.raises(UsageError, match="the event ping is malformed"):
        read("ping", payload)


def test_what_is_not_used_is_not_read() -> None:
    assert parse("ping", {"zen": 1, "hook": "x", "repository": None}) == events.Ping()


@settings(deadline=None)
@given(st.sampled_from(sorted(EVENTS)), JSON, st.data())
def test_any_json_is_an_event_or_a_usage_error(name: str, value: Any, data: st.DataObject) -> None:
    fields = st.sampled_from(
        ["workflow_run", "comment", "issue", "pull_request", "review", "inputs", "action", "sender"]
    )
    payload = data.draw(st.just(value) | st.dictionaries(fields, JSON).map(lambda d: payloads.run() | d))
    with suppress(UsageError):
        assert isinstance(parse(name, payload), EVENTS[name])


@settings(deadline=None)
@given(st.sampled_from(sorted(EVENTS)), st.binary())
def test_any_bytes_are_an_event_or_a_usage_error(name: str, payload: bytes) -> None:
    with suppress(UsageError):
        assert isinstance(read(name, payload), EVENTS[name])
