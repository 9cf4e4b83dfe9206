"""What the reader must know of a language's grammar and of its test libraries, as data."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import re2
from tree_sitter import Node, Parser

from bot.repair.guard.rules import listed
from bot.repair.guard.trees import line_of, text_of

MODIFIERS = frozenset({"modifiers", "visibility_modifier"})
PARTS = frozenset({"generic_function", "template_function", "call_expression"})
NOTHING: frozenset[str] = frozenset()
Names = frozenset[str]


def names(text: str) -> Names:
    """A set of names that is written as text."""
    return frozenset(listed(text))


LATER = names("launch async submit execute runAsync supplyAsync spawn Thread thread setTimeout")
PERHAPS = names("ifPresent onSuccess onFailure and_then inspect takeIf takeUnless ifOk map_or orElseGet")
MUTE = names("Log Logf Helper Parallel println printf print puts p echo info debug warn fmt Println Printf")


def table(text: str) -> dict[str, tuple[str, int]]:
    """Read lines `op arity: name name ...` into name -> (op, arguments that matter)."""
    found = {}
    for line in filter(None, (line.strip() for line in text.split("\n"))):
        head, _, rest = line.partition(":")
        op, arity = head.split()
        found.update(dict.fromkeys(rest.split(), (op.replace("=", ":"), int(arity))))
    return found


@dataclass(frozen=True, slots=True)
class Call:
    """A call: what it is called on, its name ('' for none), its arguments, and the block that follows it."""

    node: Node
    receiver: Node | None
    name: str
    arguments: tuple[Node, ...] = ()
    block: Node | None = None


@dataclass(frozen=True, slots=True)
class Annotation:
    """An annotation, attribute or docblock tag: its name without path, and what stands in its brackets."""

    name: str
    text: str
    line: int
    values: tuple[Node, ...] = ()


def no_annotations(_: Node) -> Iterator[Annotation]:
    """For languages without annotations."""
    return iter(())


@dataclass(frozen=True, kw_only=True)
class Grammar:
    """The node types of a language by what they are. Fields are those of its tree-sitter grammar."""

    parser: Callable[[], Parser]
    call: Callable[[Node], Call | None]
    hidden: Callable[[Node], bool] = lambda node: any(
        c.type in MODIFIERS and "private" in text_of(c).split() for c in node.children
    )
    """Whether the runner cannot see a method, because it is private."""
    members: Mapping[str, tuple[str, str]]
    """Type of a member access -> fields of the object and of the name."""
    strings: Names
    numbers: Names
    fixed: Names
    """Types of true, false, null."""
    identifiers: Names
    comments: Names
    functions: Names
    lambdas: Names
    classes: Names
    ifs: Names
    branches: Names = NOTHING
    """Arms of a switch or match; handlers."""
    loops: Names = NOTHING
    tries: Names = NOTHING
    handlers: Names = NOTHING
    returns: Names = NOTHING
    jumps: Names = NOTHING
    throws: Names = NOTHING
    blocks: Names = NOTHING
    binaries: Names = frozenset({"binary_expression"})
    unaries: Names = frozenset({"unary_expression"})
    wrappers: Names = frozenset({"parenthesized_expression"})
    lists: Names = NOTHING
    assignments: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    respelled: Mapping[str, str] = field(default_factory=dict)
    """Tokens that formatters exchange -> the one that counts."""
    bare_lists: Names = NOTHING
    """Types whose brackets may be left out."""
    annotated: Names = NOTHING
    """Types on which annotations stand that may switch checkers off."""
    annotations: Callable[[Node], Iterator[Annotation]] = no_annotations
    title: Callable[[Node], str] = lambda node: text_of(node.child_by_field_name("name"))
    tolerant: bool = False
    """Macros may keep the parser from understanding a valid file."""
    rewritten: Callable[[], Parser] | None = None
    """The parser for what `rewrite` makes, where that is another language."""
    rewrite: Callable[[str, Node], str] | None = None
    """Turn macros into what the grammar knows, line by line; asked once, with the tree of the text."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The words of a language's test libraries."""

    asserts: Mapping[str, tuple[str, int]]
    owners: Names = NOTHING
    """What assertions are called on; empty when that does not matter."""
    dropped: Names = NOTHING
    """First arguments that say nothing: `t`."""
    subjects: Names = NOTHING
    verbs: Mapping[str, bool] = field(default_factory=dict)
    """What stands between subject and matcher -> whether it negates."""
    fails: Names = NOTHING
    failers: Names = NOTHING
    """What `fails` are called on; empty when that does not matter."""
    tests: Names = NOTHING
    """Calls that define a test."""
    suites: Names = NOTHING
    hooks: Names = NOTHING
    off: Names = NOTHING
    """Calls that define a test or suite and switch it or others off."""
    skips: Names = NOTHING
    modifiers: Names = NOTHING
    """Words in the call that defines a test, by which it is switched off."""
    marked: Names = NOTHING
    """Annotations that make a method a test."""
    named: object = re2.compile(r"^$")
    """Names that make a function a test."""
    switches: object = re2.compile(r"^(Disabled|Enabled|Ignore|Skip)\w*$")
    """Annotations that switch a test off, perhaps on a condition."""
    hooked: Names = NOTHING
    """Annotations and names of what runs before tests."""
    tables: Names = NOTHING
    """Annotations, and calls, whose arguments are the rows that a test runs over."""
    rows: Names = NOTHING
    """Calls each of which is one row."""
    runs: object = re2.compile(r"^$")
    """Names of functions that are tests because another one calls them."""
    listers: Names = NOTHING
    """Calls that make a list of their arguments."""
    output: object = re2.compile(r"^\b$")
    """The comment from which on a function tells what it prints."""
    statuses: Names = NOTHING
    """Calls that run the tests and give back whether they passed."""
    exits: Names = NOTHING
    retries: Names = NOTHING
    swallowers: Names = NOTHING
    """Calls that catch what fails in their argument."""
    catchers: Names = NOTHING
    """Calls that catch what fails around them."""
    later: Names = LATER
    perhaps: Names = PERHAPS
    """Calls whose block may not run."""
    mute: Names = MUTE
    """Calls that do nothing for a test."""
    throwing: Names = NOTHING
    """Calls behind that of a test, by which the test is expected to fail."""
    fakers: Names = NOTHING
    """Calls that set what a fake gives back: the faked call is in them or before them."""


@dataclass(frozen=True, slots=True)
class Link:
    """One part of a chain: a name, and the call when it is called."""

    name: str
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """`base.name(args).name ...` taken apart, the first part first; `base` when that is no name."""

    node: Node
    base: Node | None
    links: tuple[Link, ...]
    inner: frozenset[int]

    @property
    def names(self) -> list[str]:
        """All names in order."""
        return [x.name for x in self.links]

    @property
    def dotted(self) -> str:
        """The names, joined; of a constructor the class."""
        told = [x.name for x in self.links]
        if len(told) > 1 and told[-1] == "new":
            told.pop()
        return ".".join(told)

    @property
    def line(self) -> int:
        """The line (from 1) of the last call."""
        return line_of(self.node)


def chain_of(node: Node, grammar: Grammar) -> Chain:
    """Take a call or member access apart, whatever its length."""
    links: list[Link] = []
    inner: set[int] = set()
    one: Node | None = node
    while one is not None:
        call = grammar.call(one)
        if call is not None:
            links.append(Link(call.name, call))
            following = call.receiver
            inner |= _function(one, call, grammar)
        elif one.type in grammar.members:
            target, name = grammar.members[one.type]
            links.append(Link(_member(one, name)))
            following = _target(one, target)
        elif one.type in grammar.wrappers and links and one.named_child_count:
            following = one.named_children[0]
        else:
            break
        inner.add(one.id)
        one = following
    if one is not None and one.type in grammar.identifiers:
        return Chain(node, None, (Link(text_of(one)), *reversed(links)), frozenset({*inner, one.id}))
    return Chain(node, one, tuple(reversed(links)), frozenset(inner))


def _function(node: Node, call: Call, grammar: Grammar) -> set[int]:
    """The ids of the nodes between a call and what it is called on."""
    found = set()
    one = node.child_by_field_name("function") or next(iter(node.named_children), None)
    while one is not None and one != call.receiver and (one.type in grammar.members or one.type in PARTS):
        found.add(one.id)
        one = next(iter(one.named_children), None)
    return found


def _member(node: Node, name: str) -> str:
    if name:
        return text_of(node.child_by_field_name(name))
    return text_of(node.named_children[-1]) if node.named_child_count else ""


def _target(node: Node, name: str) -> Node | None:
    if name:
        return node.child_by_field_name(name)
    return node.named_children[0] if node.named_child_count else None
