"""Reports: what devices say of the attempts that they have."""

from __future__ import annotations

import msgspec

from orrery.fleet.hub import presence, recovery, reputation
from orrery.fleet.hub.attempt import Attempt, State
from orrery.fleet.hub.known import KnownDevice
from orrery.fleet.hub.ledger import Ledger
from orrery.fleet.messages import Accept, Credit, Drain, Frame, Held, Progress, Reject, Result
from orrery.fleet.messages import State as Report

FULL_S = 1.0
"""How long a device that is full is not asked, if it does not say itself."""
FULL_LEAST_S = 0.1
"""And at least so long, whatever it says."""
MOST_RETURNS = 5
"""A device that gave an attempt back so often, with nothing done of it, is not asked for it again."""
NOT_OFFERED = "not-offered"
"""Refusing so what one offers costs trust. What an owner does not allow may be the arguments, and costs none."""
REFUSALS = (NOT_OFFERED, "not-allowed")
"""A failure of these codes, with nothing done, is a refusal: another device may do it."""


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
            recovery.report(ledger, device, frame)
        case Credit(slots=int(slots)):
            device.credit = max(0, slots)
            device.had = len(device.leases)
            ledger.review(device)
        case Drain():
            presence.drains(ledger, device, frame.because)
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
            device.full_until = ledger.now + max(FULL_LEAST_S, again_s)
            ledger.timers.set(("full", device.name), device.full_until)
        case "draining":
            presence.drains(ledger, device, frame.message)
        case "lease":
            _count_return(ledger, device, attempt)  # it had not heard of the hub for so long
        case "deadline" if attempt.assign.deadline is not None and attempt.stopping is None:
            attempt.overdue, attempt.stopping = True, frame.message
        case reason:
            attempt.refused[device.name] = frame.message or reason
            if reason == NOT_OFFERED and device.does(attempt.assign.op):
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
    if failure is not None and frame.status == "failed" and failure.code in REFUSALS and frame.effect == "none":
        reject = Reject(work=frame.work, fence=frame.fence, reason=failure.code, message=failure.message)
        _reject(ledger, device, reject)
        return
    if not final and attempt.stopping is None and _may_move(device, attempt, frame):
        _count_return(ledger, device, attempt)
        ledger.put_back(attempt, f"{device.name} gave it back")
        return
    _ended(ledger, device, attempt, frame)


def _count_return(ledger: Ledger, device: KnownDevice, attempt: Attempt) -> None:
    """A device gave an attempt back that it had the lease on; one that does so for ever would have it for ever."""
    count = attempt.returned[device.name] = attempt.returned.get(device.name, 0) + 1
    if count >= MOST_RETURNS:
        attempt.refused[device.name] = f"gave it back {count} times"
        ledger.note("untrue", device.name, f"{attempt.work}: given back {count} times")


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
