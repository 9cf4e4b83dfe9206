"""Hands a proven fix over on this machine: as a branch, into the working tree, or as a patch file.

Every way is idempotent: what is there already counts as done, and what is there but different is not overwritten.
"""

import hashlib
import os
import stat
import textwrap
from pathlib import Path

from bot.errors import Conflict, MachineError
from bot.ports import Checkout, Git
from bot.text.own import BRANCHES

NOTHING = "0" * 40
MAX_SLUG = 48


def branch_name(incident_id: str, words: str) -> str:
    """`regreen/<incident>-<slug>`: derived from the incident alone, so that a second run finds it again."""
    plain = "".join(c if c.isalnum() and c.isascii() else " " for c in words.lower()).split()
    slug = textwrap.shorten(" ".join(plain), MAX_SLUG, placeholder="").replace(" ", "-")[:MAX_SLUG]
    return f"{BRANCHES}{incident_id}-{slug or 'fix'}"


def to_branch(origin: Git, theirs: Git, name: str, commit: str, known: str) -> None:
    """Put a commit of the clone on a branch of the checkout's repository, objects first.

    `known` is the commit that an earlier run of ours left there, or empty. Raises `Conflict` when the branch holds
    something else, for instance commits that a person has added.
    """
    ref = f"refs/heads/{name}"
    found = (theirs.try_run("rev-parse", "--verify", "--quiet", ref) or b"").decode().strip()
    if found == commit:
        return
    if found and found != known:
        raise Conflict(
            f"the branch {name} holds a commit that is not Regreen's", hint="delete or rename it, then resume"
        )
    hand_over(origin, theirs, commit)
    theirs.run("update-ref", ref, commit, found or NOTHING)


def hand_over(origin: Git, theirs: Git, commit: str) -> None:
    """Give the checkout's repository a commit of the clone, with all that it is made of."""
    pack = origin.run("pack-objects", "--revs", "--stdout", "--quiet", stdin=_reachable(theirs, commit))
    theirs.run("unpack-objects", "-q", stdin=pack)


def _reachable(theirs: Git, commit: str) -> bytes:
    heads = (
        theirs.run("for-each-ref", "--format=^%(objectname)", "refs/heads", "refs/remotes", "refs/tags")
        .decode()
        .split()
    )
    return "\n".join([commit, *heads, ""]).encode()


def to_patch(path: Path, diff: str) -> None:
    """Write the diff to a file, whole or not at all. Raises `MachineError` when that is not possible."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(diff, encoding="utf-8", errors="surrogateescape", newline="\n")
        fresh.replace(path)
    except OSError as e:
        fresh.unlink(missing_ok=True)
        raise MachineError(f"{path} cannot be written: {e.strerror}", hint="name another file with --patch") from e


def to_work_tree(checkout: Checkout, origin: Git, before: str, after: str) -> None:
    """Change the files of the working tree from commit `before` to `after`.

    All files are looked at first: raises `Conflict` with nothing written when one of them is neither as in `before` nor
    already as in `after`.
    """
    rows = origin.run("diff-tree", "-r", "-z", "--raw", "--no-renames", before, after).split(b"\0")
    todo = []
    for about, name in zip(rows[::2], rows[1::2], strict=False):
        _, new_mode, old, new, _ = about.decode().split(" ")
        path = checkout.root / os.fsdecode(name)
        found = _blob_of(checkout.root, path)
        if found == new:
            continue
        if found != old:
            raise Conflict(
                f"{os.fsdecode(name)} has changed since it was replayed",
                hint="nothing was written; run regreen fix again",
            )
        todo.append((path, new_mode, new))
    for path, mode, blob in todo:
        _write(path, mode, origin.run("cat-file", "blob", blob) if blob != NOTHING else None)


def _blob_of(root: Path, path: Path) -> str:
    """The blob id of a file as it is now, zeros where there is none, empty where it is no plain file of the tree."""
    if not path.parent.resolve().is_relative_to(root.resolve()):
        return ""
    try:
        info = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return NOTHING
    if not stat.S_ISREG(info.st_mode):
        return ""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def _write(path: Path, mode: str, content: bytes | None) -> None:
    try:
        if content is None:
            path.unlink()
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.write_bytes(content)
        fresh.chmod(0o755 if mode.endswith("755") else 0o644)
        fresh.replace(path)
    except OSError as e:
        raise MachineError(f"{path} cannot be written: {e.strerror}") from e
