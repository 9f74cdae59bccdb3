"""Tool: a typed function that a task or a model may call.

The function's hints are its contract: from them come the schema, the coercion of what arrives, and the
messages about what does not fit. The function itself stays an ordinary function.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import cached_property, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, overload

import msgspec

from orrery.errors import ArgumentError, Problem, ToolDefinitionError, suggestion
from orrery.graph import Effects, Estimate, Limits, Ref, Retry, Task, TaskId, Template
from orrery.graph.task import EffectKind
from orrery.tools.context import ToolContext
from orrery.tools.hints import Fitting, Read, described
from orrery.tools.schema import Schema, arguments_schema, schema_of

P = ParamSpec("P")
R = TypeVar("R")

Recorder = Callable[["Tool[..., Any]", tuple[Any, ...], dict[str, Any]], Any]
recorder: ContextVar[Recorder | None] = ContextVar("recorder", default=None)
"""Who takes calls of tools instead of performing them, such as a flow that is being traced; None: nobody."""

_CONTEXT_NAMES = [name for name in vars(ToolContext) if not name.startswith("_")]
_NAME = re.compile(r"[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*")
_FIELD = re.compile(r"\{(\w+)\}")


class ArgumentProblem(Problem, frozen=True):
    """A problem with one argument of a call, whose name is in `argument`."""

    argument: str


class Tool(Generic[P, R]):
    """A function with what must be known to call it on somebody's behalf. Made by `tool`.

    Attributes:
        name: how it is called in workflows, such as "files.read".
        function: the plain function.
        effects: what it does to the world. A name in `reads` and `writes` may hold `{argument}`.
        executor: where it runs unless a task says otherwise: "inline", "thread", "process".
        limits: how long one attempt may take, and how often it is tried again unless a task says otherwise.
        estimate_s: how long one attempt is expected to take; None: unknown.
        description: what it does, from the first paragraph of the docstring.
        examples: requests that it is the right tool for, as people say them; it is found by them.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str,
        effects: Effects,
        executor: str | None = None,
        timeout_s: float | None = None,
        retry: Retry | None = None,
        estimate_s: float | None = None,
        description: str | None = None,
        examples: Sequence[str] = (),
    ) -> None:
        if not _NAME.fullmatch(name):
            raise ToolDefinitionError(f"{name!r} cannot name a tool: use words joined by dots, such as 'files.read'")
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ToolDefinitionError(f"tool {name!r} yields; return a list instead")
        self.name, self.function, self.effects = name, function, effects
        self.is_async = inspect.iscoroutinefunction(function)
        self.executor = executor or ("inline" if self.is_async else "thread")
        self.limits, self.estimate_s = Limits(timeout_s, retry=retry), estimate_s
        self.examples = tuple(examples)
        documentation = inspect.getdoc(function) or ""
        self.description = description if description is not None else documentation.partition("\n\n")[0]
        self._documented = dict(_argument_notes(documentation))
        self._signature = inspect.signature(function)
        for parameter in self._signature.parameters.values():
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
                raise ToolDefinitionError(
                    f"tool {name!r}: arguments are given by name, so {parameter.name!r} cannot be positional-only"
                )
        update_wrapper(self, function)
        self.__qualname__: str = function.__qualname__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the plain function; inside a flow that is being traced, record the call instead."""
        record = recorder.get()
        if record is not None:
            return typing.cast("R", record(self, args, kwargs))
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Tool {self.name}>"

    def __reduce__(self) -> str:
        return self.__qualname__  # pickled by its place, as functions are

    @cached_property
    def _all_hints(self) -> dict[str, Any]:
        # Read late, so that a hint may name a class that its module defines further down.
        try:
            return typing.get_type_hints(self.function, include_extras=True)
        except (NameError, TypeError, AttributeError) as error:
            raise ToolDefinitionError(
                f"tool {self.name!r} has a hint that cannot be resolved: {error}; "
                "name only what its module defines or imports at run time"
            ) from error

    @cached_property
    def context_parameter(self) -> str | None:
        """The parameter that receives the run-time context, if there is one."""
        for name in self._signature.parameters:
            if name == "ctx" or _is_context(self._all_hints.get(name)):
                return name
        return None

    @property
    def wants_context(self) -> bool:
        """Whether it takes a run-time context."""
        return self.context_parameter is not None

    @cached_property
    def _parameters(self) -> dict[str, inspect.Parameter]:
        return {
            name: parameter
            for name, parameter in self._signature.parameters.items()
            if name != self.context_parameter and parameter.kind is not parameter.VAR_KEYWORD
        }

    @cached_property
    def hints(self) -> dict[str, Any]:
        """Each argument's type hint; `Any` where none is written."""
        return {name: self._all_hints.get(name, Any) for name in self._parameters}

    @cached_property
    def _extra(self) -> Any:
        """The hint of further arguments (`**kwargs`); None where none are taken."""
        for name, parameter in self._signature.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                return self._all_hints.get(name, Any)
        return None

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The arguments that have no default."""
        return tuple(name for name, parameter in self._parameters.items() if parameter.default is parameter.empty)

    @cached_property
    def parameters(self) -> Schema:
        """The JSON Schema of the arguments."""
        return arguments_schema(
            self.hints,
            {name: p.default for name, p in self._parameters.items() if p.default is not p.empty},
            descriptions=self._documented,
            extra=self._extra,
        )

    @cached_property
    def result(self) -> Schema:
        """The JSON Schema of what it returns; empty where anything may come."""
        return schema_of(self._all_hints.get("return", Any))

    def bind(self, args: Mapping[str, Any], *, read_blob: Read | None = None) -> dict[str, Any]:
        """The arguments as the function wants them, by name; those left out keep their defaults.

        Args:
            args: argument names to values.
            read_blob: how to read a stored large value where text or bytes are wanted.

        Raises:
            ArgumentError: with everything that is wrong.
        """
        fitted, problems = self._fitted(args, refs=False, read=read_blob)
        if problems:
            raise ArgumentError("\n".join(map(str, problems)), problems)
        return fitted

    def check(self, args: Mapping[str, Any]) -> list[ArgumentProblem]:
        """Everything that is wrong with arguments in which a `Ref` stands for a value not yet known."""
        return self._fitted(args, refs=True, read=None)[1]

    def call(self, args: Mapping[str, Any], ctx: ToolContext, *, read_blob: Read | None = None) -> R:
        """Bind the arguments and call the function; of an async one, the coroutine. Raises ArgumentError."""
        fitted = self.bind(args, read_blob=read_blob)
        if self.context_parameter is not None:
            fitted[self.context_parameter] = ctx
        return typing.cast("Callable[..., R]", self.function)(**fitted)

    @property
    def timeout_s(self) -> float | None:
        """How long one attempt may take; None sets no limit."""
        return self.limits.timeout_s

    def task(self, task: TaskId, args: Mapping[str, Any], *, label: str = "", timeout_s: float | None = None) -> Task:
        """The task that calls this tool, under its registered name and within its own limits.

        Args:
            timeout_s: how long one attempt may take where the tool itself sets no limit.
        """
        limits = self.limits
        if limits.timeout_s is None and timeout_s is not None:
            limits = msgspec.structs.replace(limits, timeout_s=timeout_s)
        return Task(
            task,
            self.name,
            dict(args),
            executor=self.executor,
            effects=self.effects_for(args),
            limits=limits,
            estimate=Estimate() if self.estimate_s is None else Estimate(self.estimate_s),
            label=label,
        )

    def effects_for(self, args: Mapping[str, Any]) -> Effects:
        """The effects of one call: `{argument}` in what is read and written becomes that argument's value.

        What is not known yet becomes "*".
        """

        def filled(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(_FIELD.sub(lambda field: _shown(args.get(field[1])), name) for name in names)

        effects = self.effects
        return msgspec.structs.replace(effects, reads=filled(effects.reads), writes=filled(effects.writes))

    def _fitted(
        self, args: Mapping[str, Any], *, refs: bool, read: Read | None
    ) -> tuple[dict[str, Any], list[ArgumentProblem]]:
        fitted: dict[str, Any] = {}
        problems: list[ArgumentProblem] = []
        hints, extra = self.hints, self._extra
        for name, value in args.items():
            if name not in hints and (extra is None or name == self.context_parameter):
                problems.append(self._problem("unknown", name, f"there is no such argument; {suggestion(name, hints)}"))
                continue
            fitting = Fitting(refs=refs, read=read)
            fitted[name] = fitting.fit(value, hints.get(name, extra))
            problems += [self._problem("type", name, message, path) for path, message in fitting.faults]
        for name in self.required:
            if name not in args:
                problems.append(self._problem("missing", name, f"is missing; it takes {described(hints[name])}"))
        return fitted, problems

    def _problem(self, code: str, argument: str, message: str, path: str = "") -> ArgumentProblem:
        place = f"tool {self.name!r}, argument {argument!r}{path}"
        return ArgumentProblem(f"argument/{code}", place, message, argument)


def _shown(value: Any) -> str:
    return "*" if value is None or isinstance(value, Ref | Template | list | dict | tuple) else str(value)


def _is_context(hint: Any) -> bool:
    """Whether a hint, or a member of it, is a class that offers all that `ToolContext` asks for."""
    return any(
        isinstance(member, type) and all(hasattr(member, name) for name in _CONTEXT_NAMES)
        for member in (hint, *typing.get_args(hint))
    )


def _argument_notes(documentation: str) -> Iterator[tuple[str, str]]:
    """What the "Args:" section of a docstring says about each argument."""
    _, found, section = documentation.partition("\nArgs:\n")
    if not found:
        return
    section = re.split(r"\n(?=\S)", section, maxsplit=1)[0]
    for entry in re.split(r"\n(?= {4}\S)", "\n" + section):
        name, colon, text = entry.strip().partition(":")
        if colon and name.isidentifier():
            yield name, " ".join(text.split())


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...
@overload
def tool(
    *,
    name: str | None = None,
    effects: EffectKind | Effects = "keyed",
    reads: tuple[str, ...] = (),
    writes: tuple[str, ...] = (),
    executor: str | None = None,
    timeout_s: float | None = None,
    retry: Retry | None = None,
    estimate_s: float | None = None,
    description: str | None = None,
    examples: Sequence[str] = (),
) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    effects: EffectKind | Effects = "keyed",
    reads: tuple[str, ...] = (),
    writes: tuple[str, ...] = (),
    executor: str | None = None,
    timeout_s: float | None = None,
    retry: Retry | None = None,
    estimate_s: float | None = None,
    description: str | None = None,
    examples: Sequence[str] = (),
) -> Tool[P, R] | Callable[[Callable[P, R]], Tool[P, R]]:
    """Make a sync or async function a tool. Usable bare, as `@tool`.

    Args:
        name: how workflows call it; the function's own name unless given.
        effects: "pure", "idempotent", "keyed" or "once" (see `Effects`), or an `Effects`.
        reads: what it reads, such as "file:{path}", where `{path}` is the argument of that name.
        writes: what it writes, in the same form.
        executor: "inline", "thread" or "process"; unless given, async functions run inline and sync ones in a thread.
        timeout_s: how long one attempt may take.
        retry: how an attempt that failed is tried again; unless given, it is not.
        estimate_s: how long one attempt is expected to take.
        description: instead of the docstring's first paragraph.
        examples: requests that it is the right tool for, as people say them; planners find it by them.

    Raises:
        ToolDefinitionError: the function cannot be called by argument names.
    """
    if isinstance(effects, Effects):
        declared = Effects(effects.kind, (*effects.reads, *reads), (*effects.writes, *writes))
    elif effects in typing.get_args(EffectKind):
        declared = Effects(effects, reads, writes)
    else:
        raise ToolDefinitionError(f"effects={effects!r}: {suggestion(str(effects), typing.get_args(EffectKind))}")

    def make(function: Callable[P, R]) -> Tool[P, R]:
        return Tool(
            function,
            name=function.__name__ if name is None else name,
            effects=declared,
            executor=executor,
            timeout_s=timeout_s,
            retry=retry,
            estimate_s=estimate_s,
            description=description,
            examples=examples,
        )

    return make if function is None else make(function)
