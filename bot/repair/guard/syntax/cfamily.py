"""C and C++: GoogleTest and gmock, Catch2, doctest, Boost.Test, Unity, Check, Criterion, cmocka, plain assert."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import re2
import tree_sitter_c
import tree_sitter_cpp
from tree_sitter import Language, Node, Parser

from bot.repair.guard.directives import CODE_WORD, line_words
from bot.repair.guard.facts import Directive, Mark, Patterns
from bot.repair.guard.kinds import in_test_folder, name_of
from bot.repair.guard.syntax.calls import fielded
from bot.repair.guard.syntax.grammar import Annotation, Call, Grammar, Vocabulary, names, table
from bot.repair.guard.syntax.language import TreeLanguage
from bot.repair.guard.trees import line_of, one_per_thread, text_of, walk

MEMBERS = {"field_expression": ("argument", "field"), "qualified_identifier": ("scope", "name")}
CALLS = names("call_expression")
MACROS = names(
    "TEST TEST_F TEST_P TYPED_TEST TYPED_TEST_P TEST_CASE TEMPLATE_TEST_CASE SCENARIO TEST_CASE_METHOD "
    "TEST_CASE_FIXTURE "
    "BOOST_AUTO_TEST_CASE BOOST_FIXTURE_TEST_CASE BOOST_DATA_TEST_CASE BOOST_AUTO_TEST_CASE_TEMPLATE TEST_METHOD Test "
    "ParameterizedTest START_TEST FUZZ_TEST BENCHMARK TEST_GROUP_TEST IGNORE_TEST"
)
PREFIX = re2.compile(
    r"^(?:EXPECT|ASSERT|CHECK|REQUIRE|BOOST_CHECK|BOOST_REQUIRE|BOOST_TEST|TEST_ASSERT|CPPUNIT_ASSERT|cr_assert|cr_expect|"
    r"ck_assert|g_assert|assert|STATIC_REQUIRE|DOCTEST_CHECK|TEST_CHECK|CU_ASSERT|LONGS|STRCMP)(?:_|$)(?:MESSAGE$|FALSE_MESSAGE$)?"
)
KINDS = re2.compile(
    r"_?(?:u?int(?:8|16|32|64)?|INT(?:8|16|32|64)?|UINT(?:8|16|32|64)?|HEX(?:8|16|32|64)?|FLOAT|DOUBLE|STRING|STR|string|str|ptr|PTR|MESSAGE|float|double|mem|MEMORY|ARRAY|C|VALUES|cmpint|cmpstr|cmpuint|cmpfloat)_?"
)
OPS = table(
    """
    eq 2: EQ EQUAL STREQ STRCASEEQ eq equal EQUAL_COLLECTIONS BITS EQUALS cmp FLOATEQ DOUBLEEQ streq
    ne 2: NE NOT_EQUAL STRNE ne not_equal neq
    truthy 1: TRUE UNARY true MESSAGE
    falsy 1: FALSE FALSE_MESSAGE false not UNLESS
    none 1: NULL null IS_NULL
    not-none 1: NOT_NULL not_null non_null nonnull
    lt 2: LT LESS_THAN lt LESS
    le 2: LE LESS_OR_EQUAL le
    gt 2: GT GREATER_THAN gt GREATER
    ge 2: GE GREATER_OR_EQUAL ge
    approx 2: NEAR CLOSE CLOSE_FRACTION NEAR_EQ eq_tol
    within 3: WITHIN DELTA
    raises 2: THROW THROWS_AS THROWS_WITH THROWS_WITH_AS EXCEPTION THROWS_MATCHES
    raises 1: ANY_THROW THROWS DEATH EXIT
    not-raises 1: NO_THROW NOTHROW
    that 2: THAT
    empty 1: EMPTY
    not-empty 1: NOT_EMPTY
    """
)


@one_per_thread
def cpp_parser() -> Parser:
    """The parser for C++, made once."""
    return Parser(Language(tree_sitter_cpp.language()))


@one_per_thread
def c_parser() -> Parser:
    """The parser for C, made once."""
    return Parser(Language(tree_sitter_c.language()))


class Macros(Mapping[str, tuple[str, int]]):
    """The assertion macros of all frameworks: a prefix for how it fails, and what it asks."""

    def __getitem__(self, name: str) -> tuple[str, int]:
        match = PREFIX.match(name)
        found = _kind(name[match.end() :]) if match else None
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@cache
def _kind(rest: str) -> tuple[str, int] | None:
    plain = KINDS.sub("_", rest).strip("_") if rest not in OPS else rest
    plain = plain.removeprefix("EACH_")
    if not plain:
        return ("eq", 2) if rest and not rest.startswith("MESSAGE") else ("truthy", 1)
    return OPS.get(plain)


def call(node: Node) -> Call | None:
    """A call, or a macro that looks like one."""
    return fielded(node, CALLS, MEMBERS)


def rewrite(text: str, root: Node) -> str:
    """`TEST_CASE("x") { }` is read as a call and a block; make it a call with a lambda. Lines stay."""
    source = text.encode("utf-8", "surrogatepass").replace(b"START_TEST(", b"TEST(").replace(b"END_TEST", b"")
    if source != text.encode("utf-8", "surrogatepass"):
        root = cpp_parser().parse(source).root_node
    edits: list[tuple[int, bytes, int]] = []
    for node in walk(root):
        if node.type == "compound_statement" and node.prev_named_sibling is not None:
            head = node.prev_named_sibling
            inner = head.named_children[0] if head.type == "expression_statement" and head.named_child_count else None
            given = inner.child_by_field_name("arguments") if inner is not None else None
            if given is not None and not text_of(head).endswith(";") and text_of(given).endswith(")"):
                lead = b",[]" if given.named_child_count else b"[]"
                edits += [(given.end_byte - 1, lead, 1), (node.end_byte, b");", 0)]
    for at, told, gone in sorted(edits, reverse=True):
        source = source[:at] + told + source[at + gone :]
    return source.decode("utf-8", "surrogatepass")


def title(node: Node) -> str:
    """The name of a function; of a test macro what stands in its brackets."""
    declarator = node.child_by_field_name("declarator") or node.child_by_field_name("name")
    while declarator is not None and declarator.type in {"pointer_declarator", "reference_declarator"}:
        declarator = declarator.child_by_field_name("declarator") or next(iter(declarator.named_children), None)
    if declarator is None or declarator.type != "function_declarator":
        return text_of(declarator)
    name = text_of(declarator.child_by_field_name("declarator"))
    given = declarator.child_by_field_name("parameters")
    told = [text_of(c) for c in (given.named_children if given is not None else ())]
    return ".".join(told[:2]) if name in MACROS else name


def annotations(node: Node) -> Iterator[Annotation]:
    """The test macro counts as what marks a function as a test."""
    declarator = node.child_by_field_name("declarator") if node.type == "function_definition" else None
    if declarator is not None and declarator.type == "function_declarator":
        name = text_of(declarator.child_by_field_name("declarator"))
        if name in MACROS:
            yield Annotation(
                "TEST" if name != "IGNORE_TEST" else "Ignored",
                text_of(declarator.child_by_field_name("parameters")),
                line_of(node),
            )


DIRECTIVES = names("preproc_call preproc_def preproc_function_def attribute_declaration attribute_specifier")
PRAGMA = re2.compile(
    r"(?i)^#\s*pragma\s+(?:warning\s*\(?\s*disable\s*:?(?P<msvc>[^)]*)|(?:GCC|clang)\s+diagnostic\s+ignored\s*(?P<gcc>.*))"
)
RESTORED = re2.compile(
    r"(?i)^#\s*pragma\s+(?:warning\s*\(?\s*(?:restore|default|pop)|(?:GCC|clang)\s+diagnostic\s+pop)"
)


def of_file(_: str, nodes: Sequence[Node]) -> tuple[list[Mark], list[Directive], int]:
    """Pragmas that switch warnings off and on again; names that switch assertions off."""
    found: list[Mark] = []
    directives: list[Directive] = []
    restored = 0
    lines: list[str] = []
    for node in nodes:
        if node.type in {
            "preproc_call",
            "preproc_def",
            "preproc_function_def",
            "attribute_declaration",
            "attribute_specifier",
        }:
            text = text_of(node)
            match = PRAGMA.match(text)
            if match:
                codes = frozenset(
                    CODE_WORD.findall((match.group("msvc") or match.group("gcc") or "").replace('"', " "))
                )
                lines = lines or text_of(nodes[0]).split("\n")
                anchor = line_words(lines, line_of(node) + 1)
                directives.append(Directive("#pragma", codes, anchor, line_of(node), text.strip()[:80]))
            restored += bool(RESTORED.match(text))
            name = text_of(node.child_by_field_name("name"))
            if name in {"NDEBUG", "CATCH_CONFIG_DISABLE", "DOCTEST_CONFIG_DISABLE"} or PREFIX.match(name):
                found.append(
                    Mark("patched-runner", " ".join(text.split()), line_of(node), f"#define {name} replaces assertions")
                )
            if any(word in text for word in ("unused", "no_sanitize")):
                told = line_words([text], 1)
                directives.append(Directive("attribute", frozenset(), told, line_of(node), text.strip()[:80]))
    return found, directives, restored


def is_test_path(path: str) -> bool:
    """Whether the name or folder says test."""
    stem = name_of(path).rpartition(".")[0]
    low = stem.lower()
    return (
        in_test_folder(path)
        or low.startswith("test")
        or low.endswith(("_test", "_tests", "_unittest", "test", "tests", ".test", "-test"))
    )


VOCABULARY = Vocabulary(
    asserts=Macros(),
    fails=names(
        "FAIL ADD_FAILURE ADD_FAILURE_AT BOOST_FAIL BOOST_ERROR TEST_FAIL TEST_FAIL_MESSAGE abort exit cr_fail "
        "ck_abort_msg ck_abort FAIL_CHECK GTEST_FAIL fail _exit CPPUNIT_FAIL"
    ),
    tests=MACROS,
    suites=names("TEST_SUITE BOOST_AUTO_TEST_SUITE"),
    hooks=names("SetUp TearDown"),
    skips=names("GTEST_SKIP SKIP TEST_IGNORE TEST_IGNORE_MESSAGE skip cr_skip_test g_test_skip cr_skip QSKIP"),
    modifiers=names("disabled may_fail should_fail skip expected_failures enable_if"),
    marked=names("TEST"),
    named=re2.compile(r"^(?:test_?\w*|main|Test[A-Z]\w*|\w+_test)$"),
    switches=re2.compile(r"^Ignored$"),
    hooked=names("SetUp setUp SetUpTestSuite setup set_up"),
    tables=names(
        "INSTANTIATE_TEST_SUITE_P INSTANTIATE_TEST_CASE_P INSTANTIATE_TYPED_TEST_SUITE_P GENERATE "
        "REGISTER_TYPED_TEST_SUITE_P BOOST_DATA_TEST_CASE TYPED_TEST_SUITE"
    ),
    rows=names(
        "RUN_TEST RUN_TEST_CASE cmocka_unit_test cmocka_unit_test_setup_teardown tcase_add_test g_test_add_func "
        "TEST_RUN RUN_TEST_GROUP mu_run_test CU_add_test RUN CPPUNIT_TEST UNIT_TEST"
    ),
    runs=re2.compile(r"^test_?\w+$"),
    listers=names("Values ValuesIn values Combine Types table make xrange"),
    statuses=names("RUN_ALL_TESTS UNITY_END cmocka_run_group_tests srunner_ntests_failed criterion_run_all_tests"),
    exits=names("exit _exit std.exit quick_exit _Exit std.quick_exit"),
    swallowers=frozenset(),
    later=names("async thread jthread post submit enqueue"),
    fakers=names("ON_CALL"),
)


def grammar(parser: object) -> Grammar:
    """The grammar; C++ has all that C has."""
    assert callable(parser)
    return Grammar(
        parser=parser,
        call=call,
        members=MEMBERS,
        strings=names("string_literal raw_string_literal char_literal concatenated_string system_lib_string"),
        numbers=names("number_literal"),
        fixed=names("true false null nullptr"),
        identifiers=names("identifier"),
        comments=names("comment"),
        functions=names("function_definition"),
        lambdas=names("lambda_expression"),
        classes=names("class_specifier struct_specifier"),
        ifs=names("if_statement conditional_expression while_statement"),
        branches=names("case_statement"),
        loops=names("for_range_loop for_statement"),
        tries=names("try_statement"),
        handlers=names("catch_clause"),
        returns=names("return_statement"),
        jumps=names("continue_statement break_statement goto_statement"),
        throws=names("throw_statement throw_expression"),
        lists=names("initializer_list"),
        wrappers=names("parenthesized_expression condition_clause pointer_expression"),
        assignments={
            "init_declarator": ("declarator", "value"),
            "assignment_expression": ("left", "right"),
            "field_declaration": ("declarator", "default_value"),
        },
        annotations=annotations,
        title=title,
        tolerant=True,
        rewrite=rewrite,
        rewritten=cpp_parser,
    )


PATTERNS = Patterns(
    test=r"^\s*(?:TEST(?:_[FP]|_CASE\w*)?|TYPED_TEST|SCENARIO|BOOST_\w*TEST_CASE|START_TEST|Test)\s*\(|^\s*(?:static\s+)?(?:void|int)\s+(test\w*|main)\s*\(",
    check=r"\b(?:ASSERT|EXPECT|CHECK|REQUIRE|BOOST_(?:CHECK|REQUIRE|TEST)|TEST_ASSERT|ck_assert|cr_assert|assert)\w*\s*\(",
    off=r"\bDISABLED_|\bGTEST_SKIP|\bTEST_IGNORE|^\s*#\s*if\s+0\b|\bSKIP\s*\(|should_fail|may_fail",
    comments="slash",
)
CPP = TreeLanguage(
    NAME="cpp",
    PATTERNS=PATTERNS,
    grammar=grammar(cpp_parser),
    vocabulary=VOCABULARY,
    endings=(".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx", ".ipp", ".c++"),
    is_test_path=is_test_path,
    is_collected=is_test_path,
    of_file=of_file,
)
C = TreeLanguage(
    NAME="c",
    PATTERNS=PATTERNS,
    grammar=grammar(c_parser),
    vocabulary=VOCABULARY,
    endings=(".c",),
    is_test_path=is_test_path,
    is_collected=is_test_path,
    of_file=of_file,
)
