"""What GitHub can be told of a commit, so that it makes and signs it."""

from pathlib import Path

import pytest

from bot.adapters.git_plumbing import GitPlumbing
from bot.proposal.signed import files_of
from tests.projects import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, {"a": "x\n", "b": "x\n", "run.sh": "x\n", "d/c": b"\0\xff"})


def told(project: Project) -> dict[str, bytes | None] | None:
    """What is told of all that has changed since the first commit."""
    project.commit("Fix")
    return files_of(GitPlumbing(project.root / ".git"), "HEAD~1", "HEAD")


def test_contents_and_what_goes(project: Project) -> None:
    project.write({"a": "y\n", "new": b"\xff\0"})
    (project.root / "b").unlink()
    (project.root / "d/c").unlink()
    assert told(project) == {"a": b"y\n", "b": None, "d/c": None, "new": b"\xff\0"}


def test_modes_links_and_odd_names_are_left_to_a_push(project: Project) -> None:
    project.write({"run.sh": "y\n"})
    assert told(project) is None
    (project.root / "a").chmod(0o755)
    assert told(project) is None
    (project.root / "link").symlink_to("a")
    assert told(project) is None
    project.write({"ü": "x\n"})
    assert told(project) is None
