"""What keeps Regreen from running in circles, and from working where people do not want it to.

Each guard gives None to go on, or why not.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from posixpath import basename

from bot.intake.commands import Verb
from bot.intake.events import Account, WorkflowRun
from bot.model import Category, Incident, Model
from bot.settings import Settings

DAY = timedelta(days=1)
WHEN_STOPPED = frozenset({"stop", "resume", "status", "feedback", "help"})
"""The commands that work where everything else is stopped."""


class Skip(Model, kw_only=True):
    """Nothing is done; `reason` is a line for people."""

    reason: str


def by_bot(who: Account, settings: Settings) -> Skip | None:
    """Bots that nobody has listed start nothing."""
    if who.is_bot and who.login not in settings.commands.allowed_bots:
        return Skip(reason=f"{who.login} is a bot that commands.allowed_bots does not list")
    return None


def switched_off(event: WorkflowRun, settings: Settings) -> Skip | None:
    """The settings say which workflows and branches are watched."""
    watch, branch = settings.watch, event.workflow_run.head_branch or ""
    names = (event.path, basename(event.path), event.workflow_run.name or "")
    if not _fits(names, watch.workflows) or _fits(names, watch.disabled_workflows):
        return Skip(reason=f"the workflow {event.path} is switched off in the settings (watch)")
    if not _fits([branch], watch.branches) or _fits([branch], watch.disabled_branches):
        return Skip(reason=f"the branch {branch} is switched off in the settings (watch)")
    return None


def left_to_people(category: Category, settings: Settings) -> Skip | None:
    """The settings say which kinds of failures are left to people."""
    if category in settings.watch.disabled_categories:
        return Skip(reason=f"failures of the kind {category} are left to people (watch.disabled_categories)")
    return None


def stopped(labels: Collection[str], settings: Settings, verb: Verb | None = None) -> Skip | None:
    """The label of a pull request or an issue stops all that is done there by itself (None), and most commands."""
    if settings.watch.stop_label in labels and verb not in WHEN_STOPPED:
        return Skip(reason=f"it has the label '{settings.watch.stop_label}'; /regreen resume takes it off")
    return None


def quiet(now: datetime, settings: Settings) -> Skip | None:
    """In quiet hours nothing begins by itself."""
    time = f"{now.astimezone(UTC):%H:%M}"
    for hours in settings.watch.quiet_hours:
        start, end = hours.split("-")
        is_quiet = start <= time < end if start <= end else time >= start or time < end
        if is_quiet:
            return Skip(reason=f"these are quiet hours, until {end} UTC (watch.quiet_hours)")
    return None


def worn_out(
    fingerprints: Iterable[str], incidents: Sequence[Incident], now: datetime, settings: Settings
) -> Skip | None:
    """How often the same failures, and any in a day, have been tried by the records of all incidents.

    An attempt counts as long as its incident has changed within the time.
    """
    watch = settings.watch
    of_day = sum(len(incident.attempts) for incident in incidents if incident.updated > now - DAY)
    if of_day >= watch.max_attempts_per_day:
        return Skip(reason=f"{of_day} attempts in a day are enough (watch.max_attempts_per_day)")
    since = now - watch.failure_days * DAY
    tried = [attempt for incident in incidents if incident.updated > since for attempt in incident.attempts]
    for fingerprint in fingerprints:
        count = sum(fingerprint in attempt.causes for attempt in tried)
        if count >= watch.max_attempts_per_failure:
            return Skip(
                reason=f"this failure was tried {count} times in {watch.failure_days} days, which is enough"
                " (watch.max_attempts_per_failure)"
            )
    return None


def _fits(names: Iterable[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
