"""What a strategy has of a tier of models: prompts, context, and the edits of an answer."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.config_files import config_root
from bot.errors import Misfit, NoFix
from bot.llm import Passage, Reply, Turn
from bot.model import Attempt, Step
from bot.ports import Written
from bot.repair.edits import apply_edits, parse
from bot.text.redact import MASK

MOST_CAME = 2000
"""How many characters of what came of an agent's step are kept in the record."""


class Adviser(Protocol):
    """A tier of models that is asked within a budget."""

    def ask(self, system: Sequence[Passage], turns: Sequence[Turn], tools: Sequence[Mapping[str, Any]] = ()) -> Reply:
        """See `bot.ports.Consultation.ask`."""
        ...


@dataclass
class TierConsultation:
    """See `bot.ports.Consultation`. `gather` makes the context, `read` gives a file of
    the commit, `cut` shortens an output; `keep` puts down all steps, and what was edited, as it becomes more.
    """

    adviser: Adviser
    turns: int
    earlier: Sequence[Attempt]
    gather: Callable[[], Sequence[str]]
    read: Callable[[str], bytes | None]
    cut: Callable[[str], str]
    redact: Callable[[str], str]
    done: Sequence[Step]
    draft: Callable[[], Sequence[Written]]
    keep: Callable[[Sequence[Step], Sequence[Written]], None]
    objection: str = ""
    steps: list[Step] = field(init=False)

    def __post_init__(self) -> None:
        self.steps = [*self.done]

    def prompt(self, name: str, **values: object) -> str:
        """See `bot.ports.Consultation.prompt`."""
        return self.redact(_prompts(config_root() / "prompts").get_template(f"{name}.j2").render(values))

    def context(self) -> Sequence[str]:
        """See `bot.ports.Consultation.context`."""
        return self.gather()

    def ask(self, system: Sequence[Passage], turns: Sequence[Turn], tools: Sequence[Mapping[str, Any]] = ()) -> Reply:
        """See `bot.ports.Consultation.ask`."""
        return self.adviser.ask(system, turns, tools)

    def edited(self, answer: str, over: Mapping[str, bytes | None] | None = None) -> tuple[Sequence[Written], str]:
        """See `bot.ports.Consultation.edited`."""
        found = parse(answer)
        if found.cannot:
            raise NoFix(f"the model cannot: {found.cannot}")
        known = over or {}
        changed = apply_edits(found, lambda path: known[path] if path in known else self.read(path))
        if not changed:
            raise Misfit(["the answer has no edits"])
        written = [c.written for c in changed]
        self._hold_masks([*written, *(Written(path, content) for path, content in known.items())])
        return written, found.cause

    def _hold_masks(self, edited: Sequence[Written]) -> None:
        """Refuse lines that have what a model is shown in the place of a secret: they would overwrite it."""
        before = {file.path: (self.read(file.path) or b"").decode("utf-8", "replace") for file in edited}
        if all(self.redact(text) == text for text in before.values()):
            return
        for file in edited:
            old = Counter(before[file.path].splitlines())
            new = Counter((file.content or b"").decode("utf-8", "replace").splitlines())
            gone = [line for line in old - new if MASK in line]  # what is really there may be written otherwise
            if line := next((line for line in new - old if MASK in line and not get_close_matches(line, gone)), ""):
                told = f"{file.path}: the line {line.strip()!r} would overwrite a secret, which you are shown as {MASK}"
                raise Misfit([f"{told}: leave such lines as they are, and edit only those around them"])

    def excerpt(self, output: str) -> str:
        """See `bot.ports.Consultation.excerpt`."""
        return self.cut(output)

    def step(self, tool: str, told: str, came: str, edited: Sequence[Written]) -> None:
        """See `bot.ports.Consultation.step`."""
        cut = came if len(came) <= MOST_CAME else f"{came[: MOST_CAME // 2]}\n[...]\n{came[-MOST_CAME // 2 :]}"
        self.steps.append(Step(tool=tool, told=self.redact(told[:MOST_CAME]), came=self.redact(cut)))
        self.keep(self.steps, edited)


def fenced(text: str, kind: str = "") -> str:
    """A text as data, between fences that it cannot close (https://spec.commonmark.org/0.31.2/#fenced-code-blocks)."""
    longest = max((len(run) for run in _ticks(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{kind}\n{text.rstrip()}\n{fence}"


def version_of_prompts() -> str:
    """12 hex digits that are others as soon as any prompt is."""
    return _version(config_root() / "prompts")


@cache
def _version(folder: Path) -> str:
    texts = (f"{path.name}\0{path.read_text('utf-8')}" for path in sorted(folder.glob("*.j2")))
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


@cache
def _prompts(folder: Path) -> Environment:
    environment = Environment(  # noqa: S701 - prompts are plain text
        loader=FileSystemLoader(folder), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["fenced"] = fenced
    return environment


def _ticks(text: str) -> list[str]:
    return [run for run in "".join(c if c == "`" else " " for c in text).split() if run]
