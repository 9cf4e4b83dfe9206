"""What the API refuses, and whether requests and answers are such by the SDK's own types (imported on first use)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from tests.llm.accounting import blocks_of, parts_of
from tests.llm.answers import signature

MODELS = ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5")
UNFORCED = MODELS[1:]
"""Models that cannot be told to use a tool, nor not to think."""
MOST_MARKS = 4
MOST_OUTPUT = 128_000
WINDOW = 1_000_000
NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def problem(body: Any, *, counts: bool) -> str:
    """Why a request is none, in the words of a 400; empty when it is one. `counts`: it only wants its tokens counted."""
    if not isinstance(body, dict):
        return "the body is no object"
    return next(_problems(body, counts=counts), "")


def _problems(body: Mapping[str, Any], *, counts: bool) -> Iterator[str]:
    if told := _shape(body, counts=counts):
        yield told  # what follows counts on the shape
        return
    if not counts and not 1 <= body["max_tokens"] <= MOST_OUTPUT:
        yield f"max_tokens: {body['max_tokens']} is not between 1 and {MOST_OUTPUT}"
    yield from _settings(body)
    yield from _turns(body["messages"])
    yield from _tools(body.get("tools") or ())
    yield from _marks(body)


def _settings(body: Mapping[str, Any]) -> Iterator[str]:
    kind = (body.get("thinking") or {}).get("type")
    if kind == "enabled":
        yield '"thinking.type.enabled" is not supported for this model'
    if body["model"] in UNFORCED:
        if kind == "disabled":
            yield '"thinking.type.disabled" is not supported for this model'
        if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
            yield "tool_choice forces tool use, which is not supported for this model"


def _turns(messages: list[dict[str, Any]]) -> Iterator[str]:
    if not messages or messages[0]["role"] != "user":
        yield "messages: first message must use the user role"
    elif messages[-1]["role"] != "user":
        yield "This model does not support assistant message prefill. The conversation must end with a user message."
    pending: set[str] = set()
    for number, message in enumerate(messages):
        blocks = blocks_of(message["content"])
        if not blocks:
            yield f"messages.{number}: content must be non-empty"
        given = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if given != pending:
            yield f"messages.{number}: `tool_use` ids {sorted(pending)} need `tool_result` blocks, there are {sorted(given)}"
        pending = {block["id"] for block in blocks if block["type"] == "tool_use"}
        yield from (f"messages.{number}.content.{at}: {told}" for at, told in _blocks(blocks))


def _blocks(blocks: Iterable[Mapping[str, Any]]) -> Iterator[tuple[int, str]]:
    for at, block in enumerate(blocks):
        if block["type"] == "text" and not block["text"].strip():
            yield at, "text content blocks must contain non-whitespace text"
        if block["type"] == "thinking" and block["signature"] != signature(block["thinking"]):
            yield at, "Invalid `signature` in `thinking` block"
        if block["type"] in ("thinking", "redacted_thinking") and block.get("cache_control"):
            yield at, "cache_control cannot be set for thinking blocks"


def _tools(tools: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    names = [tool["name"] for tool in tools]
    yield from (f"tools: {name!r} is no name of a tool" for name in names if not NAME.fullmatch(name))
    if len(set(names)) < len(names):
        yield "tools: Tool names must be unique."


def _marks(body: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"system.{at}: {told}" for at, told in _blocks(blocks_of(body.get("system") or [])))
    keeps = [part.keep for part in parts_of(body) if part.keep]
    if len(keeps) > MOST_MARKS:
        yield f"A maximum of {MOST_MARKS} blocks with cache_control may be provided. Found {len(keeps)}."
    if "1h" in keeps[keeps.index("5m") :] if "5m" in keeps else False:
        yield "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block"


def _shape(body: Mapping[str, Any], *, counts: bool) -> str:
    """What the types of the SDK have against a request; fields that they do not know are refused too."""
    from pydantic import ValidationError

    adapter, known = _parameters(counts=counts)
    if unknown := sorted(set(body) - known):
        return f"{unknown[0]}: Extra inputs are not permitted"
    try:
        _walk(adapter.validate_python(body))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return ""


@cache
def _parameters(*, counts: bool) -> tuple[Any, frozenset[str]]:
    from anthropic.types.message_count_tokens_params import MessageCountTokensParams
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
    from pydantic import TypeAdapter

    if counts:
        kinds: Any = MessageCountTokensParams
        return TypeAdapter(kinds), frozenset(MessageCountTokensParams.__annotations__)
    kinds = MessageCreateParamsStreaming | MessageCreateParamsNonStreaming
    return TypeAdapter(kinds), frozenset(MessageCreateParamsStreaming.__annotations__)


def _walk(value: Any) -> None:
    """Validation of what is iterable is put off until it is iterated over."""
    if isinstance(value, Mapping):
        value = value.values()
    if not isinstance(value, str | bytes) and isinstance(value, Iterable):
        for item in value:
            _walk(item)


def answer_problem(kind: str, value: Mapping[str, Any]) -> str:
    """What the types of the SDK have against a `message`, an `event`, a `count`, `models` or an `error` of ours."""
    from pydantic import ValidationError

    if value.get("type") == "ping":
        return ""  # which the SDK takes out before its types see it
    try:
        _answers()[kind].validate_python(value)
    except ValidationError as error:
        return f"{kind} {value}: {error.errors(include_url=False)[0]}"
    return ""


@cache
def _answers() -> dict[str, Any]:
    from anthropic.types import Message, MessageTokensCount, ModelInfo, RawMessageStreamEvent
    from anthropic.types.shared.error_response import ErrorResponse
    from pydantic import TypeAdapter

    stream: Any = RawMessageStreamEvent
    kinds = {"message": Message, "count": MessageTokensCount, "model": ModelInfo, "error": ErrorResponse}
    return {"event": TypeAdapter(stream), **{name: TypeAdapter(kind) for name, kind in kinds.items()}}
