"""The pristine clone that a replay checks out from: a bare repository that borrows the checkout's objects.

The checkout is only read. Its uncommitted changes become a commit of their own in the clone, made with an index and a
configuration of ours, so that nothing that the checkout's own configuration names is ever run.
"""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import CorruptCache, UsageError
from bot.model import Model
from bot.ports import Checkout, Git

OpenGit = Callable[[Path, Path | None], Git]
MAX_UNTRACKED = 100_000_000  # GitHub refuses larger files, so no CI has seen one
BORROWED = "../../objects"  # from <clone>/objects: the same sentence inside the sandbox and outside
IDENTITY = {
    "GIT_AUTHOR_NAME": "Regreen",
    "GIT_AUTHOR_EMAIL": "noreply@regreen.invalid",
    "GIT_COMMITTER_NAME": "Regreen",
    "GIT_COMMITTER_EMAIL": "noreply@regreen.invalid",
}
OURS = "refs/regreen/"
HEAD, SNAPSHOT, MERGE = f"{OURS}head", f"{OURS}snapshot", f"{OURS}merge"
CONFIG = "[merge]\n\trenames = true\n"  # GitHub's merges follow them
SNAPSHOT_MESSAGE = "Uncommitted changes of the checkout"


class Snapshot(Model):
    """What is replayed: a commit and its tree in the clone; `dirty` when it holds uncommitted changes."""

    commit: str
    tree: str
    dirty: bool
    created: datetime


class Commit(Model):
    """What a commit says of itself."""

    tree: str
    parents: tuple[str, ...]
    created: datetime
    message: str


class Origin:
    """The clone, in a folder of its own beside the link to the borrowed objects."""

    def __init__(self, folder: Path, open_git: OpenGit) -> None:
        self.folder, self.open = folder, open_git
        self.git_dir = folder / "origin.git"
        self.git = open_git(self.git_dir, None)
        self._paths: dict[str, frozenset[str]] = {}
        self._commits: dict[str, Commit] = {}

    @property
    def objects(self) -> Path:
        """The folder of the borrowed objects."""
        return (self.folder / "objects").resolve()

    def alternates(self) -> list[Path]:
        """The folders that the borrowed objects borrow from in turn."""
        found, todo = [], [self.objects]
        while todo:
            here = todo.pop()
            listing = here / "info" / "alternates"
            lines = listing.read_text().splitlines() if listing.is_file() else []
            todo += [(here / line).resolve() for line in lines if line and not line.startswith("#")]
            found += todo[-len(lines) :] if lines else []
        return found

    def create(self, checkout: Checkout) -> None:
        """Make the clone of a checkout, with its branches as remote branches, and its tags."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.git.run("init", "--bare", "--quiet", "--template=", str(self.git_dir))
        (self.folder / "objects").symlink_to(checkout.common_dir / "objects")
        info = self.git_dir / "objects" / "info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "alternates").write_text(f"{BORROWED}\n")
        if (checkout.common_dir / "shallow").exists():
            shutil.copy(checkout.common_dir / "shallow", self.git_dir / "shallow")
        theirs = self.open(checkout.common_dir, None)
        listing = theirs.run(
            "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/remotes/origin", "refs/tags"
        )
        (self.git_dir / "packed-refs").write_text(
            "# pack-refs with: sorted\n" + _as_origin(listing.decode(), checkout.head)
        )
        with (self.git_dir / "config").open("a") as config:
            config.write(CONFIG)

    def snapshot(self, checkout: Checkout, *, committed: bool) -> Snapshot:
        """The commit to replay: the checkout's head, or a commit on top of it with what is not committed yet.

        The same checkout gives the same commit, whenever it is asked: it bears the time of its parent.
        Raises `UsageError` for unmerged files and for an untracked file larger than 100 MB.
        """
        head = self.commit(checkout.head)
        created, changed = head.created, head.tree if committed else self._work_tree_tree(checkout)
        if changed == head.tree:
            return Snapshot(checkout.head, head.tree, dirty=False, created=created)
        commit = self._commit(changed, [checkout.head], SNAPSHOT_MESSAGE, SNAPSHOT)
        return Snapshot(commit, changed, dirty=True, created=created)

    def _work_tree_tree(self, checkout: Checkout) -> str:
        git = self.open(self.git_dir, checkout.root)
        if (checkout.git_dir / "index").exists():
            for index in (checkout.git_dir / "index", *checkout.git_dir.glob("sharedindex.*")):
                shutil.copy2(index, self.git_dir / index.name)
        else:
            git.run("read-tree", checkout.head)
        exclude = checkout.common_dir / "info" / "exclude"
        if exclude.is_file():
            (self.git_dir / "info").mkdir(exist_ok=True)
            shutil.copy(exclude, self.git_dir / "info" / "exclude")
        kinds = ("--unmerged", "--modified", "--deleted", "--others", "--exclude-standard")
        changed = git.run("ls-files", "-z", "-t", *kinds)
        rows = [_row(row) for row in changed.split(b"\0") if row]
        if unmerged := {path for tag, path in rows if tag == b"M"}:
            names = ", ".join(name.decode("utf-8", "replace") for name in sorted(unmerged)[:5])
            raise UsageError(f"the checkout has unmerged files: {names}", hint="finish the merge, or use --committed")
        paths = [p for p in dict.fromkeys(path for _, path in rows) if not p.endswith(b"/")]
        for path in paths:
            _refuse_huge(checkout.root, path.decode("utf-8", "surrogateescape"))
        if paths:
            listed = b"".join(p + b"\0" for p in paths)
            git.run("update-index", "--replace", "--add", "--remove", "-z", "--stdin", stdin=listed)
        return git.run("write-tree").decode().strip()

    def merge(self, base: str, head: str) -> str | None:
        """The merge of two commits, as GitHub makes it for a pull request; None when they conflict, or are unrelated.

        The same commits give the same merge: it bears the time of the head.
        """
        merged = self.git.try_run("merge-tree", "--write-tree", base, head)
        if merged is None:
            return None
        return self._commit(merged.decode().split()[0], [base, head], f"Merge {head} into {base}", MERGE)

    def _commit(self, tree: str, parents: list[str], message: str, ref: str) -> str:
        """Make a commit that bears the time of its last parent."""
        date = f"{self.commit(parents[-1]).created.timestamp():.0f} +0000"
        dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), date)
        options = [word for parent in parents for word in ("-p", parent)]
        made = self.git.run("commit-tree", tree, *options, "-m", message, env=IDENTITY | dates)
        commit = made.decode().strip()
        self.git.run("update-ref", ref, commit)
        return commit

    def commit(self, sha: str) -> Commit:
        """What a commit says, read once; without parents where a shallow clone ends."""
        if sha not in self._commits:
            ends = self.git_dir / "shallow"
            told = read_commit(self.git, sha)
            is_end = ends.exists() and sha in ends.read_text().split()
            self._commits[sha] = told.changed(parents=()) if is_end else told
        return self._commits[sha]

    def refs(self) -> dict[str, str]:
        """The commits (or tags) of the references that the clone was made with, by their names."""
        rows = (self.git_dir / "packed-refs").read_text().splitlines()
        return {name: sha for sha, name in (row.split(" ", 1) for row in rows if row[0] != "#")}

    def has(self, commit: str) -> bool:
        """Whether a commit is in the clone."""
        return self.git.try_run("cat-file", "-e", f"{commit}^{{commit}}") is not None

    def read(self, commit: str, path: str) -> bytes | None:
        """A file of a commit, or None where there is none."""
        return self.git.try_run("cat-file", "blob", f"{commit}:{path}")

    def require(self, commit: str, path: str) -> bytes:
        """A file that is known to be in a commit. Raises `CorruptCache` when it cannot be read."""
        found = self.read(commit, path)
        if found is None:
            raise CorruptCache(f"{path} cannot be read from the clone {self.git_dir}")
        return found

    def paths(self, commit: str) -> frozenset[str]:
        """The paths of all files of a commit, listed once: each failing leg asks."""
        if commit not in self._paths:
            self._paths[commit] = paths_of(self.git, commit)
        return self._paths[commit]


def commit_named(git: Git, name: str) -> str | None:
    """The commit that people name, by a branch, a tag or some of its digits; None where there is none."""
    told = git.try_run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return told.decode().strip() if told is not None else None


def paths_of(git: Git, commit: str) -> frozenset[str]:
    """The paths of all files of a commit."""
    listing = git.run("ls-tree", "-r", "-z", "--name-only", commit)
    return frozenset(p.decode("utf-8", "surrogateescape") for p in listing.split(b"\0") if p)


def read_commit(git: Git, sha: str) -> Commit:
    """Read a commit (https://git-scm.com/docs/git-commit-tree, "Commit information")."""
    head, _, message = git.run("cat-file", "commit", sha).decode("utf-8", "replace").partition("\n\n")
    fields = [line.partition(" ")[::2] for line in head.splitlines()]
    told = dict(reversed(fields))
    created = datetime.fromtimestamp(int(told["committer"].split()[-2]), UTC)
    return Commit(told["tree"], tuple(sha for name, sha in fields if name == "parent"), created, message.strip())


def _row(row: bytes) -> tuple[bytes, bytes]:
    """The tag and the path of a row of `git ls-files -t`: mode, blob and stage stand between them for tracked files."""
    tag, rest = row.split(b" ", 1)
    return tag, rest if tag == b"?" else rest.split(b"\t", 1)[1]


def _refuse_huge(root: Path, path: str) -> None:
    file = root / path
    if not file.is_symlink() and file.is_file() and file.stat().st_size > MAX_UNTRACKED:
        raise UsageError(
            f"{path} is larger than {MAX_UNTRACKED:,} bytes and not committed", hint="ignore it, or use --committed"
        )


def _as_origin(listing: str, head: str) -> str:
    refs = {HEAD: head, SNAPSHOT: head}
    for line in listing.splitlines():
        sha, name = line.split(" ", 1)
        if name == "refs/remotes/origin/HEAD" or "/regreen/" in name:
            continue
        refs[name.replace("refs/heads/", "refs/remotes/origin/")] = sha
    return "".join(f"{sha} {name}\n" for name, sha in sorted(refs.items()))
