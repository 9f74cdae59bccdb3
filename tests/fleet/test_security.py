"""Who does not get in, and what cannot be done to a hub. After each of these it lives, and others did not notice."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

from orrery.errors import ConnectionLostError, ProtocolError, TransportUrlError
from orrery.fleet.codec import decode, encode
from orrery.fleet.hub.registry import Registry
from orrery.fleet.hub.server import HubServer
from orrery.fleet.hub.settings import Settings
from orrery.fleet.messages import (
    Accept,
    Ack,
    Artifact,
    Assign,
    Cancel,
    Credit,
    Desired,
    Drain,
    Error,
    Frame,
    Hello,
    Ping,
    Progress,
    Reject,
    Result,
    State,
    Welcome,
)
from orrery.fleet.profile import Profile
from orrery.fleet.transports.protocol import Accepted
from orrery.fleet.transports.registry import transport_for
from tests.fleet.hub_rig import BOUND_S, Caller, Device, Rig, calling, rig

WRONG = "A" * 43


async def refused(made: Rig, hello: Hello) -> Error:
    """The answer to a Hello that is not accepted."""
    async with calling(made.url, hello) as caller:
        return await caller.refusal()


# -- tokens ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token", ["", "x", f"device.{WRONG}", f"client.{WRONG}", f"enrol.{WRONG}", f"root.{WRONG}", "device.\x00", "é" * 50]
)
@pytest.mark.parametrize("role", ["device", "client"])
def test_no_token_and_wrong_tokens(tmp_path: Path, token: str, role: str) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            error = await refused(made, Hello(token=token, role=role))  # type: ignore[arg-type]
            assert error.error == "token"
            assert not error.retryable
            assert "refused" in made.kinds()
            await made.is_well()

    asyncio.run(main())


def test_a_connection_begins_with_a_hello(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            for frame in (Ping(id=1), State(whole=True), Welcome(version=1, session="x", principal="good")):
                async with calling(made.url, frame) as caller:
                    assert (await caller.refusal()).error == "token"
            await made.is_well()

    asyncio.run(main())


def test_an_enrolment_token_works_once_and_in_time(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            token = made.hub.registry.enrolment_token(at=made.hub.now(), name="pi")
            async with Device(made.url, token) as device:
                assert device.name == "pi"
                assert device.welcomes[0].key.startswith("device.")
                error = await refused(made, Hello(token=token, name="thief"))
                assert (error.error, "used already" in error.message) == ("token", True)
            old = made.hub.registry.enrolment_token(at=made.hub.now() - 601, minutes=10)
            error = await refused(made, Hello(token=old, name="late"))
            assert (error.error, "expired" in error.message) == ("token", True)
            assert list(made.hub.registry.devices()) == ["good", "pi"]
            await made.is_well()

    asyncio.run(main())


def test_enrolling_cannot_take_the_name_of_another(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            error = await refused(made, Hello(token=made.token(), name="good"))
            assert error.error == "name"
            await made.is_well()

    asyncio.run(main())


def test_a_revoked_device_is_cut_off_within_a_second_and_stays_out(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            async with Device(made.url, made.token("pi")) as device:
                began = time.monotonic()
                # As `orrery devices revoke` does it: through the file, on a connection of its own.
                other = Registry(made.hub.folder)
                other.revoke("pi", at=made.hub.now())
                other.close()
                await device.until(lambda: device.refused is not None)
                assert time.monotonic() - began < 1.0
                assert "revoked" in str(device.refused)
                assert "pi" not in {view.name for view in made.hub.views() if view.state != "gone"}
                error = await refused(made, Hello(token=device.token))
                assert (error.error, "revoked" in error.message) == ("token", True)
            await made.is_well()

    asyncio.run(main())


def test_a_device_that_was_let_in_again_can_be_revoked_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            other = Registry(made.hub.folder)
            for _ in range(3):
                token = other.enrolment_token(at=made.hub.now(), name="pi")
                async with Device(made.url, token) as device:
                    assert device.refused is None
                    other.revoke("pi", at=made.hub.now())
                    await device.until(lambda: device.refused is not None)
            other.close()
            assert made.kinds().count("revoked") == 3
            await made.is_well()

    asyncio.run(main())


def test_a_clients_token_is_no_devices_and_the_other_way_round(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            client, device = made.hub.client_token, made.good.token
            for hello in (
                Hello(token=client, role="device", name="good"),
                Hello(token=device, role="client"),
                Hello(token=made.token(), role="client"),
            ):
                error = await refused(made, hello)
                assert (error.error, "no " in error.message) == ("token", True)
            await made.is_well()

    asyncio.run(main())


def test_a_client_may_not_say_what_devices_say_and_the_other_way_round(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            result = Result(work="rig@0/task-0#1", status="succeeded", seq=1)
            async with calling(made.url, Hello(token=made.hub.client_token, role="client"), result) as caller:
                assert await answer_to(caller, "not-yours")
            assign = Assign(seq=1, work="x#1", key="x", run="x", task="x", attempt=1, op="noop")
            async with AsyncExitStack() as stack:
                caller = await stack.enter_async_context(calling(made.url, Hello(token=made.token("pi"))))
                await caller.say(State(seq=1, whole=True), msgspec.structs.replace(assign, seq=2))
                assert await answer_to(caller, "not-yours")
            await made.is_well()

    asyncio.run(main())


async def answer_to(caller: Caller, code: str) -> Error:
    """The Error of that kind, which leaves the connection open."""
    async with asyncio.timeout(BOUND_S):
        while True:
            for frame in await caller.hear():
                if isinstance(frame, Error) and frame.error == code:
                    assert frame.retryable
                    return frame


def test_a_device_that_calls_itself_another_later_is_still_itself(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            async with Device(made.url, made.token("pi")) as liar:
                liar.answers = False
                made.good.answers = False
                task = asyncio.create_task(made.round_trip())
                await made.good.until(lambda: any(isinstance(frame, Assign) for frame in made.good.heard[2:]))
                assign = [frame for frame in made.good.heard if isinstance(frame, Assign)][-1]
                # The right work, under the right fence, in the name of who has it.
                extra = {"device": "good", "principal": "good", "name": "good", "token": made.good.token}
                claim = Result(work=assign.work, status="failed", fence=assign.fence, device="good", extra=extra)
                liar.dialler.post(Accept(work=assign.work, fence=assign.fence, device="good"))
                liar.dialler.post(claim)
                liar.dialler.post(Drain(because="good", extra=extra))
                async with asyncio.timeout(BOUND_S):
                    await liar.dialler.settled()
                assert not task.done()
                assert {view.name: view.state for view in made.hub.views()} == {"good": "online", "pi": "draining"}
                value = b"\xa4good"
                made.good.dialler.post(Accept(work=assign.work, fence=assign.fence))
                made.good.dialler.post(Result(work=assign.work, status="succeeded", fence=assign.fence, value=value))
                assert await task == "good"
                made.good.answers = True
            await made.is_well()

    asyncio.run(main())


def test_a_session_of_another_cannot_be_taken_over(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            session = made.good.welcomes[0].session
            async with calling(made.url, Hello(token=made.token("pi"), session=session)) as caller:
                [welcome, *_] = await caller.hear()
                assert isinstance(welcome, Welcome)
                assert (welcome.principal, welcome.resumed) == ("pi", False)
                assert welcome.session != session
            await made.is_well()

    asyncio.run(main())


def test_the_same_key_from_a_second_place_replaces_the_first(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            async with Device(made.url, made.token("pi")) as first:
                key = first.token
                async with Device(made.url, key) as second:
                    await first.until(lambda: first.refused is not None)
                    assert "another connection came as 'pi'" in str(first.refused)
                    assert second.refused is None
            assert "replaced" in made.kinds()
            await made.is_well()

    asyncio.run(main())


def test_a_token_in_a_url_is_refused_at_both_ends(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            token = made.hub.client_token
            for url in (f"{made.url}/?token={token}", f"{made.url}?{token}", made.url.replace("//", f"//{token}@")):
                with pytest.raises(TransportUrlError) as caught:
                    await transport_for(url).dial(url, max_bytes=1000)
                assert token not in str(caught.value)
            at = urlsplit(made.url).netloc
            for target in (f"/?token={token}", f"/{token}"):
                answer = await http(made.url, target, Host=at, upgrade=True)
                assert answer.startswith("HTTP/1.1 4"), answer
            assert token not in made.refusals()
            await made.is_well()

    asyncio.run(main())


def test_wrong_tokens_again_and_again_are_asked_to_wait_and_shut_out_nobody(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path, settings=Settings(failures_max=3)) as made:
            waits = [(await refused(made, Hello(token=f"device.{WRONG}"))).retry_after_s or 0.0 for _ in range(6)]
            assert waits == [0.0, 0.0, 1.0, 2.0, 4.0, 8.0]
            assert made.kinds().count("refused") == 3  # the others came while it was to wait
            async with Device(made.url, made.token("pi")) as device:
                assert device.name == "pi"
            await made.is_well()

    asyncio.run(main())


# -- browsers -------------------------------------------------------------------------------------------------


async def http(url: str, target: str = "/", *, upgrade: bool, **headers: str) -> str:
    """The answer of a plain HTTP request, or to the beginning of a WebSocket, as a browser sends it."""
    at = urlsplit(url)
    lines = [f"GET {target} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if upgrade:
        lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: orrery.1.json"]
    assert at.hostname is not None
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write("\r\n".join([*lines, "", ""]).encode())
    async with asyncio.timeout(BOUND_S):
        answer = await (reader.readuntil(b"\r\n\r\n") if upgrade else reader.read())
    writer.close()
    await writer.wait_closed()
    return answer.decode(errors="replace")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "localhost@evil.example",
        "",
    ],
)
@pytest.mark.parametrize("upgrade", [True, False], ids=["websocket", "http"])
def test_a_page_that_rebinds_its_name_to_loopback_does_not_get_in(tmp_path: Path, host: str, *, upgrade: bool) -> None:
    """The page's name leads to 127.0.0.1 by now, so the browser sends it there: with the page's own name as Host."""

    async def main() -> None:
        async with rig(tmp_path) as made:
            answer = await http(made.url, upgrade=upgrade, Host=host, Origin=f"http://{host}")
            assert answer.startswith("HTTP/1.1 4"), answer
            answer = await http(made.url, upgrade=upgrade, Host=host)  # a plain request of the same origin has none
            assert answer.startswith("HTTP/1.1 4"), answer
            assert "orrery" not in answer.lower()
            assert "403" in made.refusals() or "400" in made.refusals()
            await made.is_well()

    asyncio.run(main())


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1", "file://", "http://localhost:1"])
def test_no_web_page_may_connect(tmp_path: Path, origin: str) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            at = urlsplit(made.url).netloc
            answer = await http(made.url, upgrade=True, Host=at, Origin=origin)
            assert answer.startswith("HTTP/1.1 403"), answer
            assert "403" in made.refusals()
            assert (await http(made.url, upgrade=True, Host=at)).startswith("HTTP/1.1 101")
            await made.is_well()

    asyncio.run(main())


def test_plain_http_is_answered_with_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            for target in ("/", "/devices", "/.orrery/hub.json", "/../client.token"):
                answer = await http(made.url, target, upgrade=False, Host=urlsplit(made.url).netloc)
                assert answer.startswith("HTTP/1.1 4"), answer
                assert made.hub.client_token not in answer
            await made.is_well()

    asyncio.run(main())


def test_a_page_that_is_allowed_may_connect_and_a_name_that_is_allowed_is_answered(tmp_path: Path) -> None:
    async def main() -> None:
        hub = HubServer(tmp_path / "hub", allowed_hosts=("hub.example",), allowed_origins=("https://ui.example",))
        async with hub:
            for headers in ({"Host": "hub.example"}, {"Host": "hub.example:1", "Origin": "https://ui.example"}):
                assert (await http(hub.urls[0], upgrade=True, **headers)).startswith("HTTP/1.1 101")

    asyncio.run(main())


# -- the network ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["ws://0.0.0.0:0", "ws://[::]:0", "ws://192.0.2.1:0"])
def test_nothing_listens_beyond_loopback_without_tls(tmp_path: Path, url: str) -> None:
    async def main() -> None:
        with pytest.raises(TransportUrlError, match="wss"):
            async with HubServer(tmp_path / "hub", listen=(url,)):
                pass
        registry = Registry(tmp_path / "hub")
        assert not registry.is_running()
        registry.close()

    asyncio.run(main())


def test_said_in_full_it_does(tmp_path: Path) -> None:
    async def main() -> None:
        async with HubServer(tmp_path / "hub", listen=("ws://0.0.0.0:0",), insecure_network=True) as hub:
            url = f"ws://127.0.0.1:{urlsplit(hub.urls[0]).port}"
            async with Device(url, hub.registry.enrolment_token(at=hub.now(), name="pi")) as device:
                assert device.name == "pi"

    asyncio.run(main())


# -- size, time, number ---------------------------------------------------------------------------------------


def test_a_message_that_is_too_large_ends_its_connection_only(tmp_path: Path) -> None:
    async def main() -> None:
        settings = Settings(hello_max_bytes=10_000, max_frame_bytes=100_000)
        async with rig(tmp_path, settings=settings) as made:
            big = Profile(host="x" * 20_000)
            async with calling(made.url) as caller:
                await caller.say(Hello(token=made.token(), profile=big))
                assert not [frame for frame in await caller.end() if isinstance(frame, Welcome)]
            await made.until_refused("too-large")
            async with calling(made.url, Hello(token=made.token("pi"))) as caller:
                assert isinstance((await caller.hear())[0], Welcome)
                await caller.say(State(seq=1, whole=True, profile=big))  # larger than a Hello may be
                await caller.say(Ping(id=7))
                assert await heard(caller, Ping)
                await caller.say(State(seq=2, profile=Profile(version=2, host="x" * 200_000)))
                await caller.end()
            await made.until_refused("sent a message of more than")
            await made.is_well()

    asyncio.run(main())


async def heard(caller: Caller, kind: type[Frame]) -> bool:
    """Whether such a frame comes."""
    while frames := await caller.hear():
        if any(isinstance(frame, kind) and getattr(frame, "answer", True) for frame in frames):
            return True
    return False


def test_who_does_not_say_hello_is_cut_off(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path, settings=Settings(hello_s=0.2)) as made:
            async with calling(made.url) as caller:
                assert (await caller.refusal()).error == "too-slow"
            await made.is_well()

    asyncio.run(main())


@pytest.mark.parametrize("opening", ["tcp", "http", "websocket"])
def test_many_who_never_finish_keep_nobody_out(tmp_path: Path, opening: str) -> None:
    """Slow loris, at each step of the way: before the first byte, amid the handshake, before the Hello."""

    async def main() -> None:
        async with rig(tmp_path, settings=Settings(unknown_max=50)) as made:
            at = urlsplit(made.url)
            beginning = f"GET / HTTP/1.1\r\nHost: {at.netloc}\r\nX-Slow: ".encode() if opening == "http" else b""
            async with AsyncExitStack() as stack:
                if opening == "websocket":
                    callers = [await stack.enter_async_context(calling(made.url)) for _ in range(150)]
                    assert len(callers) == 150
                else:
                    stack.enter_context(half_open(at.port or 0, 400, beginning))
                began = time.monotonic()
                for number in range(5):
                    async with Device(made.url, made.token(f"late-{number}")) as device:
                        assert device.refused is None
                assert time.monotonic() - began < 5.0
                await made.is_well()

    asyncio.run(main())


@contextmanager
def half_open(port: int, count: int, beginning: bytes) -> Iterator[None]:
    """Connections that go no further."""
    sockets = []
    try:
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", port), timeout=BOUND_S)
            sockets.append(one)
            if beginning:
                one.send(beginning)
        yield
    finally:
        for one in sockets:
            one.close()


def test_a_flood_of_frames_is_cut_off(tmp_path: Path) -> None:
    async def main() -> None:
        settings = Settings(frames_per_s=100.0, frames_burst=500.0)
        async with rig(tmp_path, settings=settings) as made:
            async with calling(made.url, Hello(token=made.token("pi")), State(seq=1, whole=True)) as caller:
                with suppress(ConnectionLostError):
                    for seq in range(2, 5000, 100):
                        await caller.say(*(Progress(seq=seq + more, work="x#1") for more in range(100)))
                        await asyncio.sleep(0)  # let the hub read
                await caller.end()
            await made.until_refused("frames a second")
            await made.is_well()

    asyncio.run(main())


# -- malformed frames -----------------------------------------------------------------------------------------

SEEDS: tuple[Frame, ...] = (
    Hello(token=f"device.{WRONG}", profile=Profile(cpus=3)),
    Welcome(version=1, session="s", principal="good"),
    Ack(received=3),
    Ping(id=4, answer=True),
    Error(error="x", retryable=True),
    Assign(seq=1, work="x#1", key="x", run="x", task="x", attempt=1, op="noop", args=b"\x81\xa1a\x01"),
    Accept(seq=1, work="rig@0/task-0#1", fence=1 << 32, device="good"),
    Reject(seq=2, work="rig@0/task-0#1", reason="full", retry_after_s=1.0),
    Progress(seq=3, work="x#1", fraction=0.5),
    Result(seq=4, work="x#1", status="succeeded", value=b"\xa3abc", money=0.1),
    Cancel(seq=5, work="x#1", forget=True),
    Credit(slots=3),
    Credit(stream="s", upto=10),
    State(seq=6, asks=True, whole=True, profile=Profile()),
    Desired(seq=7, slots=2),
    Drain(seq=8, because="x"),
    Artifact(step="open", stream="s", digest="0" * 64),
    Artifact(step="chunk", stream="s", data=b"x" * 50),
)


VALUES: tuple[object, ...] = (
    None,
    True,
    0,
    1,
    2,
    7,
    -1,
    2**31,
    2**53,
    2**64 - 1,
    -0.5,
    1e300,
    "",
    "x",
    "good",
    "rig@0/task-0#1",
    "open",
    "stop",
    "done",
    b"",
    b"\xc1",
    [],
    [1],
    ["x"],
    {},
    {"x": 1},
    [{"work": "x#1", "key": "x", "digest": "", "phase": "running"}],
    {"on": ["good"]},
    {"tools": [{"name": "noop"}], "slots": 10**6},
)


def mutated(chance: random.Random) -> bytes:
    """A message that once was good: other bytes in it, or other fields."""
    frames = [chance.choice(SEEDS) for _ in range(chance.choice((1, 1, 1, 2, 5)))]
    if chance.random() < 0.5:
        plain = msgspec.to_builtins(frames, builtin_types=(bytes,))
        for _ in range(chance.choice((1, 1, 2, 4))):
            fields = chance.choice(plain)
            name = chance.choice([*fields, "seq", "work", "fence", "stream", "upto", "offset", "whole", "new"])
            fields[name] = chance.choice(VALUES)
        return msgspec.msgpack.encode(plain if len(plain) > 1 else plain[0])
    message = bytearray(encode(frames, "msgpack"))
    for _ in range(chance.choice((0, 1, 1, 2, 4, 16))):
        place = chance.randrange(len(message) + 1)
        match chance.randrange(5):
            case 0 if place < len(message):
                message[place] ^= 1 << chance.randrange(8)
            case 1 if place < len(message):
                message[place] = chance.randrange(256)
            case 2:
                message[place:place] = chance.randbytes(chance.randrange(1, 9))
            case 3:
                del message[place : place + chance.randrange(1, 9)]
            case _:
                other = encode([chance.choice(SEEDS)], "msgpack")
                message[place:] = other[chance.randrange(len(other)) :]
        if not message:
            return b""
    return bytes(message)


class Scripted:
    """A connection on which a hub reads what was written beforehand."""

    def __init__(self, messages: list[bytes]) -> None:
        self.peer, self.form, self.max_bytes = "192.0.2.1:1", "msgpack", 4_000_000
        self.unread = messages
        """The next one last."""
        self.said: list[bytes] = []

    async def send(self, message: bytes) -> None:
        self.said.append(message)

    async def receive(self) -> bytes:
        if not self.unread:
            raise ConnectionLostError("there is no more")
        return self.unread.pop()

    async def close(self, because: str = "") -> None:
        pass


class Stage:
    """A transport on which scripted connections come in."""

    url = "scripted:hub"
    accepted: Accepted

    async def dial(self, url: str, *, max_bytes: int) -> Scripted:
        raise ConnectionLostError("nobody is there")

    async def listen(self, url: str, accepted: Accepted, *, max_bytes: int) -> Stage:
        self.accepted = accepted
        return self

    async def close(self) -> None:
        pass


async def play(made: Rig, stage: Stage, messages: list[bytes], chance: random.Random) -> int:
    """Have the hub read every one of the messages. Returns: how many connections that took."""
    tokens = {"device": made.token("fuzz"), "client": made.hub.client_token}
    connections, waiting = 0, messages[::-1]
    while waiting:
        role = chance.choice(("device", "client"))
        hello = encode([Hello(token=tokens[role], role=role, name="fuzz")], "msgpack")  # type: ignore[arg-type]
        connection = Scripted([*waiting[-50:], hello])
        del waiting[-50:]
        await stage.accepted(connection)
        [welcome, *_] = [frame for frame in decode(connection.said[0], "msgpack") if isinstance(frame, Welcome)]
        tokens[role] = welcome.key or tokens[role]
        waiting += connection.unread  # what came after the one that ended it
        connections += 1
    return connections


@pytest.mark.timeout(100)
def test_100_000_malformed_messages(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Every message is decoded; every one that can be, and some that cannot, are read by a hub.

    What cannot be decoded ends its connection, always in the same way, and a connection takes longer than a message.
    """
    chance = random.Random(20_260_401)
    messages = [mutated(chance) for _ in range(100_000)]
    good, bad = [], []
    for message in messages:
        try:
            decode(message, "msgpack")
        except ProtocolError:
            bad.append(message)
        else:
            good.append(message)
    assert len(good) > 20_000
    assert len(bad) > 20_000

    async def main() -> None:
        stage = Stage()
        listen = ("ws://127.0.0.1:0", stage.url)
        async with rig(tmp_path, listen=listen, transports={"scripted": stage}) as made:
            assert await play(made, stage, good + bad[:2000], chance) > 2000
            await made.is_well()
            made.hub.registry.revoke("fuzz", at=made.hub.now())
            async with AsyncExitStack() as stack:
                for message in bad[-500:]:  # on a real socket, and before a Hello
                    caller = await stack.enter_async_context(calling(made.url))
                    await caller.connection.send(message)
                    assert not [frame for frame in await caller.end() if isinstance(frame, Welcome)]
                    await stack.aclose()
            await made.is_well()
            assert "failed" not in made.kinds()

    asyncio.run(main())
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
