"""CI files whose edit is allowed: whether jobs, steps, legs and triggers are still all there, and still count.

The words are GitHub's (docs: workflow syntax) and GitLab's; the commands in them are judged in `scripts.py`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import re2

from bot.repair.guard.change import Change
from bot.repair.guard.config.readers import Setting, yaml_tree
from bot.repair.guard.facts import TooComplex, Unparsable
from bot.repair.guard.kinds import is_workflow

TOLERANT = re2.compile(r"(^|\.)(continue-on-error|continueOnError|allow_failure|allow-failure|ignore_failure)$")
CONDITION = re2.compile(r"(^|\.)(if|when|only|except|rules\.if|condition)$")
NEVER = frozenset({"false", "${{ false }}", "${{false}}", "0", "never", "manual", "${{ 0 }}"})
LEGS = re2.compile(r"(^|\.)(matrix\.[^.]+|parallel\.matrix\..*)$")
FEWER = re2.compile(
    r"(^|\.)(matrix\.exclude.*|on\..*(paths|branches|tags|types)(-ignore)?|paths-ignore|branches-ignore)$"
)
USES = re2.compile(r"(^|\.)uses$")


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a CI file breaks, and where."""

    rule: str
    path: str
    line: int
    message: str


def judge(change: Change) -> Iterator[Finding]:
    """Yield what a changed CI file lets pass. Other files, and files that are not YAML, yield nothing."""
    if not is_workflow(change.path) or not change.path.endswith((".yml", ".yaml")) or change.old is None:
        return
    try:
        old = yaml_tree(change.old_text)
    except (Unparsable, TooComplex):
        old = []
    try:
        new = yaml_tree(change.new_text) if change.new is not None else []
    except TooComplex as e:
        yield Finding("unreadable", change.path, 1, str(e))
        return
    except Unparsable as e:
        yield Finding("syntax", change.path, e.line, f"not valid: {e.message}")
        return
    for rule, line, message in (*_tolerance(old, new), *_conditions(old, new), *_lost(old, new)):
        yield Finding(rule, change.path, max(line, 1), message)


Told = Iterator[tuple[str, int, str]]


def _tolerance(old: Sequence[Setting], new: Sequence[Setting]) -> Told:
    known = Counter((s.key, s.value) for s in old)
    for setting in new:
        if known[setting.key, setting.value]:
            known[setting.key, setting.value] -= 1
        elif TOLERANT.search(setting.key) and setting.value.lower() not in {"false", "no", "off"}:
            yield "ignored-failure", setting.line, f"{setting.key} lets a failure pass"
        elif FEWER.search(setting.key):
            yield "weakened-command", setting.line, f"{setting.key} narrows when or on what it runs"


def _conditions(old: Sequence[Setting], new: Sequence[Setting]) -> Told:
    known = Counter((s.key, s.value) for s in old)
    for setting in new:
        if not CONDITION.search(setting.key):
            continue
        if known[setting.key, setting.value]:
            known[setting.key, setting.value] -= 1
        elif setting.value.strip().lower() in NEVER:
            yield "ignored-failure", setting.line, f"{setting.key}: it never runs"
        else:
            yield "weakened-command", setting.line, f"{setting.key}: it does not run always any more"


def _lost(old: Sequence[Setting], new: Sequence[Setting]) -> Told:
    """Jobs, triggers, legs of a matrix and steps that are gone."""
    for root, what in (("jobs", "the job"), ("on", "the trigger")):
        for name in sorted(_members(old, root) - _members(new, root)):
            yield "weakened-command", 1, f"{what} {name} is gone"
    for pattern, what in ((LEGS, "the leg"), (USES, "the step")):
        before, after = (Counter(_bare(s.value) for s in side if pattern.search(s.key)) for side in (old, new))
        for value in sorted((before - after).keys()):
            yield "weakened-command", 1, f"{what} {value} is gone"


def _members(settings: Sequence[Setting], root: str) -> set[str]:
    """The names directly below a key, which may be a mapping, a list or one word."""
    below = {s.key.split(".")[1] for s in settings if s.key.startswith(f"{root}.")}
    return below | {s.value for s in settings if s.key == root}


def _bare(value: str) -> str:
    """An action without its version."""
    return value.partition("@")[0]
