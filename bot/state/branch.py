"""The orphan branch that holds all state, changed by compare-and-swap: here, or on a remote that others push to too.

Without a remote the local branch is the truth. With one, the remote's branch is, and the local one follows it. A change
is a function of what the branch holds: who loses the race has it decided again on the winner's commit.
"""

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

from filelock import FileLock, Timeout
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from bot.errors import CorruptCache, Forbidden, GitFailed, RegreenError, Transient, UsageError
from bot.ports import Clock, Git
from bot.state.locks import clear_stale
from bot.state.objects import Change, Entry, View, build

NAME = "regreen/state"
REF = f"refs/heads/{NAME}"
# Only one of the racing processes wins each round, so the time is bounded and not the number of rounds. 32 clones that
# save twice each into one remote, all on two cores, took 15 s on an idle machine, 23 s on a busy one: over twice that.
PATIENCE_SECONDS = 60.0
# The processes of one machine take turns, which makes racing cheap. It is a courtesy: whoever does not get the turn in
# this time goes on without, and the compare-and-swap keeps everything right.
TURN_SECONDS = 5.0
LOST = ("[rejected]", "cannot lock ref", "failed to update ref", "failed to lock", "incorrect old value")
DENIED = ("returned error: 401", "returned error: 403", "authentication failed", "permission denied")
WRITE = "give the token the permission contents: write, for incidents are kept on that branch"
UNREACHABLE = (
    "could not resolve",
    "timed out",
    "connection",
    "hung up",
    "early eof",
    "returned error: 5",
    "empty reply",
    "rpc failed",
)

T = TypeVar("T")
Decide = Callable[[View], tuple[Change | None, T]]
Reconcile = Callable[[View, View, View], Mapping[str, bytes | Entry | None]]


class _Lost(Transient):
    """Somebody else was first; the next round may win."""


class _Unreachable(Transient):
    """The remote did not answer, or not to the end."""


class _Base(NamedTuple):
    head: str | None  # what the next commit stands on
    theirs: str | None  # where the remote's branch is


class Branch:
    """One state branch.

    `reconcile(ours, theirs, common)` says which files of a local branch that was used without the remote are to be put
    onto the remote's branch. `patience` is in seconds.
    """

    def __init__(
        self,
        git: Git,
        *,
        clock: Clock,
        reconcile: Reconcile,
        remote: str | None = None,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._git = git
        self._clock = clock
        self._reconcile = reconcile
        self._remote = remote
        self._patience = patience
        self._tidied = False
        self._newest: str | None = None
        mark = hashlib.sha256((remote or "").encode()).hexdigest()[:12]
        self._seen = f"refs/regreen/seen/{mark}"  # the remote's branch when the local one last followed it

    def view(self) -> View:
        """The branch as it is now, on the remote if there is one. Raises `Transient` when that is unreachable."""
        return View(self._git, self._retrying(_Lost)(self._sync).head)

    def commit(self, decide: Decide[T]) -> T:
        """Make the commit that `decide` wants and return its answer.

        `decide` gets the newest view and returns a change (None: nothing to do) and an answer; it is asked again after
        every lost race, and what it raises ends the whole. Raises `Transient` when the branch stayed busy or the
        remote unreachable, `GitFailed` when git refuses for another reason.
        """
        tried: list[tuple[str, T]] = []
        answer: T = self._retrying(_Lost, _Unreachable)(self._once, decide, tried)
        return answer

    def _retrying(self, *passing: type[Transient]) -> Retrying:
        return Retrying(
            sleep=self._clock.sleep,
            stop=stop_after_delay(self._patience),
            wait=wait_random_exponential(multiplier=0.2, max=4),
            retry=retry_if_exception_type(passing),
            reraise=True,
        )

    def _once(self, decide: Decide[T], tried: list[tuple[str, T]]) -> T:
        with self._turn():
            self._tidy()
            base = self._remembered()
            decided = self._decided(base, decide) if base else None
            if base is None or decided is None:
                base = self._sync()
                for commit, told in tried:
                    if self._contains(base.head, commit):
                        return told
                decided = decide(View(self._git, base.head))
            change, answer = decided
            if change is None:
                return answer
            commit = build(self._git, change, base.head, self._clock.now())
            try:
                self._publish(base, commit)
            except (_Unreachable, _Lost) as e:
                self._newest = None
                if isinstance(e, _Unreachable):  # the connection broke, and the push may have arrived all the same
                    tried.append((commit, answer))
                raise
            return answer

    def _remembered(self) -> _Base | None:
        """The remote's branch as this object saw it last, where nobody has moved ours since.

        Most of the time it is still there, and asking for it would double what a save costs; the push finds it out.
        """
        known = self._newest
        return _Base(known, known) if known and self._rev(REF) == self._rev(self._seen) == known else None

    def _decided(self, base: _Base, decide: Decide[T]) -> tuple[Change | None, T] | None:
        """What is decided on a view that may be old: only to change something, for a refusal needs the newest one."""
        try:
            decided = decide(View(self._git, base.head))
        except RegreenError:
            return None
        return None if decided[0] is None else decided

    def _tidy(self) -> None:
        """A push also moves the remote-tracking branch: a lock that a kill left there would fail the user's fetch."""
        if not self._tidied and self._remote and re.fullmatch(r"\w[\w.-]*", self._remote):
            clear_stale([self._common / "refs" / "remotes" / self._remote / f"{NAME}.lock"], self._clock)
        self._tidied = True

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        lock = FileLock(self._common / "regreen" / "turn.lock")
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(Timeout, OSError, NotImplementedError):
                Path(lock.lock_file).parent.mkdir(exist_ok=True)
                stack.enter_context(lock.acquire(timeout=TURN_SECONDS))
            yield

    @cached_property
    def _common(self) -> Path:
        told = self._git.run("rev-parse", "--git-common-dir").decode().strip()
        return (self._git.git_dir / told).resolve()

    def _publish(self, base: _Base, commit: str) -> None:
        if self._remote is None:
            self._move({REF: (commit, base.head)})
            return
        lease = f"--force-with-lease={REF}:{base.theirs or ''}"
        with _told_apart():
            self._git.run("push", "--quiet", "--no-verify", lease, "--", self._remote, f"{commit}:{REF}", timeout=60)
        with contextlib.suppress(_Lost):  # the push decided; the next sync follows it
            self._move({REF: (commit, self._rev(REF)), self._seen: (commit, self._rev(self._seen))})
        self._newest = commit

    def _sync(self) -> _Base:
        ours = self._rev(REF)
        if self._remote is None:
            return _Base(ours, None)
        theirs = self._advertised()
        self._newest = theirs
        if theirs is None or theirs == ours:
            return _Base(ours, theirs)
        self._fetch(theirs)
        seen = self._rev(self._seen)
        if ours is None or self._contains(theirs, ours) or self._contains(seen, ours):
            self._move({REF: (theirs, ours), self._seen: (theirs, seen)})
            return _Base(theirs, theirs)
        if self._contains(ours, theirs):
            return _Base(ours, theirs)
        return self._join(ours, theirs, seen)

    def _join(self, ours: str, theirs: str, seen: str | None) -> _Base:
        """The local branch went its own way (it was used without the remote): put what is only there onto theirs."""
        views = (View(self._git, ours), View(self._git, theirs), View(self._git, seen))
        change = Change("Join what was saved without the remote", self._reconcile(*views))
        joined = build(self._git, change, theirs, self._clock.now())
        self._move({REF: (joined, ours), self._seen: (theirs, seen)})
        return _Base(joined, theirs)

    def _advertised(self) -> str | None:
        assert self._remote is not None
        with _told_apart():
            lines = self._git.run("ls-remote", "--", self._remote, REF, timeout=60).decode().splitlines()
        return next((sha for sha, _, ref in (line.partition("\t") for line in lines) if ref == REF), None)

    def _fetch(self, commit: str) -> None:
        assert self._remote is not None
        options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=")
        with _told_apart():
            self._git.run("fetch", *options, "--", self._remote, REF, timeout=300)
        if self._git.try_run("cat-file", "-e", f"{commit}^{{commit}}") is None:
            raise _Lost(f"the branch {NAME} was replaced while it was fetched")

    def _rev(self, ref: str) -> str | None:
        commit = self._resolved(f"{ref}^{{commit}}")
        named = None if commit else self._resolved(ref)
        if named is None:
            return commit
        # There is a ref and no commit of it: broken, unless it was made just now, between the two questions.
        if self._resolved(f"{named}^{{commit}}") is None:
            raise CorruptCache(f"the commit of {ref} does not read", hint=f"git update-ref -d {ref} starts afresh")
        return named

    def _resolved(self, name: str) -> str | None:
        out = self._git.try_run("rev-parse", "--verify", "--quiet", name)
        return out.decode().strip() if out else None

    def _contains(self, commit: str | None, other: str) -> bool:
        return commit is not None and self._git.try_run("merge-base", "--is-ancestor", other, commit) is not None

    def _move(self, refs: Mapping[str, tuple[str, str | None]]) -> None:
        """Move refs from (second) their expected commits, None for a new ref, to (first) new ones, or raise."""
        lines = (f"update {ref} {new} {old or '0' * len(new)}\n" for ref, (new, old) in refs.items())
        try:
            with _told_apart():
                self._git.run("update-ref", "--stdin", stdin="".join(lines).encode())
        except _Lost:
            clear_stale([self._common / f"{ref}.lock" for ref in refs], self._clock)
            raise


@contextlib.contextmanager
def _told_apart() -> Iterator[None]:
    """Turn a git failure that may pass (a lost race, a broken connection) into `Transient`."""
    try:
        yield
    except GitFailed as e:
        if e.says(["exists; cannot create"]):
            hint = f"the state branch is {NAME}; rename the other one"
            raise UsageError("a branch named regreen is in the way of the state branch", hint=hint) from e
        if e.says(DENIED):
            raise Forbidden(f"the branch {NAME} cannot be pushed", hint=WRITE) from e
        if e.says(LOST):
            raise _Lost(f"the branch {NAME} is busy: others kept saving first", hint="try again") from e
        if e.says(UNREACHABLE):
            raise _Unreachable(f"the remote of {NAME} cannot be reached: {e.message}", hint="try again") from e
        raise
