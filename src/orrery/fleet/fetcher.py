"""Fetcher: a blob from whoever holds it.

Directly, on a connection that carries nothing else, or through the hub; from another holder, at the same offset, if the
first one fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

from orrery.errors import ConnectionLostError, CorruptionError, OrreryError, StoreError
from orrery.fleet.messages import DEFAULT_MAX_FRAME_BYTES, Source
from orrery.fleet.porter import Porter, carry, sending_on
from orrery.fleet.transports.registry import transport_for
from orrery.graph.values import Blob
from orrery.journal.blobs import BlobStore
from orrery.journal.partial import Part, has, part_of

DIAL_S = 5.0
"""How long a holder may take to be reached before another way is tried."""


class Fetcher:
    """Gets blobs into a store, each of them once at a time however many ask.

    Args:
        hub: the conversation with the hub, for what cannot be had directly; None where there is none.
        max_bytes: of a message on a direct connection.
        patience_s: how long all sources may fail one after the other, without a byte, before it is given up.
    """

    def __init__(
        self, hub: Porter | None = None, *, max_bytes: int = DEFAULT_MAX_FRAME_BYTES, patience_s: float = 30.0
    ) -> None:
        self._hub, self._max_bytes, self._patience_s = hub, max_bytes, patience_s
        self._under_way: dict[tuple[int, str], _Fetch] = {}
        self.fetched_bytes = 0

    async def fetch(self, blob: Blob, sources: Iterable[Source], into: BlobStore) -> None:
        """Have a blob in the store, verified; nothing is moved if it is there.

        Args:
            sources: where it can be had. Those with a URL are dialled, in the order given; after them the hub is asked.

        Raises:
            ConnectionLostError: nobody has it, or everybody who has it is gone; it says what each said.
            CorruptionError: what everybody sent is something else.
            StoreError: it cannot be kept.
        """
        key = id(into), blob.digest
        under_way = self._under_way.get(key)
        if under_way is None:
            under_way = self._under_way[key] = _Fetch(
                asyncio.get_running_loop().create_task(self._fetch(blob, tuple(sources), into))
            )
            under_way.task.add_done_callback(lambda _: self._under_way.pop(key, None))
        under_way.askers += 1
        try:
            await asyncio.shield(under_way.task)
        finally:
            under_way.askers -= 1
            if under_way.askers == 0 and not under_way.task.done():
                under_way.task.cancel()
                self._under_way.pop(key, None)

    async def _fetch(self, blob: Blob, sources: Sequence[Source], into: BlobStore) -> None:
        if await asyncio.to_thread(has, into, blob):
            return
        ways: list[Source | None] = [one for one in sources if _can_be_dialled(one.url) and one.digest == blob.digest]
        if self._hub is not None:
            ways.append(None)
        part = await asyncio.to_thread(part_of, into, blob)
        try:
            before = part.size_bytes
            await self._from_any(ways, blob, part)
            self.fetched_bytes += blob.size_bytes - before
        finally:
            await asyncio.to_thread(part.leave)

    async def _from_any(self, ways: list[Source | None], blob: Blob, part: Part) -> None:
        """One way after the other, at the offset that was reached, until it is whole or all have failed too long.

        Once what came from several was something else, each has to bring the whole alone: so it shows who it was.
        """
        loop = asyncio.get_running_loop()
        alone, has_foreign = False, part.size_bytes > 0
        give_up_at, reached, pause_s = loop.time() + self._patience_s, part.size_bytes, 0.1
        said: dict[str, str] = {}
        while ways:
            for way in list(ways):
                name = "the hub" if way is None else way.device or way.url
                if alone and part.size_bytes > 0:
                    with suppress(CorruptionError):  # it is not whole, so that throws it away
                        await asyncio.to_thread(part.keep)
                    has_foreign = False
                before = part.size_bytes
                try:
                    if part.size_bytes < blob.size_bytes:
                        await (self._through_hub(blob, part) if way is None else self._directly(way, blob, part))
                    await asyncio.to_thread(part.keep)
                    return
                except CorruptionError as error:
                    said[name] = str(error)
                    if not has_foreign:
                        ways.remove(way)
                        if not ways:
                            raise
                    alone, has_foreign = True, False
                    continue
                except StoreError:
                    raise  # it cannot be kept here, wherever it comes from
                except OrreryError as error:
                    said[name] = str(error)
                has_foreign = has_foreign or part.size_bytes > before
                if part.size_bytes > reached:
                    give_up_at, reached, pause_s = loop.time() + self._patience_s, part.size_bytes, 0.1
            if loop.time() + pause_s > give_up_at:
                break
            await asyncio.sleep(pause_s)  # a holder or the hub may be on its way back
            pause_s = min(2 * pause_s, 5.0)
        reasons = "; ".join(f"{name}: {reason}" for name, reason in said.items()) or "nobody is known to hold it"
        raise ConnectionLostError(
            f"blob {blob.digest[:12]} cannot be had: {reasons} ({part.size_bytes} of {blob.size_bytes} bytes came)"
        )

    async def _through_hub(self, blob: Blob, part: Part) -> None:
        assert self._hub is not None
        await self._hub.receive(blob, part)

    async def _directly(self, source: Source, blob: Blob, part: Part) -> None:
        try:
            async with asyncio.timeout(DIAL_S):
                connection = await transport_for(source.url).dial(source.url, max_bytes=self._max_bytes)
        except TimeoutError:
            raise ConnectionLostError(f"{source.url} does not answer within {DIAL_S:g} s") from None
        porter = Porter(sending_on(connection), shared=False)
        carrying = asyncio.get_running_loop().create_task(carry(connection, porter))
        try:
            await porter.receive(blob, part, ticket=source.ticket)
        finally:
            carrying.cancel()
            await asyncio.gather(carrying, return_exceptions=True)
            await connection.close()


def _can_be_dialled(url: str) -> bool:
    """Whether blobs may be fetched from there: devices say where, and a broker of theirs would be told a password."""
    return bool(url) and url.partition(":")[0] not in ("mqtt", "mqtts")


class _Fetch:
    """A fetch under way, and how many wait for it."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self.task, self.askers = task, 0


__all__ = ["Fetcher"]
