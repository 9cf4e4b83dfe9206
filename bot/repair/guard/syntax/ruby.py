"""Ruby: RSpec, minitest (both styles), test-unit, shoulda, mocha."""

from functools import lru_cache

import re2
import tree_sitter_ruby
from tree_sitter import Language, Node, Parser

from bot.repair.guard.facts import Patterns
from bot.repair.guard.kinds import name_of
from bot.repair.guard.syntax.calls import fielded
from bot.repair.guard.syntax.grammar import Call, Grammar, Vocabulary, names, table
from bot.repair.guard.syntax.language import TreeLanguage
from bot.repair.guard.trees import one_per_thread, text_of

MEMBERS = {"scope_resolution": ("scope", "name")}
CALLS = names("call")
BARE = names("skip pending flunk is_expected fail raise exit exit! abort omit")


@one_per_thread
def parser() -> Parser:
    """The parser, made once."""
    return Parser(Language(tree_sitter_ruby.language()))


def call(node: Node) -> Call | None:
    """A call; also a lone word that is known to be one."""
    if node.type == "identifier" and text_of(node) in BARE:
        parent = node.parent
        method = parent.child_by_field_name("method") if parent is not None and parent.type == "call" else None
        return Call(node, None, text_of(node)) if method != node else None
    found = fielded(node, CALLS, MEMBERS)
    if found is not None and found.name == "new" and found.receiver is not None:
        return Call(node, None, text_of(found.receiver).rpartition("::")[2], found.arguments, found.block)
    return found


def hidden(node: Node) -> bool:
    """Whether `private` stands before a method."""
    return node.parent is not None and node.id in _private(node.parent)


@lru_cache(maxsize=1)
def _private(body: Node) -> frozenset[int]:
    """The methods behind `private` in a class."""
    found, hides = set(), False
    for one in body.named_children:
        if one.type == "identifier" and text_of(one) in {"private", "protected", "public"}:
            hides = text_of(one) != "public"
        elif hides:
            found.add(one.id)
    return frozenset(found)


def is_test_path(path: str) -> bool:
    """Whether the name or folder says test or spec."""
    stem = name_of(path).rpartition(".")[0]
    folder = any(f"/{part}/" in f"/{path}" for part in ("spec", "test", "tests", "specs"))
    return folder or stem.endswith(("_test", "_spec")) or stem.startswith("test_")


def is_collected(path: str) -> bool:
    """Whether rake or rspec look for tests in it."""
    stem = name_of(path).rpartition(".")[0]
    return stem.endswith(("_test", "_spec")) or stem.startswith(("test_", "tc_"))


VOCABULARY = Vocabulary(
    asserts=table(
        """
        eq 2: assert_equal assert_same assert_equivalent assert_dom_equal
        ne 2: assert_not_equal refute_equal assert_not_same refute_same
        truthy 1: assert assert_true
        falsy 1: refute assert_not assert_false deny
        none 1: assert_nil
        not-none 1: assert_not_nil refute_nil
        empty 1: assert_empty
        not-empty 1: refute_empty assert_not_empty
        in 2: assert_includes assert_include assert_key
        not-in 2: refute_includes assert_not_includes
        match 2: assert_match assert_select
        not-match 2: refute_match assert_no_match
        approx 2: assert_in_delta assert_in_epsilon assert_float
        instance 2: assert_instance_of assert_kind_of
        raises 2: assert_raises assert_raise assert_raise_with_message assert_throws
        not-raises 1: assert_nothing_raised
        call=operator 9: assert_predicate refute_predicate assert_respond_to assert_output
        call=operator 9: assert_difference
        operator 3: assert_operator
        call=response 2: assert_response assert_redirected_to
        fail 0: flunk
        """
    ),
    subjects=names("expect is_expected assert_that expect_any_instance_of"),
    verbs={"to": False, "not_to": True, "to_not": True, "should": False, "should_not": True},
    fails=names("flunk raise fail abort"),
    tests=names(
        "it specify example scenario test its should fit xit xspecify xexample xscenario fspecify focus pending "
        "skip xtest"
    ),
    suites=names(
        "describe context feature xdescribe xcontext fdescribe fcontext shared_examples shared_examples_for "
        "shared_context "
        "xfeature"
    ),
    hooks=names("let let! subject before after around setup teardown given background before_each prepend_before"),
    off=names(
        "xit xspecify xexample xscenario xdescribe xcontext xfeature fit fdescribe fcontext fspecify focus xtest"
    ),
    skips=names("skip pending omit pend skip_until"),
    modifiers=names("skip pending focus disabled"),
    named=re2.compile(r"^test_"),
    hooked=names("setup before_setup"),
    tables=names("data"),
    rows=names("it_behaves_like include_examples it_should_behave_like include_context"),
    listers=frozenset({"["}),
    exits=names("exit exit! Kernel.exit Process.exit Process.exit! at_exit"),
    retries=names("retry_on retries"),
    swallowers=names("suppress safely ignore_errors"),
    perhaps=names("then try"),
    later=names("Thread async perform_later"),
    fakers=names(
        "allow allow_any_instance_of stub stubs expects any_instance stub_const define_method "
        "define_singleton_method class_eval"
    ),
)
GRAMMAR = Grammar(
    parser=parser,
    call=call,
    hidden=hidden,
    members=MEMBERS,
    strings=names("regex string bare_string heredoc_body chained_string bare_symbol"),
    numbers=names("integer float"),
    fixed=names("true false nil simple_symbol"),
    identifiers=names("identifier constant instance_variable global_variable"),
    comments=names("comment"),
    functions=names("method singleton_method"),
    lambdas=names("block do_block lambda"),
    classes=names("class module"),
    ifs=names("if unless elsif if_modifier unless_modifier conditional while while_modifier until_modifier"),
    branches=names("when in_clause"),
    loops=names("for"),
    tries=names("begin body_statement rescue_modifier"),
    handlers=names("rescue"),
    returns=names("return"),
    jumps=names("next break"),
    blocks=names("body_statement block_body then"),
    binaries=names("binary"),
    unaries=names("unary"),
    wrappers=names("parenthesized_statements"),
    lists=names("array string_array symbol_array"),
    assignments={"assignment": ("left", "right"), "operator_assignment": ("left", "right")},
    respelled={
        "do": "{",
        "end": "}",
        "then": "",
        "and": "&&",
        "or": "||",
        "not": "!",
        "=>": ":",
        ",": "",
        "%w(": "[",
        "%i(": "[",
    },
    bare_lists=names("argument_list"),
)
RUBY = TreeLanguage(
    NAME="ruby",
    PATTERNS=Patterns(
        test=r"""^\s*(?:def\s+(test_\w+)|[xf]?(?:it|specify|example|scenario|test|should)\s*[("'{])""",
        check=r"(?:^|[^\w.])(?:assert\w*|refute\w*|flunk|expect\w*|is_expected|must_\w+|wont_\w+)\b|\.(?:must|wont|should)_\w+",
        off=r"^\s*(?:skip|pending|omit)\b|\b[xf](?:it|describe|context|specify)\b|(?:skip|pending|focus):|:(?:skip|pending|focus)\b",
        comments="hash",
    ),
    grammar=GRAMMAR,
    vocabulary=VOCABULARY,
    endings=(".rb",),
    is_test_path=is_test_path,
    is_collected=is_collected,
)
