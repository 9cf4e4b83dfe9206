"""PHP: PHPUnit, Pest, Mockery, Prophecy."""

from collections.abc import Iterator, Sequence

import re2
import tree_sitter_php
from tree_sitter import Language, Node, Parser

from bot.repair.guard.facts import Directive, Mark, Patterns
from bot.repair.guard.kinds import in_test_folder, name_of
from bot.repair.guard.syntax.calls import arguments, fielded
from bot.repair.guard.syntax.grammar import Annotation, Call, Grammar, Vocabulary, names, table
from bot.repair.guard.syntax.language import TreeLanguage
from bot.repair.guard.syntax.values import normal
from bot.repair.guard.trees import line_of, one_per_thread, text_of, walk

MEMBERS = {
    "member_access_expression": ("object", "name"),
    "nullsafe_member_access_expression": ("object", "name"),
    "scoped_property_access_expression": ("scope", "name"),
    "class_constant_access_expression": ("", ""),
}
CALLS = names("function_call_expression member_call_expression scoped_call_expression nullsafe_member_call_expression")
TAG = re2.compile(r"(?m)^[\s/*]*@(\w+)[ \t]*([^\n*]*)")


@one_per_thread
def parser() -> Parser:
    """The parser, made once."""
    return Parser(Language(tree_sitter_php.language_php()))


def rewrite(text: str, _: Node) -> str:
    """A piece of code without its opening tag is code all the same."""
    return text if "<?" in text else f"<?php {text}"


def call(node: Node) -> Call | None:
    """A call or the making of an object."""
    if node.type == "object_creation_expression":
        told = [c for c in node.named_children if c.type in {"name", "qualified_name", "variable_name"}]
        given = next((c for c in node.named_children if c.type == "arguments"), None)
        return Call(node, None, text_of(told[0]).rpartition("\\")[2] if told else "", arguments(given))
    return fielded(node, CALLS, MEMBERS)


def annotations(node: Node) -> Iterator[Annotation]:
    """The attributes of a class or method, and the tags in the docblock before it."""
    if not node.type.endswith(("_declaration", "function_definition")):
        return
    group = node.child_by_field_name("attributes")
    for one in (n for n in (walk(group) if group is not None else ()) if n.type == "attribute"):
        given = one.child_by_field_name("parameters")
        name = text_of(next(iter(one.named_children), None)).rpartition("\\")[2]
        yield Annotation(
            {"DataProvider": "dataProvider", "TestWith": "testWith"}.get(name, name),
            text_of(given)[1:-1],
            line_of(one),
            arguments(given),
        )
    before = node.prev_named_sibling
    if before is not None and before.type == "comment" and text_of(before).startswith("/**"):
        text = text_of(before)
        for match in TAG.finditer(text):
            line = line_of(before) + text.count("\n", 0, match.start(1))
            yield Annotation(match.group(1), match.group(2).strip(), line)


def of_file(_: str, nodes: Sequence[Node]) -> tuple[list[Mark], list[Directive], int]:
    """The operator that hides errors."""
    hidden = [n for n in nodes if n.type == "error_suppression_expression"]
    return [Mark("suppression", normal(n, GRAMMAR), line_of(n), "@ hides errors") for n in hidden], [], 0


def is_test_path(path: str) -> bool:
    """Whether the name or folder says test."""
    return in_test_folder(path) or name_of(path).rpartition(".")[0].endswith(("Test", "_test"))


def is_collected(path: str) -> bool:
    """Whether PHPUnit or Pest look for tests in it."""
    return name_of(path).endswith(("Test.php", "_test.php", "Cest.php", ".phpt"))


VOCABULARY = Vocabulary(
    asserts=table(
        """
        eq 2: assertEquals assertEqualsCanonicalizing assertEqualsIgnoringCase assertJsonStringEqualsJsonString
        eq 2: assertXmlStringEqualsXmlString
        eq 2: assertStringEqualsFile assertArrayIsEqualToArrayIgnoringKeys assertFileEquals assertObjectEquals
        is 2: assertSame
        ne 2: assertNotEquals assertNotSame
        true 1: assertTrue
        false 1: assertFalse
        truthy 1: assert
        none 1: assertNull
        not-none 1: assertNotNull
        empty 1: assertEmpty
        not-empty 1: assertNotEmpty
        in 2: assertContains assertStringContainsString assertArrayHasKey assertContainsEquals
        in 2: assertStringContainsStringIgnoringCase
        not-in 2: assertNotContains assertStringNotContainsString assertArrayNotHasKey
        length 2: assertCount assertSameSize
        match 2: assertMatchesRegularExpression assertStringStartsWith assertStringEndsWith assertStringMatchesFormat
        match 2: assertRegExp
        gt 2: assertGreaterThan
        ge 2: assertGreaterThanOrEqual
        lt 2: assertLessThan
        le 2: assertLessThanOrEqual
        approx 2: assertEqualsWithDelta
        instance 2: assertInstanceOf assertIsArray assertIsString assertIsInt assertIsObject assertIsBool assertIsFloat
        raises 1: expectException expectExceptionObject expectExceptionMessage expectExceptionMessageMatches
        raises 1: expectExceptionCode
        that 2: assertThat
        fail 0: fail
        """
    ),
    subjects=names("expect"),
    verbs={},
    fails=names("fail"),
    tests=names("it test todo arch scenario"),
    suites=names("describe"),
    hooks=names("beforeEach afterEach beforeAll"),
    off=frozenset(),
    skips=names("markTestSkipped markTestIncomplete markTestRisky expectNotToPerformAssertions"),
    modifiers=names("skip todo only skipOnWindows skipOnLinux skipOnMac skipOnCi skipOnCI skipLocally skipOnPhp"),
    marked=names("Test test testWith"),
    named=re2.compile(r"^test"),
    switches=re2.compile(r"^(Requires\w*|requires|Skip\w*|Ignore\w*)$"),
    hooked=names("setUp setUpBeforeClass"),
    tables=names("with testWith dataset dataProvider"),
    rows=names("addDataSet"),
    listers=frozenset(),
    exits=names("exit die"),
    retries=names("retry"),
    swallowers=names("rescue"),
    throwing=names("throws"),
    fakers=names("method shouldReceive allows"),
)
GRAMMAR = Grammar(
    parser=parser,
    call=call,
    members=MEMBERS,
    strings=names("string encapsed_string heredoc nowdoc"),
    numbers=names("integer float"),
    fixed=names("boolean null"),
    identifiers=names("variable_name name"),
    comments=names("comment"),
    functions=names("method_declaration function_definition"),
    lambdas=names("anonymous_function arrow_function anonymous_function_creation_expression"),
    classes=names("class_declaration trait_declaration"),
    ifs=names("if_statement conditional_expression else_if_clause while_statement"),
    branches=names("case_statement default_statement match_conditional_expression"),
    loops=names("foreach_statement for_statement"),
    tries=names("try_statement"),
    handlers=names("catch_clause"),
    returns=names("return_statement"),
    jumps=names("continue_statement break_statement"),
    throws=names("throw_expression throw_statement"),
    unaries=names("unary_op_expression"),
    lists=names("array_creation_expression"),
    assignments={"assignment_expression": ("left", "right"), "const_element": ("", "")},
    respelled={"array": "", "and": "&&", "or": "||", "static": "self", "<>": "!="},
    annotations=annotations,
    rewrite=rewrite,
)
PHP = TreeLanguage(
    NAME="php",
    PATTERNS=Patterns(
        test=r"""\bfunction\s+(test\w*)\s*\(|^\s*(?:it|test)\s*\(\s*['"]|@test\b|#\[Test\]""",
        check=r"(?:->|::|[^\w.])(?:assert\w*|expect\w*|fail|verify\w*|should\w*)\s*\(",
        off=r"\bmarkTest(?:Skipped|Incomplete)|->(?:skip|todo|only)\s*\(",
        comments="slash",
    ),
    grammar=GRAMMAR,
    vocabulary=VOCABULARY,
    endings=(".php",),
    is_test_path=is_test_path,
    is_collected=is_collected,
    of_file=of_file,
)
