"""What it means that a model did not answer: one error with one clear line, and whether it may have cost something."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import time

import anthropic
import httpx2

from bot.adapters.anthropic_access import Access
from bot.errors import RegreenError, UsageError
from bot.llm import Unanswered
from bot.text.inert import plain

MOST_MESSAGE = 300
MOST_WAIT = 60
"""Seconds: what asks for more of them is not waited for."""
SPEND_LIMITS = {"contract_spend_limit_reached", "enforced_spend_limit_reached"}
UNPAID = "credit balance"  # a 400 without a code
TOO_LONG = ("prompt is too long", "context limit", "context window", "too many tokens")  # those have no code either
NO_ANSWER = {504, 524}
"""A gateway's: it has handed the request on, and nothing came back in time."""
PASSING = {408, 409, 429}
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
MODELS = "llm.models"


def is_spent(error: anthropic.APIStatusError) -> bool:
    """Whether somebody has to pay before there are answers."""
    return (
        error.status_code == 402
        or error.error_code in SPEND_LIMITS
        or error.type == "billing_error"
        or UNPAID in str(error.api_message)
    )


def is_final(error: anthropic.APIStatusError) -> bool:
    """Whether it is of no use, or not right, to send a request again now for which this came back."""
    pause = pause_of(error.response.headers)
    return is_spent(error) or error.status_code in NO_ANSWER or pause > MOST_WAIT


def pause_of(headers: Mapping[str, str]) -> float:
    """How many seconds a server asks to wait; 0 where it does not say."""
    try:
        if given := headers.get("retry-after-ms"):
            return float(given) / 1000
        given = headers.get("retry-after", "0")
        return float(given) if given[:1].isdigit() else parsedate_to_datetime(given).timestamp() - time()
    except ValueError:
        return 0


def refusal(error: anthropic.APIStatusError, model: str, access: Access) -> RegreenError:
    """The error for an answer from 300 on, or for one that a server broke off with an error."""
    status = error.status_code
    told = " ".join(plain(access.hide(str(error.api_message or ""))).split())[:MOST_MESSAGE]
    said = f"{access.host} says to {model}: {told or f'status {status}, and no reason'}"
    if is_spent(error):
        return Unanswered(said, kind="spend-limit", billed=status < 300, hint="raise the limit, or pay")
    if status < 300:
        return _broken_off(error, said)
    if status in (401, 403):
        return UsageError(f"{access.host} does not accept the key: {told or status}", hint=f"set {access.variable}")
    if status == 404:
        hint = f"change {MODELS}" if error.type == "not_found_error" else f"change {MODELS} or {access.address}"
        return Unanswered(f"{access.host} has no model {model}", kind="rejected", hint=hint)
    if status == 413 or (status == 400 and any(words in told for words in TOO_LONG)):
        return Unanswered(said, kind="too-large")
    if status in NO_ANSWER:
        return Unanswered(said, kind="lost", billed=True)
    if status in PASSING or status >= 500:
        pause = pause_of(error.response.headers)
        return Unanswered(said, kind="busy", hint=f"it asks to wait {pause:.0f} s" if pause >= 1 else "")
    return Unanswered(said, kind="rejected", hint=f"is {access.address} right?" if status < 400 else "")


def _broken_off(error: anthropic.APIStatusError, said: str) -> Unanswered:
    """The answer had begun, and what it cost is not known."""
    if error.type in ("overloaded_error", "rate_limit_error", "api_error"):
        return Unanswered(said, kind="busy", billed=True)
    return Unanswered(said, kind="rejected" if error.type == "invalid_request_error" else "lost", billed=True)


def loss(error: BaseException | None, model: str, access: Access) -> Unanswered:
    """The error for a request that was sent, and whose answer did not come, or not all of it."""
    late = isinstance(error, httpx2.TimeoutException)
    told = "there was no answer for too long" if late else "the connection ended before the answer did"
    return Unanswered(f"{access.host}, {model}: {told} ({type(error).__name__})", kind="lost", billed=True)


def unable(error: Exception, access: Access) -> UsageError:
    """The error for a client that lacks what it needs before it can ask: the SDK says what, and what to set."""
    told = " ".join(plain(access.hide(str(error))).split())[:MOST_MESSAGE]
    return UsageError(f"models cannot be asked: {told}")


def unreachable(error: BaseException | None, access: Access) -> Unanswered:
    """The error for a request that never left."""
    hint = f"is {access.address} right, and is there a way to it from here?"
    return Unanswered(f"there is no connection to {access.host} ({type(error).__name__})", kind="lost", hint=hint)
