"""The device of this machine passes the suite that every device must pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from orrery.runtime.device import DeviceOptions, make_device
from orrery.testing.devices import Call, DeviceConformance


class TestThisMachinesDevice(DeviceConformance):
    quick = Call("text.count", {"text": "one two"}, {"chars": 7, "words": 2, "lines": 1})
    slow = Call("shell.run", {"command": ["sleep", "60"]})

    @asynccontextmanager
    async def device(self, hub: str, token: str, folder: Path) -> AsyncIterator[None]:
        options = DeviceOptions(slots=2, offer=("text.count", "shell.run"), allow=("shell.run",))
        agent = make_device(hub, folder / "device", token=token, options=options)
        running = asyncio.create_task(agent.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
