"""One question to a language model, one answer with edits, and one correction where they cannot be applied."""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.errors import Misfit, NoFix
from bot.llm import Passage, Reply, Turn
from bot.model import Candidate, Category, Diagnosis, Incident
from bot.ports import Tools

NAME = "llm_edit"
CATEGORIES = frozenset(Category) - {Category.NETWORK_OR_FLAKY, Category.PERMISSION_OR_SECRET}
STOPPED = {
    "refusal": "the model declines to answer",
    "max_tokens": "the answer is cut: it needs more tokens than it may have",
    "model_context_window_exceeded": "the question leaves the model no room to answer",
}
"""The ends of an answer that make it useless, as https://docs.anthropic.com/en/api/handling-stop-reasons names them."""
KEPT: Mapping[str, Any] = {"cache_control": {"type": "ephemeral"}}
MOST_CAUSE = 400


def applies(diagnosis: Diagnosis, tree: frozenset[str]) -> bool:
    """Whether there is something to correct in the repository."""
    return diagnosis.category in CATEGORIES


def propose(incident: Incident, tools: Tools) -> Iterator[Candidate]:
    """The candidate of the model's edits. Raises `NoFix` where there is none."""
    model = tools.consultation
    if model is None:
        return
    conventions, *shown = model.context()
    system = instructions(model.prompt("edit"), conventions)
    task = model.prompt("task", earlier=model.earlier, category=tools.diagnosis.category, agent=False)
    turns = [Turn("user", (*prefix(shown), {"type": "text", "text": task}))]
    for _ in range(model.turns):
        reply = model.ask(system, turns)
        answer = usable(reply)
        try:
            written, cause = model.edited(answer)
        except Misfit as e:
            problem = e
        else:
            names = ", ".join(sorted(w.path for w in written))
            notes = (f"what the model takes for the cause: {cause[:MOST_CAUSE]}",) if cause else ()
            candidate = tools.candidate(written, f"Edit {names}", new_files=True, notes=notes)
            if candidate is None:
                raise NoFix("the model's edits change nothing")
            yield candidate
            return
        told = model.prompt("misfit", report=problem.report)
        turns += [Turn("assistant", reply.blocks), Turn("user", ({"type": "text", "text": told},))]
    raise NoFix(problem.message)


def usable(reply: Reply) -> str:
    """The text of an answer. Raises `NoFix` for one that is none, or not whole: a part is never applied."""
    if reply.stop in STOPPED:
        raise NoFix(STOPPED[reply.stop])
    if not reply.text.strip():
        raise NoFix("the model's answer is empty")
    return reply.text


def instructions(rules: str, conventions: str) -> tuple[Passage, ...]:
    """What lasts longest, first."""
    return tuple(Passage(text, "1h") for text in (rules, conventions) if text.strip())


def prefix(shown: list[str]) -> list[Mapping[str, Any]]:
    """What is the same in all attempts at a failure, first, and kept by the model: later attempts only add to it."""
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text} for text in shown if text.strip()]
    if blocks:
        blocks[0] |= KEPT
    return list(blocks)
