"""Estimates: what a task would take, from whoever knows it best.

Every figure is asked of four sources in turn, and the first that knows it is believed:

1. *declared*: the task's own estimate. A figure that is not finite, below 0 or absurd is not believed, nor are seconds
   that the log contradicts: `PROVEN` attempts at this very step, with a median that is off by more than a fifth.
2. *learned*: what past attempts took, as `Learned` has them.
3. *catalogue*: of a call to a model, the length of what it reads, the model's price and its timing.
4. *default*: a guess that says how little it knows: right to a factor of ten either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from orrery.cost import catalogue
from orrery.cost.calls import ModelCall
from orrery.cost.cost import AS_WRITTEN, Cost, Option, Source
from orrery.cost.learned import Found, Learned, Quantity
from orrery.cost.platform import Model, Platform
from orrery.cost.question import question_of, target_of
from orrery.cost.recall import Recall, Summary
from orrery.cost.sizes import UNKNOWN_FACTOR, Sizes
from orrery.cost.spread import NOTHING, Spread
from orrery.graph.graph import Graph
from orrery.graph.ref import Ref
from orrery.graph.task import Estimate, Task
from orrery.models.request import CHARS_PER_TOKEN
from orrery.models.serving import Timing
from orrery.scheduler.asking import PERSON
from orrery.tools.model import USUAL_S

MOST = 1e12
"""A declared figure above this is a slip, not an estimate."""
DECLARED_FACTOR = 2.0
"""Up to which factor a declared figure is taken to be known; see `sizes.UNKNOWN_FACTOR` for what nobody knows."""
DEFAULT_SECONDS = Estimate().seconds
PROVEN, OFF_BY = 8, 1.2
"""So many attempts at this very step, with a median that is off by this factor, contradict declared seconds."""

_TRUST: tuple[Source, ...] = ("declared", "learned", "catalogue", "default")


class Estimates:
    """The cost model: declared, learned, catalogue, default.

    Args:
        platform: what there is to run on; see `platform_of`.
        learned: what past runs took; see `learn`. None: nothing.
        graph: in which the tasks stand, so that the sizes of results that they refer to can be told.
        inputs: of the run; without them an input is taken for a result of which nothing is known.
    """

    def __init__(
        self,
        platform: Platform | None = None,
        learned: Learned | None = None,
        *,
        graph: Graph | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        self._platform = platform or Platform()
        self._recall = Recall(learned)
        self._sizes = Sizes(self._recall, graph, inputs)

    @property
    def platform(self) -> Platform:
        """What there is to run on."""
        return self._platform

    def estimate(self, task: Task, option: Option = AS_WRITTEN) -> Cost:
        """What one attempt at the task would take, of one item where it has a for-each. Never raises."""
        return _Estimate(self._platform, self._recall, self._sizes, task, option).cost()


class _Took(NamedTuple):
    """Seconds of an attempt, and until the task has settled; from how many attempts that was learned."""

    seconds: Spread
    settled_s: Spread | None = None
    attempts: float = 0.0


class _Estimate:
    """One answer in the making: the figures, and who said each."""

    def __init__(self, platform: Platform, recall: Recall, sizes: Sizes, task: Task, option: Option) -> None:
        self._platform, self._recall, self._sizes = platform, recall, sizes
        self._call = ModelCall.of(task)
        if self._call is not None and option.model and option.model == (self._call.model or platform.default_model):
            option = msgspec.structs.replace(option, model="")  # it is asked anyway
        self._task, self._option = task, option
        self._items = sizes.items(task)
        self._sources: dict[Source, str] = {}
        self._target = (option.device if self._call is None else option.model) or target_of(task)
        self._ladder = recall.ladder(question_of(task, self._target, self._size)) if recall else []

    def _size(self, ref: Ref) -> float:
        return self._sizes.of(self._task, ref)

    def cost(self) -> Cost:
        task = self._task
        if task.executor == PERSON:
            return Cost(NOTHING, source="default", because="a person's time is not reckoned")
        return self._of_call(self._call) if self._call is not None else self._of_work()

    # -- work that asks no model itself ----------------------------------------------------------------------------

    def _of_work(self) -> Cost:
        took = self._seconds(Spread.about(DEFAULT_SECONDS, UNKNOWN_FACTOR), "default", _NOTHING_KNOWN)
        money = self._declared_or_learned("money") or NOTHING
        device = self._platform.devices.get(self._target)
        if device is not None and device.money_per_s:
            money = money + took.seconds.times(device.money_per_s)
        tokens = self._declared_or_learned("tokens") or NOTHING
        return self._finished(took, money, answer=tokens)

    def _seconds(self, otherwise: Spread, source: Source, because: str) -> _Took:
        """What was declared or learned; what would be said otherwise, where nothing was."""
        declared = self._declared_seconds()
        found = self._find("seconds")
        learned = self._recall.summary(found, "seconds") if found is not None else None
        if declared is not None and not _contradicted(declared, found, learned):
            self._said("declared", f"declared {declared:g} s")
            if found is None or learned is None or found.level != "step" or not learned.spread.mid:
                return _Took(Spread.about(declared, DECLARED_FACTOR).times(self._slower_than("")))
            # The log does not contradict it, and knows by how much attempts differ.
            return self._as_learned(found, declared / learned.spread.mid)
        if found is not None:
            self._said("learned", f"median of {found.words}")
            return self._as_learned(found)
        self._said(source, because)
        return _Took(otherwise.times(self._slower_than("")))

    def _declared_seconds(self) -> float | None:
        """What somebody said of this task; what all tasks, or all calls, say by themselves is no statement."""
        said = _believed(self._task.estimate.seconds)
        usual = (DEFAULT_SECONDS,) if self._call is None else (DEFAULT_SECONDS, USUAL_S)
        return None if said in usual else said

    def _as_learned(self, found: Found, times: float = 1.0) -> _Took:
        """The seconds of an experience, multiplied by a factor."""
        times *= self._slower_than(found.target)
        seconds, settled = self._recall.summary(found, "seconds"), self._recall.summary(found, "settled_s")
        settled_s = settled.spread.times(times) if settled.weight else None
        return _Took(seconds.spread.times(times), settled_s, seconds.weight)

    def _slower_than(self, measured_on: str) -> float:
        """How many times as long a task takes on the device that is asked about as on the one that was measured."""
        if measured_on == self._target or self._call is not None:
            return 1.0
        wanted = self._platform.devices.get(self._target)
        measured = self._platform.devices.get(measured_on)
        return _speed(measured.speed if measured else 1.0) / _speed(wanted.speed if wanted else 1.0)

    def _declared_or_learned(self, name: Quantity) -> Spread | None:
        declared = _believed(getattr(self._task.estimate, name))
        if declared:
            self._said("declared", f"declared {declared:g} {name}")
            return Spread.about(declared, DECLARED_FACTOR)
        learned = self._learned(name)
        return learned if learned is not None and learned.high else None

    # -- calls to models -------------------------------------------------------------------------------------------

    def _of_call(self, call: ModelCall) -> Cost:
        name = self._option.model or call.model or self._platform.default_model
        model = self._platform.models.get(name) if call.model is not None or self._option.model else None
        timing = model.timing if model is not None else None
        prompt, shared = catalogue.prompt_of(call, self._size, doubt=self._sizes.doubt(self._task))
        said = self._said_before()
        known = max(said, shared if self._items is not None else 0.0)
        cached = catalogue.cached_of(timing, known).at_most(prompt)
        answer = self._answer(call, prompt)
        took = self._seconds_of_call(model, prompt, cached, answer)
        money = self._money_of_call(model, prompt, cached, answer)
        quality = model.quality if model is not None else None
        return self._finished(took, money, prompt=prompt, cached=cached, answer=answer, quality=quality)

    def _said_before(self) -> float:
        """The tokens of a conversation that the call goes on with: its server has read or written them already."""
        if not self._task.args.get("history"):
            return 0.0
        args = {name: value for name, value in self._task.args.items() if name != "prompt"}
        before = ModelCall.of(msgspec.structs.replace(self._task, args=args))
        if before is None:
            return 0.0
        return catalogue.prompt_of(before, self._size).tokens.mid

    def _answer(self, call: ModelCall, prompt: Spread) -> Spread:
        """The tokens that come back, thought included: what was learned holds the thought that is written already."""
        answer, is_learned = self._answer_as_written(call, prompt)
        written = _thought(call.thinking_tokens)
        wanted = written if self._option.thinking_tokens is None else _thought(self._option.thinking_tokens)
        if not is_learned:
            return answer + wanted
        if wanted.mid >= written.mid:
            return answer + wanted.times(1 - written.mid / wanted.mid if wanted.mid else 0.0)
        return answer.times(max(0.1, 1 - (written.mid - wanted.mid) / answer.mid) if answer.mid else 1.0)

    def _answer_as_written(self, call: ModelCall, prompt: Spread) -> tuple[Spread, bool]:
        declared = _believed(self._task.estimate.tokens)
        if declared:
            self._said("declared", f"declared {declared:g} tokens")
            return Spread.about(max(0.0, declared - prompt.mid), DECLARED_FACTOR), True
        found = self._find("answer_tokens")
        if found is not None:
            self._said("learned", f"answers of {found.words}")
            return self._recall.summary(found, "answer_tokens").spread, True
        self._said("catalogue", "tokens by the length of the prompt")
        return catalogue.answer_of(call), False

    def _seconds_of_call(self, model: Model | None, prompt: Spread, cached: Spread, answer: Spread) -> _Took:
        beside = self._items.mid if self._items is not None else 1.0
        if model is None or model.timing is None:
            guess = catalogue.seconds_of(Timing(), prompt, cached, answer, beside=beside)
            otherwise = Spread.about(guess.mid, UNKNOWN_FACTOR)
            return self._seconds(otherwise, "default", "nobody knows how fast the model is")
        reckoned = catalogue.seconds_of(model.timing, prompt, cached, answer, beside=beside)
        found = self._find("seconds")
        is_declared = self._declared_seconds() is not None
        thinks = self._option.thinking_tokens is not None
        is_known = (is_declared and not self._option.model) or (found is not None and not found.elsewhere)
        if is_known and not thinks:
            return self._seconds(reckoned, "catalogue", f"timing of {model.name}")
        # What was declared of one model, or learned from another, says less of this one than its timing does.
        self._said("catalogue", f"timing of {model.name}")
        return _Took(reckoned)

    def _money_of_call(self, model: Model | None, prompt: Spread, cached: Spread, answer: Spread) -> Spread:
        declared = _believed(self._task.estimate.money)
        if declared and self._option == AS_WRITTEN:
            self._said("declared", f"declared ${declared:g}")
            return Spread.about(declared, DECLARED_FACTOR)
        found = self._find("money")
        if found is not None and not found.elsewhere and self._option.thinking_tokens is None:
            learned = self._recall.summary(found, "money").spread
            if learned.high:
                return learned
        priced = catalogue.money_of(model, prompt, cached, answer)
        if model is None or priced is None:
            self._said("catalogue", "price unknown")
            return NOTHING
        self._said("catalogue", f"price of {model.name}")
        return priced

    # -- what every task has ---------------------------------------------------------------------------------------

    def _finished(
        self,
        took: _Took,
        money: Spread,
        *,
        prompt: Spread = NOTHING,
        cached: Spread = NOTHING,
        answer: Spread,
        quality: float | None = None,
    ) -> Cost:
        source: Source = max(self._sources, key=_TRUST.index, default="default")
        size = self._learned("result_bytes")
        if size is None and self._call is not None:
            size = answer.times(CHARS_PER_TOKEN)
        ended, met = self._find("ended"), self._find("met")
        return Cost(
            took.seconds,
            money,
            prompt_tokens=prompt,
            cached_tokens=cached,
            answer_tokens=answer,
            quality=quality,
            result_bytes=size or Spread.about(catalogue.RESULT_BYTES, UNKNOWN_FACTOR),
            source=source,
            because="; ".join(dict.fromkeys(self._sources[name] for name in _TRUST if name in self._sources)),
            settled_s=took.settled_s,
            items=self._items,
            fails=ended.experience.gave_up / ended.experience.ended if ended is not None else 0.0,
            runs=met.experience.ran / met.experience.met if met is not None and met.level == "step" else None,
            attempts=took.attempts,
        )

    def _find(self, quantity: Quantity) -> Found | None:
        return self._recall.best(self._ladder, quantity)

    def _learned(self, quantity: Quantity) -> Spread | None:
        found = self._find(quantity)
        return None if found is None else self._recall.summary(found, quantity).spread

    def _said(self, source: Source, because: str) -> None:
        said = self._sources.get(source)
        self._sources[source] = because if said is None or because in said else f"{said}; {because}"


_NOTHING_KNOWN = "nothing is known of it"


def _believed(figure: float) -> float | None:
    """A declared figure; None where it cannot be meant."""
    try:
        return float(figure) if 0 <= figure <= MOST else None  # NaN is neither
    except TypeError:
        return None


def _contradicted(declared: float, found: Found | None, learned: Summary | None) -> bool:
    if found is None or learned is None or found.level != "step" or found.experience.attempts < PROVEN:
        return False
    median = learned.spread.mid
    return not (median / OFF_BY <= declared <= median * OFF_BY)


def _thought(tokens: int | None) -> Spread:
    """The tokens of thought of a call that may think so many at most: about half of them."""
    if tokens is None or tokens <= 0:
        return NOTHING
    most = float(min(tokens, MOST))
    return Spread(most / 10, most / 2, most)


def _speed(speed: float) -> float:
    """A device's speed; one that is no number above 0 counts as that of this machine."""
    return speed if 0 < speed <= MOST else 1.0
