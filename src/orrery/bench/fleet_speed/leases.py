"""Leases: how many no-ops a second one device gets through a hub, and how long one takes."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import msgspec

from orrery.bench.fleet_speed.asking import Crowd, attempt
from orrery.bench.fleet_speed.deeds import nothing
from orrery.bench.fleet_speed.processes import Fleet, Program, fleet
from orrery.bench.report import Row, spread
from orrery.fleet.client import HubClient
from orrery.fleet.codec import decode, encode
from orrery.fleet.hub.server import HubServer
from orrery.fleet.messages import Assign, Result
from orrery.fleet.transports.protocol import Accepted, Listener
from orrery.fleet.transports.websocket import WebSocketConnection, WebSocketTransport

PUBLISHED = "UFO3's own stack, elsewhere: 66-97 tasks/s, 2.9-3.9 ms"
UNDER_WAY = 64
"""Attempts at once where as many as possible are to be made."""
BAR_PER_S, BAR_MS, PACE_PER_S = 3000.0, 2.0, 1000.0
DEVICE = "worker"


class Size(msgspec.Struct, frozen=True):
    """How much is measured."""

    count: int
    singles: int
    repeats: int


async def rows(root: Path, size: Size) -> list[Row]:
    """Both questions, on a hub and a device that `orrery hub` and `orrery device` have started."""
    async with fleet(root) as (there, client):
        device = there.device(DEVICE)
        await there.online(client, [DEVICE])
        echo = there.programs["echo"] = Program(
            ("-m", "orrery.bench.fleet_speed.rivals", "echo"), root / "echo.err", cwd=root
        )
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            rivals = _Rivals(int(await echo.line()), pool)
            await Crowd(client).at_once(4 * UNDER_WAY, UNDER_WAY)  # the workers start
            await rivals.pooled(100)
            spent = partial(_spent, there, device)
            return [*await _rates(client, rivals, size, spent), *await _times(client, rivals, size)]


Spent = Callable[[], tuple[float, float, float, float]]


async def _rates(client: HubClient, rivals: _Rivals, size: Size, spent: Spent) -> list[Row]:
    ours: list[float] = []
    echoes: list[float] = []
    pools: list[float] = []
    waits_ms: list[float] = []
    cpu_us: dict[str, list[float]] = {"client": [], "hub": [], "device": [], "workers": []}
    for _ in range(size.repeats):
        echoes.append(await rivals.echoed(size.count))
        pools.append(await rivals.pooled(size.count))
        before = spent()
        answered = await Crowd(client).at_once(size.count, UNDER_WAY)
        for name, begun, ended in zip(cpu_us, before, spent(), strict=True):
            cpu_us[name].append((ended - begun) / size.count * 1e6)
        ours.append(answered.rate)
        waits_ms.append(statistics.median(answered.each_s) * 1e3)
    rate = statistics.median(ours)
    bare, pooled = statistics.median(echoes), statistics.median(pools)
    return [
        Row(
            f"leases a second, {UNDER_WAY} at once; bare echo",
            rate,
            "/s",
            bare,
            statistics.median(one / other for one, other in zip(ours, echoes, strict=True)),
            f">= {BAR_PER_S:,.0f}/s",
            rate >= BAR_PER_S,
            PUBLISHED,
            spread(ours),
        ),
        Row(
            "the same; a pool of two processes, without a network",
            rate,
            "/s",
            pooled,
            statistics.median(one / other for one, other in zip(ours, pools, strict=True)),
        ),
        Row(f"p50 of one of {UNDER_WAY} at once, its wait included", statistics.median(waits_ms), "ms"),
        _whole(cpu_us),
        *(
            Row(f"processor time of a lease: {name}", statistics.median(each), "us", spread=spread(each))
            for name, each in cpu_us.items()
        ),
    ]


async def _times(client: HubClient, rivals: _Rivals, size: Size) -> list[Row]:
    single, paced, bare = [], [], []
    for _ in range(size.repeats):
        bare.append(await rivals.echo_p50_s(size.singles))
        single.append(statistics.median((await Crowd(client).at_once(size.singles, 1)).each_s))
        answered = await Crowd(client).at_pace(2 * size.singles, PACE_PER_S)
        paced.append(statistics.median(answered.each_s))
    echo_ms = statistics.median(bare) * 1e3

    def row(case: str, samples: list[float]) -> Row:
        ms = statistics.median(samples) * 1e3
        ratio = statistics.median(one / other for one, other in zip(samples, bare, strict=True))
        return Row(case, ms, "ms", echo_ms, ratio, f"<= {BAR_MS:g} ms", ms <= BAR_MS, PUBLISHED, spread(samples))

    return [
        row("p50 asked to answered, one at a time; bare echo", single),
        row(f"p50 at {PACE_PER_S:,.0f} a second; bare echo", paced),
    ]


def _whole(cpu_us: dict[str, list[float]]) -> Row:
    each = [sum(one) for one in zip(*cpu_us.values(), strict=True)]
    return Row("processor time of a lease, all processes", statistics.median(each), "us", spread=spread(each))


def _spent(there: Fleet, device: Program) -> tuple[float, float, float, float]:
    own_s = device.own_cpu_s()
    return time.process_time(), there.hub.own_cpu_s(), own_s, device.used().cpu_s - own_s


# -- rivals -------------------------------------------------------------------------------------------------------


class _Rivals:
    """A bare WebSocket echo at a port, and a pool of processes on this machine."""

    def __init__(self, port: int, pool: ProcessPoolExecutor) -> None:
        self._url, self._pool = f"ws://127.0.0.1:{port}", pool
        self._message = encode([attempt()], "msgpack")

    async def echoed(self, count: int) -> float:
        """Requests and replies over the WebSocket, `UNDER_WAY` at once: how many a second."""
        from websockets.asyncio.client import connect

        async with connect(self._url, compression=None, ping_interval=None) as ws:
            began = time.perf_counter()
            for _ in range(min(UNDER_WAY, count)):
                await ws.send(self._message)
            for received in range(1, count + 1):
                await ws.recv()
                if received + UNDER_WAY <= count:
                    await ws.send(self._message)
            return count / (time.perf_counter() - began)

    async def echo_p50_s(self, count: int) -> float:
        """One at a time: the median of the seconds that each took."""
        from websockets.asyncio.client import connect

        each_s = []
        async with connect(self._url, compression=None, ping_interval=None) as ws:
            for _ in range(count):
                began = time.perf_counter()
                await ws.send(self._message)
                await ws.recv()
                each_s.append(time.perf_counter() - began)
        return statistics.median(each_s)

    async def pooled(self, count: int) -> float:
        """The same function in the pool, `UNDER_WAY` at once: how many a second."""
        return await asyncio.to_thread(self._pooled, count)

    def _pooled(self, count: int) -> float:
        began = time.perf_counter()
        left, pending = count, set[Future[None]]()
        while left or pending:
            while left and len(pending) < UNDER_WAY:
                pending.add(self._pool.submit(nothing))
                left -= 1
            pending = wait(pending, return_when=FIRST_COMPLETED).not_done
        return count / (time.perf_counter() - began)


# -- the leg of the device ------------------------------------------------------------------------------------------


async def device_leg(root: Path, size: Size) -> Row:
    """What of that lies between the hub's Assign to the device and the device's Result, seen where the hub sends."""
    taken_s: deque[float] = deque()
    there = Fleet(root)
    async with HubServer(root / "hub", transports={"ws": _TimedTransport(taken_s)}) as server:
        there.url = server.urls[0]
        there.device_with(server.registry.enrolment_token(at=server.now(), name=DEVICE), DEVICE)
        try:
            async with HubClient(there.url, server.client_token) as client:
                await there.online(client, [DEVICE])
                await Crowd(client).at_once(50, 1)
                taken_s.clear()
                await Crowd(client).at_once(size.singles * size.repeats, 1)
        finally:
            there.end()
    return Row("p50 of the leg hub to device and back, one at a time", statistics.median(taken_s) * 1e3, "ms")


class _Timed:
    """A connection of a hub that notes how long each attempt was away; everything else is the connection's."""

    def __init__(self, connection: WebSocketConnection, taken_s: deque[float]) -> None:
        self._connection, self._taken_s = connection, taken_s
        self._sent_at: dict[str, float] = {}
        self.peer, self.form = connection.peer, connection.form

    @property
    def max_bytes(self) -> int:
        return self._connection.max_bytes

    @max_bytes.setter
    def max_bytes(self, size: int) -> None:
        self._connection.max_bytes = size

    async def send(self, message: bytes) -> None:
        for frame in decode(message, self.form):
            if isinstance(frame, Assign):
                self._sent_at[frame.work] = time.perf_counter()
        await self._connection.send(message)

    async def receive(self) -> bytes:
        message = await self._connection.receive()
        now = time.perf_counter()
        for frame in decode(message, self.form):
            if isinstance(frame, Result) and frame.work in self._sent_at:
                self._taken_s.append(now - self._sent_at.pop(frame.work))
        return message

    async def close(self, because: str = "") -> None:
        await self._connection.close(because)


class _TimedTransport(WebSocketTransport):
    def __init__(self, taken_s: deque[float]) -> None:
        super().__init__()
        self._taken_s = taken_s

    async def listen(self, url: str, accepted: Accepted, *, max_bytes: int) -> Listener:
        async def timed(connection: object) -> None:
            assert isinstance(connection, WebSocketConnection)
            await accepted(_Timed(connection, self._taken_s))

        return await super().listen(url, timed, max_bytes=max_bytes)
