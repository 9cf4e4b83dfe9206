"""Applying candidates to real repositories, committing them, and writing diffs down again."""

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from bot.adapters.git_plumbing import GitPlumbing
from bot.errors import Refused
from bot.repair.patch import Applied, PatchPolicy, apply, commit, diff_of
from bot.repair.trees import remade
from tests.repair.helpers import FILES, LINES, Entry, commit_files, fingerprint, make_repository, show, tree_paths

DEFAULT = PatchPolicy()
WHEN = datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
ADDS_A_LINE = "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,3 @@\n one\n+new\n two\n"


ODD_NAMES: dict[str, Entry] = {"sp ace 'q'": b"1\n", 'dq"': b"1\n", "dash-é-日": b"1\n"}
DELETES_AND_ADDS = """\
diff --git a/src/app.py b/src/app.py
deleted file mode 100644
--- a/src/app.py
+++ /dev/null
@@ -1,5 +0,0 @@
-import os
-
-
-def main():
-    return os.name
diff --git a/src/new.py b/src/new.py
new file mode 100755
--- /dev/null
+++ b/src/new.py
@@ -0,0 +1,2 @@
+x = 1
+y = 2
"""


@pytest.fixture
def repository(tmp_path: Path) -> tuple[GitPlumbing, str]:
    return make_repository(tmp_path / "repo.git")


def allowing(*rules: str) -> PatchPolicy:
    return PatchPolicy(allow=frozenset(rules))


def test_apply_makes_a_tree_and_says_what_changed(repository: tuple[GitPlumbing, str]) -> None:
    git, base = repository
    applied = apply(git, base, ADDS_A_LINE + DELETES_AND_ADDS, policy=DEFAULT)
    assert show(git, applied.tree, "a.txt") == LINES.replace(b"two", b"new\ntwo")
    assert set(tree_paths(git, applied.tree)) ^ set(tree_paths(git, base)) == {"src/app.py", "src/new.py"}
    told = {f.path: (f.old_mode, f.new_mode, f.added, f.removed) for f in applied.files}
    assert told == {
        "a.txt": ("100644", "100644", 1, 0),
        "src/app.py": ("100644", None, 0, 5),
        "src/new.py": (None, "100755", 2, 0),
    }
    assert (applied.added, applied.removed) == (3, 5)
    changes = {c.path: (c.old, c.new) for c in applied.changes}
    assert changes["src/new.py"] == (None, b"x = 1\ny = 2\n")
    assert changes["src/app.py"] == (FILES["src/app.py"], None)
    assert git.run("rev-parse", "refs/heads/main").decode().strip() == base


def test_apply_where_a_neighbour_of_the_file_is_lost(repository: tuple[GitPlumbing, str]) -> None:
    git, base = repository
    blob = git.run("rev-parse", f"{base}:bin.dat").decode().strip()
    (git.git_dir / "objects" / blob[:2] / blob[2:]).unlink()
    applied = apply(git, base, ADDS_A_LINE, policy=DEFAULT)
    made = commit(git, applied, "x", [base], when=WHEN)
    assert [f.path for f in applied.files] == ["a.txt"]
    assert remade(git, base, ADDS_A_LINE, "x", when=WHEN) == made


def test_apply_against_a_tree_id_and_twice_gives_the_same(repository: tuple[GitPlumbing, str]) -> None:
    git, base = repository
    tree = git.run("rev-parse", f"{base}^{{tree}}").decode().strip()
    assert apply(git, tree, ADDS_A_LINE, policy=DEFAULT).tree == apply(git, base, ADDS_A_LINE, policy=DEFAULT).tree


def test_no_index_and_no_stray_object_remains(repository: tuple[GitPlumbing, str], tmp_path: Path) -> None:
    git, base = repository
    before = fingerprint(tmp_path)
    applied = apply(git, base, ADDS_A_LINE, policy=DEFAULT)
    new = sorted(set(fingerprint(tmp_path)) - set(before))
    objects = ["".join(Path(name).parts[-2:]) for name in new]
    assert sorted(objects) == sorted([applied.tree, *(f.new_sha or "" for f in applied.files)])


@pytest.mark.parametrize(
    ("old", "new", "policy"),
    [
        ({"a": b"1\n"}, {"a": b"2\n"}, DEFAULT),
        ({"a": b"1"}, {"a": b"1\n"}, DEFAULT),
        ({"a": b"1\n"}, {"a": b""}, DEFAULT),
        ({"a": b""}, {"a": b"", "empty": b""}, DEFAULT),
        ({"a": b"1\r\n2\r\n"}, {"a": b"1\r\n3\r\n"}, DEFAULT),
        ({"a": b"1\n"}, {"a": ("100755", b"1\n")}, DEFAULT),
        ({"a": b"x\n" * 50}, {"b": b"x\n" * 49 + b"y\n"}, DEFAULT),
        (ODD_NAMES, dict.fromkeys(ODD_NAMES, b"2\n"), DEFAULT),
        ({"latin": b"caf\xe9\nx\n"}, {"latin": b"caf\xe9\ny\n", "b": b"x\n"}, DEFAULT),
        ({"latin": b"x\n"}, {"b": b"\xff\xfe\n"}, DEFAULT),
        ({"latin": b"caf\xe9\n", "b": b"x\n"}, {"b": b"y\n"}, DEFAULT),
        ({"bin": b"\0\1" * 500}, {"bin": b"\0\1" * 499 + b"\2\3"}, allowing("binary")),
        ({"a": b" \n\t\n"}, {"a": b"\t \n\t\n\n\n"}, DEFAULT),
        ({"a": b"-- x\n+++ y\n"}, {"a": b"-- x\n++ y\n@@ -1 +1 @@\n"}, DEFAULT),
    ],
    ids=str,
)
def test_diff_of_says_exactly_what_apply_does(
    old: Mapping[str, Entry], new: Mapping[str, Entry], policy: PatchPolicy, tmp_path: Path
) -> None:
    git, base = make_repository(tmp_path / "repo.git", {"keep": b"k\n", **old})
    wanted = commit_files(git, {"keep": b"k\n", **new}, base)
    tree = git.run("rev-parse", f"{wanted}^{{tree}}").decode().strip()
    diff = diff_of(git, base, tree)
    diff.encode("utf-8")
    fresh, same_base = make_repository(tmp_path / "fresh.git", {"keep": b"k\n", **old})
    assert same_base == base
    applied = apply(fresh, base, diff, policy=policy)
    assert applied.tree == tree
    assert diff_of(fresh, base, applied.tree) == diff


def test_rename_within_the_tree_is_a_deletion_and_an_addition(repository: tuple[GitPlumbing, str]) -> None:
    git, base = repository
    diff = "diff --git a/a.txt b/b.txt\nsimilarity index 100%\nrename from a.txt\nrename to b.txt\n"
    applied = apply(git, base, diff, policy=DEFAULT)
    assert {f.path: (f.old_mode, f.new_mode) for f in applied.files} == {
        "a.txt": ("100644", None),
        "b.txt": (None, "100644"),
    }


@pytest.mark.parametrize(
    ("rule", "path"),
    [("workflow", ".github/workflows/ci.yml"), ("git-file", ".gitignore"), ("git-file", "src/.gitattributes")],
)
def test_what_a_strategy_is_about_is_allowed_by_name(rule: str, path: str, repository: tuple[GitPlumbing, str]) -> None:
    git, base = repository
    wanted = commit_files(git, {**FILES, path: b"new\n"}, base)
    diff = diff_of(git, base, wanted)
    with pytest.raises(Refused) as caught:
        apply(git, base, diff, policy=allowing("binary", "invisible-text"))
    assert caught.value.refusals[0].startswith(f"{rule}: {path}")
    assert [f.path for f in apply(git, base, diff, policy=allowing(rule)).files] == [path]


@pytest.mark.parametrize("path", [".gitmodules", ".git/config", "a/.GITMODULES", "git~2"])
def test_some_names_no_allowance_opens(path: str, repository: tuple[GitPlumbing, str]) -> None:
    git, base = repository
    diff = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
    with pytest.raises(Refused):
        apply(git, base, diff, policy=allowing("git-file", "path", "workflow", "symlink", "submodule", "mode"))


def test_symlinks_and_submodules_no_allowance_opens(repository: tuple[GitPlumbing, str]) -> None:
    git, base = repository
    every = allowing("symlink", "submodule", "mode", "path", "git-file", "binary")
    for changed in ({"link": ("120000", b"/etc")}, {"module": ("160000", b"2" * 40)}):
        diff = diff_of(git, base, commit_files(git, {**FILES, **changed}, base))
        with pytest.raises(Refused):
            apply(git, base, diff, policy=every)


def test_invisible_text_that_was_there_before_is_no_concern(tmp_path: Path) -> None:
    old = "\ufeffzero\u200bwidth\nx\n".encode()
    git, base = make_repository(tmp_path / "repo.git", {"a.txt": old})
    for new in ("\ufeffzero\u200bwidth\ny\n", "zerowidth\nx\n", "\ufeffx\nzero\u200bwidth\n"):
        diff = diff_of(git, base, commit_files(git, {"a.txt": new.encode()}, base))
        assert apply(git, base, diff, policy=DEFAULT).files
    diff = diff_of(git, base, commit_files(git, {"a.txt": old + "\u200b\n".encode()}, base))
    with pytest.raises(Refused, match="invisible-text") as caught:
        apply(git, base, diff, policy=DEFAULT)
    assert caught.value.refusals == ("invisible-text: a.txt:3: adds the invisible character U+200B",)
    assert apply(git, base, diff, policy=allowing("invisible-text")).files


def test_commit_is_the_same_for_the_same_input(
    repository: tuple[GitPlumbing, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    git, base = repository
    applied = apply(git, base, ADDS_A_LINE, policy=DEFAULT)
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
    monkeypatch.setenv("EMAIL", "else@example.org")
    first = commit(git, applied, "Fix it\n\nRegreen-Incident: 1\n", [base], when=WHEN)
    second = commit(
        git, applied, "Fix it\n\nRegreen-Incident: 1\n", [base], when=WHEN.astimezone(timezone(timedelta(hours=5)))
    )
    assert first == second
    told = git.run("cat-file", "commit", first).decode()
    who = f"Regreen <noreply@regreen.invalid> {int(WHEN.timestamp())} +0000"
    assert told == (
        f"tree {applied.tree}\nparent {base}\nauthor {who}\ncommitter {who}\n\nFix it\n\nRegreen-Incident: 1\n"
    )
    assert git.run("rev-parse", "refs/heads/main").decode().strip() == base
    assert "parent" not in git.run("cat-file", "commit", commit(git, applied, "x", [], when=WHEN)).decode()


class ForgetfulGit:
    """A port that loses the environment it is given, as one that cleans it after the caller's additions would."""

    def __init__(self, git: GitPlumbing) -> None:
        self._git = git

    @property
    def git_dir(self) -> Path:
        return self._git.git_dir

    def run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, timeout: float = 600) -> bytes:
        del env
        return self._git.run(*args, stdin=stdin, timeout=timeout)

    def try_run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes | None:
        del env
        return self._git.try_run(*args, stdin=stdin)


def test_the_repositorys_own_index_is_never_used(tmp_path: Path) -> None:
    git, base = make_repository(tmp_path / "repo", bare=False)
    git.run("read-tree", base)
    before = fingerprint(tmp_path / "repo")
    with pytest.raises(RuntimeError, match="GIT_INDEX_FILE"):
        apply(ForgetfulGit(git), base, ADDS_A_LINE, policy=DEFAULT)
    assert fingerprint(tmp_path / "repo") == before
    applied = apply(git, base, ADDS_A_LINE, policy=DEFAULT)
    assert isinstance(applied, Applied)
    after = fingerprint(tmp_path / "repo")
    assert {k: v for k, v in after.items() if "objects" not in k} == {
        k: v for k, v in before.items() if "objects" not in k
    }


PLANTED = """
[core]
	repositoryformatversion = 0
	bare = false
	fsmonitor = {evil}
	hooksPath = {hooks}
	sshCommand = {evil}
	pager = {evil}
	editor = {evil}
	attributesFile = {attributes}
[filter "evil"]
	clean = {evil}
	smudge = {evil}
	process = {evil}
	required = true
[diff "evil"]
	command = {evil}
	textconv = {evil}
[diff]
	external = {evil}
[merge "evil"]
	driver = {evil}
[gpg]
	program = {evil}
[commit]
	gpgSign = true
[apply]
	whitespace = fix
	ignoreWhitespace = change
[i18n]
	commitEncoding = latin1
[diff]
	noprefix = true
	suppressBlankEmpty = true
"""


def planted(tmp_path: Path) -> tuple[GitPlumbing, str, Path]:
    """A repository whose configuration, hooks and attributes run a program that leaves a marker."""
    git, base = make_repository(
        tmp_path / "repo", {"a.txt": LINES, ".gitattributes": b"* filter=evil diff=evil merge=evil\n"}, bare=False
    )
    marker, evil, hooks = tmp_path / "marker", tmp_path / "evil", tmp_path / "hooks"
    evil.write_text(f'#!/bin/sh\necho "$0 $*" >> {marker}\ncat\n')
    evil.chmod(0o755)
    for folder in (hooks, tmp_path / "repo" / ".git" / "hooks"):
        folder.mkdir(exist_ok=True)
        for name in (
            "post-index-change",
            "pre-commit",
            "post-commit",
            "reference-transaction",
            "pre-auto-gc",
            "post-checkout",
        ):
            (folder / name).write_bytes(evil.read_bytes())
            (folder / name).chmod(0o755)
    attributes = tmp_path / "attributes"
    attributes.write_text("* filter=evil diff=evil merge=evil\n")
    (tmp_path / "repo" / ".git" / "info").mkdir(exist_ok=True)
    (tmp_path / "repo" / ".git" / "info" / "attributes").write_text("* filter=evil diff=evil merge=evil\n")
    told = PLANTED.format(evil=evil, hooks=hooks, attributes=attributes)
    (tmp_path / "repo" / ".git" / "config").write_text(told)
    (tmp_path / "repo" / "a.txt").write_bytes(LINES)
    return git, base, marker


def test_planted_configuration_never_runs(tmp_path: Path) -> None:
    git, base, marker = planted(tmp_path)
    applied = apply(git, base, ADDS_A_LINE, policy=DEFAULT)
    made = commit(git, applied, "fix", [base], when=WHEN)
    told = diff_of(git, base, made)
    with pytest.raises(Refused):
        apply(git, base, ADDS_A_LINE.replace(" one", " eins"), policy=DEFAULT)
    assert not marker.exists(), marker.read_text()
    assert "+new\n" in told
    assert "a/a.txt b/a.txt" in told
    assert b"encoding" not in git.run("cat-file", "commit", made)


def test_planted_configuration_would_run_in_plain_git(tmp_path: Path) -> None:
    """The control of the test above: what was planted does run when nobody keeps it from it."""
    _, _, marker = planted(tmp_path)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    subprocess.run(["git", "add", "-A"], cwd=tmp_path / "repo", env=env, capture_output=True, check=False)
    subprocess.run(["git", "status"], cwd=tmp_path / "repo", env=env, capture_output=True, check=False)
    assert marker.exists()


def test_apply_is_exact_whatever_the_configuration_says_about_white_space(tmp_path: Path) -> None:
    git, base, _ = planted(tmp_path)
    diff = "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,3 @@\n one\n+trailing \t\n two\n"
    assert b"trailing \t\n" in show(git, apply(git, base, diff, policy=DEFAULT).tree, "a.txt")
    with pytest.raises(Refused):
        apply(git, base, diff.replace(" one", "   one"), policy=DEFAULT)


def test_objects_in_alternates_and_odd_folders(tmp_path: Path) -> None:
    """A clone that borrows its objects, in a folder whose name needs quoting in git's path lists."""
    git, base = make_repository(tmp_path / 'a:b"c\\d' / "origin.git")
    borrowed = tmp_path / "x:y" / "clone.git"
    borrowed.parent.mkdir()
    clone = GitPlumbing(borrowed)
    clone.run("init", "-q", "--bare", str(borrowed))
    (borrowed / "objects" / "info" / "alternates").write_text(f"{git.git_dir / 'objects'}\n")
    for port in (git, clone):
        assert apply(port, base, ADDS_A_LINE, policy=DEFAULT).added == 1
