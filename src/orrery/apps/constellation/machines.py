"""The hub and the five devices, each a process of its own, started by the commands that everybody types."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from orrery.apps.constellation.network import Network
from orrery.errors import OutsideError
from orrery.fleet import DeviceView, HubAddress, HubClient

START_S, STOP_S = 60.0, 10.0
"""How long they may take to be there, and to end."""
LEASE_S = 3.0
"""How long a device keeps its work after it was last heard of. In a real fleet it is longer; here somebody waits."""


@dataclass(frozen=True)
class Member:
    """A device of the demo.

    Args:
        slots: how many tasks it does at once.
        skills: words by which tasks find it.
    """

    name: str
    slots: int
    skills: tuple[str, ...]


MEMBERS = (
    Member("archive", 1, ("history",)),
    Member("quarry-1", 2, ("source",)),
    Member("quarry-2", 2, ("source",)),
    Member("weather", 1, ("sensor",)),
    Member("forge", 4, ("analysis", "gpu")),
)


class Machines:
    """The processes of the fleet; an async context manager.

    Args:
        folder: of their keys, files and logs.
        sources: a folder that the device with the history may read.
    """

    def __init__(self, folder: Path, network: Network, sources: Path) -> None:
        self._folder, self._network, self._sources = folder, network, sources
        self._processes: dict[str, Process] = {}
        self.hub = HubAddress("", "")

    async def __aenter__(self) -> Machines:
        try:
            await self._begin()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    def kill(self, name: str) -> None:
        """SIGKILL: nothing is tidied up, nobody is told."""
        with contextlib.suppress(ProcessLookupError):
            self._processes[name].kill()

    async def _begin(self) -> None:
        url = f"ws://{self._network.host}:0"
        words = ["hub", "--listen", url, "--lease", f"{LEASE_S:g}", "--json"]
        if self._network.is_separate:
            words += ["--insecure-network"]  # the network is in this program, and ends with it
        hub = await self._spawn("hub", words, stdout=PIPE)
        assert hub.stdout is not None
        async with asyncio.timeout(START_S):
            line = await hub.stdout.readline()
        if not line:
            raise OutsideError(f"the hub did not start: {self._said('hub')}")
        said = msgspec.json.decode(line)
        near = msgspec.json.decode((self._folder / said["file"]).read_bytes())
        self.hub = HubAddress(said["urls"][0], near["token"])
        for member in MEMBERS:
            await self._join(member)
        await self._all_online()

    async def _join(self, member: Member) -> None:
        enrol = await self._spawn("enrol", ["devices", "enrol", member.name, "--json"], stdout=PIPE)
        out, _ = await enrol.communicate()
        if enrol.returncode != 0:
            raise OutsideError(f"{member.name} could not be enrolled: {self._said('enrol')}")
        token = self._folder / f"{member.name}.token"
        token.touch(mode=0o600)
        token.write_text(msgspec.json.decode(out)["token"])
        words = ["device", "--hub", self.hub.url, "--token-file", str(token), "--name", member.name]
        words += ["--folder", str(self._folder / member.name), "--skills", ",".join(member.skills)]
        words += ["--slots", str(member.slots), "--allow", "py:orrery.apps.constellation.*"]
        if "history" in member.skills:
            words += ["--allow", "shell.run", "--allow-path", str(self._sources)]
        await self._spawn(member.name, words, network=member.name)

    async def _spawn(self, name: str, words: Sequence[str], *, stdout: int = DEVNULL, network: str = "") -> Process:
        command: Sequence[str] = [sys.executable, "-m", "orrery", *words]
        if network:
            command = self._network.within(network, command)
        with (self._folder / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=DEVNULL, stdout=stdout, stderr=log, cwd=self._folder, start_new_session=True
            )
        self._processes[name] = process
        return process

    async def _all_online(self) -> None:
        there = asyncio.Event()
        seen: dict[str, str] = {}

        def look(devices: Sequence[DeviceView]) -> None:
            seen.update({device.name: device.state for device in devices})
            if all(seen.get(member.name) == "online" for member in MEMBERS):
                there.set()

        async with HubClient(self.hub.url, self.hub.token) as client:
            client.watch(look)
            try:
                async with asyncio.timeout(START_S):
                    await there.wait()
            except TimeoutError:
                missing = [member.name for member in MEMBERS if seen.get(member.name) != "online"]
                said = "; ".join(f"{name}: {self._said(name)}" for name in missing)
                raise OutsideError(f"not every device came up within {START_S:g} s: {said}") from None

    def _said(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(errors="replace").strip()[-500:] or "it said nothing"

    async def _end(self) -> None:
        open_ones = [process for process in self._processes.values() if process.returncode is None]
        for process in open_ones:
            _signal(process, signal.SIGTERM)
        for process in open_ones:
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                _signal(process, signal.SIGKILL)
                await process.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    """Tell a process and what it started; it is the leader of a group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
