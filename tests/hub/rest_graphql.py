"""GraphQL, as far as it is used: who asks, and `createCommitOnBranch`, whose commits GitHub signs."""

import base64
import re
from typing import Any

from tests.hub.routing import Answer, Request, permits, route, sees

_FILES = {"additions", "deletions"}
_KNOWN = {"branch", "expectedHeadOid", "fileChanges", "message", "clientMutationId"}


@route("POST", "/graphql")
def graphql(request: Request) -> Answer:
    query = request.body.get("query", "")
    if re.fullmatch(r"\s*query\s*\{\s*viewer\s*\{\s*login\s*\}\s*\}\s*", query):
        return Answer(body={"data": {"viewer": {"login": request.account.login}}})
    _ = request.account
    if not re.search(r"\bcreateCommitOnBranch\s*\(", query):
        return _error("INVALID", "the hub knows only `query { viewer { login } }` and createCommitOnBranch")
    variables = request.body.get("variables") or {}
    name = re.search(r"createCommitOnBranch\s*\(\s*input\s*:\s*\$(\w+)", query)
    return _commit(request, variables.get(name[1], {}) if name else {})


def _error(kind: str, message: str) -> Answer:
    """GraphQL says no with a 200."""
    error = {"type": kind, "path": ["createCommitOnBranch"], "message": message}
    return Answer(body={"data": {"createCommitOnBranch": None}, "errors": [error]})


def _commit(request: Request, given: dict[str, Any]) -> Answer:
    hub, token, changes = request.hub, request.token, given.get("fileChanges", {})
    if set(given) - _KNOWN or set(changes) - _FILES or "headline" not in given.get("message", {}):
        return _error("INVALID", "the input does not fit CreateCommitOnBranchInput")
    branch = given["branch"]
    one = hub.repositories.get(branch.get("repositoryNameWithOwner", ""))
    if not one or not token or not sees(token, one):
        return _error("NOT_FOUND", "Could not resolve to a Repository.")
    if not permits(token, one, "contents:write"):
        return _error("FORBIDDEN", "Resource not accessible by integration")
    ref, before = f"refs/heads/{branch['branchName'].removeprefix('refs/heads/')}", one.git.refs()
    tip = before.get(ref)
    if not tip:
        return _error("NOT_FOUND", f"Could not resolve to a branch {ref}.")
    if tip != given.get("expectedHeadOid"):
        message = f'Expected branch to point to "{given.get("expectedHeadOid")}" but it did not. Pull and try again.'
        return _error("STALE_DATA", message)
    files: dict[str, bytes | None] = {d["path"]: None for d in changes.get("deletions", [])}
    files |= {a["path"]: base64.b64decode(a["contents"], validate=True) for a in changes.get("additions", [])}
    touched = any(path.startswith(".github/workflows/") for path in files)
    if touched and not permits(token, one, "workflows:write"):
        return _error("FORBIDDEN", "Resource not accessible by integration: the permission `workflows` is needed")
    message = "\n\n".join(t for t in (given["message"]["headline"], given["message"].get("body")) if t)
    made = one.git.commit(files, message + "\n", token.account.login, [tip])
    one.signed.add(made)
    one.git("update-ref", ref, made, tip)
    hub.refs_changed(one, before, token)
    commit = {"oid": made, "url": f"{hub.url}/{one.name}/commit/{made}", "signature": {"isValid": True}}
    return Answer(body={"data": {"createCommitOnBranch": {"commit": commit, "ref": {"target": {"oid": made}}}}})
