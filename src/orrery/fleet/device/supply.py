"""Supply: the blobs of a device. It brings those that an attempt needs, and lets go of those that nobody needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

import msgspec

from orrery.fleet.device.cache import BlobCache
from orrery.fleet.fetcher import Fetcher
from orrery.fleet.messages import Assign, State
from orrery.graph import values
from orrery.graph.values import Blob, blobs_in

HOLDS_PER_FRAME = 5000


class Supply:
    """The blobs of a device.

    Args:
        blobs: what it holds.
        fetcher: gets what it lacks.
        needed: the digests of those in results that are kept.
        say: tells the hub what is held, and what is not any more.
    """

    def __init__(
        self,
        blobs: BlobCache,
        fetcher: Fetcher,
        *,
        needed: Callable[[], frozenset[str]],
        say: Callable[[State], None],
    ) -> None:
        self._blobs, self._fetcher, self._needed, self._say = blobs, fetcher, needed, say
        self._in_use: dict[str, tuple[Blob, ...]] = {}

    def begin(self, assign: Assign) -> bool:
        """Keep what an attempt uses until its `end`; whether there is anything to `bring` for it."""
        blobs = tuple(dict.fromkeys(blobs_in(values.decode(assign.args)))) if len(assign.args) > 1 else ()
        if blobs:
            self._in_use[assign.work] = blobs
        return bool(blobs)

    @property
    def fetched_bytes(self) -> int:
        """What was fetched from others so far."""
        return self._fetcher.fetched_bytes

    async def bring(self, assign: Assign) -> None:
        """Have the blobs among an attempt's arguments here.

        Raises ConnectionLostError, CorruptionError, StoreError: one cannot be had, or not be kept.
        """
        blobs = self._in_use[assign.work]
        for blob in blobs:
            if not await asyncio.to_thread(self._blobs.store.has, blob):
                await self._fetcher.fetch(blob, assign.sources, self._blobs.store)
                self._say(State(holds=(blob,)))
            self._blobs.use(blob)
        self._trim(blobs)

    def end(self, work: str, made: Sequence[Blob] = ()) -> None:
        """An attempt has ended, and left these."""
        self._in_use.pop(work, None)
        if made:
            self._trim(made)

    def drop(self, digests: Sequence[str]) -> None:
        """Nobody needs these any more, says the hub; what runs here may."""
        used = self._used()
        self._tell_gone(self._blobs.drop([digest for digest in digests if digest not in used]))

    def report(self, state: State) -> Iterator[State]:
        """The state with all that is held; what is more than a frame takes follows as news."""
        blobs = self._blobs.held()
        yield msgspec.structs.replace(state, holds=blobs[:HOLDS_PER_FRAME])
        for begin in range(HOLDS_PER_FRAME, len(blobs), HOLDS_PER_FRAME):
            yield State(holds=blobs[begin : begin + HOLDS_PER_FRAME])

    def _used(self) -> frozenset[str]:
        return self._needed().union(blob.digest for blobs in self._in_use.values() for blob in blobs)

    def _trim(self, added: Sequence[Blob]) -> None:
        self._tell_gone(self._blobs.trim(self._used(), added_bytes=sum(blob.size_bytes for blob in added)))

    def _tell_gone(self, digests: tuple[str, ...]) -> None:
        if digests:
            self._say(State(dropped=digests))
