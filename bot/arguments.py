"""From the words of a command line to values; every mistake is one clear line that names the option."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from bot.errors import UsageError
from bot.model import Network, ReplayOptions, utc
from bot.replay.compare import Told

RUN_URL = re.compile(
    r"(?P<server>https?://[\w.:-]+)/(?P<repository>[\w.-]+/[\w.-]+)/actions/runs/(?P<run>\d{1,18})"
    r"(?:/attempts/(?P<attempt>\d{1,6}))?(?:/jobs?/\d+)?/?(?:[?#].*)?$",
    re.ASCII,
)
CHANGE_URL = re.compile(
    r"(?P<server>https?://[\w.:-]+)/(?P<repository>[\w.-]+/[\w.-]+)/"
    r"(?:pull/(?P<pull>\d{1,18})|commit/(?P<commit>[0-9a-f]{7,40}))(?:/[\w/]*)?(?:[?#].*)?$",
    re.ASCII,
)
MOST_DIGITS = 19


def options_of(
    given: Mapping[str, Any], network: Network, secrets: Iterable[str], local: Mapping[str, Path]
) -> ReplayOptions:
    """The options of `regreen replay`, as click gives them; `network` is the default that the settings name."""
    return ReplayOptions(
        workflows=given["workflows"],
        jobs=given["jobs"],
        matrix=tuple(_pairs("--matrix", given["matrix"], ":").items()),
        event=given["event"],
        event_payload=_payload(given["event_file"]),
        repository=_repository(given["repository"]),
        ref=given["ref"],
        inputs=_pairs("--input", given["inputs"]),
        variables=_pairs("--var", given["variables"]),
        secrets=tuple(sorted(secrets)),
        local_actions={k: str(v) for k, v in local.items()},
        as_of=_as_of(given["as_of"], given["network"] or network),
        network=given["network"] or network,
        committed=given["committed"],
        backend=given["backend"] or "",
    )


def told_result(path: Path) -> Told:
    """A result as `regreen replay --json` printed it. Raises `UsageError` when the file holds none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Told)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as e:
        raise UsageError(f"{path}: this is no result of regreen replay --json: {e}") from e


def _as_of(text: str, network: str) -> datetime | None:
    if text == "now":
        return None
    try:
        found = utc(text)
    except ValueError as e:
        raise UsageError(f"--as-of: '{text}' is no time (2026-01-31, 2026-01-31T12:00:00Z, or now)") from e
    if network != "registries":
        raise UsageError(f"--as-of: nothing travels with the network '{network}'", hint="use --network registries")
    return found


def _repository(name: str) -> str:
    if name and name.count("/") != 1:
        raise UsageError(f"--repository: '{name}' is not OWNER/NAME")
    return name


def _payload(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as e:
        raise UsageError(f"{path}: this is no JSON: {e}") from e
    if not isinstance(found, dict):
        raise UsageError(f"{path}: the payload of an event is a JSON object")
    return found


def _pairs(option: str, words: Iterable[str], separator: str = "=") -> dict[str, str]:
    found = {}
    for word in words:
        key, there, value = word.partition(separator)
        if not there or not key:
            raise UsageError(f"{option}: '{word}' has no '{separator}'")
        found[key] = value
    return found


def secrets_of(names: Iterable[str], files: Iterable[Path]) -> dict[str, str]:
    """The secrets that `--secret` names and `--secret-file` holds."""
    return {**_from_files(files), **_from_environment(names)}


def local_actions_of(words: Iterable[str]) -> dict[str, Path]:
    """The folders that `--local-action` gives in place of actions."""
    found = {name: Path(folder).absolute() for name, folder in _pairs("--local-action", words).items()}
    for name, folder in found.items():
        if not folder.is_dir():
            raise UsageError(f"--local-action {name}: {folder} is no folder")
    return found


def _from_environment(names: Iterable[str]) -> dict[str, str]:
    for name in names:
        if "=" in name:
            raise UsageError(
                "--secret takes only a name; its value comes from the environment, not from the command line"
            )
        if name not in os.environ:
            raise UsageError(f"--secret {name}: there is no such variable in the environment")
    return {name: os.environ[name] for name in names}


def _from_files(paths: Iterable[Path]) -> dict[str, str]:
    found = {}
    for path in paths:
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            key, there, value = line.partition("=")
            if not line.strip() or line.startswith("#"):
                continue
            if not there or not key.strip():  # the line itself may be a secret
                raise UsageError(f"{path}:{number}: this is no KEY=VALUE line")
            found[key.strip()] = value
    return found


def run_of(text: str, repository: str, server: str) -> tuple[str, int, int]:
    """Repository, id and attempt (0: the last) of a run on GitHub, by its URL or its id.

    `repository` is where an id alone is looked up; `server` is where people find GitHub. Raises `UsageError`, also for
    a URL on another server: the token is not for it.
    """
    if text.isascii() and text.isdigit() and len(text) < MOST_DIGITS:
        if not repository:
            raise UsageError(f"--run {text}: which repository is that?", hint="give the URL of the run, or --repo")
        return repository, int(text), 0
    match = RUN_URL.match(text)
    if not match:
        raise UsageError(f"--run: '{text}' is no run", hint="give its URL, .../actions/runs/123, or its number")
    _refuse_another(match["server"], server)
    return match["repository"], int(match["run"]), int(match["attempt"] or 0)


def change_of(text: str, server: str) -> tuple[str, int, str] | None:
    """Repository, number of the pull request (or 0) and commit (or empty) of the URL of either; None for another text.

    Raises `UsageError` for a URL on another server than `server`.
    """
    match = CHANGE_URL.match(text)
    if not match:
        return None
    _refuse_another(match["server"], server)
    return match["repository"], int(match["pull"] or 0), match["commit"] or ""


def _refuse_another(named: str, server: str) -> None:
    if named.lower() != server.lower():
        raise UsageError(f"{named} is not where the token is for, {server}", hint="set GITHUB_API_URL")
