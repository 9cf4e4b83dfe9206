"""Hands a proven fix over on GitHub, and tells people there: each effect once, found again by its name or marker."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from bot.errors import Conflict, Forbidden, GitFailed, Gone, Refused, RegreenError, Transient, Unauthenticated
from bot.github import Annotation, Check, Comment, Conclusion, GitHub, Pull
from bot.ledger import find, once
from bot.model import Grade, Incident, Proposal, Verdict
from bot.ports import Checkpoints, Git
from bot.proposal import texts
from bot.proposal.authority import allowed, is_own, vouch
from bot.proposal.exposure import exposed
from bot.proposal.facts import ANSWER, diff_stat, is_pushed, is_revert, page_of, request_of, review_of
from bot.proposal.remarks import remarks
from bot.proposal.signed import files_of, is_like
from bot.settings import ProposalSettings
from bot.text.inert import code, plain

CHECK = "Regreen"
ACTIONS = "github-actions[bot]"
NO_CI = (
    "No CI will start for this by itself: pushes with `GITHUB_TOKEN` start none. Close and reopen this pull request to "
    "start it, or give Regreen the token of a GitHub App or a person (`github-token` of the Action)."
)
NO_DRAFTS = "draft pull requests are not supported"
NOT_DRAFT = "This would be a draft, but the plan of this repository has none: look at the evidence before you merge it."
PROTECTED = ("gh006", "gh013", "protected branch")
NO_WORKFLOWS = ("without `workflows` permission", "refusing to allow")
LOST = ("stale info", "[rejected]", "fetch first", "non-fast-forward", "cannot lock ref")
DENIED = ("returned error: 403", "permission to", "write access")
UNKNOWN = ("returned error: 401", "authentication failed")
CONCLUSIONS: dict[Verdict | None, Conclusion] = {
    Verdict.GREEN: "success",
    Verdict.FIXED: "success",
    Verdict.NOT_FIXED: "failure",
    Verdict.STILL_FAILING: "failure",
    Verdict.REGRESSED: "failure",
}
"""Of checks; where nothing was proven it is neutral."""


@dataclass(frozen=True)
class Hosting:
    """What proposals on GitHub are made with; `git` is the clone whose remote `origin` is the repository."""

    github: GitHub
    git: Git
    settings: ProposalSettings
    checkpoints: Checkpoints
    say: Callable[[str], None]


def deliver(incident: Incident, hosting: Hosting) -> Incident:
    """Make the proposal of an incident, whose commit the clone has. Raises `Conflict` when the branch has moved, and
    `Refused` for a record that GitHub and the settings do not bear out.
    """
    proposal, run = incident.proposal, incident.failed_run
    assert proposal
    assert run
    vouch(incident, hosting.github)
    kind = allowed(incident, proposal, hosting.settings)
    if kind != proposal.kind:
        hosting.say(f"the settings do not allow {proposal.kind} here: the fix is suggested")
        proposal = proposal.changed(kind=kind)
        incident = incident.changed(proposal=proposal)
    if kind != "suggestion" and (why := held_back(incident, proposal, hosting)):
        hosting.say(why)
        kind, proposal = "suggestion", proposal.changed(kind="suggestion")
        incident = incident.changed(proposal=proposal, reason="; ".join(filter(None, (incident.reason, why))))
    if kind == "suggestion":
        return _suggested(incident, proposal, hosting) if run.pull and hosting.settings.suggestions else incident
    try:
        if kind == "push":
            return pushed(incident, hosting, run.head_branch, run.head_sha)
        incident = pushed(incident, hosting, proposal.target, incident.objection.commit if incident.objection else "")
    except Forbidden as e:  # the branch is protected, or holds what the token may not change; people get the patch
        return _forbidden(incident, hosting, e, proposal.changed(kind="suggestion"))
    try:
        return _requested(incident, proposal, hosting)
    except Forbidden as e:  # people can open it themselves
        return _forbidden(incident, hosting, e, proposal)


def held_back(incident: Incident, proposal: Proposal, hosting: Hosting) -> str:
    """Why a fix is not pushed though it might be: a model wrote it, and CI would run it with more than code may have.

    What is pushed with the token of Actions starts no CI until somebody wants that.
    """
    if not _by_model(incident, proposal) or hosting.settings.trust_ci or hosting.github.login == ACTIONS:
        return ""
    found = next(exposed(hosting.git, proposal.commit), "")
    told = "a language model wrote this fix, so it is not pushed for CI to run: look at it, and push it yourself"
    return f"{told} ({found})" if found else ""


def _by_model(incident: Incident, proposal: Proposal) -> bool:
    """Whether a model may have written a part of a fix: what it only brought further may be in it, or is unproven."""
    files = {name for name, *_ in diff_stat(proposal.diff)}
    written = (name for a in incident.attempts if a.tier for name, *_ in diff_stat(a.diff))
    return not is_revert(incident) and not files.isdisjoint(written)


def _forbidden(incident: Incident, hosting: Hosting, error: Forbidden, proposal: Proposal) -> Incident:
    """The record, which has the intent, with what is left of the proposal and why."""
    hosting.say(str(error))
    incident = hosting.checkpoints.load(incident.id) or incident
    reason = "; ".join(filter(None, (incident.reason, str(error))))
    return incident.changed(reason=reason, proposal=proposal)


def _suggested(incident: Incident, proposal: Proposal, hosting: Hosting) -> Incident:
    """Suggest a fix on the lines of its pull request, in one review; what cannot be is told as a patch."""
    run, github = incident.failed_run, hosting.github
    assert run
    pull = github.pull(run.pull)
    if pull.state == "closed" or pull.head_sha != run.head_sha:
        return incident
    found = remarks(hosting.git, pull.base_sha, run.head_sha, proposal.commit, proposal.diff)
    body = texts.review(incident, len(found))
    mark = body.partition("\n")[0]

    def look() -> str | None:
        ours = (r for r in github.reviews(run.pull) if r.author == github.login and r.commit == run.head_sha)
        return next((r.html_url for r in ours if r.body.startswith(mark)), None)

    def act() -> str:
        try:
            return github.review(run.pull, run.head_sha, body, found).html_url
        except (Refused, Forbidden) as e:
            hosting.say(f"the fix was not suggested on lines: {e}")
            return ""

    return once(hosting.checkpoints, incident, "review", str(run.pull), look=look, act=act) if found else incident


def pushed(incident: Incident, hosting: Hosting, branch: str, tip: str) -> Incident:
    """Put the proposal's commit, or what GitHub makes of it, on a branch whose tip is `tip`, empty for a new one."""
    proposal, git, parent = incident.proposal, hosting.git, incident.snapshot
    assert proposal
    commit = proposal.commit
    files = files_of(git, parent, commit) if hosting.settings.signed else None

    def there() -> str:
        try:
            return next(iter(git.run("ls-remote", "origin", f"refs/heads/{branch}").decode().split()), "")
        except GitFailed as e:
            raise _refused(e, branch) from e

    def look() -> str | None:
        found = there()
        if files is None or found in ("", parent, commit):
            return found if found == commit else None
        return found if is_like(git, branch, found, commit) else None

    def act() -> str:
        if files is None:
            push(git, commit, branch, tip)
            return commit
        if tip != parent and there() != parent:  # GitHub commits to branches that are there, on top of what they have
            push(git, parent, branch, tip)
        return hosting.github.commit_on_branch(branch=branch, parent=parent, message=proposal.message, files=files)

    return once(hosting.checkpoints, incident, "push", branch, look=look, act=act)


def push(git: Git, commit: str, branch: str, tip: str) -> None:
    """Push a commit to a branch of `origin`, if its tip is `tip` still (empty: if there is none)."""
    ref = f"refs/heads/{branch}"
    try:
        git.run("push", "--quiet", f"--force-with-lease={ref}:{tip}", "origin", f"{commit}:{ref}")
    except GitFailed as e:
        raise _refused(e, branch) from e


def _refused(error: GitFailed, branch: str) -> RegreenError:
    if error.says(PROTECTED):
        return Forbidden(f"the branch {branch} is protected", hint="let Regreen propose pull requests instead")
    if error.says(NO_WORKFLOWS):
        return Forbidden(
            "the token may not change files of .github/workflows", hint="give it the permission workflows: write"
        )
    if error.says(LOST):
        return Conflict(f"the branch {branch} has moved since; nothing was pushed", hint="ask again for its new head")
    if error.says(UNKNOWN):
        return Unauthenticated(f"git may not push to {branch} with this token", hint="it is wrong, expired or revoked")
    if error.says(DENIED):
        return Forbidden(f"git may not push to {branch}", hint="give the token the permission contents: write")
    return Transient(f"{branch} cannot be pushed: {error.message}")


def _requested(incident: Incident, proposal: Proposal, hosting: Hosting) -> Incident:
    """Open the pull request, label it, and ask for reviews."""
    run, github, settings = incident.failed_run, hosting.github, hosting.settings
    assert run
    mark = texts.marker(incident.id)

    def look() -> str | None:
        owner = incident.repository.split("/")[0]
        mine = (p for p in github.pulls(head=f"{owner}:{proposal.target}") if p.author == github.login)
        return next((str(p.number) for p in mine if mark in p.body), None)

    def opened(*more: str, draft: bool) -> Pull:
        title, body = texts.title(incident), texts.pull_request(incident, [*_notes(github), *more])
        return github.open_pull(title=title, body=body, head=proposal.target, base=run.base_branch, draft=draft)

    def act() -> str:
        draft = settings.draft == "always" or (settings.draft == "below-a" and incident.grade is not Grade.A)
        try:
            return str(opened(draft=draft).number)
        except Refused as e:
            if not draft or NO_DRAFTS not in e.message.lower():
                raise
            hosting.say("the plan of this repository has no drafts: the pull request is none")
            return str(opened(NOT_DRAFT, draft=False).number)

    known, told = find(incident, "pull-request", proposal.target), request_of(incident)
    if known and known.done and not (told and is_own(github.pull(int(told)), incident)):
        raise Refused(f"incident {incident.id} has opened no pull request {code(known.value)}, as its record says")
    incident = once(hosting.checkpoints, incident, "pull-request", proposal.target, look=look, act=act)
    number = int(request_of(incident))
    if settings.labels:
        incident = _just(incident, hosting, "labels", number, lambda: github.add_labels(number, settings.labels))
    if settings.reviewers:
        incident = _just(incident, hosting, "reviewers", number, lambda: _ask(hosting, number))
    return incident


def reply(incident: Incident, hosting: Hosting) -> Incident:
    """Answer the review of a proposal, once, which is shown as it is now."""
    objection, github, number = incident.objection, hosting.github, int(request_of(incident))
    assert objection

    def act() -> str:
        pull = github.pull(number)
        if text := texts.renewed(pull.body, texts.pull_request(incident, _notes(github))):
            github.update_pull(number, body=text)
        say(github, number, texts.answer(objection.by, [texts.reply(incident)], ""))
        return ""

    return once(hosting.checkpoints, incident, ANSWER, str(objection.review), look=lambda: None, act=act)


def _notes(github: GitHub) -> list[str]:
    """What people have to know of a pull request first."""
    return [note] if (note := no_ci(github)) else []


def no_ci(github: GitHub) -> str:
    """Why nothing that is pushed starts CI, and what to do about that, if so."""
    return NO_CI if github.login == ACTIONS else ""


def _just(incident: Incident, hosting: Hosting, kind: str, number: int, act: Callable[[], None]) -> Incident:
    """Do what may be done twice."""

    def acted() -> str:
        act()
        return ""

    return once(hosting.checkpoints, incident, kind, str(number), look=lambda: None, act=acted)


def _ask(hosting: Hosting, number: int) -> None:
    try:
        hosting.github.request_reviews(number, hosting.settings.reviewers)
    except RegreenError as e:  # the fix is worth more than who looks at it
        hosting.say(f"nobody was asked for a review: {e}")


def tell(incident: Incident, hosting: Hosting) -> None:
    """Bring the check and the one comment of an incident up to date, where its record is true to its run."""
    run = incident.failed_run
    assert run
    if not hosting.settings.check and not (hosting.settings.comment and run.pull):
        return
    try:
        vouch(incident, hosting.github)
    except (Refused, Gone) as e:
        hosting.say(f"nobody was told: {e}")
        return
    text = texts.comment(incident, coming(incident))
    if hosting.settings.check:
        _check(incident, hosting, run.head_sha, text)
    if hosting.settings.comment and run.pull:
        say(hosting.github, run.pull, of_request(incident, hosting.checkpoints))


def of_request(incident: Incident, checkpoints: Checkpoints) -> str:
    """What the one comment says: of the incident, and of others of the same head, for workflows are red each alone."""
    run = incident.failed_run
    assert run
    others = [
        one
        for one in checkpoints.incidents()
        if one.failed_run
        and (one.failed_run.pull, one.head) == (run.pull, incident.head)
        and one.verdict
        and one.id != incident.id
    ]
    told = sorted([incident, *others], key=lambda one: one.failed_run.id if one.failed_run else 0)
    return texts.joined([texts.comment(one, coming(one)) for one in told])


def coming(incident: Incident) -> str:
    """What comes next, in Markdown."""
    proposal, run = incident.proposal, incident.failed_run
    assert run
    if incident.outcome or not proposal:
        return ""
    what = "revert" if is_revert(incident) else "fix"
    if number := request_of(incident):
        return f"The {what} is proposed in #{number}."
    if proposal.kind == "pull-request":
        name = proposal.target
        there = f"{page_of(run)}/compare/{quote(run.base_branch)}...{name}?expand=1"
        return f"The {what} is on the branch {code(name)}: [open a pull request]({there})."
    if is_pushed(incident):
        return f"The fix was pushed to {code(run.head_branch)}."
    forked, there = run.head_repository != incident.repository, review_of(incident)
    if there:
        apply_it = "." if forked else ", or say <code>/regreen apply</code> to have it pushed to this branch."
        return f"The fix is [suggested on the lines of this pull request]({there}): commit it there{apply_it}"
    by_hand = "Save the patch as `fix.patch`, then `git apply fix.patch`."
    if forked:
        return f"This comes from a fork, which I cannot push to. {by_hand}"
    return "Say <code>/regreen apply</code> to have the fix pushed to this branch." if run.pull else by_hand


def _check(incident: Incident, hosting: Hosting, commit: str, text: str) -> None:
    check = Check(
        name=CHECK,
        head_sha=commit,
        external_id=incident.id,
        status="completed",
        conclusion=CONCLUSIONS.get(incident.verdict, "neutral"),
        title=texts.headline(incident),
        summary=text.removeprefix(texts.STICKY).strip(),
        annotations=annotations(incident),
    )
    try:
        hosting.github.put_check(check)
    except Forbidden as e:  # a pleasantry that needs a permission of its own
        hosting.say(f"no check was made: {e}")


def annotations(incident: Incident) -> tuple[Annotation, ...]:
    """The places in the repository that the diagnoses name, once each, whichever legs fail there."""
    rows = [
        Annotation(
            path=place.file,
            start_line=place.line,
            end_line=place.line,
            level="failure",
            message=plain(place.message or part.diagnosis.error),
            title=plain(part.job),
        )
        for part in incident.parts
        for place in part.diagnosis.locations
        if place.line
    ]
    return tuple({(row.path, row.start_line, row.message): row for row in reversed(rows)}.values())[::-1]


def say(github: GitHub, number: int, text: str) -> None:
    """Make the one comment below an issue or pull request say something; it is found by its marker and author.

    Of two that workers have written at the same time the first one stays.
    """
    if not (ours := _ours(github, number)):
        made = github.comment(number, text)
        ours = _ours(github, number)
        if ours is None or ours.id >= made.id:
            return
        github.delete_comment(made.id)
    if ours.body.strip() != text.strip():
        github.edit_comment(ours.id, text)


def _ours(github: GitHub, number: int) -> Comment | None:
    """The first of our comments; elsewhere its beginning may be quoted."""
    mine = (c for c in github.comments(number) if c.author == github.login)
    return next((c for c in mine if c.body.startswith(texts.STICKY)), None)


def apply(incident: Incident, hosting: Hosting, pull: Pull) -> Incident:
    """Push a suggested fix, once, to the branch of its pull request, whose head must not have moved until then."""
    run = incident.failed_run
    assert run
    assert incident.proposal
    if pull.head_repository != incident.repository:
        raise Forbidden("this pull request comes from a fork, which I cannot push to", hint="apply the patch by hand")
    vouch(incident, hosting.github)
    effect = find(incident, "push", pull.head_ref)
    if pull.head_sha not in (run.head_sha, incident.proposal.commit) and not (effect and effect.done):
        raise Conflict(
            f"the head has moved to {pull.head_sha[:12]} since the fix was made", hint="ask for a new one: /regreen fix"
        )
    return pushed(incident, hosting, pull.head_ref, run.head_sha)
