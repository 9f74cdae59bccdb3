"""Cost: what one attempt at a task would take. CostModel: who says so."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from orrery.cost.platform import Platform
from orrery.cost.spread import NOTHING, Spread
from orrery.graph.task import Task

Source = Literal["declared", "learned", "catalogue", "default"]
"""Where an estimate is from, the most trusted first."""


class Option(msgspec.Struct, frozen=True, gc=False):
    """A candidate for a task: which model answers, which device performs, how much it may think. "" leaves it as it is.

    Args:
        model: the name of a model of the platform.
        device: the name of a device of the platform.
        thinking_tokens: the most tokens of thought before the answer; None leaves it as it is.
    """

    model: str = ""
    device: str = ""
    thinking_tokens: int | None = None


AS_WRITTEN = Option()


class Cost(msgspec.Struct, frozen=True, gc=False):
    """What one attempt would take.

    Args:
        seconds: from its start to its end, waiting for a slot left out.
        money: in US dollars.
        prompt_tokens: what a model reads; `cached_tokens` of these are in its prefix cache already.
        answer_tokens: what a model writes, thought included.
        result_bytes: the size of the result.
        quality: how good the answer is likely to be, in [0, 1]; None where nobody knows.
        source: who says so; of several parts the least trusted.
        because: the same in words, such as "median of 41 attempts".
        settled_s: seconds from when its executor is given it until it has succeeded or failed for good, with what the
            executor needs to begin, repeated attempts and the pauses between them. None: nobody knows of any.
        items: how many items its for-each has; None where it has none.
        fails: the chance that it fails for good; that an item does, where it has a for-each.
        runs: the chance that it runs at all in a run of its workflow; None where nobody knows.
        attempts: from how many recent attempts the seconds were learned; 0 where they were not.
    """

    seconds: Spread
    money: Spread = NOTHING
    prompt_tokens: Spread = NOTHING
    cached_tokens: Spread = NOTHING
    answer_tokens: Spread = NOTHING
    result_bytes: Spread = NOTHING
    quality: float | None = None
    source: Source = "default"
    because: str = ""
    settled_s: Spread | None = None
    items: Spread | None = None
    fails: float = 0.0
    runs: float | None = None
    attempts: float = 0.0

    @property
    def tokens(self) -> Spread:
        """Read and written together."""
        return self.prompt_tokens + self.answer_tokens

    @property
    def executions(self) -> float:
        """How often it is done in one run: once, or once for each item of its for-each."""
        return 1.0 if self.items is None else self.items.mid


class CostModel(Protocol):
    """What a task would take on each candidate. The same question has the same answer as long as it lives."""

    @property
    def platform(self) -> Platform:
        """What there is to run on."""

    def estimate(self, task: Task, option: Option = AS_WRITTEN) -> Cost:
        """What one attempt at the task would take, of one item where it has a for-each. Never raises."""
