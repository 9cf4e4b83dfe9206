"""Java."""

from collections.abc import Iterator

import tree_sitter_java
from tree_sitter import Language, Node, Parser

from bot.repair.guard.facts import Patterns
from bot.repair.guard.syntax import jvm
from bot.repair.guard.syntax.calls import fielded
from bot.repair.guard.syntax.grammar import Annotation, Call, Grammar, names
from bot.repair.guard.syntax.language import TreeLanguage
from bot.repair.guard.trees import line_of, one_per_thread, text_of

MEMBERS = {"field_access": ("object", "field")}
CALLS = names("method_invocation object_creation_expression")
NOISE = frozenset({"comment", "line_comment", "block_comment"})


@one_per_thread
def parser() -> Parser:
    """The parser, made once."""
    return Parser(Language(tree_sitter_java.language()))


def call(node: Node) -> Call | None:
    """A call or the making of an object."""
    return fielded(node, CALLS, MEMBERS)


def annotations(node: Node) -> Iterator[Annotation]:
    """The annotations of a class, method, field, parameter or variable."""
    for group in [node] if node.type == "modifiers" else [c for c in node.named_children if c.type == "modifiers"]:
        for one in group.named_children:
            if one.type in {"annotation", "marker_annotation"}:
                given = one.child_by_field_name("arguments")
                pairs = [c for c in (given.named_children if given else ()) if c.type not in NOISE]
                values = [c.child_by_field_name("value") or c for c in pairs]
                name = text_of(one.child_by_field_name("name")).rpartition(".")[2]
                yield Annotation(name, text_of(given)[1:-1], line_of(one), tuple(values))


JAVA = TreeLanguage(
    NAME="java",
    PATTERNS=Patterns(
        test=r"^\s*@(?:Parameterized|Repeated)?Test\b|\bvoid\s+(test\w+)\s*\(",
        check=r"(?:^|[^\w.])(?:\w+\.)?(?:assert\w*|verify\w*|fail|expect\w*)\s*\(|^\s*assert\s",
        off=r"@(?:Disabled|Ignore|EnabledIf|EnabledOn|DisabledOn)|\bassum\w+\s*\(|enabled\s*=\s*false",
        comments="slash",
    ),
    grammar=Grammar(
        parser=parser,
        call=call,
        members=MEMBERS,
        strings=names("string_literal character_literal"),
        numbers=names(
            "decimal_integer_literal decimal_floating_point_literal hex_integer_literal octal_integer_literal "
            "binary_integer_literal"
        ),
        fixed=names("true false null_literal"),
        identifiers=names("identifier"),
        comments=names("line_comment block_comment"),
        functions=names("method_declaration constructor_declaration"),
        lambdas=names("lambda_expression"),
        classes=names("class_declaration interface_declaration record_declaration enum_declaration"),
        ifs=names("if_statement ternary_expression while_statement"),
        branches=names("switch_rule switch_block_statement_group"),
        loops=names("enhanced_for_statement for_statement"),
        tries=names("try_statement try_with_resources_statement"),
        handlers=names("catch_clause"),
        returns=names("return_statement"),
        jumps=names("continue_statement break_statement"),
        throws=names("throw_statement"),
        lists=names("array_initializer element_value_array_initializer"),
        assignments={"variable_declarator": ("name", "value"), "assignment_expression": ("left", "right")},
        annotations=annotations,
        annotated=names("modifiers"),
    ),
    vocabulary=jvm.VOCABULARY,
    endings=(".java",),
    is_test_path=jvm.is_test_path,
    is_collected=jvm.collected,
)
