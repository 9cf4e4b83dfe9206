"""One question to a language model, one answer with edits, and one correction where they cannot be applied."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.errors import Misfit, NoFix
from bot.llm import Passage, Reply, Turn
from bot.model import Candidate, Category, Diagnosis, Incident
from bot.ports import Consultation, Tools, Written

NAME = "llm_edit"
CATEGORIES = frozenset(Category) - {Category.NETWORK_OR_FLAKY, Category.PERMISSION_OR_SECRET}
STOPPED = {
    "refusal": "the model declines to answer",
    "max_tokens": "the answer is cut: it needs more tokens than it may have",
    "model_context_window_exceeded": "the question leaves the model no room to answer",
}
"""The ends of an answer that make it useless, as https://docs.anthropic.com/en/api/handling-stop-reasons names them."""
EMPTY = "the model's answer is empty"
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
    system, opening = question(model, model.prompt("edit"), tools.diagnosis, agent=False)
    turns = [opening]
    why = "the model was asked as often as it may be"
    for _ in range(model.turns):
        reply = model.ask(system, turns)
        if reply.stop == "max_tokens" or (reply.stop not in STOPPED and not reply.text.strip()):
            why = STOPPED.get(reply.stop, EMPTY)  # which is not said again: it may be all that there is room for
            again = {"type": "text", "text": model.prompt("useless", why=why)}
            turns = [*turns[:-1], turns[-1].changed(blocks=(*turns[-1].blocks, again))]
            continue
        try:
            written, cause = model.edited(usable(reply))
        except Misfit as e:
            why, told = e.message, model.prompt("misfit", report=e.report)
        else:
            yield candidate_of(written, cause, tools)
            return
        turns += [Turn("assistant", reply.blocks), Turn("user", ({"type": "text", "text": told},))]
    raise NoFix(why)


def usable(reply: Reply) -> str:
    """The text of an answer. Raises `NoFix` for one that is none, or not whole: a part is never applied."""
    if reply.stop in STOPPED:
        raise NoFix(STOPPED[reply.stop])
    if not reply.text.strip():
        raise NoFix(EMPTY)
    return reply.text


def candidate_of(written: Sequence[Written], cause: str, tools: Tools) -> Candidate:
    """The candidate of a model's edits. Raises `NoFix` when they change nothing."""
    names = ", ".join(sorted(w.path for w in written))
    notes = (f"what the model takes for the cause: {cause[:MOST_CAUSE]}",) if cause else ()
    made = tools.candidate(written, f"Edit {names}", new_files=True, notes=notes)
    if made is None:
        raise NoFix("the model has changed nothing")
    return made


def question(model: Consultation, rules: str, why: Diagnosis, *, agent: bool) -> tuple[tuple[Passage, ...], Turn]:
    """What a model is told in the first place: what lasts longest, and what it is asked about the failure."""
    conventions, *shown = model.context()
    told = {"earlier": model.earlier, "done": model.done, "objection": model.objection}
    task = model.prompt("task", category=why.category, agent=agent, **told)
    system = tuple(Passage(text, "1h") for text in (rules, conventions) if text.strip())
    return system, Turn("user", (*_prefix(shown), {"type": "text", "text": task}))


def _prefix(shown: list[str]) -> list[Mapping[str, Any]]:
    """What is the same in all attempts at a failure, first, and kept by the model: later attempts only add to it."""
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text} for text in shown if text.strip()]
    if blocks:
        blocks[0] |= KEPT
    return list(blocks)
