"""Reading a source file by lines: for what no parser reads, and for both sides when one of them does not parse.

Coarser than the language modules, and in doubt stricter: an assertion is a line that starts like one.
"""

from collections.abc import Iterator
from functools import cache

import re2

from bot.repair.guard.directives import attributes_in, found_in, words_of
from bot.repair.guard.facts import Check, Facts, Mark, Patterns, TooComplex, Unit
from bot.repair.guard.lexer import code_only

LARGEST = 400_000  # characters
LITERAL = re2.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|\b[0-9][0-9a-zA-Z_.]*\b')
MOST = 5000  # assertions and tests of one file that are compared
HEAD = re2.compile(r"\w+")
PARTLY = frozenset({"--partial", "--regexp"})
"""With which bats-assert looks at a part of what came out."""


@cache
def _compiled(pattern: str) -> object:
    return re2.compile(pattern)


def read(text: str, patterns: Patterns, *, test: bool, collected: bool) -> Facts:
    """Read one side of a file by lines. Raises `TooComplex` when it is too large even for that."""
    if len(text) > LARGEST:
        raise TooComplex(f"more than {LARGEST} characters")
    directives, closers = found_in(text, patterns.comments)
    more, restored = attributes_in(text, patterns.comments) if patterns.comments == "slash" else ((), ())
    units = tuple(_units(text, patterns, collected)) if test else ()
    return Facts(units=units, directives=directives + more, closers=closers + restored)


def _units(text: str, patterns: Patterns, collected: bool) -> Iterator[Unit]:
    """One unit from each line that starts a test to the next one; what stands before the first is `<module>`."""
    code = code_only(text, patterns.comments).split("\n")
    lines = text.split("\n")
    start, check, off = (_compiled(p) for p in (patterns.test, patterns.check, patterns.off))
    name, first, budget = "<module>", 0, MOST
    for number in [*range(len(lines)), len(lines)]:
        match = start.search(lines[number]) if number < len(lines) else None  # type: ignore[attr-defined]  # re2 has no types
        if match is None and number < len(lines):
            continue
        span = range(first, number)
        found = [n for n in span if check.search(code[n])]  # type: ignore[attr-defined]
        budget -= len(found) + 1
        if budget < 0:
            raise TooComplex(f"more than {MOST} assertions and tests")
        checks = [_check(lines[n], n + 1) for n in found]
        hits = [n for n in span if off.search(code[n])]  # type: ignore[attr-defined]
        marks = [
            Mark("disabled-test", " ".join(code[n].split()), n + 1, "keeps a test from running or failing")
            for n in hits
        ]
        weight = sum(bool(code[n].strip(" \t{}()[];,")) for n in span)
        yield Unit(
            name,
            first + 1,
            collected and name != "<module>",
            checks=tuple(checks),
            marks=tuple(marks),
            weight=weight,
            words=words_of("\n".join(lines[first:number])[:20_000]),
        )
        if match is not None:
            name, first = next((g for g in match.groups() if g), lines[number].strip()), number


def _check(line: str, number: int) -> Check:
    told = " ".join(line.split())
    literals = tuple(sorted(x.strip("\"'") for x in LITERAL.findall(told)))
    head = HEAD.findall(code_only(told, "script"))[:2]
    return Check(
        f"call:{'.'.join(head[:1])}",
        told,
        "",
        number,
        expected_literals=literals,
        lossy=PARTLY & frozenset(told.split()) if told.startswith("assert_") else frozenset(),
        words=words_of(told),
    )
