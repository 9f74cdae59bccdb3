"""`@flow`: a function whose calls of tasks, tools and other flows become a graph.

The body runs once, to be traced; the tasks run later, in parallel wherever they do not depend on each other.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Coroutine, Sequence
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from orrery.errors import FlowError, InputError, NotSerialisableError, suggestion
from orrery.graph import Graph
from orrery.graph.values import decode, encode
from orrery.scheduler.events import Budget
from orrery.tools.schema import schema_of
from orrery.workflow import code
from orrery.workflow.trace import Trace, input_handle, open_trace
from orrery.workflow.workflow import TYPES, UNSET, InputSpec, Workflow, type_of

P = ParamSpec("P")
R = TypeVar("R")


class Flow(Generic[P, R]):
    """A workflow written as a function. Made by `flow`.

    Called outside any flow it runs as the plain function that it is, one task after the other. Called inside
    another flow its tasks become part of that one, under its name.

    Attributes:
        function: the plain function.
        name: what the workflow is called.
        static: the parameters that shape the graph, and so must be known when it is traced.
        inputs: all its parameters, static ones included.
    """

    def __init__(
        self, function: Callable[P, R], name: str, static: Sequence[str], budget: Budget, description: str
    ) -> None:
        self.function, self.name, self.static = function, name, tuple(static)
        self.budget, self.description = budget, description
        self._signature = inspect.signature(function)
        for parameter in self._signature.parameters.values():
            if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                raise FlowError(f"flow {name!r}: inputs are given by name, so it cannot have {str(parameter)!r}")
        for parameter_name in self.static:
            if parameter_name not in self._signature.parameters:
                hint = suggestion(parameter_name, self._signature.parameters)
                raise FlowError(f"flow {name!r} has no parameter {parameter_name!r} that could be static; {hint}")
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the plain function; inside another flow, make its tasks part of that one."""
        trace = open_trace()
        if trace is None:
            return self.function(*args, **kwargs)
        if inspect.iscoroutinefunction(self.function):
            return cast("R", self._inlined(trace, args, kwargs))
        with trace.inside(self.name):
            return self.function(*args, **kwargs)

    async def _inlined(self, trace: Trace, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with trace.inside(self.name):
            return await cast("Coroutine[Any, Any, Any]", cast("Callable[..., Any]", self.function)(*args, **kwargs))

    @property
    def inputs(self) -> dict[str, InputSpec]:
        """What it takes, by name, from its parameters and their hints."""
        try:
            hints = typing.get_type_hints(self.function, include_extras=True)
        except (NameError, TypeError, AttributeError):  # hints for the type checker only say nothing here
            hints = {}
        return {
            name: _input(name, hints.get(name, Any), parameter.default, static=name in self.static)
            for name, parameter in self._signature.parameters.items()
        }

    def graph(self, **inputs: Any) -> Graph:
        """The graph of the flow. One graph serves all inputs but the static ones, whose values shape it.

        Args:
            inputs: values for the static parameters; others are accepted and change nothing.

        Raises:
            FlowError: the body did something that cannot be traced, or a static value is missing.
            GraphError: what it made is no graph that could run.
        """
        return self._traced(self._static_values(inputs))

    def workflow(self, **static: Any) -> Workflow:
        """The flow as a `Workflow`, for the given values of its static parameters. Raises as `graph` does."""
        values = self._static_values(static)
        inputs = {
            name: InputSpec(name, spec.type, values[name], spec.description, static=True) if spec.static else spec
            for name, spec in self.inputs.items()
        }
        source = code.name_of(self.function).removeprefix(code.PYTHON)
        return Workflow(self.name, self._traced(values), inputs, self.budget, source, self.description)

    def _static_values(self, given: dict[str, Any]) -> dict[str, Any]:
        specs = self.inputs
        for name in given:
            if name not in specs:
                hint = suggestion(name, specs) if specs else "it takes none"
                raise InputError(f"flow {self.name!r} has no input {name!r}; {hint}")
        values: dict[str, Any] = {}
        for name in self.static:
            if name not in given and specs[name].required:
                raise InputError(
                    f"flow {self.name!r} needs the input {name!r} before its graph can be made, because it is static: "
                    f"give it as {name}=VALUE"
                )
            values[name] = specs[name].read(given[name]) if name in given else specs[name].default
        return values

    def _traced(self, static: dict[str, Any]) -> Graph:
        trace = Trace()
        args = {name: static[name] if name in static else input_handle(trace, name) for name in self.inputs}
        call = cast("Callable[..., Any]", self.function)
        with trace.opened():
            result = call(**args)
            if inspect.iscoroutine(result):
                result = _driven(result, self.name)
        return trace.graph(result)

    def __repr__(self) -> str:
        return f"<flow {self.name}>"


def _driven(body: Coroutine[Any, Any, Any], name: str) -> Any:
    """What an async body returns. Awaiting a handle never waits, so one step goes through to the end."""
    try:
        body.send(None)
    except StopIteration as stop:
        return stop.value
    body.close()
    raise FlowError(
        f"flow {name!r} awaits something that is no task. While it is traced only tasks and flows can be awaited; "
        "they run in parallel by themselves, so asyncio.gather and the like are not needed"
    )


def _input(name: str, hint: Any, default: Any, *, static: bool) -> InputSpec:
    if default is inspect.Parameter.empty:
        return InputSpec(name, _type_of_hint(hint), UNSET, static=static)
    try:
        plain = decode(encode(default))
    except NotSerialisableError as error:
        raise FlowError(f"the default of input {name!r}: {error}") from error
    kind = _type_of_hint(hint)
    return InputSpec(name, type_of(plain) if kind == "any" and hint is Any else kind, plain, static=static)


def _type_of_hint(hint: Any) -> str:
    """The input type in a hint's JSON Schema; "any" where there are several, or none."""
    schema = schema_of(hint)
    members = [member for member in schema.get("anyOf", [schema]) if member.get("type") != "null"]
    if len(members) != 1:
        return "any"
    (member,) = members
    if "$ref" in member:
        member = schema.get("$defs", {}).get(member["$ref"].rpartition("/")[2], {})
    found = member.get("type")
    return found if found in TYPES else "any"


@overload
def flow(function: Callable[P, R], /) -> Flow[P, R]: ...
@overload
def flow(
    function: Callable[P, R],
    /,
    *,
    name: str | None = None,
    static: Sequence[str] = (),
    budget: Budget | None = None,
    description: str | None = None,
) -> Flow[P, R]: ...
@overload
def flow(
    *,
    name: str | None = None,
    static: Sequence[str] = (),
    budget: Budget | None = None,
    description: str | None = None,
) -> Callable[[Callable[P, R]], Flow[P, R]]: ...
def flow(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    static: Sequence[str] = (),
    budget: Budget | None = None,
    description: str | None = None,
) -> Flow[P, R] | Callable[[Callable[P, R]], Flow[P, R]]:
    """Make a sync or async function a workflow: the calls in it become a graph. Usable bare, as `@flow`.

    Its parameters are the workflow's inputs and stand for values that come with each run, so the body cannot
    branch or loop over them; those that must shape the graph are named in `static`. What it returns are the
    outputs: a dict by its keys, everything else under "result".

    Args:
        name: what the workflow is called; the function's own name unless given.
        static: parameters whose values must be known when the graph is made.
        budget: the most that a run may consume.
        description: what it is for; the docstring's first paragraph unless given.

    Raises:
        FlowError: the function's parameters cannot be inputs.
    """

    def make(function: Callable[P, R]) -> Flow[P, R]:
        about = description if description is not None else (inspect.getdoc(function) or "").partition("\n\n")[0]
        return Flow(function, name or function.__name__, static, budget or Budget(), about)

    return make if function is None else make(function)
