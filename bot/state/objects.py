"""Read the state branch as it stood at one commit, and build its next commit: plumbing only, no work tree."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from bot.ports import Git

AUTHOR = "Regreen <noreply@regreen.invalid>"
SCRATCH = "refs/regreen/scratch"  # named while a commit is built, never written


class Entry(NamedTuple):
    """What git holds at a path: object name, kind (`blob` or `tree`) and size in bytes (0 where nobody asked)."""

    sha: str
    kind: str = "blob"
    size: int = 0


class Stored(NamedTuple):
    """An entry with its content; `data` is None when it is not a file, or larger than the caller wanted to read."""

    entry: Entry
    data: bytes | None


class Change(NamedTuple):
    """One commit to make.

    `files` maps a path to its new content, to an entry that is to stand there, or to None to delete it. `parentless`
    leaves the history behind.
    """

    message: str
    files: Mapping[str, bytes | Entry | None]
    parentless: bool = False


class View:
    """The branch at one commit; `head` None is the branch before its first commit."""

    def __init__(self, git: Git, head: str | None) -> None:
        self._git = git
        self.head = head

    def find(self, paths: Iterable[str]) -> dict[str, Entry]:
        """Look paths up; those that do not exist are left out. Nothing is read but names and sizes."""
        asked = list(paths)
        if self.head is None or not asked:
            return {}
        out = self._git.run("cat-file", "--batch-check", stdin="".join(f"{self.head}:{p}\n" for p in asked).encode())
        found = {}
        for path, line in zip(asked, out.decode("utf-8", "replace").splitlines(), strict=True):
            words = line.split(" ")
            if len(words) == 3 and words[1] in {"blob", "tree"}:
                found[path] = Entry(words[0], words[1], int(words[2]))
        return found

    def read(self, paths: Iterable[str], limit: int) -> dict[str, Stored]:
        """Read the files at `paths`, each up to `limit` bytes; those that do not exist are left out."""
        found = self.find(paths)
        small = [e.sha for e in found.values() if e.kind == "blob" and e.size <= limit]
        data = self._contents(small)
        return {path: Stored(entry, data.get(entry.sha)) for path, entry in found.items()}

    def files(self, folder: str = "") -> dict[str, Entry]:
        """Every file below `folder` (all of them without one), by its path from the root."""
        if self.head is None:
            return {}
        where = ["--", f"{folder}/"] if folder else []
        found = {}
        for line in self._git.run("ls-tree", "-r", "-z", "--full-tree", self.head, *where).split(b"\0"):
            if line:
                about, _, path = line.partition(b"\t")
                _mode, kind, sha = about.decode().split(" ")
                found[path.decode("utf-8", "surrogateescape")] = Entry(sha, kind)
        return found

    def _contents(self, shas: list[str]) -> dict[str, bytes]:
        if not shas:
            return {}
        out = self._git.run("cat-file", "--batch", stdin="".join(f"{sha}\n" for sha in shas).encode())
        data, at = {}, 0
        for sha in shas:
            start = out.index(b"\n", at) + 1
            size = int(out[at : start - 1].rsplit(b" ", 1)[1])
            data[sha] = out[start : start + size]
            at = start + size + 1
        return data


def build(git: Git, change: Change, parent: str | None, when: datetime) -> str:
    """Write the commit of `change` on top of `parent` and return its name; no ref is touched.

    Raises `GitFailed` when the objects cannot be written.
    """
    return git.run("fast-import", "--quiet", "--done", stdin=_stream(git, change, parent, when)).decode().strip()


def _stream(git: Git, change: Change, parent: str | None, when: datetime) -> bytes:
    # Two workers may write the same bytes in the same second: without a word of its own each, both would make the
    # very same commit, and a push of what is already there succeeds whatever lease it carries.
    message = f"{change.message}\n\nRegreen-Save: {secrets.token_hex(8)}\n".encode()
    lines = [f"commit {SCRATCH}\nmark :1\ncommitter {AUTHOR} {int(when.timestamp())} +0000\n".encode(), _data(message)]
    if parent and change.parentless:
        tree = git.run("rev-parse", "--verify", f"{parent}^{{tree}}").decode().strip()
        lines.append(f'M 040000 {tree} ""\n'.encode())
    elif parent:
        lines.append(f"from {parent}\n".encode())
    for path, content in change.files.items():
        lines.append(_file(path, content))
    # `reset` without `from` forgets the scratch branch, so that fast-import ends without writing a ref.
    lines.append(f"reset {SCRATCH}\n\nget-mark :1\ndone\n".encode())
    return b"".join(lines)


def _file(path: str, content: bytes | Entry | None) -> bytes:
    if content is None:
        return f"D {path}\n".encode()
    if isinstance(content, bytes):
        return f"M 100644 inline {path}\n".encode() + _data(content)
    mode = "040000" if content.kind == "tree" else "100644"
    return f"M {mode} {content.sha} {path}\n".encode()


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
