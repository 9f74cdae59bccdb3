"""Planners as tasks: they change the run that they belong to, while it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from orrery.errors import Failure, PatchRefused
from orrery.graph import Add, Drop, Edge, Graph, Link, Patch, Ref, Replace, SetOutputs, Task
from orrery.planners import Goal, View, planners
from orrery.runtime import Result, Session, resume
from orrery.scheduler import State

Plan = Callable[[Goal, View], AsyncIterator[Patch]]


class Planned:
    """A planner that is one function."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan


@pytest.fixture
def planner() -> Iterator[Callable[[Plan], None]]:
    """Registers a function as the planner "test"."""

    def register(plan: Plan) -> None:
        planners._things["test"] = lambda: Planned(plan)

    yield register
    planners._things.pop("test", None)


def add(*tasks: Task, **outputs: Any) -> Patch:
    return Patch((*map(Add, tasks), *([SetOutputs(outputs)] if outputs else [])))


def doubled(task: str, x: Any) -> Task:
    return Task(task, "py:tests.runtime.test_planning:double", {"x": x})


async def double(x: int) -> int:
    return 2 * x


async def fail() -> None:
    raise ValueError("boom")


gate, begun = asyncio.Event(), asyncio.Event()


async def wait_for_gate() -> int:
    await gate.wait()
    return 1


async def wait_for_ever() -> None:
    begun.set()
    await asyncio.Event().wait()


OWN = Task("plan", "plan", {"goal": "something", "planner": "test"}, executor="planner")


def planned() -> Graph:
    return Graph([OWN])


def run(graph: Graph | None = None) -> Result:
    async def whole() -> Result:
        async with Session("memory:") as session:
            return await asyncio.wait_for(session.start(graph or planned()).wait(), 10)

    return asyncio.run(whole())


def test_tasks_run_while_the_plan_is_still_being_made(planner: Callable[[Plan], None]) -> None:
    seen = []

    async def plan(goal: Goal, view: View) -> AsyncIterator[Patch]:
        assert goal.text == "something"
        yield add(doubled("a", 1))
        seen.append(list(await view.changed()))
        yield add(doubled("b", view.value(Ref("a"))), answer=Ref("b"))

    planner(plan)
    result = run()
    assert (result.state, result.outputs, seen) == ("succeeded", {"answer": 4}, [["a"]])


def test_a_refusal_is_raised_where_the_patch_was_made(planner: Callable[[Plan], None]) -> None:
    async def plan(_: Goal, view: View) -> AsyncIterator[Patch]:
        yield add(doubled("a", 1))
        await view.changed()
        codes = []
        for edit in (Replace(doubled("a", 2)), Link(Edge("nobody", "a")), Drop("plan")):
            try:
                yield Patch((edit,))
            except PatchRefused as refused:
                codes += [problem.code for problem in refused.problems]
        yield add(doubled("b", 3), answer=Ref("b"), codes=codes)

    planner(plan)
    result = run()
    assert result.outputs["answer"] == 6
    assert result.outputs["codes"].count("patch/locked") >= 2


def test_a_planner_that_takes_no_refusal_fails_and_so_does_the_run(planner: Callable[[Plan], None]) -> None:
    async def plan(_goal: Goal, _view: View) -> AsyncIterator[Patch]:
        yield Patch((Drop("nobody"),))

    planner(plan)
    result = run()
    assert result.state == "failed"
    assert result.error is not None
    assert result.error.type == "PatchRefused"


def test_what_ended_while_the_planner_thought_is_one_batch(planner: Callable[[Plan], None]) -> None:
    batches = []

    async def plan(_: Goal, view: View) -> AsyncIterator[Patch]:
        yield add(*(doubled(f"t{i}", i) for i in range(20)))
        while any(view.state(f"t{i}") is not State.SUCCEEDED for i in range(20)):  # noqa: ASYNC110 - it thinks
            await asyncio.sleep(0)
        batches.append(list(await view.changed()))
        batches.append(list(await view.changed()))

    planner(plan)
    assert run().state == "succeeded"
    assert batches == [[f"t{i}" for i in range(20)], []]


def test_a_failure_is_a_value_to_the_planner(planner: Callable[[Plan], None]) -> None:
    async def plan(_: Goal, view: View) -> AsyncIterator[Patch]:
        yield Patch((Add(Task("bad", "py:tests.runtime.test_planning:fail")),))
        await view.changed()
        failure = view.value(Ref("bad"))
        assert isinstance(failure, Failure)
        yield add(doubled("b", len(failure.message)), answer=Ref("b"))

    planner(plan)
    assert run().outputs == {"answer": 8}


def test_nobody_waits_for_what_waits_for_the_planner(planner: Callable[[Plan], None]) -> None:
    async def plan(_: Goal, view: View) -> AsyncIterator[Patch]:
        assert not await view.changed()
        yield add(doubled("a", 1))

    planner(plan)
    assert run(Graph([OWN, doubled("after", 5)], [Edge("plan", "after")])).state == "succeeded"


def test_two_planners_that_wait_for_each_other_do_not_hang(planner: Callable[[Plan], None]) -> None:
    async def plan(_: Goal, view: View) -> AsyncIterator[Patch]:
        while await view.changed():
            pass
        yield add(doubled(f"of-{view.task}", 1))

    planner(plan)
    args = {"goal": "g", "planner": "test"}
    graph = Graph([Task(name, "plan", args, executor="planner") for name in ("p", "q")])
    assert run(graph).state == "succeeded"


def test_held_tasks_start_when_the_thought_is_finished(planner: Callable[[Plan], None]) -> None:
    async def plan(_: Goal, view: View) -> AsyncIterator[Patch]:
        yield add(
            Task("gate", "py:tests.runtime.test_planning:wait_for_gate"), doubled("b", Ref("gate")), answer=Ref("b")
        )
        with view.hold(["b"], seconds=60):
            gate.set()
            assert list(await view.changed()) == ["gate"]
            assert view.state("b") is State.READY
            yield Patch((Replace(doubled("b", 21)),))

    planner(plan)
    assert run().outputs == {"answer": 42}


def test_a_planner_ends_when_its_run_is_cancelled(planner: Callable[[Plan], None]) -> None:
    closed = asyncio.Event()

    async def plan(_: Goal, view: View) -> AsyncIterator[Patch]:
        try:
            yield Patch((Add(Task("long", "py:tests.runtime.test_planning:wait_for_ever")),))
            await view.changed()
        finally:
            closed.set()

    planner(plan)

    async def whole() -> Result:
        async with Session("memory:") as session:
            going = session.start(planned())
            await begun.wait()
            going.cancel()
            return await asyncio.wait_for(going.wait(), 10)

    assert asyncio.run(whole()).state == "cancelled"
    assert closed.is_set()


def test_a_planner_that_is_called_again_sees_what_it_had_planned(
    planner: Callable[[Plan], None], tmp_path: Any
) -> None:
    seen: list[Any] = []
    planned_one = asyncio.Event()

    async def plan(_: Goal, view: View) -> AsyncIterator[Patch]:
        seen.append((view.attempt, view.state("a"), list(view.graph.tasks)))
        if view.state("a") is None:
            yield add(doubled("a", 1))
            await view.changed()
            planned_one.set()
            await asyncio.Event().wait()
        yield add(doubled("b", Ref("a")), answer=Ref("b"))

    planner(plan)
    store = f"sqlite:///{tmp_path}/runs.db"

    async def interrupted() -> None:
        async with Session(store) as session:
            session.start(planned(), run="r")
            await planned_one.wait()

    asyncio.run(interrupted())
    assert resume("r", store).outputs == {"answer": 4}
    assert seen == [(1, None, ["plan"]), (2, State.SUCCEEDED, ["plan", "a"])]


def test_a_planner_needs_its_own_executor() -> None:
    result = run(Graph([Task("plan", "plan", {"goal": "g"})]))
    assert result.error is not None
    assert "needs executor 'planner'" in result.error.message
