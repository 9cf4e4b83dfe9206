"""The functions that failing code builds on, among all that it reaches by imports, those first that it is about.

A log often names a test only, and the test calls a method of something that was imported from a package which only
passes names on. So files are followed some imports far, and each function there is held against the words of the code
that failed: is it called there, does the log speak of it, is the test named after it, is it called by one that is?
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import sqrt
from typing import NamedTuple

from bot.repair.context.imports import SOURCE, imported, subjects
from bot.repair.context.outline import Block
from bot.repair.context.scene import WORD, Scene, Wanted, is_test
from bot.repair.guard.rules import listed

FURTHEST = 4  # imports from the code that failed
MOST_FILES, MOST_CHARACTERS, LARGEST = 60, 1_500_000, 300_000  # that are looked through, and the largest file
DECAY = (1.0, 1.0, 0.6, 0.4, 0.3)  # what a function is worth so many imports away
CALLED, SPOKEN, TESTED, CHANGED = 3.0, 1.0, 1.0, 2.0
"""What it is worth that the failing code calls it, the log has its name, the file is what the test is named after; and
the factor for files that changed since it was green."""
ALIKE = 2.5  # the most that a name which is like that of the test is worth
CLASS = 0.5  # a class says less than a function
LEAST = 0.3  # worth from which on it is shown
FIRST, MOST = 10, 40  # functions whose own calls count, and functions in all
SHORTEST = 3  # characters of a name or of a part of one
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
USUAL = frozenset(
    listed("main init new get set run test tests should setup string str len with when that the and for not does is in")
)


class Found(NamedTuple):
    """A function or class that failing code reaches: its file, how many imports away."""

    path: str
    block: Block
    hops: int


def related(scene: Scene, sources: Sequence[Wanted]) -> list[Wanted]:
    """The functions and classes that the code at `sources` builds on, what it is most about first, each by its line."""
    code = "\n".join(scene.focus(one) for one in sources)
    reached = _reached(scene, [one.path for one in sources])
    own = {(one.path, b) for one in sources for b in scene.chosen(one)}
    found = [
        Found(path, block, hops)
        for path, hops in reached.items()
        for block in scene.blocks(path)
        if block.kind != "title" and _tells(block.name) and (path, block) not in own
    ]
    titles = [*(b.name for _, b in own), *scene.diagnosis.failing_tests[:3]]
    worth = _worth(scene, found, frozenset(WORD.findall(code)), _parts(titles))
    tested = {p for one in sources for p in subjects(scene.tree, one.path)}
    for one in found:
        worth[one] += TESTED * (one.path in tested and worth[one] > 0)
        worth[one] *= CHANGED if one.path in scene.changed else 1
    for share in (0.5, 0.3):  # what is called by the best, and by those
        best = [f for f in _ranked(found, worth)[:FIRST] if worth[f] >= LEAST]
        called = frozenset(w for f in best for w in WORD.findall(_text(scene, f)))
        counts = Counter(f.block.name for f in found)
        for one in found:
            if one.block.name in called and worth[one] < LEAST * 2:
                worth[one] += CALLED * share * DECAY[one.hops] / counts[one.block.name] * _kind(one)
    chosen = [f for f in _ranked(found, worth)[:MOST] if worth[f] >= LEAST]
    return [Wanted(f.path, (f.block.first,)) for f in chosen]


def _reached(scene: Scene, paths: Sequence[str]) -> Mapping[str, int]:
    """The files that are reached by imports, with the number of them; what only passes names on does not count."""
    found = dict.fromkeys(paths, 0)
    edge, left = list(found), MOST_CHARACTERS
    scene.tree.read(edge)
    for _ in range(FURTHEST):
        following: dict[str, int] = {}
        for path in edge:
            hops = found[path] + (not found[path] or not _passes_on(scene, path))
            for other in imported(scene.tree, path, scene.tree.text(path)):
                if other not in found and SOURCE.search(other) and len(found) + len(following) < MOST_FILES:
                    following.setdefault(other, hops)
        scene.tree.read(following)
        for path, hops in following.items():
            size = len(scene.tree.text(path))
            if size <= min(LARGEST, left):
                found[path] = min(hops, FURTHEST)
                left -= size
        edge = [p for p in following if found.get(p, FURTHEST) < FURTHEST and not is_test(p)]
    return found


def _passes_on(scene: Scene, path: str) -> bool:
    """Whether a file only hands on what others define: a package's `__init__.py`, an `index.ts`, a `lib.rs`."""
    blocks = [b for b in scene.blocks(path) if b.size > 1]
    lines = len(scene.tree.lines(path))
    return sum(b.size for b in blocks if b.kind == "function") < lines / 4


def _worth(scene: Scene, found: Iterable[Found], code: Collection[str], title: frozenset[str]) -> dict[Found, float]:
    """What speaks for each function by itself."""
    found = list(found)
    said = scene.said()
    files = Counter(name for name, _ in {(f.block.name, f.path) for f in found})
    parts = {f: _parts([f.block.name]) for f in found}
    usual = Counter(p for some in parts.values() for p in some)
    worth: dict[Found, float] = {}
    for one in found:
        name = one.block.name
        points = (CALLED * (name in code) + SPOKEN * (name in said)) / sqrt(files[name])
        shared = [2 / sqrt(usual[p]) for p in parts[one] & title]
        if shared:
            points += min(ALIKE, sum(shared) * len(shared) / len(parts[one]))
        worth[one] = points * DECAY[one.hops] * _kind(one)
    return worth


def _kind(one: Found) -> float:
    return CLASS if one.block.kind == "class" else 1.0


def _ranked(found: Iterable[Found], worth: Mapping[Found, float]) -> list[Found]:
    return sorted(found, key=lambda f: (-worth[f], f.hops, f.path, f.block.first))


def _text(scene: Scene, one: Found) -> str:
    lines = scene.tree.lines(one.path)
    last = min(one.block.last, one.block.first + 200) if one.block.kind == "function" else one.block.first
    return "\n".join(lines[one.block.first - 1 : last])


def _parts(names: Iterable[str]) -> frozenset[str]:
    """The words that names are made of: `testGetAll` has get and all, `to_snake` to and snake."""
    return frozenset(
        _stem(p.lower()) for n in names for p in PARTS.findall(n) if len(p) >= SHORTEST and p.lower() not in USUAL
    )


def _stem(word: str) -> str:
    return re.sub(r"(?:ies|es|s|ing|ed)$", "", word) if len(word) > 4 else word


def _tells(name: str) -> bool:
    return len(name) >= SHORTEST and name not in USUAL and not name.startswith("__")
