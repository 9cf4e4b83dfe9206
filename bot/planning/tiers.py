"""The tiers of language models: config/tiers.yaml, with the models that the settings name."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bot.config_files import config_root
from bot.errors import UsageError
from bot.model import Category, Constraints, Model
from bot.yaml12 import load

Share = Annotated[float, Meta(ge=0, le=1)]
TIERS = ("small", "medium", "large")


class Tier(Model, kw_only=True):
    """A tier; see config/tiers.yaml. `name` and `model` are put in from outside."""

    name: str = ""
    model: str = ""
    number: int
    mode: Literal["edit", "agent"]
    effort: str
    prompt: int
    output: int
    turns: int
    usd: Decimal
    seconds: float


class Table(Model, kw_only=True):
    """All of config/tiers.yaml."""

    small: Tier
    medium: Tier
    large: Tier
    agent: int
    chance: dict[Category, tuple[Share, Share, Share]]
    left: tuple[Share, Share, Share]
    strength: int
    complexity: dict[str, Share]


@cache
def table() -> Table:
    """Read config/tiers.yaml."""
    return msgspec.convert(load((config_root() / "tiers.yaml").read_bytes(), "tiers.yaml"), Table)


def tiers(models: Mapping[str, str]) -> tuple[Tier, ...]:
    """The tiers that have a model, the cheapest first. Raises `UsageError` for a tier that there is not."""
    if unknown := sorted(set(models) - set(TIERS)):
        raise UsageError(f"llm.models: there is no tier {unknown[0]!r}", hint=f"there are {', '.join(TIERS)}")
    found = ((name, getattr(table(), name)) for name in TIERS)
    return tuple(tier.changed(name=name, model=models[name]) for name, tier in found if models.get(name))


def wanted(found: Sequence[Tier], constraints: Constraints) -> Sequence[Tier]:
    """Those of some tiers that somebody wants: from the one to begin with on, as agents where that is asked for.

    Raises `UsageError` when there is no tier to begin with.
    """
    if constraints.tier:
        first = next((tier for tier in found if tier.name == constraints.tier), None)
        if first is None:
            raise UsageError(
                f"llm.models has no model of the tier {constraints.tier}", hint="set one, or ask for another"
            )
        found = [tier for tier in found if tier.number >= first.number]
    return [_as_agent(tier) for tier in found] if constraints.agent else found


def _as_agent(tier: Tier) -> Tier:
    if tier.mode == "agent":
        return tier
    known, more = table(), table().agent
    return tier.changed(mode="agent", turns=known.large.turns, usd=tier.usd * more, seconds=tier.seconds * more)
