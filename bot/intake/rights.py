"""Who may ask for what. The role is asked of GitHub when a command is carried out, since it may have changed."""

from typing import get_args

from bot.github import GitHub, Pull, Role
from bot.intake.commands import Verb
from bot.model import Model
from bot.settings import Settings

ROLES: tuple[Role, ...] = get_args(Role)
FOR_AUTHORS = frozenset({"diagnose", "status", "help"})
"""What the author of a pull request may ask for there."""
CHANGING = frozenset({"fix", "apply"})
"""What would push to the branch of a pull request, which is not done to forks."""


class Asker(Model, kw_only=True):
    """Who says a command or asks for a change."""

    login: str
    is_bot: bool = False


class Granted(Model, kw_only=True):
    """Go on; with `patch_only` by handing over a patch, without pushing anything."""

    patch_only: bool = False


class Denied(Model, kw_only=True):
    """The polite refusal, in one line."""

    reason: str


def may_raise(asker: Asker, github: GitHub) -> bool:
    """Whether somebody may let an incident cost more than somebody else has said."""
    return not asker.is_bot and ROLES.index(github.role(asker.login)) >= ROLES.index("maintain")


def may(
    verb: Verb, asker: Asker, github: GitHub, settings: Settings, *, repository: str, pull: Pull | None
) -> Granted | Denied:
    """Whether somebody may ask for something, on a pull request or (None) elsewhere. Raises what `GitHub.role` does."""
    if asker.is_bot and asker.login not in settings.commands.allowed_bots:
        return Denied(reason=f"{asker.login} is a bot that commands.allowed_bots does not list.")
    is_author = pull is not None and pull.author == asker.login and verb in FOR_AUTHORS
    if not is_author:
        needed: Role = getattr(settings.roles, verb)
        # GitHub knows no roles of apps. To list one is to trust it as with the right to write, and no further.
        has: Role = "write" if asker.is_bot else github.role(asker.login)
        if ROLES.index(has) < ROLES.index(needed):
            return Denied(reason=f"`{verb}` is for people with the role {needed} here; {asker.login} has {has}.")
    is_foreign = pull is not None and pull.head_repository != repository
    return Granted(patch_only=is_foreign and verb in CHANGING)
