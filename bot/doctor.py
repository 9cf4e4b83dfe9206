"""What the doctor finds on GitHub, where there is a token for it."""

from collections.abc import Mapping

from bot.app import App, Check, Voices
from bot.errors import RegreenError, UsageError
from bot.hosted import APP_ID, TOKENS, connect, server_of_environment
from bot.text.urls import canonical


def name_on_github(app: App, environ: Mapping[str, str]) -> str:
    """`owner/name` of a checkout whose remote is at the GitHub of the environment, if that has a token; else empty."""
    if not any(environ.get(name) for name in (*TOKENS, APP_ID)):
        return ""
    try:
        url = canonical(app.checkout.origin)
    except UsageError:
        return ""
    name = url.removeprefix(f"{server_of_environment(environ).lower()}/")
    return name if name != url else ""


def check_up(repository: str, environ: Mapping[str, str], voices: Voices) -> list[Check]:
    """What the doctor finds on GitHub: whether the token is good, for what, and whether Actions may open pull requests.

    Nothing of it is needed to work on a checkout.
    """
    try:
        on = connect(repository, environ, voices)
        about, login = on.repository, on.github.login
        role = "" if login.endswith("[bot]") else f" ({on.github.role(login)})"  # a job's are those of its workflow
        may = on.github.may_open_pulls()
    except RegreenError as e:
        return [Check("GitHub", ok=False, told=str(e), needed=False)]
    found = [Check("GitHub", ok=True, told=f"{about.name}, as {login}{role}", needed=False)]
    where = f"{about.html_url}/settings/actions: Allow GitHub Actions to create and approve pull requests"
    told = {
        True: "Actions may open them",
        False: f"Actions may open none ({where})",
        None: f"this token cannot see whether Actions may open them ({where})",
    }[may]
    return [*found, Check("pull requests", ok=may is True, told=told, needed=False)]
