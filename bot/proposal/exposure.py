"""What code on a branch of the repository could get hold of in its CI: a push must not hand secrets to a model's code.

It is read from the workflow files as they are, and in doubt the answer is that there is something to get hold of:
filters of branches and paths, and conditions, are not believed.
"""

from collections.abc import Iterator
from typing import Any

import re2

from bot.errors import UsageError
from bot.ports import Git
from bot.yaml12 import load

FOLDER = ".github/workflows"
STARTED = frozenset({"push", "pull_request", "pull_request_target", "create", "workflow_run", "status", "check_run"})
"""The events that a push and a pull request bring about."""
SECRET = re2.compile(r"(?i)secrets\s*(?:\.\s*([a-z0-9_]+)|[\[)]|:\s*inherit)")


def exposed(git: Git, commit: str) -> Iterator[str]:
    """What the CI of a commit would let its code get hold of, in words, each with the workflow's file."""
    listing = git.run("ls-tree", "-z", "--name-only", commit, f"{FOLDER}/").decode("utf-8", "replace")
    for path in listing.split("\0"):
        if path.endswith((".yml", ".yaml")):
            text = git.run("cat-file", "blob", f"{commit}:{path}").decode("utf-8", "replace")
            yield from (f"{path}: {what}" for what in _of_workflow(text, path))


def _of_workflow(text: str, path: str) -> Iterator[str]:
    try:
        read = load(text, path)
    except UsageError:
        yield "it cannot be read"
        return
    workflow = read if isinstance(read, dict) else {}
    triggers = workflow.get("on")
    names = {triggers} if isinstance(triggers, str) else set(triggers or ())
    if not names & STARTED:
        return
    used = {match.group(1) or "" for match in SECRET.finditer(text)}
    if any(name.lower() != "github_token" for name in used):
        yield "it uses secrets"
    jobs = [job for job in (workflow.get("jobs") or {}).values() if isinstance(job, dict)]
    if any("environment" in job for job in jobs):
        yield "it uses an environment"
    if any(_writes(job.get("permissions", workflow.get("permissions"))) for job in jobs):
        yield "its token may write, or nothing says that it may not (permissions)"


def _writes(permissions: Any) -> bool:
    """Whether a token may write; where nothing is said, the repository's default decides, which may let it."""
    if isinstance(permissions, dict):
        return any(value == "write" for value in permissions.values())
    return bool(permissions != "read-all")
