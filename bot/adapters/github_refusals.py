"""What GitHub's answers from 400 on mean: one error with one clear line, and a hint what to do."""

import re
from collections.abc import Mapping
from typing import Any

from bot.errors import Conflict, Forbidden, Gone, Refused, RegreenError, Transient, Unauthenticated
from bot.text.inert import plain

MOST_MESSAGE = 300
MAY_OPEN_PULLS = (
    "Settings > Actions > General > Workflow permissions > Allow GitHub Actions to create and approve pull requests"
)
NEEDED = {
    # what a path below a repository asks for when it is read, and when it is written
    r"actions/permissions": "administration",
    r"actions/": "actions",
    r"check-runs|commits/[^/]+/check-runs": "checks",
    r"pulls|issues/\d+/labels|issues/comments|issues/\d+/comments": "pull_requests",
    r"issues": "issues",
    r"collaborators": "metadata",
    r"": "contents",
}
LACKING = ("not accessible by", "must have", "permission")
BELOW_REPOSITORY = re.compile(r".*/repos/[^/]+/[^/]+/(.*)|.*/(graphql)")


def refusal(verb: str, path: str, status: int, headers: Mapping[str, str], said: Any) -> RegreenError:
    """The error for an answer from 400 on. `said` is the JSON of the answer, `headers` have small letters."""
    message = message_of(said)
    about = f"{verb} {path}"
    if status == 401:
        return Unauthenticated(
            "GitHub does not accept the token", hint="it is wrong, expired or revoked: set GITHUB_TOKEN to a valid one"
        )
    if status == 403:
        return _forbidden(about, _needed(verb, path, headers), message)
    if status in (404, 410, 451):
        hint = "it is deleted, or the token may not see it" if status == 404 else ""
        return Gone(f"GitHub has nothing for {about}: {message or 'gone'}", hint=hint)
    if status == 409:
        return Conflict(f"GitHub says to {about}: {message}")
    if status >= 500 or status == 408:
        return Transient(f"GitHub gave no answer to {about}: status {status}")
    return Refused(f"GitHub does not accept {about}: {message}", refusals=_errors(said))


def message_of(said: Any) -> str:
    """What an answer says to people, in one line."""
    if not isinstance(said, dict):
        return ""
    words = [str(said.get("message") or ""), *_errors(said)]
    return " ".join(plain("; ".join(w for w in words if w)).split())[:MOST_MESSAGE]


def _errors(said: Any) -> list[str]:
    found = said.get("errors") if isinstance(said, dict) else None
    return [_error(error) for error in found] if isinstance(found, list) else []


def _error(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    return str(error.get("message") or " ".join(str(error[k]) for k in ("resource", "field", "code") if error.get(k)))


def _forbidden(about: str, needed: str, message: str) -> Forbidden:
    words = message.lower()
    if "not permitted to create or approve pull requests" in words:
        return Forbidden(
            "GitHub Actions may not open pull requests in this repository", hint=f"allow it: {MAY_OPEN_PULLS}"
        )
    if "archived" in words:
        return Forbidden("the repository is archived, so nothing in it can be changed", hint="unarchive it to go on")
    if "protected branch" in words or "rule violations" in words:
        return Forbidden(f"a rule of the repository protects what {about} would change: {message}")
    if "via a github app" in words:
        return Forbidden(f"GitHub does not allow {about}: {message}", hint="use the GITHUB_TOKEN of a job, or an App")
    lacking = needed and any(phrase in words for phrase in LACKING)
    hint = f"the token needs the permission {needed}" if lacking else ""
    return Forbidden(f"GitHub does not allow {about}: {message}", hint=hint)


def _needed(verb: str, path: str, headers: Mapping[str, str]) -> str:
    """The permission as GitHub itself names it, else as the table does."""
    if accepted := headers.get("x-accepted-github-permissions", ""):
        return accepted.replace("=", ": ").replace(",", " and ").replace(";", " or ")
    if not (inside := BELOW_REPOSITORY.fullmatch(path)):
        return ""
    name = next(name for pattern, name in NEEDED.items() if re.match(pattern, inside[1] or ""))
    return f"{name}: {'read' if verb == 'GET' or name == 'metadata' else 'write'}"
