"""What people read on GitHub: pull requests, comments, checks and summaries, from templates in config/templates.

Whatever comes from logs, repositories and people is shown as code, or escaped: it can format, mention and link nothing.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from bot.model import FailedRun, Incident, Part, Verdict
from bot.proposal.facts import counted, diff_stat, is_pushed, is_revert, kept, repeat_command, review_of, tests_of
from bot.proposal.message import MEANING
from bot.proposal.templates import rendered
from bot.text.cut import cut
from bot.text.inert import code, fenced, markdown, plain
from bot.text.own import MARKER

STICKY = f"{MARKER}comment -->"
END = f"{MARKER}end -->"
"""The last line of what is ours in the text of a pull request or an issue; its marker is the first."""
MAX_TEXT = 65_000  # of the 65,536 that GitHub takes
MAX_PATCH = 30_000
MAX_NAME = 200
MAX_TITLE = 120
ID_LENGTH = 12
LINES_BEFORE, LINES_AFTER = 3, 20
HEADLINES = {
    Verdict.GREEN: "It passes here: there is nothing to fix",
    Verdict.NOT_REPRODUCED: "It could not be reproduced",
    Verdict.NOT_FIXED: "Not fixed",
    Verdict.FIXED: "Fixed, and proven",
    Verdict.STILL_FAILING: "Not fixed: it is still red, further on",
    Verdict.REGRESSED: "Not fixed: what helped broke something else",
    Verdict.FLAKY: "Flaky: it fails now and then",
    Verdict.UNREPLAYABLE: "It cannot be replayed here, so nothing was proven",
}


def marker(incident_id: str) -> str:
    """What tells the pull request of an incident from all others; it counts together with the author alone."""
    return f"{MARKER}incident={incident_id} -->"


def title(incident: Incident) -> str:
    """`Fix CI: <what>`, or `Revert "<subject>"`, in one line."""
    if is_revert(incident) and incident.culprit:
        return f'Revert "{brief(plain(incident.culprit.subject), MAX_TITLE - 9)}"'
    summaries = [a.summary for a in kept(incident)] or ["proposed change"]
    return brief(plain(f"Fix CI: {' and '.join(dict.fromkeys(summaries))}"), MAX_TITLE)


def pull_request(incident: Incident, notes: Sequence[str] = ()) -> str:
    """The text of the pull request of a proposal; `notes` say in Markdown what people have to know first."""
    proposal = incident.proposal
    assert proposal
    repeat = f"git fetch origin {proposal.target} && git switch --detach FETCH_HEAD\n{repeat_command(incident)}"
    made_of = list(incident.attempts[-1:]) if is_revert(incident) else kept(incident)
    return _render(
        "revert" if is_revert(incident) else "pull_request",
        incident,
        marker=marker(incident.id),
        end=END,
        parts=incident.parts,
        culprit=incident.culprit,
        kept=made_of,
        tried=[a for a in incident.attempts if a not in made_of],
        stat=diff_stat(proposal.diff),
        meaning=MEANING[incident.grade] if incident.grade else "",
        before=incident.baseline,
        after=incident.final,
        repeat=repeat,
        undo="To undo it, close this pull request; after a merge, revert it: it is one commit.",
        notes=notes,
    )


def renewed(text: str, ours: str) -> str:
    """The text of a pull request with our part of it as it is now: what people have written around that stays.

    Empty where our part is not whole any more: then the text is theirs.
    """
    before, _, rest = text.partition(ours.partition("\n")[0])
    _, end, after = rest.partition(END)
    return f"{before}{ours.strip()}{after}" if end else ""


def review(incident: Incident, count: int) -> str:
    """The text of a review that suggests the fix of an incident in so many remarks; its first line is its marker."""
    assert incident.proposal
    fix = hashlib.sha256(incident.proposal.diff.encode("utf-8", "replace")).hexdigest()[:ID_LENGTH]
    mark = f"{MARKER}review={fix} -->"  # the same fix is not suggested again in a later round, nor for another run
    return _render("review", incident, marker=mark, headline=headline(incident), count=count)


def closing(why: str) -> str:
    """The one comment below a pull request that is closed by us; the reason is Markdown."""
    return f"{STICKY}\n{why}\n"


def line(text: str) -> str:
    """A line of plain text, in Markdown."""
    return markdown(" ".join(text.split()))


def branch(run: FailedRun) -> str:
    """The branch of a run, in Markdown."""
    return code(run.head_branch)


def issue(incident: Incident, mark: str) -> str:
    """The text of the issue for what needs people, whose first line is its marker."""
    return f"{comment(incident, '', mark).strip()}\n\n{END}\n"


def comment(incident: Incident, coming: str, mark: str = STICKY) -> str:
    """The one comment below a pull request, and the text of checks and summaries; `coming` says what comes next."""
    proposal = incident.proposal
    there = is_pushed(incident) or review_of(incident)
    patch = proposal.diff if proposal and not there else ""
    return _render(
        "comment",
        incident,
        marker=mark,
        headline=headline(incident),
        parts=incident.parts,
        next=coming,
        patch=patch if len(patch) <= MAX_PATCH else "",
        excerpt=_excerpt(incident.parts),
    )


def joined(comments: Sequence[str]) -> str:
    """Several comments as one."""
    return f"{STICKY}\n" + "\n---\n\n".join(one.removeprefix(STICKY).strip() + "\n" for one in comments)


def diagnosis(run: FailedRun, parts: Sequence[Part]) -> str:
    """Why a run is red, by its logs."""
    return _rendered("diagnosis", what_failed=_what_failed(run), parts=parts, excerpt=_excerpt(parts))


def answer(asker: str, answers: Sequence[str], status: str) -> str:
    """The one comment, with answers to somebody's commands above what it said of the incident, if there is one."""
    return _rendered("answer", marker=STICKY, asker=asker, answers=answers, status=status.removeprefix(STICKY).strip())


def reply(incident: Incident) -> str:
    """What came of a review that asks for changes of a proposal, in Markdown."""
    objection = incident.objection
    assert objection
    if objection.came:
        return f"I have not changed this: {line(objection.came)}. Change the branch by hand, or close it."
    notes = "; ".join(line(note) for a in kept(incident) for note in a.notes)
    return f"I have changed this, and proved it anew, with grade {incident.grade}{f' ({notes})' if notes else ''}."


def headline(incident: Incident) -> str:
    """What it came to, in a few words."""
    if incident.outcome and not incident.proposal:
        return "It is green again"
    if incident.outcome:
        return f"The proposal was {incident.outcome.kind}"
    if is_revert(incident) and incident.verdict is Verdict.FIXED:
        return "What broke it is found, and its revert is proven"
    fixed = sum(p.verdict is Verdict.FIXED for p in incident.parts)
    if fixed and fixed < len(incident.parts):
        return f"Fixed, and proven: {fixed} of {len(incident.parts)} failures"
    return HEADLINES[incident.verdict] if incident.verdict else "Looking into it"


def _render(name: str, incident: Incident, **values: Any) -> str:
    run = incident.failed_run
    given = {
        "incident": incident,
        "cost": f"${incident.cost_usd} for language models{_expected(incident)}, {incident.seconds:.0f} s",
        "what_failed": _what_failed(run),
        "reason": _reason(incident),
    }
    return _rendered(name, f"see [the run]({run.html_url})" if run else "", **given, **values)


def _expected(incident: Incident) -> str:
    """What was expected, where something was."""
    return f" (about ${incident.expected.usd:.4f} expected)" if incident.expected.usd else ""


def _rendered(name: str, more: str = "", **values: Any) -> str:
    words = {"code": code, "fenced": fenced, "markdown": markdown, "brief": brief, "word": _word, "leg": _leg}
    text = rendered(name, counted=counted, tests_of=tests_of, **words, **values)
    return cut(text.strip() + "\n", MAX_TEXT, more)


def brief(text: str, most: int = MAX_NAME) -> str:
    """A text in one line, cut visibly where it is long."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _word(verdict: Verdict | None) -> str:
    """A verdict in the middle of a sentence."""
    return str(verdict or "unproven").replace("_", " ").lower()


def _reason(incident: Incident) -> str:
    """The reason of an incident in Markdown, without what its parts say of themselves; runs on GitHub are links."""
    told = re.sub(r"^\d+ of \d+ fixed", "", incident.reason)
    for part in incident.parts:
        told = told.replace(f"{part.job}: {part.verdict}: {part.reason}", "")
    told = "; ".join(filter(None, (" ".join(piece.split()) for piece in told.split("; "))))
    if not incident.failed_run:
        return markdown(told)
    runs = incident.failed_run.html_url.rpartition("/")[0]
    pieces = re.split(rf"({re.escape(runs)}/\d+)", told)
    return "".join(f"<{piece}>" if at % 2 else markdown(piece) for at, piece in enumerate(pieces))


def _what_failed(run: FailedRun | None) -> str:
    if run is None:
        return ""
    where = f"{code(brief(run.head_branch))} at {code(run.head_sha[:12])}"
    return f"[{markdown(brief(run.name))}]({run.html_url}) failed on {where}."


def _leg(part: Part) -> str:
    return brief(f"{part.job} ({', '.join(map(str, part.matrix.values()))})" if part.matrix else part.job)


def _excerpt(parts: Sequence[Part]) -> str:
    found = next((p.diagnosis for p in parts if p.verdict is not Verdict.FIXED), None)
    if found is None:
        return ""
    lines = found.excerpt.lines
    at = next((i for i, line in enumerate(lines) if line.line >= found.error_line), 0)
    return "\n".join(f"{x.line:>6}  {x.text}" for x in lines[max(0, at - LINES_BEFORE) : at + LINES_AFTER])
