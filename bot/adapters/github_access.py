"""How Regreen identifies itself to GitHub: with a token, or as an App that gets one for each repository."""

import json
from datetime import datetime, timedelta

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from github.Auth import AppAuth

from bot.adapters.github_memory import Call
from bot.adapters.github_wire import Access, Wire
from bot.errors import UsageError
from bot.model import utc

LEEWAY = timedelta(minutes=5)  # a token lives an hour; it is renewed when it is 55 minutes old
PERMISSIONS = {
    # all that a gateway does, and what for
    "actions": "write",  # logs, artifacts, to run jobs again, to start a workflow
    "checks": "write",  # the check
    "contents": "write",  # branches and commits
    "issues": "write",  # issues for people, labels
    "metadata": "read",  # who may do what
    "pull_requests": "write",  # proposals, comments, reviews
}


class Token(Access):
    """A token as it is given: `GITHUB_TOKEN` or a personal one. Raises `UsageError` when it cannot be one."""

    def __init__(self, token: str) -> None:
        token = token.strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise UsageError("there is no token for GitHub", hint="set GITHUB_TOKEN to one, without spaces or newlines")
        self._token = token

    def authorization(self) -> str:
        """The value of the header."""
        return f"Bearer {self._token}"

    def secret(self) -> str:
        """The token itself, for git."""
        return self._token


class App(Access):
    """A GitHub App itself, by its id and the PEM of its private key. Raises `UsageError` for a key that is none."""

    def __init__(self, app: int, private_key: str) -> None:
        try:
            right = isinstance(load_pem_private_key(private_key.encode(), password=None), RSAPrivateKey)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            right = False
        if not right:
            raise UsageError(
                "the private key of the GitHub App is no RSA key in PEM", hint="download a new one from it"
            )
        self._auth = AppAuth(app, private_key)

    def authorization(self) -> str:
        """The value of the header: a statement signed with the key, good for five minutes."""
        return f"Bearer {self._auth.create_jwt()}"


class Installation(Access):
    """A token of an App for one repository only, renewed before it ends."""

    def __init__(self, wire: Wire, app: App, installation: int, repository: str) -> None:
        self._wire = wire
        self._app = app
        self._url = f"{wire.base_url}/app/installations/{installation}/access_tokens"
        self._asked = {"repositories": [repository.partition("/")[2]], "permissions": PERMISSIONS}
        self._token = ""
        self._until: datetime | None = None

    def authorization(self) -> str:
        """The value of the header."""
        return f"Bearer {self.secret()}"

    def secret(self) -> str:
        """The token itself, for git."""
        if self._until is None or self._wire.clock.now() >= self._until - LEEWAY:
            said = self._wire.ask(Call("POST", self._url, json.dumps(self._asked)), self._app).said
            self._token, self._until = str(said["token"]), utc(said["expires_at"])
        return self._token

    def renew(self) -> bool:
        """Get another one."""
        self._until = None
        return True
