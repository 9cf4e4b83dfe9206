"""The part of a log in which the cause is looked for: the failing step, its command and its last words."""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.diagnosis.signatures import Signatures
from bot.diagnosis.survey import Hit, Survey
from bot.model import Category
from bot.text.fingerprint import mask
from bot.text.log import Line, Log
from bot.text.patterns import compile_pattern
from bot.text.steps import Step

_HEADER_LINES = 60  # of a step that are read for its script
_TAIL_LINES = 400  # before the end of the step that are read where no signature explains it
_SCRIPT_ENDS = ("shell: ", "with:", "env:", "##[endgroup]", "working-directory:")
_CHAIN = compile_pattern(r"&&|\|\||;")
_TRACED = compile_pattern(r"^(?:\+{1,4}|\$|>) (?P<command>[\w./~-].*)")


@dataclass(frozen=True)
class Scope:
    """Where to look. `script` are the lines of the step's own script, or the one line that names its action.

    `passed`: no step failed, and the log goes on to the job's end. `before`: what the step before it ran.
    `usual`: masked lines of a run that passed.
    """

    step: Step | None
    script: tuple[Line, ...]
    head: Line | None
    hits: list[Hit]
    end: Line | None
    passed: bool = False
    before: str = ""
    usual: frozenset[str] = frozenset()

    def is_usual(self, line: Line) -> bool:
        """Tell whether a run that passed printed a line too, but for numbers, times, hashes and the like."""
        return bool(self.usual) and mask(line.text) in self.usual

    @property
    def command(self) -> str:
        """What the step ran."""
        return "\n".join(line.text for line in self.script)


def find_scope(log: Log, survey: Survey) -> Scope:
    """Cut a survey down to the step that failed; without a failing step it is the whole log."""
    step = survey.failing
    if step is None:
        return Scope(None, (), None, survey.hits, None, passed=any(one.kind == "post" for one in survey.steps))
    # the header shows the script, which has printed nothing there
    hits = [hit for hit in survey.hits if step.holds(hit.line.number) and hit.line.number > step.body]
    end = Line(step.end.number, step.end.offset, log.text(step.end.data)) if step.end else None
    if step.kind == "setup" or not step.line:
        return Scope(step, (), None, hits, end)
    head, *header = log.around(step.line, step.offset, 0, _HEADER_LINES)
    script = []
    for line in header:
        if line.text.startswith(_SCRIPT_ENDS) or (step.body and line.number >= step.body):
            break
        script.append(line)
    earlier = [one.name for one in survey.steps if one.kind == "run" and one.line < step.line]
    return Scope(step, tuple(script) or (head,), head, hits, end, before=earlier[-1] if earlier else "")


def commands(scope: Scope) -> Iterator[str]:
    """Yield what may have failed, the likeliest first: commands of the script from its end, and the step's name."""
    for line in reversed(scope.script):
        text = line.text.removeprefix("##[group]Run ").encode("utf-8", "replace")
        yield from reversed([part for part in _CHAIN.sub(b"\n", text).decode().split("\n") if part.strip()])
    if scope.step:
        yield scope.step.name.removeprefix("Run ")


def category_of(command: str, signatures: Signatures) -> Category | None:
    """Return what it means when this command fails, if a table says so."""
    data = command.encode("utf-8", "replace")
    return next((entry.category for entry in signatures.commands if entry.regex.search(data)), None)


def tail(log: Log, scope: Scope) -> list[Line]:
    """Return the last lines of what the failing step printed, without its header and what follows its end."""
    step, end = scope.step, scope.end
    lines = log.around(end.number, end.offset, _TAIL_LINES, 0)[:-1] if end else log.last(_TAIL_LINES)
    if step is None:
        return lines
    first = step.body + 1 if scope.head and step.body else step.line
    return [line for line in lines if line.number >= first and step.holds(line.number)]


def last_paragraph(lines: list[Line]) -> Line | None:
    """Return what most likely says what is wrong: the first line of the last paragraph, or the last of a long one."""
    spoken = [line for line in lines if not _TRACED.search(line.text.encode("utf-8", "replace"))]
    while spoken and not _says_something(spoken[-1].text):
        spoken.pop()
    start = len(spoken)
    while start and spoken[start - 1].text.strip():
        start -= 1
    paragraph = spoken[start:]
    if not paragraph:
        return None
    return paragraph[0] if len(paragraph) <= 12 else paragraph[-1]


def _says_something(text: str) -> bool:
    return any(map(str.isalpha, text)) and not text.startswith(("real\t", "user\t", "sys\t", "##["))
