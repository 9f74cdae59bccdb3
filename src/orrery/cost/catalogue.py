"""The catalogue: what a call to a model takes, by what is known of the model and the length of what it reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from orrery.cost.calls import ModelCall
from orrery.cost.platform import Device, Model, Platform
from orrery.cost.question import SizeOf, is_of_item
from orrery.cost.spread import NOTHING, Spread
from orrery.errors import OrreryError
from orrery.graph.graph import Graph
from orrery.graph.ref import Ref
from orrery.graph.task import Task
from orrery.models import catalog, config
from orrery.models.request import CHARS_PER_TOKEN
from orrery.models.serving import Timing, call_seconds

ANSWER_TOKENS = 400.0
"""What an answer is taken for of which nothing is known."""
RESULT_BYTES = 500.0 * CHARS_PER_TOKEN
"""What a result is taken for of which nothing is known."""
MILLION = 1e6


class Prompt(NamedTuple):
    """What a call reads, in tokens.

    Args:
        tokens: all of it.
        shared: its beginning that is the same in every call of the task.
    """

    tokens: Spread
    shared: float


def prompt_of(call: ModelCall, size_of: SizeOf, *, doubt: float = 1.0) -> Prompt:
    """What a call reads: texts by their length, references by the size of what they stand for.

    Args:
        doubt: the factor up to which the sizes of references are known.
    """
    known = referred = shared = 0.0
    same = True
    for part in call.parts:
        if isinstance(part, Ref):
            referred += size_of(part) / CHARS_PER_TOKEN
            same = same and not is_of_item(part)
        else:
            known += len(part) / CHARS_PER_TOKEN
        if same:
            shared = known + referred
    return Prompt(Spread.exactly(known) + Spread.about(referred, doubt), shared)


def answer_of(call: ModelCall) -> Spread:
    """The tokens of an answer of which nothing is known but its limit."""
    guess = Spread.about(ANSWER_TOKENS, 4.0)
    most = call.max_tokens
    return guess if most is None else guess.at_most(Spread.exactly(float(max(0, min(most, 10**9)))))


def money_of(model: Model | None, prompt: Spread, cached: Spread, answer: Spread) -> Spread | None:
    """What a call costs in US dollars; None where nobody knows the price."""
    if model is None or model.input_per_mtok is None or model.output_per_mtok is None:
        return None
    read = _less(prompt, cached).times(model.input_per_mtok / MILLION)
    recalled = model.input_per_mtok if model.cached_per_mtok is None else model.cached_per_mtok
    return read + cached.times(recalled / MILLION) + answer.times(model.output_per_mtok / MILLION)


def seconds_of(timing: Timing, prompt: Spread, cached: Spread, answer: Spread, *, beside: float = 1.0) -> Spread:
    """How long a call takes, waiting for a slot left out, if its server writes so many answers at once."""
    batch = min(max(1.0, beside), float(timing.slots or 1))
    return Spread(
        *(
            call_seconds(timing, prompt_tokens=read, cached_tokens=known, answer_tokens=written, batch=batch)
            for read, known, written in zip(_of(prompt), _of(cached), _of(answer), strict=True)
        )
    )


def _less(spread: Spread, other: Spread) -> Spread:
    return Spread(*(max(0.0, a - b) for a, b in zip(_of(spread), _of(other), strict=True)))


def _of(spread: Spread) -> tuple[float, float, float]:
    return spread.low, spread.mid, spread.high


def cached_of(timing: Timing | None, known: float) -> Spread:
    """How many tokens are in the server's prefix cache, of a beginning that it has read before: whole blocks of it."""
    if timing is None or not timing.block_tokens:
        return NOTHING
    return Spread.exactly(float(int(known) // timing.block_tokens * timing.block_tokens))


def platform_of(
    graph: Graph | Iterable[Task] = (),
    *,
    capacity: Mapping[str, int] | None = None,
    devices: Mapping[str, Device] | None = None,
    models: Mapping[str, Model] | None = None,
) -> Platform:
    """What there is to run on here: the models of the settings and of a graph with their prices, and what is given.

    Args:
        graph: its calls name models that no settings file mentions.
        capacity: slots of executors and amounts of resources, as a driver has them.
        devices: by name; none is known here.
        models: in place of what the settings say of those names.

    Raises: ModelSettingsError: the settings file cannot be read.
    """
    settings = config.settings()
    names: dict[str, None] = dict.fromkeys((*settings.aliases, *settings.models))
    default = config.default_model() or ""
    names[default] = None
    for task in graph:
        call = ModelCall.of(task)
        if call is not None and call.model:
            names[call.model] = None
    found = {name: model for name in names if name and (model := _known(name, settings)) is not None}
    return Platform({**found, **(models or {})}, devices or {}, dict(capacity or {}), default)


def servers_of(model: str) -> tuple[Model, ...]:
    """The model that a name means, "" the default, and its replicas, by their full names; a replica stands alone.

    Empty where the settings do not say: whoever asks it will be told.
    """
    try:
        settings = config.settings()
        names = settings.replicas(settings.named(model or config.default_model() or ""))
        return tuple(known for name in names if (known := _known(str(name), settings)) is not None)
    except OrreryError:
        return ()


def _known(name: str, settings: config.Settings) -> Model | None:
    """A model with its price; None where there is no such model."""
    try:
        named = settings.named(name)
    except OrreryError:  # whoever runs it will be told
        return None
    facts = settings.models.get(str(named), config.ModelFacts())
    known = Model(
        name,
        quality=facts.quality,
        timing=_timing(facts),
        slots=facts.slots or settings.providers[named.provider].concurrency,
        replica_of=facts.replica_of,
        thinking=facts.thinking,
    )
    try:
        entry = catalog.entry(named, settings)
    except OrreryError:  # the table of prices is not installed
        return known
    return msgspec.structs.replace(
        known,
        input_per_mtok=_number(entry.input_per_mtok),
        cached_per_mtok=_number(entry.cached_input_per_mtok),
        output_per_mtok=_number(entry.output_per_mtok),
    )


def _timing(facts: config.ModelFacts) -> Timing | None:
    """How fast a model is, as far as the settings say; None where they say nothing of it."""
    stated = {
        name: value
        for name in ("first_s", "tokens_per_s", "prefill_per_s", "block_tokens", "slots")
        if (value := getattr(facts, name)) is not None
    }
    if not stated.keys() - {"slots"}:
        return None
    # A server of which only the speed is known is not taken to keep what it has read.
    return Timing(**{"block_tokens": 0, **stated})


def _number(price: Decimal | None) -> float | None:
    return None if price is None else float(price)
