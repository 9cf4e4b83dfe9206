"""Words that the program and its tests change alike: a message worded anew, a key, a kind of error.

A test that expects what the program said until now passed until now, so that its new expectation hides no failure.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import re2

from bot.repair.guard.change import Change

WORD = re2.compile(r"[A-Za-z0-9_]+")
RARE = 3  # characters from which a number or word is not found everywhere
TELLING = re2.compile(r"[A-Za-z]\w\w")


@dataclass(frozen=True, slots=True)
class Mirrored:
    """How many times more each word stands in the changed lines of the program than before."""

    more: Counter[str]

    @classmethod
    def of(cls, program: Iterable[Change]) -> "Mirrored":
        """Read the changed files of the program, without its tests."""
        more = Counter[str]()
        for change in program:
            was, now = (Counter(text.split("\n")) for text in (change.old_text, change.new_text))
            for lines, sign in ((was - now, -1), (now - was, 1)):
                for line, count in lines.items():
                    more.update({word: sign * count * times for word, times in Counter(WORD.findall(line)).items()})
        return cls(more)

    def brings(self, old: Iterable[str], new: Iterable[str]) -> bool:
        """Whether the program got all that these literals have more than the old ones, where that is no common word."""
        was, now = (Counter(w for x in side for w in WORD.findall(x.removesuffix(".0"))) for side in (old, new))
        came = now - was
        return any(len(word) >= RARE for word in came) and all(self.more[word] > 0 for word in came)

    def shows(self, old: Iterable[str], new: Iterable[str]) -> bool:
        """Whether the program lost each word of these literals that the new ones have no more, and got each new one."""
        was, now = (Counter(w for x in side for w in WORD.findall(x.removesuffix(".0"))) for side in (old, new))
        lost, came = was - now, now - was
        if not came or not any(TELLING.search(word) for word in lost):
            return False
        return all(self.more[word] < 0 for word in lost) and all(self.more[word] > 0 for word in came)
