"""Payloads of webhooks with what Regreen uses of them, each key as GitHub sends it."""

from typing import Any

REPOSITORY = "octo/shop"
INCIDENT = "0123456789ab"
OWN_BRANCH = f"regreen/{INCIDENT}-missing-import"
TRAILER = f"Fix CI: add the missing import\n\nRegreen-Incident: {INCIDENT}\nRegreen-Evidence: A\n"
BOT = {"login": "regreen[bot]", "type": "Bot"}
OTHER_BOT = {"login": "helper[bot]", "type": "Bot"}
ANNA = {"login": "anna", "type": "User"}


def repository(name: str = REPOSITORY) -> dict[str, Any]:
    return {"full_name": name, "default_branch": "main", "private": False}


def event(action: str, **parts: Any) -> dict[str, Any]:
    return {"action": action, "repository": repository(), "sender": ANNA, "installation": {"id": 7}, **parts}


def run(action: str = "completed", **changed: Any) -> dict[str, Any]:
    fields = {
        "id": 30, "name": "CI", "path": ".github/workflows/ci.yml", "run_number": 5, "run_attempt": 1, "event": "push",
        "status": "completed", "conclusion": "failure", "head_sha": "a" * 40, "head_branch": "feature",
        "head_repository": repository(), "head_commit": {"id": "a" * 40, "message": "Change it"},
        "actor": ANNA, "triggering_actor": ANNA, "pull_requests": [],
    }  # fmt: skip
    return event(action, workflow_run=fields | changed)


def pull(action: str = "closed", *, ref: str = "feature", fork: str = REPOSITORY, **changed: Any) -> dict[str, Any]:
    side = {"ref": ref, "sha": "a" * 40, "repo": repository(fork)}
    fields = {"number": 4, "user": ANNA, "head": side, "base": {**side, "ref": "main"}, "merged": False, "labels": []}
    return event(action, pull_request=fields) | changed


def comment(
    body: str, *, action: str = "created", user: dict[str, str] = ANNA, is_pull: bool = True, **changed: Any
) -> dict[str, Any]:
    issue = {"number": 4, "user": ANNA, **({"pull_request": {"url": "..."}} if is_pull else {})}
    said = {"id": 50, "body": body, "user": user, "created_at": "2026-01-31T12:00:00Z", **changed}
    return event(action, issue=issue, comment=said)


def review(state: str = "changes_requested", **changed: Any) -> dict[str, Any]:
    found = pull("submitted", ref=changed.pop("ref", OWN_BRANCH))
    told = {"id": 60, "user": ANNA, "body": "Keep the old name", "state": state, "commit_id": "a" * 40, **changed}
    return found | {"review": told}
