"""What calls cost, by hand-computed figures of the price lists of November 2026."""

from decimal import Decimal

import pytest

from bot.adapters.price_table import PriceTable
from bot.errors import UsageError
from bot.llm import is_other
from bot.model import Tokens

HAIKU, SONNET, OPUS = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
OWN = {"local": {"input": Decimal(1), "output": Decimal(5), "cache_read": Decimal("0.1"), "cache_write": Decimal(3)}}


@pytest.mark.parametrize(
    ("model", "tokens", "dollars"),
    [
        (HAIKU, Tokens(input=20_000, output=3_000), "0.0035"),
        (SONNET, Tokens(input=20_000, output=3_000), "0.07"),
        (OPUS, Tokens(input=20_000, output=3_000), "0.14"),
        (SONNET, Tokens(cache_read=1_000_000), "0.1"),
        (SONNET, Tokens(cache_write=1_000_000), "2.5"),
        (SONNET, Tokens(cache_write_1h=1_000_000), "4"),
        (SONNET, Tokens(input=1, output=1, cache_read=1, cache_write=1, cache_write_1h=1), "0.0000186"),
        (HAIKU, Tokens(input=100_000, output=1_000), "0.0105"),
        (HAIKU, Tokens(input=100_001, output=1_000), "0.0525005"),  # the whole request is five times dearer
        (HAIKU, Tokens(input=1, cache_read=60_000, cache_write=20_000, cache_write_1h=20_000), "0.0355005"),
        (HAIKU, Tokens(), "0"),
    ],
)
def test_the_table_is_right_to_the_last_digit(model: str, tokens: Tokens, dollars: str) -> None:
    assert PriceTable({}).cost(model, tokens) == Decimal(dollars)


@pytest.mark.parametrize(("prompt", "dollars"), [(100_000, "0.0205"), (100_001, "0.102501")])
def test_the_most_is_all_of_it_in_the_dearest_cache(prompt: int, dollars: str) -> None:
    assert PriceTable({}).most(HAIKU, prompt, 1_000) == Decimal(dollars)


@pytest.mark.parametrize("model", ["claude-haiku-9", "my-claude-haiku-5-5", "gpt-5", ""])
def test_a_model_that_nobody_knows_costs_an_error_that_names_the_setting(model: str) -> None:
    with pytest.raises(UsageError, match=r"llm\.prices"):
        PriceTable({}).cost(model, Tokens())


def test_the_settings_come_before_the_table() -> None:
    prices = PriceTable(OWN | {SONNET: {"input": Decimal(0), "output": Decimal(0)}})
    everything = Tokens(input=1, output=1, cache_read=1, cache_write=1, cache_write_1h=1)
    assert prices.cost("local", everything) == Decimal("0.0000121")
    assert prices.most("local", 1_000_000, 1_000_000) == 8
    assert prices.cost(SONNET, everything) == 0
    assert prices.cost(OPUS, Tokens(input=1)) == Decimal("0.000004")


@pytest.mark.parametrize(
    ("asked", "answered", "dollars"),
    [
        (HAIKU, OPUS, 4),
        (OPUS, HAIKU, "0.5"),
        (OPUS, "somebody's own", 4),
        (OPUS, "local", 1),
        ("local", OPUS, 4),  # the settings may mean it, or what its name stands for
        ("local", HAIKU, 1),
    ],
)
def test_who_answers_in_the_place_of_another_is_paid_where_its_price_is_known(
    asked: str, answered: str, dollars: str | int
) -> None:
    assert PriceTable(OWN).billed(asked, answered, Tokens(input=1_000_000)) == Decimal(dollars)


@pytest.mark.parametrize(
    ("asked", "answered", "other"),
    [
        (HAIKU, "", False),
        (HAIKU, HAIKU, False),
        (HAIKU, f"{HAIKU}-20261001", False),
        (HAIKU, f"anthropic/{HAIKU}", False),
        (f"us.anthropic.{HAIKU}-20261001-v1:0", f"{HAIKU}-20261001", False),
        (f"{HAIKU}@20261001", HAIKU, False),
        ("claude-opus-5", OPUS, True),
        (SONNET, HAIKU, True),
    ],
)
def test_a_name_with_a_date_is_no_other_model(asked: str, answered: str, *, other: bool) -> None:
    assert is_other(asked, answered) is other


def test_what_the_settings_do_not_say_of_the_cache_is_no_cheaper_than_usual() -> None:
    prices = PriceTable({"local": {"input": Decimal(1), "output": Decimal(1)}})
    assert prices.cost("local", Tokens(cache_read=1_000_000)) == 1
    assert prices.cost("local", Tokens(cache_write=1_000_000)) == Decimal("1.25")
    assert prices.most("local", 1_000_000, 0) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"input": Decimal(1)},
        {"input": Decimal(1), "output": Decimal(1), "cache_reed": Decimal(1)},
        {"input": Decimal(-1), "output": Decimal(1)},
        {"input": Decimal("nan"), "output": Decimal(1)},
        {},
    ],
)
def test_prices_that_are_none_are_refused(wrong: dict[str, Decimal]) -> None:
    with pytest.raises(UsageError, match=r"llm\.prices: local"):
        PriceTable({"local": wrong})


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("bedrock", "us.anthropic.claude-haiku-5-5-v1:0"),
        ("vertex", "claude-haiku-5-5@20261007"),
        ("foundry", HAIKU),
    ],
)
def test_each_provider_has_its_own_prices(provider: str, model: str) -> None:
    dollars = PriceTable({}, provider).cost(model, Tokens(input=1_000))
    assert dollars == Decimal("0.00011" if provider == "bedrock" else "0.0001")


def test_the_version_says_which_table_it_is() -> None:
    assert PriceTable({}).version.startswith("genai-prices 0.")
    assert PriceTable(OWN).version == f"{PriceTable({}).version} and llm.prices"
