"""A plan without a run: what a planner says before there are results, checked as a run would check it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from orrery.errors import NotUnderstoodError, PatchRefused
from orrery.graph import Add, Drop, Edge, Link, Patch, Ref, Replace, SetOutputs, Task
from orrery.planners import Goal, View, draft, planners
from orrery.planners.drafting import DraftView
from orrery.scheduler import State

Plan = Callable[[Goal, View], AsyncIterator[Patch]]


class Planned:
    """A planner that is one function."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan


def test_the_patches_add_up_to_a_graph(tmp_path: Path) -> None:
    async def plan(goal: Goal, view: View) -> AsyncIterator[Patch]:
        yield Patch((Add(Task("a", "x")), Add(Task("b", "x", {"of": Ref("a")}))))
        assert view.state("a") is State.WAITING
        assert view.folder == tmp_path
        yield Patch(
            (Replace(Task("a", "y")), Add(Task("c", "x")), Link(Edge("b", "c")), SetOutputs({"answer": Ref("c")}))
        )
        yield Patch((Add(Task("d", "x")),))
        yield Patch((Drop("d"),))

    graph = draft(Planned(plan), Goal("do it"), tmp_path)
    assert [(task.id, task.op) for task in graph] == [("a", "y"), ("b", "x"), ("c", "x")]
    assert [edge.source for edge in graph.incoming("c")] == ["b"]
    assert graph.outputs == {"answer": Ref("c")}


def test_a_patch_that_is_refused_is_raised_where_it_was_yielded(tmp_path: Path) -> None:
    async def plan(goal: Goal, view: View) -> AsyncIterator[Patch]:
        with pytest.raises(PatchRefused, match="'nobody', which does not exist"):
            yield Patch((Add(Task("a", "x", {"of": Ref("nobody")})),))
        yield Patch((Add(Task("a", "x")),))

    assert len(draft(Planned(plan), Goal("do it"), tmp_path)) == 1


def test_a_planner_that_waits_for_results_is_left_at_its_beginning(tmp_path: Path) -> None:
    cleaned: list[str] = []

    async def plan(goal: Goal, view: View) -> AsyncIterator[Patch]:
        try:
            yield Patch((Add(Task("a", "x")),))
            view.usage(money=0.5, tokens=7)
            with view.hold(["a"], seconds=1.0):
                await view.changed()
            yield Patch((Add(Task("b", "x")),))
        finally:
            cleaned.append("up")

    view = DraftView(tmp_path)
    assert [task.id for task in draft(Planned(plan), Goal("do it"), tmp_path, view=view)] == ["a"]
    assert (view.needs_results, view.money, view.tokens) == (True, 0.5, 7)
    assert cleaned == ["up"]


def test_what_is_wrong_with_a_request_is_raised(tmp_path: Path) -> None:
    with pytest.raises(NotUnderstoodError, match="sandwich"):
        draft(planners.get("rules")(), Goal("make me a sandwich"), tmp_path)


def test_an_empty_plan_is_an_empty_graph(tmp_path: Path) -> None:
    async def plan(goal: Goal, view: View) -> AsyncIterator[Patch]:
        nothing: tuple[Patch, ...] = ()
        for patch in nothing:
            yield patch

    assert len(draft(Planned(plan), Goal("do it"), tmp_path)) == 0


@pytest.mark.parametrize("name", ["constellation", "recursive"])
def test_planners_that_go_on_with_results_show_how_they_begin(name: str, tmp_path: Path) -> None:
    options = {"thinker": "local:nobody"} if name == "constellation" else {"model": "nobody:asked"}
    view = DraftView(tmp_path)
    graph = draft(planners.get(name)(), Goal("do it", options), tmp_path, view=view)
    assert len(graph) == 1
    assert view.tokens == 0, "nobody was asked"
