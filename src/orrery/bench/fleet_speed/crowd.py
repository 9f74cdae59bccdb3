"""Crowd: many devices in one process, each a real agent with a connection, a session and a journal of its own.

Run as `python -m orrery.bench.fleet_speed.crowd URL FOLDER`; a line on stdin has the tokens by name as JSON. What they
are asked to do they have done at once, so that the hub is what is measured. Ends with stdin.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from orrery.bench.fleet_speed.deeds import DEEDS
from orrery.fleet.device.agent import Agent
from orrery.fleet.device.cache import BlobCache
from orrery.fleet.device.journal import DeviceJournal
from orrery.fleet.messages import Assign, Progress, Result
from orrery.fleet.profile import Offer, Profile
from orrery.journal.blobs import FileBlobs

SLOTS = 2


class AtOnce:
    """Performs nothing, in no time."""

    async def open(self) -> None:
        """Get ready."""
        self._loop = asyncio.get_running_loop()

    def start(self, assign: Assign, report: Callable[[Progress | Result], None]) -> None:
        """Have done it."""
        self._loop.call_soon(report, Result(work=assign.work, status="succeeded"))

    def cancel(self, work: str) -> None:
        """It has ended already."""

    async def close(self) -> None:
        """Stop everything."""


def agent(url: str, folder: Path, name: str, token: str) -> Agent:
    """A device in a folder of its own."""
    return Agent(
        url,
        token,
        Profile(os=sys.platform, slots=SLOTS, tools=(Offer(DEEDS),)),
        AtOnce(),
        journal=DeviceJournal(folder / name / "journal.db"),
        blobs=BlobCache(FileBlobs(folder / name / "blobs")),
        name=name,
    )


async def _main(url: str, folder: Path) -> None:
    tokens = msgspec.json.decode(sys.stdin.readline(), type=dict[str, str])
    agents = [agent(url, folder, name, token) for name, token in tokens.items()]
    working = [asyncio.create_task(one.run()) for one in agents]
    print(len(agents), flush=True)
    over = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    await asyncio.wait((over, *working), return_when=asyncio.FIRST_COMPLETED)
    for one in agents:
        one.drain("the bench is over", grace_s=0.0)
    for ended in await asyncio.gather(*working, return_exceptions=True):
        if ended is not None:
            print(ended, file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2])))
