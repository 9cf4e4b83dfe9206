"""The edits of a model's answer: read strictly, applied as a whole or not at all. docs/llm.md has the form."""

from bot.repair.edits.answer import Answer, Edit, parse
from bot.repair.edits.application import Changed, apply_edits

__all__ = ["Answer", "Changed", "Edit", "apply_edits", "parse"]
