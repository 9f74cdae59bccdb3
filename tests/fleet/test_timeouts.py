"""Time-outs on a fleet: whoever notices first, the hub, the device or the run, it is the same time-out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orrery.graph import Limits
from orrery.graph.task import EffectKind
from orrery.runtime.executors.fleet import FleetExecutor
from orrery.scheduler.events import TaskFailed, TaskProgressed
from orrery.testing.executors import Bench, RecordingHost, invocation
from tests.fleet.fleets import DEEDS, fleet, until

WITHIN_S = 20.0


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    """The fleet's executor and a device with one slot; the host has no timers, so hub and device have to notice."""
    async with fleet(folder / "fleet", {"pi": 1}) as there:
        host, executor = RecordingHost(folder), FleetExecutor(there.address, grace_s=1)
        await executor.open(host)
        try:
            yield Bench(executor, host)
        finally:
            await executor.close()


async def timed_out(here: Bench, task: str, folder: Path, effects: EffectKind) -> TaskFailed:
    """How an attempt ends that waits for ever and may take half a second."""
    args: dict[str, Any] = {"path": str(folder / task), "line": "x", "until": str(folder / "never")}
    attempt = invocation(f"{DEEDS}:append_and_wait", task=task, **args)
    here.executor.start(msgspec.structs.replace(attempt, limits=Limits(timeout_s=0.5), effects=effects))
    ended = await here.host.final(task)
    assert isinstance(ended, TaskFailed)
    return ended


def test_a_time_out_in_the_queue_of_the_hub_is_one_that_may_be_retried(tmp_path: Path) -> None:
    async def story() -> None:
        async with asyncio.timeout(WITHIN_S), bench(tmp_path) as here:
            args: dict[str, Any] = {"path": str(tmp_path / "w"), "line": "w", "until": str(tmp_path / "go")}
            here.start(f"{DEEDS}:append_and_wait", task="w", **args)
            await until(lambda: any(isinstance(e, TaskProgressed) and e.fraction == 0.5 for e in here.host.events))
            failure = (await timed_out(here, "late", tmp_path, "once")).failure
            assert (failure.type, failure.code, failure.severity) == ("TimeoutError", "timeout", "transient")
            assert not (tmp_path / "late").exists(), "it never began, so it may be tried again"

    asyncio.run(story())


@pytest.mark.parametrize(("effects", "severity"), [("keyed", "transient"), ("once", "effect-unknown")])
def test_a_time_out_on_a_device_leaves_open_what_was_done(tmp_path: Path, effects: EffectKind, severity: str) -> None:
    async def story() -> None:
        async with asyncio.timeout(WITHIN_S), bench(tmp_path) as here:
            # A worker starts with the first attempt, and must not use up the time of the second.
            await here.outcome(f"{DEEDS}:append", task="first", path=str(tmp_path / "first"), line="x")
            failure = (await timed_out(here, "t", tmp_path, effects)).failure
            assert (failure.type, failure.code, failure.severity) == ("TimeoutError", "timeout", severity)

    asyncio.run(story())
