"""Wires what language models need, which most commands never ask for."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

from bot.llm import LLM_ADDRESS, LLM_HOST, LLM_KEYS
from bot.planning.breaker import Breaker
from bot.planning.tiers import tiers
from bot.ports import Checkpoints
from bot.prospects import Models, Prospects
from bot.settings import LlmSettings


def prospects_of(settings: LlmSettings, checkpoints: Checkpoints) -> Prospects:
    """The tiers that the settings name, and what is known of them. Raises `UsageError` for one that there is not."""
    return Prospects(tiers(settings.models), settings, checkpoints.sums().tallies)


def may_ask(settings: LlmSettings, environ: Mapping[str, str]) -> bool:
    """Whether models are to be asked, and there is what that takes."""
    return settings.use != "never" and settings.max_attempts > 0 and not lacking(settings, environ)


def lacking(settings: LlmSettings, environ: Mapping[str, str]) -> str:
    """What has to be set before a model can be asked; empty where nothing is missing.

    A server that is not the public API may need no key: it says so itself where it needs one.
    """
    address = environ.get(LLM_ADDRESS, "").strip()
    is_elsewhere = address and LLM_HOST not in address.lower()
    if settings.provider != "anthropic" or is_elsewhere or any(environ.get(name) for name in LLM_KEYS):
        return ""
    return f"{LLM_KEYS[0]} is not set"


def models_of(
    environ: Mapping[str, str],
    prospects: Prospects,
    checkpoints: Checkpoints,
    redact: Callable[[str], str],
    breaker: Breaker,
) -> Models:
    """What it takes to ask models. What takes long to import is on its way when this returns."""
    from bot.adapters.anthropic_api import AnthropicLLM
    from bot.adapters.price_table import PriceTable

    settings = prospects.settings
    llm = AnthropicLLM(environ, provider=settings.provider)
    llm.warm_up()
    return Models(llm, PriceTable(settings.prices, settings.provider), prospects, checkpoints, redact, breaker)


def recorded_models(
    answers: Path,
    settings: LlmSettings,
    checkpoints: Checkpoints,
    redact: Callable[[str], str],
    breaker: Breaker,
) -> Models:
    """What stands for models where none is asked: the recorded answers of a file, labelled as such, for nothing."""
    from bot.adapters.price_table import PriceTable
    from bot.adapters.recorded import LABEL, RecordedLLM

    free = [tier.changed(usd=Decimal(0)) for tier in tiers({"small": LABEL})]
    prices = PriceTable({LABEL: {"input": Decimal(0), "output": Decimal(0)}})
    prospects = Prospects(free, settings, {})
    return Models(RecordedLLM(answers), prices, prospects, checkpoints, redact, breaker, label=LABEL)
