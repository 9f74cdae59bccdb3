"""Reports: what a hub learns from its devices."""

from __future__ import annotations

import msgspec

from orrery.fleet.hub import reputation, requests
from orrery.fleet.hub.attempt import Attempt, State
from orrery.fleet.hub.commands import Cut
from orrery.fleet.hub.known import KnownDevice
from orrery.fleet.hub.ledger import Ledger
from orrery.fleet.messages import Accept, Assign, Credit, Desired, Drain, Frame, Held, Progress, Reject, Result
from orrery.fleet.messages import State as Report
from orrery.fleet.profile import Profile

LATENCY_SHARE = 0.25
"""How much the latest round trip counts in the smoothed latency."""
FULL_S = 1.0
"""How long a device that is full is not asked, if it does not say itself."""
UNTRUE = ("not-offered", "not-allowed")
"""Refusing what one offers for these reasons costs trust."""


# -- coming and going ---------------------------------------------------------------------------------------------


def came(ledger: Ledger, name: str, profile: Profile | None, *, resumed: bool) -> None:
    """A device is connected."""
    former = ledger.devices.get(name)
    if former is not None and former.is_revoked:
        leases_ended(ledger, former)  # another one was enrolled under the name
    device = ledger.device(name)
    was_gone = device.health.gone
    device.health.came(ledger.now)
    if profile is not None and (not resumed or profile.version >= device.profile.version):
        _take_profile(ledger, device, profile)
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
        ledger.let_go(device)
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
    _drains(ledger, device, because)


def _drains(ledger: Ledger, device: KnownDevice, because: str) -> None:
    if not device.draining:
        device.draining, device.since = True, ledger.now
        ledger.views_changed = True
        ledger.note("draining", device.name, because)
        if not device.leases:
            device.drained_noted = True
            ledger.note("drained", device.name)
    ledger.review(device)


# -- what it says -------------------------------------------------------------------------------------------------


def said(ledger: Ledger, name: str, frame: Frame) -> None:
    """A frame from a device."""
    device = ledger.devices.get(name)
    if device is None or device.is_revoked:
        return
    match frame:
        case Result():
            _result(ledger, device, frame)
        case Accept():
            _accept(ledger, device, frame)
        case Progress():
            _progress(ledger, device, frame)
        case Reject():
            _reject(ledger, device, frame)
        case Report():
            _report(ledger, device, frame)
        case Credit(slots=int(slots)):
            device.credit = max(0, slots)
            device.had = len(device.leases)
            ledger.review(device)
        case Drain():
            _drains(ledger, device, frame.because)
        case _:
            pass  # it is the server that answers what does not belong here


def _has(device: KnownDevice, attempt: Attempt | None, fence: int) -> bool:
    """Whether a device has the lease on an attempt under this fence."""
    return (
        attempt is not None
        and attempt.fence == fence
        and attempt.holder is device
        and attempt.state in (State.LEASED, State.ADRIFT)
    )


def _accept(ledger: Ledger, device: KnownDevice, frame: Accept) -> None:
    attempt = ledger.attempts.get(frame.work)
    if attempt is not None and _has(device, attempt, frame.fence):
        if not attempt.accepted:
            attempt.accepted = True
            if attempt.state is State.ADRIFT:
                ledger.timers.cancel(("adrift", attempt.work))
                attempt.step(State.LEASED)
            ledger.tell_news(attempt)
    elif attempt is None or attempt.holder is not device or attempt.fence > frame.fence:
        ledger.call_off(device, frame.work, frame.fence, "the lease on it has ended")


def _progress(ledger: Ledger, device: KnownDevice, frame: Progress) -> None:
    attempt = ledger.attempts.get(frame.work)
    if attempt is not None and _has(device, attempt, frame.fence):
        client = ledger.clients.get(attempt.client)
        if client is not None and client.online:
            told = attempt.told
            ledger.tell(attempt, frame)
            attempt.told = told


def _reject(ledger: Ledger, device: KnownDevice, frame: Reject) -> None:
    attempt = ledger.attempts.get(frame.work)
    if attempt is None or not _has(device, attempt, frame.fence):
        return
    ledger.release(attempt)
    match frame.reason:
        case "full":
            again_s = FULL_S if frame.retry_after_s is None else frame.retry_after_s
            device.full_until = ledger.now + again_s
            ledger.timers.set(("full", device.name), device.full_until)
        case "draining":
            _drains(ledger, device, frame.message)
        case "lease":
            pass  # it gave it back, since it had not heard of the hub for so long
        case "deadline" if attempt.assign.deadline is not None and attempt.stopping is None:
            attempt.overdue, attempt.stopping = True, frame.message
        case reason:
            attempt.refused[device.name] = frame.message or reason
            if reason in UNTRUE and device.does(attempt.assign.op):
                device.trust.fall(reputation.UNTRUE, ledger.now)
                ledger.note("untrue", device.name, f"{attempt.assign.op}: {frame.message or reason}")
    ledger.review(device)
    ledger.put_back(attempt, f"{frame.reason}: {frame.message}")


def _result(ledger: Ledger, device: KnownDevice, frame: Result) -> None:
    ledger.holds(device, frame.blobs)
    attempt = ledger.attempts.get(frame.work)
    if attempt is None or attempt.fence != frame.fence or attempt.holder is not device:
        return  # of an earlier lease, or of nothing that anybody asks for: it changes nothing
    final = frame.status in ("succeeded", "failed")
    if attempt.state is State.QUEUED:
        # Its lease had ended, but it was given to nobody else since.
        if final:
            _ended(ledger, device, attempt, frame)
        return
    if attempt.state not in (State.LEASED, State.ADRIFT):
        return
    if attempt.orphan:
        _orphan_ended(ledger, device, attempt, frame)
        return
    failure = frame.failure
    if failure is not None and frame.status == "failed" and failure.code in UNTRUE and frame.effect == "none":
        reject = Reject(work=frame.work, fence=frame.fence, reason=failure.code, message=failure.message)
        _reject(ledger, device, reject)
        return
    if not final and attempt.stopping is None and _may_move(device, attempt, frame):
        ledger.put_back(attempt, f"{device.name} gave it back")
        return
    _ended(ledger, device, attempt, frame)


def _may_move(device: KnownDevice, attempt: Attempt, frame: Result) -> bool:
    """Whether an attempt that was broken off, which nobody had asked for, may be given to another device.

    One that took its worker with it goes back to the client, which counts how often that happens.
    """
    broken_off = frame.status == "stopped" or device.draining or attempt.state is State.ADRIFT
    if frame.effect == "none" and frame.began_at is None:
        return True
    return broken_off and (frame.effect == "none" or attempt.harmless)


def _ended(ledger: Ledger, device: KnownDevice, attempt: Attempt, frame: Result) -> None:
    match frame.status:
        case "succeeded":
            device.done += 1
            device.trust.rise(ledger.now)
        case "failed":
            device.failed += 1
        case "lost":
            device.failed += 1
            device.trust.fall(reputation.WORKER_LOST, ledger.now)
    if frame.status == "stopped":
        if attempt.overdue:
            ledger.end_overdue(attempt, frame.effect)
            return
        if attempt.stopping is None:  # nobody asked for that, and it cannot be done again
            why = f"{device.name} broke off {attempt.work}"
            ledger.end_lost(attempt, why, frame.effect)
            return
    ledger.end(attempt, msgspec.structs.replace(frame, seq=0, device=device.name))


def _orphan_ended(ledger: Ledger, device: KnownDevice, attempt: Attempt, frame: Result) -> None:
    """Nobody has asked for it yet. The device remembers the result, and who asks for it is answered from there."""
    assign = attempt.assign
    ledger.end(attempt, frame)
    if frame.status in ("succeeded", "failed"):
        ledger.remembers(device, Held(assign.work, assign.key, assign.digest, "done", frame.fence))
    elif frame.effect == "unknown":
        ledger.remembers(device, Held(assign.work, assign.key, assign.digest, "broken", frame.fence))


# -- its whole state ----------------------------------------------------------------------------------------------


def _take_profile(ledger: Ledger, device: KnownDevice, profile: Profile) -> None:
    if profile != device.profile:
        device.take(profile)
        device.had = len(device.leases)
        ledger.refit(device)
        ledger.views_changed = True


def _report(ledger: Ledger, device: KnownDevice, report: Report) -> None:
    if report.profile is not None and (report.whole or report.profile.version >= device.profile.version):
        _take_profile(ledger, device, report.profile)
    if report.load is not None:
        device.load = report.load
    if report.whole:
        kept = {blob.digest for blob in report.holds}
        ledger.holds_no_more(device, tuple(digest for digest in device.holds if digest not in kept))
    ledger.holds(device, report.holds)
    ledger.holds_no_more(device, report.dropped)
    if report.whole:
        device.reported = True
        ledger.awaited.pop(device.name, None)
        _reconcile(ledger, device, report.held)
        _nobody_waits_for(ledger, device.name)
    ledger.review(device)


def _reconcile(ledger: Ledger, device: KnownDevice, held: tuple[Held, ...]) -> None:
    """Bring together what a device says it has and what the hub thinks it has."""
    ledger.let_go(device)
    owed, device.owed = device.owed, {}
    said = {one.work for one in held}
    for attempt in list(device.leases.values()):
        if attempt.work not in said:
            ledger.put_back(attempt, f"{device.name} has nothing of it")
    for one in held:
        debt = owed.get(one.work)
        if debt is not None and debt.forget:
            ledger.say(device, debt)
            continue
        attempt_ = ledger.attempts.get(one.work)
        if attempt_ is None:
            _unasked(ledger, device, one)
        else:
            _claim(ledger, device, attempt_, one)


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
    if other.state in (State.QUEUED, State.SOUGHT):
        ledger.go_behind(other, attempt)


def _claim(ledger: Ledger, device: KnownDevice, attempt: Attempt, held: Held) -> None:
    """A device has something of an attempt that is known here."""
    state = attempt.state
    mine = state in (State.LEASED, State.ADRIFT) and attempt.holder is device
    free = state is State.SOUGHT or (state is State.QUEUED and attempt.fence in (0, held.fence))
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
            ledger.queue.remove(attempt)
            attempt.holder = attempt.holder or device
            ledger.end_lost(attempt, f"{device.name} died while it did {attempt.work}")
        case "broken":
            if attempt.state is not State.QUEUED:
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
