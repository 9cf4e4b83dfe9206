"""Assertions of any library brought into one form; the names stand in `words.py` and in the languages' vocabularies."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tree_sitter import Node

from bot.repair.guard.directives import words_of
from bot.repair.guard.facts import Check
from bot.repair.guard.syntax import words
from bot.repair.guard.syntax.conditions import FALSE, Question, operands, operator_of, questions
from bot.repair.guard.syntax.grammar import Call, Chain, Grammar, Link, Vocabulary, chain_of
from bot.repair.guard.syntax.lossy import broad, lossy
from bot.repair.guard.syntax.sizes import sized
from bot.repair.guard.syntax.values import Literals, Scope, is_constant, leaf, literals, normal, stripped, summands
from bot.repair.guard.trees import line_of, text_of, walk

EXPECTED = frozenset({"expects", "shouldReceive", "shouldHaveReceived", "EXPECT_CALL"})
VERIFIERS = frozenset({"verify", "inOrder", "then"})

BOXED = frozenset({"Boolean.TRUE", "Boolean.FALSE"})
WHOLE_DIFF = ("cmpopts.EquateEmpty(", "cmpopts.EquateErrors(", "cmp.AllowUnexported(", "protocmp.Transform(")
"""Options of cmp.Diff with which no field is left out."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call stands: guards, what names mean, whether it is a statement of its own."""

    guards: tuple[str, ...]
    scope: Scope
    alone: bool


class Asserts:
    """Finds the assertions of one language."""

    def __init__(self, grammar: Grammar, vocabulary: Vocabulary) -> None:
        self.grammar, self.vocabulary = grammar, vocabulary

    def of_chain(self, chain: Chain, place: Place) -> Iterator[Check]:
        """Yield the assertions that a chain of calls makes; most chains make none."""
        root = next((i for i, x in enumerate(chain.links) if x.call and x.name in self.vocabulary.subjects), -1)
        last = chain.links[-1] if chain.links else Link("")
        if root >= 0:
            yield from self._fluent(chain, root, place)
        elif last.call is None:
            return
        elif chain.links[0].call is not None and chain.links[0].name in VERIFIERS and len(chain.links) > 1:
            yield self._verified(chain, chain.links[0].call, last.call, place)
        elif any(x.name in EXPECTED and x.call for x in chain.links):
            yield self._named("called-with", chain, place)
        elif last.name in words.ON_VALUE and last.call.receiver is not None:
            op, arity = words.ON_VALUE[last.name]
            subject = self._unwrapped(last.call.receiver)
            yield self._check(Question(op, subject, last.call.arguments[:arity]), place, chain)
        elif self._asserts(chain, last):
            yield from self._plain_assert(chain, last.call, place)
        elif self.fails(chain):
            yield self._named("fail", chain, place)
        elif place.alone and last.name not in words.NO_HELPERS and words.HELPER.search(last.name.removeprefix("test_")):
            yield self._named(f"call:{last.name}", chain, place)

    def _unwrapped(self, node: Node) -> Node:
        """What minitest's `_(x)` and `value(x)` hand on."""
        call = self.grammar.call(node)
        if call is None or call.name not in {"_", "value"} or call.receiver is not None:
            return node
        return next(iter((*call.arguments, *([call.block] if call.block is not None else ()))), node)

    def fails(self, chain: Chain) -> bool:
        """Whether the call makes the test fail."""
        if not chain.links or chain.links[-1].call is None or chain.links[-1].name not in self.vocabulary.fails:
            return False
        return not self.vocabulary.failers or len(chain.links) == 1 or chain.links[0].name in self.vocabulary.failers

    def _asserts(self, chain: Chain, last: Link) -> bool:
        if last.name not in self.vocabulary.asserts:
            return False
        owners = self.vocabulary.owners
        if not owners:
            return True
        head = chain.links[0].name
        given = last.call.arguments[:1] if last.call else ()
        return len(chain.links) > 1 and (head in owners or any(text_of(a) in self.vocabulary.dropped for a in given))

    def _verified(self, chain: Chain, verify: Call, call: Call, place: Place) -> Check:
        """`verify(mock, times(1)).add(3)`: that a fake was called in a certain way."""
        check = self._named("called-with", chain, place)
        subject = f"{', '.join(normal(a, self.grammar) for a in verify.arguments)} . {call.name}"
        given = [x for a in call.arguments for x in literals(a, place.scope).found]
        given += [x for a in verify.arguments[1:] for x in literals(a, place.scope).found if x != "1.0"]
        text = ", ".join(normal(a, self.grammar) for a in call.arguments)
        return replace(
            check,
            subject=subject,
            expected=text,
            subject_literals=(),
            expected_literals=tuple(sorted(given)),
            lossy=lossy(call.arguments, self.grammar),
        )

    def _plain_assert(self, chain: Chain, call: Call, place: Place) -> Iterator[Check]:
        """`assertEquals(6, total, "sum")`, `assert.Equal(t, 6, total)`, `assert!(a == b)`."""
        op, arity = self.vocabulary.asserts[call.name]
        given = list(call.arguments)
        if given and text_of(given[0]) in self.vocabulary.dropped:
            given = given[1:]
        if len(given) > arity and self._is_message(given[0]) and not self._is_message(given[-1]):
            given = given[1:]
        if op == "within":  # Unity: the distance stands first
            op, given = "approx", [*given[1:3], *given[:1]]
            arity = 2
        rest = given[arity:] if op in {"eq", "approx", "that"} else []
        given = given[:arity] + ([call.block] if call.block is not None and len(given) < arity else [])
        if not given:
            yield self._named(op if op in words.ONE_SIDED else f"call:{call.name}", chain, place)
        elif op in {"true", "truthy"} and text_of(given[0]) in FALSE:
            yield self._named("fail", chain, place)
        elif op in {"true", "truthy", "false", "falsy"}:
            for asked in questions(given[0], op in {"true", "truthy"}, self.grammar, exact=op in {"true", "false"}):
                yield self._check(asked, place, chain)
        elif op == "that":
            yield from self._matched(given[0], given[1:2], place, chain, given=given[2:] + rest)
        elif op == "operator" and len(given) == arity:
            compared = words.COMPARISONS.get(text_of(given[1]).lstrip(":"), "call:operator")
            yield self._check(Question(compared, given[0], tuple(given[2:])), place, chain)
        elif op == "raises" and len(given) == 1 and call.name.startswith("expectE"):
            yield self.raises(given[0], given, place, chain.line)
        else:
            last = given[-1].type in self.grammar.lambdas
            subject, expected = (given[-1], given[:-1]) if last else (given[0], given[1:])
            distance = [r for r in rest[:1] if not self._is_message(r)]
            yield self._check(Question(op, subject, tuple(expected), tuple(distance)), place, chain)

    def _is_message(self, node: Node) -> bool:
        node = stripped(node, self.grammar)
        if node.type in self.grammar.binaries:
            return any("string" in p.type for p in summands(node, self.grammar))
        return node.type in self.grammar.strings or node.type in self.grammar.lambdas or "string" in node.type

    def _fluent(self, chain: Chain, root: int, place: Place) -> Iterator[Check]:
        """`expect(x).to eq(y)`, `assertThat(x).isEqualTo(y)`, `Expect(x).To(Equal(y))`, `EXPECT_THAT(x, Eq(y))`."""
        call = chain.links[root].call
        assert call is not None
        given = list(call.arguments)
        if len(given) > 1 and (text_of(given[0]) in self.vocabulary.dropped or self._is_message(given[0])):
            given = given[1:]
        subject = given[0] if given else call.block if call.block is not None else call.node
        if given[1:] and not chain.links[root + 1 :]:
            yield from self._matched(subject, given[1:2], place, chain)
            return
        negated = False
        found = 0
        for link in chain.links[root + 1 :]:
            if link.name in words.NEGATORS:
                negated = not negated
            elif link.name == "and" and link.call is not None and link.call.arguments:
                subject = link.call.arguments[0]
            elif link.name in self.vocabulary.verbs and link.call is not None:
                flipped = negated != self.vocabulary.verbs[link.name]
                yield from self._matched(subject, link.call.arguments[:1], place, chain, negated=flipped)
                found += 1
            elif link.call is not None and link.name not in words.TRANSPARENT:
                asked = self._matcher(link, subject, negated)
                thrown = call.name in words.THROWN and asked.op == "instance"
                yield self._check(replace(asked, op="raises") if thrown else asked, place, chain)
                found += 1
                negated = False
        if not found and place.alone and call.name not in {"is_expected", "expect"}:
            yield self._named(f"call:{call.name}", chain, place)

    def _matcher(self, link: Link, subject: Node, negated: bool) -> Question:
        op = (words.MATCHERS.get(link.name) or words.ON_VALUE.get(link.name) or (f"call:{link.name}", 9))[0]
        given = link.call.arguments if link.call else ()
        if link.call is not None and link.call.block is not None and not given:
            given = (link.call.block,)
        op = words.NEGATED.get(op, f"not:{op}") if negated else op
        if op == "approx":
            return Question(op, subject, given[:1], given[1:2])
        return Question(op, subject, given)

    def _matched(
        self,
        subject: Node,
        matcher: Sequence[Node],
        place: Place,
        chain: Chain,
        *,
        negated: bool = False,
        given: Sequence[Node] = (),
    ) -> Iterator[Check]:
        """The checks of a matcher that is an expression: `is(not(6))`, `eq(6).and be_even`."""
        for node in matcher:
            left, right = operands(node) if node.type in self.grammar.binaries else (None, None)
            op = words.COMPARISONS.get(operator_of(node, self.grammar), "")
            if left is not None and right is not None and text_of(left) == "be" and op:  # `be < 3`
                op = words.NEGATED.get(op, f"not:{op}") if negated else op
                yield self._check(Question(op, subject, (right,)), place, chain)
                continue
            told = chain_of(stripped(node, self.grammar), self.grammar)
            named = [x for x in told.links if x.name in words.MATCHERS or x.name in words.NEGATORS or x.call]
            last = told.links[-1].name if len(told.links) > 1 and given else ""
            if last or (len(told.links) > 1 and told.links[0].name in {"qt", "check", "checkers"}):
                link = told.links[-1]
                op = words.MATCHERS.get(link.name, (f"call:{link.name}", 1))[0]
                yield self._check(Question(op, subject, tuple(given[:1])), place, chain)
                continue
            if not named:
                yield self._check(Question("ne" if negated else "eq", subject, (node,)), place, chain)
                continue
            link = named[0] if named[0].name not in {"Matchers", "CoreMatchers", "testing"} else named[-1]
            inner = link.call.arguments if link.call else ()
            if link.name in words.NEGATORS | {"is", "as", "Is"} and inner:
                flipped = negated != (link.name in words.NEGATORS)
                yield from self._matched(subject, inner[:1], place, chain, negated=flipped)
            elif link.name in words.COMBINERS:
                for one in inner:
                    yield from self._matched(subject, [one], place, chain, negated=negated)
            else:
                check = self._check(self._matcher(link, subject, negated), place, chain)
                more = [x for x in told.links[told.links.index(link) + 1 :] if x.call]
                yield self._with(check, more, place)

    def _with(self, check: Check, more: Sequence[Link], place: Place) -> Check:
        """`be_within(0.1).of(6)`, `change { x }.by(1)`: what follows a matcher belongs to what is expected."""
        told = [a for x in more if x.call for a in x.call.arguments]
        found = [x for a in told for x in literals(a, place.scope).found]
        if check.op == "approx" and any(x.name == "of" for x in more):
            distance = _number(check.expected)
            text = ", ".join(normal(a, self.grammar) for a in told)
            bound = (("distance", distance),) if distance is not None else ()
            return replace(check, expected=text, expected_literals=tuple(sorted(found)), tolerances=bound)
        if any(x.name in {"or", "Or"} for x in more):
            return replace(check, lossy=check.lossy | {"choice"})
        told_text = " ".join(
            [check.expected, *(f"{x.name} {normal(a, self.grammar)}" for x in more if x.call for a in x.call.arguments)]
        )
        return replace(
            check,
            expected=told_text.strip(),
            expected_literals=tuple(sorted((*check.expected_literals, *found))),
            elements=check.elements + len(more),
        )

    def of_condition(self, node: Node, positive: bool, place: Place, line: int) -> Iterator[Check]:
        """The checks of `if (...) fail`, `assert x == 6`: what must hold."""
        for asked in questions(node, positive, self.grammar, exact=False):
            yield self._check(asked, place, None, line)

    def raises(self, node: Node, expected: Sequence[Node | str], place: Place, line: int) -> Check:
        """That a piece of code fails in a certain way."""
        text = ", ".join(e if isinstance(e, str) else normal(e, self.grammar) for e in expected)
        told = [x for e in expected if not isinstance(e, str) for x in literals(e, place.scope).found]
        return Check(
            "raises",
            "",
            text,
            line,
            expected_literals=tuple(sorted(told)),
            lossy=broad("raises", text),
            guards=place.guards,
            words=words_of(f"{normal(node, self.grammar)[:2000]} {text}"),
        )

    def _check(self, asked: Question, place: Place, chain: Chain | None, line: int = 0) -> Check:
        asked = self._turned(self._undiffed(asked, place.scope), place.scope)
        left = self._fed(asked, place.scope)
        rights = [literals(e, place.scope) for e in asked.expected]
        texts = [normal(asked.subject, self.grammar), ", ".join(normal(e, self.grammar) for e in asked.expected)]
        distance = _number(normal(asked.distance[0], self.grammar)) if asked.distance else None
        loose = [x for d in asked.distance for x in literals(d, place.scope).found] if distance is None else []
        return Check(
            "approx" if asked.distance and asked.op == "eq" else asked.op,
            texts[0],
            texts[1],
            line or (chain.line if chain else line_of(asked.subject)),
            subject_literals=tuple(sorted(left.found)),
            expected_literals=tuple(sorted([*(x for r in rights for x in r.found), *loose])),
            elements=sum(r.elements for r in rights) + self._named_in(asked),
            tolerances=self._bound(asked, texts[1]) or ((("distance", distance),) if distance is not None else ()),
            lossy=lossy([asked.subject, *asked.expected], self.grammar) | broad(asked.op, texts[1]),
            guards=place.guards,
            words=words_of(" ".join(texts)),
            hollow=self._hollow(asked, texts, place.scope),
        )

    def _fed(self, asked: Question, scope: Scope) -> Literals:
        """The literals of what is looked at; of code that has to fail, of that code."""
        told = literals(asked.subject, scope)
        if asked.op == "raises" and asked.subject.type in self.grammar.lambdas:
            told.found += [x for part in asked.subject.named_children for x in literals(part, scope).found]
        return told

    def _undiffed(self, asked: Question, scope: Scope) -> Question:
        """`cmp.Diff(want, got) == ""` asks whether both are equal."""
        if asked.op != "eq" or len(asked.expected) != 1 or normal(asked.expected[0], self.grammar) not in {"''", '""'}:
            return asked
        subject = stripped(asked.subject, self.grammar)
        told = scope.get(text_of(subject)) if subject.type in self.grammar.identifiers else [subject]
        call = self.grammar.call(told[0]) if len(told) == 1 else None
        if call is None or call.name != "Diff" or len(call.arguments) < 2:
            return asked
        if not all(text_of(option).startswith(WHOLE_DIFF) for option in call.arguments[2:]):
            return asked  # an option may say what is ignored
        return Question("eq", call.arguments[1], (call.arguments[0],))

    def _turned(self, asked: Question, scope: Scope) -> Question:
        """The constant side of a comparison is what is expected; null, true and false are operators of their own."""
        op, subject, expected = asked.op, asked.subject, asked.expected
        if (
            op in {"eq", "ne", "is", "gt", "ge", "lt", "le", "in", "not-in", "approx", "match", "instance"}
            and len(expected) == 1
        ):
            bare = op in {"in", "not-in", "match", "instance"}
            if not bare and self._fixed(subject, scope) and not self._fixed(expected[0], scope):
                op, subject, expected = words.MIRRORED.get(op, op), expected[0], (subject,)
            wanted = normal(expected[0], self.grammar)
            if op in {"eq", "is", "ne"} and wanted in words.SPECIAL:
                positive = words.SPECIAL[wanted]
                op, expected = (words.NEGATED.get(positive, positive) if op == "ne" else positive), ()
        if op in {"true", "false"} and not expected:  # `x == true` and `assertThat(list.contains(6)).isTrue()`
            asks = questions(subject, op == "true", self.grammar, exact=True)
            return sized(asks[0], self.grammar) if len(asks) == 1 else Question(op, subject, ())
        told = Question(op, subject, expected, asked.distance)
        return (
            told
            if normal(subject, self.grammar) == ", ".join(normal(e, self.grammar) for e in expected)
            else sized(told, self.grammar)
        )

    def _bound(self, asked: Question, text: str) -> tuple[tuple[str, float], ...]:
        """`(a - b).abs() < 1e-6` is a tolerance."""
        if asked.op not in {"lt", "le"} or not {"abs", "fabs", "Abs"} & {text_of(n) for n in walk(asked.subject)}:
            return ()
        told = 2.3e-16 if "EPSILON" in text.upper() else _number(text)
        return (("bound", told),) if told is not None else ()

    def _named_in(self, asked: Question) -> int:
        """How many names a pattern holds: `Err(Error::Unknown(_))` asks for more than `Err(_)`."""
        if asked.op != "match":
            return 0
        return sum(one.type in self.grammar.identifiers for e in asked.expected for one in walk(e))

    def _fixed(self, node: Node, scope: Scope) -> bool:
        node = stripped(node, self.grammar)
        return (
            is_constant(node, scope)
            or node.type in self.grammar.lists
            or text_of(node) in BOXED
            or (node.type == "composite_literal")
        )

    def _hollow(self, asked: Question, texts: list[str], scope: Scope) -> str:
        if asked.op in words.SELF_EQUAL and texts[0] == texts[1] and texts[0]:
            return "compares a value with itself"
        subject = stripped(asked.subject, self.grammar)
        told = scope.get(text_of(subject)) if subject.type in self.grammar.identifiers else [subject]
        for call in filter(None, map(self.grammar.call, told if len(told) == 1 else ())):
            pair = [normal(a, self.grammar) for a in call.arguments[:2]]
            if call.name in words.COMPARING and len(pair) == 2 and pair[0] == pair[1]:
                return "compares a value with itself"
        constant = bool(leaf(subject, self.grammar)) or is_constant(subject, scope)
        if constant and all(self._fixed(e, scope) for e in asked.expected):
            return "looks at a constant only"
        return ""

    def _functions(self, chain: Chain) -> int:
        """How many functions an assertion is handed that say what to expect."""
        given = chain.links[-1].call.arguments if chain.links[-1].call is not None else ()
        return sum(a.type in self.grammar.lambdas for a in given)

    def _status(self, op: str, chain: Chain, place: Place) -> list[str]:
        """The status of an answer that an assertion asks for, by its number or its name."""
        call = chain.links[-1].call if op == words.STATUS else None
        told = [x for a in (call.arguments[:1] if call else ()) for x in literals(a, place.scope).found]
        return [words.STATUSES[op]] if op in words.STATUSES else told

    def _named(self, op: str, chain: Chain, place: Place) -> Check:
        told = literals(chain.node, place.scope)
        text, status = normal(chain.node, self.grammar) if op != "fail" else "", self._status(op, chain, place)
        return Check(
            words.STATUS if status else op,
            text,
            "",
            chain.line,
            subject_literals=() if op == "fail" else tuple(sorted((Counter(told.found) - Counter(status)).elements())),
            expected_literals=tuple(status),
            elements=0 if op == "fail" else told.elements + self._functions(chain),
            guards=place.guards,
            words=words_of(text or "fail"),
        )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
