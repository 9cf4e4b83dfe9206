"""The clone of a repository on GitHub that incidents are worked on: one bare repository, kept between commands."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from filelock import FileLock

from bot.adapters.git_plumbing import GitPlumbing
from bot.adapters.patience import while_transient
from bot.errors import Forbidden, GitFailed, Gone, Transient
from bot.ports import Checkout, Clock

PATIENCE_SECONDS = 600.0
DENIED = ("authentication failed", "returned error: 401", "returned error: 403", "could not read username")
MISSING = ("not found", "returned error: 404")
NO_REF = "couldn't find remote ref"


def fetched(
    folder: Path, url: str, access: Callable[[], Mapping[str, str]], clock: Clock, pull: int = 0
) -> GitPlumbing:
    """The clone in a folder, made or brought up to date: all branches and tags, and the head of a pull request.

    `access` gives what git has to have in its environment to be let in.

    Raises `Forbidden` or `Gone` when the token opens no such repository, `Transient` when no answer came.
    """
    git_dir = folder / "clone.git"
    folder.mkdir(parents=True, exist_ok=True)
    git = GitPlumbing(git_dir, access=access)
    wanted = ["+refs/heads/*:refs/remotes/origin/*", "^refs/heads/regreen/state", "+refs/tags/*:refs/tags/*"]
    wanted += [f"+refs/pull/{pull}/head:refs/remotes/pull/{pull}"] if pull else []
    with FileLock(folder / "lock", timeout=PATIENCE_SECONDS):
        if not (git_dir / "HEAD").exists():
            git.run("init", "--bare", "--quiet", "--template=", str(git_dir))
        (git_dir / "config").write_text(_config(url))
        while_transient(clock)(_fetch, git, url, wanted)
    return git


def _fetch(git: GitPlumbing, url: str, wanted: Sequence[str]) -> None:
    try:
        git.run("fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "origin", *wanted)
    except GitFailed as e:
        raise _failed(e, url) from e


def _config(url: str) -> str:
    return f'[core]\n\trepositoryformatversion = 0\n\tbare = true\n[remote "origin"]\n\turl = {url}\n'


def _failed(error: GitFailed, url: str) -> Exception:
    if error.says(DENIED):
        return Forbidden(f"git may not read {url}", hint="give the token the permission contents: read")
    if error.says(MISSING):
        return Gone(f"there is no repository {url}, or the token may not see it")
    if error.says([NO_REF]):
        return Gone(f"{url}: the branch or pull request has gone")
    return Transient(f"{url} cannot be fetched: {error.message}")


def checkout_of(git: GitPlumbing, root: Path, commit: str, branch: str, default_branch: str, url: str) -> Checkout:
    """The clone as a checkout of a commit; `root`, its working tree, is an empty folder. Raises `Gone`."""
    if git.try_run("cat-file", "-e", f"{commit}^{{commit}}") is None:
        raise Gone(f"the commit {commit[:12]} of {url} has gone", hint="its branch was deleted or pushed over")
    root.mkdir(parents=True, exist_ok=True)
    return Checkout(
        root=root,
        git_dir=git.git_dir,
        common_dir=git.git_dir,
        head=commit,
        branch=branch,
        default_branch=default_branch,
        origin=url,
    )
