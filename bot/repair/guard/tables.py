"""Cases of tests: whether they hold the values that an assertion had in it before."""

from collections import Counter

import re2

from bot.repair.guard.directives import words_of
from bot.repair.guard.facts import Check, Unit

VALUE = re2.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`\n]*`|-?\b\d[\w.]*")
KEYWORD = re2.compile(r"^[A-Za-z_]\w*=")


def holds(old: Check, new: Check, case: str) -> bool:
    """Whether all values of a check stand in the new one or in the case."""
    lost = Counter((*old.expected_literals, *old.subject_literals))
    lost -= Counter((*new.expected_literals, *new.subject_literals))
    names = {w for w in old.words & new.words if not w.isdigit()}
    told = Counter(_bare(x) for x in VALUE.findall(case))
    wanted = Counter(_bare(KEYWORD.sub("", x)) for x in lost.elements())
    return bool(names) and bool(lost) and wanted <= told


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
    told = [_bare(x) for x in VALUE.findall(case)]
    return any(first <= Counter(told[:at]) and second <= Counter(told[at:]) for at in range(len(told) + 1))


def _sides(check: Check) -> tuple[str, str]:
    return check.subject, check.expected


def _bare(literal: str) -> str:
    """A literal without quotes and blanks, as `2` for `2.0`."""
    return "".join(literal.strip("\"'`").removesuffix(".0").split())
