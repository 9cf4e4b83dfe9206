"""A language of the guard that is read by the one reader for all of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import re2
from tree_sitter import Node

from bot.repair.guard.directives import Anchor, from_comments, line_words, words_of
from bot.repair.guard.facts import Directive, Facts, Heed, Mark, Patterns, TooComplex, Unit, Unparsable
from bot.repair.guard.heed import heed_of
from bot.repair.guard.lexer import code_only, without_comments
from bot.repair.guard.specials import specials_of
from bot.repair.guard.syntax import marks
from bot.repair.guard.syntax.grammar import Grammar, Vocabulary
from bot.repair.guard.syntax.reader import Reader
from bot.repair.guard.syntax.values import Values, is_literal, normal
from bot.repair.guard.trees import first_error, line_of, parse, text_of, walk

MOST = 45_000  # nodes of one file that are read with care
CONDITION = re2.compile(r"^\s*#\s*(if|ifdef|ifndef|elif|elifdef|elifndef|else|endif)\b")
BRACKETS = {")": "(", "]": "[", "}": "{"}


def nothing(_text: str, _nodes: Sequence[Node]) -> tuple[list[Mark], list[Directive], int]:
    """For languages without marks of whole files, directives of their own, and closers of them."""
    return [], [], 0


def no_examples(_: Sequence[Node]) -> Iterator[tuple[str, str, tuple[Mark, ...]]]:
    """For languages whose documentation is not run."""
    return iter(())


@dataclass(frozen=True, kw_only=True)
class TreeLanguage:
    """One language; the fields in capitals and the methods are those of `facts.Language`."""

    NAME: str
    PATTERNS: Patterns
    grammar: Grammar
    vocabulary: Vocabulary
    endings: tuple[str, ...]
    is_test_path: Callable[[str], bool]
    is_collected: Callable[[str], bool]
    examples: Callable[[Sequence[Node]], Iterator[tuple[str, str, tuple[Mark, ...]]]] = no_examples
    results: bool = False
    """Failures are given back, not thrown."""
    of_file: Callable[[str, Sequence[Node]], tuple[list[Mark], list[Directive], int]] = nothing

    def claims(self, path: str) -> bool:
        """Whether the file is in this language."""
        return path.lower().endswith(self.endings)

    def is_test(self, path: str) -> bool:
        """Whether the file holds tests or what tests use."""
        return self.is_test_path(path)

    def collected(self, path: str) -> bool:
        """Whether the runner looks for tests in it."""
        return self.is_collected(path)

    def read(self, path: str, text: str) -> Facts:
        """Read one side of the file; see `Language.read`."""
        root = self._parsed(path, text)
        nodes = list(islice(walk(root), MOST + 1))
        if len(nodes) > MOST:
            raise TooComplex(f"more than {MOST} nodes")
        grammar, test = self.grammar, self.is_test_path(path)
        told = [(line_of(n), text_of(n)) for n in nodes if n.type in grammar.comments]
        directives, closers = from_comments(told, text, _anchor(text, nodes, self.PATTERNS.comments))
        values = Values(nodes, grammar)
        units = Reader(grammar, self.vocabulary, values, collected=self.is_collected(path), test=test).read(root)
        units += self._examples(nodes)
        found, more, restored = self.of_file(path, nodes)
        return Facts(
            units=tuple(units),
            marks=(*found, *marks.detection(text, self.PATTERNS.comments)),
            directives=(*directives, *self._suppressions(nodes), *more),
            closers=(*closers, *((n, c) for n, c in (("#pragma", restored), ("deny", self._denied(nodes))) if c)),
            constants=tuple(
                (name, normal(v[0], grammar))
                for name, v in (values.file.own.items() if test else ())
                if len(v) == 1 and is_literal(v[0], grammar)
            ),
            heed=Heed() if test else heed_of(nodes, results=self.results),
            specials=() if test else tuple(specials_of(nodes)),
        )

    def _examples(self, nodes: Sequence[Node]) -> Iterator[Unit]:
        """The examples in the documentation, each a test of its own."""
        for name, code, found in self.examples(nodes):
            root = parse(self.grammar.parser(), code)
            if self.grammar.rewrite is not None:
                root = parse(self.grammar.parser(), self.grammar.rewrite(code, root))
            values = Values(walk(root), self.grammar)
            for unit in Reader(self.grammar, self.vocabulary, values, collected=True, test=False).read(root):
                yield replace(unit, name=f"{name} > {unit.name}", marks=(*unit.marks, *found))

    def tree(self, text: str) -> Node:
        """The syntax tree, which may hold errors, with macros made into what the grammar knows. Raises `TooComplex`."""
        root = parse(self.grammar.parser(), text)
        if self.grammar.rewrite is not None:
            told = self.grammar.rewrite(text, root)
            again = parse((self.grammar.rewritten or self.grammar.parser)(), told) if told != text else root
            root = again if not again.has_error or root.has_error or not self.grammar.tolerant else root
        return root

    def _parsed(self, path: str, text: str) -> Node:
        root = self.tree(text)
        wrong = first_error(root)
        if wrong is not None and not (self.grammar.tolerant and self._closes(path, text)):
            raise Unparsable("syntax error", line_of(wrong))
        return root

    def _closes(self, path: str, text: str) -> bool:
        """Whether its brackets do. In tests other branches could hide which of them are run."""
        texts = [text] if self.is_test_path(path) else [text, first_branches(text)]
        return any(balanced(code, self.PATTERNS.comments) for code in texts)

    def _denied(self, nodes: Sequence[Node]) -> int:
        """How many lints attributes make errors (Rust's `deny` and `forbid`)."""
        if "inner_attribute_item" not in self.grammar.annotated:
            return 0
        told = (a for n in nodes if n.type in self.grammar.annotated for a in self.grammar.annotations(n))
        return sum(a.text.count(",") + 1 for a in told if a.name in {"deny", "forbid"})

    def _suppressions(self, nodes: Sequence[Node]) -> Iterator[Directive]:
        seen: set[tuple[str, int]] = set()
        for node in (n for n in nodes if n.type in self.grammar.annotated):
            around = ""
            for told in self.grammar.annotations(node):
                if told.name in marks.SUPPRESSIONS or told.name == "cfg_attr":
                    around = around or _around(node)
                found = marks.suppression(told, around)
                if found is not None and (found.text, found.line) not in seen:
                    seen.add((found.text, found.line))
                    yield found


def _around(node: Node) -> str:
    """The beginning of what an annotation stands at."""
    if node.type == "attribute_item":
        following = node.next_named_sibling
        while following is not None and following.type == "attribute_item":
            following = following.next_named_sibling
        node = following or node
    elif node.type == "modifiers" and node.parent is not None:
        node = node.parent
    return text_of(node)[:600]


def balanced(text: str, family: str) -> bool:
    """Whether the brackets of a text close each other, whatever stands between them."""
    stack: list[str] = []
    for character in code_only(text, family):
        if character in "([{":
            stack.append(character)
        elif character in BRACKETS and (not stack or stack.pop() != BRACKETS[character]):
            return False
    return not stack


def first_branches(text: str) -> str:
    """C without the other branches of its conditions, between which brackets may be opened twice and closed once."""
    kept, others = [], [0]  # for each condition that is open: whether it is in another branch
    for line in text.split("\n"):
        word = found[1] if (found := CONDITION.search(line)) else ""
        if word.startswith("if"):
            others.append(others[-1])
        elif word == "endif":
            others = others[:-1] or [0]
        elif word:
            others[-1] = 1
        kept.append("" if word or others[-1] else line)
    return "\n".join(kept)


def _anchor(text: str, nodes: Sequence[Node], family: str) -> Anchor:
    """Words of the statement that a comment stands at, so that a comment is known again after a re-wrapping."""
    lines = text.split("\n")
    at: dict[int, tuple[int, int]] = {}
    bare: list[str] = []

    def words(line: int) -> frozenset[str]:
        if not bare:
            bare.extend(without_comments(text, family).split("\n"))
            at.update(_statements(nodes))
        first, end = at.get(line) or at.get(line + 1) or (0, 0)
        return words_of("\n".join(bare[first:end])) if end else line_words(lines, line)

    return words


def _statements(nodes: Sequence[Node]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Map each line to the slice of lines of the innermost statement there, up to the block that it opens."""
    for node in nodes:
        if node.type.endswith(
            ("_statement", "_declaration", "_definition", "_item", "_signature", "call", "assignment")
        ):
            first = line_of(node)
            block = next(
                (n for n in node.named_children if n.type in {"block", "compound_statement", "class_body"}), None
            )
            end = max(first, line_of(block)) if block else node.end_point.row + 1
            if end - first < 40:
                yield from ((line, (first - 1, end)) for line in range(first, end + 1))
