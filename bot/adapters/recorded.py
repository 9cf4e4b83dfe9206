"""Answers that were written down beforehand, found by what a question holds: no model is asked, and nothing is paid."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from bot.llm import Reply, Request, Unanswered
from bot.model import Model, Tokens
from bot.yaml12 import load

LABEL = "recorded answer, no model was asked"
"""What stands wherever the name of a model would."""


class Recorded(Model, kw_only=True):
    """An answer, and all the texts that a question has to hold to be given it."""

    when: tuple[str, ...]
    answer: str


class RecordedLLM:
    """See `bot.llm.LLM`. The first answer that suits a question is given."""

    def __init__(self, path: Path) -> None:
        self._known = msgspec.convert(load(path.read_bytes(), path.name), list[Recorded])

    def ask(self, request: Request) -> Reply:
        """See `bot.llm.LLM.ask`."""
        blocks = (block for turn in request.turns for block in turn.blocks)
        asked = "\n".join([*(p.text for p in request.system), *(str(block.get("text", "")) for block in blocks)])
        for known in self._known:
            if all(text in asked for text in known.when):
                said = {"type": "text", "text": known.answer}
                return Reply(blocks=(said,), stop="end_turn", tokens=Tokens(), model=LABEL)
        raise Unanswered("there is no recorded answer to this question", kind="rejected")

    def count(self, _: Request) -> int | None:
        """See `bot.llm.LLM.count`."""
        return None

    def models(self) -> Mapping[str, str] | None:
        """See `bot.llm.LLM.models`."""
        return None
