"""Roster: the devices that a hub knows, what they hold, who of them has room, and who waits for one."""

from __future__ import annotations

from orrery.fleet.hub.commands import Command, Noted, ToDevice
from orrery.fleet.hub.health import Health
from orrery.fleet.hub.known import KnownDevice
from orrery.fleet.hub.queue import Line, Queue
from orrery.fleet.hub.settings import Settings
from orrery.fleet.hub.timers import Timers
from orrery.fleet.messages import Cancel, Frame, Held
from orrery.graph.values import Blob

MOST_BLOBS = 200_000
"""Blobs of one device that are remembered. Of what is beyond, only the device knows that it has it."""


class Roster:
    """Devices, and the queue for them. What is to be done about it collects in `out`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.now = 0.0
        self.out: list[Command] = []
        self.timers = Timers()
        self.devices: dict[str, KnownDevice] = {}
        self.queue = Queue()
        self.holders: dict[str, dict[str, KnownDevice]] = {}
        """Which devices have which blob, by its digest."""
        self.kept: dict[str, tuple[KnownDevice, Held]] = {}
        """Which device remembers a task that nobody has asked this hub for, by the task's key."""
        self.freed: dict[str, KnownDevice] = {}
        """Devices that have more room than before, to be given work before the event is done with."""
        self.forsaken: dict[str, Line] = {}
        """Lines for a preferred device that cannot be had; they are broken up before the event is done with."""
        self.views_changed = False

    # -- saying things ----------------------------------------------------------------------------------------

    def note(self, kind: str, principal: str, detail: str = "") -> None:
        """For the audit."""
        self.out.append(Noted(kind, principal, detail))

    def say(self, device: KnownDevice, frame: Frame) -> None:
        """Say something to a device that is connected."""
        self.out.append(ToDevice(device.name, frame))

    def call_off(self, device: KnownDevice, work: str, fence: int, because: str = "", *, forget: bool = False) -> None:
        """Tell a device to stop or to forget an attempt, when it is back if it is away."""
        cancel = Cancel(work=work, fence=fence, because=because, forget=forget)
        if device.health.connected:
            self.say(device, cancel)
        else:
            device.owed[work] = cancel

    # -- who is there -----------------------------------------------------------------------------------------

    def device(self, name: str) -> KnownDevice:
        """The device of that name, made if it is new."""
        found = self.devices.get(name)
        if found is None:
            settings = self.settings
            health = Health(self.now, heartbeat_s=settings.heartbeat_s, lease_s=settings.lease_s)
            found = self.devices[name] = KnownDevice(name, health, self.now)
            self.refit(found)
        return found

    def refit(self, device: KnownDevice) -> None:
        """A device is new, or says something else of itself than before."""
        for line in self.queue.lines.values():
            line.meet(device)
            if line.waiting:
                self.check_hope(line)
        if device.usable:
            self.freed[device.name] = device

    def review(self, device: KnownDevice) -> None:
        """Something changed that decides whether a device may be given work."""
        at, health = self.now, device.health
        level = health.level
        moved = level != device.level
        if moved:
            device.level, device.since = level, at
            self.views_changed = True
        trusted = device.trusted(at)
        hopeful = not (health.gone or device.draining or device.is_revoked) and trusted
        device.usable = (
            hopeful and health.connected and not health.quiet and device.reported and at >= device.full_until
        )
        if not trusted:
            self.timers.set(("trust", device.name), device.trust.suffices_at(at))
        self.note_room(device)
        if moved or hopeful != device.hopeful:
            device.hopeful = hopeful
            for line in self.queue.busy.values():
                if device.name in line.fit:
                    self.check_hope(line)
        self.watch(device)

    def note_room(self, device: KnownDevice) -> None:
        """A device has more or fewer attempts than before, or may be given more or fewer."""
        if self.queue.note_room(device) and self.queue.busy:
            self.freed[device.name] = device

    def watch(self, device: KnownDevice) -> None:
        """See to it that its silence is noticed."""
        due = device.health.due()
        if due is not None:
            self.timers.set(("health", device.name), due)

    def holds(self, device: KnownDevice, blobs: tuple[Blob, ...]) -> None:
        """A device holds these blobs, too."""
        for blob in blobs:
            if blob.digest not in device.holds and len(device.holds) < MOST_BLOBS:
                device.holds[blob.digest] = blob.size_bytes
                device.held_bytes += blob.size_bytes
                self.holders.setdefault(blob.digest, {})[device.name] = device

    def holds_no_more(self, device: KnownDevice, digests: tuple[str, ...]) -> None:
        """A device has dropped these blobs."""
        for digest in digests:
            size = device.holds.pop(digest, None)
            if size is not None:
                device.held_bytes -= size
                others = self.holders[digest]
                del others[device.name]
                if not others:
                    del self.holders[digest]

    def remembers(self, device: KnownDevice, held: Held) -> None:
        """A device remembers a task that nobody has asked this hub for."""
        device.kept[held.key] = held
        self.kept[held.key] = device, held

    def remembers_no_more(self, key: str) -> None:
        """The device that remembered a task has been told to forget it, or has been asked for it."""
        found = self.kept.pop(key, None)
        if found is not None:
            found[0].kept.pop(key, None)

    def let_go(self, device: KnownDevice) -> None:
        """Forget what a device said that it remembers."""
        for key in device.kept:
            if self.kept.get(key, (None,))[0] is device:
                del self.kept[key]
        device.kept.clear()

    # -- who waits --------------------------------------------------------------------------------------------

    def check_hope(self, line: Line) -> None:
        """Notice whether anybody may come for whom a line waits."""
        if line.need.prefer:
            if not line.has_hope():
                self.forsaken[line.name] = line
        elif line.has_hope():
            line.hopeless_since = None
            self.timers.cancel(("line", line.name))
        elif line.hopeless_since is None:
            line.hopeless_since = self.now
        if line.hopeless_since is not None and ("line", line.name) not in self.timers:
            self.timers.set(("line", line.name), self.now + self.settings.patience_s)
