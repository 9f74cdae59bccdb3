"""Measure: all parts of the bench, one after the other."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from orrery.bench.fleet_speed import broker, copying, leases, many
from orrery.bench.report import Options, Report, Row, unjudged
from orrery.errors import UnknownNameError

PARTS = ("leases", "many", "blobs", "mqtt")


def measure(options: Options) -> Report:
    """Leases, a thousand devices, a large blob, and a broker.

    Raises:
        UnknownNameError: `only` names no part.
        MissingExtraError: "fleet", "cli" or "metrics" is not installed.
        OutsideError: a process does not come up, or ends.
    """
    if options.only and options.only not in PARTS:
        raise UnknownNameError("part of the bench", options.only, PARTS)
    parts = (options.only,) if options.only else PARTS
    rows: list[Row] = []
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="orrery-speed-") as folder:
        for part in parts:
            options.tell(f"fleet-speed: {part}")
            root = Path(folder) / part
            root.mkdir()
            found, more = asyncio.run(_part(part, root, options))
            rows += found
            notes += more
    setting = f"{leases.UNDER_WAY} leases under way; loopback; hub and devices as `orrery hub` and `orrery device`"
    return Report("fleet-speed", unjudged(rows) if options.quick else rows, setting, notes)


async def _part(part: str, root: Path, options: Options) -> tuple[list[Row], list[str]]:
    quick = options.quick
    match part:
        case "leases":
            size = leases.Size(200, 50, 1) if quick else leases.Size(6000, 1000, 7)
            return [*await leases.rows(root / "rows", size), await leases.device_leg(root / "leg", size)], []
        case "many":
            return await many.rows(root, many.Size(20, 50, 1.0) if quick else many.Size(1000, 200, 20.0)), []
        case "blobs":
            blob = copying.Size(2_000_000, 1) if quick else copying.Size(100_000_000, 7)
            return await copying.rows(root, blob, seed=options.seed), []
        case _:
            return await broker.rows(root, 20 if quick else 500)
