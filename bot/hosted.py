"""Regreen on one repository on GitHub: from a failed run to a proposal, and on to what becomes of it.

The composition root of that, as app.py is of a checkout: the incident is worked on in a clone of our own, never in a
folder that others have written to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import platformdirs

from bot.adapters.git_plumbing import GitPlumbing
from bot.adapters.github_api import API, server_of, with_app, with_token
from bot.adapters.hosted_clone import checkout_of, fetched
from bot.adapters.system_clock import SystemClock
from bot.adapters.workers import this_worker
from bot.app import NONE, App, Voices, guard_with
from bot.errors import Gone, Refused, UsageError
from bot.findings import hold_again
from bot.github import RED, GitHub, Hosted, Pull, Run, RunJob, newest
from bot.intake.decide import MERGE_GROUP
from bot.intake.rights import Asker, Denied, may
from bot.ledger import intend
from bot.model import (
    Constraints,
    Delivery,
    Diagnosis,
    FailedRun,
    Incident,
    Objection,
    ReplayOptions,
    ReplayResult,
    Result,
    Stage,
    Wish,
)
from bot.planning.breaker import Breaker
from bot.proposal.authority import kind_for
from bot.proposal.facts import ANSWER, where_it_is
from bot.proposal.hosted import Hosting, apply
from bot.proposal.local import hand_over
from bot.repair.trees import remade
from bot.replay.on_github import replay_on_github
from bot.replay.source import commit_named, read_commit
from bot.scratch import ScratchBranch, branch_of
from bot.text.urls import canonical

STATE_REMOTE = "REGREEN_STATE_REMOTE"
LEASE_SECONDS = 600.0
APP_ID, APP_KEY, APP_INSTALLATION = "REGREEN_APP_ID", "REGREEN_APP_PRIVATE_KEY", "REGREEN_APP_INSTALLATION"
TOKENS = ("GITHUB_TOKEN", "GH_TOKEN")
SECRET = (*TOKENS, APP_KEY)
MOST_REQUESTS = 400
"""Of one command, where GitHub counts them: a fix needs some ten, and a token of Actions has 1,000 an hour."""
A_MOMENT = timedelta(minutes=1)
MOST_LOGS = 20
"""Of one run: each is a request, and the legs of a matrix mostly fail alike."""


@dataclass(frozen=True)
class Failure:
    """A failed run: its pull request, if it has one, why its jobs failed, and the app on its commit.

    `unread` says how many more jobs have failed, whose logs were not read.
    """

    run: Run
    pull: Pull | None
    jobs: tuple[tuple[RunJob, Diagnosis], ...]
    app: App
    unread: int = 0


class OnGitHub:
    """What Regreen does on one repository. `environ` is the process' environment, `cache` where clones are kept."""

    def __init__(self, github: GitHub, environ: Mapping[str, str], voices: Voices, cache: Path) -> None:
        self.github = github
        self._hidden = [environ[name] for name in SECRET if environ.get(name)]
        self._environ = {STATE_REMOTE: "origin", **{k: v for k, v in environ.items() if k not in SECRET}}
        self._voices, self._cache, self._clock = voices, cache, SystemClock()
        self._clone: tuple[GitPlumbing, datetime] | None = None
        self._breaker = Breaker(self._clock)

    @cached_property
    def repository(self) -> Hosted:
        """The repository. Raises `UsageError` when it is archived, so that nothing can be proposed."""
        found = self.github.repository()
        if found.archived:
            raise UsageError(f"{found.name} is archived", hint="nothing can be proposed there")
        return found

    @property
    def workflow(self) -> str:
        """The file of Regreen's own workflow, where this runs in one."""
        return self._environ.get("GITHUB_WORKFLOW_REF", "").split("@")[0].split("/", 2)[-1]

    def app(self, commit: str = "", branch: str = "", pull: int = 0) -> App:
        """The app on a commit of the repository: that of the default branch unless one is given."""
        about = self.repository
        folder = self._cache / "hosted" / about.name.replace("/", "+")
        git = self._fetched(folder, commit, pull)
        head = commit or commit_named(git, f"refs/remotes/origin/{about.default_branch}")
        if not head:
            raise UsageError(f"{about.name} has no branch {about.default_branch}", hint="an empty repository has no CI")
        at = (head, branch or about.default_branch, about.default_branch, about.clone_url)
        checkout = checkout_of(git, folder / "root", *at)

        return App(
            folder,
            self._environ,
            self._voices,
            hidden=self._hidden,
            clone=(checkout, git),
            hosting=self.hosting,
            breaker=self._breaker,
        )

    def _fetched(self, folder: Path, commit: str, pull: int) -> GitPlumbing:
        """The clone as it is now, or was a moment ago if that has the commit: an event is about two of them or more."""
        if self._clone and self._clock.now() - self._clone[1] < A_MOMENT:
            git = self._clone[0]
            if not commit or git.try_run("cat-file", "-e", f"{commit}^{{commit}}") is not None:
                return git
        since = self._clock.now()
        url, access = self.repository.clone_url, self.github.git_environment
        self._clone = fetched(folder, url, access, self._clock, pull), since
        return self._clone[0]

    def hosting(self, app: App) -> Hosting:
        """What proposals are made with."""
        return Hosting(self.github, app.theirs, app.settings.proposal, app.checkpoints, self._voices.say)

    def failure(self, run: Run) -> Failure:
        """Why a run failed, by the logs of its jobs, at most `MOST_LOGS` of them, as far as they are there.

        Raises `UsageError` when it did not, `Gone` when none of them is.
        """
        if run.conclusion not in RED:
            told = run.conclusion or run.status
            raise UsageError(f"the run {run.id} of {self.repository.name} has not failed: {told}")
        failed = one_of_each_first(j for j in self.github.jobs(run) if j.conclusion in RED)
        if not failed:
            raise Gone(
                f"no job of the run {run.id} has failed: GitHub did not start it", hint=f"look at {run.html_url}"
            )
        pull = self.pull_of(run)
        if pull and pull.head_sha != run.head_sha:
            moved = f"the head of #{pull.number} has moved from {run.head_sha[:12]} to {pull.head_sha[:12]}"
            raise Gone(moved, hint="its new run counts")
        app = self.app_of(run, pull)
        jobs, expired = [], None
        for job in failed[:MOST_LOGS]:
            try:
                jobs.append((job, self._diagnosis(job, app)))
            except Gone as e:
                expired = e
        if expired and not jobs:
            raise expired
        unread = len(failed) - len(jobs)
        if unread:
            self._voices.say(f"{len(failed)} jobs are red: the logs of {len(jobs)} of them are read")
        return Failure(run, pull, tuple(jobs), app, unread)

    def _diagnosis(self, job: RunJob, app: App) -> Diagnosis:
        try:
            return app.diagnose(self.github.job_log(job.id), app.settings.diagnosis.max_tokens)
        except Gone as e:
            raise Gone(
                f"the log of the job '{job.name}' has expired", hint="run the workflow again, then ask again"
            ) from e

    def pull_of(self, run: Run) -> Pull | None:
        """The open pull request of a run, or of the branch that was pushed; GitHub does not tell those from forks.

        Raises `Gone` for the run of a fork that has none any more.
        """
        forked = run.head_repository != self.repository.name
        of_pull = run.event.startswith("pull_request")
        if run.head_branch == self.repository.default_branch and not of_pull and not forked:
            return None
        owner = run.head_repository.split("/")[0]  # empty when the fork is gone: GitHub would list them all
        found = self.github.pulls(head=f"{owner}:{run.head_branch}") if owner else []
        ours = next((pull for pull in found if pull.head_repository == run.head_repository), None)
        if ours is None and (forked or of_pull):
            raise Gone(f"the run {run.id} of {run.head_branch} has no open pull request any more")
        return ours

    def app_of(self, run: Run, pull: Pull | None) -> App:
        """The app on the commit of a run."""
        forked = run.head_repository != self.repository.name
        return self.app(run.head_sha, run.head_branch, pull.number if pull and forked else 0)

    def repair(self, failure: Failure, *, asked_by: str = "", constraints: Constraints = NONE) -> Incident:
        """Bring a failed run to a proven fix, or to an honest answer. Raises `Gone` where nothing can be proposed."""
        run, git = failure.run, failure.app.theirs
        if run.event == MERGE_GROUP:
            raise Gone(
                f"the run {run.id} is of the merge queue, whose branches nobody else has", hint="fix its pull request"
            )
        there = git.try_run("rev-parse", "--verify", "--quiet", f"refs/remotes/origin/{run.head_branch}")
        if failure.pull is None and there is None:
            told = f"{run.head_branch} is no branch of {self.repository.name}, or none any more"
            raise Gone(
                f"{told}: nothing can be proposed for the run {run.id}",
                hint="regreen diagnose --run says why it is red",
            )
        kind = kind_for(self.about(failure), self.repository.name, failure.app.settings.proposal)
        return self._repaired(failure, Delivery(kind=kind), asked_by, constraints=constraints)

    def _repaired(
        self,
        failure: Failure,
        delivery: Delivery,
        asked_by: str,
        wish: Wish | None = None,
        constraints: Constraints = NONE,
    ) -> Incident:
        app = failure.app
        options, minutes = self._options(failure.run, failure.pull, app), app.settings.fix.max_minutes
        incident = app.open_incident(
            options,
            delivery,
            minutes,
            failed_run=self.about(failure),
            asked_by=asked_by,
            wish=wish,
            constraints=constraints,
        )
        if wish and incident.wish is None:
            told = where_it_is(incident) if incident.proposal else "a fix is being looked for"
            raise UsageError(f"incident {incident.id} has not ended: {told}", hint="close that first, or wait")
        if wish is None:
            self._hold_wish(incident, app)
        return app.fix(incident, failure.jobs[0][1])

    def revert(
        self, *, run: Run | None = None, pull: Pull | None = None, commit: str = "", why: str = "", asked_by: str = ""
    ) -> Incident:
        """Bring a red branch to the proven revert of what broke it, or to an honest answer.

        `run` is a red run of the branch (the newest red one of its workflow counts), without one it is the newest of
        the default branch; `pull`, which was merged, or `commit` name what to revert.
        """
        about = self.repository
        if pull and not pull.merged:
            raise UsageError(f"#{pull.number} is not merged: there is nothing to revert", hint="close it")
        if run and (run.event.startswith("pull_request") or run.head_repository != about.name):
            raise UsageError(f"the run {run.id} is of a pull request: there is nothing to revert", hint="close it")
        branch = pull.base_ref if pull else run.head_branch if run else about.default_branch
        failure = self.failure(self._red(branch, run.workflow if run else ""))
        named = commit_named(failure.app.theirs, pull.merge_commit if pull else commit) if pull or commit else ""
        if named is None:
            raise UsageError(f"there is no commit {commit}")
        wish = Wish(commit=named, why=why)
        return self._repaired(failure, Delivery(kind="pull-request"), asked_by, wish)

    def _red(self, branch: str, workflow: str) -> Run:
        """The newest run of a branch that is red, of the workflow if one is given; none of it may be green since."""
        runs = self.github.runs(branch=branch, workflow=workflow, status="completed")
        last: dict[str, Run] = {}
        for run in newest(runs, self.workflow):
            if not run.event.startswith("pull_request") and run.head_repository == self.repository.name:
                last.setdefault(run.workflow, run)
        red = next((run for run in last.values() if run.conclusion in RED), None)
        if red is None:
            since = next((f": {run.html_url}" for run in last.values()), "")
            raise UsageError(f"the newest runs of {branch} are not red{since}", hint="there is nothing to revert")
        return red

    def replay(self, run: Run) -> ReplayResult:
        """Replay a run as it is."""
        pull = self.pull_of(run)
        app = self.app_of(run, pull)
        return app.replay(self._options(run, pull, app))

    def replay_there(self, app: App, options: ReplayOptions) -> tuple[ReplayResult, dict[str, Diagnosis]]:
        """Let GitHub run what a push of an app's commit starts, on a scratch branch; of each job that failed why."""
        git, commit = app.committed(options)
        branch, clone = branch_of(commit, options), self.app().theirs
        hand_over(git, clone, commit)
        runs = ScratchBranch(self.github, clone)
        self._voices.say(f"pushing {commit[:12]} to the branch {branch} of {self.repository.name}, to follow its runs")
        result = replay_on_github(runs, self._clock, commit, branch, seconds=app.settings.fix.max_minutes * 60)
        failed = (job.key for job in result.jobs if job.result is Result.FAILURE)
        tokens = app.settings.diagnosis.max_tokens
        return result, {key: app.diagnose(self.github.job_log(runs.ids[key]), tokens) for key in failed}

    def about(self, failure: Failure) -> FailedRun:
        """What an incident keeps of a failed run."""
        run, pull = failure.run, failure.pull
        return FailedRun(
            id=run.id,
            attempt=run.attempt,
            name=run.name or run.workflow,
            html_url=run.html_url,
            event=run.event,
            head_sha=run.head_sha,
            head_branch=run.head_branch,
            head_repository=run.head_repository,
            base_branch=run.head_branch,
            pull=pull.number if pull else 0,
        )

    def _options(self, run: Run, pull: Pull | None, app: App) -> ReplayOptions:
        network, of_pull = app.settings.replay.network, run.event.startswith("pull_request")
        return ReplayOptions(
            workflows=(run.workflow,),
            event=run.event,
            event_payload=payload(run, pull, self.repository) if pull and of_pull else None,
            repository=self.repository.name,
            ref=run.head_branch,
            as_of=run.created if network == "registries" else None,
            network=network,
            committed=True,
        )

    def apply(self, incident: Incident, pull: Pull) -> Incident:
        """Push a suggested fix to the branch of its pull request. Raises `Refused` for one that no guard has seen."""
        about, proposal = incident.failed_run, incident.proposal
        assert about
        assert proposal
        app, owner = self.app(about.head_sha, about.head_branch), this_worker()
        record = app.claim(incident.id, owner, LEASE_SECONDS)
        try:
            when = read_commit(app.theirs, incident.snapshot).created
            if remade(app.theirs, incident.snapshot, proposal.diff, proposal.message, when=when) != proposal.commit:
                told = f"the fix of incident {incident.id} holds what looks like a secret and was not kept whole"
                raise UsageError(told, hint="apply it by hand")
            hold_again(app.theirs, incident, app.settings, guard_with(app.theirs))
            return app.patiently(lambda: apply(app.checkpoints.load(record.id) or record, self.hosting(app), pull))
        finally:
            app.checkpoints.release(incident.id, owner)

    def revise(self, incident: Incident, objection: Objection) -> Incident:
        """Try to do what somebody wants changed of a proposal, and answer."""
        about = incident.failed_run
        assert about

        def objected(record: Incident) -> Incident:
            changed = record.changed(objection=objection, stage=Stage.DIAGNOSED)
            return intend(changed, ANSWER, str(objection.review))

        app = self.app(incident.head, about.head_branch, about.pull)
        return app.fix(app.patiently(lambda: app.checkpoints.update(incident.id, objected)))

    def resume(self, incident: Incident) -> Incident:
        """Go on with an incident of a run that was interrupted."""
        about = incident.failed_run
        assert about
        app = self.app(incident.head, about.head_branch, about.pull)
        self._hold_wish(incident, app)
        return app.fix(incident)

    def _hold_wish(self, incident: Incident, app: App) -> None:
        """Raise `Refused` where a record wants a revert that its asker may not ask for: others may have written it."""
        if incident.wish is None:
            return
        about, asker = self.repository.name, Asker(login=incident.asked_by)
        granted = may("revert", asker, self.github, app.settings, repository=about, pull=None)
        if isinstance(granted, Denied):
            raise Refused(f"incident {incident.id} goes no further: {granted.reason}", hint="ask for the revert again")

    def waiting(self, app: App) -> Sequence[Incident]:
        """The incidents of runs that have not ended; each hour others come first, for not all may get their turn."""
        found = [i for i in app.patiently(lambda: list(app.checkpoints.incidents(waiting=True))) if i.failed_run]
        first = int(self._clock.now().timestamp() // 3600) % (len(found) or 1)
        return found[first:] + found[:first]


def one_of_each_first(jobs: Iterable[RunJob]) -> list[RunJob]:
    """Jobs in their order, but those last that are further legs of a matrix, whose name has its values in brackets."""
    whole = sorted(jobs, key=lambda job: job.id)
    first = {job.name.partition(" (")[0]: job for job in reversed(whole)}
    return sorted(whole, key=lambda job: job is not first[job.name.partition(" (")[0]])


def server_of_environment(environ: Mapping[str, str]) -> str:
    """Where people find the GitHub whose API the environment names."""
    return environ.get("GITHUB_SERVER_URL") or server_of(environ.get("GITHUB_API_URL") or API)


def name_on_github(app: App, environ: Mapping[str, str]) -> str:
    """`owner/name` of a checkout whose remote is at the GitHub of the environment; else empty."""
    try:
        url = canonical(app.checkout.origin)
    except UsageError:
        return ""
    name = url.removeprefix(f"{server_of_environment(environ).lower()}/")
    return name if name != url else ""


def connect(repository: str, environ: Mapping[str, str], voices: Voices, of: type[OnGitHub] = OnGitHub) -> OnGitHub:
    """Regreen on a repository (`owner/name`), with the token or GitHub App, and the API, that the environment names.

    Raises `UsageError` where there is neither.
    """
    cache = platformdirs.user_cache_path("regreen")
    return of(gateway(repository, environ, cache), environ, voices, cache)


def gateway(repository: str, environ: Mapping[str, str], cache: Path) -> GitHub:
    """GitHub for a repository, with what the environment names. Raises `UsageError` where there is no token."""
    clock, api = SystemClock(), environ.get("GITHUB_API_URL") or API
    token = next((environ[name] for name in TOKENS if environ.get(name)), "")
    if environ.get(APP_ID):
        numbers = [_number(environ, name) for name in (APP_ID, APP_INSTALLATION)]
        key = environ.get(APP_KEY, "")
        return with_app(repository, numbers[0], key, numbers[1], clock, api_url=api, budget=MOST_REQUESTS)
    if token:
        return with_token(repository, token, clock, api_url=api, budget=MOST_REQUESTS, shelf=cache / "github")
    raise UsageError("there is no token for GitHub", hint="set GITHUB_TOKEN, for instance: $(gh auth token)")


def _number(environ: Mapping[str, str], name: str) -> int:
    text = environ.get(name, "")
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{name} is no number", hint=f"a GitHub App needs {APP_ID}, {APP_INSTALLATION} and {APP_KEY}")
    return int(text)


def payload(run: Run, pull: Pull, about: Hosted) -> dict[str, Any]:
    """The event of a run of a pull request, as far as GitHub still tells it.

    https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
    """
    return {
        "action": "synchronize",
        "number": pull.number,
        "pull_request": {
            "number": pull.number,
            "title": pull.title,
            "body": pull.body,
            "draft": pull.draft,
            "state": pull.state,
            "html_url": pull.html_url,
            "user": {"login": pull.author},
            "labels": [{"name": name} for name in pull.labels],
            "head": {"ref": pull.head_ref, "sha": run.head_sha, "repo": {"full_name": pull.head_repository}},
            "base": {
                "ref": pull.base_ref,
                "sha": pull.base_sha,
                "repo": {"full_name": about.name, "default_branch": about.default_branch},
            },
        },
        "repository": {
            "full_name": about.name,
            "name": about.name.split("/")[1],
            "owner": {"login": about.name.split("/")[0]},
            "default_branch": about.default_branch,
            "private": about.private,
            "html_url": about.html_url,
        },
        "sender": {"login": run.actor},
    }
