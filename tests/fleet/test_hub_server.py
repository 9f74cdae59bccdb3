"""The hub on real sockets: who comes and goes, what survives that, and what the command line shows of it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from orrery.cli import main as cli
from orrery.errors import ConnectionLostError, HubLockedError, TransportUrlError
from orrery.fleet.client import HubClient
from orrery.fleet.hub.registry import Registry
from orrery.fleet.hub.server import HubServer
from orrery.fleet.hub.settings import Settings
from orrery.fleet.messages import Artifact, Assign, Credit, Drain, Error, Hello, State, Welcome
from orrery.fleet.profile import DeviceView, Offer, Profile
from orrery.fleet.transports.mqtt import MqttOptions, MqttTransport
from orrery.fleet.transports.tls import certificate
from orrery.fleet.transports.websocket import WebSocketOptions, WebSocketTransport
from orrery.graph.values import Blob
from orrery.journal.blobs import FileBlobs
from tests.fleet.hub_rig import BOUND_S, Device, calling, rig
from tests.fleet.mosquitto import DEVICE, HUB, Mosquitto

# -- coming and going -----------------------------------------------------------------------------------------


def test_a_lost_connection_is_no_lost_session(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made, Device(made.url, made.token("pi")) as device:
            device.dialler.link.end(ConnectionLostError("the test cut it"))
            await device.until(lambda: len(device.welcomes) == 2)
            first, second = device.welcomes
            assert (second.resumed, second.session, second.key) == (True, first.session, "")
            await made.is_well()

    asyncio.run(main())


def test_a_restarted_hub_has_new_sessions_and_a_higher_epoch(tmp_path: Path) -> None:
    async def main() -> None:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            url = f"ws://127.0.0.1:{one.getsockname()[1]}"
        async with HubServer(tmp_path, listen=(url,)) as hub:
            device = Device(url, hub.registry.enrolment_token(at=hub.now(), name="pi"))
            await device.__aenter__()
        async with HubServer(tmp_path, listen=(url,)) as hub:
            await device.until(lambda: len(device.welcomes) == 2)
            first, second = device.welcomes
            assert (first.epoch, second.epoch, second.resumed) == (1, 2, False)
            assert [view.name for view in hub.views()] == ["pi"]
            await device.__aexit__()

    asyncio.run(main())


def test_a_device_that_leaves_is_not_waited_for(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            async with Device(made.url, made.token("pi")) as device:
                device.dialler.post(Drain(because="off home"))
                await device.dialler.settled()
            registry = made.hub.registry
            async with asyncio.timeout(BOUND_S):
                while "pi" in registry.those_here(revoked_after=0.0):  # noqa: ASYNC110 - a file tells nobody
                    await asyncio.sleep(0.01)
            assert registry.those_here(revoked_after=0.0) == ("good",)
            await made.is_well()

    asyncio.run(main())


def test_draining_is_seen_and_undone_while_the_hub_runs(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            states: list[str] = []
            changed = asyncio.Event()

            def take(views: tuple[DeviceView, ...]) -> None:
                states.append(next(view.state for view in views if view.name == "good"))
                changed.set()

            async def until(state: str) -> None:
                async with asyncio.timeout(BOUND_S):
                    while states[-1:] != [state]:
                        changed.clear()
                        await changed.wait()

            made.client.watch(take)
            await until("online")
            other = Registry(made.hub.folder)
            other.drain("good", at=made.hub.now())
            await until("draining")
            await made.good.until(lambda: any(isinstance(frame, Drain) for frame in made.good.heard))
            other.drain("good", at=made.hub.now(), undo=True)
            await until("online")
            other.close()
            await made.is_well()

    asyncio.run(main())


def test_a_device_that_was_drained_while_away_drains_when_it_comes(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            async with Device(made.url, made.token("pi")) as device:
                key = device.token
            made.hub.registry.drain("pi", at=made.hub.now())
            other = Registry(made.hub.folder)
            other.note(made.hub.now(), "test", "so that the hub looks")
            other.close()
            async with Device(made.url, key) as device:
                await device.until(lambda: any(isinstance(frame, Drain) for frame in device.heard))

    asyncio.run(main())


def test_the_skills_that_the_operator_fixed_count(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            token = made.hub.registry.enrolment_token(at=made.hub.now(), name="pi", skills=("camera",))
            async with Device(made.url, token, skills=("gpu", "root")) as device:
                async with asyncio.timeout(BOUND_S):
                    await device.dialler.settled()
                views = {view.name: view for view in await made.client.devices()}
                assert views["pi"].profile.skills == ("camera",)
                assert views["good"].heard_at is not None
                assert abs(views["good"].heard_at - time.time()) < 60

    asyncio.run(main())


def test_a_hub_stops_cleanly_amid_everything(tmp_path: Path) -> None:
    async def main() -> None:
        began = 0.0
        async with rig(tmp_path) as made:
            at = urlsplit(made.url)
            half = [socket.create_connection(("127.0.0.1", at.port or 0)) for _ in range(20)]
            half[0].send(b"GET / HTTP/1.1\r\nHost: ")
            async with calling(made.url), calling(made.url, Hello(token=made.token("mute"))) as caller:
                [welcome, *_] = await caller.hear()
                assert isinstance(welcome, Welcome)
                made.good.answers = False
                made.client.submit(Assign(work="x#1", key="x", run="x", task="x", attempt=1, op="noop"), lambda _: None)
                await made.good.until(lambda: len([one for one in made.good.heard if isinstance(one, Assign)]) == 2)
                began = time.monotonic()
                await made.hub.close()
                assert time.monotonic() - began < 5.0
            for one in half:
                one.close()

    asyncio.run(main())


# -- limits ---------------------------------------------------------------------------------------------------


def test_who_does_not_take_in_what_he_is_sent_is_cut_off(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            rig(tmp_path) as made,
            calling(made.url, Hello(token=made.hub.client_token, role="client")) as caller,
        ):
            assert isinstance((await caller.hear())[0], Welcome)
            reading = asyncio.create_task(caller.end())  # it reads, but acknowledges nothing
            with suppress(ConnectionLostError):
                for begin in range(0, 9000, 100):
                    works = [f"x{number}" for number in range(begin, begin + 100)]
                    await caller.say(
                        *(
                            Assign(
                                seq=begin + number + 1,
                                work=f"{work}#1",
                                key=work,
                                run="x",
                                task="x",
                                attempt=1,
                                op="none",
                            )
                            for number, work in enumerate(works)
                        )
                    )
            said = await reading
            assert [frame.error for frame in said if isinstance(frame, Error)] == ["too-slow"]
            await made.is_well()

    asyncio.run(main())


def test_the_views_of_very_many_tools_fit_into_a_message(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path, settings=Settings(max_frame_bytes=300_000)) as made:
            tools = tuple(Offer(f"tool{number}", "x" * 100, {"x": "y" * 2000}) for number in range(100))
            async with Device(made.url, made.token("pi")) as device:
                device.dialler.post(State(profile=Profile(version=2, tools=tools)))
                await device.dialler.settled()
                views = {view.name: view for view in await made.client.devices()}
                assert [tool.name for tool in views["pi"].profile.tools] == [tool.name for tool in tools]
                assert views["pi"].profile.tools[0].parameters == {}

    asyncio.run(main())


# -- blobs ----------------------------------------------------------------------------------------------------


def test_a_blob_goes_from_one_client_to_another_through_the_hub(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made, HubClient(made.url, made.hub.client_token) as other:
            data = os.urandom(3_000_000)
            store, into = FileBlobs(tmp_path / "from"), FileBlobs(tmp_path / "into")
            blob: Blob = store.put(data)
            made.client.offer([blob], store)
            async with asyncio.timeout(BOUND_S):
                await other.fetch(blob, into)
            with into.open(blob) as file:
                assert file.read() == data
            await made.is_well()

    asyncio.run(main())


def test_who_asks_for_a_blob_and_does_not_read_it_is_cut_off(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            store = FileBlobs(tmp_path / "from")
            blob = store.put(bytes(200_000_000))
            made.client.offer([blob], store)
            async with calling(made.url, Hello(token=made.hub.client_token, role="client")) as caller:
                assert isinstance((await caller.hear())[0], Welcome)
                opened = Artifact(step="open", stream="s", digest=blob.digest)
                await caller.say(opened, Credit(stream="s", upto=blob.size_bytes))
                await made.until_refused("does not read")
            await made.is_well()

    asyncio.run(main())


# -- other ways to it -----------------------------------------------------------------------------------------


def test_devices_come_over_a_broker_too(tmp_path: Path, mosquitto: Mosquitto) -> None:
    async def main() -> None:
        hub_side, device_side = (MqttTransport(MqttOptions(username=who, password=word)) for who, word in (HUB, DEVICE))
        listen = ("ws://127.0.0.1:0", mosquitto.url)
        async with rig(tmp_path, listen=listen, transports={"mqtt": hub_side}) as made:
            assert mosquitto.url in made.hub.urls
            async with Device(mosquitto.url, made.token("pi"), transport=device_side) as device:
                assert device.name == "pi"
                assert await made.round_trip("pi") == "pi"
                other = Registry(made.hub.folder)
                other.revoke("pi", at=made.hub.now())
                other.close()
                await device.until(lambda: device.refused is not None)
            async with Device(mosquitto.url, f"device.{'A' * 43}", transport=device_side) as stranger:
                assert stranger.refused is not None
            await made.is_well()

    asyncio.run(main())


# -- TLS ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key, made as the guide says."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "hub-cert.pem", folder / "hub-key.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=hub.example"
    names = "subjectAltName=DNS:hub.example,IP:127.0.0.1"
    command = ["openssl", *words.split(), "-keyout", str(key), "-out", str(cert), "-addext", names]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return cert, key


def test_tls_with_a_certificate_of_ones_own(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    async def main() -> None:
        async with HubServer(tmp_path, listen=("wss://127.0.0.1:0",), ssl=certificate(*pair)) as hub:
            token = hub.registry.enrolment_token(at=hub.now(), name="pi")
            trusting = WebSocketTransport(WebSocketOptions(ssl=ssl.create_default_context(cafile=pair[0])))
            connection = await trusting.dial(hub.urls[0], max_bytes=1_000_000)
            await connection.close()
            with pytest.raises(ConnectionLostError, match="certificate"):
                await WebSocketTransport().dial(hub.urls[0], max_bytes=1_000_000)
            with pytest.raises(ConnectionLostError):
                await WebSocketTransport().dial(hub.urls[0].replace("wss", "ws"), max_bytes=1_000_000)
            assert not hub.views()
            assert token

    asyncio.run(main())


def test_a_hub_at_every_address_is_dialled_by_its_name(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    async def main() -> None:
        listen = ("wss://0.0.0.0:0", "ws://127.0.0.1:0")
        names = ("hub.example", "other.example")
        async with HubServer(tmp_path, listen=listen, ssl=certificate(*pair), allowed_hosts=names) as hub:
            assert [urlsplit(url).hostname for url in hub.urls] == ["127.0.0.1", "hub.example"]
            assert hub.registry.urls() == hub.urls

    asyncio.run(main())


def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing of the kind")
    for path in (wrong, tmp_path / "missing.pem"):
        with pytest.raises(TransportUrlError, match=path.name):
            certificate(path)


# -- the command line -----------------------------------------------------------------------------------------


class Hub:
    """`orrery hub` as a process, and commands beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = self.start()
        assert self.process.stdout is not None
        self.said = json.loads(self.process.stdout.readline())

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Another one."""
        command = [sys.executable, "-m", "orrery", "hub", "--listen", "ws://127.0.0.1:0", "--json", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, stdout=pipe, stderr=pipe, text=True)

    def orrery(self, *words: str, status: int = 0) -> str:
        """What a command says, in this process."""
        return orrery(*words, status=status)


def orrery(*words: str, status: int) -> str:
    """What a command says, here."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        assert cli(words) == status, said.getvalue()
    return said.getvalue()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.chdir(tmp_path)
    made = Hub(tmp_path)
    yield made
    if made.process.poll() is None:
        made.process.terminate()
    out, err = made.process.communicate(timeout=30)
    assert made.process.returncode == 0, err
    assert (out, err) == ("", "")


def test_the_commands_of_a_hub(hub: Hub) -> None:
    file = hub.folder / ".orrery" / "hub.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["urls"] == hub.said["urls"]
    made = json.loads(hub.orrery("devices", "enrol", "pi", "--skills", "gpu, camera", "--json"))
    assert made["command"] == f"orrery device --hub {hub.said['urls'][0]} --token {made['token']} --name pi"

    async def main() -> None:
        async with Device(hub.said["urls"][0], made["token"], slots=3) as device:
            await device.dialler.settled()
            loop = asyncio.get_running_loop()

            async def said(*words: str, status: int = 0) -> str:
                return await loop.run_in_executor(None, lambda: hub.orrery(*words, status=status))

            header, line, *_ = (await said("devices")).splitlines()
            assert header.split() == ["device", "state", "tasks", "load", "latency", "trust", "heard", "skills"]
            assert line.split()[:3] == ["pi", "online", "0/3"]
            assert line.endswith("gpu camera")
            [found] = json.loads(await said("devices", "--json"))["devices"]
            assert (found["name"], found["state"], found["tools"]) == ("pi", "online", ["noop"])
            assert "takes nothing new" in await said("devices", "drain", "pi")
            await device.until(lambda: any(isinstance(frame, Drain) for frame in device.heard))
            assert "draining" in await said("devices")
            await said("devices", "revoke", "pi")
            await device.until(lambda: device.refused is not None)
            assert "no device 'mac'" in await said("devices", "revoke", "mac", status=2)
            told = await said("devices", "audit", "--json")
            kinds = [record["kind"] for record in json.loads(told)["records"]]
            assert [kind for kind in kinds if kind in ("started", "enrolled", "drain", "revoke")] == [
                "started",
                "enrolled",
                "drain",
                "revoke",
            ]
            assert made["token"] not in told

    asyncio.run(main())


def test_a_second_hub_in_the_same_folder_is_refused(hub: Hub) -> None:
    out, err = (second := hub.start()).communicate(timeout=60)
    assert (second.returncode, out) == (1, "")
    assert f"process {hub.said['pid']} runs a hub in {hub.folder / '.orrery' / 'hub'} already" in err
    assert "[hub-locked]" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_hub_ends_cleanly_when_it_is_told_to(hub: Hub, number: signal.Signals) -> None:
    at = urlsplit(hub.said["urls"][0])
    half = [socket.create_connection(("127.0.0.1", at.port or 0)) for _ in range(5)]
    half[0].send(b"GET / HTTP/1.1\r\n")
    hub.process.send_signal(number)
    assert hub.process.wait(timeout=30) == 0
    for one in half:
        one.close()
    assert "no hub runs" in hub.orrery("devices")
    assert "no hub runs" in hub.orrery("devices", "--watch", status=2)


def test_what_a_hub_cannot_do_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "--tls-cert" in orrery("hub", "--listen", "ws://0.0.0.0:0", status=2)
    assert "there is no hub's state in" in orrery("devices", "enrol", "pi", "--state", "nowhere", status=2)


def test_one_folder_has_one_hub_within_a_process_too(tmp_path: Path) -> None:
    async def main() -> None:
        async with HubServer(tmp_path):
            with pytest.raises(HubLockedError):
                async with HubServer(tmp_path):
                    pass

    asyncio.run(main())
