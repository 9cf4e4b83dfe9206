"""What becomes of a proposal on GitHub: its own CI, people who merge, change or close it, a branch that is green again.

What an event says is never believed: the pull request and its runs are looked at as they are now, so that events may
come late, twice, or in another order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.github import Pull, Run
from bot.model import Grade, Incident, Outcome, Stage, Verdict
from bot.ports import Clock
from bot.proposal import texts
from bot.proposal.facts import request_of
from bot.proposal.hosted import Hosting, tell

PASSED = ("success", "neutral", "skipped")


@dataclass(frozen=True)
class Aftermath:
    """Follows the proposals of one repository."""

    hosting: Hosting
    clock: Clock

    def revisit(self, incident: Incident) -> Incident:
        """Bring the record of an incident that waits up to what has become of its proposal, and tell people."""
        run, proposal, number = incident.failed_run, incident.proposal, request_of(incident)
        if not run or not proposal or incident.outcome:
            return incident
        github = self.hosting.github
        if number:
            pull = github.pull(int(number))
            if pull.state == "closed":
                return self._closed(incident, pull)
        incident = self._judged_by_ci(incident, github.runs(head_sha=proposal.commit))
        later = [r for r in github.runs(branch=run.head_branch, most=10) if r.name == run.name and r.id > run.id]
        green = next((r for r in later if r.conclusion == "success" and r.head_sha != proposal.commit), None)
        if green and incident.grade is not Grade.R:
            return self._moot(incident, green)
        return incident

    def _closed(self, incident: Incident, pull: Pull) -> Incident:
        changed = self._changed_by_people(incident, pull) if pull.merged else ""
        if not pull.merged:
            return self._end(incident, Outcome(kind="closed", when=self.clock.now()))
        return self._end(incident, Outcome(kind="edited" if changed else "merged", when=self.clock.now(), diff=changed))

    def _changed_by_people(self, incident: Incident, pull: Pull) -> str:
        """What was added to the proposed commit before it was merged, as a diff."""
        assert incident.proposal
        if pull.head_sha == incident.proposal.commit:
            return ""
        found = self.hosting.git.try_run("diff-tree", "-p", incident.proposal.commit, pull.head_sha)
        return found.decode("utf-8", "replace") if found else f"its head is {pull.head_sha}"

    def _judged_by_ci(self, incident: Incident, ours: Sequence[Run]) -> Incident:
        """Record what the real CI of a proposal came to, once all of its runs have ended."""
        if not ours or any(r.status != "completed" for r in ours) or incident.grade is Grade.R:
            return incident
        red = [r for r in ours if r.conclusion not in PASSED]
        told = ", ".join(f"{r.name or r.workflow}: {r.conclusion} ({r.html_url})" for r in red or ours)
        reason = f"its own CI is {'red' if red else 'green'}: {told}"
        if incident.reason == reason:
            return incident
        update = {"verdict": Verdict.STILL_FAILING} if red else {"grade": Grade.R}
        incident = self.hosting.checkpoints.update(incident.id, lambda record: record.changed(reason=reason, **update))
        if number := request_of(incident):
            self.hosting.github.update_pull(int(number), body=texts.pull_request(incident))
        tell(incident, self.hosting)
        return incident

    def _moot(self, incident: Incident, green: Run) -> Incident:
        """Close the proposal of an incident that nobody needs any more."""
        assert incident.failed_run
        if number := request_of(incident):
            why = f"{texts.branch(incident.failed_run)} is [green again]({green.html_url}) without this, so I close it."
            self.hosting.github.update_pull(int(number), body=texts.closed(incident, why), state="closed")
        return self._end(incident, Outcome(kind="closed", when=self.clock.now(), by=self.hosting.github.login))

    def _end(self, incident: Incident, outcome: Outcome) -> Incident:
        def change(record: Incident) -> Incident:
            return record.changed(outcome=outcome, stage=Stage.CLOSED, lease=None)

        incident = self.hosting.checkpoints.update(incident.id, change)
        tell(incident, self.hosting)
        return incident
