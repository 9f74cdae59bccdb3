"""What a call costs: exactly, from the settings or from the table, and never 0 where nobody knows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.usage import RequestUsage

from orrery.models.catalog import cost, dated, entry, listed, table
from orrery.models.config import ModelFacts, Named, Provider, Settings

SIM = Named("sim", "m")
BILLIONTH = Fraction(1, 10**9)


def priced(prices: ModelFacts) -> Settings:
    return Settings(providers={"sim": Provider("openai-chat")}, models={"sim:m": prices})


prices = st.decimals(min_value=0, max_value=1000, places=6)
tokens = st.integers(0, 10**9)
triples = st.tuples(prices, prices, prices)


@given(tokens, st.integers(0, 100), tokens, triples)
def test_a_cost_is_exact_to_a_billionth(
    read: int, percent: int, written: int, per: tuple[Decimal, Decimal, Decimal]
) -> None:
    per_read, per_written, per_cached = per
    cached = read * percent // 100
    usage = RequestUsage(input_tokens=read, cache_read_tokens=cached, output_tokens=written)
    found = cost(usage, SIM, priced(ModelFacts(None, per_read, per_written, per_cached)))
    exact = (
        (read - cached) * Fraction(per_read) + cached * Fraction(per_cached) + written * Fraction(per_written)
    ) / 10**6
    assert found is not None
    assert abs(Fraction(found) - exact) <= BILLIONTH
    # A dollar has 16 digits as a float: a billionth of it is kept up to some million dollars.
    assert abs(Fraction(float(found)) - exact) <= BILLIONTH * max(1, int(exact) // 10**5)


def test_cached_tokens_cost_what_others_do_unless_it_is_said() -> None:
    usage = RequestUsage(input_tokens=1_000_000, cache_read_tokens=400_000, output_tokens=0)
    assert cost(usage, SIM, priced(ModelFacts(None, Decimal(2), Decimal(3)))) == 2
    assert cost(usage, SIM, priced(ModelFacts(None, Decimal(2), Decimal(3), Decimal(0)))) == Decimal("1.2")


@pytest.mark.parametrize(
    ("named", "settings"),
    [
        (Named("openai", "a-model-that-nobody-sells"), Settings()),
        (Named("ollama", "llama3"), Settings()),
        (SIM, Settings(providers={"sim": Provider("openai-chat", base_url="http://localhost:1/v1")})),
        (SIM, priced(ModelFacts(window_tokens=1000))),
    ],
)
def test_an_unknown_price_is_none(named: Named, settings: Settings) -> None:
    usage = RequestUsage(input_tokens=10, output_tokens=10)
    assert cost(usage, named, settings) is None
    found = entry(named, settings)
    assert not found.priced
    assert found.source == ""


def test_a_price_of_nothing_is_a_price() -> None:
    free = priced(ModelFacts(None, Decimal(0), Decimal(0)))
    assert cost(RequestUsage(input_tokens=10, output_tokens=10), SIM, free) == 0
    assert entry(SIM, free).priced


def simple_models() -> list[tuple[str, str, ModelPrice]]:
    """Every model of the three makers with plain prices, without tiers or other units."""
    found = []
    now = datetime.now(UTC)
    for provider in get_snapshot().providers:
        if provider.id in ("openai", "anthropic", "google"):
            for model in provider.models:
                price = model.get_prices(now)
                plain = {name: value for name, value in vars(price).items() if value is not None}
                known = {"input_mtok", "output_mtok"} <= set(plain) <= {"input_mtok", "output_mtok", "cache_read_mtok"}
                by_its_name = provider.find_model(model.id) is model  # some entries stand for a family of names
                if known and by_its_name and all(isinstance(value, Decimal) for value in plain.values()):
                    found.append((provider.id, model.id, price))
    return found


def test_the_table_is_reckoned_with_exactly() -> None:
    models = simple_models()
    assert len(models) > 20
    for maker, model, price in models:
        for read, cached, written in ((1, 0, 1), (999_983, 0, 77_777), (123_457, 100_003, 12_345)):
            if cached and price.cache_read_mtok is None:
                continue
            usage = RequestUsage(input_tokens=read, cache_read_tokens=cached, output_tokens=written)
            with localcontext() as context:
                context.prec = 60
                exact = (
                    (read - cached) * price.input_mtok  # type: ignore[operator]
                    + cached * (price.cache_read_mtok or 0)  # type: ignore[operator]
                    + written * price.output_mtok  # type: ignore[operator]
                ) / Decimal(1_000_000)
            found = cost(usage, Named(maker, model), Settings())
            assert found is not None, model
            assert abs(found - exact) <= Decimal("1e-9"), model


def test_the_settings_take_the_place_of_the_table() -> None:
    _, model, _ = next(one for one in simple_models() if one[0] == "anthropic")
    usage = RequestUsage(input_tokens=1_000_000, output_tokens=0)
    own = Settings(models={f"anthropic:{model}": ModelFacts(5000, Decimal("0.25"), Decimal(1))})
    assert cost(usage, Named("anthropic", model), own) == Decimal("0.25")
    found = entry(Named("anthropic", model), own)
    assert (found.window_tokens, found.input_per_mtok, found.source) == (5000, Decimal("0.25"), "settings")
    only_window = Settings(models={f"anthropic:{model}": ModelFacts(5000)})
    assert entry(Named("anthropic", model), only_window).window_tokens == 5000
    assert entry(Named("anthropic", model), only_window).priced


def test_the_table_says_how_old_it_is() -> None:
    assert date(2026, 1, 1) < dated() <= datetime.now(UTC).date()
    assert table().startswith("genai-prices ")
    assert table().endswith(f"{dated():%Y-%m-%d}")


def test_the_makers_models_are_listed_and_those_of_ones_own_server_are_not() -> None:
    assert any(name.startswith("claude") for name in listed(Provider("anthropic")))
    assert listed(Provider("anthropic", base_url="http://localhost:1")) == []
    assert listed(Provider("ollama")) == []


def test_counts_that_contradict_each_other_have_no_price() -> None:
    _, model, _ = next(one for one in simple_models() if one[2].cache_read_mtok is not None)
    maker = next(one[0] for one in simple_models() if one[1] == model)
    nonsense = RequestUsage(input_tokens=1, cache_read_tokens=5, output_tokens=1)
    assert cost(nonsense, Named(maker, model), Settings()) is None
