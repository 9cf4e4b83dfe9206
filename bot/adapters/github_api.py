"""GitHub for one repository: see `bot.github.GitHub`, whose words the methods keep to."""

import base64
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from bot.adapters import github_values as values
from bot.adapters.github_access import App, Installation, Token
from bot.adapters.github_checks import Checks
from bot.adapters.github_commits import VIEWER, Commits
from bot.adapters.github_downloads import Downloads
from bot.adapters.github_memory import Memory, Shelf
from bot.adapters.github_politeness import Politeness
from bot.adapters.github_wire import PER_PAGE, Rest, Wire
from bot.errors import Conflict, Forbidden, Gone, Refused, UsageError
from bot.github import (
    MOST_BYTES,
    Check,
    Comment,
    Hosted,
    Issue,
    Pull,
    Reaction,
    Remark,
    Review,
    Role,
    Run,
    RunJob,
    Usage,
)
from bot.ports import Clock
from bot.text.cut import cut

API = "https://api.github.com"
CREATED = 201
MOST_COMMENTS = 2_500  # GitHub takes no more below one issue
OF_NOBODY = "ghs_"  # tokens of jobs and of Apps, which are no user's
SKEW = timedelta(minutes=2)  # between this machine's time and GitHub's


class GitHubApi:
    """See `bot.github.GitHub`."""

    def __init__(self, repository: str, wire: Wire, access: Token | Installation, app: App | None = None) -> None:
        self._name = repository
        self._path = f"/repos/{repository}"
        self._wire = wire
        self._access = access
        self._app = app
        self._rest = Rest(wire, access)
        self._downloads = Downloads(self._rest, wire)
        self._checks = Checks(self._rest, self._path)
        self._commits = Commits(self._rest, repository, self._path)
        self._hosted: Hosted | None = None

    @cached_property
    def login(self) -> str:
        """Whom the token speaks for."""
        if self._app:
            return f"{Rest(self._wire, self._app).get('/app')['slug']}[bot]"
        if not self._access.secret().startswith(OF_NOBODY):
            with suppress(Forbidden):
                return str(self._rest.get("/user")["login"])
        return self._wire.memory.fact("login", lambda: str(self._commits.query(VIEWER, {})["viewer"]["login"]))

    @property
    def usage(self) -> Usage:
        """What was asked so far."""
        return self._wire.politeness.usage

    def git_environment(self) -> dict[str, str]:
        """The token for git, in place of any that the checkout's configuration has for this host."""
        pair = base64.b64encode(f"x-access-token:{self._access.secret()}".encode()).decode()
        key = f"http.{server_of(self._wire.base_url)}/.extraHeader"
        return {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": key,
            "GIT_CONFIG_VALUE_0": "",  # forgets the others: with two headers GitHub refuses
            "GIT_CONFIG_KEY_1": key,
            "GIT_CONFIG_VALUE_1": f"AUTHORIZATION: basic {pair}",
        }

    def repository(self) -> Hosted:
        """The repository, asked for once."""
        if self._hosted is None:
            self._hosted = values.hosted(self._rest.get(self._path))
        else:
            self._wire.politeness.remembered()
        return self._hosted

    def may_open_pulls(self) -> bool | None:
        """Whether Actions may create pull requests here."""
        try:
            said = self._rest.get(f"{self._path}/actions/permissions/workflow")
        except (Forbidden, Gone):
            return None
        return bool(said["can_approve_pull_request_reviews"])

    def run(self, number: int, attempt: int = 0) -> Run:
        """A run."""
        return values.run(self._rest.get(self._of_run(number, attempt)))

    def runs(
        self, *, head_sha: str = "", branch: str = "", workflow: str = "", status: str = "", most: int = 30
    ) -> list[Run]:
        """Runs, the newest first."""
        of = f"workflows/{quote(workflow.rpartition('/')[2])}/runs" if workflow else "runs"
        found = self._rest.pages(
            f"{self._path}/actions/{of}", "workflow_runs", most, head_sha=head_sha, branch=branch, status=status
        )
        return [values.run(one) for one in found]

    def jobs(self, run: Run) -> list[RunJob]:
        """The jobs of an attempt."""
        return [values.run_job(one) for one in self._rest.pages(f"{self._of_run(run.id, run.attempt)}/jobs", "jobs")]

    def job_log(self, job: int) -> Iterator[bytes]:
        """The log of a job."""
        return self._downloads.pieces(f"{self._path}/actions/jobs/{job}/logs")

    def run_logs(self, run: Run, file: Path) -> None:
        """The logs of an attempt."""
        self._downloads.save(f"{self._of_run(run.id, run.attempt)}/logs", file)

    def artifacts(self, run: Run) -> list[tuple[int, str]]:
        """The artifacts of a run."""
        found = self._rest.pages(f"{self._of_run(run.id)}/artifacts", "artifacts")
        return [(one["id"], one["name"]) for one in found if not one["expired"]]

    def artifact(self, number: int, file: Path, most: int = MOST_BYTES) -> None:
        """The zip of an artifact."""
        self._downloads.save(f"{self._path}/actions/artifacts/{number}/zip", file, most)

    def cancel(self, run: int) -> None:
        """Cancel a run."""
        with suppress(Conflict):  # it has ended
            self._rest.write("POST", f"{self._path}/actions/runs/{run}/cancel")

    def rerun_failed(self, run: int) -> None:
        """Run the failed jobs again; a run that goes on already is fine."""
        before = self.run(run)

        def started() -> bool | None:
            now = self.run(run)
            return True if now.status != "completed" or now.attempt > before.attempt else None

        def start() -> bool:
            self._rest.write("POST", f"{self._of_run(run)}/rerun-failed-jobs")
            return True

        if before.status != "completed":
            return
        try:
            self._rest.once(started, start)
        except Forbidden:
            if not started():  # by somebody else, in between
                raise

    def pull(self, number: int) -> Pull:
        """A pull request."""
        return values.pull(self._rest.get(f"{self._path}/pulls/{number}"))

    def pulls(self, *, head: str = "", base: str = "", state: Literal["open", "closed", "all"] = "open") -> list[Pull]:
        """Pull requests."""
        return [values.pull(p) for p in self._rest.pages(f"{self._path}/pulls", head=head, base=base, state=state)]

    def pulls_of(self, commit: str) -> list[Pull]:
        """The pull requests of a commit."""
        return [values.pull(one) for one in self._rest.pages(f"{self._path}/commits/{commit}/pulls")]

    def open_pull(self, *, title: str, body: str, head: str, base: str, draft: bool) -> Pull:
        """Open a pull request, or find the open one of our own."""
        of = head if ":" in head else f"{self._name.partition('/')[0]}:{head}"
        body = cut(body, values.MOST_TEXT)
        asked = {"title": title, "body": body, "head": head, "base": base, "draft": draft}

        def opened() -> Pull | None:
            return next((one for one in self.pulls(head=of, base=base) if one.author == self.login), None)

        try:
            return self._rest.once(opened, lambda: values.pull(self._rest.write("POST", f"{self._path}/pulls", asked)))
        except Refused as error:
            if "already exists" not in error.message:
                raise
            if there := opened():
                return there
            raise Forbidden(
                f"somebody else has opened a pull request from {head}", hint="close that, or use it"
            ) from error

    def update_pull(
        self, number: int, *, title: str = "", body: str = "", state: Literal["", "open", "closed"] = ""
    ) -> Pull:
        """Change what is given."""
        given = {"title": title, "body": cut(body, values.MOST_TEXT), "state": state}
        changes = {key: value for key, value in given.items() if value}
        return values.pull(self._rest.write("PATCH", f"{self._path}/pulls/{number}", changes))

    def labels(self, number: int) -> set[str]:
        """The labels."""
        return {one["name"] for one in self._rest.pages(f"{self._path}/issues/{number}/labels")}

    def add_labels(self, number: int, labels: Sequence[str]) -> None:
        """Label it."""
        self._rest.write("POST", f"{self._path}/issues/{number}/labels", {"labels": list(labels)})

    def remove_label(self, number: int, label: str) -> None:
        """Take a label off."""
        with suppress(Gone):
            self._rest.write("DELETE", f"{self._path}/issues/{number}/labels/{quote(label, safe='')}")

    def request_reviews(self, number: int, reviewers: Sequence[str]) -> None:
        """Ask people and teams."""
        asked = {
            "reviewers": [who for who in reviewers if "/" not in who],
            "team_reviewers": [who.partition("/")[2] for who in reviewers if "/" in who],
        }
        self._rest.write("POST", f"{self._path}/pulls/{number}/requested_reviewers", asked)

    def comments(self, number: int) -> Iterator[Comment]:
        """The comments."""
        return map(values.comment, self._rest.each(f"{self._path}/issues/{number}/comments", most=MOST_COMMENTS))

    def comment(self, number: int, body: str) -> Comment:
        """Write a comment."""
        path, body, since = f"{self._path}/issues/{number}/comments", cut(body, values.MOST_TEXT), self._recently()

        def written() -> Comment | None:
            found = map(values.comment, self._rest.pages(path, since=since))
            return next((one for one in found if self._is_mine(one.author, one.body, body)), None)

        return self._rest.once(written, lambda: values.comment(self._rest.write("POST", path, {"body": body})))

    def edit_comment(self, comment: int, body: str) -> Comment:
        """Replace its text."""
        path = f"{self._path}/issues/comments/{comment}"
        return values.comment(self._rest.write("PATCH", path, {"body": cut(body, values.MOST_TEXT)}))

    def delete_comment(self, comment: int) -> None:
        """Delete it."""
        with suppress(Gone):
            self._rest.write("DELETE", f"{self._path}/issues/comments/{comment}")

    def react(self, comment: int, reaction: Reaction, *, review: bool = False) -> bool:
        """React to a comment."""
        asked = {"content": reaction}
        return self._rest.requestJson("POST", self._reactions(comment, review), input=asked)[0] == CREATED

    def reactions(self, comment: int, *, review: bool = False) -> set[str]:
        """Our reactions."""
        found = self._rest.pages(self._reactions(comment, review))
        return {one["content"] for one in found if (one["user"] or {}).get("login") == self.login}

    def recent_comments(self, *, review: bool = False) -> list[Comment]:
        """The newest comments."""
        path = f"{self._path}/{'pulls' if review else 'issues'}/comments"
        found = self._rest.pages(path, most=PER_PAGE, sort="updated", direction="desc")
        return [values.comment(one) for one in found]

    def reviews(self, number: int) -> list[Review]:
        """The reviews."""
        return [values.review(one) for one in self._rest.pages(f"{self._path}/pulls/{number}/reviews")]

    def remarks(self, number: int, review: int) -> list[Remark]:
        """The comments of a review."""
        found = self._rest.pages(f"{self._path}/pulls/{number}/reviews/{review}/comments")
        return [values.remark_of(one) for one in found]

    def review(self, number: int, commit: str, body: str, remarks: Sequence[Remark]) -> Review:
        """Write a review."""
        path, body = f"{self._path}/pulls/{number}/reviews", cut(body, values.MOST_TEXT)
        comments = [values.remark(one) for one in remarks]
        asked = {"commit_id": commit, "body": body, "event": "COMMENT", "comments": comments}

        def written() -> Review | None:
            mine = (one for one in self.reviews(number) if self._is_mine(one.author, one.body, body))
            return next((one for one in mine if one.commit == commit), None)

        return self._rest.once(written, lambda: values.review(self._rest.write("POST", path, asked)))

    def role(self, login: str) -> Role:
        """What somebody may do."""
        try:
            path = f"{self._path}/collaborators/{quote(login, safe='')}/permission"
            return values.role(self._rest.get(path, fresh=True))
        except Gone:
            return "none"

    def put_check(self, check: Check) -> int:
        """Make or change a check run."""
        return self._checks.put(check)

    def open_issue(self, *, title: str, body: str, labels: Sequence[str]) -> int:
        """Open an issue."""
        path, body, since = f"{self._path}/issues", cut(body, values.MOST_TEXT), self._recently()
        asked = {"title": title, "body": body, "labels": list(labels)}

        def opened() -> int | None:
            found = self._my_issue(lambda one: self._is_mine(self.login, one["body"], body), since=since)
            return found.number if found else None

        return self._rest.once(opened, lambda: int(self._rest.write("POST", path, asked)["number"]))

    def find_issue(self, marker: str) -> Issue | None:
        """The issue with a marker."""
        return self._my_issue(lambda one: marker in (one["body"] or ""))

    def update_issue(self, number: int, *, body: str = "", state: Literal["", "open", "closed"] = "") -> None:
        """Change what is given."""
        given = {"body": cut(body, values.MOST_TEXT), "state": state}
        changes = {key: value for key, value in given.items() if value}
        self._rest.write("PATCH", f"{self._path}/issues/{number}", changes)

    def commit_on_branch(self, *, branch: str, parent: str, message: str, files: dict[str, bytes | None]) -> str:
        """Make a signed commit."""
        return self._commits.make(branch, parent, message, files)

    def delete_branch(self, branch: str) -> None:
        """Delete a branch."""
        try:
            self._rest.write("DELETE", f"{self._path}/git/refs/heads/{quote(branch)}")
        except Gone:
            pass
        except Refused as error:
            if "does not exist" not in error.message:
                raise

    def dispatch(self, workflow: str, ref: str, inputs: dict[str, Any]) -> None:
        """Start a workflow."""
        file = quote(workflow.rpartition("/")[2])
        path, since = f"{self._path}/actions/workflows/{file}", self._recently()

        def started() -> Any:
            found = self._rest.pages(
                f"{path}/runs", "workflow_runs", 1, event="workflow_dispatch", created=f">={since}"
            )
            return found or None

        def start() -> bool:
            self._rest.write("POST", f"{path}/dispatches", {"ref": ref, "inputs": inputs})
            return True

        self._rest.once(started, start)

    def _of_run(self, number: int, attempt: int = 0) -> str:
        return f"{self._path}/actions/runs/{number}{f'/attempts/{attempt}' if attempt else ''}"

    def _reactions(self, comment: int, review: bool) -> str:
        return f"{self._path}/{'pulls' if review else 'issues'}/comments/{comment}/reactions"

    def _my_issue(self, fits: Callable[[dict[str, Any]], bool], since: str = "") -> Issue | None:
        found = self._rest.pages(f"{self._path}/issues", creator=self.login, state="open", since=since)
        mine = (one for one in found if "pull_request" not in one and one["user"]["login"] == self.login)
        return next((Issue(number=one["number"], body=one["body"] or "") for one in mine if fits(one)), None)

    def _is_mine(self, author: str | None, body: str | None, wanted: str) -> bool:
        there, asked = ((text or "").replace("\r\n", "\n").strip() for text in (body, wanted))
        return there == asked and author == self.login

    def _recently(self) -> str:
        """The time that what is made from now on is younger than, as GitHub takes it."""
        at: datetime = self._wire.clock.now() - SKEW
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def with_token(
    repository: str, token: str, clock: Clock, *, api_url: str = API, budget: int = 0, shelf: Path | None = None
) -> GitHubApi:
    """GitHub for a repository (`owner/name`), with a token.

    `api_url` is what `GITHUB_API_URL` says; `budget` is how many requests that count may be made, 0 for any number;
    `shelf` is a folder for answers that later commands can ask for anew at no cost. Raises `UsageError` for what is no
    repository, URL or token.
    """
    kept = Shelf(shelf, f"{api_url} {token}") if shelf else None
    return GitHubApi(_named(repository), _wire(api_url, clock, budget, kept), Token(token))


def with_app(
    repository: str,
    app: int,
    private_key: str,
    installation: int,
    clock: Clock,
    *,
    api_url: str = API,
    budget: int = 0,
) -> GitHubApi:
    """GitHub for a repository, as an App that is installed there; see `with_token`."""
    wire, identity = _wire(api_url, clock, budget), App(app, private_key)
    return GitHubApi(_named(repository), wire, Installation(wire, identity, installation, repository), identity)


def server_of(api_url: str) -> str:
    """Where git and people find what lies behind an API.

    >>> server_of("https://api.github.com"), server_of("https://ghe.example/api/v3")
    ('https://github.com', 'https://ghe.example')
    """
    parts = urlsplit(api_url)
    return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}"


def _named(repository: str) -> str:
    parts = repository.split("/")
    if len(parts) != 2 or not all(part and quote(part) == part and part.strip(".") for part in parts):
        raise UsageError(f"{repository!r} is no repository on GitHub", hint="give owner/name")
    return repository


def _wire(api_url: str, clock: Clock, budget: int, shelf: Shelf | None = None) -> Wire:
    try:
        parts = urlsplit(api_url)
        right = parts.scheme in ("https", "http") and parts.hostname and parts.port != 0
    except ValueError:
        right = False
    if not right or "@" in parts.netloc or parts.query:
        raise UsageError("GITHUB_API_URL is no URL of GitHub's API", hint=f"set it to one, such as {API}")
    return Wire(api_url, clock, Politeness(clock, budget=budget), Memory(shelf))
