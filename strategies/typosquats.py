"""Names that nearly are those of well-known packages, and may be there to be mistaken for them."""

from difflib import SequenceMatcher
from functools import cache

from packaging.utils import canonicalize_name

from bot.ports import Tools


@cache
def words(text: str) -> frozenset[str]:
    """The names of a list that is written as text, in their canonical form."""
    return frozenset(canonicalize_name(word) if "/" not in word else word for word in text.split())


def well_known(tools: Tools, ecosystem: str) -> frozenset[str]:
    """The well-known names of an index."""
    return words(tools.table("well_known.yaml")[ecosystem])


def look_alike(name: str, known: frozenset[str]) -> str:
    """The well-known package that a name nearly is, without being it; empty when there is none.

    Nearly: one letter in ten is another, or two have changed places (in names of up to ten letters one).
    """
    name = canonicalize_name(name) if "/" not in name else name
    if name in known:
        return ""
    for other in known:
        shorter = min(len(name), len(other))
        if shorter < 4 or abs(len(name) - len(other)) > 2:
            continue
        same = sum(block.size for block in SequenceMatcher(None, name, other, autojunk=False).get_matching_blocks())
        if name.replace("-", "") == other.replace("-", "") or max(len(name), len(other)) - same <= max(
            1, shorter // 10
        ):
            return other
    return ""
