"""Configuration files of every common form as flat lists of settings, with caps instead of trust.

Keys are joined by dots, members of lists share the key of their list, tables in a list are told apart by what names
them (`module`, `id`). Values are text. Nothing is evaluated: YAML through its events (no tags, no aliases followed),
INI by lines (the standard library's reader takes quadratic time on long blanks), numbers stay text.
"""

import json
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.parsers import expat

import re2
import yaml

from bot.repair.guard.facts import TooComplex, Unparsable

LARGEST = 300_000  # characters
DEEPEST = 60  # levels of nesting
MOST = 30_000  # settings
NAMING = ("id", "module", "job_name", "name")
BRACKETS = re2.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|(?s:/\*.*?\*/)|[\[\]{},]')


@dataclass(frozen=True, slots=True)
class Setting:
    """One value: its key (dots between the levels), the text of the value, and the line it stands on (0 unknown)."""

    key: str
    value: str
    line: int = 0


Tree = dict[str, "Tree"] | list["Tree"] | str | int | float | bool | None


def toml(text: str) -> list[Setting]:
    """Read TOML. All readers raise `Unparsable` and `TooComplex`."""
    _check_size(text)
    if any(line.partition("=")[0].count(".") > 5 * DEEPEST for line in text.split("\n")):
        raise TooComplex("too deeply nested")  # tomllib takes quadratic time for the dots of a key
    try:
        return _flat(tomllib.loads(text, parse_float=str))
    except tomllib.TOMLDecodeError as e:
        raise Unparsable(str(e), getattr(e, "lineno", 1)) from e
    except RecursionError as e:
        raise TooComplex("too deeply nested") from e
    except ValueError as e:  # a number of thousands of digits
        raise TooComplex(str(e)) from e


def jsonc(text: str) -> list[Setting]:
    """Read JSON with comments and trailing commas."""
    _check_size(text)
    try:
        return _flat(json.loads(_plain_json(text) or "null", parse_int=str, parse_float=str, parse_constant=str))
    except json.JSONDecodeError as e:
        raise Unparsable(e.msg, e.lineno) from e
    except RecursionError as e:
        raise TooComplex("too deeply nested") from e


def _plain_json(text: str) -> str:
    """Blank out comments and trailing commas; count the nesting on the way."""
    out, at, depth = [], 0, 0
    comma = -1
    for count, match in enumerate(BRACKETS.finditer(text)):
        if count > MOST:
            raise TooComplex("too many values")
        piece = match.group(0)
        out.append(text[at : match.start()])
        if comma >= 0 and out[-1].strip():
            comma = -1
        if piece.startswith(("//", "/*")):
            piece = "\n" * piece.count("\n")
        elif piece in {"]", "}"} and comma >= 0:
            out[comma] = ""
        depth += (piece in {"[", "{"}) - (piece in {"]", "}"})
        if depth > DEEPEST:
            raise TooComplex("too deeply nested")
        comma = len(out) if piece == "," else comma if not piece.strip() else -1
        out.append(piece)
        at = match.end()
    return "".join([*out, text[at:]]).strip()


def yaml_tree(text: str) -> list[Setting]:
    """Read YAML, the first document only; an alias is the text `*name`."""
    _check_size(text)
    try:
        return list(_yaml_settings(text))
    except yaml.MarkedYAMLError as e:
        raise Unparsable(e.problem or "not YAML", e.problem_mark.line + 1 if e.problem_mark else 1) from e
    except yaml.YAMLError as e:
        raise Unparsable("not YAML") from e


@dataclass(slots=True)
class _Level:
    """One open collection of YAML; `key` is the pending key of a mapping, `label` what names a list member."""

    mapping: bool
    path: str
    first: int
    key: str | None = None
    label: str = ""


def _yaml_settings(text: str) -> Iterator[Setting]:
    """Settings in order; members of a list are renamed once the mapping that names them is complete."""
    stack: list[_Level] = []
    found: list[Setting] = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader if not yaml.__with_libyaml__ else yaml.CSafeLoader):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            stack.append(_Level(isinstance(event, yaml.MappingStartEvent), _path(stack), len(found)))
            if len(stack) > DEEPEST or len(found) > MOST:
                raise TooComplex("too deeply nested or too many values")
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            level = stack.pop()
            if len(found) == level.first:
                found.append(Setting(level.path, "{}" if level.mapping else "[]", _line(event)))
            elif level.label and level.path.endswith("[]"):
                base = level.path[:-2]
                renamed = [
                    Setting(f"{base}[{level.label}]{s.key[len(level.path) :]}", s.value, s.line)
                    for s in found[level.first :]
                ]
                found[level.first :] = renamed
            _close(stack)
        elif isinstance(event, (yaml.ScalarEvent, yaml.AliasEvent)):
            value = f"*{event.anchor}" if isinstance(event, yaml.AliasEvent) else event.value
            _scalar(stack, found, value, _line(event))
        elif isinstance(event, yaml.DocumentEndEvent):
            break
    yield from (Setting(s.key.replace("[]", ""), s.value, s.line) for s in found)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _path(stack: list[_Level]) -> str:
    if not stack:
        return ""
    top = stack[-1]
    if not top.mapping:
        return f"{top.path}[]"
    return f"{top.path}.{top.key}" if top.path else str(top.key or "?")


def _close(stack: list[_Level]) -> None:
    """A collection ended: it was a value, or (rarely) a key."""
    if stack and stack[-1].mapping:
        stack[-1].key = None if stack[-1].key is not None else "?"


def _scalar(stack: list[_Level], found: list[Setting], value: str, line: int) -> None:
    top = stack[-1] if stack else None
    if top and top.mapping and top.key is None:
        top.key = value
        return
    if top and top.mapping and top.key in NAMING and not top.label:
        top.label = value
    found.append(Setting(_path(stack), value, line))
    if top and top.mapping:
        top.key = None


def ini(text: str) -> list[Setting]:
    """Read INI like configparser: sections, `key = value` or `key: value`, indented lines go on, # and ; comment."""
    _check_size(text)
    found: list[Setting] = []
    section, key = "", ""
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        if not bare or bare.startswith(("#", ";")):
            continue
        if bare.startswith("[") and "]" in bare and not (line[0].isspace() and key):
            section, key = bare[1 : bare.rindex("]")].strip(), ""
        elif line[0].isspace() and key:
            found.append(Setting(f"{section}.{key}", _uncommented(bare), number))
        else:
            at = min((i for i in (bare.find("="), bare.find(":")) if i >= 0), default=len(bare))
            key = bare[:at].strip().lower()
            found.append(Setting(f"{section}.{key}", _uncommented(bare[at + 1 :].strip()), number))
    return found


def _uncommented(value: str) -> str:
    for marker in (" #", "\t#", " ;"):
        value = value.partition(marker)[0]
    return value.strip()


def xml(text: str) -> list[Setting]:
    """Read XML: attributes and texts, by the elements that they stand in, without the outermost one."""
    _check_size(text)
    found: list[Setting] = []
    path: list[str] = []
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        path.append(name)
        if len(path) > DEEPEST or len(found) > MOST:
            raise TooComplex("too deeply nested or too many values")
        line = parser.CurrentLineNumber
        found.extend(Setting(".".join((*path[1:], key)), value, line) for key, value in attributes.items())

    def told(data: str) -> None:
        if data.strip():
            found.append(Setting(".".join(path[1:]), data.strip(), parser.CurrentLineNumber))

    def declared(*_: object) -> None:
        raise TooComplex("declares a type of documents")  # with it come entities, which may grow without end

    parser.StartElementHandler, parser.CharacterDataHandler = start, told
    parser.EndElementHandler = lambda _: path.pop()
    parser.StartDoctypeDeclHandler = declared
    try:
        parser.Parse(text, True)
    except expat.ExpatError as e:
        raise Unparsable(expat.ErrorString(e.code), e.lineno) from e
    return found


def lines(text: str) -> list[Setting]:
    """Read an ignore list: one pattern a line, # comments."""
    _check_size(text)
    rows = enumerate(text.split("\n"), 1)
    return [Setting("", row.strip(), n) for n, row in rows if row.strip() and not row.lstrip().startswith("#")]


def first_that_reads(*readers: Callable[[str], list[Setting]]) -> Callable[[str], list[Setting]]:
    """A reader for files that may be in one of several forms (`.prettierrc` is JSON or YAML)."""

    def read(text: str) -> list[Setting]:
        for reader in readers[:-1]:
            try:
                return reader(text)
            except Unparsable:
                continue
        return readers[-1](text)

    return read


def _check_size(text: str) -> None:
    if len(text) > LARGEST:
        raise TooComplex(f"more than {LARGEST} characters")


def _flat(tree: Tree) -> list[Setting]:
    """Flatten without recursion."""
    found: list[Setting] = []
    stack: list[tuple[str, Tree, int]] = [("", tree, 0)]
    while stack:
        key, node, depth = stack.pop()
        if depth > DEEPEST or len(found) > MOST:
            raise TooComplex("too deeply nested or too many values")
        if isinstance(node, dict) and node:
            stack += [(f"{key}.{name}" if key else name, value, depth + 1) for name, value in reversed(node.items())]
        elif isinstance(node, list) and node:
            stack += [(f"{key}{_label(one)}", one, depth + 1) for one in reversed(node)]
        else:
            found.append(Setting(key, _scalar_text(node)))
    return found


def _label(node: Tree) -> str:
    """How a table in a list is told apart."""
    if not isinstance(node, dict):
        return ""
    named = next((node[n] for n in NAMING if n in node), None)
    if isinstance(named, list):
        named = ",".join(str(x) for x in named)
    return f"[{named}]" if named is not None and not isinstance(named, dict) else ""


def _scalar_text(node: object) -> str:
    if isinstance(node, bool):
        return "true" if node else "false"
    if node is None:
        return "null"
    return "{}" if isinstance(node, dict) else "[]" if isinstance(node, list) else str(node)
