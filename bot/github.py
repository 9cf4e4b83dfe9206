"""What the stages ask of GitHub: its things as values, and one Protocol that the gateway fulfils.

One `GitHub` speaks for one repository with one token. Its methods raise, besides what they name, `Transient` when
GitHub gave no answer (after the retries that politeness allows), `RateLimited` when a limit says when to come back,
`Forbidden` when the token may not, `Unauthenticated` when it is none, `Gone` for what is not, or no longer, there.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from bot.model import Model, UtcTime

Role = Literal["none", "read", "triage", "write", "maintain", "admin"]
"""What somebody may do in a repository, the least first."""
Reaction = Literal["+1", "-1", "confused", "eyes", "rocket"]
RED = frozenset({"failure", "timed_out", "startup_failure"})
"""The conclusions of runs and jobs that somebody has to deal with."""
MOST_BYTES = 1_000_000_000
"""Of a download, where nothing else is said."""
Conclusion = Literal["success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required"]


class Hosted(Model, kw_only=True):
    """A repository on GitHub; `clone_url` is that of git over HTTPS, without credentials."""

    name: str
    default_branch: str
    clone_url: str
    html_url: str
    private: bool = False
    fork: bool = False
    archived: bool = False


class Run(Model, kw_only=True):
    """One attempt of a run of a workflow. `conclusion` is empty while it goes on; `workflow` is the path of its file.

    `head_repository` is another one than the run's own for a pull request from a fork; `pulls` is empty then.
    """

    id: int
    attempt: int = 1
    number: int = 0
    name: str = ""
    workflow: str
    event: str
    status: str
    conclusion: str = ""
    head_sha: str
    head_branch: str = ""
    head_repository: str
    actor: str = ""
    actor_is_bot: bool = False
    html_url: str = ""
    created: UtcTime
    updated: UtcTime
    pulls: tuple[int, ...] = ()


OF_GITHUB = "dynamic/"
"""Where GitHub's own workflows are (Pages, CodeQL, Dependabot), of which no repository has a file."""


def newest(runs: Iterable[Run], own: str = "") -> list[Run]:
    """The newest run of each workflow and event among those that check the repository.

    `own` is the file of Regreen's own workflow, whose runs check nothing, as those of GitHub do not.
    """
    found: dict[tuple[str, str], Run] = {}
    for run in sorted(runs, key=lambda run: run.id, reverse=True):
        if run.workflow != own and not run.workflow.startswith(OF_GITHUB):
            found.setdefault((run.workflow, run.event), run)
    return list(found.values())


class RunJob(Model, kw_only=True):
    """A job of an attempt of a run, and the names of its steps that failed."""

    id: int
    run_id: int
    attempt: int = 1
    name: str
    status: str
    conclusion: str = ""
    html_url: str = ""
    labels: tuple[str, ...] = ()
    failed_steps: tuple[str, ...] = ()


class Pull(Model, kw_only=True):
    """A pull request. `mergeable` is None while GitHub works it out, `head_repository` empty when the fork is gone."""

    number: int
    title: str
    body: str = ""
    state: Literal["open", "closed"]
    merged: bool = False
    draft: bool = False
    author: str
    author_is_bot: bool = False
    head_sha: str
    head_ref: str
    head_repository: str
    base_sha: str
    base_ref: str
    labels: tuple[str, ...] = ()
    mergeable: bool | None = None
    merge_commit: str = ""
    html_url: str = ""
    node_id: str = ""


class Comment(Model, kw_only=True):
    """A comment below an issue or a pull request, whose `number` it has; one on lines of a diff names its `commit`.

    `reactions` are those that anybody has made, of the kinds that Regreen makes.
    """

    id: int
    body: str
    author: str
    author_is_bot: bool = False
    html_url: str = ""
    created: UtcTime
    updated: UtcTime
    number: int
    is_pull: bool
    on_lines: bool = False
    commit: str = ""
    reactions: frozenset[Reaction] = frozenset()


class Annotation(Model, kw_only=True):
    """A remark of a check run on lines of a file (from 1)."""

    path: str
    start_line: int
    end_line: int
    level: Literal["notice", "warning", "failure"]
    message: str
    title: str = ""


class Check(Model, kw_only=True):
    """What a check run shows: `name` tells it from others of the commit, `external_id` is the incident's."""

    name: str
    head_sha: str
    external_id: str
    status: Literal["queued", "in_progress", "completed"]
    conclusion: Conclusion | None = None
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()


class Remark(Model, kw_only=True):
    """A comment of a review on lines of the diff (from 1, of the new side), for instance with a suggestion block."""

    path: str
    line: int
    start_line: int = 0
    body: str


class Review(Model, kw_only=True):
    """A review of a pull request, and whether it asks for changes; `commit` is the head that it was written for."""

    id: int
    body: str
    author: str
    author_is_bot: bool = False
    wants_changes: bool = False
    submitted: UtcTime | None = None
    commit: str = ""
    html_url: str = ""


class Issue(Model, kw_only=True):
    """An issue: its number and its text."""

    number: int
    body: str = ""


class Usage(Model, kw_only=True):
    """What has been asked of GitHub: `requests` count against the limit, those `not_modified` (304) do not."""

    requests: int = 0
    writes: int = 0
    not_modified: int = 0
    cached: int = 0
    remaining: int | None = None

    def told(self) -> str:
        """It in a line, for people."""
        left = "" if self.remaining is None else f"; {self.remaining} are left"
        free = f"{self.not_modified} answered with 304, {self.cached} from memory"
        return f"GitHub: {self.requests} requests, {self.writes} of them writes; at no cost {free}{left}"


class GitHub(Protocol):
    """One repository on GitHub."""

    @property
    def login(self) -> str:
        """Whom the token speaks for, for instance `github-actions[bot]`."""
        ...

    @property
    def usage(self) -> Usage:
        """What was asked so far."""
        ...

    def git_environment(self) -> dict[str, str]:
        """What git needs in its environment to fetch from and push to the repository with the token, which no argument
        and no URL holds.
        """
        ...

    def repository(self) -> Hosted:
        """The repository."""
        ...

    def may_open_pulls(self) -> bool | None:
        """Whether Actions may create pull requests here; None where the token cannot see it."""
        ...

    def run(self, number: int, attempt: int = 0) -> Run:
        """A run, in its last attempt unless one is given."""
        ...

    def runs(
        self, *, head_sha: str = "", branch: str = "", workflow: str = "", status: str = "", most: int = 30
    ) -> list[Run]:
        """Runs, the newest first."""
        ...

    def jobs(self, run: Run) -> list[RunJob]:
        """The jobs of that attempt of the run."""
        ...

    def job_log(self, job: int) -> Iterator[bytes]:
        """The log of a job, in pieces. Raises `Gone` when it has expired."""
        ...

    def run_logs(self, run: Run, file: Path) -> None:
        """Write the zip with the logs of an attempt of a run to a file, whole or not at all. Raises `Gone`."""
        ...

    def artifacts(self, run: Run) -> list[tuple[int, str]]:
        """Id and name of the artifacts of a run that have not expired."""
        ...

    def artifact(self, number: int, file: Path, most: int = MOST_BYTES) -> None:
        """Write the zip of an artifact to a file, whole or not at all. Raises `Gone`, `Refused` above `most` bytes."""
        ...

    def rerun_failed(self, run: int) -> None:
        """Run the failed jobs of a run again."""
        ...

    def cancel(self, run: int) -> None:
        """Cancel a run; one that has ended is fine."""
        ...

    def pull(self, number: int) -> Pull:
        """A pull request."""
        ...

    def pulls(self, *, head: str = "", base: str = "", state: Literal["open", "closed", "all"] = "open") -> list[Pull]:
        """Pull requests; `head` is `owner:branch`."""
        ...

    def pulls_of(self, commit: str) -> list[Pull]:
        """The pull requests that a commit belongs to."""
        ...

    def open_pull(self, *, title: str, body: str, head: str, base: str, draft: bool) -> Pull:
        """Open a pull request, or find the open one of the token's own account from this head.

        Raises `Forbidden` when Actions may open none, and where somebody else has opened one from it.
        """
        ...

    def update_pull(
        self, number: int, *, title: str = "", body: str = "", state: Literal["", "open", "closed"] = ""
    ) -> Pull:
        """Change what is given."""
        ...

    def labels(self, number: int) -> set[str]:
        """The labels of an issue or a pull request."""
        ...

    def add_labels(self, number: int, labels: Sequence[str]) -> None:
        """Label an issue or a pull request."""
        ...

    def remove_label(self, number: int, label: str) -> None:
        """Take a label off an issue or a pull request; one that it has not is fine."""
        ...

    def request_reviews(self, number: int, reviewers: Sequence[str]) -> None:
        """Ask people (`login`) and teams (`org/team`) to review a pull request."""
        ...

    def comments(self, number: int) -> Iterator[Comment]:
        """The comments below an issue or a pull request, the oldest first; all of them, asked for as they are read."""
        ...

    def comment(self, number: int, body: str) -> Comment:
        """Write a comment."""
        ...

    def edit_comment(self, comment: int, body: str) -> Comment:
        """Replace the text of a comment."""
        ...

    def delete_comment(self, comment: int) -> None:
        """Delete a comment; one that is gone is no mistake."""
        ...

    def react(self, comment: int, reaction: Reaction, *, review: bool = False) -> bool:
        """React to a comment; `review`: to one on lines of a diff. False when we had reacted so before."""
        ...

    def reactions(self, comment: int, *, review: bool = False) -> set[str]:
        """The reactions to a comment that are our own."""
        ...

    def recent_comments(self, *, review: bool = False) -> list[Comment]:
        """The hundred comments of the repository that were changed last; `review`: of those on lines of diffs."""
        ...

    def reviews(self, number: int) -> list[Review]:
        """The reviews of a pull request, the oldest first."""
        ...

    def remarks(self, number: int, review: int) -> list[Remark]:
        """The comments of a review on lines of the diff."""
        ...

    def review(self, number: int, commit: str, body: str, remarks: Sequence[Remark]) -> Review:
        """Write a review with remarks on lines of the diff at that commit. Raises `Refused` for lines outside of it."""
        ...

    def role(self, login: str) -> Role:
        """What somebody may do in the repository, as of now: never from a cache."""
        ...

    def put_check(self, check: Check) -> int:
        """Make a check run, or change the one of that name, external id and commit; its id."""
        ...

    def open_issue(self, *, title: str, body: str, labels: Sequence[str]) -> int:
        """Open an issue; its number."""
        ...

    def find_issue(self, marker: str) -> Issue | None:
        """The open issue by the token's own account whose text has the marker."""
        ...

    def update_issue(self, number: int, *, body: str = "", state: Literal["", "open", "closed"] = "") -> None:
        """Change what is given."""
        ...

    def commit_on_branch(self, *, branch: str, parent: str, message: str, files: dict[str, bytes | None]) -> str:
        """Make a commit that GitHub signs, on a branch whose tip is `parent`; None deletes a file. The commit's id.

        Raises `Conflict` when the tip has moved.
        """
        ...

    def delete_branch(self, branch: str) -> None:
        """Delete a branch; one that is gone already is fine."""
        ...

    def dispatch(self, workflow: str, ref: str, inputs: dict[str, Any]) -> None:
        """Start a workflow that has the trigger `workflow_dispatch`."""
        ...
