"""Hub: the core of a hub. Events in, commands out; no clock, socket, thread or dice.

    hub = Hub(Settings())
    for command in hub.handle(ClientSaid(at, "run", Assign(...))):
        ...

Call `handle(Ticked(at))` when `due()` says so. What a hub knows is only in memory: after a restart its devices report
what they have, and its clients ask again for what they still want.
"""

from __future__ import annotations

from collections.abc import Iterable

from orrery.fleet.hub import lapses, presence, reports, requests
from orrery.fleet.hub.commands import Command
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
from orrery.fleet.hub.lapses import VIEWS_S
from orrery.fleet.hub.ledger import Ledger
from orrery.fleet.hub.settings import Settings
from orrery.fleet.profile import DeviceView


class Hub:
    """Who is there, who does what, and who waits.

    Args:
        settings: times and limits.
        epoch: grows with every start of the hub; fences given in one are higher than those of all before.
        expected: the devices that were there before it was started again, if it was. An attempt that changes the world,
            and that an earlier life of the hub may have given away, waits until all of these have reported.
    """

    def __init__(self, settings: Settings | None = None, *, epoch: int = 1, expected: Iterable[str] = ()) -> None:
        self.ledger = Ledger(settings or Settings(), epoch, tuple(expected))

    def handle(self, event: Event) -> list[Command]:
        """Take in what happened; returns what is to be done, in this order."""
        ledger = self.ledger
        ledger.now = max(ledger.now, event.at)
        match event:
            case DeviceSaid():
                presence.heard(ledger, event.device, None)
                reports.said(ledger, event.device, event.frame)
            case ClientSaid():
                requests.said(ledger, event.client, event.frame)
            case DeviceHeard():
                presence.heard(ledger, event.device, event.latency_s)
            case Ticked():
                pass
            case DeviceCame():
                presence.came(ledger, event.device, event.profile, resumed=event.resumed)
            case DeviceWent():
                presence.went(ledger, event.device, event.because, clean=event.clean)
            case ClientCame():
                requests.came(ledger, event.client, resumed=event.resumed)
            case ClientWent():
                requests.went(ledger, event.client)
            case DrainWanted():
                presence.drain(ledger, event.device, event.because, undo=event.undo)
            case Revoked():
                presence.revoked(ledger, event.device)
        while (timer := ledger.timers.pop_due(ledger.now)) is not None:
            lapses.lapse(ledger, *timer)
        while ledger.freed or ledger.forsaken or ledger.next_up:
            ledger.place_all()
            while ledger.next_up:
                requests.turn(ledger, *ledger.next_up.popleft())
        if ledger.views_changed:
            self._show()
        out, ledger.out = ledger.out, []
        return out

    def due(self) -> float | None:
        """When Ticked is wanted; None: not before something happens."""
        return self.ledger.timers.next_due()

    def views(self) -> tuple[DeviceView, ...]:
        """The devices, as people and planners see them."""
        return requests.views(self.ledger)

    def needs(self, principal: str, digest: str) -> bool:
        """Whether a blob is among the arguments of what a device has; clients may have any, devices only those."""
        device = self.ledger.devices.get(principal)
        if device is None:
            return True
        return any(one.digest == digest for attempt in device.leases.values() for one in attempt.assign.sources)

    def is_done_with(self, device: str) -> bool:
        """Whether nothing that a device does, or remembers, may be asked for any more."""
        known = self.ledger.devices.get(device)
        if known is None:
            return True
        in_use = any(attempt.holder is known for attempt in self.ledger.attempts.values())
        return not (in_use or known.kept)

    def holders(self, digest: str) -> tuple[str, ...]:
        """The connected devices that have a blob, in the order in which they got it."""
        known = self.ledger.holders.get(digest, {})
        return tuple(name for name, device in known.items() if device.health.connected)

    def _show(self) -> None:
        """Have the devices shown soon to those who watch."""
        ledger = self.ledger
        ledger.views_changed = False
        if ("views", "") not in ledger.timers and any(client.watching for client in ledger.clients.values()):
            ledger.timers.set(("views", ""), ledger.now + VIEWS_S)

    def __repr__(self) -> str:
        ledger = self.ledger
        return f"<Hub {len(ledger.devices)} devices, {len(ledger.attempts)} attempts, {len(ledger.queue)} waiting>"
