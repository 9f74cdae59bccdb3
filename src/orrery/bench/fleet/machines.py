"""Machines: the hub, the five devices and their services, each a real process; they can be killed and mended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from orrery.bench.fleet.counters import Counters
from orrery.bench.fleet.deeds.fleet import ready
from orrery.bench.fleet.deeds.pace import PACE
from orrery.bench.fleet.exercise import HUB, Drill
from orrery.bench.fleet.setting import PROFILES, Setting, device_folder
from orrery.bench.fleet.steps import step
from orrery.bench.planning.settings import variables
from orrery.errors import OutsideError
from orrery.fleet.client import HubClient
from orrery.fleet.hubs import HubAddress
from orrery.fleet.private import write_private
from orrery.fleet.profile import DeviceView
from orrery.fleet.transports.registry import transport_for
from orrery.graph import Graph
from orrery.runtime.device import IDENTITY
from orrery.runtime.executors.fleet import FleetExecutor
from orrery.runtime.executors.protocol import Executor
from orrery.runtime.session import Session

ALLOWED = ("py:orrery.bench.fleet.deeds*", "files.*", "data.*", "http.*", "shell.*", "python.*")
"""What each device lets others do beside what only reads or computes."""
SERVICES = "services"
START_S, STOP_S = 60.0, 10.0
"""How long everything may take to be there, and a process to end."""
WARM_S = 0.3
"""How long each slot is held once, so that no request pays for the start of a worker."""

Kind = TypeVar("Kind")
Process = asyncio.subprocess.Process


class Introduction(msgspec.Struct, frozen=True):
    """What the hub's process says of itself when it listens."""

    url: str
    token: str
    enrolment: dict[str, str]


class LocalMachines:
    """All processes of the bench; use `running`.

    Args:
        root: the folder of everything.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._url = f"ws://127.0.0.1:{_free_port()}"
        self._processes: dict[str, Process] = {}
        self._hub = Introduction("", "", {})
        self._past = Counters()
        self._asking = asyncio.Lock()
        self.ports: dict[str, int] = {}

    # -- what a run needs -----------------------------------------------------------------------------------

    def executor(self) -> Executor:
        """A fresh executor that has tasks performed on the devices."""
        return FleetExecutor(self.address)

    @property
    def address(self) -> HubAddress:
        """Where the hub is."""
        return HubAddress(self._url, self._hub.token)

    async def counters(self) -> Counters:
        """What went through the hub, over all its lives."""
        async with self._asking:
            hub = self._processes[HUB]
            assert hub.stdin is not None
            hub.stdin.write(b"\n")
            now = await self._said(HUB, Counters)
        return now.plus(self._past)

    async def strike(self, drill: Drill) -> None:
        """SIGKILL, and where the drill wants it a start right after."""
        if drill.kills == HUB:
            self._past = await self.counters()
        await self._kill(drill.kills)
        if drill.returns:
            await self._start(drill.kills)

    async def mend(self) -> None:
        """Start what is down, and return when every device is online and warm."""
        down = [name for name in (HUB, *PROFILES) if name not in self._processes]
        for name in down:
            await self._start(name)
        await self._online(PROFILES)
        await self._warm([name for name in down if name != HUB] or ([*PROFILES] if down else []))

    # -- starting and ending ----------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Start the services, the hub and the devices. Raises OutsideError if one does not come up."""
        await self._spawn(SERVICES, "-m", "orrery.bench.fleet.services", str(self._root))
        self.ports = await self._said(SERVICES, dict[str, int])
        await self.mend()

    async def end(self) -> None:
        """End every process: the devices first, so that they can take their leave of the hub."""
        for names in (list(PROFILES), [HUB, SERVICES]):
            ending = {name: process for name, process in self._processes.items() if name in names}
            for process in ending.values():
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
            for name, process in ending.items():
                try:
                    async with asyncio.timeout(STOP_S):
                        await process.wait()
                except TimeoutError:
                    await self._kill(name)

    async def _start(self, name: str) -> None:
        if name == HUB:
            await self._spawn(HUB, "-m", "orrery.bench.fleet.hub", str(self._root / HUB), self._url)
            self._hub = await self._said(HUB, Introduction)
            return
        profile, folder = PROFILES[name], device_folder(self._root, name)
        token = self._root / f"{name}.token"
        write_private(token, self._hub.enrolment.get(name, ""))
        command = ["-m", "orrery", "device", "--hub", self._url, "--name", name, "--folder", str(folder.parent)]
        if not (folder.parent / IDENTITY).exists():
            command += ["--token-file", str(token)]
        command += ["--skills", ",".join(profile.skills), "--slots", str(profile.slots)]
        command += ["--speed", str(profile.speed)]
        for pattern in ALLOWED:
            command += ["--allow", pattern]
        await self._spawn(name, *command, pace=1 / profile.speed)

    async def _spawn(self, name: str, *arguments: str, pace: float = 1.0) -> Process:
        log = self._root / f"{name}.err"
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=file,
                cwd=self._root,
                env={**os.environ, PACE: str(pace)},
            )
        self._processes[name] = process
        return process

    async def _said(self, name: str, kind: type[Kind]) -> Kind:
        """The next line of JSON that a process prints. Raises OutsideError if it has ended, or says nothing."""
        process = self._processes[name]
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_S):
                line = await process.stdout.readline()
        except TimeoutError:
            raise OutsideError(f"the process of {name} says nothing for {START_S:g} s{self._log(name)}") from None
        if not line:
            raise OutsideError(f"the process of {name} ended with status {await process.wait()}{self._log(name)}")
        return msgspec.json.decode(line, type=kind)

    def _log(self, name: str) -> str:
        """The last that a process wrote to its stderr."""
        text = (self._root / f"{name}.err").read_text(encoding="utf-8", errors="replace").strip()
        return f"; it said: {text[-500:]}" if text else ""

    async def _kill(self, name: str) -> None:
        process = self._processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    # -- waiting until all is well ------------------------------------------------------------------------------

    async def _online(self, names: Collection[str]) -> None:
        """Return when the hub sees them all online."""
        there = asyncio.Event()
        seen: dict[str, str] = {}

        def look(devices: Iterable[DeviceView]) -> None:
            seen.update({device.name: device.state for device in devices})
            if all(seen.get(name) == "online" for name in names):
                there.set()

        async with HubClient(self._url, self._hub.token) as client:
            client.watch(look)
            try:
                async with asyncio.timeout(START_S):
                    await there.wait()
            except TimeoutError:
                missing = {name: seen.get(name, "never seen") for name in names if seen.get(name) != "online"}
                logs = {name: (self._root / f"{name}.err").read_text(errors="replace")[-500:] for name in missing}
                raise OutsideError(
                    f"devices did not come up within {START_S:g} s: {missing}; they said {logs}"
                ) from None

    async def _warm(self, names: Collection[str]) -> None:
        """Have every slot of these devices perform something, so that its worker is there and has what it needs."""
        if not names:
            return
        tasks = [
            step(f"{name}-{slot}", ready, name, wait_s=WARM_S, number=slot)
            for name in names
            for slot in range(PROFILES[name].slots)
        ]
        async with Session("memory://", executors={"fleet": self.executor()}) as session:
            result = await asyncio.wait_for(session.start(Graph(tasks), folder=self._root).wait(), START_S)
        if result.state != "succeeded":
            raise OutsideError(f"the devices do not work: {result.error}")


@asynccontextmanager
async def running(root: Path) -> AsyncIterator[tuple[Setting, LocalMachines]]:
    """The hub, the devices and their services below a folder, while the block runs.

    Raises:
        OutsideError: something does not come up.
        MissingExtraError: the extra "fleet" is not installed.
    """
    transport_for("ws://127.0.0.1")
    Setting(root)
    machines = LocalMachines(root)
    try:
        await machines.begin()
        with variables({"ORRERY_HUB": machines.address.url, "ORRERY_HUB_TOKEN": machines.address.token}):
            yield Setting(root, machines.ports), machines
    finally:
        await machines.end()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


__all__ = ["LocalMachines", "running"]
