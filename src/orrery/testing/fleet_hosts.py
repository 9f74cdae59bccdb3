"""The devices of a seeded fleet with their disks, and what keeps up a session to its hub.

They do what agent and dialler do elsewhere, with an agenda in place of sockets and timers.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from orrery.errors import Failure
from orrery.fleet.codec import Unknown
from orrery.fleet.device import events as dev
from orrery.fleet.device.core import DeviceCore
from orrery.fleet.device.settings import DeviceSettings
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
