"""Every transport passes the suite, and each does what only it can do."""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiomqtt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import ConnectionLostError, OutsideError, TransportUrlError, UnknownNameError
from orrery.fleet.transports.memory import MemoryTransport
from orrery.fleet.transports.mqtt import MqttConnection, MqttOptions, MqttTransport
from orrery.fleet.transports.protocol import Connection, Transport
from orrery.fleet.transports.registry import transport_for
from orrery.fleet.transports.websocket import WebSocketOptions, WebSocketTransport
from orrery.testing.fault_proxy import FaultProxy
from orrery.testing.faulty import Faults, Faulty
from orrery.testing.transports import TransportConformance
from tests.fleet.mosquitto import DEVICE, HUB, PREFIX, Mosquitto


class TestMemory(TransportConformance):
    def transport(self) -> Transport:
        return MemoryTransport()

    def url(self) -> str:
        return "memory:"


class TestWebSocket(TransportConformance):
    def transport(self) -> Transport:
        return WebSocketTransport()

    def url(self) -> str:
        return "ws://127.0.0.1:0"


class TestMqtt(TransportConformance):
    @pytest.fixture(autouse=True)
    def _broker(self, mosquitto: Mosquitto) -> None:
        self.broker = mosquitto

    def transport(self) -> Transport:
        return MqttTransport(MqttOptions(username=HUB[0], password=HUB[1], patience_s=0.5))

    def dialling(self) -> Transport:
        return MqttTransport(MqttOptions(username=DEVICE[0], password=DEVICE[1], patience_s=0.5))

    def url(self) -> str:
        return self.broker.url


class TestFaulty(TransportConformance):
    """A bad network on which nothing happens is a good one."""

    def transport(self) -> Transport:
        return MemoryTransport()

    def dialling(self) -> Transport:
        return Faulty(MemoryTransport())

    def url(self) -> str:
        return "memory:"


class TestFaultyListener(TestFaulty):
    def transport(self) -> Transport:
        return Faulty(MemoryTransport(), faults=Faults(delay_s=0.001))

    def dialling(self) -> Transport:
        return MemoryTransport()


# WebSocket: who comes in


class Door:
    """A listener, and what it says of those who were turned away."""

    def __init__(self, **options: Any) -> None:
        self.refused: list[str] = []
        self.options = WebSocketOptions(on_refused=lambda peer, because: self.refused.append(because), **options)

    async def __aenter__(self) -> Door:
        self.listener = await WebSocketTransport(self.options).listen(
            "ws://127.0.0.1:0/fleet", echo, max_bytes=1_000_000
        )
        return self

    async def __aexit__(self, *end: object) -> None:
        await self.listener.close()

    @property
    def port(self) -> int:
        port = urlsplit(self.listener.url).port
        assert port is not None
        return port

    async def knock(self, *, path: str = "/fleet", omit: str = "", **headers: str) -> str:
        """The first line of the answer to a handshake with other headers."""
        said = {
            "Host": f"127.0.0.1:{self.port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "orrery.1.json",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items() if name != omit)]
        async with stream(self.port) as (reader, writer):
            writer.write("\r\n".join([*lines, "", ""]).encode())
            return (await reader.readline()).decode().strip()

    async def works(self) -> None:
        """Others are still let in."""
        connection = await WebSocketTransport().dial(self.listener.url, max_bytes=1_000_000)
        await connection.send(b"hello")
        assert await connection.receive() == b"hello"
        await connection.close()


async def echo(connection: Connection) -> None:
    while True:
        await connection.send(await connection.receive())


def play(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 20))


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("127.0.0.1", "101"),
        ("127.0.0.1:1", "101"),
        ("localhost", "101"),
        ("LOCALHOST.:99", "101"),
        ("[::1]:8765", "101"),
        ("hub.example", "101"),
        ("evil.example", "403"),
        ("127.0.0.1.evil.example", "403"),
        ("localhost.evil.example:80", "403"),
        ("10.0.0.1", "403"),
        ("user@evil.example", "403"),
        ("[", "403"),
        ("", "403"),
    ],
)
def test_a_name_that_is_not_ours_is_refused_for_it_may_be_rebound(host: str, answer: str) -> None:
    async def story() -> None:
        async with Door(allowed_hosts=("hub.example",)) as door:
            assert (await door.knock(Host=host)).split()[1] == answer
            assert bool(door.refused) == (answer == "403")
            await door.works()

    play(story())


def test_a_handshake_without_a_host_is_refused() -> None:
    async def story() -> None:
        async with Door() as door:
            assert (await door.knock(omit="Host")).split()[1] == "403"
            await door.works()

    play(story())


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:8000", "http://localhost", "null", "file://"]
)
def test_no_web_page_may_connect_unless_it_is_allowed(origin: str) -> None:
    async def story() -> None:
        async with Door(allowed_origins=("https://console.example",)) as door:
            assert (await door.knock(Origin=origin)).split()[1] == "403"
            [because] = door.refused
            assert origin in because
            assert (await door.knock(Origin="https://console.example")).split()[1] == "101"
            await door.works()

    play(story())


def test_who_asks_for_no_form_or_another_path_is_refused() -> None:
    async def story() -> None:
        async with Door() as door:
            assert (await door.knock(omit="Sec-WebSocket-Protocol")).split()[1] == "400"
            assert (await door.knock(Sec_WebSocket_Protocol="chat")).split()[1] == "400"
            assert (await door.knock(path="/")).split()[1] == "404"
            assert (await door.knock(omit="Upgrade")).split()[1] == "426"
            assert len(door.refused) == 4
            await door.works()

    play(story())


def test_who_dials_chooses_the_form_and_any_bytes_travel_in_both() -> None:
    async def story() -> None:
        async with Door() as door:
            for form in ("json", "msgpack"):
                transport = WebSocketTransport(WebSocketOptions(form=form))
                connection = await transport.dial(door.listener.url, max_bytes=1_000_000)
                assert connection.form == form
                for message in (b"", b'{"a": "\xc3\xa9"}', bytes(range(256)) * 1000):
                    await connection.send(message)
                    assert await connection.receive() == message
                await connection.close()

    play(story())


def test_a_handshake_that_takes_too_long_is_ended() -> None:
    async def story() -> None:
        async with Door(handshake_s=0.2) as door, stream(door.port) as (reader, writer):
            ended = asyncio.ensure_future(reader.read())
            for letter in "GET /fleet HTTP/1.1\r\nHost: ":
                writer.write(letter.encode())
                await asyncio.wait([ended], timeout=0.02)
                if ended.done():
                    break
            with suppress(ConnectionError):
                assert await ended == b""
            assert door.refused == ["it did not finish its handshake"]
            await door.works()

    play(story())


def test_handshakes_that_never_end_keep_nobody_out() -> None:
    async def story() -> None:
        async with Door(handshake_s=0.3, max_opening=5) as door:
            async with AsyncExitStack() as idle:
                ends = [await idle.enter_async_context(stream(door.port)) for _ in range(8)]
                await asyncio.gather(*(reader.read() for reader, _ in ends), return_exceptions=True)
            assert door.refused.count("others are waiting behind its handshake") == 3
            assert door.refused.count("it did not finish its handshake") == 5
            await door.works()

    play(story())


def test_there_is_a_most_of_connections_and_a_place_is_free_again_when_one_ends() -> None:
    async def story() -> None:
        async with Door(max_connections=2) as door:
            transport = WebSocketTransport()
            inside = [await transport.dial(door.listener.url, max_bytes=1000) for _ in range(2)]
            with pytest.raises(ConnectionLostError):
                await transport.dial(door.listener.url, max_bytes=1000)
            assert door.refused == ["2 connections are open"]
            await inside[0].send(b"still here")
            assert await inside[0].receive() == b"still here"
            for connection in inside:
                await connection.close()
            await door.works()

    play(story())


def test_rubbish_on_the_port_hurts_nobody() -> None:
    async def story() -> None:
        chance = random.Random(4)
        async with Door() as door:
            for _ in range(50):
                async with stream(door.port) as (reader, writer):
                    writer.write(chance.randbytes(chance.randrange(1, 500)) + b"\r\n\r\n")
                    with suppress(ConnectionError):
                        writer.write_eof()
                        await reader.read()
            await door.works()

    play(story())


def test_beyond_loopback_it_listens_only_with_tls_or_when_told() -> None:
    async def story() -> None:
        for url in ("ws://0.0.0.0:0", "ws://[::]:0", "ws://hub.example:0", "ws://10.1.2.3:0"):
            with pytest.raises(TransportUrlError, match="--tls-cert"):
                await WebSocketTransport().listen(url, echo, max_bytes=1000)
        with pytest.raises(TransportUrlError, match="certificate"):
            await WebSocketTransport().listen("wss://127.0.0.1:0", echo, max_bytes=1000)
        listener = await WebSocketTransport(WebSocketOptions(insecure=True)).listen(
            "ws://0.0.0.0:0", echo, max_bytes=1000
        )
        dialled = await WebSocketTransport().dial(listener.url.replace("0.0.0.0", "127.0.0.1"), max_bytes=1000)
        await dialled.send(b"x")
        assert await dialled.receive() == b"x"
        await dialled.close()
        await listener.close()

    play(story())


def test_a_port_that_is_taken_says_so() -> None:
    async def story() -> None:
        async with Door() as door:
            with pytest.raises(OutsideError, match="cannot be listened at"):
                await WebSocketTransport().listen(door.listener.url, echo, max_bytes=1000)

    play(story())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that nobody else knows, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(path), "-out", f"{path}.cert"]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    with path.open("ab") as both:
        both.write(Path(f"{path}.cert").read_bytes())
    return path


def test_tls_is_for_those_who_trust_the_certificate(certificate: Path) -> None:
    async def story() -> None:
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.load_cert_chain(certificate)
        listener = await WebSocketTransport(WebSocketOptions(ssl=ours)).listen(
            "wss://127.0.0.1:0", echo, max_bytes=10**6
        )
        with pytest.raises(ConnectionLostError, match="certificate"):
            await WebSocketTransport().dial(listener.url, max_bytes=1000)
        with pytest.raises(ConnectionLostError):
            await WebSocketTransport().dial(listener.url.replace("wss", "ws"), max_bytes=1000)
        theirs = ssl.create_default_context(cafile=f"{certificate}.cert")
        dialled = await WebSocketTransport(WebSocketOptions(ssl=theirs)).dial(listener.url, max_bytes=10**6)
        await dialled.send(b"x" * 500_000)
        assert len(await dialled.receive()) == 500_000
        await dialled.close()
        await listener.close()

    play(story())


def test_a_dialler_goes_nowhere_else_than_it_was_told() -> None:
    async def story() -> None:
        async with Door() as door:

            async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(f"HTTP/1.1 302 Found\r\nLocation: {door.listener.url}\r\n\r\n".encode())
                writer.close()

            server = await asyncio.start_server(redirect, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(ConnectionLostError, match="302"):
                await WebSocketTransport().dial(f"ws://127.0.0.1:{port}", max_bytes=1000)
            server.close()

    play(story())


def test_both_ends_send_small_messages_at_once() -> None:
    """Without TCP_NODELAY, a second small message waits for the acknowledgement of the first, up to 40 ms."""

    async def story() -> None:
        async def answer_twice(connection: Connection) -> None:
            while True:
                await connection.receive()
                await connection.send(b"one")
                await connection.send(b"two")

        listener = await WebSocketTransport().listen("ws://127.0.0.1:0", answer_twice, max_bytes=1000)
        dialled = await WebSocketTransport().dial(listener.url, max_bytes=1000)
        took: list[float] = []
        for _ in range(20):
            began = time.perf_counter()
            await dialled.send(b"now")
            await dialled.receive()
            await dialled.receive()
            took.append(time.perf_counter() - began)
        assert sorted(took)[10] < 0.02
        await dialled.close()
        await listener.close()

    play(story())


# URLs


def test_a_transport_is_found_by_the_scheme_of_its_url() -> None:
    assert isinstance(transport_for("memory:here"), MemoryTransport)
    assert isinstance(transport_for("ws://127.0.0.1:1"), WebSocketTransport)
    assert isinstance(transport_for("WSS://hub.example"), WebSocketTransport)
    assert isinstance(transport_for("mqtts://broker.example/fleet"), MqttTransport)
    with pytest.raises(UnknownNameError, match="ws"):
        transport_for("wz://127.0.0.1:1")


@pytest.mark.parametrize("url", ["", "127.0.0.1", "here", "/dev/null", ":x", "w s://x"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(TransportUrlError, match="not the URL"):
        transport_for(url)


@pytest.mark.parametrize(
    "url", ["ws://s3cret@h:1", "wss://a:s3cret@h", "ws://h:1/?token=s3cret", "mqtt://u:s3cret@h", "ws://h#s3cret"]
)
def test_a_token_in_a_url_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(TransportUrlError, match="--token-file") as refused:
        transport_for(url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("url", ["ws:", "ws://", "ws://:80", "ws://h:port", "ws://h:99999", "ws://[::1", "ws://a b"])
def test_a_url_without_a_place_is_refused(url: str) -> None:
    with pytest.raises(TransportUrlError):
        play_dial(url)


def play_dial(url: str) -> None:
    async def story() -> None:
        await WebSocketTransport().dial(url, max_bytes=1000)

    play(story())


# In memory


def test_a_name_in_memory_is_taken_once_and_free_again() -> None:
    async def story() -> None:
        first = await MemoryTransport().listen("memory:hub", echo, max_bytes=1000)
        with pytest.raises(TransportUrlError, match="already"):
            await MemoryTransport().listen("memory:hub", echo, max_bytes=1000)
        await first.close()
        second = await MemoryTransport().listen("memory:hub", echo, max_bytes=1000)
        await second.close()

    play(story())
    play(story())


def test_a_name_is_free_when_the_loop_of_its_listener_has_ended() -> None:
    async def forget() -> None:
        await MemoryTransport().listen("memory:forgotten", echo, max_bytes=1000)

    play(forget())
    play(forget())


# MQTT


def hub_side(**more: Any) -> MqttTransport:
    return MqttTransport(MqttOptions(username=HUB[0], password=HUB[1], patience_s=2, **more))


def device_side(**more: Any) -> MqttTransport:
    return MqttTransport(MqttOptions(username=DEVICE[0], password=DEVICE[1], patience_s=2, **more))


def test_a_round_trip_over_a_broker_is_short(mosquitto: Mosquitto) -> None:
    """Without TCP_NODELAY at both ends and in the broker it takes some 90 ms."""

    async def story() -> None:
        listener = await hub_side().listen(mosquitto.url, echo, max_bytes=1000)
        dialled = await device_side().dial(listener.url, max_bytes=1000)
        took: list[float] = []
        for _ in range(20):
            began = time.perf_counter()
            await dialled.send(b"now")
            await dialled.receive()
            took.append(time.perf_counter() - began)
        assert sorted(took)[10] < 0.03
        await dialled.close()
        await listener.close()

    play(story())


def test_a_device_that_vanishes_is_told_at_once_by_its_last_will(mosquitto: Mosquitto) -> None:
    async def story() -> None:
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def wait(connection: Connection) -> None:
            try:
                await connection.receive()
            except ConnectionLostError as error:
                ended.set_result(str(error))

        listener = await hub_side().listen(mosquitto.url, wait, max_bytes=1000)
        async with FaultProxy(mosquitto.url) as proxy:
            dialled = await device_side().dial(proxy.url, max_bytes=1000)
            proxy.cut()
            assert "vanished" in await ended
            with pytest.raises(ConnectionLostError, match="broker is lost"):
                await dialled.receive()
            await dialled.close()
        await listener.close()

    play(story())


def test_a_hub_that_vanishes_is_told_at_once_and_found_again(mosquitto: Mosquitto) -> None:
    async def story() -> None:
        async with FaultProxy(mosquitto.url) as proxy:
            listener = await hub_side().listen(proxy.url, echo, max_bytes=1000)
            dialled = await device_side().dial(mosquitto.url, max_bytes=1000)
            proxy.cut()
            with pytest.raises(ConnectionLostError, match=r"went away|vanished"):
                await dialled.receive()
            await dialled.close()
            await says_hello(mosquitto.url)
            await listener.close()
        with pytest.raises(ConnectionLostError, match="no hub"):
            await MqttTransport(MqttOptions(username=DEVICE[0], password=DEVICE[1], patience_s=0.3)).dial(
                mosquitto.url, max_bytes=1000
            )

    play(story())


def test_a_broker_that_dies_is_a_lost_connection_and_nothing_more(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async def story() -> None:
        broker = Mosquitto(tmp_path)
        broker.start()
        try:
            listener = await hub_side().listen(broker.url, echo, max_bytes=1000)
            dialled = await device_side().dial(broker.url, max_bytes=1000)
            broker.kill()
            with pytest.raises(ConnectionLostError):
                await dialled.receive()
            with pytest.raises(ConnectionLostError):
                await dialled.send(b"x")
            await dialled.close()
            with pytest.raises(ConnectionLostError, match="cannot be used"):
                await device_side().dial(broker.url, max_bytes=1000)
            await asyncio.to_thread(broker.start)
            await says_hello(broker.url)
            await listener.close()
        finally:
            broker.kill()

    play(story())


async def says_hello(url: str) -> None:
    """A hub that comes up again is there within some tries."""
    while True:
        try:
            dialled = await device_side().dial(url, max_bytes=1000)
            await dialled.send(b"hello")
            assert await dialled.receive() == b"hello"
        except ConnectionLostError:
            continue
        await dialled.close()
        return


def test_the_rules_of_the_broker_keep_devices_apart(mosquitto: Mosquitto) -> None:
    """A device can neither hear others, nor speak as another or as the hub."""

    def any_client() -> aiomqtt.Client:
        return aiomqtt.Client(
            "127.0.0.1", mosquitto.port, username=DEVICE[0], password=DEVICE[1], protocol=aiomqtt.ProtocolVersion.V5
        )

    async def story() -> None:
        heard: list[bytes] = []
        overheard: set[str] = set()

        async def keep(connection: Connection) -> None:
            while True:
                heard.append(await connection.receive())
                await connection.send(b"answer")

        async def spy(client: aiomqtt.Client) -> None:
            async for message in client.messages:
                overheard.add(message.topic.value)

        listener = await hub_side().listen(mosquitto.url, keep, max_bytes=1000)
        async with any_client() as client:
            await client.subscribe([(f"{PREFIX}/#", 1), (f"{PREFIX}/+/up", 1), (f"{PREFIX}/+/down", 1), ("#", 1)])
            spying = asyncio.ensure_future(spy(client))
            dialled = await device_side().dial(mosquitto.url, max_bytes=1000)
            assert isinstance(dialled, MqttConnection)
            down = dialled.topic.removesuffix("up") + "down"
            for topic, forged in (
                (dialled.topic, b"m" + bytes(8) + b"forged"),
                (dialled.topic, b"cgo away"),
                (down, b"cgo away"),
                (f"{PREFIX}/hub", b"another hub"),
            ):
                with suppress(aiomqtt.MqttError):  # some brokers end the connection of who tries, others say nothing
                    async with any_client() as forger:
                        await forger.publish(topic, forged, qos=1, retain=True)
            for _ in range(3):
                await dialled.send(b"true")
                assert await dialled.receive() == b"answer"
            assert heard == [b"true"] * 3
            assert overheard <= {f"{PREFIX}/hub"}
            spying.cancel()
        await dialled.close()
        await listener.close()

    play(story())


def test_who_is_not_known_to_the_broker_is_told_so(mosquitto: Mosquitto) -> None:
    async def story() -> None:
        stranger = MqttTransport(MqttOptions(username="device", password="wrong"))
        with pytest.raises(ConnectionLostError, match=r"(?i)not authori[sz]ed"):
            await stranger.dial(mosquitto.url, max_bytes=1000)

    play(story())


def test_a_broker_elsewhere_is_spoken_to_with_tls_only() -> None:
    async def story() -> None:
        with pytest.raises(TransportUrlError, match="mqtts"):
            await MqttTransport(MqttOptions()).dial("mqtt://broker.example/fleet", max_bytes=1000)
        with pytest.raises(TransportUrlError, match="topic"):
            await MqttTransport(MqttOptions()).dial("mqtt://127.0.0.1/a+b", max_bytes=1000)

    play(story())


def test_a_brokers_user_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, mosquitto: Mosquitto) -> None:
    async def story() -> None:
        listener = await transport_for(mosquitto.url).listen(mosquitto.url, echo, max_bytes=1000)
        await says_hello(mosquitto.url)
        await listener.close()

    monkeypatch.setenv("ORRERY_MQTT_USER", HUB[0])
    monkeypatch.setenv("ORRERY_MQTT_PASSWORD", HUB[1])
    play(story())


# Bad networks


async def heard_over(faults: Faults, seed: int) -> list[bytes]:
    """What of a hundred messages arrives, in which order."""
    arrived: list[bytes] = []

    async def keep(connection: Connection) -> None:
        while True:
            arrived.append(await connection.receive())

    listener = await MemoryTransport().listen("memory:", keep, max_bytes=1000)
    dialled = await Faulty(MemoryTransport(), seed=seed, faults=faults).dial(listener.url, max_bytes=1000)
    with suppress(ConnectionLostError):
        for number in range(100):
            await dialled.send(b"%02d" % number)
    await dialled.close()
    await listener.close()
    return arrived


def test_what_happens_on_a_bad_network_follows_from_the_seed() -> None:
    async def story() -> None:
        sent = [b"%02d" % number for number in range(100)]
        assert await heard_over(Faults(), 1) == sent
        dropped = await heard_over(Faults(drop=0.3), 1)
        assert 40 < len(dropped) < 95
        assert dropped == await heard_over(Faults(drop=0.3), 1) != await heard_over(Faults(drop=0.3), 2)
        doubled = await heard_over(Faults(duplicate=0.3), 1)
        assert set(doubled) == set(sent)
        assert 105 < len(doubled) < 160
        reordered = await heard_over(Faults(reorder=0.3), 1)
        assert sorted(reordered) == sent != reordered
        assert len(await heard_over(Faults(cut=0.05), 1)) < 100

    play(story())


def test_a_bad_network_can_be_cut_and_healed() -> None:
    async def story() -> None:
        listener = await MemoryTransport().listen("memory:", echo, max_bytes=1000)
        network = Faulty(MemoryTransport())
        first = await network.dial(listener.url, max_bytes=1000)
        network.cut(refuse=True)
        for use in (first.receive(), first.send(b"x"), network.dial(listener.url, max_bytes=1000)):
            with pytest.raises(ConnectionLostError):
                await use
        network.heal()
        second = await network.dial(listener.url, max_bytes=1000)
        await assert_echoes(second)
        await second.close()
        await first.close()
        await listener.close()
        assert network.connections == ()

    play(story())


def test_on_a_half_open_network_everything_vanishes_and_nobody_is_told() -> None:
    async def story() -> None:
        listener = await WebSocketTransport().listen("ws://127.0.0.1:0", echo, max_bytes=1000)
        network = Faulty(WebSocketTransport())
        dialled = await network.dial(listener.url, max_bytes=1000)
        network.half_open()
        await dialled.send(b"lost")
        receiving = asyncio.ensure_future(dialled.receive())
        dialling = asyncio.ensure_future(network.dial(listener.url, max_bytes=1000))
        await asyncio.wait([receiving, dialling], timeout=0.1)
        assert not receiving.done()
        assert not dialling.done()
        network.heal()
        await dialled.send(b"found")
        assert await receiving == b"found"
        later = await dialling
        await listener.close()
        for connection in (dialled, later):
            with pytest.raises(ConnectionLostError):
                await connection.receive()
            await connection.close()

    play(story())


async def assert_echoes(connection: Connection) -> None:
    await connection.send(b"hello")
    assert await connection.receive() == b"hello"


def test_the_proxy_does_it_to_real_sockets() -> None:
    async def story() -> None:
        async with Door() as door, FaultProxy(door.listener.url) as proxy:

            async def dial() -> Connection:
                return await WebSocketTransport().dial(proxy.url, max_bytes=1_000_000)

            one = await dial()
            await assert_echoes(one)
            assert proxy.passed_bytes > 0

            proxy.stall()
            await one.send(b"late")
            receiving = asyncio.ensure_future(one.receive())
            await asyncio.wait([receiving], timeout=0.1)
            assert not receiving.done()
            proxy.heal()
            assert await receiving == b"late"

            proxy.half_open()
            await one.send(b"lost")
            receiving = asyncio.ensure_future(one.receive())
            await asyncio.wait([receiving], timeout=0.1)
            assert not receiving.done()
            proxy.heal()
            with pytest.raises(ConnectionLostError):
                await receiving

            two = await dial()
            proxy.cut(refuse=True)
            with pytest.raises(ConnectionLostError):
                await two.receive()
            with pytest.raises(ConnectionLostError):
                await dial()
            proxy.heal()
            three = await dial()
            await assert_echoes(three)
            for connection in (one, two, three):
                await connection.close()

    play(story())


def test_closing_ends_in_time_where_the_other_end_has_vanished() -> None:
    async def story() -> None:
        async with Door() as door, FaultProxy(door.listener.url) as proxy:
            dialled = await WebSocketTransport().dial(proxy.url, max_bytes=1_000_000)
            proxy.half_open()
            began = time.monotonic()
            await dialled.close()
            assert time.monotonic() - began < 5

    play(story())


# Frames of WebSocket that our own ends do not send


def frame(opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True, flags: int = 0) -> bytes:
    """A frame as RFC 6455 has it, from a client unless it is not masked."""
    head = bytes([(0x80 if fin else 0) | flags | opcode])
    bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 1 << 16:
        head += bytes([bit | 126]) + len(payload).to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + len(payload).to_bytes(8, "big")
    if not masked:
        return head + payload
    mask = b"\x01\x80\xff\x5a"
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def whole(payload: bytes) -> list[bytes]:
    return [frame(2, payload)]


def in_parts(parts: list[bytes]) -> list[bytes]:
    """One message in several frames, with a ping between them."""
    last = len(parts) - 1
    frames = [frame(0 if at else 1, part, fin=at == last) for at, part in enumerate(parts)]
    return [*frames[:1], frame(9, b"between"), *frames[1:]]


MESSAGES = st.one_of(
    st.binary(max_size=300).map(lambda payload: (payload, whole(payload))),
    st.sampled_from([125, 126, 65_535, 65_536]).map(lambda size: (b"x" * size, whole(b"x" * size))),
    st.lists(st.binary(max_size=50), min_size=2, max_size=4).map(lambda parts: (b"".join(parts), in_parts(parts))),
)


@asynccontextmanager
async def stream(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that says nothing by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def shaken(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection behind its handshake, to be spoken to in bytes."""
    async with stream(port) as (reader, writer):
        await shake(reader, writer)
        yield reader, writer


async def shake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"GET /fleet HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: orrery.1.json\r\n\r\n"
    )
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")


@settings(max_examples=15, deadline=None)
@given(said=st.lists(MESSAGES, min_size=1, max_size=5), cuts=st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_frames_may_arrive_in_any_pieces(said: list[tuple[bytes, list[bytes]]], cuts: list[int]) -> None:
    async def story() -> None:
        async with Door() as door, shaken(door.port) as (reader, writer):
            rest = b"".join(part for _, frames in said for part in frames)
            sizes = itertools.chain(cuts, itertools.repeat(30_000))
            while rest:
                size = next(sizes)
                writer.write(rest[:size])
                rest = rest[size:]
                await writer.drain()
                await asyncio.sleep(0)
            pong = frame(10, b"between", masked=False)  # may overtake an answer
            pongs = sum(len(frames) > 1 for _, frames in said)
            answers = b"".join(frame(1, message, masked=False) for message, _ in said)
            heard = await reader.readexactly(len(answers) + pongs * len(pong))
            assert heard.count(pong) == pongs
            assert heard.replace(pong, b"") == answers
            writer.write(frame(8, b"\x03\xe8"))
            assert await reader.read() == frame(8, b"\x03\xe8", masked=False)

    play(story())


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (frame(2, b"x", masked=False), 1002),
        (frame(2, b"x", flags=0x40), 1002),
        (frame(3, b"x"), 1002),
        (frame(11, b"x"), 1002),
        (frame(0, b"x"), 1002),
        (frame(9, b"x" * 126), 1002),
        (frame(9, b"x", fin=False), 1002),
        (frame(2, b"x", fin=False) + frame(2, b"y"), 1002),
        (frame(2, b"x" * 1_000_001)[:20], 1009),
        (frame(2, b"x" * 600_000, fin=False) + frame(0, b"x" * 600_000)[:20], 1009),
        (b"\x82\xff" + b"\xff" * 12, 1009),
    ],
)
def test_frames_that_break_the_rules_end_the_connection_with_the_right_code(wrong: bytes, code: int) -> None:
    async def story() -> None:
        async with Door() as door, shaken(door.port) as (reader, writer):
            writer.write(frame(2, b"first") + wrong)
            answer = frame(1, b"first", masked=False)
            said = await reader.read()
            assert said.removeprefix(answer)[2:4] == code.to_bytes(2, "big")
            await door.works()

    play(story())


def test_who_asks_again_and_again_and_does_not_read_the_answers_gets_no_more_of_them() -> None:
    """What it does not read would wait in our memory; what the kernel holds for it is less than this."""

    async def story() -> None:
        async with Door() as door, shaken(door.port) as (reader, writer):
            pings = frame(9, b"x" * 125) * 1000
            for _ in range(100):
                writer.write(pings)
                await writer.drain()
            await door.works()
            writer.write(frame(8, b"\x03\xe8"))
            answers = await reader.read()
            assert 0 < answers.count(b"x" * 125) < 100_000

    play(story())


def test_a_large_message_in_tiny_pieces_costs_no_more_memory_than_its_size() -> None:
    async def story() -> None:
        async with Door() as door, shaken(door.port) as (reader, writer):
            message = frame(2, b"x" * 20_000)
            for at in range(0, len(message), 7):
                writer.write(message[at : at + 7])
                await asyncio.sleep(0)
            answer = frame(1, b"x" * 20_000, masked=False)
            assert await reader.readexactly(len(answer)) == answer

    play(story())
