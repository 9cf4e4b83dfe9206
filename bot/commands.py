"""The commands that people write in comments, carried out on a pull request or an issue."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from bot.app import App
from bot.errors import RateLimited, RegreenError, Transient, UsageError
from bot.github import RED, Pull, Run, newest
from bot.hosted import OnGitHub
from bot.intake.commands import Command, Verb, usage
from bot.intake.decide import Obey
from bot.intake.rights import may_raise
from bot.model import Feedback, Incident, Model, Part, ReplayResult
from bot.proposal import hosted, texts
from bot.proposal.facts import counted, issue_of, request_of, tests_of
from bot.text.inert import code, markdown

SLACK = timedelta(seconds=10)
"""Between a push and what GitHub starts for it."""
ON_OPEN = frozenset({"fix", "apply", "retry", "replay"})
"""The commands that are for open pull requests."""


class Answer(Model, kw_only=True):
    """What is said to a command, in Markdown; whether it was done; the incident that it was about."""

    text: str
    well: bool = True
    incident: Incident | None = None


class Commands:
    """Carries out the commands of one comment; `pull` is what it stands below, None for an issue."""

    def __init__(self, on: OnGitHub, app: App, asked: Obey, pull: Pull | None) -> None:
        self._on, self._app, self._asked, self._pull = on, app, asked, pull
        self._github = on.github

    def carry_out(self, command: Command) -> Answer:
        """Do what somebody who may has asked for. Raises what stands in the way."""
        verbs: dict[Verb, Callable[[Command], Answer]] = {
            "fix": self._fix,
            "diagnose": self._diagnose,
            "apply": self._apply,
            "retry": self._retry,
            "replay": self._replay,
            "revert": self._revert,
            "status": self._status,
            "stop": self._stop,
            "resume": self._resume,
            "feedback": self._feedback,
            "ignore": self._feedback,
            "help": lambda _: Answer(text=usage()),
        }
        if command.verb in ON_OPEN and self._pull and self._pull.state == "closed":
            raise UsageError("this pull request is closed", hint="reopen it, then ask again")
        return verbs[command.verb](command)

    def shown(self) -> str:
        """What the one comment says of the incident, if there is one."""
        found = self._incident()
        return hosted.of_request(found, self._app.checkpoints) if found and not self._is_own(found) else ""

    # --- what they are about ---

    def _request(self) -> Pull:
        if self._pull is None:
            raise UsageError("this is no pull request", hint="say it below one")
        return self._pull

    def _red(self, *, every: bool = False) -> list[Run]:
        """The red runs of the head, the newest of each workflow; with `every` of each event, too."""
        head = self._request().head_sha
        runs = self._github.runs(head_sha=head)
        if came_later(runs, self._asked):
            raise UsageError(f"the head has moved to {head[:12]} since this was written", hint="say it again for that")
        last: dict[tuple[str, str], Run] = {}
        for run in sorted(newest(runs, self._on.workflow), key=lambda run: not run.event.startswith("pull_request")):
            last.setdefault((run.workflow, run.event if every else ""), run)
        red = [run for run in last.values() if run.conclusion in RED]
        if not red:
            going = any(run.status != "completed" for run in last.values())
            raise UsageError(f"no run of {head[:12]} is red{', as yet' if going else ''}: there is nothing to do")
        return red

    def _each(self, do: Callable[[Run], str]) -> Answer:
        """What is done about each red run; one that nothing can be done about does not keep others from it."""
        told: list[str] = []
        refused: list[RegreenError] = []
        for run in self._red():
            try:
                told.append(do(run))
            except (RateLimited, Transient):
                raise  # without an answer, a sweep obeys later
            except RegreenError as e:
                refused.append(e)
                told.append(f"{markdown(run.name)}: {markdown(str(e))}")
        if len(refused) == len(told):
            raise refused[0]
        return Answer(text="\n".join(told), well=not refused)

    def _incidents(self) -> Iterator[Incident]:
        """The incidents of the pull request, the newest first; that of a proposal or an issue of ours, if it is one."""
        number = self._asked.number
        for one in self._app.incidents():
            if one.failed_run and (one.failed_run.pull == number or self._is_own(one)):
                yield one

    def _is_own(self, incident: Incident) -> bool:
        return str(self._asked.number) in (request_of(incident), issue_of(incident))

    def _incident(self) -> Incident | None:
        return next(self._incidents(), None)

    def _known(self) -> Incident:
        found = self._incident()
        if found is None:
            raise UsageError("there is no incident here", hint="/regreen fix opens one")
        return found

    # --- the verbs ---

    def _fix(self, command: Command) -> Answer:
        self._hold_limit(command.constraints.max_usd)
        found: list[Incident] = []

        def fixed(run: Run) -> str:
            failure, asker = self._on.failure(run), self._asked.asker.login
            found.append(self._on.repair(failure, asked_by=asker, constraints=command.constraints))
            return f"{markdown(run.name)}: {texts.headline(found[-1])}. {hosted.coming(found[-1])}".strip()

        return self._each(fixed).changed(incident=found[-1] if found else None)

    def _hold_limit(self, wanted: Decimal | None) -> None:
        """Refuse an amount above the settings', and for most people one above what was said of this commit before."""
        if wanted is None:
            return
        most = self._app.settings.llm.max_usd_incident
        if wanted > most:
            raise UsageError(f"an incident may cost ${most} here, not ${wanted}", hint="llm.max_usd_incident says so")
        head = self._request().head_sha
        limits = (i.constraints.max_usd for i in self._incidents() if i.head == head)
        said = [limit for limit in limits if limit is not None]
        if said and wanted > min(said) and not may_raise(self._asked.asker, self._github):
            told = f"somebody has said that this may cost ${min(said)}"
            raise UsageError(told, hint="people with the role maintain may say more")

    def _diagnose(self, _: Command) -> Answer:
        def diagnosed(run: Run) -> str:
            failure = self._on.failure(run)
            parts = [Part(workflow=run.workflow, job=job.name, diagnosis=found) for job, found in failure.jobs]
            more = f"\n{failure.unread} more jobs are red, whose logs were not read." if failure.unread else ""
            return texts.diagnosis(self._on.about(failure), parts) + more

        return self._each(diagnosed)

    def _apply(self, _: Command) -> Answer:
        pull = self._request()
        suggested = [i for i in self._incidents() if i.proposal and i.proposal.kind == "suggestion"]
        of_head = (i for i in suggested if i.head == pull.head_sha)
        found = next(of_head, next(iter(suggested), None))
        if found is None:
            raise UsageError("there is no fix to apply", hint="/regreen fix looks for one")
        applied = self._on.apply(found, pull)
        told = f"The fix was pushed to {code(pull.head_ref)}. {hosted.no_ci(self._github)}"
        return Answer(text=told.strip(), incident=applied)

    def _retry(self, _: Command) -> Answer:
        red = self._red(every=True)
        for run in red:
            self._github.rerun_failed(run.id)
        return Answer(text=f"The failed jobs run again: {', '.join(markdown(run.name) for run in red)}.")

    def _replay(self, _: Command) -> Answer:
        return self._each(lambda run: f"{markdown(run.name)}: {_replayed(self._on.replay(run))}")

    def _revert(self, command: Command) -> Answer:
        incident = self._on.revert(pull=self._pull, why=command.text, asked_by=self._asked.asker.login)
        told = f"{texts.headline(incident)}. {hosted.coming(incident)} {texts.line(incident.reason)}"
        return Answer(text=told.strip(), incident=incident)

    def _status(self, _: Command) -> Answer:
        found = list(self._incidents())
        rows = [f"- {code(i.id)}: {texts.headline(i)}. {hosted.coming(i)}".strip() for i in found]
        return Answer(text="\n".join(rows) or "There is no incident here.")

    def _stop(self, _: Command) -> Answer:
        label = self._app.settings.watch.stop_label
        self._github.add_labels(self._asked.number, [label])
        return Answer(text=f"I leave this alone until somebody says <code>/regreen resume</code> ({code(label)}).")

    def _resume(self, _: Command) -> Answer:
        self._github.remove_label(self._asked.number, self._app.settings.watch.stop_label)
        return self._resumed()

    def _resumed(self) -> Answer:
        waiting = [i for i in self._incidents() if not i.closed and i.proposal is None]
        for incident in waiting:
            self._on.resume(incident)
        return Answer(text="I go on." if waiting else "I am back; nothing was interrupted here.")

    def _feedback(self, command: Command) -> Answer:
        kind: Literal["good", "bad", "ignore"]
        kind = "ignore" if command.verb == "ignore" else "good" if command.good else "bad"
        said = Feedback(kind=kind, by=self._asked.asker.login, comment=self._asked.comment, text=command.text)

        def change(record: Incident) -> Incident:
            known = any((f.comment, f.kind) == (said.comment, said.kind) for f in record.feedback)
            return record if known else record.changed(feedback=(*record.feedback, said))

        incident = self._app.checkpoints.update(self._known().id, change)
        told = "Failures like this one are left alone from now on." if kind == "ignore" else "Thank you, noted."
        return Answer(text=told, incident=incident)


def came_later(runs: Sequence[Run], asked: Obey) -> bool:
    """Whether a head, by its runs, is one that came after a command was written."""
    return bool(runs) and min(run.created for run in runs) > asked.said + SLACK


def _replayed(result: ReplayResult) -> str:
    reason = f" ({markdown(result.reason)})" if result.reason else ""
    jobs = counted(job.result for job in result.jobs)
    return f"**{result.result}**{reason}; jobs: {jobs}; tests: {tests_of(result.jobs)}; {result.seconds:.1f} s"
