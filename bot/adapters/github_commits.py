"""Commits that GitHub makes and signs, by its GraphQL API."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from bot.adapters.github_wire import Rest
from bot.errors import Conflict, Forbidden, Gone, Refused, RegreenError, Transient
from bot.text.inert import plain

COMMIT = "mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid } } }"
VIEWER = "query { viewer { login } }"
KINDS: Mapping[str, type[RegreenError]] = {
    "STALE_DATA": Conflict,
    "NOT_FOUND": Gone,
    "FORBIDDEN": Forbidden,
    "INSUFFICIENT_SCOPES": Forbidden,
    "RATE_LIMITED": Transient,
    "INTERNAL": Transient,
}


class Commits:
    """Those of one repository: its name, and its path."""

    def __init__(self, rest: Rest, repository: str, path: str) -> None:
        self._rest = rest
        self._repository = repository
        self._path = path

    def make(self, branch: str, parent: str, message: str, files: Mapping[str, bytes | None]) -> str:
        """Make one on a branch whose tip is `parent`; None deletes a file. Its id. Raises `Conflict`."""
        headline, _, body = message.partition("\n")
        added = [{"path": p, "contents": base64.b64encode(c).decode()} for p, c in files.items() if c is not None]
        asked = {
            "branch": {"repositoryNameWithOwner": self._repository, "branchName": branch},
            "expectedHeadOid": parent,
            "message": {"headline": headline, "body": body.strip("\n")},
            "fileChanges": {"additions": added, "deletions": [{"path": p} for p, c in files.items() if c is None]},
        }

        def make() -> str:
            made: str = self.query(COMMIT, {"input": asked})["createCommitOnBranch"]["commit"]["oid"]
            return made

        return self._rest.once(lambda: self._made(branch, parent, message), make)

    def query(self, query: str, variables: dict[str, Any]) -> Any:
        """What a query or a mutation gives; an error of GraphQL as one of ours."""
        said = self._rest.write("POST", self._rest.graphql_url, {"query": query, "variables": variables})
        errors = said.get("errors")
        if not errors:
            return said["data"]
        text = " ".join(plain("; ".join(str(e.get("message")) for e in errors)).split())[:300]
        kind = KINDS.get(str(errors[0].get("type")), Refused)
        raise kind(f"GitHub does not make what was asked: {text}")

    def _made(self, branch: str, parent: str, message: str) -> str | None:
        """The commit at the tip of a branch when it is the one that was asked for."""
        tip = self._rest.get(f"{self._path}/commits/heads/{quote(branch)}")
        told, parents = tip["commit"]["message"].strip(), [one["sha"] for one in tip["parents"]]
        return str(tip["sha"]) if told == message.strip() and parents == [parent] else None
