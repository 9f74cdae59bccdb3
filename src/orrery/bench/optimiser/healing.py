"""Self-Healing Router: 19 scenarios in real runs, every set of dead tools, and how fast a way is found anew.

* The scenarios run in sessions with a store in memory, once by `route` and once by a model that is asked at every
  step (ReAct); what failed, how it was answered and how often a model was asked is read off the logs.
* Every subset of the tools of the three graphs is declared dead: there must be a way exactly where brute force over all
  sets of tools finds one, at its cost, and otherwise a cut that brute force finds no smaller.
* A step of a way through a large graph fails, the last one that was made before stays; the time from there to the
  decision is taken, beside that of relaxing all costs until none changes, the simplest rival.
"""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import Any, Final

from orrery.bench.optimiser.healing_runs import SCENARIOS, Ran, healed, reacted, turnaround_s
from orrery.bench.optimiser.healing_world import ACT, TOPOLOGIES
from orrery.bench.optimiser.section import Section
from orrery.bench.report import Options, Row, spread
from orrery.routing.tool_graph.heal import Compensation, Decision, Escalation, Frontier, Made, Reroute, decide, in_order
from orrery.routing.tool_graph.health import Failed, Health, Monitor, Worked
from orrery.routing.tool_graph.reading import tool_graph
from orrery.routing.tool_graph.tools import Tool, ToolGraph, healthy_weights

_THEIRS: Final = "theirs, on scenarios of their own: 19 of 19 with 9 model calls, 123 for ReAct"
_LONG: Final = Monitor(pause_s=1e6)
_SIZES: Final = ((100, 10, 1.0), (5_000, 50, 20.0))
"""Tools, tools in a layer, and the bar in milliseconds."""


def measure(options: Options) -> Section:
    """Scenarios, subsets, and speed."""
    ours: list[Ran] = []
    theirs: list[Ran] = []
    for scenario in SCENARIOS:
        ours.append(asyncio.run(healed(scenario)))
        theirs.append(asyncio.run(reacted(scenario)))
        options.tell(f"{scenario.topology}, {scenario.name}: {ours[-1].calls} calls, {theirs[-1].calls} by ReAct")
    wrong = [f"{s.topology}, {s.name}: {ran.wrong}" for s, ran in zip(SCENARIOS, ours, strict=True) if not ran.right]
    subsets = [_subsets(name) for name in TOPOLOGIES]
    samples = 20 if options.quick else 300
    rows = [*_scenario_rows(ours, theirs), *_subset_rows(subsets)]
    for tools, width, bar_ms in _SIZES:
        rows.append(_speed_row(tools, width, bar_ms, samples, options.seed))
    rows += [_run_row(tools, width, 3 if options.quick else 9, options.seed) for tools, width, _ in _SIZES]
    notes = [
        "linear: an order is paid and sent; DAG: research into a report; fan-out: a briefing from three branches",
        "a way costs money and time at a price, over its reliability; brute force tries every set of tools",
        "ReAct is asked for each single step and always names the best one; it takes nothing back",
        *wrong,
    ]
    return Section("healing", rows, notes, draw=lambda axes: _draw(axes, ours, theirs))


# -- scenarios --------------------------------------------------------------------------------------------


def _scenario_rows(ours: Sequence[Ran], theirs: Sequence[Ran]) -> list[Row]:
    total = len(SCENARIOS)
    right, react_right = sum(ran.right for ran in ours), sum(ran.right for ran in theirs)
    calls, react_calls = sum(ran.calls for ran in ours), sum(ran.calls for ran in theirs)
    silent, failures = sum(ran.silent for ran in ours), sum(ran.failures for ran in ours)
    orphans, react_orphans = sum(ran.orphans for ran in ours), sum(ran.orphans for ran in theirs)
    return [
        Row(
            f"scenarios handled right, of {total}",
            right,
            "",
            react_right,
            right / react_right if react_right else None,
            f"all {total}",
            right == total,
            _THEIRS,
        ),
        Row(
            "model calls in all",
            calls,
            "",
            react_calls,
            react_calls / calls if calls else None,
            "≤ 9",
            calls <= 9,
            _THEIRS,
        ),
        Row(f"failures without one logged answer, of {failures}", silent, "", target="0", ok=silent == 0),
        Row("effects left behind", orphans, "", react_orphans, target="0", ok=orphans == 0),
    ]


# -- every set of dead tools ------------------------------------------------------------------------------


@dataclass
class _Subsets:
    """What was found over the sets of dead tools of one graph.

    Attributes:
        sets: how many there are.
        right: how many were answered as brute force says.
        closed: how many leave no way.
        cuts: how many of those have a proof whose cut is one, and the smallest.
    """

    name: str
    sets: int = 0
    right: int = 0
    closed: int = 0
    cuts: int = 0


def _subsets(name: str) -> _Subsets:
    tools, have, want = TOPOLOGIES[name]
    graph = tool_graph(tools)
    found = _Subsets(name)
    costs = _all_ways(graph, have, want)
    for bits in range(1 << len(graph.names)):
        dead = [step for at, step in enumerate(graph.names) if bits >> at & 1]
        least = min((cost for mask, cost in costs.items() if not mask & bits), default=math.inf)
        decision = decide(graph, Health(_LONG).after(map(Failed, dead), at=0.0), Frontier((have,)), [want], at=0.0)
        found.sets += 1
        if math.isfinite(least):
            found.right += isinstance(decision, Reroute) and math.isclose(decision.way.cost, least)
        else:
            found.closed += 1
            found.right += isinstance(decision, Escalation)
            found.cuts += _is_least_cut(graph, decision, dead, costs)
    return found


def _all_ways(graph: ToolGraph, have: str, want: str) -> dict[int, float]:
    """Every set of tools that gives what is wanted, as bits, and what it costs."""
    weights = healthy_weights(graph, _LONG.price_per_s)
    found: dict[int, float] = {}
    for bits in range(1 << len(graph.names)):
        chosen = [step for at, step in enumerate(graph.names) if bits >> at & 1]
        there, left = {have}, list(chosen)
        while ready := [step for step in left if set(graph[step].needs.values()) <= there]:
            for step in ready:
                there |= set(graph[step].gives)
                left.remove(step)
        if want in there:
            found[bits] = math.fsum(weights[step] for step in chosen)
    return found


def _is_least_cut(graph: ToolGraph, decision: Decision, dead: Sequence[str], ways: Mapping[int, float]) -> bool:
    """Whether the proof's cut meets every way there could be, and no smaller set of dead tools does."""
    if not isinstance(decision, Escalation) or decision.proof is None:
        return False
    bit = {step: 1 << at for at, step in enumerate(graph.names)}

    def blocks(tools: Sequence[str]) -> bool:
        mask = sum(bit[step] for step in tools)
        return all(way & mask for way in ways)

    cut = decision.proof.cut
    return (
        set(cut) <= set(dead)
        and blocks(cut)
        and not any(blocks(fewer) for size in range(len(cut)) for fewer in combinations(dead, size))
    )


def _subset_rows(found: Sequence[_Subsets]) -> list[Row]:
    sets, right = sum(one.sets for one in found), sum(one.right for one in found)
    closed, cuts = sum(one.closed for one in found), sum(one.cuts for one in found)
    shown = ", ".join(f"{one.name} {one.sets}" for one in found)
    return [
        Row(
            f"sets of dead tools with a way exactly where there is one, at brute-force cost ({shown})",
            right,
            "",
            target=f"all {sets}, of at least 224",
            ok=right == sets >= 224,
            published="theirs: 224 sets, reroute exactly where one is possible",
        ),
        Row(
            "closed sets with a cut that is one, and the smallest", cuts, "", target=f"all {closed}", ok=cuts == closed
        ),
    ]


# -- speed ------------------------------------------------------------------------------------------------


def _speed_row(tools: int, width: int, bar_ms: float, samples: int, seed: int) -> Row:
    random = Random(seed)  # noqa: S311 - the same graphs each time
    graph = _layers(tools, width, random)
    want = [f"{tools // width - 1}.0"]
    ours: list[float] = []
    rival: list[float] = []
    for number in range(samples):
        health, frontier, step = _midway(graph, want, random)
        begun = time.thread_time()
        after = health.after([Failed(step)], at=1.0)
        found = decide(graph, after, frontier, want, at=1.0, failed={f"1.{step}": "broken"})
        ours.append(1e3 * (time.thread_time() - begun))
        assert isinstance(found, Reroute | Compensation)
        if number < max(3, 20_000 // tools):
            begun = time.thread_time()
            _relaxed(graph, after.weights(graph, at=1.0), frontier.sources(graph))
            rival.append(1e3 * (time.thread_time() - begun))
    value, baseline = _p99(ours), _p99(rival)
    case = f"from a failure to the rest of the way, {tools:,} tools, 99th percentile of processor time"
    return Row(case, value, "ms", baseline, baseline / value, f"≤ {bar_ms:g} ms", value <= bar_ms)


def _run_row(tools: int, width: int, samples: int, seed: int) -> Row:
    random = Random(seed)  # noqa: S311 - the same graphs each time
    graph = _layers(tools, width, random)
    want = f"{tools // width - 1}.0"
    first = decide(graph, Health(_LONG), Frontier(), [want], at=0.0)
    assert isinstance(first, Reroute)
    data = {
        tool.name: {
            "uses": ACT,
            "with": {"tool": tool.name},
            "needs": dict(tool.needs),
            "gives": dict(tool.gives),
            "effects": "pure",
            "seconds": tool.seconds,
        }
        for tool in graph.tools.values()
    }
    took = [1e3 * asyncio.run(turnaround_s(data, want, first.way.steps[0])) for _ in range(samples)]
    case = f"in a run: from a failure to the start of the next step, {tools:,} tools, median"
    return Row(case, statistics.median(took), "ms", spread=spread(took))


def _layers(tools: int, width: int, random: Random) -> ToolGraph:
    """Layers of tools, two for each artefact, that need one or two artefacts of the layer before."""
    kinds = width // 2
    made = []
    for number in range(tools):
        layer, at = divmod(number, width)
        needs = random.sample(range(kinds), random.choice((1, 1, 2))) if layer else []
        made.append(
            Tool(
                f"t{layer}.{at}",
                needs={f"{layer - 1}.{need}": f"{layer - 1}.{need}" for need in needs},
                gives={f"{layer}.{at % kinds}": ""},
                effects="pure",
                seconds=random.uniform(0.5, 2.0),
            )
        )
    return ToolGraph(made)


def _midway(graph: ToolGraph, want: Sequence[str], random: Random) -> tuple[Health, Frontier, str]:
    """A route of which a random part is made, and the step that fails next."""
    health = Health(_LONG)
    first = decide(graph, health, Frontier(), want, at=0.0)
    assert isinstance(first, Reroute)
    order = in_order(graph, first.way)
    done = random.randrange(len(order))
    made = tuple(
        Made(
            f"1.{name}",
            name,
            {need: f"1.{first.way.sources[need]}" for need in graph[name].needs.values()},
        )
        for name in order[:done]
    )
    return health.after([Worked(name) for name in order[:done]], at=0.5), Frontier((), made), order[done]


def _relaxed(graph: ToolGraph, weights: Mapping[str, float], have: Mapping[str, Any]) -> dict[str, float]:
    """What each artefact costs, by looking at every tool again until nothing changes any more."""
    cost = dict.fromkeys(have, 0.0)
    changed = True
    while changed:
        changed = False
        for name, weight in weights.items():
            tool = graph[name]
            whole = weight + sum(cost.get(need, math.inf) for need in tool.needs.values())
            for artefact in tool.gives:
                if whole < cost.get(artefact, math.inf):
                    cost[artefact] = whole
                    changed = True
    return cost


def _p99(samples: Sequence[float]) -> float:
    return sorted(samples)[min(len(samples) - 1, int(0.99 * len(samples)))]


# -- picture ----------------------------------------------------------------------------------------------


def _draw(axes: Any, ours: Sequence[Ran], theirs: Sequence[Ran]) -> None:
    """Model calls of each scenario, side by side."""
    places = range(len(SCENARIOS))
    react, route = (sum(ran.calls for ran in runs) for runs in (theirs, ours))
    axes.barh([place - 0.2 for place in places], [ran.calls for ran in theirs], 0.4, label=f"ReAct, {react} in all")
    axes.barh([place + 0.2 for place in places], [ran.calls for ran in ours], 0.4, label=f"route, {route} in all")
    for place, ran, other in zip(places, ours, theirs, strict=True):
        axes.text(ran.calls + 0.1, place + 0.2, str(ran.calls), va="center", fontsize=6)
        left = f", effects left behind: {other.orphans}" if other.orphans else ""
        axes.text(other.calls + 0.1, place - 0.2, f"{other.calls}{left}", va="center", fontsize=6)
    axes.set_xlim(right=1.5 * max(ran.calls for ran in theirs))
    axes.set_yticks(list(places), [f"{scenario.topology}: {scenario.name}" for scenario in SCENARIOS], fontsize=6)
    axes.invert_yaxis()
    axes.set_xlabel("model calls")
    axes.legend(fontsize=7, loc="lower right")
