"""The hub of a seeded fleet as a process: it does what a server does elsewhere, with an agenda in place of sockets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from orrery.errors import ProtocolError
from orrery.fleet.codec import Unknown
from orrery.fleet.hub import events as ev
from orrery.fleet.hub.commands import Cut, Noted, ToClient, ToDevice
from orrery.fleet.hub.core import Hub
from orrery.fleet.hub.invariants import check
from orrery.fleet.hub.settings import Settings
from orrery.fleet.messages import (
    Hello,
    Welcome,
)
from orrery.fleet.session import Incoming
from orrery.testing.fleet_network import End, Wire, new_session

if TYPE_CHECKING:
    from orrery.testing.fleet_world import World

SETTINGS = Settings()


class HubHost:
    """The hub's process: what a server is elsewhere. Only the epoch and who was there outlive it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.epoch = 0
        self.here: dict[str, None] = {}
        self.revoked: set[str] = set()
        self.skew_s = world.chance.uniform(-300, 300)
        self.is_up = False
        self.named = 0
        self._begin()

    def now(self) -> float:
        """The hub's clock."""
        return self.world.agenda.now + self.skew_s

    def _begin(self) -> None:
        self.epoch += 1
        self.core = Hub(SETTINGS, epoch=self.epoch, expected=self.here)
        self.ends: dict[str, End] = {}
        self.went_at: dict[str, float] = {}
        self.is_up = True
        self._due = 0.0

    def kill(self, back_s: float) -> None:
        """It dies, and is started again later."""
        if not self.is_up:
            return
        self.world.count("a killed hub")
        self.is_up = False
        ends, self.ends = self.ends, {}
        for end in ends.values():
            end.detach()
        self.world.agenda.later(back_s, self._begin)

    def revoke(self, device: str) -> None:
        """A device is not wanted any more."""
        self.world.count("a revoked device")
        self.revoked.add(device)
        if self.is_up:
            self.feed(ev.Revoked(self.now(), device))

    def hello(self, hello: Hello, name: str, wire: Wire, dialled: Callable[[End, Welcome], None]) -> None:
        """Somebody is there."""
        is_device = hello.role == "device"
        if not self.is_up or not wire.is_open or (is_device and name in self.revoked):
            wire.cut()
            return
        end, resumed = self.ends.get(name), False
        if end is not None and hello.session == end.session.id:
            try:
                again = end.session.resume(hello.received, self.now())
                resumed = True
            except ProtocolError:
                again = []
            if resumed:
                old, end.wire = end.wire, None
                if old is not None:
                    old.cut()
        if not resumed:
            if end is not None:
                end.detach()
            self.named += 1
            again = []
            end = self.ends[name] = End(
                self.world.agenda,
                new_session(f"s{self.epoch}.{self.named}"),
                clock=self.now,
                on_frames=partial(self._heard, name, is_device),
                on_down=partial(self._went, name, is_device),
                answers_at=self.now,
            )
        assert end is not None
        welcome = Welcome(
            version=1,
            session=end.session.id,
            principal=name,
            resumed=resumed,
            received=end.session.received,
            epoch=self.epoch,
            now=self.now(),
            heartbeat_s=SETTINGS.heartbeat_s,
            lease_s=SETTINGS.lease_s,
        )
        dialled(end, welcome)
        if is_device:
            self.here[name] = None
            self.feed(ev.DeviceCame(self.now(), name, hello.profile, resumed))
        else:
            self.feed(ev.ClientCame(self.now(), name, resumed))
        end.put(*again)

    def _heard(self, name: str, is_device: bool, frames: list[Incoming], latency_s: float | None) -> None:
        if is_device:
            self.feed(ev.DeviceHeard(self.now(), name, latency_s))
        for frame in frames:
            assert not isinstance(frame, Unknown)
            at = self.now()
            self.feed(ev.DeviceSaid(at, name, frame) if is_device else ev.ClientSaid(at, name, frame))

    def _went(self, name: str, is_device: bool) -> None:
        if self.is_up:
            at = self.now()
            self.feed(ev.DeviceWent(at, name, "its wire is gone") if is_device else ev.ClientWent(at, name))

    def leave(self, device: str) -> None:
        """A device has said goodbye."""
        end = self.ends.pop(device, None)
        if self.is_up and self.core.is_done_with(device):
            self.here.pop(device, None)
        if self.is_up and end is not None:
            end.detach()
            self.feed(ev.DeviceWent(self.now(), device, "it left", clean=True))

    def feed(self, event: ev.Event) -> None:
        """Let the core handle an event, and do what it asks for."""
        for command in self.core.handle(event):
            match command:
                case ToDevice(name, frame) | ToClient(name, frame):
                    if (end := self.ends.get(name)) is not None:
                        end.post(frame)
                case Cut(name):
                    if (end := self.ends.pop(name, None)) is not None:
                        end.detach()
                case Noted():
                    pass
        if self.world.every_event or self.world.agenda.happened % 64 == 0:
            check(self.core)
        due = self.core.due()
        now = self.now()
        if due is not None and not (now < self._due <= due):
            self._due = due
            self.world.agenda.later(due - now, partial(self._tick, self.core))

    def _tick(self, core: Hub) -> None:
        if self.is_up and self.core is core:
            due = core.due()
            if due is not None and due <= self.now() + 1e-6:
                self.feed(ev.Ticked(max(due, self.now())))
            elif due is not None:
                self._due = due
                self.world.agenda.later(due - self.now(), partial(self._tick, core))
