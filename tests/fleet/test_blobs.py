"""Blobs move by digest: from any offset, over what loses and reorders, from another holder, once for each store."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.errors import ConnectionLostError, CorruptionError, ProtocolError
from orrery.fleet.blob_server import BlobServer
from orrery.fleet.blobs import (
    MOST_STREAMS,
    SHARED_WINDOW_BYTES,
    Read,
    Receiver,
    Relay,
    Sender,
    Step,
    ticket_fault,
    ticket_for,
)
from orrery.fleet.fetcher import Fetcher
from orrery.fleet.messages import Artifact, Credit, Source
from orrery.fleet.porter import Porter
from orrery.fleet.transports.registry import transport_for
from orrery.graph.values import Blob
from orrery.journal.blobs import FileBlobs
from orrery.journal.partial import PartialBlob, WrittenBlob, part_of

SECRET = b"shared by the hub and one device"
WITHIN_S = 10.0


def blob_of(data: bytes) -> Blob:
    return Blob(hashlib.sha256(data).hexdigest(), len(data))


def chunk(stream: str, offset: int, data: bytes) -> Artifact:
    return Artifact(step="chunk", stream=stream, offset=offset, data=data)


# -- the two state machines ---------------------------------------------------------------------------------------


class Pair:
    """A sender and a receiver, and between them a medium that does what `chance` says."""

    def __init__(self, data: bytes, *, offset: int, chunk_bytes: int, window_bytes: int, chance: random.Random) -> None:
        self.data, self.chance, self.chunk_bytes = data, chance, chunk_bytes
        self.receiver = Receiver("s", blob_of(data), offset=offset, window_bytes=window_bytes)
        self.got = bytearray(data[:offset])
        self.sender: Sender | None = None
        self.to_sender: list[Step] = []
        self.to_receiver: list[Step] = []
        self.most_under_way = 0

    def carry(self, frames: list[Step], *, faulty: bool) -> list[Step]:
        """What arrives of what is under way, in which order."""
        carried, frames[:] = list(frames), []
        if not faulty:
            return carried
        out = [one for one in carried if self.chance.random() > 0.2]
        out += [one for one in carried if self.chance.random() < 0.1]
        if self.chance.random() < 0.5:
            self.chance.shuffle(out)
        return out

    def turn(self, *, faulty: bool) -> None:
        for frame in self.carry(self.to_sender, faulty=faulty):
            if isinstance(frame, Artifact) and frame.step == "open" and (self.sender is None or self.sender.is_over):
                self.sender = Sender(frame, len(self.data), chunk_bytes=self.chunk_bytes)
            elif self.sender is not None:
                self.sender.receive(frame)
        while self.sender is not None and (todo := self.sender.next()) is not None:
            if isinstance(todo, Read):
                self.most_under_way = max(self.most_under_way, todo.offset + todo.length - len(self.got))
                sent = self.sender.chunk(todo, self.data[todo.offset : todo.offset + todo.length])
                assert sent is not None
                self.to_receiver.append(sent)
            else:
                self.to_receiver.append(todo)
        for frame in self.carry(self.to_receiver, faulty=faulty):
            assert isinstance(frame, Artifact)
            data, answers = self.receiver.receive(frame)
            self.got += data
            self.to_sender += answers
            self.to_sender += self.receiver.wrote(len(data))


@given(
    data=st.binary(max_size=300),
    at=st.floats(0, 1),
    chunk_bytes=st.integers(1, 64),
    window_bytes=st.integers(4, 128),
    seed=st.integers(0, 2**32),
)
def test_whatever_a_medium_does_the_bytes_arrive_and_no_more_than_the_window_is_under_way(
    data: bytes, at: float, chunk_bytes: int, window_bytes: int, seed: int
) -> None:
    offset = round(at * len(data))
    pair = Pair(data, offset=offset, chunk_bytes=chunk_bytes, window_bytes=window_bytes, chance=random.Random(seed))
    pair.to_sender += pair.receiver.open()
    for _ in range(30):
        pair.turn(faulty=True)
        if not (pair.to_sender or pair.to_receiver) and not pair.receiver.is_whole:
            pair.to_sender += pair.receiver.open()  # a silence
    for _ in range(2000):
        if pair.receiver.is_whole:
            break
        pair.turn(faulty=False)
        if not (pair.to_sender or pair.to_receiver):
            pair.to_sender += pair.receiver.open()
    assert bytes(pair.got) == data
    assert pair.most_under_way <= window_bytes


def test_without_credit_nothing_is_sent() -> None:
    sender = Sender(Artifact(step="open", stream="s", digest="d"), 10, chunk_bytes=4)
    assert sender.next() is None
    sender.receive(Credit(stream="s", upto=6))
    assert sender.next() == Read(0, 4)
    assert sender.chunk(Read(0, 4), b"abcd") == chunk("s", 0, b"abcd")
    assert sender.next() == Read(4, 2)


def test_a_sender_goes_back_and_drops_what_it_had_read_for_further_on() -> None:
    sender = Sender(Artifact(step="open", stream="s"), 10, chunk_bytes=4)
    sender.receive(Credit(stream="s", upto=10))
    sender.chunk(Read(0, 4), b"abcd")
    sender.receive(Artifact(step="open", stream="s", offset=2))
    assert sender.chunk(Read(4, 4), b"efgh") is None
    assert sender.next() == Read(2, 4)


def test_an_offset_behind_the_end_is_refused() -> None:
    for offset in (-1, 11):
        with pytest.raises(ProtocolError, match="behind the end"):
            Sender(Artifact(step="open", stream="s", offset=offset), 10)


def test_a_file_that_is_shorter_than_it_was_is_no_end_of_the_blob() -> None:
    sender = Sender(Artifact(step="open", stream="s"), 10)
    with pytest.raises(ProtocolError, match="ends at 3 of 10"):
        sender.chunk(Read(0, 10), b"abc")


def test_a_receiver_takes_no_more_than_the_blob_has() -> None:
    receiver = Receiver("s", blob_of(b"abc"))
    with pytest.raises(ProtocolError, match="more comes than the 3 bytes"):
        receiver.receive(chunk("s", 0, b"abcd"))
    with pytest.raises(ProtocolError, match="7 bytes are there instead of 3"):
        receiver.receive(Artifact(step="close", stream="s", size_bytes=7))


def test_a_gap_is_asked_for_once() -> None:
    receiver = Receiver("s", blob_of(bytes(100)))
    receiver.open()
    receiver.receive(chunk("s", 0, bytes(10)))
    _, first = receiver.receive(chunk("s", 20, bytes(10)))
    _, second = receiver.receive(chunk("s", 30, bytes(10)))
    assert isinstance(first[0], Artifact)
    assert (first[0].step, first[0].offset) == ("open", 10)
    assert second == []


# -- the relay ----------------------------------------------------------------------------------------------------


def opened(stream: str = "mine", offset: int = 0) -> Artifact:
    return Artifact(step="open", stream=stream, digest="d" * 64, offset=offset, ticket="secret")


def test_a_relay_gives_streams_names_of_its_own_and_passes_no_ticket_on() -> None:
    relay = Relay()
    ((to, there),) = relay.open("asker", opened(), ["holder"])
    assert to == "holder"
    assert isinstance(there, Artifact)
    assert there.stream != "mine"
    assert there.ticket == ""
    assert relay.take("asker", Credit(stream="mine", upto=9)) == [("holder", Credit(stream=there.stream, upto=9))]
    assert relay.take("holder", chunk(there.stream, 0, b"abc")) == [("asker", chunk("mine", 0, b"abc"))]
    assert relay.take("stranger", chunk(there.stream, 3, b"evil")) == []
    assert relay.take("asker", chunk(there.stream, 3, b"evil")) == []


def test_two_askers_may_use_the_same_name_of_a_stream() -> None:
    relay = Relay()
    ((_, one),) = relay.open("a", opened(), ["holder"])
    ((_, two),) = relay.open("b", opened(), ["holder"])
    assert one.stream != two.stream
    for asker in ("a", "b"):
        relay.take(asker, Credit(stream="mine", upto=1))
    assert relay.take("holder", chunk(two.stream, 0, b"x"))[0].to == "b"


def test_a_holder_that_sends_more_than_it_may_is_left_for_the_next() -> None:
    relay = Relay()
    ((_, there),) = relay.open("asker", opened(), ["first", "second"])
    relay.take("asker", Credit(stream="mine", upto=10))
    stop, again, credit = relay.take("first", chunk(there.stream, 0, bytes(11)))
    assert (stop.to, again.to, credit.to) == ("first", "second", "second")
    assert isinstance(stop.frame, Artifact)
    assert (stop.frame.step, stop.frame.error) == ("stop", "it sent more than was asked for")


def test_nobody_has_more_than_so_many_streams_through_a_relay() -> None:
    relay = Relay()
    for number in range(MOST_STREAMS):
        relay.open("asker", opened(f"stream-{number}"), ["holder"])
    ((to, stop),) = relay.open("asker", opened("one more"), ["holder"])
    assert isinstance(stop, Artifact)
    assert (to, stop.step) == ("asker", "stop")
    ((to, _),) = relay.open("another", opened("first"), ["holder"])
    assert to == "holder"


def test_when_a_holder_goes_the_next_one_goes_on_from_where_it_was() -> None:
    relay = Relay()
    ((_, there),) = relay.open("asker", opened(), ["first", "asker", "second"])
    relay.take("asker", Credit(stream="mine", upto=100))
    relay.take("first", chunk(there.stream, 0, bytes(40)))
    again, credit = relay.gone("first", "it died")
    assert again == ("second", msgspec.structs.replace(opened(offset=40), stream=there.stream, ticket=""))
    assert credit == ("second", Credit(stream=there.stream, upto=100))
    assert relay.take("first", chunk(there.stream, 40, b"late")) == []
    assert relay.gone("second", "it died, too") == [
        ("asker", Artifact(step="stop", stream="mine", error="it died, too"))
    ]


def test_a_holder_that_refuses_is_followed_by_the_next() -> None:
    relay = Relay()
    ((_, there),) = relay.open("asker", opened(), ["first", "second"])
    (again,) = relay.take("first", Artifact(step="stop", stream=there.stream, error="not here"))
    assert again.to == "second"


def test_nobody_holds_it() -> None:
    ((to, frame),) = Relay().open("asker", opened(), [])
    assert (to, isinstance(frame, Artifact) and frame.step) == ("asker", "stop")


def test_when_the_asker_goes_its_holder_is_told() -> None:
    relay = Relay()
    ((_, there),) = relay.open("asker", opened(), ["holder"])
    assert relay.gone("asker", "bye") == [("holder", Artifact(step="stop", stream=there.stream, error="bye"))]
    assert relay.take("holder", chunk(there.stream, 0, b"x")) == []


# -- tickets ------------------------------------------------------------------------------------------------------


def test_a_ticket_is_good_for_one_blob_from_one_holder_for_a_time() -> None:
    ticket = ticket_for(SECRET, "a" * 64, until=100)
    assert ticket_fault(SECRET, ticket, "a" * 64, now=99) == ""
    assert ticket_fault(SECRET, ticket, "a" * 64, now=101) == "expired"
    assert ticket_fault(SECRET, ticket, "b" * 64, now=99) == "forged"
    assert ticket_fault(b"another's", ticket, "a" * 64, now=99) == "forged"
    later = "999" + ticket[ticket.index(".") :]
    assert ticket_fault(SECRET, later, "a" * 64, now=101) == "forged"


@given(st.text())
def test_no_text_is_a_ticket(text: str) -> None:
    assert ticket_fault(SECRET, text, "a" * 64, now=0) == "forged"


# -- what has arrived of a blob -----------------------------------------------------------------------------------


def test_what_has_arrived_survives_and_is_gone_on_with(tmp_path: Path) -> None:
    data, store = os.urandom(10_000), FileBlobs(tmp_path)
    part = PartialBlob(store, blob_of(data))
    part.write([data[:4000]])
    part.leave()
    again = PartialBlob(FileBlobs(tmp_path), blob_of(data))
    assert again.size_bytes == 4000
    again.write([memoryview(data)[4000:]])
    again.keep()
    again.leave()
    assert store.get(blob_of(data)) == data
    assert [one.name for one in tmp_path.iterdir()] == [blob_of(data).digest[:2]]


def test_bytes_of_something_else_are_thrown_away(tmp_path: Path) -> None:
    for part in (PartialBlob(FileBlobs(tmp_path), blob_of(b"abc")), WrittenBlob(FileBlobs(tmp_path), blob_of(b"abc"))):
        part.write([b"abd"])
        with pytest.raises(CorruptionError, match="thrown away"):
            part.keep()
        assert part.size_bytes == 0
        part.write([b"ab", b"c"])
        part.keep()
        part.leave()
    assert FileBlobs(tmp_path).get(blob_of(b"abc")) == b"abc"


def test_two_that_receive_the_same_blob_do_not_write_into_each_other(tmp_path: Path) -> None:
    store, data = FileBlobs(tmp_path), os.urandom(100)
    one, other = PartialBlob(store, blob_of(data)), PartialBlob(store, blob_of(data))
    one.write([data[:50]])
    other.write([data])
    other.keep()
    one.write([data[50:]])
    one.keep()
    one.leave()
    other.leave()
    assert store.get(blob_of(data)) == data


def test_a_digest_leads_nowhere_else(tmp_path: Path) -> None:
    store = FileBlobs(tmp_path / "blobs")
    (tmp_path / "secret").write_text("mine")
    for digest in ("../secret", "../" * 10 + "etc/passwd", "a" * 63 + "/", "A" * 64, "", "a" * 64 + "\0"):
        with pytest.raises(CorruptionError):
            store.open_raw(digest)
        with pytest.raises(CorruptionError):
            part_of(store, Blob(digest, 3))


# -- over real connections ----------------------------------------------------------------------------------------


def tickets(blob: Blob, server: BlobServer, *, name: str = "holder", secret: bytes = SECRET) -> Source:
    return Source(blob.digest, name, server.url, ticket_for(secret, blob.digest, time.time() + 60))


@asynccontextmanager
async def served(store: FileBlobs) -> AsyncIterator[BlobServer]:
    server = BlobServer(store.open_raw, secret=lambda: SECRET)
    await server.listen("ws://127.0.0.1:0")
    try:
        yield server
    finally:
        await server.close()


def test_a_blob_is_fetched_from_who_serves_it(tmp_path: Path) -> None:
    async def story() -> None:
        data, theirs, ours = os.urandom(5_000_000), FileBlobs(tmp_path / "theirs"), FileBlobs(tmp_path / "ours")
        blob, fetcher = theirs.put(data), Fetcher()
        async with served(theirs) as server:
            await asyncio.gather(*(fetcher.fetch(blob, [tickets(blob, server)], ours) for _ in range(5)))
            assert ours.get(blob) == data
            assert fetcher.fetched_bytes == len(data)
            await fetcher.fetch(blob, [tickets(blob, server)], ours)
            assert fetcher.fetched_bytes == len(data)

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))


def test_nothing_is_given_without_a_good_ticket(tmp_path: Path) -> None:
    async def story() -> None:
        theirs, ours = FileBlobs(tmp_path / "theirs"), FileBlobs(tmp_path / "ours")
        blob, fetcher = theirs.put(b"x" * 100_000), Fetcher(patience_s=0)
        async with served(theirs) as server:
            for source in (
                msgspec.structs.replace(tickets(blob, server), ticket=""),
                tickets(blob, server, secret=b"another's"),
                msgspec.structs.replace(tickets(blob, server), ticket=ticket_for(SECRET, blob.digest, time.time() - 1)),
            ):
                with pytest.raises(ConnectionLostError, match=r"the ticket is (forged|expired)"):
                    await fetcher.fetch(blob, [source], ours)
        assert not ours.has(blob)

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))


def test_a_connection_that_asks_for_nothing_is_closed(tmp_path: Path) -> None:
    async def story() -> None:
        server = BlobServer(FileBlobs(tmp_path).open_raw, secret=lambda: SECRET, idle_s=0.05)
        await server.listen("ws://127.0.0.1:0")
        try:
            connection = await transport_for(server.url).dial(server.url, max_bytes=4_000_000)
            with pytest.raises(ConnectionLostError):
                await connection.receive()
            await connection.close()
        finally:
            await server.close()

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))


class Cuts:
    """A file that cannot be read beyond a point: what a holder looks like that dies half-way."""

    def __init__(self, store: FileBlobs, upto: int) -> None:
        self.store, self.upto, self.read_bytes = store, upto, 0

    def open(self, digest: str) -> BinaryIO:
        return cast(BinaryIO, _CutFile(self, self.store.open_raw(digest)))


class _CutFile:
    def __init__(self, cuts: Cuts, file: BinaryIO) -> None:
        self.cuts, self.file = cuts, file

    def __enter__(self) -> _CutFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def fileno(self) -> int:
        return self.file.fileno()

    def seek(self, offset: int) -> None:
        self.file.seek(offset)

    def read(self, length: int) -> bytes:
        if self.file.tell() + length > self.cuts.upto:
            raise OSError(5, "the disk is broken")
        self.cuts.read_bytes += length
        return self.file.read(length)


def test_when_a_source_fails_half_way_another_goes_on_at_the_offset(tmp_path: Path) -> None:
    async def story() -> None:
        data = os.urandom(6_000_000)
        first, second, ours = (FileBlobs(tmp_path / name) for name in ("first", "second", "ours"))
        blob = first.put(data)
        second.put(data)
        broken, whole = Cuts(first, upto=4_000_000), Cuts(second, upto=len(data))
        one, two = BlobServer(broken.open, secret=lambda: SECRET), BlobServer(whole.open, secret=lambda: SECRET)
        await one.listen("ws://127.0.0.1:0")
        await two.listen("ws://127.0.0.1:0")
        try:
            await Fetcher().fetch(blob, [tickets(blob, one), tickets(blob, two)], ours)
        finally:
            await one.close()
            await two.close()
        assert ours.get(blob) == data
        assert broken.read_bytes > 2_000_000
        assert whole.read_bytes == len(data) - broken.read_bytes  # not a byte of it moved twice

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))


def test_a_source_that_sends_something_else_is_left_for_another(tmp_path: Path) -> None:
    async def story() -> None:
        data = os.urandom(1_000_000)
        liar, honest, ours = (FileBlobs(tmp_path / name) for name in ("liar", "honest", "ours"))
        blob = honest.put(data)
        path = liar.path(blob.digest)
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        async with served(liar) as one, served(honest) as two:
            await Fetcher().fetch(blob, [tickets(blob, one), tickets(blob, two)], ours)
            assert ours.get(blob) == data
            other = FileBlobs(tmp_path / "other")
            with pytest.raises(CorruptionError, match="thrown away"):
                await Fetcher(patience_s=0).fetch(blob, [tickets(blob, one)], other)
            assert not other.has(blob)

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))


def test_who_is_gone_is_named(tmp_path: Path) -> None:
    async def story() -> None:
        store = FileBlobs(tmp_path)
        blob = blob_of(b"abc")
        async with served(store) as server:
            source = tickets(blob, server, name="pi")
        with pytest.raises(ConnectionLostError, match=r"cannot be had: pi: .*0 of 3 bytes"):
            await Fetcher(patience_s=0.2).fetch(blob, [source], store)
        with pytest.raises(ConnectionLostError, match="nobody is known to hold it"):
            await Fetcher().fetch(blob, [], store)

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))


def test_a_fetch_that_nobody_waits_for_ends_and_leaves_what_came(tmp_path: Path) -> None:
    async def story() -> None:
        data = os.urandom(3_000_000)
        theirs, ours = FileBlobs(tmp_path / "theirs"), FileBlobs(tmp_path / "ours")
        blob = theirs.put(data)
        enough, written, halted = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def send(frame: Step) -> None:
            if isinstance(frame, Artifact) and frame.step == "chunk" and frame.offset >= 2 * len(frame.data):
                enough.set()
                await halted.wait()
            receiving.take(frame)

        async def answer(frame: Step) -> None:
            if isinstance(frame, Credit) and frame.upto > SHARED_WINDOW_BYTES:
                written.set()
            sending.take(frame)

        sending, receiving = Porter(send, theirs.open_raw), Porter(answer)
        fetcher = Fetcher(receiving)
        fetch = asyncio.create_task(fetcher.fetch(blob, [], ours))
        await enough.wait()
        await written.wait()
        fetch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetch
        await sending.close()
        (part,) = ours.folder.glob("partial-*")
        assert data.startswith(part.read_bytes())
        sending = Porter(lambda frame: _at_once(receiving, frame), theirs.open_raw)
        await fetcher.fetch(blob, [], ours)
        assert ours.get(blob) == data
        await sending.close()

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))


async def _at_once(porter: Porter, frame: Step) -> None:
    porter.take(frame)


def test_a_silent_holder_is_asked_again_and_then_given_up(tmp_path: Path) -> None:
    async def story() -> None:
        asked: list[Artifact] = []

        async def swallow(frame: Step) -> None:
            if isinstance(frame, Artifact) and frame.step == "open":
                asked.append(frame)

        store = FileBlobs(tmp_path)
        porter = Porter(swallow, silence_s=0.02)
        with pytest.raises(ConnectionLostError, match="nothing came for"):
            await porter.receive(blob_of(b"abc"), part_of(store, blob_of(b"abc")))
        assert len(asked) == 3

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))
