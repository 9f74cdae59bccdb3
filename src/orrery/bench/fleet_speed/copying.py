"""Copying: a large blob from a device to a run, and from device to device, against a copy by plain sockets."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path

import msgspec

from orrery.bench.fleet_speed.asking import ask, attempt
from orrery.bench.fleet_speed.deeds import MAKE, SIZE
from orrery.bench.fleet_speed.processes import Program, fleet
from orrery.bench.report import Row, spread
from orrery.errors import OutsideError
from orrery.fleet.client import HubClient
from orrery.fleet.messages import Source
from orrery.graph import values
from orrery.graph.values import Blob
from orrery.journal.blobs import FileBlobs

BAR = 0.5
MAKER, TAKER = "maker", "taker"


class Size(msgspec.Struct, frozen=True):
    """How many bytes, and how often."""

    blob_bytes: int
    repeats: int


async def rows(root: Path, size: Size, *, seed: int) -> list[Row]:
    """Both ways, in turns with the copy by sockets; rates in MB (10^6 bytes) a second."""
    raws: list[float] = []
    verified: list[float] = []
    ups: list[float] = []
    asides: list[float] = []
    async with fleet(root) as (there, client):
        there.device(MAKER, "--serve", "ws://127.0.0.1:0")
        there.device(TAKER)
        await there.online(client, [MAKER, TAKER])
        sender = Program(("-m", "orrery.bench.fleet_speed.rivals", "send"), root / "send.err", cwd=root)
        there.programs["send"] = sender
        port = await sender.line()
        fetcher = Program(("-m", "orrery.bench.fleet_speed.rivals", "fetch", port), root / "fetch.err", cwd=root)
        there.programs["fetch"] = fetcher
        await fetcher.line()
        for repeat in range(-1, size.repeats):
            made = await ask(
                client, attempt(MAKE, {"seed": seed * 1000 + repeat + 1, "size_bytes": size.blob_bytes}, on=MAKER)
            )
            blob = values.decode(made.value)
            assert isinstance(blob, Blob)
            source, copied = FileBlobs(root / MAKER / "blobs").path(blob.digest), root / "copied"
            raw_s = await _by_sockets(sender, fetcher, source, copied)
            verified_s = await _by_sockets(sender, fetcher, source, copied, sign="+")
            up_s = await _to_run(client, blob, root / "run")
            aside_s = await _to_device(client, blob)
            for name in (MAKER, TAKER):  # so that all write to memory which was used before: new one costs more
                FileBlobs(root / name / "blobs").path(blob.digest).unlink()
            if repeat >= 0:  # the first round only makes everything warm
                for rates, seconds in ((raws, raw_s), (verified, verified_s), (ups, up_s), (asides, aside_s)):
                    rates.append(size.blob_bytes / 1e6 / seconds)
    what = f"{size.blob_bytes / 1e6:g} MB"
    return [
        _row(f"{what}, device to device, directly; plain sockets", asides, raws, bar=BAR),
        _row("the same; plain sockets and SHA-256", asides, verified),
        _row(f"{what}, device to run, through the hub; plain sockets", ups, raws, bar=BAR),
        _row("the same, through the hub; plain sockets and SHA-256", ups, verified),
    ]


def _row(case: str, ours: list[float], rival: list[float], *, bar: float = 0.0) -> Row:
    ratio = statistics.median(one / other for one, other in zip(ours, rival, strict=True))
    target = f">= {bar:g}x" if bar else ""
    return Row(
        case,
        statistics.median(ours),
        "MB/s",
        statistics.median(rival),
        ratio,
        target,
        ratio >= bar,
        spread=spread(ours),
    )


async def _by_sockets(sender: Program, fetcher: Program, source: Path, copied: Path, *, sign: str = "") -> float:
    """Seconds until another process has written what it was sent."""
    sender.say(str(source))
    fetcher.say(f"{sign}{copied}")
    seconds = float(await fetcher.line())
    await asyncio.to_thread(copied.unlink)
    return seconds


async def _to_run(client: HubClient, blob: Blob, folder: Path) -> float:
    """Seconds until a run's store has it, verified."""
    store = FileBlobs(folder)
    began = time.perf_counter()
    await client.fetch(blob, store)
    seconds = time.perf_counter() - began
    store.path(blob.digest).unlink()
    return seconds


async def _to_device(client: HubClient, blob: Blob) -> float:
    """Seconds until another device has it, verified, and has told its size, which it was asked for."""
    began = time.perf_counter()
    told = await ask(client, attempt(SIZE, {"blob": blob}, on=TAKER, sources=(Source(blob.digest),)))
    seconds = time.perf_counter() - began
    if values.decode(told.value) != blob.size_bytes:
        raise OutsideError(f"a blob of {blob.size_bytes} bytes came as {values.decode(told.value)!r}")
    return seconds
