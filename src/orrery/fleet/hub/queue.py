"""Line and Queue: who waits for a device, by need.

Attempts with equal needs stand in one line, the highest rank first and then the earliest, and nobody waits behind an
attempt that needs another kind of device. A line knows which devices fit it, and the queue which ones have room, so
nothing is searched for when a device becomes free but the lines in which somebody waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from orrery.fleet.hub.attempt import Attempt, State
from orrery.fleet.hub.known import KnownDevice
from orrery.fleet.hub.match import LOOK, Need, fits

MOST_IDLE_LINES = 1024
"""So many lines in which nobody waits are kept, since the next attempt like the last is likely."""


class Line:
    """The attempts of one need.

    Attributes:
        fit: the devices that meet it, free or not.
        waiting: the attempts in it, by work.
        hopeless_since: when the last device went that might have done it.
        missing: what no device had, in words, at `missing_at`.
    """

    __slots__ = ("_heap", "fit", "hopeless_since", "missing", "missing_at", "name", "need", "waiting")

    def __init__(self, need: Need, name: str) -> None:
        self.need, self.name = need, name
        self.fit: dict[str, KnownDevice] = {}
        self.waiting: dict[str, Attempt] = {}
        self.hopeless_since: float | None = None
        self.missing, self.missing_at = "", 0.0
        self._heap: list[tuple[float, int, Attempt]] = []

    def push(self, attempt: Attempt) -> None:
        """Put an attempt into the line."""
        attempt.line = self
        self.waiting[attempt.work] = attempt
        heappush(self._heap, (-attempt.assign.rank, attempt.arrival, attempt))

    def remove(self, attempt: Attempt) -> None:
        """Take an attempt out, wherever in the line it stands."""
        attempt.line = None
        del self.waiting[attempt.work]
        if not self.waiting:
            self._heap.clear()
        elif len(self._heap) > 2 * len(self.waiting) + 64:
            self._heap = sorted((-one.assign.rank, one.arrival, one) for one in self.waiting.values())

    def head(self) -> tuple[float, int, Attempt]:
        """The first in the line, which must not be empty."""
        heap = self._heap
        while heap[0][2].line is not self or heap[0][2].state is not State.QUEUED:
            heappop(heap)
        return heap[0]

    def meet(self, device: KnownDevice) -> None:
        """Look at a device that is new or has changed."""
        if fits(self.need, device):
            self.fit[device.name] = device
        else:
            self.fit.pop(device.name, None)

    def has_hope(self) -> bool:
        """Whether any device that fits may be free one day; one that is preferred must be there."""
        if self.need.prefer:
            return any(device.hopeful and device.health.connected for device in self.fit.values())
        return any(device.hopeful for device in self.fit.values())

    def __repr__(self) -> str:
        return f"<Line {self.need.op} {len(self.waiting)} waiting, {len(self.fit)} devices fit>"


class Queue:
    """All lines, and the devices that have room."""

    __slots__ = ("_busy_for", "_named", "busy", "free", "free_short", "lines", "preferred_s")

    def __init__(self) -> None:
        self.lines: dict[Need, Line] = {}
        self.busy: dict[str, Line] = {}
        """Those in which somebody waits, by name."""
        self._busy_for: dict[str, dict[str, Line]] = {"": {}}
        """The same, by the device that is preferred."""
        self.preferred_s: dict[str, float] = {}
        """What those are expected to take in all that wait for a device since they prefer it."""
        self.free: dict[str, KnownDevice] = {}
        """The devices that have a free slot, the longest free first."""
        self.free_short: dict[str, KnownDevice] = {}
        """Those that have room for a short attempt."""
        self._named = 0

    def line(self, need: Need, devices: Iterable[KnownDevice]) -> Line:
        """The line of a need, made if it is new."""
        line = self.lines.get(need)
        if line is None:
            if len(self.lines) >= len(self.busy) + MOST_IDLE_LINES:
                self.lines = {one.need: one for one in self.busy.values()}
            self._named += 1
            line = self.lines[need] = Line(need, str(self._named))
            for device in devices:
                line.meet(device)
        return line

    def push(self, line: Line, attempt: Attempt) -> None:
        """Let an attempt wait."""
        line.push(attempt)
        self.busy[line.name] = line
        prefer = line.need.prefer
        self._busy_for.setdefault(prefer, {})[line.name] = line
        if prefer:
            self.preferred_s[prefer] = self.preferred_s.get(prefer, 0.0) + attempt.assign.seconds

    def remove(self, attempt: Attempt) -> None:
        """Let an attempt wait no more."""
        line = attempt.line
        if line is not None:
            line.remove(attempt)
            prefer = line.need.prefer
            if prefer:
                self.preferred_s[prefer] -= attempt.assign.seconds
            if not line.waiting:
                del self.busy[line.name]
                del self._busy_for[prefer][line.name]
                if prefer and not self._busy_for[prefer]:
                    del self._busy_for[prefer], self.preferred_s[prefer]

    def note_room(self, device: KnownDevice) -> bool:
        """Take note whether a device has room. True: it has more than before."""
        held = len(device.leases)
        free, short = device.usable and held < device.slots, device.usable and held < device.most
        more = False
        for devices, has_room in ((self.free, free), (self.free_short, short)):
            if has_room != (device.name in devices):
                if has_room:
                    devices[device.name] = device
                    more = True
                else:
                    del devices[device.name]
        return more

    def free_for(self, line: Line, near: Iterable[str] = ()) -> dict[str, KnownDevice]:
        """Devices that fit a line and have room: those in `near`, and `LOOK` others, the longest free first."""
        free = self.free_short if line.need.short else self.free
        if len(line.fit) <= LOOK:  # all are compared, so their order does not matter
            return {name: device for name, device in line.fit.items() if name in free}
        found = {name: free[name] for name in near if name in free and name in line.fit}
        most = len(found) + LOOK
        for name, device in free.items():
            if name in line.fit:
                found[name] = device
                if len(found) == most:
                    break
        return found

    def first_for(self, device: KnownDevice) -> Line | None:
        """Of the lines with somebody for whom a device has room, the one whose head goes first."""
        best: Line | None = None
        best_head: tuple[float, int, Attempt] | None = None
        name = device.name
        free, short = name in self.free, name in self.free_short
        for lines in (self._busy_for[""], self._busy_for.get(name)):
            for line in lines.values() if lines else ():
                if (short if line.need.short else free) and name in line.fit:
                    head = line.head()
                    if best_head is None or head[:2] < best_head[:2]:
                        best, best_head = line, head
        return best

    def attempts(self) -> Iterator[Attempt]:
        """Everybody who waits."""
        for line in self.busy.values():
            yield from line.waiting.values()

    def __len__(self) -> int:
        return sum(len(line.waiting) for line in self.busy.values())
