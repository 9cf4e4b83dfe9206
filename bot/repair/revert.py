"""What a commit did is taken back in another one, by plumbing alone: nothing is checked out."""

from datetime import UTC, datetime

from bot.errors import Conflict, GitFailed, UsageError
from bot.ports import Git
from bot.repair.patch import Applied, commit

ONCE = datetime(2020, 1, 1, tzinfo=UTC)  # of commits that only a merge sees
CONFLICT = 1
REVERTS = "This reverts commit "
"""How git, and GitHub, begin the last sentence of the message of a revert."""
MOST_MERGED = 200
"""Commits of a merge whose messages are read."""
MOST_NAMED = 5


def tree_without(git: Git, head: str, culprit: str) -> str:
    """The tree of `head` without what `culprit` changed against its first parent; that of `head` when nothing is left.

    It is the merge of `head` with that parent, as if both came from the culprit (https://git-scm.com/docs/git-revert).
    Raises `Conflict`, which names the files, where later commits build on what is to be taken back, and `UsageError`
    for a first commit.
    """
    before = git.try_run("rev-parse", "--verify", "--quiet", f"{culprit}^1^{{tree}}")
    if before is None:
        raise UsageError(f"{culprit[:12]} is the first commit: without it nothing is left")
    base = _commit(git, git.run("rev-parse", f"{culprit}^{{tree}}").decode().strip())
    ours = _commit(git, git.run("rev-parse", f"{head}^{{tree}}").decode().strip(), base)
    theirs = _commit(git, before.decode().strip(), base)
    try:
        merged = git.run("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs)
    except GitFailed as e:
        if e.code != CONFLICT:
            raise
        raise Conflict(
            f"{culprit[:12]} cannot be reverted: later changes build on it in {_files(e.out)}", hint="revert it by hand"
        ) from e
    return merged.split(b"\0")[0].decode()


def revert(git: Git, head: str, culprit: str, message: str, *, when: datetime) -> str:
    """Commit `tree_without` on top of `head`, and return the commit's id; the same call makes the same commit."""
    tree = tree_without(git, head, culprit)
    return commit(git, Applied(base=head, tree=tree, files=(), changes=()), message, [head], when=when)


def messages_of(git: Git, commit: str) -> list[str]:
    """The message of a commit, and of those that it merges, if it is a merge."""
    words = ("rev-list", f"--max-count={MOST_MERGED}", "--format=%B%x00", f"{commit}^1..{commit}")
    return (git.try_run(*words) or b"").decode("utf-8", "replace").split("\0")


def _commit(git: Git, tree: str, *parents: str) -> str:
    return commit(git, Applied(base="", tree=tree, files=(), changes=()), "", parents, when=ONCE)


def _files(told: bytes) -> str:
    names = [name.decode("utf-8", "replace") for name in told.split(b"\0")[1:] if name]
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
