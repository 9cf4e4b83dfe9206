"""The HTTP side: receives requests, has the script answer them, and keeps account."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from threading import RLock
from typing import Any
from urllib.parse import parse_qs

from bot.llm import Prices
from bot.model import Tokens
from tests.llm import rules
from tests.llm.accounting import Cache, Usage, parts_of
from tests.llm.answers import Answer, answer, events, message, plain
from tests.llm.faults import Fault, event, refused, too_long
from tests.servers import LoopbackServer, serving

Script = Callable[[Mapping[str, Any]], Answer | Fault] | Sequence[Answer | Fault]
MOST_BYTES = 32 << 20
KEY = "sk-of-the-test-server"
MESSAGES, COUNT, MODELS = "/v1/messages", "/v1/messages/count_tokens", "/v1/models"
JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    headers: Mapping[str, str]
    body: Any
    query: str = ""


@dataclass(frozen=True)
class Bill:
    """What one request costs whoever sent it."""

    model: str
    tokens: Tokens


class LLMServer:
    """Answers by `script`: the items of a sequence one after the other, or what a function makes of a request's body.

    A function may be asked by several threads at once, so that it can wait for another request.
    """

    def __init__(self, script: Script = ()) -> None:
        self.requests: list[Received] = []
        self.bills: list[Bill] = []
        self.violations: list[str] = []
        self.windows = dict.fromkeys(rules.MODELS, rules.WINDOW)
        self.stages = dict.fromkeys(rules.MODELS, "active")
        self.list_fault: Fault | None = None
        self.now = 0.0
        self.key = KEY
        self.count_fault: Fault | None = None
        self._script, self._at = script, 0
        self._cache = Cache()
        self._lock = RLock()
        self._http = _Server(self)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    @contextmanager
    def serving(self) -> Iterator["LLMServer"]:
        with serving(self._http):
            yield self

    @property
    def script(self) -> Script:
        return self._script

    @script.setter
    def script(self, script: Script) -> None:
        self._script, self._at = script, 0

    @property
    def environ(self) -> dict[str, str]:
        """What a client needs to have set."""
        return {"ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_API_KEY": self.key}

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The bodies of the requests that wanted an answer."""
        return [received.body for received in self.requests if received.path == MESSAGES]

    def cost(self, prices: Prices) -> Decimal:
        """What it has billed."""
        return sum((prices.cost(bill.model, bill.tokens) for bill in self.bills), Decimal(0))

    def receive(self, received: Received, size: int) -> "Sending":
        """What is sent back for a request."""
        with self._lock:
            self.requests.append(received)
            if (fault := self._refusal(received, size)) is not None:
                return Sending(fault)
            if received.path == MODELS:
                return Sending(self.list_fault) if self.list_fault else self._models(parse_qs(received.query))
            if received.path == COUNT:
                return Sending(self.count_fault) if self.count_fault else self._counted(received.body)
        given = self._next(received.body)
        with self._lock:
            fault = given if isinstance(given, Fault) else None
            wanted = given.answer if isinstance(given, Fault) else given
            if wanted is None:
                return Sending(fault)
            said, usage = self._worked_out(wanted, received.body)
            return Sending(said) if isinstance(said, Fault) else self._sending(fault, said, usage, received.body)

    def _refusal(self, received: Received, size: int) -> Fault | None:
        given = received.headers.get("authorization", "").removeprefix("Bearer ") or received.headers.get(
            "x-api-key", ""
        )
        if given != self.key:
            return refused(401, "invalid x-api-key")
        if "anthropic-version" not in received.headers:
            return refused(400, "anthropic-version: header is required")
        if received.path == MODELS:
            return None
        counts = received.path == COUNT
        if received.path != MESSAGES and not counts:
            return refused(404, "Not found")
        if size > MOST_BYTES:
            return refused(413, "Request exceeds the maximum size")
        if told := rules.problem(received.body, counts=counts):
            self.violations.append(told)
            return refused(400, told)
        if received.body["model"] not in self.windows:
            return refused(404, f"model: {received.body['model']}")
        return None

    def _next(self, body: Mapping[str, Any]) -> Answer | Fault:
        if callable(self._script):
            return self._script(body)
        with self._lock:
            if self._at == len(self._script):
                self.violations.append(f"the script has only {self._at} answers")
                return answer("the script is at its end")
            self._at += 1
            return self._script[self._at - 1]

    def _worked_out(self, said: Answer, body: Mapping[str, Any]) -> tuple[Answer | Fault, Usage]:
        """The answer as far as there is room for it, and what its prompt came to. From here on it is billed."""
        parts, model = parts_of(body), str(body["model"])
        prompt, window = sum(part.tokens for part in parts), self.windows[model]
        if prompt > window:
            return too_long(prompt), Usage(0)
        said = said.within(body["max_tokens"], "max_tokens")
        said = said.within(window - prompt, "model_context_window_exceeded")
        usage = self._cache.account(model, parts, self.now)
        tokens = Tokens(
            input=usage.input,
            output=said.tokens,
            cache_read=usage.read,
            cache_write=usage.write_5m,
            cache_write_1h=usage.write_1h,
        )
        self.bills.append(Bill(said.model or model, tokens))
        return said, usage

    def _counted(self, body: Mapping[str, Any]) -> "Sending":
        told = {"input_tokens": sum(part.tokens for part in parts_of(body))}
        self._checked("count", told)
        return Sending(Fault(200, json.dumps(told).encode(), JSON))

    def _models(self, query: Mapping[str, list[str]]) -> "Sending":
        wanted = query.get("lifecycle[]", ["active", "deprecated"])
        told = [
            {
                "id": model,
                "type": "model",
                "display_name": model,
                "created_at": "2026-10-01T00:00:00Z",
                "lifecycle": stage,
                "deprecated_at": None if stage == "active" else "2026-11-01T00:00:00Z",
                "max_input_tokens": self.windows.get(model, rules.WINDOW),
                "max_tokens": rules.MOST_OUTPUT,
            }
            for model, stage in self.stages.items()
            if stage in wanted
        ]
        for one in told:
            self._checked("model", one)
        listed = {"data": told, "has_more": False, "first_id": told[0]["id"], "last_id": told[-1]["id"]}
        return Sending(Fault(200, json.dumps(listed).encode(), JSON))

    def _sending(self, fault: Fault | None, said: Answer, usage: Usage, body: Mapping[str, Any]) -> "Sending":
        number, model = len(self.bills), said.model or str(body["model"])
        headers = {} if "request-id" in said.lacks else {"request-id": f"req_{number:06}"}
        stream = bool(body.get("stream"))
        if stream:
            told = list(events(said, model, usage, number))
        else:
            told = [{**message(said, model, usage, number), "content": [plain(block) for block in said.blocks]}]
        if not said.lacks:
            for one in told:
                self._checked("event" if stream else "message", one)
        if fault is not None:
            told = told[: fault.events]
        pieces = [event(one["type"], one) if stream else json.dumps(one).encode() for one in told]
        headers |= {"content-type": "text/event-stream; charset=utf-8"} if stream else JSON
        return Sending(fault, pieces, headers)

    def _checked(self, kind: str, told: Mapping[str, Any]) -> None:
        if wrong := rules.answer_problem(kind, told):
            self.violations.append(wrong)


@dataclass(frozen=True)
class Sending:
    """What goes over the connection: `pieces`, and then what the fault has."""

    fault: Fault | None
    pieces: Sequence[bytes] = ()
    headers: Mapping[str, str] | None = None


class _Server(LoopbackServer):
    def __init__(self, llm: LLMServer) -> None:
        self.llm = llm
        super().__init__(_Handler, llm.violations)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base has it
        pass

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            body = json.loads(data)
        except ValueError:
            body = None
        path, _, query = self.path.partition("?")
        self._send(self.server.llm.receive(Received(path, headers, body, query), len(data)))

    do_GET = do_POST  # noqa: N815 - as the base calls them

    def _send(self, sending: Sending) -> None:
        fault = sending.fault
        if fault is not None and fault.status:
            self._whole(fault.status, fault.body, fault.headers)
            return
        if sending.pieces or (fault is not None and fault.body):
            self.send_response(200)
            for name, value in {**(sending.headers or {}), "transfer-encoding": "chunked"}.items():
                self.send_header(name, value)
            self.end_headers()
            for piece in sending.pieces:
                self._chunk(piece)
        if fault is None:
            self._chunk(b"")
            return
        if fault.body:
            self._chunk(fault.body)
            self._chunk(b"")
            return
        if fault.hold:
            self.connection.recv(1)  # until the client ends it
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _whole(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
