"""JavaScript and TypeScript for the guard: read with tree-sitter."""

from collections.abc import Iterator, Sequence
from itertools import islice

from tree_sitter import Node

from bot.repair.guard.directives import Anchor, from_comments, line_words, words_of
from bot.repair.guard.facts import Facts, Patterns, TooComplex
from bot.repair.guard.heed import heed_of
from bot.repair.guard.javascript import marks
from bot.repair.guard.javascript.tree import parse
from bot.repair.guard.javascript.units import units_of
from bot.repair.guard.javascript.values import Values, is_literal, normal
from bot.repair.guard.kinds import in_test_folder, is_script_setup, is_script_test
from bot.repair.guard.lexer import without_comments
from bot.repair.guard.specials import specials_of
from bot.repair.guard.trees import line_of, text_of, walk

NAME = "javascript"
MOST = 60_000  # nodes of one file that are read with care
ENDINGS = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")
PATTERNS = Patterns(
    test=r"""^\s*(?:x|f)?(?:it|test|specify)(?:\.\w+)*\s*[(`]\s*(?:['"`]([^'"`]*))?""",
    check=r"(?:^|[^\w.])(?:expect\w*\s*\(|assert(?:\.\w+)?\s*\(|t\.(?:is|deepEqual|equal|true|truthy|throws|same|ok)\w*\(|(?:assert|expect|verify|check)[A-Z]\w*\()|\.should\b|\.expect\(",
    off=r"\b(?:x(?:it|test|describe|context)|f(?:it|describe))\s*\(|\b(?:it|test|describe|context|suite|this|t)\.(?:skip|only|todo|failing|fails|fixme|skipIf|runIf)\b",
    comments="script",
)


def claims(path: str) -> bool:
    """Whether it is a JavaScript or TypeScript file."""
    return path.endswith(ENDINGS)


def is_test(path: str) -> bool:
    """Whether it is a test file, in a folder for tests, or loaded before them."""
    return is_script_test(path) or in_test_folder(path) or is_script_setup(path)


def collected(path: str) -> bool:
    """Whether a test runner looks for tests in it. Mocha takes every file of the folder `test`."""
    return is_script_test(path) or path.startswith(("test/", "tests/")) or "/test/" in path


def read(path: str, text: str) -> Facts:
    """Read one side of the file; see `Language.read`."""
    root = parse(path, text)
    nodes = list(islice(walk(root), MOST + 1))
    if len(nodes) > MOST:
        raise TooComplex(f"more than {MOST} nodes")
    told = [(line_of(n), text_of(n)) for n in nodes if n.type in {"comment", "html_comment"}]
    directives, closers = from_comments(told, text, _anchor(text, nodes))
    if not is_test(path):
        found = [m for n in nodes for m in (*marks.detection(n), *marks.escapes(n))]
        return Facts(
            marks=tuple(found),
            directives=directives,
            closers=closers,
            heed=heed_of(nodes),
            specials=tuple(specials_of(nodes)),
        )
    values = Values(nodes)
    units, of_suites = units_of(root, nodes, values, collected=collected(path))
    return Facts(
        units=tuple(units),
        marks=tuple(of_suites),
        directives=directives,
        closers=closers,
        constants=tuple(
            (name, normal(v[0])) for name, v in values.file.own.items() if len(v) == 1 and is_literal(v[0])
        ),
    )


def _anchor(text: str, nodes: Sequence[Node]) -> Anchor:
    """Words of the statement that a comment stands at, so that a comment is known again after a re-wrapping."""
    lines = text.split("\n")
    at: dict[int, tuple[int, int]] = {}
    bare: list[str] = []

    def words(line: int) -> frozenset[str]:
        if not bare:
            bare.extend(without_comments(text, "script").split("\n"))
            at.update(_statements(nodes))
        first, end = at.get(line) or at.get(line + 1) or (0, 0)
        return words_of("\n".join(bare[first:end])) if end else line_words(lines, line)

    return words


def _statements(nodes: Sequence[Node]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Map each line to the slice of lines of the innermost statement there, up to the block that it opens."""
    for node in nodes:
        if node.type.endswith(
            ("_statement", "_declaration", "_definition", "_declarator", "jsx_element", "_signature")
        ):
            first = line_of(node)
            block = next((n for n in node.named_children if n.type in {"statement_block", "class_body"}), None)
            end = max(first, line_of(block)) if block else node.end_point.row + 1
            yield from ((line, (first - 1, end)) for line in range(first, end + 1))
