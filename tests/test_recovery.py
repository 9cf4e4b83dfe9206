"""What is tried again, how often, and what ends at once."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.errors import Conflict, CorruptCache, GitFailed, MachineError, OutOfBudget, Transient, UsageError
from bot.recovery import ATTEMPTS, LONGEST_WAIT_SECONDS, Recovery

CACHE = Path("/cache/regreen")


class Clock:
    """A clock that stands still while it is slept by."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Work:
    """Raises these errors in turn, then ends well."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors, self.calls = list(errors), 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def recovery(clock: Clock, told: list[str]) -> Recovery:
    return Recovery(clock, CACHE, lambda: told.append("forgotten"), told.append)


@pytest.mark.parametrize(
    "error",
    [
        Transient("busy"), Conflict("moved"), CorruptCache("odd"), GitFailed("git x failed", code=-9, stderr=""),
        FileNotFoundError(2, "no such file", str(CACHE / "runs" / "1")),
        FileNotFoundError(2, "no such file", "/elsewhere", None, str(CACHE / "runs" / "1")),
    ],
    ids=lambda e: type(e).__name__,
)  # fmt: skip
def test_is_tried_again(recovery: Recovery, clock: Clock, told: list[str], error: Exception) -> None:
    work, seen = Work(error), list[BaseException]()
    assert recovery.run(work, again=seen.append) == "done"
    assert work.calls == 2
    assert len(clock.slept) == len(seen) == 1
    assert 0 <= clock.slept[0] <= LONGEST_WAIT_SECONDS
    assert told[0] == "forgotten"
    assert told[1].endswith("trying again (1 of 4)")


@pytest.mark.parametrize(
    "error",
    [
        UsageError("wrong"), MachineError("missing"), OutOfBudget("over"), ValueError("a bug"), KeyboardInterrupt(),
        FileNotFoundError(2, "no such file", "/elsewhere"), FileNotFoundError(2, "no such file"),
    ],
    ids=lambda e: type(e).__name__,
)  # fmt: skip
def test_ends_at_once(recovery: Recovery, clock: Clock, error: BaseException) -> None:
    work = Work(error)
    with pytest.raises(type(error)):
        recovery.run(work)
    assert (work.calls, clock.slept) == (1, [])


def test_gives_up_with_the_last_error(recovery: Recovery, clock: Clock) -> None:
    work = Work(*(Transient(f"try {n}") for n in range(1, ATTEMPTS + 5)))
    with pytest.raises(Transient, match=f"try {ATTEMPTS}"):
        recovery.run(work)
    assert (work.calls, len(clock.slept)) == (ATTEMPTS, ATTEMPTS - 1)


def test_what_brings_the_beginning_back_may_end_it(recovery: Recovery) -> None:
    def ends(error: BaseException) -> None:
        raise error

    again: Callable[[BaseException], None] = ends
    work = Work(Conflict("theirs"))
    with pytest.raises(Conflict):
        recovery.run(work, again=again)
    assert work.calls == 1
