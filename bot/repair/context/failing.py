"""From the ids of failing tests, as runners print them, to files of the tree and the names of functions in them."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import re2

from bot.repair.context.resolve import DOTTED, dotted, resolve
from bot.repair.context.scene import is_test
from bot.repair.context.tree import Tree
from bot.repair.difference import TESTS

MOST = 6  # failing tests that are looked for
SUFFIX = re2.compile(r"\s*(?:\[[^\]]*\]|\{[^}]*\}|#\d+|\(\d+\)|\([A-Z][\w, .<>\[\]?]*\)|\(\))+\s*$")
OWNER = re2.compile(r"^(\S+?)(?:\([^)]*\))?\s*\(([\w.$]+)\)")
PARTS = re2.compile(r"\s+[>\x{203a}\x{276f}]\s+|::| # |(?:^|\s)\[[^\]]*\]\s+")
NAME = re.compile(r"[A-Za-z_$][\w$]*")
ENDED = re2.compile(r"\.[A-Za-z]\w{0,5}$")
KINDS = (  # what the names of tests look like, and where to look for them
    (re.compile(r"^Test[A-Z_0-9]\w*$"), ("*_test.go",), "func {}("),
    (re.compile(r"^[a-z_]\w*$"), ("*.rs",), "fn {}("),
)


@dataclass(frozen=True, slots=True)
class Test:
    """A failing test: the files that may hold it, the likeliest first, and the names that it may have in them."""

    __test__ = False  # not a test class, whatever its name looks like to pytest

    paths: tuple[str, ...]
    names: tuple[str, ...]


def failing(tree: Tree, ids: Sequence[str], known: Collection[str], near: Sequence[str] = ()) -> tuple[Test, ...]:
    """The failing tests that can be found. `known` are files that the log names; those are looked into first."""
    found = (_found(tree, _plain(one), known, near) for one in dict.fromkeys(ids[: MOST * 4]))
    return tuple({t: None for t in found if t is not None})[:MOST]


def _plain(test: str) -> str:
    """The id without parameters, numbers of repetition, and what else does not stand in the source."""
    match = OWNER.match(test)
    if match:  # unittest, JUnit 4: `name (module.Class)`
        owner, name = match.group(2), match.group(1)
        return owner if owner.endswith(f".{name}") else f"{owner}.{name}"
    plain: str = SUFFIX.sub("", test)
    return plain


def _found(tree: Tree, test: str, known: Collection[str], near: Sequence[str]) -> Test | None:
    parts = [p for p in PARTS.split(test) if p and p.strip()]
    if not parts:
        return None
    names = _names(parts)
    paths = next((found for part in parts if (found := _files(tree, part.strip(), near))), ())
    if not paths:
        tree.read(known)
        paths = [p for p in known if any(name in tree.text(p) for name in names[:1])]
    if not paths:
        paths = list(_searched(tree, parts))
    return Test(tuple(dict.fromkeys(paths))[:2], names) if paths else None


def _names(parts: Sequence[str]) -> tuple[str, ...]:
    """What the test may be called where it is defined, the innermost name first."""
    last = parts[-1].strip()
    told = [last]
    if " " not in last and not ENDED.search(last):
        inner = re.split(r"[./#]", last)
        told += inner[::-1]
    told += [p.strip() for p in parts[-2::-1] if not ENDED.search(p)]
    return tuple(dict.fromkeys(n for n in told if len(n) > 1))


def _files(tree: Tree, part: str, near: Sequence[str]) -> Sequence[str]:
    """The files that a part of an id names: by a path, by a module or class with dots, by the name of a class alone."""
    if " " in part and not ENDED.search(part):
        return ()
    path = re.sub(r":\d+(?::\d+)?$", "", part)
    found: Sequence[str] = ()
    if ENDED.search(path) and ("/" in path or "\\" in path or tree.named(path)):
        found = resolve(tree, path, near)
    if found or "/" in path:
        return found
    classes = (n for n in re.split(r"[.\\$]", path) if n[:1].isupper())
    named = ([p for e in DOTTED for p in tree.named(f"{name}{e}") if is_test(p)] for name in classes)
    return dotted(tree, path) or [p for few in named if len(few) <= 2 for p in few]


def _searched(tree: Tree, parts: Sequence[str]) -> Iterator[str]:
    """Files that define a function of this name, or a test with this title."""
    last = parts[-1].strip()
    first = next((p.strip().partition("/")[0] for p in parts if NAME.fullmatch(p.strip().partition("/")[0])), "")
    for pattern, where, form in KINDS:
        name = first if form.startswith("func") else last
        if pattern.match(name):
            yield from dict.fromkeys(h.path for h in tree.grep([form.format(name)], where, whole=False))
    if len(last) > 3:
        yield from _titled(tree, last)


def _titled(tree: Tree, title: str) -> Iterator[str]:
    """Files whose tests have a title, or the end of one: mocha joins it to those of its suites, with a blank."""
    words = title.split(" ")
    ends = [" ".join(words[n:]) for n in range(min(len(words), 8))]
    hits = tree.grep([e for e in ends if len(e) > 8 or e == title], TESTS, whole=False)
    for end in ends:
        found = dict.fromkeys(h.path for h in hits if end in h.text)
        if found:
            yield from found
            return
