"""Functions of the program that do something else than before, by name.

What a test expects of one of these may change together with it: the two are read in one change, and people see both.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import re2

from bot.repair.guard.change import Change
from bot.repair.guard.facts import Check, TooComplex, Unit
from bot.repair.guard.handed import short
from bot.repair.guard.kinds import name_of
from bot.repair.guard.languages import language_of
from bot.repair.guard.lexer import without_comments

DEFINED = re2.compile(
    r"(?m)^[ \t]*(?:[\w@.]+[ \t]+)*?(?:def|class|function|fn|func|fun|struct|interface|object|module|trait|enum)[ \t]+"
    r"(?:\([^)\n]*\)[ \t]*)?(?:self\.)?([A-Za-z_]\w{2,})"
    r"|^(?:(?:export|const|let|var|val|static|final|public|private|pub)[ \t]+)*"
    r"([A-Za-z_]\w{2,})[ \t]*(?::[^=\n]*)?=[^=]"
    r"|^[ \t]*(?:#define[ \t]+|(?:\w+[ \t]+)*?)([A-Z][A-Z0-9_]{2,})[ \t]*(?::[^=\n]*)?(?:=[^=]|[ \t]\d)"
    r"|^[ \t]*(?:[\w<>\[\],:.*&?]+[ \t]+)+[*&]?(?:\w+(?:::|\.))*(\w{3,})[ \t]*\([^;{}()]*\)[^;{}()\n=]*\n?[ \t]*\{"
    r"|^[ \t]*(?:async[ \t]+)?(\w{3,})[ \t]*\([^;{}()\n]*\)[ \t]*\{"
)
OWNER = re2.compile(r"\b(?:class|struct|object|trait|interface|enum|module)\b")
IMPLICIT = re2.compile(
    r"^(?:__\w+__|__\w+|constructor|initialize|operator\w*|to_s|inspect|toString|String|Error|equals|hashCode|compareTo|fmt|"
    r"add|sub|mul|div|neg|eq|cmp|partial_cmp)$"
)
"""Methods that operators, conversions and constructors call, so that who asks them names only their class."""
STATEMENTS = frozenset({"return", "else", "while", "switch", "catch", "for", "elif", "until", "unless", "new", "throw"})
TOKEN = re2.compile(
    r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`]*`|\b\d[\w.]*|[A-Za-z_]\w*(?:[ \t]*\()|"
    r"\b(?:not|and|or|in|return|yield)\b|[-+*/%<>=!&|^?]+"
)
NEUTRAL = frozenset({"=", ":=", "->", "=>", "?", "|", "&", "*", "//"})
"""Signs that stand in types and declarations, too."""
DOCUMENTS = re2.compile(r"(?s)\"\"\".*?\"\"\"|'''.*?'''")
TYPES = re2.compile(r"\b[A-Za-z_]\w*(?:::)?<[\w\s,.?:\[\]|&'*-]*>+|[&*]+[A-Za-z_]\w*")
TELLS = re2.compile(
    r"(?i)^\s*(?:[\w.$>-]*\.)?(?:_?log\w*|slog|console|print\w*|puts|warn|debug|import|use|require|package)\b"
)
WORD = re2.compile(r"[A-Za-z_]\w{2,}")
SHORTEST = 3  # characters of a name that is looked for
STEPS = 3  # functions that call a reworked one, and so on
MOST = 2000  # definitions of one file
LARGEST = 200_000  # characters of a file that is read for it


@dataclass(frozen=True, slots=True)
class Reworked:
    """The names of what the changed files of the program define, and which does something else now."""

    names: frozenset[str]
    renamed: tuple[frozenset[str], frozenset[str]]
    """What is defined no more, and what is now."""
    data: frozenset[str]
    """Names of files of data that got more."""
    started: frozenset[str] = frozenset()
    """Scripts that do something else when they are started."""

    @classmethod
    def of(cls, program: Iterable[Change], data: frozenset[str]) -> "Reworked":
        """Read the changed files of the program, without its tests; `data` are files that its tests read."""
        names: set[str] = set()
        started: set[str] = set()
        sides: tuple[set[str], set[str]] = (set(), set())
        bodies: list[tuple[str, frozenset[str]]] = []
        for change in program:
            old, new = (dict(_definitions(change.path, text)) for text in (change.old_text, change.new_text))
            names |= {name for name in old.keys() & new.keys() if _does(old[name]) != _does(new[name])}
            if _is_started(change) and _does(change.old_text) != _does(change.new_text):
                started.add(name_of(change.path).partition(".")[0])
            for side, told in zip(sides, (old, new), strict=True):
                side.update(told)
            bodies += [(name, frozenset(WORD.findall(text))) for name, text in new.items()]
        for _ in range(STEPS if names else 0):
            names |= {name for name, words in bodies if words & names}
        renamed = (frozenset(sides[0] - sides[1]), frozenset(sides[1] - sides[0]))
        return cls(frozenset(names), renamed, data, frozenset(started))

    def through(self, helpers: Iterable[Unit]) -> "Reworked":
        """The same, with the helpers of tests that call one of these."""
        names, told = set(self.names), [(short(u.name), u.words) for u in helpers]
        for _ in range(STEPS if names else 0):
            names |= {name for name, words in told if words & names and len(name) >= SHORTEST}
        return replace(self, names=frozenset(names))

    def answers(self, check: Check, unit: Unit) -> bool:
        """Whether what a check asks comes from one of them."""
        if any(text.endswith(name) for text, _ in unit.literals for name in self.data) or unit.words & self.started:
            return True
        reached = set(WORD.findall(f"{check.subject} {check.expected}"))
        for _ in range(STEPS):
            for name, value in unit.assigned:
                if name in reached:
                    reached |= set(WORD.findall(value))
        return bool(reached & self.names)

    def runs_in(self, unit: Unit) -> bool:
        """Whether a test calls one of them."""
        return any(set(WORD.findall(call)) & self.names for call in unit.calls)


def _is_started(change: Change) -> bool:
    """Whether a file is a script that is run by its name."""
    return change.old_text.startswith("#!") or change.path.endswith((".sh", ".bash"))


def _definitions(path: str, text: str) -> Iterator[tuple[str, str]]:
    """Each name that is defined, with the text up to the next definition; overloads count as one."""
    language = language_of(path, text)
    if language is None or len(text) > LARGEST:
        return
    try:
        text = without_comments(text, language.PATTERNS.comments)
    except TooComplex:
        return
    found = [(m.start(), next(g for g in m.groups() if g), m.group()) for m in DEFINED.finditer(text)]
    found = [row for row in found if row[1] not in STATEMENTS][:MOST]
    told: dict[str, str] = {}
    ends: Sequence[int] = [at for at, _, _ in found[1:]] + [len(text)]
    owner = ""
    for (at, name, head), end in zip(found, ends, strict=False):
        owner = name if OWNER.search(head) else owner
        for one in sorted({name, owner}) if owner and IMPLICIT.search(name) else (name,):
            told[one] = told.get(one, "") + text[at:end]
    yield from told.items()


def _does(text: str) -> Counter[str]:
    """What a function calls, asks and gives, without its names for things, its types and what it tells a log."""
    lines = (line for line in TYPES.sub("", DOCUMENTS.sub("", text)).split("\n") if not TELLS.search(line))
    told = ("".join(token.split()).replace("'", '"') for line in lines for token in TOKEN.findall(line))
    return Counter(token for token in told if token not in NEUTRAL)
