"""What a device holds: within its limit, the least recently used goes first, and nothing that is needed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from orrery.errors import ConnectionLostError, StoreFullError
from orrery.fleet.device import supply as supplies
from orrery.fleet.device.agent import Agent
from orrery.fleet.device.cache import BlobCache
from orrery.fleet.device.events import Connected, Forget, FrameCame, Remember
from orrery.fleet.device.journal import DeviceJournal
from orrery.fleet.device.supply import Supply
from orrery.fleet.fetcher import Fetcher
from orrery.fleet.messages import Assign, State, Welcome
from orrery.fleet.profile import Profile
from orrery.graph import values
from orrery.graph.values import Blob
from orrery.journal.blobs import FileBlobs


def put(store: FileBlobs, letter: str, used_at: float, size_bytes: int = 100) -> Blob:
    """A blob that was used last at that time."""
    blob = store.put(letter.encode() * size_bytes)
    os.utime(store.path(blob.digest), (used_at, used_at))
    return blob


def assign(*blobs: Blob) -> Assign:
    return Assign(
        work="r@1/a#1", key="r@1/a", run="r", task="a", attempt=1, op="x", args=values.encode({"of": [*blobs]})
    )


def a_supply(cache: BlobCache, *needed: Blob) -> tuple[Supply, list[State]]:
    said: list[State] = []
    kept = frozenset(blob.digest for blob in needed)
    return Supply(cache, Fetcher(patience_s=0.0), needed=lambda: kept, say=said.append), said


def test_the_least_recently_used_goes_and_what_is_needed_or_in_use_stays(tmp_path: Path) -> None:
    store = FileBlobs(tmp_path)
    result, argument, old, new = (put(store, letter, at) for at, letter in enumerate("abcd", 1))
    cache = BlobCache(store, limit_bytes=300)
    supply, said = a_supply(cache, result)
    assert supply.begin(assign(argument))
    supply.end("another", (new,))
    assert said == [State(dropped=(old.digest,))]
    assert {blob.digest for blob in cache.held()} == {one.digest for one in (result, argument, new)}


def test_what_is_used_again_counts_as_new(tmp_path: Path) -> None:
    store = FileBlobs(tmp_path)
    first, second = put(store, "a", 1.0), put(store, "b", 2.0)
    cache = BlobCache(store, limit_bytes=100)
    cache.use(first)
    assert cache.trim(()) == (second.digest,)


def test_the_folder_is_looked_at_once_in_a_tenth_of_the_limit(tmp_path: Path) -> None:
    store = FileBlobs(tmp_path)
    cache = BlobCache(store, limit_bytes=1000)
    assert cache.trim(()) == ()
    blobs = [put(store, letter, at) for at, letter in enumerate("abcdefghijkl", 1)]
    assert cache.trim((), added_bytes=99) == ()
    assert cache.trim((), added_bytes=1) == tuple(blob.digest for blob in blobs[:2])


def test_the_hub_may_have_dropped_what_nobody_uses(tmp_path: Path) -> None:
    store = FileBlobs(tmp_path)
    kept, used, unneeded = (put(store, letter, at) for at, letter in enumerate("abc", 1))
    supply, said = a_supply(BlobCache(store), kept)
    supply.begin(assign(used))
    supply.drop([kept.digest, used.digest, unneeded.digest, "f" * 64, "../../etc/passwd"])
    assert said == [State(dropped=(unneeded.digest,))]
    supply.end("r@1/a#1")
    supply.drop([used.digest])
    assert not store.has(used)


def test_more_than_fits_into_a_frame_follows_as_news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supplies, "HOLDS_PER_FRAME", 2)
    store = FileBlobs(tmp_path)
    for at, letter in enumerate("abcde", 1):
        put(store, letter, at)
    supply, _ = a_supply(BlobCache(store))
    parts = list(supply.report(State(whole=True)))
    assert [(part.whole, len(part.holds)) for part in parts] == [(True, 2), (False, 2), (False, 1)]
    assert len({blob.digest for part in parts for blob in part.holds}) == 5


def test_what_is_here_is_not_fetched_and_what_nobody_has_is_an_error(tmp_path: Path) -> None:
    store = FileBlobs(tmp_path)
    here = put(store, "a", 1.0)
    supply, said = a_supply(BlobCache(store))

    async def story() -> None:
        supply.begin(assign(here, here))
        await supply.bring(assign(here, here))
        assert said == []
        missing = assign(Blob("0" * 64, 10))
        supply.begin(missing)
        with pytest.raises(ConnectionLostError):
            await supply.bring(missing)

    asyncio.run(story())
    assert not supply.begin(Assign(work="w", key="k", run="r", task="t", attempt=1, op="x"))


class _FullDisk(DeviceJournal):
    def write(self, changes: Any) -> None:
        if any(isinstance(one, Remember | Forget) for one in changes):
            raise StoreFullError("no space is left")


class _Performer:
    """One that is never asked."""

    closed = False

    async def open(self) -> None: ...

    async def close(self) -> None:
        self.closed = True

    def start(self, assign: Assign, report: Any) -> None:
        raise AssertionError("what cannot be written down is not begun")

    def cancel(self, work: str) -> None: ...


def test_a_device_that_cannot_write_down_what_it_begins_begins_nothing_and_stops(tmp_path: Path) -> None:
    performer = _Performer()

    async def story() -> None:
        agent = Agent(
            "memory:nobody-is-there",
            "device.key",
            Profile(slots=1),
            performer,
            journal=_FullDisk(tmp_path / "journal.db"),
            blobs=BlobCache(FileBlobs(tmp_path / "blobs")),
        )
        agent._tell(Connected(0.0, 0.0, Welcome(version=1, session="s", principal="pi", lease_s=30.0)))
        agent._tell(FrameCame(0.0, assign()))
        async with asyncio.timeout(10):
            await agent.run()

    with pytest.raises(StoreFullError):
        asyncio.run(story())
    assert performer.closed
