"""What a record may not decide: whoever can push to the state branch can write records, and is trusted no further.

What a record says of its run is held against GitHub, how a fix is proposed against the settings, and where it goes
against the incident's own id. What it says of replays is believed: nobody else knows.
"""

from typing import Literal

from bot.errors import Refused
from bot.github import GitHub, Pull
from bot.model import FailedRun, Incident, Proposal
from bot.proposal.facts import is_revert
from bot.settings import ProposalSettings
from bot.text.own import is_branch_of

Kind = Literal["pull-request", "suggestion", "push"]
WIDER: tuple[Kind, ...] = ("suggestion", "pull-request", "push")
"""How far each goes, the least first."""


def kind_for(run: FailedRun, repository: str, settings: ProposalSettings) -> Kind:
    """How a fix of a run is proposed: on a contributor's pull request it is suggested, unless a push is allowed."""
    if run.head_repository != repository:
        return "suggestion"
    if settings.mode == "push":
        return "push"
    return "suggestion" if run.pull or settings.mode == "suggest" else "pull-request"


def vouch(incident: Incident, github: GitHub) -> None:
    """Raise `Refused` where the record says something else of its run, or of the pull request, than GitHub does."""
    run = incident.failed_run
    assert run
    live, here = github.run(run.id, run.attempt), github.repository().name
    if not incident.head == incident.snapshot == run.head_sha:
        raise _refused(incident, "is about another commit than its run")
    told = (incident.repository, run.head_sha, run.head_branch, run.head_repository, run.event, run.base_branch)
    right = told == (here, live.head_sha, live.head_branch, live.head_repository, live.event, live.head_branch)
    if right and run.pull:
        pull = github.pull(run.pull)
        right = (pull.head_ref, pull.head_repository) == (run.head_branch, run.head_repository)
    if not right:
        raise _refused(incident, f"says something else of the run {run.id} than GitHub")


def allowed(incident: Incident, proposal: Proposal, settings: ProposalSettings) -> Kind:
    """How a proposal may be made by the settings of now: as its record says, or else as a suggestion.

    The record is one that `vouch` has let through. Raises `Refused` where a pull request would be opened from a branch
    that is not the incident's own.
    """
    run = incident.failed_run
    assert run
    most = kind_for(run, incident.repository, settings)
    if is_revert(incident) and incident.wish and not run.pull and run.head_repository == incident.repository:
        most = "pull-request"  # whatever the mode is, somebody has asked for it
    kind: Kind = next((k for k in WIDER[: WIDER.index(most) + 1] if k == proposal.kind), "suggestion")
    if kind == "pull-request" and not is_branch_of(proposal.target, incident.id):
        raise _refused(incident, "names a branch that is not its own")
    return kind


def is_own(pull: Pull, incident: Incident) -> bool:
    """Whether a pull request is from the incident's own branch, whatever its record says."""
    return pull.head_repository == incident.repository and is_branch_of(pull.head_ref, incident.id)


def _refused(incident: Incident, what: str) -> Refused:
    file = f"incidents/{incident.id[:2]}/{incident.id}.json"
    return Refused(
        f"the record of incident {incident.id} {what}: nothing was done",
        hint=f"somebody may have changed {file} on the branch regreen/state: look at it, delete it, then ask again",
    )
