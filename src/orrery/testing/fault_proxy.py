"""FaultProxy: a bad network between real sockets. It resets, stalls and swallows, when it is told to."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from urllib.parse import urlsplit


class FaultProxy:
    """A port of loopback that leads to another one, and does to real connections what real networks do.

        async with FaultProxy("ws://127.0.0.1:8765") as proxy:
            dial(proxy.url)
            proxy.half_open()

    Args:
        target: the URL that it stands before; what is not host and port stays as it is.
        delay_s: how long each piece is on its way, in each direction.
    """

    def __init__(self, target: str, *, delay_s: float = 0.0) -> None:
        parts = urlsplit(target)
        if parts.hostname is None or parts.port is None:
            raise ValueError(f"{target!r} names no host and port")
        self._parts, self._host, self._port = parts, parts.hostname, parts.port
        self.delay_s = delay_s
        self.url = ""
        self.passed_bytes = 0
        """In both directions together."""
        self._writers: dict[asyncio.StreamWriter, asyncio.StreamWriter] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._moves = asyncio.Event()
        self._moves.set()
        self._shows = asyncio.Event()
        self._shows.set()
        self._refuses = False

    async def __aenter__(self) -> FaultProxy:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = self._parts._replace(netloc=f"127.0.0.1:{port}").geturl()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        self.heal()
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    def cut(self, *, refuse: bool = False) -> None:
        """Reset every connection; with `refuse`, new ones too until it is healed."""
        self._refuses = self._refuses or refuse
        for writer in list(self._writers):
            writer.transport.abort()

    def stall(self) -> None:
        """Nothing moves until it is healed; then everything arrives."""
        self._moves.clear()

    def half_open(self) -> None:
        """Everything vanishes, and nobody is told, as if a cable were pulled."""
        self._shows.clear()

    def heal(self) -> None:
        """As if nothing had been; connections of which something vanished are reset."""
        if not self._shows.is_set():
            self.cut()
        self._shows.set()
        self._refuses = False
        self._moves.set()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            if self._refuses:
                return
            with suppress(OSError):
                far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
                self._writers |= {writer: far_writer, far_writer: writer}
                try:
                    async with asyncio.TaskGroup() as both:
                        both.create_task(self._pass(reader, far_writer))
                        both.create_task(self._pass(far_reader, writer))
                finally:
                    del self._writers[writer], self._writers[far_writer]
                    far_writer.transport.abort()
        finally:
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(1 << 16):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._moves.wait()
                if self._shows.is_set():
                    self.passed_bytes += len(piece)
                    writer.write(piece)
                    await writer.drain()
            await self._moves.wait()
            if self._shows.is_set():
                writer.write_eof()
                return
        await self._shows.wait()  # while everything vanishes, so does its end
        writer.transport.abort()
