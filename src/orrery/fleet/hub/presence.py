"""Presence: devices that come, are heard of, fall silent, leave, or are not wanted any more."""

from __future__ import annotations

import msgspec

from orrery.fleet.hub import reputation
from orrery.fleet.hub.attempt import Attempt, State
from orrery.fleet.hub.commands import Cut
from orrery.fleet.hub.known import KnownDevice
from orrery.fleet.hub.ledger import Ledger
from orrery.fleet.hub.recovery import take_profile
from orrery.fleet.messages import Desired, Drain
from orrery.fleet.profile import Profile

LATENCY_SHARE = 0.25
"""How much the latest round trip counts in the smoothed latency."""


def came(ledger: Ledger, name: str, profile: Profile | None, *, resumed: bool) -> None:
    """A device is connected."""
    former = ledger.devices.get(name)
    if former is not None and former.is_revoked:
        leases_ended(ledger, former)  # another one was enrolled under the name
    device = ledger.device(name)
    was_gone = device.health.gone
    device.health.came(ledger.now)
    if profile is not None and (not resumed or profile.version >= device.profile.version):
        take_profile(ledger, device, profile)
    if was_gone:
        ledger.note("device-came", name)
    if resumed and device.reported:
        owed, device.owed = device.owed, {}
        for cancel in owed.values():
            ledger.say(device, cancel)
    else:
        device.reported = device.draining = device.drained_noted = False
        device.credit, device.had = None, len(device.leases)
    ledger.review(device)


def went(ledger: Ledger, name: str, because: str, *, clean: bool) -> None:
    """The connection of a device is gone."""
    device = ledger.devices.get(name)
    if device is None or device.is_revoked:
        return
    device.health.went(ledger.now, clean=clean)
    ledger.note("device-went", name, because)
    if clean:
        device.reported = False
        leases_ended(ledger, device)
    ledger.review(device)


def heard(ledger: Ledger, name: str, latency_s: float | None) -> None:
    """Something came from a device."""
    device = ledger.devices.get(name)
    if device is None or device.is_revoked:
        return
    health = device.health
    unwell = health.quiet or health.gone
    health.heard(ledger.now)
    if latency_s is not None:
        known = device.latency_s
        device.latency_s = latency_s if known is None else known + LATENCY_SHARE * (latency_s - known)
    if unwell:
        ledger.review(device)


def passed(ledger: Ledger, device: KnownDevice) -> None:
    """Time has passed over a device."""
    if device.health.connected and not device.health.gone:
        for attempt in list(device.leases.values()):
            if not attempt.accepted and attempt.leased_at + device.health.lease_s <= ledger.now:
                _ignored(ledger, device, attempt)
    if device.health.passed(ledger.now):
        because = f"nothing was heard for {device.health.lease_s:g} s"
        ledger.note("device-gone", device.name, because)
        # An Assign that is still on its way belongs to a lease that has ended, and must not arrive.
        ledger.out.append(Cut(device.name, because))
        device.health.went(ledger.now, clean=False)
        device.reported = False
        leases_ended(ledger, device)
        if device.is_revoked:
            return
    ledger.review(device)


def _ignored(ledger: Ledger, device: KnownDevice, attempt: Attempt) -> None:
    """A device is heard of all the time, and says nothing of an attempt that it was given."""
    if attempt.state is not State.LEASED:
        return
    why = f"it did not answer for {device.health.lease_s:g} s"
    attempt.refused[device.name] = why
    device.trust.fall(reputation.UNTRUE, ledger.now)
    ledger.note("untrue", device.name, f"{attempt.work}: {why}")
    ledger.call_off(device, attempt.work, attempt.fence, why)
    if attempt.harmless:
        ledger.put_back(attempt, why)
    else:
        _set_adrift(ledger, attempt)


def _set_adrift(ledger: Ledger, attempt: Attempt) -> None:
    attempt.step(State.ADRIFT)
    ledger.timers.set(("adrift", attempt.work), ledger.now + ledger.settings.away_s)


def leases_ended(ledger: Ledger, device: KnownDevice) -> None:
    """A device has lost its right to what it has."""
    device.health.gone = True
    if device.leases:
        device.trust.fall(reputation.LEASE_LOST, ledger.now)
    ledger.review(device)  # before its attempts move, so that none moves back to it
    for attempt in list(device.leases.values()):
        if device.is_revoked and not attempt.harmless:
            ledger.end_lost(attempt, f"{device.name} was revoked while it had {attempt.work}")
        elif attempt.state is State.ADRIFT:
            continue
        elif attempt.harmless and not attempt.orphan:
            ledger.call_off(device, attempt.work, attempt.fence, "the lease has ended")
            if attempt.stopping is not None:
                ledger.end_stopped(attempt, attempt.effect_unheard)
            else:
                ledger.put_back(attempt, "its lease has ended")
        else:
            _set_adrift(ledger, attempt)
    if device.is_revoked:
        _remove(ledger, device)


def revoked(ledger: Ledger, name: str) -> None:
    """A device is not trusted any more. It hears no more of the hub, so it stops what it has when its lease ends."""
    ledger.note("revoked", name)
    ledger.out.append(Cut(name, "it was revoked"))
    device = ledger.devices.get(name)
    if device is not None:
        device.is_revoked = True
        device.health.went(ledger.now, clean=True)
        ledger.holds_no_more(device, tuple(device.holds))
        for held in list(device.kept.values()):  # what it did it will not tell any more
            ledger.remembers(device, msgspec.structs.replace(held, phase="broken"))
        ledger.review(device)
        if not device.leases or device.health.gone:
            leases_ended(ledger, device)
    # It may have done what is sought, and will not say so any more.
    for attempt in list(ledger.sought.values()):
        if name in attempt.awaits and attempt.may_be_done:
            ledger.end_lost(attempt, f"{name} was revoked, and may have done {attempt.work}")


def _remove(ledger: Ledger, device: KnownDevice) -> None:
    """Forget a device that was revoked."""
    name = device.name
    del ledger.devices[name]
    ledger.freed.pop(name, None)
    for timer in ("health", "trust", "full"):
        ledger.timers.cancel((timer, name))
    for line in ledger.queue.lines.values():
        if line.fit.pop(name, None) is not None and line.waiting:
            ledger.check_hope(line)
    ledger.views_changed = True


def drain(ledger: Ledger, name: str, because: str, *, undo: bool) -> None:
    """A device is to finish what it has and take nothing new, or may take new work again."""
    device = ledger.devices.get(name)
    if device is None or device.is_revoked:
        return
    ledger.note("drain-undone" if undo else "drain-wanted", name, because)
    if undo:
        device.draining = device.drained_noted = False
        if device.health.connected:
            ledger.say(device, Desired(version=ledger.next_fence(), accepting=True))
        ledger.views_changed = True
        ledger.review(device)
        return
    if device.health.connected:
        ledger.say(device, Drain(because=because))
    drains(ledger, device, because)


def drains(ledger: Ledger, device: KnownDevice, because: str) -> None:
    """A device takes nothing new from now on."""
    if not device.draining:
        device.draining, device.since = True, ledger.now
        ledger.views_changed = True
        ledger.note("draining", device.name, because)
        if not device.leases:
            device.drained_noted = True
            ledger.note("drained", device.name)
    ledger.review(device)
