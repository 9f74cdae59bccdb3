"""From an entry of the library to an ordinary tool."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from orrery.errors import ProgramError, ToolLibraryError
from orrery.graph import Effects
from orrery.tools.context import ToolContext
from orrery.tools.made.kinds import fits
from orrery.tools.made.library import Entry, Library
from orrery.tools.made.running import TIMEOUT_S, call_each
from orrery.tools.tool import Tool


def made_tool(name: str, folder: Path | str | None = None) -> Tool[..., Any]:
    """The made tool of that name. Raises UnknownNameError, ToolLibraryError."""
    return as_tool(Library(folder).read(name))


def as_tool(entry: Entry) -> Tool[..., Any]:
    """The tool that an entry is: its code runs in a subprocess under limits, a composition as tasks of their own."""
    spec = entry.spec
    function = _program(entry) if entry.composition is None else _composed(entry)
    function.__name__ = function.__qualname__ = spec.name
    function.__doc__ = spec.description
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=hint) for name, hint in spec.hints.items()
    ]
    hints = {**spec.hints, "return": spec.result}
    if entry.composition is None:
        parameters.append(inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=ToolContext))
        hints["ctx"] = ToolContext
    function.__signature__ = inspect.Signature(parameters, return_annotation=spec.result)  # type: ignore[attr-defined]
    function.__annotations__ = hints
    return Tool(
        function,
        name=entry.name,
        effects=Effects("pure"),
        executor="inline",
        timeout_s=4 * TIMEOUT_S,
        examples=(entry.provenance.need,),
    )


def _program(entry: Entry) -> Callable[..., Awaitable[Any]]:
    async def call(*, ctx: ToolContext, **args: Any) -> Any:
        ran = await call_each(entry.code, entry.spec.name, [args], ctx)
        if ran.reached:
            raise ToolLibraryError(f"the made tool {entry.name!r} tried to reach {ran.reached[0]!r}; it was refused")
        (called,) = ran.calls
        if called.error:
            raise ProgramError(f"{entry.name} refused these arguments: {called.error}")
        if called.kind != "plain" or not fits(called.value, entry.spec.result):
            raise ProgramError(f"{entry.name} returned {called.value!r:.80}, which is no {entry.spec.returns}")
        return called.value

    return call


def _composed(entry: Entry) -> Callable[..., Awaitable[Any]]:
    composition = entry.composition
    assert composition is not None

    async def call(**args: Any) -> Any:
        return composition.graph(args)

    return call


__all__ = ["as_tool", "made_tool"]
