"""What becomes of a proposal on GitHub: its own CI, people who merge, change or close it, a branch that is green again.

What an event says is never believed: the pull request and its runs are looked at as they are now, so that events may
come late, twice, or in another order. The record is changed last, so that after a death all is told again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial

import re2

from bot.github import Pull, Run, newest
from bot.model import FailedRun, Grade, Incident, Outcome, Stage, Verdict
from bot.ports import Clock
from bot.proposal import issues, texts
from bot.proposal.authority import is_own
from bot.proposal.facts import commit_of, issue_of, request_of
from bot.proposal.hosted import ACTIONS, Hosting, say, tell
from bot.repair.revert import REVERTS, messages_of
from bot.text.inert import code
from bot.text.own import incident_of_message

PASSED = ("success", "neutral", "skipped")
UNDECIDED = ("action_required", "cancelled", "stale")
"""Somebody has to approve them, or start them again."""
REVERTED = re2.compile(rf"{REVERTS}([0-9a-f]{{40}})".encode())
MOST_REVERTS = 50
"""The last reverts of a branch that are looked at."""
A_WHILE = timedelta(minutes=15)
"""After which the CI of a proposal has begun, if it ever does."""
UNAPPROVED = "The CI of this waits for somebody to approve it: {}"
NO_CI = (
    "No CI has run for this. A workflow runs for pull requests where its <code>on:</code> names "
    "<code>pull_request</code>, and its branches and paths fit; until then the evidence is the replay."
)


def supersedes(newer: Incident, older: Incident) -> bool:
    """Whether a proposal is for a newer run of the same workflow on the same branch than another one."""
    new, old = newer.failed_run, older.failed_run
    if not new or not old or not request_of(newer) or not request_of(older) or newer.outcome:
        return False
    return (new.name, new.base_branch) == (old.name, old.base_branch) and new.id > old.id


@dataclass
class Aftermath:
    """Follows the proposals of one repository. `workflow` is the file of Regreen's own, whose runs are no CI.

    Where people have put the `stop_label` on a pull request it says nothing there.
    """

    hosting: Hosting
    clock: Clock
    workflow: str = ""
    stop_label: str = ""

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

    def taken_back(self, branch: str) -> list[Incident]:
        """Note which merged proposals people have lately reverted on a branch of the clone; return their records."""
        git, checkpoints = self.hosting.git, self.hosting.checkpoints
        words = ("--fixed-strings", f"--grep={REVERTS}", "--format=%B%x00", f"--max-count={MOST_REVERTS}")
        told = git.try_run("rev-list", *words, f"refs/remotes/origin/{branch}") or b""
        found = []
        for commit in dict.fromkeys(match.decode() for match in REVERTED.findall(told)):
            name = next(filter(None, map(incident_of_message, messages_of(git, commit))), "")
            incident = checkpoints.load(name) if name else None
            if incident and incident.outcome and incident.outcome.kind in ("merged", "edited"):
                outcome = incident.outcome.changed(kind="reverted", when=self.clock.now())
                found.append(checkpoints.update(name, partial(Incident.changed, outcome=outcome)))
        return found

    def _revisited(self, incident: Incident) -> Incident:
        run, number = incident.failed_run, request_of(incident)
        if not run:
            return incident
        if incident.outcome:
            return self._taken_up(incident, number)
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
            if self.stop_label in pull.labels:
                return incident
            if number and (why := self._why_moot(incident, pull)):
                return self._moot(incident, why)
        ours = newest(github.runs(head_sha=commit_of(incident)), self.workflow)
        incident = self._judged_by_ci(incident, ours, pull if number else None)
        if number and incident.grade is not Grade.R and (green := self._green_again(incident, run)):
            why = f"{texts.branch(run)} is [green again]({green.html_url}) without this, so I close it."
            return self._moot(incident, why)
        return incident

    def _taken_up(self, incident: Incident, number: str) -> Incident:
        """An incident that had ended: people may have opened what they had closed, or merged it after all."""
        outcome = incident.outcome
        if outcome is None or outcome.kind != "closed" or outcome.by or not number:
            return incident
        pull = self.hosting.github.pull(int(number))
        if not is_own(pull, incident) or (pull.state == "closed" and not pull.merged):
            return incident
        again = {"outcome": None, "stage": Stage.PROPOSED}
        return self._revisited(self.hosting.checkpoints.update(incident.id, lambda record: record.changed(**again)))

    def _answered(self, incident: Incident, run: FailedRun) -> Incident:
        """End what people were asked about, when the branch is green again."""
        if not (green := self._green_again(incident, run)):
            return incident
        issues.close(
            incident, self.hosting, f"{texts.branch(run)} is [green again]({green.html_url}), so I close this."
        )
        return self._end(incident, Outcome(kind="closed", when=self.clock.now()))

    def _green_again(self, incident: Incident, failed: FailedRun) -> Run | None:
        """A green run of the same workflow, for the same event, of the same branch since, maybe of the same commit."""
        git, workflow = self.hosting.git, next(iter(incident.options.workflows), "")
        found = self.hosting.github.runs(branch=failed.head_branch, workflow=workflow, status="success", most=10)
        alike = (
            run
            for run in found
            if run.event == failed.event
            and run.head_repository == failed.head_repository
            and run.head_sha != commit_of(incident)
            and (run.head_sha != failed.head_sha or (run.id, run.attempt) > (failed.id, failed.attempt))
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
        """What was added to the proposed commit before it was merged, as a diff: not what merges of the base bring."""
        if pull.head_sha == commit_of(incident):
            return ""
        git, ours = self.hosting.git, commit_of(incident)
        base = git.try_run("merge-base", pull.head_sha, f"{pull.merge_commit}^1")  # as far as its head had it
        updated = git.try_run("merge-tree", "--write-tree", base.decode().strip(), ours) if base else None
        since = updated.decode().split()[0] if updated else ours
        found = git.try_run("diff-tree", "-p", since, pull.head_sha)
        return f"its head is {pull.head_sha}" if found is None else found.decode("utf-8", "replace")

    def _judged_by_ci(self, incident: Incident, ours: Sequence[Run], pull: Pull | None) -> Incident:
        """Record what the real CI of a proposal comes to, once all of its runs have ended, and tell people.

        It is green when the workflow that failed has passed for it: others that passed prove nothing.
        """
        if any(r.status != "completed" for r in ours):
            return incident
        red = [r for r in ours if r.conclusion not in (*PASSED, *UNDECIDED)]
        proven = any(r.conclusion == "success" and r.workflow in incident.options.workflows for r in ours)
        if not red and not proven:
            self._note(incident, ours, pull)
            return incident
        told = ", ".join(f"{r.name or r.workflow}: {r.conclusion} ({r.html_url})" for r in red or ours)
        reason = f"its own CI is {'red' if red else 'green'}: {told}"
        if incident.reason == reason:
            return incident
        replayed = max((p.grade for p in incident.parts if p.grade), default=None)
        update = {"verdict": Verdict.STILL_FAILING if red else Verdict.FIXED, "grade": replayed if red else Grade.R}
        incident = self.hosting.checkpoints.update(incident.id, lambda record: record.changed(reason=reason, **update))
        if pull and (text := texts.renewed(pull.body, texts.pull_request(incident))):
            self.hosting.github.update_pull(pull.number, body=text)
        tell(incident, self.hosting)
        return incident

    def _note(self, incident: Incident, ours: Sequence[Run], pull: Pull | None) -> None:
        """Say in a proposal why its CI tells nothing, and what to do about that."""
        unapproved = next((r for r in ours if r.conclusion == "action_required"), None)
        late = self.clock.now() - incident.updated > A_WHILE
        why = UNAPPROVED.format(unapproved.html_url) if unapproved else NO_CI if late and not ours else ""
        if pull is None or not why or self.hosting.github.login == ACTIONS:  # which says so from the first on
            return
        text = texts.renewed(pull.body, texts.pull_request(incident, [why]))
        if text not in ("", pull.body):
            self.hosting.github.update_pull(pull.number, body=text)

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
