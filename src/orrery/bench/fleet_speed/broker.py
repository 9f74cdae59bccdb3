"""Broker: a round trip through a Mosquitto of our own, with its TCP_NODELAY set and as it comes."""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from orrery.bench.report import Row, spread
from orrery.errors import ConnectionLostError, MissingExtraError, OutsideError
from orrery.fleet.transports.protocol import Connection
from orrery.fleet.transports.registry import transport_for

START_S = 10.0
CONFIGURATION = """\
listener {port} 127.0.0.1
user {user}
persistence false
allow_anonymous true
set_tcp_nodelay {no_delay}
log_dest none
"""
MESSAGE = bytes(150)
MAX_BYTES = 1 << 20


async def rows(root: Path, count: int) -> tuple[list[Row], list[str]]:
    """One row without a bar; or none, and a line that says what is missing."""
    program = shutil.which("mosquitto", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
    if program is None:
        return [], ["MQTT was not measured: there is no mosquitto here (Debian and Ubuntu: apt-get install mosquitto)."]
    try:
        transport_for("mqtt://127.0.0.1")
    except MissingExtraError as error:
        return [], [f"MQTT was not measured: {error}"]
    with_it = await _round_trips_s(program, root, count, no_delay=True)
    without = await _round_trips_s(program, root, count, no_delay=False)
    ms, other_ms = statistics.median(with_it) * 1e3, statistics.median(without) * 1e3
    case = "MQTT, p50 of a round trip; where the broker does not set TCP_NODELAY"
    return [Row(case, ms, "ms", other_ms, ms / other_ms, spread=spread(with_it))], []


async def _round_trips_s(program: str, root: Path, count: int, *, no_delay: bool) -> list[float]:
    async with _broker(program, root, no_delay=no_delay) as url:
        transport = transport_for(url)

        async def echo(connection: Connection) -> None:
            with suppress(ConnectionLostError):
                while True:
                    await connection.send(await connection.receive())

        listener = await transport.listen(url, echo, max_bytes=MAX_BYTES)
        try:
            connection = await transport.dial(url, max_bytes=MAX_BYTES)
            each_s = []
            for _ in range(count):
                began = time.perf_counter()
                await connection.send(MESSAGE)
                await connection.receive()
                each_s.append(time.perf_counter() - began)
            await connection.close()
        finally:
            await listener.close()
    return each_s


@asynccontextmanager
async def _broker(program: str, root: Path, *, no_delay: bool) -> AsyncIterator[str]:
    """A broker on a free port of loopback, for as long as the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    broker = _started(program, root / "mosquitto.conf", port, no_delay=no_delay)
    try:
        await _answers(broker, port)
        yield f"mqtt://127.0.0.1:{port}/speed"
    finally:
        broker.kill()
        broker.wait()


def _started(program: str, configuration: Path, port: int, *, no_delay: bool) -> subprocess.Popen[bytes]:
    configuration.write_text(
        CONFIGURATION.format(port=port, user=getpass.getuser(), no_delay=str(no_delay).lower()), encoding="utf-8"
    )
    return subprocess.Popen([program, "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def _answers(broker: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if broker.poll() is not None or time.monotonic() > until:
                raise OutsideError(f"mosquitto does not answer at port {port}") from None
            await asyncio.sleep(0.02)
        else:
            return
