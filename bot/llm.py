"""What is asked of language models, as values and one Protocol; `bot/adapters/anthropic_api.py` fulfils it.

Blocks of a conversation are dictionaries as the Messages API has them: a conversation that goes on has to hand back
what a model said exactly as it was, its thinking included.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import inf
from typing import Any, Literal, Protocol

import msgspec

from bot.errors import RegreenError
from bot.model import Model, Tokens

_ADORNED = re.compile(r"^.*/|^([a-z-]+\.)?anthropic\.|[-@](\d{8}|latest)(?=-v\d|$)|-v\d+(:\d+)?$")
LLM_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
"""The variables of the environment that may hold the key."""
LLM_ADDRESS = "ANTHROPIC_BASE_URL"
"""The variable that may name another server than that of the public API; such a one may need no key."""
LLM_HOST = "api.anthropic.com"
"""Where the public API is."""
Keep = Literal["", "5m", "1h"]
"""How long what ends here stays in the model's cache of prompts; empty: no end is marked here."""


class Passage(Model):
    """A part of the instructions, the most lasting first; up to its end they may be kept in the model's cache."""

    text: str
    keep: Keep = ""


class Turn(Model):
    """What one side says: blocks as the Messages API has them."""

    role: Literal["user", "assistant"]
    blocks: tuple[Mapping[str, Any], ...]


class Request(Model):
    """One call of a model. `effort` is empty for models that have none; `max_output` is in tokens.

    `seconds` is how long the whole answer may take, what is sent again included.
    """

    model: str
    max_output: int
    system: tuple[Passage, ...]
    turns: tuple[Turn, ...]
    effort: str = ""
    tools: tuple[Mapping[str, Any], ...] = ()
    seconds: float = inf

    @property
    def size(self) -> int:
        """Its bytes: no tokenizer makes more tokens of a text than it has bytes."""
        told = [[p.text for p in self.system], [t.blocks for t in self.turns], self.tools]
        return len(msgspec.json.encode(told))


def is_other(asked: str, answered: str) -> bool:
    """Whether another model has answered than was asked, not the same by a name with a date or a cloud's words."""
    return bool(answered) and _ADORNED.sub("", asked.lower()) != _ADORNED.sub("", answered.lower())


class Reply(Model):
    """What a model answered; `blocks` is what a conversation goes on with.

    `stop` is why it ended (`end_turn`, `tool_use`, `max_tokens`, `refusal`, `model_context_window_exceeded`, ...).
    """

    blocks: tuple[Mapping[str, Any], ...]
    stop: str
    tokens: Tokens
    model: str
    request_id: str = ""
    seconds: float = 0

    @property
    def text(self) -> str:
        """All that it says as text."""
        return "".join(b["text"] for b in self.blocks if b["type"] == "text")

    @property
    def uses(self) -> Sequence[Mapping[str, Any]]:
        """The tools that it wants used: blocks with `id`, `name` and `input`."""
        return [b for b in self.blocks if b["type"] == "tool_use"]


class Unanswered(RegreenError):
    """A call came to nothing.

    `kind`: `busy` (others may answer, or this one later), `spend-limit` (nobody answers until somebody pays),
    `too-large` (the prompt), `rejected` (the request, for good), `lost` (no answer, or half of one). `billed` tells
    whether it may have cost something all the same: then nobody knows how much, up to all that was set aside for it.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        kind: Literal["busy", "spend-limit", "too-large", "rejected", "lost"],
        billed: bool = False,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind, self.billed = kind, billed


class LLM(Protocol):
    """Something that answers requests. Raises `Unanswered`; `UsageError` where key or address are wrong."""

    def ask(self, request: Request) -> Reply:
        """Return the whole answer."""
        ...

    def count(self, request: Request, /) -> int | None:
        """The tokens of its input, free of charge; None where that is not to be had."""
        ...

    def models(self) -> Mapping[str, str] | None:
        """The models that can be asked for by name: active, deprecated or retired. None where nobody lists them."""
        ...


class Prices(Protocol):
    """What models cost, in US dollars."""

    @property
    def version(self) -> str:
        """Which table it is."""
        ...

    def cost(self, model: str, tokens: Tokens) -> Decimal:
        """What a call costs. Raises `UsageError` for a model that has no price."""
        ...

    def billed(self, asked: str, answered: str, tokens: Tokens) -> Decimal:
        """What a call costs that another model has answered than was asked. Raises `UsageError` as `cost` does."""
        ...

    def most(self, model: str, prompt: int, output: int) -> Decimal:
        """The most that a call with so many tokens can cost: all of its prompt goes to the dearest cache."""
        ...
