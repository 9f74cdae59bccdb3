"""HubClient: the end of a run's conversation with its hub. What it asks for is not forgotten, whatever happens between.

A lost connection changes nothing: the session goes on. A restarted hub has forgotten what was asked, so all that is
open is asked again, and with it on which device it was last. The end of an attempt is told once.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import BinaryIO

import msgspec

from orrery.errors import (
    ConnectionLostError,
    CorruptionError,
    Failure,
    HubRefusedError,
    OrreryError,
)
from orrery.fleet.dialler import Dialler
from orrery.fleet.fetcher import Fetcher
from orrery.fleet.messages import (
    ANYWHERE,
    Accept,
    AnyFrame,
    Artifact,
    Assign,
    Cancel,
    Credit,
    Effect,
    Hello,
    Progress,
    Reject,
    Result,
    Source,
    State,
    Welcome,
)
from orrery.fleet.porter import Porter
from orrery.fleet.profile import DeviceView
from orrery.fleet.session import Session
from orrery.graph.values import Blob
from orrery.journal.blobs import BlobStore, FileBlobs

Answer = Accept | Reject | Progress | Result
OnAnswer = Callable[[Answer], None]
"""Told of what becomes of an attempt: any number of Accepts and Progresses, then one Reject or Result."""

PATIENCE_S = 15.0
"""How long a hub may take to be reached for the first time."""
LEAVE_S = 2.0
"""How long what was said last may take to be acknowledged when the client leaves."""


class _Open:
    """An attempt that was asked for and has not ended."""

    __slots__ = ("assign", "cancelled", "device", "on_answer")

    def __init__(self, assign: Assign, on_answer: OnAnswer) -> None:
        self.assign, self.on_answer = assign, on_answer
        self.device = assign.seen_on
        self.cancelled: str | None = None


class HubClient:
    """A client of a hub, connected from `async with` on. Used on the loop on which it was opened.

    Args:
        url: of the hub.
        token: of a client.
        patience_s: how long the hub may take to be reached at first. Later the client waits for it as long as it takes.
        on_down: told why there is no connection, each time that there is none.
        on_up: told that there is one again.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        patience_s: float = PATIENCE_S,
        on_down: Callable[[str], None] | None = None,
        on_up: Callable[[], None] | None = None,
    ) -> None:
        self.url = url
        self._token, self._patience_s, self._on_down, self._on_up = token, patience_s, on_down, on_up
        self._name = os.urandom(6).hex()
        self._open: dict[str, _Open] = {}
        self._ended: dict[str, int] = {}  # works whose result is not forgotten yet, with their fence
        self._offered: dict[str, tuple[Blob, BlobStore]] = {}
        self._asks = False
        self._watchers: list[Callable[[tuple[DeviceView, ...]], None]] = []
        self._devices: tuple[DeviceView, ...] | None = None
        self._devices_came = asyncio.Event()
        self._welcomed = asyncio.Event()
        self._refused: OrreryError | None = None
        self._because = ""
        self._session: Session | None = None
        self._running: asyncio.Task[None] | None = None
        self._again: dict[str, asyncio.TimerHandle] = {}
        self._dialler = Dialler(
            url,
            self._hello,
            on_welcome=self._on_welcome,
            on_frame=self._on_frame,
            on_down=self._went_down,
        )
        self._porter = Porter(self._send, self._held)
        self._fetcher = Fetcher(self._porter)
        self.epoch = 0
        """Of the hub; grows with every start of it."""

    async def __aenter__(self) -> HubClient:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Reach the hub.

        Raises:
            HubRefusedError: it does not let this client in.
            ConnectionLostError: it was not reached in time.
            TransportUrlError, MissingExtraError: this URL can never be dialled.
        """
        self._loop = asyncio.get_running_loop()
        self._running = self._loop.create_task(self._run())
        welcomed = self._loop.create_task(self._welcomed.wait())
        try:
            await asyncio.wait({self._running, welcomed}, timeout=self._patience_s, return_when=asyncio.FIRST_COMPLETED)
            if self._running.done():
                self._running.result()
        finally:
            welcomed.cancel()
            if not self._welcomed.is_set():
                await self.close()
        if self._refused is not None:
            raise self._refused
        if not self._welcomed.is_set():
            why = f": {self._because}" if self._because else ""
            raise ConnectionLostError(
                f"no hub was reached at {self.url} within {self._patience_s:g} s{why}; "
                "is `orrery hub` running there, and is that its address?"
            )

    async def close(self) -> None:
        """Leave. What is under way goes on at the hub, and nothing more is told of it."""
        for timer in self._again.values():
            timer.cancel()
        self._again.clear()
        if self._dialler.is_up:
            try:
                async with asyncio.timeout(LEAVE_S):
                    await self._dialler.settled()
            except TimeoutError:
                pass  # it is away; what it was not told costs nothing but space on the devices
        await self._porter.close()
        await self._dialler.close()
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    @property
    def is_up(self) -> bool:
        """Whether there is a connection now."""
        return self._dialler.is_up

    @property
    def refused(self) -> OrreryError | None:
        """Why the hub will not have this client any more; None: it will."""
        return self._refused

    def hub_now(self) -> float | None:
        """The hub's clock; None before it was reached."""
        return self._dialler.hub_now()

    # -- work -----------------------------------------------------------------------------------------------------

    def submit(self, assign: Assign, on_answer: OnAnswer) -> None:
        """Ask that an attempt is made, and hear what becomes of it. Blobs among its arguments are offered before.

        Raises:
            HubRefusedError: the hub will not have this client.
            MessageTooLargeError: the arguments do not fit into a message.
        """
        if self._refused is not None:
            raise self._refused
        self._dialler.post(assign)
        self._open[assign.work] = _Open(assign, on_answer)

    def is_open(self, work: str) -> bool:
        """Whether an attempt was asked for and has not ended."""
        return work in self._open

    def cancel(self, work: str, because: str = "") -> None:
        """Ask that an attempt ends; its Result says how. One that is not open is ignored."""
        asked = self._open.get(work)
        if asked is None or asked.cancelled is not None:
            return
        asked.cancelled = because
        if work in self._again:  # nobody has it: it waits here to be asked for again
            self._end(work, Result(work=work, status="stopped", effect="none"))
            return
        self._dialler.post(Cancel(work=work, because=because))

    def forget(self, work: str) -> None:
        """The result of an attempt was kept: whoever holds it for us may drop it."""
        if work in self._ended:
            self._dialler.post(Cancel(work=work, fence=self._ended.pop(work), forget=True))

    # -- devices --------------------------------------------------------------------------------------------------

    async def devices(self) -> tuple[DeviceView, ...]:
        """The devices that the hub knows now. Raises ConnectionLostError if it does not say."""
        self._devices_came.clear()
        self._ask()
        try:
            async with asyncio.timeout(self._patience_s):
                await self._devices_came.wait()
        except TimeoutError:
            raise ConnectionLostError(f"the hub at {self.url} does not answer: {self._because}") from None
        return self._devices or ()

    def watch(self, callback: Callable[[tuple[DeviceView, ...]], None]) -> None:
        """Be told of the devices now and whenever anything changes about them."""
        self._watchers.append(callback)
        self._ask()

    def _ask(self) -> None:
        self._asks = True
        self._dialler.post(State(asks=True))

    # -- blobs ----------------------------------------------------------------------------------------------------

    def offer(self, blobs: Iterable[Blob], store: BlobStore) -> tuple[Source, ...]:
        """Let the hub fetch blobs from a store, and say so. Returns: what to put into the Assign that needs them."""
        new = {blob.digest: (blob, store) for blob in blobs}
        unknown = tuple(blob for digest, (blob, _) in new.items() if digest not in self._offered)
        self._offered.update(new)
        if unknown:
            self._dialler.post(State(holds=unknown))
        return tuple(Source(digest) for digest in new)

    async def fetch(self, blob: Blob, into: BlobStore, sources: Iterable[Source] = ()) -> None:
        """Have a blob in a store, from one of the sources or through the hub. Raises as `Fetcher.fetch`."""
        await self._fetcher.fetch(blob, sources, into)

    @property
    def fetched_bytes(self) -> int:
        """What was fetched so far."""
        return self._fetcher.fetched_bytes

    def _held(self, digest: str) -> BinaryIO:
        if digest not in self._offered:
            raise CorruptionError(f"blob {digest[:12]} is not offered here")
        blob, store = self._offered[digest]
        return store.open_raw(digest) if isinstance(store, FileBlobs) else store.open(blob)

    async def _send(self, frame: Artifact | Credit) -> None:
        await self._dialler.room()
        self._dialler.post(frame)

    # -- the conversation -----------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            await self._dialler.run()
        except OrreryError as error:
            self._refused = HubRefusedError(f"{self.url}: {error}") if isinstance(error, HubRefusedError) else error
            self._because = str(error)
            for work, asked in list(self._open.items()):
                effect: Effect = "unknown" if asked.device else "none"
                self._end(work, Result(work=work, status="lost", effect=effect, failure=Failure.of(error)))

    def _hello(self) -> Hello:
        return Hello(token=self._token, role="client", name=self._name)

    def _on_welcome(self, welcome: Welcome) -> None:
        self._because = ""
        self.epoch = welcome.epoch
        if not welcome.resumed:
            self._say_again()
        if self._asks:
            self._dialler.post(State(asks=True))  # who asks is told until the connection ends
        self._session = self._dialler.link.session
        self._porter.reconnected()
        self._welcomed.set()
        if self._on_up is not None:
            self._on_up()

    def _say_again(self) -> None:
        """The other end has lost its memory of this conversation: say all that matters still."""
        kept = () if self._session is None else self._session.unacknowledged()
        forgotten = [frame for frame in kept if isinstance(frame, Cancel) and frame.forget]
        if self._offered and self._session is not None:
            self._dialler.post(State(holds=tuple(blob for blob, _ in self._offered.values())))
        for frame in forgotten:
            self._dialler.post(msgspec.structs.replace(frame, seq=0))
        for work, asked in self._open.items():
            if work in self._again:
                continue
            self._dialler.post(msgspec.structs.replace(asked.assign, seen_on=asked.device or ANYWHERE))
            if asked.cancelled is not None:
                self._dialler.post(Cancel(work=work, because=asked.cancelled))

    def _went_down(self, because: str) -> None:
        self._because = because
        self._porter.interrupted()
        if self._on_down is not None:
            self._on_down(because)

    def _on_frame(self, frame: AnyFrame) -> None:
        match frame:
            case Accept() | Progress():
                asked = self._open.get(frame.work)
                if asked is not None:
                    if isinstance(frame, Accept) and frame.device:
                        asked.device = frame.device
                    asked.on_answer(frame)
            case Result():
                if frame.work in self._open:
                    self._ended[frame.work] = frame.fence
                    self._end(frame.work, frame)
            case Reject(retry_after_s=float() | int() as after_s) if frame.work in self._open:
                self._ask_again(frame.work, float(after_s))
            case Reject():
                if frame.work in self._open:
                    self._end(frame.work, frame)
            case State():
                self._devices = frame.devices
                self._devices_came.set()
                for watcher in self._watchers:
                    watcher(frame.devices)
            case Artifact() | Credit():
                self._porter.take(frame)

    def _end(self, work: str, answer: Reject | Result) -> None:
        timer = self._again.pop(work, None)
        if timer is not None:
            timer.cancel()
        self._open.pop(work).on_answer(answer)

    def _ask_again(self, work: str, after_s: float) -> None:
        asked = self._open[work]
        if asked.cancelled is not None:
            self._end(work, Result(work=work, status="stopped", effect="none"))
            return

        def again() -> None:
            del self._again[work]
            self._dialler.post(asked.assign)

        self._again[work] = self._loop.call_later(after_s, again)


__all__ = ["Answer", "HubClient", "OnAnswer"]
