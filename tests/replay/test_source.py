"""The pristine clone of a checkout: what is in it, and that making it runs nothing of the checkout's own."""

from contextlib import suppress
from pathlib import Path

import git
import pytest

from bot.adapters.checkouts import open_checkout
from bot.adapters.git_plumbing import GitPlumbing
from bot.errors import UsageError
from bot.replay.source import MAX_UNTRACKED, Origin, Snapshot
from tests.projects import Make, Project


def clone(project: Project, folder: Path, *, committed: bool = False) -> tuple[Origin, Snapshot]:
    checkout = open_checkout(project.root)
    origin = Origin(folder, lambda git_dir, tree: GitPlumbing(git_dir, work_tree=tree))
    origin.create(checkout)
    return origin, origin.snapshot(checkout, committed=committed)


def test_uncommitted_changes_become_a_commit_that_is_always_the_same(project: Make, tmp_path: Path) -> None:
    made = project({"a": "old\n", "b": "b\n", "sub/c": "c\n", ".gitignore": "*.log\n"})
    made.write({"a": "new\n", "d": "d\n", "x.log": "x\n"})
    (made.root / "b").unlink()
    made.git("add", "d")
    before = made.git("status", "--porcelain")
    origin, snapshot = clone(made, tmp_path / "one")
    assert snapshot.dirty
    assert origin.paths(snapshot.commit) == {".gitignore", "a", "d", "sub/c"}
    assert origin.read(snapshot.commit, "a") == b"new\n"
    assert clone(made, tmp_path / "two")[1] == snapshot
    assert made.git("status", "--porcelain") == before
    _, clean = clone(made, tmp_path / "three", committed=True)
    assert (clean.dirty, clean.commit) == (False, made.git("rev-parse", "HEAD"))


def test_planted_configuration_never_runs(project: Make, tmp_path: Path) -> None:
    made = project({"a": "a\n", "big": "b\n"})
    marker = tmp_path / "ran"
    script = tmp_path / "planted"
    script.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    script.chmod(0o755)
    (made.root / ".gitattributes").write_text("* filter=evil diff=evil\n")
    for key, value in {
        "core.fsmonitor": script, "filter.evil.clean": script, "filter.evil.smudge": script, "filter.evil.process": script,
        "filter.evil.required": "true", "diff.evil.textconv": script, "diff.external": script, "core.sshCommand": script,
        "core.pager": script, "core.editor": script, "gpg.program": script, "commit.gpgSign": "true",
    }.items():  # fmt: skip
        made.git("config", key, str(value))
    for hook in ("post-checkout", "pre-commit", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
        path = made.root / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(script.read_text())
        path.chmod(0o755)
    (made.root / "a").write_text("changed\n")
    nested = made.root / "nested"
    nested.mkdir()
    Project(nested, {"x": "x\n"}).git("config", "core.fsmonitor", str(script))
    marker.unlink(missing_ok=True)
    origin, snapshot = clone(made, tmp_path / "clone")
    assert origin.read(snapshot.commit, "a") == b"changed\n"
    assert not marker.exists()
    with suppress(git.GitCommandError):
        made.git("status", "--porcelain")
    assert marker.exists(), "the positive control: git itself runs it"


def test_refs_come_as_those_of_a_remote(project: Make, tmp_path: Path) -> None:
    made = project({"a": "a\n"})
    made.git("branch", "feature")
    made.git("tag", "v1")
    made.git("branch", "regreen/0123456789ab-x")
    origin, _ = clone(made, tmp_path / "clone")
    refs = origin.git.run("for-each-ref", "--format=%(refname)", "refs/remotes", "refs/tags").decode().split()
    assert refs == ["refs/remotes/origin/feature", "refs/remotes/origin/main", "refs/tags/v1"]


@pytest.mark.parametrize("shape", ["detached", "worktree", "shallow", "subfolder", "borrowing"])
def test_unusual_checkouts(project: Make, tmp_path: Path, shape: str) -> None:
    made = project({"a": "1\n", "sub/b": "b\n"})
    made.write({"a": "2\n"})
    head = made.commit("Second")
    root = tmp_path / shape
    if shape == "detached":
        made.git("checkout", "--quiet", "--detach", "HEAD~1")
        head, root = made.git("rev-parse", "HEAD"), made.root
    elif shape == "worktree":
        made.git("worktree", "add", "--quiet", str(root))
    elif shape == "subfolder":
        root = made.root / "sub"
    else:
        how = ["--depth=1", f"file://{made.root}"] if shape == "shallow" else ["--shared", str(made.root)]
        made.git("clone", "--quiet", *how, str(root))
    origin, snapshot = clone(Project(root), tmp_path / "clone")
    assert snapshot.commit == head
    assert origin.read(snapshot.commit, "a") == (b"1\n" if shape == "detached" else b"2\n")
    assert bool(origin.alternates()) is (shape == "borrowing")


def test_what_cannot_be_replayed_is_said(project: Make, tmp_path: Path) -> None:
    made = project({"a": "1\n"})
    with (made.root / "huge").open("wb") as file:
        file.truncate(MAX_UNTRACKED + 1)
    with pytest.raises(UsageError, match=r"huge is larger than 100,000,000 bytes .*--committed"):
        clone(made, tmp_path / "one")
    (made.root / "huge").unlink()
    made.git("checkout", "--quiet", "-b", "other")
    made.write({"a": "2\n"})
    made.commit("Other")
    made.git("checkout", "--quiet", "main")
    made.write({"a": "3\n"})
    made.commit("Main")
    with pytest.raises(Exception, match="Merge conflict"):
        made.git("merge", "other")
    with pytest.raises(UsageError, match="unmerged files: a"):
        clone(made, tmp_path / "two")
