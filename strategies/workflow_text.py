"""Workflow files as texts: where their values stand, and how one of them is replaced, all else left as it is."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import re2
import yaml

from bot.errors import UsageError
from bot.yaml12 import compose

WORKFLOW = re2.compile(r"^\.github/workflows/[^/]+\.ya?ml$")


@dataclass(frozen=True)
class Value:
    """A scalar of a workflow file. `path` are the keys above it (`[]` in a list); `siblings` is the list it stands in.

    `item` tells the innermost item of a list around it (a step) from all others.
    """

    path: tuple[str, ...]
    node: yaml.ScalarNode
    item: int = 0
    siblings: Sequence[yaml.Node] = ()
    flow: bool = False

    @property
    def text(self) -> str:
        """What it says."""
        return str(self.node.value)

    @property
    def job(self) -> str:
        """The job it stands in, or the empty string."""
        return self.path[1] if self.path[:1] == ("jobs",) and len(self.path) > 1 else ""


@dataclass(frozen=True)
class Edit:
    """What comes in place of the characters from `start` to `end`."""

    start: int
    end: int
    text: str


def values(text: str, path: str) -> list[Value]:
    """The scalars of a workflow file that stand there as they are, each once; none where it is no YAML."""
    try:
        root = compose(text, path)
    except UsageError:
        return []
    found = {v.node.start_mark.index: v for v in _below(root, (), 0)} if root else {}
    return [found[at] for at in sorted(found) if _is_plain(found[at], text)]


def _is_plain(value: Value, text: str) -> bool:
    """Whether a value stands there as it is, without an anchor or escapes; blocks of text may."""
    node = value.node
    written = text[node.start_mark.index : node.end_mark.index].strip("'\"")
    return node.style in ("|", ">") or written == value.text


def _below(node: yaml.Node, path: tuple[str, ...], item: int) -> Iterator[Value]:
    if isinstance(node, yaml.ScalarNode):
        yield Value(path, node, item)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _below(value, (*path, str(key.value)), item)
    elif isinstance(node, yaml.SequenceNode):
        for one in node.value:
            if isinstance(one, yaml.ScalarNode):
                yield Value((*path, "[]"), one, one.start_mark.index, node.value, bool(node.flow_style))
            else:
                yield from _below(one, (*path, "[]"), one.start_mark.index)


def replaced(value: Value, new: str) -> Edit:
    """The edit that makes a value another one, in the quotes that it has."""
    quote = 1 if value.node.style in ("'", '"') else 0
    return Edit(value.node.start_mark.index + quote, value.node.end_mark.index - quote, new)


def removed(value: Value, text: str) -> Edit:
    """The edit that takes a value out of its list."""
    at = [n.start_mark.index for n in value.siblings].index(value.node.start_mark.index)
    start, end = value.node.start_mark.index, value.node.end_mark.index
    if not value.flow:
        start = text.rfind("\n", 0, start) + 1
        return Edit(start, (text.find("\n", end) + 1) or len(text), "")
    if at + 1 < len(value.siblings):
        return Edit(start, value.siblings[at + 1].start_mark.index, "")
    return Edit(value.siblings[at - 1].end_mark.index if at else start, end, "")


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits; of two that overlap, the first counts."""
    made, at = [], 0
    for edit in sorted(set(edits), key=lambda e: (e.start, e.end)):
        if edit.start >= at:
            made += [text[at : edit.start], edit.text]
            at = edit.end
    return "".join([*made, text[at:]])
