"""What everything here looks at: the tree, what its files are made of, the diagnosis, what changed since green."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import re2

from bot.model import Diagnosis
from bot.repair.context.configs import folders_of
from bot.repair.context.outline import Block, enclosing, outline
from bot.repair.context.resolve import resolve
from bot.repair.context.tree import Tree
from bot.repair.guard.kinds import (
    GENERATED_NAME,
    GENERATED_TEXT,
    HEAD,
    in_test_folder,
    is_lock,
    is_other_test,
    is_python_test,
    is_script_test,
    name_of,
)

WORD = re.compile(r"[^\W\d][\w$]*")
PLACE = re2.compile(
    r"((?:[A-Za-z]:[\\/]|\.{0,2}/|~/|webpack[\w-]*://[^/\s]*/)?(?:[\w.@+$-]+[\\/])*[\w.@+$\[\]-]*\w\.[A-Za-z]\w{0,9})"
    r"""(?:['"]?, line |[:(])?(\d{1,6})?"""
)
PACKAGE = re2.compile(r"\b[a-z][\w.-]*\.[a-z]{2,}/[\w./-]+")
MOST_PLACES = 200  # in the excerpt
MOST_FOCUS = 20_000  # characters


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be shown of a file: what stands around these lines, and the blocks with these names.

    The log speaks of the file itself where it is `named`. `column` belongs to the first line.
    """

    path: str
    lines: tuple[int, ...] = ()
    names: frozenset[str] = frozenset()
    column: int = 0
    named: bool = False

    def __or__(self, other: "Wanted") -> "Wanted":
        """Both together."""
        lines = tuple(dict.fromkeys((*self.lines, *other.lines)))
        column = self.column if self.lines else other.column
        return Wanted(self.path, lines, self.names | other.names, column, self.named or other.named)


@dataclass(frozen=True)
class Scene:
    """See the module. `changed` are the paths that differ from the last green commit, `workflow` is that of the job."""

    tree: Tree
    diagnosis: Diagnosis
    changed: tuple[str, ...] = ()
    workflow: str = ""
    _blocks: dict[str, tuple[Block, ...]] = field(default_factory=dict)

    def blocks(self, path: str) -> tuple[Block, ...]:
        """The outline of a file."""
        if path not in self._blocks:
            self._blocks[path] = outline(path, self.tree.text(path))
        return self._blocks[path]

    def chosen(self, wanted: Wanted) -> list[Block]:
        """The blocks of a file that are meant: by their names, else by what is around the lines."""
        blocks = self.blocks(wanted.path)
        named = [b for b in blocks if b.name in wanted.names or _is_titled(b, wanted.names)]
        around = [b for line in wanted.lines if (b := enclosing(blocks, line))]
        return list(dict.fromkeys((*around, *named)))

    def focus(self, wanted: Wanted) -> str:
        """The code that a failure is about in a file: the blocks that are meant, or all of a file without such."""
        lines = self.tree.lines(wanted.path)
        found = [b for b in self.chosen(wanted) if b.kind != "class" or b.size < 60]
        text = "\n".join("\n".join(lines[b.first - 1 : b.last]) for b in found) or "\n".join(lines)
        return text[:MOST_FOCUS]

    def said(self) -> frozenset[str]:
        """The words of the log around the failure."""
        texts = (self.diagnosis.error, *(line.text for line in self.diagnosis.excerpt.lines))
        return frozenset(w for text in texts for w in WORD.findall(text))

    def near(self) -> tuple[str, ...]:
        """Folders that tools ran in or that the log speaks of by the names of packages."""
        found = dict.fromkeys(folders_of(self.diagnosis))
        for text in (self.diagnosis.error, *(line.text for line in self.diagnosis.excerpt.lines)):
            for match in PACKAGE.finditer(text):
                parts = match.group().rstrip("./").split("/")
                tails = ("/".join(parts[n:]) for n in range(1, len(parts)))
                found |= dict.fromkeys(t for t in tails if t in self.tree.folders)
        return tuple(found)

    def located(self) -> list[Wanted]:
        """The files that the diagnosis gives as places, the best first."""
        near = self.near()
        found = [
            Wanted(path, (p.line,) if p.line else (), column=p.column, named=True)
            for p in self.diagnosis.locations
            for path in resolve(self.tree, p.file, near)
        ]
        return joined(found)

    def mentioned(self) -> list[Wanted]:
        """The files that the lines of the excerpt name, whatever tool printed them."""
        near, found, count = self.near(), list[Wanted](), 0
        for line in self.diagnosis.excerpt.lines:
            for match in PLACE.finditer(line.text[:2000]):
                count += 1
                if count > MOST_PLACES:
                    return joined(found)
                paths = resolve(self.tree, match.group(1), near)
                number = int(match.group(2) or 0)
                found += [Wanted(p, (number,) if number else (), named=True) for p in paths if len(paths) == 1]
        return joined(found)

    def hidden(self, path: str) -> bool:
        """Whether a file is none that people write: a lock file, generated, binary or empty."""
        if is_lock(path) or GENERATED_NAME.search(path):
            return True
        text = self.tree.text(path)
        return not text.strip() or any(GENERATED_TEXT.search(line[:300]) for line in text[:HEAD].split("\n")[:20])


def joined(wanted: Iterable[Wanted]) -> list[Wanted]:
    """Each file once, where it stands first."""
    found: dict[str, Wanted] = {}
    for one in wanted:
        found[one.path] = found[one.path] | one if one.path in found else one
    return list(found.values())


def is_test(path: str) -> bool:
    """Whether a file holds tests, by its name."""
    return in_test_folder(path) or is_python_test(path) or is_script_test(path) or is_other_test(name_of(path))


def _is_titled(block: Block, names: Sequence[str] | frozenset[str]) -> bool:
    """Whether a test is meant by its title: runners put those of its suites before it."""
    return block.kind == "title" and len(block.name) > 3 and any(n.endswith(f" {block.name}") for n in names)
