"""The conformance suite of transports: what every way of moving messages must do, as tests that a transport inherits.

    class TestMyTransport(TransportConformance):
        def transport(self) -> Transport:
            return MyTransport()

        def url(self) -> str:
            return "mine://127.0.0.1:0"

Needs pytest: `pip install 'orrery[testing]' pytest`.
"""

from __future__ import annotations

import abc
import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest

from orrery.errors import ConnectionLostError, MessageTooLargeError, TransportUrlError
from orrery.fleet.transports.protocol import Accepted, Connection, Listener, Transport

WITHIN_S = 10.0
"""How long a test may take before it fails."""
MAX_BYTES = 4_000_000
QUIET_S = 0.2
"""Who has not moved for so long is waiting."""
LARGE = random.Random(4).randbytes(250_000)  # noqa: S311 - test data
"""A message that no medium makes smaller."""

Story = Callable[["Meeting"], Coroutine[Any, Any, None]]


class Meeting:
    """A listener, and everybody who came to it."""

    def __init__(self, dialling: Transport, max_bytes: int = MAX_BYTES) -> None:
        self.listener: Listener
        self._dialling, self._max_bytes = dialling, max_bytes
        self._came: asyncio.Queue[Connection] = asyncio.Queue()
        self._over = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it is."""
        return self.listener.url

    async def accepted(self, connection: Connection) -> None:
        """Take somebody in, until the meeting is over."""
        self._came.put_nowait(connection)
        await self._over.wait()

    async def dial(self) -> Connection:
        """One end of a connection, that of who dialled."""
        return await self._dialling.dial(self.url, max_bytes=self._max_bytes)

    async def pair(self) -> tuple[Connection, Connection]:
        """Both ends of a new connection: of who dialled, and of who listens."""
        dialled = await self.dial()
        return dialled, await self._came.get()

    async def next_guest(self) -> Connection:
        """The next end that the listener takes in."""
        return await self._came.get()

    async def fresh(self) -> tuple[Connection, Connection]:
        """A new pair, where others may have come and gone that nobody dialled in the end."""
        dialled = await self.dial()
        await dialled.send(b"it is me")
        while True:
            taken = await self._came.get()
            try:
                if await taken.receive() == b"it is me":
                    return dialled, taken
            except ConnectionLostError:
                continue

    def end(self) -> None:
        """Let everybody go who was taken in."""
        self._over.set()


class Pourer:
    """Sends a message again and again, and counts."""

    def __init__(self, connection: Connection, message: bytes, times: int) -> None:
        self.sent = 0
        self.task = asyncio.ensure_future(self._pour(connection, message, times))

    async def stuck(self) -> int:
        """Wait until it does not get on any more, or is through: how many it has sent."""
        before = -1
        while before != self.sent and not self.task.done():
            before = self.sent
            await asyncio.wait([self.task], timeout=QUIET_S)
        return self.sent

    async def _pour(self, connection: Connection, message: bytes, times: int) -> None:
        for _ in range(times):
            await connection.send(message)
            self.sent += 1


async def settled() -> None:
    """Wait until nothing goes on but what asks. Raises AssertionError with what does not end."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        _, left = await asyncio.wait(others, timeout=WITHIN_S / 2)
        assert not left, f"still there after the end: {left}"


async def drained(connection: Connection) -> list[bytes]:
    """All that arrives until the connection ends."""
    arrived: list[bytes] = []
    try:
        while True:
            arrived.append(await connection.receive())
    except ConnectionLostError:
        return arrived


async def assert_lost(connection: Connection) -> None:
    """It must say soon that there is nobody any more; a few messages may seem to go out before."""
    with pytest.raises((ConnectionLostError, MessageTooLargeError)):
        await connection.receive()
    with pytest.raises(ConnectionLostError):
        await _sending_on(connection)


async def _sending_on(connection: Connection) -> None:
    while True:
        await connection.send(b"anybody there?")
        await asyncio.sleep(0)


async def assert_talks(one: Connection, other: Connection) -> None:
    """A message goes each way."""
    for sender, reader in ((one, other), (other, one)):
        await sender.send(b"hello")
        assert await reader.receive() == b"hello"


class TransportConformance(abc.ABC):
    """Inherit it, say how your transport is made and where it listens, and every test must pass."""

    keeps_order: ClassVar[bool] = True
    """Whether messages of one connection arrive in order; if not, they must still all arrive where nothing fails."""
    room_bytes: ClassVar[int] = 32_000_000
    """The most that may be on its way to somebody who does not read."""

    @abc.abstractmethod
    def transport(self) -> Transport:
        """The transport of who listens."""

    @abc.abstractmethod
    def url(self) -> str:
        """Where to listen: a place that is free, or is chosen then (port 0)."""

    def dialling(self) -> Transport:
        """The transport of who dials, if it is made in another way."""
        return self.transport()

    def run(self, story: Story, *, max_bytes: int = MAX_BYTES) -> None:
        """Play a story with a new listener; it must end in time, and leave no task behind."""

        async def play() -> None:
            async with asyncio.timeout(WITHIN_S):
                async with self.meeting(max_bytes) as meeting:
                    await story(meeting)
                await settled()

        asyncio.run(play())

    @asynccontextmanager
    async def meeting(self, max_bytes: int = MAX_BYTES) -> AsyncIterator[Meeting]:
        """A listener, closed at the end."""
        meeting = Meeting(self.dialling(), max_bytes)
        meeting.listener = await self.listen(meeting.accepted, max_bytes)
        try:
            yield meeting
        finally:
            meeting.end()
            await meeting.listener.close()

    async def listen(self, accepted: Accepted, max_bytes: int = MAX_BYTES) -> Listener:
        """A listener that the caller closes."""
        return await self.transport().listen(self.url(), accepted, max_bytes=max_bytes)

    # Messages

    def test_messages_of_any_size_arrive_unchanged(self) -> None:
        async def story(meeting: Meeting) -> None:
            dialled, taken = await meeting.pair()
            chance = random.Random(4)  # noqa: S311 - test data
            for size in (0, 1, 2, 125, 126, 65_535, 65_536, 100_000, 1_000_000):
                message = chance.randbytes(size)
                for sender, reader in ((dialled, taken), (taken, dialled)):
                    await sender.send(message)
                    assert await reader.receive() == message

        self.run(story)

    def test_messages_are_neither_joined_nor_lost_and_keep_their_order(self) -> None:
        async def story(meeting: Meeting) -> None:
            dialled, taken = await meeting.pair()
            sent = [b"%d " % number * (number % 50) for number in range(300)]

            async def send() -> None:
                for message in sent:
                    await dialled.send(message)

            sending = asyncio.ensure_future(send())
            arrived = [await taken.receive() for _ in sent]
            await sending
            assert (arrived if self.keeps_order else sorted(arrived)) == (sent if self.keeps_order else sorted(sent))

        self.run(story)

    def test_both_ends_may_talk_at_once(self) -> None:
        async def story(meeting: Meeting) -> None:
            ends = await meeting.pair()

            async def talk(end: Connection) -> int:
                pourer = Pourer(end, b"x" * 1000, 100)
                heard = [await end.receive() for _ in range(100)]
                await pourer.task
                return sum(map(len, heard))

            assert await asyncio.gather(*map(talk, ends)) == [100_000, 100_000]

        self.run(story)

    def test_both_ends_write_frames_alike_and_say_who_the_other_is(self) -> None:
        async def story(meeting: Meeting) -> None:
            dialled, taken = await meeting.pair()
            assert dialled.form == taken.form
            assert dialled.form in ("json", "msgpack")
            assert dialled.peer
            assert taken.peer

        self.run(story)

    def test_many_connections_do_not_disturb_each_other(self) -> None:
        async def story(meeting: Meeting) -> None:
            pairs = [await meeting.pair() for _ in range(30)]

            async def talk(number: int, one: Connection, other: Connection) -> None:
                for turn in range(10):
                    await one.send(b"%d/%d" % (number, turn))
                    assert await other.receive() == b"%d/%d" % (number, turn)

            await asyncio.gather(*(talk(number, *pair) for number, pair in enumerate(pairs)))

        self.run(story)

    # Too large

    def test_a_message_that_is_too_large_is_refused_and_nobody_else_notices(self) -> None:
        async def story(meeting: Meeting) -> None:
            one, other = await meeting.pair(), await meeting.pair()
            await one[0].send(b"x" * 10_000)
            assert len(await one[1].receive()) == 10_000
            await one[0].send(b"x" * 10_001)
            with pytest.raises(MessageTooLargeError):
                await one[1].receive()
            for end in one:
                await assert_lost(end)
            await assert_talks(*other)
            await assert_talks(*await meeting.pair())

        self.run(story, max_bytes=10_000)

    def test_one_who_dialled_refuses_what_is_too_large_as_well(self) -> None:
        async def story(meeting: Meeting) -> None:
            dialled, taken = await meeting.pair()
            await taken.send(b"x" * 10_001)
            with pytest.raises(MessageTooLargeError):
                await dialled.receive()
            await assert_lost(taken)

        self.run(story, max_bytes=10_000)

    def test_more_may_be_allowed_later(self) -> None:
        async def story(meeting: Meeting) -> None:
            dialled, taken = await meeting.pair()
            await dialled.send(b"hello")
            assert await taken.receive() == b"hello"
            taken.max_bytes = 1_000_000
            await dialled.send(b"x" * 1_000_000)
            assert len(await taken.receive()) == 1_000_000

        self.run(story, max_bytes=1_000)

    # Back-pressure and cancellation

    def test_one_who_does_not_read_makes_the_other_wait(self) -> None:
        async def story(meeting: Meeting) -> None:
            times = 2 * self.room_bytes // len(LARGE)
            dialled, taken = await meeting.pair()
            beside = await meeting.pair()
            pourer = Pourer(dialled, LARGE, times)
            sent = await pourer.stuck()
            assert 0 < sent * len(LARGE) <= self.room_bytes, "send does not wait for a reader"
            await assert_talks(*beside)
            for _ in range(times):
                assert await taken.receive() == LARGE
            await pourer.task
            await assert_talks(dialled, taken)

        self.run(story)

    def test_closing_does_not_wait_for_one_who_does_not_read(self) -> None:
        async def story(meeting: Meeting) -> None:
            dialled, taken = await meeting.pair()
            pourer = Pourer(dialled, LARGE, self.room_bytes // len(LARGE))
            await pourer.stuck()
            await dialled.close()
            await asyncio.wait([pourer.task])
            assert pourer.task.done()
            assert isinstance(pourer.task.exception(), ConnectionLostError)
            assert set(await drained(taken)) <= {LARGE}

        self.run(story)

    def test_a_receive_that_is_given_up_loses_nothing(self) -> None:
        async def story(meeting: Meeting) -> None:
            dialled, taken = await meeting.pair()
            chance = random.Random(4)  # noqa: S311 - test data
            sent = [b"%d" % number for number in range(100)]
            arrived: list[bytes] = []

            async def read() -> None:
                arrived.append(await taken.receive())

            async def send() -> None:
                for message in sent:
                    await dialled.send(message)
                    for _ in range(chance.randrange(4)):
                        await asyncio.sleep(0)

            sending = asyncio.ensure_future(send())
            while len(arrived) < len(sent):
                reading = asyncio.ensure_future(read())
                for _ in range(chance.randrange(8)):
                    await asyncio.sleep(0)
                if chance.random() < 0.5:
                    reading.cancel()
                await asyncio.wait([reading])
            await sending
            assert sorted(arrived) == sorted(sent)

        self.run(story)

    def test_a_send_that_is_given_up_leaves_no_half_message(self) -> None:
        async def story(meeting: Meeting) -> None:
            dialled, taken = await meeting.pair()
            pourer = Pourer(dialled, LARGE, 2 * self.room_bytes // len(LARGE))
            await pourer.stuck()
            pourer.task.cancel()
            await asyncio.wait([pourer.task])

            async def last() -> None:
                try:
                    await dialled.send(b"last")
                except ConnectionLostError:
                    await dialled.close()

            sending = asyncio.ensure_future(last())
            arrived: list[bytes] = []
            while not arrived or arrived[-1] != b"last":
                try:
                    arrived.append(await taken.receive())
                except ConnectionLostError:
                    break
            await sending
            assert set(arrived) <= {LARGE, b"last"}

        self.run(story)

    # The end

    def test_what_was_sent_before_the_end_arrives_and_then_the_end_is_told(self) -> None:
        async def story(meeting: Meeting) -> None:
            for closes, stays in (await meeting.pair(), (await meeting.pair())[::-1]):
                for number in range(5):
                    await closes.send(b"%d" % number)
                await closes.close("that was all")
                assert await drained(stays) == [b"0", b"1", b"2", b"3", b"4"]
                await assert_lost(stays)

        self.run(story)

    def test_the_end_wakes_whoever_waits(self) -> None:
        async def story(meeting: Meeting) -> None:
            dialled, taken = await meeting.pair()
            waiting = [asyncio.ensure_future(end.receive()) for end in (dialled, taken)]
            await asyncio.sleep(0)
            await dialled.close()
            for end in await asyncio.gather(*waiting, return_exceptions=True):
                assert isinstance(end, ConnectionLostError)

        self.run(story)

    def test_closing_again_does_nothing_and_a_closed_end_says_so(self) -> None:
        async def story(meeting: Meeting) -> None:
            for end in await meeting.pair():
                await end.close("enough")
                await end.close()
                with pytest.raises(ConnectionLostError):
                    await end.send(b"x")
                with pytest.raises(ConnectionLostError):
                    await end.receive()

        self.run(story)

    def test_a_connection_ends_with_who_took_it(self) -> None:
        async def story() -> None:
            async def accepted(connection: Connection) -> None:
                if await connection.receive() == b"fail":
                    raise ConnectionLostError("as if by itself")

            listener = await self.listen(accepted)
            for word in (b"go", b"fail"):
                connection = await self.dialling().dial(listener.url, max_bytes=MAX_BYTES)
                await connection.send(word)
                await assert_lost(connection)
                await connection.close()
            await listener.close()

        asyncio.run(asyncio.wait_for(story(), WITHIN_S))

    def test_a_listener_that_closes_ends_its_connections_and_is_not_found_again(self) -> None:
        async def story(meeting: Meeting) -> None:
            pairs = [await meeting.pair() for _ in range(3)]
            meeting.end()
            await meeting.listener.close()
            await meeting.listener.close()
            for dialled, taken in pairs:
                await assert_lost(dialled)
                await assert_lost(taken)
                await dialled.close()
            with pytest.raises(ConnectionLostError):
                await meeting.dial()

        self.run(story)

    # Dialling

    def test_dialling_may_be_given_up_at_any_moment(self) -> None:
        async def story(meeting: Meeting) -> None:
            for turns in (0, 1, 2, 3, 5, 8, 13, 30):
                dialling = asyncio.ensure_future(meeting.dial())
                for _ in range(turns):
                    await asyncio.sleep(0)
                dialling.cancel()
                await asyncio.wait([dialling])
                if not dialling.cancelled():
                    await dialling.result().close()
            await assert_talks(*await meeting.fresh())

        self.run(story)

    def test_who_gives_up_dialling_when_taken_in_already_is_gone(self) -> None:
        async def story(meeting: Meeting) -> None:
            dialling = asyncio.ensure_future(meeting.dial())
            taken = await meeting.next_guest()
            dialling.cancel()
            await asyncio.wait([dialling])
            if not dialling.cancelled():
                await dialling.result().close()
            await assert_lost(taken)

        self.run(story)

    def test_a_listener_may_close_while_somebody_dials(self) -> None:
        async def story(meeting: Meeting) -> None:
            dialling = [asyncio.ensure_future(meeting.dial()) for _ in range(5)]
            await asyncio.sleep(0)
            meeting.end()
            await meeting.listener.close()
            for end in await asyncio.gather(*dialling, return_exceptions=True):
                if isinstance(end, BaseException):
                    assert isinstance(end, ConnectionLostError)
                else:
                    await assert_lost(end)
                    await end.close()

        self.run(story)

    def test_what_is_no_url_is_refused_and_a_secret_in_one_is_not_repeated(self) -> None:
        async def story(meeting: Meeting) -> None:
            transport, scheme = self.dialling(), meeting.url.partition(":")[0]
            for url in ("", "nonsense", "nonsense://host:1", f"{scheme}://me:s3cret@x:1", f"{scheme}://x:1?t=s3cret"):
                with pytest.raises(TransportUrlError) as dialled:
                    await transport.dial(url, max_bytes=MAX_BYTES)
                with pytest.raises(TransportUrlError) as listened:
                    await self.transport().listen(url, meeting.accepted, max_bytes=MAX_BYTES)
                assert "s3cret" not in f"{dialled.value} {listened.value}"

        self.run(story)
