"""Rust: the built-in tests, rstest, test-case, proptest, mockall, approx, claims, pretty_assertions."""

from collections.abc import Iterator, Sequence
from typing import Any

import re2
import tree_sitter_rust
from tree_sitter import Language, Node, Parser

from bot.repair.guard.facts import Mark, Patterns, TooComplex
from bot.repair.guard.syntax.calls import fielded
from bot.repair.guard.syntax.grammar import Annotation, Call, Grammar, Vocabulary, names, table
from bot.repair.guard.syntax.language import TreeLanguage
from bot.repair.guard.syntax.macros import tabled
from bot.repair.guard.trees import line_of, one_per_thread, text_of, walk

MEMBERS = {"field_expression": ("value", "field"), "scoped_identifier": ("path", "name")}
CALLS = names("call_expression")
ASSERTING = re2.compile(
    r"^(?:(?:debug_|prop_|more_|pretty_)?assert\w*|panic|unreachable|todo|unimplemented|vec|fail|bail|ensure|matches|claim\w*)$"
)
UNRUN = frozenset({"ignore", "no_run", "compile_fail"})
EXAMPLES = 300  # of one file, each of which is parsed
DOCUMENTED = 60  # lines between an example and what it documents; tree-sitter takes long to find a neighbour
LISTS = names("vec array")
PROPTEST = names("proptest quickcheck")
PARAMETERS = re2.compile(r"(fn\s+\w+\s*\()([^{}]*? in [^{}]*?)(\)\s*(?:->[^{]*)?\{)")


@one_per_thread
def parser() -> Parser:
    """The parser, made once."""
    return Parser(Language(tree_sitter_rust.language()))


def call(node: Node) -> Call | None:
    """A call, or a macro whose arguments stay unread."""
    if node.type == "macro_invocation":
        return Call(node, None, text_of(node.child_by_field_name("macro")))
    found = fielded(node, CALLS, MEMBERS)
    if found is not None and found.name == "new" and found.receiver is not None:
        return Call(node, None, text_of(found.receiver).rpartition("::")[2], found.arguments)
    return found


def rewrite(text: str, root: Node) -> str:
    """Make calls of the macros that assert, and tests of those that make tests, so that the parser reads them."""
    made = tabled(text, root) if "macro_rules!" in text else text
    if made != text:
        read = _asserting(made, parser().parse(made.encode("utf-8", "surrogatepass")).root_node)
        if not parser().parse(read.encode("utf-8", "surrogatepass")).root_node.has_error:
            return read
    return _asserting(text, root)


def _asserting(text: str, root: Node) -> str:
    """Make calls of the macros that assert; lines stay."""
    told = PARAMETERS.sub(_strategies, text) if "proptest" in text else text
    source = bytearray(told.encode("utf-8", "surrogatepass"))
    root = parser().parse(bytes(source)).root_node if told != text else root
    for _ in range(4):  # macros in macros
        before = bytes(source)
        _calls(source, root)
        if bytes(source) == before:
            break
        root = parser().parse(bytes(source)).root_node
    told = source.decode("utf-8", "surrogatepass")
    return told if not root.has_error else text


def _calls(source: bytearray, root: Node) -> None:
    for node in walk(root):
        macro = node.child_by_field_name("macro") if node.type == "macro_invocation" else None
        name = text_of(macro).rpartition("::")[2]
        if macro is None:
            continue
        mark = source.find(b"!", macro.end_byte)
        opening = source[mark + 1 : node.end_byte].lstrip()[:1]
        body = bytes(source[mark + 1 : node.end_byte])
        if name in LISTS and opening == b"[":
            source[macro.start_byte : mark + 1] = b" " * (mark + 1 - macro.start_byte)
        elif name in PROPTEST and opening == b"{" and b"fn " in body:
            source[macro.start_byte : mark + 1] = b"mod p".ljust(mark + 1 - macro.start_byte)
        elif ASSERTING.match(name) and opening == b"(" and (name != "matches" or not _pattern(body)):
            source[mark : mark + 1] = b" "


def _pattern(body: bytes) -> bool:
    """Whether the arguments hold a pattern that is no expression."""
    return any(sign in body for sign in (b" if ", b"..", b"|", b" @ ", b"{"))


def _strategies(match: Any) -> str:
    """`x in 0..10` is no parameter of a function; `x: [u; 0..10]` is one."""
    parts, depth = [""], 0
    for character in match.group(2):
        depth += (character in "([<") - (character in ")]>")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    told = [p.replace(" in ", ": [u; ", 1) + "]" if " in " in p else p for p in parts]
    return f"{match.group(1)}{','.join(told)}{match.group(3)}"


def annotations(node: Node) -> Iterator[Annotation]:
    """The attributes that stand before an item, and those inside of a file."""
    if node.type in {"inner_attribute_item", "attribute_item"}:
        yield from _attribute(node)
        return
    given = node.child_by_field_name("parameters") if node.type == "function_item" else None
    if given is not None:
        for one in walk(given):
            yield from _attribute(one) if one.type == "attribute_item" else ()
            tried = one.type == "array_type" and text_of(one.child_by_field_name("element")) == "u"
            if tried and one.parent is not None:
                yield Annotation("values", text_of(one.parent), line_of(one))
    before = node.prev_named_sibling
    while before is not None and (before.type == "attribute_item" or "comment" in before.type):
        if before.type == "attribute_item":
            yield from _attribute(before)
        before = before.prev_named_sibling


def _attribute(node: Node) -> Iterator[Annotation]:
    inner = next((c for c in node.named_children if c.type == "attribute"), None)
    if inner is None or not inner.named_child_count:
        return
    path, told = text_of(inner.named_children[0]), text_of(inner.child_by_field_name("arguments"))[1:-1]
    if not told and inner.child_by_field_name("value") is not None:
        told = text_of(inner.child_by_field_name("value"))
    name = path if path.startswith("rustfmt") else path.rpartition("::")[2]
    if path.startswith("case::"):
        name = "case"
    if name == "cfg" and "".join(told.split()) == "test":
        return
    yield Annotation(name, told, line_of(node))


def examples(nodes: Sequence[Node]) -> Iterator[tuple[str, str, tuple[Mark, ...]]]:
    """The code in documentation that rustdoc runs: (what it documents, a test with that code, its marks)."""
    docs = [n for n in nodes if n.type == "line_comment" and text_of(n).startswith(("///", "//!"))]
    tag, first, code = None, 0, list[str]()
    if sum(text_of(n)[3:].strip().startswith("```") for n in docs) > 2 * EXAMPLES:
        raise TooComplex(f"more than {EXAMPLES} examples")
    for node in docs:
        text = text_of(node)[3:].strip("\n")
        if not text.strip().startswith("```"):
            code += [text.strip().removeprefix("# ")] if tag is not None else []
            continue
        if tag is None:
            tag, first, code = text.strip().strip("`").strip(), line_of(node), []
            continue
        words = set(re2.split(r"[,\s]+", tag)) - {"", "rust", "edition2018", "edition2021", "edition2024", "standalone"}
        found = tuple(
            Mark("disabled-test", f"doc {w}", first, f"an example is only told, not run ({w})") for w in words & UNRUN
        )
        if words <= UNRUN | {"should_panic"}:
            yield _documented(node), "\n" * (first - 1) + "#[test] fn example() {\n" + "\n".join(code) + "\n}", found
        tag = None


def _documented(node: Node) -> str:
    """The name of the item that a comment stands before."""
    for _ in range(DOCUMENTED):
        following = node.next_named_sibling
        if following is None or not ("comment" in node.type or node.type == "attribute_item"):
            break
        node = following
    return f"doc {text_of(node.child_by_field_name('name')) or 'module'}"


VOCABULARY = Vocabulary(
    asserts=table(
        """
        eq 2: assert_eq debug_assert_eq prop_assert_eq assert_str_eq assert_matches_exact assert_json_eq
        ne 2: assert_ne debug_assert_ne prop_assert_ne
        truthy 1: assert debug_assert prop_assert
        approx 2: assert_relative_eq assert_abs_diff_eq assert_ulps_eq assert_approx_eq assert_float_eq assert_delta
        match 2: assert_matches assert_let
        not-raises 1: assert_ok assert_ready
        raises 1: assert_err
        eq 2: assert_ok_eq assert_some_eq
        not-none 1: assert_some
        none 1: assert_none
        lt 2: assert_lt
        le 2: assert_le
        gt 2: assert_gt
        ge 2: assert_ge
        in 2: assert_contains
        snapshot 9: assert_snapshot assert_debug_snapshot assert_yaml_snapshot assert_json_snapshot
        """
    ),
    subjects=names("assert_that expect_that"),
    fails=names("panic unreachable fail bail todo unimplemented"),
    marked=names("test rstest test_case proptest quickcheck wasm_bindgen_test case bench tokio_test apply"),
    switches=re2.compile(r"^(ignore|cfg|cfg_attr|should_panic_if|ignore_if|requires\w*|disabled|serial_only|skip)$"),
    hooked=names("fixture"),
    tables=names("case test_case values"),
    listers=names("vec array"),
    exits=names("std.process.exit process.exit exit"),
    swallowers=names("catch_unwind AssertUnwindSafe"),
    perhaps=names("and_then inspect map_or is_some_and is_ok_and map if_some map_err"),
    fakers=frozenset(),
)
GRAMMAR = Grammar(
    parser=parser,
    call=call,
    members=MEMBERS,
    strings=names("string_literal raw_string_literal char_literal"),
    numbers=names("integer_literal float_literal"),
    fixed=names("boolean_literal"),
    identifiers=names("identifier"),
    comments=names("line_comment block_comment"),
    functions=names("function_item"),
    lambdas=names("closure_expression async_block"),
    classes=names("mod_item impl_item"),
    ifs=names("if_expression"),
    branches=names("match_arm"),
    loops=names("for_expression while_expression"),
    returns=names("return_expression"),
    jumps=names("continue_expression break_expression"),
    lists=names("array_expression"),
    wrappers=names("parenthesized_expression reference_expression try_expression await_expression"),
    assignments={
        "let_declaration": ("pattern", "value"),
        "assignment_expression": ("left", "right"),
        "const_item": ("name", "value"),
        "static_item": ("name", "value"),
    },
    annotations=annotations,
    annotated=names("inner_attribute_item attribute_item"),
    rewrite=rewrite,
)
RUST = TreeLanguage(
    NAME="rust",
    PATTERNS=Patterns(
        test=r"^\s*#\[(?:\w+::)*(?:test|rstest|test_case)\b|^\s*(?:pub\s+)?(?:async\s+)?fn\s+(\w+)",
        check=r"\b(?:debug_|prop_)?assert\w*!|\b(?:panic|unreachable)!",
        off=r"#\[ignore|#\[cfg_attr|#\[should_panic",
        comments="slash",
    ),
    grammar=GRAMMAR,
    vocabulary=VOCABULARY,
    endings=(".rs",),
    results=True,
    is_test_path=lambda path: (
        path.startswith("tests/") or "/tests/" in path or path.endswith(("_test.rs", "/tests.rs", "_tests.rs"))
    ),
    is_collected=lambda _: True,
    examples=examples,
)
