"""What differs between two trees of a repository, as git says: files with their modes, and both contents of each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.errors import GitFailed
from bot.ports import Git
from bot.repair.guard.change import Change

FILES = {"100644", "100755"}
NO_CONFIG = {
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "diff.suppressBlankEmpty",
    "GIT_CONFIG_VALUE_0": "false",
    "GIT_CONFIG_KEY_1": "i18n.commitEncoding",
    "GIT_CONFIG_VALUE_1": "utf-8",
}
DIFF = ("diff-tree", "-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--full-index")


TESTS = ("*test*", "*Test*", "*spec*", "*Spec*")
AROUND = 3  # lines around a line that belong to its passage


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One file of the difference between two trees; None where a side does not have it."""

    path: str
    old_sha: str | None
    new_sha: str | None
    old_mode: str | None
    new_mode: str | None
    added: int = 0
    removed: int = 0


def changed_files(git: Git, base: str, tree: str, env: Mapping[str, str] = NO_CONFIG) -> tuple[ChangedFile, ...]:
    """The difference of two trees, file by file; -1 lines in what git calls binary."""
    raw = git.run(*DIFF, "--raw", "-z", base, tree, env=env).split(b"\0")[:-1]
    counts = {}
    for row in git.run(*DIFF, "--numstat", "-z", base, tree, env=env).split(b"\0")[:-1]:
        added, removed, name = row.split(b"\t", 2)
        counts[name] = (-1, -1) if added == b"-" else (int(added), int(removed))
    pairs = zip(raw[::2], raw[1::2], strict=True)
    return tuple(_changed_file(told.decode(), name, *counts.get(name, (0, 0))) for told, name in pairs)


def _changed_file(told: str, name: bytes, added: int, removed: int) -> ChangedFile:
    old_mode, new_mode, old_sha, new_sha, _ = told.removeprefix(":").split(" ")
    return ChangedFile(
        path=name.decode("utf-8", "surrogateescape"),
        old_sha=old_sha if old_sha.strip("0") else None,
        new_sha=new_sha if new_sha.strip("0") else None,
        old_mode=old_mode if old_mode.strip("0") else None,
        new_mode=new_mode if new_mode.strip("0") else None,
        added=added,
        removed=removed,
    )


def blob_sizes(git: Git, files: Sequence[ChangedFile], env: Mapping[str, str] = NO_CONFIG) -> dict[str, int]:
    """The size in bytes of every content on both sides, by its id."""
    wanted = list(dict.fromkeys(sha for f in files for sha in (f.old_sha, f.new_sha) if sha))
    asked = "".join(f"{sha}\n" for sha in wanted).encode()
    told = git.run("cat-file", "--batch-check", stdin=asked, env=env).splitlines() if wanted else []
    return {sha: int(row.split()[2]) for sha, row in zip(wanted, told, strict=True)}


def contents(
    git: Git, files: Sequence[ChangedFile], sizes: Mapping[str, int], env: Mapping[str, str] = NO_CONFIG
) -> tuple[Change, ...]:
    """Read both sides of every file in one go. Contents whose size is not given show as binary ones."""
    asked = "".join(f"{sha}\n" for sha in sizes).encode()
    stream = git.run("cat-file", "--batch", stdin=asked, env=env) if sizes else b""
    blobs: dict[str, bytes] = {}
    at = 0
    for sha, size in sizes.items():
        start = stream.index(b"\n", at) + 1
        blobs[sha] = stream[start : start + size]
        at = start + size + 1

    def side(sha: str | None) -> bytes | None:
        return blobs.get(sha, b"\0" + sha.encode()) if sha else None

    return tuple(Change(f.path, side(f.old_sha), side(f.new_sha)) for f in files)


def git_told(error: GitFailed) -> str:
    """What git says of its failure, on one line."""
    lines = [x for x in error.stderr.splitlines() if x.startswith(("error:", "fatal:"))] or [error.message]
    return printable(lines[0].partition(": ")[2] or lines[0])


def printable(text: str) -> str:
    """At most 300 characters of a text, on one line, without what cannot be shown."""
    return text.encode("unicode_escape" if not text.isprintable() else "utf-8", "backslashreplace").decode()[:300]


def passages(git: Git, tree: str) -> Callable[[str], Iterable[str]]:
    """A way to find passages in the tests of a tree: the lines around each that holds a text."""

    def find(text: str) -> Iterable[str]:
        asked = ("grep", "-h", "-I", "-F", "--no-color", f"--context={AROUND}", "-e", text, tree, "--", *TESTS)
        found = git.try_run(*asked) or b""
        return found.decode("utf-8", "replace").split("\n--\n")

    return find
