"""What the doctor finds on GitHub, where there is a token for it."""

from collections.abc import Mapping

from bot.app import App, Check, Voices
from bot.errors import RegreenError
from bot.hosted import APP_ID, TOKENS, connect, name_on_github


def check_up(app: App, environ: Mapping[str, str], voices: Voices) -> list[Check]:
    """What the doctor finds on GitHub: whether the token is good, for what, and whether Actions may open pull requests.

    Nothing of it is needed to work on a checkout, and nothing is found without a token, or for one of elsewhere.
    """
    if not any(environ.get(name) for name in (*TOKENS, APP_ID)):
        return []
    try:
        repository = name_on_github(app, environ)
        if not repository:
            return []
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
