"""Several planning tasks in one workflow: each has tasks and an answer of its own, beside what the workflow has."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from tests.simulated import Simulated
from tests.simulated import simulated as simulated  # noqa: PLC0414 - a fixture

from orrery.graph import Each, Edge, Graph, Ref, Task
from orrery.models.simulated import Answer, Asked
from orrery.runtime import Result, Session


def script(asked: Asked) -> Answer | str:
    """Plans that count as many words as the goal says; parts are done in one step, agents answer at once."""
    if asked.output is not None:
        known = {"because": "it is one step", "atomic": True, "ok": True, "critique": "", "again": "answer"}
        return Answer.json({name: known[name] for name in asked.output["required"]})
    words = int((re.search(r"count (\d+)", asked.prompt) or [0, 0])[1])
    if "answer:" in asked.prompt and not asked.tools:
        return f'1. text.count(text="{"x " * words}")\nanswer: $1.words\n'
    return f"{words} words"


def planned(name: str, words: int, planner: str = "llm", **options: Any) -> Task:
    """A task that plans."""
    return Task(
        name,
        "plan",
        {"planner": planner, "goal": {"text": f"count {words}", "options": options}},
        executor="planner",
    )


def ran(graph: Graph, folder: Path) -> Result:
    """What comes of a workflow."""

    async def whole() -> Result:
        async with Session("memory:", watch_s=30) as session:
            return await asyncio.wait_for(session.start(graph, folder=folder).wait(), 30)

    return asyncio.run(whole())


@pytest.mark.parametrize("edges", [(), (Edge("a", "b"),)], ids=["at once", "one after the other"])
def test_each_plan_has_an_answer_of_its_own(simulated: Simulated, tmp_path: Path, edges: tuple[Edge, ...]) -> None:
    server = simulated(script)
    result = ran(Graph([planned("a", 2), planned("b", 3)], edges), tmp_path)
    assert (result.state, result.outputs) == ("succeeded", {"a.answer": 2, "b.answer": 3})
    assert server.counts.calls == 2


def test_a_workflow_keeps_the_outputs_that_it_has(simulated: Simulated, tmp_path: Path) -> None:
    simulated(script)
    tail = Task("tail", "text.count", {"text": "x"})
    result = ran(Graph([planned("a", 2), tail], outputs={"mine": Ref("tail", ("words",))}), tmp_path)
    assert result.outputs == {"mine": 1, "a.answer": 2}


def test_plans_that_end_at_once_do_not_undo_each_others_answers(simulated: Simulated, tmp_path: Path) -> None:
    simulated(script)
    each = planned("a", 0)
    goals = [{"text": f"count {words}"} for words in range(1, 9)]
    each = Task("a", "plan", {"planner": "llm", "goal": Ref("@item")}, executor="planner", each=Each(goals))
    assert ran(Graph([each]), tmp_path).outputs == {f"a/{at}.answer": at + 1 for at in range(8)}


def test_the_plan_of_a_request_has_the_runs_own_answer(simulated: Simulated, tmp_path: Path) -> None:
    simulated(script)
    assert ran(Graph([planned("plan", 2)]), tmp_path).outputs == {"answer": 2}


@pytest.mark.parametrize("planner", ["recursive", "hierarchical"])
def test_planners_whose_plan_is_one_task_do_not_take_anothers_for_their_own(
    simulated: Simulated, tmp_path: Path, planner: str
) -> None:
    simulated(script)
    result = ran(Graph([planned("a", 2, planner), planned("b", 3, planner)], [Edge("a", "b")]), tmp_path)
    assert result.state == "succeeded", result.error
    assert (result.outputs["a.answer"], result.outputs["b.answer"]) == ("2 words", "3 words")
