"""Finds the git checkout that a path lies in."""

from pathlib import Path

import git
from git.exc import InvalidGitRepositoryError, NoSuchPathError

from bot.adapters.git_plumbing import GitPlumbing
from bot.errors import UsageError
from bot.ports import Checkout


def open_checkout(path: Path) -> Checkout:
    """Look at the checkout around a path. Raises `UsageError` when there is none, or it has no commit yet."""
    try:
        repo = git.Repo(path, search_parent_directories=True)
    except (InvalidGitRepositoryError, NoSuchPathError) as e:
        raise UsageError(
            f"{path} is not inside a git repository", hint="run regreen in a checkout, or give its path"
        ) from e
    with repo:
        if repo.working_tree_dir is None:
            raise UsageError(f"{path} is a bare repository", hint="give a checkout of it")
        git_dir, common_dir = Path(repo.git_dir), Path(repo.common_dir).resolve()
        plumbing = GitPlumbing(git_dir)
        head = plumbing.try_run("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if head is None:
            raise UsageError(f"{path} has no commit yet", hint="commit first")
        branch = (plumbing.try_run("symbolic-ref", "--quiet", "--short", "HEAD") or b"").decode().strip()
        return Checkout(
            root=Path(repo.working_tree_dir),
            git_dir=git_dir,
            common_dir=common_dir,
            head=head.decode().strip(),
            branch=branch,
            default_branch=_default_branch(plumbing, branch),
            origin=next((next(iter(r.urls), "") for r in repo.remotes if r.name == "origin"), ""),
        )


def create_checkout(root: Path, message: str) -> None:
    """Make a repository of the files in a folder, with one commit."""
    with git.Repo.init(root, initial_branch="main") as repo:
        with repo.config_writer() as config:
            config.set_value("user", "name", "Regreen").set_value("user", "email", "noreply@regreen.invalid")
        repo.git.add(all=True)
        repo.git.commit(message=message, quiet=True)


def _default_branch(plumbing: GitPlumbing, branch: str) -> str:
    told = plumbing.try_run("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    if told:
        return told.decode().strip().removeprefix("origin/")
    known = (
        n
        for n in ("main", "master")
        if plumbing.try_run("show-ref", "--verify", "--quiet", f"refs/heads/{n}") is not None
    )
    return next(known, branch or "main")
