"""The hub on real sockets: who comes and goes, what survives, and what the command line shows of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.fleet.hub_rig import Device, rig


def test_a_round_trip(tmp_path: Path) -> None:
    async def main() -> None:
        async with rig(tmp_path) as made:
            assert await made.round_trip() == "good"

    asyncio.run(main())
