"""GitHub's JSON as the values of `bot.github`. What GitHub left out or sent in another form raises `Transient`."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, get_args

import msgspec

from bot.errors import Transient
from bot.github import Check, Comment, Hosted, Pull, Reaction, Remark, Review, Role, Run, RunJob
from bot.text.cut import cut

T = TypeVar("T")
Said = dict[str, Any]
MOST_TEXT = 65_536  # characters of a body, which the stages keep to themselves: here it is cut without a link
MOST_ANNOTATION = 60_000
MOST_TITLE = 250


def _reads(make: Callable[[Any], T]) -> Callable[[Any], T]:
    @wraps(make)
    def read(said: Any) -> T:
        try:
            return make(said)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise Transient(f"GitHub answered something that does not read as a {make.__name__}: {error}") from None

    return read


@_reads
def hosted(said: Said) -> Hosted:
    """A repository."""
    return msgspec.convert(
        {
            "name": said["full_name"],
            "default_branch": said["default_branch"],
            "clone_url": said["clone_url"],
            "html_url": said["html_url"],
            "private": said["private"],
            "fork": said["fork"],
            "archived": said.get("archived", False),
        },
        Hosted,
    )


@_reads
def run(said: Said) -> Run:
    """A run. Its path has an `@ref` where a ruleset names the workflow."""
    return msgspec.convert(
        {
            "id": said["id"],
            "attempt": said.get("run_attempt") or 1,
            "number": said["run_number"],
            "name": said.get("name") or "",
            "workflow": said["path"].partition("@")[0],
            "event": said["event"],
            "status": said["status"] or "",
            "conclusion": said["conclusion"] or "",
            "head_sha": said["head_sha"],
            "head_branch": said["head_branch"] or "",
            "head_repository": (said.get("head_repository") or {}).get("full_name", ""),
            "actor": _login(said.get("actor")),
            "actor_is_bot": _is_bot(said.get("actor")),
            "html_url": said["html_url"],
            "created": said["created_at"],
            "updated": said["updated_at"],
            "pulls": [pull["number"] for pull in said.get("pull_requests") or ()],
        },
        Run,
    )


@_reads
def run_job(said: Said) -> RunJob:
    """A job."""
    steps = said.get("steps") or ()
    return msgspec.convert(
        {
            "id": said["id"],
            "run_id": said["run_id"],
            "attempt": said.get("run_attempt") or 1,
            "name": said["name"],
            "status": said["status"],
            "conclusion": said["conclusion"] or "",
            "html_url": said["html_url"] or "",
            "labels": said.get("labels") or (),
            "failed_steps": [step["name"] for step in steps if step["conclusion"] == "failure"],
        },
        RunJob,
    )


@_reads
def pull(said: Said) -> Pull:
    """A pull request, alone or from a list, which leaves some out."""
    merged = said.get("merged_at") is not None
    return msgspec.convert(
        {
            "number": said["number"],
            "title": said["title"],
            "body": said["body"] or "",
            "state": said["state"],
            "merged": merged,
            "draft": said.get("draft", False),
            "author": _login(said["user"]),
            "author_is_bot": _is_bot(said["user"]),
            "head_sha": said["head"]["sha"],
            "head_ref": said["head"]["ref"],
            "head_repository": (said["head"]["repo"] or {}).get("full_name", ""),
            "base_sha": said["base"]["sha"],
            "base_ref": said["base"]["ref"],
            "labels": [label["name"] for label in said["labels"]],
            "mergeable": said.get("mergeable"),
            "merge_commit": (merged and said["merge_commit_sha"]) or "",
            "html_url": said["html_url"],
            "node_id": said["node_id"],
        },
        Pull,
    )


@_reads
def comment(said: Said) -> Comment:
    """A comment."""
    return msgspec.convert(
        {
            "id": said["id"],
            "body": said.get("body") or "",
            "author": _login(said["user"]),
            "author_is_bot": _is_bot(said["user"]),
            "html_url": said["html_url"],
            "created": said["created_at"],
            "updated": said["updated_at"],
            "number": int((said.get("pull_request_url") or said["issue_url"]).rpartition("/")[2]),
            "is_pull": "/pull/" in said["html_url"],
            "on_lines": "pull_request_url" in said,
            "commit": said.get("commit_id") or "",
            "reactions": [kind for kind in get_args(Reaction) if said.get("reactions", {}).get(kind)],
        },
        Comment,
    )


@_reads
def review(said: Said) -> Review:
    """A review."""
    return msgspec.convert(
        {
            "id": said["id"],
            "body": said["body"] or "",
            "author": _login(said["user"]),
            "author_is_bot": _is_bot(said["user"]),
            "wants_changes": said["state"] == "CHANGES_REQUESTED",
            "submitted": said.get("submitted_at"),
            "commit": said["commit_id"] or "",
            "html_url": said["html_url"],
        },
        Review,
    )


@_reads
def role(said: Said) -> Role:
    """A role; of one that an organization made itself the permission that it builds on."""
    known: tuple[Role, ...] = get_args(Role)
    named = said.get("role_name")
    return known[known.index(named if named in known else said["permission"])]


def remark(given: Remark) -> Said:
    """A remark, as GitHub takes it."""
    lines = {"start_line": given.start_line, "start_side": "RIGHT"} if 0 < given.start_line < given.line else {}
    return {"path": given.path, "line": given.line, "side": "RIGHT", "body": cut(given.body, MOST_TEXT), **lines}


@_reads
def remark_of(said: Said) -> Remark:
    """A comment on a line of a diff; of one that is not there any more it tells where it was."""
    line = said.get("line") or said.get("original_line") or 0
    return msgspec.convert({"path": said["path"], "line": line, "body": said["body"]}, Remark)


def annotations(given: Check, most: int) -> list[Said]:
    """The annotations of a check, as GitHub takes them."""
    return [
        {
            "path": one.path,
            "start_line": one.start_line,
            "end_line": one.end_line,
            "annotation_level": one.level,
            "message": cut(one.message, MOST_ANNOTATION),
            **({"title": one.title[:MOST_TITLE]} if one.title else {}),
        }
        for one in given.annotations[:most]
    ]


def _login(account: Said | None) -> str:
    return account["login"] if account else "ghost"  # whose account is deleted


def _is_bot(account: Said | None) -> bool:
    return account is not None and account.get("type") == "Bot"
