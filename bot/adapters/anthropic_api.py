"""Models of Anthropic, or of a gateway or local server that speaks its Messages API: see `bot.llm.LLM`.

Importing the SDK takes one to four seconds, so it is done on first use, or beforehand in the background.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Literal

from bot.errors import RegreenError
from bot.llm import Passage, Reply, Request, Turn, Unanswered

if TYPE_CHECKING:
    from bot.adapters.anthropic_wire import Wire

Provider = Literal["anthropic", "bedrock", "vertex", "foundry"]
MOST_MARKS = 4  # ends of what is kept in the cache, in one request
OF_EFFORT = ("effort", "output_config", "thinking")
"""What a refusal speaks of where a model, perhaps an older one behind a gateway, has no effort to choose."""


class AnthropicLLM:
    """See `bot.llm.LLM`.

    `environ` has the key and the address: ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, ANTHROPIC_BASE_URL; nothing else is
    looked at. The other providers are their clouds' own, and find their credentials as those have it.

    `timeout` is how many seconds may pass without a byte, `deadline` how many a whole answer may take, `retries` how
    often a request is made again that was refused for now, or that never left.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        provider: Provider = "anthropic",
        *,
        timeout: float = 180,
        deadline: float = 1800,
        retries: int = 2,
    ) -> None:
        self._environ = environ
        self._provider = provider
        self._limits = timeout, deadline, retries
        self._lock = Lock()
        self._wire: Wire | None = None

    def warm_up(self) -> None:
        """Import the SDK in the background; what is wrong with key or address is left to the first request."""

        def opened() -> None:
            with suppress(RegreenError):
                self._opened()

        Thread(target=opened, name="llm-import", daemon=True).start()

    def ask(self, request: Request) -> Reply:
        """Return the whole answer.

        Raises `Unanswered`; `UsageError` where key or address are wrong; `MachineError` where a provider's own
        libraries are not installed.
        """
        try:
            return self._opened().ask(parameters(request), request.seconds)
        except Unanswered as e:
            if not request.effort or e.kind != "rejected" or not any(word in e.message for word in OF_EFFORT):
                raise
        return self._opened().ask(parameters(request.changed(effort="")), request.seconds)

    def count(self, request: Request) -> int | None:
        """The tokens of its input, free of charge; None where that is not to be had."""
        told = parameters(request)
        del told["max_tokens"]
        try:
            return self._opened().count(told)
        except RegreenError:
            return None

    def models(self) -> Mapping[str, str] | None:
        """See `bot.llm.LLM.models`. Raises what `ask` does."""
        return self._opened().models()

    def _opened(self) -> "Wire":
        with self._lock:
            if self._wire is None:
                from bot.adapters.anthropic_access import access_of
                from bot.adapters.anthropic_wire import Wire

                self._wire = Wire(access_of(self._environ, self._provider), *self._limits)
            return self._wire


def parameters(request: Request) -> dict[str, Any]:
    """A request as the Messages API has it, with the ends marked of what is to be kept in the cache."""
    told: dict[str, Any] = {
        "model": request.model,
        "max_tokens": request.max_output,
        "system": _system(request.system),
        "messages": _messages(request.turns),
        "tools": [dict(tool) for tool in request.tools],
    }
    if request.effort:
        told |= {"thinking": {"type": "adaptive"}, "output_config": {"effort": request.effort}}
    return {name: value for name, value in told.items() if value != []}


def _system(passages: Sequence[Passage]) -> list[dict[str, Any]]:
    """One mark is left for the last turn. What is kept for an hour has to stand before what is kept for less."""
    blocks = []
    left, hours = MOST_MARKS - 1, True
    for passage in passages:
        if not passage.text.strip():
            continue  # the API refuses it
        block: dict[str, Any] = {"type": "text", "text": passage.text}
        if passage.keep and left:
            left -= 1
            hours = hours and passage.keep == "1h"
            block["cache_control"] = _mark("1h" if hours else "5m")
        blocks.append(block)
    return blocks


def _messages(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """All of it is kept for a while: the next turn, or the next attempt, begins with the same."""
    contents = [[dict(block) for block in turn.blocks] for turn in turns]
    if contents and contents[-1]:
        contents[-1][-1]["cache_control"] = _mark("5m")
    return [{"role": turn.role, "content": content} for turn, content in zip(turns, contents, strict=True)]


def _mark(keep: str) -> dict[str, str]:
    return {"type": "ephemeral"} if keep == "5m" else {"type": "ephemeral", "ttl": keep}
