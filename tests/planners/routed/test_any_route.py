"""Any tools, any failures, in real runs: nothing is silent or orphaned, nothing irreversible is begun in vain."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.planners.routed import world
from tests.routing.graphs import closure, some_artefacts, tool_graphs, wanted_artefacts

from orrery.graph import Add, Graph, Ref, Task
from orrery.planners.routed import Round, answers
from orrery.routing.tool_graph.tools import ToolGraph
from orrery.runtime import Result, Session
from orrery.scheduler import events as ev

FOREVER = {"pause_s": 1e9, "longest_pause_s": 1e9}


def as_data(graph: ToolGraph) -> dict[str, Any]:
    """The tools as the tools of the test world, which log and fail as they are told."""
    data: dict[str, Any] = {}
    for name, tool in graph.tools.items():
        of = name.removeprefix("undo-") if name.startswith("undo-") else None
        data[name] = {
            "uses": world.HERE + ("do" if of is None else "undo"),
            "needs": dict(tool.needs),
            "with": {"tool": name} if of is None else {"tool": name, "of": of},
            "effects": tool.effects,
            "seconds": tool.seconds,
            "undo": tool.undo,
            "gives": dict(tool.gives) if of is None else {},
        }
    return data


def run(told: dict[str, Any]) -> tuple[Result, list[ev.Event]]:
    """A route, in a session of its own."""

    async def whole() -> tuple[Result, list[ev.Event]]:
        async with Session("memory:") as session:
            going = session.start(Graph([Task("r", "route", told)], outputs={"out": Ref("r")}))
            result = await asyncio.wait_for(going.wait(), 20)
            return result, [event for _, event in session.journal.read(going.id)]

    return asyncio.run(whole())


def check_irreversible(graph: ToolGraph, events: list[ev.Event], have: list[str], want: list[str]) -> None:
    """When a tool starts that cannot be undone, the tools that have not failed suffice for all that is to come."""
    tool_of: dict[str, str] = {}
    dead: set[str] = set()
    there = set(have)
    for event in events:
        match event:
            case ev.TaskExpanded():
                for edit in event.patch.edits:
                    if isinstance(edit, Add) and edit.task.op == "reroute":
                        planned = msgspec.convert(edit.task.args["round"], Round).planned
                        tool_of |= {f"r/{task.step}": task.tool for task in planned if not task.undoes}
            case ev.TaskStarted(_, task) if task in tool_of and graph[tool_of[task]].is_irreversible:
                alive = [name for name in graph.names if name not in dead]
                assert set(want) <= closure(graph, alive, there)
            case ev.TaskSucceeded(_, task) if task in tool_of:
                there |= set(graph[tool_of[task]].gives)
            case ev.TaskFailed(_, task) if task in tool_of:
                dead.add(tool_of[task])


@settings(max_examples=40, deadline=None)
@given(
    tool_graphs(effects=True, most=6, most_needs=2),
    some_artefacts,
    wanted_artefacts,
    st.dictionaries(st.sampled_from([f"{undo}t{n}" for n in range(6) for undo in ("", "undo-")]), st.just("fail")),
    st.sets(st.sampled_from([f"t{n}" for n in range(6)]), max_size=2),
)
def test_any_route(
    graph: ToolGraph, have: list[str], want: list[str], broken: dict[str, str], unknown: set[str]
) -> None:
    world.reset(**{**broken, **dict.fromkeys(unknown, "unknown")})
    told = {"tools": as_data(graph), "have": {name: name for name in have}, "want": want}
    result, events = run({**told, "ask": "nobody", "monitor": FOREVER})
    known = {*graph.artefacts, *have}
    if not set(want) <= known:
        assert "no tool gives" in str(result.error)
        return
    assert all(len(one.decisions) == 1 for one in answers(events)), "every failure has one answer"
    failed = [event.task for event in events if isinstance(event, ev.TaskFailed) and "." in event.task]
    assert sorted(failed) == sorted(one.task for one in answers(events)), "and every answer a failure"
    check_irreversible(graph, events, have, want)
    standing = [name for name, count in world.in_effect.items() if count > 0 and graph[name].has_effect]
    if result.state == "succeeded":
        text = str(result.outputs["out"])
        assert all(f"{name}(" in text for name in standing), "what is in effect is what the result rests on"
    else:
        named = str(result.error).rpartition("for a person to see to: ")[2] if standing else ""
        assert all(f".{name}" in named for name in standing), "what is still in effect is named"
