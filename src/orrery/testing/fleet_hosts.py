"""The processes of a seeded fleet: its hub, its devices with their disks, and what keeps up a session to the hub.

They do what server, agent and dialler do elsewhere, with an agenda in place of sockets and timers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from orrery.errors import Failure, ProtocolError
from orrery.fleet.codec import Unknown
from orrery.fleet.device import events as dev
from orrery.fleet.device.core import DeviceCore
from orrery.fleet.device.settings import DeviceSettings
from orrery.fleet.hub import events as ev
from orrery.fleet.hub.commands import Cut, Noted, ToClient, ToDevice
from orrery.fleet.hub.core import Hub
from orrery.fleet.hub.invariants import check
from orrery.fleet.hub.settings import Settings
from orrery.fleet.messages import (
    Assign,
    Frame,
    Hello,
    Reject,
    Result,
    State,
    Welcome,
)
from orrery.fleet.profile import Profile
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


class Dialling:
    """A process that keeps up a session with the hub: what a dialler is elsewhere."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self.life = 0
        self.is_up = False
        self.skew_s = world.chance.choice((0.0, world.chance.uniform(-300, 300)))
        self.end: End | None = None
        self.session = ""
        self.isolated_until = 0.0

    def now(self) -> float:
        """Its own clock."""
        return self.world.agenda.now + self.skew_s

    def begin(self) -> None:
        """The process is started."""
        self.life += 1
        self.is_up = True
        self.end, self.session = None, ""
        self.dial(self.life)

    def stop(self) -> None:
        """The process is dead."""
        self.is_up = False
        self.life += 1
        if self.end is not None:
            self.end.detach()
            self.end = None

    def dial(self, life: int) -> None:
        """Try to reach the hub."""
        if not self.is_up or life != self.life or (self.end is not None and self.end.wire is not None):
            return
        world, network = self.world, self.world.network
        if world.agenda.now < self.isolated_until or (world.trouble and world.chance.random() < 0.1):
            world.agenda.later(world.chance.uniform(0.1, 5), partial(self.dial, life))
            return
        wire = Wire(network)
        hello = self.hello(self.session, self.end.session.received if self.end is not None else 0)
        sent_at = self.now()
        world.agenda.later(
            network.delay_s,
            lambda: world.hub.hello(hello, self.name, wire, partial(self._dialled, wire, life, sent_at)),
        )
        world.agenda.later(10.0, partial(self._check_dialled, wire, life))

    def _check_dialled(self, wire: Wire, life: int) -> None:
        if life == self.life and (self.end is None or self.end.wire is None):
            wire.cut()
            self.dial(life)

    def _dialled(self, wire: Wire, life: int, sent_at: float, other: End, welcome: Welcome) -> None:
        """The hub has answered; its answer is on the way."""
        other.attach(wire, None)
        # As fast as anything, since it is the first frame on its wire.
        self.world.agenda.later(
            self.world.network.delay_s / 2, partial(self._welcomed, wire, life, sent_at, other, welcome)
        )

    def _welcomed(self, wire: Wire, life: int, sent_at: float, other: End, welcome: Welcome) -> None:
        if life != self.life or not self.is_up or not wire.is_open or wire.is_deaf or other.wire is not wire:
            wire.cut()
            return
        again: list[Frame] = []
        resumed = welcome.resumed and self.end is not None
        if resumed and self.end is not None:
            again = self.end.session.resume(welcome.received, self.now())
        else:
            self.session = welcome.session
            self.end = End(
                self.world.agenda,
                new_session(welcome.session),
                clock=self.now,
                on_frames=self.frames,
                on_down=partial(self._down, life),
                on_answered=self.answered,
            )
        assert self.end is not None
        self.end.attach(wire, other)
        other.other = self.end
        self.end.put(*again)
        self.welcomed(welcome, sent_at)

    def _down(self, life: int) -> None:
        if life == self.life and self.is_up:
            self.down()
            self.world.agenda.later(self.world.chance.uniform(0.05, 2.0), partial(self.dial, life))

    # What the two kinds of them do about it.

    def hello(self, session: str, received: int) -> Hello:
        """What is said first."""
        raise NotImplementedError

    def welcomed(self, welcome: Welcome, sent_at: float) -> None:
        """The hub has let it in."""
        raise NotImplementedError

    def frames(self, frames: list[Incoming], _latency_s: float | None) -> None:
        """Something came."""
        raise NotImplementedError

    def down(self) -> None:
        """The wire is gone."""

    def answered(self, sent_at: float, hub_at: float) -> None:
        """What was sent then was answered."""


class DeviceHost(Dialling):
    """A device's process, and its disk."""

    def __init__(self, world: World, profile: Profile) -> None:
        super().__init__(world, profile.host)
        self.profile = profile
        self.disk: dict[str, dev.Record] = {}
        self.lies: tuple[str, ...] = ()
        self.dies_at: float | None = None
        self.returns_s: float | None = None
        self.running: dict[str, Assign] = {}
        self._due = 0.0
        self._drains = False

    def start(self) -> None:
        """Begin with what is on the disk."""
        self.core = DeviceCore(DeviceSettings(slots=self.profile.slots), tuple(self.disk.values()))
        self.running.clear()
        self._due = 0.0
        self.begin()

    def kill(self, why: str, back_s: float | None) -> None:
        """The process dies with all that runs in it."""
        if not self.is_up:
            return
        self.world.count(f"a device that is {why}")
        for assign in self.running.values():
            self.world.sinks.ends(self.name, assign)
        self.running.clear()
        self.stop()
        if back_s is not None:
            self.world.agenda.later(back_s, self._again)

    def _again(self) -> None:
        if not self.is_up and self.name not in self.world.hub.revoked:
            self.start()

    def drain(self) -> None:
        """Its owner wants it to leave."""
        if self.is_up:
            self.world.count("a device that leaves")
            self.feed(dev.DrainWanted(self.now(), "its owner wants it", self.world.chance.choice((0.0, 5.0, 60.0))))

    def hello(self, session: str, received: int) -> Hello:
        return Hello(token=self.name, session=session, received=received, profile=self.profile)

    def welcomed(self, welcome: Welcome, sent_at: float) -> None:
        self.feed(dev.Connected(self.now(), sent_at, welcome))

    def down(self) -> None:
        self.feed(dev.Disconnected(self.now()))

    def answered(self, sent_at: float, hub_at: float) -> None:
        now = self.now()
        self.feed(dev.Answered(now, sent_at, hub_at - (sent_at + now) / 2 if hub_at else None))

    def frames(self, frames: list[Incoming], _latency_s: float | None) -> None:
        life = self.life
        for frame in frames:
            if life != self.life:
                return
            assert not isinstance(frame, Unknown)
            refusal = None
            if isinstance(frame, Assign) and frame.op in self.lies:
                refusal = Reject(work=frame.work, reason="not-offered", message="it was a lie")
            self.feed(dev.FrameCame(self.now(), frame, refusal))

    def feed(self, event: dev.Event) -> None:
        """Let the core handle an event, and do what it asks for."""
        life = self.life
        for command in self.core.handle(event):
            if life != self.life:
                return  # it died between two commands
            self._do(command)
        due, now = self.core.due(), self.now()
        if due is not None and not (now < self._due <= due):
            self._due = due
            self.world.agenda.later(due - now, partial(self._tick, life))

    def _tick(self, life: int) -> None:
        if life != self.life:
            return
        due = self.core.due()
        if due is not None and due <= self.now() + 1e-6:
            self.feed(dev.Ticked(max(due, self.now())))
        elif due is not None:
            self._due = due
            self.world.agenda.later(due - self.now(), partial(self._tick, life))

    def _do(self, command: dev.Command) -> None:
        world = self.world
        if world.trouble and self.name != "spare" and world.chance.random() < 0.0005:
            self.kill("killed between two commands", world.chance.choice((1.0, 40.0)))
            return
        match command:
            case dev.Send(frame):
                if self.end is not None:
                    self.end.post(frame)
            case dev.Report(held):
                if self.end is not None:
                    self.end.post(State(whole=True, profile=self.profile, held=held))
            case dev.Remember(record):
                self.disk[record.key] = record
            case dev.Forget(key):
                self.disk.pop(key, None)
            case dev.Perform(assign):
                self._perform(assign)
            case dev.Stop(work):
                if work in self.running:
                    life = self.life
                    world.agenda.later(world.chance.uniform(0, 0.2), lambda: self._end(life, work, "stopped"))
            case dev.Leave():
                self._left()

    def _left(self) -> None:
        """All that was said is heard, or it is given up."""
        if self.running:
            self.world.broken(f"{self.name} leaves while it works on {list(self.running)}")
        life = self.life

        def go() -> None:
            if life == self.life:
                heard = self.end is not None and not list(self.end.session.unacknowledged())
                self.stop()
                if heard:
                    self.world.hub.leave(self.name)

        self.world.agenda.later(5.0, go)

    # -- performing -------------------------------------------------------------------------------------------

    def _perform(self, assign: Assign) -> None:
        world, life, work = self.world, self.life, assign.work
        self.running[work] = assign
        if len(self.running) > self.profile.slots:
            world.broken(f"{self.name} runs {list(self.running)} and has {self.profile.slots} slots")
        world.sinks.begins(self.name, assign)
        seconds = assign.seconds / self.profile.speed * world.chance.uniform(0.5, 2)
        if self.dies_at is not None and world.chance.random() < 0.5:
            why = f"killed at {self.dies_at:.0%} of a task"
            back_s, at, self.dies_at = self.returns_s, self.dies_at, None
            world.agenda.later(seconds * at, lambda: self.kill(why, back_s) if life == self.life else None)
        roll = world.chance.random()
        status = "succeeded"
        if "fails" in assign.task:
            status = "failed"
        elif roll < world.trouble * 0.03:
            world.count("a lost worker")
            status = "lost"
        if status != "lost" or roll < world.trouble * 0.015:
            world.agenda.later(seconds * 0.6, lambda: self._commit(life, work))
        world.agenda.later(seconds * 0.3, lambda: self._progress(life, work))
        world.agenda.later(seconds, lambda: self._end(life, work, status))

    def _progress(self, life: int, work: str) -> None:
        if life == self.life and work in self.running:
            self.feed(dev.AttemptProgressed(self.now(), work, 0.3))

    def _commit(self, life: int, work: str) -> None:
        if life == self.life and work in self.running:
            self.world.sinks.commit(self.name, self.running[work])

    def _end(self, life: int, work: str, status: str) -> None:
        if life != self.life or work not in self.running:
            return
        assign = self.running.pop(work)
        self.world.sinks.ends(self.name, assign)
        failure = Failure("ValueError", "planted", severity="permanent") if status == "failed" else None
        result = Result(
            work=work,
            status=status,  # type: ignore[arg-type]
            failure=failure,
            effect="done" if status == "succeeded" else "unknown",
            value=msgspec.msgpack.encode(assign.task),
        )
        self.feed(dev.AttemptEnded(self.now(), result))
