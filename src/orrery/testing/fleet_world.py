"""A seeded fleet: one integer makes devices, runs, a network and every misfortune, and drives the real cores.

Hub, DeviceCore and Session are the real ones, under virtual time. Wires delay, lose, repeat, reorder and break, half
open ones for up to a minute; devices die at any point of a task, flap once a second, lie about what they do, and have
clocks that are up to five minutes wrong; the hub dies and comes back without its memory; clients die and resume. What
tasks do to the world goes to sinks that count it. Checked while it lives, and at its end:

  * every attempt that was asked for has exactly one final result, and the world ends;
  * a task that may happen only once was done once, plus once for every time that a person said so;
  * a keyed task was done under one key;
  * no device has more at once than its slots, and nothing but pure work runs in two places at once;
  * an attempt is stopped only if its own client said so;
  * with a spare device everything succeeds; without one the failure names what is missing;
  * after every event of the hub its invariants hold.

A failing seed is reproduced by `run_fleet(seed)` alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import msgspec

from orrery.errors import Failure, InternalError, OrreryError, ProtocolError
from orrery.fleet.codec import Unknown
from orrery.fleet.device import events as dev
from orrery.fleet.device.core import DeviceCore, DeviceSettings
from orrery.fleet.hub import events as ev
from orrery.fleet.hub.commands import Cut, Noted, ToClient, ToDevice
from orrery.fleet.hub.core import Hub
from orrery.fleet.hub.invariants import check
from orrery.fleet.hub.settings import Settings
from orrery.fleet.messages import (
    ANYWHERE,
    Accept,
    Assign,
    Cancel,
    Frame,
    Hello,
    Progress,
    Reject,
    Result,
    State,
    Welcome,
)
from orrery.fleet.profile import Offer, Profile
from orrery.fleet.session import Incoming
from orrery.graph.place import Place
from orrery.graph.task import EffectKind
from orrery.testing.fleet_network import Agenda, End, Network, Wire, new_session

START = 1_000_000.0
MOST_HAPPENINGS = 200_000
LATEST_S = 6_000.0
SETTINGS = Settings()
SKILLS = ("gpu", "camera", "disk")
EFFECTS: tuple[EffectKind, ...] = ("pure", "idempotent", "keyed", "once")


class FleetWorldError(InternalError):
    """A promise was broken in a seeded fleet; the message holds the line that reproduces it."""

    code = "fleet-world"

    def __init__(self, seed: int, what: str) -> None:
        self.seed = seed
        super().__init__(
            f"seed {seed}: {what}; reproduce: "
            f'python -c "from orrery.testing.fleet_world import run_fleet; run_fleet({seed})"'
        )


@dataclass
class Report:
    """What happened in one world.

    Attributes:
        outcomes: how many tasks ended how: "succeeded", "failed", "no-device", "stopped", "deadline", or "asked" (a
            person was asked, and did not want it done again).
        faults: how often what went wrong.
    """

    seed: int
    spare: bool = False
    tasks: int = 0
    attempts: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    messages: int = 0
    happenings: int = 0
    virtual_s: float = 0.0


def run_fleet(seed: int, *, every_event: bool | None = None) -> Report:
    """Live through the world that a seed makes. Raises FleetWorldError if a promise is broken.

    Args:
        every_event: check the hub's invariants after each of its events; None: in every eighth world, else at times.
    """
    world = World(seed, every_event=seed % 8 == 0 if every_event is None else every_event)
    try:
        return world.live()
    except FleetWorldError:
        raise
    except (OrreryError, AssertionError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise FleetWorldError(seed, f"{type(error).__name__}: {error}") from error


class World:
    """Devices, clients, one hub, and what goes wrong with them."""

    def __init__(self, seed: int, *, every_event: bool) -> None:
        self.seed, self.every_event = seed, every_event
        self.chance = random.Random(seed)  # noqa: S311 - the point is that it can be repeated
        self.agenda = Agenda(START)
        self.trouble = self.chance.choice((0.0, 0.3, 1.0))
        form = self.chance.choice((None, None, None, "msgpack", "json"))
        self.network = Network(self.agenda, self.chance, self.trouble, form)
        self.report = Report(seed, spare=self.chance.random() < 0.5)
        self.sinks = Sinks(self)
        self.hub = HubHost(self)
        self.devices = [DeviceHost(self, profile) for profile in self._profiles()]
        self.clients = [ClientHost(self, name) for name in ("left", "right")[: self.chance.choice((1, 1, 2))]]

    def _profiles(self) -> list[Profile]:
        chance = self.chance
        profiles = []
        for number in range(chance.randint(1, 4)):
            skills = tuple(skill for skill in SKILLS if chance.random() < 0.5)
            profiles.append(
                Profile(
                    host=f"device{number}",
                    cpus=4,
                    skills=skills,
                    tools=(Offer("work"), Offer("other")) if chance.random() < 0.8 else (Offer("work"),),
                    slots=chance.choice((1, 1, 2, 3)),
                    speed=chance.choice((0.5, 1.0, 2.0)),
                )
            )
        if self.report.spare:
            tools = (Offer("work"), Offer("other"))
            profiles.append(Profile(host="spare", cpus=4, skills=SKILLS, tools=tools, slots=2, speed=0.25))
        return profiles

    def live(self) -> Report:
        """From the beginning to the end of all tasks."""
        for device in self.devices:
            self.agenda.later(self.chance.uniform(0, 3), device.start)
        for client in self.clients:
            self.agenda.later(self.chance.uniform(0, 3), client.start)
        if self.trouble:
            self._plan_misfortune()
        while not all(client.is_done for client in self.clients):
            self._step()
        quiet_at = self.agenda.now + 5.0
        while self.agenda.now < quiet_at and self.agenda.step():
            pass  # what is said last is heard, too
        for client in self.clients:
            client.judge()
        self.sinks.judge()
        report = self.report
        report.messages, report.happenings = self.network.messages, self.agenda.happened
        report.virtual_s = self.agenda.now - START
        return report

    def _step(self) -> None:
        if not self.agenda.step():
            self.broken("nothing will ever happen again")
        if self.agenda.happened > MOST_HAPPENINGS or self.agenda.now > START + LATEST_S:
            open_ = [task.key for client in self.clients for task in client.tasks.values() if not task.outcome]
            self.broken(f"the world does not end: {open_} are open, {self.hub.core!r}")

    def count(self, fault: str) -> None:
        """Something went wrong, on purpose."""
        self.report.faults[fault] = self.report.faults.get(fault, 0) + 1

    def broken(self, what: str) -> None:
        """A promise was broken. Raises FleetWorldError."""
        raise FleetWorldError(self.seed, f"{what} (at {self.agenda.now - START:.3f} s)")

    # -- misfortune -------------------------------------------------------------------------------------------

    def _plan_misfortune(self) -> None:
        chance, later = self.chance, self.agenda.later
        for device in self.devices:
            if device.name == "spare":
                continue
            if chance.random() < 0.15:
                device.lies = chance.choice((("work",), ("other",), ("work", "other")))
                self.count("a device that lies")
            if chance.random() < 0.5:
                device.dies_at = chance.choice((0.0, 0.5, 0.99))
                device.returns_s = chance.choice((0.5, 5.0, 40.0, 120.0, None))
            if chance.random() < 0.25:
                later(chance.uniform(0, 60), partial(device.kill, "killed", chance.choice((1.0, 45.0, None))))
            if chance.random() < 0.2:
                later(chance.uniform(0, 30), partial(self._flap, device, chance.randint(5, 40)))
            if chance.random() < 0.15:
                later(chance.uniform(5, 60), device.drain)
        if chance.random() < 0.25:
            skill = chance.choice(SKILLS)
            later(chance.uniform(0, 20), partial(self._lose_skill, skill))
        for _ in range(chance.choice((0, 0, 1, 1, 2, 4))):
            later(chance.uniform(0, 80), partial(self.hub.kill, chance.choice((0.1, 2.0, 20.0, 50.0))))
        for client in self.clients:
            if chance.random() < 0.4:
                later(chance.uniform(0, 60), partial(client.kill, chance.choice((0.5, 10.0, 100.0))))
        for end in (*self.devices, *self.clients):
            for _ in range(chance.choice((0, 0, 1, 2))):
                later(chance.uniform(0, 90), partial(self._cut, end))
            if chance.random() < 0.25 and end.name != "spare":
                later(chance.uniform(0, 60), partial(self._isolate, end, chance.uniform(10, 60)))
        if chance.random() < 0.15:
            device = chance.choice(self.devices)
            if device.name != "spare":
                later(chance.uniform(0, 60), partial(self.hub.revoke, device.name))

    def _cut(self, host: Dialling) -> None:
        wire = host.end.wire if host.end is not None else None
        if wire is not None:
            if self.chance.random() < 0.5:
                self.count("a wire that is half open")
                wire.go_deaf(self.chance.uniform(1, 60))
            else:
                self.count("a cut wire")
                wire.cut()

    def _isolate(self, host: Dialling, seconds: float) -> None:
        """Both sides are alive, and nothing passes between them."""
        self.count("a network that is cut")
        host.isolated_until = self.agenda.now + seconds
        if host.end is not None and host.end.wire is not None:
            host.end.wire.go_deaf(seconds)

    def _flap(self, device: DeviceHost, times: int) -> None:
        self.count("a drop-out")
        if device.end is not None and device.end.wire is not None:
            device.end.wire.cut()
        if times:
            self.agenda.later(1.0, partial(self._flap, device, times - 1))

    def _lose_skill(self, skill: str) -> None:
        self.count("a skill that is gone")
        for device in self.devices:
            if skill in device.profile.skills and device.name != "spare":
                device.kill("killed for good", None)


class Sinks:
    """Where the effects of tasks go, and what there has been of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.keyed: dict[str, set[str]] = {}
        self.once: dict[str, int] = {}
        self.words: dict[str, int] = {}
        self.runs: dict[str, set[str]] = {}

    def begins(self, device: str, assign: Assign) -> None:
        """A device begins an attempt."""
        there = self.runs.setdefault(assign.key, set())
        there.add(device)
        if len(there) > 1 and assign.effects != "pure":
            self.world.broken(f"{assign.key} runs on {sorted(there)} at once")

    def ends(self, device: str, assign: Assign) -> None:
        """It does not run there any more."""
        self.runs.get(assign.key, set()).discard(device)

    def commit(self, device: str, assign: Assign) -> None:
        """An attempt takes effect."""
        task = f"{assign.run}/{assign.task}"
        if assign.effects == "keyed":
            self.keyed.setdefault(task, set()).add(assign.key)
        elif assign.effects == "once":
            self.once[task] = self.once.get(task, 0) + 1
            if self.once[task] > 1 + self.words.get(task, 0):
                self.world.broken(f"{task} may happen once, and was done again on {device} by {assign.work}")

    def word(self, run: str, task: str) -> None:
        """A person says that a task may be done again."""
        name = f"{run}/{task}"
        self.words[name] = self.words.get(name, 0) + 1

    def judge(self) -> None:
        """Hold what happened against what was promised."""
        for task, keys in self.keyed.items():
            if len(keys) > 1:
                self.world.broken(f"{task} was done under the keys {sorted(keys)}")


# -- the hub ------------------------------------------------------------------------------------------------------


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


# -- whoever dials ------------------------------------------------------------------------------------------------


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


class Task:
    """One task of a client's run, and how it ended."""

    def __init__(self, run: str, name: str, effects: EffectKind, assign: Assign, deadline_s: float | None) -> None:
        self.run, self.name, self.effects, self.assign, self.deadline_s = run, name, effects, assign, deadline_s
        self.key = assign.key
        self.attempt = 0
        self.outcome = ""
        self.message = ""
        self.cancelled = False


class ClientHost(Dialling):
    """A run's process, and its log."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.run = name
        self.tasks: dict[str, Task] = {}
        self.results: dict[str, str] = {}
        self.open: dict[str, tuple[Assign, str, bool]] = {}
        self._ended: dict[str, int] = {}
        self._hub_ahead_s: float | None = None
        for number in range(world.chance.randint(1, 12)):
            self._make(number)
        world.report.tasks += len(self.tasks)

    def _make(self, number: int) -> None:
        chance = self.world.chance
        effects = chance.choice(EFFECTS)
        name = f"{number}-{effects}{'-fails' if chance.random() < 0.05 else ''}"
        place = Place(skills=(chance.choice(SKILLS),) if chance.random() < 0.4 else ())
        assign = Assign(
            work="",
            key=f"{self.run}@1/{name}",
            run=self.run,
            task=name,
            attempt=0,
            op=chance.choice(("work", "work", "other")),
            digest=name,
            effects=effects,
            place=place,
            rank=chance.choice((0.0, 1.0, 5.0)),
            seconds=chance.choice((0.01, 1.0, 4.0, 15.0)),
            timeout_s=None if chance.random() < 0.9 else 200.0,
        )
        deadline_s = chance.choice((20.0, 100.0)) if chance.random() < 0.1 else None
        self.tasks[assign.key] = Task(self.run, name, effects, assign, deadline_s)

    @property
    def is_done(self) -> bool:
        """Whether every task has its outcome."""
        return all(task.outcome for task in self.tasks.values())

    def start(self) -> None:
        """Begin the run, or go on with it."""
        if self.life:
            self.world.count("a resumed client")
        self.name = f"{self.run}/{self.life}"
        self.begin()
        for task in self.tasks.values():
            if task.outcome:
                continue
            if task.attempt and task.effects == "once" and not self._says_again(task):
                continue
            self.world.agenda.later(self.world.chance.uniform(0, 20), partial(self._submit, self.life, task))
        if self.world.trouble and self.world.chance.random() < 0.3:
            self.world.agenda.later(self.world.chance.uniform(0, 30), partial(self._cancel_some, self.life))

    def kill(self, back_s: float) -> None:
        """The process dies; its log does not."""
        if self.is_up and not self.is_done:
            self.world.count("a killed client")
            self.stop()
            self.open.clear()
            self._ended.clear()
            self.world.agenda.later(back_s, self.start)

    def _says_again(self, task: Task) -> bool:
        """Ask a person whether a task that may happen once is to be done again."""
        if self.world.chance.random() < 0.5:
            self.world.sinks.word(task.run, task.name)
            return True
        self._ends(task, "asked")
        return False

    def _submit(self, life: int, task: Task) -> None:
        if life != self.life or task.outcome:
            return
        task.attempt += 1
        self.world.report.attempts += 1
        deadline = None
        if task.deadline_s is not None and self._hub_ahead_s is not None:
            deadline = self.now() + self._hub_ahead_s + task.deadline_s
        assign = msgspec.structs.replace(
            task.assign, work=f"{task.key}#{task.attempt}", attempt=task.attempt, deadline=deadline
        )
        self.open[assign.work] = (assign, "", self.end is not None)
        if self.end is not None:
            self.end.post(assign)

    def _cancel_some(self, life: int) -> None:
        if life != self.life:
            return
        for task in self.tasks.values():
            work = f"{task.key}#{task.attempt}"
            if not task.outcome and work in self.open and self.world.chance.random() < 0.3:
                self.world.count("a cancelled attempt")
                task.cancelled = True
                if self.end is not None:
                    self.end.post(Cancel(work=work, because="it is not wanted"))
        for other in self.world.clients:
            if other is not self and self.end is not None and other.open:
                self.world.count("a cancellation of another's attempt")
                self.end.post(Cancel(work=self.world.chance.choice(list(other.open)), because="mischief"))

    def hello(self, session: str, received: int) -> Hello:
        return Hello(token=self.name, role="client", session=session, received=received)

    def welcomed(self, welcome: Welcome, sent_at: float) -> None:
        self._hub_ahead_s = welcome.now - (sent_at + self.now()) / 2
        if welcome.resumed or self.end is None:
            return
        for work, (assign, device, was_posted) in list(self.open.items()):
            seen_on = (device or ANYWHERE) if was_posted else ""
            self.open[work] = (assign, device, True)
            self.end.post(msgspec.structs.replace(assign, seen_on=seen_on))
            if self.tasks[assign.key].cancelled:
                self.end.post(Cancel(work=work, because="it is not wanted"))

    def frames(self, frames: list[Incoming], _latency_s: float | None) -> None:
        for frame in frames:
            match frame:
                case Accept() if frame.work in self.open:
                    assign, device, _ = self.open[frame.work]
                    self.open[frame.work] = (assign, frame.device or device, True)
                case Result():
                    self._result(frame)
                case Reject() if frame.work in self.open:
                    self.world.broken(f"{frame.work} was rejected by the hub: {frame.reason} {frame.message}")
                case Progress() if frame.work not in self.open and frame.work not in self.results:
                    self.world.broken(f"{frame.work} makes progress, and was not asked for")
                case _:
                    pass

    def _result(self, result: Result) -> None:
        known = self.results.get(result.work)
        if known is not None and known != result.status and result.work.rpartition("#")[0] in self.tasks:
            self.world.broken(f"{result.work} ended as {known} and then as {result.status}")
        if result.work not in self.open:
            return
        assign, _, _ = self.open.pop(result.work)
        self.results[result.work] = result.status
        task, effect = self.tasks[assign.key], result.effect
        again = partial(self.world.agenda.later, 0.5, partial(self._submit, self.life, task))
        if self.end is not None and result.status != "lost":
            self.end.post(Cancel(work=result.work, fence=result.fence, forget=True))
        match result.status:
            case "succeeded":
                if msgspec.msgpack.decode(result.value) != task.name:
                    self.world.broken(f"{result.work} has the result of {msgspec.msgpack.decode(result.value)}")
                self._ends(task, "succeeded")
            case "failed":
                assert result.failure is not None
                code = result.failure.code
                task.message = result.failure.message
                self._ends(task, code if code in ("no-device", "deadline") else "timeout" if code else "failed")
            case "stopped":
                if not task.cancelled:
                    self.world.broken(f"{result.work} was stopped, and its client did not want that")
                self._ends(task, "stopped")
            case "lost":
                if task.cancelled:
                    self._ends(task, "stopped")
                elif effect == "none" or task.effects != "once" or self._says_again(task):
                    again()

    def _ends(self, task: Task, outcome: str) -> None:
        task.outcome = outcome
        outcomes = self.world.report.outcomes
        outcomes[outcome] = outcomes.get(outcome, 0) + 1

    def judge(self) -> None:
        """Hold how the tasks ended against what was promised."""
        world = self.world
        for task in self.tasks.values():
            committed = world.sinks.once.get(f"{task.run}/{task.name}", 0)
            if task.outcome == "succeeded" and task.effects == "once" and not committed:
                world.broken(f"{task.key} succeeded, and never took effect")
            if task.outcome == "no-device":
                self._judge_missing(task)
            if world.report.spare and task.outcome not in ("succeeded", "asked", "stopped"):
                planted = (task.outcome == "failed" and "fails" in task.name) or (
                    task.outcome in ("deadline", "timeout") and (task.deadline_s or task.assign.timeout_s)
                )
                if not planted:
                    world.broken(f"{task.key} {task.outcome} though there is a spare device: {task.message}")

    def _judge_missing(self, task: Task) -> None:
        named = [f"the skill {skill!r}" for skill in task.assign.place.skills] + [f"the tool {task.assign.op!r}"]
        names = [device.name for device in self.world.devices if device.name in task.message]
        if not any(one in task.message for one in named) and not names and "no device yet" not in task.message:
            self.world.broken(f"{task.key} has no device, and is told: {task.message}")


__all__ = ["FleetWorldError", "Report", "World", "run_fleet"]
