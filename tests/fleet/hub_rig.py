"""A hub on a loopback socket, devices that do nothing well, and ways to speak to it that no honest device has."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from orrery.errors import ConnectionLostError, HubRefusedError, MessageTooLargeError
from orrery.fleet.client import Answer, HubClient
from orrery.fleet.codec import Unknown, decode, encode
from orrery.fleet.dialler import Dialler
from orrery.fleet.hub.server import HubServer
from orrery.fleet.hub.settings import Settings
from orrery.fleet.messages import Accept, AnyFrame, Assign, Error, Frame, Hello, Result, State, Welcome
from orrery.fleet.profile import Offer, Profile
from orrery.fleet.transports.protocol import Connection, Transport
from orrery.fleet.transports.registry import transport_for

BOUND_S = 20.0
"""No wait of these tests is longer."""
MAX_BYTES = 4_000_000


class Device:
    """A device that answers every Assign at once, with its own name as the value."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        name: str = "",
        skills: Sequence[str] = (),
        slots: int = 100,
        transport: Transport | None = None,
    ) -> None:
        self.name, self.token = name, token
        self.profile = Profile(skills=tuple(skills), tools=(Offer("noop"),), slots=slots, cpus=4)
        self.welcomes: list[Welcome] = []
        self.heard: list[AnyFrame] = []
        self.down: list[str] = []
        self.refused: HubRefusedError | None = None
        self.changed = asyncio.Condition()
        self.answers = True
        self.dialler = Dialler(
            url,
            self._hello,
            on_welcome=self._welcomed,
            on_frame=self._came,
            on_down=self._went_down,
            transport=transport,
        )
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Device:
        self._task = asyncio.create_task(self._run())
        await self.until(lambda: bool(self.welcomes) or self.refused is not None)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.dialler.close()
        assert self._task is not None
        await self._task

    async def until(self, what: Callable[[], bool]) -> None:
        """Return once something holds."""
        async with asyncio.timeout(BOUND_S), self.changed:
            await self.changed.wait_for(what)

    async def _run(self) -> None:
        try:
            await self.dialler.run()
        except HubRefusedError as error:
            self.refused = error
        self._tell()

    def _hello(self) -> Hello:
        return Hello(token=self.token, name=self.name, profile=self.profile)

    def _welcomed(self, welcome: Welcome) -> None:
        self.token = welcome.key or self.token
        self.name = welcome.principal
        self.welcomes.append(welcome)
        if not welcome.resumed:
            self.dialler.post(State(whole=True, profile=self.profile))
        self._tell()

    def _came(self, frame: AnyFrame) -> None:
        self.heard.append(frame)
        if isinstance(frame, Assign) and self.answers:
            self.dialler.post(Accept(work=frame.work, fence=frame.fence))
            value = encode_text(self.name)
            self.dialler.post(Result(work=frame.work, status="succeeded", fence=frame.fence, value=value))
        self._tell()

    def _went_down(self, because: str) -> None:
        self.down.append(because)
        self._tell()

    def _tell(self) -> None:
        async def tell() -> None:
            async with self.changed:
                self.changed.notify_all()

        self._telling = asyncio.get_running_loop().create_task(tell())


def encode_text(text: str) -> bytes:
    """A short text as a value."""
    from orrery.graph.values import encode as encode_value

    return encode_value(text)


class Rig:
    """A hub, an honest device on it, and an honest client."""

    def __init__(self, hub: HubServer, good: Device, client: HubClient) -> None:
        self.hub, self.good, self.client = hub, good, client
        self.url = next(url for url in hub.urls if url.startswith("ws"))
        self._works = itertools.count()

    async def round_trip(self, on: str = "") -> str:
        """Have a task done that does nothing, by the honest device unless told; who did it."""
        from orrery.graph.place import Place
        from orrery.graph.values import decode as decode_value

        number = next(self._works)
        ended: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def hear(answer: Answer) -> None:
            if not isinstance(answer, Accept) and not ended.done():
                ended.set_result(answer)

        key = f"rig@0/task-{number}"
        assign = Assign(
            work=f"{key}#1",
            key=key,
            run="rig",
            task=f"task-{number}",
            attempt=1,
            op="noop",
            digest=f"{number:064x}",
            effects="pure",
            place=Place(on=(on or self.good.name,)),
        )
        self.client.submit(assign, hear)
        async with asyncio.timeout(BOUND_S):
            answer = await ended
        assert isinstance(answer, Result), answer
        assert answer.status == "succeeded", answer
        self.client.forget(assign.work)
        name = decode_value(answer.value)
        assert isinstance(name, str)
        return name

    async def is_well(self) -> None:
        """The hub lives, and the honest device is where it was."""
        assert await self.round_trip() == self.good.name
        assert len(self.good.welcomes) == 1, self.good.down

    def kinds(self) -> list[str]:
        """What the audit log says happened."""
        return [record.kind for record in self.hub.registry.audit(1000)]

    def refusals(self) -> str:
        """Why somebody was turned away, all of it."""
        records = self.hub.registry.audit(1000)
        return "\n".join(record.detail for record in records if record.kind in ("refused", "cut", "replaced"))

    async def until_refused(self, because: str) -> None:
        """Return once the audit log says that somebody was turned away or cut off, and why."""
        async with asyncio.timeout(BOUND_S):
            while because not in self.refusals():  # noqa: ASYNC110
                await asyncio.sleep(0.01)  # the log tells nobody; there is nothing to wait on

    def token(self, name: str = "") -> str:
        """A fresh enrolment token."""
        return self.hub.registry.enrolment_token(at=self.hub.now(), name=name)


@asynccontextmanager
async def rig(
    folder: Path,
    *,
    settings: Settings | None = None,
    listen: Sequence[str] = ("ws://127.0.0.1:0",),
    transports: Mapping[str, Transport] | None = None,
) -> AsyncIterator[Rig]:
    """A hub in `folder` with the device "good" and a client."""
    async with AsyncExitStack() as stack:
        server = HubServer(folder / "hub", listen=listen, settings=settings, transports=transports)
        hub = await stack.enter_async_context(server)
        token = hub.registry.enrolment_token(at=hub.now(), name="good")
        good = await stack.enter_async_context(Device(hub.urls[0], token))
        client = await stack.enter_async_context(HubClient(hub.urls[0], hub.client_token))
        made = Rig(hub, good, client)
        await made.is_well()
        yield made


class Caller:
    """One connection, on which anything can be said."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def say(self, *frames: Frame) -> None:
        """Frames, one message."""
        await self.connection.send(encode(frames, self.connection.form))

    async def hear(self) -> list[AnyFrame | Unknown]:
        """The next message; none: the connection is closed."""
        try:
            async with asyncio.timeout(BOUND_S):
                return decode(await self.connection.receive(), self.connection.form)
        except (ConnectionLostError, MessageTooLargeError):
            return []

    async def end(self) -> list[AnyFrame | Unknown]:
        """All that is said until the connection is closed."""
        said: list[AnyFrame | Unknown] = []
        while frames := await self.hear():
            said += frames
        return said

    async def refusal(self) -> Error:
        """The Error with which the connection is closed."""
        errors = [frame for frame in await self.end() if isinstance(frame, Error) and not frame.retryable]
        assert errors, "the connection was closed without a word"
        return errors[-1]


@asynccontextmanager
async def calling(url: str, *hello: Frame, max_bytes: int = MAX_BYTES) -> AsyncIterator[Caller]:
    """A connection to a hub, on which `hello` has been said."""
    connection = await transport_for(url).dial(url, max_bytes=max_bytes)
    caller = Caller(connection)
    try:
        if hello:
            await caller.say(*hello)
        yield caller
    finally:
        with suppress(ConnectionLostError):
            await connection.close()
