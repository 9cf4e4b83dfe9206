"""From files that a sandboxed program has written to a tree in the pristine clone, and from there to a diff.

What comes in is hostile: paths and contents go into git's object store as they are (no filters), nothing is ever
checked out.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bot.errors import GitFailed
from bot.ports import Git, Written
from bot.repair.difference import changed_files
from bot.repair.patch import Applied, commit

FILE, PROGRAM = "100644", "100755"
GONE = "0" * 40


def tracked(git: Git, commit: str) -> dict[str, tuple[str, str]]:
    """The regular files of a commit: path -> (mode, blob id)."""
    rows = (row.partition(b"\t") for row in git.run("ls-tree", "-r", "-z", commit).split(b"\0") if row)
    found = {}
    for about, _, path in rows:
        mode, _, sha = about.decode().split()
        if mode in (FILE, PROGRAM):
            found[path.decode("utf-8", "surrogateescape")] = (mode, sha)
    return found


def tree_with(git: Git, commit: str, changes: Sequence[Written], *, new_files: bool = False) -> str:
    """The tree of a commit with these changes; files that it does not track are left out unless `new_files`."""
    known = tracked(git, commit)
    rows = b"".join(_rows(git, known, changes, new_files=new_files))
    index = git.git_dir / f"index.{uuid.uuid4().hex}"
    env = {"GIT_INDEX_FILE": str(index)}
    try:
        git.run("read-tree", commit, env=env)
        git.run("update-index", "-z", "--index-info", stdin=rows, env=env)
        return git.run("write-tree", "--missing-ok", env=env).decode().strip()
    finally:
        index.unlink(missing_ok=True)


def _rows(
    git: Git, known: Mapping[str, tuple[str, str]], changes: Sequence[Written], *, new_files: bool
) -> Iterator[bytes]:
    for change in changes:
        if change.content is None:
            for path in known:
                if path == change.path or path.startswith(f"{change.path}/"):
                    yield _row("0", GONE, path)
        elif change.path in known or new_files:
            mode = known[change.path][0] if change.path in known else PROGRAM if change.executable else FILE
            sha = git.run("hash-object", "-w", "--no-filters", "--stdin", stdin=change.content).decode().strip()
            yield _row(mode, sha, change.path)


def _row(mode: str, sha: str, path: str) -> bytes:
    return f"{mode} {sha}\t".encode() + path.encode("utf-8", "surrogateescape") + b"\0"


def tree_after(git: Git, base: str, diff: bytes) -> str:
    """The tree of `base` with a diff applied. Raises `GitFailed` when it does not fit."""
    index = git.git_dir / f"index.{uuid.uuid4().hex}"
    env = {"GIT_INDEX_FILE": str(index)}
    try:
        git.run("read-tree", base, env=env)
        git.run("apply", "--cached", "--whitespace=nowarn", "-", stdin=diff, env=env)
        return git.run("write-tree", "--missing-ok", env=env).decode().strip()
    finally:
        index.unlink(missing_ok=True)


def written_by(git: Git, base: str, diff: str) -> tuple[Written, ...]:
    """The files as a diff of ours leaves them; none where it does not fit, as when redaction took something out."""
    if not diff:
        return ()
    try:
        tree = tree_after(git, base, diff.encode("utf-8", "surrogateescape"))
        files = changed_files(git, base, tree)
        blobs = [(f, git.run("cat-file", "blob", f.new_sha) if f.new_sha else None) for f in files]
    except GitFailed:
        return ()
    return tuple(Written(f.path, content, f.new_mode == PROGRAM) for f, content in blobs)


def remade(git: Git, base: str, diff: str, message: str, *, when: datetime) -> str:
    """Commit a diff that policy and guard have let through on top of `base`; the same call makes the same commit."""
    tree = tree_after(git, base, diff.encode("utf-8", "surrogateescape"))
    return commit(git, Applied(base=base, tree=tree, files=(), changes=()), message, [base], when=when)
