"""Tool graphs for tests: random ones, and what brute force says of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Mapping
from random import Random

from hypothesis import strategies as st

from orrery.graph.task import EffectKind
from orrery.routing.tool_graph.tools import Tool, ToolGraph

ARTEFACTS = "abcdef"
_KINDS: tuple[EffectKind, ...] = ("pure", "pure", "idempotent", "keyed", "once")


@st.composite
def tool_graphs(draw: st.DrawFn, *, most: int = 7, most_needs: int = 3, effects: bool = False) -> ToolGraph:
    """A random graph; with `effects`, some tools have effects, and some of those a tool that takes them back."""
    tools: list[Tool] = []
    for number in range(draw(st.integers(1, most))):
        needs = draw(st.lists(st.sampled_from(ARTEFACTS), max_size=most_needs, unique=True))
        gives = draw(st.lists(st.sampled_from(ARTEFACTS), min_size=1, max_size=2, unique=True))
        name, undo = f"t{number}", ""
        kind: EffectKind = draw(st.sampled_from(_KINDS)) if effects else "pure"
        if kind in ("keyed", "once") and draw(st.booleans()):
            undo = f"undo-{name}"
            tools.append(Tool(undo, needs={gives[0]: gives[0]}, effects="keyed"))
        tools.append(
            Tool(
                name,
                needs={need: need for need in needs},
                gives=dict.fromkeys(gives, ""),
                effects=kind,
                undo=undo,
                seconds=draw(st.sampled_from((0.0, 1.0, 1.0, 2.0, 3.5))),
            )
        )
    return ToolGraph(tools)


some_artefacts = st.lists(st.sampled_from(ARTEFACTS), max_size=2, unique=True)
wanted_artefacts = st.lists(st.sampled_from(ARTEFACTS), min_size=1, max_size=3, unique=True)


def closure(graph: ToolGraph, tools: Iterable[str], have: Collection[str]) -> set[str]:
    """All that can be there if only these tools are used."""
    there, left = set(have), list(tools)
    while True:
        ready = [name for name in left if set(graph[name].needs.values()) <= there]
        if not ready:
            return there
        for name in ready:
            there |= set(graph[name].gives)
            left.remove(name)


def brute_force(
    graph: ToolGraph, weights: Mapping[str, float], have: Collection[str], want: Collection[str]
) -> float | None:
    """What the cheapest set of tools costs that gives what is wanted; None if no set does."""
    names = [name for name in graph.names if math.isfinite(weights.get(name, math.inf))]
    costs = [
        math.fsum(weights[name] for name in chosen)
        for size in range(len(names) + 1)
        for chosen in itertools.combinations(names, size)
        if set(want) <= closure(graph, chosen, have)
    ]
    return min(costs, default=None)


def layered(random: Random, layers: int) -> ToolGraph:
    """Layers of ten tools, each of which needs two things of the layer before and gives one of five: "LAYER.THING"."""
    return ToolGraph(
        Tool(
            f"t{layer}.{k}",
            needs={need: need for need in random.sample([f"{layer - 1}.{j}" for j in range(5)], 2)} if layer else {},
            gives={f"{layer}.{k % 5}": ""},
            seconds=random.uniform(0.5, 2.0),
        )
        for layer in range(layers)
        for k in range(10)
    )
