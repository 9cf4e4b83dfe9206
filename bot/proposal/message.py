"""What a proposal says about itself, from templates in config/templates."""

from collections.abc import Sequence
from typing import Any

from bot.model import Grade, Incident, Part, Verdict
from bot.proposal.facts import kept
from bot.proposal.templates import rendered
from bot.text.inert import message

MEANING = {
    Grade.A: "every leg of the workflow was replayed and is green",
    Grade.B: "the failing job was replayed and is green; not every leg of the workflow is",
    Grade.C: "only the failing step was seen to pass",
    Grade.R: "the real CI is green",
}


def commit_message(incident: Incident, parts: Sequence[Part], what: str) -> str:
    """The message of the commit that a proposal consists of."""
    notes = [note for a in kept(incident) if a.verdict is Verdict.FIXED for note in a.notes]
    headline = what[0].lower() + what[1:] if what[:2].istitle() else what
    return _rendered("commit", incident, parts, what=message(headline), notes=[message(n) for n in notes])


def revert_message(incident: Incident, parents: Sequence[str]) -> str:
    """The message of the commit that reverts the culprit of an incident, whose parents are given, in git's form."""
    return _rendered("revert_commit", incident, incident.parts, culprit=incident.culprit, parents=parents)


def _rendered(name: str, incident: Incident, parts: Sequence[Part], **values: Any) -> str:
    fixed = [p for p in parts if p.grade]
    grade = max(p.grade for p in fixed if p.grade)
    open_ones = [message(p.job) for p in parts if p.verdict is not Verdict.FIXED]
    evidence = f"{grade} ({MEANING[grade]})" + (f"; still red: {', '.join(open_ones)}" if open_ones else "")
    return rendered(name, fixed=fixed, incident=incident, evidence=evidence, message=message, **values)
