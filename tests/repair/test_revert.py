"""What a commit did is taken back in another one, in real repositories."""

from datetime import UTC, datetime

import pytest

from bot.adapters.git_plumbing import GitPlumbing
from bot.errors import Conflict, UsageError
from bot.repair.revert import revert, tree_without
from tests.projects import Make, Project

WHEN = datetime(2026, 1, 31, tzinfo=UTC)
LINES = "".join(f"line {n}\n" for n in range(20))


@pytest.fixture
def made(project: Make) -> Project:
    return project({"long": LINES, "other": "1\n"})


def git_of(project: Project) -> GitPlumbing:
    return GitPlumbing(project.root / ".git")


def change(project: Project, message: str, **files: str) -> str:
    project.write(dict(files))
    return project.commit(message)


def test_only_what_the_culprit_did_is_taken_back(made: Project) -> None:
    culprit = change(made, "Culprit", long=LINES.replace("line 3\n", "wrong\n"), added="x\n")
    head = change(made, "Later", long=LINES.replace("line 3\n", "wrong\n").replace("line 15\n", "later\n"), other="2\n")
    commit = revert(git_of(made), head, culprit, "Revert it", when=WHEN)
    assert made.git("rev-parse", f"{commit}^") == head
    assert made.git("diff", "--name-status", head, commit).split() == ["D", "added", "M", "long"]
    assert made.git("show", f"{commit}:long") == LINES.replace("line 15\n", "later\n").rstrip()
    assert revert(git_of(made), head, culprit, "Revert it", when=WHEN) == commit
    assert made.git("status", "--porcelain") == ""


def test_a_conflict_names_the_files(made: Project) -> None:
    culprit = change(made, "Culprit", long=LINES.replace("line 3\n", "wrong\n"), other="2\n")
    head = change(made, "Later", long=LINES.replace("line 3\n", "wrong, and built upon\n"), other="3\n")
    with pytest.raises(Conflict, match="later changes build on it in long, other"):
        tree_without(git_of(made), head, culprit)


def test_a_merge_is_taken_back_against_its_first_parent(made: Project) -> None:
    made.git("switch", "--quiet", "-c", "feature")
    change(made, "One", one="1\n")
    change(made, "Two", two="2\n")
    made.git("switch", "--quiet", "main")
    change(made, "Main", other="2\n")
    made.git("merge", "--quiet", "--no-ff", "-m", "Merge the feature", "feature")
    culprit, head = made.git("rev-parse", "HEAD"), change(made, "Later", other="3\n")
    commit = revert(git_of(made), head, culprit, "Revert it", when=WHEN)
    assert made.git("diff", "--name-status", head, commit).split() == ["D", "one", "D", "two"]


def test_a_squash_is_a_commit_like_any_other(made: Project) -> None:
    made.git("switch", "--quiet", "-c", "feature")
    change(made, "One", one="1\n")
    change(made, "Two", two="2\n")
    made.git("switch", "--quiet", "main")
    made.git("merge", "--quiet", "--squash", "feature")
    head = made.commit("A feature (#1)")
    commit = revert(git_of(made), head, head, "Revert it", when=WHEN)
    assert made.git("rev-parse", f"{commit}^{{tree}}") == made.git("rev-parse", f"{head}^^{{tree}}")


def test_what_is_reverted_already_leaves_the_tree_as_it_is(made: Project) -> None:
    culprit = change(made, "Culprit", other="2\n")
    head = change(made, "Back again", other="1\n")
    assert tree_without(git_of(made), head, culprit) == made.git("rev-parse", f"{head}^{{tree}}")


def test_the_first_commit_cannot_be_taken_back(made: Project) -> None:
    first = made.git("rev-parse", "HEAD")
    with pytest.raises(UsageError, match="is the first commit"):
        tree_without(git_of(made), first, first)
