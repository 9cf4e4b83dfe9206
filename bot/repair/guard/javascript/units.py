"""The tests of a JavaScript or TypeScript file as facts: one pass over the tree."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tree_sitter import Node

from bot.repair.guard.directives import assigned_in, literals_of, words_of
from bot.repair.guard.facts import Check, Mark, TooComplex, Unit
from bot.repair.guard.javascript import marks
from bot.repair.guard.javascript.expects import Place, checks_of
from bot.repair.guard.javascript.tree import FUNCTIONS, Chain, arguments, chain_of
from bot.repair.guard.javascript.values import Scope, Values, is_false, normal
from bot.repair.guard.leaving import MOST, Leave, leave_of, left_out
from bot.repair.guard.rules import listed
from bot.repair.guard.trees import line_of, size_of, text_of, walk

TESTS = frozenset(listed("it test specify fit xit ftest xtest xspecify its bench"))
SUITES = frozenset(listed("describe context suite fdescribe xdescribe fcontext xcontext feature scenario"))
HOOKS = frozenset(listed("beforeEach afterEach beforeAll afterAll before after setup teardown"))
HOLDERS = frozenset({"t", "tap", "QUnit", "Deno", "ava", "suite", "test", "node"})
CHOOSING = frozenset({"filter", "slice", "splice"})
LOOPS = frozenset({"forEach", "map", "each"})
LATER = frozenset({"setTimeout", "setImmediate", "setInterval", "nextTick", "queueMicrotask", "requestAnimationFrame"})
TITLES = frozenset(listed("string template_string identifier member_expression binary_expression"))
STATEMENTS = frozenset(
    listed(
        "expression_statement lexical_declaration variable_declaration return_statement throw_statement "
        "for_in_statement"
    )
)
WORDS = 20_000  # bytes of a unit whose words are taken to know it again under another name
LITERALS = 5_000  # bytes of a unit whose literals are counted
UNITS = 1500  # tests and functions of one file that are read with care
NESTED, NESTED_FREE = 10, 200_000  # bytes of calls within calls that are read, per byte of the file and for free
CLIMB = 12  # nodes above a test among which loops are looked for
CALLS = frozenset({"call_expression", "member_expression"})
LEAVING = frozenset({"return_statement", "continue_statement", "break_statement"})
LOOPED = frozenset({"for_in_statement", "for_statement", "while_statement", "do_statement"})


@dataclass(slots=True)
class _Draft:
    """A unit that is being filled."""

    name: str
    line: int
    collected: bool
    node: Node
    scope: Scope
    checks: list[Check] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    patches: set[str] = field(default_factory=set)
    exits: list[int] = field(default_factory=list)
    weight: int = 0

    def finish(self) -> Unit:
        """The unit; an early return counts only when a check comes after it."""
        last = max((c.line for c in self.checks), default=0)
        early = [Mark("early-exit", "return", n, "returns before the assertions") for n in self.exits if n < last]
        hollow = [
            Mark("hollow-assertion", f"{c.op} {c.subject} {c.expected}", c.line, f"this assertion {c.hollow}")
            for c in self.checks
            if c.hollow
        ]
        return Unit(
            self.name,
            self.line,
            self.collected,
            checks=tuple(self.checks),
            marks=(*self.marks, *early, *hollow),
            cases=tuple(self.cases),
            calls=tuple(self.calls),
            patches=frozenset(self.patches),
            weight=self.weight,
            words=words_of(text_of(self.node) if size_of(self.node) < WORDS else self.name),
            literals=literals_of(text_of(self.node)) if size_of(self.node) < LITERALS else (),
            assigned=assigned_in(text_of(self.node)) if size_of(self.node) < LITERALS else (),
        )


@dataclass(frozen=True, slots=True)
class _Context:
    """What holds for a node: its unit, the titles around it, its guards, how many functions deep in the unit it is."""

    owner: _Draft
    prefix: str
    guards: tuple[str, ...]
    depth: int = 0
    alone: bool = False
    awaited: bool = False


def units_of(root: Node, nodes: Sequence[Node], values: Values, *, collected: bool) -> tuple[list[Unit], list[Mark]]:
    """Return the units of a file, `<module>` first, and the marks of its suites.

    `nodes` are all named nodes below `root`. Raises `TooComplex` when calls stand in calls, each with most of the file.
    """
    module = _Draft("<module>", 1, False, root, values.file)
    imports = marks.imports_of(nodes)
    reader = _Reader(module, imports, collected, values)
    reader.read(root)
    for draft in (d for d in reader.drafts if d.collected and reader.leaves):
        draft.marks += left_out(reader.leaves, draft.node)
    return [d.finish() for d in reader.drafts], [*reader.marks, *marks.imported(imports, nodes)]


class _Reader:
    """Walks a file once and hands each node to the unit it belongs to."""

    def __init__(self, module: _Draft, imports: Mapping[str, str], collected: bool, values: Values) -> None:
        self.module, self.imports, self.collected, self.values = module, imports, collected, values
        self.budget = NESTED * size_of(module.node) + NESTED_FREE
        self.drafts = [module]
        self.marks: list[Mark] = []
        self.done: set[int] = set()
        self.leaves: list[Leave] = []

    def read(self, root: Node) -> None:
        """Walk without recursion, so that no nesting is too deep."""
        stack = [(root, _Context(self.module, "", ()))]
        while stack:
            node, context = stack.pop()
            stack.extend(reversed(list(self._enter(node, context))))

    def _enter(self, node: Node, context: _Context) -> Iterator[tuple[Node, _Context]]:
        """Take in one node and yield its children, each with its context."""
        owner = context.owner
        owner.weight += node.type in STATEMENTS
        if node.type == "return_statement" and context.depth == 1 and owner.collected:
            owner.exits.append(line_of(node))
        if node.type in LEAVING and owner is self.module and len(self.leaves) < MOST:
            leave = leave_of(node, FUNCTIONS if node.type == "return_statement" else LOOPED)
            self.leaves += [leave] if leave else []
        if node.type in marks.NODES:
            owner.marks += marks.of_node(node)
            owner.patches |= marks.assigned(node, self.imports)
        if node.type in CALLS and node.id not in self.done:
            chain = chain_of(node)
            self.done |= chain.inner
            inner = self._chain(chain, context)
            for child in node.named_children:
                yield child, inner
            return
        for child in node.named_children:
            yield child, _child(node, child, context, self._helper)

    def _chain(self, chain: Chain, context: _Context) -> _Context:
        """Take in a chain of calls; return the context of what stands in it."""
        owner = context.owner
        kind, title = _runner_call(chain)
        if kind:
            told = list(marks.modifiers(chain, title))
            if kind == "test":
                runs = self.collected and "function" not in context.guards and (owner is self.module or owner.collected)
                draft = self._draft(f"{context.prefix}{title}", chain.node, runs)
                draft.marks += told
                draft.cases += _table(chain, owner.scope)
                draft.cases += _rows_around(chain.node, owner.scope)
                return _Context(draft, context.prefix, context.guards, 0)
            if kind == "suite":
                self.marks += told
                owner.cases += _table(chain, owner.scope)
                return _Context(owner, f"{context.prefix}{title} > ", context.guards, 0)
            return _Context(
                self._draft(f"{context.prefix}{title}()", chain.node, False), context.prefix, context.guards, 0
            )
        self.budget -= size_of(chain.node)
        if self.budget < 0:
            raise TooComplex("calls nested in calls, over and over")
        place = Place(context.guards, owner.scope, context.alone, context.awaited)
        owner.checks += checks_of(chain, place)
        owner.marks += marks.of_chain(chain, self.imports)
        owner.patches |= marks.patches(chain, self.imports)
        owner.calls.append(marks.resolved(chain, self.imports))
        if chain.dotted in {"done", "t.end", "resolve"} and context.depth == 1 and owner.collected:
            owner.exits.append(line_of(chain.node))
        owner.cases += _loop_rows(chain, owner.scope)
        return _below_chain(chain, context)

    def _draft(self, name: str, node: Node, collected: bool) -> _Draft:
        if len(self.drafts) > UNITS:
            raise TooComplex(f"more than {UNITS} tests and functions")
        draft = _Draft(name, line_of(node), collected, node, self.values.inside(node))
        self.drafts.append(draft)
        return draft

    def _helper(self, node: Node, name: str, context: _Context) -> _Context:
        """A function that is declared outside of tests becomes a unit of its own; inside, it may never be called."""
        if context.owner is self.module and name:
            return _Context(self._draft(name, node, False), context.prefix, (), 0)
        return _Context(context.owner, context.prefix, (*context.guards, "function"), context.depth + 1)


def _child(node: Node, child: Node, context: _Context, helper: "object") -> _Context:
    """The context of a child: what its parent adds to the guards."""
    kind = node.type
    guards = context.guards
    name = _declared(node, child)
    if name is not None and callable(helper):
        made = helper(child, name, context)
        assert isinstance(made, _Context)
        return made
    if kind in FUNCTIONS:
        block = child.type == "statement_block"
        given_back = kind == "arrow_function" and not block
        return _Context(context.owner, context.prefix, guards, context.depth + block, awaited=given_back)
    added = _added(node, child)
    if added or kind in {"expression_statement", "await_expression", "return_statement"}:
        awaited = kind in {"await_expression", "return_statement"} or (
            context.awaited and kind == "parenthesized_expression"
        )
        alone = kind == "expression_statement" or (context.alone and kind == "await_expression")
        return _Context(context.owner, context.prefix, (*guards, *added), context.depth, alone, awaited)
    return _Context(context.owner, context.prefix, guards, context.depth)


def _declared(node: Node, child: Node) -> str | None:
    """The name under which `child` is a function that runs only when called; None when it is no such function."""
    if child.type in {"function_declaration", "generator_function_declaration"}:
        return text_of(child.child_by_field_name("name"))
    if node.type == "variable_declarator" and child.type in FUNCTIONS:
        return text_of(node.child_by_field_name("name"))
    if child.type == "method_definition":
        return text_of(child.child_by_field_name("name"))
    return None


def _added(node: Node, child: Node) -> tuple[str, ...]:
    kind = node.type
    condition = node.child_by_field_name("condition")
    if kind in {"if_statement", "while_statement"} and child != condition:
        return (
            ("dead",)
            if is_false(condition)
            and child == (node.child_by_field_name("consequence") or node.child_by_field_name("body"))
            else ("if",) * _parts(condition)
        )
    if kind == "ternary_expression" and child != condition:
        return ("if",)
    if kind == "binary_expression" and text_of(node.child_by_field_name("operator")) in {"&&", "||", "??"}:
        return ("if",) if child == node.child_by_field_name("right") else ()
    if kind in {"switch_case", "switch_default", "catch_clause"}:
        return ("if",)
    if kind == "try_statement" and child == node.child_by_field_name("body"):
        return ("try",) if marks.swallows(node) else ()
    if kind == "for_in_statement" and child == node.child_by_field_name("body"):
        return ("dead",) if normal(node.child_by_field_name("right")) == "[ ]" else ()
    return ()


def _parts(condition: Node | None) -> int:
    return 1 + normal(condition).split().count("&&") if condition else 1


def _below_chain(chain: Chain, context: _Context) -> _Context:
    """A callback of `.catch` runs only on failure, one of `setTimeout` perhaps never."""
    names = {chain.root, *chain.names}
    added = ("if",) if "catch" in names else ("function",) if names & LATER else ()
    if "then" in names and not context.awaited:
        added = (*added, "unawaited")
    if names & LOOPS and normal(chain.base) == "[ ]":
        added = ("dead",)
    return _Context(context.owner, context.prefix, (*context.guards, *added), context.depth)


def _runner_call(chain: Chain) -> tuple[str, str]:
    """('test' | 'suite' | 'hook' | '', title) of a call that defines tests."""
    calls = list(chain.calls())
    given = arguments(calls[-1][1]) if calls else []
    if not given:
        return "", ""
    names = [chain.root, *chain.names]
    body = any(a.type in FUNCTIONS for a in given)
    named = body or any(a.type == "identifier" for a in given[1:])  # the body may be a function by name
    titled = given[0].type in TITLES
    if chain.root in HOOKS and body and len(names) == 1:
        return "hook", chain.root
    if any(n in SUITES for n in names[:3]) and titled and body:
        return "suite", _title(given[0])
    inside = set(names) & {"skip", "fixme"} and not body  # `test.skip(condition)` within a test
    if chain.root in TESTS and titled and not inside and (named or len(given) == 1):
        return "test", _title(given[0])
    if chain.root in HOLDERS and "test" in names[1:] and body:
        return "test", _title(given[0])
    chosen = not chain.root and body and titled
    if chosen and any(n.type == "identifier" and text_of(n) in TESTS | SUITES for n in walk(chain.base)):
        return "test", _title(given[0])
    return "", ""


def _title(node: Node) -> str:
    return normal(node).strip("'\"")


def _table(chain: Chain, scope: Scope) -> Iterator[str]:
    """The rows of `it.each([...])` or of its template form."""
    for name, given in chain.calls():
        if name in {"each", "for"}:
            for node in arguments(given):
                yield from _rows(node, scope)


def _rows(node: Node, scope: Scope) -> Iterator[str]:
    nodes = scope.get(text_of(node)) if node.type == "identifier" else [node]
    for one in nodes:
        if one.type == "array":
            yield from (normal(c) for c in one.children if c.is_named and c.type != "comment")
        elif one.type == "template_string":
            yield from (
                " ".join(line.replace("|", " | ").split()) for line in text_of(one)[1:-1].split("\n") if line.strip()
            )


def _rows_around(node: Node, scope: Scope) -> Iterator[str]:
    """The rows of the loops in which a test is defined."""
    one = node.parent
    for _ in range(CLIMB):
        if one is None or (one.type == "call_expression" and text_of(one.child_by_field_name("function")) in SUITES):
            return
        if one.type == "for_in_statement" and (table := one.child_by_field_name("right")) is not None:
            yield from _rows(table, scope)
        elif one.type == "call_expression":
            yield from _loop_rows(chain_of(one), scope)
        one = one.parent


def _loop_rows(chain: Chain, scope: Scope) -> Iterator[str]:
    """The rows that `[...].forEach(...)` runs over."""
    if any(n in LOOPS for n in chain.names) and chain.root not in TESTS | SUITES:
        chosen = [f"{name} {normal(given)}: " for name, given in chain.calls() if name in CHOOSING]
        yield from (f"{''.join(chosen)}{row}" for row in _rows(chain.base, scope))
