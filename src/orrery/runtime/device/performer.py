"""ToolPerformer: performs a device's attempts in worker processes, under the rules of the device's owner."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from orrery.errors import Failure, LimitReachedError, NotAllowedError, OrreryError, ProtocolError, WorkerLostError
from orrery.fleet.messages import Assign, Progress, Reject, Result
from orrery.graph import values
from orrery.graph.task import Limits, refs_in
from orrery.graph.values import Blob, blobs_in
from orrery.journal.blobs import FileBlobs
from orrery.runtime.device.rules import DeviceRules
from orrery.runtime.executors.limits import WorkerLimits
from orrery.runtime.executors.outcome import failure_of
from orrery.runtime.executors.parcel import VALUE, growth_packed, inside, unpacked, value_of
from orrery.runtime.executors.protocol import Executor, Invocation
from orrery.scheduler.events import (
    AttemptLost,
    Event,
    TaskExpanded,
    TaskFailed,
    TaskProgressed,
    TaskStopped,
    TaskSucceeded,
    Usage,
)

Reporter = Callable[[Progress | Result], None]


class ToolPerformer:
    """Performs tools, and functions that the owner has allowed, one process for each attempt at a time.

    On Windows, where the process executor does not work, attempts run on threads: what ignores its cancellation
    cannot be stopped there, and no limits bind.

    Args:
        rules: what is performed.
        blobs: where large values are.
        slots: attempts at once.
        limits: what a worker process may use.
    """

    def __init__(self, rules: DeviceRules, blobs: FileBlobs, *, slots: int, limits: WorkerLimits) -> None:
        self._rules, self._blobs, self._slots, self._limits = rules, blobs, slots, limits
        self._works: dict[tuple[str, str, int], tuple[Assign, Reporter]] = {}
        self._keys: dict[str, tuple[str, str, int]] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._naming: set[asyncio.Task[None]] = set()

    # -- what an executor asks of its host ---------------------------------------------------------------------

    @property
    def blobs(self) -> FileBlobs:
        """Where large values go."""
        return self._blobs

    def now(self) -> float:
        """This machine's clock, in seconds since the epoch."""
        return time.time()

    def report(self, run: str, event: Event) -> None:
        """What became of an attempt; from any thread."""
        if self._on_threads:
            self._loop.call_soon_threadsafe(self._heard, run, event)
        else:
            self._heard(run, event)

    # -- what a device asks of its performer ---------------------------------------------------------------------

    async def open(self) -> None:
        """Get ready; workers are started when they are needed."""
        self._loop = asyncio.get_running_loop()
        self._executor = self._make_executor()
        await self._executor.open(self)

    def refusal(self, assign: Assign) -> Reject | None:
        """With what the owner of this device answers an Assign; None: it is done."""
        try:
            args = value_of(assign.args)
        except ProtocolError as error:
            return Reject(work=assign.work, reason="arguments", message=f"the arguments cannot be read: {error}")
        if not isinstance(args, dict):
            return Reject(work=assign.work, reason="arguments", message="the arguments are no map of names to values")
        if next(refs_in(args), None) is not None:  # to the rules it would be a value that nobody knows yet
            message = "a reference is among the arguments, and its value should be"
            return Reject(work=assign.work, reason="arguments", message=message)
        no = self._rules.objection(assign.op, args)
        return None if no is None else Reject(work=assign.work, reason=no.reason, message=no.message)

    def start(self, assign: Assign, report: Reporter) -> None:
        """Begin an attempt; its blobs are here."""
        args = values.decode(assign.args)
        if next(blobs_in(args), None) is None:
            self._begin(assign, args, report)
        else:
            self._reading[assign.work] = self._loop.create_task(self._read_and_begin(assign, report))

    def cancel(self, work: str) -> None:
        """Ask that an attempt ends; its Result confirms it."""
        if work in self._reading:
            self._reading[work].cancel()
        elif work in self._keys:
            self._executor.cancel(*self._keys[work])

    async def close(self) -> None:
        """Stop everything: workers are killed, with all that they started and that stayed in their group."""
        for task in self._reading.values():
            task.cancel()
        await asyncio.gather(*self._reading.values(), return_exceptions=True)
        await self._executor.close()
        await asyncio.gather(*self._naming, return_exceptions=True)

    # -- performing ----------------------------------------------------------------------------------------------

    def _make_executor(self) -> Executor:
        if os.name == "nt":
            from orrery.runtime.executors.thread import ThreadExecutor

            self._on_threads = True
            return ThreadExecutor(self._slots)
        from orrery.runtime.executors.process import ProcessExecutor

        self._on_threads = False
        return ProcessExecutor(self._slots, limits=self._limits)

    async def _read_and_begin(self, assign: Assign, report: Reporter) -> None:
        """Begin an attempt whose arguments lie in blobs: large values become whole, and are judged then, too."""
        result = Result(work=assign.work, status="stopped", effect="none")
        try:
            args = await asyncio.to_thread(unpacked, assign.args, self._blobs.get)
            no = self._rules.objection(assign.op, args)
            if no is not None:
                raise NotAllowedError(no.message)
        except OrreryError as error:
            result = msgspec.structs.replace(result, status="failed", failure=Failure.of(error))
        except asyncio.CancelledError:
            pass  # it was stopped before it began
        else:
            del self._reading[assign.work]
            self._begin(assign, args, report)
            return
        del self._reading[assign.work]
        report(result)

    def _begin(self, assign: Assign, args: Mapping[str, Any], report: Reporter) -> None:
        key = (assign.run, assign.task, assign.attempt)
        if key in self._works:  # another run of that name, from another client
            key = (assign.key, assign.task, assign.attempt)
        self._works[key], self._keys[assign.work] = (assign, report), key
        self._executor.start(
            Invocation(
                run=key[0],
                task=assign.task,
                attempt=assign.attempt,
                key=assign.key,
                op=assign.op,
                args=args,
                limits=Limits(timeout_s=assign.timeout_s),
                folder=str(self._rules.folder),
                effects=assign.effects,
            )
        )

    def _heard(self, run: str, event: Event) -> None:
        key = (run, event.task, event.attempt)  # type: ignore[attr-defined]
        if key not in self._works:
            return
        assign, report = self._works[key]
        if isinstance(event, TaskProgressed):
            report(Progress(work=assign.work, fraction=event.fraction, note=event.note))
            return
        del self._works[key], self._keys[assign.work]
        result = self._result(assign.work, event)
        if any(blob.media == VALUE for blob in result.blobs):
            naming = self._loop.create_task(self._name_and_report(result, report))
            self._naming.add(naming)
            naming.add_done_callback(self._naming.discard)
        else:
            report(result)

    async def _name_and_report(self, result: Result, report: Reporter) -> None:
        """Report a large value with the blobs that are in it, so that others can ask for them."""
        blobs = dict.fromkeys(result.blobs)
        try:
            for blob in result.blobs:
                blobs |= dict.fromkeys(await asyncio.to_thread(inside, blob, self._blobs))
        except OrreryError as error:
            report(msgspec.structs.replace(result, status="failed", failure=failure_of(error), blobs=(), value=b"\xc0"))
        else:
            report(msgspec.structs.replace(result, blobs=tuple(blobs)))

    def _result(self, work: str, event: Event) -> Result:
        match event:
            case TaskSucceeded():
                data = bytes(event.value)
                return _used(Result(work=work, status="succeeded", value=data, blobs=_named(data)), event.usage)
            case TaskExpanded():
                try:
                    data, blobs = growth_packed(event, self._blobs)
                except OrreryError as error:
                    return Result(work=work, status="failed", failure=failure_of(error))
                grown = Result(work=work, status="succeeded", value=data, blobs=blobs, grows=True)
                return _used(grown, event.usage)
            case TaskFailed():
                return _used(Result(work=work, status="failed", failure=self._in_words(event.failure)), event.usage)
            case TaskStopped():
                return _used(Result(work=work, status="stopped"), event.usage)
            case AttemptLost():
                lost = WorkerLostError(self._why_lost(event.because or "its worker vanished"))
                return Result(work=work, status="lost", failure=Failure.of(lost))
        raise AssertionError(f"an executor ends an attempt by {type(event).__name__}")

    def _in_words(self, failure: Failure) -> Failure:
        """A MemoryError says nothing; where it comes from a limit of ours, say so."""
        if failure.type != "MemoryError" or self._limits.memory_bytes is None:
            return failure
        most = f"{self._limits.memory_bytes / 1e6:,.0f} MB"
        error = LimitReachedError(f"it needs more than the {most} of memory that a task may use on this device")
        return msgspec.structs.replace(Failure.of(error), detail=failure.detail)

    def _why_lost(self, because: str) -> str:
        if because.endswith("signal 9"):
            return f"{because}: it was killed from outside, perhaps for want of memory"
        return because


def _named(data: bytes) -> tuple[Blob, ...]:
    """The blobs in an encoded value."""
    return tuple(dict.fromkeys(blobs_in(values.decode(data)))) if b"\x02" in data else ()


def _used(result: Result, usage: Usage | None) -> Result:
    if usage is None:
        return result
    return msgspec.structs.replace(result, money=usage.money, tokens=usage.tokens, cpu_s=usage.cpu_s)
