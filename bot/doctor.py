"""What the doctor finds on GitHub, where there is a token for it, and of language models, where there is a key."""

from collections.abc import Iterator, Mapping

from bot.app import App, Check, Voices
from bot.errors import RegreenError, UsageError
from bot.hiring import lacking, may_ask
from bot.hosted import APP_ID, TOKENS, connect, name_on_github
from bot.model import Tokens
from bot.prospects import Models

MODELS = "language models"


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


def check_models(app: App, environ: Mapping[str, str]) -> Check:
    """Whether the models of the tiers can be asked for, by those who have them, and have a price. Nothing is paid."""
    try:
        if not may_ask(app.settings.llm, environ):
            never = app.settings.llm.use == "never"
            missing = "" if never else lacking(app.settings.llm, environ)
            why = missing or ("llm.use is never" if never else "llm.max_attempts is 0")
            return Check(MODELS, ok=not missing, told=f"none is asked: {why}", needed=False)
        models = app.models
        assert models
        wrong = "; ".join(_wrong(models))
        found = ", ".join(tier.model for tier in models.prospects.tiers)
    except RegreenError as e:
        return Check(MODELS, ok=False, told=str(e), needed=False)
    return Check(MODELS, ok=not wrong, told=wrong or found, needed=False)


def _wrong(models: Models) -> Iterator[str]:
    listed = models.llm.models()
    if listed is None:
        yield "nobody lists them, so whether there are those of llm.models is not known"
    for tier in models.prospects.tiers:
        stage = listed.get(tier.model, "unknown") if listed is not None else "active"
        if stage != "active":
            yield f"{tier.model} ({tier.name}) is {stage}: change llm.models"
        try:
            models.prices.cost(tier.model, Tokens())
        except UsageError as e:
            yield str(e)
