"""From what happened to what is to be done about it. Nothing is asked of GitHub here."""

from datetime import datetime

from bot.github import OF_GITHUB, RED, Comment, Hosted, Run
from bot.github import Review as Submitted
from bot.intake import loops
from bot.intake.commands import Command, Mistake, commands_of, is_addressed
from bot.intake.events import (
    GHOST,
    Account,
    Branch,
    CheckRun,
    CheckSuite,
    CommentPart,
    Event,
    Given,
    Ignored,
    IssueComment,
    PullRequest,
    Push,
    Repository,
    RepositoryDispatch,
    Review,
    ReviewComment,
    RunPart,
    Schedule,
    WorkflowDispatch,
    WorkflowRun,
)
from bot.intake.loops import Skip
from bot.intake.rights import Asker
from bot.model import Model
from bot.settings import Settings
from bot.text.own import MARKER, incident_of_branch, incident_of_message, is_incident

MERGE_GROUP = "merge_group"
"""The event of runs of branches that GitHub makes, and deletes, for what it is about to merge."""
MOST_DIGITS = 19  # of the id of a run


class Identity(Model, kw_only=True):
    """Who Regreen is here: the account of its token and, in Actions, the file of its own workflow."""

    login: str
    workflow: str = ""


class Open(Model, kw_only=True):
    """Deal with a red run: open its incident, or find the one that is open. `attempt` 0 is the last one."""

    run: int
    attempt: int = 0


class About(Model, kw_only=True):
    """Which failures an event may concern: those of a pull request, or of a workflow on a branch of a repository."""

    pull: int = 0
    repository: str = ""
    branch: str = ""
    workflow: str = ""


class Wake(Model, kw_only=True):
    """See whether the event changes anything for an incident, or (empty) for those that it is `about`.

    The id comes from names that anybody can choose: the incident has to look whether the event is about its own. One
    that a message names is meant only where its record has that `commit`; if not, `otherwise` is to be done. `asker` is
    whose rights to `fix` have to be asked, where the event is a wish: the `review` of the pull request `number`.
    """

    reason: str
    incident: str = ""
    about: About = About()
    commit: str = ""
    otherwise: "Open | Wake | Skip | None" = None
    asker: Asker | None = None
    number: int = 0
    review: int = 0


class Obey(Model, kw_only=True):
    """Carry out commands, in order, each when `rights.may` grants it; mistakes are told to who may ask for `help`.

    `comment` is the one to react to, on lines of a diff or (not `on_lines`) below an issue or a pull request. `head` is
    the commit that it was written for, empty where GitHub does not say: then the head is bound when it is first read.
    `late`: nobody has carried it out when it was `said`, so that the head may be another one by now.
    """

    commands: tuple[Command | Mistake, ...]
    asker: Asker
    number: int
    is_pull: bool
    comment: int
    on_lines: bool = False
    head: str = ""
    said: datetime
    late: bool = False


class Tick(Model, kw_only=True):
    """Go on with the incidents that wait."""


Decision = Open | Wake | Obey | Tick | Skip


def idle(event: Event | Ignored, workflow: str) -> Skip | None:
    """Whether nothing is to be done, where the event alone tells; `workflow` is the file of Regreen's own."""
    match event:
        case Ignored(name=name):
            return Skip(reason=f"this {name} changes nothing")
        case WorkflowRun() if event.action != "completed":
            return Skip(reason="the run has not ended")
        case WorkflowRun(path=path) if (workflow and path == workflow) or path.startswith(OF_GITHUB):
            return Skip(reason=f"{path} is no workflow that checks the repository")
        case IssueComment() | ReviewComment() if event.action != "created":
            return Skip(reason="only new comments are read")
        case IssueComment() | ReviewComment() if not is_addressed(event.comment.body):
            return Skip(reason="the comment has no command")
    return None


def decide(event: Event | Ignored, settings: Settings, me: Identity) -> Decision:
    """What to do about an event."""
    if skip := idle(event, me.workflow):
        return skip
    match event:
        case WorkflowRun():
            return _of_run(event, settings, me)
        case PullRequest():
            return _of_pull(event, settings, me)
        case Review():
            return _of_review(event, settings)
        case IssueComment(issue=issue):
            is_pull = issue.pull_request is not None
            return _of_comment(event.action, event.comment, settings, me, number=issue.number, is_pull=is_pull)
        case ReviewComment(pull_request=pull):
            return _of_comment(event.action, event.comment, settings, me, number=pull.number, on_lines=True)
        case CheckRun() | CheckSuite():
            return _of_check(event, me)
        case Push(deleted=True) if incident := incident_of_branch(event.ref.removeprefix("refs/heads/")):
            return Wake(incident=incident, reason="its branch was deleted")
        case WorkflowDispatch() if me.workflow and event.workflow == me.workflow:
            return _of_dispatch(event.inputs)
        case RepositoryDispatch(action="regreen"):
            return _of_dispatch(event.client_payload)
        case Schedule():
            return Tick()
    return Skip(reason=f"this {type(event).__name__} changes nothing")


def _of_run(event: WorkflowRun, settings: Settings, me: Identity) -> Decision:
    run = event.workflow_run
    told, decision = f"the run of a commit of its own ended: {run.conclusion}", _of_others_run(event, settings, me)
    if not _is_here(event):
        return decision
    if incident := incident_of_branch(run.head_branch or ""):
        return Wake(incident=incident, reason=told)
    # A commit of its own that people have merged is theirs: when that turns the branch red, it is a new failure.
    is_merged = _is_of_default(event) and not _is_me(run.actor or event.sender, me)
    message = run.head_commit.message if run.head_commit and not is_merged else ""
    if incident := incident_of_message(message):
        return Wake(incident=incident, reason=told, commit=run.head_sha, otherwise=decision)
    return decision


def _of_others_run(event: WorkflowRun, settings: Settings, me: Identity) -> Open | Wake | Skip:
    run = event.workflow_run
    who, of = run.triggering_actor or run.actor or event.sender, run.head_repository
    about = About(repository=of.full_name if of else "", branch=run.head_branch or "", workflow=event.path)
    if run.conclusion == "success":
        return Wake(reason="the run is green", about=about)
    if run.conclusion not in RED:
        return Skip(reason=f"the run ended as {run.conclusion}")
    if run.event == MERGE_GROUP:
        return Skip(reason="a merge queue takes out what is red by itself")
    if run.run_attempt > 1 and _is_me(who, me):
        return Wake(reason="the jobs that Regreen ran again are red again", about=about)
    if skip := loops.switched_off(event, settings):
        return skip
    # A red default branch is everybody's, whoever pushed last.
    skip = None if _is_of_default(event) else loops.by_bot(run.actor or who, settings)
    return skip or Open(run=run.id, attempt=run.run_attempt)


def _of_pull(event: PullRequest, settings: Settings, me: Identity) -> Decision:
    is_switch = event.label is not None and event.label.name == settings.watch.stop_label
    told = {
        "closed": "the pull request was merged" if event.pull_request.merged else "the pull request was closed",
        "reopened": "the pull request was opened again",
        "synchronize": "the pull request has new commits",
        "labeled": "it was stopped by its label" if is_switch else "",
        "unlabeled": "the label that stopped it is gone" if is_switch else "",
    }.get(event.action, "")
    if not told or _is_me(event.sender, me):
        return Skip(reason="this change of a pull request changes nothing")
    about = About(pull=event.pull_request.number)
    return Wake(incident=_incident_of(event.pull_request.head, event.repository), reason=told, about=about)


def _of_review(event: Review, settings: Settings) -> Decision:
    who = event.review.user or GHOST
    incident = _incident_of(event.pull_request.head, event.repository)
    if event.action != "submitted" or event.review.state.lower() != "changes_requested" or not incident:
        return Skip(reason="this review asks for no changes of a proposal")
    return _of_asking(event.review.id, who, incident, event.pull_request.number, settings)


def _of_asking(review: int, who: Account, incident: str, number: int, settings: Settings) -> Decision:
    told = "a review asks for changes"
    return loops.by_bot(who, settings) or Wake(
        incident=incident, reason=told, asker=_asker(who), number=number, review=review
    )


def decide_unheard(review: Submitted, incident: str, number: int, settings: Settings) -> Decision:
    """What to do about a review of an incident's proposal that asks for changes, and was found without its event."""
    who = Account(login=review.author, type="Bot" if review.author_is_bot else "User")
    return _of_asking(review.id, who, incident, number, settings)


def _of_comment(
    action: str,
    comment: CommentPart,
    settings: Settings,
    me: Identity,
    *,
    number: int,
    is_pull: bool = True,
    on_lines: bool = False,
) -> Decision:
    who = comment.user or GHOST
    if action != "created":
        return Skip(reason="only new comments are read")
    if _is_me(who, me) or (who.login == me.login and MARKER in comment.body):
        return Skip(reason="this is a comment of Regreen")
    if skip := loops.by_bot(who, settings):
        return skip
    commands = commands_of(comment.body, me.login)
    if not commands:
        return Skip(reason="the comment has no command")
    return Obey(
        commands=commands,
        asker=_asker(who),
        number=number,
        is_pull=is_pull,
        comment=comment.id,
        on_lines=on_lines,
        head=comment.commit_id,
        said=comment.created_at,
    )


def decide_late(comment: Comment, settings: Settings, me: Identity) -> Decision:
    """What to do about a comment that was found without its event; one that was edited since is never a command."""
    user = Account(login=comment.author, type="Bot" if comment.author_is_bot else "User")
    part = CommentPart(
        id=comment.id, body=comment.body, user=user, created_at=comment.created, commit_id=comment.commit
    )
    action = "created" if comment.updated == comment.created else "edited"
    number, is_pull, on_lines = comment.number, comment.is_pull, comment.on_lines
    return _of_comment(action, part, settings, me, number=number, is_pull=is_pull, on_lines=on_lines)


def decide_missed(run: Run, repository: Hosted, settings: Settings, me: Identity) -> Decision:
    """What to do about a run that was found without its event."""
    actor = Account(login=run.actor, type="Bot" if run.actor_is_bot else "User")
    part = RunPart(
        id=run.id,
        name=run.name,
        path=run.workflow,
        run_attempt=run.attempt,
        event=run.event,
        conclusion=run.conclusion,
        head_sha=run.head_sha,
        head_branch=run.head_branch,
        head_repository=Repository(full_name=run.head_repository) if run.head_repository else None,
        actor=actor,
    )
    about = Repository(full_name=repository.name, default_branch=repository.default_branch)
    return decide(WorkflowRun(action="completed", repository=about, sender=actor, workflow_run=part), settings, me)


def _of_check(event: CheckRun | CheckSuite, me: Identity) -> Decision:
    """People may press a button to run checks again; that GitHub tells only to the app that made them."""
    check = event.check_run if isinstance(event, CheckRun) else event.check_suite
    if event.action != "rerequested" or check.app is None or f"{check.app.slug}[bot]" != me.login:
        return Skip(reason="the runs of workflows tell enough of checks")
    if not is_incident(incident := check.external_id or ""):
        return Skip(reason="this check is of no incident")
    return Wake(incident=incident, reason="people want its check again")


def _of_dispatch(given: Given | None) -> Decision:
    run = str(given.run if given else "")
    return Open(run=int(run)) if run.isascii() and run.isdecimal() and len(run) < MOST_DIGITS else Tick()


def _is_here(event: WorkflowRun) -> bool:
    """Whether a run is of the repository itself. In forks nothing is Regreen's, whatever it is called."""
    of = event.workflow_run.head_repository
    return of is not None and of.full_name == event.repository.full_name


def _is_of_default(event: WorkflowRun) -> bool:
    run = event.workflow_run
    return run.head_branch == event.repository.default_branch and not run.event.startswith("pull_request")


def _incident_of(head: Branch, repository: Repository) -> str:
    """The incident that a pull request of Regreen is about; empty for those of others, and for forks."""
    is_here = head.repo is not None and head.repo.full_name == repository.full_name
    return incident_of_branch(head.ref) if is_here else ""


def _is_me(who: Account, me: Identity) -> bool:
    """Whether Regreen itself did it. With the token of a person nobody can tell the two apart by their name."""
    return who.is_bot and who.login == me.login


def _asker(who: Account) -> Asker:
    return Asker(login=who.login, is_bot=who.is_bot)
