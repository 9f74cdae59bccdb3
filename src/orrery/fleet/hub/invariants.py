"""Invariants: what must hold of a hub after every event. Recomputed from scratch, so slow; for tests."""

from __future__ import annotations

from collections.abc import Iterator

from orrery.errors import InvariantError
from orrery.fleet.hub.attempt import Attempt, State
from orrery.fleet.hub.core import Hub
from orrery.fleet.hub.ledger import Ledger
from orrery.fleet.hub.match import fits


def check(hub: Hub) -> None:
    """Raises InvariantError with everything that does not hold."""
    broken = list(broken_in(hub.ledger))
    if broken:
        raise InvariantError("; ".join(broken))


def broken_in(ledger: Ledger) -> Iterator[str]:
    """Every invariant that does not hold."""
    for work, attempt in ledger.attempts.items():
        if attempt.work != work:
            yield f"{attempt!r} is filed as {work}"
        yield from _broken_attempt(ledger, attempt)
    yield from _broken_devices(ledger)
    yield from _broken_queue(ledger)
    for name, client in ledger.clients.items():
        for work, attempt in client.attempts.items():
            if ledger.attempts.get(work) is not attempt or attempt.client != name:
                yield f"the client {name} has {attempt!r}, which is not its own"
    for key, attempt in ledger.latest.items():
        if ledger.attempts.get(attempt.work) is not attempt or attempt.assign.key != key:
            yield f"the latest attempt at {key} is {attempt!r}, which is not there"
    for digest, holders in ledger.holders.items():
        if not holders or any(digest not in device.holds for device in holders.values()):
            yield f"blob {digest} is said to be where it is not"
    for key, (device, held) in ledger.kept.items():
        if device.kept.get(key) is not held:
            yield f"{device.name} is said to remember {key}, and does not"
    if ledger.freed or ledger.forsaken or ledger.next_up:
        yield "an event was left half done"


def _broken_attempt(ledger: Ledger, attempt: Attempt) -> Iterator[str]:
    state, holder = attempt.state, attempt.holder
    has_lease = holder is not None and holder.leases.get(attempt.work) is attempt
    places = {
        State.QUEUED: attempt.line is not None and attempt.line.waiting.get(attempt.work) is attempt,
        State.BEHIND: attempt.before is not None and attempt.before.after is attempt,
        State.SOUGHT: ledger.sought.get(attempt.work) is attempt,
        State.LEASED: has_lease and state is State.LEASED,
        State.ADRIFT: has_lease and state is State.ADRIFT,
        State.ENDED: attempt.result is not None,
    }
    # One that is leased and one that is adrift are both with their holder; `has_lease` tells those from the others.
    found = [place.value for place, is_there in places.items() if is_there]
    if found != [state.value]:
        yield f"{attempt!r} is to be found among {found or 'nothing'}"
    if has_lease and holder is not None and ledger.devices.get(holder.name) is not holder:
        yield f"{attempt!r} is with a device that is not known"
    if attempt.fence > ledger.fence:
        yield f"{attempt!r} has a fence that was not given yet; the latest is {ledger.fence}"
    if not attempt.orphan and ledger.clients[attempt.client].attempts.get(attempt.work) is not attempt:
        yield f"{attempt!r} is not among those of its client {attempt.client}"
    if state is State.ADRIFT and ("adrift", attempt.work) not in ledger.timers:
        yield f"{attempt!r} waits for its device for ever"
    if state is State.SOUGHT and (("sought", attempt.work) not in ledger.timers or not attempt.awaits):
        yield f"{attempt!r} is sought for ever"


def _broken_devices(ledger: Ledger) -> Iterator[str]:
    for name, device in ledger.devices.items():
        if len(device.leases) > max(device.most, device.had):
            yield f"{name} has {len(device.leases)} attempts, and lets {device.most} be held at once"
        for attempt in device.leases.values():
            if attempt.holder is not device or ledger.attempts.get(attempt.work) is not attempt:
                yield f"{name} is said to have {attempt!r}"
        if device.health.connected and device.owed and device.reported:
            yield f"{name} is connected, and was not told {list(device.owed)}"
        held = len(device.leases)
        if (name in ledger.queue.free) != (device.usable and held < device.slots):
            yield f"{name} is wrongly thought to have a free slot, or none"
        if (name in ledger.queue.free_short) != (device.usable and held < device.most):
            yield f"{name} is wrongly thought to have room, or none"
        if device.usable and (not device.health.connected or device.draining or not device.reported):
            yield f"{name} would be chosen, and is {device!r}"
        if sum(device.holds.values()) != device.held_bytes:
            yield f"{name} holds {sum(device.holds.values())} bytes, counted {device.held_bytes}"


def _broken_queue(ledger: Ledger) -> Iterator[str]:
    queue = ledger.queue
    for line in queue.lines.values():
        fit = {name for name, device in ledger.devices.items() if fits(line.need, device)}
        if fit != set(line.fit):
            yield f"{line!r} is said to fit {sorted(line.fit)}, it fits {sorted(fit)}"
        if bool(line.waiting) != (queue.busy.get(line.name) is line):
            yield f"{line!r} is wrongly thought to be busy, or idle"
        if not line.waiting:
            continue
        if free := queue.free_for(line):
            yield f"{line!r}, though {list(free)} could do it now"
        for attempt in line.waiting.values() if line.need.prefer else ():
            if ("preferred", attempt.work) not in ledger.timers:
                yield f"{attempt!r} waits for ever for {line.need.prefer}"
        if line.has_hope() != (line.hopeless_since is None):
            yield f"{line!r} is hopeless since {line.hopeless_since}"
        if line.hopeless_since is not None and ("line", line.name) not in ledger.timers:
            yield f"{line!r} waits for ever"
        first = min((-one.assign.rank, one.arrival) for one in line.waiting.values())
        if line.head()[:2] != first:
            yield f"{line!r} has not the right head"
