"""What reports and proposals say of an incident in the same words."""

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence

from bot.ledger import find
from bot.model import Attempt, FailedRun, Incident, JobResult, Objection, Result
from bot.text.patterns import Pattern, compile_pattern

ISSUE = "issue"
"""The kind of the effect that asks people to look at what nothing was proposed for."""
ANSWER = "answer"
"""The kind of the effect that answers a review; its name is the review's id."""
_NUMBER = compile_pattern(r"^[1-9][0-9]{0,17}$")
_COMMIT = compile_pattern(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")


def counted(results: Iterable[Result]) -> str:
    """How many there are of each result, in words."""
    found = Counter(results)
    return ", ".join(f"{found[r]} {r}" for r in Result if found[r]) or "-"


def tests_of(jobs: Sequence[JobResult]) -> str:
    """How many tests ran in jobs, and how many of them failed, in words."""
    run, failed = sum(j.tests.run for j in jobs), sum(j.tests.failed for j in jobs)
    return f"{run} run, {failed} failed" if run else "-"


def repeat_command(incident: Incident) -> str:
    """The command that repeats the proof on the reader's machine."""
    options = incident.options
    words = ["regreen", "replay"]
    words += [word for w in options.workflows for word in ("--workflow", w)]
    words += [word for j in options.jobs for word in ("--job", j)]
    words += [word for k, v in options.matrix for word in ("--matrix", f"{k}:{v}")]
    words += ["--event", options.event] if options.event else []
    words += ["--as-of", f"{options.as_of:%Y-%m-%dT%H:%M:%SZ}"] if options.as_of else []
    return shlex.join([*words, "--network", options.network])


def compared(incident: Incident) -> str:
    """What language models and their replays took, and what was expected, in words; empty where none was asked."""
    took, made, plan = incident.took, incident.estimated, incident.expected
    if not made.seconds:
        return ""
    told = f"${took.usd:.4f} and {took.seconds:.0f} s with replays; these attempts were expected to take"
    return (
        f"{told} ${made.usd:.4f} and {made.seconds:.0f} s, the plan ${plan.usd:.4f} and {plan.seconds:.0f} s on average"
    )


def diff_stat(diff: str) -> list[tuple[str, int, int]]:
    """(file, lines added, lines removed) of a unified diff in git's form."""
    rows: list[tuple[str, int, int]] = []
    in_hunk = False
    for line in diff.splitlines():
        if line.startswith("diff --git "):
            rows.append((line.rsplit(" b/", 1)[-1], 0, 0))
            in_hunk = False
        elif line.startswith("@@"):
            in_hunk = True
        elif in_hunk and rows and line[:1] in "+-":
            name, added, removed = rows[-1]
            rows[-1] = (name, added + (line[0] == "+"), removed + (line[0] == "-"))
    return rows


def kept(incident: Incident) -> list[Attempt]:
    """The attempts that a proposal is made of: what came of an objection stands for all before, if it was proven."""
    since = incident.objection.after if incident.objection else 0
    found = [a for a in incident.attempts if a.kept]
    return [a for a in found if since and a.number > since] or found


def pending(incident: Incident) -> Objection | None:
    """The objection to a proposal that nobody has answered yet."""
    objection = incident.objection
    effect = find(incident, ANSWER, str(objection.review)) if objection else None
    return objection if effect and not effect.done else None


def summary_of(incident: Incident) -> str:
    """What a proposal does, in a few words."""
    summaries = list(dict.fromkeys(a.summary for a in kept(incident) or incident.attempts))
    return summaries[0] + (f" and {len(summaries) - 1} more" if len(summaries) > 1 else "")


def page_of(run: FailedRun) -> str:
    """The page of the repository that a run is of."""
    return run.html_url.split("/actions/")[0]


def request_of(incident: Incident) -> str:
    """The number of the pull request that an incident has opened, or the empty string."""
    proposal = incident.proposal
    found = find(incident, "pull-request", proposal.target) if proposal else None
    return found.value if found and found.done and _is(_NUMBER, found.value) else ""


def is_revert(incident: Incident) -> bool:
    """Whether what an incident proposes is a revert; a culprit is looked for in the place of a fix alone."""
    return incident.proposal is not None and incident.culprit is not None


def is_pushed(incident: Incident) -> bool:
    """Whether the fix of an incident is on a branch."""
    return any(e.kind == "push" and e.done for e in incident.effects)


def commit_of(incident: Incident) -> str:
    """The commit of a proposal as it is on GitHub, which may have made and signed one of its own."""
    done = (e.value for e in incident.effects if e.kind == "push" and e.done)
    pushed = next((value for value in done if _is(_COMMIT, value)), "")
    return pushed or (incident.proposal.commit if incident.proposal else "")


def _is(pattern: Pattern, value: str) -> bool:
    """Whether an effect has led to what it should: records can be written by others."""
    return pattern.match(value.encode("utf-8", "replace")) is not None


def issue_of(incident: Incident) -> str:
    """The number of the issue in which people were asked to look at an incident, or the empty string."""
    found = next((e.value for e in incident.effects if e.kind == ISSUE and e.done), "")
    return found if _is(_NUMBER, found) else ""


def review_of(incident: Incident) -> str:
    """Where the fix of an incident is suggested on the lines of its pull request (URL), or the empty string."""
    run = incident.failed_run
    found = find(incident, "review", str(run.pull)) if run else None
    is_there = found is not None and found.done and run is not None and found.value.startswith(f"{page_of(run)}/pull/")
    return found.value if found and is_there else ""


def where_it_is(incident: Incident) -> str:
    """Where the fix of an incident is, in plain words."""
    proposal, run = incident.proposal, incident.failed_run
    assert proposal
    if run is None:
        return f"{proposal.kind}: {proposal.target}"
    url, what = page_of(run), "revert" if is_revert(incident) else "fix"
    if number := request_of(incident):
        return f"the {what} is proposed in {url}/pull/{number}"
    if proposal.kind == "pull-request":
        return f"the {what} is on the branch {proposal.target}: open a pull request at {url}/compare/{proposal.target}"
    if is_pushed(incident):
        return f"the fix was pushed to {run.head_branch}"
    if there := review_of(incident):
        return f"the fix is suggested on the lines of {there}"
    return f"the fix is suggested below {url}/pull/{run.pull}" if run.pull else "the fix is suggested in the check"
