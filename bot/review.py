"""Any change of a repository before the guard: `regreen guard`. The composition root of that command alone.

It is apart from `app.py` since nothing is replayed: people run it before every commit, and must not wait for imports.
The checkout is only read; everything happens in a clone that borrows its objects, and goes when the answer is there.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.adapters.checkouts import open_checkout
from bot.adapters.git_plumbing import GitPlumbing
from bot.errors import GitFailed, Refused, UsageError
from bot.model import Refusal
from bot.ports import Checkout, Git
from bot.repair import patch
from bot.repair.difference import FILES, ChangedFile, blob_sizes, changed_files, contents, git_told, passages
from bot.repair.guard import RULES, Change, judge, reads
from bot.repair.guard.kinds import is_workflow
from bot.repair.trees import tree_after
from bot.repair.versions import more_than_versions
from bot.replay.source import Origin, commit_named
from bot.settings import Settings, settings_of
from bot.text.inert import plain

ALLOWABLE = RULES.keys() | {"binary", "git-file", "invisible-text"}
WORKFLOW = "workflow"
OF_FIXES = frozenset({WORKFLOW, "lock-file", "generated-file"})
"""Rules of the guard about what a fix of Regreen's may touch at all; a change that people make may."""
MAX_DIFF_BYTES = 50_000_000
MAX_FILE_BYTES = 5_000_000  # larger ones are not read; the guard itself stops at far smaller texts
MAX_BYTES = 200_000_000  # of all contents together, so that memory stays bounded


@dataclass(frozen=True)
class Asked:
    """What to judge: `diff`, or what changed since `base`; the working tree counts unless `committed`.

    `allow` are names of rules besides those that the settings allow; `as_fix` holds the change to what a fix of
    Regreen's is held to: patch policy and limits of scope, too.
    """

    diff: bytes | None = None
    base: str = ""
    committed: bool = False
    allow: frozenset[str] = frozenset()
    as_fix: bool = False


def review(path: Path, environ: Mapping[str, str], asked: Asked) -> tuple[Refusal, ...]:
    """The refusals of a change in the checkout around `path`, none when it is accepted.

    Raises `UsageError` where there is no checkout, no such revision, or no diff that fits.
    """
    checkout = open_checkout(path)
    theirs = GitPlumbing(checkout.common_dir)
    settings = settings_of(theirs, checkout, environ)
    if unknown := sorted(asked.allow - ALLOWABLE):
        raise UsageError(f"--allow: there is no rule '{unknown[0]}'", hint="docs/guard.md lists them")
    allow = asked.allow | set(settings.guard.allow)
    with tempfile.TemporaryDirectory(prefix="regreen-guard-") as folder:
        origin = Origin(Path(folder) / "source", lambda git_dir, tree: GitPlumbing(git_dir, work_tree=tree))
        origin.create(checkout)
        base, tree = _sides(origin, theirs, checkout, asked)
        files = changed_files(origin.git, base, tree)
        changes, large = _contents(origin.git, files)
        newer = settings.fix.workflow_files and asked.as_fix and WORKFLOW not in allow
        allowed = allow | ({WORKFLOW} if newer else set()) if asked.as_fix else allow | OF_FIXES
        told = judge(changes, allow=allowed, known=passages(origin.git, base), by_people=not asked.as_fix)
        found = {*large, *told}
        found = _held_to_versions(found, changes) if newer else found
        if asked.as_fix and files:
            found |= _policy(origin.git, base, tree, settings, allowed)
    return tuple(sorted((r for r in found if r.rule not in allow), key=lambda r: (r.file, r.line, r.rule, r.message)))


def _sides(origin: Origin, theirs: Git, checkout: Checkout, asked: Asked) -> tuple[str, str]:
    if asked.diff is not None:
        return _after(origin, checkout, asked.diff, committed=asked.committed)
    base = _merge_base(theirs, asked.base, checkout.head)
    return base, origin.snapshot(checkout, committed=asked.committed).commit


def _after(origin: Origin, checkout: Checkout, diff: bytes, *, committed: bool) -> tuple[str, str]:
    """What a diff is against, and the tree that it makes of it: HEAD, else HEAD with what is not committed yet."""
    if len(diff) > MAX_DIFF_BYTES:
        raise UsageError(f"the diff is larger than {MAX_DIFF_BYTES:,} bytes", hint="give the revision with --base")
    if not diff.strip():
        raise UsageError("the diff is empty", hint="git diff HEAD shows what is not committed yet")
    try:
        origin.git.run("apply", "--numstat", "-z", "-", stdin=diff)
    except GitFailed as e:
        raise UsageError(f"this is no diff that git can read: {git_told(e)}", hint="git diff --binary makes one") from e
    try:
        return checkout.head, tree_after(origin.git, checkout.head, diff)
    except GitFailed as failed:
        dirty = None if committed else origin.snapshot(checkout, committed=False)
        if dirty and dirty.dirty:
            try:
                return dirty.commit, tree_after(origin.git, dirty.commit, diff)
            except GitFailed:
                pass  # the first answer is the clearer one
        raise UsageError(
            f"the diff does not apply to the checkout's HEAD: {git_told(failed)}",
            hint="check out what it is against; for what is checked out already give --base",
        ) from failed


def _merge_base(theirs: Git, rev: str, head: str) -> str:
    told = commit_named(theirs, rev)
    hint = "a shallow checkout has few commits: fetch more of them"
    if told is None:
        raise UsageError(f"--base: there is no commit '{rev}'", hint=hint)
    merge_base = theirs.try_run("merge-base", told, head)
    if merge_base is None:
        raise UsageError(f"--base: HEAD and '{rev}' have no commit in common", hint=hint)
    return merge_base.decode().splitlines()[0]


def _contents(git: Git, files: tuple[ChangedFile, ...]) -> tuple[tuple[Change, ...], list[Refusal]]:
    """The changes of regular files, and refusals of those that the guard would read but that are too large."""
    regular = [_regular(f) for f in files]
    regular = [f for f in regular if f.old_sha or f.new_sha]
    sizes = blob_sizes(git, regular)
    small = {sha: size for sha, size in sizes.items() if size <= MAX_FILE_BYTES}
    if sum(small.values()) > MAX_BYTES:
        raise UsageError(f"the change has more than {MAX_BYTES:,} bytes in its files", hint="judge it in pieces")
    large = [f for f in regular if reads(f.path) and {f.old_sha, f.new_sha} & (sizes.keys() - small.keys())]
    told = f"more than {MAX_FILE_BYTES:,} bytes"
    refused = [Refusal(rule="unreadable", file=f.path, line=1, message=told) for f in large]
    return contents(git, [f for f in regular if f not in large], small), refused


def _regular(file: ChangedFile) -> ChangedFile:
    """The file without the sides that are links or submodules: those have no text."""
    return replace(
        file,
        old_sha=file.old_sha if file.old_mode in FILES else None,
        new_sha=file.new_sha if file.new_mode in FILES else None,
    )


def _held_to_versions(found: set[Refusal], changes: Sequence[Change]) -> set[Refusal]:
    """The refusals where `fix.workflow_files` lets fixes put newer versions into workflow files, and nothing else."""
    told = {c.path: more_than_versions(c) for c in changes if is_workflow(c.path)}
    kept = {r for r in found if r.rule != "weakened-command" or told.get(r.file) != ""}
    return kept | {Refusal(rule=WORKFLOW, file=path, line=1, message=what) for path, what in told.items() if what}


def _policy(git: Git, base: str, tree: str, settings: Settings, allow: frozenset[str]) -> set[Refusal]:
    limits = patch.PatchPolicy(allow=allow, max_files=settings.scope.max_files, max_lines=settings.scope.max_lines)
    try:
        patch.apply(git, base, patch.diff_of(git, base, tree), policy=limits)
    except Refused as e:
        return {r for r in e.findings if isinstance(r, Refusal)}
    return set()


def refused_row(found: Sequence[Refusal]) -> dict[str, Any]:
    """The answer for machines."""
    return {"accepted": not found, "refusals": [r.as_json() for r in found]}


def refused_lines(found: Sequence[Refusal]) -> Iterator[str]:
    """The answer for people: a line for each refusal, and one with the sum."""
    for refusal in found:
        place = f"{refusal.file}:{refusal.line}: " if refusal.file else ""
        yield " ".join(plain(f"{place}{refusal.rule}: {refusal.message}").split())
    if not found:
        yield "accepted: nothing in the change hides a failure"
        return
    places = len({r.file for r in found if r.file})
    where = f" in {places} file{'s'[: places > 1]}" if places else ""
    yield f"refused: {len(found)} finding{'s'[: len(found) > 1]}{where} (--allow RULE lets a rule go)"
