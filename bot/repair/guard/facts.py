"""What the guard knows of a source file in any language: the language modules fill this, the judges compare it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Check:
    """One assertion.

    `op` comes from the vocabulary of `checks.py` (`eq`, `truthy`, `raises`, ...; `call:NAME` for anything else).
    `subject` and `expected` are normalised source. The literals have names resolved one step, so that a value that
    moved into a variable is still seen; those of a keyword argument read `name=value`. `elements` counts the members of
    list, tuple, set and dict displays in what is expected. `tolerances` map a kind to a number that grows as it gets
    looser. `lossy` names what throws away part of the compared value (`set`, `len`, ...). `guards` are the conditions
    it stands under: `if`, `function`, `dead` (it may not run), `try`, `raises` (its failure may be swallowed).
    """

    op: str
    subject: str
    expected: str
    line: int
    subject_literals: tuple[str, ...] = ()
    expected_literals: tuple[str, ...] = ()
    elements: int = 0
    tolerances: tuple[tuple[str, float], ...] = ()
    lossy: frozenset[str] = frozenset()
    guards: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    awaited: bool = False
    hollow: str = ""
    """Why it cannot fail; empty when it can."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Equal for checks that read the same, whatever their layout."""
        return self.op, self.subject, self.expected


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that is refused when there is more of it after than before; `key` tells equal ones.

    One that is `conditional` (a skip on one platform) takes nothing away where the test is new.
    """

    rule: str
    key: str
    line: int
    message: str
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """A test (`collected`: the runner finds and runs it) or another function of a test file.

    `cases` are the rows it runs over; `values` the literals that a helper or fixture hands out; `calls` the names that
    it calls; `patches` what it replaces by fakes, dotted; `weight` its statements that do something.
    """

    name: str
    line: int
    collected: bool
    checks: tuple[Check, ...] = ()
    marks: tuple[Mark, ...] = ()
    cases: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    patches: frozenset[str] = frozenset()
    weight: int = 0
    words: frozenset[str] = frozenset()
    literals: tuple[tuple[str, int], ...] = ()
    """How often each number and string stands in it, as text without quotes."""
    assigned: tuple[tuple[str, str], ...] = ()
    """(name, code of the value) of each assignment in it."""


@dataclass(frozen=True, slots=True)
class Directive:
    """A comment or attribute that switches a checker off.

    Without `codes` it switches everything off. `anchor` holds the words of the statement it stands at, so that a
    directive that a formatter moved is recognised and one that changed its place is not.
    """

    name: str
    codes: frozenset[str]
    anchor: frozenset[str]
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Heed:
    """Names of the calls of one file: whose failure comes out, and whose is dropped, with a line."""

    heeded: tuple[str, ...] = ()
    dropped: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Special:
    """A condition on the literals `asked` under which code gives back the literals `given`."""

    asked: tuple[str, ...]
    given: tuple[str, ...]
    line: int

    @property
    def key(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Equal for the same question and answer."""
        return self.asked, self.given


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything of one side of a source file. `closers` count comments that switch a checker on again, by name.

    `constants` are module-level names with a literal value, as text.
    """

    units: tuple[Unit, ...] = ()
    marks: tuple[Mark, ...] = ()
    directives: tuple[Directive, ...] = ()
    closers: tuple[tuple[str, int], ...] = ()
    constants: tuple[tuple[str, str], ...] = ()
    examples: tuple[tuple[str, str], ...] = ()
    """Doctest examples: source and expected output."""
    heed: Heed = Heed()
    """Of code that is no test: whose failure comes out."""
    specials: tuple[Special, ...] = ()
    """Of code that is no test: literal answers to literal questions."""


class Unparsable(Exception):
    """The text is not valid in its language; `line` counts from 1."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class TooComplex(Exception):
    """The text is too large or too deeply nested to be read with care."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """How to read a language by lines when its parser cannot: re2 patterns, matched against lines without strings.

    `test` finds the start of a test (group 1 is its name, where it has one), `check` an assertion, `off` what switches
    tests off. `comments` is the family in `lexer.py`.
    """

    test: str
    check: str
    off: str
    comments: str


class Language(Protocol):
    """A module of the guard for one family of languages; `languages.py` lists them."""

    @property
    def NAME(self) -> str:  # noqa: N802  # a constant of a module
        """What the language is called."""
        ...

    @property
    def PATTERNS(self) -> Patterns:  # noqa: N802
        """How to read it by lines."""
        ...

    def claims(self, path: str) -> bool:
        """Whether files of that name are in this language."""
        ...

    def is_test(self, path: str) -> bool:
        """Whether a file of that name holds tests or what tests use."""
        ...

    def collected(self, path: str) -> bool:
        """Whether test runners look for tests in a file of that name."""
        ...

    def read(self, path: str, text: str) -> Facts:
        """Read one side of a file. Raises `Unparsable` and `TooComplex`."""
        ...


LanguageList = Sequence[Language]
