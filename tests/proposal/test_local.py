"""Handing a fix over on this machine: whole or not at all, and never over what somebody has changed."""

import os
from pathlib import Path

import pytest

from bot.adapters.checkouts import open_checkout
from bot.adapters.git_plumbing import GitPlumbing
from bot.errors import Conflict, MachineError
from bot.proposal.local import branch_name, to_branch, to_patch, to_work_tree
from tests.projects import Make, Project

BEFORE: dict[str, str | bytes] = {"a": "old\n", "gone": "x\n", "sub/b": "same\n"}


def git(made: Project) -> GitPlumbing:
    return GitPlumbing(made.root / ".git")


def two_commits(project: Make) -> tuple[Project, str, str]:
    """A project at its first commit, and the ids of that and of one that changes it."""
    made = project(BEFORE)
    before = made.git("rev-parse", "HEAD")
    made.write({"a": "new\n", "more/run.sh": "#!/bin/sh\n"})
    (made.root / "gone").unlink()
    after = made.commit("After")
    made.git("reset", "--quiet", "--hard", before)
    return made, before, after


def test_names_of_branches() -> None:
    assert (
        branch_name("0123456789ab", "Run ruff check in fix mode") == "regreen/0123456789ab-run-ruff-check-in-fix-mode"
    )
    assert branch_name("0123456789ab", "ÄÖÜ / ..") == "regreen/0123456789ab-fix"
    long = branch_name("0123456789ab", "commit what the job generates and everything that it leaves behind")
    assert long == "regreen/0123456789ab-commit-what-the-job-generates-and-everything"


def test_into_the_working_tree(project: Make) -> None:
    made, before, after = two_commits(project)
    for _ in range(2):  # again is the same
        to_work_tree(open_checkout(made.root), git(made), before, after)
        assert (made.root / "a").read_text() == "new\n"
        assert not (made.root / "gone").exists()
        assert os.access(made.root / "more" / "run.sh", os.X_OK)
    assert made.git("diff", "--stat", after, "--", "a", "sub") == ""


@pytest.mark.parametrize("change", ["content", "link", "folder", "there"])
def test_what_somebody_has_changed_stays(project: Make, tmp_path: Path, change: str) -> None:
    made, before, after = two_commits(project)
    (tmp_path / "elsewhere").mkdir()
    if change == "content":
        made.write({"a": "mine\n"})
    elif change == "link":
        (made.root / "a").unlink()
        (made.root / "a").symlink_to(tmp_path / "elsewhere")
    elif change == "folder":
        (made.root / "more").symlink_to(tmp_path / "elsewhere")
    else:
        made.write({"more/run.sh": "mine\n"})
    with pytest.raises(Conflict, match="has changed since it was replayed .nothing was written"):
        to_work_tree(open_checkout(made.root), git(made), before, after)
    assert (made.root / "gone").exists()
    assert not list((tmp_path / "elsewhere").iterdir())


def test_onto_a_branch(project: Make) -> None:
    made, before, after = two_commits(project)
    to_branch(git(made), git(made), "regreen/x", after, "")
    to_branch(git(made), git(made), "regreen/x", after, "")
    with pytest.raises(Conflict, match="holds a commit that is not Regreen's"):
        to_branch(git(made), git(made), "regreen/x", before, "")
    to_branch(git(made), git(made), "regreen/x", before, after)
    assert made.git("rev-parse", "regreen/x") == before


def test_into_a_file(tmp_path: Path) -> None:
    to_patch(tmp_path / "a.diff", "text\n")
    assert (tmp_path / "a.diff").read_text() == "text\n"
    with pytest.raises(MachineError, match="cannot be written: No such file or directory"):
        to_patch(tmp_path / "none" / "a.diff", "text\n")
    assert [p.name for p in tmp_path.iterdir()] == ["a.diff"]
