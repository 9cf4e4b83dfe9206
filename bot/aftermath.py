"""What becomes of a proposal on GitHub: its own CI, people who merge, change or close it, a branch that is green again.

What an event says is never believed: the pull request and its runs are looked at as they are now, so that events may
come late, twice, or in another order. The record is changed last, so that after a death all is told again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from bot.github import Pull, Run
from bot.model import FailedRun, Grade, Incident, Outcome, Stage, Verdict
from bot.ports import Clock
from bot.proposal import issues, texts
from bot.proposal.authority import is_own
from bot.proposal.facts import commit_of, issue_of, request_of
from bot.proposal.hosted import Hosting, say, tell
from bot.text.inert import code

PASSED = ("success", "neutral", "skipped")
UNDECIDED = ("action_required", "cancelled", "stale")
"""Somebody has to approve them, or start them again."""


def supersedes(newer: Incident, older: Incident) -> bool:
    """Whether a proposal is for a newer run of the same workflow on the same branch than another one."""
    new, old = newer.failed_run, older.failed_run
    if not new or not old or not request_of(newer) or not request_of(older) or newer.outcome:
        return False
    return (new.name, new.base_branch) == (old.name, old.base_branch) and new.id > old.id


@dataclass
class Aftermath:
    """Follows the proposals of one repository."""

    hosting: Hosting
    clock: Clock

    @cached_property
    def _waiting(self) -> dict[str, Incident]:
        """The incidents that wait, read once, and as they have become since."""
        return {one.id: one for one in self.hosting.checkpoints.incidents(waiting=True)}

    def revisit(self, incident: Incident) -> Incident:
        """Bring the record of an incident that waits up to what has become of its proposal, and tell people."""
        found = self._revisited(incident)
        if request_of(found):
            self._waiting[found.id] = found
        return found

    def _revisited(self, incident: Incident) -> Incident:
        run, number = incident.failed_run, request_of(incident)
        if not run or incident.outcome:
            return incident
        if not incident.proposal:
            return self._answered(incident, run) if issue_of(incident) else incident
        github, theirs = self.hosting.github, int(number or run.pull)
        pull = github.pull(theirs) if theirs else None
        if pull:
            if number and not is_own(pull, incident):
                self.hosting.say(f"#{number} is no pull request of incident {incident.id}, whose record says so")
                return incident
            if pull.state == "closed":
                return self._closed(incident, pull)
            if number and (why := self._why_moot(incident, pull)):
                return self._moot(incident, why)
        ours = github.runs(head_sha=commit_of(incident))
        incident = self._judged_by_ci(incident, ours, pull if number else None)
        if number and incident.grade is not Grade.R and (green := self._green_again(incident, run)):
            why = f"{texts.branch(run)} is [green again]({green.html_url}) without this, so I close it."
            return self._moot(incident, why)
        return incident

    def _answered(self, incident: Incident, run: FailedRun) -> Incident:
        """End what people were asked about, when the branch is green again."""
        if not (green := self._green_again(incident, run)):
            return incident
        issues.close(
            incident, self.hosting, f"{texts.branch(run)} is [green again]({green.html_url}), so I close this."
        )
        return self._end(incident, Outcome(kind="closed", when=self.clock.now()))

    def _green_again(self, incident: Incident, failed: FailedRun) -> Run | None:
        """A green run of the same workflow, for the same event, on a later commit of the same branch."""
        git, workflow = self.hosting.git, next(iter(incident.options.workflows), "")
        found = self.hosting.github.runs(branch=failed.head_branch, workflow=workflow, status="success", most=10)
        alike = (
            run
            for run in found
            if run.event == failed.event
            and run.head_repository == failed.head_repository
            and run.head_sha not in (failed.head_sha, commit_of(incident))
        )
        later = ("merge-base", "--is-ancestor", failed.head_sha)
        return next((run for run in alike if git.try_run(*later, run.head_sha) is not None), None)

    def _why_moot(self, incident: Incident, pull: Pull) -> str:
        """Why an open proposal is of no use any more, in Markdown; what people have worked on is theirs."""
        if pull.head_sha != commit_of(incident):
            return ""
        newer = next((i for i in self._waiting.values() if supersedes(i, incident)), None)
        if newer:
            return f"#{request_of(newer)} is for a newer run of the same branch, so I close this one."
        if pull.mergeable is False:
            return f"This conflicts with {code(pull.base_ref)} by now, so I close it."
        return ""

    def _closed(self, incident: Incident, pull: Pull) -> Incident:
        changed = self._changed_by_people(incident, pull) if pull.merged else ""
        if not pull.merged:
            return self._end(incident, Outcome(kind="closed", when=self.clock.now()))
        return self._end(incident, Outcome(kind="edited" if changed else "merged", when=self.clock.now(), diff=changed))

    def _changed_by_people(self, incident: Incident, pull: Pull) -> str:
        """What was added to the proposed commit before it was merged, as a diff."""
        if pull.head_sha == commit_of(incident):
            return ""
        found = self.hosting.git.try_run("diff-tree", "-p", commit_of(incident), pull.head_sha)
        return found.decode("utf-8", "replace") if found else f"its head is {pull.head_sha}"

    def _judged_by_ci(self, incident: Incident, ours: Sequence[Run], pull: Pull | None) -> Incident:
        """Record what the real CI of a proposal comes to, once all of its runs have ended, and tell people.

        It is green when the workflow that failed has passed for it: others that passed prove nothing.
        """
        if not ours or any(r.status != "completed" for r in ours):
            return incident
        red = [r for r in ours if r.conclusion not in (*PASSED, *UNDECIDED)]
        proven = any(r.conclusion == "success" and r.workflow in incident.options.workflows for r in ours)
        if not red and not proven:
            return incident
        told = ", ".join(f"{r.name or r.workflow}: {r.conclusion} ({r.html_url})" for r in red or ours)
        reason = f"its own CI is {'red' if red else 'green'}: {told}"
        if incident.reason == reason:
            return incident
        update = {"verdict": Verdict.STILL_FAILING} if red else {"verdict": Verdict.FIXED, "grade": Grade.R}
        incident = self.hosting.checkpoints.update(incident.id, lambda record: record.changed(reason=reason, **update))
        if pull and (text := texts.renewed(pull.body, texts.pull_request(incident))):
            self.hosting.github.update_pull(pull.number, body=text)
        tell(incident, self.hosting)
        return incident

    def _moot(self, incident: Incident, why: str) -> Incident:
        """Close the proposal of an incident that nobody needs any more, and say why, in Markdown."""
        if number := request_of(incident):
            say(self.hosting.github, int(number), texts.closing(why))
            self.hosting.github.update_pull(int(number), state="closed")
        return self._end(incident, Outcome(kind="closed", when=self.clock.now(), by=self.hosting.github.login))

    def _end(self, incident: Incident, outcome: Outcome) -> Incident:
        def change(record: Incident) -> Incident:
            return record.changed(outcome=outcome, stage=Stage.CLOSED, lease=None)

        tell(change(incident), self.hosting)
        return self.hosting.checkpoints.update(incident.id, change)
