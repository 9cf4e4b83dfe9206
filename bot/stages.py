"""The three jobs of the hardened workflow: who reads the event, who replays, who publishes.

Analysing reads with a token that may not write, and gives orders. Replaying runs code of others, and has no token.
Publishing runs nothing: it comes to the same decision as the analysis, by what GitHub says now, and where it would
replay it takes the reply of the other job.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.adapters.hosted_clone import checkout_of, fetched
from bot.adapters.system_clock import SystemClock
from bot.adapters.workers import this_worker
from bot.app import NONE, App, Voices, guard_with
from bot.commands import Answer, Commands
from bot.errors import Conflict, GitFailed, Refused, RegreenError, Transient, UsageError
from bot.findings import hold_again
from bot.github import GitHub, Run
from bot.handover import LOOK, MAX_BYTES, UNREPLAYED, Order, Orders, Replies, Reply, read, taken, unzipped
from bot.hosted import LEASE_SECONDS, TOKENS, Failure, OnGitHub, gateway
from bot.intake.commands import Command
from bot.intake.decide import Decision, Obey, Open, Wake
from bot.intake.loops import Skip
from bot.model import Constraints, Delivery, Incident, Objection, ReplayResult, Result, Stage, Wish
from bot.opening import begun, drafted
from bot.pipeline import ended, made_public
from bot.proposal.facts import kept, pending
from bot.reactions import Done, Reactions
from bot.repair.trees import remade
from bot.replay.source import read_commit

ARTIFACT, FILE = "regreen-replies", "replies.json"
BY_REPLAYS = frozenset({"fix", "replay", "resume"})
"""The commands that may need some."""
NO_MODEL = {"REGREEN_LLM_USE": "never"}
PLAIN = "revert it by hand, or use the workflow that regreen init writes without --hardened"


class _Staged(OnGitHub):
    """What those who do not replay themselves have in common. Nobody asks models."""

    def __init__(self, github: GitHub, environ: Mapping[str, str], voices: Voices, cache: Path) -> None:
        super().__init__(github, {**environ, **NO_MODEL}, voices, cache)

    def revise(self, incident: Incident, objection: Objection) -> Incident:
        """Raises `UsageError`: a revision is asked of models, and replayed."""
        told = f"the hardened workflow does not do what the review {objection.review} of incident {incident.id} asks"
        raise UsageError(told, hint="change the branch by hand")

    def _drafted(self, failure: Failure, delivery: Delivery, **given: object) -> Incident:
        """The record that the incident of a run begins with."""
        run, app = failure.run, failure.app
        options, minutes = self._options(run, failure.pull, app), app.settings.fix.max_minutes
        commit = (run.head_sha, read_commit(app.theirs, run.head_sha).tree)
        about = {"failed_run": self.about(failure), **given}
        return drafted(app.checkout, commit, options, delivery, minutes, self._clock.now(), about)

    def _repaired(
        self,
        failure: Failure,
        delivery: Delivery,
        asked_by: str,
        wish: Wish | None = None,
        constraints: Constraints = NONE,
    ) -> Incident:
        if wish:  # a culprit is found by replays that ask GitHub between them
            raise UsageError("the hardened workflow makes no reverts", hint=PLAIN)
        fresh = self._drafted(failure, delivery, asked_by=asked_by, constraints=constraints)
        checkpoints = failure.app.checkpoints
        known = failure.app.patiently(lambda: checkpoints.load(fresh.id))
        return self._taken_on(begun(known, fresh), failure)

    def _taken_on(self, incident: Incident, failure: Failure) -> Incident:
        """What a stage does about an incident that has begun."""
        raise NotImplementedError

    def _as_it_is(self, run: Run) -> Incident:
        """The record that stands for the replay of a run alone."""
        pull = self.pull_of(run)
        return self._drafted(Failure(run, pull, (), self.app_of(run, pull)), Delivery(kind="suggestion"))


class Analysing(_Staged):
    """Where something would be replayed it is ordered. Nothing is written."""

    def __init__(self, github: GitHub, environ: Mapping[str, str], voices: Voices, cache: Path) -> None:
        super().__init__(github, environ, voices, cache)
        self.orders: list[Order] = []

    def _taken_on(self, incident: Incident, failure: Failure) -> Incident:
        if incident.stage in UNREPLAYED:
            self.orders.append(Order(incident=incident, reported=failure.jobs[0][1]))
        return incident

    def replay(self, run: Run) -> ReplayResult:
        """Order the replay of a run as it is."""
        self.orders.append(Order(incident=self._as_it_is(run), only_replay=True))
        return ReplayResult(result=Result.UNREPLAYABLE)

    def resume(self, incident: Incident) -> Incident:
        """Order what an interrupted incident still needs."""
        if incident.stage in UNREPLAYED:
            self.orders.append(Order(incident=incident))
        return incident


class _Ordering(Commands):
    """The commands, of which nothing is told."""

    def _resume(self, _: Command) -> Answer:
        return self._resumed()


class Analysis(Reactions):
    """Finds out what has to be replayed for a decision; all that writes is left to who publishes."""

    def __init__(self, on: Analysing, app: App) -> None:
        super().__init__(on, app, SystemClock())
        self._analysing = on

    def to(self, decision: Decision) -> Done:
        """Find out what a decision needs, and who goes on with it."""
        done = super().to(decision)
        is_done = isinstance(decision, Skip) or (isinstance(decision, Open) and not done.incidents)
        following = "replay" if self._analysing.orders else "" if is_done else "publish"
        return Done(told=done.told, next=following)

    def _wake(self, decision: Wake) -> Done:
        known = self._app.checkpoints.load(decision.incident) if decision.otherwise else None
        if decision.otherwise and self._is_of_another(known, decision):
            return self.to(decision.otherwise)
        return Done(told=decision.reason)

    def _tick(self) -> Done:
        for one in self._on.waiting(self._app):
            if not one.verdict:  # else it ran out of time, and people say when it goes on
                self._on.resume(one)
        for asked in self._unanswered():
            self._obey(asked)
        for missed in self._missed():
            self._separately(partial(self._open, missed))
        return Done(told=f"{len(self._analysing.orders)} replays are needed")

    def _obey(self, asked: Obey) -> Done:
        pull = self._github.pull(asked.number) if asked.is_pull else None
        commands = _Ordering(self._on, self._app, asked, pull)
        for command in asked.commands:
            if isinstance(command, Command) and command.verb in BY_REPLAYS:
                self._answer(command, asked, pull, commands)
        return Done(told=f"{len(self._analysing.orders)} replays are needed")


def replayed(orders: Orders, environ: Mapping[str, str], voices: Voices) -> Replies:
    """Replay what was ordered, and look for fixes that cost nothing. No model is asked, whatever keys there are."""
    public = {k: v for k, v in environ.items() if k not in TOKENS} | NO_MODEL
    with TemporaryDirectory(prefix="regreen-", dir=environ.get("RUNNER_TEMP")) as name:
        done = [_replied(order, orders, Path(name), environ, public, voices) for order in orders.orders]
    return Replies(replies=tuple(done))


def _replied(
    order: Order, orders: Orders, folder: Path, environ: Mapping[str, str], public: Mapping[str, str], voices: Voices
) -> Reply:
    incident = order.incident
    try:
        app = _app_of(order, orders, folder, environ, public, voices)
        if order.only_replay:
            return Reply(id=incident.id, replayed=app.replay(incident.options))
        record = app.checkpoints.save(incident.changed(revision=0, lease=None))
        return Reply(id=incident.id, incident=app.fix(record, order.reported, until=Stage.ATTEMPTED))
    except RegreenError as e:
        voices.say(str(e))
        return Reply(id=incident.id, failed=str(e))


def _app_of(
    order: Order, orders: Orders, folder: Path, environ: Mapping[str, str], public: Mapping[str, str], voices: Voices
) -> App:
    """The app on the commit of an order, whose records stay here; git alone gets a token, where there is one."""
    about, incident, run = orders.repository, order.incident, order.incident.failed_run
    assert run
    tokens = [environ[name] for name in TOKENS if environ.get(name)]
    github = gateway(about.name, environ, folder) if tokens else None
    access = github.git_environment if github else dict
    pull = run.pull if run.head_repository != about.name else 0
    git = fetched(folder, about.clone_url, access, SystemClock(), pull)
    at = (incident.head, run.head_branch, about.default_branch, about.clone_url)
    checkout = checkout_of(git, folder / "root", *at)
    return App(folder, public, voices, hidden=tokens, clone=(checkout, git))


class Publishing(_Staged):
    """Where something would be replayed the reply of the other job is taken, as far as it bears itself out."""

    @cached_property
    def _replies(self) -> dict[tuple[str, bool], Reply]:
        number = self._environ.get("GITHUB_RUN_ID", "")
        if not (number.isascii() and number.isdigit()):
            raise UsageError("GITHUB_RUN_ID is no number", hint="this is what the Action runs")
        found = [one for one, name in self.github.artifacts(self.github.run(int(number))) if name == ARTIFACT]
        if not found:
            return {}
        with TemporaryDirectory(prefix="regreen-", dir=self._environ.get("RUNNER_TEMP")) as name:
            file = Path(name) / "artifact.zip"
            self.github.artifact(max(found), file, MAX_BYTES)
            handed = read(unzipped(file, FILE), Replies)
        return {(one.id, one.replayed is not None): one for one in handed.replies}

    def _reply(self, incident: Incident, *, only_replay: bool = False) -> Reply:
        found = self._replies.get((incident.id, only_replay)) or self._replies.get((incident.id, False))
        if found is None:
            run = incident.failed_run
            about = f"the run {run.id}" if run else f"incident {incident.id}"
            raise Refused(f"the job that replays has given no reply about {about}", hint=LOOK)
        if found.failed:
            raise Refused(f"it could not be replayed: {found.failed[:1000]}")
        return found

    def _taken_on(self, incident: Incident, failure: Failure) -> Incident:
        return self._go_on(incident, failure.app)

    def replay(self, run: Run) -> ReplayResult:
        """What the replay of a run came to."""
        reply = self._reply(self._as_it_is(run), only_replay=True)
        if reply.replayed is None:
            raise Refused("the job that replays has not replayed the run as it is", hint=LOOK)
        return reply.replayed

    def resume(self, incident: Incident) -> Incident:
        """Go on with an incident that was interrupted."""
        about, objection = incident.failed_run, pending(incident)
        assert about
        if objection:
            return self.revise(incident, objection)
        self._hold_wish(incident, app := self.app(incident.head, about.head_branch, about.pull))
        return self._go_on(incident, app)

    def _go_on(self, incident: Incident, app: App) -> Incident:
        """Take what was replayed, if it was not yet, and tell people."""
        if incident.stage in UNREPLAYED:
            reply = self._reply(incident).incident
            if reply is None:
                raise Refused("the job that replays has looked for no fix", hint=LOOK)
            record = taken(incident, reply, app.settings)
            self._let_in(record, app)
            incident = app.patiently(lambda: app.checkpoints.save(record))
        elif incident.stage is not Stage.ATTEMPTED:
            return incident
        owner = this_worker()
        app.patiently(lambda: app.claim(incident.id, owner, LEASE_SECONDS))
        try:
            return app.patiently(lambda: self._made_public(incident.id, app))
        finally:
            with suppress(Conflict, Transient, GitFailed):  # it expires by itself
                app.checkpoints.release(incident.id, owner)

    def _made_public(self, incident_id: str, app: App) -> Incident:
        record, hosting = app.checkpoints.load(incident_id), self.hosting(app)
        assert record
        self._let_in(record, app)
        told = made_public(record, hosting, self.repository.default_branch)
        if told.stage is not Stage.ATTEMPTED:
            return told
        return app.checkpoints.save(ended(told.changed(stage=Stage.PROPOSED), on_github=True))

    def _let_in(self, record: Incident, app: App) -> None:
        """Hold the fix against policy and guard, and make its commit, which the record must have named."""
        proposal = record.proposal
        if proposal is None:
            return
        pieces = len(kept(record)) or 1
        about = f"the fix of incident {record.id}"
        try:
            hold_again(app.theirs, record, app.settings, guard_with(app.theirs), pieces)
        except Refused as e:
            told = "; ".join((e.message, *e.refusals[:3]))
            raise Refused(f"{about}: {told}", refusals=e.findings, hint=LOOK) from e
        when = read_commit(app.theirs, record.snapshot).created
        made = remade(app.theirs, record.snapshot, proposal.diff, proposal.message, when=when)
        if made != proposal.commit:
            raise Refused(f"{about} is not the commit that it names, or held what looks like a secret", hint=LOOK)
