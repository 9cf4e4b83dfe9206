"""Which client of the SDK asks, and with which credentials."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import anthropic

from bot.errors import MachineError, UsageError
from bot.llm import LLM_ADDRESS, LLM_HOST, LLM_KEYS

API = f"https://{LLM_HOST}"
KEY, TOKEN = LLM_KEYS
ADDRESS = LLM_ADDRESS
VERTEX = ("CLOUD_ML_REGION", "ANTHROPIC_VERTEX_PROJECT_ID")


@dataclass(frozen=True)
class Access:
    """`host` is who answers; `variable` and `address` are where the key and the address come from.

    `connect` takes what all clients are given, and `unable` is what they raise where they find no credentials.
    """

    host: str
    variable: str
    address: str
    connect: Callable[..., Any] = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    unable: tuple[type[Exception], ...] = ()

    def hide(self, text: str) -> str:
        """A text of others, in which no key of ours stands."""
        for secret in self.secrets:
            text = text.replace(secret, "[redacted]")
        return text


def access_of(environ: Mapping[str, str], provider: str) -> Access:
    """Find out how to ask a provider.

    Raises `UsageError` where key or address are none, `MachineError` where the provider's own libraries are missing.
    """
    return {"anthropic": _anthropic, "bedrock": _bedrock, "vertex": _vertex, "foundry": _foundry}[provider](environ)


def _anthropic(environ: Mapping[str, str]) -> Access:
    variable = next((name for name in (KEY, TOKEN) if environ.get(name, "").strip()), KEY)
    secret, base_url = _secret(environ, variable), _address(environ, ADDRESS)
    if not secret and urlsplit(base_url or API).hostname == LLM_HOST:
        hint = f"set {KEY}, or {ADDRESS} to a server that needs none"
        raise UsageError("there is no key for Anthropic's models", hint=hint)
    # Said here for good: the SDK would take both from its variable for headers, and with no key at all look for files.
    headers: Any = {"Authorization": f"Bearer {secret}" if secret else anthropic.omit, "X-Api-Key": anthropic.omit}

    def connect(**given: Any) -> anthropic.Anthropic:
        return anthropic.Anthropic(api_key=secret, base_url=base_url or API, default_headers=headers, **given)

    return Access(_host(base_url or API), variable, ADDRESS, connect, (secret,) if secret else ())


def _bedrock(environ: Mapping[str, str]) -> Access:
    _require("boto3", "bedrock")
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None
    variable, address = "AWS_BEARER_TOKEN_BEDROCK", "ANTHROPIC_BEDROCK_BASE_URL"
    secret, base_url = _secret(environ, variable), _address(environ, address)

    def connect(**given: Any) -> anthropic.AnthropicBedrock:
        key = secret or None
        return anthropic.AnthropicBedrock(aws_region=region, api_key=key, base_url=base_url or None, **given)

    from botocore.exceptions import BotoCoreError

    secrets = (secret,) if secret else ()
    return Access(_host(base_url) or "Bedrock", variable, address, connect, secrets, (BotoCoreError, RuntimeError))


def _vertex(environ: Mapping[str, str]) -> Access:
    _require("google.auth", "vertex")
    region, project = (environ.get(name) or anthropic.not_given for name in VERTEX)
    address = "ANTHROPIC_VERTEX_BASE_URL"
    base_url = _address(environ, address)

    def connect(**given: Any) -> anthropic.AnthropicVertex:
        return anthropic.AnthropicVertex(region=region, project_id=project, base_url=base_url or None, **given)

    from google.auth.exceptions import GoogleAuthError

    unable = (GoogleAuthError, RuntimeError, ValueError)
    return Access(_host(base_url) or "Vertex AI", "GOOGLE_APPLICATION_CREDENTIALS", address, connect, (), unable)


def _foundry(environ: Mapping[str, str]) -> Access:
    variable, address = "ANTHROPIC_FOUNDRY_API_KEY", "ANTHROPIC_FOUNDRY_BASE_URL"
    secret, base_url = _secret(environ, variable), _address(environ, address)
    if not secret:
        raise UsageError("there is no key for the models of Foundry", hint=f"set {variable}")
    place = {"base_url": base_url} if base_url else {"resource": environ.get("ANTHROPIC_FOUNDRY_RESOURCE") or None}

    def connect(**given: Any) -> anthropic.AnthropicFoundry:
        return anthropic.AnthropicFoundry(api_key=secret, **place, **given)

    return Access(_host(base_url) or "Foundry", variable, address, connect, (secret,))


def _secret(environ: Mapping[str, str], variable: str) -> str:
    """A key; the error of a header that has a line end in it would show the key."""
    secret = environ.get(variable, "").strip()
    if not secret.isascii() or not secret.isprintable():
        raise UsageError(f"what {variable} has is no key", hint="set it to the key alone")
    return secret


def _address(environ: Mapping[str, str], variable: str) -> str:
    base_url = environ.get(variable, "").strip()
    try:
        parts = urlsplit(base_url)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        fits = False
    if base_url and not fits:
        hint = "set it to one like https://host:port, without a user"
        raise UsageError(f"what {variable} has is no address", hint=hint)
    return base_url


def _require(library: str, extra: str) -> None:
    try:
        found = find_spec(library)
    except ModuleNotFoundError:  # nor is its parent there
        found = None
    if not found:
        hint = f"install it: pip install 'anthropic[{extra}]'"
        raise MachineError(f"the provider {extra} needs {library}, which is not installed", hint=hint)


def _host(base_url: str) -> str:
    return urlsplit(base_url).netloc
