"""A candidate's diff becomes a tree and a commit, or a typed refusal that leaves nothing behind.

Only git reads the diff (`git apply`), so no second parser can see something else in it. What it says is checked before
(names, sizes) and what came of it after (`git diff-tree` of the two trees, which decides). New objects are made in a
throwaway object folder and enter the repository only when everything is in order. No work tree is ever touched.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import re2

from bot.errors import GitFailed, Refused, ScopeTooBig
from bot.model import Refusal
from bot.ports import Git
from bot.repair.binary_patch import binary_patch, claimed_sizes
from bot.repair.difference import (
    DIFF,
    FILES,
    NO_CONFIG,
    ChangedFile,
    blob_sizes,
    changed_files,
    contents,
    git_told,
    printable,
)
from bot.repair.guard.change import Change
from bot.repair.guard.kinds import is_lock
from bot.repair.hygiene import hidden_text, path_problems

RULES = {
    "malformed": "git cannot read the diff, or it is not against a commit",
    "does-not-apply": "the diff does not fit the commit",
    "empty": "the diff changes nothing",
    "scope": "more files, lines or bytes than the limit",
    "path": "a file name that leaves the repository or is read in two ways",
    "git-file": "files that steer git (.git*)",
    "workflow": "files that steer CI (.github/)",
    "symlink": "a symbolic link is added, changed or deleted",
    "submodule": "a submodule is added, changed or deleted",
    "mode": "a file mode other than 100644 and 100755",
    "binary": "binary content",
    "invisible-text": "bidirectional or invisible characters are added",
}
COMMIT = re2.compile(r"^([0-9a-f]{40}|[0-9a-f]{64})$")
ODD_MODE = re2.compile(r"^ (?:create mode ([0-7]+)|mode change [0-7]+ => ([0-7]+)) ")
IDENTITY = ("Regreen", "noreply@regreen.invalid")


@dataclass(frozen=True, slots=True)
class PatchPolicy:
    """What a candidate may touch and how much. `allow` holds rule names: `git-file`, `workflow`, `binary`, ...

    `path`, `symlink`, `submodule` and `mode` cannot be allowed, nor can the limits: those are numbers here. Lines of
    lock files do not count where `lock-file` is allowed: nobody reviews them line by line.
    """

    allow: frozenset[str] = frozenset()
    max_files: int = 10
    max_lines: int = 300
    max_diff_bytes: int = 1_000_000
    max_blob_bytes: int = 5_000_000


@dataclass(frozen=True, slots=True)
class Applied:
    """A diff that was applied to `base`: the resulting tree, which is in the repository, and what changed in it."""

    base: str
    tree: str
    files: tuple[ChangedFile, ...]
    changes: tuple[Change, ...]

    @property
    def added(self) -> int:
        """Lines added, all files together."""
        return sum(f.added for f in self.files)

    @property
    def removed(self) -> int:
        """Lines removed, all files together."""
        return sum(f.removed for f in self.files)


def apply(git: Git, base: str, diff: str, *, policy: PatchPolicy) -> Applied:
    """Apply `diff` to the commit or tree `base` (a full id) and return the new tree.

    Raises `Refused` with every refusal found, `ScopeTooBig` when it is more than the policy's limits. Nothing of a
    refused diff stays in the repository; of an accepted one only its blobs and trees.
    """
    content = _bytes_of(base, diff)
    _check_size(content, policy)
    with tempfile.TemporaryDirectory(prefix="regreen-apply-") as folder:
        env = _quarantine(git, Path(folder))
        _precheck(git, content, policy)
        tree = _tree_of(git, base, content, env)
        files = changed_files(git, base, tree, env)
        _check_files(files, policy)
        sizes = blob_sizes(git, files, env)
        if max(sizes.values()) > policy.max_blob_bytes:
            told = f"a file of {max(sizes.values())} bytes, the limit is {policy.max_blob_bytes}"
            raise _refused([_refusal("scope", "", told)], ScopeTooBig)
        changes = contents(git, files, sizes, env)
        _check_contents(changes, policy)
        files = tuple(_counted(f, c) for f, c in zip(files, changes, strict=True))
        _check_scope(len(files), sum(f.added + f.removed for f in files if _counts(f.path, policy)), policy)
        _keep(git, Path(folder) / "objects", env)
    return Applied(base=base, tree=tree, files=files, changes=changes)


def commit(git: Git, applied: Applied, message: str, parents: Sequence[str], *, when: datetime) -> str:
    """Commit the tree with plumbing, as Regreen, at the given time; return the commit's id. No branch moves."""
    name, email = IDENTITY
    date = f"{int(when.astimezone(UTC).timestamp())} +0000"
    env = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", name), ("EMAIL", email), ("DATE", date))
    }
    words = [word for parent in parents for word in ("-p", parent)]
    text = message.replace("\0", "").encode("utf-8", "replace")
    return (
        git.run("commit-tree", applied.tree, *words, "-F", "-", stdin=text, env={**NO_CONFIG, **env}).decode().strip()
    )


def diff_of(git: Git, base: str, tree: str) -> str:
    """Return the one unified diff from `base` to `tree`, in git's form: no renames, binary contents whole.

    It is always valid UTF-8 text: a file whose text diff is not is written as a binary patch.
    """
    whole = git.run(*DIFF, "-p", "--binary", base, tree, env=NO_CONFIG)
    try:
        return whole.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(_file_diff(git, base, tree, f) for f in changed_files(git, base, tree, NO_CONFIG))


def _file_diff(git: Git, base: str, tree: str, file: ChangedFile) -> str:
    args = (base, tree, "--", f":(top,literal){file.path}")
    text = git.run(*DIFF, "-p", "--binary", *args, env=NO_CONFIG)
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        header = text[: text.index(b"\n--- ") + 1].decode("utf-8", "surrogateescape")
    old, new = (git.run("cat-file", "blob", sha) if sha else b"" for sha in (file.old_sha, file.new_sha))
    return binary_patch(header, old, new)


def _refusal(rule: str, path: str, message: str, line: int = 0) -> Refusal:
    return Refusal(rule=rule, file=path, line=line, message=message)


def _refused(found: Sequence[Refusal], cls: type[Refused] = Refused) -> Refused:
    rules = ", ".join(sorted({r.rule for r in found}))
    return cls(f"the patch policy refuses the candidate: {rules}", refusals=found)


def _bytes_of(base: str, diff: str) -> bytes:
    try:
        content = diff.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as e:
        raise _refused([_refusal("malformed", "", "not text")]) from e
    if not COMMIT.search(base) or b"\0" in content:
        raise _refused([_refusal("malformed", "", "not a diff against a commit id")])
    return content


def _check_size(content: bytes, policy: PatchPolicy) -> None:
    if len(content) > policy.max_diff_bytes:
        told = f"the diff has {len(content)} bytes, the limit is {policy.max_diff_bytes}"
        raise _refused([_refusal("scope", "", told)], ScopeTooBig)
    largest = max(claimed_sizes(content.decode("utf-8", "replace")), default=0)
    if largest > policy.max_blob_bytes:
        told = f"a binary hunk makes more than {policy.max_blob_bytes} bytes"
        raise _refused([_refusal("scope", "", told)], ScopeTooBig)


def _quarantine(git: Git, folder: Path) -> Mapping[str, str]:
    """The environment in which git writes index and objects into `folder` and reads the repository's own objects."""
    index, objects = folder / "index", folder / "objects"
    objects.mkdir()
    env = {**NO_CONFIG, "GIT_INDEX_FILE": str(index)}
    told = os.fsdecode(git.run("rev-parse", "--git-path", "index", "--git-path", "objects", env=env)).splitlines()
    if Path(told[0]) != index:
        raise RuntimeError("the git port drops GIT_INDEX_FILE: the repository's own index would be changed")
    real = str((git.git_dir / told[1]).absolute())
    quoted = '"' + real.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return {**env, "GIT_OBJECT_DIRECTORY": str(objects), "GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted}


def _precheck(git: Git, content: bytes, policy: PatchPolicy) -> None:
    """What git says about the diff before anything is made of it: names, modes, counts."""
    try:
        numstat = git.run("apply", "--numstat", "-z", "-", stdin=content, env=NO_CONFIG)
        summary = git.run("apply", "--summary", "-", stdin=content, env=NO_CONFIG)
    except GitFailed as e:
        raise _refused([_refusal("malformed", "", git_told(e))]) from e
    rows = [row.split(b"\t", 2) for row in numstat.split(b"\0") if row]
    names = [row[2].decode("utf-8", "surrogateescape") for row in rows]
    counts = [
        sum(int(n) for n in row[:2] if n != b"-")
        for row, name in zip(rows, names, strict=True)
        if _counts(name, policy)
    ]
    found = [_refusal(rule, printable(p), told) for p in names for rule, told in path_problems(p, policy.allow)]
    found += _odd_modes(summary.decode("utf-8", "replace"))
    if found:
        raise _refused(found)
    _check_scope(len(rows), sum(counts), policy)


def _odd_modes(summary: str) -> Iterator[Refusal]:
    """Git maps odd modes such as 104755 to plain ones without a word; the diff that asks for them is refused."""
    for line in summary.splitlines():
        match = ODD_MODE.search(line)
        mode = (match.group(1) or match.group(2)) if match else ""
        if match and mode not in FILES:
            rule = {"120000": "symlink", "160000": "submodule"}.get(mode, "mode")
            yield _refusal(rule, printable(line[match.end() :]), f"mode {mode}")


def _counts(path: str, policy: PatchPolicy) -> bool:
    """Whether the lines of a file count."""
    return not (is_lock(path) and "lock-file" in policy.allow)


def _check_scope(files: int, lines: int, policy: PatchPolicy) -> None:
    over = []
    if files > policy.max_files:
        over.append(_refusal("scope", "", f"{files} files changed, the limit is {policy.max_files}"))
    if lines > policy.max_lines:
        over.append(_refusal("scope", "", f"{lines} lines changed, the limit is {policy.max_lines}"))
    if over:
        raise _refused(over, ScopeTooBig)


def _tree_of(git: Git, base: str, content: bytes, env: Mapping[str, str]) -> str:
    try:
        git.run("read-tree", f"{base}^{{tree}}", env=env)
    except GitFailed as e:
        raise _refused([_refusal("malformed", "", f"no such commit: {base}")]) from e
    words = ("--cached", "--whitespace=nowarn", "--no-ignore-whitespace", "-")
    try:
        git.run("apply", *words, stdin=content, env=env)
    except GitFailed as e:
        raise _refused([_refusal("does-not-apply", "", git_told(e))]) from e
    return git.run("write-tree", "--missing-ok", env=env).decode().strip()


def _counted(file: ChangedFile, change: Change) -> ChangedFile:
    """The file with its lines counted also where attributes call text binary; binary content has no lines."""
    if file.added >= 0:
        return file
    old, new = (Counter([] if change.binary else text.split("\n")) for text in (change.old_text, change.new_text))
    return replace(file, added=(new - old).total(), removed=(old - new).total())


def _check_files(files: Sequence[ChangedFile], policy: PatchPolicy) -> None:
    """Judge the trees themselves: this decides, whatever the diff looked like."""
    if not files:
        raise _refused([_refusal("empty", "", "the diff changes nothing")])
    found = []
    for file in files:
        name = printable(file.path)
        found += [_refusal(rule, name, told) for rule, told in path_problems(file.path, policy.allow)]
        modes = {file.old_mode, file.new_mode} - {None}
        if "120000" in modes:
            found.append(_refusal("symlink", name, "a symbolic link"))
        elif "160000" in modes:
            found.append(_refusal("submodule", name, "a submodule"))
        elif not modes <= FILES:
            found.append(_refusal("mode", name, f"file mode {file.new_mode}"))
    if found:
        raise _refused(found)
    _check_scope(len(files), 0, policy)


def _check_contents(changes: Sequence[Change], policy: PatchPolicy) -> None:
    found = []
    for change in changes:
        if change.binary and "binary" not in policy.allow:
            found.append(_refusal("binary", change.path, "binary content"))
        elif not change.binary and "invisible-text" not in policy.allow:
            found += [
                _refusal("invisible-text", change.path, told, line)
                for line, told in hidden_text(change.old_text, change.new_text)
            ]
    if found:
        raise _refused(found)


def _keep(git: Git, objects: Path, env: Mapping[str, str]) -> None:
    """Take the objects of the throwaway folder into the repository."""
    names = [f"{part.parent.name}{part.name}\n" for part in sorted(objects.glob("??/*"))]
    if names:
        pack = git.run("pack-objects", "--stdout", "-q", stdin="".join(names).encode(), env=env)
        git.run("unpack-objects", "-q", stdin=pack, env=NO_CONFIG)
