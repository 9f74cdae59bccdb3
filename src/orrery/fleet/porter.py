"""Porter, Fetcher and BlobServer: what performs `blobs` on real connections and real files.

A Porter is one end of a conversation as far as blobs are concerned: it sends those that the other end opens and
receives those that it opened. A Fetcher gets a blob from whoever holds it: directly, on a connection that carries
nothing else, or through the hub; from another holder, at the same offset, if the first one fails. A BlobServer is
what others dial to fetch directly.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import BinaryIO

from orrery.errors import ConnectionLostError, CorruptionError, OrreryError, ProtocolError, StoreError
from orrery.fleet.blobs import (
    CHUNK_BYTES,
    SHARED_CHUNK_BYTES,
    SHARED_WINDOW_BYTES,
    WINDOW_BYTES,
    Read,
    Receiver,
    Sender,
    Step,
    ticket_fault,
)
from orrery.fleet.codec import decode, encode
from orrery.fleet.messages import DEFAULT_MAX_FRAME_BYTES, Artifact, Credit, Source
from orrery.fleet.transports.protocol import Connection, Listener, Transport
from orrery.fleet.transports.registry import transport_for
from orrery.graph.values import Blob
from orrery.journal.blobs import BlobStore
from orrery.journal.partial import Part, has, part_of

Send = Callable[[Step], Awaitable[None]]
"""Brings a frame on its way; waits while the connection is full, drops it while there is none."""

Held = Callable[[str], BinaryIO]
"""Opens what is held under a digest, for reading. Raises OrreryError (CorruptionError) if there is no such thing."""

DIAL_S = 5.0
"""How long a holder may take to be reached before another way is tried."""
SILENCE_S = 10.0
"""A receiver that hears nothing for so long opens its stream again; after three times the holder counts as gone."""


def nothing_held(digest: str) -> BinaryIO:
    """What one holds who only fetches."""
    raise CorruptionError(f"blob {digest[:12]} is not held here")


class _Outgoing:
    """A stream that is being sent."""

    def __init__(self) -> None:
        self.heard: deque[Step] = deque()
        self.woken = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def take(self, frame: Step) -> None:
        self.heard.append(frame)
        self.woken.set()


class _Incoming:
    """A stream that is being received."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.pieces: list[bytes] = []
        self.answers: list[Step] = []
        self.error: OrreryError | None = None
        self.woken = asyncio.Event()

    def take(self, frame: Artifact) -> None:
        try:
            data, answers = self.receiver.receive(frame)
        except ProtocolError as error:
            self.error = error
        else:
            if data:
                self.pieces.append(data)
            self.answers += answers
        self.woken.set()


class Porter:
    """The blobs' end of one conversation. Used on the loop on which it was made.

    Args:
        send: brings a frame to the other end.
        held: opens what the other end may have.
        shared: the connection carries other frames too, so chunks are small and few are under way.
        admit: what is wrong with an "open", such as its ticket; empty if nothing is.
        silence_s: after which a stream that brings nothing is opened again.
    """

    def __init__(
        self,
        send: Send,
        held: Held = nothing_held,
        *,
        shared: bool = True,
        admit: Callable[[Artifact], str] = lambda _opened: "",
        silence_s: float = SILENCE_S,
    ) -> None:
        self._send, self._held, self._admit, self._silence_s = send, held, admit, silence_s
        self._chunk_bytes = SHARED_CHUNK_BYTES if shared else CHUNK_BYTES
        self._window_bytes = SHARED_WINDOW_BYTES if shared else WINDOW_BYTES
        self._outgoing: dict[str, _Outgoing] = {}
        self._incoming: dict[str, _Incoming] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being sent or received."""
        return not self._outgoing and not self._incoming

    def take(self, frame: Step) -> None:
        """Take in a frame from the other end. What belongs to no stream is dropped."""
        incoming = self._incoming.get(frame.stream)
        if incoming is not None:
            if isinstance(frame, Artifact):
                incoming.take(frame)
            return
        outgoing = self._outgoing.get(frame.stream)
        if outgoing is not None:
            outgoing.take(frame)
        elif isinstance(frame, Artifact) and frame.step == "open":
            outgoing = self._outgoing[frame.stream] = _Outgoing()
            outgoing.task = asyncio.get_running_loop().create_task(self._serve(frame, outgoing))

    def interrupted(self) -> None:
        """The connection is gone: nothing is sent any more; what is received goes on when there is one again."""
        for outgoing in self._outgoing.values():
            if outgoing.task is not None:
                outgoing.task.cancel()

    def reconnected(self) -> None:
        """There is a connection again: what is being received is opened from where it is."""
        for incoming in self._incoming.values():
            incoming.answers += incoming.receiver.open()
            incoming.woken.set()

    async def receive(self, blob: Blob, part: Part, *, ticket: str = "") -> None:
        """Get what is missing of a blob from the other end. On an error, `part` has what came until then.

        Raises:
            ConnectionLostError: the other end does not have it, or has fallen silent; it says which.
            ProtocolError: it sends what it should not.
            StoreError: it cannot be kept.
        """
        stream = secrets.token_hex(8)
        receiver = Receiver(stream, blob, offset=part.size_bytes, ticket=ticket, window_bytes=self._window_bytes)
        incoming = self._incoming[stream] = _Incoming(receiver)
        incoming.answers += receiver.open()
        incoming.woken.set()
        try:
            await self._receive(incoming, part)
        except BaseException as error:
            with suppress(OrreryError):
                await self._send(Artifact(step="stop", stream=stream, error=f"{type(error).__name__}"))
            raise
        finally:
            del self._incoming[stream]

    async def close(self) -> None:
        """Send nothing any more, and end what is being received."""
        tasks = [outgoing.task for outgoing in self._outgoing.values() if outgoing.task is not None]
        for task in tasks:
            task.cancel()
        for incoming in self._incoming.values():
            incoming.error = ConnectionLostError("the connection was closed here")
            incoming.woken.set()
        await asyncio.gather(*tasks, return_exceptions=True)

    def fail(self, because: str) -> None:
        """The connection is gone for good: what is being received ends with that reason."""
        self.interrupted()
        for incoming in self._incoming.values():
            incoming.error = ConnectionLostError(because)
            incoming.woken.set()

    async def _receive(self, incoming: _Incoming, part: Part) -> None:
        receiver, silences = incoming.receiver, 0
        while True:
            incoming.woken.clear()
            pieces, incoming.pieces = incoming.pieces, []
            answers, incoming.answers = incoming.answers, []
            for frame in answers:
                await self._send(frame)
            if pieces:
                silences = 0
                await asyncio.to_thread(part.write, pieces)
                for frame in receiver.wrote(sum(map(len, pieces))):
                    await self._send(frame)
            if receiver.is_whole and not incoming.pieces:
                return
            if incoming.error is not None:
                raise incoming.error
            if receiver.refused and not incoming.pieces:
                raise ConnectionLostError(receiver.refused)
            try:
                async with asyncio.timeout(self._silence_s):
                    await incoming.woken.wait()
            except TimeoutError:
                silences += 1
                if silences == 3:
                    raise ConnectionLostError(f"nothing came for {3 * self._silence_s:g} s") from None
                incoming.answers += receiver.open()

    async def _serve(self, opened: Artifact, outgoing: _Outgoing) -> None:
        """Send one blob until it is closed or stopped, or nobody asks any more."""
        try:
            because = self._admit(opened)
            if not because:
                await self._send_all(opened, outgoing)
        except OrreryError as error:
            because = error.args[0] if error.args else type(error).__name__
        except OSError as error:
            because = f"it cannot be read: {error.strerror}"
        finally:
            del self._outgoing[opened.stream]
        if because:
            with suppress(ConnectionLostError):
                await self._send(Artifact(step="stop", stream=opened.stream, error=because))

    async def _send_all(self, opened: Artifact, outgoing: _Outgoing) -> None:
        file = await asyncio.to_thread(self._held, opened.digest)
        with file:
            sender = Sender(opened, os.fstat(file.fileno()).st_size, chunk_bytes=self._chunk_bytes)
            while not sender.is_over:
                outgoing.woken.clear()
                while outgoing.heard:
                    sender.receive(outgoing.heard.popleft())
                match sender.next():
                    case Read() as read:
                        chunk = sender.chunk(read, await asyncio.to_thread(_read, file, read))
                        if chunk is not None:
                            await self._send(chunk)
                    case Artifact() as close:
                        await self._send(close)
                    case None if not sender.is_over:
                        try:
                            async with asyncio.timeout(4 * self._silence_s):
                                await outgoing.woken.wait()
                        except TimeoutError:
                            return  # whoever asked is gone; it will open again if it is not


def _read(file: BinaryIO, read: Read) -> bytes:
    file.seek(read.offset)
    return file.read(read.length)


class Fetcher:
    """Gets blobs into a store, each of them once at a time however many ask.

    Args:
        hub: the conversation with the hub, for what cannot be had directly; None where there is none.
        max_bytes: of a message on a direct connection.
        patience_s: how long all sources may fail one after the other, without a byte, before it is given up.
    """

    def __init__(
        self, hub: Porter | None = None, *, max_bytes: int = DEFAULT_MAX_FRAME_BYTES, patience_s: float = 30.0
    ) -> None:
        self._hub, self._max_bytes, self._patience_s = hub, max_bytes, patience_s
        self._under_way: dict[tuple[int, str], _Fetch] = {}
        self.fetched_bytes = 0

    async def fetch(self, blob: Blob, sources: Iterable[Source], into: BlobStore) -> None:
        """Have a blob in the store, verified; nothing is moved if it is there.

        Args:
            sources: where it can be had. Those with a URL are dialled, in the order given; after them the hub is asked.

        Raises:
            ConnectionLostError: nobody has it, or everybody who has it is gone; it says what each said.
            CorruptionError: what everybody sent is something else.
            StoreError: it cannot be kept.
        """
        key = id(into), blob.digest
        under_way = self._under_way.get(key)
        if under_way is None:
            under_way = self._under_way[key] = _Fetch(
                asyncio.get_running_loop().create_task(self._fetch(blob, tuple(sources), into))
            )
            under_way.task.add_done_callback(lambda _: self._under_way.pop(key, None))
        under_way.askers += 1
        try:
            await asyncio.shield(under_way.task)
        finally:
            under_way.askers -= 1
            if under_way.askers == 0 and not under_way.task.done():
                under_way.task.cancel()
                self._under_way.pop(key, None)

    async def _fetch(self, blob: Blob, sources: Sequence[Source], into: BlobStore) -> None:
        if await asyncio.to_thread(has, into, blob):
            return
        ways: list[Source | None] = [source for source in sources if source.url and source.digest == blob.digest]
        if self._hub is not None:
            ways.append(None)
        part = await asyncio.to_thread(part_of, into, blob)
        try:
            before = part.size_bytes
            await self._from_any(ways, blob, part)
            self.fetched_bytes += blob.size_bytes - before
        finally:
            await asyncio.to_thread(part.leave)

    async def _from_any(self, ways: list[Source | None], blob: Blob, part: Part) -> None:
        """One way after the other, at the offset that was reached, until it is whole or all have failed too long."""
        loop = asyncio.get_running_loop()
        give_up_at, reached, pause_s = loop.time() + self._patience_s, part.size_bytes, 0.1
        said: dict[str, str] = {}
        while ways:
            for way in list(ways):
                name = "the hub" if way is None else way.device or way.url
                try:
                    if part.size_bytes < blob.size_bytes:
                        await (self._through_hub(blob, part) if way is None else self._directly(way, blob, part))
                    await asyncio.to_thread(part.keep)
                    return
                except CorruptionError as error:
                    ways.remove(way)  # one holder mixed in something else; which, is not known: this was the last
                    if not ways:
                        raise
                    said[name] = str(error)
                except StoreError:
                    raise  # it cannot be kept here, wherever it comes from
                except OrreryError as error:
                    said[name] = str(error)
                if part.size_bytes > reached:
                    give_up_at, reached, pause_s = loop.time() + self._patience_s, part.size_bytes, 0.1
            if loop.time() + pause_s > give_up_at:
                break
            await asyncio.sleep(pause_s)  # a holder or the hub may be on its way back
            pause_s = min(2 * pause_s, 5.0)
        reasons = "; ".join(f"{name}: {reason}" for name, reason in said.items()) or "nobody is known to hold it"
        raise ConnectionLostError(
            f"blob {blob.digest[:12]} cannot be had: {reasons} ({part.size_bytes} of {blob.size_bytes} bytes came)"
        )

    async def _through_hub(self, blob: Blob, part: Part) -> None:
        assert self._hub is not None
        await self._hub.receive(blob, part)

    async def _directly(self, source: Source, blob: Blob, part: Part) -> None:
        try:
            async with asyncio.timeout(DIAL_S):
                connection = await transport_for(source.url).dial(source.url, max_bytes=self._max_bytes)
        except TimeoutError:
            raise ConnectionLostError(f"{source.url} does not answer within {DIAL_S:g} s") from None
        porter = Porter(_sending_on(connection), shared=False)
        carrying = asyncio.get_running_loop().create_task(_carry(connection, porter))
        try:
            await porter.receive(blob, part, ticket=source.ticket)
        finally:
            carrying.cancel()
            await asyncio.gather(carrying, return_exceptions=True)
            await connection.close()


class _Fetch:
    """A fetch under way, and how many wait for it."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self.task, self.askers = task, 0


class BlobServer:
    """Lets others fetch directly, if the hub gave them a ticket.

    Args:
        held: opens what is held here.
        secret: gives the secret that tickets are made with; it is shared with the hub alone, and nobody is let in
            before there is one.
        hub_now: the hub's clock.
        max_bytes: of a message.
        idle_s: after which a connection is closed on which nothing is sent.
    """

    def __init__(
        self,
        held: Held,
        *,
        secret: Callable[[], bytes],
        hub_now: Callable[[], float] = time.time,
        max_bytes: int = DEFAULT_MAX_FRAME_BYTES,
        idle_s: float = 30.0,
    ) -> None:
        self._held, self._secret, self._hub_now, self._max_bytes = held, secret, hub_now, max_bytes
        self._idle_s = idle_s
        self._listener: Listener | None = None

    @property
    def url(self) -> str:
        """What others dial; empty while it does not listen."""
        return self._listener.url if self._listener is not None else ""

    async def listen(self, url: str, transport: Transport | None = None) -> None:
        """Take connections at a URL; port 0 chooses one. Raises TransportUrlError, OutsideError.

        Args:
            transport: that listens; None: the usual one for the URL.
        """
        chosen = transport or transport_for(url)
        self._listener = await chosen.listen(url, self._accepted, max_bytes=self._max_bytes)

    async def close(self) -> None:
        """Take no more connections, and end those that there are."""
        if self._listener is not None:
            await self._listener.close()
            self._listener = None

    async def _accepted(self, connection: Connection) -> None:
        porter = Porter(_sending_on(connection), self._held, shared=False, admit=self._fault)
        try:
            await _carry(connection, porter, idle_s=self._idle_s)
        finally:
            await porter.close()

    def _fault(self, opened: Artifact) -> str:
        secret = self._secret()
        if not secret:
            return "nothing is given out before the hub was met"
        fault = ticket_fault(secret, opened.ticket, opened.digest, self._hub_now())
        return f"the ticket is {fault}" if fault else ""


def _sending_on(connection: Connection) -> Send:
    async def send(frame: Step) -> None:
        await connection.send(encode([frame], connection.form))

    return send


async def _carry(connection: Connection, porter: Porter, *, idle_s: float | None = None) -> None:
    """Hand a porter all that arrives on a connection of its own, until that ends, or carries nothing for `idle_s`."""
    try:
        while True:
            try:
                async with asyncio.timeout(idle_s):
                    message = await connection.receive()
            except TimeoutError:
                if porter.is_idle:
                    return
                continue
            for frame in decode(message, connection.form):
                if isinstance(frame, Artifact | Credit):
                    porter.take(frame)
    except OrreryError as error:
        porter.fail(str(error))


__all__ = ["BlobServer", "Fetcher", "Held", "Porter", "Send", "nothing_held"]
