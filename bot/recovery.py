"""What to do when a stage fails, by the class of the error.

Transient      try again, with backoff and jitter, from the last checkpoint
GitFailed      the same: a lock or a race that something left behind which was killed
CorruptCache   the same, after dropping what does not read back
Conflict       another worker changed the record: go on from theirs, unless they hold the lease
anything else  stop: an expected error carries its one clear line, the rest are bugs
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from bot.errors import Conflict, CorruptCache, GitFailed, Transient
from bot.model import Incident
from bot.ports import Checkpoints, Clock

ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 20.0
RECOVERABLE = (Transient, GitFailed, CorruptCache, Conflict)


class Recoverable(Protocol):
    """What recovery needs of the work in hand."""

    checkpoints: Checkpoints
    clock: Clock
    owner: str

    def start_over(self) -> None:
        """Forget all that is alive and all that was cached; it is made again when it is needed."""
        ...

    def say(self, text: str) -> None:
        """Say something to people."""
        ...


W = TypeVar("W", bound=Recoverable)


def recovering(story: Callable[[Incident, W], Incident], incident: Incident, work: W) -> Incident:
    """Run a story of stages; after an error that can be recovered from, run it again from the last checkpoint.

    A stage that is done is not done again: the record says how far it has come.
    """
    record = incident

    def start_over(call: RetryCallState) -> None:
        nonlocal record
        error = call.outcome.exception() if call.outcome else None
        work.say(f"{error}; trying again ({call.attempt_number} of {ATTEMPTS - 1})")
        work.start_over()
        record = work.checkpoints.load(incident.id) or incident
        if isinstance(error, Conflict) and record.lease and record.lease.owner != work.owner:
            raise error

    retrying = Retrying(
        retry=retry_if_exception_type(RECOVERABLE),
        wait=wait_random_exponential(multiplier=0.2, max=LONGEST_WAIT_SECONDS),
        stop=stop_after_attempt(ATTEMPTS),
        before_sleep=start_over,
        sleep=work.clock.sleep,
        reraise=True,
    )
    return retrying(lambda: story(record, work))
