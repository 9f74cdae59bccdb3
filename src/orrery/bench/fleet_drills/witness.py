"""Witness: who is told by every execution how far it is, and can keep it there."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

import msgspec


class _Told(msgspec.Struct, frozen=True):
    task: str
    attempt: int
    key: str
    device: str
    percent: int
    value: str = ""


@dataclass(eq=False)
class Execution:
    """One time that a task was performed.

    Attributes:
        began_at: seconds since the epoch, by the clock of this machine.
        percent: how far it came.
        value: what it was about to return; empty if it did not come to that.
        gone_at: when it was over, one way or the other.
    """

    task: str
    attempt: int
    key: str
    device: str
    began_at: float
    percent: int = 0
    value: str = ""
    gone_at: float | None = None
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class Hold:
    """A place at which the first execution that comes there waits."""

    def __init__(self) -> None:
        self._reached: asyncio.Future[Execution] = asyncio.get_running_loop().create_future()
        self._released = asyncio.Event()

    async def reached(self) -> Execution:
        """The execution, once it is there."""
        return await asyncio.shield(self._reached)

    def let_go(self) -> None:
        """It may go on."""
        self._released.set()

    async def keep(self, execution: Execution) -> None:
        """Return when it may go on."""
        self._reached.set_result(execution)
        await self._released.wait()


class Witness:
    """Listens to executions; an async context manager.

    Attributes:
        address: host and port, for those who tell.
        executions: all of them, in the order in which they began.
    """

    def __init__(self) -> None:
        self.address = ""
        self.executions: list[Execution] = []
        self._holds: dict[tuple[str, int], Hold] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Witness:
        self._server = await asyncio.start_server(self._attend, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def hold(self, task: str, percent: int) -> Hold:
        """Keep the next execution of a task that comes so far."""
        hold = self._holds[task, percent] = Hold()
        return hold

    def of(self, task: str) -> list[Execution]:
        """The executions of one task."""
        return [one for one in self.executions if one.task == task]

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attending = asyncio.current_task()
        assert attending is not None
        self._tasks.add(attending)
        attending.add_done_callback(self._tasks.discard)
        listening = asyncio.create_task(self._listen(reader, writer))
        try:
            await listening
        finally:
            listening.cancel()
            writer.close()

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        execution: Execution | None = None
        keeping: asyncio.Task[None] | None = None
        with suppress(ConnectionError):
            try:
                while line := await reader.readline():
                    told = msgspec.json.decode(line, type=_Told)
                    if execution is None:
                        execution = Execution(told.task, told.attempt, told.key, told.device, time.time())
                        self.executions.append(execution)
                    execution.percent, execution.value = told.percent, told.value
                    hold = self._holds.pop((told.task, told.percent), None)
                    keeping = asyncio.create_task(_answer(hold, execution, writer))
            finally:
                if keeping is not None:
                    keeping.cancel()
                    await asyncio.gather(keeping, return_exceptions=True)
                if execution is not None:
                    execution.gone_at = time.time()
                    execution.gone.set()


async def _answer(hold: Hold | None, execution: Execution, writer: asyncio.StreamWriter) -> None:
    """Let an execution go on, now or when its hold says so."""
    if hold is not None:
        await hold.keep(execution)
    with suppress(ConnectionError):
        writer.write(b"go on\n")
        await writer.drain()


__all__ = ["Execution", "Hold", "Witness"]
