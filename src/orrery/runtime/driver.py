"""Driver: the only loop. It feeds the scheduler and carries out what it says, in real time.

A turn: drain the inbox, let the scheduler decide, make the log durable, then start and cancel. Nothing
starts before the events that made it ready are durable. Turns are callbacks on the event loop, not a
task that waits, which saves a wake-up for every task of a chain. While a commit is under way events
gather, and the next turn takes them all: that is the group commit.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import msgspec

from orrery.errors import Failure, GrowthLimitError, OrreryError, ResultNotKeptError, UnknownNameError
from orrery.graph.nest import expanded
from orrery.graph.place import Place
from orrery.graph.ref import Ref
from orrery.graph.values import Blob, decode
from orrery.journal.blobs import BlobStore
from orrery.journal.protocol import Journal, Lease
from orrery.runtime.executors.protocol import Executor, Invocation
from orrery.runtime.requests import event_of
from orrery.scheduler.commands import StartTask
from orrery.scheduler.events import Event, TaskExpanded, TaskFailed, TimeReached
from orrery.scheduler.machine import Machine
from orrery.scheduler.scheduler import Scheduler, Turn
from orrery.scheduler.snapshot import freeze

log = logging.getLogger("orrery")

MAILBOX_EVERY_S = 0.25
"""How often other processes' requests are looked for. The look is one pragma while there are none."""

FIRST_SNAPSHOT = 100_000
"""Events after which a first snapshot is taken; a shorter log is folded in a second or two."""

Observer = Callable[[str, Sequence[Event]], None]
"""Told of every run's events once they are durable; called on the loop, so it must be quick."""


def steady_clock() -> Callable[[], float]:
    """Seconds since the epoch that never go back: the wall clock read once, then the monotonic one."""
    monotonic = time.monotonic
    offset = time.time() - monotonic()
    return lambda: offset + monotonic()


class _Drive:
    """One run being driven."""

    __slots__ = ("ended", "folder", "lease", "machine", "snapshot_at")

    def __init__(self, machine: Machine, lease: Lease, folder: str, ended: asyncio.Future[None]) -> None:
        self.machine, self.lease, self.folder, self.ended = machine, lease, folder, ended
        self.snapshot_at = max(FIRST_SNAPSHOT, 2 * machine.seq)


class Driver:
    """Drives any number of runs over shared executors. Made and used inside a running event loop.

    Args:
        journal: where every event is written before it has consequences.
        executors: by the name that tasks use in `executor`.
        resources: capacity of the resources that tasks name in their limits.
    """

    def __init__(
        self,
        journal: Journal,
        executors: Mapping[str, Executor],
        *,
        resources: Mapping[str, int] | None = None,
    ) -> None:
        self.journal = journal
        self.executors = dict(executors)
        capacity = {name: executor.capacity for name, executor in self.executors.items()}
        self.scheduler = Scheduler({**capacity, **(resources or {})})
        self.now = steady_clock()
        self.observers: list[Observer] = []
        self._runs: dict[str, _Drive] = {}
        self._inbox: deque[tuple[str, Event]] = deque()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._context = contextvars.copy_context()
        self._awake = False
        self._commit: Future[None] | None = None
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due: float | None = None
        self._mailbox: asyncio.TimerHandle | None = None
        self._broken: BaseException | None = None
        self._unkept: Failure | None = None

    @property
    def blobs(self) -> BlobStore:
        """Where large values go."""
        return self.journal.blobs

    async def open(self) -> None:
        """Open the executors."""
        for executor in self.executors.values():
            await executor.open(self)
        self._mailbox = self._loop.call_later(MAILBOX_EVERY_S, self._read_mailbox)

    async def close(self) -> None:
        """Stop what runs, keep what it still answered, and close. Runs that have not ended can be resumed."""
        self._closing = True
        for handle in (self._timer, self._mailbox):
            if handle is not None:
                handle.cancel()
        for executor in reversed(self.executors.values()):
            await executor.close()
        while self._commit is not None or (self._inbox and self._broken is None):
            if self._commit is None:
                self._turn()
            else:
                await asyncio.wait([asyncio.wrap_future(self._commit)])
            await asyncio.sleep(0)  # the loop calls `_committed`
        for run in list(self._runs):
            self._dismiss(run)

    # -- runs -----------------------------------------------------------------------------------------

    def drive(self, machine: Machine, lease: Lease, folder: str, first: Sequence[Event]) -> asyncio.Future[None]:
        """Take a run over: its machine, folded so far, and the events with which it goes on.

        Returns: a future that is done when the run has ended and its last event is durable; it fails with the
            error of the store if the run cannot go on.
        """
        if self._broken is not None:
            raise self._broken
        ended: asyncio.Future[None] = self._loop.create_future()
        self.scheduler.admit(machine)
        self._runs[machine.run] = _Drive(machine, lease, folder, ended)
        for record in list(machine.in_flight.values()):
            for attempt in record.live:
                self._start(StartTask(machine.run, record.task, attempt, record.rank), outlived=True)
        for event in first:
            self.report(machine.run, event)
        return ended

    def report(self, run: str, event: Event) -> None:
        """Hand over what happened to a run. May be called from any thread; never blocks."""
        self._inbox.append((run, event))
        if type(event) is TaskFailed and event.failure.code == ResultNotKeptError.code:
            self._unkept = event.failure
        if self._awake:
            return
        self._awake = True
        # In the driver's own context: what a task sets in its context variables is its own.
        if threading.get_ident() != self._thread:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._turn, context=self._context)
        elif self._is_alone(run):
            self._context.run(self._turn)
        else:
            self._loop.call_soon(self._turn, context=self._context)

    def _is_alone(self, run: str) -> bool:
        """Whether one attempt is all there is, so that waiting for others to share its commit is in vain."""
        return len(self._runs) == 1 and run in self._runs and len(self._runs[run].machine.in_flight) == 1

    @property
    def outliving(self) -> tuple[str, ...]:
        """The executors that still know, after the death of a driver, what it gave them."""
        return tuple(name for name, one in self.executors.items() if getattr(one, "outlives_driver", False))

    def machine(self, run: str) -> Machine:
        """The state of a run that is being driven."""
        return self._runs[run].machine

    # -- the turn -------------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._awake = True
        if self._commit is None and self._broken is None:
            self._take_turn()
        self._awake = False  # what was reported during the turn did not wake it again
        if self._inbox and self._commit is None and self._broken is None:
            self._awake = True
            self._loop.call_soon(self._turn, context=self._context)

    def _take_turn(self) -> None:
        if self._unkept is not None:
            self._break(ResultNotKeptError(self._unkept.message))
            return
        now = self.now()
        inbox = self._inbox
        arrived = [inbox.popleft() for _ in range(len(inbox))]
        if self._timer_due is not None and self._timer_due <= now:
            arrived.extend((run, TimeReached(now)) for run, drive in self._runs.items() if _is_due(drive.machine, now))
        try:
            turn = self.scheduler.turn(arrived, now, start=not self._closing)
            commit = self._append(turn)
            if commit is None:
                self._carry_out(turn)
            else:
                self._commit = commit
                commit.add_done_callback(lambda done: self._call(self._committed, turn, done))
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits for a run must hear of it
            self._break(error)

    def _call(self, function: Callable[..., None], *args: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *args, context=self._context)

    def _append(self, turn: Turn) -> Future[None] | None:
        if not turn.log:
            return None
        return self.journal.append([(self._runs[run].lease, events) for run, events in turn.log.items()])

    def _committed(self, turn: Turn, commit: Future[None]) -> None:
        self._commit, self._awake = None, True
        try:
            commit.result()
            self._carry_out(turn)
        except Exception as error:  # noqa: BLE001 - as in a turn
            self._break(error)
            return
        self._turn()

    def _carry_out(self, turn: Turn) -> None:
        for cancel in turn.cancels:
            executor = self.executors.get(cancel.executor)
            if executor is not None:
                executor.cancel(cancel.run, cancel.task, cancel.attempt)
        for start in turn.starts:
            self._start(start)
        for run, events in turn.log.items():
            for observer in self.observers:
                self._tell(observer, run, events)
            drive = self._runs[run]
            machine = drive.machine
            machine.seq += len(events)
            if machine.state != "running":
                self._dismiss(run)
            elif machine.seq >= drive.snapshot_at:
                self._snapshot(drive)
        if not self._closing:
            self._set_timer()

    def _tell(self, observer: Observer, run: str, events: Sequence[Event]) -> None:
        try:
            observer(run, events)
        except Exception:  # who only listens must not stop what is listened to
            log.exception("an observer of run %r failed; the run goes on", run)

    def _snapshot(self, drive: _Drive) -> None:
        # At every doubling, so that all snapshots of a run together cost in proportion to its log.
        machine = drive.machine
        drive.snapshot_at = 2 * machine.seq
        self.journal.save_snapshot(drive.lease, machine.seq, freeze(machine))

    def _dismiss(self, run: str) -> None:
        drive = self._runs.pop(run)
        self.scheduler.dismiss(run)
        self.journal.release(drive.lease)
        if not drive.ended.done():
            drive.ended.set_result(None)

    def _break(self, error: BaseException) -> None:
        """The store failed, or we did: no decision may be carried out any more. The runs can be resumed."""
        self._broken = error
        for drive in self._runs.values():
            if not drive.ended.done():
                drive.ended.set_exception(error)

    def _set_timer(self) -> None:
        due = self.scheduler.next_due()
        if due == self._timer_due and (due is None or due > self.now()):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        self._timer = None
        if due is not None:
            self._timer = self._loop.call_later(max(0.0, due - self.now()), self._on_timer)

    def _on_timer(self) -> None:
        if not self._awake:
            self._turn()

    def _read_mailbox(self) -> None:
        self._mailbox = self._loop.call_later(MAILBOX_EVERY_S, self._read_mailbox)
        try:
            for run, drive in list(self._runs.items()):  # a request may end its run at once
                for request in self.journal.collect(drive.lease):
                    event = event_of(request, at=self.now())
                    if event is None:
                        log.warning(
                            "run %r was asked for something that this version cannot read: %s", run, request.kind
                        )
                    else:
                        self.report(run, event)
        except OrreryError as error:
            self._break(error)

    # -- starting -------------------------------------------------------------------------------------

    def _start(self, start: StartTask, *, outlived: bool = False) -> None:
        task = start.task
        drive = self._runs[start.run]
        try:
            if task.each is not None:
                self.report(start.run, self._expand(drive, start))
                return
            executor = self._executor(task.executor)
            args = task.args
            if args:
                take = self._light_argument if getattr(executor, "takes_blobs", False) else self._argument
                args = {name: take(drive, value) for name, value in args.items()}
            executor.start(
                Invocation(
                    start.run,
                    task.id,
                    start.attempt,
                    f"{start.run}/{task.id}",
                    task.op,
                    args,
                    task.limits,
                    drive.folder,
                    task.effects.kind,
                    None if task.place is None else self._settled(drive, task.place),
                    start.rank,
                    task.estimate.seconds,
                    drive.machine.started_at,
                    outlived,
                )
            )
        except Exception as error:  # noqa: BLE001 - what cannot be started fails by itself, not with every other run
            failure = msgspec.structs.replace(Failure.of(error), severity="permanent")
            self.report(start.run, TaskFailed(self.now(), task.id, start.attempt, failure))

    def _executor(self, name: str) -> Executor:
        executor = self.executors.get(name)
        if executor is None:
            raise UnknownNameError("executor", name, self.executors)
        return executor

    def _settled(self, drive: _Drive, place: Place) -> Place:
        """The place with names of devices where references were."""
        records = drive.machine.records
        return place.settled(
            lambda value: self._argument(drive, value),
            lambda task: records[task].where if task in records else "",
        )

    def _argument(self, drive: _Drive, value: Any) -> Any:
        kind = type(value)
        if kind is str or kind is int or kind is float or kind is bool or value is None:
            return value
        if kind is Ref:
            return drive.machine.results.look_up(value, self._load)
        filled = drive.machine.results.fill(value, self._load)
        # A literal that is handed out as it is would let a task change the graph.
        return copy.deepcopy(value) if filled is value else filled

    def _light_argument(self, drive: _Drive, value: Any) -> Any:
        """As `_argument`, with large results as the blobs that they are."""
        kind = type(value)
        if kind is Ref:
            blob = drive.machine.results.blob_of(value)
            return self._argument(drive, value) if blob is None else blob
        if kind is list or kind is tuple:
            return [self._light_argument(drive, item) for item in value]
        if kind is dict:
            return {key: self._light_argument(drive, item) for key, item in value.items()}
        return self._argument(drive, value)

    def _load(self, blob: Blob) -> Any:
        return decode(self.blobs.get(blob))

    def _expand(self, drive: _Drive, start: StartTask) -> Event:
        """A task with for-each becomes one child per item."""
        task = start.task
        each = task.each
        assert each is not None
        items = drive.machine.results.fill(each.over, self._load)
        if isinstance(items, dict) and all(type(key) in (str, int) for key in items):
            count: int | list[str | int] = list(items)
        elif isinstance(items, list | tuple):
            count = len(items)
        else:
            failure = Failure(
                "TypeError",
                f"for-each needs a list, or a map with text or whole numbers as keys, not {items!r:.80}",
                severity="permanent",
            )
            return TaskFailed(self.now(), task.id, start.attempt, failure)
        width, cap = len(items), drive.machine.options.caps.width
        if width > cap:  # known before a single child is made
            why = f"for-each over {width:,} items is wider than the cap of {cap:,} tasks added at once"
            failure = Failure("GrowthLimitError", why, code=GrowthLimitError.code, severity="permanent")
            return TaskFailed(self.now(), task.id, start.attempt, failure)
        explicit = drive.machine.graph.explicit.get(task.id, {}).values()
        patch, result = expanded(task, count, incoming=explicit)
        return TaskExpanded(self.now(), task.id, start.attempt, patch, result, each.accept_errors)


def _is_due(machine: Machine, now: float) -> bool:
    due = machine.next_due()
    return due is not None and due <= now
