"""What GitHub tells, from webhooks and from Actions: of each payload the fields that are used, and no others.

Payloads are written by strangers. Fields that are used have strict types and bounds, all others are passed over without
being read. GitHub tells nobody of reactions to a comment: whoever wants to know them has to ask.
"""

from typing import Annotated, Any, dataclass_transform

import msgspec
from msgspec import Meta

from bot.errors import UsageError
from bot.model import UtcTime

MOST_BYTES = 25 * 1024 * 1024  # GitHub sends no larger payload
Word = Annotated[str, Meta(max_length=1024)]
Said = Annotated[str, Meta(max_length=65_536)]  # which GitHub itself has as the limit of comments and reviews
Message = Annotated[str, Meta(max_length=1 << 20)]
Id = Annotated[int, Meta(ge=0)]


@dataclass_transform(frozen_default=True)
class Part(msgspec.Struct, frozen=True):
    """A piece of a payload. What GitHub may leave out or call null has a default here."""


class Account(Part, kw_only=True):
    """A user, an organization or a bot."""

    login: Word
    type: Word = "User"

    @property
    def is_bot(self) -> bool:
        """Whether no person acts there; nobody else can have brackets in the name."""
        return self.type == "Bot" or self.login.endswith("[bot]")


GHOST = Account(login="ghost")
"""Whom GitHub shows in place of a deleted account."""


class Repository(Part, kw_only=True):
    """A repository by its `owner/name`."""

    full_name: Word
    default_branch: Word = ""


class Installation(Part, kw_only=True):
    """An installation of a GitHub App."""

    id: Id


class Event(Part, kw_only=True):
    """What all events have. `repository` and `sender` are None where GitHub names none (schedules, installations)."""

    action: Word = ""
    repository: Repository | None = None
    sender: Account | None = None
    installation: Installation | None = None


class RepositoryEvent(Event, kw_only=True):
    """Something that happened in a repository, by `sender`."""

    repository: Repository
    sender: Account


class Commit(Part, kw_only=True):
    """The message of a commit."""

    message: Message


class Numbered(Part, kw_only=True):
    """A pull request that a run or a check belongs to."""

    number: Id


class Workflow(Part, kw_only=True):
    """The file of a workflow, as a path in the repository."""

    path: Word = ""


class RunPart(Part, kw_only=True):
    """One attempt of a run. `head_repository` is None when the fork is gone, `pull_requests` is empty for forks."""

    id: Id
    name: Word | None = None
    path: Word = ""
    run_attempt: Id = 1
    event: Word
    conclusion: Word | None = None
    head_sha: Word
    head_branch: Word | None = None
    head_repository: Repository | None = None
    head_commit: Commit | None = None
    actor: Account | None = None
    triggering_actor: Account | None = None
    pull_requests: tuple[Numbered, ...] = ()


class WorkflowRun(RepositoryEvent, kw_only=True):
    """`requested`, `in_progress` or `completed`."""

    workflow_run: RunPart
    workflow: Workflow | None = None

    @property
    def path(self) -> str:
        """The file of the workflow; GitHub puts `@branch` behind those that come from elsewhere."""
        return (self.workflow_run.path or (self.workflow.path if self.workflow else "")).partition("@")[0]


class JobPart(Part, kw_only=True):
    """A job of a run."""

    id: Id
    run_id: Id
    run_attempt: Id = 1
    name: Word
    conclusion: Word | None = None
    head_sha: Word


class WorkflowJob(RepositoryEvent, kw_only=True):
    """`queued`, `waiting`, `in_progress` or `completed`."""

    workflow_job: JobPart


class AppPart(Part, kw_only=True):
    """The GitHub App that made a check; old servers do not say its `slug`."""

    slug: Word = ""


class CheckPart(Part, kw_only=True):
    """A check run, or a suite of them, which has neither `name` nor `external_id`."""

    id: Id
    name: Word = ""
    external_id: Word | None = None
    head_sha: Word
    conclusion: Word | None = None
    app: AppPart | None = None
    pull_requests: tuple[Numbered, ...] = ()


class CheckRun(RepositoryEvent, kw_only=True):
    """`created`, `completed`, `rerequested` or `requested_action`."""

    check_run: CheckPart


class CheckSuite(RepositoryEvent, kw_only=True):
    """`requested`, `rerequested` or `completed`."""

    check_suite: CheckPart


class Label(Part, kw_only=True):
    """A label by its name."""

    name: Word


class Branch(Part, kw_only=True):
    """One side of a pull request. `repo` is None when the fork is gone."""

    ref: Word
    sha: Word
    repo: Repository | None = None


class PullPart(Part, kw_only=True):
    """A pull request."""

    number: Id
    user: Account | None
    head: Branch
    base: Branch
    merged: bool | None = False
    labels: tuple[Label, ...] = ()


class PullRequest(RepositoryEvent, kw_only=True):
    """`opened`, `closed`, `reopened`, `synchronize`, `labeled` and `unlabeled` (with `label`), and many more."""

    pull_request: PullPart
    label: Label | None = None


class CommentPart(Part, kw_only=True):
    """A comment; one on lines of a diff names the commit that it was written for."""

    id: Id
    body: Said
    user: Account | None
    created_at: UtcTime
    commit_id: Word = ""


class IssuePart(Part, kw_only=True):
    """An issue, or a pull request when it has that key."""

    number: Id
    pull_request: Part | None = None


class IssueComment(RepositoryEvent, kw_only=True):
    """A comment below an issue or a pull request was `created`, `edited` or `deleted`."""

    issue: IssuePart
    comment: CommentPart


class ReviewComment(RepositoryEvent, kw_only=True):
    """A comment on lines of a diff was `created`, `edited` or `deleted`."""

    pull_request: PullPart
    comment: CommentPart


class ReviewPart(Part, kw_only=True):
    """A review of a pull request: `approved`, `commented` or `changes_requested`."""

    id: Id
    user: Account | None
    body: Said | None = None
    state: Word
    commit_id: Word | None = None


class Review(RepositoryEvent, kw_only=True):
    """A review was `submitted`, `edited` or `dismissed`."""

    pull_request: PullPart
    review: ReviewPart


class Push(RepositoryEvent, kw_only=True):
    """A branch or a tag was moved, made or `deleted`."""

    ref: Word
    after: Word
    deleted: bool = False


class Schedule(Event, kw_only=True):
    """A moment that the workflow of Regreen waits for; `schedule` is its cron line."""

    schedule: Word = ""


class Given(Part, kw_only=True):
    """What a dispatch may say to Regreen: the run to look at, by its id."""

    run: Word | int | float | bool | None = None


class WorkflowDispatch(RepositoryEvent, kw_only=True):
    """Somebody started a workflow by hand; `workflow` is its file."""

    workflow: Word = ""
    inputs: Given | None = None


class RepositoryDispatch(RepositoryEvent, kw_only=True):
    """A program called; `action` is the type that it chose."""

    client_payload: Given | None = None


class InstallationChange(Event, kw_only=True):
    """A GitHub App was installed, removed, suspended, or given other permissions or repositories."""

    installation: Installation
    repositories: tuple[Repository, ...] = ()
    repositories_added: tuple[Repository, ...] = ()
    repositories_removed: tuple[Repository, ...] = ()


class Ping(Event, kw_only=True):
    """A webhook was set up."""


class Ignored(Part, kw_only=True):
    """An event of a kind that Regreen has no use for."""

    name: str


EVENTS: dict[str, type[Event]] = {
    "workflow_run": WorkflowRun,
    "workflow_job": WorkflowJob,
    "check_run": CheckRun,
    "check_suite": CheckSuite,
    "issue_comment": IssueComment,
    "pull_request": PullRequest,
    "pull_request_target": PullRequest,  # the same payload, in Actions, for the base branch's workflow
    "pull_request_review": Review,
    "pull_request_review_comment": ReviewComment,
    "push": Push,
    "schedule": Schedule,
    "workflow_dispatch": WorkflowDispatch,
    "repository_dispatch": RepositoryDispatch,
    "installation": InstallationChange,
    "installation_repositories": InstallationChange,
    "ping": Ping,
}


def parse(name: str, payload: Any) -> Event | Ignored:
    """The event of a payload that was JSON. Raises `UsageError` that names event and field when it is malformed."""
    kind = EVENTS.get(name)
    if kind is None:
        return Ignored(name=name)
    try:
        return msgspec.convert(payload, kind)
    except msgspec.ValidationError as e:
        raise UsageError(f"the event {name} is malformed: {e}") from e


def read(name: str, payload: bytes) -> Event | Ignored:
    """The event of a payload as it was sent, or as Actions has it in a file. Raises `UsageError` as `parse` does."""
    kind = EVENTS.get(name)
    if kind is None:
        return Ignored(name=name)
    if len(payload) > MOST_BYTES:
        raise UsageError(f"the event {name} is malformed: it has more than {MOST_BYTES} bytes")
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, RecursionError) as e:
        raise UsageError(f"the event {name} is malformed: {e}") from e
