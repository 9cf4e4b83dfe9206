"""GraphQL, as far as it is used: who asks, and `createCommitOnBranch`, whose commits GitHub signs."""

import base64
from typing import Any

from tests.hub import graphql_schema
from tests.hub.routing import Answer, Request, permits, route, sees


@route("POST", "/graphql")
def graphql(request: Request) -> Answer:
    fields = {
        "viewer": {"login": request.account.login},
        "createCommitOnBranch": lambda _, input: _commit(request, input),  # noqa: A006 - as the schema calls it
    }
    return Answer(body=graphql_schema.answer(request.body, fields))


def _commit(request: Request, given: dict[str, Any]) -> dict[str, Any]:
    hub, token, changes = request.hub, request.token, given.get("fileChanges", {})
    branch = given["branch"]
    one = hub.repositories.get(branch.get("repositoryNameWithOwner", ""))
    if not one or not token or not sees(token, one):
        raise graphql_schema.no("NOT_FOUND", "Could not resolve to a Repository.")
    if not permits(token, one, "contents:write"):
        raise graphql_schema.no("FORBIDDEN", "Resource not accessible by integration")
    ref, before = f"refs/heads/{branch['branchName'].removeprefix('refs/heads/')}", one.git.refs()
    tip = before.get(ref)
    if not tip:
        raise graphql_schema.no("NOT_FOUND", f"Could not resolve to a branch {ref}.")
    if tip != given["expectedHeadOid"]:
        message = f'Expected branch to point to "{given["expectedHeadOid"]}" but it did not. Pull and try again.'
        raise graphql_schema.no("STALE_DATA", message)
    files: dict[str, bytes | None] = {d["path"]: None for d in changes.get("deletions", [])}
    files |= {a["path"]: base64.b64decode(a["contents"], validate=True) for a in changes.get("additions", [])}
    touched = any(path.startswith(".github/workflows/") for path in files)
    if touched and not permits(token, one, "workflows:write"):
        told = "Resource not accessible by integration: the permission `workflows` is needed"
        raise graphql_schema.no("FORBIDDEN", told)
    message = "\n\n".join(t for t in (given["message"]["headline"], given["message"].get("body")) if t)
    made = one.git.commit(files, message + "\n", token.account.login, [tip])
    one.signed.add(made)
    one.git("update-ref", ref, made, tip)
    hub.refs_changed(one, before, token)
    signature = {"__typename": "GpgSignature", "isValid": True}
    commit = {"oid": made, "url": f"{hub.url}/{one.name}/commit/{made}", "signature": signature}
    return {"commit": commit, "ref": {"target": {"__typename": "Commit", "oid": made}}}
