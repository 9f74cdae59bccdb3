"""`@task`: a function that becomes a step of a flow when a flow calls it, and stays a function elsewhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import update_wrapper
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar, cast, get_args, overload

import msgspec

from orrery.errors import FlowError, suggestion
from orrery.graph import ITEM, Each, Effects, Limits, Place, Ref, Retry
from orrery.graph.edge import Condition as EdgeCondition
from orrery.graph.edge import Outcome
from orrery.graph.expr import Expr
from orrery.graph.place import FLEET
from orrery.graph.task import EffectKind
from orrery.tools.tool import Tool
from orrery.workflow import code
from orrery.workflow.handle import Handle, filled
from orrery.workflow.trace import Wiring, open_trace

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
CONTEXT = "ctx"
"""The parameter by which a function asks for its `Context`; it is filled in when the task runs."""


class Own(NamedTuple):
    """What a step is besides its function: where it runs, what it does to the world, its limits."""

    executor: str
    effects: Effects
    limits: Limits
    seconds: float | None = None
    place: Place | None = None


class Step(Generic[P, R]):
    """A function that a flow can call. Made by `task`.

    Called inside a flow it is recorded, and what comes back is a `Handle`, typed as the result that it stands
    for. Called anywhere else it is the plain function.

    Attributes:
        function: the plain function.
        name: what the ids of its tasks are made from.
        own: executor, effects and limits.
    """

    def __init__(
        self, function: Callable[P, R], name: str, own: Own, *, tool: Tool[..., Any] | None = None, label: str = ""
    ) -> None:
        self.function, self.name, self.own = function, name, own
        self._tool, self._label = tool, label
        self._wiring = Wiring()
        self._accept_errors = False
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the plain function; inside a flow, record the call."""
        if open_trace() is None:
            return self.function(*args, **kwargs)
        return cast("R", self._record(args, kwargs, None))

    @overload
    def map(
        self: Step[..., Coroutine[Any, Any, T]], items: Iterable[Any], /, **fixed: Any
    ) -> Coroutine[Any, Any, list[T]]: ...
    @overload
    def map(self, items: Iterable[Any], /, **fixed: Any) -> list[R]: ...
    def map(self, items: Iterable[Any], /, **fixed: Any) -> Any:
        """Run the step once for every item; the result is the list of results, in the items' order.

        Args:
            items: a list, or the result of another step. An item becomes the first argument not in `fixed`.
            fixed: arguments that are the same for every item.
        """
        trace = open_trace()
        if trace is None:
            return self._map_plainly(items, fixed)
        if isinstance(items, str | bytes):
            raise FlowError(f"task {self.name!r} is mapped over a text; put it into a list, or map over its parts")
        over = trace.data(items if isinstance(items, Handle | Mapping) else list(items), f"the items of {self.name!r}")
        item = trace.handle(Ref(ITEM))
        return self._record((), {**fixed, self._item_parameter(fixed): item}, Each(over, self._accept_errors))

    def _map_plainly(self, items: Iterable[Any], fixed: Mapping[str, Any]) -> Any:
        parameter = self._item_parameter(fixed)
        call = cast("Callable[..., Any]", self.function)
        if not inspect.iscoroutinefunction(self.function):
            return [call(**{parameter: item, **fixed}) for item in items]

        async def all_of_them() -> list[Any]:
            return [await call(**{parameter: item, **fixed}) for item in items]

        return all_of_them()

    def _item_parameter(self, fixed: Mapping[str, Any]) -> str:
        for name in inspect.signature(self.function).parameters:
            if name not in fixed and name != CONTEXT:
                return name
        raise FlowError(f"task {self.name!r} has no argument left for the items")

    # -- the same step, otherwise ---------------------------------------------------------------------------

    def options(
        self,
        *,
        name: str | None = None,
        effects: EffectKind | Effects | None = None,
        retry: int | Retry | None = None,
        timeout_s: float | None = None,
        deadline_s: float | None = None,
        resources: Mapping[str, int] | None = None,
        executor: str | None = None,
        estimate_s: float | None = None,
        hedge_after_s: float | None = None,
        accept_errors: bool | None = None,
        label: str | None = None,
    ) -> Step[P, R]:
        """The step with other options; those left out stay. They mean what they mean in `task`.

        Args:
            accept_errors: in a `map`, an item that fails leaves its error in the list of results.
        """
        own = self.own
        given: dict[str, Any] = {
            "timeout_s": timeout_s,
            "deadline_s": deadline_s,
            "retry": None if retry is None else _retry(retry),
            "resources": None if resources is None else dict(resources),
            "hedge_after_s": hedge_after_s,
        }
        limits = msgspec.structs.replace(own.limits, **{key: v for key, v in given.items() if v is not None})
        twin = self._twin()
        twin.own = Own(
            executor or own.executor,
            own.effects if effects is None else _effects(effects),
            limits,
            own.seconds if estimate_s is None else estimate_s,
            own.place,
        )
        twin.name = name or self.name
        twin._label = self._label if label is None else label
        twin._accept_errors = self._accept_errors if accept_errors is None else accept_errors
        return twin

    def on(
        self,
        *devices: Any,
        skills: Iterable[str] = (),
        os: str = "",
        cpus: int = 0,
        memory_bytes: int = 0,
        beside: Any = None,
        apart: Iterable[Any] = (),
        prefer: str = "",
    ) -> Step[P, R]:
        """The step on a device of a fleet that has all of this; on this machine where there is no fleet.

        Args:
            devices: names, one of which it must be, or results that are names; none means any.
            skills: what the device must say of itself, such as "gpu".
            os: "linux", "darwin" or "windows".
            beside: the result of an earlier task, on whose device it must run.
            apart: results of earlier tasks, on whose devices it must not run.
            prefer: the name of the device that it runs on if that one is there, fits and has room soon.
        """
        place = Place(devices, tuple(skills), os, cpus, memory_bytes, beside, tuple(apart), prefer)
        twin = self._twin()
        twin.own = self.own._replace(executor=FLEET, place=place)
        return twin

    def when(self, condition: Any) -> Step[P, R]:
        """The step that runs only if a condition over results holds, such as `count > 3`; else it is skipped."""
        return self._wired(when=(*self._wiring.when, condition))

    def needs(self, *results: Any, on: Outcome | str = "success", at_least: int | None = None) -> Step[P, R]:
        """The step that waits for results besides those among its arguments.

        Args:
            on: "success", "failure", "completion", or an expression over `result`, such as "result.n > 3".
            at_least: how many of all that it waits for are enough.
        """
        outcome: EdgeCondition = cast("Outcome", on) if on in get_args(Outcome) else Expr(on)
        pairs = tuple((result, outcome) for result in results)
        return self._wired(needs=(*self._wiring.needs, *pairs), at_least=at_least or self._wiring.at_least)

    def after(self, *results: Any) -> Step[P, R]:
        """The step that comes after others where both run, without depending on them."""
        return self._wired(after=(*self._wiring.after, *results))

    def _wired(self, **changes: Any) -> Step[P, R]:
        if open_trace() is None:
            raise FlowError(f"when, needs and after wire a task into a flow; {self.name!r} is used outside of one")
        twin = self._twin()
        twin._wiring = msgspec.structs.replace(self._wiring, **changes)
        return twin

    def _twin(self) -> Step[P, R]:
        twin: Step[P, R] = Step(self.function, self.name, self.own, tool=self._tool, label=self._label)
        twin._wiring, twin._accept_errors = self._wiring, self._accept_errors
        return twin

    # -- recording ----------------------------------------------------------------------------------------

    def _record(self, args: Sequence[Any], kwargs: Mapping[str, Any], each: Each | None) -> Handle:
        trace = open_trace()
        assert trace is not None
        rest: dict[str, Any] = {
            "executor": self.own.executor,
            "limits": self.own.limits,
            "seconds": self.own.seconds,
            "each": each,
            "wiring": self._wiring,
            "label": self._label,
            "place": self.own.place,
        }
        if self._tool is not None:
            if self.own.effects is not self._tool.effects:
                rest["effects"] = self.own.effects
            return trace.tool_call(self._tool, args, kwargs, name=self.name, **rest)
        bound = trace.arguments(self.function, CONTEXT, args, kwargs, self.name)
        return trace.call(self.name, code.name_of(self.function), bound, effects=self.own.effects, **rest)

    def __repr__(self) -> str:
        return f"<task {self.name}>"

    def __reduce__(self) -> str:
        return self.__qualname__  # pickled by its place, as functions are

    __qualname__: str


def _retry(retry: int | Retry) -> Retry:
    return Retry(attempts=retry) if isinstance(retry, int) else retry


def _effects(effects: EffectKind | Effects) -> Effects:
    if isinstance(effects, Effects):
        return effects
    if effects not in get_args(EffectKind):
        raise FlowError(f"effects={effects!r}: {suggestion(str(effects), get_args(EffectKind))}")
    return Effects(effects)


@overload
def task(function: Callable[P, R], /) -> Step[P, R]: ...
@overload
def task(
    function: Callable[P, R],
    /,
    *,
    name: str | None = None,
    effects: EffectKind | Effects | None = None,
    retry: int | Retry | None = None,
    timeout_s: float | None = None,
    deadline_s: float | None = None,
    resources: Mapping[str, int] | None = None,
    executor: str | None = None,
    estimate_s: float | None = None,
    hedge_after_s: float | None = None,
    label: str | None = None,
) -> Step[P, R]: ...
@overload
def task(
    *,
    name: str | None = None,
    effects: EffectKind | Effects | None = None,
    retry: int | Retry | None = None,
    timeout_s: float | None = None,
    deadline_s: float | None = None,
    resources: Mapping[str, int] | None = None,
    executor: str | None = None,
    estimate_s: float | None = None,
    hedge_after_s: float | None = None,
    label: str | None = None,
) -> Callable[[Callable[P, R]], Step[P, R]]: ...
def task(
    function: Callable[P, R] | None = None, /, **options: Any
) -> Step[P, R] | Callable[[Callable[P, R]], Step[P, R]]:
    """Make a sync or async function a step of flows. Usable bare, as `@task`; also on a tool, to give it limits.

    Args:
        name: what the ids of its tasks are made from; the function's own name unless given.
        effects: "pure", "idempotent", "keyed" (unless given) or "once" (see `Effects`), or an `Effects`.
        retry: how many attempts are made in all, or a `Retry`.
        timeout_s: how long one attempt may take.
        deadline_s: how long after it became ready it must be done, the queue included.
        resources: how much of each named resource it holds while it runs.
        executor: "inline", "thread" or "process"; unless given, async functions run inline and sync ones in a thread.
        estimate_s: how long one attempt is expected to take; only priorities and budgets depend on it.
        hedge_after_s: a second attempt starts beside a slow first one after this time; pure tasks only.
        label: what a person reads instead of the id.

    Raises:
        FlowError: the function cannot be called by argument names, or yields.
    """

    def make(function: Callable[P, R]) -> Step[P, R]:
        return _step(function).options(**options)

    return make if function is None else make(function)


def _step(function: Callable[P, R]) -> Step[P, R]:
    if isinstance(function, Tool):
        tool: Tool[P, R] = function
        own = Own(tool.executor, tool.effects, tool.limits, tool.estimate_s)
        return Step(tool.function, tool.name, own, tool=tool)
    if isinstance(function, Step):
        return function
    name = getattr(function, "__name__", type(function).__name__)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise FlowError(f"task {name!r} yields; return a list instead")
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise FlowError(
                f"task {name!r}: arguments are kept by name, so {str(parameter)!r} cannot be positional-only"
            )
    executor = "inline" if inspect.iscoroutinefunction(function) else "thread"
    return Step(function, name.replace("<lambda>", "lambda"), Own(executor, Effects(), Limits()))


# -- what else a flow may say -----------------------------------------------------------------------------


def when(condition: Any) -> AbstractContextManager[None]:
    """Within the block, tasks run only if a condition over results holds, such as `count > 3`; else they are skipped.

    Raises:
        FlowError: outside a flow, or where the condition is no comparison of results.
    """
    trace = open_trace()
    if trace is None:
        raise FlowError("when(...) means something only inside a flow; outside of one use `if`")
    return trace.where(condition)


def text(pattern: str, /, *values: Any, **named: Any) -> str:
    """The pattern, as of `str.format`, with values in it that may be results: `text("Deploy {}?", version)`.

    Raises:
        FlowError: a result is to be formatted with a format of its own.
    """
    return cast("str", filled(pattern, values, named))


def ask(
    question: str,
    *,
    name: str = "ask",
    needs: Sequence[Any] = (),
    timeout_s: float | None = None,
    deadline_s: float | None = None,
    label: str = "",
) -> Any:
    """A task for a person: it waits for an answer, which is its result. A denial is a failure.

    Args:
        question: what the person reads; with results in it by `text`.
        needs: results that must be there before the question is asked.
        deadline_s: how long after it became ready the answer must have come.

    Raises:
        FlowError: outside a flow, where nobody could be asked.
    """
    trace = open_trace()
    if trace is None:
        raise FlowError("ask(...) means something only inside a flow")
    return trace.call(
        name,
        "ask",
        {"question": trace.data(question, "the question")},
        executor="person",
        effects=Effects(),
        limits=Limits(timeout_s=timeout_s, deadline_s=deadline_s),
        wiring=Wiring(needs=tuple((result, "success") for result in needs)),
        label=label,
    )
