"""A planner that is called again goes on from what the graph shows: after a crash, a retry, a person's answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.planners.llm.conftest import TESTED, Plan, Story
from tests.simulated import Simulated

from orrery.graph import Graph, Limits, Retry, Task
from orrery.models.simulated import Answer, Fault
from orrery.runtime import Result, Session
from orrery.runtime.session import Run
from orrery.scheduler import State

Until = Callable[[Run], bool]


def planned(**options: Any) -> Graph:
    goal = {"text": "do it", "options": options, "tools": [each.name for each in TESTED]}
    return Graph([Task("plan", "plan", {"goal": goal, "planner": "llm"}, executor="planner")])


def begun_and_left(folder: Path, until: Until, **options: Any) -> None:
    """Begin a run and leave it, as a process that dies would, once something holds."""

    async def whole() -> None:
        happened = asyncio.Event()
        heard = (lambda _run, _events: happened.set(),)
        async with Session(f"sqlite:///{folder}/runs.db", observers=heard) as session, asyncio.timeout(20):
            run = session.start(planned(**options), run="r", folder=folder)
            while not until(run):
                await happened.wait()
                happened.clear()

    asyncio.run(whole())


def resumed(folder: Path, act: Callable[[Run], None] = lambda _: None) -> Result:
    async def whole() -> Result:
        async with Session(f"sqlite:///{folder}/runs.db") as session:
            run = session.resume("r")
            act(run)
            return await asyncio.wait_for(run.wait(), 20)

    return asyncio.run(whole())


def state(run: Run, task: str) -> State | None:
    record = run.machine.records.get(task)
    return None if record is None else record.state


def is_planned(run: Run) -> bool:
    return "answer" in run.machine.graph.outputs


def test_left_while_the_plan_streams_in_it_is_asked_only_for_the_rest(simulated: Simulated, tmp_path: Path) -> None:
    slow = Answer("1. t.add(1)\n2. t.add($1)\n3. t.add($2)\nanswer: $3\n", tokens_per_s=20.0)
    story = Story([slow, "3. t.add($2)\nanswer: $3"])
    simulated(story)
    begun_and_left(tmp_path, lambda run: state(run, "plan-2") is State.SUCCEEDED)
    result = resumed(tmp_path)
    assert result.outputs == {"answer": 4}
    assert [asked.messages[-2].text for asked in story.plans[1:]] == ["1. t.add(a=1)\n2. t.add(a=$1)"]
    assert result.tasks == {"succeeded": 4}


def test_left_after_the_plans_end_nobody_is_asked_again(simulated: Simulated, tmp_path: Path) -> None:
    story = Story(["1. t.add(1)\n2. t.hang()\nanswer: $1"], ["finish: 2"])
    simulated(story)
    begun_and_left(tmp_path, is_planned, step_timeout_s=0.5)
    result = resumed(tmp_path)
    assert result.outputs == {"answer": "2"}  # the joiner says so, for one step did not end
    assert len(story.plans) == 1


def test_left_while_the_joiner_thinks_only_the_joiner_is_asked_again(simulated: Simulated, tmp_path: Path) -> None:
    story = Story(["1. t.add(1)\njoin()"], [Answer("finish: two, and so on", tokens_per_s=2.0), "finish: two"])
    simulated(story)
    begun_and_left(tmp_path, lambda run: state(run, "plan-join-1") is State.RUNNING and bool(story.joins))
    assert resumed(tmp_path).outputs == {"answer": "two"}
    assert (len(story.plans), len(story.joins)) == (1, 2)


def test_left_in_the_second_round_it_goes_on_in_the_second_round(simulated: Simulated, tmp_path: Path) -> None:
    slow = Answer("2. t.add($1)\n3. t.add($2)\nanswer: $3\n", tokens_per_s=20.0)
    story = Story(["1. t.add(1)\njoin()", slow, "3. t.add($2)\nanswer: $3"], ["replan: more"])
    simulated(story)
    begun_and_left(tmp_path, lambda run: state(run, "plan-2") is State.SUCCEEDED)
    assert resumed(tmp_path).outputs == {"answer": 4}
    assert len(story.joins) == 1
    assert story.plans[2].messages[-2].text == "2. t.add(a=$1)"
    assert "more" in next(message.text for message in story.plans[2].messages if message.role == "user")


def test_a_question_to_a_person_still_stands_after_a_crash(simulated: Simulated, tmp_path: Path) -> None:
    story = Story(['1. t.search(query="x")\n2. t.send(text=$1)\nanswer: $2'])
    simulated(story)
    begun_and_left(tmp_path, lambda run: state(run, "plan-2-ask") is State.ASKING and is_planned(run))

    def approve(run: Run) -> None:
        assert "t.send(text=found x)" in run.machine.records["plan-2-ask"].because
        run.answer("plan-2-ask", "approve")

    assert resumed(tmp_path, approve).outputs == {"answer": "sent found x"}
    assert len(story.plans) == 1


def test_a_step_that_a_person_denied_is_told_to_the_joiner(simulated: Simulated, tmp_path: Path) -> None:
    story = Story(['1. t.send(text="x")\nanswer: $1'], ["finish: it was not allowed"])
    simulated(story)
    begun_and_left(tmp_path, lambda run: state(run, "plan-1-ask") is State.ASKING and is_planned(run))
    result = resumed(tmp_path, lambda run: run.answer("plan-1-ask", "deny", by="ann"))
    assert (result.state, result.outputs) == ("succeeded", {"answer": "it was not allowed"})
    assert "it was denied by ann" in story.joins[0].text


def test_an_answer_of_false_is_no_yes(simulated: Simulated, tmp_path: Path) -> None:
    story = Story(['1. t.send(text="x")\nanswer: $1'], ["finish: it was not allowed"])
    simulated(story)
    begun_and_left(tmp_path, lambda run: state(run, "plan-1-ask") is State.ASKING and is_planned(run))
    result = resumed(tmp_path, lambda run: run.answer("plan-1-ask", "approve", False))
    assert (result.state, result.outputs) == ("succeeded", {"answer": "it was not allowed"})
    assert "a person said no" in story.joins[0].text


def test_a_planning_task_that_is_tried_again_asks_only_for_the_rest(plan: Plan) -> None:
    story = Story(["1. t.add(1)\n2. t.add($1)\n3. t.add($2)\nanswer: $3", "3. t.add($2)\nanswer: $3"])
    retry = Limits(retry=Retry(attempts=2, backoff_s=0.05))
    done = plan(story, server={"faults": [Fault("reset", after=8, call=1)]}, max_retries=0, limits=retry)
    assert done.answer == 4
    assert story.plans[1].messages[-2].text == "1. t.add(a=1)\n2. t.add(a=$1)"
