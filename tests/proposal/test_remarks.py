"""Suggestions, committed as GitHub commits them, make the fix; what they cannot say is no suggestion."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bot.adapters.git_plumbing import GitPlumbing
from bot.github import Remark
from bot.proposal.remarks import remarks
from tests.projects import Project

LINES = [f"line {n}" for n in range(1, 31)]
OLD = "\n".join(LINES) + "\n"
HEAD = OLD.replace("line 10\n", "line ten\n").replace("line 20\n", "line twenty\n")
"""The pull request shows the lines 7 to 13 and 17 to 23."""


def given(
    tmp_path: Path, fixed: Mapping[str, str | bytes | None], head: str = HEAD, diff: str = ""
) -> Sequence[Remark]:
    """The suggestions for a fix on top of a pull request that has changed the file `a b.txt` from OLD to `head`."""
    project = Project(tmp_path / "one", {"a b.txt": OLD, "other": "x\n", "run.sh": "x\n"})
    base = project.git("rev-parse", "HEAD")
    project.write({"a b.txt": head})
    project.commit("Feature")
    feature = project.git("rev-parse", "HEAD")
    for name, content in fixed.items():
        if content is None:
            (project.root / name).unlink()
        else:
            (project.root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    project.commit("Fix")
    fix = project.git("rev-parse", "HEAD")
    told = diff or project.git("diff", feature, fix)
    return remarks(GitPlumbing(project.root / ".git"), base, feature, fix, told)


def committed(text: str, found: Sequence[Remark]) -> str:
    """A text after all suggestions were committed."""
    lines = text.splitlines(keepends=True)
    for one in sorted(found, key=lambda r: r.line, reverse=True):
        block = re.fullmatch(r"(`{3,})suggestion\n(.*)\1", one.body, re.DOTALL)
        assert block
        assert block[1] not in block[2]
        lines[one.start_line - 1 : one.line] = block[2].splitlines(keepends=True)
    return "".join(lines)


FIXES = {
    "a line": (HEAD.replace("line ten", "line 10!"), 1),
    "lines far from each other": (HEAD.replace("line ten", "10").replace("line 21\nline 22\n", "21\n"), 2),
    "lines close to each other": (HEAD.replace("line ten", "10").replace("line 12", "12"), 1),
    "lines that go": (HEAD.replace("line 8\nline 9\n", ""), 1),
    "lines that come": (HEAD.replace("line 11\n", "line 11\n\n  eleven and a half\n"), 1),
    "a fence": (HEAD.replace("line 11\n", "````\nx\n```\n"), 1),
    "trailing spaces": (HEAD.replace("line 11\n", "line 11\n\n  \n"), 1),
}


@pytest.mark.parametrize("name", FIXES)
def test_suggestions_are_the_fix(tmp_path: Path, name: str) -> None:
    fixed, count = FIXES[name]
    found = given(tmp_path, {"a b.txt": fixed})
    assert {one.path for one in found} == {"a b.txt"}
    assert len(found) == count
    assert committed(HEAD, found) == fixed


def test_lines_come_before_the_first_one(tmp_path: Path) -> None:
    head = OLD.replace("line 2\n", "line two\n")
    found = given(tmp_path, {"a b.txt": "zero\n" + head}, head)
    assert committed(head, found) == "zero\n" + head


NO: Mapping[str, Mapping[str, str | bytes | None]] = {
    "a line that is not shown": {"a b.txt": HEAD.replace("line 1\n", "one\n")},
    "one hunk of two": {"a b.txt": HEAD.replace("line ten", "10").replace("line 30", "30")},
    "lines of two hunks": {"a b.txt": HEAD.partition("line 12")[0] + "x\n" + HEAD.partition("line 18\n")[2]},
    "another file": {"a b.txt": HEAD.replace("line ten", "10"), "other": "y\n"},
    "a new file": {"new": "x\n"},
    "a deleted file": {"a b.txt": None},
    "CRLF": {"a b.txt": HEAD.replace("line ten\n", "line ten\r\n")},
    "an odd character": {"a b.txt": HEAD.replace("line ten", "line \u202e ten")},
    "no UTF-8": {"a b.txt": HEAD.encode().replace(b"line ten", b"line \xff")},
    "a binary": {"a b.txt": b"\0"},
    "a line too long": {"a b.txt": HEAD.replace("line ten", "x" * 61_000)},
}


@pytest.mark.parametrize("name", NO)
def test_what_suggestions_cannot_say_is_none(tmp_path: Path, name: str) -> None:
    assert given(tmp_path, NO[name]) == ()


def test_the_end_of_a_file_without_a_newline_is_none(tmp_path: Path) -> None:
    head = HEAD.replace("line 30\n", "line thirty\n")
    assert given(tmp_path, {"a b.txt": head.rstrip("\n")}, head) == ()


def test_a_mode_is_none(tmp_path: Path) -> None:
    project = Project(tmp_path, {"a": "x\n"})
    base = project.git("rev-parse", "HEAD")
    (project.root / "a").write_text("y\n")
    project.commit("Feature")
    feature = project.git("rev-parse", "HEAD")
    (project.root / "a").write_text("z\n")
    (project.root / "a").chmod(0o755)
    project.commit("Fix")
    diff = project.git("diff", feature, "HEAD")
    assert remarks(GitPlumbing(tmp_path / ".git"), base, feature, project.git("rev-parse", "HEAD"), diff) == ()


def test_what_the_record_does_not_hold_is_not_told(tmp_path: Path) -> None:
    assert given(tmp_path, {"a b.txt": HEAD.replace("line ten", "secret")}, diff="+[REDACTED]") == ()
