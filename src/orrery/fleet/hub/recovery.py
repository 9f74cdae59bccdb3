"""Recovery: a device says all that it is and has, and that is brought together with what the hub thinks.

So it does whenever its session is a new one: at its first coming, after its own death, after that of the hub, and when
its leases had ended.
"""

from __future__ import annotations

import msgspec

from orrery.fleet.hub import match, requests
from orrery.fleet.hub.attempt import Attempt, State
from orrery.fleet.hub.known import KnownDevice
from orrery.fleet.hub.ledger import Ledger
from orrery.fleet.messages import Assign, Held, Result
from orrery.fleet.messages import State as Report
from orrery.fleet.profile import Profile


def take_profile(ledger: Ledger, device: KnownDevice, profile: Profile) -> None:
    """A device says what it is."""
    if profile != device.profile:
        device.take(profile)
        device.had = len(device.leases)
        ledger.refit(device)
        ledger.views_changed = True


def report(ledger: Ledger, device: KnownDevice, said: Report) -> None:
    """The state of a device: all of it, or news only."""
    if said.profile is not None and (said.whole or said.profile.version >= device.profile.version):
        take_profile(ledger, device, said.profile)
    if said.load is not None:
        device.load = said.load
    if said.whole:
        kept = {blob.digest for blob in said.holds}
        ledger.holds_no_more(device, tuple(digest for digest in device.holds if digest not in kept))
    ledger.holds(device, said.holds)
    ledger.holds_no_more(device, said.dropped)
    if said.whole:
        device.reported = True
        ledger.awaited.pop(device.name, None)
        _reconcile(ledger, device, said.held)
        _nobody_waits_for(ledger, device.name)
    ledger.review(device)


def _reconcile(ledger: Ledger, device: KnownDevice, held: tuple[Held, ...]) -> None:
    """Bring together what a device says it has and what the hub thinks it has."""
    ledger.let_go(device)
    owed, device.owed = device.owed, {}
    said = {one.work for one in held}
    if strange := [one.work for one in held if one.fence > ledger.fence]:
        ledger.note("untrue", device.name, f"{strange[0]}: under a fence that was never given ({len(strange)} in all)")
    for attempt in list(device.leases.values()):
        if attempt.work not in said:
            ledger.put_back(attempt, f"{device.name} has nothing of it")
    for one in held:
        debt = owed.get(one.work)
        if debt is not None and debt.forget:
            ledger.say(device, debt)
            continue
        if one.fence > ledger.fence:
            ledger.call_off(device, one.work, one.fence, "it was never given")
            continue
        asked = ledger.attempts.get(one.work)
        if asked is None:
            _unasked(ledger, device, one)
        else:
            _claim(ledger, device, asked, one)


def _unasked(ledger: Ledger, device: KnownDevice, held: Held) -> None:
    """A device has what nobody has asked this hub for. Whoever asked an earlier one will come."""
    if held.phase in ("done", "broken"):
        ledger.remembers(device, held)
        return
    run, _, task = held.key.rpartition("/")
    names = Assign(work=held.work, key=held.key, run=run, task=task, attempt=0, op="", digest=held.digest)
    attempt = ledger.admit(names, "")
    ledger.adopt(attempt, device, held.fence)
    other = ledger.latest.get(held.key)
    if other is None or other.state is State.ENDED:
        ledger.latest[held.key] = attempt
        return
    while other.before is not None:
        other = other.before
    if other.state in (State.QUEUED, State.SOUGHT) and not match.forbids(other.assign.place, device):
        ledger.go_behind(other, attempt)


def _claim(ledger: Ledger, device: KnownDevice, attempt: Attempt, held: Held) -> None:
    """A device has something of an attempt that is known here."""
    state = attempt.state
    mine = state in (State.LEASED, State.ADRIFT) and attempt.holder is device
    free = state is State.SOUGHT or (state is State.QUEUED and attempt.fence in (0, held.fence))
    free = free and not match.forbids(attempt.assign.place, device)
    if not mine and not free:
        if held.phase in ("queued", "running"):
            ledger.call_off(device, held.work, held.fence, "the lease on it has ended")
        elif held.phase == "done" and (state is not State.ENDED or attempt.holder is not device):
            ledger.call_off(device, held.work, held.fence, forget=True)
        return
    if held.digest != attempt.assign.digest:
        if mine:
            ledger.put_back(attempt, f"{device.name} has other arguments of it")
        return
    match held.phase:
        case "queued" | "running" if not mine or held.fence == attempt.fence:
            ledger.adopt(attempt, device, held.fence)
        case "broken" if not attempt.harmless:
            ledger.leave_line(attempt)
            attempt.holder = attempt.holder or device
            ledger.end_lost(attempt, f"{device.name} died while it did {attempt.work}")
        case "broken":
            if mine:  # one that is sought may have been given to another device since
                ledger.put_back(attempt, f"{device.name} died while it did it")
        case _:
            if attempt.orphan:
                ledger.end(attempt, Result(work=attempt.work, status="lost"))
                ledger.remembers(device, held)
            else:
                ledger.give_back(attempt, device, f"{device.name} has it already")


def _nobody_waits_for(ledger: Ledger, name: str) -> None:
    """A device has said all that it has, or will never say it."""
    for attempt in list(ledger.sought.values()):
        if name in attempt.awaits:
            del attempt.awaits[name]
            if not attempt.awaits:
                ledger.seek_no_more(attempt)
                _found_nowhere(ledger, attempt)


def _found_nowhere(ledger: Ledger, attempt: Attempt) -> None:
    if attempt.stopping is not None:
        ledger.end_stopped(attempt, "none")
    else:
        attempt.assign = msgspec.structs.replace(attempt.assign, seen_on="")
        requests.begin(ledger, attempt)
