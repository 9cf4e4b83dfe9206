"""What goes wrong on demand, one name for each row of the fault table."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.hub.routing import Answer, Failure, Request

When = str | Callable[[Request], bool]
"""Which requests: `METHOD /path` with the wildcards of a shell, or what tells of a request."""


@dataclass(frozen=True)
class What:
    """`answer` is sent instead; `after`: what was asked for is done all the same; `drop`: the connection just ends.

    `change` alters what the hub would have answered.
    """

    answer: Answer | None = None
    after: bool = False
    drop: bool = False
    change: Callable[[Any], Any] | None = None


@dataclass
class Fault:
    """Strikes at the requests number `nth`, `nth + 1` ... of those that match, `times` times."""

    when: When
    what: What
    nth: int = 1
    times: int = 1
    seen: int = 0

    @property
    def struck(self) -> bool:
        """Whether it has struck at all."""
        return self.seen >= self.nth

    def strikes(self, request: Request) -> bool:
        pattern = self.when
        asked = f"{request.method} {request.path}"
        if not (fnmatchcase(asked, pattern) if isinstance(pattern, str) else pattern(request)):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


@dataclass
class Faults:
    """Those that are to come."""

    planned: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, request: Request) -> What | None:
        """What is to go wrong with a request: the first fault that strikes."""
        with self.lock:
            return next((fault.what for fault in self.planned if fault.strikes(request)), None)


def _no(status: int, message: str, **more: Any) -> What:
    return What(Failure(status, message, **more).answer)


def unavailable(status: int = 502, *, after: bool = False) -> What:
    """A 5xx; with `after` what was asked for has been done."""
    return What(Answer(status, {"message": "Server Error"}), after=after)


def dropped(*, after: bool = False) -> What:
    """The connection ends without an answer, before the effect or after it."""
    return What(after=after, drop=True)


def primary_limit(reset_in: float = 3600) -> What:
    """The requests of the hour are spent."""
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time() + reset_in))}
    return _no(403, "API rate limit exceeded for user ID 1.", headers=headers)


def secondary_limit(retry_after: int | None = 60, status: int = 403) -> What:
    """Too much at once; None leaves the header out."""
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return _no(status, "You have exceeded a secondary rate limit. Please wait a few minutes.", headers=headers)


def missing_permission(permission: str = "contents=write") -> What:
    """The token lacks a permission."""
    headers = {"x-accepted-github-permissions": permission}
    return _no(403, "Resource not accessible by integration", headers=headers)


def may_not_open_pulls() -> What:
    """The setting of new repositories."""
    return _no(403, "GitHub Actions is not permitted to create or approve pull requests.")


def against_a_rule() -> What:
    """What a rule of the repository forbids."""
    return _no(422, "Repository rule violations found\n\nCannot update this protected ref.")


def not_yet_there() -> What:
    """A 404 for what has just been made."""
    return _no(404, "Not Found")


def already_exists(message: str = "Reference already exists") -> What:
    """A 422 for what is there."""
    return _no(422, message)


def mergeable_unknown() -> What:
    """GitHub is still working out whether a pull request can be merged."""
    return What(change=lambda body: {**body, "mergeable": None, "mergeable_state": "unknown"})


def expired_token() -> What:
    """The token is none, or no longer one."""
    return _no(401, "Bad credentials")


def logs_gone(status: int = 410) -> What:
    """The logs have been deleted: 410, or 404."""
    return _no(status, "Gone" if status == 410 else "Not Found")


def outside_of_diff() -> What:
    """A remark on lines that GitHub does not show."""
    return _no(422, "Unprocessable Entity", errors=["Line could not be resolved"])
