"""The functions, classes and titled tests of a source file, with their lines."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import re2
from tree_sitter import Node, Parser

from bot.repair.guard.facts import TooComplex
from bot.repair.guard.javascript import ENDINGS as SCRIPTS
from bot.repair.guard.javascript import tree as javascript
from bot.repair.guard.languages import language_of
from bot.repair.guard.rules import listed
from bot.repair.guard.syntax.language import TreeLanguage
from bot.repair.guard.trees import field, line_of, parse, text_of

TEXTS = re.compile(
    r"""(?s)#[^\n]*"""
    r"""|\"{3}[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*\"{3}|'{3}[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'{3}"""
    r"""|"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'"""
)
DEFINITION = re.compile(r"(?m)^([ \t]*)(?:async[ \t]+)?(def|class)[ \t]+(\w+)")
LINE_END = re.compile(r"\n")
FUNCTIONS = javascript.FUNCTIONS
CLASSES = frozenset(
    listed(
        "class_declaration abstract_class_declaration interface_declaration enum_declaration type_alias_declaration "
        "class type_declaration struct_item enum_item trait_item impl_item mod_item macro_definition type_item "
        "union_specifier enum_specifier namespace_definition trait_declaration annotation_type_declaration "
        "type_definition internal_module preproc_function_def concept_definition"
    )
)
TITLED = frozenset({"call_expression", "call"})
TITLES = re2.compile(r"^(?:x|f)?(?:it|test|describe|context|suite|specify|feature|scenario|example|should|bench)\b")
STRINGS = frozenset({"string", "template_string", "string_literal", "encapsed_string"})
BY_LINE = re2.compile(
    r"^(?P<indent>\s*)(?:(?:export|default|pub(?:\([a-z]+\))?|public|private|protected|internal|static|final|abstract|override|"
    r"virtual|async|open|sealed|data|suspend|inline|local|partial|defp?|unsafe)\s+)*"
    r"(?P<word>def|class|func|function|fn|fun|struct|enum|interface|trait|impl|module|mod|object|record|namespace|sub|proc)\b"
    r"[\s*&]*(?P<name>[\w$.?!]+)"
)
METHOD = re2.compile(
    r"^(?P<indent>\s*)(?:(?:public|private|protected|internal|static|override|virtual|async|final)\s+)+"
    r"[\w<>\[\],.?]+\s+(?P<name>\w+)\s*\("
)
SHELL = re2.compile(r"^(?P<indent>\s*)(?P<name>[\w:-]+)\s*\(\)\s*\{?")
FIRST_IMPORT = re2.compile(
    r"^(?:import\b|from\s+\S+\s+import\b|#\s*include\b|using\s|use\s|require|package\s|extern\s+crate|(?:pub\s+)?mod\s+\w+;|namespace\s"
    r"|(?:const|let|var)\s.{0,200}\brequire\s*\(|load\s|source\s|\.\s+\S|@import)"
)
HEADER = 120  # lines in which imports stand
GAP = 25  # lines of one import at most


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a file that has a name: lines `first` to `last`. `kind` is function, class or title (of a test)."""

    name: str
    first: int
    last: int
    kind: str

    @property
    def size(self) -> int:
        """How many lines it has."""
        return self.last - self.first + 1


def outline(path: str, text: str) -> tuple[Block, ...]:
    """The blocks of a file, outer ones before what they hold; told by the layout where no parser understands it."""
    if not text:
        return ()
    found = _python(text) if path.endswith((".py", ".pyi")) else _parsed(path, text)
    return tuple(sorted(found or _by_layout(text), key=lambda b: (b.first, -b.last)))


def enclosing(blocks: Sequence[Block], line: int) -> Block | None:
    """The innermost function or titled test around a line, else the innermost class."""
    around = [b for b in blocks if b.first <= line <= b.last]
    return min(around, key=lambda b: (b.kind == "class", b.size), default=None)


def imports_of(lines: Sequence[str], blocks: Sequence[Block]) -> tuple[int, int] | None:
    """The first and last line of the imports at the top of a file."""
    end = min((b.first for b in blocks if b.size > 1), default=HEADER + 1)
    found = [n for n, line in enumerate(lines[:HEADER], 1) if n < end and FIRST_IMPORT.match(line[:300])]
    if not found:
        return None
    last = found[-1]
    opened = _opened(lines[last - 1])
    while opened > 0 and last < min(len(lines), found[-1] + GAP):
        last += 1
        opened += _opened(lines[last - 1])
    return found[0], last


def _opened(line: str) -> int:
    """How many brackets a line opens and does not close."""
    return line.count("(") + line.count("{") - line.count(")") - line.count("}")


def without_texts(text: str) -> str:
    """Python code without comments, and with closing brackets, which end no block, in the place of its strings."""
    return TEXTS.sub(_placeholder, text)


def _placeholder(match: re.Match[str]) -> str:
    text = match.group()
    return "" if text[0] == "#" else ")" + "\n)" * text.count("\n")


def _python(text: str) -> list[Block]:
    """By indentation, which is all that the outline of Python takes: parsing is ten times as slow."""
    code = without_texts(text)
    starts = [0, *(m.end() for m in LINE_END.finditer(code))]
    lines = code.split("\n")
    found = []
    for match in DEFINITION.finditer(code):
        first = bisect_right(starts, match.start())
        end = _outside(len(match.group(1).expandtabs())).search(code, match.end())
        last = bisect_right(starts, end.start()) - 1 if end else len(lines)
        while last > first and not lines[last - 1].strip():
            last -= 1
        kind = "class" if match.group(2) == "class" else "function"
        while first > 1 and lines[first - 2].startswith(f"{match.group(1)}@"):
            first -= 1
        found.append(Block(match.group(3), first, last, kind))
    return found


@cache
def _outside(indent: int) -> re.Pattern[str]:
    """What ends a block: a line that is indented no further and does not only close a bracket."""
    return re.compile(rf"(?m)^[ \t]{{0,{min(indent, 200)}}}[^\s)\]}}]")


def _parsed(path: str, text: str) -> list[Block]:
    parser, functions, classes, title = _grammar(path)
    if parser is None:
        return []
    try:
        root = parse(parser, text)
    except TooComplex:
        return []
    return list(_blocks(root, functions, classes | CLASSES, title))


def _grammar(path: str) -> tuple[Parser | None, frozenset[str], frozenset[str], Callable[[Node], str]]:
    language = language_of(path)
    if isinstance(language, TreeLanguage):
        grammar = language.grammar
        return grammar.parser(), grammar.functions, grammar.classes, grammar.title
    if path.endswith(SCRIPTS):
        return javascript.parser_of(path.rpartition(".")[2].lower()), FUNCTIONS, frozenset(), _name
    return None, frozenset(), frozenset(), _name


def _blocks(
    root: Node, functions: frozenset[str], classes: frozenset[str], title: Callable[[Node], str]
) -> Iterator[Block]:
    stack = [root]
    while stack:
        node = stack.pop()
        kind = "function" if node.type in functions else "class" if node.type in classes else ""
        if node.type in TITLED and (name := _title(node)):
            yield Block(name, line_of(node), node.end_point.row + 1, "title")
        elif kind and (name := title(node) or _name(node)):
            yield Block(name, line_of(_whole(node)), node.end_point.row + 1, kind)
        stack += [
            c
            for c in reversed(node.named_children)
            if c.start_point.row < c.end_point.row or c.type in functions or c.type in classes
        ]


def _name(node: Node) -> str:
    """What a node is called: by itself, by the variable or key that holds it, or by what it specifies."""
    named = field(node, "name", "type")
    if (
        named is None
        and node.parent is not None
        and node.parent.type in {"variable_declarator", "pair", "assignment_expression"}
    ):
        named = field(node.parent, "name", "key", "left")
    if named is None:
        named = next((field(c, "name") for c in node.named_children if field(c, "name")), None)
    return (
        text_of(named).rpartition(".")[2][:200]
        if named is not None and named.end_point.row == named.start_point.row
        else ""
    )


def _whole(node: Node) -> Node:
    """The statement that a function is the value of, with what stands before it: `export`, decorators, attributes."""
    while (above := node.parent) is not None and above.type in {
        "variable_declarator",
        "lexical_declaration",
        "variable_declaration",
        "export_statement",
        "decorated_definition",
        "template_declaration",
    }:
        node = above
    while (before := node.prev_named_sibling) is not None and before.type in {"attribute_item", "decorator"}:
        node = before
    return node


def _title(node: Node) -> str:
    """The title of a test that is defined by a call: `it("adds", ...)`."""
    called = field(node, "function", "method")
    if called is None or not TITLES.match(text_of(called)[:40]):
        return ""
    arguments = field(node, "arguments")
    first = arguments.named_children[0] if arguments is not None and arguments.named_child_count else None
    return text_of(first)[1:-1] if first is not None and first.type in STRINGS else ""


def _by_layout(text: str) -> list[Block]:
    """Blocks by their indentation: each ends before a line that is indented no further, or with one that closes it."""
    lines = text.split("\n")
    found: list[Block] = []
    open_: list[tuple[int, int, str, str]] = []  # indent, first line, name, kind
    last = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        closing = line.lstrip()[:1] in "})" or line.strip() in {"end", "fi", "done"}
        while open_ and indent <= open_[-1][0] and not line.lstrip().startswith("{"):
            at, first, name, kind = open_.pop()
            found.append(Block(name, first, number if closing and indent == at else last, kind))
        told = line[:400]
        match = BY_LINE.match(told) or METHOD.match(told) or SHELL.match(told)
        if match:
            word = match.groupdict().get("word") or "function"
            kind = "function" if word in {"def", "func", "function", "fn", "fun", "sub", "proc"} else "class"
            open_.append((indent, number, match.group("name"), kind))
        last = number
    found += [Block(name, first, last, kind) for _, first, name, kind in open_]
    return found
