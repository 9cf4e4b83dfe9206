"""The one way to GitHub's API: below PyGithub, so that every request of its is polite, patient and counted."""

import json
import re
import ssl
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from github.GithubObject import NonCompletableGithubObject
from github.PaginatedList import PaginatedList
from github.Requester import Requester
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    retry_if_result,
    stop_after_attempt,
)

from bot import __version__
from bot.adapters.github_memory import Answer, Call, Memory
from bot.adapters.github_politeness import Politeness
from bot.adapters.github_refusals import message_of, refusal
from bot.adapters.patience import MOST_TRIES, PAUSE, while_transient
from bot.errors import Transient, UsageError
from bot.ports import Clock

AGENT = f"regreen/{__version__}"
API_VERSION = "2022-11-28"
SECONDS = httpx.Timeout(30.0, connect=10.0)
PER_PAGE = 100
MOST_ITEMS = 1000
MOST_REDIRECTS = 3
FOUND = 302  # a download lies elsewhere
MOVED = (301, FOUND, 307, 308)  # a repository has another name
REPEATABLE = re.compile(r".*/(labels|requested_reviewers|reactions|access_tokens)")
"""The POSTs that change nothing when they are made once more."""

T = TypeVar("T")


@cache
def _trusted() -> ssl.SSLContext:
    """Whom this machine trusts, for all connections of the process: to read that takes 20 ms."""
    return httpx.create_ssl_context()


class Access(ABC):
    """What lets a request in. Never part of a URL, a message or a `repr`."""

    @abstractmethod
    def authorization(self) -> str:
        """The value of the header."""

    def renew(self) -> bool:
        """Get another one after GitHub did not accept it; False where there is no other."""
        return False


class Wire:
    """The connection to the API at `base_url`. Raises what `bot.github` names."""

    def __init__(self, base_url: str, clock: Clock, politeness: Politeness, memory: Memory) -> None:
        self.base_url = base_url.rstrip("/")
        self.clock = clock
        self.politeness = politeness
        self.memory = memory
        self._client = httpx.Client(verify=_trusted(), timeout=SECONDS, headers={"User-Agent": AGENT})
        weakref.finalize(self, self._client.close)

    @property
    def client(self) -> httpx.Client:
        """For downloads from elsewhere. It knows no token."""
        return self._client

    def ask(self, call: Call, access: Access) -> Answer:
        """Make a request, as often as it takes and is right; the answer is one below 400."""
        answer = self._patiently(call, access)
        if answer.status == 401 and access.renew():
            answer = self._patiently(call, access)
        if answer.status >= 400:
            raise refusal(call.verb, call.path, answer.status, answer.headers, answer.said)
        self.memory.keep(call, answer, self.clock.now())
        return answer

    def _patiently(self, call: Call, access: Access) -> Answer:
        """Again where no answer came and asking twice is harmless, or where GitHub does not see yet what we made."""

        def unseen(answer: Answer) -> bool:
            return answer.status == 404 and self.memory.just_made(call, self.clock.now())

        def unanswered(error: BaseException) -> bool:
            return isinstance(error, Transient) and _repeatable(call)

        again = Retrying(
            retry=retry_if_exception(unanswered) | retry_if_result(unseen),
            wait=PAUSE,
            stop=stop_after_attempt(MOST_TRIES),
            sleep=self.clock.sleep,
            retry_error_callback=_last,
        )
        answer: Answer = again(self._within_limits, call, access)
        return answer

    def _within_limits(self, call: Call, access: Access) -> Answer:
        for _ in range(MOST_TRIES):
            known = self.memory.answer(call)
            authorization = access.authorization()  # which may be a request itself
            with self.politeness.turn(call.resource, writes=call.writes):
                answer = self._send(call, authorization, known.headers["etag"] if known else "")
            message = message_of(answer.said) if answer.status >= 400 else ""
            if self.politeness.heard(
                answer.status, answer.headers, message, resource=call.resource, writes=call.writes
            ):
                continue
            if answer.status >= 500:
                raise refusal(call.verb, call.path, answer.status, answer.headers, answer.said)
            if answer.status in MOVED and (call.follow or answer.status != FOUND):
                call = self._moved(call, answer)
                continue
            return known if known and answer.status == 304 else answer
        raise self.politeness.limited(call.resource)

    def _send(self, call: Call, authorization: str, etag: str) -> Answer:
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": API_VERSION,
            "Authorization": authorization,
            **({"If-None-Match": etag} if etag else {}),
            **({"Content-Type": "application/json"} if call.body else {}),
        }
        try:
            heard = self._client.request(call.verb, call.url, content=call.body or None, headers=headers)
        except httpx.TransportError as error:
            told = str(error) or type(error).__name__
            raise Transient(f"GitHub gave no answer to {call.verb} {call.path}: {told}") from None
        answer = Answer(heard.status_code, {k.lower(): v for k, v in heard.headers.items()}, heard.text)
        if heard.is_success and answer.text and answer.said is None:
            raise Transient(f"something else than GitHub answered {call.verb} {call.path}: no JSON")
        return answer

    def _moved(self, call: Call, answer: Answer) -> Call:
        """A renamed repository: the same request at its new place, which must be at the same GitHub."""
        there, here = httpx.URL(call.url).join(answer.headers.get("location", "")), httpx.URL(self.base_url)
        if (there.scheme, there.host, there.port) != (here.scheme, here.host, here.port):
            raise UsageError(
                f"GitHub's API at {self.base_url} sends requests to {there.host}", hint="set GITHUB_API_URL to that"
            )
        query = there.query or httpx.URL(call.url).query
        return Call(call.verb, str(there.copy_with(query=query or None)), call.body, call.follow, call.fresh)


class Rest(Requester):
    """PyGithub's Requester over a wire.

    Answers are read as JSON and not through PyGithub's objects: those ask GitHub once more for each attribute that an
    answer left out, which for a list is one request an item.
    """

    def __init__(self, wire: Wire, access: Access) -> None:
        super().__init__(
            auth=None,
            base_url=wire.base_url,
            timeout=30,
            user_agent=AGENT,
            per_page=PER_PAGE,
            verify=True,
            retry=None,
            pool_size=None,
            lazy=True,
        )
        self._wire = wire
        self._access = access

    def requestJson(  # noqa: N802  # PyGithub's name, and its parameters
        self,
        verb: str,
        url: str,
        parameters: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
        input: Any | None = None,  # noqa: A002
        cnx: Any = None,  # noqa: ARG002
        follow_302_redirect: bool = False,  # noqa: ARG002
    ) -> tuple[int, dict[str, Any], str]:
        """What PyGithub sends all its requests with; see there."""
        body = "" if input is None else json.dumps(input)
        call = Call(
            verb,
            self.add_parameters_to_url(self.absolute(url), parameters or {}),
            body,
            fresh="Cache-Control" in (headers or {}),
        )
        answer = self._wire.ask(call, self._access)
        return answer.status, dict(answer.headers), answer.text

    def requestJsonAndCheck(  # noqa: N802
        self,
        verb: str,
        url: str,
        parameters: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        input: Any | None = None,  # noqa: A002
        follow_302_redirect: bool = False,
    ) -> tuple[dict[str, Any], Any]:
        """The headers and the JSON of an answer; see PyGithub, which refuses URLs at other hosts than ours."""
        return super().requestJsonAndCheck(verb, self.absolute(url), parameters, headers, input, follow_302_redirect)

    def absolute(self, url: str) -> str:
        """The URL at our own GitHub, whatever host a link names: the token goes nowhere else."""
        parts = urlsplit(url)
        base = urlsplit(self.base_url)
        prefix = "" if parts.netloc else base.path
        return f"{base.scheme}://{base.netloc}{prefix}{parts.path}{f'?{parts.query}' if parts.query else ''}"

    def get(self, path: str, *, fresh: bool = False, **parameters: Any) -> Any:
        """The JSON at a path; `fresh`: as GitHub has it now, whatever we know."""
        return self.requestJsonAndCheck("GET", path, parameters, {"Cache-Control": "no-cache"} if fresh else None)[1]

    def write(self, verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Change what is at a path; the JSON of the answer."""
        return self.requestJsonAndCheck(verb, path, input=body)[1]

    def pages(self, path: str, key: str = "items", most: int = MOST_ITEMS, **parameters: Any) -> list[dict[str, Any]]:
        """The items of a list, over as many pages as that takes; `key` is where the answer has them, if not bare."""
        return list(self.each(path, key, most, **parameters))

    def each(
        self, path: str, key: str = "items", most: int = MOST_ITEMS, **parameters: Any
    ) -> Iterator[dict[str, Any]]:
        """The same one by one: a page is asked for when it is come to."""
        given = {k: v for k, v in parameters.items() if v} | {"per_page": min(most, PER_PAGE)}
        found = PaginatedList(_Item, self, path, given, list_item=key)
        return (one.raw_data for one in islice(found, most))

    def once(self, look: Callable[[], T | None], make: Callable[[], T]) -> T:
        """Make what must not be made twice: where no answer comes, `look` whether it is there all the same."""
        for attempt in while_transient(self._wire.clock):
            with attempt:
                there = look() if attempt.retry_state.attempt_number > 1 else None
                return make() if there is None else there
        raise AssertionError("tenacity returns or raises")

    def place(self, path: str) -> str:
        """The URL that GitHub redirects a download to."""
        answer = self._wire.ask(Call("GET", self.absolute(path), follow=False), self._access)
        if not answer.headers.get("location"):
            raise Transient(f"GitHub does not say where to download {path} from")
        return str(httpx.URL(self.base_url).join(answer.headers["location"]))


class _Item(NonCompletableGithubObject):
    """An item of a list, for PyGithub to make: nothing but what the list says of it."""

    def _initAttributes(self) -> None:  # noqa: N802  # PyGithub's name
        pass

    def _useAttributes(self, attributes: Any) -> None:  # noqa: N802  # PyGithub's name
        pass


def _repeatable(call: Call) -> bool:
    if call.verb == "PATCH":
        return '"annotations"' not in call.body  # they are added to those that are there
    return call.verb != "POST" or not call.writes or REPEATABLE.fullmatch(call.path) is not None


def _last(state: RetryCallState) -> Any:
    assert state.outcome is not None
    return state.outcome.result()
