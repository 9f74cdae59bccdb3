"""Who serves blobs may lie, and who asks for them may be anybody."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from orrery.errors import ConnectionLostError, CorruptionError
from orrery.fleet.blob_server import MOST_ASKED_BYTES, BlobServer
from orrery.fleet.blobs import Step
from orrery.fleet.codec import encode
from orrery.fleet.fetcher import Fetcher
from orrery.fleet.messages import Artifact, Credit, Hello
from orrery.fleet.porter import MOST_OUTGOING, Porter
from orrery.fleet.transports.registry import transport_for
from orrery.graph.values import Blob
from orrery.journal.blobs import FileBlobs
from tests.fleet.hub_rig import calling, rig
from tests.fleet.test_blobs import SECRET, WITHIN_S, Cuts, served, tickets


def test_who_sends_a_false_beginning_and_stops_spoils_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        data = os.urandom(3_000_000)
        liar, honest, ours = (FileBlobs(tmp_path / name) for name in ("liar", "honest", "ours"))
        blob = honest.put(data)
        path = liar.path(blob.digest)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"\0" * len(data))
        half = BlobServer(Cuts(liar, upto=2_000_000).open, secret=lambda: SECRET)
        await half.listen("ws://127.0.0.1:0")
        try:
            async with served(honest) as good:
                sources = [tickets(blob, half, name="liar"), tickets(blob, good, name="honest")]
                await Fetcher(patience_s=5).fetch(blob, sources, ours)
                assert ours.get(blob) == data
            with pytest.raises((ConnectionLostError, CorruptionError)):
                await Fetcher(patience_s=0).fetch(blob, sources[:1], FileBlobs(tmp_path / "nothing"))
        finally:
            await half.close()

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts"])
def test_a_device_cannot_have_others_dial_a_broker_of_its_own(
    tmp_path: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would tell it the password of theirs."""
    monkeypatch.setenv("ORRERY_MQTT_USER", "device")
    monkeypatch.setenv("ORRERY_MQTT_PASSWORD", "of the real broker")

    async def story() -> None:
        dialled = asyncio.Event()

        async def heard(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            dialled.set()
            writer.close()

        async with await asyncio.start_server(heard, "127.0.0.1", 0) as broker:
            url = f"{scheme}://127.0.0.1:{broker.sockets[0].getsockname()[1]}/fleet"
            blob = Blob("a" * 64, 10)
            source = msgspec.structs.replace(
                tickets(blob, BlobServer(FileBlobs(tmp_path).open_raw, secret=bytes)), url=url
            )
            with pytest.raises(ConnectionLostError, match="cannot be had"):
                await Fetcher(patience_s=0).fetch(blob, [source], FileBlobs(tmp_path / "ours"))
        assert not dialled.is_set()

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))


def test_who_has_no_ticket_is_given_no_room(tmp_path: Path) -> None:
    async def story() -> None:
        theirs = FileBlobs(tmp_path)
        async with served(theirs) as server:
            connection = await transport_for(server.url).dial(server.url, max_bytes=4_000_000)
            large = Artifact(step="open", stream="s", digest="a" * 64, ticket="x" * MOST_ASKED_BYTES)
            await connection.send(encode([large], connection.form))
            with pytest.raises(ConnectionLostError):
                await connection.receive()
            await connection.close()

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))


def test_who_asks_and_does_not_listen_cannot_ask_for_more_and_more() -> None:
    async def story() -> None:
        blocked = asyncio.Event()

        async def send(_frame: Step) -> None:
            await blocked.wait()

        porter = Porter(send, admit=lambda _opened: "the ticket is forged")
        for number in range(3 * MOST_OUTGOING):
            porter.take(Artifact(step="open", stream=f"s{number}", digest="a" * 64))
            if number % 100 == 0:
                await asyncio.sleep(0)
        for _ in range(5000):
            porter.take(Credit(stream="s1", upto=1))
        assert len(asyncio.all_tasks()) <= MOST_OUTGOING + 2
        assert len(porter._outgoing["s1"].heard) < 2000
        blocked.set()
        await porter.close()
        assert porter.is_idle

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))


def test_a_device_is_given_no_blob_that_is_no_argument_of_its_tasks(tmp_path: Path) -> None:
    """Nor does it learn whether anybody has it: to know a digest is to know what was guessed."""

    async def story() -> None:
        async with rig(tmp_path) as made:
            store = FileBlobs(tmp_path / "client")
            blob = store.put(b"secret" * 100_000)
            made.client.offer([blob], store)
            async with calling(made.url, Hello(token=made.token("bad"))) as caller:
                await caller.hear()
                said = []
                for digest in (blob.digest, "0" * 64):
                    await caller.say(Artifact(step="open", stream=digest[:4], digest=digest))
                    await caller.say(Credit(stream=digest[:4], upto=blob.size_bytes))
                    while not (steps := [one for one in await caller.hear() if isinstance(one, Artifact)]):
                        pass
                    said.append((steps[0].step, steps[0].error))
                assert said == [("stop", "it is among the arguments of no task that you have")] * 2
            await made.is_well()

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))
