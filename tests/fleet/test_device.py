"""`orrery device` as a process of its own, against a real hub: what it does when the world goes wrong."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from orrery.cli import main
from orrery.errors import EnrolmentError, HubRefusedError, StoreError
from orrery.fleet.client import HubClient
from orrery.fleet.hub.registry import Registry
from orrery.fleet.hub.server import HubServer
from orrery.fleet.hub.settings import Settings
from orrery.fleet.messages import Accept, Assign, Progress, Reject, Result
from orrery.graph import values
from orrery.graph.place import Place
from orrery.graph.values import Blob
from orrery.journal.blobs import FileBlobs
from orrery.runtime.device import make_device

ROOT = Path(__file__).parents[2]
WITHIN_S = 40.0
SETTINGS = Settings(heartbeat_s=0.3, lease_s=10.0, away_s=10.0, patience_s=3.0)
JOBS = "py:tests.fleet.device_jobs"

Test = Callable[["Rig"], Awaitable[None]]


class Rig:
    """A hub in this process, a client of it, and devices in processes of their own."""

    client: HubClient

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.count = 0

    async def start_hub(self, port: int = 0) -> None:
        self.hub = HubServer(self.folder / "hub", listen=(f"ws://127.0.0.1:{port}",), settings=SETTINGS)
        await self.hub.__aenter__()
        self.url = self.hub.urls[0]

    async def restart_hub(self) -> None:
        port = int(self.url.rpartition(":")[2])
        await self.hub.close()
        await self.start_hub(port)

    def device(self, *options: str, token: str | None = None, name: str = "pi") -> subprocess.Popen[bytes]:
        """Start a device; with no token, a new one is made for it."""
        if token is None:
            token = self.hub.registry.enrolment_token(name=name, at=self.hub.now())
        command = [sys.executable, "-m", "orrery", "device", "--hub", self.url, "--folder", str(self.folder / name)]
        process = subprocess.Popen(
            [*command, "--allow", f"{JOBS}:*", "--slots", "2", *options],
            cwd=ROOT,
            env={**os.environ, "ORRERY_DEVICE_TOKEN": token, "COLUMNS": "300"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        self.processes.append(process)
        return process

    async def online(self, name: str = "pi") -> None:
        def is_there() -> bool:  # it has answered, so it has heard that it is welcome
            views = {one.name: one for one in self.hub.views()}
            return name in views and views[name].state == "online" and views[name].latency_s is not None

        await until(is_there)

    async def end(self, process: subprocess.Popen[bytes]) -> tuple[int, str]:
        """How a device ended, and what it said."""
        async with asyncio.timeout(WITHIN_S):
            out, _ = await asyncio.to_thread(process.communicate)
        return process.returncode, out.decode()

    def ask(self, op: str, args: dict[str, Any], **fields: Any) -> Asked:
        """Ask for an attempt."""
        self.count += 1
        key = fields.pop("key", f"run@1/t{self.count}")
        attempt = fields.pop("attempt", 1)
        assign = Assign(
            work=f"{key}#{attempt}",
            key=key,
            run="run",
            task=key.rpartition("/")[2],
            attempt=attempt,
            op=op,
            args=values.encode(args),
            digest=fields.pop("digest", op),
            place=Place(on=("pi",)),
            **fields,
        )
        asked = Asked()
        self.client.submit(assign, asked.hear)
        return asked


class Asked:
    """What was answered to an Assign."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.over = asyncio.Event()

    def hear(self, frame: Accept | Reject | Progress | Result) -> None:
        self.answers.append(frame)
        if isinstance(frame, Result | Reject):
            self.over.set()

    async def end(self) -> Any:
        async with asyncio.timeout(WITHIN_S):
            await self.over.wait()
        return self.answers[-1]

    async def value(self) -> Any:
        result = await self.end()
        assert isinstance(result, Result), result
        assert result.status == "succeeded", result
        return values.decode(result.value)

    async def failure(self) -> Any:
        result = await self.end()
        assert result.status == "failed", result
        return result.failure


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not holds():  # noqa: ASYNC110 - what happens in other processes sets no event here
            await asyncio.sleep(0.01)


@asynccontextmanager
async def rig(folder: Path) -> AsyncIterator[Rig]:
    found = Rig(folder)
    await found.start_hub()
    try:
        async with HubClient(found.url, found.hub.client_token) as found.client:
            yield found
    finally:
        for process in found.processes:
            if process.poll() is None:
                process.kill()
            if process.stdout is not None:
                process.stdout.close()
            process.wait()
        await found.hub.close()


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_it_enrols_performs_refuses_and_leaves(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as fleet:
            device = fleet.device("--skills", "camera,gpu")
            await fleet.online()
            identity = tmp_path / "pi" / "device.json"
            assert identity.stat().st_mode & 0o077 == 0
            assert json.loads(identity.read_text())["name"] == "pi"
            (view,) = fleet.hub.views()
            assert view.profile.skills == ("camera", "gpu")

            await fleet.ask("files.write", {"path": "a.txt", "content": "hello"}, effects="idempotent").value()
            assert (tmp_path / "pi" / "files" / "a.txt").read_text() == "hello"
            assert await fleet.ask("files.read", {"path": "a.txt"}, effects="idempotent").value() == "hello"
            assert await fleet.ask(f"{JOBS}:environment", {"name": "ORRERY_DEVICE_TOKEN"}).value() == ""

            (tmp_path / "pi" / "files" / "way").symlink_to("/etc")
            failure = await fleet.ask("files.read", {"path": "way/hostname"}, effects="idempotent").failure()
            assert "leads outside the device's folder" in failure.message
            failure = await fleet.ask("shell.run", {"command": "true"}).failure()
            assert "shell.run" in failure.message
            failure = await fleet.ask("files.read", {"paht": "a.txt"}, effects="idempotent").failure()
            assert "paht" in failure.message

            device.send_signal(signal.SIGTERM)
            code, said = await fleet.end(device)
            assert code == 0, said
            assert "enrolled as pi" in said
            assert "leads outside" in said
            assert "left" in said

    asyncio.run(story())


def test_killed_in_the_middle_of_a_task_it_says_so_when_it_is_back(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as fleet:
            device = fleet.device()
            await fleet.online()
            args = {"begun": str(tmp_path / "begun"), "gate": str(tmp_path / "gate")}
            once = fleet.ask(f"{JOBS}:mark_and_wait", args, effects="once", key="run@1/once")
            kept = fleet.ask(f"{JOBS}:mark", {"begun": str(tmp_path / "kept")}, effects="keyed", key="run@1/kept")
            assert await kept.value() == "marked"
            await until(lambda: len(lines(tmp_path / "begun")) == 1)
            worker = int(lines(tmp_path / "begun")[0].split()[1])
            device.kill()
            await until(lambda: not _is_alive(worker))  # no task outlives its device

            fleet.device(token="")  # it has its key
            lost = await once.end()
            assert (lost.status, lost.effect) == ("lost", "unknown")
            assert len(lines(tmp_path / "begun")) == 1

            # A run that was resumed asks for the next attempt; what was done is not done again.
            again = fleet.ask(
                f"{JOBS}:mark", {"begun": str(tmp_path / "kept")}, effects="keyed", key="run@1/kept", attempt=2
            )
            result = await again.end()
            assert (result.status, result.remembered) == ("succeeded", True)
            assert len(lines(tmp_path / "kept")) == 1

            # A person who was asked says: do it.
            (tmp_path / "gate").touch()
            second = fleet.ask(f"{JOBS}:mark_and_wait", args, effects="once", key="run@1/once", attempt=2)
            assert await second.value() == "done"
            assert len(lines(tmp_path / "begun")) == 2

    asyncio.run(story())


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_hub_that_is_restarted_finds_the_device_still_at_work(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as fleet:
            device = fleet.device()
            await fleet.online()
            args = {"begun": str(tmp_path / "begun"), "gate": str(tmp_path / "gate")}
            asked = fleet.ask(f"{JOBS}:mark_and_wait", args, effects="once")
            await until(lambda: len(lines(tmp_path / "begun")) == 1)
            await fleet.restart_hub()
            await fleet.online()
            (tmp_path / "gate").touch()
            assert await asked.value() == "done"
            assert len(lines(tmp_path / "begun")) == 1
            assert device.poll() is None

    asyncio.run(story())


def test_told_to_leave_it_finishes_what_runs_and_a_second_time_it_stops_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as fleet:
            device = fleet.device()
            await fleet.online()
            args = {"begun": str(tmp_path / "begun"), "gate": str(tmp_path / "gate")}
            asked = fleet.ask(f"{JOBS}:mark_and_wait", args)
            await until(lambda: len(lines(tmp_path / "begun")) == 1)
            device.send_signal(signal.SIGTERM)
            await until(lambda: fleet.hub.views()[0].state == "draining")
            (tmp_path / "gate").touch()
            assert await asked.value() == "done"
            assert (await fleet.end(device))[0] == 0

            (tmp_path / "gate").unlink()
            device = fleet.device(token="")
            await fleet.online()
            asked = fleet.ask(f"{JOBS}:mark_and_wait", args, effects="once")
            await until(lambda: len(lines(tmp_path / "begun")) == 2)
            device.send_signal(signal.SIGINT)
            await until(lambda: fleet.hub.views()[0].state == "draining")
            device.send_signal(signal.SIGINT)
            assert (await fleet.end(device))[0] == 0
            lost = await asked.end()
            assert (lost.status, lost.effect) == ("lost", "unknown")

    asyncio.run(story())


def test_the_limits_of_a_task_end_it_with_words_that_say_which(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as fleet:
            fleet.device("--memory", "700MB", "--cpu", "1", "--open-files", "64")
            await fleet.online()
            memory = fleet.ask(f"{JOBS}:fill", {"size_bytes": 1_000_000_000}, effects="pure")
            processor = fleet.ask(f"{JOBS}:burn", {}, effects="pure")
            failure = await memory.failure()
            assert "700 MB of memory" in failure.message
            assert (failure.type, failure.severity) == ("LimitReachedError", "permanent")
            failure = await processor.failure()
            assert "1 s of processor time" in failure.message

            late = fleet.ask(f"{JOBS}:burn", {}, effects="pure", timeout_s=0.5)
            files = fleet.ask(f"{JOBS}:open_many", {"count": 100}, effects="pure")
            assert "Too many open files" in (await files.failure()).message
            failure = await late.failure()
            assert (failure.type, failure.code) == ("TimeoutError", "timeout")
            assert "0.5 s" in failure.message

            lost = await fleet.ask(f"{JOBS}:die", {}, effects="once").end()
            assert (lost.status, lost.effect) == ("lost", "unknown")
            assert lost.failure is not None
            assert "7" in lost.failure.message  # how its worker ended
            assert await fleet.ask(f"{JOBS}:fill", {"size_bytes": 1000}, effects="pure").value() == 1000

    asyncio.run(story())


def test_large_values_come_and_go_by_their_digest(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as fleet:
            fleet.device()
            await fleet.online()
            ours = FileBlobs(tmp_path / "ours")
            text = "word " * 200_000
            blob = ours.put(values.encode(text), "value")
            sources = fleet.client.offer([blob], ours)
            repeated = fleet.ask("text.replace", {"text": blob, "old": "word", "new": "WORD"}, sources=sources)
            result = await repeated.end()
            assert result.status == "succeeded", result
            made: Any = values.decode(result.value)
            assert isinstance(made, Blob)
            assert result.blobs == (made,)
            await fleet.client.fetch(made, ours)
            assert values.decode(ours.get(made)) == text.replace("word", "WORD")
            count = fleet.ask("text.count", {"text": made}, effects="pure")  # it need not be fetched: it is there
            assert (await count.value())["words"] == 200_000

    asyncio.run(story())


def test_who_is_not_let_in_reads_why(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as fleet:
            with pytest.raises(EnrolmentError, match="orrery devices enrol"):
                make_device(fleet.url, tmp_path / "pi")
            with pytest.raises(HubRefusedError):
                await make_device(fleet.url, tmp_path / "pi", token="enrol.nobody-made-this").run()
            assert not (tmp_path / "pi" / "device.json").exists()

            token = fleet.hub.registry.enrolment_token(name="pi", at=fleet.hub.now())
            first = fleet.device(token=token)
            await fleet.online()
            with pytest.raises(StoreError, match="a device works in this folder already"):
                make_device(fleet.url, tmp_path / "pi")
            first.send_signal(signal.SIGTERM)
            assert (await fleet.end(first))[0] == 0

            await until(lambda: fleet.hub.views()[0].state == "gone")

            # Its token is spent, and the key that it got for it counts: a service file need not be edited.
            again = fleet.device(token=token)
            await fleet.online()
            operator = Registry(tmp_path / "hub")  # as `orrery devices revoke` in another process
            operator.revoke("pi", at=fleet.hub.now())
            operator.close()
            code, said = await fleet.end(again)
            assert code == 2
            assert "revoked" in said

    asyncio.run(story())


def test_told_to_leave_while_it_is_being_enrolled_it_keeps_its_key(tmp_path: Path) -> None:
    async def story() -> None:
        async with rig(tmp_path) as fleet:
            token = fleet.hub.registry.enrolment_token(name="pi", at=fleet.hub.now())
            device = make_device(fleet.url, tmp_path / "pi", token=token)
            running = asyncio.create_task(device.run())
            device.drain("at once")
            async with asyncio.timeout(WITHIN_S):
                await running
            assert json.loads((tmp_path / "pi" / "device.json").read_text())["key"].startswith("device.")

    asyncio.run(story())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--memory", "lots"], "not a size"),
        (["--slots", "-1"], "--slots must be"),
        (["--token-file", "/not/there"], "cannot be read"),
        (["--hub", "gopher://x"], "gopher"),
    ],
)
def test_a_wrong_request_is_named(
    tmp_path: Path,
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ORRERY_DEVICE_TOKEN", "enrol.x")
    hub = [] if "--hub" in options else ["--hub", "ws://127.0.0.1:1"]
    assert main(["device", "--folder", str(tmp_path / "pi"), *hub, *options]) == 2
    assert message in capsys.readouterr().err


def test_a_device_needs_no_more_than_the_core(tmp_path: Path) -> None:
    program = """
import sys
for name in ("websockets aiomqtt psutil duckdb matplotlib numpy httpx2 pydantic_ai mcp rich cyclopts yaml").split():
    sys.modules[name] = None
import orrery.runtime.device
from pathlib import Path
from orrery.runtime.device import DeviceOptions, make_device
agent = make_device("memory:hub", Path(sys.argv[1]), token="enrol.x")
print(sorted({one.name.partition(".")[0] for one in agent.profile.tools}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, timeout=WITHIN_S, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert b"'files'" in done.stdout
