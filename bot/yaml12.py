"""YAML as GitHub reads it: the 1.2 core schema (`on` is a string), no duplicate keys, bounded, with line numbers.

PyYAML's own loaders read YAML 1.1 (`on` and `yes` are true, `010` is 8) and its C loader crashes the process at a
nesting depth of 100,000, so depth and size are checked on the token stream first.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from bot.errors import UsageError

MERGE = "tag:yaml.org,2002:merge"
MAX_BYTES = 1_000_000
MAX_DEPTH = 100
MAX_NODES = 200_000  # with every alias written out: aliases of aliases grow exponentially


class Loader(yaml.CSafeLoader):
    """PyYAML's safe loader with the 1.2 core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as the base has it

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that stands twice, as GitHub does."""
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(None, None, "expected a mapping", node.start_mark)
        seen = set()
        for key, _ in node.value:
            if key.tag == MERGE:
                continue
            word = key.value if isinstance(key, yaml.ScalarNode) else str(key.start_mark)
            if word in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key '{word}' stands twice", key.start_mark)
            seen.add(word)
        return super().construct_mapping(node, deep=deep)


# https://yaml.org/spec/1.2.2/#103-core-schema
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    (
        "float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+0123456789.",
    ),
    ("merge", r"^(?:<<)$", "<"),
):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def _construct_int(loader: Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)


def load(text: str | bytes, source: str) -> Any:
    """Read one YAML document.

    `source` names the file in errors. Raises `UsageError` with file and line for anything that is not one bounded,
    well-formed document.
    """
    node, loader = _compose(text, source)
    try:
        return loader.construct_document(node) if node else None
    except yaml.MarkedYAMLError as e:
        raise _failure(e, source) from e
    except ValueError as e:
        raise UsageError(f"{source}: not valid YAML: {e}") from e


def compose(text: str | bytes, source: str) -> yaml.Node | None:
    """Read one YAML document as nodes, which know their lines; None for an empty one. Raises like `load`."""
    return _compose(text, source)[0]


def merge_key(text: str | bytes, source: str) -> int:
    """The line (from 1) of the first merge key (`<<`), which GitHub does not know; 0 where there is none."""
    keys = (key for node in mappings(compose(text, source)) for key, _ in node.value)
    return next((int(key.start_mark.line) + 1 for key in keys if key.tag == MERGE), 0)


def mappings(root: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """The mappings below and with a node, each once, however many aliases it has."""
    todo, seen = [root], set()
    while todo:
        node = todo.pop()
        if not isinstance(node, yaml.CollectionNode) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield node
        for child in node.value:
            todo += child if isinstance(child, tuple) else [child]


def _compose(text: str | bytes, source: str) -> tuple[yaml.Node | None, Loader]:
    if len(text) > MAX_BYTES:
        raise UsageError(f"{source}: larger than {MAX_BYTES:,} bytes, which no workflow or configuration is")
    try:
        _check_depth(text, source)
        loader = Loader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as e:
        raise _failure(e, source) from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise UsageError(f"{source}: not valid YAML: {str(e).splitlines()[0]}") from e
    if node and _written_out(node, {}) > MAX_NODES:
        raise UsageError(f"{source}: more than {MAX_NODES:,} values once its aliases are written out")
    return node, loader


def _failure(error: yaml.MarkedYAMLError, source: str) -> UsageError:
    mark = error.problem_mark or error.context_mark
    where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
    return UsageError(f"{source}{where}: not valid YAML: {error.problem or error.context or error}")


def _check_depth(text: str | bytes, source: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else 0
            raise UsageError(f"{source}:{line}: nested deeper than {MAX_DEPTH} levels")


def _written_out(node: yaml.Node, known: dict[int, int]) -> int:
    if id(node) not in known:
        known[id(node)] = MAX_NODES + 1  # an alias inside its own anchor never ends
        below = node.value if isinstance(node, yaml.CollectionNode) else []
        children = [x for pair in below for x in (pair if isinstance(pair, tuple) else (pair,))]
        known[id(node)] = 1 + sum(_written_out(child, known) for child in children)
    return known[id(node)]
