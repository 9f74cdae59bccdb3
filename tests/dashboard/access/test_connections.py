"""Connections that are slow, many, or gone: none of them takes anything from the others."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from orrery.dashboard import targets
from orrery.dashboard.board import Board
from orrery.dashboard.web import patience
from orrery.dashboard.web.access import Access
from orrery.dashboard.web.server import Address, serve
from orrery.dashboard.web.streams import Streams
from orrery.errors import TooManyStreamsError
from orrery.journal.memory import MemoryJournal

TOKEN = "a-token-that-is-long-enough-for-this"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Scenario = Callable[[Access, Callable[[], Awaitable[Connection]]], Awaitable[None]]


def served(folder: Path, scenario: Scenario) -> None:
    """A scenario against a server that listens."""

    async def run() -> None:
        board, address = Board(MemoryJournal(), "memory:", folder, hub_state=folder / "hub"), Address(port=0)
        listening = address.bind()
        access, began = address.access(listening, TOKEN), asyncio.Event()
        serving = asyncio.create_task(serve(board, listening, access, address, began.set))
        await began.wait()
        try:
            await scenario(access, lambda: asyncio.open_connection("127.0.0.1", access.port))
        finally:
            signal.raise_signal(signal.SIGTERM)
            await serving
            board.close()

    asyncio.run(run())


@pytest.mark.skipif(sys.platform == "win32", reason="the server is ended by a signal here")
@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET /api/runs HTTP/1.1\r\nHost: 127",
        b"GET / HTTP/1.1\r\nHost: evil\r\n\r\nGET / HT",
        b"POST /api/runs HTTP/1.1\r\nHost: evil\r\nContent-Length: 1000\r\n\r\nx",
    ],
)
def test_who_does_not_say_what_it_asks_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(patience, "HEADERS_S", 0.5)

    async def scenario(_: Access, connect: Callable[[], Awaitable[Connection]]) -> None:
        reader, writer = await connect()
        writer.write(said)
        trickling = asyncio.create_task(trickle(writer))
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 4)  # to its end
        trickling.cancel()
        writer.close()

    async def trickle(writer: asyncio.StreamWriter) -> None:
        while said:
            await asyncio.sleep(0.1)
            writer.write(b"x")

    served(tmp_path, scenario)


@pytest.mark.skipif(sys.platform == "win32", reason="the server is ended by a signal here")
def test_who_goes_in_the_midst_of_a_body_is_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(access: Access, connect: Callable[[], Awaitable[Connection]]) -> None:
        host = f"Host: 127.0.0.1:{access.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        _, writer = await connect()
        head = f"POST /api/runs/x/cancel HTTP/1.1\r\n{host}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n"
        writer.write(head.encode() + b"{")
        await writer.drain()
        await asyncio.sleep(0.2)
        writer.close()
        reader, other = await connect()
        other.write(f"GET /api/runs HTTP/1.1\r\n{host}Connection: close\r\n\r\n".encode())
        assert b"200 OK" in await reader.read()
        other.close()

    with caplog.at_level(logging.ERROR):
        served(tmp_path, scenario)
    assert not caplog.records


@pytest.mark.skipif(sys.platform == "win32", reason="the server is ended by a signal here")
def test_workflows_that_take_long_to_load_keep_nobody_from_looking_at_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def load(*_: object) -> None:
        released.wait(20)

    monkeypatch.setattr(targets, "load_target", load)
    (tmp_path / "slow.yaml").write_text("name: slow\ntasks:\n  a: {run: echo}\n")

    async def scenario(access: Access, connect: Callable[[], Awaitable[Connection]]) -> None:
        async def ask(path: str) -> Connection:
            reader, writer = await connect()
            head = f"GET /api{path} HTTP/1.1\r\nHost: 127.0.0.1:{access.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
            writer.write(f"{head}Connection: close\r\n\r\n".encode())
            await writer.drain()
            return reader, writer

        slow = [await ask("/workflows/form?target=slow.yaml") for _ in range(60)]
        await asyncio.sleep(0.5)
        reader, writer = await ask("/runs")
        try:
            assert b"200 OK" in await asyncio.wait_for(reader.read(), 5)
        finally:
            released.set()
            for _, one in [*slow, (reader, writer)]:
                one.close()

    served(tmp_path, scenario)


def test_streams_that_are_asked_for_at_once_are_counted_before_they_begin() -> None:
    async def nothing() -> AsyncIterator[bytes]:
        yield b""

    async def run() -> None:
        streams = Streams(most=2)
        one, _ = (streams.answer(nothing(), "text/event-stream", {}) for _ in range(2))
        with pytest.raises(TooManyStreamsError):
            streams.answer(nothing(), "text/event-stream", {})

        async def gone() -> dict[str, str]:
            return {"type": "http.disconnect"}

        async def unsent(_: object) -> None:
            raise OSError("nobody is there")

        with pytest.raises(BaseException):  # noqa: B017,PT011 - whatever a lost client looks like
            await one({"type": "http", "asgi": {"spec_version": "2.4"}}, gone, unsent)
        streams.answer(nothing(), "text/event-stream", {})

    asyncio.run(run())
