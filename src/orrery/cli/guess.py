"""What a call to a model is likely to take, before it is made: a guess, for a forecast and for nothing else."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from orrery.errors import OrreryError
from orrery.graph import Ref, Task, Template
from orrery.graph.task import Estimate
from orrery.models.request import CHARS_PER_TOKEN

MODEL_CALLS = frozenset({"model.ask", "model.chat"})
RESULT_TOKENS = 500
"""What a result that a prompt refers to is taken for."""
ANSWER_TOKENS = 400
"""What an answer is taken for that has no limit of its own."""


def guessed(task: Task) -> Estimate:
    """The task's estimate; of a call to a model, with the tokens and the money that it says nothing about."""
    estimate = task.estimate
    if task.op not in MODEL_CALLS or estimate.tokens or estimate.money:
        return estimate
    read = _tokens_in(task.args)
    most = task.args.get("max_tokens")
    written = most if isinstance(most, int) else ANSWER_TOKENS
    model = task.args.get("model")
    return Estimate(estimate.seconds, _price(model if isinstance(model, str) else None, read, written), read + written)


def _tokens_in(value: Any) -> int:
    match value:
        case str():
            return -(-len(value) // CHARS_PER_TOKEN)
        case Ref():
            return RESULT_TOKENS
        case Template():
            return sum(map(_tokens_in, value.parts))
        case dict():
            return sum(map(_tokens_in, value.values()))
        case list() | tuple():
            return sum(map(_tokens_in, value))
    return 0


def _price(model: str | None, read: int, written: int) -> float:
    """In US dollars; 0 where nobody knows the price."""
    from orrery.models import catalog, config

    with suppress(OrreryError):  # there is no such model here, or no price table: the run would say so
        settings = config.settings()
        name = model or config.default_model()
        if name is not None:
            entry = catalog.entry(settings.named(name), settings)
            if entry.input_per_mtok is not None and entry.output_per_mtok is not None:
                return float((read * entry.input_per_mtok + written * entry.output_per_mtok) / catalog.MILLION)
    return 0.0


__all__ = ["ANSWER_TOKENS", "MODEL_CALLS", "guessed"]
