"""Machines: hub, devices and run of one drill, each a process; they can be killed, cut off and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import msgspec

from orrery.bench.fleet_drills.driver import Order, Verdict
from orrery.errors import OutsideError
from orrery.fleet.client import HubClient
from orrery.fleet.hub.registry import Registry
from orrery.fleet.hubs import HubAddress
from orrery.fleet.private import write_private
from orrery.fleet.profile import DeviceView
from orrery.graph import Graph
from orrery.graph.codec import to_json
from orrery.testing.fault_proxy import FaultProxy

HUB, RUN = "hub", "run"
LEASE_S, AWAY_S, PATIENCE_S = 3.0, 6.0, 3.0
"""How long a silent device keeps its work, is waited for after that, and a task waits for a device that can do it."""
START_S, STOP_S = 60.0, 10.0
"""How long a process may take to be there, and to end."""


@dataclass(frozen=True)
class Member:
    """A device of a drill.

    Args:
        skills: words by which tasks find it.
        clock_s: how far its clocks are ahead.
        lies: it says that it can do everything, and does nothing.
    """

    name: str
    skills: tuple[str, ...]
    clock_s: float = 0.0
    lies: bool = False


class Machines:
    """The processes of one drill; an async context manager that starts the hub and the devices.

    Args:
        folder: of all that they keep.
        members: the devices.
        lease_s: how long a silent device keeps its work.

    Attributes:
        killed: who was killed, and not started again since.
        proxies: the way of each device to the hub.
    """

    def __init__(self, folder: Path, members: Collection[Member], *, lease_s: float = LEASE_S) -> None:
        self.killed: set[str] = set()
        self.proxies: dict[str, FaultProxy] = {}
        self._lease_s = lease_s
        self._folder, self._members = folder, {member.name: member for member in members}
        self._processes: dict[str, Process] = {}
        self._url = "ws://127.0.0.1:0"
        self._address = HubAddress("", "")
        self._stack = AsyncExitStack()
        self._devices: dict[str, DeviceView] = {}
        self._news = asyncio.Condition()
        self._looking: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Machines:
        try:
            await self.start(HUB)
            for name in self._members:
                self.proxies[name] = await self._stack.enter_async_context(FaultProxy(self._url))
                await self.start(name)
            client = await self._stack.enter_async_context(HubClient(self._address.url, self._address.token))
            client.watch(self._look)
            await self.until_seen(lambda seen: all(seen.get(name) == "online" for name in self._members))
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    # -- what a drill does to them ----------------------------------------------------------------------------------

    async def kill(self, name: str) -> None:
        """SIGKILL to that one process: nothing is tidied up, nobody is told."""
        self.killed.add(name)
        process = self._processes[name]
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def start(self, name: str) -> None:
        """Start the hub or a device, or start it again where it was."""
        self.killed.discard(name)
        if name == HUB:
            await self._start_hub()
            return
        member, home = self._members[name], self._folder / name
        module: Sequence[str] = ["orrery"]
        if member.lies:
            module = ["orrery.bench.fleet_drills.liar"]
        elif member.clock_s:
            module = ["orrery.bench.fleet_drills.shifted", f"{member.clock_s:g}"]
        words = ["device", "--hub", self.proxies[name].url, "--name", name, "--folder", str(home), "--slots", "2"]
        words += ["--skills", ",".join(member.skills)]
        if not member.lies:
            words += ["--allow", "py:orrery.bench.fleet_drills.*"]
        if not home.exists():
            words += ["--token-file", str(self._token(name))]
        await self._spawn(name, [*module, *words])

    async def start_run(self, graph: Graph, verdict: Verdict) -> None:
        """Start the run, or go on with it where its log is."""
        self.killed.discard(RUN)
        order = Order(to_json(graph), self.store, self._address, verdict)
        file = self._folder / "order.json"
        write_private(file, msgspec.json.encode(order).decode())
        await self._spawn(RUN, ["orrery.bench.fleet_drills.driver", str(file)])

    @property
    def store(self) -> str:
        """The URL of the run's store."""
        return f"sqlite:///{self._folder / 'runs.db'}"

    async def run_ended(self) -> None:
        """Return when the process of the run has ended by itself. Raises OutsideError if it failed."""
        process = self._processes[RUN]
        if await process.wait() != 0:
            raise OutsideError(f"the process of the run ended with status {process.returncode}: {self._said(RUN)}")

    async def until_seen(self, holds: Callable[[dict[str, str]], bool]) -> None:
        """Return once the hub sees its devices in such states. Raises OutsideError."""
        try:
            async with asyncio.timeout(START_S), self._news:
                await self._news.wait_for(lambda: holds({name: view.state for name, view in self._devices.items()}))
        except TimeoutError:
            seen = {name: view.state for name, view in self._devices.items()}
            said = "; ".join(f"{name}: {self._said(name)}" for name in self._members)
            raise OutsideError(f"the devices are {seen} after {START_S:g} s; they said {said}") from None

    # -- processes --------------------------------------------------------------------------------------------------

    async def _start_hub(self) -> None:
        words = ["hub", "--listen", self._url, "--state", str(self._folder / HUB), "--json"]
        words += ["--lease", f"{self._lease_s:g}", "--away", f"{AWAY_S:g}", "--patience", f"{PATIENCE_S:g}"]
        process = await self._spawn(HUB, ["orrery", *words], stdout=PIPE)
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_S):
                line = await process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            raise OutsideError(f"the hub did not start: {self._said(HUB)}")
        said = msgspec.json.decode(line)
        self._url = said["urls"][0]  # with the port that it was given, at which it comes back
        near = msgspec.json.decode((self._folder / said["file"]).read_bytes())
        self._address = HubAddress(self._url, near["token"])

    def _token(self, name: str) -> Path:
        registry = Registry(self._folder / HUB)
        try:
            token = registry.enrolment_token(at=time.time(), name=name)
        finally:
            registry.close()
        path = self._folder / f"{name}.token"
        write_private(path, token)
        return path

    async def _spawn(self, name: str, words: Sequence[str], *, stdout: int = DEVNULL) -> Process:
        with (self._folder / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *words,
                stdin=DEVNULL,
                stdout=stdout,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
            )
        self._processes[name] = process
        return process

    def _said(self, name: str) -> str:
        path = self._folder / f"{name}.log"
        return (path.read_text(errors="replace").strip()[-500:] if path.exists() else "") or "it said nothing"

    async def _end(self) -> None:
        await self._stack.aclose()
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # also what a killed device may have left behind
        for process in self._processes.values():
            await process.wait()
        await asyncio.gather(*self._looking)

    def _look(self, devices: Sequence[DeviceView]) -> None:
        self._devices.update({device.name: device for device in devices})

        async def tell() -> None:
            async with self._news:
                self._news.notify_all()

        task = asyncio.get_running_loop().create_task(tell())
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)


__all__ = ["AWAY_S", "HUB", "LEASE_S", "PATIENCE_S", "RUN", "Machines", "Member"]
