"""Hostile diffs against a real repository: a typed refusal, and not a byte of the repository or around it changes."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters.git_plumbing import GitPlumbing
from bot.errors import Refused, ScopeTooBig
from bot.repair.binary_patch import binary_patch
from bot.repair.guard.rules import listed
from bot.repair.hygiene import hidden_text, path_problems
from bot.repair.patch import RULES, PatchPolicy, apply, diff_of
from tests.repair.cases import CORPUS
from tests.repair.helpers import FILES, LINES, fingerprint, make_repository, tree_paths

HOSTILE: list[dict[str, Any]] = yaml.safe_load((CORPUS / "hostile.yaml").read_text())
DEFAULT = PatchPolicy()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, GitPlumbing, str]:
    folder = tmp_path_factory.mktemp("hostile")
    return folder, *make_repository(folder / "deep" / "er" / "repo.git")


def addition(path: str, line: str = "x") -> str:
    """A diff that adds a file of that name, the name quoted as git quotes."""
    told = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    quoted = "".join(told.get(c, c if c >= " " else f"\\{ord(c):03o}") for c in path)
    head = f'diff --git "a/{quoted}" "b/{quoted}"\nnew file mode 100644\n--- /dev/null\n+++ "b/{quoted}"\n'
    return f"{head}@@ -0,0 +1 @@\n+{line}\n"


def rules_of(error: Refused) -> set[str]:
    return {line.partition(":")[0] for line in error.refusals}


@pytest.mark.parametrize("case", HOSTILE, ids=[c["name"] for c in HOSTILE])
def test_hostile_diff_is_refused_and_leaves_nothing(
    case: dict[str, Any], repository: tuple[Path, GitPlumbing, str]
) -> None:
    folder, git, base = repository
    before = fingerprint(folder)
    diff = case["diff"] if "diff" in case else addition(case["file"])
    with pytest.raises(Refused) as caught:
        apply(git, base, diff, policy=DEFAULT)
    wanted = {case["rule"]} if isinstance(case["rule"], str) else set(case["rule"])
    assert rules_of(caught.value) & wanted, caught.value.refusals
    assert rules_of(caught.value) <= RULES.keys()
    assert fingerprint(folder) == before


@pytest.mark.parametrize("base", ["", "main", "--output=/tmp/x", "0" * 40, "HEAD^{tree}", "0" * 39])
def test_base_must_be_a_commit_that_exists(base: str, repository: tuple[Path, GitPlumbing, str]) -> None:
    folder, git, _ = repository
    before = fingerprint(folder)
    with pytest.raises(Refused) as caught:
        apply(git, base, addition("new.txt"), policy=DEFAULT)
    assert rules_of(caught.value) == {"malformed"}
    assert fingerprint(folder) == before


@pytest.mark.parametrize("diff", ["\0", "diff --git a/\0 b/\0\n", "\ud800"])
def test_text_that_is_no_text_is_refused(diff: str, repository: tuple[Path, GitPlumbing, str]) -> None:
    _, git, base = repository
    with pytest.raises(Refused):
        apply(git, base, diff, policy=DEFAULT)


HIDDEN = "0 8 b e 1f 7f 9f ad 34f 115f 1160 17b4 17b5 180b 180f 200b 200d 2028 2029 2060 2065 206a 206f 3164 fe00 fe0e feff ffa0 fff0 fffb"
HIDDEN += " 1bca0 1bca3 1d173 1d17a e0000 e0fff 61c 200e 200f 202a 202b 202c 202d 202e 2066 2067 2068 2069"
SHOWN = "9 a c d 20 7e a0 ac ae 34e 350 115e 1161 17b3 17b6 180a 1810 2010 2027 202f 205f 2070 3163 3165 fe0f ff9f ffef fffc 1bc9f 1d172 e1000"


def test_characters_that_do_not_show_are_refused_in_text_and_in_names() -> None:
    for code in listed(HIDDEN):
        assert list(hidden_text("a", f"a\nb{chr(int(code, 16))}c")), code
        assert dict(path_problems(f"a{chr(int(code, 16))}b", frozenset())).keys() == {"path"}, code
    assert list(hidden_text("a\u200b\nb", "a\u200b\na\u200b\nb")), "a line that is repeated"
    for code in listed(SHOWN):
        assert not list(hidden_text("a", f"a\nb{chr(int(code, 16))}c")), code


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("", "path"),
        ("/a", "path"),
        ("a//b", "path"),
        ("a/./b", "path"),
        ("../a", "path"),
        ("a\udc80", "path"),
        ("a\tb", "path"),
        ("a\nb", "path"),
        ("a\rb", "path"),
        ("a\fb", "path"),
        ("a\\b", "path"),
        ("a:b", "path"),
        ("a ", "path"),
        ("a./b", "path"),
        *((f"a/{name}.txt", "path") for name in listed("con prn aux nul com1 LPT9 CONIN$ conout$")),
        ("a/" * 512 + "b", "path"),
        ("a" * 256, "path"),
        (".git", "git-file"),
        ("a/.GIT/b", "git-file"),
        (".gitmodules", "git-file"),
        ("git~1", "git-file"),
        ("GI7EBA~1/a", "git-file"),
        (".gitattributes", "git-file"),
        (".gitx", "git-file"),
        (".github/a", "workflow"),
        (".GITHUB/a", "workflow"),
    ],
)
def test_each_kind_of_name_is_refused(path: str, rule: str) -> None:
    assert [found for found, _ in path_problems(path, frozenset())] == [rule]


def test_names_that_are_allowed_or_only_look_odd() -> None:
    allow = frozenset({"git-file", "workflow"})
    for path in (".gitignore", "a/.gitattributes", ".gitkeep", ".git-blame-ignore-revs", ".github/workflows/a.yml"):
        assert not list(path_problems(path, allow))
        assert list(path_problems(path, frozenset()))
    for path in (".gitmodules", ".git/a", ".GITIGNORE", ".githooks/a"):
        assert list(path_problems(path, allow))
    for path in (
        "a.github/b",
        "a/.github/b",
        "git",
        "gitx~a",
        "console.py",
        "a.con",
        "a" * 255,
        "a/" * 511 + "b",
        "ä/日",
    ):
        assert not list(path_problems(path, frozenset())), path


def test_every_refusal_is_told_at_once(repository: tuple[Path, GitPlumbing, str]) -> None:
    _, git, base = repository
    diff = addition("../evil") + addition(".git/config") + addition(".github/x")
    with pytest.raises(Refused) as caught:
        apply(git, base, diff, policy=DEFAULT)
    assert rules_of(caught.value) == {"path", "git-file", "workflow"}


@pytest.mark.parametrize(
    ("policy", "diff"),
    [
        (PatchPolicy(max_files=2), "".join(addition(f"f{i}") for i in range(3))),
        (
            PatchPolicy(max_lines=4),
            "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1,5 @@\n" + "+x\n" * 5,
        ),
        (PatchPolicy(max_diff_bytes=100), addition("f", "x" * 100)),
        (PatchPolicy(max_blob_bytes=100), addition("f", "x" * 200)),
    ],
    ids=["files", "lines", "diff bytes", "blob bytes"],
)
def test_limits_are_settable_and_typed(
    policy: PatchPolicy, diff: str, repository: tuple[Path, GitPlumbing, str]
) -> None:
    folder, git, base = repository
    before = fingerprint(folder)
    with pytest.raises(ScopeTooBig) as caught:
        apply(git, base, diff, policy=policy)
    assert rules_of(caught.value) == {"scope"}
    assert fingerprint(folder) == before
    assert apply(git, base, diff, policy=DEFAULT).files


def test_lines_of_a_lock_file_do_not_count_where_it_may_be_changed(
    repository: tuple[Path, GitPlumbing, str],
) -> None:
    _, git, base = repository
    lock = "diff --git a/uv.lock b/uv.lock\nnew file mode 100644\n--- /dev/null\n+++ b/uv.lock\n@@ -0,0 +1,301 @@\n"
    lock += "+x\n" * 301
    allowed = PatchPolicy(allow=frozenset({"lock-file"}))
    assert apply(git, base, lock + addition("f"), policy=allowed).added > 301
    with pytest.raises(ScopeTooBig):
        apply(git, base, lock, policy=DEFAULT)
    with pytest.raises(ScopeTooBig):
        apply(git, base, lock.replace("uv.lock", "n"), policy=allowed)


def test_default_limits(repository: tuple[Path, GitPlumbing, str]) -> None:
    _, git, base = repository
    many = "".join(addition(f"f{i}") for i in range(11))
    long = "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1,301 @@\n" + "+x\n" * 301
    for diff in (many, long):
        with pytest.raises(ScopeTooBig):
            apply(git, base, diff, policy=DEFAULT)


def test_delta_that_grows_beyond_the_limit_is_refused_before_git_unpacks_it(tmp_path: Path) -> None:
    """A delta of a few bytes can stand for a file of gigabytes."""
    block = bytes(range(256)) * 256
    git, base = make_repository(tmp_path / "repo.git", {"big": block})
    other, grown = make_repository(tmp_path / "other.git", {"big": block * 40})
    old, _ = make_repository(tmp_path / "both.git", {"big": block})
    old.run("fetch", "-q", str(other.git_dir), "refs/heads/main:refs/heads/grown")
    diff = diff_of(old, base, grown)
    assert "\ndelta " in diff
    assert len(diff) < 20_000
    before = fingerprint(tmp_path / "repo.git")
    with pytest.raises(ScopeTooBig):
        apply(git, base, diff, policy=PatchPolicy(allow=frozenset({"binary"}), max_blob_bytes=1_000_000))
    assert fingerprint(tmp_path / "repo.git") == before
    assert apply(git, base, diff, policy=PatchPolicy(allow=frozenset({"binary"}))).files


def test_lines_are_counted_whatever_attributes_call_binary(tmp_path: Path) -> None:
    """Text that comes as a binary patch has no lines in the diff, and with such attributes none in git's statistics."""
    git, base = make_repository(tmp_path / "repo.git", {"a.txt": LINES})
    (tmp_path / "repo.git" / "info").mkdir(exist_ok=True)
    (tmp_path / "repo.git" / "info" / "attributes").write_text("* -diff\n")
    content = b"x\n" * 5
    made = git.run("hash-object", "--stdin", stdin=content).decode().strip()
    header = f"diff --git a/n b/n\nnew file mode 100644\nindex {'0' * 40}..{made}\n"
    diff = binary_patch(header, b"", content)
    with pytest.raises(ScopeTooBig):
        apply(git, base, diff, policy=PatchPolicy(max_lines=4))
    assert apply(git, base, diff, policy=DEFAULT).added >= 5


NAMES = ".. . .git .GIT git~1 .gitmodules .github a src b.py con C: etc passwd hooks link module a.txt ~ ' -x *"
PIECES = st.sampled_from([*listed(NAMES), "", ".git ", "\\", "\u202e", "\u200c", "\n", "\x1b", "é", "a b", '"', "$(x)"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(PIECES, min_size=1, max_size=5), slash=st.sampled_from(["/", "//", "\\", "/./"]))
def test_no_name_reaches_anything_but_plain_files_of_the_tree(
    parts: list[str], slash: str, repository: tuple[Path, GitPlumbing, str]
) -> None:
    folder, git, base = repository
    outside = {k: v for k, v in fingerprint(folder).items() if "/objects/" not in k}
    try:
        applied = apply(git, base, addition(slash.join(parts)), policy=DEFAULT)
    except Refused:
        paths = []
    else:
        paths = [f.path for f in applied.files]
        assert set(tree_paths(git, applied.tree)) - set(tree_paths(git, base)) == set(paths)
    for path in paths:
        names = path.lower().split("/")
        assert not path.startswith("/")
        assert not {"", ".", ".."} & set(names)
        assert not any(n.startswith((".git", "git~")) for n in names if n != ".github")
        assert names[0] != ".github"
        assert path.isprintable()
        assert names[0] not in {"link", "module", "con"}
        assert not set(path) & set("\\:")
    assert {k: v for k, v in fingerprint(folder).items() if "/objects/" not in k} == outside


def test_files_of_the_fixture_are_what_the_cases_need() -> None:
    assert {"link", "module", "a.txt", ".github/workflows/ci.yml"} <= FILES.keys()
