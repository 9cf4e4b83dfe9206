"""Pull requests, their reviews, and their merging, which is a real one."""

from tests.hub import events, shapes
from tests.hub.rest_issues import change, checked
from tests.hub.routing import Answer, Failure, Request, invalid, not_found, permits, route
from tests.hub.world import Pull, Repository, Review, ReviewComment, now

_REPO = "/repos/{owner}/{repo}"
_PULL = f"{_REPO}/pulls/{{pull_number}}"
_READ, _WRITE = "pull_requests:read", "pull_requests:write"


def pull_of(request: Request) -> Pull:
    found = request.repository.issues.get(request.number("pull_number"))
    return found if isinstance(found, Pull) else not_found()


@route("GET", f"{_REPO}/pulls", _READ)
def pulls(request: Request) -> Answer:
    one, query = request.repository, request.query
    found = [
        it
        for it in one.pulls
        if query.get("state", "open") in ("all", it.state)
        and query.get("base", it.base_ref) == it.base_ref
        and query.get("head", _label(it)) == _label(it)
    ]
    newest = sorted(found, key=lambda it: it.number, reverse=query.get("direction", "desc") == "desc")
    return request.page(newest, lambda it: shapes.pull(request.hub, one, it, whole=False))


def _label(it: Pull) -> str:
    return f"{it.head_repository.owner.login if it.head_repository else 'unknown'}:{it.head_ref}"


@route("POST", f"{_REPO}/pulls", _WRITE, role="read")
def make_pull(request: Request) -> Answer:
    hub, one, body = request.hub, request.repository, request.body
    if request.token and request.token.job and not one.actions_may_open_pulls:
        raise Failure(403, "GitHub Actions is not permitted to create or approve pull requests.")
    owner, _, ref = body["head"].rpartition(":")
    source = _fork(request, owner) if owner else one
    head = source.git.refs().get(f"refs/heads/{ref}") if source else None
    base = one.git.refs().get(f"refs/heads/{body['base']}")
    if not source or not head:
        raise invalid("PullRequest", "head", code="invalid")
    if not base:
        raise invalid("PullRequest", "base", code="invalid")
    if request.token and request.token.permissions is None and not permits(request.token, source, "contents:write"):
        raise Failure(403, "Resource not accessible by personal access token")
    same = [p for p in one.pulls if p.state == "open" and _label(p) == f"{source.owner.login}:{ref}"]
    if any(p.base_ref == body["base"] for p in same):
        raise invalid("PullRequest", "", f"A pull request already exists for {source.owner.login}:{ref}.")
    if source is not one:
        one.git("fetch", "-q", str(source.git.path), head)
    if one.git.is_in(head, base):
        raise invalid("PullRequest", "", f"No commits between {body['base']} and {body['head']}")
    if body.get("draft") and not one.drafts:
        raise invalid("PullRequest", "", "Draft pull requests are not supported in this repository.")
    it = Pull(
        id=hub.next_id(2),
        number=hub.next_number(one),
        title=body.get("title") or ref,
        body=body.get("body") or "",
        author=request.account,
        head_repository=source,
        head_ref=ref,
        head_sha=head,
        base_ref=body["base"],
        base_sha=base,
        draft=body.get("draft", False),
    )
    one.issues[it.number] = it
    one.git("update-ref", f"refs/pull/{it.number}/head", head)
    events.about_pull(hub, one, it, "opened", request.token)
    return Answer(201, shapes.pull(hub, one, it))


def _fork(request: Request, owner: str) -> Repository | None:
    """The repository of an owner that a pull request here can come from."""
    one = request.repository
    for other in request.hub.repositories.values():
        if other.owner.login == owner and (other is one or other.parent is one):
            return other
    return None


@route("GET", _PULL, _READ)
def get_pull(request: Request) -> Answer:
    return Answer(body=shapes.pull(request.hub, request.repository, pull_of(request)))


@route("PATCH", _PULL, _WRITE)
def edit_pull(request: Request) -> Answer:
    it, one, was = pull_of(request), request.repository, pull_of(request).state
    checked(request.body.get("body") or "-", "PullRequest")
    change(it, request.body)
    if base := request.body.get("base"):
        it.base_ref, it.base_sha = base, one.git.refs().get(f"refs/heads/{base}") or not_found()
    actions = {("open", "closed"): "closed", ("closed", "open"): "reopened"}
    events.about_pull(request.hub, one, it, actions.get((was, it.state), "edited"), request.token)
    return Answer(body=shapes.pull(request.hub, one, it))


@route("PUT", f"{_PULL}/merge", "contents:write")
def merge(request: Request) -> Answer:
    it, one, body = pull_of(request), request.repository, request.body or {}
    git, before = one.git, one.git.refs()
    base = before[f"refs/heads/{it.base_ref}"]
    if body.get("sha", it.head_sha) != it.head_sha:
        raise Failure(409, "Head branch was modified. Review and try the merge again.")
    method = body.get("merge_method", "merge")
    if method == "rebase":
        raise Failure(405, "Rebase merges are not allowed on this repository.")
    tree = git.merged_tree(base, it.head_sha) if it.state == "open" and not it.draft else ""
    if not tree:
        raise Failure(405, "Pull Request is not mergeable")
    squash = method == "squash"
    title = f"{it.title} (#{it.number})" if squash else f"Merge pull request #{it.number} from {_label(it)}"
    told = body.get("commit_message") or ("" if squash else it.title)
    message = f"{body.get('commit_title') or title}\n\n{told}".rstrip() + "\n"
    parents = [base] if squash else [base, it.head_sha]
    it.merge_commit = git.commit_tree(tree, message, request.account.login, parents)
    one.signed.add(it.merge_commit)
    it.merged = it.closed = it.updated = now()
    it.state, it.merged_by = "closed", request.account
    git("update-ref", f"refs/heads/{it.base_ref}", it.merge_commit, base)
    request.hub.refs_changed(one, before, request.token)
    events.about_pull(request.hub, one, it, "closed", request.token)
    return Answer(body={"sha": it.merge_commit, "merged": True, "message": "Pull Request successfully merged"})


@route("POST", f"{_PULL}/requested_reviewers", _WRITE)
def request_reviews(request: Request) -> Answer:
    it, one, body = pull_of(request), request.repository, request.body
    for login in body.get("reviewers", []):
        account = request.hub.accounts.get(login)
        if not account or account is it.author or not (account is one.owner or login in one.roles):
            raise Failure(422, "Reviews may only be requested from collaborators.")
        it.reviewers += [login] if login not in it.reviewers else []
    it.teams += body.get("team_reviewers", [])
    return Answer(201, shapes.pull(request.hub, one, it, whole=False))


@route("GET", f"{_PULL}/reviews", _READ)
def reviews(request: Request) -> Answer:
    one, it = request.repository, pull_of(request)
    found = [r for r in one.reviews.values() if r.pull is it]
    return request.page(found, lambda r: shapes.review(request.hub, one, r))


@route("POST", f"{_PULL}/reviews", _WRITE, role="read")
def make_review(request: Request) -> Answer:
    it, one, hub, body = pull_of(request), request.repository, request.hub, request.body
    event = body.get("event") or "PENDING"
    commit = body.get("commit_id") or it.head_sha
    if event == "APPROVE" and it.author is request.account:
        raise Failure(422, "Unprocessable Entity", errors=["Can not approve your own pull request"])
    states = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
    state, number = states.get(event, "PENDING"), hub.next_id()
    told = [_remark(request, it, commit, number, remark) for remark in body.get("comments", [])]
    if not told and state != "APPROVED":
        checked(body.get("body") or "", "PullRequestReview")
    review = Review(id=number, pull=it, author=request.account, body=body.get("body") or "", state=state, commit=commit)
    one.reviews[number] = review
    one.comments.update({comment.id: comment for comment in told})
    events.about_review(hub, one, review, told, request.token)
    return Answer(body=shapes.review(hub, one, review))


def _remark(request: Request, it: Pull, commit: str, number: int, remark: dict[str, str | int]) -> ReviewComment:
    """A comment of a review. Raises a 422 for lines that are not in the diff."""
    path, line = str(remark["path"]), int(remark.get("line") or 0)
    first = int(remark.get("start_line") or line)
    shown = request.repository.git.shown_lines(it.base_sha, commit, path)
    if not shown:
        raise Failure(422, "Unprocessable Entity", errors=["Path could not be resolved"])
    if first > line or line not in shown or shown.get(first) != shown[line]:
        raise Failure(422, "Unprocessable Entity", errors=["Line could not be resolved"])
    return ReviewComment(
        id=request.hub.next_id(),
        issue=it,
        body=checked(str(remark["body"])),
        author=request.account,
        review=number,
        path=path,
        line=line,
        start_line=first if first != line else None,
        commit=commit,
        hunk=shown[line],
    )


@route("GET", f"{_PULL}/reviews/{{review_id}}/comments", _READ)
def comments_of_review(request: Request) -> Answer:
    one, wanted = request.repository, request.number("review_id")
    found = [c for c in one.comments.values() if isinstance(c, ReviewComment) and c.review == wanted]
    return request.page(found, lambda c: shapes.review_comment(request.hub, one, c))


@route("GET", f"{_PULL}/comments", _READ)
def review_comments(request: Request) -> Answer:
    one, it = request.repository, pull_of(request)
    found = [c for c in one.comments.values() if isinstance(c, ReviewComment) and c.issue is it]
    return request.page(found, lambda c: shapes.review_comment(request.hub, one, c))


@route("GET", f"{_REPO}/commits/{{commit_sha}}/pulls", _READ)
def pulls_of(request: Request) -> Answer:
    one, sha = request.repository, one_sha(request)
    git = one.git
    found = [
        p for p in one.pulls if sha == p.merge_commit or (git.is_in(sha, p.head_sha) and not git.is_in(sha, p.base_sha))
    ]
    return request.page(found, lambda it: shapes.pull(request.hub, one, it, whole=False))


def one_sha(request: Request) -> str:
    sha = request.repository.git.resolve(request.values["commit_sha"])
    if not sha:
        raise Failure(422, f"No commit found for SHA: {request.values['commit_sha']}")
    return sha
