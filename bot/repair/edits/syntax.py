"""Whether a file that is written anew still parses. Broken before: it may stay so, but not get worse."""

import json
import tomllib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import re2
import yaml
from tree_sitter import Node

from bot.errors import UsageError
from bot.repair.guard import javascript
from bot.repair.guard.facts import TooComplex
from bot.repair.guard.javascript.tree import parser_of, tree_of
from bot.repair.guard.kinds import C_FAMILY
from bot.repair.guard.languages import language_of
from bot.repair.guard.python import BRACES, LARGEST, LONGEST
from bot.repair.guard.python.newer import as_older
from bot.repair.guard.syntax.language import TreeLanguage, balanced, first_branches
from bot.repair.guard.trees import field, line_of, parse, text_of, walk
from bot.yaml12 import MAX_DEPTH, MERGE, compose, mappings

TOLD = 40  # characters of the text at an error
WITH_COMMENTS = re2.compile(
    r"(?:^|/)(?:[tj]sconfig[\w.-]*|\.?eslintrc|\.babelrc|biome|tslint|typedoc|nx|turbo|angular|deno|api-extractor|cspell|\.markdownlint"
    r"|devcontainer|\.devcontainer)\.json$|(?:^|/)\.(?:vscode|devcontainer)/[^/]+\.json$|\.code-workspace$|\.jsonc$"
)
"""Files of JSON in which their programs let comments stand."""
TEMPLATE = re2.compile(rb"(?m)^\s*(?:- )?(?:\{\{|\{%|[\w./-]+:[ \t]+\{\{(?:-|[ \t]*(?:[.$(]|[a-zA-Z]+[ \t]+[\"'.$(])))")
"""Lines of Go's and Jinja's templates, which make YAML and are none."""
OF_C = (*C_FAMILY, ".cppm", ".ixx")
MISREAD = re2.compile(
    r"\bva_arg\s*\(|^\s*[A-Z][A-Z0-9_]+\s*\(.*\)\s*$|\b(?:class|struct|enum)\s+[A-Z][A-Z0-9_]+(?:\(.*\))?\s+\w"
    r"|^\s*(?:export\s+)?(?:module|import)\b|^\s*(?:(?:static|extern|inline)\s+)*(?:[A-Z][A-Z0-9_]{2,}|__\w+)\s+\w"
)
"""Lines of C and C++ that compilers can read, and the grammars cannot: the replay tells."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A syntax error: its line (from 1) and what it is."""

    line: int
    what: str


Faults = tuple[Fault, ...]
Check = Callable[[bytes], Faults]
"""All errors of a file, or the first one where the parser does not go on behind it."""


def new_fault(path: str, old: bytes | None, new: bytes) -> Fault | None:
    """The first syntax error of `new`, if `old` has none (or there was no file), or fewer.

    None where all is in order, and where the language is not known or the file too large to be parsed.
    """
    for check in _checks(path):
        try:
            after = () if TEMPLATE.search(new) and check in YAML else check(new)
            before = check(old) if old and after else ()
        except TooComplex:
            continue
        if len(after) > len(before) or (after and _is_earlier(before[0], after[0], old or b"", new)):
            known = {fault.what for fault in before}
            return next((fault for fault in after if fault.what not in known), after[0])
    return None


def _is_earlier(before: Fault, after: Fault, old: bytes, new: bytes) -> bool:
    """Whether the first error stands before the one that was there, in lines that were changed."""
    heads = [side.split(b"\n")[: after.line] for side in (old, new)]
    return after.line < before.line and heads[0] != heads[1]


def _checks(path: str) -> list[Check]:
    name = path.lower()
    if name.endswith((".yml", ".yaml")):
        return [*YAML]
    if WITH_COMMENTS.search(name):
        return [_json_with_comments]
    if name.endswith(".toml"):
        return [_toml]
    if name.endswith((".json", ".ipynb", ".webmanifest")):
        return [_json, _json_with_comments]
    if name.endswith((".py", ".pyi", ".pyw")):
        return [_python]
    if javascript.claims(path):
        return [lambda content: _of_tree(tree_of(path, _text(content)))]
    language = language_of(path)
    if not isinstance(language, TreeLanguage):
        return []
    if name.endswith(OF_C):
        return [lambda content: _of_c(language, _text(content))]
    return [lambda content: _of_language(language, _text(content))]


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace").removeprefix("\ufeff")


def _python(content: bytes) -> Faults:
    if len(content) > LARGEST or content.count(b"{") > BRACES or max(map(len, content.split(b"\n"))) > LONGEST:
        raise TooComplex("too large, or a line is too long")
    faults = _compiled(content)
    if faults and (older := as_older(text := _text(content))) != text:
        return _compiled(older.encode("utf-8", "surrogatepass"))
    return faults


def _compiled(content: bytes) -> Faults:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in foreign code are not ours to report
        try:
            compile(content, "file", "exec", dont_inherit=True)
        except SyntaxError as e:
            if "too many" in str(e.msg):
                raise TooComplex("too deeply nested") from e
            return (Fault(e.lineno or 1, str(e.msg)),)
        except ValueError as e:  # a NUL byte, or a number of thousands of digits
            return (Fault(1, str(e)),)
        except (RecursionError, MemoryError) as e:  # how CPython's parser says that it is too deep
            raise TooComplex("too deeply nested") from e
    return ()


def _yaml(content: bytes) -> Faults:
    depth = 0
    try:
        for event in yaml.parse(_text(content), Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise TooComplex("too deeply nested")
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        return (Fault(mark.line + 1 if mark else 1, str(e.problem or e.context)),)
    except yaml.YAMLError as e:
        return (Fault(1, str(e).partition("\n")[0]),)
    return ()


def _yaml_keys(content: bytes) -> Faults:
    """What is no syntax, but refused all the same: a key that stands twice. Files of several documents are let pass."""
    try:
        root = compose(_text(content), "")
    except UsageError as e:
        place, _, what = e.message.partition(": ")
        line = place.split(":")[1] if ":" in place else "1"
        several = "another document" in what
        return () if several else (Fault(int(line), what.removeprefix("not valid YAML: ")),)
    faults = []
    for node in mappings(root):
        keys: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
                if key.value in keys:
                    faults.append(Fault(key.start_mark.line + 1, f"the key '{key.value}' stands twice"))
                keys.add(key.value)
    return tuple(sorted(faults, key=lambda fault: fault.line))


YAML = (_yaml, _yaml_keys)


def _toml(content: bytes) -> Faults:
    try:
        tomllib.loads(_text(content))
    except tomllib.TOMLDecodeError as e:
        what, _, place = str(e).partition(" (at line ")
        line = place.partition(",")[0]
        return (Fault(int(line) if line.isdigit() else len(content.split(b"\n")), what),)
    except RecursionError as e:
        raise TooComplex("too deeply nested") from e
    return ()


def _json(content: bytes) -> Faults:
    try:
        json.loads(_text(content))
    except json.JSONDecodeError as e:
        return (Fault(e.lineno, e.msg),)
    except (RecursionError, ValueError) as e:  # too deep, or a number of thousands of digits
        raise TooComplex("not readable here") from e
    return ()


def _json_with_comments(content: bytes) -> Faults:
    """As many settings have it: JSON with comments and commas behind the last item is what JavaScript knows, too."""
    return _of_tree(parse(parser_of("js"), f"({_text(content)}\n)"))


def _of_language(language: TreeLanguage, text: str) -> Faults:
    faults = _of_tree(language.tree(text))
    return faults[:1] if language.grammar.tolerant and balanced(text, language.PATTERNS.comments) else faults


def _of_c(language: TreeLanguage, text: str) -> Faults:
    """The errors, without what only the grammar takes for one."""
    faults = _of_language(language, text)
    if faults and (one := first_branches(text)) != text:
        faults = min(_of_language(language, one), faults, key=len)
    lines = ["", *text.split("\n")]
    return tuple(fault for fault in faults if not MISREAD.search(lines[fault.line]))


def _of_tree(root: Node) -> Faults:
    """The innermost nodes that do not parse, and tags of JSX that another one closes."""
    stack, faults = [root], []
    while stack:
        node = stack.pop()
        inner = [c for c in node.children if c.has_error or c.is_missing]
        stack += reversed(inner)
        if not inner and (node.is_error or node.is_missing):
            near = " ".join(text_of(node).split())[:TOLD]
            what = f"{node.type} is missing" if node.is_missing else f"not understood: {near}"
            faults.append(Fault(line_of(node), what))
    return tuple(faults) or tuple(_crossed_tags(root))


def _crossed_tags(root: Node) -> Iterator[Fault]:
    for node in walk(root):
        opening, closing = (field(node, name) for name in ("open_tag", "close_tag"))
        if opening and closing:
            names = [text_of(field(tag, "name")) for tag in (opening, closing)]
            if names[0] != names[1]:
                yield Fault(line_of(closing), f"<{names[0]}> is closed by </{names[1]}>")
