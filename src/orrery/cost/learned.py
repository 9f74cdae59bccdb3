"""Learned: what past attempts took, by kind of task, in bounded memory.

For every kind (see `Question`) a few sketches are kept at four levels: this step with inputs of this size; this step;
this operation and target with inputs of this size; this operation and target. The finest level that has seen enough is
asked, and at last the same operation on whatever target it ran most.

Newer runs count for more: what a run taught weighs half as much after `HALF_LIFE` more runs. Of a store the last `RUNS`
runs are read. At most `KINDS` experiences are kept; those that no run has touched for longest are forgotten first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec

from orrery.cost.question import Question, size_in_words
from orrery.cost.sketch import Sketch

HALF_LIFE = 16
RUNS = 200
KINDS = 4096

Quantity = Literal["seconds", "settled_s", "money", "tokens", "answer_tokens", "result_bytes", "items", "ended", "met"]
Level = Literal["step", "size", "target", "op"]


class Experience(msgspec.Struct):
    """What tasks of one kind took.

    Attributes:
        as_of: the number of runs that had been learned from when it was last touched.
        attempts: how many were counted in all; everything below counts newer ones for more.
        seconds, money, tokens, answer_tokens: of an attempt that succeeded.
        settled_s: of a task, from when its executor was given it to its end, repeated attempts and pauses included.
        result_bytes, items: of a task's result; of its for-each.
        tries: attempts, those that failed too.
        ended, gave_up: tasks that came to an end, and those of them that failed for good.
        met, ran: tasks that a run came to, and those of them that no condition left out.
    """

    as_of: int = 0
    attempts: int = 0
    seconds: Sketch = msgspec.field(default_factory=Sketch)
    settled_s: Sketch = msgspec.field(default_factory=Sketch)
    money: Sketch = msgspec.field(default_factory=Sketch)
    tokens: Sketch = msgspec.field(default_factory=Sketch)
    answer_tokens: Sketch = msgspec.field(default_factory=Sketch)
    result_bytes: Sketch = msgspec.field(default_factory=Sketch)
    items: Sketch = msgspec.field(default_factory=Sketch)
    tries: float = 0.0
    ended: float = 0.0
    gave_up: float = 0.0
    met: float = 0.0
    ran: float = 0.0

    def weight(self, quantity: Quantity) -> float:
        """How much of a quantity was seen."""
        found = getattr(self, quantity)
        return found.weight if isinstance(found, Sketch) else float(found)

    def fade(self, runs: int) -> None:
        """Let what was counted fade to what it is worth when `runs` runs have been learned from."""
        if runs > self.as_of:
            factor = _faded(runs - self.as_of)
            for name in _SKETCHES:
                getattr(self, name).fade(factor)
            for name in _WEIGHTS:
                setattr(self, name, getattr(self, name) * factor)
            self.as_of = runs


_SKETCHES = ("seconds", "settled_s", "money", "tokens", "answer_tokens", "result_bytes", "items")
_WEIGHTS = ("tries", "ended", "gave_up", "met", "ran")


def _faded(runs: int) -> float:
    return float(2.0 ** (-runs / HALF_LIFE))


class Found(NamedTuple):
    """An experience that answers a question.

    Args:
        level: how well it fits.
        key: the kind of task that it was made with.
        elsewhere: it was made on another model or device than was asked about.
    """

    experience: Experience
    level: Level
    key: Question
    elsewhere: bool

    @property
    def target(self) -> str:
        """The model or the device that it was made on."""
        return self.key.target

    @property
    def words(self) -> str:
        """The same as a person reads it: "41 attempts at files.read, input 2-4 kB"."""
        count = self.experience.attempts
        words = f"{count} attempt{'s' if count != 1 else ''}"
        if self.level == "step":
            return f"{words} at this step"
        if self.elsewhere:
            return f"{words} at {self.key.op} on {self.target or 'this machine'}"
        size = "" if self.key.size is None else f", {size_in_words(self.key.size)}"
        return f"{words} at {self.key.op}{size}"


class Taught(msgspec.Struct, frozen=True):
    """What one task of one run taught.

    Args:
        question: about what.
        seconds, money, tokens, answer_tokens: of the attempt that succeeded; None where there is none, or nobody knows.
        settled_s, result_bytes, items: None where it did not come to that.
        tries: attempts, those that failed too.
        gave_up: it failed for good; None where it came to no end.
        ran: it was begun, and not left out by a condition; None where the run did not come to it.
        recalled: the answer was in a cache, so it only teaches something of this very step.
    """

    question: Question
    seconds: float | None = None
    money: float | None = None
    tokens: float | None = None
    answer_tokens: float | None = None
    settled_s: float | None = None
    result_bytes: float | None = None
    items: float | None = None
    tries: int = 0
    gave_up: bool | None = None
    ran: bool | None = None
    recalled: bool = False


class Learned:
    """What past runs took. Made empty; `orrery.cost.learn` fills it from the runs of a journal.

    Attributes:
        runs: how many runs it has taken; by them what was learned ages.
        taken: their names, the oldest first; the last few thousand.
        skipped: runs that could not be read, and why; of the last reading.
    """

    def __init__(self) -> None:
        self.runs = 0
        self.taken: dict[str, None] = {}
        self.skipped: dict[str, str] = {}
        self._kept: dict[Question, Experience] = {}
        self._targets: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, run: str, taught: Iterable[Taught]) -> None:
        """Learn from one run; a run that was taken before is passed over."""
        if run in self.taken:
            return
        self.taken[run] = None
        if len(self.taken) > 10 * RUNS:
            del self.taken[next(iter(self.taken))]
        self.runs += 1
        for one in taught:
            for question in _levels(one.question, finest_only=one.recalled):
                _count(self._touched(question), one)
        while len(self._kept) > KINDS:
            self._forget(next(iter(self._kept)))

    def ladder(self, question: Question) -> list[Found]:
        """Every experience that says something of a question, the finest first."""
        found = []
        for key in _levels(question):
            if (experience := self._now(key)) is not None:
                level: Level = "step" if key.step else "size" if key.size is not None else "target"
                found.append(Found(experience, level, key, False))
        targets = self._targets.get(question.op)
        if targets is not None and len(targets) > (question.target in targets):
            found += self._elsewhere(question, targets)
        return found

    def _elsewhere(self, question: Question, targets: Iterable[str]) -> list[Found]:
        """The same on other models or devices, the one that was tried most first."""
        found = []
        for target in targets:
            key = Question(question.op, target)
            if target != question.target and (experience := self._now(key)) is not None:
                found.append(Found(experience, "op", key, True))
        found.sort(key=lambda one: (-one.experience.tries, one.target))
        steps = [one.key._replace(step=question.step) for one in found if question.step]
        same = [Found(experience, "op", key, True) for key in steps if (experience := self._now(key)) is not None]
        return [*same, *found]

    def _now(self, key: Question) -> Experience | None:
        """An experience as far as it has faded by now."""
        found = self._kept.get(key)
        if found is not None:
            found.fade(self.runs)
        return found

    def _touched(self, question: Question) -> Experience:
        """The experience with a question, at the end of the line of those that may be forgotten."""
        found = self._kept.pop(question, None)
        if found is None:
            found = Experience(as_of=self.runs)
            if question == Question(question.op, question.target):
                self._targets.setdefault(question.op, {})[question.target] = None
        found.fade(self.runs)
        self._kept[question] = found
        return found

    def _forget(self, question: Question) -> None:
        del self._kept[question]
        if question == Question(question.op, question.target):
            targets = self._targets[question.op]
            del targets[question.target]
            if not targets:
                del self._targets[question.op]


def _levels(question: Question, *, finest_only: bool = False) -> list[Question]:
    """The kinds to which a question belongs, the finest first."""
    op, target, step, size = question
    keys = []
    if step:
        if size is not None:
            keys.append(question)
        keys.append(Question(op, target, step))
    if finest_only:
        return keys
    if size is not None:
        keys.append(Question(op, target, "", size))
    keys.append(Question(op, target))
    return keys


def _count(experience: Experience, one: Taught) -> None:
    experience.attempts += one.seconds is not None
    for name in _SKETCHES:
        value = getattr(one, name)
        if value is not None:
            getattr(experience, name).add(value)
    experience.tries += one.tries
    if one.gave_up is not None:
        experience.ended += 1
        experience.gave_up += one.gave_up
    if one.ran is not None:
        experience.met += 1
        experience.ran += one.ran
