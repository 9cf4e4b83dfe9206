"""What exists on the hub: accounts, tokens, repositories and what hangs on them. Plain data, without behaviour."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.hub.git_store import GitStore

ROLES = ("none", "read", "triage", "write", "maintain", "admin")
ACTIONS_BOT = "github-actions[bot]"


def now() -> datetime:
    return datetime.now(UTC)


def in_an_hour() -> datetime:
    return now() + timedelta(hours=1)


def node_id(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


@dataclass(eq=False)
class Account:
    id: int
    login: str
    kind: str = "User"  # or Bot, Organization


@dataclass(eq=False)
class Token:
    """`permissions` is None for a personal token: what its account may do; `job` is GitHub's own of a job."""

    value: str
    account: Account
    permissions: dict[str, str] | None = None
    repository: str = ""
    job: bool = False
    expires: datetime | None = None
    limit: int = 5000
    used: int = 0
    reset: datetime = field(default_factory=in_an_hour)


@dataclass(eq=False)
class App:
    """A GitHub App, installed once; `permissions` are the most that its tokens can have."""

    id: int
    slug: str
    installation: int
    private_key: str
    public_key: str
    permissions: dict[str, str]


@dataclass(eq=False, kw_only=True)
class Issue:
    id: int
    number: int
    title: str
    body: str
    author: Account
    state: str = "open"
    labels: list[str] = field(default_factory=list)
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    closed: datetime | None = None


@dataclass(eq=False, kw_only=True)
class Pull(Issue):
    """`head_repository` is None when the fork has been deleted."""

    head_repository: "Repository | None"
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    draft: bool = False
    merged: datetime | None = None
    merged_by: Account | None = None
    merge_commit: str = ""
    reviewers: list[str] = field(default_factory=list)
    teams: list[str] = field(default_factory=list)


@dataclass(eq=False, kw_only=True)
class Comment:
    id: int
    issue: Issue
    body: str
    author: Account
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    reactions: list[tuple[int, Account, str]] = field(default_factory=list)


@dataclass(eq=False, kw_only=True)
class ReviewComment(Comment):
    review: int
    path: str
    line: int
    start_line: int | None
    commit: str
    hunk: str


@dataclass(eq=False, kw_only=True)
class Review:
    id: int
    pull: Pull
    author: Account
    body: str
    state: str
    commit: str
    submitted: datetime = field(default_factory=now)


@dataclass(eq=False, kw_only=True)
class Check:
    id: int
    name: str
    head_sha: str
    app: str
    external_id: str = ""
    status: str = "queued"
    conclusion: str | None = None
    details_url: str = ""
    output: dict[str, Any] = field(default_factory=dict)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    started: datetime = field(default_factory=now)
    completed: datetime | None = None


@dataclass(eq=False, kw_only=True)
class Step:
    name: str
    number: int
    conclusion: str = "success"
    log: str = ""
    started: datetime = field(default_factory=now)
    completed: datetime = field(default_factory=now)


@dataclass(eq=False, kw_only=True)
class Job:
    """Its id is also that of its check run."""

    id: int
    attempt: int
    name: str
    status: str = "completed"
    conclusion: str | None = None
    labels: list[str] = field(default_factory=lambda: ["ubuntu-latest"])
    steps: list[Step] = field(default_factory=list)
    started: datetime = field(default_factory=now)
    completed: datetime = field(default_factory=now)

    @property
    def log(self) -> str:
        return "".join(step.log for step in self.steps)


@dataclass(eq=False, kw_only=True)
class Run:
    """`jobs` has those of each attempt; `sha` and `ref` are what the jobs check out, `payload` is the event's."""

    id: int
    number: int
    name: str
    workflow: str
    event: str
    head_sha: str
    head_branch: str
    head_repository: "Repository"
    actor: Account
    sha: str
    ref: str
    payload: dict[str, Any] = field(default_factory=dict)
    status: str = "queued"
    conclusion: str | None = None
    attempt: int = 1
    jobs: dict[int, list[Job]] = field(default_factory=dict)
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    logs_expired: bool = False
    scripted: list[list[Job]] = field(default_factory=list)  # the jobs of further attempts, where act is not to run


@dataclass(eq=False, kw_only=True)
class Artifact:
    id: int
    run: Run
    name: str
    zipped: bytes
    expired: bool = False
    created: datetime = field(default_factory=now)


@dataclass(eq=False, kw_only=True)
class Repository:
    """`secrets` are those of its workflows, `drafts` is whether its plan has them.

    As in a new repository on GitHub, Actions may open no pull requests.
    """

    id: int
    owner: Account
    name: str  # owner/name
    git: GitStore
    default_branch: str = "main"
    private: bool = False
    archived: bool = False
    parent: "Repository | None" = None
    roles: dict[str, str] = field(default_factory=dict)
    actions_may_open_pulls: bool = False
    drafts: bool = True
    token_default: str = "read"
    secrets: dict[str, str] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    reviews: dict[int, Review] = field(default_factory=dict)
    checks: dict[int, Check] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    artifacts: dict[int, Artifact] = field(default_factory=dict)
    signed: set[str] = field(default_factory=set)
    created: datetime = field(default_factory=now)

    @property
    def pulls(self) -> list[Pull]:
        return [issue for issue in self.issues.values() if isinstance(issue, Pull)]

    def role(self, account: Account | None) -> str:
        """What somebody may do here: in a public repository everybody may read."""
        if account is self.owner:
            return "admin"
        return self.roles.get(account.login if account else "", "none" if self.private else "read")
