"""What to do when work fails, by the class of the error.

Transient      try again, with backoff and jitter
GitFailed      the same: a lock or a race that something left behind which was killed
CorruptCache   the same, after dropping what does not read back; a file of ours that is gone is such a case
Conflict       the same, from what the other worker has made of the record
anything else  stop: an expected error carries its one clear line, the rest are bugs
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bot.errors import Conflict, CorruptCache, GitFailed, RegreenError, Transient
from bot.ports import Clock

if TYPE_CHECKING:
    from tenacity import RetryCallState

ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 20.0
RECOVERABLE = (Transient, GitFailed, CorruptCache, Conflict)

T = TypeVar("T")


@dataclass(frozen=True)
class Recovery:
    """Runs work until it ends, or until it has failed too often.

    `cache` is the folder of what can be made again and `forget` drops what lies there and may be wrong; `say` is for
    people.
    """

    clock: Clock
    cache: Path
    forget: Callable[[], None]
    say: Callable[[str], None]

    def run(self, work: Callable[[], T], *, again: Callable[[RegreenError], None] = lambda _: None) -> T:
        """Do the work; after an error that can be recovered from, call `again` with it and do the work anew.

        `again` brings back what the work begins from; it raises when there is no sense in going on.
        """
        try:
            return self._classified(work)
        except RECOVERABLE as e:
            return self._again(e, work, again)

    def _again(self, first: RegreenError, work: Callable[[], T], again: Callable[[RegreenError], None]) -> T:
        """What tenacity makes of work that has failed once; where all goes well, nobody waits for its import."""
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

        failed = [first]

        def attempt() -> T:
            if failed:
                raise failed.pop()
            return self._classified(work)

        def before_next(call: "RetryCallState") -> None:
            error = call.outcome.exception() if call.outcome else None
            assert isinstance(error, RegreenError)
            self.forget()
            again(error)
            self.say(f"{error}; trying again ({call.attempt_number} of {ATTEMPTS - 1})")

        retrying = Retrying(
            retry=retry_if_exception_type(RECOVERABLE),
            wait=wait_random_exponential(multiplier=0.2, max=LONGEST_WAIT_SECONDS),
            stop=stop_after_attempt(ATTEMPTS),
            before_sleep=before_next,
            sleep=self.clock.sleep,
            reraise=True,
        )
        return retrying(attempt)

    def _classified(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except FileNotFoundError as e:
            names = (os.fsdecode(name) for name in (e.filename, e.filename2) if name)  # a link has two
            gone = next((name for name in names if Path(name).is_relative_to(self.cache)), None)
            if gone is None:
                raise
            raise CorruptCache(f"{gone} has gone") from e
