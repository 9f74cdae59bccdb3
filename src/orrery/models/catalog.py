"""The catalog: what a model's tokens cost, and how many it can read.

The table is that of the `genai-prices` library, as it came with the installed version: nothing is fetched. What a
settings file says of a model takes its place. Money is reckoned in decimals, so it is exact; a price that nobody
knows is None, never 0.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from orrery.errors import MissingExtraError
from orrery.models.config import Kind, ModelFacts, Named, Provider, Settings

if TYPE_CHECKING:
    from pydantic_ai.usage import RequestUsage

MILLION = Decimal(1_000_000)
_MAKERS: dict[Kind, str | None] = {
    "openai-chat": "openai",
    "openai-responses": "openai",
    "anthropic": "anthropic",
    "google": "google",
    "ollama": None,  # whoever runs the models at home pays for the current
}


class Entry(msgspec.Struct, frozen=True):
    """What is known of one model.

    Args:
        window_tokens: how many tokens it can read; None: unknown.
        input_per_mtok, output_per_mtok, cached_input_per_mtok: US dollars for a million tokens, before any surcharge
            for long requests; None: unknown.
        source: where the price is from: the settings file, or the table's name and version; "" if it is unknown.
    """

    window_tokens: int | None = None
    input_per_mtok: Decimal | None = None
    output_per_mtok: Decimal | None = None
    cached_input_per_mtok: Decimal | None = None
    source: str = ""

    @property
    def priced(self) -> bool:
        """Whether its price is known."""
        return self.input_per_mtok is not None and self.output_per_mtok is not None


def entry(named: Named, settings: Settings) -> Entry:
    """What is known of a model: what the settings say, else what the table says."""
    own = settings.models.get(str(named), ModelFacts())
    found = _info(named, settings.providers[named.provider])
    prices = found.get_prices(datetime.now(UTC)) if found is not None else None
    window = own.window_tokens or (found.context_window if found is not None else None)
    if own.input_per_mtok is not None and own.output_per_mtok is not None:
        cached = own.input_per_mtok if own.cached_input_per_mtok is None else own.cached_input_per_mtok
        return Entry(window, own.input_per_mtok, own.output_per_mtok, cached, str(settings.path or "settings"))
    read, written = _base(prices, "input_mtok"), _base(prices, "output_mtok")
    if read is None or written is None:
        return Entry(window)
    recalled = _base(prices, "cache_read_mtok")
    return Entry(window, read, written, read if recalled is None else recalled, table())


def cost(usage: RequestUsage, named: Named, settings: Settings) -> Decimal | None:
    """What a call costs in US dollars, exactly; None if the price is unknown.

    Tokens that were read from the provider's cache cost what such tokens cost, and are not counted as read anew.
    """
    own = settings.models.get(str(named), ModelFacts())
    if own.input_per_mtok is not None and own.output_per_mtok is not None:
        cached_per_mtok = own.input_per_mtok if own.cached_input_per_mtok is None else own.cached_input_per_mtok
        cached = min(usage.cache_read_tokens, usage.input_tokens)
        return (
            (usage.input_tokens - cached) * own.input_per_mtok
            + cached * cached_per_mtok
            + usage.output_tokens * own.output_per_mtok
        ) / MILLION
    found = _info(named, settings.providers[named.provider])
    if found is None:
        return None
    prices = found.get_prices(datetime.now(UTC))
    if _base(prices, "input_mtok") is None or _base(prices, "output_mtok") is None:
        return None
    try:
        return Decimal(prices.calc_price(usage)["total_price"])
    except ValueError:  # counts that contradict each other, such as more cached tokens than tokens
        return None


def table() -> str:
    """The name and version of the table, and the newest date from which one of its prices holds."""
    return f"genai-prices {version('genai-prices')}, prices of {dated():%Y-%m-%d}"


@cache
def dated() -> date:
    """The newest day from which a price of the table holds, announced ones aside: the table is at least that new."""
    today = datetime.now(UTC).date()
    days: list[date] = [
        price.constraint.start_date
        for provider in _snapshot().providers
        for model in provider.models
        if isinstance(model.prices, list)
        for price in model.prices
        if hasattr(price.constraint, "start_date")
    ]
    return max(day for day in days if day <= today)


def listed(provider: Provider) -> list[str]:
    """The models of a provider that the table knows, by name; none for providers of one's own address."""
    maker = _MAKERS[provider.kind]
    if maker is None or provider.base_url is not None:
        return []
    for known in _snapshot().providers:
        if known.id == maker:
            # Google sells others' models too, but not at this address.
            return sorted(
                m.id for m in known.models if not m.deprecated and (maker != "google" or "claude" not in m.id)
            )
    return []


def _info(named: Named, provider: Provider) -> Any:
    """The table's entry; a provider with an address of its own is looked up by that address."""
    maker = _MAKERS[provider.kind] if provider.base_url is None else None
    if maker is None and provider.base_url is None:
        return None
    try:
        return _snapshot().find_provider_model(named.model, None, maker, provider.base_url)[1]
    except LookupError:
        return None


def _base(prices: Any, name: str) -> Decimal | None:
    price = getattr(prices, name, None) if prices is not None else None
    found = getattr(price, "base", price)
    return found if isinstance(found, Decimal) else None


def _snapshot() -> Any:
    try:
        from genai_prices.data_snapshot import _bundled_snapshot  # what came with it, whatever was fetched since
    except ImportError as error:
        raise MissingExtraError("models", needed_for="the prices of models") from error
    return _bundled_snapshot()
