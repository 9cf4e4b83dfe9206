"""What goes wrong on demand: for each row of the table of faults, something that a script can have in place of an answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.llm.answers import Answer

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


@dataclass(frozen=True)
class Fault:
    """Without `answer` nothing is done and billed. Then `body` comes with `status`; with no status no byte comes.

    With `answer` it is worked on and billed, but only `events` of its stream are sent, then `body`. Then the
    connection ends; with `hold` the server waits until the client ends it.
    """

    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    answer: Answer | None = None
    events: int = 0
    hold: bool = False


def refused(status: int, message: str, *, code: str = "", headers: Mapping[str, str] | None = None) -> Fault:
    """An error as the API has it."""
    details = {"details": {"error_code": code}} if code else {}
    error = {"type": TYPES.get(status, "api_error"), "message": message, **details}
    body = {"type": "error", "error": error, "request_id": "req_fault"}
    return Fault(status, json.dumps(body).encode(), {"content-type": "application/json", **(headers or {})})


def rate_limited(retry_after: float | str | None = None) -> Fault:
    """Too much at once; None leaves the header out."""
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return refused(429, "This request would exceed your rate limit", headers=headers)


def spend_limit(code: str = "enforced_spend_limit_reached", status: int = 429) -> Fault:
    """Nobody is answered until somebody pays."""
    return refused(status, "You have reached your API usage limits", code=code, headers={"retry-after": "1"})


def no_credit() -> Fault:
    """As the one before, in the form that has no code."""
    return refused(400, "Your credit balance is too low to access the Anthropic API.")


def overloaded() -> Fault:
    """The service has too much to do."""
    return refused(529, "Overloaded", headers={"retry-after": "0.001"})


def broken(status: int = 500) -> Fault:
    """The service has an error, or a gateway has one."""
    return refused(status, "Internal server error", headers={"retry-after": "0.001"})


def too_large() -> Fault:
    """More bytes than are taken."""
    return refused(413, "Request exceeds the maximum size")


def too_long(tokens: int = 1_000_001) -> Fault:
    """More tokens than a model has room for."""
    return refused(400, f"prompt is too long: {tokens} tokens > 1000000 maximum")


def bad_key(told: str = "invalid x-api-key") -> Fault:
    """The key is none."""
    return refused(401, told)


def forbidden() -> Fault:
    """The key may not do it."""
    return refused(403, "Your API key does not have permission to use the specified resource.")


def dropped(given: Answer | None = None) -> Fault:
    """The connection ends without an answer, before the effect, or after it where one is given."""
    return Fault(answer=given)


def held(given: Answer | None = None) -> Fault:
    """Nothing comes, until the client has enough; before the effect, or after it where an answer is given."""
    return Fault(answer=given, hold=True)


def cut(given: Answer, events: int, *, hold: bool = False) -> Fault:
    """The stream ends after so many events; with `hold` it only stops, and the connection stays."""
    return Fault(answer=given, events=events, hold=hold)


def ended(given: Answer, events: int) -> Fault:
    """The stream ends after so many events as if that were all of it."""
    return Fault(answer=given, events=events, body=b"\n")


def broken_off(given: Answer, events: int, kind: str = "overloaded_error") -> Fault:
    """After so many events comes an error in place of the next."""
    told = {"type": "error", "error": {"type": kind, "message": "Overloaded"}}
    return Fault(answer=given, events=events, body=event("error", told))


def garbled(given: Answer, events: int) -> Fault:
    """After so many events comes one that is no JSON."""
    return Fault(answer=given, events=events, body=b'event: content_block_delta\ndata: {"type": "content_bl\n\n')


def page(status: int = 200) -> Fault:
    """What somebody else says who listens there."""
    return Fault(status, b"<!doctype html><title>Welcome</title>", {"content-type": "text/html"})


def event(name: str, data: Mapping[str, Any]) -> bytes:
    """An event of a stream."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
