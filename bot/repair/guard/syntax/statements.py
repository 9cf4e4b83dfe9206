"""What statements do to what stands in them: conditions, loops, handlers; and calls that define tests."""

from collections.abc import Iterator
from dataclasses import replace

import re2
from tree_sitter import Node

from bot.repair.guard.directives import words_of
from bot.repair.guard.facts import Check, Mark
from bot.repair.guard.syntax import marks
from bot.repair.guard.syntax.asserts import Place
from bot.repair.guard.syntax.conditions import never, parts
from bot.repair.guard.syntax.drafts import Context, Kit
from bot.repair.guard.syntax.grammar import Chain, Grammar, Vocabulary, chain_of, names
from bot.repair.guard.syntax.values import Scope, literals, normal, rows, string_of, stripped
from bot.repair.guard.trees import field, line_of, text_of

EACH = names("each forEach each_with_index for_each each_pair map forEachIndexed onEach times each_entry")
STATEMENTS = names(
    "expression_statement statement_list block body_statement block_body then function_body lambda_literal program "
    "compound_statement do_block begin_block try_expression await_expression ensure else source_file declaration_list "
    "begin rescue if_modifier unless_modifier translation_unit"
)
CONDITIONAL = names("conditional_expression ternary_expression conditional ternary if_modifier unless_modifier")
GONE = names("preproc_if preproc_ifdef preproc_elif preproc_else")
SCOPES = names("let also apply run")
OPTIONAL = re2.compile(r"\?\.(?:let|also|apply|run)\b")
YIELDS = names("yield_expression yield")
ARGUMENTS = names("value_arguments argument_list arguments")
EMPTY = frozenset({"[ ]", "{ }", "vec ! [ ]", "listOf ( )", "List . of ( )", "emptyList ( )", "array ( )"})


def alone(node: Node) -> bool:
    """Whether a call is a statement of its own."""
    return node.parent is None or node.parent.type in STATEMENTS


def of_lambda(node: Node, context: Context, grammar: Grammar) -> Context:
    """A function that is handed over runs, as far as one can see; one that is kept may never be called."""
    parent = node.parent
    while parent is not None and parent.type in {"argument", "value_argument", "annotated_lambda"}:
        parent = parent.parent
    handed = parent is not None and (parent.type in ARGUMENTS or grammar.call(parent) is not None)
    around = [parent, parent.parent if parent is not None else None]
    around.append(around[1].parent if around[1] is not None else None)
    handed = handed and not any(one is not None and one.type == "go_statement" for one in around)
    return context if handed else replace(context, guards=(*context.guards, "function"))


def below(chain: Chain, context: Context, vocabulary: Vocabulary) -> Context:
    """What a call adds to what stands in its arguments and block."""
    called = {x.name for x in chain.links if x.call}
    added: tuple[str, ...] = ()
    if called & vocabulary.swallowers:
        added = ("try",)
    elif called & vocabulary.later:
        added = ("function",)
    elif called & vocabulary.perhaps or (called & SCOPES and OPTIONAL.search(text_of(chain.node))):
        added = ("if",)
    return replace(context, guards=(*context.guards, *added)) if added else context


def defines(chain: Chain, grammar: Grammar, vocabulary: Vocabulary) -> tuple[str, str]:
    """('test' | 'suite' | 'hook' | '', title) of a call that defines tests."""
    called = [x for x in chain.links if x.call is not None]
    if not called:
        return "", ""
    first = called[0].call
    assert first is not None
    name = called[0].name
    blocks = [x.call.block for x in called if x.call and x.call.block is not None]
    given = [stripped(a, grammar) for a in first.arguments]
    body = bool(blocks) or any(a.type in grammar.lambdas for x in called if x.call for a in x.call.arguments)
    titled = [a for a in given if a.type not in grammar.lambdas]
    title = title_of(titled[0], grammar) if titled else f"line {_ordinal(chain)}"
    string = bool(titled) and titled[0].type in grammar.strings
    lone = len(chain.links) == len(called) or chain.links[0].name in {"RSpec", "t", "s", "Given"}
    if not lone or (first.receiver is not None and name != "Run" and chain.links[0].name != "RSpec"):
        return "", ""
    if name == "define_method" and body and title.startswith("test_"):
        return "test", title
    if name in vocabulary.suites and body and titled:
        return "suite", title
    if name in vocabulary.hooks and body:
        return "hook", f"{name} {title}" if titled else name
    if name in vocabulary.skips and not body:
        return "", ""
    if (
        name in vocabulary.tests
        and (string or name != "Run")
        and (body or (string and len(given) == 1 and name != "Run"))
    ):
        return "test", title
    return "", ""


NOW = re2.compile(r"\bis_expected\.(?:not_to|to_not)\b")
"""How RSpec writes `should_not` now."""


def _ordinal(chain: Chain) -> str:
    """What tells tests without a name apart: what stands in them."""
    told: str = NOW.sub("should_not", " ".join(text_of(chain.node).split())[:80])
    return told.replace("is_expected.to ", "should ")[:60]


def title_of(node: Node, grammar: Grammar) -> str:
    """The name that a call gives to a test."""
    return string_of(node) if node.type in grammar.strings else normal(node, grammar)


def children(node: Node, context: Context, kit: Kit) -> Iterator[tuple[Node, Context]]:
    """Take in a statement or expression that is no call; yield its children, each with its context."""
    grammar, kind, owner = kit.grammar, node.type, context.owner
    if kind in grammar.ifs:
        yield from _if(node, context, kit)
        return
    if kind in grammar.tries:
        yield from _try(node, context, kit)
        return
    if kind in GONE:
        yield from _preprocessed(node, context)
        return
    _simple(node, context, kit)
    added: tuple[str, ...] = ()
    body = None
    if kind in grammar.loops:
        body = field(node, "body") or (node.named_children[-1] if node.named_child_count else None)
        table = iterable(node)
        owner.cases += rows(table, owner.scope, kit.vocabulary.listers)
        condition = field(node, "condition")
        if never(condition, grammar) or (table is not None and normal(table, grammar) in EMPTY):
            added = ("dead",)
    elif kind in grammar.branches or kind in grammar.handlers:
        added = () if _is_only_way(node, kit) else ("if",)
    elif kind in grammar.binaries and text_of(field(node, "operator")) in {"&&", "||", "and", "or", "?:"}:
        body, added = field(node, "right"), ("if",)
    inner = replace(context, guards=(*context.guards, *added)) if added else context
    for child in node.named_children:
        yield child, inner if body is None or child == body else context


def iterable(node: Node) -> Node | None:
    """What a loop runs over."""
    clause = next((c for c in node.named_children if c.type == "range_clause"), node)
    found = field(clause, "right", "value", "collection")
    if found is None and node.type in {"for_statement", "foreach_statement"} and field(node, "condition") is None:
        at = 0 if node.type == "foreach_statement" else 1
        found = node.named_children[at] if node.named_child_count > 2 else None
    return found


def _simple(node: Node, context: Context, kit: Kit) -> None:
    """What a statement without conditions adds to its unit."""
    grammar, owner, kind = kit.grammar, context.owner, node.type
    if kind in grammar.assignments:
        owner.weight += 1
        _assigned(node, context, kit)
    elif kind in grammar.jumps and not context.failing:
        owner.exits.append((line_of(node), _block_line(node), text_of(node).split()[0].rstrip(";")))
    elif kind in grammar.returns:
        _returned(node, context, kit)
    elif kind in grammar.throws and not context.failing and owner.collected:
        owner.checks.append(kit.asserts.raises(node, [], Place(context.guards, owner.scope, False), line_of(node)))
    elif kind == "assert_statement":
        condition = node.named_children[0]
        place = Place(context.guards, owner.scope, True)
        owner.checks += kit.asserts.of_condition(condition, True, place, line_of(node))
    elif kind == "exit_statement" and normal(node, grammar).replace("( ", "").replace(" )", "") in {
        "exit",
        "exit 0.0",
        "die",
    }:
        owner.marks.append(Mark("early-exit", "exit", line_of(node), "exit ends the run"))
    elif kind in YIELDS and not owner.collected:
        owner.cases.append(normal(node, grammar))


def _returned(node: Node, context: Context, kit: Kit) -> None:
    owner, grammar = context.owner, kit.grammar
    told = [c for c in node.named_children if c.type not in grammar.comments and c != field(node, "label")]
    value = normal(told[0], grammar) if told else ""
    if owner.name.startswith("main") and told and not told[0].type.endswith("literal"):
        place = Place(context.guards, owner.scope, True)
        checks = [] if grammar.call(told[0]) else kit.asserts.of_condition(told[0], True, place, line_of(node))
        owner.checks += [replace(c, hollow="") for c in checks]  # a counter that starts with a constant
    if not owner.collected:
        found = [r for t in told[:1] for r in rows(t, owner.scope, kit.vocabulary.listers)]
        owner.cases += found
        owner.values += [] if found else [x for t in told for x in literals(t, owner.scope).found]
    elif value in {"", "0.0", "Ok ( ( ) )", "Ok ( )", "EXIT_SUCCESS", "Unit"} and not context.failing:
        owner.exits.append((line_of(node), _block_line(node), "return"))


def _block_line(node: Node) -> int:
    """The first line of the block that a statement stands in; of a modifier, its own."""
    parent = node.parent
    while parent is not None and parent.type in {"expression_statement", "return_expression"}:
        parent = parent.parent
    return line_of(parent) if parent is not None and parent.type not in CONDITIONAL else line_of(node) + 1


def _assigned(node: Node, context: Context, kit: Kit) -> None:
    """An assignment that puts a function in the place of another, or drops what a call gives back."""
    grammar, owner = kit.grammar, context.owner
    target, value = grammar.assignments[node.type]
    left = field(node, target) if target else None
    right = field(node, value) if value else None
    if left is not None and left.type == "expression_list" and left.named_child_count == 1:
        left = left.named_children[0]
    if right is not None and right.type == "expression_list" and right.named_child_count == 1:
        right = right.named_children[0]
    if left is not None and right is not None and left.type in grammar.members and right.type in grammar.lambdas:
        owner.patches.add(chain_of(left, grammar).dotted)
    if left is not None and right is not None and node.type == "let_declaration" and text_of(left) == "_":
        call = chain_of(right, grammar)
        if call.links and not any(x.name in {"unwrap", "expect"} for x in call.links):
            key = f"dropped {call.dotted}"
            owner.marks.append(
                Mark("swallowed-failure", key, line_of(node), f"what {call.dotted} gives back is dropped")
            )


def _fails_at_once(block: Node | None, kit: Kit) -> bool:
    """Whether a block is there to fail: one of its own statements does."""
    if block is None:
        return False
    todo, seen = [block], 0
    while todo and seen < 50:
        seen += 1
        node = todo.pop()
        kind = node.type
        if kind in kit.grammar.throws:
            return True
        if kind == "return_statement" and kit.grammar.tolerant and normal(node, kit.grammar) in FAILURES:
            return True
        if kit.grammar.call(node) is not None:
            if kit.asserts.fails(chain_of(node, kit.grammar)):
                return True
        elif kind in STATEMENTS | {
            "block",
            "macro_invocation",
            "if_modifier",
            "unless_modifier",
            "control_structure_body",
        }:
            todo.extend(node.named_children)
        elif kind in kit.grammar.binaries:  # `FAIL() << "why"`
            todo.extend(node.named_children[:1])
    return False


def _is_only_way(node: Node, kit: Kit) -> bool:
    """Whether all other cases of Go's `select` fail, so that the test fails or runs this one."""
    if node.type != "communication_case" or node.parent is None:
        return False
    others = [c for c in node.parent.named_children if c.type in kit.grammar.branches and c != node]
    return bool(others) and all(any(_fails_at_once(s, kit) for s in c.named_children) for c in others)


FAILURES = frozenset({"return 1.0", "return - 1.0", "return EXIT_FAILURE", "return false"})


def _if(node: Node, context: Context, kit: Kit) -> Iterator[tuple[Node, Context]]:
    """A condition guards what stands in it; `if (a != b) fail` is an assertion."""
    grammar, owner = kit.grammar, context.owner
    condition = field(node, "condition")
    rest = [c for c in node.named_children if c != condition and c != field(node, "initializer")]
    alternative = field(node, "alternative")
    body = field(node, "consequence", "body") or next((c for c in rest if c != alternative), None)
    if condition is None and node.named_child_count:
        condition = node.named_children[0]
        rest = [c for c in rest if c != condition]
    negative = node.type.startswith("unless")
    initializer = field(node, "initializer")
    scope = owner.scope if initializer is None else owner.scope.file.inside(initializer, owner.scope)
    place = Place(context.guards, scope, True)
    fails = [_fails_at_once(body, kit), _fails_at_once(alternative, kit)]
    if (owner.collected or kit.test) and condition is not None and any(fails):
        found = kit.asserts.of_condition(condition, fails[1] != negative, place, line_of(node))
        owner.checks += (_made_by(check, node, owner.scope) for check in found)
    dead = never(condition, grammar) and not negative
    text = normal(condition, grammar)
    failing = any(fails)
    for child in node.named_children:
        if child not in rest:
            yield child, context
            continue
        guards = ("dead",) if dead and child == body else ("if",) * parts(condition, grammar)
        if failing:
            guards = ()
        yield (
            child,
            replace(
                context,
                guards=(*context.guards, *guards),
                condition=f"{context.condition} {text}".strip(),
                failing=context.failing or failing,
            ),
        )


def _made_by(check: Check, node: Node, scope: Scope) -> Check:
    """A check that there is no error, with what the call says that gave it back: `if err := f(6); err != nil`."""
    made = field(node, "initializer") or node.prev_named_sibling if check.op == "none" else None
    left, right = field(made, "left"), field(made, "right")
    if right is None or check.subject not in {text_of(n) for n in (left.named_children if left else ())}:
        return check
    told = literals(right, scope).found
    return replace(check, words=check.words | words_of(text_of(right)[:400]), subject_literals=tuple(sorted(told)))


def _try(node: Node, context: Context, kit: Kit) -> Iterator[tuple[Node, Context]]:
    """What a handler drops is swallowed; `try { f(); fail(); } catch (X e) {}` asks for a failure."""
    grammar, owner = kit.grammar, context.owner
    handlers = [c for c in node.named_children if c.type in grammar.handlers]
    body = [c for c in node.named_children if c not in handlers and not c.type.startswith(("finally", "ensure"))]
    expected = bool(handlers) and any(_fails_at_once(b, kit) for b in body)
    expected = expected or (bool(handlers) and bool(body) and _fails_last(body, kit))
    swallows = bool(handlers) and not expected and marks.swallows(node, grammar, kit.vocabulary)
    if node.type == "rescue_modifier":
        swallows, body = True, node.named_children[:1]
    if expected:
        told = [
            text_of(field(h, "type", "exceptions") or (h.named_children[0] if h.named_child_count else h)).split("{")[0]
            for h in handlers
        ]
        owner.checks.append(
            kit.asserts.raises(
                node, [" ".join(t.split()) for t in told], Place(context.guards, owner.scope, True), line_of(node)
            )
        )
    if swallows:
        owner.marks.append(Mark("swallowed-failure", "handler", line_of(node), "a failure is caught and dropped"))
    inner = replace(context, guards=(*context.guards, "try")) if swallows else context
    inner = replace(inner, failing=True) if expected else inner
    for child in node.named_children:
        if child in handlers:
            yield child, replace(context, guards=(*context.guards, "if"))
        else:
            yield child, inner if child in body else context


def _fails_last(body: list[Node], kit: Kit) -> bool:
    """Whether the last statement before the handlers fails (Ruby has no block there)."""
    return _fails_at_once(body[-1], kit)


def _preprocessed(node: Node, context: Context) -> Iterator[tuple[Node, Context]]:
    """`#if 0` removes what stands in it; another condition may."""
    condition = field(node, "condition", "name")
    told = " ".join(text_of(condition).split())
    directive = next((text_of(c) for c in node.children if not c.is_named), "#else")
    gone = node.type == "preproc_if" and told in {"0", "false"}
    gate = Mark(
        "disabled-test",
        f"{directive} {told}",
        line_of(node),
        f"{directive} {told} decides whether tests are built",
        conditional=not gone,
    )
    for child in node.named_children:
        if child == condition or child.type in GONE:
            yield child, context
        elif context.owner.name == "<module>":
            yield child, replace(context, dead=context.dead or gone, gates=(*context.gates, gate))
        else:
            yield child, replace(context, guards=(*context.guards, "dead" if gone else "if"))
