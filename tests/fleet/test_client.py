"""A client of a hub: what it asks for is answered once, over lost connections and a hub that forgot everything."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from orrery.errors import ConnectionLostError, HubRefusedError, UnknownNameError
from orrery.fleet.client import Answer, HubClient
from orrery.fleet.codec import decode
from orrery.fleet.link import Link
from orrery.fleet.messages import (
    ANYWHERE,
    Accept,
    AnyFrame,
    Assign,
    Cancel,
    Error,
    Frame,
    Hello,
    Progress,
    Reject,
    Result,
    State,
    Welcome,
)
from orrery.fleet.profile import DeviceView, Profile
from orrery.fleet.session import Session
from orrery.fleet.transports.protocol import Connection
from orrery.fleet.transports.websocket import WebSocketTransport
from orrery.graph import values
from orrery.journal.blobs import FileBlobs
from tests.fleet.fleets import DEEDS, WITHIN_S, fleet, until

WORK = "run@1/task#1"


def assign(work: str = WORK, **changes: Any) -> Assign:
    key = work.partition("#")[0]
    return Assign(work=work, key=key, run="run", task="task", attempt=1, op="text.count", **changes)


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, WITHIN_S))


class ScriptedHub:
    """A hub that says what the test tells it to say, and keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[AnyFrame] = []
        self.hellos: list[Hello] = []
        self.remembers = True
        self.refusal: Error | None = None
        self._arrived = asyncio.Event()
        self._session: Session | None = None
        self._link: Link | None = None

    async def listen(self, port: int = 0) -> None:
        self._listener = await WebSocketTransport().listen(
            f"ws://127.0.0.1:{port}", self._accepted, max_bytes=4_000_000
        )
        self.url = self._listener.url

    async def close(self) -> None:
        await self._listener.close()

    def say(self, frame: Frame) -> None:
        assert self._link is not None
        self._link.post(frame)

    def drop_connection(self) -> None:
        assert self._link is not None
        self._link.end(ConnectionLostError("the test wants it"))

    async def _accepted(self, connection: Connection) -> None:
        (hello,) = decode(await connection.receive(), connection.form)
        assert isinstance(hello, Hello)
        self.hellos.append(hello)
        resumed = self.remembers and self._session is not None and hello.session == self._session.id
        if not resumed:
            self._session = Session(f"session-{len(self.hellos)}")
        assert self._session is not None
        first: Frame
        if self.refusal is not None:
            first = self.refusal
        else:
            first = Welcome(
                version=1,
                session=self._session.id,
                principal="operator/x",
                resumed=resumed,
                received=self._session.received,
                epoch=len(self.hellos),
                now=1000.0,
            )
        if resumed:
            self._session.resume(hello.received, 0.0)
        self._link = Link(self._session, on_frame=self._take)
        with suppress(ConnectionLostError):  # it is what the test does
            await self._link.run(connection, first=[first])

    def _take(self, frame: AnyFrame) -> None:
        self.heard.append(frame)
        self._arrived.set()

    async def until(self, enough: Callable[[list[AnyFrame]], bool]) -> None:
        while not enough(self.heard):
            self._arrived.clear()
            await self._arrived.wait()

    def all(self, kind: type[Any]) -> list[Any]:
        return [frame for frame in self.heard if isinstance(frame, kind)]

    async def gets(self, kind: type[Any], count: int = 1) -> list[Any]:
        await self.until(lambda _: len(self.all(kind)) >= count)
        return self.all(kind)


class Heard:
    """What a client is told of an attempt."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self._told = asyncio.Event()

    def __call__(self, answer: Answer) -> None:
        self.answers.append(answer)
        self._told.set()

    async def gets(self, count: int) -> list[Answer]:
        while len(self.answers) < count:
            self._told.clear()
            await self._told.wait()
        return self.answers


@asynccontextmanager
async def scripted() -> AsyncIterator[tuple[ScriptedHub, HubClient]]:
    hub = ScriptedHub()
    await hub.listen()
    try:
        async with HubClient(hub.url, "client.token") as client:
            yield hub, client
    finally:
        await hub.close()


def test_a_client_says_who_it_is_and_what_it_wants() -> None:
    async def story() -> None:
        async with scripted() as (hub, client):
            (hello,) = hub.hellos
            assert (hello.role, hello.token) == ("client", "client.token")
            heard = Heard()
            client.submit(assign(rank=3.0), heard)
            (asked,) = await hub.gets(Assign)
            assert (asked.work, asked.rank, asked.seen_on) == (WORK, 3.0, "")
            hub.say(Accept(work=WORK, fence=5, device="pi", because="it is free"))
            hub.say(Progress(work=WORK, fraction=0.5))
            hub.say(Result(work=WORK, status="succeeded", fence=5))
            hub.say(Result(work=WORK, status="succeeded", fence=5))
            answers = await heard.gets(3)
            assert [type(one) for one in answers] == [Accept, Progress, Result]
            client.forget(WORK)
            client.forget(WORK)
            (forgotten,) = await hub.gets(Cancel)
            assert (forgotten.work, forgotten.fence, forgotten.forget) == (WORK, 5, True)
            assert len(heard.answers) == 3

    run(story())


def test_a_lost_connection_changes_nothing() -> None:
    async def story() -> None:
        async with scripted() as (hub, client):
            heard = Heard()
            client.submit(assign(), heard)
            await hub.gets(Assign)
            hub.drop_connection()
            await until(lambda: len(hub.hellos) == 2)
            hub.say(Result(work=WORK, status="succeeded"))
            await heard.gets(1)
            assert len(hub.all(Assign)) == 1
            assert [hello.session for hello in hub.hellos] == ["", "session-1"]

    run(story())


def test_a_hub_that_forgot_everything_is_asked_again_for_what_is_open() -> None:
    async def story() -> None:
        async with scripted() as (hub, client):
            on_pi, nowhere, done, leaving = Heard(), Heard(), Heard(), Heard()
            client.submit(assign("r@1/pi#1"), on_pi)
            client.submit(assign("r@1/nowhere#1"), nowhere)
            client.submit(assign("r@1/done#1"), done)
            client.submit(assign("r@1/leaving#1"), leaving)
            await hub.gets(Assign, 4)
            hub.say(Accept(work="r@1/pi#1", device="pi"))
            hub.say(Result(work="r@1/done#1", status="succeeded", fence=9))
            await on_pi.gets(1)
            await done.gets(1)
            hub.remembers = False
            hub.drop_connection()
            client.cancel("r@1/leaving#1", "not wanted")
            await hub.gets(Assign, 7)
            again = {one.work: one.seen_on for one in hub.all(Assign)[4:]}
            assert again == {"r@1/pi#1": "pi", "r@1/nowhere#1": ANYWHERE, "r@1/leaving#1": ANYWHERE}
            await hub.until(lambda heard: any(isinstance(one, Cancel) for one in heard))
            assert hub.all(Cancel)[-1].work == "r@1/leaving#1"
            assert client.epoch == 2
            client.forget("r@1/done#1")
            await hub.until(lambda _: any(one.forget and one.fence == 9 for one in hub.all(Cancel)))

    run(story())


def test_who_is_full_is_asked_again_later_and_a_refusal_is_final() -> None:
    async def story() -> None:
        async with scripted() as (hub, client):
            heard = Heard()
            client.submit(assign(), heard)
            await hub.gets(Assign)
            hub.say(Reject(work=WORK, reason="full", retry_after_s=0.01))
            await hub.gets(Assign, 2)
            hub.say(Reject(work=WORK, reason="no-device", message="nobody can"))
            (answer,) = await heard.gets(1)
            assert isinstance(answer, Reject)
            assert answer.message == "nobody can"
            assert not client.is_open(WORK)

    run(story())


def test_what_waits_to_be_asked_again_is_cancelled_here() -> None:
    async def story() -> None:
        async with scripted() as (hub, client):
            heard, other = Heard(), Heard()
            client.submit(assign(), heard)
            client.submit(assign("r@1/other#1"), other)
            await hub.gets(Assign, 2)
            hub.say(Reject(work=WORK, reason="full", retry_after_s=60.0))
            hub.say(Accept(work="r@1/other#1"))
            await other.gets(1)
            client.cancel(WORK)
            (answer,) = await heard.gets(1)
            assert isinstance(answer, Result)
            assert (answer.status, answer.effect) == ("stopped", "none")
            client.cancel("nobody's")

    run(story())


def test_a_client_that_is_let_in_no_more_ends_what_is_open() -> None:
    async def story() -> None:
        async with scripted() as (hub, client):
            accepted, waiting = Heard(), Heard()
            client.submit(assign("r@1/a#1"), accepted)
            client.submit(assign("r@1/w#1"), waiting)
            await hub.gets(Assign, 2)
            hub.say(Accept(work="r@1/a#1", device="pi"))
            await accepted.gets(1)
            hub.refusal = Error(error="revoked", message="this token was revoked")
            hub.drop_connection()
            *_, lost = await accepted.gets(2)
            (never,) = await waiting.gets(1)
            assert isinstance(lost, Result)
            assert isinstance(never, Result)
            assert (lost.status, lost.effect, never.effect) == ("lost", "unknown", "none")
            assert lost.failure is not None
            assert "revoked" in lost.failure.message
            with pytest.raises(HubRefusedError, match="revoked"):
                client.submit(assign("r@1/late#1"), Heard())

    run(story())


def test_devices_are_told_once_and_whenever_they_change_over_connections() -> None:
    async def story() -> None:
        view = DeviceView("pi", "online", 1.0, Profile())
        async with scripted() as (hub, client):
            seen: list[tuple[str, ...]] = []
            asking = asyncio.create_task(client.devices())
            await hub.gets(State)
            hub.say(State(devices=(view,)))
            assert await asking == (view,)
            client.watch(lambda devices: seen.append(tuple(one.name for one in devices)))
            await hub.gets(State, 2)
            hub.drop_connection()
            await hub.gets(State, 3)  # who asks is told until the connection ends, so it asks again
            hub.say(State(devices=()))
            await until(lambda: seen[-1:] == [()])

    run(story())


def test_a_hub_that_is_not_there_is_waited_for_a_while(tmp_path: Path) -> None:
    async def story() -> None:
        with pytest.raises(ConnectionLostError, match=r"no hub was reached at ws://127.0.0.1:9 within 0.3 s"):
            await HubClient("ws://127.0.0.1:9", "client.x", patience_s=0.3).open()
        with pytest.raises(UnknownNameError, match="no transport 'gopher'"):
            await HubClient("gopher://x", "client.x").open()

    run(story())


def test_a_hub_that_comes_late_is_reached() -> None:
    async def story() -> None:
        early = ScriptedHub()
        await early.listen()
        port = int(early.url.rpartition(":")[2].strip("/"))
        await early.close()
        client = HubClient(f"ws://127.0.0.1:{port}", "client.token")
        opening = asyncio.create_task(client.open())
        hub = ScriptedHub()
        await hub.listen(port)
        try:
            await opening
            assert client.is_up
        finally:
            await client.close()
            await hub.close()

    run(story())


def test_the_wrong_token_is_refused_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with fleet(tmp_path) as there:
            with pytest.raises(HubRefusedError, match="token"):
                await HubClient(there.address.url, "client.nonsense").open()

    run(story())


def test_a_real_hub_and_a_real_device_do_what_a_client_wants(tmp_path: Path) -> None:
    async def story() -> None:
        store = FileBlobs(tmp_path / "mine")
        async with (
            fleet(tmp_path, {"pi": 1}) as there,
            HubClient(there.address.url, there.address.token) as client,
        ):
            (view,) = await client.devices()
            assert (view.name, view.state) == ("pi", "online")
            text = store.put(b"words " * 100_000, "text/plain")
            args = values.encode({"text": text})
            op = f"{DEEDS}:letters"
            digest = hashlib.sha256(op.encode() + args).hexdigest()
            heard = Heard()
            client.submit(
                Assign(
                    work="r@1/t#1",
                    key="r@1/t",
                    run="r",
                    task="t",
                    attempt=1,
                    op=op,
                    args=args,
                    digest=digest,
                    sources=client.offer([text], store),
                ),
                heard,
            )
            *_, answer = await heard.gets(2)
            assert isinstance(answer, Result)
            assert (answer.status, values.decode(answer.value), answer.device) == ("succeeded", 600_000, "pi")
            assert there.devices["pi"].journal.records()
            client.forget("r@1/t#1")
            await until(lambda: not there.devices["pi"].journal.records())

    run(story())


@pytest.mark.parametrize("whose", ["client", "device"])
def test_a_blob_goes_on_where_it_was_when_a_connection_breaks(tmp_path: Path, whose: str) -> None:
    async def story() -> None:
        data = os.urandom(6_000_000)
        blob = FileBlobs(tmp_path / "pi" / "blobs").put(data)
        ours = FileBlobs(tmp_path / "mine")
        async with (
            fleet(tmp_path, {"pi": 1}) as there,
            HubClient(there.address.url, there.address.token) as client,
        ):
            fetch = asyncio.create_task(client.fetch(blob, ours))
            part = ours.folder / f"partial-{blob.digest}"
            await until(lambda: part.exists() and part.stat().st_size > 500_000)
            dialler = client._dialler if whose == "client" else there.devices["pi"].agent._dialler
            dialler.link.end(ConnectionLostError("the test cuts it"))
            await fetch
            assert ours.get(blob) == data

    run(story())


def test_a_blob_goes_on_from_another_device_when_the_first_one_dies(tmp_path: Path) -> None:
    async def story() -> None:
        data = os.urandom(6_000_000)
        for name in ("pi", "mac"):
            blob = FileBlobs(tmp_path / name / "blobs").put(data)
        ours = FileBlobs(tmp_path / "mine")
        async with (
            fleet(tmp_path, {"pi": 1, "mac": 1}) as there,
            HubClient(there.address.url, there.address.token) as client,
        ):
            fetch = asyncio.create_task(client.fetch(blob, ours))
            part = ours.folder / f"partial-{blob.digest}"
            await until(lambda: part.exists() and part.stat().st_size > 500_000)
            first = next(one for one in there.devices.values() if not one.agent._porter.is_idle)
            await first.stop()
            await fetch
            assert ours.get(blob) == data

    run(story())
