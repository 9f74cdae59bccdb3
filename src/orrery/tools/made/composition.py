"""Composition: a made tool that is a few calls of other tools, each fed by the arguments or by an earlier call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from orrery.errors import MissingExtraError, UnknownNameError
from orrery.graph import Graph, Ref
from orrery.tools.made.specification import Specification
from orrery.tools.toolset import tools

MOST_CALLS = 8
_ARGUMENT, _CALL = "argument", "call"


class Call(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call. In `args`, {"argument": NAME} is an argument of the whole and {"call": N} is the result of call N.

    Such a map stands for a value only where it is the whole argument or an item of a list; N counts from 1.
    """

    tool: str
    args: dict[str, Any]


class Composition(msgspec.Struct, frozen=True, omit_defaults=True):
    """Calls in order; the result of the last one is the result."""

    calls: tuple[Call, ...]

    def faults(self, spec: Specification) -> list[str]:
        """Everything for which it is refused; empty if it may be tried."""
        if not 1 <= len(self.calls) <= MOST_CALLS:
            return [f"it has {len(self.calls)} calls; 1 to {MOST_CALLS} are possible"]
        found: list[str] = []
        for number, call in enumerate(self.calls, 1):
            place = f"call {number} ({call.tool})"
            try:
                tool = tools.get(call.tool)
            except (UnknownNameError, MissingExtraError) as error:
                found.append(f"{place}: {error}")
                continue
            if tool.effects.kind != "pure":
                found.append(f"{place}: only pure tools can be put together without asking anybody")
            for kind, which in _sources(call.args):
                if kind == _ARGUMENT and which not in spec.arguments:
                    found.append(f"{place}: there is no argument {which!r}")
                if kind == _CALL and not (isinstance(which, int) and 1 <= which < number):
                    found.append(f"{place}: it needs call {which!r}, which does not come before it")
            found += [f"{place}: {problem}" for problem in tool.check(_filled(call.args, lambda *_: Ref("later")))]
        return found

    def graph(self, args: Mapping[str, Any]) -> Graph:
        """The calls as tasks."""
        tasks = []
        for number, call in enumerate(self.calls, 1):
            tool = tools.get(call.tool)
            filled = _filled(call.args, lambda kind, which: args[which] if kind == _ARGUMENT else Ref(f"call{which}"))
            tasks.append(tool.task(f"call{number}", filled))
        return Graph(tasks, outputs={"result": Ref(tasks[-1].id)})

    async def call(self, args: Mapping[str, Any], call: Callable[[str, dict[str, Any]], Any]) -> Any:
        """The result for these arguments.

        Args:
            call: performs one call, given the tool's name and its arguments; may be awaitable.
        """
        results: list[Any] = []
        for each in self.calls:
            filled = _filled(each.args, lambda kind, which: args[which] if kind == _ARGUMENT else results[which - 1])
            results.append(await call(each.tool, filled))
        return results[-1]


def _source(value: Any) -> tuple[str, Any] | None:
    if isinstance(value, dict) and len(value) == 1:
        (kind,) = value
        if kind in (_ARGUMENT, _CALL):
            return kind, value[kind]
    return None


def _sources(args: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found = []
    for value in args.values():
        for item in value if isinstance(value, list) else (value,):
            source = _source(item)
            if source is not None:
                found.append(source)
    return found


def _filled(args: Mapping[str, Any], fill: Callable[[str, Any], Any]) -> dict[str, Any]:
    def placed(value: Any) -> Any:
        source = _source(value)
        return value if source is None else fill(*source)

    return {
        name: [placed(item) for item in value] if isinstance(value, list) else placed(value)
        for name, value in args.items()
    }


__all__ = ["Call", "Composition"]
