"""`regreen guard`: any change of a checkout, judged from a diff or from a revision on."""

import os
from pathlib import Path

import pytest

from bot import review
from tests.e2e.test_bad_input import one_line
from tests.projects import Make, Project, regreen

TEST = "tests/test_a.py"
FILES = {
    TEST: "from a import f, g\n\n\ndef test_a():\n    assert f() == 1\n    assert g() == 2\n",
    "a.py": "def f():\n    return 1\n\n\ndef g():\n    return 2\n",
    ".github/workflows/ci.yml": "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: pytest\n",
}
WEAK = FILES[TEST].replace("    assert g() == 2\n", "")
MORE = FILES[TEST] + "    assert f() != g()\n"


@pytest.fixture
def made(project: Make) -> Project:
    return project(FILES)


def diff(made: Project, *args: str) -> str:
    """What git prints, with the end of line that GitPython takes away."""
    return made.git("diff", *args) + "\n"


def changed(made: Project, files: dict[str, str | bytes], file: Path) -> str:
    """Write the diff of these changes into `file`, undo them, and return its name."""
    made.write(files)
    made.git("add", "--all")
    file.write_text(diff(made, "--cached", "--binary"))
    made.git("reset", "--hard", "--quiet")
    return str(file)


def rules(done: object) -> list[tuple[str, str, int]]:
    return [(r["rule"], r["file"], r["line"]) for r in done.json["refusals"]]  # type: ignore[attr-defined]


def test_a_diff_that_hides_is_refused_and_one_that_does_not_is_accepted(made: Project, tmp_path: Path) -> None:
    weak, more = (changed(made, {TEST: text}, tmp_path / str(len(text))) for text in (WEAK, MORE))
    done = made.here("guard", "--diff", weak)
    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines() == [
        f"{TEST}:4: removed-assertion: `eq g()` of test_a is gone",
        "refused: 1 finding in 1 file (--allow RULE lets a rule go)",
    ]
    done = made.here("guard", "--diff", weak, "--json")
    assert (done.code, done.json) == (
        1,
        {
            "accepted": False,
            "refusals": [
                {"rule": "removed-assertion", "file": TEST, "line": 4, "message": "`eq g()` of test_a is gone"}
            ],
        },
    )
    assert made.here("guard", "--diff", weak, "--allow", "removed-assertion").code == 0
    done = made.here("guard", "--diff", more)
    assert (done.code, done.out) == (0, "accepted: nothing in the change hides a failure\n")
    assert made.here("guard", "--diff", more, "--json").json == {"accepted": True, "refusals": []}


def test_an_answer_that_stands_in_a_test_of_the_repository_is_refused(project: Make, tmp_path: Path) -> None:
    """The test itself is not part of the change."""
    code = "def f(n):\n    return n * 98\n"
    made = project({**FILES, "a.py": code, TEST: "from a import f\n\n\ndef test_a():\n    assert f(12) == 1188\n"})
    known, other = (
        changed(
            made,
            {"a.py": code.replace("    return", f"    if n == {n}:\n        return 1188\n    return")},
            tmp_path / n,
        )
        for n in ("12", "13")
    )
    assert rules(made.here("guard", "--diff", known, "--json")) == [("special-case", "a.py", 2)]
    assert made.here("guard", "--diff", other).code == 0


def test_standard_input_another_folder_and_nothing_left_behind(
    made: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of a pre-commit step: what is staged, from a folder below."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temp"))
    (tmp_path / "temp").mkdir()
    made.write({TEST: WEAK})
    made.git("add", "--all")
    before = sorted(str(p) for p in made.root.rglob("*"))
    done = regreen(
        "guard", str(made.root / "tests"), "--diff", "-", cwd=tmp_path, stdin=diff(made, "--cached").encode()
    )
    assert (done.code, done.out.count("removed-assertion")) == (1, 1)
    assert sorted(str(p) for p in made.root.rglob("*")) == before
    assert not list((tmp_path / "temp").iterdir())


def test_a_diff_against_what_is_not_committed_yet(made: Project, tmp_path: Path) -> None:
    made.write({TEST: MORE})
    made.git("add", "--all")
    made.write({TEST: WEAK + "    assert f() != g()\n"})
    (tmp_path / "diff").write_text(diff(made))
    made.write({TEST: MORE})
    assert rules(made.here("guard", "--diff", str(tmp_path / "diff"), "--json")) == [("removed-assertion", TEST, 4)]
    made.write({TEST: "# other\n"})
    one_line(made.here("guard", "--diff", str(tmp_path / "diff")), 2, f"patch failed: {TEST}:")
    made.write({TEST: MORE})
    one_line(made.here("guard", "--diff", str(tmp_path / "diff"), "--committed"), 2, f"patch failed: {TEST}:")


def test_from_a_revision_on(made: Project) -> None:
    """What the base has got since the branch left it is not judged; the working tree is, unless `--committed`."""
    made.git("switch", "--quiet", "-c", "topic")
    made.write({"a.py": FILES["a.py"] + "\n\nH = 3\n"})
    made.commit("honest")
    made.git("switch", "--quiet", "main")
    made.write({"tests/test_b.py": "from a import f\n\n\ndef test_b():\n    assert f() == 1\n"})
    made.commit("more tests, which the branch lacks")
    made.git("switch", "--quiet", "topic")
    assert made.here("guard", "--base", "main", "--json").json["accepted"]
    made.write({TEST: WEAK, "conftest.py": 'collect_ignore = ["tests/test_a.py"]\n'})
    done = made.here("guard", "--base", "main", "--json")
    assert (done.code, [r for r, *_ in rules(done)]) == (1, ["disabled-test", "removed-assertion"])
    assert made.here("guard", "--base", "main", "--committed").code == 0
    made.commit("hidden")
    assert made.here("guard", "--base", "HEAD^", "--committed").code == 1
    assert made.here("guard", "--base", "HEAD").code == 0, "nothing changed"


CI = FILES[".github/workflows/ci.yml"]


@pytest.mark.parametrize(
    ("files", "as_fix"),
    [
        ({".github/workflows/ci.yml": CI.replace("jobs:", "permissions: {}\njobs:")}, {"workflow"}),
        ({"package-lock.json": '{"a": 2}\n'}, {"lock-file"}),
        ({"a_pb2.py": "# Code generated by protoc. DO NOT EDIT.\nb = 1\n"}, {"generated-file"}),
        ({"a.bin": b"\0\1"}, {"binary"}),
        ({".gitattributes": "*.py text\n"}, {"git-file"}),
        ({"a.txt": "a\u202eb\n"}, {"invisible-text"}),
        ({f"{i}.txt": "x\n" for i in range(11)}, {"scope"}),
        ({"a.txt": "x\n" * 301}, {"scope"}),
    ],
    ids=lambda x: next(iter(x)),
)
def test_what_only_a_fix_may_not_do(
    project: Make, tmp_path: Path, files: dict[str, str | bytes], as_fix: set[str]
) -> None:
    made = project({**FILES, "package-lock.json": '{"a": 1}\n'})
    file = changed(made, files, tmp_path / "diff")
    assert made.here("guard", "--diff", file, "--json").json == {"accepted": True, "refusals": []}
    done = made.here("guard", "--diff", file, "--as-fix", "--json")
    assert (done.code, {r for r, *_ in rules(done)}) == (1, as_fix)


OLD_ACTION = CI.replace("- run: pytest", "- uses: actions/checkout@v2\n      - run: pytest")


@pytest.mark.parametrize(
    ("setting", "swap", "refused"),
    [
        ("true", ("@v2", "@v4"), []),
        ("false", ("@v2", "@v4"), ["workflow"]),
        ("true", ("@v2", "@v1"), ["workflow"]),
        ("true", ("jobs:", "permissions: {}\njobs:"), ["workflow"]),
        ("true", ("run: pytest", "run: pytest || true"), ["ignored-failure", "workflow"]),
    ],
    ids=str,
)
def test_a_fix_may_put_newer_versions_into_workflow_files_where_the_settings_say_so(
    project: Make, tmp_path: Path, setting: str, swap: tuple[str, str], refused: list[str]
) -> None:
    name = ".github/workflows/ci.yml"
    made = project({**FILES, name: OLD_ACTION, ".github/regreen.yml": f"fix: {{workflow_files: {setting}}}\n"})
    file = changed(made, {name: OLD_ACTION.replace(*swap)}, tmp_path / "diff")
    done = made.here("guard", "--diff", file, "--as-fix", "--json")
    assert (done.code, sorted({r for r, *_ in rules(done)})) == (int(bool(refused)), refused)


def test_settings_of_the_base_branch_alone_count(made: Project) -> None:
    made.write({".github/regreen.yml": "guard:\n  allow: [removed-assertion]\nscope:\n  max_files: 1\n"})
    made.commit("settings")
    made.git("switch", "--quiet", "-c", "topic")
    made.write({".github/regreen.yml": "guard:\n  allow: [disabled-test]\n", TEST: WEAK, "b.py": "B = 1\n"})
    made.commit("own rules")
    assert made.here("guard", "--base", "main").code == 0
    done = made.here("guard", "--base", "main", "--as-fix", "--allow", "workflow", "--json")
    assert rules(done) == [("scope", "", 0)]
    assert done.json["refusals"][0]["message"] == "3 files changed, the limit is 1"
    made.write({TEST: FILES[TEST].replace("def test_a", "import pytest\n\n\n@pytest.mark.skip\ndef test_a")})
    assert made.here("guard", "--base", "main").code == 1


def test_links_and_large_and_binary_files_hide_nothing(
    made: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made.root / TEST).unlink()
    (made.root / TEST).symlink_to("../a.py")
    made.write({"big.bin": b"\0" * 9, "big.txt": "x" * 99})
    assert rules(made.here("guard", "--base", "HEAD", "--json")) == [("deleted-test", TEST, 1)]
    made.git("checkout", "--quiet", TEST)
    made.write({TEST: MORE.encode() + b"# \0\n"})
    assert rules(made.here("guard", "--base", "HEAD", "--json")) == [("unreadable", TEST, 1)]
    monkeypatch.setattr(review, "MAX_FILE_BYTES", 90)
    made.write({TEST: MORE + "x = 0\n" * 9})
    assert rules(made.here("guard", "--base", "HEAD", "--json")) == [("unreadable", TEST, 1)]
    monkeypatch.setattr(review, "MAX_BYTES", 9)
    one_line(made.here("guard", "--base", "HEAD"), 2, "more than 9 bytes in its files")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the diff is empty"),
        (b"\n\n", "the diff is empty"),
        (b"hello\n", "this is no diff that git can read"),
        (os.urandom(1000), "this is no diff that git can read"),
        (b"diff --git a/a.py b/a.py\nindex 1..2\nBinary files a/a.py and b/a.py differ\n", "without full index line"),
        (b"--- a/nope.py\n+++ b/nope.py\n@@ -1 +1 @@\n-a\n+b\n", "does not apply to the checkout's HEAD: nope.py"),
        (b"--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+b\n", "invalid path"),
        (b"--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-no such line\n+b\n", "patch failed: a.py:1"),
        (b"x" * 101, "the diff is larger than 100 bytes"),
    ],
)
def test_a_diff_that_is_none(
    made: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, told: str
) -> None:
    if content.startswith(b"xx"):
        monkeypatch.setattr(review, "MAX_DIFF_BYTES", 100)
    (tmp_path / "diff").write_bytes(content)
    one_line(made.here("guard", "--diff", str(tmp_path / "diff")), 2, told)


def test_calls_that_make_no_sense(made: Project, tmp_path: Path) -> None:
    (tmp_path / "diff").write_text("x")
    for args in ((), ("--diff", str(tmp_path / "diff"), "--base", "main")):
        one_line(made.here("guard", *args), 2, "give either --diff FILE or --base REV")
    for rev in ("nope", "", "--all", "HEAD:a.py"):
        one_line(made.here("guard", "--base", rev), 2, f"--base: there is no commit '{rev}'")
    one_line(made.here("guard", "--base", "main", "--allow", "nope"), 2, "--allow: there is no rule 'nope'")
    one_line(made.here("guard", "--diff", "nope"), 2, "'nope'")
    one_line(made.here("guard", str(tmp_path), "--base", "main"), 2, "is not inside a git repository")
    made.git("checkout", "--quiet", "--orphan", "other")
    made.commit("no common history")
    one_line(made.here("guard", "--base", "main"), 2, "have no commit in common")
    assert "Example:" in made.here("guard", "--help").out
