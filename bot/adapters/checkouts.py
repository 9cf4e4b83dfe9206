"""Finds the git checkout that a path lies in."""

from pathlib import Path

from bot.adapters.git_plumbing import GitPlumbing, answer, without_gits
from bot.errors import UsageError
from bot.ports import Checkout

# Whoever owns it: nothing that its configuration names is run.
WHERE = ("-c", "safe.directory=*", "rev-parse")
WHERE_SECONDS = 60.0
FOUND = ("--is-bare-repository", "--absolute-git-dir", "--git-common-dir", "--show-toplevel")
HEAD = ("HEAD^{commit}", "--symbolic-full-name", "HEAD")


def open_checkout(path: Path) -> Checkout:
    """Look at the checkout around a path. Raises `UsageError` when there is none, or it has no commit yet."""
    found = _discover(path)
    if found[:1] == ["true"]:
        raise UsageError(f"{path} is a bare repository", hint="give a checkout of it")
    if len(found) < len(FOUND):
        raise UsageError(f"{path} is not inside a git repository", hint="run regreen in a checkout, or give its path")
    if len(found) != len(FOUND) + 2:
        raise UsageError(f"{path} has no commit yet", hint="commit first")
    *places, head, ref = found[1:]
    git_dir, common_dir, root = (Path(path, place).resolve() for place in places)  # the second one is relative
    plumbing = GitPlumbing(git_dir)
    branch = ref.removeprefix("refs/heads/") if ref != "HEAD" else ""
    origin = plumbing.run("ls-remote", "--get-url", "origin").decode().strip()
    return Checkout(
        root=root,
        git_dir=git_dir,
        common_dir=common_dir,
        head=head,
        branch=branch,
        default_branch=_default_branch(plumbing, branch),
        origin=origin if origin != "origin" else "",
    )


def create_checkout(root: Path, message: str) -> None:
    """Make a repository of the files in a folder, with one commit."""
    import git  # slow to import, and no replay needs it

    with git.Repo.init(root, initial_branch="main") as repo:
        with repo.config_writer() as config:
            config.set_value("user", "name", "Regreen").set_value("user", "email", "noreply@regreen.invalid")
        repo.git.add(all=True)
        repo.git.commit(message=message, quiet=True)


def _discover(path: Path) -> list[str]:
    """What git says of `FOUND` and `HEAD`, as far as it knows."""
    if not path.is_dir():
        return []
    code, out, _ = answer(["git", *WHERE, *FOUND, *HEAD], path, without_gits(), b"", WHERE_SECONDS)
    lines = out.decode("utf-8", "surrogateescape").splitlines()
    return lines if code == 0 else lines[: len(FOUND)]  # what it does not know it repeats


def _default_branch(plumbing: GitPlumbing, branch: str) -> str:
    names = ("refs/remotes/origin/HEAD", "refs/heads/main", "refs/heads/master")
    told = plumbing.run("for-each-ref", "--format=%(refname) %(symref)", *names).decode().split("\n")
    known = dict(line.split(" ", 1) for line in told if line)
    if there := known.get(names[0]):
        return there.removeprefix("refs/remotes/origin/")
    return next((name.removeprefix("refs/heads/") for name in names[1:] if name in known), branch or "main")
