"""Go: testing, testify, ginkgo and gomega, go-cmp, quicktest."""

from collections.abc import Sequence

import re2
import tree_sitter_go
from tree_sitter import Language, Node, Parser

from bot.repair.guard.facts import Directive, Mark, Patterns
from bot.repair.guard.kinds import name_of
from bot.repair.guard.syntax.calls import fielded
from bot.repair.guard.syntax.grammar import Call, Grammar, Vocabulary, names, table
from bot.repair.guard.syntax.language import TreeLanguage
from bot.repair.guard.trees import line_of, one_per_thread, text_of, walk

MEMBERS = {"selector_expression": ("operand", "field")}
CALLS = names("call_expression type_conversion_expression")
FUNCTIONS = names("function_declaration method_declaration func_literal")
TELLS = re2.compile(r"(?i)^(?:\w+\.)*(?:\w*log\w*|slog|fmt)\.|^(?:len|string|print|println)$|^debug\.Stack$")
LONGEST = 2000  # bytes of a deferred function that is read
BUILD = re2.compile(r"^//\s?(?:go:build|\+build)\s+(.*)$")


@one_per_thread
def parser() -> Parser:
    """The parser, made once."""
    return Parser(Language(tree_sitter_go.language()))


def call(node: Node) -> Call | None:
    """A call; a composite literal counts as the making of its type."""
    if node.type == "composite_literal":
        told = node.child_by_field_name("type")
        named = told is not None and told.type == "type_identifier"
        return Call(node, None, text_of(told)) if named else None
    return fielded(node, CALLS, MEMBERS)


def _drops_panic(node: Node) -> bool:
    """Whether a deferred function catches a panic and does nothing with it.

    To tell of it is enough where the function around gives nothing back; else its caller goes on with nothing.
    """
    if node.type != "defer_statement" or "recover()" not in text_of(node)[:LONGEST]:
        return False
    inner = [n for n in walk(node) if n.type in {"call_expression", "assignment_statement"}]
    called = [text_of(n.child_by_field_name("function")) for n in inner if n.type == "call_expression"]
    called = [name for name in called if name != "recover" and not name.startswith("func")]
    sets = any(
        text_of(n.child_by_field_name("left")) != "_" and text_of(n.child_by_field_name("right")) != "nil"
        for n in inner
        if n.type == "assignment_statement"
    )
    if sets or any(not TELLS.search(name) for name in called):
        return False
    around = node.parent
    while around is not None and around.type not in FUNCTIONS:
        around = around.parent
    return not called or (around is not None and around.child_by_field_name("result") is not None)


def of_file(path: str, nodes: Sequence[Node]) -> tuple[list[Mark], list[Directive], int]:
    """Build constraints keep tests from being built; a panic of the program may be caught and dropped."""
    if not path.endswith("_test.go"):
        told = "a panic is caught and dropped"
        return [Mark("swallowed-failure", "recover", line_of(n), told) for n in nodes if _drops_panic(n)], [], 0
    found: dict[str, Mark] = {}
    for node in nodes:
        match = BUILD.match(text_of(node)) if node.type == "comment" else None
        if match:
            told = match.group(1).strip()
            found[told] = Mark(
                "disabled-test", f"build {told}", line_of(node), f"built only with {told}", conditional=True
            )
    return list(found.values()), [], 0


VOCABULARY = Vocabulary(
    asserts=table(
        """
        eq 2: Equal Equalf EqualValues EqualValuesf Exactly JSONEq YAMLEq Same EqualError EqualExportedValues
        eq 2: DeepEquals CmpEquals DeepEqual
        ne 2: NotEqual NotEqualf NotEqualValues NotSame
        true 1: True Truef IsTrue
        false 1: False Falsef IsFalse
        none 1: Nil Nilf NoError NoErrorf IsNil
        not-none 1: NotNil NotNilf NotNilNow
        raises 1: Error Errorf Panics PanicsWithError PanicsWithValue
        raises 2: ErrorIs ErrorAs ErrorContains ErrorIsf ErrorContainsf ErrorMatches
        not-raises 1: NotPanics
        in 2: Contains Containsf Subset
        not-in 2: NotContains NotSubset
        same-items 2: ElementsMatch ElementsMatchf
        length 2: Len Lenf
        empty 1: Empty Emptyf Zero
        not-empty 1: NotEmpty NotEmptyf NotZero
        gt 2: Greater Greaterf
        gt 1: Positive
        ge 2: GreaterOrEqual
        lt 2: Less Lessf
        lt 1: Negative
        le 2: LessOrEqual
        approx 2: InDelta InDeltaf InEpsilon InDeltaSlice WithinDuration
        match 2: Regexp Matches
        not-match 2: NotRegexp
        instance 2: IsType Implements
        that 2: Assert Check
        call=eventually 9: Eventually Never EventuallyWithT Consistently
        call=called 9: AssertExpectations AssertCalled AssertNotCalled AssertNumberOfCalls
        fail 0: FailNow Failf FailNowf
        """
    ),
    owners=names("assert require s suite is must a r req ts st c qt as asserts check that ass S m mock mockObj"),
    dropped=names("t tb b s.T() suite.T() ts.T() T s.T c GinkgoT()"),
    subjects=names("Expect Ω Eventually Consistently ExpectWithOffset That"),
    verbs={
        "To": False,
        "Should": False,
        "ShouldNot": True,
        "NotTo": True,
        "ToNot": True,
    },
    fails=names("Error Errorf Fatal Fatalf Fail FailNow panic Panicf Fatalln Failf"),
    failers=names("t b tb f T c log s suite testing GinkgoT"),
    tests=names("It Specify Entry DescribeTableSubtree Run FIt PIt XIt FSpecify PSpecify XSpecify"),
    suites=names(
        "Describe Context When FDescribe PDescribe XDescribe FContext PContext XContext DescribeTable "
        "FDescribeTable PDescribeTable XDescribeTable Ordered"
    ),
    hooks=names("BeforeEach AfterEach JustBeforeEach BeforeSuite AfterSuite BeforeAll DeferCleanup"),
    off=names(
        "FIt PIt XIt FSpecify PSpecify XSpecify FDescribe PDescribe XDescribe FContext PContext XContext FWhen "
        "PWhen XWhen "
        "FEntry PEntry XEntry FDescribeTable PDescribeTable XDescribeTable"
    ),
    skips=names("Skip Skipf SkipNow SkipUnless"),
    modifiers=names("Pending Focus Skip"),
    named=re2.compile(r"^(?:Test|Benchmark|Fuzz|Example)(?:[^a-z]|$)"),
    hooked=names("SetupTest SetupSuite SetUpTest setUp setup TestMain"),
    output=re2.compile(r"^//\s*(?:Unordered )?[Oo]utput:"),
    rows=names("Entry f.Add"),
    listers=names("Values"),
    exits=names("os.Exit syscall.Exit runtime.Goexit"),
    retries=names("FlakeAttempts "),
    catchers=names("recover"),
    later=names("AfterFunc go Go"),
    fakers=names("Patch ApplyFunc ApplyMethod ApplyFuncReturn ApplyMethodReturn ApplyGlobalVar PatchInstanceMethod"),
)
GRAMMAR = Grammar(
    parser=parser,
    call=call,
    members=MEMBERS,
    strings=names("interpreted_string_literal raw_string_literal rune_literal"),
    numbers=names("int_literal float_literal imaginary_literal"),
    fixed=names("true false nil"),
    identifiers=names("identifier"),
    comments=names("comment"),
    functions=names("function_declaration method_declaration"),
    lambdas=names("func_literal"),
    classes=frozenset(),
    ifs=names("if_statement"),
    branches=names("expression_case default_case type_case communication_case"),
    loops=names("for_statement"),
    returns=names("return_statement"),
    jumps=names("continue_statement break_statement goto_statement"),
    lists=names("literal_value"),
    wrappers=names("parenthesized_expression literal_element"),
    assignments={
        "short_var_declaration": ("left", "right"),
        "assignment_statement": ("left", "right"),
        "var_spec": ("name", "value"),
        "const_spec": ("name", "value"),
    },
)
GO = TreeLanguage(
    NAME="go",
    PATTERNS=Patterns(
        test=r"^func\s+(?:\([^)]*\)\s*)?((?:Test|Benchmark|Fuzz|Example)\w*)",
        check=r"(?:^|[^\w.])(?:(?:assert|require|s|suite|is|must)\.\w+|t\.(?:Error|Fatal|Fail)\w*|Expect|panic)\s*\(",
        off=r"\bt\.Skip\w*|\b[PXF](?:It|Describe|Context|Entry)\s*\(",
        comments="slash",
    ),
    grammar=GRAMMAR,
    vocabulary=VOCABULARY,
    endings=(".go",),
    results=True,
    is_test_path=lambda path: path.endswith("_test.go") or "/testutil" in path or "/internal/test" in path,
    is_collected=lambda path: (
        path.endswith("_test.go") and not name_of(path).startswith(("_", ".")) and "/testdata/" not in path
    ),
    of_file=of_file,
)
