"""Requests: what clients ask of a hub."""

from __future__ import annotations

import msgspec

from orrery.fleet.hub import match
from orrery.fleet.hub.attempt import Attempt, State
from orrery.fleet.hub.commands import ToClient
from orrery.fleet.hub.known import KnownClient, KnownDevice
from orrery.fleet.hub.ledger import Ledger
from orrery.fleet.messages import ANYWHERE, Assign, Cancel, Frame, Held, Reject, Result
from orrery.fleet.messages import State as Report
from orrery.fleet.profile import DeviceView


def came(ledger: Ledger, name: str, *, resumed: bool) -> None:
    """A client is there. One with a new session asks anew for what it still wants."""
    client = _client(ledger, name)
    client.online = True
    client.watching = client.watching and resumed
    if resumed:
        for attempt in list(client.attempts.values()):
            if not attempt.told:
                ledger.tell_news(attempt)
    else:
        for attempt in client.attempts.values():
            attempt.told = True  # it asks
    ledger.timers.cancel(("client", name))


def went(ledger: Ledger, name: str) -> None:
    """A client is gone; what it asked for goes on, and what came of it is kept for a while."""
    client = ledger.clients.get(name)
    if client is None:
        return
    client.online = client.watching = False
    ledger.forget_client(client)
    if name in ledger.clients:
        ledger.timers.set(("client", name), ledger.now + ledger.settings.session_kept_s)


def said(ledger: Ledger, name: str, frame: Frame) -> None:
    """A frame from a client."""
    client = _client(ledger, name)
    match frame:
        case Assign():
            assign(ledger, client, frame)
        case Cancel():
            cancel(ledger, client, frame)
        case Report(asks=True):
            client.watching = True
            tell_views(ledger, client)
        case _:
            pass  # it is the server that answers what does not belong here


def _client(ledger: Ledger, name: str) -> KnownClient:
    found = ledger.clients.get(name)
    if found is None:
        found = ledger.clients[name] = KnownClient(name)
    return found


def tell_views(ledger: Ledger, client: KnownClient) -> None:
    """Show a client the devices."""
    ledger.out.append(ToClient(client.name, Report(whole=True, devices=views(ledger))))


def views(ledger: Ledger) -> tuple[DeviceView, ...]:
    """The devices, as people and planners see them."""
    return tuple(device.view(ledger.now) for device in ledger.devices.values() if not device.is_revoked)


# -- asking for an attempt ----------------------------------------------------------------------------------------


def assign(ledger: Ledger, client: KnownClient, frame: Assign) -> None:
    """A client wants this done; it may ask more than once."""
    known = ledger.attempts.get(frame.work)
    if known is not None:
        _asked_again(ledger, client, known, frame)
        return
    attempt = ledger.admit(frame, client.name)
    if frame.deadline is not None and frame.deadline <= ledger.now:
        ledger.end_overdue(attempt, attempt.effect_unheard if frame.seen_on else "none")
    elif frame.effects == "pure":
        begin(ledger, attempt)
    else:
        earlier = ledger.latest.get(frame.key)
        ledger.latest[frame.key] = attempt
        if earlier is None or earlier is attempt or _is_foreign(earlier, frame):
            begin(ledger, attempt)
        elif earlier.state is State.ENDED:
            _follow(ledger, attempt, earlier)
        else:
            ledger.go_behind(attempt, earlier)


def _asked_again(ledger: Ledger, client: KnownClient, attempt: Attempt, frame: Assign) -> None:
    if attempt.assign.digest != frame.digest or attempt.assign.key != frame.key:
        message = f"{frame.work} was asked for before, with other arguments"
        ledger.out.append(ToClient(client.name, Reject(work=frame.work, reason="arguments", message=message)))
        return
    if _is_foreign(attempt, frame) and attempt.holder is not None:
        ledger.call_off(attempt.holder, attempt.work, attempt.fence, "it must not run there")
        ledger.drop(attempt)
        assign(ledger, client, frame)
        return
    if attempt.orphan:
        device = attempt.holder
        if device is not None:
            device.busy_s += frame.seconds - attempt.assign.seconds
        attempt.assign = frame
        if frame.deadline is not None:
            ledger.timers.set(("deadline", frame.work), max(frame.deadline, ledger.now))
        if frame.effects == "pure" and ledger.latest.get(frame.key) is attempt and attempt.after is None:
            del ledger.latest[frame.key]
    elif attempt.client != client.name:
        # Who knows the work and what it was asked with is the same run, in another process.
        former = ledger.clients[attempt.client]
        del former.attempts[attempt.work]
        ledger.forget_client(former)
    attempt.client = client.name
    client.attempts[attempt.work] = attempt
    attempt.forgotten = False
    ledger.tell_news(attempt)


def _is_foreign(attempt: Attempt, frame: Assign) -> bool:
    """Whether what a device says that it has cannot be what is asked for: it was never given that to do."""
    return attempt.orphan and attempt.holder is not None and match.forbids(frame.place, attempt.holder)


def turn(ledger: Ledger, attempt: Attempt, earlier: Attempt) -> None:
    """The attempt before this one, at the same task, has ended."""
    if attempt.state is State.BEHIND:
        _follow(ledger, attempt, earlier)


def _follow(ledger: Ledger, attempt: Attempt, earlier: Attempt) -> None:
    result = earlier.result
    if result is not None and result.status == "succeeded" and earlier.assign.digest == attempt.assign.digest:
        attempt.holder, attempt.known_as = earlier.holder, earlier.known_as
        ledger.end(attempt, msgspec.structs.replace(result, work=attempt.work, remembered=True))
        if earlier.state is State.ENDED and earlier.client in ("", attempt.client):
            ledger.drop(earlier)  # this one's end stands for it, and so does forgetting it
    else:
        begin(ledger, attempt)
        if earlier.state is State.ENDED and earlier.client == attempt.client:
            ledger.drop(earlier)  # who asks once more has heard how it ended


def begin(ledger: Ledger, attempt: Attempt) -> None:
    """Find out who has an attempt already, or who is to do it."""
    frame = attempt.assign
    found = ledger.kept.get(frame.key)
    if found is not None and _is_answered(ledger, attempt, *found):
        return
    hint = frame.seen_on
    awaits: dict[str, None] = {}
    if frame.effects != "pure" and (hint or frame.attempt > 1):
        # Others are awaited, too: an earlier attempt may still run somewhere, and the news that this one was given to
        # another device than the client knows of may have been lost with the hub.
        awaits.update(ledger.awaited)
    if hint not in ("", ANYWHERE):
        device = ledger.devices.get(hint)
        if device is None or not device.reported:
            awaits[hint] = None
    if awaits:
        ledger.seek(attempt, awaits, may_be_done=bool(hint))
    elif frame.known_only:
        ledger.end_lost(attempt, f"no device knows what became of {attempt.work}")
    else:
        ledger.wait(attempt)


def _is_answered(ledger: Ledger, attempt: Attempt, keeper: KnownDevice, held: Held) -> bool:
    """Whether the device that remembers the task can answer the attempt, or shows that nobody can."""
    frame = attempt.assign
    if match.forbids(frame.place, keeper):
        return False
    if held.phase == "broken":
        if held.work != frame.work or attempt.harmless:
            return False
        attempt.holder = keeper
        ledger.remembers_no_more(held.key)
        fate = "was revoked, and has done or begun" if keeper.is_revoked else "died while it did"
        ledger.end_lost(attempt, f"{keeper.name} {fate} {frame.work}")
        return True
    if held.digest != frame.digest:
        return False
    if keeper.health.connected and keeper.reported:
        ledger.remembers_no_more(held.key)
        ledger.give_back(attempt, keeper, f"{keeper.name} has done it before")
        return True
    if attempt.harmless:
        return False
    ledger.seek(attempt, {keeper.name: None}, may_be_done=True)
    return True


# -- calling it off -----------------------------------------------------------------------------------------------


def cancel(ledger: Ledger, client: KnownClient, frame: Cancel) -> None:
    """A client wants an attempt stopped, or has its result and needs it no more."""
    attempt = ledger.attempts.get(frame.work)
    if attempt is None:
        if not frame.forget:
            # It was never asked for in this life of the hub, so nothing is known of what an earlier one did.
            result = Result(work=frame.work, status="stopped", effect="unknown")
            ledger.out.append(ToClient(client.name, result))
        else:
            _forget_kept(ledger, frame)
    elif attempt.orphan or attempt.client == client.name:
        attempt.forgotten = attempt.forgotten or frame.forget
        if attempt.state is State.ENDED:
            if frame.forget:
                forget(ledger, attempt)
        elif attempt.stopping is None:
            stop(ledger, attempt, frame.because or "the client wants it no more")


def forget(ledger: Ledger, attempt: Attempt) -> None:
    """The client has the result of an attempt that has ended."""
    result, device = attempt.result, attempt.holder
    ledger.drop(attempt)
    # What was lost may turn up yet, and would then be an answer to the next attempt: that is left where it is.
    if device is not None and result is not None and result.status != "lost" and device.name in ledger.devices:
        ledger.call_off(device, attempt.known_as, attempt.fence, forget=True)


def _forget_kept(ledger: Ledger, frame: Cancel) -> None:
    found = ledger.kept.get(frame.work.rpartition("#")[0])
    if found is not None and found[1].work == frame.work:
        device, held = found
        ledger.remembers_no_more(held.key)
        ledger.call_off(device, frame.work, held.fence, forget=True)


def stop(ledger: Ledger, attempt: Attempt, because: str) -> None:
    """An attempt is to end soon: at once if no device has it."""
    attempt.stopping = because
    match attempt.state:
        case State.QUEUED | State.BEHIND:
            ledger.end_stopped(attempt, "none")
        case State.SOUGHT if attempt.harmless:
            ledger.end_stopped(attempt, attempt.effect_unheard)
        case State.LEASED | State.ADRIFT if attempt.holder is not None:
            ledger.call_off(attempt.holder, attempt.work, attempt.fence, because)
        case _:
            pass  # once it is found
