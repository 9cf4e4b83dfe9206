"""The issue for what needs people: a red default branch that nothing was proposed for. One for each workflow."""

import hashlib

from bot.errors import Forbidden, Gone, Refused
from bot.ledger import once
from bot.model import FailedRun, Incident, Verdict
from bot.proposal import texts
from bot.proposal.authority import vouch
from bot.proposal.facts import ISSUE
from bot.proposal.hosted import Hosting, say
from bot.text.inert import plain
from bot.text.own import MARKER

FOR_PEOPLE = (Verdict.NOT_FIXED, Verdict.STILL_FAILING, Verdict.REGRESSED, Verdict.UNREPLAYABLE)


def ask(incident: Incident, hosting: Hosting, branch: str) -> Incident:
    """Open the issue, or bring it up to date, where the settings want one and an incident of `branch` needs people.

    It needs them where nothing was proposed, also no revert, and to run it again is no answer.
    """
    run = incident.failed_run
    assert run
    is_everybodys = not run.pull and (run.head_repository, run.head_branch) == (incident.repository, branch)
    is_answered = incident.proposal is not None or any(advice.kind == "re-run" for advice in incident.advice)
    if not hosting.settings.issue or not is_everybodys or is_answered or incident.verdict not in FOR_PEOPLE:
        return incident
    github, mark = hosting.github, _marker(incident)
    text = texts.issue(incident, mark)

    def look() -> str | None:
        found = github.find_issue(mark)
        if found and (body := texts.renewed(found.body, text)):
            github.update_issue(found.number, body=body)
        return str(found.number) if found else None

    def act() -> str:
        return str(github.open_issue(title=_title(run), body=text, labels=hosting.settings.labels))

    try:
        vouch(incident, github)
        return once(hosting.checkpoints, incident, ISSUE, _name(incident), look=look, act=act)
    except (Forbidden, Gone, Refused) as e:  # what was found is told by the check
        hosting.say(f"no issue was opened: {e}")
        return hosting.checkpoints.load(incident.id) or incident  # with the intent


def close(incident: Incident, hosting: Hosting, why: str) -> None:
    """Close the issue that an incident has opened, if it is open still, and say why, in Markdown."""
    if found := hosting.github.find_issue(_marker(incident)):
        say(hosting.github, found.number, texts.closing(why))
        hosting.github.update_issue(found.number, state="closed")


def _name(incident: Incident) -> str:
    """The same for all incidents of a workflow on a branch."""
    run = incident.failed_run
    told = [incident.repository, *incident.options.workflows, run.head_branch if run else ""]
    return hashlib.sha256("\0".join(told).encode("utf-8", "replace")).hexdigest()[:12]


def _marker(incident: Incident) -> str:
    return f"{MARKER}issue={_name(incident)} -->"


def _title(run: FailedRun) -> str:
    return texts.brief(plain(f"CI is red, and needs people: {run.name} on {run.head_branch}"), texts.MAX_TITLE)
