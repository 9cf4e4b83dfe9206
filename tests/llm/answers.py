"""What a model says, as a script has it, and as the API sends it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.llm.accounting import Usage, size

Block = dict[str, Any]
PIECE = 40
"""Characters in one event."""


@dataclass(frozen=True)
class Answer:
    """`stop` is found out where it is empty, `output` (tokens) counted where it is None.

    `model` answers in the place of the one asked. `lacks` are names that are left out of the usage (or "request-id"), as local servers and gateways do.
    """

    blocks: tuple[Block, ...]
    stop: str = ""
    output: int | None = None
    lacks: tuple[str, ...] = ()
    model: str = ""

    @property
    def tokens(self) -> int:
        return max(1, sum(map(size, self.blocks))) if self.output is None else self.output

    @property
    def reason(self) -> str:
        uses = any(block["type"] == "tool_use" for block in self.blocks)
        return self.stop or ("tool_use" if uses else "end_turn")

    def within(self, most: int, reason: str) -> "Answer":
        """What is left of it when it has to end after so many tokens, for that reason."""
        if self.tokens <= most:
            return self
        kept: list[Block] = []
        left = most
        for block in self.blocks:
            if size(block) > left:
                kept += [_cut(block, left)] if left else []
                break
            kept.append(block)
            left -= size(block)
        return replace(self, blocks=tuple(kept), stop=reason, output=most)


def answer(
    *blocks: str | Block, stop: str = "", output: int | None = None, lacks: tuple[str, ...] = (), model: str = ""
) -> Answer:
    """What is a string is said as text."""
    told = tuple({"type": "text", "text": b} if isinstance(b, str) else b for b in blocks)
    return Answer(told, stop, output, lacks, model)


def thinking(text: str) -> Block:
    """What a model thinks, signed: a request that has it changed is refused."""
    return {"type": "thinking", "thinking": text, "signature": signature(text)}


def use(name: str, /, tool_id: str = "", **given: Any) -> Block:
    """The wish to use a tool."""
    tool_id = tool_id or f"toolu_{_digest(name + json.dumps(given))}"
    return {"type": "tool_use", "id": tool_id, "name": name, "input": given}


def signature(text: str) -> str:
    return f"sig-{_digest(text)}"


def message(given: Answer, model: str, usage: Usage, number: int) -> Block:
    """The whole answer."""
    return {
        "id": f"msg_{number:06}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": list(given.blocks),
        "stop_reason": given.reason,
        "stop_sequence": None,
        "usage": shown(usage, given.tokens, given.lacks),
    }


def events(given: Answer, model: str, usage: Usage, number: int) -> Iterator[Block]:
    """The same as a stream."""
    start = message(given, model, usage, number)
    start |= {"content": [], "stop_reason": None, "usage": shown(usage, 1, given.lacks)}
    yield {"type": "message_start", "message": start}
    yield {"type": "ping"}
    for index, block in enumerate(given.blocks):
        empty, deltas = _deltas(block)
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    total = shown(usage, given.tokens, (*given.lacks, "cache_creation"))
    delta = {"stop_reason": given.reason, "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": total}
    yield {"type": "message_stop"}


def shown(usage: Usage, output: int, lacks: tuple[str, ...]) -> Block:
    told = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.write_5m + usage.write_1h,
        "cache_read_input_tokens": usage.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.write_5m,
            "ephemeral_1h_input_tokens": usage.write_1h,
        },
        "output_tokens": output,
    }
    return {name: value for name, value in told.items() if name not in lacks}


def _deltas(block: Block) -> tuple[Block, list[Block]]:
    """How a block begins, and what is added to it."""
    match block:
        case {"type": "text", "text": text}:
            return {**block, "text": ""}, [{"type": "text_delta", "text": piece} for piece in _pieces(text)]
        case {"type": "thinking", "thinking": text, "signature": signed}:
            added = [{"type": "thinking_delta", "thinking": piece} for piece in _pieces(text)]
            return {**block, "thinking": "", "signature": ""}, [
                *added,
                {"type": "signature_delta", "signature": signed},
            ]
        case {"type": "tool_use"}:
            given = block.get("partial", json.dumps(block["input"]))
            added = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *_pieces(given))]
            return {**{n: v for n, v in block.items() if n != "partial"}, "input": {}}, added
    return block, []


def _pieces(text: str) -> list[str]:
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]


def _cut(block: Block, tokens: int) -> Block:
    most = 4 * tokens
    match block:
        case {"type": "text", "text": text}:
            return {**block, "text": text[:most]}
        case {"type": "thinking", "thinking": text}:
            return thinking(text[:most])
        case {"type": "tool_use", "input": given}:
            return {**block, "partial": json.dumps(given)[:most], "input": {}}
    return block


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def plain(block: Mapping[str, Any]) -> Block:
    """A block as it is in a whole answer."""
    return {name: value for name, value in block.items() if name != "partial"}
