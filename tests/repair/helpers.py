"""Real git repositories for the tests of patch policy and guard."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from bot.adapters.git_plumbing import GitPlumbing

Entry = bytes | tuple[str, bytes]  # content, or mode and content (of a gitlink: the commit id)

LINES = b"one\ntwo\nthree\nfour\nfive\n"
FILES: dict[str, Entry] = {
    "a.txt": LINES,
    "src/app.py": b"import os\n\n\ndef main():\n    return os.name\n",
    "run.sh": ("100755", b"#!/bin/sh\necho run\n"),
    "link": ("120000", b"a.txt"),
    "module": ("160000", b"1" * 40),
    "bin.dat": b"\0\1\2",
    "latin.txt": b"caf\xe9\nth\xe9\n",
    ".gitignore": b"*.pyc\n",
    ".github/workflows/ci.yml": b"on: push\n",
    "no newline": b"end",
    'um\xe4ut "quoted".txt'.encode().decode(): b"x\n",
}


def make_repository(folder: Path, files: Mapping[str, Entry] = FILES, *, bare: bool = True) -> tuple[GitPlumbing, str]:
    """A repository with one commit of these files; its port and the commit."""
    git_dir = folder if bare else folder / ".git"
    folder.mkdir(parents=True, exist_ok=True)
    git = GitPlumbing(git_dir)
    git.run("init", "-q", "--initial-branch=main", *(["--bare"] if bare else []), str(folder))
    return git, commit_files(git, files)


def commit_files(git: GitPlumbing, files: Mapping[str, Entry], parent: str = "") -> str:
    """Commit exactly these files on `main` and return the commit."""
    out = [b"commit refs/heads/main\ncommitter T <t@example.org> 1700000000 +0000\ndata 1\nx\n"]
    out.append(f"from {parent}\ndeleteall\n".encode() if parent else b"")
    for path, entry in files.items():
        mode, content = entry if isinstance(entry, tuple) else ("100644", entry)
        quoted = b'"' + path.encode("utf-8", "surrogateescape").replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        if mode == "160000":
            out.append(b"M 160000 %s %s\n" % (content, quoted))
        else:
            out.append(b"M %s inline %s\ndata %d\n%s\n" % (mode.encode(), quoted, len(content), content))
    git.run("fast-import", "--quiet", "--force", stdin=b"".join(out))
    return git.run("rev-parse", "refs/heads/main").decode().strip()


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file below a folder with the digest of its content: equal when nothing was touched."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def tree_paths(git: GitPlumbing, tree: str) -> list[str]:
    """The paths of a tree."""
    return git.run("ls-tree", "-r", "-z", "--name-only", tree).decode("utf-8", "surrogateescape").split("\0")[:-1]


def show(git: GitPlumbing, tree: str, path: str) -> bytes:
    """The content of one file of a tree."""
    return git.run("cat-file", "blob", f"{tree}:{path}")
