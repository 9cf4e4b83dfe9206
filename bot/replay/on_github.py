"""The backend `github`: a commit on a scratch branch, and its real CI followed to the end.

A re-run of the old run would test the old commit, so a candidate needs a branch of its own. It is removed in any case.
"""

from collections.abc import Sequence
from typing import Protocol

from bot.errors import OutOfBudget
from bot.model import JobResult, ReplayResult, Result
from bot.ports import Clock
from bot.replay.outcome import summary

POLL_SECONDS = 15.0
APPEAR_SECONDS = 300.0  # GitHub starts a run within seconds of a push; later it will not come any more
NEVER = "no run began for the scratch branch: no trigger names it, it waits for approval, or the token starts none"


class ScratchRuns(Protocol):
    """CI of one repository, on scratch branches."""

    def push(self, commit: str, branch: str) -> None:
        """Put a commit on a branch of that name."""
        ...

    def going(self, commit: str) -> bool | None:
        """Whether a run for the commit is queued or in progress; None before any began."""
        ...

    def jobs(self, commit: str) -> Sequence[JobResult]:
        """The jobs of all runs for a commit, which have ended."""
        ...

    def cancel(self, commit: str) -> None:
        """Cancel what still goes."""
        ...

    def remove(self, branch: str) -> None:
        """Remove the branch."""
        ...


def replay_on_github(runs: ScratchRuns, clock: Clock, commit: str, branch: str, *, seconds: float) -> ReplayResult:
    """Push, wait for runs to begin, follow them to their end, and tidy up. Raises `OutOfBudget` after `seconds`."""
    began = clock.now()
    runs.push(commit, branch)
    try:
        while True:
            waited = (clock.now() - began).total_seconds()
            going = runs.going(commit)
            if going is False:  # jobs that were read before that may have failed since
                return summary(runs.jobs(commit), ("replayed by GitHub itself",), waited, "")
            if going is None and waited >= APPEAR_SECONDS:
                return ReplayResult(result=Result.UNREPLAYABLE, reason=NEVER, seconds=waited)
            if waited >= seconds:
                raise OutOfBudget(f"the runs on GitHub took longer than {seconds / 60:g} minutes")
            clock.sleep(POLL_SECONDS)
    except BaseException:
        runs.cancel(commit)
        raise
    finally:
        runs.remove(branch)
