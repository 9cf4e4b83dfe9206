"""The files of one commit: listed once, read in batches, searched by git."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from bot.ports import Git

FILES = ("100644 ", "100755 ")
LARGEST = 2_000_000  # bytes of a file that is read
HEAD = 8000  # bytes in which a binary file shows what it is
MOST_HITS = 5000
LONGEST = 1000  # characters of a line that may be code
NAMES = re.compile(r"/([^/\0]+)\0")
ENDINGS = re.compile(r"\.(\w+)\0")
PRINTABLE = re.compile(r"[ -~\t\0]*")


class Hit(NamedTuple):
    """A line that a search has found."""

    path: str
    line: int
    text: str


class Tree:
    """The regular files of a commit whose names can be printed; others cannot be named to a model, either.

    There may be 50,000 of them, so nothing here makes an object for each but one table of paths.
    """

    def __init__(self, git: Git, commit: str) -> None:
        self._git, self._commit = git, commit
        self._texts: dict[str, str] = {}
        self.blobs = _listed(git, commit)
        self._joined = "\0/".join(["", *self.blobs, ""])  # NUL, slash, path; over and over

    def __contains__(self, path: str) -> bool:
        return path in self.blobs

    @cached_property
    def folders(self) -> frozenset[str]:
        """The folders in which files lie themselves."""
        return frozenset(p.rpartition("/")[0] for p in self.blobs)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(NAMES.findall(self._joined))

    @cached_property
    def _paths(self) -> list[str]:
        return sorted(self.blobs)

    def endings(self) -> Counter[str]:
        """How many files have which ending."""
        return Counter(ENDINGS.findall(self._joined))

    def named(self, name: str) -> list[str]:
        """The paths whose last part, or last parts, are these."""
        if name.rpartition("/")[2] not in self._names:
            return []
        found, wanted, at = list[str](), f"/{name}\0", 0
        while (at := self._joined.find(wanted, at)) >= 0:
            start, at = self._joined.rindex("\0", 0, at + 1) + 2, at + len(wanted) - 1
            found.append(self._joined[start:at])
        return found

    def inside(self, folder: str) -> list[str]:
        """The files that lie in a folder itself."""
        if not folder:
            return [p for p in self.blobs if "/" not in p]
        first, last = (bisect_left(self._paths, f"{folder}{x}") for x in "/0")  # 0 comes behind the slash
        return [p for p in self._paths[first:last] if "/" not in p[len(folder) + 1 :]]

    def read(self, paths: Iterable[str]) -> None:
        """Fetch the texts of files that are asked for later, all in one go."""
        wanted = [p for p in dict.fromkeys(paths) if p in self.blobs and p not in self._texts]
        found = texts_of(self._git, [self.blobs[p] for p in wanted])
        self._texts |= {p: found.get(self.blobs[p], "") for p in wanted}

    def text(self, path: str) -> str:
        """The text of a file, its line ends unified; empty where there is none: it is binary or too large."""
        self.read([path])
        return self._texts.get(path, "")

    def lines(self, path: str) -> list[str]:
        """The lines of a file."""
        return self.text(path).removesuffix("\n").split("\n")

    def grep(self, words: Collection[str], where: Sequence[str] = (), *, whole: bool = True) -> list[Hit]:
        """The lines that have one of these texts (`whole`: as a word), in files that match a pathspec."""
        patterns = [arg for word in words if "\0" not in word for arg in ("-e", word)]
        if not patterns:
            return []
        asked = ("grep", "-InzF", *(["-w"] if whole else []), *patterns, self._commit, "--", *where)
        rows = (self._git.try_run(*asked) or b"").split(b"\n")[:MOST_HITS]
        return [hit for hit in map(_hit, rows) if hit and hit.path in self.blobs]


def texts_of(git: Git, names: Iterable[str]) -> dict[str, str]:
    """The texts of blobs by what git calls them, an id or `COMMIT:PATH`; none of what is not there or too large."""
    asked = list(dict.fromkeys(names))
    rows = git.run("cat-file", "--batch-check", stdin=_lines(asked)).decode().splitlines() if asked else []
    told = ((name, row.split()) for name, row in zip(asked, rows, strict=True))
    sizes = {name: int(row[2]) for name, row in told if row[1:2] == ["blob"] and int(row[2]) <= LARGEST}
    stream = git.run("cat-file", "--batch", stdin=_lines(sizes)) if sizes else b""
    texts, at = {}, 0
    for name, size in sizes.items():
        start = stream.index(b"\n", at) + 1
        texts[name] = _text(stream[start : start + size])
        at = start + size + 1
    return texts


def _lines(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()


def _listed(git: Git, commit: str) -> dict[str, str]:
    """Path -> blob id."""
    text = git.run("ls-tree", "-r", "-z", commit).decode("utf-8", "surrogateescape")
    at = text.find("\t")  # the rows before it are alike: mode, type, id
    found = {row[at + 1 :]: row[12:at] for row in text.split("\0") if row.startswith(FILES)}
    return found if PRINTABLE.fullmatch(text) else {p: sha for p, sha in found.items() if p.isprintable()}


def _text(content: bytes) -> str:
    return "" if b"\0" in content[:HEAD] else content.decode("utf-8", "replace").replace("\r\n", "\n")


def _hit(row: bytes) -> Hit | None:
    """Read `COMMIT:PATH NUL LINE NUL TEXT`."""
    place, _, rest = row.partition(b"\0")
    number, _, text = rest.partition(b"\0")
    if not number.isdigit() or len(text) > LONGEST:
        return None
    return Hit(place.partition(b":")[2].decode("utf-8", "replace"), int(number), text.decode("utf-8", "replace"))
