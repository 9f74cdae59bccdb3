"""Porter: what performs `blobs` on real connections and real files.

It is one end of a conversation as far as blobs are concerned: it sends those that the other end opens and receives
those that it opened. `fetcher` gets a blob by it from whoever holds it, and `blob_server` is what others dial.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import BinaryIO

from orrery.errors import ConnectionLostError, CorruptionError, OrreryError, ProtocolError
from orrery.fleet.blobs import (
    CHUNK_BYTES,
    SHARED_CHUNK_BYTES,
    SHARED_WINDOW_BYTES,
    WINDOW_BYTES,
    Read,
    Receiver,
    Sender,
    Step,
)
from orrery.fleet.codec import decode, encode
from orrery.fleet.messages import Artifact, Credit
from orrery.fleet.transports.protocol import Connection
from orrery.graph.values import Blob
from orrery.journal.partial import Part

Send = Callable[[Step], Awaitable[None]]
"""Brings a frame on its way; waits while the connection is full, drops it while there is none."""

Held = Callable[[str], BinaryIO]
"""Opens what is held under a digest, for reading. Raises OrreryError (CorruptionError) if there is no such thing."""

MOST_OUTGOING, MOST_HEARD = 1024, 1000
"""Streams that one end may ask for at once, and steps of one that may wait; what is beyond is dropped."""
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
        if len(self.heard) < MOST_HEARD:
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
        elif isinstance(frame, Artifact) and frame.step == "open" and len(self._outgoing) < MOST_OUTGOING:
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
        except BaseException:
            del self._outgoing[opened.stream]
            raise
        try:  # it counts until that is said: who asks and does not listen cannot ask for more and more
            if because:
                with suppress(ConnectionLostError):
                    await self._send(Artifact(step="stop", stream=opened.stream, error=because))
        finally:
            del self._outgoing[opened.stream]

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


def sending_on(connection: Connection) -> Send:
    """What sends frames on a connection, each in a message of its own."""

    async def send(frame: Step) -> None:
        await connection.send(encode([frame], connection.form))

    return send


async def carry(connection: Connection, porter: Porter, *, idle_s: float | None = None) -> None:
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


__all__ = ["Held", "Porter", "Send", "carry", "nothing_held", "sending_on"]
