"""The HTTP side: reads a request, lets faults strike, answers it, and counts it."""

import base64
import hashlib
import json
import re
import socket
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.hub import git_http
from tests.hub.faults import What
from tests.hub.routing import Answer, Failure, Request, find_route
from tests.hub.world import Token, now
from tests.servers import LoopbackServer

if TYPE_CHECKING:
    from tests.hub.hub import Hub

ENTERPRISE = re.compile("^/api(/v3(?=/)|(?=/graphql$))")  # an own server has both below its address
UNCOUNTED = {"/rate_limit"}


class Server(LoopbackServer):
    """What the hub is reached by."""

    def __init__(self, hub: "Hub") -> None:
        self.hub = hub
        super().__init__(Handler, hub.violations)


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base has it
        pass

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815 - as the base calls them

    def _serve(self) -> None:
        data = self._body()
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        hub, path = self.server.hub, ENTERPRISE.sub("", url.path)
        request = Request(hub, self.command, path, dict(parse_qsl(url.query)), headers, None, None)
        if path.startswith("/_blobs/"):
            self._send(_blob(request))
            return
        fault = hub.faults.of(request)
        if fault and not fault.after and (fault.drop or fault.answer):
            self._end(request, fault, Answer(), counted=False)
        elif ".git/" in path:
            answer = _git(request, url.query, data)
            self._end(request, fault, answer, counted=False)
        else:
            self._end(request, fault, _rest(request, data), counted=path not in UNCOUNTED)

    def _end(self, request: Request, fault: What | None, answer: Answer, *, counted: bool) -> None:
        hub = request.hub
        if fault and fault.change and answer.status < 300:
            answer.body = fault.change(answer.body)
        if fault and (fault.answer or fault.drop):
            answer = fault.answer or answer
        elif request.template:
            _conditional(request, answer)
            hub.violations += hub.description.answer_problems(request, answer)
        dropped = bool(fault and fault.drop)
        counted = counted and answer.status != 304
        hub.asked(request, 0 if dropped else answer.status, counted=counted)
        if dropped:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if ".git/" not in request.path:
            answer.headers = {**_limits(request, counted=counted), **answer.headers}
        self._send(answer)

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, answer: Answer) -> None:
        data = (
            answer.raw if answer.raw is not None else b"" if answer.body is None else json.dumps(answer.body).encode()
        )
        self.send_response(answer.status)
        headers = {
            "content-type": "application/json; charset=utf-8",
            **answer.headers,
            "content-length": str(len(data)),
        }
        if answer.status in (204, 304):
            headers = {n: v for n, v in headers.items() if n not in ("content-type", "content-length")}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


def _git(request: Request, query: str, data: bytes) -> Answer:
    try:
        request.token = _token(request)
    except Failure:
        return Answer(401, raw=b"remote: Invalid username or token.\n", headers={"content-type": "text/plain"})
    return git_http.serve(request.hub, request, query, data, request.token)


def _rest(request: Request, data: bytes) -> Answer:
    hub = request.hub
    try:
        request.token = _token(request)
        _spend(request)
        try:
            request.body = json.loads(data) if data else None
        except ValueError:
            raise Failure(400, "Problems parsing JSON") from None
        found = find_route(request)
        hub.violations += hub.description.request_problems(request)
        with hub.lock:
            return found.serve(request)
    except Failure as failure:
        return failure.answer


def _token(request: Request) -> Token | None:
    """The token of a request: `Bearer`, `token`, or the password of git. Raises a 401 for one that is none."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if not kind:
        return None
    if kind.lower() == "basic":
        value = base64.b64decode(value).decode().partition(":")[2]
    if request.path == "/app" or request.path.startswith("/app/"):  # signed by the app itself
        return None
    found = request.hub.tokens.get(value)
    if not found or (found.expires and found.expires <= now()):
        raise Failure(401, "Bad credentials")
    return found


def _spend(request: Request) -> None:
    """Raises a 403 when the requests of the hour are spent."""
    token = request.token
    if token and token.used >= token.limit and request.path not in UNCOUNTED:
        raise Failure(403, f"API rate limit exceeded for user ID {token.account.id}.")


def _limits(request: Request, *, counted: bool) -> dict[str, str]:
    token = request.token
    if not token:
        return {}
    token.used = min(token.limit, token.used + counted)
    numbers = {"limit": token.limit, "remaining": token.limit - token.used, "used": token.used}
    numbers["reset"] = int(token.reset.timestamp())
    shown = {f"x-ratelimit-{name}": str(number) for name, number in numbers.items()}
    return {**shown, "x-ratelimit-resource": "graphql" if request.path.endswith("/graphql") else "core"}


def _conditional(request: Request, answer: Answer) -> None:
    """Give a 200 its ETag, and make it a 304 when the client has the same."""
    if request.method != "GET" or answer.status != 200:
        return
    digest = hashlib.sha256(json.dumps([answer.body, answer.headers.get("link")]).encode()).hexdigest()
    answer.headers["etag"] = f'W/"{digest}"'
    answer.headers["cache-control"] = "private, max-age=60, s-maxage=60"
    if request.headers.get("if-none-match", "").removeprefix("W/") == answer.headers["etag"].removeprefix("W/"):
        answer.status, answer.body = 304, None


def _blob(request: Request) -> Answer:
    """A file behind a signed address: as the store of GitHub, it takes no token."""
    if "authorization" in request.headers:
        return Answer(400, raw=b"InvalidAuthenticationInfo", headers={"content-type": "application/xml"})
    found = request.hub.blobs.get(unquote(request.path))
    if found is None:
        return Answer(404, raw=b"BlobNotFound", headers={"content-type": "application/xml"})
    kind = "application/zip" if found[:2] == b"PK" else "text/plain"
    return Answer(raw=found, headers={"content-type": kind})
