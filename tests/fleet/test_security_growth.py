"""A device that sends back more work for the run: it cannot reach the run's machine, other devices or other results."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orrery.errors import NotAllowedError
from orrery.fleet.hub.server import HubServer
from orrery.fleet.hub.settings import Settings
from orrery.fleet.hubs import HubAddress
from orrery.fleet.messages import Accept, AnyFrame, Assign
from orrery.fleet.messages import Result as Done
from orrery.graph import (
    Add,
    Drop,
    Each,
    Edge,
    Edit,
    Effects,
    Expr,
    Graph,
    Link,
    Patch,
    Place,
    Ref,
    Replace,
    SetOutputs,
    Task,
    Template,
    Unlink,
)
from orrery.graph.values import encode
from orrery.runtime import Session
from orrery.runtime.executors.confined import confined
from orrery.runtime.executors.fleet import FleetExecutor
from orrery.scheduler.codec import encode_events
from orrery.scheduler.events import Event, TaskExpanded, TaskFailed
from tests.fleet.hub_rig import BOUND_S, Device

PROGRAM = "py:pathlib:Path.touch"


def grown(*edits: Edit, result: Any = None, beside: bool = False) -> TaskExpanded:
    return TaskExpanded(0.0, "task", 1, Patch(edits), result, beside=beside)


def child(name: str = "task/child", **fields: Any) -> Task:
    return Task(name, "files.read", **fields)


class Growing(Device):
    """A device that answers what it is asked by work of its own choice; its own work it does."""

    growth: TaskExpanded

    def _came(self, frame: AnyFrame) -> None:
        if isinstance(frame, Assign) and frame.task == "task":
            self.heard.append(frame)
            value = encode(encode_events([self.growth]))
            done = Done(work=frame.work, status="succeeded", fence=frame.fence, value=value, grows=True)
            self.dialler.post(Accept(work=frame.work, fence=frame.fence))
            self.dialler.post(done)
        else:
            super()._came(frame)


async def run_with(folder: Path, growth: TaskExpanded) -> tuple[Any, dict[str, str]]:
    """What a run returns of which a device makes that, and by what errors its tasks failed."""
    failed: dict[str, str] = {}

    def watch(_run: str, events: Sequence[Event]) -> None:
        failed.update((event.task, event.failure.code) for event in events if isinstance(event, TaskFailed))

    async with HubServer(folder / "hub", settings=Settings(patience_s=0.2)) as hub:
        token = hub.registry.enrolment_token(at=hub.now(), name="bad")
        device = Growing(hub.urls[0], token)
        device.growth = growth
        async with device:
            executor = FleetExecutor(HubAddress(hub.urls[0], hub.client_token, "the test"))
            store = f"sqlite:///{folder}/runs.db"
            async with Session(store, executors={"fleet": executor}, observers=(watch,)) as session:
                tasks = [
                    Task("task", "noop", executor="fleet", effects=Effects("pure"), place=Place(on=("bad",))),
                    Task("later", "py:orrery.testing.executors:add", {"a": 1, "b": 2}, executor="thread"),
                ]
                graph = Graph(
                    [*tasks, Task("end", "py:orrery.testing.executors:add", {"a": Ref("later"), "b": 0})],
                    [Edge("task", "later", on="completion")],
                    outputs={"end": Ref("end")},
                )
                result = await session.start(graph, run="r").wait()
            return result, failed


@pytest.mark.parametrize("executor", ["inline", "thread", "process", "planner", "fleet"])
def test_what_a_device_sends_back_never_runs_on_the_runs_machine(tmp_path: Path, executor: str) -> None:
    marker = tmp_path / "owned"
    program = Task("task/x", PROGRAM, {"self": str(marker)}, executor=executor, place=Place(on=("other",)))

    async def story() -> None:
        async with asyncio.timeout(BOUND_S):
            result, failed = await run_with(tmp_path, grown(Add(program), result=Ref("task/x")))
        assert not marker.exists()
        assert result.outputs == {"end": 3}, result
        assert failed["task/x"] == "no-device", "it may ask itself, and has no such tool"

    asyncio.run(story())


def test_a_device_cannot_put_its_own_in_the_place_of_another_task(tmp_path: Path) -> None:
    marker = tmp_path / "owned"
    program = Task("later", PROGRAM, {"self": str(marker)}, executor="thread")

    async def story() -> None:
        async with asyncio.timeout(BOUND_S):
            result, failed = await run_with(tmp_path, grown(Replace(program)))
        assert not marker.exists()
        assert result.outputs == {"end": 3}, result
        assert failed == {"task": "not-allowed"}

    asyncio.run(story())


def test_what_a_task_on_a_device_returns_runs_on_that_device() -> None:
    first = child("task/a", executor="process", place=Place(on=("other",)), each=Each([1, 2]))
    second = child("task/b", args={"of": Ref("task/a"), "all": [Template(("x", Ref("@item")))]})
    edge = Link(Edge("task/a", "task/b", on=Expr("result > 1")))
    taken = confined(grown(Add(first), Add(second), edge, result={"is": Ref("task/b")}), "task", "pi")
    place = Place(on=("pi",))
    replace = msgspec.structs.replace
    assert taken.patch.edits == (
        Add(replace(first, executor="fleet", place=place)),
        Add(replace(second, executor="fleet", place=place)),
        edge,
    )
    assert taken.result == {"is": Ref("task/b")}


def test_it_may_ask_a_person_and_go_on_beside_itself() -> None:
    asking = Task("agent/ask", "ask", {"question": "may I?"}, executor="person")
    more = child("agent/turn-2", args={"before": Ref("agent/turn-1")})
    event = grown(Add(asking), Add(more), result=Ref("agent/turn-2"), beside=True)
    taken = confined(event, "agent/turn-1", "pi")
    assert [edit.task.executor for edit in taken.patch.edits if isinstance(edit, Add)] == ["person", "fleet"]


@pytest.mark.parametrize(
    "edits",
    [
        (Add(child("elsewhere")),),
        (Add(child("task")),),
        (Add(child("tasks/x")),),
        (Add(child(args={"of": Ref("secret")})),),
        (Add(child(args={"deep": [{"of": Template(("", Ref("secret", ("key",))))}]})),),
        (Add(child(each=Each(Ref("secret")))),),
        (Add(child(when=Expr("x > 1", {"x": Ref("secret")}))),),
        (Replace(child("later")),),
        (Replace(child()),),
        (Drop("later"),),
        (Unlink("task", "later"),),
        (SetOutputs({"result": 1}),),
        (Add(child()), Link(Edge("task/child", "later"))),
        (Add(child()), Link(Edge("secret", "task/child", on=Expr("result > 1")))),
    ],
    ids=str,
)
def test_a_device_changes_and_reads_only_what_is_its_own(edits: tuple[Edit, ...]) -> None:
    with pytest.raises(NotAllowedError, match="returned more work"):
        confined(grown(*edits), "task", "pi")


def test_its_result_is_of_its_own_tasks_too() -> None:
    with pytest.raises(NotAllowedError, match="'secret'"):
        confined(grown(Add(child()), result=[Ref("secret")]), "task", "pi")
    with pytest.raises(NotAllowedError, match="adds"):
        confined(grown(Add(child("other")), beside=True), "task", "pi")
