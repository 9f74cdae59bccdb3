"""The trace of a flow: the tasks, edges and conditions that its calls leave behind."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import msgspec

from orrery.errors import ArgumentError, FlowError, NotSerialisableError, UnknownNameError
from orrery.graph import INPUTS, Each, Edge, Effects, Estimate, Expr, Graph, Limits, Place, Ref, Task
from orrery.graph.edge import Condition as EdgeCondition
from orrery.graph.ref import PSEUDO_SOURCES
from orrery.graph.values import decode, encode
from orrery.tools.tool import Tool, recorder
from orrery.tools.toolset import tools
from orrery.workflow import code
from orrery.workflow.handle import Handle, Pending, Text, condition_over
from orrery.workflow.references import variable, with_texts_unknown

_open: ContextVar[Trace | None] = ContextVar("orrery_trace", default=None)


def open_trace() -> Trace | None:
    """The trace of the flow whose body is running; None where calls run as they are."""
    return _open.get()


class Wiring(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a call hangs in the graph besides its arguments.

    Args:
        when: conditions, all of which must hold.
        needs: results to wait for, and the outcome that is waited for.
        after: results to come after where both run.
        at_least: how many of `needs` are enough; None means all.
    """

    when: tuple[Any, ...] = ()
    needs: tuple[tuple[Any, EdgeCondition], ...] = ()
    after: tuple[Any, ...] = ()
    at_least: int | None = None


class Trace:
    """Takes down calls as tasks instead of letting them run."""

    def __init__(self) -> None:
        self.tasks: dict[str, Task] = {}
        self.edges: list[Edge] = []
        self._variables: dict[str, Ref] = {}
        self._conditions: list[Any] = []
        self._prefix = ""
        self._taken: set[str] = set()

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Within the block, calls of tasks, tools and flows are taken down here."""
        token, tool_token = _open.set(self), recorder.set(self._tool_call)
        try:
            yield
        finally:
            recorder.reset(tool_token)
            _open.reset(token)

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Within the block, ids begin with `name` and "/"."""
        before = self._prefix
        self._prefix = f"{self._free(name)}/"
        try:
            yield
        finally:
            self._prefix = before

    @contextlib.contextmanager
    def where(self, condition: Any) -> Iterator[None]:
        """Within the block, tasks run only if the condition holds."""
        condition_over(condition, self)
        self._conditions.append(condition)
        try:
            yield
        finally:
            self._conditions.pop()

    def graph(self, result: Any) -> Graph:
        """The graph of what was taken down; `result` is what the flow returned. Raises GraphError, FlowError."""
        outputs: dict[str, Any] = {}
        if isinstance(result, dict) and all(isinstance(key, str) for key in result):
            outputs = {name: self.data(value, f"output {name!r}") for name, value in result.items()}
        elif result is not None:
            outputs = {"result": self.data(result, "what the flow returns")}
        return Graph(self.tasks.values(), self.edges, outputs)

    def handle(self, ref: Ref) -> Handle:
        """The handle of a reference."""
        return Handle(self, ref)

    # -- conditions ---------------------------------------------------------------------------------------

    def variable(self, ref: Ref) -> str:
        """The name by which this trace's conditions speak of a reference."""
        return variable(ref, self._variables)

    def variables_in(self, source: str) -> dict[str, Ref]:
        """The references that a condition speaks of."""
        return {name: self._variables[name] for name in Expr(source).free_names()}

    # -- calls --------------------------------------------------------------------------------------------

    def call(
        self,
        name: str,
        op: str,
        args: Mapping[str, Any],
        *,
        executor: str,
        effects: Effects,
        limits: Limits,
        seconds: float | None = None,
        each: Each | None = None,
        wiring: Wiring | None = None,
        label: str = "",
        place: Place | None = None,
    ) -> Handle:
        """Add a task whose id is made from `name`; the handle stands for its result. `args` is data already."""
        task_id = self._free(name)
        wiring = wiring or Wiring()
        task = Task(
            task_id,
            op,
            dict(args),
            executor,
            effects,
            limits,
            Estimate() if seconds is None else Estimate(seconds),
            wiring.at_least,
            self._when(wiring),
            each,
            label,
            None if place is None else self._place(place, name),
        )
        edges: dict[str, Edge] = {}
        for result, on in wiring.needs:
            source = self._source(result)
            edges[source] = Edge(source, task_id, on)
        for result in wiring.after:
            source = self._source(result)
            edges.setdefault(source, Edge(source, task_id, hard=False))
        self.tasks[task_id] = task
        self.edges += edges.values()
        return Handle(self, Ref(task_id))

    def _tool_call(self, tool: Tool[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Handle:
        return self.tool_call(tool, args, kwargs)

    def tool_call(self, tool: Tool[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], **rest: Any) -> Handle:
        """Add a task that calls a tool. Raises ArgumentError where its arguments do not fit."""
        bound = self.arguments(tool.function, tool.context_parameter, args, kwargs, tool.name)
        unknown = with_texts_unknown(bound)
        if problems := tool.check(unknown):
            raise ArgumentError("\n".join(map(str, problems)), problems)
        known: dict[str, Any] = {
            "executor": tool.executor,
            "effects": tool.effects_for(unknown),
            "limits": tool.limits,
            "seconds": tool.estimate_s,
        }
        name = rest.pop("name", tool.name)
        return self.call(name, op_of(tool), bound, **(known | rest))

    def arguments(
        self, function: Any, context: str | None, args: Sequence[Any], kwargs: Mapping[str, Any], name: str
    ) -> dict[str, Any]:
        """A call's arguments by name, as data. Raises FlowError, saying what does not fit."""
        signature = inspect.signature(function)
        if context is not None:  # filled in when the task runs
            others = [p for p in signature.parameters.values() if p.name != context]
            signature = signature.replace(parameters=others)
        try:
            bound = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise FlowError(f"task {name!r} is called with arguments that do not fit it: {error}") from error
        for parameter in signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                bound |= bound.pop(parameter.name, {})
        return {key: self.data(value, f"argument {key!r} of task {name!r}") for key, value in bound.items()}

    def data(self, value: Any, place: str) -> Any:
        """The value as plain data with Ref and Template leaves. Raises FlowError where it is none."""
        match value:
            case Handle():
                if value._trace is not self:
                    raise FlowError(f"{place}: {value!r} belongs to another flow; pass it in as an input")
                return value._ref
            case Text():
                return value.template
            case Pending():
                raise FlowError(f"{place}: {value!r} can only be given to `when`")
            case None | bool() | int() | float() | str() | bytes() if type(value) in _PLAIN:
                return value
            case dict():
                return {key: self.data(inner, f"{place}[{key!r}]") for key, inner in value.items()}
            case list() | tuple():
                return [self.data(inner, f"{place}[{position}]") for position, inner in enumerate(value)]
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = dataclasses.fields(value)
            return {field.name: self.data(getattr(value, field.name), f"{place}.{field.name}") for field in fields}
        if inspect.isawaitable(value):
            close = getattr(value, "close", None)
            if close is not None:
                close()
            raise FlowError(f"{place} is a coroutine; make the flow async and await it")
        try:
            return decode(encode(value))
        except NotSerialisableError as error:
            raise FlowError(f"{place}: {error}") from error

    # -- details ------------------------------------------------------------------------------------------

    def _free(self, name: str) -> str:
        """The name below the present prefix, with a number where it is taken."""
        wanted = self._prefix + (re.sub(r"[^\w.-]", "_", name) or "task")
        free, count = wanted, 1
        while free in self._taken:
            count += 1
            free = f"{wanted}-{count}"
        self._taken.add(free)
        return free

    def _when(self, wiring: Wiring) -> Expr | None:
        conditions = (*self._conditions, *wiring.when)
        if not conditions:
            return None
        if len(conditions) == 1:
            return condition_over(conditions[0], self)
        source = " and ".join(f"({condition_over(condition, self).source})" for condition in conditions)
        return Expr(source).with_names(self.variables_in(source))

    def _place(self, place: Place, name: str) -> Place:
        """The place with references where the flow has handles."""
        where = f"the place of task {name!r}"
        return msgspec.structs.replace(
            place,
            on=tuple(self.data(device, where) for device in place.on),
            beside=None if place.beside is None else Ref(self._source(place.beside)),
            apart=tuple(Ref(self._source(result)) for result in place.apart),
        )

    def _source(self, result: Any) -> str:
        if not isinstance(result, Handle) or result._trace is not self or result._ref.task in PSEUDO_SOURCES:
            raise FlowError(f"a task can wait for the result of another task of its flow, not for {result!r:.60}")
        return result._ref.task


_PLAIN = frozenset({type(None), bool, int, float, str, bytes})


def op_of(tool: Tool[..., Any]) -> str:
    """The name by which a run finds a tool: its own if it is registered, else that of its function."""
    try:
        if tools.get(tool.name) is tool:
            return tool.name
    except UnknownNameError:
        return code.name_of(tool.function)
    return code.name_of(tool.function)


def input_handle(trace: Trace, name: str) -> Handle:
    """The handle of a flow's input."""
    return trace.handle(Ref(INPUTS, (name,)))
