"""Commits of proposals that GitHub makes and signs, in place of a push."""

from bot.ports import Git

FILE, NONE = "100644", "000000"


def files_of(git: Git, parent: str, commit: str) -> dict[str, bytes | None] | None:
    """What a commit changes, as GitHub takes it: contents by path, None for a file that goes.

    None in place of all of it when there are modes, links or names that GitHub cannot be told.
    """
    rows = git.run("diff-tree", "-r", "-z", "--raw", "--no-renames", parent, commit).split(b"\0")[:-1]
    found: dict[str, bytes | None] = {}
    for told, name in zip(rows[::2], rows[1::2], strict=True):
        old, new, _, blob, _ = told.decode().removeprefix(":").split(" ")
        if not {old, new} <= {FILE, NONE} or not name.isascii():
            return None
        found[name.decode()] = None if new == NONE else git.run("cat-file", "blob", blob)
    return found


def is_like(git: Git, branch: str, tip: str, commit: str) -> bool:
    """Whether the tip of a branch of `origin` is what GitHub has made of a commit: of the same tree and parents."""
    git.run("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "origin", f"refs/heads/{branch}")
    found = git.try_run("rev-parse", f"{tip}^{{tree}}", f"{tip}^@")
    return found is not None and found == git.run("rev-parse", f"{commit}^{{tree}}", f"{commit}^@")
