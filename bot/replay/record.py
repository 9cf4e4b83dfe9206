"""What is recorded of a leg as it runs: its steps, what the wrapper ran for them, and how all of it ended."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from bot.model import Model, Result

TIME_LIMIT = "the job has exceeded the maximum execution time"
STEP_TIME_LIMIT = "the action has timed out"
"""How the reasons begin for which a leg is ended that takes too long."""


PLAIN_UNREPLAYABLE = "regreen cannot replay: "
"""How a step in a container, which has no line to us, prints why it cannot be replayed."""
TELL_PLAINLY = {"shell": "sh", "run": f'echo "{PLAIN_UNREPLAYABLE}$REASON"; exit 1'}
"""What such a step runs; its variable REASON says why."""


class Step(msgspec.Struct):
    """What is known of a top-level step that has begun.

    `denied`: what it was refused of the network; `is_owed`: its failure may be owed to that.
    """

    id: str
    name: str
    began: datetime
    result: Result | None = None
    seconds: float = 0
    went_on: bool = False
    calls: list[int] = []
    output: list[str] = []
    denied: tuple[str, ...] = ()
    is_owed: bool = False

    @property
    def headline(self) -> str:
        """The first line of its name."""
        return self.name.partition("\n")[0]


class Call(msgspec.Struct):
    """One call of the wrapper: what it ran, and how that ended. `program` is the name by which it was called."""

    number: int
    continue_on_error: bool
    program: str
    command: tuple[str, ...] = ()
    script: str = ""
    code: int | None = None
    denied: tuple[str, ...] = ()
    is_owed: bool = False


class Held(Model):
    """A job held at its failing step: where, in which environment, what the step ran, and its limit (0: none).

    `absent` are files of the commit that were lost before the job began, and so are no work of its steps.
    """

    cwd: str
    env: Mapping[str, str]
    command: tuple[str, ...]
    step: str
    began: datetime
    seconds: float
    absent: frozenset[str] = frozenset()


class Answer(Model):
    """What became of a request: exit code, seconds, and whether its time ran out."""

    code: int
    seconds: float
    timed_out: bool


class Record(msgspec.Struct):
    """Everything that happened in a leg. `absent`: files of the commit that the clone lacks, and so the workspace."""

    steps: dict[str, Step] = {}
    problems: list[str] = []
    job: Result | None = None
    outputs: dict[str, str] = {}
    unreplayable: str = ""
    absent: dict[str, None] = {}
    notes: dict[str, None] = {}
    code: int | None = None
    killed: str = ""
    seconds: float = 0
