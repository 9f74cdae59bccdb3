"""Values from who means ill: they break neither the run nor the device, and no rule is gone around by them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from orrery.errors import Failure
from orrery.fleet.hub.server import HubServer
from orrery.fleet.hubs import HubAddress
from orrery.fleet.messages import Accept, AnyFrame, Assign
from orrery.fleet.messages import Result as Done
from orrery.graph import Effects, Graph, Ref, Task, Template
from orrery.graph.values import encode
from orrery.journal.blobs import FileBlobs
from orrery.runtime import Session
from orrery.runtime.device.performer import ToolPerformer
from orrery.runtime.device.rules import DeviceRules
from orrery.runtime.executors.fleet import FleetExecutor
from orrery.runtime.executors.limits import WorkerLimits
from orrery.scheduler.events import Event, TaskFailed, TaskSucceeded
from tests.fleet.hub_rig import BOUND_S, Device

LISTS, MAPS = b"\x91" * 100_000 + b"\xc0", b"\x81\xa1a" * 5000 + b"\xc0"


class Answering(Device):
    """A device that answers whatever it is told to."""

    answer: dict[str, Any]

    def _came(self, frame: AnyFrame) -> None:
        if isinstance(frame, Assign):
            self.dialler.post(Accept(work=frame.work, fence=frame.fence))
            self.dialler.post(Done(work=frame.work, fence=frame.fence, **self.answer))


async def ends(folder: Path, answer: dict[str, Any]) -> tuple[dict[str, Any], list[Event]]:
    """The outputs of a run of which a device makes that, and its events."""
    seen: list[Event] = []

    def watch(_run: str, events: Sequence[Event]) -> None:
        seen.extend(events)

    async with HubServer(folder / "hub") as hub:
        device = Answering(hub.urls[0], hub.registry.enrolment_token(at=hub.now(), name="bad"))
        device.answer = answer
        async with device:
            executor = FleetExecutor(HubAddress(hub.urls[0], hub.client_token, "the test"))
            store = f"sqlite:///{folder}/runs.db"
            async with Session(store, executors={"fleet": executor}, observers=(watch,)) as session:
                graph = Graph(
                    [
                        Task("bad", "noop", executor="fleet", effects=Effects("pure")),
                        Task("good", "py:orrery.testing.executors:add", {"a": 1, "b": 2}, executor="thread"),
                    ],
                    outputs={"good": Ref("good")},
                )
                result = await session.start(graph, run="r").wait()
                return result.outputs, seen


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "succeeded", "value": LISTS},
        {"status": "succeeded", "value": MAPS},
        {"status": "succeeded", "value": b"\x91" * 300 + b"\xc0"},
        {"status": "succeeded", "value": b"\xc1"},
        {"status": "succeeded", "value": b""},
        {"status": "succeeded", "value": b"\xc0\xc0"},
        {"status": "succeeded", "value": LISTS, "grows": True},
        {"status": "succeeded", "value": encode(b"\xc1"), "grows": True},
        {"status": "failed", "failure": Failure("E", "m", retry_after_s=-1e308)},
        {"status": "failed", "failure": Failure("E\x1b[2J", "m" * 1_000_000, detail="x" * 1_000_000)},
    ],
    ids=lambda answer: repr(answer)[:70],
)
def test_a_result_that_is_none_fails_its_task_and_nothing_else(tmp_path: Path, answer: dict[str, Any]) -> None:
    async def story() -> None:
        async with asyncio.timeout(BOUND_S):
            outputs, events = await ends(tmp_path, answer)
        assert outputs == {"good": 3}
        assert "bad" in [event.task for event in events if isinstance(event, TaskFailed)]

    asyncio.run(story())


def test_a_device_does_not_add_to_a_budget(tmp_path: Path) -> None:
    async def story() -> None:
        answer = {"status": "succeeded", "value": b"\xc0", "money": -1e9, "tokens": 1, "cpu_s": -1.0}
        async with asyncio.timeout(BOUND_S):
            _, events = await ends(tmp_path, answer)
        usage = next(one.usage for one in events if isinstance(one, TaskSucceeded) and one.task == "bad")
        assert usage is not None
        assert (usage.money, usage.tokens, usage.cpu_s) == (0.0, 1, 0.0)

    asyncio.run(story())


@pytest.mark.parametrize(
    "args",
    [
        LISTS,
        MAPS,
        b"\xc1",
        b"",
        encode([1]),
        encode({"path": Ref("x")}),
        encode({"a": [{"b": Template(("", Ref("x")))}]}),
    ],
    ids=lambda args: repr(args)[:30],
)
def test_arguments_that_a_device_cannot_judge_are_refused(tmp_path: Path, args: bytes) -> None:
    performer = ToolPerformer(
        DeviceRules(tmp_path, allow=("*",)), FileBlobs(tmp_path / "blobs"), slots=1, limits=WorkerLimits()
    )
    reject = performer.refusal(Assign(work="w", key="k", run="r", task="t", attempt=1, op="data.query", args=args))
    assert reject is not None
    assert reject.reason == "arguments"
