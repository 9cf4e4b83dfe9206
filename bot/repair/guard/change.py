"""One changed file as the guard sees it."""

from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property

MOST = 600  # lines that differ, up to which it is told what became of each


@dataclass(frozen=True)
class Change:
    """A file before and after; None where it does not exist on that side.

    `path` is repo-relative with forward slashes. Bytes that are not UTF-8 show as `\\xNN` in the texts, so that a
    change of them stays visible.
    """

    path: str
    old: bytes | None
    new: bytes | None

    @property
    def binary(self) -> bool:
        """A side holds a NUL byte."""
        return any(b"\0" in side for side in (self.old, self.new) if side is not None)

    @cached_property
    def old_text(self) -> str:
        """The text before, without byte order mark, line ends as `\\n`; empty when there was no file."""
        return _text(self.old)

    @cached_property
    def new_text(self) -> str:
        """The text after; like `old_text`."""
        return _text(self.new)

    @cached_property
    def _common(self) -> tuple[int, int, int]:
        """Lines of the common head, the old text and the new text."""
        old, new = self.old_text.split("\n"), self.new_text.split("\n")
        head = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
        return head, len(old), len(new)

    def parts(self, context: int = 200) -> tuple[str, str]:
        """Both texts cut down to what differs and `context` lines around; blank lines keep the numbers right."""
        head, before, after = self._common
        old, new = self.old_text.split("\n"), self.new_text.split("\n")
        pairs = zip(reversed(old[head:]), reversed(new[head:]), strict=False)
        tail = next((i for i, (a, b) in enumerate(pairs) if a != b), min(before, after) - head)
        start, end = max(0, head - context), max(0, tail - context)
        return tuple("\n" * start + "\n".join(side[start : len(side) - end]) for side in (old, new))  # type: ignore[return-value]

    def differing(self) -> tuple[str, str]:
        """Both texts cut down to the lines that the other has fewer of; blank lines keep the numbers right."""
        old, new = (side.split("\n") for side in (self.old_text, self.new_text))
        before, after = Counter(old), Counter(new)
        return _kept(old, before - after), _kept(new, after - before)

    def new_line(self, old_line: int) -> int:
        """Where line `old_line` (from 1) of the old file was or would be in the new one: a good guess, from 1."""
        head, before, after = self._common
        if old_line <= head:
            return old_line
        return max(1, min(after, max(head + 1, old_line + after - before)))

    @cached_property
    def _places(self) -> tuple[dict[int, tuple[int, int]], dict[int, tuple[int, int]]]:
        """What each line (from 1) of both sides belongs to: equal where one took the place of the other, or is it."""
        head, before, after = self._common
        told = ({n: (0, n) for n in range(1, head + 1)}, {n: (0, n) for n in range(1, head + 1)})
        if max(before, after) - head > MOST:
            return told
        old, new = (side.split("\n")[head:] for side in (self.old_text, self.new_text))
        for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            for places, start, end in ((told[0], a, b), (told[1], c, d)):
                for at in range(start, end):
                    places[head + at + 1] = (head + a + 1, 0 if kind == "replace" else at - start + 1)
        return told

    def is_rewritten(self, old_line: int, new_line: int) -> bool:
        """Whether two lines (from 1) are the same one, or lie in lines that took the place of each other."""
        was, now = (places.get(line) for places, line in zip(self._places, (old_line, new_line), strict=True))
        return was is not None and was == now

    def find(self, needle: str) -> int:
        """The first line (from 1) of the new text that holds `needle`; 1 when none does."""
        at = self.new_text.find(needle) if needle else -1
        return self.new_text.count("\n", 0, at) + 1 if at >= 0 else 1


def _kept(lines: list[str], wanted: Counter[str]) -> str:
    return "\n".join(line if wanted[line] else "" for line in lines)


def _text(side: bytes | None) -> str:
    text = (side or b"").decode("utf-8", "backslashreplace").removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n")
