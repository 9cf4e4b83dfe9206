"""One bare repository, handled with plumbing: no work tree is needed to commit, to merge and to look into it."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

_HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_GUARD = """#!/bin/sh
# Refuses what GitHub refuses: $1 is the reference, $2 and $3 are its old and new commit.
refuse() { echo "error: $1" >&2; exit 1; }
if grep -qxF "$1" protected 2>/dev/null; then
    refuse "GH006: Protected branch update failed for $1."
fi
if [ "$HUB_MAY_CHANGE_WORKFLOWS" = no ] && [ "$3" != 0000000000000000000000000000000000000000 ]; then
    from=$(git merge-base HEAD "$3") || from=$(git hash-object -t tree /dev/null)
    git diff --quiet "$from" "$3" -- .github/workflows ||
        refuse "refusing to allow a GitHub App to create or update workflow without \\`workflows\\` permission"
fi
"""


class GitStore:
    """`path` is that of the bare repository."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def made(cls, path: Path, *, source: "GitStore | None" = None) -> "GitStore":
        """Make an empty one, or a copy."""
        path.parent.mkdir(parents=True, exist_ok=True)
        origin = ["clone", "-q", "--bare", str(source.path)] if source else ["init", "-q", "--bare", "-b", "main"]
        subprocess.run(["git", *origin, str(path)], env=_environment({}), check=True)
        with (path / "config").open("a") as config:
            config.write("[receive]\n\tautogc = false\n")
        store = cls(path)
        guard = path / "hooks" / "update"
        guard.parent.mkdir(exist_ok=True)
        guard.write_text(_GUARD)
        guard.chmod(0o755)
        return store

    def __call__(self, *args: str, given: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """Run git here. Raises `CalledProcessError`."""
        words = ["git", "-C", str(self.path), *args]
        done = subprocess.run(words, input=given, env=_environment(env or {}), capture_output=True, check=True)
        return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")

    def succeeds(self, *args: str) -> bool:
        words = ["git", "-C", str(self.path), *args]
        return not subprocess.run(words, env=_environment({}), capture_output=True, check=False).returncode

    def refs(self) -> dict[str, str]:
        lines = self("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def resolve(self, name: str) -> str:
        """The commit of a name, empty when there is none."""
        for candidate in (f"refs/heads/{name}", f"refs/tags/{name}", f"refs/{name}", name):
            if self.succeeds("rev-parse", "-q", "--verify", f"{candidate}^{{commit}}"):
                return self("rev-parse", f"{candidate}^{{commit}}")
        return ""

    def files(self, commit: str, under: str) -> list[str]:
        return self("ls-tree", "-r", "--name-only", commit, "--", under).splitlines() if commit else []

    def read(self, commit: str, path: str) -> str:
        return self("cat-file", "blob", f"{commit}:{path}")

    def is_in(self, commit: str, tip: str) -> bool:
        """Whether a commit is `tip` or before it."""
        return self.succeeds("merge-base", "--is-ancestor", commit, tip)

    def commit(
        self, files: Mapping[str, str | bytes | None], message: str, author: str, parents: list[str], base: str = ""
    ) -> str:
        """Commit the files on top of the first parent (or of `base`); None deletes one. The commit's id."""
        index = {"GIT_INDEX_FILE": str(self.path / "hub-index")}
        start = base or (parents[0] if parents else "")
        self("read-tree", *([start] if start else ["--empty"]), env=index)
        told = "".join(f"{self._entry(name, content)}\t{name}\0" for name, content in files.items())
        self("update-index", "-z", "--index-info", given=told.encode(), env=index)
        return self.commit_tree(self("write-tree", env=index), message, author, parents)

    def _entry(self, name: str, content: str | bytes | None) -> str:
        if content is None:
            return f"0 {'0' * 40}"
        data = content.encode() if isinstance(content, str) else content
        blob = self("hash-object", "-w", "--stdin", given=data)
        return f"{'100755' if name.endswith('.sh') else '100644'} {blob}"

    def commit_tree(self, tree: str, message: str, author: str, parents: list[str]) -> str:
        """Commit a tree."""
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in _identity(author)}
        words = [word for parent in parents for word in ("-p", parent)]
        return self("commit-tree", tree, *words, given=message.encode(), env=who)

    def merged_tree(self, base: str, head: str) -> str:
        """The tree of a real merge, empty on a conflict."""
        try:
            return self("merge-tree", "--write-tree", base, head)
        except subprocess.CalledProcessError:
            return ""

    def shown_lines(self, base: str, head: str, path: str) -> dict[int, str]:
        """The lines (from 1, of the new side) that a pull request's diff of a file shows, each with its hunk."""
        text = self("diff", f"{base}...{head}", "--", path)
        shown = {}
        for found in _HUNK.finditer(text):
            hunk = text[found.start() :].partition("\n@@ ")[0]
            first, count = int(found[1]), int(found[2] or 1)
            shown.update(dict.fromkeys(range(first, first + count), hunk))
        return shown

    def protect(self, branch: str) -> None:
        """Refuse pushes to a branch."""
        with (self.path / "protected").open("a") as file:
            file.write(f"refs/heads/{branch}\n")


def _identity(author: str) -> tuple[tuple[str, str], ...]:
    return ("NAME", author), ("EMAIL", f"{author}@users.noreply.example.invalid")


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Nobody's settings."""
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
    return {"PATH": os.environ["PATH"], **own, **more}
