"""Task and what it is made of: effects, limits, estimates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from orrery.graph.expr import Expr
from orrery.graph.place import Place
from orrery.graph.ref import INDEX, ITEM, Ref, TaskId
from orrery.graph.template import Template

EffectKind = Literal["pure", "idempotent", "keyed", "once"]


class Effects(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What an operation does to the world, which decides what may be done with it.

    `kind`, from the freest to the strictest:
      * "pure": nothing; may be merged, cached, run twice at once.
      * "idempotent": doing it again changes nothing more; may be retried.
      * "keyed" (the default): done again only under the same idempotency key, as after a crash.
      * "once": never repeated without a person's word.
    `reads` and `writes` name what is touched, such as "file:report.md" or "net:api.example.org".
    """

    kind: EffectKind = "keyed"
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


class Retry(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """When and how a failed attempt is tried again.

    The pause before attempt n+1 is `backoff_s * factor**(n-1)`, at most `max_backoff_s`, spread by
    ±`jitter` of itself; a server's Retry-After replaces it when longer. `on` names the error classes (or
    stable codes) that are retried; empty means every failure that is not permanent.
    """

    attempts: int = 3
    backoff_s: float = 1.0
    factor: float = 2.0
    max_backoff_s: float = 60.0
    jitter: float = 0.1
    on: tuple[str, ...] = ()


class Limits(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The explicit limits of one task; none is set by default.

    Args:
        timeout_s: the longest one attempt may run.
        deadline_s: the longest from becoming ready to being done: queue, attempts and pauses together.
        retry: how failed attempts are repeated; None means one attempt.
        resources: how much of each named resource an attempt holds, such as {"gpu": 1}.
        hedge_after_s: start a duplicate of a pure task that has run this long; the first answer wins.
    """

    timeout_s: float | None = None
    deadline_s: float | None = None
    retry: Retry | None = None
    resources: dict[str, int] = {}
    hedge_after_s: float | None = None


class Estimate(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What one attempt is expected to take: seconds, money (in the budget's currency), tokens; and how hard it is.

    `difficulty` lies in [0, 1]: 0 for what is always done right at the first try. None leaves it to be guessed.
    """

    seconds: float = 1.0
    money: float = 0.0
    tokens: int = 0
    difficulty: float | None = None


class Each(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Run the task once for every item of a list (or entry of a map); its result is the list of results.

    Args:
        over: a literal list, or a Ref to one.
        accept_errors: an item that fails leaves its failure in the list instead of failing the whole.
    """

    over: Any
    accept_errors: bool = False


class Task(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One step of a workflow, as data.

    Args:
        id: its name, unique in the graph; "/" separates the levels of dynamic growth.
        op: the operation's name: a registered tool, "py:module:function", or a built-in such as "ask".
        args: keyword arguments; plain data with `Ref` and `Template` leaves.
        executor: where it runs: "inline", "thread", "process", "person", or a registered name.
        effects: what it does to the world.
        limits: time, retries, resources.
        estimate: what it is expected to take; only priorities and budgets depend on it.
        join: how many of its hard edges must fire; None means all of them.
        when: a condition over earlier results; false means that the task is skipped. In a task with `each`,
            one that mentions the item is asked for every item.
        each: run it once per item.
        label: what a person reads instead of the id.
        place: which devices of a fleet may run it, for the executor "fleet".
    """

    id: TaskId
    op: str
    args: dict[str, Any] = {}
    executor: str = "inline"
    effects: Effects = Effects()
    limits: Limits = Limits()
    estimate: Estimate = Estimate()
    join: int | None = None
    when: Expr | None = None
    each: Each | None = None
    label: str = ""
    place: Place | None = None

    def refs(self) -> Iterator[Ref]:
        """Every reference the task holds, in reading order: arguments, `each`, `when`, `place`."""
        for value in self.args.values():
            yield from refs_in(value)
        if self.each is not None:
            yield from refs_in(self.each.over)
        if self.when is not None:
            yield from self.when.names.values()
        if self.place is not None:
            yield from refs_in((self.place.on, self.place.beside, self.place.apart))


def asks_each_item(task: Task) -> bool:
    """Whether the task's condition is about its items, and so not about the task as a whole."""
    when = task.when
    return when is not None and any(ref.task in (ITEM, INDEX) for ref in when.names.values())


def refs_in(value: Any) -> Iterator[Ref]:
    """The references inside a value, in reading order."""
    kind = type(value)
    if kind is Ref:
        yield value
    elif kind is Template:
        yield from value.refs()
    elif kind is dict:
        for inner in value.values():
            yield from refs_in(inner)
    elif kind is list or kind is tuple:
        for inner in value:
            yield from refs_in(inner)
