"""Cases of tests: whether they hold the values that an assertion had in it before."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import re2

from bot.repair.guard.directives import words_of
from bot.repair.guard.facts import Check, Unit

VALUE = re2.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`\n]*`|-?\b\d[\w.]*")
GIVEN = re2.compile(VALUE.pattern + r"|\b(?:nil|null|None|undefined)\b")
TOKEN = re2.compile(VALUE.pattern.replace("-?", "") + r"|[A-Za-z_$]\w*|[-+*/!&|.]")
FIELD = re2.compile(r"\b[A-Za-z_]\w*\s*(?::|=>|=)\s")
NAMED = re2.compile(r"^(?:'[^']*'|\"[^\"]*\")\s*(?:=>|:)\s*[\[{(]")
WORD = re2.compile(r"[A-Za-z_]\w*")
MOST = 300  # rows that are compared each with each
NEGATIVE = re2.compile(r"(^|[\[({,:=>]\s*)- (\d)")
HOLE = "{}"
QUOTES = frozenset("'\"`")
KEYWORD = re2.compile(r"^[A-Za-z_]\w*=")


def holds(old: Check, new: Check, case: str) -> bool:
    """Whether all values of a check stand in the new one or in the case."""
    lost = Counter((*old.expected_literals, *old.subject_literals))
    lost -= Counter((*new.expected_literals, *new.subject_literals))
    names = {w for w in old.words & new.words if not w.isdigit()}
    told = Counter(_bare(x) for x in _values(case))
    drafts = [x for x in (*new.subject_literals, *new.expected_literals) if HOLE in x]
    wanted = Counter(y for x in lost.elements() for y in _filled(_bare(KEYWORD.sub("", x)), drafts))
    return bool(names) and bool(lost) and wanted <= told


def _filled(text: str, drafts: Sequence[str]) -> Sequence[str]:
    """What has to be filled into one of these to get a text, such as `/notes/{}`; the text itself where none fits."""
    for draft in drafts:
        head, _, tail = _bare(draft).partition(HOLE)
        if head + tail and len(text) > len(head + tail) and text.startswith(head) and text.endswith(tail):
            return [text[len(head) : len(text) - len(tail)]]
    return [text]


def feeds(old: Check, new: Check, case: str) -> bool:
    """Whether two checks ask the same, of what calls give back that the case tells the values of: `raises(E): f(7)`."""
    lost = Counter(map(_bare, _values(old.subject))) - Counter(map(_bare, _values(new.subject)))
    same = (old.op, old.expected) == (new.op, new.expected) and bool(old.words & new.words)
    return same and bool(lost) and lost <= Counter(map(_bare, _values(case)))


def in_order(old: Check, new: Check, case: str, unit: Unit) -> bool:
    """Whether what is asked and what is expected stand in a case in the order of their parameters."""
    order = [name for name, value in unit.assigned if value == "("]
    asked, wanted = (min((order.index(w) for w in words_of(x) if w in order), default=-1) for x in _sides(new))
    if asked < 0 or wanted < 0:
        return True
    kept = Counter((*new.subject_literals, *new.expected_literals))
    sides = [
        Counter(_bare(KEYWORD.sub("", x)) for x in (Counter(given) - kept).elements())
        for given in (old.subject_literals, old.expected_literals)
    ]
    first, second = sides if asked < wanted else sides[::-1]
    told = [_bare(x) for x in _values(case)]
    return any(first <= Counter(told[:at]) and second <= Counter(told[at:]) for at in range(len(told) + 1))


def lost_rows(old: Sequence[str], new: Sequence[str], renamed: Mapping[str, str]) -> Counter[str]:
    """The rows that are gone; one that got or lost names for its values, or calls what has another name now, is not.

    `renamed` are the new names of tests that were renamed.
    """
    lost, came = Counter(old) - Counter(new), Counter(new) - Counter(old)
    if not (lost and came):
        return lost
    left = [(row, _Row.of(row)) for row in list(came.elements())[:MOST]]
    for row in list(lost.elements())[:MOST]:
        told = _Row.of(WORD.sub(lambda m: renamed.get(m.group(), m.group()), row))
        heir = next((pair for pair in left if told.says(pair[1])), None)
        if heir is not None:
            left.remove(heir)
            lost[row] -= 1
    return +lost


@dataclass(frozen=True, slots=True)
class _Row:
    """A row in its tokens, without brackets; `bare` lacks the names of fields, `value` the name of the row."""

    tokens: tuple[str, ...]
    bare: tuple[str, ...]
    value: tuple[str, ...]

    @classmethod
    def of(cls, row: str) -> "_Row":
        row = row.removeprefix("yield ")
        named = NAMED.match(row)
        return cls(
            tuple(TOKEN.findall(row)),
            tuple(TOKEN.findall(FIELD.sub("", row))),
            tuple(TOKEN.findall(row[named.end() - 1 :] if named else row)),
        )

    def says(self, other: "_Row") -> bool:
        """Whether both hold the same; names of fields, or of the row, count where both have them.

        The other one may have got a title in front.
        """
        if self.tokens == other.tokens:
            return True
        unnamed = (self.bare == self.tokens) != (other.bare == other.tokens)
        lone = (self.value == self.tokens) != (other.value == other.tokens)
        titled = other.bare[1:] == self.bare and other.bare[0][:1] in QUOTES
        if titled and (unnamed or other.tokens[-len(self.tokens) :] == self.tokens):
            return True
        return (unnamed and self.bare == other.bare) or (lone and self.value == other.value)


def _sides(check: Check) -> tuple[str, str]:
    return check.subject, check.expected


def _values(case: str) -> list[str]:
    return list(GIVEN.findall(NEGATIVE.sub(r"\1-\2", case)))


def _bare(literal: str) -> str:
    """A literal without quotes and blanks, as `2` for `2.0`."""
    return "".join(literal.strip("\"'`").removesuffix(".0").split())
