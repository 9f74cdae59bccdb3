"""A fleet for tests: a hub on loopback and devices that really perform, all of them in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from orrery.fleet.device.agent import Agent
from orrery.fleet.device.cache import BlobCache
from orrery.fleet.device.journal import DeviceJournal
from orrery.fleet.hub.server import HubServer
from orrery.fleet.hub.settings import Settings
from orrery.fleet.hubs import HubAddress
from orrery.fleet.profile import Profile
from orrery.journal.blobs import FileBlobs
from orrery.runtime.device.machine import offers
from orrery.runtime.device.performer import ToolPerformer
from orrery.runtime.device.rules import DeviceRules
from orrery.runtime.executors.limits import WorkerLimits

WITHIN_S = 20.0
DEEDS = f"py:{Path(__file__).parent / 'deeds.py'}"
"""Workers of devices load it by its path."""
ALLOWED = ("py:orrery.testing.executors:*", f"{DEEDS}:*")
QUICK = Settings(heartbeat_s=0.3, lease_s=2.0, away_s=2.0, patience_s=2.0)


class Device:
    """A device that runs as a task of the test's loop."""

    def __init__(self, fleet: Fleet, name: str, *, slots: int, skills: Sequence[str], serves: bool) -> None:
        self.name, self.folder = name, fleet.folder / name
        self.blobs = FileBlobs(self.folder / "blobs")
        self._fleet, self._slots, self._skills, self._serves = fleet, slots, tuple(skills), serves
        self._token = fleet.server.registry.enrolment_token(name=name, at=fleet.server.now())
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Come, or come back."""
        (self.folder / "work").mkdir(parents=True, exist_ok=True)
        rules = DeviceRules(self.folder / "work", allow=(*ALLOWED, *self._fleet.allow))
        self.journal = DeviceJournal(self.folder / "journal.db")
        performer = ToolPerformer(rules, self.blobs, slots=self._slots, limits=WorkerLimits())
        self.agent = Agent(
            self._fleet.address.url,
            self._token,
            Profile(os="linux", cpus=1, skills=self._skills, slots=self._slots, tools=offers(rules)),
            performer,
            journal=self.journal,
            blobs=BlobCache(self.blobs),
            name=self.name,
            keep_key=self._keep,
            refusal=performer.refusal,
            serve_at="ws://127.0.0.1:0" if self._serves else "",
        )
        self._task = asyncio.create_task(self.agent.run())
        await until(
            lambda: any(view.name == self.name and view.state == "online" for view in self._fleet.server.views())
        )

    async def stop(self) -> None:
        """Go without a word, as a machine that loses its power would."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self.journal.close()
            self._task = None

    def _keep(self, key: str, _name: str) -> None:
        self._token = key


class Fleet:
    """A hub and devices."""

    def __init__(self, folder: Path, settings: Settings, allow: Sequence[str] = ()) -> None:
        self.folder, self.settings, self.allow = folder, settings, tuple(allow)
        self.devices: dict[str, Device] = {}
        self._port = 0

    async def start_hub(self) -> None:
        """Start the hub, at the address that it had before, if any."""
        self.server = HubServer(self.folder / "hub", listen=(f"ws://127.0.0.1:{self._port}",), settings=self.settings)
        await self.server.__aenter__()
        self._port = int(self.server.urls[0].rpartition(":")[2].rstrip("/"))
        self.address = HubAddress(self.server.urls[0], self.server.client_token, "the test")

    async def stop_hub(self) -> None:
        """Stop the hub; it forgets who was doing what."""
        await self.server.close()

    async def add(self, name: str, *, slots: int = 2, skills: Sequence[str] = (), serves: bool = False) -> Device:
        """A new device, once the hub has it."""
        device = self.devices[name] = Device(self, name, slots=slots, skills=skills, serves=serves)
        await device.start()
        return device


@asynccontextmanager
async def fleet(
    folder: Path,
    devices: Mapping[str, int] | None = None,
    *,
    settings: Settings = QUICK,
    serves: bool = False,
    allow: Sequence[str] = (),
) -> AsyncIterator[Fleet]:
    """A hub with devices of so many slots; all of it is gone at the end."""
    found = Fleet(folder, settings, allow)
    await found.start_hub()
    try:
        for name, slots in (devices or {}).items():
            await found.add(name, slots=slots, serves=serves)
        yield found
    finally:
        for device in found.devices.values():
            await device.stop()
        await found.stop_hub()


async def until(holds: Callable[[], bool], *, within_s: float = WITHIN_S) -> None:
    """Wait until something holds. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - what is waited for is told to nobody
            await asyncio.sleep(0.01)
