"""Deeds: what the devices of this bench are asked to do."""

from __future__ import annotations

import random

from orrery.graph.values import Blob
from orrery.runtime.context import Context

DEEDS = "py:orrery.bench.fleet_speed.deeds:*"
"""What a device allows."""
NOTHING, MAKE, SIZE = (f"py:orrery.bench.fleet_speed.deeds:{name}" for name in ("nothing", "make", "size"))
_PIECE_BYTES = 1 << 20


def nothing() -> None:
    """Nothing."""


def make(seed: int, size_bytes: int, context: Context) -> Blob:
    """A blob of random bytes."""
    chance = random.Random(seed)  # noqa: S311 - the same bytes each time
    with context.blob_writer() as out:
        for begin in range(0, size_bytes, _PIECE_BYTES):
            out.write(chance.randbytes(min(_PIECE_BYTES, size_bytes - begin)))
        return out.close()


def size(blob: Blob) -> int:
    """How large a blob is that this device has by now."""
    return blob.size_bytes
