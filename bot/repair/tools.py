"""What a strategy is handed: the bench of one failing leg, the pristine tree, and the making of candidates."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from bot.config_files import config_root
from bot.model import Candidate, Diagnosis
from bot.ports import Consultation, Git, Session, Written
from bot.repair.guard.kinds import is_snapshot
from bot.repair.patch import diff_of
from bot.repair.trees import FILE, PROGRAM, tracked, tree_with
from bot.yaml12 import load


class Bench(Protocol):
    """The held job, as far as strategies need it."""

    def session(self) -> Session:
        """A fresh stack of writes."""
        ...

    def changed(self, blobs: Mapping[str, str], *, by_step: bool = False) -> tuple[Written, ...]:
        """The tracked files (path -> blob id) that the job has changed."""
        ...


class StrategyTools:
    """See `bot.ports.Tools`. `commit` is what the held job, if one is, has checked out.

    Candidates are diffs against it, or against `since` if that is given.
    """

    def __init__(
        self,
        git: Git,
        commit: str,
        bench: Bench | None,
        diagnosis: Diagnosis,
        *,
        unsafe_fixes: bool,
        max_rounds: int,
        snapshots: bool,
        strategy: str,
        consultation: Consultation | None = None,
        since: str = "",
    ) -> None:
        self._git, self._commit, self._bench, self._strategy = git, commit, bench, strategy
        self.diagnosis, self.unsafe_fixes, self.max_rounds = diagnosis, unsafe_fixes, max_rounds
        self._snapshots, self.consultation, self._since = snapshots, consultation, since or commit
        self._blobs = {path: sha for path, (_, sha) in tracked(git, commit).items()}

    @property
    def paths(self) -> frozenset[str]:
        """See `bot.ports.Tools.paths`."""
        return frozenset(self._blobs)

    def read(self, path: str) -> str:
        """See `bot.ports.Tools.read`."""
        blob = self._blobs.get(path)
        content = self._git.run("cat-file", "blob", blob) if blob else b""
        try:
            return content.decode()
        except UnicodeDecodeError:
            return ""

    def table(self, name: str) -> Any:
        """See `bot.ports.Tools.table`."""
        path = config_root() / name
        return load(path.read_bytes(), name)

    def session(self, *, fresh_step: bool = False) -> Session:
        """See `bot.ports.Tools.session`."""
        session = self._held.session()
        changed = self._held.changed(self._blobs, by_step=True) if fresh_step else ()
        if changed:
            paths = [w.path for w in changed]
            session.run(["git", "checkout", "--force", "HEAD", "--", *paths], cwd=session.workspace)
        return session

    def left_behind(self, *, new_files: bool = False) -> tuple[Written, ...]:
        """See `bot.ports.Tools.left_behind`."""
        return (*self._held.changed(self._blobs), *(self._new_files() if new_files else ()))

    @property
    def _held(self) -> Bench:
        assert self._bench, "what works without a held job needs none"
        return self._bench

    def _new_files(self) -> tuple[Written, ...]:
        session = self._held.session()
        listing = session.run(["git", "ls-files", "-z", "--others", "--exclude-standard"], cwd=session.workspace)
        paths = listing.output.split("\0")[:-1] if listing.code == 0 else []
        return self._held.changed(dict.fromkeys(paths, ""))

    def candidate(
        self,
        changes: Sequence[Written],
        summary: str,
        *,
        safe: bool = True,
        rules: Sequence[str] = (),
        new_files: bool = False,
        step_green: bool = False,
        notes: Sequence[str] = (),
    ) -> Candidate | None:
        """See `bot.ports.Tools.candidate`."""
        marked = sorted(w.path for w in changes if is_snapshot(w.path))
        if marked and self._snapshots:
            notes = (*notes, f"what tests expect was recorded anew, look at it: {', '.join(marked)}")
        elif marked:
            changes = [w for w in changes if w.path in self._blobs or w.path not in marked]
            rules = [r for r in rules if r != "snapshot"]
        tree = tree_with(self._git, self._commit, changes, new_files=new_files)
        diff = diff_of(self._git, self._commit, tree)
        if diff and self._since != self._commit:
            diff = diff_of(self._git, self._since, tree)
        if not diff:
            return None
        return Candidate(
            diff=diff,
            base=self._since,
            strategy=self._strategy,
            summary=summary,
            safe=safe,
            step_green=step_green,
            rules=tuple(rules),
            notes=tuple(notes),
        )


def file_of(git: Git, commit: str, path: str) -> bytes | None:
    """What a regular file of a commit holds; None where it has none of that name."""
    row = git.run("ls-tree", "-z", commit, "--", path, env={"GIT_LITERAL_PATHSPECS": "1"}).partition(b"\t")[0]
    about = row.decode().split()  # mode, kind, id
    return git.run("cat-file", "blob", about[2]) if about and about[0] in (FILE, PROGRAM) else None
