"""ToolGraph: what there is to reach a result with. Tools, agents and devices that need some things and give others.

Things have names (*artefacts*). A tool runs once all that it needs is there, and then there is what it gives; so the
graph is a directed hypergraph with a step for each tool and a point for each artefact. It says nothing of order: ways
through it are found by `orrery.routing.tool_graph.way`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

import msgspec

from orrery.graph.task import EffectKind

Artefact = str
"""The name of a thing that a tool needs or gives, such as "invoice" or "table"."""


class Tool(msgspec.Struct, frozen=True, omit_defaults=True):
    """One way to get from some artefacts to others.

    Args:
        name: unique in its graph.
        op: the operation that performs it; "" in a graph that is only reasoned about.
        needs: argument of the operation → the artefact that is passed as it.
        gives: artefact → the entry of the result that it is; "" for the whole result.
        args: further arguments, as they are.
        effects: what it does to the world, as of a task.
        undo: the tool that takes its effect back; "" if none does.
        money: US dollars for one use.
        seconds: how long one use takes.
        reliability: the share of uses that go well, in (0, 1].
        saturation: how near it is to its rate limit, in [0, 1).
        timeout_s: the longest one use may take; None: no limit.
        probe: an operation without arguments that succeeds if the tool could be used; "" if there is none.
    """

    name: str
    op: str = ""
    needs: Mapping[str, Artefact] = {}
    gives: Mapping[Artefact, str] = {}
    args: Mapping[str, Any] = {}
    effects: EffectKind = "keyed"
    undo: str = ""
    money: float = 0.0
    seconds: float = 1.0
    reliability: float = 1.0
    saturation: float = 0.0
    timeout_s: float | None = None
    probe: str = ""

    @property
    def has_effect(self) -> bool:
        """Whether something stays changed in the world once it has run, which must be used or taken back."""
        return self.effects in ("keyed", "once") or bool(self.undo)

    @property
    def is_irreversible(self) -> bool:
        """Whether its effect stays and nothing takes it back."""
        return self.effects in ("keyed", "once") and not self.undo


class ToolGraph:
    """Tools by name, indexed so that a way is sought without looking at more of them than it must.

    The tools are numbered in the order of their names, which is also how ties are broken; so are the artefacts.
    Tools that only take the effects of others back are no part of any way.

    Args:
        tools: with unique names; `orrery.routing.tool_graph.reading` checks the rest.
    """

    __slots__ = ("artefacts", "base", "gives", "is_simple", "makers", "names", "needs", "number", "takers", "tools")

    def __init__(self, tools: Iterable[Tool]) -> None:
        self.tools: Mapping[str, Tool] = {tool.name: tool for tool in sorted(tools, key=lambda tool: tool.name)}
        undoing = {tool.undo for tool in self.tools.values()}
        steps = [tool for tool in self.tools.values() if tool.gives and tool.name not in undoing]
        self.names: list[str] = [tool.name for tool in steps]
        known = {artefact for tool in steps for artefact in (*tool.needs.values(), *tool.gives)}
        self.artefacts: list[Artefact] = sorted(known)
        self.number: Mapping[Artefact, int] = {artefact: at for at, artefact in enumerate(self.artefacts)}
        number = self.number
        self.needs: list[tuple[int, ...]] = [
            tuple(sorted({number[need] for need in tool.needs.values()})) for tool in steps
        ]
        self.gives: list[tuple[int, ...]] = [tuple(sorted(number[given] for given in tool.gives)) for tool in steps]
        self.takers: list[list[int]] = [[] for _ in self.artefacts]
        self.makers: list[list[int]] = [[] for _ in self.artefacts]
        for step in range(len(steps)):
            for need in self.needs[step]:
                self.takers[need].append(step)
            for given in self.gives[step]:
                self.makers[given].append(step)
        self.is_simple = all(len(needs) < 2 for needs in self.needs)
        """Whether no step needs more than one thing, so that every way to one thing is a path."""
        self.base: dict[float, dict[str, float]] = {}

    def __len__(self) -> int:
        return len(self.tools)

    def __getitem__(self, name: str) -> Tool:
        return self.tools[name]

    def __contains__(self, name: object) -> bool:
        return name in self.tools

    def __repr__(self) -> str:
        return f"<ToolGraph {len(self.tools)} tools, {len(self.artefacts)} artefacts>"


def healthy_weights(graph: ToolGraph, price_per_s: float) -> Mapping[str, float]:
    """What each tool is expected to cost as long as nothing is known of it but what it declares.

    Money and time at a price, over its reliability: a tool that fails every other time is used twice. Time grows as its
    limit comes near, as in a queue: by 1 / (1 - saturation). A tool whose figures make no sense is left out.

    Args:
        price_per_s: US dollars that a second is worth.
    """
    found = graph.base.get(price_per_s)
    if found is None:
        weights = ((tool.name, weight(tool, price_per_s)) for tool in graph.tools.values())
        found = graph.base[price_per_s] = {name: cost for name, cost in weights if cost < inf}
    return found


def weight(
    tool: Tool, price_per_s: float, *, seconds: float | None = None, wait_s: float = 0.0, good: float | None = None
) -> float:
    """What one use of a tool that goes well is expected to cost; infinite where its figures make no sense.

    Args:
        seconds, good: how long it takes and which share goes well, where more is known than it declares.
        wait_s: before it may be used.
    """
    taken = tool.seconds if seconds is None else seconds
    share = tool.reliability if good is None else good
    free = 1.0 - tool.saturation
    if not (share > 0.0 and 0.0 < free <= 1.0):
        return inf
    cost = (tool.money + (taken / free + wait_s) * price_per_s) / share
    return cost if cost >= 0.0 else inf
