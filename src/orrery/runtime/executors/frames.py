"""What an invocation is as a frame to the hub of a fleet, and what the hub's frames are as events of a run."""

from __future__ import annotations

import hashlib

import msgspec

from orrery.errors import Failure, NoDeviceError, NotAllowedError
from orrery.fleet.messages import ANYWHERE, Accept, Assign, Reject, Result, Source
from orrery.graph.place import Place
from orrery.runtime.executors.protocol import Invocation
from orrery.scheduler.events import AttemptLost, TaskFailed, TaskSucceeded, Usage


def work_of(invocation: Invocation) -> str:
    """What an attempt is called in the whole fleet."""
    return f"{_key(invocation)}#{invocation.attempt}"


def _key(invocation: Invocation) -> str:
    return f"{invocation.run}@{invocation.run_started_at:.3f}/{invocation.task}"


def assign_of(invocation: Invocation, data: bytes, *, hub_now: float | None, sources: tuple[Source, ...]) -> Assign:
    """The frame that asks for an attempt.

    Args:
        data: the encoded arguments.
        hub_now: the hub's clock; None: it is not known, and the attempt has no deadline there.
        sources: where the blobs among the arguments can be had.
    """
    timeout_s = invocation.limits.timeout_s
    return Assign(
        work=work_of(invocation),
        key=_key(invocation),
        run=invocation.run,
        task=invocation.task,
        attempt=invocation.attempt,
        op=invocation.op,
        args=data,
        digest=hashlib.sha256(invocation.op.encode() + b"\0" + data).hexdigest(),
        effects=invocation.effects,
        place=invocation.place or Place(),
        rank=invocation.rank,
        seconds=invocation.seconds,
        timeout_s=timeout_s,
        deadline=None if timeout_s is None or hub_now is None else hub_now + timeout_s,
        sources=sources,
        seen_on=ANYWHERE if invocation.outlived else "",
        known_only=invocation.outlived,
    )


def where(accepted: Accept) -> str:
    """Where an attempt is, and why there, for people."""
    why = f": {accepted.because}" if accepted.because else ""
    return f"on {accepted.device}{why}" if accepted.device else f"waiting for a device{why}"


def success_of(result: Result, invocation: Invocation, now: float, began_at: float | None) -> TaskSucceeded:
    """The event of an attempt whose value is in the frame.

    Args:
        now: the run's clock; `began_at` is by it, too.
    """
    value = msgspec.Raw(result.value)
    return TaskSucceeded(now, invocation.task, invocation.attempt, value, usage_of(result), began_at, result.device)


def end_of(result: Result, invocation: Invocation, now: float, began_at: float | None) -> TaskFailed | AttemptLost:
    """The event of an attempt that brought no value, and was not stopped by the run; times as of one that did."""
    task, attempt = invocation.task, invocation.attempt
    if result.status == "failed":
        failure = result.failure or Failure("Exception", "it failed, and did not say why")
        if failure.code in ("timeout", "deadline"):
            failure = _timed_out(failure, invocation, result)
        return TaskFailed(now, task, attempt, failure, usage_of(result), began_at, result.device)
    who = result.device or "the fleet"
    said = result.failure.message if result.failure is not None else "it vanished"
    because = f"{who}: {said}" if result.status == "lost" else f"{who} stopped it"
    # A pure attempt that began has no effect either; but it counts, or one that kills its worker would have no end.
    nothing_done = result.effect == "none" and result.began_at is None
    return AttemptLost(now, task, attempt, because, nothing_done=nothing_done)


def usage_of(result: Result) -> Usage | None:
    """What an attempt took; None: nothing, or it is not said."""
    if not (result.money or result.tokens or result.cpu_s):
        return None
    # Less than nothing would let the run spend more than its budget.
    return Usage(max(0.0, result.money), result.tokens, max(0.0, result.cpu_s))


def _timed_out(failure: Failure, invocation: Invocation, result: Result) -> Failure:
    """The same failure as when the run's own clock says it first, whether the hub said it or the device."""
    is_open = invocation.effects == "once" and result.effect != "none"
    return Failure(
        "TimeoutError", failure.message, code="timeout", severity="effect-unknown" if is_open else "transient"
    )


def refusal_of(reject: Reject) -> Failure:
    """What a task fails by that nobody takes."""
    message = reject.message or f"no device takes it: {reject.reason}"
    if reject.reason == "deadline":
        return Failure("TimeoutError", message, code="timeout")
    return Failure.of(NotAllowedError(message) if reject.reason == "not-allowed" else NoDeviceError(message))
