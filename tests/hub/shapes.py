"""The hub's things as GitHub's JSON; what Regreen has no use for is there, but empty."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.hub.routing import permits
from tests.hub.world import Account, Comment, Issue, Pull, Repository, Review, ReviewComment, Token, node_id

if TYPE_CHECKING:
    from tests.hub.hub import Hub

Json = dict[str, Any]

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")
_USER_URLS = ("events", "followers", "following", "gists", "organizations", "received_events", "repos", "starred")
_REPOSITORY_URLS = [
    "archive",
    "assignees",
    "blobs",
    "branches",
    "collaborators",
    "comments",
    "commits",
    "compare",
    "contents",
    "contributors",
    "deployments",
    "downloads",
    "events",
    "forks",
    "git_commits",
    "git_refs",
    "git_tags",
    "hooks",
    "issue_comment",
    "issue_events",
    "issues",
    "keys",
    "labels",
    "languages",
    "merges",
    "milestones",
    "notifications",
    "pulls",
    "releases",
    "stargazers",
    "statuses",
    "subscribers",
    "subscription",
    "tags",
    "teams",
    "trees",
]


def time(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def user(hub: "Hub", account: Account) -> Json:
    at = f"{hub.url}/users/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id("User", account.id),
        "avatar_url": "",
        "gravatar_id": "",
        "url": at,
        "html_url": f"{hub.url}/{account.login}",
        **{f"{name}_url": f"{at}/{name}" for name in (*_USER_URLS, "subscriptions")},
        "type": account.kind,
        "site_admin": False,
    }


def public_user(hub: "Hub", account: Account) -> Json:
    nothing = dict.fromkeys(("name", "company", "blog", "location", "email", "hireable", "bio"))
    none = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    when = {"created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z"}
    return {**user(hub, account), **nothing, **none, **when, "user_view_type": "public"}


def repository(hub: "Hub", one: Repository, token: Token | None = None) -> Json:
    at, html = api(hub, one), f"{hub.url}/{one.name}"
    issues = sum(issue.state == "open" for issue in one.issues.values())
    none = ("forks", "forks_count", "watchers", "watchers_count", "stargazers_count", "subscribers_count")
    role = one.role(token.account if token and token.permissions is None else None)
    may = {name: _at_least(role, name) for name in ("admin", "maintain", "push", "triage", "pull")}
    if token and token.permissions is not None:
        may["push"] = permits(token, one, "contents:write")
    return {
        "id": one.id,
        "node_id": node_id("Repository", one.id),
        "name": one.name.partition("/")[2],
        "full_name": one.name,
        "owner": user(hub, one.owner),
        "private": one.private,
        "visibility": "private" if one.private else "public",
        "html_url": html,
        "description": None,
        "fork": one.parent is not None,
        "url": at,
        **{f"{name}_url": f"{at}/{name}" for name in _REPOSITORY_URLS},
        "git_url": f"{html}.git",
        "ssh_url": f"{html}.git",
        "clone_url": f"{html}.git",
        "svn_url": html,
        **dict.fromkeys(("homepage", "language", "mirror_url", "license")),
        **dict.fromkeys(none, 0),
        "network_count": 0,
        "size": 1,
        "default_branch": one.default_branch,
        "open_issues": issues,
        "open_issues_count": issues,
        **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_discussions", "has_downloads"), True),
        "has_pages": False,
        "archived": one.archived,
        "topics": [],
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "disabled": False,
        **{f"{what}_at": time(one.created) for what in ("created", "updated", "pushed")},
        "permissions": may,
        "allow_merge_commit": True,
        "allow_squash_merge": True,
        "allow_rebase_merge": False,
        **({"parent": repository(hub, one.parent), "source": repository(hub, one.parent)} if one.parent else {}),
    }


def _at_least(role: str, permission: str) -> bool:
    order = ["none", "pull", "triage", "push", "maintain", "admin"]
    own = {"read": "pull", "write": "push"}.get(role, role)
    return order.index(own) >= order.index(permission)


def api(hub: "Hub", one: Repository) -> str:
    return f"{hub.url}/repos/{one.name}"


def label(hub: "Hub", one: Repository, name: str) -> Json:
    number = one.labels[name]
    url = f"{api(hub, one)}/labels/{name}"
    more = {"color": "ededed", "default": False, "description": ""}
    return {"id": number, "node_id": node_id("Label", number), "url": url, "name": name, **more}


def issue(hub: "Hub", one: Repository, it: Issue) -> Json:
    at, html = f"{api(hub, one)}/issues/{it.number}", f"{hub.url}/{one.name}"
    pull_at = f"{api(hub, one)}/pulls/{it.number}"
    page = f"{html}/{'pull' if isinstance(it, Pull) else 'issues'}/{it.number}"
    links = {"url": pull_at, "html_url": page, "diff_url": f"{page}.diff", "patch_url": f"{page}.patch"}
    return {
        **_common(hub, one, it),
        "id": it.id,
        "node_id": node_id("Issue", it.id),
        "url": at,
        "repository_url": api(hub, one),
        "reactions": _reactions(at, []),
        "labels_url": f"{at}/labels{{/name}}",
        "events_url": f"{at}/events",
        "html_url": page,
        "comments": sum(c.issue is it for c in one.comments.values() if type(c) is Comment),
        **({"pull_request": links, "draft": it.draft} if isinstance(it, Pull) else {}),
    }


def _common(hub: "Hub", one: Repository, it: Issue) -> Json:
    return {
        "number": it.number,
        "title": it.title,
        "body": it.body,
        "user": user(hub, it.author),
        "state": it.state,
        "locked": False,
        "active_lock_reason": None,
        "labels": [label(hub, one, name) for name in it.labels],
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "created_at": time(it.created),
        "updated_at": time(it.updated),
        "closed_at": time(it.closed),
        "author_association": association(one, it.author),
        "comments_url": f"{api(hub, one)}/issues/{it.number}/comments",
    }


def association(one: Repository, account: Account) -> str:
    if account is one.owner:
        return "OWNER"
    return "COLLABORATOR" if account.login in one.roles else "NONE"


def pull(hub: "Hub", one: Repository, it: Pull, *, whole: bool = True) -> Json:
    at, html = f"{api(hub, one)}/pulls/{it.number}", f"{hub.url}/{one.name}/pull/{it.number}"
    issue_at = f"{api(hub, one)}/issues/{it.number}"
    urls = {
        "self": at,
        "html": html,
        "issue": issue_at,
        "comments": f"{issue_at}/comments",
        "review_comments": f"{at}/comments",
        "review_comment": f"{api(hub, one)}/pulls/comments{{/number}}",
        "commits": f"{at}/commits",
        "statuses": f"{api(hub, one)}/statuses/{it.head_sha}",
    }
    return {
        **_common(hub, one, it),
        "id": it.id + 1,
        "node_id": node_id("PullRequest", it.id),
        "url": at,
        "html_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "issue_url": issue_at,
        **{f"{n}_url": urls[n] for n in ("commits", "review_comments", "review_comment", "statuses")},
        "_links": {name: {"href": url} for name, url in urls.items()},
        "head": _side(hub, it.head_repository, it.author, it.head_ref, it.head_sha),
        "base": _side(hub, one, one.owner, it.base_ref, it.base_sha),
        "draft": it.draft,
        "merged_at": time(it.merged),
        "merge_commit_sha": it.merge_commit or None,
        "auto_merge": None,
        "requested_reviewers": [user(hub, hub.accounts[login]) for login in it.reviewers],
        "requested_teams": [],
        **(_whole_pull(hub, one, it) if whole else {}),
    }


def _whole_pull(hub: "Hub", one: Repository, it: Pull) -> Json:
    stat = one.git("diff", "--numstat", f"{it.base_sha}...{it.head_sha}").splitlines()
    numbers = [[int(n) if n.isdigit() else 0 for n in line.split("\t")[:2]] for line in stat]
    base = one.git.resolve(f"refs/heads/{it.base_ref}")
    can = it.state == "open" and bool(base and one.git.merged_tree(base, it.head_sha))
    reviewed = [c for c in one.comments.values() if isinstance(c, ReviewComment) and c.issue is it]
    return {
        "merged": it.merged is not None,
        "mergeable": can if it.state == "open" else None,
        "rebaseable": False,
        "mergeable_state": "clean" if can else "dirty" if it.state == "open" else "unknown",
        "merged_by": user(hub, it.merged_by) if it.merged_by else None,
        "comments": sum(c.issue is it for c in one.comments.values()) - len(reviewed),
        "review_comments": len(reviewed),
        "maintainer_can_modify": False,
        "commits": len(one.git("rev-list", f"{it.base_sha}..{it.head_sha}").splitlines()),
        "additions": sum(n for n, _ in numbers),
        "deletions": sum(n for _, n in numbers),
        "changed_files": len(numbers),
    }


def _side(hub: "Hub", one: Repository | None, otherwise: Account, ref: str, sha: str) -> Json:
    owner = one.owner if one else otherwise
    told = {"label": f"{owner.login}:{ref}", "ref": ref, "sha": sha, "user": user(hub, owner)}
    return {**told, "repo": repository(hub, one) if one else None}


def commit(hub: "Hub", one: Repository, sha: str) -> Json:
    def at(name: str) -> Json:
        return {
            "sha": name,
            "url": f"{api(hub, one)}/commits/{name}",
            "html_url": f"{hub.url}/{one.name}/commit/{name}",
        }

    tree, parents, when, message = one.git("show", "-s", "--format=%T%n%P%n%cI%n%B", sha).split("\n", 3)
    person = {"name": "someone", "email": "someone@example.invalid", "date": when}
    told = {"url": f"{api(hub, one)}/git/commits/{sha}", "author": person, "committer": person, "message": message}
    inside = {**told, "comment_count": 0, "tree": {"sha": tree, "url": f"{api(hub, one)}/git/trees/{tree}"}}
    more = {
        "node_id": sha,
        "comments_url": f"{api(hub, one)}/commits/{sha}/comments",
        "author": None,
        "committer": None,
    }
    return {**at(sha), **more, "commit": inside, "parents": [at(name) for name in parents.split()]}


def comment(hub: "Hub", one: Repository, it: Comment) -> Json:
    page = issue(hub, one, it.issue)
    return {
        "id": it.id,
        "node_id": node_id("IssueComment", it.id),
        "url": f"{api(hub, one)}/issues/comments/{it.id}",
        "html_url": f"{page['html_url']}#issuecomment-{it.id}",
        "issue_url": page["url"],
        "body": it.body,
        "reactions": _reactions(f"{api(hub, one)}/issues/comments/{it.id}", it.reactions),
        "user": user(hub, it.author),
        "created_at": time(it.created),
        "updated_at": time(it.updated),
        "author_association": association(one, it.author),
        "performed_via_github_app": None,
    }


def _reactions(at: str, given: list[tuple[int, Account, str]]) -> Json:
    counts = {kind: sum(content == kind for _, _, content in given) for kind in REACTIONS}
    return {"url": f"{at}/reactions", "total_count": len(given), **counts}


def reaction(hub: "Hub", it: tuple[int, Account, str], when: datetime) -> Json:
    number, account, content = it
    told = {"id": number, "node_id": node_id("Reaction", number), "content": content, "created_at": time(when)}
    return {**told, "user": user(hub, account)}


def review(hub: "Hub", one: Repository, it: Review) -> Json:
    page = f"{hub.url}/{one.name}/pull/{it.pull.number}"
    at = f"{api(hub, one)}/pulls/{it.pull.number}"
    return {
        "id": it.id,
        "node_id": node_id("PullRequestReview", it.id),
        "user": user(hub, it.author),
        "body": it.body,
        "state": it.state,
        "commit_id": it.commit,
        "submitted_at": time(it.submitted),
        "html_url": f"{page}#pullrequestreview-{it.id}",
        "pull_request_url": at,
        "author_association": association(one, it.author),
        "_links": {"html": {"href": page}, "pull_request": {"href": at}},
    }


def review_comment(hub: "Hub", one: Repository, it: ReviewComment) -> Json:
    at = f"{api(hub, one)}/pulls/comments/{it.id}"
    pull_at = f"{api(hub, one)}/pulls/{it.issue.number}"
    page = f"{hub.url}/{one.name}/pull/{it.issue.number}#discussion_r{it.id}"
    return {
        "id": it.id,
        "node_id": node_id("PullRequestReviewComment", it.id),
        "pull_request_review_id": it.review,
        "url": at,
        "html_url": page,
        "pull_request_url": pull_at,
        "path": it.path,
        "line": it.line,
        "side": "RIGHT",
        "start_line": it.start_line,
        "start_side": "RIGHT" if it.start_line else None,
        "original_line": it.line,
        "original_start_line": it.start_line,
        **dict.fromkeys(("position", "original_position"), 1),
        "reactions": _reactions(at, it.reactions),
        "diff_hunk": it.hunk,
        "commit_id": it.commit,
        "original_commit_id": it.commit,
        "body": it.body,
        "user": user(hub, it.author),
        "created_at": time(it.created),
        "updated_at": time(it.updated),
        "author_association": association(one, it.author),
        "_links": {name: {"href": url} for name, url in (("self", at), ("html", page), ("pull_request", pull_at))},
    }
