"""Links and diallers, over real connections: what is posted arrives, whatever happens to the connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import msgspec
import pytest

from orrery.errors import (
    ConnectionLostError,
    HubRefusedError,
    MessageTooLargeError,
    OrreryError,
    ProtocolError,
    TransportUrlError,
)
from orrery.fleet.codec import MAX_FRAMES, decode, encode
from orrery.fleet.dialler import Dialler
from orrery.fleet.link import Link, messages
from orrery.fleet.messages import (
    Ack,
    AnyFrame,
    Artifact,
    Assign,
    Error,
    Frame,
    Hello,
    Ping,
    Progress,
    Result,
    Welcome,
)
from orrery.fleet.session import Session, SessionSettings
from orrery.fleet.transports.protocol import Connection, Listener
from orrery.fleet.transports.registry import transport_for
from orrery.graph import values

WITHIN_S = 10.0
URLS = pytest.mark.parametrize("url", ["memory:", "ws://127.0.0.1:0"])


def within(story: Coroutine[Any, Any, None]) -> None:
    """Run a story that must end in time, and leave no task behind."""

    async def bounded() -> None:
        async with asyncio.timeout(WITHIN_S):
            await story
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:  # a server of WebSockets is a turn late
            _, others = await asyncio.wait(others, timeout=1)
        assert not others, f"tasks were left behind: {others}"

    asyncio.run(bounded())


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that has no event of its own."""
    async with asyncio.timeout(WITHIN_S):
        while not true():  # noqa: ASYNC110 - what is waited for is in other hands
            await asyncio.sleep(0.002)


class Hub:
    """As much of a hub as a link needs: it lets everybody in, keeps sessions, and answers an Assign by a Result."""

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}
        self.sessions = 0
        self.got: list[AnyFrame] = []
        self.heard: list[float | None] = []
        self.ended: list[BaseException] = []
        self.connections: list[Connection] = []
        self.refuse: Error | None = None
        self.heartbeat_s = 5.0
        self.listener: Listener | None = None

    async def open(self, url: str) -> str:
        self.listener = await transport_for(url).listen(url, self.accepted, max_bytes=100_000)
        return self.listener.url

    async def close(self) -> None:
        if self.listener is not None:
            await self.listener.close()

    async def accepted(self, connection: Connection) -> None:
        self.connections.append(connection)
        hello, *arrived = decode(await connection.receive(), connection.form)
        assert isinstance(hello, Hello)
        if self.refuse is not None:
            await connection.send(encode([self.refuse], connection.form))
            return
        link = self.links.get(hello.session)
        resumed = link is not None
        if link is None:
            self.sessions += 1
            session = Session(f"s{self.sessions}", SessionSettings(resend_s=0.5))
            link = Link(session, on_frame=self.on_frame, on_heard=self.heard.append, hub_clock=time.time)
            self.links[session.id] = link
        else:
            link.session.resume(hello.received, link.clock())
        welcome = Welcome(
            version=1,
            session=link.session.id,
            principal="pi",
            resumed=resumed,
            received=link.session.received,
            now=time.time(),
            heartbeat_s=self.heartbeat_s,
            max_frame_bytes=100_000,
        )
        try:
            await link.run(connection, first=[welcome], arrived=arrived)
        except OrreryError as error:
            self.ended.append(error)

    def on_frame(self, frame: AnyFrame) -> None:
        self.got.append(frame)
        if isinstance(frame, Assign):
            for link in self.links.values():
                link.post(Result(work=frame.work, status="succeeded"))


class Device:
    """A dialler and what came of it."""

    def __init__(self, url: str, **options: Any) -> None:
        self.got: list[AnyFrame] = []
        self.welcomes: list[Welcome] = []
        self.downs: list[str] = []
        self.dialler = Dialler(
            url,
            lambda: Hello(token="device.secret"),
            on_welcome=self.welcomes.append,
            on_frame=self.got.append,
            on_down=self.downs.append,
            **options,
        )
        self.task = asyncio.create_task(self.dialler.run())

    async def close(self) -> None:
        await self.dialler.close()
        await asyncio.gather(self.task, return_exceptions=True)


@asynccontextmanager
async def fleet(url: str, **options: Any) -> AsyncIterator[tuple[Hub, Device]]:
    """A hub and a device that it has welcomed."""
    hub = Hub()
    device = Device(await hub.open(url), chance=Random(1), **options)
    try:
        await until(lambda: device.dialler.is_up)
        yield hub, device
    finally:
        await device.close()
        await hub.close()


class Wire:
    """A connection in the test's hands."""

    peer, form, max_bytes = "the test", "msgpack", 100_000

    def __init__(self) -> None:
        self.sent: list[list[Any]] = []
        self.coming: asyncio.Queue[bytes] = asyncio.Queue()
        self.closed: str | None = None
        self.is_stuck = False

    async def send(self, message: bytes) -> None:
        if self.is_stuck:
            await asyncio.get_running_loop().create_future()
        self.sent.append(list(decode(message, self.form)))

    async def receive(self) -> bytes:
        return await self.coming.get()

    async def close(self, because: str = "") -> None:
        self.closed = because

    def says(self, *frames: Frame) -> None:
        self.coming.put_nowait(encode(frames, self.form))

    @property
    def frames(self) -> list[Any]:
        return [frame for message in self.sent for frame in message]


@asynccontextmanager
async def wired(
    link: Link, first: tuple[Frame, ...] = (), *, expect: type[BaseException] = asyncio.CancelledError
) -> AsyncIterator[Wire]:
    """A link that runs on a Wire, until the block ends, or until it raises what is expected."""
    wire = Wire()
    task = asyncio.create_task(link.run(wire, first=first))
    await until(lambda: link.is_up)
    try:
        yield wire
        if expect is not asyncio.CancelledError:
            with pytest.raises(expect):
                await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert wire.closed is not None


def ignore(frame: AnyFrame) -> None:
    """Take a frame and do nothing."""


def a_link(on_frame: Callable[[AnyFrame], None] = ignore, **options: Any) -> Link:
    return Link(Session("s", SessionSettings(ack_s=0.01, resend_s=0.05)), on_frame=on_frame, **options)


# -- a link ---------------------------------------------------------------------------------------------------


def test_what_is_posted_in_one_turn_goes_in_one_message() -> None:
    async def story() -> None:
        link = a_link()
        async with wired(link) as wire:
            await until(lambda: wire.sent != [])  # the first Ping
            for n in range(5):
                link.post(Progress(work=str(n)))
            await until(lambda: len(wire.sent) >= 2)
            assert [frame.work for frame in wire.sent[1]] == list("01234")

    within(story())


def test_the_acknowledgement_goes_with_the_answer() -> None:
    async def story() -> None:
        link = a_link(lambda frame: link.post(Progress(work="answer")))
        async with wired(link) as wire:
            wire.says(Progress(seq=1, work="question"))
            await until(lambda: len(wire.frames) >= 3)
            assert wire.frames[1:] == [Progress(seq=1, work="answer"), Ack(received=1)]
            assert wire.sent[-1] == wire.frames[1:]

    within(story())


@pytest.mark.parametrize("form", ["json", "msgpack"])
def test_messages_stay_below_what_the_other_end_takes_in(form: str) -> None:
    frames = [Artifact(step="chunk", stream="s", offset=n, data=b"x" * 500) for n in range(50)]
    whole = list(messages(frames, form, 4_000))
    assert len(whole) > 1
    assert max(map(len, whole)) <= 4_000
    assert [frame for message in whole for frame in decode(message, form)] == frames
    alone = [Artifact(step="chunk", stream="s", data=b"x" * 5_000)]
    assert len(list(messages(alone, form, 4_000))) == 1
    many = [Ping(id=n) for n in range(2 * MAX_FRAMES + 1)]
    assert [frame for message in messages(many, form, 4_000_000) for frame in decode(message, form)] == many


@pytest.mark.parametrize(("text", "fits"), [(b"x" * 700, True), (b"x" * 990, False), (b"\0" * 300, False)])
def test_a_frame_that_the_other_end_would_not_take_is_not_posted(text: bytes, fits: bool) -> None:
    link = a_link(max_bytes=1_000)  # it is not known yet whether it will be JSON, in which \0 takes six bytes
    result = Result(work="w", status="succeeded", value=values.encode(text.decode()))
    if fits:
        link.post(result)
    else:
        with pytest.raises(MessageTooLargeError, match="as a blob"):
            link.post(result)
    assert link.session.sent == fits


def test_unknown_types_are_answered_and_counted() -> None:
    async def story() -> None:
        got: list[AnyFrame] = []
        link = a_link(got.append)
        async with wired(link) as wire:
            wire.coming.put_nowait(msgspec.msgpack.encode([{"type": "dance", "seq": 1}, {"type": "sing"}]))
            wire.says(Progress(seq=2, work="a"))
            await until(lambda: Ack(received=2) in wire.frames)
            errors = [frame for frame in wire.frames if isinstance(frame, Error)]
            assert [(e.error, e.retryable, e.about) for e in errors] == [
                ("unknown-type", True, "1"),
                ("unknown-type", True, ""),
            ]
            assert got == [Progress(seq=2, work="a")]

    within(story())


@pytest.mark.parametrize(
    "message",
    [b"\xc1", encode([Ack(received=9)], "msgpack"), encode([Hello(token="t")], "msgpack")],
    ids=["garbage", "an acknowledgement of nothing", "a second hello"],
)
def test_what_is_against_the_protocol_is_answered_and_ends_the_connection(message: bytes) -> None:
    async def story() -> None:
        async with wired(a_link(), expect=ProtocolError) as wire:
            wire.coming.put_nowait(message)
            await until(lambda: wire.closed is not None)
            assert [type(frame) for frame in wire.sent[-1]] == [Error]
            assert wire.sent[-1][0].error == "malformed"

    within(story())


def test_a_connection_on_which_nothing_arrives_is_lost() -> None:
    async def story() -> None:
        began_at = time.monotonic()
        async with wired(a_link(ping_s=0.05, silence_s=0.25), expect=ConnectionLostError) as wire:
            await until(lambda: wire.closed is not None)
            assert 0.25 <= time.monotonic() - began_at < 2
            assert len([frame for frame in wire.frames if isinstance(frame, Ping)]) >= 3

    within(story())


def test_a_connection_that_takes_nothing_is_lost_too() -> None:
    async def story() -> None:
        link = a_link(ping_s=0.05, silence_s=0.25)
        async with wired(link, expect=ConnectionLostError) as wire:
            wire.is_stuck = True
            link.post(Progress(work="a"))
            await until(lambda: wire.closed is not None)

    within(story())


def test_nothing_is_pinged_while_acknowledgements_answer() -> None:
    async def story() -> None:
        now = 0.0  # a clock of our own: a machine that is busy for 0.2 s would be a reason to ping
        link = a_link(ping_s=0.2, clock=lambda: now)
        async with wired(link) as wire:
            while now < 0.6:
                now += 0.01
                link.post(Progress(work="a"))
                await until(lambda: not link.session.due() or wire.frames[-1].seq == link.session.sent)
                wire.says(Ack(received=link.session.sent))
                await until(lambda: link.session.acknowledged == link.session.sent)
                await asyncio.sleep(0.01)
            assert [frame.id for frame in wire.frames if isinstance(frame, Ping)] == [1]
            assert link.answered_at is not None
            assert now - link.answered_at < 0.2

    within(story())


def test_a_ping_is_answered_with_the_hubs_clock_and_measures_the_way() -> None:
    async def story() -> None:
        heard: list[float | None] = []
        link = a_link(hub_clock=lambda: 1234.5, on_heard=heard.append)
        async with wired(link) as wire:
            wire.says(Ping(id=7))
            await until(lambda: len(wire.frames) == 2)
            assert wire.frames == [Ping(id=1), Ping(id=7, answer=True, at=1234.5)]
            assert link.answered_at is None
            wire.says(Ping(id=1, answer=True))
            wire.says(Ping(id=1, answer=True))
            await until(lambda: len(heard) == 3)
            assert heard[0] is None
            assert heard[1] is not None
            assert 0 < heard[1] < 5
            assert heard[2] is None  # nobody asked a second time
            assert link.answered_at is not None

    within(story())


def test_what_gets_lost_is_sent_again_on_the_same_connection() -> None:
    async def story() -> None:
        link = a_link()
        async with wired(link) as wire:
            link.post(Progress(work="a"))
            await until(lambda: wire.frames.count(Progress(seq=1, work="a")) == 3)
            wire.says(Ack(received=1))
            await link.settled()

    within(story())


def test_a_new_connection_begins_with_what_is_unacknowledged() -> None:
    async def story() -> None:
        link = a_link()
        link.post(Ping(id=9))  # belongs to no connection: dropped
        for text in "abc":
            link.post(Progress(work=text))
        link.session.receive(Ack(received=1), 0)
        welcome = Welcome(version=1, session="s", principal="pi")
        async with wired(link, (welcome,)) as wire:
            await until(lambda: wire.sent != [])
            assert wire.sent[0][:3] == [welcome, Progress(seq=2, work="b"), Progress(seq=3, work="c")]
            assert Ping(id=9) not in wire.frames

    within(story())


def test_a_later_connection_takes_the_place_of_an_earlier_one() -> None:
    async def story() -> None:
        link = a_link()
        async with wired(link, expect=ConnectionLostError) as earlier, wired(link) as later:
            await until(lambda: earlier.closed is not None)
            assert "took the place" in str(earlier.closed)
            link.post(Progress(work="a"))
            await until(lambda: Progress(seq=1, work="a") in later.frames)

    within(story())


def test_there_is_room_again_once_frames_are_acknowledged() -> None:
    async def story() -> None:
        link = Link(Session("s", SessionSettings(kept_frames=2)), on_frame=ignore)
        async with wired(link) as wire:
            await link.room()
            link.post(Progress(work="a"))
            link.post(Progress(work="b"))
            waiting, settling = asyncio.create_task(link.room()), asyncio.create_task(link.settled())
            await until(lambda: any(frame.seq == 2 for frame in wire.frames))
            assert not waiting.done()
            wire.says(Ack(received=1))
            await waiting
            assert not settling.done()
            wire.says(Ack(received=2))
            await settling

    within(story())


def test_an_error_that_is_final_ends_the_connection() -> None:
    async def story() -> None:
        for code, kind in (("revoked", HubRefusedError), ("too-slow", ConnectionLostError)):
            got: list[AnyFrame] = []
            async with wired(a_link(got.append), expect=kind) as wire:
                wire.says(Error(error="hiccup", retryable=True))
                wire.says(Error(error=code, message="so it is"))
                await until(lambda: wire.closed is not None)
                assert "so it is" in str(wire.closed)
                assert [type(frame) for frame in got] == [Error, Error]

    within(story())


def test_the_last_word_is_said_before_the_end() -> None:
    async def story() -> None:
        link = a_link()
        async with wired(link, expect=ConnectionLostError) as wire:
            link.end(ConnectionLostError("it is revoked"), Error(error="revoked"))
            await until(lambda: wire.closed is not None)
            assert wire.sent[-1] == [Error(error="revoked")]

    within(story())


def test_an_error_of_ours_is_not_swallowed() -> None:
    async def story() -> None:
        def fail(frame: AnyFrame) -> None:
            raise ZeroDivisionError

        async with wired(a_link(fail), expect=ZeroDivisionError) as wire:
            wire.says(Progress(seq=1, work="a"))
            await until(lambda: wire.closed is not None)

    within(story())


# -- a dialler ------------------------------------------------------------------------------------------------


@URLS
def test_a_conversation_over_connections_that_are_cut_loses_and_repeats_nothing(url: str) -> None:
    async def story() -> None:
        async with fleet(url) as (hub, device):
            for n in range(400):
                device.dialler.post(Assign(work=str(n), key="k", run="r", task="t", attempt=1, op="f"))
                if n % 100 == 50:
                    await until(lambda: device.dialler.is_up)
                    await hub.connections[-1].close("a cut")
                if n % 10 == 0:
                    await asyncio.sleep(0)
            await until(lambda: len(device.got) >= 400)
            await device.dialler.settled()
            assert [frame.work for frame in hub.got if isinstance(frame, Assign)] == [str(n) for n in range(400)]
            assert [frame.work for frame in device.got if isinstance(frame, Result)] == [str(n) for n in range(400)]
            assert len(hub.connections) >= 4
            assert [welcome.resumed for welcome in device.welcomes] == [False] + [True] * (len(device.welcomes) - 1)
            assert hub.sessions == 1
            assert any("a cut" in because for because in device.downs)

    within(story())


@URLS
def test_it_knows_the_hubs_clock(url: str) -> None:
    async def story() -> None:
        async with fleet(url) as (hub, device):
            await until(lambda: None not in (hub.heard or [None]) or len(hub.heard) > 1)
            now = device.dialler.hub_now()
            assert now is not None
            assert abs(now - time.time()) < 0.5
            assert device.dialler.answered_at is not None

    within(story())


def test_a_hub_that_forgot_the_session_begins_a_new_one() -> None:
    async def story() -> None:
        async with fleet("memory:") as (hub, device):
            hub.links.clear()
            device.dialler.post(Progress(work="before"))
            await hub.connections[-1].close()
            await until(lambda: len(device.welcomes) == 2)
            assert [(w.session, w.resumed) for w in device.welcomes] == [("s1", False), ("s2", False)]
            device.dialler.post(Progress(work="after"))
            await device.dialler.settled()
            assert Progress(seq=1, work="after") in hub.got

    within(story())


def test_a_session_that_cannot_go_on_is_begun_anew() -> None:
    async def story() -> None:
        async with fleet("memory:") as (hub, device):
            hub.links["s1"].session.received = 7  # it says it got what was never sent
            await hub.connections[-1].close()
            await until(lambda: len(device.welcomes) == 2)
            assert any("frame 7 is acknowledged" in because for because in device.downs)
            assert device.welcomes[1].session == "s2"

    within(story())


def test_a_session_in_which_a_frame_is_refused_over_and_over_is_begun_anew() -> None:
    async def story() -> None:
        async with fleet("memory:") as (hub, device):
            await until(lambda: hub.heard != [])
            await hub.connections[-1].send(b"\xc1")
            await until(lambda: len(device.welcomes) == 2)
            assert device.welcomes[1].resumed  # once may be an accident of the way
            await until(lambda: device.dialler.is_up)
            await hub.connections[-1].send(b"\xc1")
            await until(lambda: len(device.welcomes) == 3)
            assert device.welcomes[2].session == "s2"
            hub.links["s2"].end(ConnectionLostError("no"), Error(error="malformed", message="it is odd"))
            await until(lambda: len(device.welcomes) == 4)
            assert device.welcomes[3].resumed
            hub.links["s2"].end(ConnectionLostError("no"), Error(error="malformed", message="it is odd"))
            await until(lambda: len(device.welcomes) == 5)
            assert device.welcomes[4].session == "s3"

    within(story())


@pytest.mark.parametrize("code", ["token", "revoked", "version"])
def test_a_hub_that_refuses_is_not_asked_again(code: str) -> None:
    async def story() -> None:
        hub = Hub()
        hub.refuse = Error(error=code, message="no such token")
        device = Device(await hub.open("memory:"))
        with pytest.raises(HubRefusedError, match="no such token"):
            await device.task
        assert len(hub.connections) == 1
        await hub.close()

    within(story())


def test_a_hub_that_is_busy_is_asked_again() -> None:
    async def story() -> None:
        hub = Hub()
        hub.refuse = Error(error="too-many", message="come back later", retry_after_s=0.2)
        device = Device(await hub.open("memory:"))
        began_at = time.monotonic()
        await until(lambda: len(device.downs) >= 3)
        assert time.monotonic() - began_at >= 0.4
        assert "come back later" in device.downs[0]
        hub.refuse = None
        await until(lambda: device.dialler.is_up)
        await device.close()
        await hub.close()

    within(story())


@pytest.mark.parametrize("answer", [b"\xc1", encode([Ping(id=1)], "msgpack"), encode([], "msgpack")], ids=repr)
def test_an_odd_answer_to_hello_is_no_welcome(answer: bytes) -> None:
    async def story() -> None:
        async def accepted(connection: Connection) -> None:
            await connection.receive()
            await connection.send(answer)
            await connection.receive()

        listener = await transport_for("memory:").listen("memory:", accepted, max_bytes=1_000)
        device = Device(listener.url)
        await until(lambda: device.downs != [])
        assert not device.dialler.is_up
        await device.close()
        await listener.close()

    within(story())


def test_frames_that_come_with_the_welcome_are_taken_in() -> None:
    async def story() -> None:
        async def accepted(connection: Connection) -> None:
            await connection.receive()
            welcome = Welcome(version=1, session="s", principal="pi")
            await connection.send(encode([welcome, Progress(seq=1, work="a")], connection.form))
            await connection.receive()
            await connection.receive()

        listener = await transport_for("memory:").listen("memory:", accepted, max_bytes=1_000)
        device = Device(listener.url)
        await until(lambda: device.got == [Progress(seq=1, work="a")])
        await device.close()
        await listener.close()

    within(story())


def test_a_version_that_is_not_spoken_here_ends_it() -> None:
    async def story() -> None:
        async def accepted(connection: Connection) -> None:
            await connection.receive()
            await connection.send(encode([Welcome(version=9, session="s", principal="pi")], connection.form))
            await connection.receive()

        listener = await transport_for("memory:").listen("memory:", accepted, max_bytes=1_000)
        with pytest.raises(HubRefusedError, match="version 9"):
            await Device(listener.url).task
        await listener.close()

    within(story())


def test_a_url_that_can_never_be_dialled_ends_it() -> None:
    async def story() -> None:
        with pytest.raises(TransportUrlError):
            await Device("ws://:0").task

    within(story())


def test_closing_while_nobody_listens_is_clean_and_quick() -> None:
    async def story() -> None:
        device = Device("memory:nobody")
        await until(lambda: len(device.downs) >= 2)
        began_at = time.monotonic()
        await device.dialler.close()
        await device.task
        assert time.monotonic() - began_at < 0.5
        await device.dialler.run()  # it was closed: nothing is dialled any more
        await device.dialler.close()

    within(story())


@URLS
def test_closing_amid_the_handshake_is_clean(url: str) -> None:
    async def story() -> None:
        arrived = asyncio.Event()

        async def silent(connection: Connection) -> None:
            arrived.set()
            await connection.receive()
            with pytest.raises(ConnectionLostError):
                await connection.receive()

        listener = await transport_for(url).listen(url, silent, max_bytes=1_000)
        device = Device(listener.url)
        await arrived.wait()
        await device.dialler.close()
        await device.task
        await listener.close()

    within(story())


@URLS
def test_cancelling_its_task_is_clean(url: str) -> None:
    async def story() -> None:
        async with fleet(url) as (_, device):
            device.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await device.task
            assert not device.dialler.is_up

    within(story())


def test_pauses_grow_and_are_spread() -> None:
    async def story() -> None:
        class Noted(Random):
            def uniform(self, a: float, b: float) -> float:
                spreads.append((a, b))
                return 0.05 * super().uniform(a, b)

        spreads: list[tuple[float, float]] = []
        device = Device("memory:nobody", chance=Noted(1))
        began_at = time.monotonic()
        await until(lambda: len(device.downs) >= 6)  # 0.1 + 0.2 + 0.4 + 0.8 + 1.6 s, a twentieth of it
        took_s = time.monotonic() - began_at
        await device.close()
        assert set(spreads) == {(0.5, 1.0)}
        assert 0.5 * 0.05 * 3.1 <= took_s < 1.5

    within(story())


def test_while_the_lease_runs_pauses_stay_short_against_it() -> None:
    """Over a connection that breaks again and again, a device that waits longer and longer would lose its work."""

    async def story() -> None:
        class Longest(Random):
            def uniform(self, _a: float, b: float) -> float:
                return b

        async def let_in_and_cut(connection: Connection) -> None:
            await connection.receive()
            await connection.send(encode([Welcome(version=1, session="s", principal="pi", lease_s=2)], connection.form))
            await connection.close("cut")

        listener = await transport_for("memory:").listen("memory:", let_in_and_cut, max_bytes=100_000)
        device = Device(listener.url, chance=Longest(1))
        began_at = time.monotonic()
        await until(lambda: len(device.welcomes) >= 9)  # after 0.1 s, then after 0.2 s each: a tenth of the lease
        took_s = time.monotonic() - began_at
        await device.close()
        await listener.close()
        assert 1.5 <= took_s < 5

    within(story())
