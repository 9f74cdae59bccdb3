"""Agent: a device at work. It introduces a hub, a performer, a journal and a folder of blobs to the device's core.

All that happens in one turn of the loop is decided together and written down in one commit; only then is anything
performed or said. The performer, which knows what tasks are, is handed in.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import msgspec

from orrery.errors import Failure, MessageTooLargeError, OrreryError, StoreError
from orrery.fleet.blob_server import BlobServer
from orrery.fleet.device.cache import BlobCache
from orrery.fleet.device.clock import boot_clock
from orrery.fleet.device.core import DeviceCore
from orrery.fleet.device.events import (
    Answered,
    AttemptEnded,
    AttemptProgressed,
    Command,
    Connected,
    Disconnected,
    DrainWanted,
    Drop,
    Event,
    Forget,
    FrameCame,
    Leave,
    Perform,
    Remember,
    Report,
    Send,
    Stop,
    Ticked,
)
from orrery.fleet.device.journal import DeviceJournal
from orrery.fleet.device.performer import Performer
from orrery.fleet.device.settings import DeviceSettings
from orrery.fleet.device.supply import Supply
from orrery.fleet.dialler import Dialler
from orrery.fleet.fetcher import Fetcher
from orrery.fleet.messages import (
    Accept,
    AnyFrame,
    Artifact,
    Assign,
    Cancel,
    Credit,
    Desired,
    Drain,
    Frame,
    Hello,
    Progress,
    Reject,
    Result,
    State,
    Welcome,
)
from orrery.fleet.porter import Porter
from orrery.fleet.profile import Load, Profile
from orrery.fleet.transports.protocol import Transport

ANSWERED_EVERY_S = 0.25
"""How often the core is told that the hub still answers."""
LOAD_EVERY_S = 15.0
ACCEPT_S = 0.002
"""How long an Accept may wait for a Result to go with it."""
MOST_UNWRITTEN, WRITTEN_S = 256, 0.5
"""That results may be forgotten is written down with what must be, or when there is so much of it, or after that."""
KEY_S = 2.0
GOODBYE_S = 5.0
"""How long a device that leaves waits for the hub to acknowledge what was said."""


class News(NamedTuple):
    """Something that the owner of a device may want to read."""

    kind: str
    """"enrolled", "connected", "down", "began", "ended", "refused", "draining", "left"."""
    text: str


class Agent:
    """A device of a hub.

    Args:
        url: of the hub.
        token: an enrolment token, or the device's key.
        profile: what the device offers.
        performer: what performs its attempts.
        journal: what it remembers across crashes.
        blobs: what it holds.
        settings: its limits.
        name: that it would be enrolled under.
        keep_key: is given the key and the name that the device was enrolled with, to keep them.
        refusal: with what the owner of the device would answer an Assign; None: it may be done.
        load: measures how busy the machine is.
        serve_at: a URL to listen at, so that other devices can fetch blobs directly; empty: only through the hub.
        serve_over: the transport that listens there; None: the usual one.
        on_news: is told what happens, for a person.
    """

    def __init__(
        self,
        url: str,
        token: str,
        profile: Profile,
        performer: Performer,
        *,
        journal: DeviceJournal,
        blobs: BlobCache,
        settings: DeviceSettings | None = None,
        name: str = "",
        keep_key: Callable[[str, str], None] | None = None,
        refusal: Callable[[Assign], Reject | None] | None = None,
        load: Callable[[], Load] | None = None,
        serve_at: str = "",
        serve_over: Transport | None = None,
        on_news: Callable[[News], None] | None = None,
        transport: Transport | None = None,
        clock: Callable[[], float] = boot_clock,
    ) -> None:
        self.url, self.name, self.profile = url, name, profile
        self.done = self.failed = 0
        self._token, self._performer, self._journal = token, performer, journal
        self._keep_key, self._refusal, self._load = keep_key, refusal, load
        self._serve_at, self._serve_over, self._on_news, self._clock = serve_at, serve_over, on_news, clock
        self._settings = settings or DeviceSettings(slots=profile.slots)
        self._core = DeviceCore(self._settings, journal.records())
        self._dialler = Dialler(
            url,
            self._hello,
            on_welcome=self._welcomed,
            on_frame=self._came,
            on_down=self._went_down,
            on_heard=self._heard,
            transport=transport,
            clock=clock,
        )
        self._porter = Porter(self._send_step, blobs.store.open_raw)
        self._supply = Supply(blobs, Fetcher(self._porter), needed=lambda: self._core.needed, say=self._dialler.post)
        self._server = BlobServer(blobs.store.open_raw, secret=lambda: self._secret, hub_now=self._hub_now)
        self._secret = b""
        self._events: list[Event] = []
        self._unwritten: list[Remember | Forget] = []
        self._must_write = False
        self._accepts: list[Accept] = []
        self._accepting: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._woken = asyncio.Event()
        self._met = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._told_answered_at = float("-inf")
        self._fetching: dict[str, asyncio.Task[None]] = {}
        self._load_said: Load | None = None

    def __repr__(self) -> str:
        return f"<Agent {self.name or '?'} at {self.url}: {self._core!r}>"

    @property
    def working(self) -> tuple[str, ...]:
        """What runs now, as `run/task`."""
        return self._core.working

    @property
    def is_up(self) -> bool:
        """Whether there is a connection to the hub."""
        return self._dialler.is_up

    @property
    def fetched_bytes(self) -> int:
        """What was fetched from others so far."""
        return self._supply.fetched_bytes

    async def run(self) -> None:
        """Work until `drain` has ended it, over whatever happens to the hub; once only.

        Raises:
            HubRefusedError: the hub does not let this device in.
            TransportUrlError, MissingExtraError: this URL can never be dialled.
            StoreError: what must be remembered cannot be written down. What runs is stopped.
        """
        self._loop = asyncio.get_running_loop()
        await self._performer.open()
        tasks: list[asyncio.Task[None]] = []
        try:
            if self._serve_at:
                await self._server.listen(self._serve_at, self._serve_over)
                self.profile = msgspec.structs.replace(self.profile, blobs=self._server.url)
            tasks = [self._loop.create_task(one) for one in (self._dialler.run(), self._turns(), self._measure())]
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
            await self._say_goodbye()
        finally:
            for task in (*tasks, *self._fetching.values()):
                task.cancel()
            await asyncio.gather(*tasks, *self._fetching.values(), return_exceptions=True)
            for timer in (self._timer, self._writing, self._accepting):
                if timer is not None:
                    timer.cancel()
            await self._porter.close()
            await self._server.close()
            await self._dialler.close()
            await self._performer.close()
            with suppress(StoreError):  # what is not forgotten is told to the hub again, which says that it may be
                self._journal.write(self._unwritten)
            self._journal.close()

    def drain(self, because: str = "", *, grace_s: float = 30.0) -> None:
        """Take nothing new, finish what runs within `grace_s`, and let `run` return. A second call may shorten that."""
        self._tell(DrainWanted(self._clock(), because, grace_s))
        self._announce("draining", because)

    # -- from outside -----------------------------------------------------------------------------------------

    def _hello(self) -> Hello:
        return Hello(token=self._token, role="device", name=self.name, profile=self.profile)

    def _welcomed(self, welcome: Welcome) -> None:
        now = self._clock()
        if welcome.key:
            if self._keep_key is not None:
                self._keep_key(welcome.key, welcome.principal)
            self._token = welcome.key
            self._announce("enrolled", welcome.principal)
        self.name = welcome.principal
        with suppress(ValueError):  # no secret: then nobody is let in
            self._secret = bytes.fromhex(welcome.ticket_secret)
        self._met.set()
        self._tell(Connected(now, self._dialler.answered_at or now, welcome))
        self._porter.reconnected()
        self._load_said = None
        self._announce("connected", self.url)

    def _went_down(self, because: str) -> None:
        self._porter.interrupted()
        self._tell(Disconnected(self._clock()))
        self._announce("down", because)

    def _heard(self, _latency_s: float | None) -> None:
        answered_at = self._dialler.answered_at
        if answered_at is not None and answered_at > self._told_answered_at + ANSWERED_EVERY_S:
            self._told_answered_at = answered_at
            now, hub_now = self._clock(), self._dialler.hub_now()
            self._tell(Answered(now, answered_at, None if hub_now is None else hub_now - now))

    def _came(self, frame: AnyFrame) -> None:
        match frame:
            case Assign():
                refused = self._refused(frame)
                if refused is not None:
                    self._announce("refused", f"{frame.run}/{frame.task}: {refused.message or refused.reason}")
                self._tell(FrameCame(self._clock(), frame, refused))
            case Cancel() | Desired() | Drain():
                self._tell(FrameCame(self._clock(), frame))
            case Artifact():
                self._porter.take(frame)
            case Credit() if frame.stream:
                self._porter.take(frame)
            case State(asks=True):
                self._report()

    def _refused(self, assign: Assign) -> Reject | None:
        if self._refusal is None:
            return None
        try:
            return self._refusal(assign)
        except Exception as error:  # noqa: BLE001 - one call that cannot be judged must not end the device
            message = f"whether {assign.op!r} is allowed cannot be told: {type(error).__name__}: {error}"
            return Reject(work=assign.work, reason="not-allowed", message=message)

    def _said(self, word: Progress | Result) -> None:
        """The performer reports."""
        now = self._clock()
        if isinstance(word, Progress):
            self._tell(AttemptProgressed(now, word.work, word.fraction, word.note))
            return
        self._supply.end(word.work, word.blobs)
        if word.status == "succeeded":
            self.done += 1
        elif word.status == "failed":
            self.failed += 1
        self._announce("ended", f"{word.work} {word.status}")
        self._tell(AttemptEnded(now, word))

    def _hub_now(self) -> float:
        return self._dialler.hub_now() or time.time()

    # -- turns ------------------------------------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        self._woken.set()

    async def _turns(self) -> None:
        """Decide, write down, carry out; ends when the device is to leave. Raises StoreError."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            events, self._events = self._events, []
            commands: list[Command] = []
            for event in events:
                asked = self._core.handle(event)
                changes = [command for command in asked if isinstance(command, Remember | Forget)]
                if changes:
                    self._unwritten += changes
                    self._must_write = self._must_write or not _only_forgets(event)
                commands += asked
            if self._must_write or len(self._unwritten) > MOST_UNWRITTEN:
                await self._write_down()
            elif self._unwritten and self._writing is None:
                self._writing = self._loop.call_later(WRITTEN_S, self._write_soon)
            for command in commands:
                self._carry_out(command)
                if isinstance(command, Leave):
                    return
            self._arm()

    def _write_soon(self) -> None:
        self._writing = None
        self._must_write = bool(self._unwritten)
        self._woken.set()

    async def _write_down(self) -> None:
        changes, self._unwritten, self._must_write = self._unwritten, [], False
        if any(isinstance(one, Remember) and one.record.effects in ("keyed", "once") for one in changes):
            await asyncio.to_thread(self._journal.write, changes)  # waits for the disk
        else:
            self._journal.write(changes)

    def _carry_out(self, command: Command) -> None:
        match command:
            case Send(frame):
                self._post(frame)
            case Perform(assign):
                self._perform(assign)
            case Stop(work):
                if work in self._fetching:
                    self._fetching[work].cancel()
                else:
                    self._performer.cancel(work)
            case Report():
                self._report()
            case Drop(digests):
                self._supply.drop(digests)

    def _arm(self) -> None:
        due = self._core.due()
        if due is None:
            return
        if self._timer is not None:
            if self._timer_due <= due:
                return  # it ticks too early, which costs less than to arm it anew in every turn
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._loop.call_later(max(0.0, due - self._clock()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._tell(Ticked(self._clock()))

    def _post(self, frame: Frame) -> None:
        """Say something, after all that was to be said before; an Accept may wait for the Result of a short attempt."""
        if isinstance(frame, Accept):
            self._accepts.append(frame)
            if self._accepting is None:
                self._accepting = self._loop.call_later(ACCEPT_S, self._accept_late)
            return
        if self._accepts:
            self._accept()
        if isinstance(frame, Progress) and self._dialler.link.session.is_full:
            return  # the next one says more
        try:
            self._dialler.post(frame)
        except MessageTooLargeError as error:
            if isinstance(frame, Result):
                failure = msgspec.structs.replace(Failure.of(error), severity="permanent")
                told = msgspec.structs.replace(frame, status="failed", value=b"\xc0", failure=failure, effect="unknown")
                self._dialler.post(told)

    def _accept_late(self) -> None:
        self._accepting = None
        self._accept()

    def _accept(self) -> None:
        # The timer goes on: that the next Accept waits for less costs less than a timer for each of them.
        accepts, self._accepts = self._accepts, []
        for frame in accepts:
            self._dialler.post(frame)

    def _report(self) -> None:
        self._accept()
        load = self._load() if self._load is not None else None
        state = State(whole=True, profile=self.profile, load=load, held=self._core.held)
        for part in self._supply.report(state):
            self._dialler.post(part)

    # -- performing -------------------------------------------------------------------------------------------

    def _perform(self, assign: Assign) -> None:
        self._announce("began", f"{assign.run}/{assign.task}")
        if self._supply.begin(assign):
            self._fetching[assign.work] = self._loop.create_task(self._fetch_and_begin(assign))
        else:
            self._begin(assign)

    def _begin(self, assign: Assign) -> None:
        try:
            self._performer.start(assign, self._said)
        except Exception as error:  # noqa: BLE001 - one attempt that cannot be begun must not end the others
            self._said(Result(work=assign.work, status="failed", failure=Failure.of(error), effect="unknown"))

    async def _fetch_and_begin(self, assign: Assign) -> None:
        """Begin an attempt once its blobs are here; of one that is stopped before, nothing was done."""
        result = Result(work=assign.work, status="stopped", effect="none")
        try:
            await self._supply.bring(assign)
        except OrreryError as error:
            failure = msgspec.structs.replace(Failure.of(error), severity="transient")
            result = msgspec.structs.replace(result, status="failed", failure=failure)
        except asyncio.CancelledError:
            pass  # by Stop, or because the device ends: either way this is what there is to say
        else:
            del self._fetching[assign.work]
            self._begin(assign)
            return
        del self._fetching[assign.work]
        self._said(result)

    # -- the rest ---------------------------------------------------------------------------------------------

    async def _send_step(self, frame: Artifact | Credit) -> None:
        await self._dialler.room()
        self._dialler.post(frame)

    async def _measure(self) -> None:
        """Tell now and then how busy the machine is, where it changed."""
        while True:
            await asyncio.sleep(LOAD_EVERY_S)
            if self._load is None or not self._dialler.is_up:
                continue
            load = await asyncio.to_thread(self._load)
            if self._load_said is None or load.differs_from(self._load_said):
                self._load_said = load
                self._dialler.post(State(load=load))

    async def _say_goodbye(self) -> None:
        self._accept()
        if self._keep_key is not None and self._token.startswith("enrol."):
            # The token may have been spent already, for a key that is on its way: it is worth a moment.
            with suppress(TimeoutError):
                async with asyncio.timeout(KEY_S):
                    await self._met.wait()
        try:
            async with asyncio.timeout(GOODBYE_S if self._dialler.is_up else 0):
                await self._dialler.settled()
        except TimeoutError:
            self._announce("left", "the hub did not hear everything; what is kept is told when the device is back")
        else:
            self._announce("left", "")

    def _announce(self, kind: str, text: str) -> None:
        if self._on_news is not None:
            self._on_news(News(kind, text))


def _only_forgets(event: Event) -> bool:
    """Whether what follows from an event may be lost: a result that nobody needs any more would be kept longer."""
    return isinstance(event, FrameCame) and isinstance(event.frame, Cancel) and event.frame.forget
