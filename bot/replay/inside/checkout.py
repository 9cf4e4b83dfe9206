"""Stand-in for actions/checkout: the replayed commit from the pristine clone, without a network.

Objects are borrowed from the clone (git alternates) instead of copied; with `fetch-depth` other than 0 the history is
cut off by a shallow file, as GitHub's fetch would have left it.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from bot.replay.inside import control
from bot.replay.inside.adapter import ROOT, call, fail, inputs, set_output, truth, unreplayable, workspace

ORIGIN, OBJECTS = ROOT / "origin.git", ROOT / "objects"
MAX_ABSENT = 20
SHA = re.compile(r"[0-9a-f]{40}")
MISSING = re.compile(r"unable to read (?:sha1 file|tree)|invalid object|missing blob")  # as git says it


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder."""
    call("git", "-C", str(folder), *arguments, quiet=True)


def main() -> None:
    """Check out."""
    given = inputs()
    repository = os.environ["GITHUB_REPOSITORY"]
    wanted, ref = given.get("repository") or repository, given.get("ref", "")
    if given.get("sparse-checkout", "").strip() or given.get("filter", "").strip():
        unreplayable("actions/checkout is asked for a part of the repository only, which cannot be had here")
    folder = (workspace() / given.get("path", "")).resolve()
    if not folder.is_relative_to(workspace().resolve()):
        fail(f"Repository path '{folder}' is not under '{workspace()}'")
    wish = given.get("fetch-depth", "1").strip()
    depth = int(wish) if wish.isdigit() else 1
    tags = not depth or truth(given.get("fetch-tags", "false"))
    is_own = wanted.lower() == repository.lower()
    commit = resolve(ref) if is_own else ""
    prepare(folder, wanted, clean=truth(given.get("clean", "true")))
    if is_own:
        borrow(folder, commit, depth=depth, tags=tags)
        place(folder, commit, ref)
    else:
        commit = fetch(folder, ref, depth=depth, tags=tags)
    asked = given.get("submodules", "false").strip().lower()
    if asked in ("true", "recursive") and (folder / ".gitmodules").exists():
        update_submodules(folder, depth, recursive=asked == "recursive")
    if truth(given.get("lfs", "false")) and uses_lfs(folder):
        unreplayable("actions/checkout is asked for LFS objects, which cannot be had here")
    set_output("ref", ref or (os.environ["GITHUB_REF"] if is_own else ""))
    set_output("commit", commit)
    print(f"HEAD is now at {commit[:9]}")


def resolve(ref: str) -> str:
    """The commit of a ref: GitHub's own for none, else a branch, tag or commit of the clone."""
    sha = os.environ["GITHUB_SHA"]
    if not ref or ref in (sha, os.environ["GITHUB_REF"], os.environ["GITHUB_REF_NAME"]):
        return sha
    if ref == os.environ["GITHUB_HEAD_REF"]:  # of a pull request, whose merge has its head as second parent
        return commit_of(f"{sha}^2") or sha
    found = next(filter(None, map(commit_of, (f"refs/remotes/origin/{ref}", f"refs/tags/{ref}", ref))), "")
    return found or unreplayable(f"actions/checkout of the ref '{ref}' is not in the local clone")


def commit_of(name: str) -> str:
    """The commit that a name means in the clone, or the empty string."""
    command = ["git", f"--git-dir={ORIGIN}", "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def prepare(folder: Path, repository: str, *, clean: bool) -> None:
    """Make an empty repository in the folder; what stands there goes, as with the original's `clean`."""
    folder.mkdir(parents=True, exist_ok=True)
    if clean or not (folder / ".git").exists():
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    git(folder, "init", "--quiet", "--initial-branch=regreen-unborn")
    url = f"{os.environ['GITHUB_SERVER_URL']}/{repository}"
    with (folder / ".git" / "config").open("a") as config:
        config.write("[gc]\n\tauto = 0\n")
        config.write(f'[remote "origin"]\n\turl = {url}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n')


def boundary(commit: str, depth: int) -> list[str]:
    """The commits at which a fetch of that depth cuts the history off: those without the parents that they have."""
    level, seen = [commit], {commit}
    for _ in range(depth - 1):
        command = ["git", f"--git-dir={ORIGIN}", "rev-list", "--no-walk", "--parents", *level]
        rows = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        level = [p for p in dict.fromkeys(p for row in rows for p in row.split()[1:]) if p not in seen]
        seen.update(level)
        if not level:
            break
    return level


def borrow(folder: Path, commit: str, *, depth: int, tags: bool) -> None:
    """Give the repository the clone's objects, and the refs that the original's fetch would have brought.

    `depth` counts commits, 0 means all of them.
    """
    full = not depth
    git_folder = folder / ".git"
    (git_folder / "objects" / "info" / "alternates").write_text(f"{ORIGIN}/objects\n")
    shallow = ORIGIN / "shallow"
    cut = boundary(commit, depth) if depth else []
    known = shallow.read_text().split() if shallow.exists() else []
    if cut or known:
        (git_folder / "shallow").write_text("".join(f"{c}\n" for c in dict.fromkeys([*cut, *known])))
    packed = (ORIGIN / "packed-refs").read_text().splitlines() if (ORIGIN / "packed-refs").exists() else []
    kept = [x for x in packed if (full and " refs/remotes/origin/" in x) or (tags and " refs/tags/" in x)]
    (git_folder / "packed-refs").write_text("# pack-refs with: sorted\n" + "".join(f"{x}\n" for x in kept))


def place(folder: Path, commit: str, ref: str) -> None:
    """Write the files; on a branch where GitHub would be on one, else detached."""
    name, kind = os.environ["GITHUB_REF_NAME"], os.environ["GITHUB_REF_TYPE"]
    on_branch = os.environ["GITHUB_REF"].startswith("refs/heads/") and kind == "branch" and not ref
    if on_branch:
        tracked = folder / ".git" / "refs" / "remotes" / "origin" / name
        tracked.parent.mkdir(parents=True, exist_ok=True)
        tracked.write_text(f"{commit}\n")
    where = ["-B", name] if on_branch else ["--detach"]
    command = ["git", "-C", str(folder), "checkout", "--quiet", "--force", *where, commit]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    print(done.stderr, end="", flush=True)
    if done.returncode and MISSING.search(done.stderr):
        go_on_without(folder, commit)
    elif done.returncode:
        fail(f"The process 'git' failed with exit code {done.returncode}")


def go_on_without(folder: Path, commit: str) -> None:
    """Some files of the commit are lost. Git has written all others; it is told not to miss these, and so is the host.

    In a partial clone they can be had, and may be any.
    """
    command = ["git", "-C", str(folder), "ls-files", "-z", "--deleted"]
    absent = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")[:-1]
    if commit_at(folder) != commit or len(absent) > MAX_ABSENT or next(OBJECTS.glob("pack/*.promisor"), None):
        unreplayable(
            "the local clone lacks files of this commit (a partial clone?), and 'git fetch --refetch' gets them"
        )
    listed = "".join(f"{path}\0" for path in absent)
    command = ["git", "-C", str(folder), "update-index", "--skip-worktree", "-z", "--stdin"]
    subprocess.run(command, input=listed, text=True, check=True)
    control.Host().tell("absent", *absent)


def commit_at(folder: Path) -> str:
    """The commit that is checked out."""
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def fetch(folder: Path, ref: str, *, depth: int, tags: bool) -> str:
    """Check out another repository, which comes by our transport; its commit."""
    more = ["--tags" if tags else "--no-tags", *([f"--depth={depth}"] if depth else [])]
    known: dict[str, str] = {}
    if not SHA.fullmatch(ref):
        command = ["git", "-C", str(folder), "ls-remote", "--symref", "origin"]
        lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout.splitlines()
        known = {name: value for value, _, name in (line.partition("\t") for line in reversed(lines))}
    names = (ref, f"refs/heads/{ref}", f"refs/tags/{ref}") if ref else (known.get("HEAD", "").removeprefix("ref: "),)
    name = next((n for n in names if n in known), ref)
    local = name.replace("refs/heads/", "refs/remotes/origin/")
    everything = [] if depth else ["+refs/heads/*:refs/remotes/origin/*"]
    wanted = f"+{name}:{local}" if name in known else name
    git(folder, "fetch", "--quiet", *more, "origin", *everything, wanted)
    on_branch = ["-B", name.removeprefix("refs/heads/")] if local != name else ["--detach"]
    git(folder, "checkout", "--quiet", "--force", *on_branch, local)
    return commit_at(folder)


def update_submodules(folder: Path, depth: int, *, recursive: bool) -> None:
    """Fetch submodules at their recorded commits; URLs of ssh become those of https, as with the original."""
    deep = ["--recursive"] if recursive else []
    server = os.environ["GITHUB_SERVER_URL"]
    host = server.rpartition("/")[2]
    git(folder, "submodule", "--quiet", "sync", *deep)
    instead = f"url.{server}/.insteadOf=git@{host}:"
    shallow = [f"--depth={depth}"] if depth else []
    git(folder, "-c", instead, "submodule", "--quiet", "update", "--init", "--force", *shallow, *deep)


def uses_lfs(folder: Path) -> bool:
    """Whether the tree names the LFS filter."""
    attributes = folder / ".gitattributes"
    return attributes.exists() and "filter=lfs" in attributes.read_text(errors="replace")
