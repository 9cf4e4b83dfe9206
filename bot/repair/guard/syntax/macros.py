"""Macros of Rust that make tests: written as one test that runs over what the macro is called with. Lines stay."""

from collections.abc import Iterator

import re2
from tree_sitter import Node

from bot.repair.guard.trees import text_of, walk

TEST = re2.compile(r"#\[\s*(?:\w+::)*(?:test|rstest)\b[^\]\n]*\]")
MOST = 300  # cases of one macro
MOST_GROWTH, FREE = 3, 50_000  # how many times its length, and characters, a text may grow by


def tabled(text: str, root: Node) -> str:
    """The text of a file with each macro that makes tests, and has one rule, as a module with a test.

    The test has an attribute `case` for all that one call of the macro, or one repetition in it, tells.
    """
    nodes = list(walk(root))
    calls: dict[str, list[Node]] = {}
    for node in (n for n in nodes if n.type == "macro_invocation"):
        calls.setdefault(text_of(node.child_by_field_name("macro")), []).append(node.named_children[-1])
    source = text.encode("utf-8", "surrogatepass")
    for node in reversed([n for n in nodes if n.type == "macro_definition"]):
        rules = [c for c in node.named_children if c.type == "macro_rule"]
        name = text_of(node.child_by_field_name("name"))
        made = _test(name, node, rules[0], calls[name]) if len(rules) == 1 and name in calls else ""
        if len(source) + len(made) > MOST_GROWTH * len(text) + FREE:
            break
        if made:
            source = source[: node.start_byte] + made.encode("utf-8", "surrogatepass") + source[node.end_byte :]
    return source.decode("utf-8", "surrogatepass")


def _test(name: str, node: Node, rule: Node, given: list[Node]) -> str:
    pattern, body = rule.named_children[0], rule.named_children[-1]
    if not TEST.search(text_of(body)):
        return ""
    repeats = any(n.type == "token_repetition_pattern" for n in walk(pattern))
    cases = [row for one in given for row in (_parts(one) if repeats else [text_of(one)[1:-1]])][:MOST]
    told = " ".join(f"#[case({' '.join(row.split())})]" for row in cases)
    code = _bare(body)
    if len(told) * len(TEST.findall(code)) > FREE:
        return ""
    lines = text_of(node)[: body.start_byte - node.start_byte].count("\n")
    left = text_of(node).count("\n") - lines - code.count("\n")
    read: str = TEST.sub(lambda m: f"{told} {m.group()}", code)
    return f"mod {name} {{" + "\n" * lines + read + "\n" * left + "}"


def _bare(body: Node) -> str:
    """What a rule makes, without its brackets, the signs of repetition and those of its variables."""
    source = bytearray(body.text or b"")
    for node in walk(body):
        if node.type == "token_repetition":
            start, end = node.start_byte - body.start_byte, node.end_byte - body.start_byte
            close = source.rfind(b")", start, end)
            source[start : start + 2] = b"  "
            source[close:end] = b" " * (end - close)
        elif node.type == "metavariable":
            source[node.start_byte - body.start_byte : node.start_byte - body.start_byte + 1] = b" "
    return bytes(source[1:-1]).decode("utf-8", "surrogatepass")


def _parts(tree: Node) -> Iterator[str]:
    """What stands between the commas or semicolons of a call."""
    start = tree.start_byte + 1
    source = tree.text or b""
    for child in tree.children[1:]:
        last = child.end_byte == tree.end_byte
        if last or text_of(child) in {",", ";"}:
            told = source[start - tree.start_byte : child.start_byte - tree.start_byte].decode("utf-8", "replace")
            start = child.end_byte
            if told.strip():
                yield told
