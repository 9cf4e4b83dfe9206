"""How to behave towards GitHub: writes one at a time, nothing while a limit holds, never more than the budget.

GitHub's rules: https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from bot.errors import OutOfBudget, RateLimited
from bot.github import Usage
from bot.ports import Clock

PATIENCE = 60.0  # seconds: a longer wait is the caller's, who keeps a checkpoint
BETWEEN_WRITES = 1.0
SECONDARY_LIMIT = 60.0  # seconds, where GitHub names none; doubled each time in a row
SECONDARY_WORDS = ("secondary rate limit", "abuse detection", "retry your request again later")
LIMITED = (403, 429)
NOT_MODIFIED = 304
MAIN = "core"  # the limit of most requests
EVERYTHING = ""  # what a secondary limit closes


class Politeness:
    """The pace of all requests of one gateway.

    `budget` is how many requests that count it may make, 0 for any number.
    """

    def __init__(self, clock: Clock, *, budget: int = 0) -> None:
        self._clock = clock
        self._budget = budget
        self._one_write = threading.Lock()
        self._counting = threading.Lock()
        self._written: datetime | None = None
        self._closed: dict[str, datetime] = {}
        self._in_a_row = 0
        self._usage = Usage()

    @property
    def usage(self) -> Usage:
        """What was asked so far."""
        return self._usage

    @contextmanager
    def turn(self, resource: str, *, writes: bool) -> Iterator[None]:
        """Wait until a request may be made, and make it inside.

        Raises `OutOfBudget`; `RateLimited` when that takes longer than `PATIENCE`.
        """
        if self._budget and self._usage.requests >= self._budget:
            raise OutOfBudget(f"the {self._budget} requests to GitHub that this may cost are made")
        if not writes:
            self._wait(resource)
            yield
            return
        with self._one_write:
            self._wait(resource)
            if self._written is not None:
                self._sleep((self._written - self._clock.now()).total_seconds() + BETWEEN_WRITES)
            try:
                yield
            finally:
                self._written = self._clock.now()

    def remembered(self) -> None:
        """Count an answer that was given from memory."""
        self._count(cached=1)

    def heard(self, status: int, headers: Mapping[str, str], message: str, *, resource: str, writes: bool) -> bool:
        """Take note of an answer. Whether a limit gave it: nothing was done then, and `turn` knows how long to wait.

        `headers` have small letters; `message` is what the answer says.
        """
        remaining = _number(headers.get("x-ratelimit-remaining", ""))
        counted, left = status != NOT_MODIFIED, remaining if resource == MAIN else None
        self._count(requests=counted, writes=writes, not_modified=not counted, remaining=left)
        if remaining == 0:
            reset = _number(headers.get("x-ratelimit-reset", ""))
            self._close(resource, SECONDARY_LIMIT if reset is None else reset - self._there(headers).timestamp() + 1)
        if status not in LIMITED:
            self._in_a_row = 0
            return False
        pause = _number(headers.get("retry-after", ""))
        if pause is not None:
            self._close(EVERYTHING, pause)
        elif remaining == 0:
            pass
        elif status == 429 or any(words in message.lower() for words in SECONDARY_WORDS):
            self._close(EVERYTHING, SECONDARY_LIMIT * 2**self._in_a_row)
            self._in_a_row += 1
        else:
            return False
        return True

    def limited(self, resource: str) -> RateLimited:
        """The error that says when to come back."""
        until = max(self._closed.get(name, self._clock.now()) for name in (EVERYTHING, resource))
        return RateLimited("GitHub's limit of requests is reached", until=until)

    def _wait(self, resource: str) -> None:
        error = self.limited(resource)
        seconds = (error.until - self._clock.now()).total_seconds()
        if seconds > PATIENCE:
            raise error
        self._sleep(seconds)

    def _sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._clock.sleep(seconds)

    def _close(self, resource: str, seconds: float) -> None:
        self._closed[resource] = self._clock.now() + timedelta(seconds=max(seconds, 0))

    def _there(self, headers: Mapping[str, str]) -> datetime:
        """GitHub's own time, so that a wrong clock here makes no wrong wait."""
        try:
            return parsedate_to_datetime(headers["date"]).astimezone(UTC)
        except (KeyError, ValueError):
            return self._clock.now()

    def _count(
        self,
        *,
        requests: int = 0,
        writes: int = 0,
        not_modified: int = 0,
        cached: int = 0,
        remaining: int | None = None,
    ) -> None:
        with self._counting:
            known = self._usage
            self._usage = Usage(
                requests=known.requests + requests,
                writes=known.writes + writes,
                not_modified=known.not_modified + not_modified,
                cached=known.cached + cached,
                remaining=known.remaining if remaining is None else remaining,
            )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None
