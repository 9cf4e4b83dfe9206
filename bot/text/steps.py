"""The steps of a job, from the marks that runners leave in a log.

GitHub (actions/runner, src/Runner.Worker): a step opens with `##[group]Run <first line of the script, or the action>`,
lists its script (coloured), `with:`, `shell:` and `env:`, and closes that header with `##[endgroup]`; it fails with
`##[error]Process completed with exit code N.` or the action's own `##[error]`. Post steps: `Post job cleanup.`.
Composite actions print a header for each step inside them. Where container hooks are installed they print a header of
their own (`Run '<path of the hook>'`, run by the runner's own node) inside the step's. act: `⭐ Run Main <name>`,
`❌  Failure - Main <name>`. Azure: `##[section]Starting: <name>`. A step of a zip begins where its file begins.
"""

from dataclasses import dataclass, field
from datetime import datetime
from math import inf

from bot.text.clean import stamp_of
from bot.text.patterns import compile_pattern
from bot.text.scan import RawLine
from bot.text.source import Part

NEAR: tuple[bytes, ...] = (
    rb"##\[(?:group\]Run|endgroup\]|error\]|section\]|end-action)",
    rb"Post job cleanup\.",
    rb"Complete job name: ",
    rb"\xe2\xad\x90 Run ",
    rb"\xe2\x9d\x8c  Failure - ",
    rb"exitcode '\d",
)
"""What to look for in the raw bytes so that every mark is met."""

_RUN, _END = b"##[group]Run ", b"##[endgroup]"
_OTHER_RUN = compile_pattern(r"^##\[section\]Starting: (?P<section>.*)|^\s*⭐ Run \S+ (?P<act>.*)")
_ERROR = compile_pattern(r"^##\[error\](.*)|^\s*❌  Failure - (.*)|^##\[end-action .*conclusion=(failure)")
_CODE = compile_pattern(r"(?:exit code|exited with|exitcode)[: ]+'?(-?\d{1,10})\b")
_OVER = compile_pattern(
    r"^##\[error\](?:Process completed with exit code|The operation was cancell?ed|The action '.*' has timed out"
    r"|The process '.*' failed with exit code|The job running on runner|The runner has received a shutdown signal)"
    r"|^\s*❌  Failure"
)
_WENT_ON = compile_pattern(r"^##\[end-action .*outcome=failure;.*conclusion=success")
_JOB = compile_pattern(r"^Complete job name: (.*)")
_HOOK = compile_pattern(r"^'.*'$")
_USES = compile_pattern(r"^(?:[\w.-]+/[\w./-]+@\S+|\./\S*|docker://\S+)$")
_FIRST = (b"##[", b"Post job cleanup.", b"Complete job name: ")
_STAR, _CROSS = "⭐".encode(), "❌".encode()  # act indents its marks
MOST_STEPS = 5000
"""Steps of one log; what looks like the beginning of more belongs to the last."""

_MOST_ERRORS = 50  # of one step that are kept: problem matchers can make thousands


@dataclass(slots=True)
class Step:
    """One step: what its header says, where it stands, and what became of it as far as the marks tell.

    `kind` is setup, run, uses or post. `line` and `offset` are of its first line, `body` and `body_offset` of the line
    that closes its header, `last` the number of its last line (0: the log ends with it). `errors` are its `##[error]`
    lines; when one of them ends the step, `failed` is true and `end` is that line (`over`: the runner's own last word).
    `seconds` is None when unknown.
    """

    name: str
    line: int
    offset: int
    kind: str = "run"
    body: int = 0
    body_offset: int = 0
    last: int = 0
    failed: bool = False
    over: bool = False
    end: RawLine | None = None
    exit_code: int | None = None
    started: datetime | None = None
    seconds: float | None = None
    errors: list[RawLine] = field(default_factory=list)

    def holds(self, number: int) -> bool:
        """Tell whether a line belongs to this step."""
        return self.line <= number and (not self.last or number <= self.last)


def is_mark(text: bytes) -> bool:
    """Tell whether a cleaned line may say something about steps."""
    if text.startswith(_FIRST) or b"exitcode" in text:
        return True
    return not text.isascii() and (_STAR in text or _CROSS in text)


class StepReader:
    """Builds the steps of a job from its lines; `feed` gets, in order, at least its marks."""

    def __init__(self, parts: tuple[Part, ...] = ()) -> None:
        self.steps = [Step("", 1, 0, kind="setup")]
        self.job_line: RawLine | None = None
        self.job = ""
        self._parts = list(parts)
        self._named = False

    @property
    def next_part(self) -> float:
        """The offset at which the next step of a zip begins."""
        return self._parts[0].offset if self._parts else inf

    def feed(self, raw: RawLine, text: bytes) -> None:
        """Take one line: as it stands in the file, and cleaned."""
        while self.next_part <= raw.offset:
            self._open(raw, self._parts.pop(0).step)
            self._named = True
        if not is_mark(text):
            return
        if text.startswith(_END):
            if not self.steps[-1].body:
                self.steps[-1].body, self.steps[-1].body_offset = raw.number, raw.offset
        elif text.startswith(_RUN):
            self._header(raw, text[len(_RUN) :].decode())
        elif match := _OTHER_RUN.search(text):
            self._header(raw, next(filter(None, match.groupdict().values()), b"").decode())
        elif text == b"Post job cleanup.":
            self._open(raw, "Post job cleanup", kind="post")
        elif match := _JOB.search(text):
            self.job, self.job_line = (match.group(1) or b"").decode(), raw
        else:
            self._result(raw, text)

    def failing(self) -> Step | None:
        """Return the step that failed the job: the first that an error ended, else the first with one, else None."""
        order = sorted(self.steps, key=lambda step: (step.kind == "post", not step.failed))
        return next((step for step in order if step.errors), None)

    def _header(self, raw: RawLine, first: str) -> None:
        if _HOOK.search(first.encode()):
            return
        if self._named and not self.steps[-1].body:  # the header of a step whose name the zip has told
            self._named = False
            return
        self._open(raw, f"Run {first}", kind="uses" if _USES.search(first.encode()) else "run")

    def _open(self, raw: RawLine, name: str, kind: str = "run") -> None:
        if len(self.steps) >= MOST_STEPS:
            return
        before, started = self.steps[-1], stamp_of(raw.data)
        before.last = raw.number - 1
        if started and before.started:
            before.seconds = (started - before.started).total_seconds()
        self.steps.append(Step(name, raw.number, raw.offset, kind=kind, started=started))

    def _result(self, raw: RawLine, text: bytes) -> None:
        step = self.steps[-1]
        if step.exit_code is None and (code := _CODE.search(text)) and (b"exitcode" in text or _OVER.search(text)):
            step.exit_code = int(code.group(1) or b"0")
        if _WENT_ON.search(text):
            step.failed, step.over, step.end = False, False, None
            step.errors.clear()
        if not _ERROR.search(text):
            return
        if len(step.errors) < _MOST_ERRORS:
            step.errors.append(raw)
        over = _OVER.search(text) is not None
        if (over and not step.over) or (step.kind == "uses" and not step.over):
            step.failed, step.over, step.end = True, over, raw
