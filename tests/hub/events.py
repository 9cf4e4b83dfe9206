"""What follows when something happened: a webhook, and the runs that it starts."""

from typing import TYPE_CHECKING, Any

from tests.hub import runs, shapes
from tests.hub.world import Account, Comment, Issue, Pull, Repository, Review, ReviewComment, Run, Token, now

if TYPE_CHECKING:
    from tests.hub.hub import Hub

_BY_ANY_TOKEN = ("workflow_dispatch", "repository_dispatch")
_FOR_WORKFLOWS_ONLY = (*_BY_ANY_TOKEN, "schedule")
_ZEROS = "0" * 40


def happened(
    hub: "Hub",
    one: Repository,
    event: str,
    payload: dict[str, Any],
    token: Token | None,
    place: "runs.Place | None" = None,
    *,
    sender: Account | None = None,
) -> list[Run]:
    """Tell it and start runs, by default those of the default branch. The token of a job starts none, as on GitHub."""
    actor = sender or (token.account if token else one.owner)
    payload = {**payload, "repository": shapes.repository(hub, one), "sender": shapes.user(hub, actor)}
    if event not in _FOR_WORKFLOWS_ONLY:
        hub.webhooks.emit(event, payload, one, actor)
    if token and token.job and event not in _BY_ANY_TOKEN:
        return []
    tip = one.git.resolve(f"refs/heads/{one.default_branch}")
    place = place or (runs.Place(one, one.default_branch, tip) if tip else None)
    return runs.started(hub, one, event, payload, actor, place) if place else []


def about_issue(hub: "Hub", one: Repository, it: Issue, action: str, token: Token | None) -> None:
    if isinstance(it, Pull):
        about_pull(hub, one, it, action, token)
        return
    told = {"closed": "closed", "open": "reopened"}.get(action, action)
    payload = {"action": told, "issue": shapes.issue(hub, one, it), **_more(hub, one, it, told)}
    happened(hub, one, "issues", payload, token)


def _more(hub: "Hub", one: Repository, it: Issue, action: str) -> dict[str, Any]:
    """What some events tell besides; of changes the hub tells only that there are some."""
    if action == "labeled":
        return {"label": shapes.label(hub, one, it.labels[-1])}
    return {"changes": {}} if action == "edited" else {}


def about_pull(hub: "Hub", one: Repository, it: Pull, action: str, token: Token | None, before: str = "") -> None:
    """Runs of a pull request check out its merge with the base; where that conflicts there are none."""
    pull = shapes.pull(hub, one, it)
    payload = {"action": action, "number": it.number, "pull_request": pull, **_more(hub, one, it, action)}
    if action == "synchronize":
        payload |= {"before": before, "after": it.head_sha}
    place = _place(one, it)
    if not place:
        hub.webhooks.emit("pull_request", payload, one, it.author)
        return
    happened(hub, one, "pull_request", payload, token, place)
    if not (token and token.job):
        base = runs.Place(place.head_repository, it.base_ref, one.git.resolve(it.base_ref), it.head_sha)
        whole = {**payload, "repository": pull["base"]["repo"], "sender": pull["user"]}
        runs.started(hub, one, "pull_request_target", whole, token.account if token else it.author, base)


def _place(one: Repository, it: Pull) -> "runs.Place | None":
    ref = f"refs/pull/{it.number}/merge"
    if not it.merged:
        base = one.git.resolve(it.base_ref)
        tree = one.git.merged_tree(base, it.head_sha)
        if not tree:
            return None
        message = f"Merge {it.head_sha} into {base}"
        one.git("update-ref", ref, one.git.commit_tree(tree, message, it.author.login, [base, it.head_sha]))
    sha = it.merge_commit if it.merged else one.git.refs()[ref]
    return runs.Place(it.head_repository or one, it.head_ref, sha, it.head_sha, ref)


def about_comment(hub: "Hub", one: Repository, it: Comment, action: str, token: Token | None) -> None:
    payload = {"issue": shapes.issue(hub, one, it.issue), "comment": shapes.comment(hub, one, it)}
    changes = {"changes": {"body": {"from": ""}}} if action == "edited" else {}
    happened(hub, one, "issue_comment", {"action": action, **payload, **changes}, token)


def about_review(hub: "Hub", one: Repository, it: Review, comments: list[ReviewComment], token: Token | None) -> None:
    pull, place = shapes.pull(hub, one, it.pull), _place(one, it.pull)
    told = {"review": {**shapes.review(hub, one, it), "state": it.state.lower()}, "pull_request": pull}
    happened(hub, one, "pull_request_review", {"action": "submitted", **told}, token, place)
    for comment in comments:
        shown = {"comment": shapes.review_comment(hub, one, comment), "pull_request": pull}
        happened(hub, one, "pull_request_review_comment", {"action": "created", **shown}, token, place)


def pushed(hub: "Hub", one: Repository, ref: str, old: str, new: str, token: Token) -> None:
    """A reference was made, moved or deleted (`old` or `new` empty); pull requests from and to it follow."""
    branch = ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    head = _commit(hub, one, new) if new else None
    pusher = {"name": token.account.login, "email": "noreply@example.invalid"}
    states = {"created": not old, "deleted": not new, "forced": bool(old and new and not one.git.is_in(old, new))}
    told: dict[str, Any] = {
        "ref": ref,
        "before": old or _ZEROS,
        "after": new or _ZEROS,
        **states,
        "pusher": pusher,
        "base_ref": None,
    }
    told |= {
        "head_commit": head,
        "commits": [head] if head else [],
        "compare": f"{hub.url}/{one.name}/compare/{branch}",
    }
    if new:
        happened(hub, one, "push", told, token, runs.Place(one, branch, new, ref=ref))
    else:
        hub.webhooks.emit("push", told, one, token.account)
    if ref.startswith("refs/heads/"):
        for where in list(hub.repositories.values()):
            for pull in [p for p in where.pulls if p.state == "open"]:
                _follow(hub, where, pull, one, branch, new, token)


def _follow(hub: "Hub", where: Repository, pull: Pull, one: Repository, branch: str, new: str, token: Token) -> None:
    if pull.head_repository is one and pull.head_ref == branch:
        if new:
            where.git("fetch", "-q", str(one.git.path), new)
            where.git("update-ref", f"refs/pull/{pull.number}/head", new)
            old, pull.head_sha, pull.updated = pull.head_sha, new, now()
            about_pull(hub, where, pull, "synchronize", token, old)
        else:
            pull.state, pull.closed = "closed", now()
            about_pull(hub, where, pull, "closed", token)
    elif where is one and pull.base_ref == branch and new and one.git.is_in(pull.head_sha, new):
        pull.state, pull.closed, pull.merged, pull.merge_commit = "closed", now(), now(), new
        pull.merged_by = token.account
        about_pull(hub, where, pull, "closed", token)


def _commit(hub: "Hub", one: Repository, sha: str) -> dict[str, Any]:
    message, tree, name = one.git("log", "-1", "--format=%B%x00%T%x00%an", sha).split("\0")
    names = one.git("diff-tree", "--no-commit-id", "--name-only", "-r", "--root", sha).splitlines()
    who = {"name": name, "email": "noreply@example.invalid", "username": name}
    told = {"id": sha, "tree_id": tree, "message": message.strip(), "timestamp": shapes.time(now()), "distinct": True}
    files = {"added": [], "removed": [], "modified": names}
    return {**told, "url": f"{hub.url}/{one.name}/commit/{sha}", "author": who, "committer": who, **files}
