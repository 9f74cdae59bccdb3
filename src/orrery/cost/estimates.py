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
from orrery.cost.question import Question, input_bytes, question_of, target_of
from orrery.cost.spread import NOTHING, Spread
from orrery.graph.graph import Graph
from orrery.graph.ref import INDEX, INPUTS, ITEM, Ref
from orrery.graph.task import Estimate, Task
from orrery.models.request import CHARS_PER_TOKEN
from orrery.models.serving import Timing
from orrery.scheduler.asking import PERSON

MOST = 1e12
"""A declared figure above this is a slip, not an estimate."""
DECLARED_FACTOR, REFERRED_FACTOR, UNKNOWN_FACTOR = 2.0, 2.0, 10.0
"""Up to which factor is known what is declared, the size of a result that was learned, and what nobody knows."""
DEFAULT_SECONDS, DEFAULT_ITEMS = Estimate().seconds, 10.0
PROVEN, OFF_BY = 8, 1.2
"""So many attempts at this very step, with a median that is off by this factor, contradict declared seconds."""

_TRUST: tuple[Source, ...] = ("declared", "learned", "catalogue", "default")
_UNTIMED = Timing()
"""How fast a model is taken to be whose timing nobody knows."""


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
        self._learned = learned
        self._graph, self._inputs = graph, inputs
        self._sizes: dict[str, tuple[float, float]] = {}

    @property
    def platform(self) -> Platform:
        """What there is to run on."""
        return self._platform

    def estimate(self, task: Task, option: Option = AS_WRITTEN) -> Cost:
        """What one attempt at the task would take, of one item where it has a for-each. Never raises."""
        return _Estimate(self, task, option).cost()

    def size_of(self, task: Task, ref: Ref) -> float:
        """How many bytes a reference in a task stands for, as far as anybody knows."""
        return self._size(task, ref)[0]

    def doubt_of(self, task: Task) -> float:
        """Up to which factor the sizes of what a task refers to are known."""
        return max((self._size(task, ref)[1] for ref in task.refs() if ref.task != INDEX), default=1.0)

    def _size(self, task: Task, ref: Ref) -> tuple[float, float]:
        """A size, and up to which factor it is known."""
        if ref.task == INDEX:
            return 8.0, 1.0
        if ref.task == ITEM:
            return self._item_size(task)
        if ref.task == INPUTS:
            return self._input_size(ref)
        found = self._sizes.get(ref.task)
        if found is None:
            found = self._sizes[ref.task] = self._result_size(ref.task)
        return found

    def _item_size(self, task: Task) -> tuple[float, float]:
        over = task.each.over if task.each is not None else None
        if isinstance(over, Ref) and over.task != ITEM:
            size, doubt = self._size(task, over)
            items = self.items_of(task)
            return size / max(1.0, items.mid if items is not None else DEFAULT_ITEMS), max(doubt, REFERRED_FACTOR)
        if isinstance(over, list | tuple | dict) and over:
            return input_bytes(over, lambda ref: self._size(task, ref)[0]) / len(over), REFERRED_FACTOR
        return catalogue.RESULT_BYTES, UNKNOWN_FACTOR

    def _input_size(self, ref: Ref) -> tuple[float, float]:
        value: Any = self._inputs
        if value is None:
            return catalogue.RESULT_BYTES, UNKNOWN_FACTOR
        for step in ref.path:
            try:
                value = value[step]
            except (LookupError, TypeError):
                return catalogue.RESULT_BYTES, UNKNOWN_FACTOR
        return input_bytes(value, lambda _ref: 0.0), 1.0

    def _result_size(self, name: str) -> tuple[float, float]:
        if self._graph is None or name not in self._graph:
            return catalogue.RESULT_BYTES, UNKNOWN_FACTOR
        source = self._graph[name]
        found = (
            self.find(question_of(source, target_of(source), None), "result_bytes")
            if self._learned is not None
            else None
        )
        if found is not None:
            return found.experience.result_bytes.quantile(0.5), REFERRED_FACTOR
        call, items = ModelCall.of(source), self.items_of(source)
        size = catalogue.RESULT_BYTES if call is None else catalogue.answer_of(call).mid * CHARS_PER_TOKEN
        return size * (items.mid if items is not None else 1.0), UNKNOWN_FACTOR

    def items_of(self, task: Task) -> Spread | None:
        """How many items a task's for-each has; None where it has none."""
        if task.each is None:
            return None
        over = task.each.over
        if isinstance(over, list | tuple | dict):
            return Spread.exactly(float(len(over)))
        if isinstance(over, Ref) and over.task == INPUTS and self._inputs is not None:
            value: Any = self._inputs
            for step in over.path:
                value = value.get(step) if isinstance(value, Mapping) else None
            if isinstance(value, list | tuple | dict):
                return Spread.exactly(float(len(value)))
        if self._learned is not None:
            found = self._learned.find(question_of(task, target_of(task), None), "items")
            if found is not None:
                return found.experience.items.spread()
        return Spread.about(DEFAULT_ITEMS, UNKNOWN_FACTOR)

    def find(self, question: Question, quantity: Quantity) -> Found | None:
        """What was learned that answers a question; None without."""
        return None if self._learned is None else self._learned.find(question, quantity)


class _Took(NamedTuple):
    """Seconds of an attempt, and until the task has settled."""

    seconds: Spread
    settled_s: Spread | None = None
    mean_s: float | None = None
    settled_mean_s: float | None = None


class _Estimate:
    """One answer in the making: the figures, and who said each."""

    def __init__(self, estimates: Estimates, task: Task, option: Option) -> None:
        self._estimates, self._task, self._option = estimates, task, option
        self._platform = estimates.platform
        self._call = ModelCall.of(task)
        self._sources: dict[Source, str] = {}
        target = target_of(task)
        if self._call is not None:
            target = option.model or target
        elif option.device:
            target = option.device
        self._target = target
        self._known = estimates.find is not None and estimates._learned is not None
        self._question = (
            question_of(task, target, lambda ref: estimates.size_of(task, ref)) if self._known else Question(task.op)
        )

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
        return self._finished(took, money, answer_tokens=tokens)

    def _seconds(self, otherwise: Spread, source: Source, because: str) -> _Took:
        """What was declared or learned; what would be said otherwise, where nothing was."""
        declared = _believed(self._task.estimate.seconds)
        found = self._find("seconds")
        learned = found.experience.seconds.spread() if found is not None else None
        if declared is not None and declared != DEFAULT_SECONDS and not _contradicted(declared, found):
            self._said("declared", f"declared {declared:g} s")
            spread = Spread.about(declared, DECLARED_FACTOR)
            if learned is not None and learned.mid > 0 and found is not None and found.level == "step":
                spread = _widened(learned.times(declared / learned.mid), found)
            return _Took(spread.times(self._slower_than("")))
        if found is not None and learned is not None:
            self._said("learned", f"median of {found.words}")
            slower, settled = self._slower_than(found.target), found.experience.settled_s
            seconds, mean = _widened(learned, found).times(slower), found.experience.seconds.mean() * slower
            if not settled.weight:
                return _Took(seconds, mean_s=mean)
            until = _widened(settled.spread(), found).times(slower)
            return _Took(seconds, until, mean, settled.mean() * slower)
        self._said(source, because)
        return _Took(otherwise.times(self._slower_than("")))

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
        found = self._find(name)
        if found is None:
            return None
        spread: Spread = getattr(found.experience, name).spread()
        return _widened(spread, found) if spread.high else None

    # -- calls to models -------------------------------------------------------------------------------------------

    def _of_call(self, call: ModelCall) -> Cost:
        task, estimates = self._task, self._estimates
        name = self._option.model or call.model or self._platform.default_model
        model = self._platform.models.get(name) if call.model is not None or self._option.model else None
        timing = model.timing if model is not None else None
        prompt, shared = catalogue.prompt_of(
            call, lambda ref: estimates.size_of(task, ref), doubt=estimates.doubt_of(task) if call.parts else 1.0
        )
        said = self._said_before()
        cached = catalogue.cached_of(timing, max(said, shared if task.each is not None else 0.0))
        cached = _smaller(cached, prompt)
        answer = self._answer(call, prompt)
        took = self._seconds_of_call(model, prompt, cached, answer)
        money = self._money_of_call(model, prompt, cached, answer)
        return self._finished(
            took,
            money,
            prompt_tokens=prompt,
            cached_tokens=cached,
            answer_tokens=answer,
            quality=model.quality if model is not None else None,
        )

    def _said_before(self) -> float:
        """The tokens of a conversation that the call goes on with: its server has read or written them already."""
        if not self._task.args.get("history"):
            return 0.0
        args = {name: value for name, value in self._task.args.items() if name != "prompt"}
        before = ModelCall.of(msgspec.structs.replace(self._task, args=args))
        if before is None:
            return 0.0
        return catalogue.prompt_of(before, lambda ref: self._estimates.size_of(self._task, ref)).tokens.mid

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
            return _widened(found.experience.answer_tokens.spread(), found), True
        self._said("catalogue", "tokens by the length of the prompt")
        return catalogue.answer_of(call), False

    def _seconds_of_call(self, model: Model | None, prompt: Spread, cached: Spread, answer: Spread) -> _Took:
        timing = model.timing if model is not None else None
        found = self._find("seconds")
        is_same = found is not None and found.target == self._target
        thinks = self._option.thinking_tokens is not None and self._option.thinking_tokens > 0
        items = self._estimates.items_of(self._task)
        beside = items.mid if items is not None else 1.0
        if timing is not None and (thinks or not is_same):  # what another model took says less than this one's timing
            reckoned = catalogue.seconds_of(timing, prompt, cached, answer, beside=beside)
            if self._option != AS_WRITTEN or _believed(self._task.estimate.seconds) in (None, DEFAULT_SECONDS):
                self._said("catalogue", f"timing of {model.name}" if model is not None else "")
                return _Took(reckoned)
        if timing is not None:
            return self._seconds(
                catalogue.seconds_of(timing, prompt, cached, answer), "catalogue", "timing of the model"
            )
        guess = catalogue.seconds_of(_UNTIMED, prompt, cached, answer)
        return self._seconds(Spread.about(guess.mid, UNKNOWN_FACTOR), "default", "nobody knows how fast the model is")

    def _money_of_call(self, model: Model | None, prompt: Spread, cached: Spread, answer: Spread) -> Spread:
        declared = _believed(self._task.estimate.money)
        if declared and self._option == AS_WRITTEN:
            self._said("declared", f"declared ${declared:g}")
            return Spread.about(declared, DECLARED_FACTOR)
        found = self._find("money")
        if found is not None and found.target == self._target and self._option.thinking_tokens is None:
            spread = found.experience.money.spread()
            if spread.high:
                return _widened(spread, found)
        priced = catalogue.money_of(model, prompt, cached, answer)
        if priced is not None:
            self._said("catalogue", f"price of {model.name}" if model is not None else "")
            return priced
        return NOTHING

    # -- what every task has ---------------------------------------------------------------------------------------

    def _finished(self, took: _Took, money: Spread, **more: Any) -> Cost:
        source: Source = max(self._sources, key=_TRUST.index, default="default")
        found = self._find("result_bytes")
        size = _widened(found.experience.result_bytes.spread(), found) if found is not None else None
        if size is None and self._call is not None:
            size = more["answer_tokens"].times(CHARS_PER_TOKEN)
        ended, met = self._find("ended"), self._find("met")
        return Cost(
            took.seconds,
            money,
            **more,
            result_bytes=size or Spread.about(catalogue.RESULT_BYTES, UNKNOWN_FACTOR),
            source=source,
            because="; ".join(dict.fromkeys(self._sources[name] for name in _TRUST if name in self._sources)),
            settled_s=took.settled_s,
            mean_s=took.mean_s,
            settled_mean_s=took.settled_mean_s,
            items=self._estimates.items_of(self._task),
            fails=ended.experience.gave_up / ended.experience.ended if ended is not None else 0.0,
            runs=met.experience.ran / met.experience.met if met is not None and met.level == "step" else None,
        )

    def _find(self, quantity: Quantity) -> Found | None:
        return self._estimates.find(self._question, quantity) if self._known else None

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


def _contradicted(declared: float, found: Found | None) -> bool:
    if found is None or found.level != "step" or found.experience.attempts < PROVEN:
        return False
    median = found.experience.seconds.quantile(0.5)
    return not (median / OFF_BY <= declared <= median * OFF_BY)


def _widened(spread: Spread, found: Found) -> Spread:
    """A spread that is no narrower than so few attempts allow: one is good to a factor of 3, forty to a twentieth."""
    factor = 1 + 2 / max(1, found.experience.attempts)
    return Spread(min(spread.low, spread.mid / factor), spread.mid, max(spread.high, spread.mid * factor))


def _thought(tokens: int | None) -> Spread:
    """The tokens of thought of a call that may think so many at most: about half of them."""
    if tokens is None or tokens <= 0:
        return NOTHING
    most = float(min(tokens, MOST))
    return Spread(most / 10, most / 2, most)


def _smaller(spread: Spread, other: Spread) -> Spread:
    return Spread(min(spread.low, other.low), min(spread.mid, other.mid), min(spread.high, other.high))


def _speed(speed: float) -> float:
    """A device's speed; one that is no number above 0 counts as that of this machine."""
    return speed if 0 < speed <= MOST else 1.0
