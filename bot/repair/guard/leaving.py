"""What leaves a loop or a block before the tests in it are defined, so that these are not run there."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from tree_sitter import Node

from bot.repair.guard.facts import Mark
from bot.repair.guard.trees import field, line_of, size_of, text_of

CLIMB = 12  # nodes between what leaves and what it leaves
SWITCHES = frozenset({"switch_statement", "expression_switch_statement", "type_switch_statement", "when_expression"})
LONG = 400  # bytes of a condition that is told
MOST = 100  # of one file


@dataclass(frozen=True, slots=True)
class Leave:
    """From where to where in a file (bytes) nothing is defined when it happens, and how that is told."""

    start: int
    end: int
    mark: Mark


def leave_of(node: Node, places: AbstractSet[str]) -> Leave | None:
    """What `continue`, `next` or `return` leaves; None where that is none of `places`, which are types of nodes."""
    condition, one = "", node
    places = places | SWITCHES if text_of(node)[:5] == "break" else places
    for _ in range(CLIMB):
        above = one.parent
        if above is None:
            return None
        given = field(above, "condition")
        if not condition and given is not None and given != one and above.type not in places:
            condition = " ".join(text_of(given).split()) if size_of(given) < LONG else "it is so"
        if above.type in places:
            told = f"it is left out where {condition[:60]}" if condition else "nothing behind a jump is defined"
            return Leave(
                node.end_byte, above.end_byte, Mark("disabled-test", f"left {condition}", line_of(node), told, True)
            )
        one = above
    return None


def left_out(leaves: Sequence[Leave], node: Node) -> Iterator[Mark]:
    """The marks of a test that is not defined where something leaves before it."""
    yield from (x.mark for x in leaves if x.start <= node.start_byte < x.end)
