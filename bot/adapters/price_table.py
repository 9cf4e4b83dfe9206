"""What models cost: the offline table of the package genai-prices, and what the settings say instead.

Importing the table takes half a second to a second, so it is done on first use. It is never updated over the network.
"""

from collections.abc import Mapping
from decimal import Decimal
from importlib.metadata import version

from bot.errors import UsageError
from bot.model import Tokens

SETTING = "llm.prices"
MILLION = 1_000_000
NEEDED, OPTIONAL = {"input", "output"}, {"cache_read", "cache_write"}
PROVIDERS = {"anthropic": "anthropic", "bedrock": "aws", "vertex": "google", "foundry": "azure"}
WRITE, WRITE_1H = Decimal("1.25"), Decimal(2)
"""What it costs to put a token into the cache, for five minutes and for an hour, by the price of input."""


class PriceTable:
    """See `bot.llm.Prices`. `given` is the setting: dollars for a million tokens, by model and kind of tokens.

    Without `cache_read` reading costs what input does, without `cache_write` writing costs a quarter more. What is
    kept for an hour costs twice the input, or `cache_write` where that is more. Raises `UsageError` for other kinds.
    """

    def __init__(self, given: Mapping[str, Mapping[str, Decimal]], provider: str = "anthropic") -> None:
        for model, prices in given.items():
            if not NEEDED <= set(prices) <= NEEDED | OPTIONAL or not all(map(_is_price, prices.values())):
                hint = "give it input and output, perhaps cache_read and cache_write, none of them below 0"
                raise UsageError(f"{SETTING}: {model}: these are no prices of a model", hint=hint)
        self._given = given
        self._provider = PROVIDERS[provider]

    @property
    def version(self) -> str:
        """Which table it is."""
        return f"genai-prices {version('genai-prices')}{f' and {SETTING}' if self._given else ''}"

    def cost(self, model: str, tokens: Tokens) -> Decimal:
        """What a call costs. Raises `UsageError` for a model that has no price."""
        if model in self._given:
            return _own_cost(self._given[model], tokens)
        from genai_prices import Usage, calc_price

        written = tokens.cache_write + tokens.cache_write_1h
        usage = Usage(
            input_tokens=tokens.prompt,
            output_tokens=tokens.output,
            cache_read_tokens=tokens.cache_read,
            cache_write_tokens=written,
            cache_write_1h_tokens=tokens.cache_write_1h,
        )
        try:
            return calc_price(usage, model, provider_id=self._provider).total_price
        except LookupError:
            hint = f"set {SETTING} for it, in dollars for a million tokens"
            raise UsageError(f"nobody knows what the model {model} costs", hint=hint) from None

    def billed(self, asked: str, answered: str, tokens: Tokens) -> Decimal:
        """See `bot.llm.Prices`: by the model that answered, where its price is known, else by the one asked.

        Where the settings price the one asked alone, nobody knows whether they mean what stands behind its name: then
        it is the dearer of both.
        """
        own = self.cost(asked, tokens)
        try:
            other = self.cost(answered, tokens)
        except UsageError:
            return own
        return max(own, other) if asked in self._given and answered not in self._given else other

    def most(self, model: str, prompt: int, output: int) -> Decimal:
        """The most that a call with so many tokens can cost: all of its prompt goes to the dearest cache."""
        kinds = ({"input": prompt}, {"cache_write": prompt}, {"cache_write_1h": prompt}, {"cache_read": prompt})
        return max(self.cost(model, Tokens(output=output, **kind)) for kind in kinds)


def _is_price(dollars: Decimal) -> bool:
    return dollars.is_finite() and dollars >= 0


def _own_cost(prices: Mapping[str, Decimal], tokens: Tokens) -> Decimal:
    plain = prices["input"]
    write = prices.get("cache_write", plain * WRITE)
    dollars = (
        tokens.input * plain
        + tokens.output * prices["output"]
        + tokens.cache_read * prices.get("cache_read", plain)
        + tokens.cache_write * write
        + tokens.cache_write_1h * max(write, plain * WRITE_1H)
    )
    return dollars / MILLION
