"""Settings: config/defaults.yaml, then the repository's own file, then the environment. Frozen once read."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
)

from bot.config_files import config_root
from bot.errors import UsageError
from bot.ports import Checkout, Git
from bot.yaml12 import compose, load

REPOSITORY_FILES = (".github/regreen.yml", ".regreen.yml")
PREFIX = "REGREEN_"
# A name of letters, digits and hyphens, perhaps with a port: no address, no trailing dot, no punycode
# (https://www.rfc-editor.org/rfc/rfc1123#page-13).
HOST = re.compile(
    r"(?!(?:.*\.)?xn--)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?(?::\d{1,5})?"
)


def _strict(host: str) -> str:
    if not HOST.fullmatch(host) or not 0 < int(host.partition(":")[2] or 1) < 1 << 16:
        raise ValueError(f"'{host}' is no plain name of a host (host or host:port)")
    return host


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReplaySettings(_Section):
    """How replays run."""

    network: Literal["none", "registries", "all"]
    hosts: tuple[Annotated[str, AfterValidator(_strict)], ...]
    backends: tuple[Literal["host", "docker", "github"], ...]
    images: dict[str, str]
    workers: NonNegativeInt
    max_processes: PositiveInt
    max_memory_bytes: PositiveInt
    max_disk_bytes: PositiveInt
    max_cache_bytes: NonNegativeInt
    side_effect_actions: tuple[str, ...]
    side_effect_commands: tuple[str, ...]
    allow_side_effects: tuple[str, ...]
    sources: dict[str, str]
    local_actions: dict[str, str]


class FixSettings(_Section):
    """What is tried, and for how long."""

    strategies: tuple[str, ...]
    disabled_strategies: tuple[str, ...]
    unsafe_fixes: bool
    snapshots: bool
    workflow_files: bool
    max_attempts: PositiveInt
    max_rounds: PositiveInt
    max_minutes: PositiveFloat
    flaky_reruns: NonNegativeInt
    flaky_seconds: float = Field(ge=0)


class ScopeSettings(_Section):
    """How much a fix may touch."""

    max_files: PositiveInt
    max_lines: PositiveInt


class GuardSettings(_Section):
    """What the guard lets through."""

    allow: tuple[str, ...]


class StateSettings(_Section):
    """Where checkpoints go and how long they stay."""

    remote: str
    retention_days: PositiveInt


class DiagnosisSettings(_Section):
    """How much a diagnosis says, and what it knows besides what is known everywhere."""

    max_tokens: PositiveInt
    signatures: tuple[dict[str, Any], ...]


class Settings(_Section):
    """All settings. `sources` tells of each dotted name where its value came from."""

    replay: ReplaySettings
    fix: FixSettings
    scope: ScopeSettings
    guard: GuardSettings
    state: StateSettings
    diagnosis: DiagnosisSettings
    sources: dict[str, str] = Field(default_factory=dict, exclude=True)

    def rows(self) -> Iterator[tuple[str, Any, str]]:
        """(dotted name, value, where it came from), in the order of defaults.yaml."""
        for section, values in self.model_dump(mode="json").items():
            for name, value in values.items():
                yield f"{section}.{name}", value, self.sources[f"{section}.{name}"]


def read_settings(text: str | None, source: str, environ: Mapping[str, str]) -> Settings:
    """Merge the settings. `text` is the repository's file, named by `source`; None where it has none.

    Raises `UsageError` that names every mistake with its line.
    """
    values = load((config_root() / "defaults.yaml").read_text("utf-8"), "defaults.yaml")
    sources = {f"{section}.{name}": "default" for section, names in values.items() for name in names}
    given = load(text, source) if text else {}
    if not isinstance(given or {}, dict):
        raise UsageError(f"{source}:1: this is not a mapping of sections")
    for section, names in (given or {}).items():
        if isinstance(names, dict) and isinstance(values.get(section), dict):
            values[section] |= names
            sources |= dict.fromkeys((f"{section}.{name}" for name in names), source)
        else:
            values[section] = names
    for name in sources:
        variable = PREFIX + name.replace(".", "_").upper()
        if variable in environ:
            section, key = name.split(".")
            values[section][key] = load(environ[variable], variable)
            sources[name] = variable
    try:
        settings = Settings(**values, sources=sources)
    except ValidationError as e:
        raise UsageError("; ".join(_mistakes(e, text, source, sources))) from e
    _refuse_folders(settings)
    return settings


def settings_of(git: Git, checkout: Checkout, environ: Mapping[str, str]) -> Settings:
    """The settings of a checkout; the repository's own file comes from its base branch, not from the one at hand."""
    branch = checkout.default_branch
    for ref in (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}", checkout.head):
        listing = git.try_run("ls-tree", "-z", "--name-only", ref, *REPOSITORY_FILES)
        if listing is None:
            continue
        there = listing.decode("utf-8", "replace").split("\0")
        if name := next((n for n in REPOSITORY_FILES if n in there), None):
            text = git.run("cat-file", "blob", f"{ref}:{name}")
            return read_settings(text.decode("utf-8", "replace"), name, environ)
        break
    return read_settings(None, REPOSITORY_FILES[0], environ)


def _refuse_folders(settings: Settings) -> None:
    """A repository's own file must not name folders of the machine that it is replayed on: a job could read them."""
    places = settings.replay.sources.values()
    for name, wrong in (
        ("replay.sources", not all(place.startswith("https://") for place in places)),
        ("replay.local_actions", bool(settings.replay.local_actions)),
    ):
        source = settings.sources[name]
        if wrong and source in REPOSITORY_FILES:
            hint = f"set {PREFIX}{name.replace('.', '_').upper()}"
            raise UsageError(f"{source}: {name}: folders are taken from the environment only", hint=hint)


def _mistakes(error: ValidationError, text: str | None, source: str, sources: Mapping[str, str]) -> Iterator[str]:
    root = compose(text, source) if text else None
    for found in error.errors():
        path = [str(x) for x in found["loc"]]
        name = ".".join(path[:2])
        told = "there is no such setting" if found["type"] == "extra_forbidden" else found["msg"].lower()
        where = sources.get(name, source)
        line = _line(root, path) if where == source else 0
        yield f"{where}{f':{line}' if line else ''}: {name}: {told}"


def _line(node: yaml.Node | None, path: list[str]) -> int:
    line = node.start_mark.line + 1 if node else 0
    for key in path:
        if not isinstance(node, yaml.MappingNode):
            break
        pair = next(((k, v) for k, v in node.value if k.value == key), None)
        if pair is None:
            break
        line, node = pair[0].start_mark.line + 1, pair[1]
    return line
