"""A stream misses nothing, keeps no queue, shares its reader, and ends when it should."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any, NamedTuple

import pytest
from tests.dashboard.logs import Log, board

from orrery.dashboard.board import Board
from orrery.dashboard.spectator import Spectator
from orrery.dashboard.web.stream import changes
from orrery.graph import Graph, Task
from orrery.journal.memory import MemoryJournal
from orrery.scheduler import events as ev
from orrery.scheduler.events import AnyEvent


class Message(NamedTuple):
    """A server-sent event."""

    event: str
    id: str
    data: Any


class Counting(MemoryJournal):
    """Counts what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = self.reads = 0

    def head(self, run: str) -> int:
        self.heads += 1
        return super().head(run)

    def read(self, run: str, after: int = 0) -> Iterator[tuple[int, AnyEvent]]:
        self.reads += 1
        return super().read(run, after)


@pytest.fixture
def journal() -> Iterator[Counting]:
    found = Counting()
    yield found
    found.close()


async def messages(looked: Board, run: str = "r", after: int = 0) -> AsyncIterator[Message]:
    """The messages of a stream, taken one by one."""
    async with aclosing(changes(looked, run, after)) as parts:  # type: ignore[type-var]
        async for part in parts:
            lines = dict(line.split(": ", 1) for line in part.decode().splitlines() if ": " in line)
            if "event" in lines:
                yield Message(lines["event"], lines.get("id", ""), json.loads(lines["data"]))


async def upcoming(stream: AsyncIterator[Message]) -> Message:
    return await asyncio.wait_for(anext(stream), 10)


def started(journal: MemoryJournal, tasks: int = 3) -> Log:
    return Log(journal, "r", Graph([Task(f"t{n}", "work") for n in range(tasks)]))


def test_first_all_then_what_changes_then_the_end(journal: Counting) -> None:
    async def look() -> None:
        log = started(journal)
        async with aclosing(messages(board(journal))) as stream:  # type: ignore[type-var]
            first = await upcoming(stream)
            assert (first.event, first.id, len(first.data["tasks"])) == ("change", "2", 3)
            log.did("t1", 1.0, 2.0)
            second = await upcoming(stream)
            while second.data["seq"] < 4:
                second = await upcoming(stream)
            assert [row["id"] for row in second.data["tasks"]] == ["t1"]
            log.did("t0", 3.0, 4.0)
            log.did("t2", 5.0, 6.0)
            last = await upcoming(stream)
            while last.data["head"]["state"] != "succeeded":
                last = await upcoming(stream)
            assert (last.id, (await upcoming(stream)).event) == ("9", "ended")

    asyncio.run(look())


def test_who_comes_back_gets_what_is_new_and_at_least_the_head(journal: Counting) -> None:
    async def look() -> None:
        log = started(journal)
        log.did("t1", 1.0, 2.0)
        async with aclosing(messages(board(journal), after=3)) as stream:  # type: ignore[type-var]
            assert [row["id"] for row in (await upcoming(stream)).data["tasks"]] == ["t1"]
        async with aclosing(messages(board(journal), after=4)) as stream:  # type: ignore[type-var]
            again = await upcoming(stream)
            assert (again.data["seq"], again.data.get("tasks")) == (4, None)

    asyncio.run(look())


def test_a_slow_listener_gets_one_change_for_all_that_it_missed(journal: Counting) -> None:
    async def look() -> None:
        log = started(journal)
        looked = board(journal)
        async with aclosing(messages(looked)) as stream:  # type: ignore[type-var]
            await upcoming(stream)
            log.say(ev.TaskStarted(1.0, "t0", 1))
            for n in range(500):
                log.say(ev.TaskProgressed(2.0, "t0", 1, n / 500))
            async with looked.followers.listen("r") as follower:
                while follower.mark is None or follower.mark.seq < 503:
                    await follower.moves(10)
            change = await upcoming(stream)
            assert (change.data["seq"], [row["fraction"] for row in change.data["tasks"]]) == (503, [499 / 500])

    asyncio.run(look())


def test_listeners_share_one_reader_that_asks_little_while_nothing_happens(journal: Counting) -> None:
    async def look() -> None:
        started(journal)
        looked = board(journal)
        async with (
            aclosing(messages(looked)) as one,  # type: ignore[type-var]
            aclosing(messages(looked)) as other,  # type: ignore[type-var]
            looked.followers.listen("r") as follower,
        ):
            assert (await upcoming(one)).data == (await upcoming(other)).data
            assert (follower.listeners, journal.reads) == (3, 1)
            heads = journal.heads
            while journal.heads < heads + 3:
                await follower.moves(0.05)
            assert journal.reads == 1
        task = follower.task
        assert task is not None
        await asyncio.wait({task}, timeout=10)
        assert task.done()

    asyncio.run(look())


def test_a_run_whose_driver_is_gone_is_told_without_an_event(journal: Counting) -> None:
    async def look() -> None:
        log = started(journal)
        async with aclosing(messages(board(journal))) as stream:  # type: ignore[type-var]
            assert (await upcoming(stream)).data["head"]["state"] == "running"
            journal.release(log.lease)
            told = await upcoming(stream)
            assert (told.id, told.data["head"]["state"], told.data["head"]["live"]) == ("2", "interrupted", False)

    asyncio.run(look())


def test_no_such_run(journal: Counting) -> None:
    async def look() -> None:
        found = [message async for message in messages(board(journal), "nothing")]
        assert [(one.event, one.data["code"]) for one in found] == [("gone", "unknown-run")]

    asyncio.run(look())


def test_a_server_that_stops_ends_its_streams(journal: Counting) -> None:
    async def look() -> None:
        started(journal)
        looked = board(journal)
        stream = messages(looked)
        await upcoming(stream)
        waiting = asyncio.ensure_future(anext(stream, None))
        await asyncio.to_thread(looked.followers.close)
        assert await asyncio.wait_for(waiting, 10) is None
        assert [message async for message in messages(looked)] == []

    asyncio.run(look())


def test_a_fault_of_ours_ends_the_stream_and_says_so(journal: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    log = started(journal)

    async def check() -> None:
        stream = messages(board(journal))
        assert (await upcoming(stream)).event == "change"
        monkeypatch.setattr(Spectator, "_settle", lambda *_, **__: 1 / 0)
        log.did("t0", 1.0, 2.0)
        parting = await upcoming(stream)
        assert (parting.event, parting.data["code"]) == ("refused", "internal")
        assert "ZeroDivision" not in parting.data["message"]

    asyncio.run(check())


def test_the_store_is_never_asked_by_the_loop_that_answers_everybody() -> None:
    """A store that another process has locked lets whoever asks wait for half a minute."""
    here = threading.get_ident()

    class Elsewhere(MemoryJournal):
        def head(self, run: str) -> int:
            assert threading.get_ident() != here
            return super().head(run)

    journal = Elsewhere()
    started(journal)

    async def check() -> None:
        stream = messages(board(journal))
        assert (await upcoming(stream)).event == "change"

    asyncio.run(check())
    journal.close()
