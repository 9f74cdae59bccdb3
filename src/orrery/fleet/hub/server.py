"""HubServer: the hub's core on real connections. Frames go in as events, and commands come out.

The principal is bound to the connection by the token of its Hello, and everything that arrives there counts as said
by it, whatever a frame says. Blobs do not reach the core: they go from end to end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl as tls
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType

import msgspec

from orrery.errors import (
    ConnectionLostError,
    MessageTooLargeError,
    OrreryError,
    ProtocolError,
    StoreError,
)
from orrery.fleet.hub.audit import Audit
from orrery.fleet.hub.commands import Command, Cut, Noted, ToClient, ToDevice
from orrery.fleet.hub.core import Hub
from orrery.fleet.hub.ends import End, Ends
from orrery.fleet.hub.events import (
    ClientCame,
    ClientSaid,
    ClientWent,
    DeviceCame,
    DeviceHeard,
    DeviceSaid,
    DeviceWent,
    DrainWanted,
    Event,
    Revoked,
    Ticked,
)
from orrery.fleet.hub.fitting import fitting
from orrery.fleet.hub.greeting import Greeter, Guest
from orrery.fleet.hub.listening import Listening, dialled, is_remote, listener_for
from orrery.fleet.hub.pace import Pace
from orrery.fleet.hub.passing import Passing
from orrery.fleet.hub.registry import Registry
from orrery.fleet.hub.settings import Settings
from orrery.fleet.hub.speaking import Speaker
from orrery.fleet.hub.watching import Watching
from orrery.fleet.link import Link
from orrery.fleet.messages import (
    FEATURES,
    Accept,
    AnyFrame,
    Artifact,
    Assign,
    Cancel,
    Credit,
    Drain,
    Error,
    Frame,
    Progress,
    Reject,
    Result,
    State,
    Welcome,
)
from orrery.fleet.profile import DeviceView, Profile
from orrery.fleet.transports.protocol import Connection, Listener, Transport

LOOK_EVERY_S = 0.25
"""How often the registry is looked at for what another process wrote."""
MOST_WAITING = 10_000
"""Frames that may wait for one end to read them."""
_LOG = logging.getLogger("orrery.fleet")

_MAY_SAY: dict[str, tuple[type[Frame], ...]] = {
    "device": (Accept, Reject, Progress, Result, Credit, State, Drain, Artifact, Error),
    "client": (Assign, Cancel, Credit, State, Artifact, Error),
}
"""What each role may say once it is welcome."""


class HubServer:
    """A hub that listens, from `async with` on.

    Args:
        folder: its state; made if it is not there.
        listen: URLs to listen at; port 0 chooses one.
        settings: times and limits.
        ssl: its certificate, for `wss:`.
        allowed_hosts: names by which it is called besides its addresses, those of loopback and this machine's.
        allowed_origins: web pages whose scripts may connect.
        insecure_network: listen beyond loopback without TLS.
        transports: by scheme, in place of the usual ones.
        clock: seconds since the epoch that never go back.

    Raises:
        HubLockedError: another hub has the folder.
        TransportUrlError: a URL cannot be listened at.
        StoreError, OutsideError: the folder or a port cannot be used.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        listen: Sequence[str] = ("ws://127.0.0.1:0",),
        settings: Settings | None = None,
        ssl: tls.SSLContext | None = None,
        allowed_hosts: Sequence[str] = (),
        allowed_origins: Sequence[str] = (),
        insecure_network: bool = False,
        transports: Mapping[str, Transport] | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.settings = settings or Settings()
        self.now = clock or _steady_clock()
        self.urls: tuple[str, ...] = ()
        """Where it is dialled, what is loopback first."""
        self.client_token = ""
        """Of the operator, for runs on this machine."""
        self.epoch = 0
        self._listen_at = tuple(listen)
        self._how = Listening(
            ssl=ssl,
            allowed_hosts=tuple(allowed_hosts),
            allowed_origins=tuple(allowed_origins),
            insecure_network=insecure_network,
            transports=transports or {},
        )
        self._listeners: list[Listener] = []
        self._ends = Ends()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._looking: asyncio.TimerHandle | None = None
        self._is_closing = False

    async def __aenter__(self) -> HubServer:
        self._loop = asyncio.get_running_loop()
        self.registry = Registry(self.folder)
        try:
            self._audit = Audit(self.registry, self.settings, self.now)
            self._speaker = Speaker(self._ends, self._audit, self._answered_for)
            self.epoch = self.registry.begin()
            self.client_token = self.registry.client_token(at=self.now())
            self._watching = Watching(self.registry, self.now(), kept_s=self.settings.session_kept_s)
            self._core = Hub(self.settings, epoch=self.epoch, expected=self._watching.expected)
            self._greeter = Greeter(self.registry, self.settings, self.now, self._audit)
            self._passing = Passing(self._core.holders, self._speaker.pass_on, self._core.needs)
            self._looking = self._loop.call_later(LOOK_EVERY_S, self._look)
            for url in self._listen_at:
                # Until somebody is known, nothing is taken in that is larger than a Hello; see `_welcome`.
                transport = listener_for(
                    url, self._how, handshake_s=self.settings.hello_s, on_refused=self._turned_away
                )
                most = self.settings.hello_max_bytes
                self._listeners.append(await transport.listen(url, self._accepted, max_bytes=most))
            urls = (dialled(listener.url, self._how) for listener in self._listeners)
            self.urls = tuple(sorted(urls, key=is_remote))
            self.registry.listens(self.urls)
        except BaseException:
            await self.close()
            raise
        self._audit.note("started", "hub", f"epoch {self.epoch} at {' '.join(self.urls)}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Take no more, say goodbye to everybody, and free the folder. Devices keep what they have, and come back."""
        if self._is_closing:
            return
        self._is_closing = True
        for timer in (self._timer, self._looking):
            if timer is not None:
                timer.cancel()
        await asyncio.gather(*(listener.close() for listener in self._listeners))
        if self.urls:
            await self._greeter.close()
            self._audit.note("stopped", "hub")
        self.registry.close()

    def views(self) -> tuple[DeviceView, ...]:
        """The devices, as clients are told of them."""
        return self._with_times(self._core.views())

    def _with_times(self, views: Sequence[DeviceView]) -> tuple[DeviceView, ...]:
        """The views, with when each device was heard of: the core is told of that only as far as it matters there."""
        replace, get = msgspec.structs.replace, self._ends.get
        return tuple(
            view if (end := get(view.name)) is None else replace(view, heard_at=end.heard_at) for view in views
        )

    def _shown(self, state: State) -> State:
        views = fitting(self._with_times(state.devices), self.settings.max_frame_bytes // 2)  # JSON is longer
        return msgspec.structs.replace(state, devices=views)

    # -- connections ------------------------------------------------------------------------------------------

    async def _accepted(self, connection: Connection) -> None:
        """One connection, from its first byte to its last."""
        guest = await self._greeter.greet(connection)
        if guest is None or self._is_closing:
            return
        end, welcome = self._welcome(guest, connection)
        because = "the hub stops"
        try:
            await end.link.run(connection, first=[welcome], arrived=guest.arrived)
        except (ProtocolError, MessageTooLargeError) as error:
            because = str(error)
            self._audit.note("cut", end.name, f"{connection.peer}: {because}")
        except OrreryError as error:
            because = str(error)
        finally:
            self._went(end, connection, because)

    def _welcome(self, guest: Guest, connection: Connection) -> tuple[End, Welcome]:
        """Bind the connection to its principal."""
        hello, at = guest.hello, self.now()
        end, resumed = self._end_of(guest, connection)
        self._passing.gone(end.name, f"{end.name} has a new connection")  # streams belong to the one that they began on
        connection.max_bytes = self.settings.max_frame_bytes
        end.connection, end.heard_at = connection, at
        welcome = Welcome(
            version=guest.version,
            session=end.session.id,
            principal=end.name,
            resumed=resumed,
            received=end.session.received,
            features=tuple(one for one in FEATURES if one in hello.features),
            key=guest.key,
            epoch=self.epoch,
            now=at,
            heartbeat_s=self.settings.heartbeat_s,
            lease_s=self.settings.lease_s,
            max_frame_bytes=self.settings.max_frame_bytes,
            ticket_secret=self._passing.secret_of(end.name).hex() if end.is_device else "",
        )
        if not end.is_device:
            self._feed(ClientCame(at, end.name, resumed))
            return end, welcome
        self.registry.here(end.name, True)
        self._feed(DeviceCame(at, end.name, self._profile(end, hello.profile), resumed))
        if self._watching.is_draining(end.name) and not resumed:
            self._feed(DrainWanted(at, end.name, "the operator wants it"))
        return end, welcome

    def _end_of(self, guest: Guest, connection: Connection) -> tuple[End, bool]:
        """Whose connection it is, and whether its session goes on."""
        principal, hello, at = guest.principal, guest.hello, self.now()
        try:
            if (end := self._ends.resumed(principal, hello.session, hello.received, at)) is not None:
                return end, True
        except ProtocolError as error:
            self._audit.note("session-lost", principal.name, str(error))
        end, older = self._ends.new(principal, Pace(self.settings, at), self._link)
        end.proved = not guest.key
        if older is not None and older.connection is not None:
            message = f"another connection came as {principal.name!r}, from {connection.peer}"
            self._audit.note("replaced", principal.name, f"{older.connection.peer} by {connection.peer}")
            older.link.end(ConnectionLostError(message), Error(error="replaced", message=message))
        return end, False

    def _link(self, end: End) -> Link:
        return Link(
            end.session,
            on_frame=partial(self._said, end),
            on_heard=partial(self._heard, end),
            hub_clock=self.now,
            ping_s=self.settings.heartbeat_s,
            silence_s=3 * self.settings.heartbeat_s,
            max_bytes=self.settings.max_frame_bytes,
        )

    def _went(self, end: End, connection: Connection, because: str) -> None:
        """A connection is over. Where a newer one has taken its place, nothing follows."""
        if end.connection is not connection:
            return
        at, name = self.now(), end.name
        is_current = self._ends.get(name) is end
        self._ends.went(end, at)
        if self._is_closing or not is_current:
            return
        self._passing.gone(name, f"{name} is gone: {because}")
        if not end.is_device:
            self._feed(ClientWent(at, name))
            return
        known = self._core.ledger.devices.get(name)
        left = end.leaving and (known is None or not known.leases)
        if left and self._core.is_done_with(name):
            self._ends.forget(end)
            self.registry.here(name, False)
        elif left:
            # It keeps results that a client may still ask for: for a while the hub's next life is to know of it, too.
            self._ends.end_session(end)
        self._feed(DeviceWent(at, name, because, left))

    # -- what they say ----------------------------------------------------------------------------------------

    def _heard(self, end: End, latency_s: float | None) -> None:
        """A message came, whatever was in it."""
        end.heard_at = at = self.now()
        if self._ends.get(end.name) is not end:
            return
        if end.link.backlog > MOST_WAITING:
            self._speaker.cut_slow(end)
        if not end.is_device:
            return
        if not end.proved:
            end.proved = True
            self.registry.prove(end.name, at=at)
        if latency_s is not None or not end.spoke:  # what it said has told the core as well that it was heard
            self._feed(DeviceHeard(at, end.name, latency_s))
        end.spoke = False

    def _said(self, end: End, frame: AnyFrame) -> None:
        """A frame came in its turn. What is raised here ends the connection."""
        try:
            self._take(end, frame)
        except OrreryError:
            raise
        except Exception:  # noqa: BLE001 - a fault of ours with what one end said must not take the others with it
            _LOG.exception("a frame of %s could not be taken in: %.200s", end.name, frame)
            self._audit.note("failed", end.name, "a fault of the hub's; its log says more")
            last = Error(error="internal", message="the hub failed", retryable=True)
            end.link.end(ConnectionLostError("the hub failed"), last)

    def _take(self, end: End, frame: AnyFrame) -> None:
        at, name, role = self.now(), end.name, end.principal.role
        if not end.pace.allows(self.settings, 1, at):
            raise ProtocolError(f"more than {self.settings.frames_per_s:g} frames a second came")
        if self._ends.get(name) is not end:
            return  # it was replaced, or is being cut off
        if not isinstance(frame, _MAY_SAY[role]):
            message = f"a {role} does not say {type(frame).__name__.lower()!r}"
            end.link.post(Error(error="not-yours", message=message, retryable=True, about=str(frame.seq or "")))
            return
        match frame:
            case Artifact() | Credit(slots=None):
                self._passing.take(name, frame)
            case Error():
                self._audit.note("error", name, f"{frame.error}: {frame.message}")
            case _ if role == "client":
                if isinstance(frame, State):
                    self._passing.offered(name, (blob.digest for blob in frame.holds))
                self._feed(ClientSaid(at, name, frame))
            case State(profile=Profile()):
                profile = self._profile(end, frame.profile)
                self._feed(DeviceSaid(at, name, msgspec.structs.replace(frame, profile=profile)))
            case _:
                end.leaving = end.leaving or isinstance(frame, Drain)
                end.spoke = True
                self._feed(DeviceSaid(at, name, frame))

    def _profile(self, end: End, said: Profile | None) -> Profile:
        """What a device says of itself; the skills that the operator fixed go before its own."""
        profile = said or Profile()
        return msgspec.structs.replace(profile, skills=end.principal.skills) if end.principal.skills else profile

    # -- the core ---------------------------------------------------------------------------------------------

    def _feed(self, event: Event) -> None:
        """Tell the core what happened, and do what it asks for."""
        try:
            for command in self._core.handle(event):
                self._carry_out(command)
        finally:
            self._arm()

    def _carry_out(self, command: Command) -> None:
        match command:
            case ToDevice(device, frame):
                self._speaker.post(
                    device, self._passing.with_tickets(frame, self.now()) if type(frame) is Assign else frame
                )
            case ToClient(client, frame):
                self._speaker.post(client, self._shown(frame) if type(frame) is State else frame)
            case Cut(principal, because):
                self._speaker.cut(principal, Error(error="cut", message=because, retryable=True))
                if (end := self._ends.get(principal)) is not None:
                    self._ends.end_session(end)
            case Noted(kind, principal, detail):
                self._audit.note(kind, principal, detail)

    def _answered_for(self, device: str, answer: Reject) -> None:
        self._feed(DeviceSaid(self.now(), device, answer))

    def _arm(self) -> None:
        due = self._core.due()
        if due is None or self._is_closing:
            return
        if self._timer is not None:
            if self._timer_due <= due:
                return
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._loop.call_later(max(0.0, due - self.now()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._feed(Ticked(self.now()))

    # -- the registry -----------------------------------------------------------------------------------------

    def _look(self) -> None:
        """See what another process changed in the registry, and free sessions that nobody came back to."""
        if self._is_closing:
            return
        self._looking = self._loop.call_later(LOOK_EVERY_S, self._look)
        at = self.now()
        try:
            for end in self._ends.forget_those_gone_before(at - self.settings.session_kept_s):
                if end.is_device:
                    self.registry.here(end.name, False)
            self._watching.give_up(at, self._ends)
            news = self._watching.look()
        except StoreError as error:
            _LOG.error("the registry cannot be read: %s", error)
            return
        for name in news.revoked:
            if (revoked := self._ends.get(name)) is not None:
                because = f"the device {name!r} was revoked"
                self._passing.gone(name, because)
                self._speaker.expel(revoked, because)
            self._feed(Revoked(at, name))
        for undo, names in ((False, news.drained), (True, news.undrained)):
            for name in names:
                if name in self._ends:
                    self._feed(DrainWanted(at, name, "the operator wants it", undo=undo))
        if news.clients is not None:
            for end in self._ends.all():
                if not end.is_device and end.name.partition("/")[0] not in news.clients:
                    because = "this client's token does not work any more"
                    self._passing.gone(end.name, because)
                    self._speaker.expel(end, because)

    def _turned_away(self, peer: str, because: str) -> None:
        """A transport let somebody not even begin."""
        if not self._is_closing:
            self._greeter.refused(peer, because)


def _steady_clock() -> Callable[[], float]:
    """Seconds since the epoch that never go back: the wall clock read once, then the monotonic one."""
    offset = time.time() - time.monotonic()
    return lambda: offset + time.monotonic()
