"""`orrery models` and what is below it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.text import Text

from orrery.cli.options import Json
from orrery.cli.screen import out, say, say_table, write_json
from orrery.errors import UnknownNameError
from orrery.models.catalog import Entry, entry, listed, table
from orrery.models.config import Named, Provider, Settings, default_model, settings, settings_path
from orrery.models.keys import has_key

models = App(
    name="models",
    help="List the providers and models that can be asked, or simulate some.",
    help_format="plaintext",
    version_flags=(),
    default_parameter=Parameter(negative=(), show_default=False),
)
models.command("orrery.cli.simulate:simulate", name="simulate")

ProviderName = Annotated[str | None, Parameter(help="A provider, to list every model that the price table has for it.")]


@models.default
def show(provider: ProviderName = None, /, *, json: Json = False) -> int:
    """List the providers with where their keys are, and the models that are named in the settings.

    Prices are in US dollars for a million tokens.
    """
    found = settings()
    if provider is not None and provider not in found.providers:
        raise UnknownNameError("model provider", provider, found.providers)
    rows = [(named, entry(named, found)) for named in _named(found, provider)]
    providers = {name: one for name, one in found.providers.items() if provider in (None, name)}
    if json:
        write_json(
            {
                "settings": str(found.path) if found.path else None,
                "default": default_model(),
                "aliases": dict(found.aliases),
                "providers": [_plain_provider(name, one) for name, one in providers.items()],
                "models": [_plain_model(named, one) for named, one in rows],
                "table": table(),
            }
        )
        return 0
    console = out()
    lines = [_provider_line(name, one) for name, one in providers.items()]
    say_table(console, ("provider", "speaks", "key", "address"), lines)
    if rows:
        say(console, "")
        header = ("model", "input", "cached", "output", "window", "price from")
        say_table(console, header, (_model_line(*row) for row in rows), right="input cached output window")
    say(console, "")
    say(console, f"default: {default_model() or 'none; set $ORRERY_MODEL, or `default` in the settings'}")
    for alias, meant in found.aliases.items():
        say(console, f"{alias}: {meant}")
    say(console, f"settings: {settings_path() or 'none; .orrery/models.toml would be read'}", "dim")
    say(console, f"prices in US dollars for a million tokens; the table is {table()}", "dim")
    if provider is None:
        say(console, "`orrery models PROVIDER` lists the models that the table has for one", "dim")
    return 0


def _named(found: Settings, provider: str | None) -> Iterable[Named]:
    """The models to show: those of the settings, and of one provider all that the table knows."""
    meant = [*found.models, *found.aliases.values(), *([name] if (name := default_model()) else [])]
    shown = {found.named(name): None for name in meant}
    if provider is None:
        return shown
    own = {named: None for named in shown if named.provider == provider}
    return own | {Named(provider, model): None for model in listed(found.providers[provider])}


def _provider_line(name: str, provider: Provider) -> tuple[Text, str, Text, str]:
    return Text(name, "bold"), provider.kind, _key(provider), provider.base_url or ""


def _key(provider: Provider) -> Text:
    place = provider.key_place
    if place == "none":
        return Text("needs none", "dim")
    return Text(f"found in {place}", "green") if has_key(place) else Text(f"not in {place}", "yellow")


def _model_line(named: Named, one: Entry) -> tuple[Text, str, str, str, str, Text]:
    return (
        Text(str(named), "bold"),
        _dollars(one.input_per_mtok),
        _dollars(one.cached_input_per_mtok),
        _dollars(one.output_per_mtok),
        "" if one.window_tokens is None else f"{one.window_tokens:,}",
        Text(one.source) if one.priced else Text("unknown", "yellow"),
    )


def _dollars(price: Decimal | None) -> str:
    return "" if price is None else f"{price.normalize():f}"


def _plain_provider(name: str, provider: Provider) -> dict[str, Any]:
    return {
        "name": name,
        "kind": provider.kind,
        "base_url": provider.base_url,
        "key": provider.key_place,
        "key_found": has_key(provider.key_place),
        "requests_per_minute": provider.requests_per_minute,
        "tokens_per_minute": provider.tokens_per_minute,
        "concurrency": provider.concurrency,
    }


def _plain_model(named: Named, one: Entry) -> dict[str, Any]:
    def number(price: Decimal | None) -> float | None:
        return None if price is None else float(price)

    return {
        "name": str(named),
        "window_tokens": one.window_tokens,
        "input_per_mtok": number(one.input_per_mtok),
        "cached_input_per_mtok": number(one.cached_input_per_mtok),
        "output_per_mtok": number(one.output_per_mtok),
        "source": one.source or None,
    }
