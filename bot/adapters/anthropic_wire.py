"""The connection to models, by the SDK: what is sent again, how long an answer may take, and what it comes to."""

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from math import inf
from operator import index
from socket import SHUT_RDWR, socket
from threading import Timer, local
from time import monotonic
from typing import Any

import anthropic
import httpx2
from anthropic.types import Message, Usage

from bot.adapters.anthropic_access import Access
from bot.adapters.anthropic_refusals import NEVER_SENT, is_final, loss, pause_of, refusal, unable, unreachable
from bot.llm import Reply, Unanswered
from bot.model import Tokens

CONNECT_SECONDS = 10
COUNT_SECONDS = 10
MOST_BYTES = 64 << 20  # 128,000 tokens, each in an event of its own, stay far below it
MALFORMED = (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What the SDK raises where a stream does not keep to the protocol."""


class Sent(Exception):
    """A request was sent, so that it may have been billed, and no status came back. The SDK does not retry it."""

    def __init__(self, error: BaseException | None) -> None:
        super().__init__()
        self.error = error


class Overlong(Exception):
    """An answer takes too long, or has too many bytes."""


class Late(Exception):
    """No time is left to send a request, or to send it again."""


class Wire:
    """One client. Raises what `bot.llm.LLM` names."""

    def __init__(self, access: Access, timeout: float, deadline: float, retries: int) -> None:
        self._access = access
        self._timeout, self._deadline = timeout, deadline
        self._of_thread = local()  # has when the answer has to be there that this thread waits for
        limits = httpx2.Timeout(timeout, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS)
        try:
            # A redirect would carry the prompt to somewhere that nobody named.
            http = anthropic.DefaultHttpxClient(timeout=limits, follow_redirects=False)
            weakref.finalize(self, http.close)
            self._client: anthropic.Anthropic = access.connect(
                http_client=http, timeout=limits, max_retries=retries, middleware=[self._attempt], open_telemetry=False
            )
            self._messages = self._client.messages  # imported here, not while a request waits
        except (anthropic.AnthropicError, ValueError) as error:
            raise unable(error, access) from None

    def ask(self, told: Mapping[str, Any], seconds: float = inf) -> Reply:
        """Make a request and wait for all of the answer, for so many seconds at most."""
        started, model = monotonic(), str(told["model"])
        most = min(seconds, self._deadline)
        self._of_thread.until = started + most
        with self._refusing(model, most), self._messages.stream(**told) as stream:
            return self._read(stream, model, started)

    def models(self) -> Mapping[str, str] | None:
        """The models that are listed, and the stage that each is at; gateways may name only the models."""
        listing = getattr(self._client, "models", None)  # which clouds do not have
        if listing is None:
            return None
        self._of_thread.until = monotonic() + self._deadline
        with self._refusing("the list of models", self._deadline):
            try:
                listed = listing.list(limit=1000, lifecycle=["active", "deprecated", "retired"])
                return {model.id: getattr(model, "lifecycle", None) or "active" for model in listed}
            except (anthropic.NotFoundError, *MALFORMED):
                return None

    @contextmanager
    def _refusing(self, model: str, seconds: float) -> Iterator[None]:
        """What the SDK raises, as the errors that `bot.llm.LLM` names; `seconds` is all the time that there was."""
        try:
            yield
        except anthropic.APIStatusError as error:
            raise refusal(error, model, self._access) from None
        except anthropic.APIConnectionError as error:
            raise unreachable(error.__cause__, self._access) from None
        except anthropic.AnthropicError as error:
            raise unable(error, self._access) from None
        except self._access.unable as error:
            raise unable(error, self._access) from None
        except Sent as error:
            raise loss(error.error, model, self._access) from None
        except httpx2.HTTPError as error:
            raise loss(error, model, self._access) from None
        except Overlong:
            most = f"{seconds:.0f} s or {MOST_BYTES:,} bytes"
            said = f"{self._access.host}, {model}: the answer was not at its end after {most}"
            raise Unanswered(said, kind="lost", billed=True) from None
        except Late:
            said = f"{self._access.host}, {model}: it has not answered within {seconds:.0f} s"
            raise Unanswered(said, kind="lost") from None

    def count(self, told: Mapping[str, Any]) -> int | None:
        """The tokens of a request; None for any reason."""
        self._of_thread.until = monotonic() + COUNT_SECONDS
        client = self._client.with_options(max_retries=0)
        with suppress(
            anthropic.AnthropicError, httpx2.HTTPError, Sent, Overlong, Late, *MALFORMED, *self._access.unable
        ):
            return index(client.messages.count_tokens(**told).input_tokens)
        return None

    def _attempt(self, request: anthropic.APIRequest, call_next: anthropic.CallNext) -> anthropic.APIResponse[Any]:
        """One attempt of the SDK's. It makes another only where this one cannot have been billed, and there is time."""
        until: float = self._of_thread.until
        left = until - monotonic()
        if left <= 0:
            raise Late
        connect = min(left, CONNECT_SECONDS)
        limits = httpx2.Timeout(min(left, self._timeout), connect=connect, pool=connect)
        try:
            response = call_next(request.copy(timeout=limits))
        except anthropic.APIConnectionError as error:
            if isinstance(error.__cause__, NEVER_SENT):
                raise
            if monotonic() >= until:
                raise Overlong from None
            raise Sent(error.__cause__) from None
        raw = response.http_response
        if not raw.is_closed:
            raw.stream = Watched(raw, until)
        if raw.status_code >= 400:
            raw.read()
            if is_final(_status_error(raw)) or pause_of(raw.headers) >= until - monotonic():
                raw.headers["x-should-retry"] = "false"  # which the SDK obeys
        return response

    def _read(self, stream: "anthropic.MessageStream[None]", model: str, started: float) -> Reply:
        about = f"{self._access.host}, {model}"
        try:
            began = False
            for _ in stream:
                began = True
            if not began:
                kind = self._access.hide(stream.response.headers.get("content-type", "nothing"))[:80]
                said = f"{about}: the answer is {kind}, not a stream of events"
                raise Unanswered(said, kind="rejected", billed=True, hint=f"is {self._access.address} right?")
            message = stream.current_message_snapshot
            if message.stop_reason is None:
                raise Unanswered(f"{about}: the answer ends in its middle", kind="lost", billed=True)
            return _reply(message, stream.request_id or "", monotonic() - started)
        except MALFORMED as error:
            said = f"{about}: the answer does not keep to the protocol ({type(error).__name__})"
            raise Unanswered(said, kind="lost", billed=True) from None


class Watched(httpx2.SyncByteStream):
    """The bytes of an answer. Pings do not reach those who read events, so how long it takes is seen to here."""

    def __init__(self, raw: httpx2.Response, until: float) -> None:
        self._stream: Any = raw.stream
        self._socket = raw.extensions["network_stream"].get_extra_info("socket")
        self._until = until

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        # one that has fallen silent is waited for as long as between any two bytes, were it not cut off from here
        timer = Timer(max(0, self._until - monotonic()), self._cut)
        timer.daemon = True
        timer.start()
        try:
            for part in self._stream:
                size += len(part)
                if size > MOST_BYTES or monotonic() > self._until:
                    raise Overlong
                yield part
        except httpx2.HTTPError:
            if monotonic() >= self._until:
                raise Overlong from None
            raise
        finally:
            timer.cancel()

    def close(self) -> None:
        """Give the connection back."""
        self._stream.close()

    def _cut(self) -> None:
        with suppress(OSError):
            socket.shutdown(self._socket, SHUT_RDWR)  # below TLS, whose state is the reader's


def _status_error(raw: httpx2.Response) -> anthropic.APIStatusError:
    try:
        body = raw.json()
    except ValueError:
        body = None
    return anthropic.APIStatusError("", response=raw, body=body)


def _reply(message: Message, request_id: str, seconds: float) -> Reply:
    return Reply(
        blocks=tuple(block.to_dict(warnings=False) for block in message.content),
        stop=str(message.stop_reason),
        tokens=_tokens(message.usage),
        model=message.model or "",
        request_id=request_id,
        seconds=seconds,
    )


def _tokens(usage: Usage) -> Tokens:
    """Those of the input and the output have to be told; gateways leave out the others."""
    detail = usage.cache_creation
    hour = (detail and detail.ephemeral_1h_input_tokens) or 0
    rest = (detail and detail.ephemeral_5m_input_tokens) or 0
    written = usage.cache_creation_input_tokens
    return Tokens(
        input=_count(usage.input_tokens),
        output=_count(usage.output_tokens),
        cache_read=_count(usage.cache_read_input_tokens or 0),
        cache_write=_count(rest if written is None else max(0, written - hour)),
        cache_write_1h=_count(hour),
    )


def _count(told: int) -> int:
    """What is a number of tokens whatever the types say. Raises `TypeError` and `ValueError` for what is none."""
    found = index(told)
    if found < 0:
        raise ValueError("nothing has fewer than no tokens")
    return found
