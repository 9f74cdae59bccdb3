"""Ledger: all that a hub remembers, and the steps in which it changes. What is to be said comes out as commands.

The other modules decide when a step is due: `requests` by what clients ask, `reports` by what devices say, `presence`
by whether they are there, `recovery` by what they have, `lapses` by the time.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

import msgspec

from orrery.errors import Failure, NoDeviceError
from orrery.fleet.hub import match
from orrery.fleet.hub.attempt import Attempt, State
from orrery.fleet.hub.commands import ToClient
from orrery.fleet.hub.known import KnownClient, KnownDevice
from orrery.fleet.hub.match import Need
from orrery.fleet.hub.queue import Line
from orrery.fleet.hub.roster import Roster
from orrery.fleet.hub.settings import Settings
from orrery.fleet.messages import Accept, Assign, Effect, Frame, Result, Source

FENCES_A_LIFE = 2**32
"""Fences of one epoch; the next one begins above them."""
MOST_SOURCES = 3
"""So many devices are named from which a blob can be had."""
MISSING_S = 1.0
"""How old what is said of a line's missing devices may be."""


class Ledger(Roster):
    """The memory of a hub: its devices, its clients, and their attempts.

    Args:
        settings: times and limits.
        epoch: grows with every start of the hub.
        expected: devices that may hold attempts which an earlier life of the hub gave them.
    """

    def __init__(self, settings: Settings, epoch: int, expected: tuple[str, ...]) -> None:
        super().__init__(settings)
        self.clients: dict[str, KnownClient] = {}
        self.attempts: dict[str, Attempt] = {}
        self.latest: dict[str, Attempt] = {}
        """The latest attempt at a task that changes something, by the task's key."""
        self.sought: dict[str, Attempt] = {}
        self.awaited = dict.fromkeys(expected)
        """The expected devices that have not reported yet."""
        self.next_up: deque[tuple[Attempt, Attempt]] = deque()
        """Attempts whose turn has come, each with the one before it, which has ended."""
        self.fence = epoch * FENCES_A_LIFE
        self.arrivals = 0

    # -- telling clients ------------------------------------------------------------------------------------------

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
        need = Need.of(attempt.assign, attempt.refused)
        if not (attempt.assign.place.prefer and self._wait_for_preferred(need, attempt)):
            self._wait_for_any(need, attempt)

    def _wait_for_preferred(self, need: Need, attempt: Attempt) -> bool:
        """Give an attempt to the device that it prefers, or let it wait for that one; False: it is to have any."""
        assign = attempt.assign
        name = assign.place.prefer
        device = self.devices.get(name)
        if device is None:
            attempt.instead = f"prefers {name}, which is not known here"
            return False
        if why := match.problems(need, device, self.now):
            attempt.instead = f"prefers {name}, which {why[0]}"
            return False
        line = self.queue.line(need._replace(prefer=name), (device,))
        if not line.waiting and self._place(line, attempt):
            return True
        if not match.is_soon(assign, device, self.now):
            attempt.instead = f"prefers {name}, which has no room soon"
            return False
        ahead_s = self.queue.preferred_s.get(name, 0.0)
        self.queue.push(line, attempt)
        self.timers.set(("preferred", attempt.work), self.now + match.wait_s(assign, device, ahead_s, self.now))
        attempt.because = f"it prefers {name}; {len(line.waiting) - 1} wait before it or beside it"
        self.tell_news(attempt)
        return True

    def waited_for_preferred(self, attempt: Attempt) -> None:
        """An attempt has waited long for the device that it prefers: longer only if others would take as long."""
        line = attempt.line
        assert line is not None
        name, waited_s = line.need.prefer, self.now - attempt.queued_at
        fit = self.queue.line(line.need._replace(prefer=""), self.devices.values()).fit
        others = islice((one for one in fit.values() if one.usable and one.name != name), match.LOOK)
        elsewhere_s = min((match.seconds(attempt.assign, one) for one in others), default=0.0)
        until = attempt.queued_at + min(elsewhere_s, match.MOST_WAIT_S)
        if attempt.assign.deadline is None and until > self.now:
            self.timers.set(("preferred", attempt.work), until)
        else:
            self._give_up_preferred(attempt, f"prefers {name}, which had no room for {waited_s:.3g} s")

    def _break_up(self, line: Line) -> None:
        """Let those who wait for a preferred device have any, if it still cannot be had."""
        if line.has_hope():
            return
        name = line.need.prefer
        device = self.devices.get(name)
        why = match.problems(line.need, device, self.now) if device is not None else []
        because = f"prefers {name}, which {why[0] if why else 'is not there'}"
        for attempt in sorted(line.waiting.values(), key=lambda one: (-one.assign.rank, one.arrival)):
            self._give_up_preferred(attempt, because)

    def _give_up_preferred(self, attempt: Attempt, because: str) -> None:
        assert attempt.line is not None
        need = attempt.line.need
        self.leave_line(attempt)
        attempt.instead = because
        self._wait_for_any(need._replace(prefer=""), attempt)

    def _wait_for_any(self, need: Need, attempt: Attempt) -> None:
        line = self.queue.line(need, self.devices.values())
        if not line.waiting and self._place(line, attempt):
            return
        self.queue.push(line, attempt)
        on = attempt.assign.place.on
        if on and all(name in attempt.refused for name in on):  # nobody else may do it, so nobody is waited for
            self.end_without_device(attempt, line)
            return
        self.check_hope(line)
        attempt.because = (
            f"{len(line.waiting) - 1} wait before it or beside it"
            if line.hopeless_since is None
            else self._missing(line, attempt)
        )
        self.tell_news(attempt)

    def leave_line(self, attempt: Attempt) -> None:
        """Let an attempt wait no more."""
        if attempt.line is not None:
            if attempt.line.need.prefer:
                self.timers.cancel(("preferred", attempt.work))
            self.queue.remove(attempt)

    def _place(self, line: Line, attempt: Attempt) -> bool:
        """Lease an attempt to the best device that is free, if there is one."""
        sources, prefer = attempt.assign.sources, attempt.assign.place.prefer
        near = [name for source in sources for name in self.holders.get(source.digest, ())] if sources else []
        free = self.queue.free_for(line, (*near, prefer) if prefer else near)
        if not free:
            return False
        if prefer in free:
            free = {prefer: free[prefer]}
        choice = match.choose(attempt, free, self.holders)
        because = choice.because
        if prefer:
            because = f"{'preferred' if choice.device.name == prefer else attempt.instead}; {because}"
        self.leave_line(attempt)
        self.lease(attempt, choice.device, because)
        return True

    def place_all(self) -> None:
        """Give work to every device that has more room than before, and others to those whose device is gone."""
        while self.forsaken:
            self._break_up(self.forsaken.pop(next(iter(self.forsaken))))
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
        self.leave_line(attempt)
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
        self.leave_line(attempt)
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
        elif attempt.assign.known_only:
            self.end_lost(attempt, because)
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

    def _missing(self, line: Line, attempt: Attempt) -> str:
        """What no device has that an attempt needs. Asked for a whole line, it is found out once."""
        if attempt.refused:
            return match.missing(line.need, self.devices.values(), attempt.refused, self.now)
        if not line.missing or self.now > line.missing_at + MISSING_S:
            line.missing = match.missing(line.need, self.devices.values(), {}, self.now)
            line.missing_at = self.now
        return line.missing

    def end_without_device(self, attempt: Attempt, line: Line) -> None:
        """No device can do it, and none came in time."""
        why = self._missing(line, attempt)
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
        self.leave_line(attempt)
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
