"""DeviceCore: what one device does with what its hub says. Events in, commands out; no clock, no socket, no disk.

An attempt is asked for, waits for a slot, is performed, and ends in a Result that is kept until the client has it.
Everything is filed by the *key* of the task, of which there is at most one attempt here at a time: a second one, as
a client asks for that was started again, is answered with the end of the first.

The right to an attempt is a lease, and the hub counts it from when it last heard of this device. Here it is counted
from when that was *sent* which the hub has answered, so it ends here first, and what runs is stopped before it could
be given away.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from orrery.fleet.device.attempt import WHY, Attempt, in_the_end, is_an_end
from orrery.fleet.device.events import (
    Answered,
    AttemptEnded,
    AttemptProgressed,
    Cause,
    Command,
    Connected,
    Disconnected,
    DrainWanted,
    Drop,
    Event,
    Forget,
    FrameCame,
    Leave,
    Perform,
    Record,
    Remember,
    Report,
    Send,
    Stop,
    Ticked,
)
from orrery.fleet.device.memory import Memory
from orrery.fleet.device.settings import DeviceSettings
from orrery.fleet.messages import (
    Accept,
    Assign,
    Cancel,
    Credit,
    Desired,
    Drain,
    Effect,
    Held,
    Progress,
    Reject,
    Result,
)

ASK_AGAIN_S = 1.0
"""When a device that is full would be asked again."""


class DeviceCore:
    """Who is asked what, what runs, and what became of it.

    Args:
        settings: the limits.
        remembered: what the journal has from earlier, oldest first.
        hub_ahead_s: how far the hub's clock is ahead of the device's, until the hub says so itself.
    """

    def __init__(
        self, settings: DeviceSettings, remembered: Iterable[Record] = (), *, hub_ahead_s: float = 0.0
    ) -> None:
        self._settings = settings
        self._hub_ahead_s = hub_ahead_s
        self._name = ""
        self._connected = False
        self._lease_s = 0.0
        self._heard_at = 0.0  # when that was sent which the hub has answered
        self._slots = settings.slots
        self._desired = 0
        self._accepting = True
        self._leaving: str | None = None
        self._left = False
        self._stop_all_at: float | None = None
        self._attempts: dict[str, Attempt] = {}
        self._running = 0
        self._performed: dict[str, str] = {}  # the key behind what the performer knows as a work
        self._works: dict[str, str] = {}  # the key behind each work that waits for an attempt's end
        self._memory = Memory(settings)
        self._out: list[Command] = []
        for record in remembered:
            self._out += map(Forget, self._memory.keep(record))

    def __repr__(self) -> str:
        return (
            f"<DeviceCore {self._name} {self._running} running, {len(self._attempts)} held, {len(self._memory)} kept>"
        )

    @property
    def slots(self) -> int:
        """How many attempts may run at once now: its own limit, or a lower one that the hub desires."""
        return self._slots

    @property
    def held(self) -> tuple[Held, ...]:
        """Every attempt that is known here, and in which phase it is."""
        return tuple(self._held())

    @property
    def needed(self) -> frozenset[str]:
        """The digests of the blobs in results that are still kept."""
        results = (record.result for record in self._memory if record.result is not None)
        return frozenset(blob.digest for result in results for blob in result.blobs)

    @property
    def working(self) -> tuple[str, ...]:
        """What runs now, as `run/task`."""
        return tuple(
            f"{one.assign.run}/{one.assign.task}" for one in self._attempts.values() if one.began_at is not None
        )

    def handle(self, event: Event) -> list[Command]:
        """Take in what happened; returns what is to be done, in this order."""
        match event:
            case AttemptEnded():
                self._ended(event)
            case FrameCame():
                self._frame(event)
            case AttemptProgressed():
                self._progressed(event)
            case Answered():
                self._heard_at = max(self._heard_at, event.sent_at)
                if event.hub_ahead_s is not None:
                    self._hub_ahead_s = event.hub_ahead_s
            case Ticked():
                self._ticked(event.at)
            case Connected():
                self._welcomed(event)
            case Disconnected():
                self._connected = False
            case DrainWanted():
                self._drained(event)
        if self._leaving is not None and not self._attempts and not self._left:
            self._left = True
            self._out.append(Leave(self._leaving))
        out, self._out = self._out, []
        return out

    def due(self) -> float | None:
        """When Ticked is wanted; None: not before something happens."""
        times = [] if self._stop_all_at is None else [self._stop_all_at]
        for attempt in self._attempts.values():
            if not attempt.stopping:
                times += [due for due, _ in self._ends_of(attempt)]
                times.append(self._lease_ends_at)
        return min(times, default=None)

    # -- the connection ---------------------------------------------------------------------------------------

    @property
    def _lease_ends_at(self) -> float:
        return self._heard_at + self._lease_s * (1 - self._settings.lease_margin)

    def _welcomed(self, event: Connected) -> None:
        welcome = event.welcome
        self._connected = True
        self._name, self._lease_s = welcome.principal, welcome.lease_s
        self._heard_at = event.sent_at
        if welcome.now:
            self._hub_ahead_s = welcome.now - (event.sent_at + event.at) / 2
        if not welcome.resumed:  # what the hub desired it says anew, counting from anywhere
            self._desired, self._accepting, self._slots = 0, True, self._settings.slots
            if self._leaving is None:
                self._stop_all_at = None
        self._send(Credit(slots=self._slots + self._settings.waiting))
        if welcome.resumed:
            return
        # The other end knows nothing of what was said before, so all of it is said again.
        self._out.append(Report(self.held))
        for record in self._memory:
            if record.result is not None:
                self._send(self._result(record, record.work, record.fence))
        if self._leaving is not None:
            self._send(Drain(because=self._leaving))

    def _held(self) -> Iterable[Held]:
        for key, attempt in self._attempts.items():
            for work, fence in attempt.asked.items():
                yield Held(work, key, attempt.assign.digest, "queued" if attempt.began_at is None else "running", fence)
        for record in self._memory:
            if record.work in self._works:
                continue  # it is about to be done again
            yield Held(
                record.work, record.key, record.digest, "broken" if record.result is None else "done", record.fence
            )

    # -- what the hub says ------------------------------------------------------------------------------------

    def _frame(self, event: FrameCame) -> None:
        match event.frame:
            case Assign() as assign:
                self._assigned(assign, event.refusal, event.at)
            case Cancel() as cancel:
                self._cancelled(cancel)
            case Desired() as desired:
                self._desire(desired, event.at)
            case Drain() as drain:
                self._accepting = False
                if drain.deadline is not None:
                    self._stop_all_at = drain.deadline - self._hub_ahead_s

    def _assigned(self, assign: Assign, refusal: Reject | None, at: float) -> None:
        attempt, kept = self._attempts.get(assign.key), self._memory.of_key(assign.key)
        if attempt is not None:
            self._asked_again(attempt, assign)
        elif kept is None or not self._answered(kept, assign, at):
            self._asked(assign, refusal, at)

    def _asked(self, assign: Assign, refusal: Reject | None, at: float) -> None:
        """Something that is not known here, or that may be done anew."""
        if assign.known_only:
            self._send(Result(work=assign.work, fence=assign.fence, status="lost", effect="unknown", device=self._name))
        elif refusal is not None:
            self._send(msgspec.structs.replace(refusal, work=assign.work, fence=assign.fence))
        elif at >= self._lease_ends_at:
            self._reject(assign, "lease", WHY["lease"], 0.0)  # it was on its way for long, and may be another's now
        elif self._leaving is not None or not self._accepting:
            self._reject(assign, "draining", f"{self._name} takes nothing new")
        elif assign.deadline is not None and at + self._hub_ahead_s >= assign.deadline:
            self._reject(assign, "deadline", "its deadline has passed")
        elif len(self._attempts) >= self._slots + self._settings.waiting:
            self._reject(assign, "full", f"{self._name} has {len(self._attempts)} tasks already", ASK_AGAIN_S)
        else:
            self._attempts[assign.key] = Attempt(assign)
            self._works[assign.work] = assign.key
            self._send(Accept(work=assign.work, fence=assign.fence, device=self._name))
            self._fill(at)

    def _asked_again(self, attempt: Attempt, assign: Assign) -> None:
        """The key waits or runs already: one end of it will answer everybody who asked for the same."""
        if assign.digest != attempt.assign.digest:
            self._reject(assign, "arguments", f"{assign.key} is under way here with other arguments")
        elif assign.fence < attempt.asked.get(assign.work, 0):
            self._reject(assign, "fenced", "it was placed again since")
        else:
            attempt.asked.pop(assign.work, None)  # whoever asked last stands last
            attempt.asked[assign.work] = assign.fence
            self._works[assign.work] = assign.key
            if attempt.began_at is not None and attempt.assign.effects != "pure":
                self._out.append(Remember(self._begun(attempt)))
            self._send(Accept(work=assign.work, fence=assign.fence, device=self._name))

    def _answered(self, kept: Record, assign: Assign, at: float) -> bool:
        """Answer from memory, if what is remembered answers this; False: it is to be done."""
        same_work, result = kept.work == assign.work, kept.result
        if same_work and kept.digest != assign.digest:
            self._reject(assign, "arguments", f"{assign.work} was asked of {self._name} before, with other arguments")
            return True
        if same_work and assign.fence < kept.fence:
            self._reject(assign, "fenced", "it was placed again since")
            return True
        if result is None:
            # It was begun, and then this device died. Where doing it again is harmless, it is done again.
            if not same_work or kept.effects in ("pure", "idempotent"):
                return False
            result = Result(work=kept.work, status="lost", effect="unknown", ended_at=at + self._hub_ahead_s)
        elif result.status == "succeeded":
            if kept.digest != assign.digest:
                return False
        elif not same_work:
            return False
        record = msgspec.structs.replace(kept, work=assign.work, fence=assign.fence, result=result)
        if record != kept:
            self._remember(record)
        self._send(msgspec.structs.replace(self._result(record, assign.work, assign.fence), remembered=True))
        return True

    def _cancelled(self, cancel: Cancel) -> None:
        key = self._works.get(cancel.work, "")
        attempt, kept = self._attempts.get(key), self._memory.of_work(cancel.work)
        if attempt is not None:
            if cancel.fence and cancel.fence < attempt.asked[cancel.work]:
                return  # about an earlier placement
            if len(attempt.asked) > 1 or attempt.began_at is None:
                fence = attempt.asked.pop(cancel.work)
                del self._works[cancel.work]
                if not attempt.asked:
                    del self._attempts[key]
                self._send(self._stopped(cancel.work, fence, "none"))
            else:
                self._stop(attempt, "cancelled", cancel.because)
        elif kept is not None:
            if cancel.forget:
                self._memory.drop(kept.key)
                self._out.append(Forget(kept.key))
            elif kept.result is not None:
                self._send(self._result(kept, cancel.work, max(kept.fence, cancel.fence)))
            else:
                self._send(self._stopped(cancel.work, max(kept.fence, cancel.fence), "unknown"))
        elif not cancel.forget:
            self._send(self._stopped(cancel.work, cancel.fence, "unknown"))

    def _desire(self, desired: Desired, at: float) -> None:
        if desired.version < self._desired:
            return
        self._desired = desired.version
        slots = self._settings.slots if desired.slots is None else min(max(1, desired.slots), self._settings.slots)
        if slots != self._slots:
            self._slots = slots
            self._send(Credit(slots=slots + self._settings.waiting))
        if desired.accepting is not None:
            self._accepting = desired.accepting
            if desired.accepting and self._leaving is None:
                self._stop_all_at = None
        if desired.drop:
            needed = self.needed
            if unneeded := tuple(digest for digest in desired.drop if digest not in needed):
                self._out.append(Drop(unneeded))
        self._fill(at)

    # -- performing -------------------------------------------------------------------------------------------

    def _fill(self, at: float) -> None:
        """Give free slots to those that wait, the highest rank first and then the longest here."""
        while self._running < self._slots:
            waiting = [one for one in self._attempts.values() if one.began_at is None]
            if not waiting:
                return
            attempt = max(waiting, key=lambda one: one.assign.rank)  # of equals, the first
            attempt.began_at = at
            self._running += 1
            assign = attempt.assign
            self._performed[assign.work] = assign.key
            outdated = self._memory.drop(assign.key)
            if assign.effects != "pure":
                self._out.append(Remember(self._begun(attempt)))
            elif outdated:
                self._out.append(Forget(assign.key))
            self._out.append(Perform(assign))

    def _begun(self, attempt: Attempt) -> Record:
        work, fence = next(reversed(attempt.asked.items()))
        assign = attempt.assign
        since = (attempt.began_at or 0.0) + self._hub_ahead_s
        return Record(assign.key, work, assign.digest, assign.effects, fence, since)

    def _progressed(self, event: AttemptProgressed) -> None:
        attempt = self._being_performed(event.work)
        if attempt is None or not self._connected:
            return  # it would only fill up what is sent again later
        for work, fence in attempt.asked.items():
            self._send(Progress(work=work, fence=fence, fraction=event.fraction, note=event.note))

    def _ended(self, event: AttemptEnded) -> None:
        attempt = self._being_performed(event.result.work)
        if attempt is None:
            return
        assign, ended_at = attempt.assign, event.at + self._hub_ahead_s
        del self._attempts[assign.key], self._performed[assign.work]
        self._running -= 1
        for work in attempt.asked:
            del self._works[work]
        result = msgspec.structs.replace(
            in_the_end(event.result, attempt),
            # What says that it did nothing was ended before it began, while its blobs were on their way.
            began_at=None if event.result.effect == "none" else (attempt.began_at or event.at) + self._hub_ahead_s,
            ended_at=ended_at,
        )
        record = msgspec.structs.replace(self._begun(attempt), since=ended_at, result=result)
        if is_an_end(result, assign):
            self._remember(record)
        elif assign.effects != "pure":
            self._out.append(Forget(assign.key))
        for work, fence in attempt.asked.items():
            self._send(self._result(record, work, fence))
        self._fill(event.at)

    def _being_performed(self, work: str) -> Attempt | None:
        """The attempt that the performer knows under this work; None: it has ended."""
        return self._attempts.get(self._performed.get(work, ""))

    def _stop(self, attempt: Attempt, cause: Cause, because: str) -> None:
        if not attempt.stopping:
            attempt.stopping = cause
            self._out.append(Stop(attempt.assign.work, because))

    # -- time -------------------------------------------------------------------------------------------------

    def _ends_of(self, attempt: Attempt) -> Iterable[tuple[float, Cause]]:
        assign = attempt.assign
        if assign.timeout_s is not None and attempt.began_at is not None:
            yield attempt.began_at + assign.timeout_s, "timeout"
        if assign.deadline is not None:
            yield assign.deadline - self._hub_ahead_s, "deadline"

    def _ticked(self, at: float) -> None:
        cause: Cause = ""
        if self._stop_all_at is not None and at >= self._stop_all_at:
            cause, self._stop_all_at = "drain", None
        elif at >= self._lease_ends_at:
            cause = "lease"
        for attempt in list(self._attempts.values()):
            why: Cause = next((one for due, one in self._ends_of(attempt) if at >= due), cause)
            if why and attempt.began_at is None:
                self._give_back(attempt, why)
            elif why:
                self._stop(attempt, why, WHY[why])
        self._fill(at)

    def _give_back(self, attempt: Attempt, cause: Cause) -> None:
        """Nothing of it was done, so whoever asked may ask another."""
        del self._attempts[attempt.assign.key]
        reason = {"drain": "draining", "deadline": "deadline"}.get(cause, "lease")
        for work, fence in attempt.asked.items():
            del self._works[work]
            again = 0.0 if reason == "lease" else None
            self._send(Reject(work=work, fence=fence, reason=reason, message=WHY[cause], retry_after_s=again))

    def _drained(self, event: DrainWanted) -> None:
        if self._leaving is None:
            self._leaving = event.because or "it was told to leave"
            self._send(Drain(because=self._leaving))
        self._stop_all_at = event.at + event.grace_s
        for attempt in list(self._attempts.values()):
            if attempt.began_at is None:
                self._give_back(attempt, "drain")

    # -- saying -----------------------------------------------------------------------------------------------

    def _remember(self, record: Record) -> None:
        self._out.append(Remember(record))
        self._out += map(Forget, self._memory.keep(record))

    def _send(self, frame: Accept | Reject | Progress | Result | Credit | Drain) -> None:
        self._out.append(Send(frame))

    def _reject(self, assign: Assign, reason: str, message: str, again_s: float | None = None) -> None:
        self._send(Reject(work=assign.work, fence=assign.fence, reason=reason, message=message, retry_after_s=again_s))

    def _result(self, record: Record, work: str, fence: int) -> Result:
        assert record.result is not None
        return msgspec.structs.replace(record.result, work=work, fence=fence, device=self._name)

    def _stopped(self, work: str, fence: int, effect: Effect) -> Result:
        return Result(work=work, fence=fence, status="stopped", effect=effect, device=self._name)
