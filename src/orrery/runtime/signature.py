"""Signature: from a task's arguments, which are plain data, to what a function's hints ask for.

A dataclass went through the journal as a map and comes back as the dataclass; a path as text, a set as a
list. Where nothing has to change, binding is one look at each argument's type.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import PurePath
from typing import Any

import msgspec

from orrery.errors import ArgumentError, Failure, NotSerialisableError, Problem, suggestion
from orrery.graph import values
from orrery.graph.values import Blob
from orrery.runtime.context import Context
from orrery.tools.context import ToolContext

_AS_IT_IS: Any = None
_EXACT = frozenset({str, int, float, bool, bytes, list, dict, type(None)})
CONTEXT = "ctx"

ReadBlob = Callable[[Blob], bytes]
"""Fetches a large value."""


class Signature:
    """How a function wants to be called.

    Args:
        function: any callable.
        name: what messages call it.

    Attributes:
        by_keyword: the function, callable by keyword only.
        context_parameter: the parameter called `ctx`, or annotated as a context; None if there is none.
    """

    __slots__ = ("_hints", "_name", "_open", "_required", "_types", "by_keyword", "context_parameter")

    def __init__(self, function: Callable[..., Any], *, name: str) -> None:
        self._name = name
        self._types: dict[str, type | None] = {}  # the exact type that needs no conversion; None accepts anything
        self._hints: dict[str, Any] = {}
        self._required: frozenset[str] = frozenset()
        self._open = False
        self.by_keyword = function
        self.context_parameter: str | None = None
        try:
            parameters = inspect.signature(function).parameters
        except (ValueError, TypeError):  # some built-in functions do not say what they take
            self._open = True
            return
        hints = _hints_of(function)
        required = []
        for parameter in parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                self._open = True
            elif parameter.kind is parameter.VAR_POSITIONAL:
                continue
            elif parameter.name == CONTEXT or _is_context(hints.get(parameter.name)):
                self.context_parameter = parameter.name
            else:
                self._add(parameter.name, hints.get(parameter.name, Any))
                if parameter.default is parameter.empty:
                    required.append(parameter.name)
        self._required = frozenset(required)
        positional = tuple(p.name for p in parameters.values() if p.kind is p.POSITIONAL_ONLY)
        if positional:
            self.by_keyword = _by_keyword(function, positional)

    def _add(self, name: str, hint: Any) -> None:
        if hint is Any or hint is object or hint is inspect.Parameter.empty or not _is_convertible(hint):
            self._types[name] = _AS_IT_IS
            return
        self._hints[name] = hint
        # A type that no value has, so that what is not exactly right takes the way through the conversion.
        self._types[name] = hint if hint in _EXACT else type(NotImplemented)

    def bind(self, args: Mapping[str, Any], *, read_blob: ReadBlob | None = None) -> dict[str, Any]:
        """The keyword arguments for a call; see `operations.Bind`."""
        known = self._types
        for name, value in args.items():
            wanted = known.get(name, NotImplemented)
            if wanted is not None and type(value) is not wanted:
                break
        else:
            if self._required <= args.keys():
                return dict(args)
        return self._converted(args, read_blob)

    def _converted(self, args: Mapping[str, Any], read_blob: ReadBlob | None) -> dict[str, Any]:
        problems = [
            Problem("argument/missing", f"argument {name!r}", "it must be given")
            for name in self._types
            if name in self._required and name not in args
        ]
        bound: dict[str, Any] = {}
        for name, value in args.items():
            if name == self.context_parameter or (name not in self._types and not self._open):
                way_out = f"there is no such argument; {suggestion(name, self._types)}"
                problems.append(Problem("argument/unknown", f"argument {name!r}", way_out))
                continue
            hint = self._hints.get(name)
            if hint is None or type(value) is self._types[name] or isinstance(value, Failure):
                bound[name] = value  # a failure that the task accepts reaches it as it is
                continue
            try:
                if isinstance(value, Blob):
                    bound[name] = value if read_blob is None else _content(value, hint, read_blob)
                else:
                    bound[name] = _convert(value, hint)
            except _UNFIT as error:
                problems.append(Problem("argument/type", f"argument {name!r}", f"{error}; it got {value!r:.80}"))
        if problems:
            raise ArgumentError("\n".join(f"{self._name}: {problem}" for problem in problems), problems)
        return bound


_UNFIT = (msgspec.ValidationError, NotSerialisableError, TypeError, ValueError)


def _convert(value: Any, hint: Any) -> Any:
    try:
        return _to(value, hint, strict=True)
    except _UNFIT:
        # Once more from the plain form: text for a number, a map for what was never written down.
        return _to(values.decode(values.encode(value)), hint, strict=False)


def _to(value: Any, hint: Any, *, strict: bool) -> Any:
    return msgspec.convert(value, hint, strict=strict, dec_hook=_rebuild)


def _content(blob: Blob, hint: Any, read: ReadBlob) -> Any:
    """What a large value is to a parameter: its bytes or its text where they are asked for, else the blob."""
    accepted = (hint, *typing.get_args(hint))
    if Blob in accepted:
        return blob
    if bytes in accepted:
        return read(blob)
    return read(blob).decode() if str in accepted else blob


def _rebuild(wanted: type, value: Any) -> Any:
    """What msgspec cannot make by itself: paths, and models that validate themselves."""
    if isinstance(wanted, type):
        if isinstance(value, wanted):
            return value
        if issubclass(wanted, PurePath) and isinstance(value, str):
            return wanted(value)
        validate = getattr(wanted, "model_validate", None)
        if validate is not None:
            return validate(value)
    raise TypeError(f"a {type(value).__name__} does not become a {getattr(wanted, '__name__', wanted)}")


def _is_convertible(hint: Any) -> bool:
    """Whether msgspec can aim at it; what it cannot (two map-like types in one union, say) is left as it is."""
    try:
        msgspec.msgpack.Decoder(hint)
    except TypeError:
        return False
    origin = typing.get_origin(hint) or hint
    # A protocol or an abstract type asks for behaviour; a plain list or map has what it asks for, or has not.
    return origin is typing.Union or origin is types.UnionType or not getattr(origin, "_is_protocol", False)


def _is_context(hint: Any) -> bool:
    return any(member is ToolContext or member is Context for member in (hint, *typing.get_args(hint)))


def _hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The function's hints; one that cannot be computed (imported for the type checker only) counts as Any."""
    holder: Any = function
    while isinstance(holder, partial):
        holder = holder.func
    if not hasattr(holder, "__annotations__") and not inspect.isclass(holder):
        holder = type(holder).__call__
    if inspect.isclass(holder):
        holder = holder.__init__
    names = getattr(holder, "__globals__", {})
    found: dict[str, Any] = {}
    for name, hint in getattr(holder, "__annotations__", {}).items():
        one = types.SimpleNamespace(__annotations__={name: hint})
        try:
            found.update(typing.get_type_hints(one, globalns=names, include_extras=True))
        except (NameError, AttributeError, TypeError, SyntaxError):
            found[name] = Any
    return found


def _by_keyword(function: Callable[..., Any], positional: tuple[str, ...]) -> Callable[..., Any]:
    """The function for callers who know its positional-only parameters by name."""

    def call(**kwargs: Any) -> Any:
        in_place = [kwargs.pop(name) for name in positional if name in kwargs]
        return function(*in_place, **kwargs)

    async def call_async(**kwargs: Any) -> Any:
        return await call(**kwargs)

    return call_async if inspect.iscoroutinefunction(function) else call
