"""Kotlin: what Java has, kotlin.test, Kotest, MockK, Spek."""

from collections.abc import Iterator

import re2
import tree_sitter_kotlin
from tree_sitter import Language, Node, Parser

from bot.repair.guard.facts import Patterns
from bot.repair.guard.syntax import jvm
from bot.repair.guard.syntax.calls import arguments
from bot.repair.guard.syntax.grammar import Annotation, Call, Grammar, names
from bot.repair.guard.syntax.language import TreeLanguage
from bot.repair.guard.trees import line_of, one_per_thread, text_of

MEMBERS = {"navigation_expression": ("", "")}
ABSTRACT = re2.compile(r"(\bfun [^{}=\n]*\)(?:[ \t]*:[ \t]*[\w<>?.]+)?)[ \t](\})")
GENERIC = re2.compile(r"\b((?:assert|should|expect|verify)\w*<[\w.<>?, *]+>)([ \t]*\{)")
NEVER_NAMED = frozenset({"annotation", "file_annotation"})


@one_per_thread
def parser() -> Parser:
    """The parser, made once."""
    return Parser(Language(tree_sitter_kotlin.language()))


def rewrite(text: str, _: Node) -> str:
    """What the grammar reads wrongly, in other words.

    `assertThrows<X> {` is read as comparisons, and a function without a body is taken to go on at the bracket behind
    it.
    """
    text = ABSTRACT.sub(r"\1;\2", text)
    return str(GENERIC.sub(r"\1()\2", text)) if "<" in text else text


def call(node: Node) -> Call | None:
    """A call with the lambda behind it; `a shouldBe b` is one, and `"name" { }` defines a test."""
    if node.type == "infix_expression" and node.named_child_count == 3:
        left, name, right = node.named_children
        return Call(node, left, text_of(name), (right,))
    if node.type != "call_expression" or not node.named_child_count:
        return None
    function = node.named_children[0]
    block = _child(node, "annotated_lambda")
    given = _child(node, "value_arguments")
    types = _child(node, "type_arguments")
    if function.type == "call_expression" and given is None:
        inner = call(function)
        return Call(node, inner.receiver, inner.name, inner.arguments, _lambda(block)) if inner is not None else None
    told = (*(types.named_children if types is not None else ()), *arguments(given))
    if function.type == "navigation_expression" and function.named_child_count:
        member, receiver = text_of(function.named_children[-1]), function.named_children[0]
        if member == "config" and receiver.type == "string_literal":
            return Call(
                node, None, "it", (receiver, *(given.named_children if given is not None else ())), _lambda(block)
            )
        if member == "config" and given is not None:
            return Call(node, receiver, member, tuple(given.named_children), _lambda(block))
        return Call(node, receiver, member, told, _lambda(block))
    if function.type == "string_literal":
        return Call(node, None, "it", (function,), _lambda(block))
    return Call(node, None, text_of(function) if function.type == "identifier" else "", told, _lambda(block))


def _child(node: Node, kind: str) -> Node | None:
    return next((c for c in node.named_children if c.type == kind), None)


def _lambda(node: Node | None) -> Node | None:
    return next((c for c in node.named_children if c.type == "lambda_literal"), None) if node is not None else None


def annotations(node: Node) -> Iterator[Annotation]:
    """The annotations of a class, function, property, or of the file."""
    groups = [c for c in node.named_children if c.type == "modifiers"]
    if node.type in {"annotated_expression", "modifiers"}:
        groups = [node]
    if node.type == "file_annotation":
        groups = [node.parent] if node.parent is not None else []
    for one in (c for group in groups for c in group.named_children if c.type in NEVER_NAMED):
        inner = _child(one, "constructor_invocation")
        given = _child(inner, "value_arguments") if inner is not None else None
        name = text_of(_child(inner or one, "user_type")).rpartition(".")[2]
        yield Annotation(name, text_of(given)[1:-1], line_of(one), arguments(given))


KOTLIN = TreeLanguage(
    NAME="kotlin",
    PATTERNS=Patterns(
        test=r"^\s*@(?:Parameterized|Repeated)?Test\b|^\s*(?:x?test|x?it|should|describe|context)\s*\(|\bfun\s+(test\w+)\s*\(",
        check=r"(?:^|[^\w.])(?:\w+\.)?(?:assert\w*|verify\w*|fail|expect\w*|should\w*)\s*[({<]|\bshould\w*\s",
        off=r"@(?:Disabled|Ignore|EnabledIf)|\bassum\w+\s*\(|enabled\s*=\s*false|\bx(?:test|it|describe|context)\b",
        comments="slash",
    ),
    grammar=Grammar(
        parser=parser,
        call=call,
        members=MEMBERS,
        strings=names("string_literal multiline_string_literal character_literal"),
        numbers=names("number_literal float_literal"),
        fixed=names("boolean_literal null_literal"),
        identifiers=names("identifier"),
        comments=names("line_comment block_comment"),
        functions=names("function_declaration"),
        lambdas=names("lambda_literal anonymous_function"),
        classes=names("class_declaration object_declaration companion_object"),
        ifs=names("if_expression while_statement"),
        branches=names("when_entry"),
        loops=names("for_statement"),
        tries=names("try_expression"),
        handlers=names("catch_block"),
        returns=names("return_expression"),
        jumps=names("continue_expression break_expression"),
        throws=names("throw_expression"),
        lists=names("collection_literal"),
        assignments={"property_declaration": ("", ""), "assignment": ("left", "right")},
        annotations=annotations,
        annotated=names("modifiers annotated_expression file_annotation"),
        tolerant=True,
        rewrite=rewrite,
    ),
    vocabulary=jvm.VOCABULARY,
    endings=(".kt", ".kts"),
    is_test_path=jvm.is_test_path,
    is_collected=jvm.collected,
)
