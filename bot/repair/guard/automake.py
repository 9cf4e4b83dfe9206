"""The tests of automake: which programs `make check` runs, and which of them may fail."""

from collections.abc import Iterator, Mapping

import re2

from bot.repair.guard.change import Change
from bot.repair.guard.findings import Finding
from bot.repair.guard.lexer import without_comments

FILE = re2.compile(r"(?:^|/)Makefile\.am$|\.am$")
ASSIGNED = re2.compile(r"^([A-Za-z_]\w*)\s*\+?=\s*(.*)$")
IF, END = re2.compile(r"^if\s+(\S.*)$"), re2.compile(r"^endif\b")
NAMED = re2.compile(r"^\$[({](\w+)[)}]$")
NESTED = 4  # conditions around a word that are told
LARGEST = 300_000  # characters

Lists = Mapping[str, list[tuple[str, str]]]


def judge(change: Change) -> Iterator[Finding]:
    """Yield the tests that are run no more, or on a condition only, and those that may fail now."""
    if not FILE.search(change.path) or change.old is None or change.new is None or change.binary:
        return
    if max(len(change.old_text), len(change.new_text)) > LARGEST:
        return  # said where build files are judged
    old, new = (_lists(without_comments(text, "hash")) for text in (change.old_text, change.new_text))
    was, now = _members("TESTS", old), _members("TESTS", new)
    came = len(now.keys() - was.keys())
    for name in sorted(was.keys() - now.keys())[came:]:
        yield Finding("weakened-command", change.path, change.new_line(1), f"{name} is not in TESTS any more")
    for name in sorted(was.keys() & now.keys()):
        if was[name] != now[name] and now[name]:
            yield Finding("weakened-command", change.path, change.find(name), f"{name} runs only with {now[name]}")
    failing = _members("XFAIL_TESTS", new).keys() - _members("XFAIL_TESTS", old).keys()
    for name in sorted(failing & was.keys()):
        yield Finding("disabled-test", change.path, change.find("XFAIL_TESTS"), f"{name} is expected to fail")


def _lists(text: str) -> Lists:
    """What stands in each variable: (word, condition around it)."""
    found: dict[str, list[tuple[str, str]]] = {}
    around: list[str] = []
    for line in text.replace("\\\n", " ").split("\n"):
        begin, told = IF.search(line), ASSIGNED.search(line)
        if begin:
            around.append(begin.group(1).strip())
        elif line.startswith("else") and around:
            around[-1] = f"not {around[-1]}"
        elif END.search(line) and around:
            around.pop()
        elif told:
            found.setdefault(told.group(1), []).extend(
                (word, " and ".join(around[-NESTED:])) for word in told.group(2).split()
            )
    return found


def _members(name: str, lists: Lists) -> dict[str, str]:
    """The words of a variable with those of the variables in it, each with the conditions that it stands under."""
    found: dict[str, str] = {}
    todo, seen = [(name, "")], {name}
    while todo:
        variable, around = todo.pop()
        for word, condition in lists.get(variable, ()):
            told = " and ".join(filter(None, (around, condition)))
            inner = NAMED.search(word)
            if inner is None:
                found[word] = "" if found.get(word) == "" else told
            elif inner.group(1) not in seen:
                seen.add(inner.group(1))
                todo.append((inner.group(1), told))
    return found
