"""Repositories, who may do what in them, their references, and what is about the token itself."""

from datetime import timedelta
from typing import Any

import jwt

from tests.hub import events, shapes, shapes_actions
from tests.hub.routing import Answer, Failure, Request, not_found, route
from tests.hub.world import ROLES, App, Token, now

_REPO = "/repos/{owner}/{repo}"
_OLD_NAMES = {"none": "none", "read": "read", "triage": "read", "write": "write", "maintain": "write", "admin": "admin"}


@route("GET", _REPO)
def repository(request: Request) -> Answer:
    return Answer(body=shapes.repository(request.hub, request.repository, request.token))


@route("GET", f"{_REPO}/collaborators/{{username}}/permission", "metadata:read", role="read")
def permission(request: Request) -> Answer:
    account = request.hub.accounts.get(request.values["username"]) or not_found()
    role = request.repository.role(account)
    may = {"admin": role == "admin", "maintain": role in ROLES[4:], "push": role in ROLES[3:], "pull": role != "none"}
    person = {**shapes.user(request.hub, account), "permissions": {**may, "triage": role in ROLES[2:]}}
    return Answer(body={"permission": _OLD_NAMES[role], "role_name": role, "user": {**person, "role_name": role}})


@route("GET", f"{_REPO}/actions/permissions/workflow", "administration:read", role="admin")
def workflow_permissions(request: Request) -> Answer:
    if request.token and request.token.job:  # no `permissions:` of a workflow can name it
        raise Failure(403, "Resource not accessible by integration")
    one = request.repository
    may = one.actions_may_open_pulls
    return Answer(body={"default_workflow_permissions": one.token_default, "can_approve_pull_request_reviews": may})


@route("POST", f"{_REPO}/dispatches", "contents:write")
def repository_dispatch(request: Request) -> Answer:
    body, one = request.body, request.repository
    payload = {"action": body["event_type"], "client_payload": body.get("client_payload", {}), "branch": "main"}
    events.happened(request.hub, one, "repository_dispatch", payload, request.token)
    return Answer(204)


@route("GET", f"{_REPO}/git/ref/{{ref}}", "contents:read")
def get_reference(request: Request) -> Answer:
    return Answer(body=_reference(request, f"refs/{request.values['ref']}"))


@route("POST", f"{_REPO}/git/refs", "contents:write")
def make_reference(request: Request) -> Answer:
    git, name = request.repository.git, request.body["ref"]
    if name in git.refs():
        raise Failure(422, "Reference already exists")
    return Answer(201, _moved(request, name, request.body["sha"]))


@route("PATCH", f"{_REPO}/git/refs/{{ref}}", "contents:write")
def move_reference(request: Request) -> Answer:
    git, name, sha = request.repository.git, f"refs/{request.values['ref']}", request.body["sha"]
    old = git.refs().get(name)
    if not old:
        raise Failure(422, "Reference does not exist")
    if not request.body.get("force") and not git.is_in(old, sha):
        raise Failure(422, "Update is not a fast forward")
    return Answer(body=_moved(request, name, sha))


@route("DELETE", f"{_REPO}/git/refs/{{ref}}", "contents:write")
def delete_reference(request: Request) -> Answer:
    git, name = request.repository.git, f"refs/{request.values['ref']}"
    if name not in git.refs():
        raise Failure(422, "Reference does not exist")
    _moved(request, name, "")
    return Answer(204)


def _moved(request: Request, name: str, sha: str) -> Any:
    """Let a reference name a commit, or none; what follows from it follows."""
    git = request.repository.git
    before = git.refs()
    if sha and not git.succeeds("cat-file", "-e", f"{sha}^{{commit}}"):
        raise Failure(422, "Object does not exist")
    git("update-ref", *(("-d", name) if not sha else (name, sha)))
    request.hub.refs_changed(request.repository, before, request.token)
    return _reference(request, name) if sha else None


def _reference(request: Request, name: str) -> Any:
    sha = request.repository.git.refs().get(name) or not_found()
    at = f"{shapes.api(request.hub, request.repository)}/git"
    to = {"sha": sha, "type": "commit", "url": f"{at}/commits/{sha}"}
    return {"ref": name, "node_id": name, "url": f"{at}/{name}", "object": to}


@route("GET", f"{_REPO}/git/commits/{{commit_sha}}", "contents:read")
def commit(request: Request) -> Answer:
    one, sha = request.repository, request.values["commit_sha"]
    git, hub = one.git, request.hub
    if not git.succeeds("cat-file", "-e", f"{sha}^{{commit}}"):
        not_found()
    at = f"{shapes.api(hub, one)}/git"
    tree, parents, message, author, email, when = git(
        "log", "-1", "--format=%T%x00%P%x00%B%x00%an%x00%ae%x00%aI", sha
    ).split("\0")
    signed = sha in one.signed
    told: dict[str, Any] = {
        "verified": signed,
        "reason": "valid" if signed else "unsigned",
        "signature": None,
        "payload": None,
    }
    who = {"name": author, "email": email, "date": when}
    shown = {"sha": sha, "node_id": sha, "url": f"{at}/commits/{sha}", "html_url": f"{hub.url}/{one.name}/commit/{sha}"}
    links = [
        {"sha": p, "url": f"{at}/commits/{p}", "html_url": f"{hub.url}/{one.name}/commit/{p}"} for p in parents.split()
    ]
    more: dict[str, Any] = {"author": who, "committer": who, "message": message.strip(), "parents": links}
    more |= {"tree": {"sha": tree, "url": f"{at}/trees/{tree}"}, "verification": {**told, "verified_at": None}}
    return Answer(body={**shown, **more})


@route("GET", f"{_REPO}/commits/{{ref}}", "contents:read")
def get_commit(request: Request) -> Answer:
    one = request.repository
    sha = one.git.resolve(request.values["ref"])
    if not sha:
        raise Failure(422, f"No commit found for SHA: {request.values['ref']}")
    return Answer(body=shapes.commit(request.hub, one, sha))


@route("GET", "/user")
def user(request: Request) -> Answer:
    if request.account.kind == "Bot":
        raise Failure(403, "Resource not accessible by integration")
    return Answer(body=shapes.public_user(request.hub, request.account))


@route("GET", "/users/{username}")
def any_user(request: Request) -> Answer:
    return Answer(
        body=shapes.public_user(request.hub, request.hub.accounts.get(request.values["username"]) or not_found())
    )


@route("GET", "/rate_limit")
def rate_limit(request: Request) -> Answer:
    token = request.token
    limit, used = (token.limit, token.used) if token else (60, 0)
    core = {"limit": limit, "used": used, "remaining": limit - used}
    core["reset"] = int((token.reset if token else now() + timedelta(hours=1)).timestamp())
    resources = dict.fromkeys(("core", "search", "graphql"), core)
    return Answer(body={"resources": resources, "rate": core})


@route("GET", "/app")
def itself(request: Request) -> Answer:
    hub = request.hub
    for app in hub.apps.values():
        try:
            _signed_by(request, app)
        except Failure:
            continue
        return Answer(body=shapes_actions.app(hub, app.slug, app.id))
    raise Failure(401, "A JSON web token could not be decoded")


@route("POST", "/app/installations/{installation_id}/access_tokens")
def installation_token(request: Request) -> Answer:
    hub, body = request.hub, request.body or {}
    found = (a for a in hub.apps.values() if str(a.installation) == request.values["installation_id"])
    app = next(found, None) or not_found()
    _signed_by(request, app)
    asked = body.get("permissions") or app.permissions
    order = ("none", "read", "write", "admin")
    if any(order.index(level) > order.index(app.permissions.get(name, "none")) for name, level in asked.items()):
        raise Failure(422, "The permissions requested are not granted to this installation.")
    names = [name for name in hub.repositories if name.partition("/")[2] in body.get("repositories", [])]
    expires = now() + timedelta(hours=1)
    token = Token(hub.secret("ghs_"), hub.user(f"{app.slug}[bot]"), asked, names[0] if names else "", expires=expires)
    hub.tokens[token.value] = token
    told = {"token": token.value, "expires_at": shapes.time(expires), "permissions": asked}
    return Answer(201, {**told, "repository_selection": "selected" if names else "all"})


def _signed_by(request: Request, app: App) -> None:
    """Raises a 401 when the request is not signed by the app, or for longer than ten minutes."""
    try:
        told = jwt.decode(
            request.headers.get("authorization", "").partition(" ")[2],
            app.public_key,
            algorithms=["RS256"],
            options={"require": ["iat", "exp", "iss"], "verify_iss": False},
        )
    except jwt.PyJWTError:
        raise Failure(401, "A JSON web token could not be decoded") from None
    if str(told["iss"]) != str(app.id) or told["exp"] - now().timestamp() > 600:
        raise Failure(401, "'Expiration time' claim ('exp') is too far in the future")
