"""Settings: config/defaults.yaml, then the repository's own file, then the environment. Frozen once read."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import EnumType
from typing import Annotated, Any, Literal, dataclass_transform, get_args

import msgspec
import yaml
from msgspec import Meta
from msgspec.structs import fields

from bot.config_files import config_root
from bot.errors import UsageError
from bot.model import Category, Network, Prefer
from bot.ports import Checkout, Git
from bot.yaml12 import compose, load

REPOSITORY_FILES = (".github/regreen.yml", ".regreen.yml")
PREFIX = "REGREEN_"
FILE = f"{PREFIX}CONFIG"
"""The variable that names the repository's file where it is none of these."""
NO_SETTING = "there is no such setting"
PositiveInt = Annotated[int, Meta(ge=1)]
NonNegativeInt = Annotated[int, Meta(ge=0)]
MOST_MINUTES = 365 * 24 * 60
Least = Literal["read", "triage", "write", "maintain", "admin"]
Hours = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]
# A name of letters, digits and hyphens, perhaps with a port: no address, no trailing dot, no punycode
# (https://www.rfc-editor.org/rfc/rfc1123#page-13).
HOST = re.compile(
    r"(?!(?:.*\.)?xn--)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?(?::\d{1,5})?"
)


@dataclass_transform(frozen_default=True)
class _Section(msgspec.Struct, frozen=True):
    pass


class ReplaySettings(_Section, kw_only=True):
    """How replays run."""

    network: Network
    hosts: tuple[str, ...]
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


class FixSettings(_Section, kw_only=True):
    """What is tried, and for how long."""

    strategies: tuple[str, ...]
    disabled_strategies: tuple[str, ...]
    unsafe_fixes: bool
    snapshots: bool
    workflow_files: bool
    max_attempts: PositiveInt
    max_rounds: PositiveInt
    max_minutes: Annotated[float, Meta(gt=0, le=MOST_MINUTES)]
    flaky_reruns: NonNegativeInt
    flaky_seconds: Annotated[float, Meta(ge=0)]


class ScopeSettings(_Section, kw_only=True):
    """How much a fix may touch."""

    max_files: PositiveInt
    max_lines: PositiveInt


class GuardSettings(_Section, kw_only=True):
    """What the guard lets through."""

    allow: tuple[str, ...]


class StateSettings(_Section, kw_only=True):
    """Where checkpoints go and how long they stay."""

    remote: str
    retention_days: PositiveInt


class ProposalSettings(_Section, kw_only=True):
    """How fixes are proposed on GitHub, and what people are told there."""

    mode: Literal["suggest", "pull-request", "push"]
    draft: Literal["never", "below-a", "always"]
    labels: tuple[str, ...]
    reviewers: tuple[str, ...]
    suggestions: bool
    trust_ci: bool
    signed: bool
    check: bool
    comment: bool
    issue: bool


class RevertSettings(_Section, kw_only=True):
    """When what broke a branch is reverted in the place of a fix."""

    automatic: bool
    max_per_day: NonNegativeInt
    max_commits: PositiveInt


class LlmSettings(_Section, kw_only=True):
    """Which language models are asked, how often, and what that may cost, in US dollars."""

    use: Literal["auto", "never"]
    provider: Literal["anthropic", "bedrock", "vertex", "foundry"]
    models: dict[str, str]
    prices: dict[str, dict[str, Decimal]]
    prefer: Prefer
    max_attempts: NonNegativeInt
    max_usd_per_fix: Decimal
    max_usd_attempt: Decimal
    max_usd_incident: Decimal
    max_usd_pull_request: Decimal
    max_usd_day: Decimal
    max_usd_month: Decimal
    usd_per_replay_minute: Decimal


class DiagnosisSettings(_Section, kw_only=True):
    """How much a diagnosis says, and what it knows besides what is known everywhere."""

    max_tokens: PositiveInt
    signatures: tuple[dict[str, Any], ...]


class WatchSettings(_Section, kw_only=True):
    """Which failures are dealt with on GitHub, when, and how often."""

    workflows: tuple[str, ...]
    disabled_workflows: tuple[str, ...]
    branches: tuple[str, ...]
    disabled_branches: tuple[str, ...]
    disabled_categories: tuple[Category, ...]
    stop_label: Annotated[str, Meta(min_length=1)]
    quiet_hours: tuple[Hours, ...]
    max_attempts_per_failure: PositiveInt
    failure_days: Annotated[int, Meta(ge=1, le=365)]
    max_attempts_per_day: PositiveInt


class CommandSettings(_Section, kw_only=True):
    """Who else may say commands."""

    allowed_bots: tuple[str, ...]


class RoleSettings(_Section, kw_only=True):
    """The least role in the repository that each command asks for."""

    fix: Least
    diagnose: Least
    apply: Least
    retry: Least
    replay: Least
    revert: Least
    status: Least
    stop: Least
    resume: Least
    feedback: Least
    ignore: Least
    help: Least


class Settings(_Section, kw_only=True):
    """All settings. `sources` tells of each dotted name where its value came from."""

    replay: ReplaySettings
    fix: FixSettings
    scope: ScopeSettings
    guard: GuardSettings
    state: StateSettings
    diagnosis: DiagnosisSettings
    llm: LlmSettings
    proposal: ProposalSettings
    watch: WatchSettings
    commands: CommandSettings
    roles: RoleSettings
    revert: RevertSettings
    sources: dict[str, str]

    def rows(self) -> Iterator[tuple[str, Any, str]]:
        """(dotted name, value, where it came from), in the order of defaults.yaml."""
        for name, where in self.sources.items():
            section, key = name.split(".")
            yield name, msgspec.to_builtins(getattr(getattr(self, section), key)), where


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
    if mistakes := list(_mistakes(values, text, source, sources)):
        raise UsageError("; ".join(mistakes))
    settings = msgspec.convert({**values, "sources": sources}, Settings)
    _refuse_folders(settings)
    return settings


def settings_of(git: Git, checkout: Checkout, environ: Mapping[str, str]) -> Settings:
    """The settings of a checkout; the repository's own file comes from its base branch, not from the one at hand.

    Raises `UsageError` that names every mistake with its line, and where the file named by the environment is missing.
    """
    branch, asked = checkout.default_branch, environ.get(FILE, "").removeprefix("./")
    names = (asked,) if asked else REPOSITORY_FILES
    for ref in (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}", checkout.head):
        listing = git.try_run("ls-tree", "-z", ref, "--", *names)
        if listing is None:
            continue
        rows = (row.partition("\t") for row in listing.decode("utf-8", "replace").split("\0"))
        there = {name: about.split()[2] for about, _, name in rows if " blob " in about}
        if name := next((n for n in names if n in there), None):
            text = git.run("cat-file", "blob", there[name])
            return read_settings(text.decode("utf-8", "replace"), name, environ)
        break
    if asked:
        raise UsageError(f"{asked!r}: there is no such file on {branch}", hint=f"the input config, or {FILE}, names it")
    return read_settings(None, REPOSITORY_FILES[0], environ)


def _refuse_folders(settings: Settings) -> None:
    """A repository's own file must not name folders of the machine that it is replayed on: a job could read them."""
    places = settings.replay.sources.values()
    for name, wrong in (
        ("replay.sources", not all(place.startswith("https://") for place in places)),
        ("replay.local_actions", bool(settings.replay.local_actions)),
    ):
        source, variable = settings.sources[name], f"{PREFIX}{name.replace('.', '_').upper()}"
        if wrong and source != variable:
            told = f"{source}: {name}: folders are taken from the environment only"
            raise UsageError(told, hint=f"set {variable}")


def _mistakes(values: Mapping[str, Any], text: str | None, source: str, sources: Mapping[str, str]) -> Iterator[str]:
    root = compose(text, source) if text else None
    for path, told in _problems(values):
        name = ".".join(path)
        where = sources.get(name, source)
        line = _line(root, path) if where == source else 0
        yield f"{where}{f':{line}' if line else ''}: {name}: {told}"


def _problems(values: Mapping[str, Any]) -> Iterator[tuple[list[str], str]]:
    """What is wrong, with the names that lead to it."""
    sections = {f.name: f.type for f in fields(Settings) if f.name != "sources"}
    for section, given in values.items():
        if section not in sections:
            yield [section], NO_SETTING
            continue
        if not isinstance(given, dict):
            yield [section], "this is not a mapping of settings"
            continue
        types = {f.name: f.type for f in fields(sections[section])}
        for name, value in given.items():
            if told := _problem(value, types[name]) if name in types else NO_SETTING:
                yield [section, str(name)], told
        for host in _odd_hosts(given.get("hosts")):
            yield [section, "hosts"], f"'{host}' is no plain name of a host (host or host:port)"


def _problem(value: Any, wanted: Any) -> str:
    """Why a value is none of a type; empty when it is one."""
    try:
        found = msgspec.convert(value, wanted)
    except msgspec.ValidationError as e:
        words = " or ".join(f"'{w}'" for w in _words(wanted))
        return f"{str(e).lower()}{f' (there are {words})' if words else ''}"
    if wanted is Decimal and not (found.is_finite() and found >= 0):
        return "this is no amount of money"
    return ""


def _words(wanted: Any) -> Iterator[str]:
    """The words of a type that has only some."""
    if isinstance(wanted, EnumType):
        yield from wanted
    for part in get_args(wanted):
        yield from [part] if isinstance(part, str) else _words(part)


def _odd_hosts(hosts: Any) -> list[str]:
    told = [h for h in hosts if isinstance(h, str)] if isinstance(hosts, list) else []
    return [h for h in told if not HOST.fullmatch(h) or not 0 < int(h.partition(":")[2] or 1) < 1 << 16]


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
