"""What a script leaves out of the files that it lists to check them: `ls tests/*.sh | grep -v slow`."""

from collections import Counter
from collections.abc import Iterator, Sequence

import re2

from bot.repair.guard.shell import Command

LISTERS = frozenset({"ls", "find", "git", "fd", "go"})
TESTS = re2.compile(r"(?i)(?:^|[/_*.-])(?:tests?|specs?)(?:[/_*.-]|$)|^\./\.\.\.$")
LEAVES_OUT = re2.compile(r"^(?:-[a-zA-Z]*v[a-zA-Z]*|--invert-match)$")
FOREIGN = re2.compile(r"(?i)vendor|node_modules|third_party|generated|mocks?\b|__init__")
STEPS = 4  # commands of one pipe


def narrowed(before: Sequence[Command], after: Sequence[Command]) -> Iterator[tuple[int, str]]:
    """Yield (line, message) for each `grep -v` that is new behind a list of tests or packages."""
    known = Counter(words for words, _ in _left_out(before))
    for words, line in _left_out(after):
        if known[words] == 0:
            yield line, f"`{' '.join(words)[:60]}` leaves out of what is checked"
        known[words] -= 1


def _left_out(found: Sequence[Command]) -> Iterator[tuple[tuple[str, ...], int]]:
    for at, command in enumerate(found):
        leaves = command.words[0] in {"grep", "egrep"} and any(LEAVES_OUT.search(w) for w in command.words[1:])
        if leaves and "|" in command.before and not FOREIGN.search(" ".join(command.words)):
            pipe = found[max(0, at - STEPS) : at]
            if any(c.words[0] in LISTERS and any(TESTS.search(w) for w in c.words[1:]) for c in pipe if c.after == "|"):
                yield command.words, command.line
