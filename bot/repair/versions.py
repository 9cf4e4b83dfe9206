"""Changes of workflow files that change versions and nothing else: all that people allow by `fix.workflow_files`."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import re2
import yaml

from bot.errors import UsageError
from bot.repair.guard.change import Change
from bot.yaml12 import compose

USES = re2.compile(r"^([\w.-]+/[\w./-]+)@v?\d+(?:\.\d+)*$")
IMAGE = re2.compile(r"^(ubuntu|macos|windows)-\d+(?:\.\d+)*(?:-[a-z]+)*$")
VERSION = re2.compile(r"^(v?)\d+(?:\.\d+)*$")
NUMBER = re2.compile(r"\d+")
MATRIX = ("strategy", "matrix")
OF_MATRIX = re2.compile(r"-version['\"]?\s*:\s*['\"]?\$\{\{\s*matrix(?:\.|\[\s*')([\w-]+)")

Pair = tuple[tuple[str, ...], yaml.ScalarNode, yaml.ScalarNode]


def more_than_versions(change: Change) -> str:
    """What a changed workflow file changes besides versions: of actions, images of runners, what `*-version` names.

    Empty where it is only those: a newer version of the same action, of an image of the same system, or of a language,
    and no list gets one that it has already.
    """
    if change.old is None or change.new is None:
        return "a workflow is added or deleted"
    try:
        old, new = compose(change.old_text, "before"), compose(change.new_text, "after")
        pairs = list(_pairs(old, new, ())) if old and new else []
    except (UsageError, _OtherShapeError):
        return "more than versions is changed"
    text, made, at = change.old_text, [], 0
    keys = frozenset(OF_MATRIX.findall(text))
    for path, before, after in sorted(pairs, key=lambda p: p[1].start_mark.index):
        if before.value == after.value or before.start_mark.index < at:
            continue
        if not _is_newer(path, str(before.value), str(after.value), keys):
            return f"{'.'.join(path)} is no newer version of the same thing: {after.value}"
        written = change.new_text[after.start_mark.index : after.end_mark.index]
        if written.strip("'\"") != after.value:
            return f"{'.'.join(path)} is more than a plain value"
        made += [text[at : before.start_mark.index], written]
        at = before.end_mark.index
    same = "".join([*made, text[at:]]) == change.new_text
    return "" if same else "more than versions is changed"


class _OtherShapeError(Exception):
    """Both sides have different keys or lists."""


def _pairs(old: yaml.Node, new: yaml.Node, path: tuple[str, ...]) -> Iterator[Pair]:
    if isinstance(old, yaml.ScalarNode) and isinstance(new, yaml.ScalarNode):
        yield path, old, new
    elif isinstance(old, yaml.SequenceNode) and isinstance(new, yaml.SequenceNode) and _repeats(new) > _repeats(old):
        raise _OtherShapeError
    elif isinstance(old, yaml.CollectionNode) and type(old) is type(new) and len(old.value) == len(new.value):
        for one, other in zip(old.value, new.value, strict=True):
            if isinstance(one, tuple):
                yield from _keyed(one, other, path)
            else:
                yield from _pairs(one, other, path)
    else:
        raise _OtherShapeError


def _keyed(
    one: tuple[yaml.Node, yaml.Node], other: tuple[yaml.Node, yaml.Node], path: tuple[str, ...]
) -> Iterator[Pair]:
    if one[0].value != other[0].value:
        raise _OtherShapeError
    yield from _pairs(one[1], other[1], (*path, str(one[0].value)))


def _repeats(node: yaml.Node) -> int:
    """How many items of a list stand in it before; of a version its first two numbers count."""
    items = [_plain(n) for n in node.value]
    return len(items) - len(set(items))


def _plain(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        text = str(node.value)
        return ".".join(map(str, _numbers(text)[:2])) if VERSION.search(text) else text
    if isinstance(node, yaml.MappingNode):
        return str(sorted((_plain(key), _plain(value)) for key, value in node.value))
    return str([_plain(item) for item in node.value])


def _is_newer(path: tuple[str, ...], old: str, new: str, keys: AbstractSet[str]) -> bool:
    """Whether it is; `keys` are those of matrices that some `*-version` is taken from."""
    last = path[-1] if path else ""
    of_matrix = path[2:4] == MATRIX and "exclude" not in path[4:5]
    kinds = [(USES, last == "uses"), (IMAGE, "runs-on" in path[2:4] or of_matrix)]
    kinds.append((VERSION, (last.endswith("-version") and path[2:4] != MATRIX) or (of_matrix and last in keys)))
    for kind in (k for k, fits in kinds if fits):
        before, after = kind.search(old), kind.search(new)
        if before and after and before[1] == after[1]:
            return _numbers(new[after.end(1) :]) > _numbers(old[before.end(1) :])
    return False


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, NUMBER.findall(text)))
