"""What the tests of passes over model calls share: tasks that ask, and costs that are made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orrery.cost import AS_WRITTEN, Cost, Model, Option, Platform, Spread
from orrery.cost.calls import ModelCall
from orrery.graph import Effects, Ref, Task, Template
from orrery.models.serving import Timing

KEEPS = Timing(first_s=0.2, tokens_per_s=50.0, prefill_per_s=5000.0, block_tokens=16)
FORGETS = Timing(first_s=0.2, tokens_per_s=50.0, prefill_per_s=5000.0, block_tokens=0)


def asking(name: str, *parts: str | Ref, **changes: Any) -> Task:
    """A call of `model.ask` as the workflow's loader makes it."""
    fields = {key: changes.pop(key) for key in ("executor", "when", "each", "join", "place") if key in changes}
    effects = changes.pop("effects", Effects("idempotent", reads=("model:",)))
    prompt = parts[0] if len(parts) == 1 and isinstance(parts[0], str) else Template(parts)
    return Task(name, "model.ask", {"prompt": prompt, **changes}, effects=effects, **fields)


def one_model(timing: Timing | None = KEEPS, *, cached_per_mtok: float = 0.1) -> Platform:
    """A platform with the model "m", which answers where none is named; a million tokens read cost $1."""
    return Platform(models={"m": Model("m", 1.0, cached_per_mtok, 4.0, timing=timing)}, default_model="m")


@dataclass
class FixedCosts:
    """Answers of one length, inputs of one length, and what the platform says of each model.

    Args:
        answers, inputs: tokens of every answer and of every input.
        wrong: by this factor is every estimate multiplied.
        quality: of a model where one is asked for by an option.
    """

    platform: Platform = field(default_factory=one_model)
    answers: float = 100.0
    inputs: float = 1000.0
    wrong: float = 1.0
    retries: Mapping[str, float] = field(default_factory=dict)

    def estimate(self, task: Task, option: Option = AS_WRITTEN) -> Cost:
        """As `CostModel` has it."""
        call = ModelCall.of(task)
        if call is None:
            return Cost(Spread.exactly(1.0), result_bytes=Spread.exactly(400.0))
        name = option.model or call.model or self.platform.default_model
        model = self.platform.models.get(name, Model(name))
        tokens = [
            len(part) / 4 if isinstance(part, str) else self.inputs if part.task.startswith("@") else self.answers
            for part in call.parts
        ]
        thought = option.thinking_tokens if option.thinking_tokens is not None else call.thinking_tokens or 0
        read, written = sum(tokens) * self.wrong, (self.answers + thought) * self.wrong
        timing = model.timing or Timing()
        seconds = timing.first_s + read / timing.prefill_per_s + written / timing.tokens_per_s
        money = (read * (model.input_per_mtok or 0) + written * (model.output_per_mtok or 0)) / 1e6
        return Cost(
            Spread.exactly(seconds),
            Spread.exactly(money),
            Spread.exactly(read),
            answer_tokens=Spread.exactly(written),
            result_bytes=Spread.exactly(4 * self.answers),
            quality=model.quality,
            source="catalogue",
        )
