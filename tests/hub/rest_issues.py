"""Issues, labels, comments and reactions."""

from typing import Any, TypeVar

from tests.hub import events, shapes
from tests.hub.routing import Answer, Failure, Request, invalid, not_found, route
from tests.hub.world import Comment, Issue, Pull, ReviewComment, now

_REPO = "/repos/{owner}/{repo}"
_ISSUE = f"{_REPO}/issues/{{issue_number}}"
_WRITES = ("issues:write", "pull_requests:write")
_READS = ("issues:read", "pull_requests:read")
LONGEST = 65_536
C = TypeVar("C", bound=Comment)


def issue_of(request: Request) -> Issue:
    return request.repository.issues.get(request.number("issue_number")) or not_found()


def checked(body: str, resource: str = "IssueComment") -> str:
    """A text, if it is one that can be stored. Raises a 422."""
    if not body:
        raise invalid(resource, "body", code="missing_field")
    if len(body) > LONGEST:
        raise invalid(resource, "body", f"body is too long (maximum is {LONGEST} characters)")
    return body


@route("GET", f"{_REPO}/issues", *_READS)
def issues(request: Request) -> Answer:
    one, query = request.repository, request.query
    labels = {name for name in query.get("labels", "").split(",") if name}
    found = [
        it
        for it in one.issues.values()
        if query.get("state", "open") in ("all", it.state)
        and query.get("creator", it.author.login) == it.author.login
        and labels <= set(it.labels)
        and _since(request, it)
    ]
    newest = sorted(found, key=lambda it: it.number, reverse=query.get("direction") != "asc")
    return request.page(newest, lambda it: shapes.issue(request.hub, one, it))


def _since(request: Request, it: Issue | Comment) -> bool:
    since = request.query.get("since", "")
    return not since or (shapes.time(it.updated) or "") >= since


@route("POST", f"{_REPO}/issues", "issues:write", role="read")
def make_issue(request: Request) -> Answer:
    one, hub, body = request.repository, request.hub, request.body
    number, text = hub.next_number(one), body.get("body") or ""
    it = Issue(id=hub.next_id(), number=number, title=body["title"], body=text, author=request.account)
    one.issues[number] = it
    _add_labels(request, it, body.get("labels") or [])
    events.about_issue(hub, one, it, "opened", request.token)
    return Answer(201, shapes.issue(hub, one, it))


@route("GET", _ISSUE, *_READS)
def get_issue(request: Request) -> Answer:
    return Answer(body=shapes.issue(request.hub, request.repository, issue_of(request)))


@route("PATCH", _ISSUE, "issues:write", role="triage")
def edit_issue(request: Request) -> Answer:
    it = issue_of(request)
    change(it, request.body)
    events.about_issue(request.hub, request.repository, it, request.body.get("state", "edited"), request.token)
    return Answer(body=shapes.issue(request.hub, request.repository, it))


def change(it: Issue, body: Any) -> None:
    """Change title, text and state of an issue or a pull request as asked for."""
    it.title, it.body = body.get("title") or it.title, body["body"] if body.get("body") is not None else it.body
    state = body.get("state")
    if state and state != it.state:
        if isinstance(it, Pull) and it.merged:
            raise invalid("PullRequest", "state", "state cannot be changed. The pull request is merged.")
        it.state, it.closed = state, now() if state == "closed" else None
    it.updated = now()


@route("GET", f"{_ISSUE}/labels", *_READS)
def labels(request: Request) -> Answer:
    return request.page(issue_of(request).labels, lambda name: shapes.label(request.hub, request.repository, name))


@route("POST", f"{_ISSUE}/labels", *_WRITES, role="triage")
def add_labels(request: Request) -> Answer:
    it, body = issue_of(request), request.body
    _add_labels(request, it, body["labels"] if isinstance(body, dict) else body)
    events.about_issue(request.hub, request.repository, it, "labeled", request.token)
    return Answer(body=[shapes.label(request.hub, request.repository, name) for name in it.labels])


@route("DELETE", f"{_ISSUE}/labels/{{name}}", *_WRITES, role="triage")
def remove_label(request: Request) -> Answer:
    it = issue_of(request)
    if request.values["name"] not in it.labels:
        raise Failure(404, "Label does not exist")
    it.labels.remove(request.values["name"])
    events.about_issue(request.hub, request.repository, it, "unlabeled", request.token)
    return Answer(body=[shapes.label(request.hub, request.repository, name) for name in it.labels])


def _add_labels(request: Request, it: Issue, names: list[str]) -> None:
    for name in names:
        request.repository.labels.setdefault(name, request.hub.next_id())
        if name not in it.labels:
            it.labels.append(name)


@route("GET", f"{_ISSUE}/comments", *_READS)
def comments(request: Request) -> Answer:
    one, it = request.repository, issue_of(request)
    found = [c for c in one.comments.values() if c.issue is it and not isinstance(c, ReviewComment)]
    found = [c for c in found if _since(request, c)]
    return request.page(found, lambda c: shapes.comment(request.hub, one, c))


@route("POST", f"{_ISSUE}/comments", *_WRITES, role="read")
def make_comment(request: Request) -> Answer:
    hub, one = request.hub, request.repository
    it = Comment(id=hub.next_id(), issue=issue_of(request), body=checked(request.body["body"]), author=request.account)
    one.comments[it.id] = it
    events.about_comment(hub, one, it, "created", request.token)
    return Answer(201, shapes.comment(hub, one, it))


@route("GET", f"{_REPO}/issues/comments", *_READS)
def recent_comments(request: Request) -> Answer:
    found = [c for c in request.repository.comments.values() if not isinstance(c, ReviewComment)]
    return request.page(_newest(request, found), lambda c: shapes.comment(request.hub, request.repository, c))


@route("GET", f"{_REPO}/pulls/comments", "pull_requests:read")
def recent_review_comments(request: Request) -> Answer:
    found = [c for c in request.repository.comments.values() if isinstance(c, ReviewComment)]
    return request.page(_newest(request, found), lambda c: shapes.review_comment(request.hub, request.repository, c))


def _newest(request: Request, found: list[C]) -> list[C]:
    by_change = request.query.get("sort") == "updated"
    back = request.query.get("direction") == "desc"
    return sorted(found, key=lambda c: c.updated if by_change else c.created, reverse=back)


@route("GET", f"{_REPO}/issues/comments/{{comment_id}}", *_READS)
def get_comment(request: Request) -> Answer:
    return Answer(body=shapes.comment(request.hub, request.repository, _comment(request)))


@route("PATCH", f"{_REPO}/issues/comments/{{comment_id}}", *_WRITES, role="read")
def edit_comment(request: Request) -> Answer:
    it = _comment(request)
    if request.account is not it.author and request.repository.role(request.account) not in (
        "write",
        "maintain",
        "admin",
    ):
        raise Failure(403, "Must have admin rights to Repository.")
    it.body, it.updated = checked(request.body["body"]), now()
    events.about_comment(request.hub, request.repository, it, "edited", request.token)
    return Answer(body=shapes.comment(request.hub, request.repository, it))


@route("DELETE", f"{_REPO}/issues/comments/{{comment_id}}", *_WRITES)
def delete_comment(request: Request) -> Answer:
    del request.repository.comments[_comment(request).id]
    return Answer(204)


def _comment(request: Request) -> Comment:
    return request.repository.comments.get(request.number("comment_id")) or not_found()


@route("POST", f"{_REPO}/issues/comments/{{comment_id}}/reactions", "issues:write", "pull_requests:write", role="read")
def react(request: Request) -> Answer:
    return _react(request)


@route("POST", f"{_REPO}/pulls/comments/{{comment_id}}/reactions", "pull_requests:write", role="read")
def react_to_review(request: Request) -> Answer:
    return _react(request)


def _react(request: Request) -> Answer:
    """A second reaction of the same kind is the first one."""
    it, content = _comment(request), request.body["content"]
    if content not in shapes.REACTIONS:
        raise invalid("Reaction", "content", code="invalid")
    found = next((r for r in it.reactions if r[1:] == (request.account, content)), None)
    if not found:
        it.reactions.append((request.hub.next_id(), request.account, content))
    return Answer(200 if found else 201, shapes.reaction(request.hub, found or it.reactions[-1], it.created))


@route("GET", f"{_REPO}/issues/comments/{{comment_id}}/reactions", "issues:read", "pull_requests:read")
@route("GET", f"{_REPO}/pulls/comments/{{comment_id}}/reactions", "pull_requests:read")
def reactions(request: Request) -> Answer:
    it = _comment(request)
    return request.page(it.reactions, lambda r: shapes.reaction(request.hub, r, it.created))
