"""A unit that is being read, and what holds for the code in it."""

from dataclasses import dataclass, field

from tree_sitter import Node

from bot.repair.guard.directives import assigned_in, literals_of, words_of
from bot.repair.guard.facts import Check, Mark, Unit
from bot.repair.guard.syntax.asserts import Asserts
from bot.repair.guard.syntax.grammar import Grammar, Vocabulary
from bot.repair.guard.syntax.values import Scope
from bot.repair.guard.trees import size_of, text_of

WORDS = 20_000  # bytes of a unit whose words are taken to know it again under another name
LITERALS = 5_000  # bytes of a unit whose literals are counted


@dataclass(slots=True)
class Draft:
    """A unit that is being filled. `exits` are (line, first line of the block around) of what leaves it."""

    name: str
    line: int
    collected: bool
    node: Node
    scope: Scope
    checks: list[Check] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    patches: set[str] = field(default_factory=set)
    exits: list[tuple[int, int, str]] = field(default_factory=list)
    weight: int = 0

    def finish(self) -> Unit:
        """The unit; leaving early counts only when a check comes after it, and none stands right before it."""
        last = max((c.line for c in self.checks), default=0)
        early = [
            Mark("early-exit", what, line, f"{what} before the assertions")
            for line, first, what in self.exits
            if self.collected and line <= last and not any(first <= c.line <= line for c in self.checks)
        ]
        hollow = [
            Mark("hollow-assertion", f"{c.op} {c.subject} {c.expected}", c.line, f"this assertion {c.hollow}")
            for c in self.checks
            if c.hollow
        ]
        return Unit(
            self.name,
            self.line,
            self.collected and self.name != "main",
            checks=tuple(self.checks),
            marks=(*self.marks, *early, *hollow),
            cases=tuple(self.cases),
            values=() if self.collected else tuple(self.values),
            calls=tuple(self.calls),
            patches=frozenset(self.patches),
            weight=self.weight,
            words=words_of(text_of(self.node) if size_of(self.node) < WORDS else self.name),
            literals=literals_of(text_of(self.node)) if size_of(self.node) < LITERALS else (),
            assigned=assigned_in(text_of(self.node)) if size_of(self.node) < LITERALS else (),
        )


@dataclass(frozen=True, slots=True)
class Context:
    """What holds for a node: its unit, the names around it, what it depends on.

    `gates` are the marks of what stands around tests (a class that is switched off); `failing`: it is the body of
    `if (...) fail`; `faked`: it tells what a fake gives back;
    `rows`: what the calls around loop over; `silent`: only tests in it count, not plain functions.
    """

    owner: Draft
    prefix: str = ""
    guards: tuple[str, ...] = ()
    gates: tuple[Mark, ...] = ()
    condition: str = ""
    dead: bool = False
    failing: bool = False
    faked: bool = False
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kit:
    """What is known of the language; `test`: the file is one for tests, so that helpers in it count."""

    grammar: Grammar
    vocabulary: Vocabulary
    asserts: Asserts
    test: bool
