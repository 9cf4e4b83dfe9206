"""What Regreen does about what happened on GitHub: it opens, wakes and obeys, after the last guards have agreed."""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import assert_never

from bot.aftermath import Aftermath
from bot.app import App
from bot.commands import Answer, Commands, came_later
from bot.errors import Conflict, Gone, RateLimited, RegreenError, Transient, UsageError
from bot.github import RED, Comment, GitHub, Pull, Run
from bot.hosted import Failure, OnGitHub
from bot.intake.commands import Command, Mistake, Verb
from bot.intake.decide import (
    About,
    Decision,
    Identity,
    Obey,
    Open,
    Tick,
    Wake,
    decide,
    decide_late,
    decide_missed,
    decide_unheard,
)
from bot.intake.events import Event, Ignored
from bot.intake.loops import WHEN_STOPPED, Skip, left_to_people, quiet, stopped, worn_out
from bot.intake.rights import Asker, Denied, may
from bot.ledger import done, find, intend
from bot.model import Incident, Model, Objection, Outcome, Stage, next_number
from bot.ports import Clock
from bot.proposal import hosted, texts
from bot.proposal.facts import ANSWER, commit_of, is_revert, pending, request_of
from bot.settings import read_settings
from bot.text.inert import markdown

ANSWERED = frozenset({"rocket", "confused"})
FORGOTTEN = timedelta(days=1)
RESPECTED = timedelta(days=7)
"""For which nothing is proposed again for a failure whose proposal people have closed."""
MOST_RUNS, MOST_MISSED = 50, 3
"""Of the last runs, and of those among them that are red and nobody has looked at: each costs its logs."""
SPARE = timedelta(minutes=10)  # for a job to begin, and to answer
RAN_OUT = (Stage.OPENED, Stage.REPRODUCED, Stage.DIAGNOSED)
"""Where an incident that has a verdict was stopped before its end."""
BY_HAND = (
    "Change this branch by hand, or close this pull request and say <code>/regreen feedback bad</code> with what is "
    "wrong, so that it is counted."
)
NO_MODEL = "I cannot follow reviews where I may ask no language model."
NOTHING_SAID = "This review asks for changes and does not say for which: write them in a new review."
ITS_OWN = "A revert is what it is; there is nothing to change about it."
MOVED = "Somebody has changed this branch, so it is theirs now, and I leave it alone."
MOST_SAID = 8000


class Done(Model, kw_only=True):
    """What came of a decision: a line for people, and the incidents that it was about."""

    told: str
    incidents: tuple[Incident, ...] = ()
    well: bool = True
    """Whether all that was asked for was done."""
    next: str = ""
    """The job of the hardened workflow that goes on: `replay`, `publish`, or none."""


class Reactions:
    """Carries out decisions on one repository. `app` is on its default branch, whose settings count."""

    def __init__(self, on: OnGitHub, app: App, clock: Clock) -> None:
        self._on, self._app, self._clock = on, app, clock
        self._github: GitHub = on.github
        self._settings = app.settings

    def to(self, decision: Decision) -> Done:
        """Do what was decided."""
        match decision:
            case Skip(reason=reason):
                return Done(told=reason)
            case Open():
                return self._open(decision)
            case Wake():
                return self._wake(decision)
            case Obey():
                return self._obey(decision)
            case Tick():
                return self._tick()
        assert_never(decision)

    # --- what happens by itself ---

    def _open(self, decision: Open) -> Done:
        run = self._github.run(decision.run, decision.attempt)
        if run.conclusion not in RED:
            return Done(told=f"the run {run.id} is not red: {run.conclusion or run.status}")
        failure = self._on.failure(run)
        if skip := self._skip(failure):
            return Done(told=skip.reason)
        incident = self._on.repair(failure)
        return Done(told=line(incident), incidents=(incident,))

    def _skip(self, failure: Failure) -> Skip | None:
        """The guards that need to know what failed, and what was tried before."""
        now, incidents = self._clock.now(), self._app.incidents()
        if any(i.failed_run and i.failed_run.id == failure.run.id for i in incidents):
            return None  # it goes on, or has ended
        prints = frozenset(d.fingerprint for _, d in failure.jobs)
        if same := next((i for i in incidents if _covers(i, failure, prints)), None):
            return Skip(reason=f"incident {same.id} deals with the same failure of this commit")
        if refused := next((i for i in incidents if _is_refused(i, failure, prints, now)), None):
            told = f"people have closed #{request_of(refused)}, which was for the same failure"
            return Skip(reason=f"{told}; regreen fix --run {failure.run.html_url} tries again")
        ignored = {p.diagnosis.fingerprint for i in incidents for p in i.parts if _ignored(i)}
        if ignored.issuperset(prints):
            return Skip(reason="somebody has asked to leave failures like this one alone (/regreen ignore)")
        found = [quiet(now, self._settings), worn_out(prints, incidents, now, self._settings)]
        found += [stopped(failure.pull.labels, self._settings)] if failure.pull else []
        kinds = [left_to_people(d.category, self._settings) for _, d in failure.jobs]
        found += [kinds[0]] if all(kinds) else []
        return next((skip for skip in found if skip), None)

    def _wake(self, decision: Wake) -> Done:
        if decision.asker:
            return self._reviewed(decision, decision.asker)
        if decision.incident:
            known = self._app.patiently(lambda: self._app.checkpoints.load(decision.incident))
            if decision.otherwise and self._is_of_another(known, decision):
                return self.to(decision.otherwise)
            found = [known] if known and known.failed_run else []
        else:
            found = [one for one in self._on.waiting(self._app) if _concerns(decision.about, one)]
        woken = tuple(self._aftermath.revisit(one) for one in found)
        return Done(told="; ".join([decision.reason, *map(line, woken)]), incidents=woken)

    def _is_of_another(self, known: Incident | None, decision: Wake) -> bool:
        """Whether it is about somebody's own commit, with a message that they have copied."""
        return not (known and commit_of(known) == decision.commit)

    def _reviewed(self, decision: Wake, asker: Asker) -> Done:
        """Answer a review that asks for changes of a proposal, once."""
        known, name = self._app.checkpoints.load(decision.incident), str(decision.review)
        waits = pending(known) if known else None
        if known and waits and waits.review == decision.review:
            return self._go_on(known)
        if known is None or request_of(known) != str(decision.number) or find(known, ANSWER, name):
            return Done(told=f"{decision.reason}, of nothing that waits for an answer")
        pull = self._github.pull(decision.number)
        granted = may("fix", asker, self._github, self._settings, repository=self._on.repository.name, pull=pull)
        if isinstance(granted, Denied):  # reviews are for people first: who may not ask gets no word of ours
            return Done(told=granted.reason)
        said = self._said(decision)
        if not (why := self._why_not(known, pull, said)):
            last, seen = next_number(known.attempts) - 1, commit_of(known)
            objection = Objection(review=decision.review, by=asker.login, text=said, commit=seen, after=last)
            incident = self._on.revise(known, objection)
            return Done(told=line(incident), incidents=(incident,))
        hosted.say(self._github, decision.number, texts.answer(asker.login, [f"{why} {BY_HAND}"], ""))

        def answered(record: Incident) -> Incident:
            return done(intend(record, ANSWER, name), ANSWER, name)

        return Done(told=decision.reason, incidents=(self._app.checkpoints.update(known.id, answered),))

    def _said(self, decision: Wake) -> str:
        """The words of a review: of all of it, and on lines."""
        reviews = self._github.reviews(decision.number)
        body = next((one.body for one in reviews if one.id == decision.review), "")
        remarks = self._github.remarks(decision.number, decision.review)
        told = [body, *(f"{one.path}, line {one.line}: {one.body}" for one in remarks)]
        return self._app.redactor("\n\n".join(filter(None, map(str.strip, told))))[:MOST_SAID]

    def _why_not(self, known: Incident, pull: Pull, said: str) -> str:
        """Why a review cannot be followed."""
        if skip := stopped(pull.labels, self._settings):
            return f"{markdown(skip.reason)}."
        if is_revert(known):
            return ITS_OWN
        if pull.head_sha != commit_of(known):
            return MOVED
        if self._app.models is None:
            return NO_MODEL
        return "" if said else NOTHING_SAID

    def _tick(self) -> Done:
        """Obey what was not heard, go on with what was interrupted, look what has become of what waits, and at what
        is red and nobody has looked at."""
        found = [self._separately(partial(self._obey, one)) for one in self._unanswered()]
        found += [self._separately(partial(self._go_on, one)) for one in self._on.waiting(self._app)]
        found += [self._separately(partial(self._wake, one)) for one in self._unheard()]
        found += [self._separately(partial(self._open, one)) for one in self._missed()]
        found += [Done(told=line(one)) for one in self._aftermath.taken_back(self._on.repository.default_branch)]
        told = "; ".join(one.told for one in found) or "nothing waits"
        incidents = tuple(incident for one in found for incident in one.incidents)
        return Done(told=told, incidents=incidents, well=all(one.well for one in found))

    def _go_on(self, incident: Incident) -> Done:
        ran_out = incident.verdict and incident.stage in RAN_OUT and not pending(incident)
        if ran_out:  # of time or money: people say when it goes on
            return Done(told=line(incident), incidents=(incident,))
        try:
            if incident.stage is not Stage.PROPOSED and (skip := self._stopped(incident)):
                return Done(told=skip.reason, incidents=(incident,))
            went_on = incident if incident.stage is Stage.PROPOSED else self._on.resume(incident)
            woken = self._aftermath.revisit(went_on)
        except Gone as e:  # what it was about is no longer there
            ended = Outcome(kind="closed", when=self._clock.now())
            change = partial(Incident.changed, outcome=ended, stage=Stage.CLOSED, lease=None, reason=str(e))
            return Done(told=str(e), incidents=(self._app.checkpoints.update(incident.id, change),))
        except Conflict as e:  # another worker has it
            return Done(told=str(e))
        return Done(told=line(woken), incidents=(woken,))

    def _stopped(self, incident: Incident) -> Skip | None:
        """Whether people have stopped what is done for the pull request of an incident."""
        run = incident.failed_run
        number = request_of(incident) or (run.pull if run else 0)
        return stopped(self._github.labels(int(number)), self._settings) if number else None

    def _separately(self, work: Callable[[], Done]) -> Done:
        """One thing that cannot be done must not keep others from it; without an answer nothing can."""
        try:
            return work()
        except (RateLimited, Transient):
            raise
        except RegreenError as e:
            return Done(told=str(e), well=False)

    def _unanswered(self) -> list[Obey]:
        """The commands that were lost: whoever was to carry them out never heard of them, or died."""
        me = Identity(login=self._github.login)
        recent = [one for review in (False, True) for one in self._github.recent_comments(review=review)]
        late = [c for c in recent if self._is_late(c.created) and not self._is_answered(c)]
        decided = (decide_late(c, self._settings, me) for c in sorted(late, key=lambda c: c.created))
        return [one.changed(late=True) for one in decided if isinstance(one, Obey)]

    def _unheard(self) -> Iterator[Wake]:
        """The reviews that ask for changes of what is proposed, and that nobody has answered."""
        for incident in self._on.waiting(self._app):
            number = int(request_of(incident) or 0)
            for review in self._github.reviews(number) if number and incident.stage is Stage.PROPOSED else ():
                is_late = review.submitted and self._is_late(review.submitted)
                if review.wants_changes and is_late and not find(incident, ANSWER, str(review.id)):
                    decided = decide_unheard(review, incident.id, number, self._settings)
                    if isinstance(decided, Wake):
                        yield decided

    def _is_late(self, when: datetime) -> bool:
        """Whether whoever was told of something must have come to its end, or have failed; but not too long ago."""
        longest = timedelta(minutes=self._settings.fix.max_minutes) + SPARE
        return longest < self._clock.now() - when < FORGOTTEN

    def _is_answered(self, comment: Comment) -> bool:
        """Whether we have answered it: others may react to it as we do."""
        return bool(
            comment.reactions & ANSWERED and ANSWERED & self._github.reactions(comment.id, review=comment.on_lines)
        )

    def _missed(self) -> list[Open]:
        """The red runs that nobody has looked at: a limit was met, these were quiet hours, or their event was lost."""
        me = Identity(login=self._github.login, workflow=self._on.workflow)
        known = {i.failed_run.id for i in self._app.incidents() if i.failed_run}
        runs, last = self._github.runs(status="completed", most=MOST_RUNS), dict[tuple[str, str, str], Run]()
        for run in sorted(runs, key=lambda run: run.id, reverse=True):
            last.setdefault((run.workflow, run.head_repository, run.head_branch), run)
        late = [r for r in last.values() if r.id not in known and self._is_late(r.updated)]
        decided = (decide_missed(run, self._on.repository, self._settings, me) for run in late)
        return [one for one in decided if isinstance(one, Open)][:MOST_MISSED]

    @cached_property
    def _aftermath(self) -> Aftermath:
        stop_label = self._settings.watch.stop_label
        return Aftermath(self._on.hosting(self._app), self._clock, self._on.workflow, stop_label)

    # --- what people ask for ---

    def _obey(self, asked: Obey) -> Done:
        pull = self._github.pull(asked.number) if asked.is_pull else None
        is_new = self._github.react(asked.comment, "eyes", review=asked.on_lines)
        if not is_new and ANSWERED & self._github.reactions(asked.comment, review=asked.on_lines):
            return Done(told="this command was answered before")
        commands = Commands(self._on, self._app, asked, pull)
        answers = []
        for command in asked.commands:
            answers.append(self._answer(command, asked, pull, commands))
            if pull and isinstance(command, Command) and command.verb == "resume":
                pull = self._github.pull(asked.number)  # whose label is gone
        status = commands.shown()
        hosted.say(self._github, asked.number, texts.answer(asked.asker.login, [a.text for a in answers], status))
        well = all(a.well for a in answers)
        self._github.react(asked.comment, "rocket" if well else "confused", review=asked.on_lines)
        told = "; ".join(" ".join(a.text.split()) for a in answers)
        return Done(told=told, incidents=tuple(a.incident for a in answers if a.incident), well=well)

    def _answer(self, command: Command | Mistake, asked: Obey, pull: Pull | None, commands: Commands) -> Answer:
        verb: Verb = "help" if isinstance(command, Mistake) else command.verb
        name = self._on.repository.name
        try:
            granted = may(verb, asked.asker, self._github, self._settings, repository=name, pull=pull)
            if isinstance(granted, Denied):
                return Answer(text=granted.reason, well=False)
            if isinstance(command, Mistake):
                return Answer(text=command.text, well=False)
            if skip := stopped(self._labels(asked, pull, verb), self._settings, verb):
                return Answer(text=skip.reason, well=False)
            if pull and self._has_moved(pull, asked):
                moved = f"The head has moved to {pull.head_sha[:12]} since this was written; nothing was done."
                return Answer(text=moved, well=False)
            return commands.carry_out(command)
        except (RateLimited, Transient):
            raise  # without an answer, a sweep obeys later
        except RegreenError as e:
            return Answer(text=markdown(str(e)), well=False)

    def _labels(self, asked: Obey, pull: Pull | None, verb: Verb) -> Collection[str]:
        """The labels that may forbid a command."""
        if verb in WHEN_STOPPED:
            return ()
        return pull.labels if pull else self._github.labels(asked.number)

    def _has_moved(self, pull: Pull, asked: Obey) -> bool:
        """Whether the head is another one than the command was written for."""
        if asked.head or not asked.late:
            return asked.head not in ("", pull.head_sha)
        if any(i.proposal and i.proposal.commit == pull.head_sha for i in self._app.incidents()):
            return False  # the command itself has moved it, before its worker died
        return came_later(self._github.runs(head_sha=pull.head_sha), asked)


def tell_mistake(on: OnGitHub, event: Event | Ignored, me: Identity, mistake: UsageError) -> None:
    """Answer somebody's commands where the settings cannot be read: who may have the usage may know that."""
    settings, github = read_settings(None, "", {}), on.github
    asked = decide(event, settings, me)
    if not isinstance(asked, Obey):
        return
    if not isinstance(may("help", asked.asker, github, settings, repository=on.repository.name, pull=None), Denied):
        hosted.say(github, asked.number, texts.answer(asked.asker.login, [markdown(str(mistake))], ""))
        github.react(asked.comment, "confused", review=asked.on_lines)


def _covers(incident: Incident, failure: Failure, prints: frozenset[str]) -> bool:
    """Whether an incident is about the same failures, of the same commit or with a proposal for the same branch.

    Most workflows run for pushes and for pull requests, and a branch stays red with each further commit.
    """
    known, run = incident.failed_run, failure.run
    if known is None or not prints <= {p.diagnosis.fingerprint for p in incident.parts}:
        return False
    of_branch = (known.head_branch, known.head_repository) == (run.head_branch, run.head_repository)
    proposed = incident.proposal is not None and incident.proposal.kind == "pull-request" and not incident.closed
    return (known.head_sha == run.head_sha and of_branch) or (of_branch and proposed)


def _concerns(about: About, incident: Incident) -> bool:
    """Whether an event may change something for an incident that waits."""
    run = incident.failed_run
    if run is None or about.pull:
        return run is not None and run.pull == about.pull
    of_branch = (run.head_repository, run.head_branch) == (about.repository, about.branch)
    return of_branch and about.workflow in incident.options.workflows


def _is_refused(incident: Incident, failure: Failure, prints: frozenset[str], now: datetime) -> bool:
    """Whether people have closed, and not merged, what an incident has proposed for the same failure of the branch."""
    outcome, run = incident.outcome, incident.failed_run
    if outcome is None or run is None or outcome.kind != "closed" or outcome.by or not request_of(incident):
        return False
    alike = (run.head_branch, run.head_repository) == (failure.run.head_branch, failure.run.head_repository)
    recent = now - outcome.when < RESPECTED
    return alike and recent and prints <= {p.diagnosis.fingerprint for p in incident.parts}


def _ignored(incident: Incident) -> bool:
    return any(f.kind == "ignore" for f in incident.feedback)


def line(incident: Incident) -> str:
    """An incident in a line of plain text."""
    what = f"{incident.verdict or incident.stage}" + (f", grade {incident.grade}" if incident.grade else "")
    ended = f", {incident.outcome.kind}" if incident.outcome else ""
    reason = f": {incident.reason}" if incident.reason else ""
    return f"incident {incident.id}: {what}{ended}{reason}"
