"""The tests of a file as facts: one pass over the tree, whatever the language."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tree_sitter import Node

from bot.repair.guard.directives import words_of
from bot.repair.guard.facts import Check, Mark, TooComplex, Unit
from bot.repair.guard.leaving import MOST, Leave, leave_of, left_out
from bot.repair.guard.syntax import marks, statements
from bot.repair.guard.syntax.asserts import Asserts, Place
from bot.repair.guard.syntax.drafts import Context, Draft, Kit
from bot.repair.guard.syntax.grammar import Annotation, Chain, Grammar, Vocabulary, chain_of
from bot.repair.guard.syntax.values import Values, literals, normal, rows, string_of
from bot.repair.guard.trees import line_of, size_of, text_of, walk

UNITS = 1500  # tests and functions of one file that are read with care
CHECKS = 3000  # assertions of one file that are read with care
NESTED, NESTED_FREE = 10, 200_000  # bytes of calls within calls that are read, per byte of the file and for free


class Reader:
    """Walks a file once and hands each node to the unit it belongs to."""

    def __init__(
        self, grammar: Grammar, vocabulary: Vocabulary, values: Values, *, collected: bool, test: bool
    ) -> None:
        self.grammar, self.vocabulary, self.values = grammar, vocabulary, values
        self.asserts = Asserts(grammar, vocabulary)
        self.collected, self.test = collected, test
        self.kit = Kit(grammar, vocabulary, self.asserts, test)
        self.drafts: list[Draft] = []
        self.done: set[int] = set()
        self.suites: dict[str, list[str]] = {}
        """What the tests of a suite of GoogleTest run over, by the name of the suite."""
        self.leaves: list[Leave] = []
        self.budget = self.checks = 0

    def read(self, root: Node) -> list[Unit]:
        """The units of a file, `<module>` first. Raises `TooComplex` when calls stand in calls over and over."""
        module = Draft("<module>", 1, False, root, self.values.file)
        self.drafts.append(module)
        self.budget = NESTED * size_of(root) + NESTED_FREE
        stack = [(root, Context(module))]
        while stack:  # no recursion, so that no nesting is too deep
            node, context = stack.pop()
            stack.extend(reversed(list(self._enter(node, context))))
        for draft in self.drafts if self.suites else ():
            draft.cases += self.suites.get(draft.name.partition(".")[0], ()) if draft.collected else ()
        for draft in (d for d in self.drafts if d.collected and self.leaves):
            draft.marks += left_out(self.leaves, draft.node)
        places = {d.name.rpartition(" > ")[0] for d in self.drafts if d.collected}
        kept = [d for d in self.drafts if self.test or d.collected or d.name.rpartition(" > ")[0] in places - {""}]
        return [d.finish() for d in kept]

    def _printed(self, node: Node, context: Context) -> None:
        """What an example prints is what it asserts."""
        if not context.owner.collected or not self.vocabulary.output.search(text_of(node)):  # type: ignore[attr-defined]
            return
        told: list[str] = []
        one: Node | None = node
        while one is not None and one.type in self.grammar.comments:
            told.append(" ".join(text_of(one).lstrip("/ ").split()))
            one = one.next_named_sibling
        text = " ".join(told).partition(":")[2].strip()
        found = Check("eq", "output", text, line_of(node), expected_literals=(text,), words=words_of(f"output {text}"))
        context.owner.checks.append(found)

    def _enter(self, node: Node, context: Context) -> Iterator[tuple[Node, Context]]:
        """Take in one node and yield its children, each with its context."""
        grammar, kind = self.grammar, node.type
        if kind in grammar.comments:
            self._printed(node, context)
            return
        if kind in grammar.jumps | grammar.returns and context.owner is self.drafts[0] and len(self.leaves) < MOST:
            around = grammar.lambdas | grammar.functions | (grammar.loops if kind in grammar.jumps else frozenset())
            leave = leave_of(node, around)
            self.leaves += [leave] if leave else []
        if kind == "inner_attribute_item":
            told = [m for a in grammar.annotations(node) for m in marks.of_annotation(a, self.vocabulary)]
            context.owner.marks += [replace(m, key=f"own {m.key}") for m in told]
        if kind in grammar.functions:
            inner = self._function(node, context)
        elif kind in grammar.classes:
            inner = self._class(node, context)
        elif kind in grammar.lambdas:
            inner = statements.of_lambda(node, context, grammar)
        elif node.id not in self.done and (kind in grammar.members or grammar.call(node) is not None):
            inner = self._chain(chain_of(node, grammar), context)
        else:
            yield from statements.children(node, context, self.kit)
            return
        for child in node.named_children:
            yield child, inner

    def draft(self, name: str, node: Node, context: Context, *, collected: bool) -> Context:
        """Begin a unit; return the context of what stands in it."""
        if len(self.drafts) > UNITS:
            raise TooComplex(f"more than {UNITS} tests and functions")
        runs = collected and self.collected and not context.dead and "function" not in context.guards
        draft = Draft(f"{context.prefix}{name}", line_of(node), runs, node, self.values.inside(node))
        draft.marks += context.gates if collected else ()
        draft.cases += context.rows if collected else ()
        self.drafts.append(draft)
        return Context(draft, f"{context.prefix}{name} > ", (), context.gates, dead=context.dead)

    def _function(self, node: Node, context: Context) -> Context:
        """A function or method: a test, a helper, or inside of another one, where it may never be called."""
        if context.owner is not self.drafts[0]:
            return replace(context, guards=(*context.guards, "function"))
        name, told = self.grammar.title(node).strip("`"), list(self.grammar.annotations(node))
        vocabulary = self.vocabulary
        tagged = any(a.name in vocabulary.marked for a in told)
        is_test = tagged or bool(vocabulary.named.search(name))  # type: ignore[attr-defined]  # re2 has no types
        inner = self.draft(name, node, context, collected=is_test and not self.grammar.hidden(node))
        draft = inner.owner
        draft.name += "()" if not is_test else ""
        for one in told:
            draft.marks += marks.of_annotation(one, vocabulary)
            draft.cases += self._annotated(one, draft)
            self._expects(one, draft)
        if "DISABLED_" in name:
            draft.marks.append(Mark("disabled-test", "DISABLED_", draft.line, f"{name} is switched off by its name"))
        if name in vocabulary.hooked or any(a.name in vocabulary.hooked for a in told):
            body = node.child_by_field_name("body") or node
            draft.values += literals(body, draft.scope).found
        return inner

    def _annotated(self, told: Annotation, draft: Draft) -> Iterator[str]:
        if told.name not in self.vocabulary.tables:
            return
        found = [r for v in told.values for r in rows(v, draft.scope, self.vocabulary.listers)]
        if told.name == "CsvSource":
            strings = [n for v in told.values for n in walk(v) if n.type in self.grammar.strings]
            found = [row for n in strings for line in string_of(n).split("\n") if (row := _cells(line))]
        one = " ".join(normal(v, self.grammar) for v in told.values) or "".join(told.text.split()).rstrip(",")
        if told.name.endswith("Source") and not found:  # `@CsvSource("1, 2", "3, 4")`
            found = [normal(v, self.grammar) for v in told.values]
        yield from found or filter(None, [one])

    def _expects(self, told: Annotation, draft: Draft) -> None:
        """`@Test(expected = X.class)`, `#[should_panic(expected = "x")]`."""
        if told.name in {"should_panic", "expectedException"} or (told.name == "Test" and "expected" in told.text):
            text = told.text.partition("expected")[2].strip("= ") or told.text
            draft.checks.append(
                replace(
                    self.asserts.raises(draft.node, [" ".join(text.split())], Place((), draft.scope, False), told.line),
                    words=words_of(text),
                )
            )

    def _class(self, node: Node, context: Context) -> Context:
        gates = [m for a in self.grammar.annotations(node) for m in marks.of_annotation(a, self.vocabulary)]
        name = self.grammar.title(node)
        inside = context.owner is not self.drafts[0]
        return replace(
            context,
            prefix=f"{context.prefix}{name} > " if name and not inside else context.prefix,
            gates=(*context.gates, *gates),
        )

    def _chain(self, chain: Chain, context: Context) -> Context:
        """Take in a chain of calls; return the context of what stands in it."""
        owner, vocabulary, grammar = context.owner, self.vocabulary, self.grammar
        self.done |= chain.inner
        kind, title = statements.defines(chain, grammar, vocabulary)
        if kind:
            return self._defined(kind, title, chain, context)
        self.budget -= size_of(chain.node)
        if self.budget < 0:
            raise TooComplex("calls nested in calls, over and over")
        fake = marks.patched(chain, grammar, vocabulary)
        owner.patches |= fake
        unbuilt = ("if",) if chain.links and chain.links[-1].name.startswith("debug_assert") else ()  # in releases
        place = Place((*context.guards, *unbuilt), owner.scope, statements.alone(chain.node))
        if not context.faked:
            failing = context.failing and self.asserts.fails(chain)
            found = [] if failing else list(self.asserts.of_chain(chain, place))
            owner.checks += found
            self.checks += len(found)
            if self.checks > CHECKS:
                raise TooComplex(f"more than {CHECKS} assertions")
            owner.marks += marks.of_chain(chain, grammar, vocabulary, context.condition)
            called = [x for x in chain.links if x.call]
            if called and not fake:
                owner.calls.append(chain.dotted)
                owner.weight += called[-1].name not in vocabulary.mute
            context = replace(context, rows=(*context.rows, *self._rows(chain, owner)))
        return statements.below(chain, replace(context, faked=context.faked or bool(fake)), vocabulary)

    def _rows(self, chain: Chain, owner: Draft) -> Sequence[str]:
        """Take in the rows that a chain is, or hands to the tests, or loops over; return the last."""
        last = chain.links[-1] if chain.links else None
        if last is None or last.call is None:
            return ()
        listers = self.vocabulary.listers
        runs = last.call.receiver is None and self.vocabulary.runs.search(last.name)  # type: ignore[attr-defined]
        if {last.name, chain.dotted} & self.vocabulary.rows or runs:
            given = [normal(a, self.grammar) for a in last.call.arguments]
            named = len(given) == 1 and self.vocabulary.runs.search(given[0])  # type: ignore[attr-defined]
            owner.cases.append(f"{given[0]} ( )" if named else normal(last.call.node, self.grammar))
        elif last.name in self.vocabulary.tables and last.name != "with":
            given = [r for a in last.call.arguments for r in rows(a, owner.scope, listers)]
            found = given or [normal(a, self.grammar) for a in last.call.arguments]
            owner.cases += found
            if last.name.startswith("INSTANTIATE_") and len(last.call.arguments) > 1:
                self.suites.setdefault(normal(last.call.arguments[1], self.grammar), []).extend(given)
        elif last.name in statements.EACH and (
            last.call.block is not None or any(a.type in self.grammar.lambdas for a in last.call.arguments)
        ):
            looped = tuple(rows(last.call.receiver, owner.scope, listers))
            owner.cases += looped
            return looped
        return ()

    def _defined(self, kind: str, title: str, chain: Chain, context: Context) -> Context:
        """A call that defines a test, a suite or a hook."""
        told = list(marks.modifiers(chain, title, self.grammar, self.vocabulary))
        if kind == "suite":
            context.owner.marks += told
            return replace(context, prefix=f"{context.prefix}{title} > ", gates=(*context.gates, *told))
        outside = context if context.owner is self.drafts[0] or kind == "test" else replace(context, guards=())
        inner = self.draft(title if kind == "test" else f"{title}()", chain.node, outside, collected=kind == "test")
        inner.owner.marks += told
        for link in (x for x in chain.links if x.call and x.name in self.vocabulary.throwing):
            given = link.call.arguments if link.call else ()
            place = Place(inner.guards, inner.owner.scope, True)
            inner.owner.checks.append(self.asserts.raises(chain.node, given, place, chain.line))
        if kind == "hook":
            inner.owner.values += literals(chain.node, inner.owner.scope).found
        inner.owner.cases += [
            r
            for x in chain.links
            if x.call and x.name in self.vocabulary.tables
            for a in x.call.arguments
            for r in rows(a, context.owner.scope, self.vocabulary.listers)
        ]
        return inner


def _cells(line: str) -> str:
    """A row of comma-separated values as a row of literals."""
    cells = next(csv.reader([line], quotechar="'", skipinitialspace=True), [])
    told = [cell.strip() for cell in cells]
    return ", ".join(cell if cell.lstrip("-").replace(".", "", 1).isdigit() else repr(cell) for cell in told)
