"""The metrics tools on the machine that runs the tests."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from orrery.errors import ArgumentError, FileAccessError, LimitReachedError
from orrery.graph.values import decode, encode
from orrery.tools import LocalContext, metrics


def test_a_snapshot_describes_this_machine(ctx: LocalContext) -> None:
    found = asyncio.run(metrics.snapshot(over_s=0.01, ctx=ctx))
    assert found["cpu_count"] == os.cpu_count()
    assert 0 <= found["cpu_percent"] <= 100
    assert len(found["load"]) == 3
    assert 0 < found["memory"]["available_bytes"] <= found["memory"]["total_bytes"]
    assert 0 <= found["disk"]["free_bytes"] < found["disk"]["total_bytes"]
    assert found["uptime_s"] > 0
    assert found["processes"] > 0
    assert decode(encode(found)) == found


def test_samples_come_one_per_interval(ctx: LocalContext) -> None:
    samples = asyncio.run(metrics.sample(0.1, interval_s=0.02, ctx=ctx))
    assert len(samples) == 5
    assert [sample["at"] for sample in samples] == sorted(sample["at"] for sample in samples)
    assert all(0 <= sample["cpu_percent"] <= 100 for sample in samples)
    assert all(sample["read_bytes_per_s"] >= 0 for sample in samples)
    assert [fraction for fraction, _ in ctx.progressed] == [n / 5 for n in range(1, 6)]


def test_work_shows_as_processor_use() -> None:
    def spin(until: float) -> None:
        while time.monotonic() < until:
            pass

    async def busy() -> float:
        sampling = asyncio.create_task(metrics.sample(0.3, interval_s=0.3))
        await asyncio.to_thread(spin, time.monotonic() + 0.25)
        return (await sampling)[0]["cpu_percent"]

    assert asyncio.run(busy()) > 25 / (os.cpu_count() or 1)


def test_what_cannot_be_measured_is_refused(ctx: LocalContext) -> None:
    with pytest.raises(ArgumentError, match="interval_s must be a positive number of seconds, not 0"):
        asyncio.run(metrics.sample(1, interval_s=0))
    with pytest.raises(ArgumentError, match="seconds must be a positive number of seconds, not nan"):
        asyncio.run(metrics.sample(float("nan")))
    with pytest.raises(LimitReachedError, match="more than 100000; raise interval_s"):
        asyncio.run(metrics.sample(1e6, interval_s=0.1))
    with pytest.raises(FileAccessError, match="cannot look at"):
        asyncio.run(metrics.snapshot(over_s=0.01, path=Path("nowhere"), ctx=ctx))
