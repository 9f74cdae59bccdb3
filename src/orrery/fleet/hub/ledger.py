"""Ledger: all that a hub remembers, and the steps in which it changes. What is to be said comes out as commands.

The other modules decide when a step is due: `requests` what clients ask, `reports` what devices say, `lapses` what
time brings.
"""

from __future__ import annotations

from collections import deque

import msgspec

from orrery.errors import Failure, NoDeviceError
from orrery.fleet.hub import match
from orrery.fleet.hub.attempt import Attempt, State
from orrery.fleet.hub.commands import Command, Noted, ToClient, ToDevice
from orrery.fleet.hub.health import Health
from orrery.fleet.hub.known import KnownClient, KnownDevice
from orrery.fleet.hub.match import Need
from orrery.fleet.hub.queue import Line, Queue
from orrery.fleet.hub.settings import Settings
from orrery.fleet.hub.timers import Timers
from orrery.fleet.messages import Accept, Assign, Cancel, Effect, Frame, Held, Result, Source
from orrery.graph.values import Blob

FENCES_A_LIFE = 2**32
"""Fences of one epoch; the next one begins above them."""
MOST_SOURCES = 3
"""So many devices are named from which a blob can be had."""


class Ledger:
    """The memory of a hub.

    Args:
        settings: times and limits.
        epoch: grows with every start of the hub.
        expected: devices that may hold attempts which an earlier life of the hub gave them.
    """

    def __init__(self, settings: Settings, epoch: int, expected: tuple[str, ...]) -> None:
        self.settings = settings
        self.now = 0.0
        self.out: list[Command] = []
        self.timers = Timers()
        self.devices: dict[str, KnownDevice] = {}
        self.clients: dict[str, KnownClient] = {}
        self.attempts: dict[str, Attempt] = {}
        self.latest: dict[str, Attempt] = {}
        """The latest attempt at a task that changes something, by the task's key."""
        self.sought: dict[str, Attempt] = {}
        self.queue = Queue()
        self.holders: dict[str, dict[str, KnownDevice]] = {}
        self.kept: dict[str, tuple[KnownDevice, Held]] = {}
        """Which device remembers a task that nobody has asked this hub for, by the task's key."""
        self.awaited = dict.fromkeys(expected)
        """The expected devices that have not reported yet."""
        self.freed: dict[str, KnownDevice] = {}
        """Devices that have more room than before, to be given work before the event is done with."""
        self.next_up: deque[tuple[Attempt, Attempt]] = deque()
        """Attempts whose turn has come, each with the one before it, which has ended."""
        self.fence = epoch * FENCES_A_LIFE
        self.arrivals = 0
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

    def tell(self, attempt: Attempt, frame: Frame) -> None:
        """Tell the client of an attempt, if it is there; otherwise it is told when it is back."""
        client = self.clients.get(attempt.client)
        attempt.told = client is not None and client.online
        if attempt.told:
            self.out.append(ToClient(attempt.client, frame))

    def tell_news(self, attempt: Attempt) -> None:
        """Tell the client how an attempt stands."""
        if attempt.result is not None:
            self.tell(attempt, attempt.result)
        elif attempt.state is State.LEASED and attempt.accepted and attempt.holder is not None:
            name = attempt.holder.name
            self.tell(attempt, Accept(work=attempt.work, fence=attempt.fence, device=name, because=attempt.because))
        else:
            self.tell(attempt, Accept(work=attempt.work, because=attempt.because))

    # -- devices ----------------------------------------------------------------------------------------------

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
        if level != device.level:
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
        if hopeful != device.hopeful:
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
            if blob.digest not in device.holds:
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

    # -- attempts: from one state to the next -----------------------------------------------------------------

    def admit(self, assign: Assign, client: str) -> Attempt:
        """A new attempt; nothing is decided about it yet."""
        self.arrivals += 1
        attempt = Attempt(assign, client, self.arrivals)
        self.attempts[attempt.work] = attempt
        if client:
            self.clients[client].attempts[attempt.work] = attempt
            if assign.deadline is not None:
                self.timers.set(("deadline", attempt.work), assign.deadline)
        return attempt

    def wait(self, attempt: Attempt) -> None:
        """Give an attempt to a free device that fits, or let it wait for one."""
        attempt.step(State.QUEUED)
        attempt.queued_at = self.now
        line = self.queue.line(Need.of(attempt.assign, attempt.refused), self.devices.values())
        if not line.waiting and self._place(line, attempt):
            return
        self.queue.push(line, attempt)
        self.check_hope(line)
        attempt.because = (
            f"{len(line.waiting) - 1} wait before it or beside it"
            if line.hopeless_since is None
            else match.missing(line.need, self.devices.values(), attempt.refused, self.now)
        )
        self.tell_news(attempt)

    def _place(self, line: Line, attempt: Attempt) -> bool:
        """Lease an attempt to the best device that is free, if there is one."""
        sources = attempt.assign.sources
        near = [name for source in sources for name in self.holders.get(source.digest, ())] if sources else ()
        free = self.queue.free_for(line, near)
        if not free:
            return False
        choice = match.choose(attempt, free, self.holders)
        self.queue.remove(attempt)
        self.lease(attempt, choice.device, choice.because)
        return True

    def place_all(self) -> None:
        """Give work to every device that has more room than before."""
        while self.freed:
            device = self.freed.pop(next(iter(self.freed)))
            while (line := self.queue.first_for(device)) is not None:
                self._place(line, line.head()[2])

    def next_fence(self) -> int:
        """A number above all before it, also those of earlier lives."""
        self.fence += 1
        return self.fence

    def lease(self, attempt: Attempt, device: KnownDevice, because: str) -> None:
        """Give an attempt to a device, under a new fence."""
        attempt.fence = self.next_fence()
        attempt.accepted, attempt.leased_at = False, self.now
        self._hold(attempt, device, because)
        assign = attempt.assign
        sources = self._sources(assign, device) if assign.sources else ()
        self.say(device, msgspec.structs.replace(assign, seq=0, fence=attempt.fence, sources=sources, seen_on=""))
        if attempt.stopping is not None:
            self.call_off(device, attempt.work, attempt.fence, attempt.stopping)

    def give_back(self, attempt: Attempt, device: KnownDevice, because: str) -> None:
        """Give an attempt to the device that knows of it, whether it has room or not: it takes none."""
        self.lease(attempt, device, because)
        device.had = len(device.leases)

    def adopt(self, attempt: Attempt, device: KnownDevice, fence: int) -> None:
        """A device has an attempt already, and goes on with it."""
        attempt.fence = fence
        attempt.accepted = True
        self._hold(attempt, device, f"{device.name} has it already")
        device.had = len(device.leases)
        self.tell_news(attempt)
        if attempt.stopping is not None:
            self.call_off(device, attempt.work, fence, attempt.stopping)

    def _hold(self, attempt: Attempt, device: KnownDevice, because: str) -> None:
        self.queue.remove(attempt)
        self.seek_no_more(attempt)
        self.release(attempt)
        attempt.step(State.LEASED)
        attempt.holder, attempt.because, attempt.known_as = device, because, attempt.work
        device.leases[attempt.work] = attempt
        device.busy_s += attempt.assign.seconds
        self.views_changed = True
        self.note_room(device)

    def release(self, attempt: Attempt) -> None:
        """Its holder does not have it any more."""
        device = attempt.holder
        if device is None or device.leases.pop(attempt.work, None) is None:
            return
        device.busy_s = device.busy_s - attempt.assign.seconds if device.leases else 0.0
        device.had = min(device.had, len(device.leases))
        if attempt.state is State.ADRIFT:
            self.timers.cancel(("adrift", attempt.work))
        self.views_changed = True
        self.note_room(device)
        if device.draining and not device.leases and not device.drained_noted:
            device.drained_noted = True
            self.note("drained", device.name)

    def _sources(self, assign: Assign, device: KnownDevice) -> tuple[Source, ...]:
        """Where the device can have the inputs from: from other devices first, near ones before far ones."""
        found: list[Source] = []
        for source in assign.sources:
            others = [
                one
                for one in self.holders.get(source.digest, {}).values()
                if one is not device and one.health.connected
            ]
            others.sort(key=lambda one: (one.profile.zone != device.profile.zone, not one.profile.blobs, one.name))
            found += [Source(source.digest, one.name, one.profile.blobs) for one in others[:MOST_SOURCES]]
            found.append(source)
        return tuple(dict.fromkeys(found))

    def seek(self, attempt: Attempt, awaits: dict[str, None], *, may_be_done: bool) -> None:
        """Wait until the devices have reported that may have an attempt.

        After one lease nobody works on it any more; but whether it took effect, only its device knows.
        """
        attempt.step(State.SOUGHT)
        attempt.awaits, attempt.may_be_done = awaits, may_be_done and not attempt.harmless
        seconds = self.settings.lease_s + (self.settings.away_s if attempt.may_be_done else 0.0)
        attempt.because = f"{', '.join(awaits)} may have it, and has not reported yet"
        self.sought[attempt.work] = attempt
        self.timers.set(("sought", attempt.work), self.now + seconds)
        self.tell_news(attempt)

    def seek_no_more(self, attempt: Attempt) -> None:
        """It was found, or is given up."""
        if self.sought.pop(attempt.work, None) is not None:
            attempt.awaits = {}
            self.timers.cancel(("sought", attempt.work))

    def go_behind(self, attempt: Attempt, earlier: Attempt) -> None:
        """Let an attempt wait for the end of another one at the same task."""
        self.queue.remove(attempt)
        self.seek_no_more(attempt)
        attempt.step(State.BEHIND)
        attempt.before, earlier.after = earlier, attempt
        attempt.because = f"{earlier.work} has not ended yet"
        self.tell_news(attempt)

    def put_back(self, attempt: Attempt, because: str) -> None:
        """Nothing was done, or nothing that may not be done again: choose another device, or end it if it is to end."""
        self.seek_no_more(attempt)
        self.release(attempt)
        if attempt.orphan:
            self.drop(attempt)
        elif attempt.stopping is not None:
            self.end_stopped(attempt, "none")
        else:
            if attempt.holder is not None:
                self.note("moved", attempt.holder.name, f"{attempt.work}: {because}")
            attempt.accepted = False
            self.wait(attempt)

    def end_stopped(self, attempt: Attempt, effect: Effect) -> None:
        """It was to stop, and has."""
        if attempt.overdue:
            self.end_overdue(attempt, effect)
        else:
            self.end(attempt, Result(work=attempt.work, status="stopped", fence=attempt.fence, effect=effect))

    def end_overdue(self, attempt: Attempt, effect: Effect) -> None:
        """It has not ended by its deadline."""
        why = "its deadline has passed" + (f"; {attempt.because}" if attempt.state is State.QUEUED else "")
        failure = Failure("DeadlineExceeded", why, code="deadline", severity="permanent")
        self._fail(attempt, failure, effect)

    def end_without_device(self, attempt: Attempt, need: Need) -> None:
        """No device can do it, and none came in time."""
        why = match.missing(need, self.devices.values(), attempt.refused, self.now)
        self.note("no-device", attempt.client, f"{attempt.work}: {why}")
        self._fail(attempt, Failure.of(NoDeviceError(why)), "none")

    def _fail(self, attempt: Attempt, failure: Failure, effect: Effect) -> None:
        self.end(
            attempt,
            Result(work=attempt.work, status="failed", fence=attempt.fence, failure=failure, effect=effect),
        )

    def end_lost(self, attempt: Attempt, because: str, effect: Effect = "unknown") -> None:
        """Nobody knows what became of it."""
        name = attempt.holder.name if attempt.holder is not None else ""
        self.note("lost", name, f"{attempt.work}: {because}")
        failure = Failure("DeviceLostError", because, code="device-lost", severity="effect-unknown")
        if effect == "none":
            failure = msgspec.structs.replace(failure, severity="transient")
        result = Result(
            work=attempt.work, status="lost", fence=attempt.fence, failure=failure, effect=effect, device=name
        )
        self.end(attempt, result)

    def end(self, attempt: Attempt, result: Result) -> None:
        """An attempt has its result."""
        self.queue.remove(attempt)
        self.seek_no_more(attempt)
        self.release(attempt)
        attempt.step(State.ENDED)
        attempt.result = result
        if attempt.assign.deadline is not None:
            self.timers.cancel(("deadline", attempt.work))
        self._unchain(attempt)
        if attempt.orphan or attempt.forgotten:
            self.drop(attempt)
        else:
            self.tell(attempt, result)

    def drop(self, attempt: Attempt) -> None:
        """Nobody asks for it any more."""
        self.release(attempt)
        self._unchain(attempt)
        self.timers.cancel(("deadline", attempt.work))
        self.attempts.pop(attempt.work, None)
        client = self.clients.get(attempt.client)
        if client is not None:
            client.attempts.pop(attempt.work, None)
            self.forget_client(client)
        if self.latest.get(attempt.assign.key) is attempt:
            del self.latest[attempt.assign.key]

    def forget_client(self, client: KnownClient) -> None:
        """A client that is gone and has nothing here any more."""
        if not client.online and not client.attempts:
            del self.clients[client.name]

    def _unchain(self, attempt: Attempt) -> None:
        """Whoever waits behind an attempt waits behind the one before it; if there is none, its turn has come."""
        before, after = attempt.before, attempt.after
        attempt.before = attempt.after = None
        if before is not None:
            before.after = after
        if after is not None:
            after.before = before
            if before is None:
                self.next_up.append((after, attempt))

    # -- lines ------------------------------------------------------------------------------------------------

    def check_hope(self, line: Line) -> None:
        """Notice whether anybody may come for whom a line waits."""
        if line.has_hope():
            line.hopeless_since = None
            self.timers.cancel(("line", line.name))
        elif line.hopeless_since is None:
            line.hopeless_since = self.now
        if line.hopeless_since is not None and ("line", line.name) not in self.timers:
            self.timers.set(("line", line.name), self.now + self.settings.patience_s)
