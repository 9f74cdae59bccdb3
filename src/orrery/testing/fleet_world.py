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
from dataclasses import dataclass, field
from functools import partial

from orrery.errors import InternalError, OrreryError
from orrery.fleet.profile import Offer, Profile
from orrery.testing.fleet_hosts import DeviceHost, Dialling
from orrery.testing.fleet_hub import HubHost
from orrery.testing.fleet_network import Agenda, Network
from orrery.testing.fleet_runs import SKILLS, ClientHost, Sinks

START = 1_000_000.0
MOST_HAPPENINGS = 200_000
LATEST_S = 6_000.0


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


__all__ = ["FleetWorldError", "Report", "World", "run_fleet"]
