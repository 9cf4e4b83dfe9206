"""What the server with models answers, refuses and bills: the rules that tests of the client count on."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from bot.model import Tokens
from tests.llm import LLMServer, answer, faults, thinking, use

HAIKU, SONNET = "claude-haiku-5-5", "claude-sonnet-5-5"
TOOL = {"name": "look", "input_schema": {"type": "object"}}
LONG = "long enough to be kept " * 200
MARK = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}


def text(said: str, mark: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {"type": "text", "text": said, **({"cache_control": mark} if mark else {})}


def user(*blocks: str | dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": [text(b) if isinstance(b, str) else b for b in blocks]}


def ask(server: LLMServer, path: str = "/v1/messages", key: str = "", **given: Any) -> httpx.Response:
    body = {"model": SONNET, "max_tokens": 1000, "messages": [user("Why?")], **given}
    headers = {"authorization": f"Bearer {key or server.key}", "anthropic-version": "2026-10-21"}
    return httpx.post(f"{server.url}{path}", json=body, headers=headers, timeout=10, verify=False)


def streamed(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = response.text.splitlines()
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert [line.removeprefix("event: ") for line in lines if line.startswith("event: ")] == [e["type"] for e in events]
    return events


def test_a_stream_has_the_same_as_a_whole_answer(llm_server: LLMServer) -> None:
    said = answer(thinking("I think " * 10), "Ä" * 90, use("look", at="a.py"))
    llm_server.script = [said, said]
    whole, events = ask(llm_server, tools=[TOOL]).json(), streamed(ask(llm_server, tools=[TOOL], stream=True))
    kinds = [event["type"] for event in events]
    assert kinds[:3] == ["message_start", "ping", "content_block_start"]
    assert kinds[-2:] == ["message_delta", "message_stop"]
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(d.get("text", "") for d in deltas) == "Ä" * 90
    assert "".join(d.get("thinking", "") for d in deltas) == "I think " * 10
    assert json.loads("".join(d.get("partial_json", "") for d in deltas)) == {"at": "a.py"}
    assert whole["content"] == list(said.blocks)
    assert events[-2]["delta"]["stop_reason"] == whole["stop_reason"] == "tool_use"
    assert events[-2]["usage"]["output_tokens"] == whole["usage"]["output_tokens"] == llm_server.bills[0].tokens.output


REFUSED: dict[str, dict[str, Any]] = {
    "temperature: Extra inputs": {"temperature": 0},
    "top_p: Extra inputs": {"top_p": 0.5},
    "forces tool use": {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "look"}},
    "thinking.type.enabled": {"thinking": {"type": "enabled", "budget_tokens": 2000}},
    "thinking.type.disabled": {"thinking": {"type": "disabled"}},
    "prefill": {"messages": [user("Why?"), {"role": "assistant", "content": "Because"}]},
    "first message": {"messages": [{"role": "assistant", "content": "Because"}, user("Why?")]},
    "non-whitespace": {"messages": [user("Why?", " ")]},
    "system.0: text content": {"system": [text("")]},
    "maximum of 4 blocks": {"system": [text(f"Part {n}", MARK) for n in range(5)]},
    "must not come after": {"system": [text("Part", MARK)], "messages": [user(text("Why?", HOUR))]},
    "Input should be '5m' or '1h'": {"system": [text("Part", {"type": "ephemeral", "ttl": "2h"})]},
    "output_config.effort": {"output_config": {"effort": "extreme"}},
    "names must be unique": {"tools": [TOOL, TOOL]},
    "is no name of a tool": {"tools": [{**TOOL, "name": "look at"}]},
    "content must be non-empty": {"messages": [user()]},
    "max_tokens": {"max_tokens": 0},
    "`tool_use` ids": {
        "messages": [user("Why?"), {"role": "assistant", "content": [use("look", "t1")]}, user("Go on.")]
    },
    "Invalid `signature`": {
        "messages": [user("Why?"), {"role": "assistant", "content": [{**thinking("a"), "thinking": "b"}]}, user("So?")]
    },
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_the_api_refuses_is_refused_and_not_billed(llm_server: LLMServer, told: str) -> None:
    response = ask(llm_server, **REFUSED[told])
    assert response.status_code == 400
    assert told in response.json()["error"]["message"]
    assert len(llm_server.violations) == 1
    llm_server.violations.clear()
    assert not llm_server.bills


def test_keys_paths_and_models_that_are_none(llm_server: LLMServer) -> None:
    assert ask(llm_server, key="other").status_code == 401
    assert ask(llm_server, "/v1/complete").status_code == 404
    assert ask(llm_server, model="claude-1").json()["error"] == {
        "type": "not_found_error",
        "message": "model: claude-1",
    }


def test_models_are_listed(llm_server: LLMServer) -> None:
    headers = {"authorization": f"Bearer {llm_server.key}", "anthropic-version": "2026-10-21"}
    listed = httpx.get(f"{llm_server.url}/v1/models", headers=headers).json()["data"]
    assert [model["id"] for model in listed] == list(llm_server.windows)


def tokens(server: LLMServer, **given: Any) -> Tokens:
    server.script = [answer("Yes.")]
    assert ask(server, **given).status_code == 200
    return server.bills[-1].tokens


def test_a_prefix_is_kept_exactly_and_for_its_time(llm_server: LLMServer) -> None:
    system = [text(LONG, HOUR), text("More. " * 400, MARK)]
    first = tokens(llm_server, system=system)
    assert min(first.cache_write, first.cache_write_1h, first.input) > 0
    assert tokens(llm_server, system=system).cache_read == first.cache_write + first.cache_write_1h
    llm_server.now = 299
    assert tokens(llm_server, system=system).cache_write == 0  # and being read it is kept for as long again
    llm_server.now = 299 + 301
    late = tokens(llm_server, system=system)
    assert (late.cache_read, late.cache_write) == (first.cache_write_1h, first.cache_write)
    llm_server.now = 20_000
    assert tokens(llm_server, system=system).cache_read == 0
    for changed in ({"tools": [TOOL]}, {"model": HAIKU}, {"system": [text(LONG + ".", HOUR), system[1]]}):
        assert tokens(llm_server, **{"system": system, **changed}).cache_read == 0


def test_what_is_short_is_not_kept(llm_server: LLMServer) -> None:
    short = [text("x" * 4 * 400, MARK)]
    assert (tokens(llm_server, system=short).cache_write, tokens(llm_server, system=short).cache_read) == (0, 0)


def test_a_conversation_reads_what_it_wrote_up_to_twenty_blocks_back(llm_server: LLMServer) -> None:
    begun = user(text(LONG, MARK))
    first = tokens(llm_server, messages=[begun])
    for more, read in ((19, first.cache_write), (20, 0)):
        blocks = [f"Block {more} {n}" for n in range(more - 1)]
        again = [user(LONG, *blocks, text("The end.", MARK))]
        assert tokens(llm_server, messages=again).cache_read == read


def test_thinking_otherwise_keeps_only_what_is_before_the_messages(llm_server: LLMServer) -> None:
    asked: dict[str, Any] = {"system": [text(LONG, MARK)], "messages": [user(text(LONG, MARK))]}
    first = tokens(llm_server, **asked)
    other = tokens(llm_server, **asked, output_config={"effort": "low"})
    assert 0 < other.cache_read < first.cache_write


def test_an_answer_ends_where_there_is_no_more_room(llm_server: LLMServer) -> None:
    llm_server.script = [answer("word " * 1000, use("look", at="x" * 1000)), answer(use("look", at="x" * 1000))]
    response = ask(llm_server, tools=[TOOL], max_tokens=50).json()
    assert (response["stop_reason"], response["usage"]["output_tokens"]) == ("max_tokens", 50)
    assert len(response["content"][0]["text"]) == 200
    partial = streamed(ask(llm_server, tools=[TOOL], max_tokens=50, stream=True))
    told = "".join(e["delta"].get("partial_json", "") for e in partial if e["type"] == "content_block_delta")
    assert len(told) == 200


def test_an_answer_that_ends_between_blocks_has_no_empty_one(llm_server: LLMServer) -> None:
    first = answer("word " * 100)
    llm_server.script = [answer(*first.blocks, "and more")]
    content = ask(llm_server, max_tokens=first.tokens).json()["content"]
    assert content == list(first.blocks)  # an empty one could not be handed back


def test_a_script_that_is_at_its_end_is_a_mistake_of_the_test(llm_server: LLMServer) -> None:
    llm_server.script = [answer("One.")]
    ask(llm_server)
    ask(llm_server)
    assert llm_server.violations == ["the script has only 1 answers"]
    llm_server.violations.clear()


def test_many_ask_at_once(llm_server: LLMServer) -> None:
    llm_server.script = lambda body: faults.overloaded() if body["max_tokens"] % 2 else answer(f"{body['max_tokens']}")
    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(lambda n: ask(llm_server, max_tokens=n + 1), range(32)))
    assert [r.status_code for r in responses] == [529, 200] * 16
    assert len(llm_server.bills) == 16
