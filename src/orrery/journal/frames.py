"""Frame: the events of one append to one run, as a store keeps them, and the chain of checksums that ties them.

The checksum of a frame covers the checksum of the frame before it, its place in the run and its bytes; the
first one continues from the name of the run. So a frame that was altered, left out, put elsewhere or taken
from another run is noticed when it is read, and the checksum of the last one stands for the whole log.
CRC-32 finds every error of up to 32 neighbouring bits and misses others once in 2**32; it is a guard
against broken disks, not against forgery.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from orrery.errors import CorruptionError
from orrery.scheduler.codec import decode_events
from orrery.scheduler.events import (
    AnyEvent,
    Event,
    RunContinued,
    RunEnded,
    RunPaused,
    RunStarted,
)

_header = struct.Struct("<QII").pack
_MAX_COUNT = 2**32 - 1


class Frame(NamedTuple):
    """`length` events, the first of which is number `first`, encoded in `body`."""

    first: int
    length: int
    crc: int
    body: bytes


def seed(run: str) -> int:
    """The checksum that stands before the first frame of a run."""
    return zlib.crc32(run.encode())


def checksum(previous: int, first: int, count: int, body: bytes) -> int:
    """The checksum of a frame that follows one with checksum `previous`."""
    return zlib.crc32(body, zlib.crc32(_header(first, count, len(body)), previous))


def verified(run: str, frames: Iterable[Frame], *, seq: int, crc: int) -> Iterator[tuple[Frame, list[AnyEvent]]]:
    """Each frame with its events, once it proved to be the next one.

    Args:
        seq: the number of the last event before them.
        crc: the checksum of the frame that holds it.

    Raises: CorruptionError at the first frame that is not what was written there.
    """
    for frame in frames:
        if frame.first != seq + 1:
            raise CorruptionError(
                f"run {run!r}: the events from {seq + 1} are missing; the next ones are {frame.first}"
            )
        whole = isinstance(frame.body, bytes) and isinstance(frame.length, int) and 0 < frame.length <= _MAX_COUNT
        if not whole or checksum(crc, frame.first, frame.length, frame.body) != frame.crc:
            raise CorruptionError(f"run {run!r}: the events from {frame.first} are damaged; those before are intact")
        try:
            events = decode_events(frame.body)
        except msgspec.MsgspecError as error:
            raise CorruptionError(f"run {run!r}: the events from {frame.first} cannot be read: {error}") from error
        if len(events) != frame.length:
            raise CorruptionError(f"run {run!r}: {len(events)} events stand where {frame.length} were written")
        seq, crc = seq + frame.length, frame.crc
        yield frame, events


_STATE_AFTER: dict[type[Event], str] = {RunStarted: "running", RunPaused: "paused", RunContinued: "running"}
_MARKS = frozenset({*_STATE_AFTER, RunEnded})


def state_after(state: str, events: Sequence[Event]) -> str:
    """What a run's summary says of its state once `events` have happened."""
    if _MARKS.isdisjoint(map(type, events)):  # nearly always; runs at C speed
        return state
    for event in events:
        state = event.state if isinstance(event, RunEnded) else _STATE_AFTER.get(type(event), state)
    return state
