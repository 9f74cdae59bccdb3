"""A device that says too much: the hub stays small, and what happened stays in its audit log."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from orrery.fleet.hub.commands import Command
from orrery.fleet.hub.reports import MOST_RETURNS
from orrery.fleet.hub.roster import MOST_BLOBS
from orrery.fleet.messages import Assign, Error, Hello, Ping, Reject, Result, State
from orrery.graph.task import EffectKind
from orrery.graph.values import Blob
from tests.fleet.hub_rig import BOUND_S, Caller, Device, calling, rig
from tests.fleet.test_hub import Stage, result, to_devices


async def answered(caller: Caller, number: int) -> None:
    """Return once everything that was said has been taken in."""
    await caller.say(Ping(id=number))
    async with asyncio.timeout(BOUND_S):
        while not any(isinstance(one, Ping) and one.answer and one.id == number for one in await caller.hear()):
            pass


def test_errors_do_not_drive_the_rest_out_of_the_audit_log(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            async with calling(made.url, Hello(token=made.token("bad"))) as caller:
                await caller.hear()
                for number in range(30):
                    await caller.say(*(Error(error="x", message="y", retryable=True) for _ in range(500)))
                    await answered(caller, 10**6 + number)
            records = made.hub.registry.audit(20_000)
            assert sum(record.kind == "error" for record in records) < 50
            assert {"started", "enrolled"} <= {record.kind for record in records}
            await made.is_well()

    asyncio.run(main())


def test_coming_again_and_again_does_not_either(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made, AsyncExitStack() as stack:
            device = await stack.enter_async_context(Device(made.url, made.token("bad")))
            await device.dialler.close()
            for _ in range(60):
                async with calling(made.url, Hello(token=device.token)) as caller:
                    await caller.hear()
            kinds = [record.kind for record in made.hub.registry.audit(20_000) if record.principal == "bad"]
            assert len(kinds) < 60, kinds
            await made.is_well()

    asyncio.run(main())


def test_what_a_device_claims_to_hold_is_bounded() -> None:
    stage = Stage()
    stage.device("bad")
    for start in range(0, MOST_BLOBS + 40_000, 20_000):
        blobs = tuple(Blob(f"{number:064x}", 1) for number in range(start, start + 20_000))
        stage.said("bad", State(holds=blobs))
    assert len(stage.hub.ledger.holders) == MOST_BLOBS
    stage.said("bad", State(dropped=(f"{1:064x}",)))
    stage.said("bad", State(holds=(Blob("f" * 64, 1),)))
    assert "f" * 64 in stage.hub.ledger.holders


@pytest.mark.parametrize("effects", ["pure", "keyed"])
@pytest.mark.parametrize(
    "answer",
    [
        Result(work="", status="lost", effect="none"),
        Result(work="", status="stopped", effect="none"),
        Reject(work="", reason="lease"),
    ],
    ids=lambda answer: f"{type(answer).__name__} {getattr(answer, 'status', '')}",
)
def test_a_device_that_gives_back_what_it_takes_does_not_keep_it_for_ever(
    answer: Result | Reject, effects: EffectKind
) -> None:
    stage = Stage()
    stage.device("bad")
    stage.client()
    stage.asks(effects=effects)
    given = 1
    while given < 100 and any(frame for _, frame in to_devices(returned(stage, answer)) if isinstance(frame, Assign)):
        given += 1
    assert given == MOST_RETURNS
    stage.device("good")
    assert stage.on() == "good"
    assert result(stage.ends()).status == "succeeded"


def returned(stage: Stage, answer: Result | Reject) -> list[Command]:
    return stage.said("bad", msgspec.structs.replace(answer, work="a#1", fence=stage.fence()))


def test_a_device_that_is_full_is_not_asked_again_at_once() -> None:
    stage = Stage()
    stage.device("bad")
    stage.client()
    stage.asks()
    full = Reject(work="a#1", reason="full", fence=stage.fence(), retry_after_s=0.0)
    assert not to_devices(stage.said("bad", full))
    assert [device for device, _ in to_devices(stage.wait(1.0, "bad"))] == ["bad"]
