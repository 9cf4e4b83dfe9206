"""The machine's own time."""

import time
from datetime import UTC, datetime


class SystemClock:
    """See `bot.ports.Clock`."""

    def now(self) -> datetime:
        """The time in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
