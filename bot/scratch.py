"""A commit on a scratch branch of a repository on GitHub, where its real CI runs: the backend `github`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.errors import UsageError
from bot.github import RED, GitHub, Run, RunJob
from bot.model import JobResult, ReplayOptions, Result, StepResult
from bot.ports import Git
from bot.proposal.hosted import push
from bot.text.own import BRANCHES

FIXED = ("workflows", "jobs", "matrix", "event", "event_payload", "inputs", "secrets", "variables", "ref", "as_of")
"""What a real run cannot be told: a push is all that starts it."""
RESULTS = {
    "success": Result.SUCCESS,
    "neutral": Result.SUCCESS,
    "skipped": Result.SKIPPED,
    **dict.fromkeys(RED, Result.FAILURE),
}


def branch_of(commit: str, options: ReplayOptions) -> str:
    """The scratch branch of a commit, named as those of incidents are, so that nobody reacts to its runs.

    Raises `UsageError` where the options ask for less, or for something else, than a push starts.
    """
    plain = ReplayOptions()
    if told := [name for name in FIXED if getattr(options, name) != getattr(plain, name)]:
        hint = "leave the options out that choose among jobs, events, values and times"
        raise UsageError(f"--backend github runs all that a push starts, and takes no {told[0]}", hint=hint)
    return f"{BRANCHES}{commit[:12]}-scratch"


@dataclass
class ScratchBranch:
    """See `bot.replay.on_github.ScratchRuns`. `git` is a clone whose remote `origin` is the repository.

    `ids` are the numbers of the jobs that were seen, by `JobResult.key`.
    """

    github: GitHub
    git: Git
    branch: str = ""
    ids: dict[str, int] = field(default_factory=dict)

    def push(self, commit: str, branch: str) -> None:
        """Put a commit on a branch of that name; one that a killed process has left has the same commit."""
        self.branch = branch
        left = self.git.run("ls-remote", "origin", f"refs/heads/{branch}").decode().split()
        push(self.git, commit, branch, left[0] if left else "")

    def going(self, commit: str) -> bool | None:
        """Whether a run is queued or in progress; None before any began."""
        runs = self._runs(commit)
        return any(run.status != "completed" for run in runs) if runs else None

    def jobs(self, commit: str) -> Sequence[JobResult]:
        """The jobs of all runs of the branch."""
        return [self._result(run, job) for run in self._runs(commit) for job in self.github.jobs(run)]

    def cancel(self, commit: str) -> None:
        """Cancel what still goes."""
        for run in self._runs(commit):
            if run.status != "completed":
                self.github.cancel(run.id)

    def remove(self, branch: str) -> None:
        """Remove the branch."""
        self.github.delete_branch(branch)

    def _runs(self, commit: str) -> list[Run]:
        return [run for run in self.github.runs(head_sha=commit) if run.head_branch == self.branch]

    def _result(self, run: Run, job: RunJob) -> JobResult:
        result, reason = RESULTS.get(job.conclusion, Result.CANCELLED), None
        if job.conclusion in ("action_required", "stale"):
            result, reason = Result.UNREPLAYABLE, f"GitHub says {job.conclusion}"
        steps = tuple(StepResult(name=name, id=name, result=Result.FAILURE) for name in job.failed_steps)
        about: dict[str, Any] = {"id": job.name, "name": job.name, "workflow": run.workflow, "steps": steps}
        made = JobResult(result=result, reason=reason, **about)
        self.ids[made.key] = job.id
        return made
