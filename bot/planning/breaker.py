"""A circuit breaker for each tier of models: what does not answer again and again is left alone for a while.

It spares those who come next the wait for what is overloaded: each question is tried several times, with pauses.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from bot.llm import Unanswered
from bot.ports import Clock

if TYPE_CHECKING:
    from bot.planning.tiers import Tier

IN_A_ROW = 3
REST = timedelta(minutes=5)
PASSING = frozenset({"busy", "lost"})
"""The kinds of `Unanswered` that are owed to the moment, not to the question."""


class Breaker:
    """Which tiers rest. One serves all threads and incidents of a process, and ends with it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: Counter[int] = Counter()
        self._until: dict[int, tuple[datetime, str]] = {}
        self._lock = Lock()

    @contextmanager
    def watching(self, tier: "Tier") -> Iterator[None]:
        """Count a question to a tier. After a rest the first that fails again begins the next."""
        try:
            yield
        except Unanswered as e:
            if e.kind in PASSING:
                with self._lock:
                    self._failed[tier.number] += 1
                    if self._failed[tier.number] >= IN_A_ROW:
                        self._until[tier.number] = (self._clock.now() + REST, e.message)
            raise
        with self._lock:
            self._failed.pop(tier.number, None)
            self._until.pop(tier.number, None)

    def resting(self) -> Mapping[int, str]:
        """The tiers that are not to be asked now, by their numbers, with the reason."""
        now = self._clock.now()
        with self._lock:
            left = {number: one for number, one in self._until.items() if one[0] > now}
            return {
                number: f"rests until {until:%H:%M:%S} UTC: {self._failed[number]} times in a row no answer; {last}"
                for number, (until, last) in left.items()
            }
