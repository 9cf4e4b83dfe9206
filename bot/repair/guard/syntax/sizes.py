"""Questions about how many: `assertEquals(3, names.size())`, `v.len() > 0`."""

from bot.repair.guard.syntax import words
from bot.repair.guard.syntax.conditions import Question
from bot.repair.guard.syntax.grammar import Grammar, Link, chain_of
from bot.repair.guard.syntax.values import normal, stripped


def sized(asked: Question, grammar: Grammar) -> Question:
    """What `hasSize(3)` or `isNotEmpty()` ask, where a length is compared; the question as it is where none is."""
    some = asked.op in {"ne", "gt"} and len(asked.expected) == 1 and normal(asked.expected[0], grammar) == "0.0"
    if asked.op != "eq" and not some:
        return asked
    chain = chain_of(stripped(asked.subject, grammar), grammar)
    last = chain.links[-1] if chain.links else Link("")
    if last.name not in words.LENGTHS or len(chain.links) + (chain.base is not None) < 1:
        return asked
    if last.call is not None and last.call.arguments and last.call.receiver is None:
        if not last.name.islower():  # `Size(12)` is a function of the program
            return asked
        of = last.call.arguments[0]
    else:
        receiver = last.call.receiver if last.call else next(iter(chain.node.named_children), None)
        if receiver is None or receiver == chain.node:
            return asked
        of = receiver
    return Question("not-empty", of) if some else Question("length", of, asked.expected)
