"""Assertions in JavaScript and TypeScript brought into one form.

The names stand in `vocabulary.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tree_sitter import Node

from bot.repair.guard.directives import words_of
from bot.repair.guard.facts import Check
from bot.repair.guard.javascript.tree import Chain, arguments
from bot.repair.guard.javascript.values import Scope, is_constant, literals, normal
from bot.repair.guard.javascript.vocabulary import (
    ASSERTS,
    COMPARISONS,
    COUNTS,
    FILLERS,
    HELPER,
    LOSSY,
    MATCHERS,
    NEGATED,
    OWNERS,
    PROPERTIES,
    SELF_EQUAL,
    WILD,
)
from bot.repair.guard.trees import line_of, text_of, walk


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chain stands: guards, what names mean, whether it is a statement of its own, whether it is awaited."""

    guards: tuple[str, ...]
    scope: Scope
    alone: bool
    awaited: bool


def checks_of(chain: Chain, place: Place) -> Iterator[Check]:
    """Yield the assertions that a chain of calls and properties makes; most chains make none."""
    names = chain.names
    if chain.root == "expect" or (names[:1] == ["expect"] and chain.root in {"chai", "jasmine"}):
        yield from _expect(chain, place)
    elif chain.root in OWNERS:
        yield from _assert(chain, place)
    elif "should" in names or ("expect" in names and chain.root not in OWNERS):
        yield from _by_name(chain, place)
    elif place.alone and HELPER.search(names[-1] if names else chain.root):
        yield _plain(f"call:{names[-1] if names else chain.root}", chain.node, place)


def _expect(chain: Chain, place: Place) -> Iterator[Check]:
    links = list(chain.links)
    while links and isinstance(links[0], str):
        name = links.pop(0)
        if isinstance(name, str) and name in COUNTS:
            yield _plain(f"call:{name}", chain.node, place)
            return
    if not links or isinstance(links[0], str) or not arguments(links[0]):
        return
    subject = arguments(links[0])[0]
    yield from _matchers(chain, links[1:], subject, place)


def _matchers(chain: Chain, links: Sequence[str | Node], subject: Node, place: Place) -> Iterator[Check]:
    """The matchers after a subject; `not` holds to the end of the chain."""
    told = [x for x in links if isinstance(x, str)]
    waiting = "resolves" in told or "rejects" in told or "eventually" in told
    guards = (*place.guards, "unawaited") if waiting and not place.awaited else place.guards
    negated = False
    for i, link in enumerate(links):
        if not isinstance(link, str):
            continue
        negated ^= link == "not"
        following = links[i + 1] if i + 1 < len(links) else ""
        called = not isinstance(following, str)
        if link in FILLERS or (not called and link not in PROPERTIES):
            continue
        expected = arguments(following) if not isinstance(following, str) else []
        op = MATCHERS.get(link, f"call:{link}")
        deep = "deep" in told and op == "is"
        yield _check("eq" if deep else op, negated, subject, expected, replace(place, guards=guards), link, chain)


def _check(op: str, negated: bool, subject: Node, expected: list[Node], place: Place, name: str, chain: Chain) -> Check:
    op, subject, expected = _unwrapped(op, subject, expected)
    if negated:
        op = NEGATED.get(op, f"not:{op}")
    left = literals(subject, place.scope)
    rights = [literals(e, place.scope) for e in expected]
    digits = expected[1] if op == "approx" and len(expected) > 1 else None
    texts = [normal(subject), ", ".join(normal(e) for e in (expected[:1] if digits else expected))]
    told = [x for r in (rights[:1] if digits else rights) for x in r.found]
    told += [f"error {name}" for e in expected if op == "raises" and (name := _error_name(e))]
    return Check(
        op,
        texts[0],
        texts[1],
        line_of(chain.node),
        subject_literals=tuple(sorted(left.found)),
        expected_literals=tuple(sorted(told)),
        elements=sum(r.elements for r in rights),
        tolerances=_tolerance(name, digits),
        lossy=_lossy([subject, *expected]),
        guards=place.guards,
        awaited=place.awaited,
        words=words_of(" ".join([*texts, "await" if _is_awaited(subject, place.scope) else ""])),
        hollow=_hollow(op, subject, expected, texts, place.scope),
    )


def _is_awaited(subject: Node, scope: Scope) -> bool:
    """Whether it is a name that stands for what was waited for."""
    told = scope.get(text_of(subject)) if subject.type == "identifier" else ()
    return bool(told) and all(v.type == "await_expression" for v in told)


def _error_name(node: Node) -> str:
    """The class of an error that is expected, given as itself or as an instance."""
    made = node.child_by_field_name("constructor") if node.type == "new_expression" else node
    name = text_of(made) if made is not None and made.type == "identifier" else ""
    return name if name[:1].isupper() and name != "Error" else ""


EQUAL = frozenset({"is", "eq", "eq-strict", "eq-deep", "eq-loose"})


def _unwrapped(op: str, subject: Node, expected: list[Node]) -> tuple[str, Node, list[Node]]:
    """`expect(a === b).toBe(true)` asks what `expect(a).toBe(b)` asks; so do lengths, `includes` and null."""
    wanted = normal(expected[0]) if expected else ""
    if op in EQUAL and wanted in {"true", "false", "null", "undefined"} and len(expected) == 1:
        op, expected = {"true": "true", "false": "false", "null": "none", "undefined": "undefined"}[wanted], []
    inside = subject
    while inside.type == "parenthesized_expression":
        inside = next(c for c in inside.children if c.is_named)
    operator = (
        COMPARISONS.get(text_of(inside.child_by_field_name("operator"))) if inside.type == "binary_expression" else None
    )
    left, right = inside.child_by_field_name("left"), inside.child_by_field_name("right")
    if operator and left and right and op in {"true", "truthy"}:
        return _unwrapped(operator, left, [right])
    if operator and left and right and op in {"false", "falsy"} and operator in NEGATED:
        return NEGATED[operator], left, [right]
    if (
        inside.type == "member_expression"
        and op in {"is", "eq", "eq-deep", "eq-loose"}
        and text_of(inside.child_by_field_name("property")) == "length"
    ):
        target = inside.child_by_field_name("object")
        return ("length", target, expected) if target else (op, subject, expected)
    function = inside.child_by_field_name("function") if inside.type == "call_expression" else None
    if function and op in {"true", "false"} and text_of(function.child_by_field_name("property")) == "includes":
        target, given = function.child_by_field_name("object"), inside.child_by_field_name("arguments")
        if target and given:
            return ("in" if op == "true" else "not-in"), target, arguments(given)
    return op, subject, expected


def _tolerance(name: str, digits: Node | None) -> tuple[tuple[str, float], ...]:
    """Digits of `toBeCloseTo`, or the distance of chai's `closeTo`, so that larger is looser."""
    try:
        value = float(text_of(digits)) if digits else None
    except ValueError:
        return ()
    if value is None:
        return ()
    return (("digits", -value),) if name == "toBeCloseTo" else (("distance", value),)


def _lossy(nodes: Sequence[Node]) -> frozenset[str]:
    found = set()
    for node in nodes:
        for one in walk(node):
            operator = one.child_by_field_name("operator") if one.type == "binary_expression" else None
            if one.type == "ternary_expression" or text_of(operator) in {"&&", "||", "??"}:
                found.add("choice")
            elif one.type in {"property_identifier", "identifier"}:
                found |= {text_of(one)} & LOSSY
        found |= set(WILD.findall(text_of(node)))
    return frozenset(found)


def _hollow(op: str, subject: Node, expected: list[Node], texts: list[str], scope: Scope) -> str:
    if op in SELF_EQUAL and texts[0] == texts[1]:
        return "compares a value with itself"
    fixed = is_constant(subject) or _constant_name(subject, scope)
    if fixed and (not expected or all(is_constant(e) or _constant_name(e, scope) for e in expected)):
        return "looks at a constant only"
    return ""


def _constant_name(node: Node, scope: Scope) -> bool:
    told = scope.get(text_of(node)) if node.type == "identifier" else ()
    return bool(told) and all(is_constant(v) for v in told)


def _assert(chain: Chain, place: Place) -> Iterator[Check]:
    """`assert(x)`, `assert.equal(a, b)`, `t.is(a, b)` and the like."""
    for name, given in chain.calls():
        op = ASSERTS.get(name)
        nodes = arguments(given)
        if op is None or (name in OWNERS and chain.root != "assert") or (name == "is" and not nodes):
            continue
        if not nodes or op in {"fail", "call:plan", "call:pass"}:
            yield replace(_plain(op, chain.node, place), hollow="always passes" if op == "call:pass" else "")
            return
        arity = 1 if op in {"truthy", "true", "falsy", "false", "none", "not-none", "defined", "undefined"} else 2
        distance = nodes[2:3] if op == "approx" else []
        yield _check(op, False, nodes[0], [*nodes[1:arity], *distance], place, name, chain)
        return


def _by_name(chain: Chain, place: Place) -> Iterator[Check]:
    """`x.should.equal(y)`, `cy.get().should('have.text', 'x')`, `request(app).get('/').expect(200)`."""
    links = list(chain.links)
    for i, link in enumerate(links):
        following = links[i + 1] if i + 1 < len(links) else ""
        if link == "should" and isinstance(following, str):
            yield from _matchers(chain, links[i + 1 :], chain.base, place)
            return
        if link in {"should", "expect", "and"} and not isinstance(following, str):
            yield replace(
                _plain(f"call:{link}", following, place), subject=f"{text_of(chain.base)} {normal(following)}"
            )


def _plain(op: str, node: Node, place: Place) -> Check:
    told = literals(node, place.scope)
    text = normal(node)
    return Check(
        op,
        text,
        "",
        line_of(node),
        subject_literals=tuple(sorted(told.found)),
        elements=told.elements,
        guards=place.guards,
        awaited=place.awaited,
        words=words_of(text),
    )
