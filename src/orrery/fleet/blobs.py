"""Moving a blob by its digest, from any offset: Sender, Receiver and Relay, which do no I/O, and tickets.

The receiver asks ("open", from the offset that it has), and lets the sender go on by credit, given as what it wrote
leaves its hands. The sender answers with chunks and closes. Nothing here is resent piece by piece: whatever a
connection loses, repeats or reorders shows as an offset that is not the next one, or as silence, and then the
receiver opens the stream again from where it is. That is also how it goes on after a lost connection, after a
restart, and from another holder. `porter` performs all this.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from orrery.errors import ProtocolError
from orrery.fleet.messages import Artifact, Credit
from orrery.graph.values import Blob

CHUNK_BYTES = 1 << 20
"""Bytes in a chunk on a connection that carries nothing else."""
WINDOW_BYTES = 8 << 20
"""Bytes that may be under way on such a connection."""
SHARED_CHUNK_BYTES = 1 << 19
"""Bytes in a chunk on a connection that carries other frames too, which wait behind it."""
SHARED_WINDOW_BYTES = 1 << 21
"""Bytes that may be under way there."""

MOST_STREAMS = 256
"""Streams that one may have open through a relay."""

Step = Artifact | Credit


class Read(NamedTuple):
    """Bytes of the blob that are to be sent next."""

    offset: int
    length: int


class Sender:
    """A blob on its way out: what to read and send next, as far as the receiver's credit goes.

    Args:
        opened: the receiver's "open".
        size_bytes: of the blob.
        chunk_bytes: the most in one chunk.

    Raises:
        ProtocolError: the offset lies behind the end of the blob.
    """

    def __init__(self, opened: Artifact, size_bytes: int, *, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.stream, self.size_bytes = opened.stream, size_bytes
        self._chunk_bytes, self._upto = chunk_bytes, 0
        self._closed = self.is_over = False
        self._rewind(opened.offset)

    def receive(self, frame: Step) -> None:
        """Take in what the receiver says. Raises ProtocolError."""
        if isinstance(frame, Credit):
            self._upto = max(self._upto, frame.upto)
        elif frame.step == "open":
            self._rewind(frame.offset)
        elif frame.step == "stop":
            self.is_over = True

    def next(self) -> Read | Artifact | None:
        """What to do now: read this and send `chunk` of it, or send this "close", or wait for credit (None)."""
        if self.is_over or self._closed:
            return None
        if self._offset == self.size_bytes:
            self._closed = self.is_over = True
            return Artifact(step="close", stream=self.stream, size_bytes=self.size_bytes)
        length = min(self._chunk_bytes, self._upto - self._offset, self.size_bytes - self._offset)
        return Read(self._offset, length) if length > 0 else None

    def chunk(self, read: Read, data: bytes) -> Artifact | None:
        """The frame of bytes that were read; None if the receiver has gone back since and wants others.

        Raises ProtocolError if they are fewer than the blob has.
        """
        if len(data) != read.length:
            raise ProtocolError(f"the blob ends at {read.offset + len(data)} of {self.size_bytes} bytes")
        if read.offset != self._offset:
            return None
        self._offset += read.length
        return Artifact(step="chunk", stream=self.stream, offset=read.offset, data=data)

    def _rewind(self, offset: int) -> None:
        if not 0 <= offset <= self.size_bytes:
            raise ProtocolError(f"offset {offset} lies behind the end of a blob of {self.size_bytes} bytes")
        self._offset = offset
        self._closed = False


class Receiver:
    """A blob on its way in: what to accept, and what to say to the sender.

    Args:
        stream: a name for this transfer, chosen by the receiver.
        offset: what is there already.
        ticket: what the holder wants to see.
        window_bytes: how much may be under way.
    """

    def __init__(
        self, stream: str, blob: Blob, *, offset: int = 0, ticket: str = "", window_bytes: int = WINDOW_BYTES
    ) -> None:
        self.stream, self.blob, self.offset = stream, blob, offset
        self.refused: str = ""
        self._ticket, self._window_bytes = ticket, window_bytes
        self._written = self._allowed = offset
        self._asked_at = -1

    @property
    def is_whole(self) -> bool:
        """Whether all bytes have arrived; their digest is for whoever wrote them to check."""
        return self.offset == self.blob.size_bytes

    def open(self) -> list[Step]:
        """What to send at the beginning, on a new connection, and after a silence."""
        self._asked_at = self.offset
        self._allowed = max(self._allowed, self._written + self._window_bytes)
        return [
            Artifact(step="open", stream=self.stream, digest=self.blob.digest, offset=self.offset, ticket=self._ticket),
            Credit(stream=self.stream, upto=self._allowed),
        ]

    def receive(self, frame: Artifact) -> tuple[bytes, list[Step]]:
        """The bytes to write, perhaps none, and what to answer. Sets `refused` if the sender gives up.

        Raises ProtocolError: it sends what was not asked for.
        """
        if frame.step == "stop":
            self.refused = frame.error or "no reason given"
        elif frame.step == "chunk":
            return self._chunk(frame)
        elif frame.step == "close":
            if frame.size_bytes != self.blob.size_bytes:
                raise ProtocolError(f"{frame.size_bytes} bytes are there instead of {self.blob.size_bytes}")
            if not self.is_whole:
                return b"", self._again()
        return b"", []

    def wrote(self, count: int) -> list[Step]:
        """Bytes have left the hands of who received them: what to tell the sender, which may go on."""
        self._written += count
        allowed = self._written + self._window_bytes
        if self.is_whole or allowed - self._allowed < self._window_bytes // 4:
            return []
        self._allowed = allowed
        return [Credit(stream=self.stream, upto=allowed)]

    def _chunk(self, frame: Artifact) -> tuple[bytes, list[Step]]:
        if frame.offset > self.offset:
            return b"", self._again()
        if frame.offset < self.offset:
            return b"", []  # it was repeated, or belongs to what was asked for before
        end = self.offset + len(frame.data)
        if end > self.blob.size_bytes:
            raise ProtocolError(f"more comes than the {self.blob.size_bytes} bytes of the blob")
        self.offset = end
        return frame.data, []

    def _again(self) -> list[Step]:
        """Something is missing: ask for it, once for each offset; the silence that follows a second loss asks again."""
        return [] if self._asked_at == self.offset else self.open()


class _Passage:
    """A stream that goes through a relay."""

    __slots__ = ("asker", "asker_stream", "holder", "holders", "opened", "stream", "upto")

    def __init__(self, asker: str, opened: Artifact, stream: str, holders: list[str]) -> None:
        self.asker, self.asker_stream, self.opened = asker, opened.stream, opened
        self.stream, self.holders, self.holder = stream, holders, ""
        self.upto = 0


class Addressed(NamedTuple):
    """A frame and who is to have it."""

    to: str
    frame: Step


class Relay:
    """Streams between two others, neither of which knows the other: what a hub does with blobs.

    If a holder stops or goes, the next one is asked from the offset that was reached; the asker notices nothing.
    Streams belong to connections: whoever loses his is `gone`, and opens again what he still wants when he is back.
    The names of the others are the caller's: one for each conversation, not for each principal.
    """

    def __init__(self) -> None:
        self._passages: dict[str, _Passage] = {}
        self._by_asker: dict[tuple[str, str], _Passage] = {}
        self._count = 0

    def open(self, asker: str, opened: Artifact, holders: Sequence[str]) -> list[Addressed]:
        """Somebody wants a blob that `holders` have, the best first."""
        passage = self._by_asker.get((asker, opened.stream))
        if passage is not None:  # once more, from another offset
            passage.opened = opened
            return [Addressed(passage.holder, self._renamed(passage, opened))]
        if sum(who == asker for who, _ in self._by_asker) >= MOST_STREAMS:
            return [self._stop(asker, opened.stream, f"{MOST_STREAMS} streams are open already")]
        self._count += 1
        passage = _Passage(asker, opened, f"relay-{self._count}", [one for one in holders if one != asker])
        self._passages[passage.stream] = self._by_asker[asker, opened.stream] = passage
        return self._next(passage, "nobody who holds it is there")

    def take(self, who: str, frame: Step) -> list[Addressed]:
        """Pass a frame on that belongs to a stream, from either side; what belongs to none is dropped."""
        passage = self._by_asker.get((who, frame.stream))
        if passage is not None:
            return self._from_asker(passage, frame)
        passage = self._passages.get(frame.stream)
        if passage is None or passage.holder != who or not isinstance(frame, Artifact):
            return []
        if frame.step == "stop":
            return self._next(passage, frame.error)
        if frame.step == "chunk":
            reached = frame.offset + len(frame.data)
            if reached > passage.upto:  # it would pile up here
                because = "it sent more than was asked for"
                return [self._stop(who, passage.stream, because), *self._next(passage, because)]
            passage.opened = msgspec.structs.replace(passage.opened, offset=max(passage.opened.offset, reached))
        elif frame.step == "close":
            self._end(passage)
        return [Addressed(passage.asker, msgspec.structs.replace(frame, stream=passage.asker_stream))]

    def gone(self, who: str, because: str) -> list[Addressed]:
        """Somebody is not there any more: its streams go on from others, and those that it wanted end."""
        out: list[Addressed] = []
        for passage in list(self._passages.values()):
            if passage.asker == who:
                self._end(passage)
                out.append(self._stop(passage.holder, passage.stream, because))
            elif passage.holder == who:
                out += self._next(passage, because)
        return out

    def _from_asker(self, passage: _Passage, frame: Step) -> list[Addressed]:
        if isinstance(frame, Credit):
            passage.upto = max(passage.upto, frame.upto)
        elif frame.step == "stop":
            self._end(passage)
        return [Addressed(passage.holder, msgspec.structs.replace(frame, stream=passage.stream))]

    def _next(self, passage: _Passage, because: str) -> list[Addressed]:
        """Ask the next holder; tell the asker if there is none."""
        if not passage.holders:
            self._end(passage)
            return [self._stop(passage.asker, passage.asker_stream, because)]
        passage.holder = passage.holders.pop(0)
        credit = Credit(stream=passage.stream, upto=passage.upto)
        return [
            Addressed(passage.holder, self._renamed(passage, passage.opened)),
            *([Addressed(passage.holder, credit)] if passage.upto else []),
        ]

    def _renamed(self, passage: _Passage, opened: Artifact) -> Artifact:
        """The same "open" on the holder's side; the hub is trusted there, so no ticket goes along."""
        return msgspec.structs.replace(opened, stream=passage.stream, ticket="")

    def _stop(self, to: str, stream: str, because: str) -> Addressed:
        return Addressed(to, Artifact(step="stop", stream=stream, error=because))

    def _end(self, passage: _Passage) -> None:
        del self._passages[passage.stream], self._by_asker[passage.asker, passage.asker_stream]


def ticket_for(secret: bytes, digest: str, until: float) -> str:
    """A leave to fetch one blob from who knows the secret.

    Args:
        until: when it ends, by the hub's clock.
    """
    return f"{until:.0f}.{_signature(secret, digest, f'{until:.0f}')}"


def ticket_fault(secret: bytes, ticket: str, digest: str, now: float) -> Literal["", "expired", "forged"]:
    """What is wrong with a ticket; empty if nothing is."""
    until, _, signature = ticket.partition(".")
    if not hmac.compare_digest(signature.encode(errors="replace"), _signature(secret, digest, until).encode()):
        return "forged"
    return "" if now <= float(until) else "expired"


def _signature(secret: bytes, digest: str, until: str) -> str:
    return hmac.new(secret, f"{digest}|{until}".encode(errors="replace"), hashlib.sha256).hexdigest()


__all__ = [
    "CHUNK_BYTES",
    "SHARED_CHUNK_BYTES",
    "SHARED_WINDOW_BYTES",
    "WINDOW_BYTES",
    "Addressed",
    "Read",
    "Receiver",
    "Relay",
    "Sender",
    "Step",
    "ticket_fault",
    "ticket_for",
]
