"""The one exception tree. Each error carries one clear line for people and the exit code of the command line.

    RegreenError                1
    |-- UsageError              2   the call, the configuration or another input is wrong: what, where, what to do
    |-- MachineError            3   this machine lacks something: what, and how to get it
    |-- Refused                 1   a policy said no (patch policy, guard, scope limit); carries the refusals
    |   `-- ScopeTooBig         1   more files or lines than the limit: smaller pieces may pass
    |-- Misfit                  1   the edits of a model's answer cannot be applied; carries what to tell the model
    |-- Transient               3   may pass when tried again (a lock, a full queue, a broken pipe)
    |-- Conflict                1   somebody else changed what we were about to change
    |-- CorruptCache            3   something of ours on disk does not read back; it can be dropped and made again
    |-- Unavailable             3   a repository of others cannot be had: why
    |-- Unanswered              3   a language model gave no answer: why (bot/llm.py)
    |-- GitFailed               3   git ended with an error that no caller expected
    |-- Forbidden               3   GitHub's answer is no for this token: which permission or setting would let it
    |-- RateLimited             3   GitHub asks to come back later: when
    |-- Gone                    1   what GitHub was asked for is not, or no longer, there
    |-- NoFix                   1   a language model has no fix: why
    `-- OutOfBudget             1   money or time is spent; the checkpoint keeps what was reached
        `-- OutOfMoney          1   it is the money

Anything else that is raised is a bug (exit 4) and reported as one.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime


class RegreenError(Exception):
    """Base of all expected failures.

    `message` is one line for people; `hint`, when given, says what to do about it.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(RegreenError):
    """An input is wrong: an argument, a file, a configuration, a workflow."""

    exit_code = 2


class MachineError(RegreenError):
    """This machine lacks something that the work needs."""

    exit_code = 3


class Refused(RegreenError):
    """A policy refused a candidate.

    `findings` are the single refusals as they were given, `refusals` the same as lines `rule: file:line: message`.
    """

    def __init__(self, message: str, *, refusals: Sequence[object] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.findings = tuple(refusals)
        self.refusals = tuple(map(str, refusals))


class ScopeTooBig(Refused):
    """A candidate touches more files or lines than the limit."""


class Misfit(RegreenError):
    """Edits of a model's answer that cannot be applied as they stand, so none of them is.

    `problems` say for each block what is wrong, each in one or more lines; `report` is all of them, for the model.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        first = problems[0].partition("\n")[0]
        more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
        super().__init__(f"the answer's edits cannot be applied: {first}{more}")
        self.problems = tuple(problems)
        self.report = "\n\n".join(problems)


class Transient(RegreenError):
    """Something that may pass when it is tried again."""

    exit_code = 3


class Conflict(RegreenError):
    """The thing to be changed was changed by somebody else in between."""


class CorruptCache(RegreenError):
    """A file of ours does not read back; dropping it and making it again is the cure."""

    exit_code = 3


class Unavailable(RegreenError):
    """A repository that a workflow names cannot be had here."""

    exit_code = 3


class GitFailed(RegreenError):
    """A git command failed; `stderr` is what it said, `code` its exit code, `out` what it printed all the same."""

    exit_code = 3

    def __init__(self, message: str, *, code: int, stderr: str, out: bytes = b"") -> None:
        super().__init__(message)
        self.code = code
        self.stderr = stderr
        self.out = out

    def says(self, words: Iterable[str]) -> bool:
        """Whether git said any of these, which have small letters."""
        told = self.stderr.lower()
        return any(one in told for one in words)


class Forbidden(RegreenError):
    """The token may not do it; the hint names the permission or the setting."""

    exit_code = 3


class Unauthenticated(RegreenError):
    """The token is none, or none any more: with another one it can be gone on with."""

    exit_code = 3


class RateLimited(RegreenError):
    """A limit of GitHub is reached; `until` is when to come back."""

    exit_code = 3

    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__(message, hint=f"come back after {until:%Y-%m-%d %H:%M:%S} UTC")
        self.until = until


class Gone(RegreenError):
    """Something on GitHub does not exist, or exists no longer."""


class OutOfBudget(RegreenError):
    """The budget (money or time) does not allow the next step."""


class OutOfMoney(OutOfBudget):
    """A cap on what may be spent does not allow the next question to a model."""


class NoFix(RegreenError):
    """A language model has no fix, or gave none that can be used; the message says why, its own words included."""
