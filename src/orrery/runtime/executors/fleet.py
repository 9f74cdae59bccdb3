"""FleetExecutor: attempts on the devices of a fleet, by a hub; where there is no hub, on threads of this machine.

The run's journal stays the truth. A result counts only when its blobs are in the run's store, and whoever holds it for
us is told to forget it only when the event that has it is durable: a driver that dies in between asks again under the
same key after it was resumed, and is answered from the device's memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from orrery.errors import (
    ArgumentError,
    ConnectionLostError,
    Failure,
    OrreryError,
    ProtocolError,
)
from orrery.fleet.client import Answer, HubClient
from orrery.fleet.hubs import HubAddress
from orrery.fleet.messages import Accept, Progress, Reject, Result
from orrery.graph import values
from orrery.graph.values import Blob, blobs_in
from orrery.runtime.executors import outcome
from orrery.runtime.executors.confined import confined
from orrery.runtime.executors.frames import assign_of, end_of, refusal_of, success_of, usage_of, where, work_of
from orrery.runtime.executors.outcome import INLINE_BYTES, AttemptKey, key_of, stopped
from orrery.runtime.executors.parcel import growth_unpacked, packed, value_of
from orrery.runtime.executors.protocol import Host, Invocation
from orrery.runtime.executors.thread import ThreadExecutor
from orrery.scheduler.codec import check_can_be_written
from orrery.scheduler.events import AttemptLost, Event, TaskFailed, TaskProgressed

CAPACITY = 10_000
"""Attempts at once: the hub has the queue, and orders it by rank, so it should see all that is ready."""
MOST_NOTES = 100
"""Attempts of which each gets a note of its own when the hub is lost and found."""


@runtime_checkable
class _Durable(Protocol):
    """A host that tells what has become durable, as a driver does; for any other, what it was told is kept."""

    observers: list[Callable[[str, Sequence[Event]], None]]


class _Attempt:
    """An attempt that has not ended."""

    __slots__ = ("cancelled", "device", "invocation", "task", "work")

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.work = work_of(invocation)
        self.device = ""
        self.cancelled = False
        self.task: asyncio.Task[None] | None = None  # packing and sending it, or fetching its result


class FleetExecutor:
    """Runs attempts on the devices of a fleet. The hub is reached when the first attempt is started.

    Args:
        hub: where it is, and a client's token; None: there is none, and attempts run on this machine.
        problem: why nobody knows which hub to use; what is started fails by it.
        grace_s: how long `close` waits for cancelled attempts to end.
        patience_s: how long the hub may take to be reached at first.
    """

    def __init__(
        self,
        hub: HubAddress | None = None,
        *,
        problem: OrreryError | None = None,
        grace_s: float = 5.0,
        patience_s: float = 15.0,
    ) -> None:
        self._hub, self._problem, self._grace_s, self._patience_s = hub, problem, grace_s, patience_s
        self._here = ThreadExecutor() if hub is None and problem is None else None
        self._client: HubClient | None = None
        self._connecting: asyncio.Task[HubClient] | None = None
        # Whoever takes an attempt out of the table reports its end, so there is exactly one.
        self._attempts: dict[AttemptKey, _Attempt] = {}
        self._unforgotten: dict[AttemptKey, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._all_ended = asyncio.Event()
        self._is_down = False

    @property
    def capacity(self) -> int:
        """How many attempts it can run at once."""
        return CAPACITY if self._here is None else self._here.capacity

    @property
    def takes_blobs(self) -> bool:
        """Whether large results among the arguments are to stay blobs."""
        return self._here is None

    @property
    def outlives_driver(self) -> bool:
        """Whether another process can be told what became of what this one started."""
        return self._here is None

    @property
    def client(self) -> HubClient | None:
        """The conversation with the hub, once there is one."""
        return self._client

    async def open(self, host: Host) -> None:
        """Get ready; nothing is started before this."""
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._forgets_late = isinstance(host, _Durable)
        if isinstance(host, _Durable):
            host.observers.append(self._recorded)
        if self._here is not None:
            await self._here.open(host)

    def start(self, invocation: Invocation) -> None:
        """Begin an attempt and return at once."""
        if self._here is not None:
            self._here.start(invocation)
            return
        attempt = self._attempts[key_of(invocation)] = _Attempt(invocation)
        try:
            _check_mate(invocation)
            data = values.encode(dict(invocation.args))
            client = self._client
            blobs = tuple(dict.fromkeys(blobs_in(dict(invocation.args))))
            if client is not None and client.refused is None and not blobs and len(data) <= INLINE_BYTES:
                self._submit(client, attempt, data, blobs)
            else:
                self._do(attempt, self._send(attempt))
        except OrreryError as error:
            self._fail(attempt, error)

    def cancel(self, run: str, task: str, attempt: int) -> None:
        """Ask that an attempt ends; it is confirmed by its final event. Unknown attempts are ignored."""
        if self._here is not None:
            self._here.cancel(run, task, attempt)
            return
        asked = self._attempts.get((run, task, attempt))
        if asked is None or asked.cancelled:
            return
        asked.cancelled = True
        if self._client is not None and self._client.is_open(asked.work):
            self._client.cancel(asked.work, "the run wants it to end")
        elif asked.task is not None:  # nobody was asked yet, or what is left to do is fetching what nobody wants
            asked.task.cancel()
            self._finish(asked, stopped(key_of(asked.invocation), self._host))

    async def close(self) -> None:
        """Stop everything; attempts that are not confirmed within `grace_s` count as lost."""
        if self._here is not None:
            await self._here.close()
            return
        for key in list(self._attempts):
            self.cancel(*key)
        if self._attempts and self._client is not None and self._client.is_up:
            self._all_ended.clear()
            try:
                async with asyncio.timeout(self._grace_s):
                    await self._all_ended.wait()
            except TimeoutError:
                pass  # what follows says of each that nobody knows
        for attempt in list(self._attempts.values()):
            key = key_of(attempt.invocation)
            because = "the hub did not confirm its end before the run was left"
            self._finish(attempt, AttemptLost(self._host.now(), key[1], key[2], because))
        tasks = [*self._tasks, *([] if self._connecting is None else [self._connecting])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()

    def _do(self, attempt: _Attempt, work: Coroutine[Any, Any, None]) -> None:
        """Do something for an attempt that takes a while."""
        attempt.task = task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- asking ---------------------------------------------------------------------------------------------------

    async def _send(self, attempt: _Attempt) -> None:
        """Pack the arguments off the loop, and submit when the hub is reached."""
        try:
            client = await self._connected()
            data, blobs = await asyncio.to_thread(packed, attempt.invocation.args, self._host.blobs)
            attempt.task = None
            self._submit(client, attempt, data, blobs)
        except Exception as error:  # noqa: BLE001 - whatever it is, the attempt has to end
            self._fail(attempt, error)

    async def _connected(self) -> HubClient:
        """The client, once the hub is reached. Raises what HubClient.open raises."""
        if self._problem is not None:
            raise self._problem
        if self._client is not None and self._client.refused is None:
            return self._client
        if self._connecting is None:
            self._connecting = self._loop.create_task(self._connect())
            self._connecting.add_done_callback(self._has_connected)
        return await asyncio.shield(self._connecting)

    def _has_connected(self, _task: asyncio.Task[HubClient]) -> None:
        self._connecting = None

    async def _connect(self) -> HubClient:
        assert self._hub is not None
        client = HubClient(
            self._hub.url,
            self._hub.token,
            patience_s=self._patience_s,
            on_down=self._went_down,
            on_up=self._came_up,
        )
        try:
            await client.open()
        except ConnectionLostError as error:
            raise ConnectionLostError(f"{error} It is named by {self._hub.said_by}.") from None
        self._client = client
        return client

    def _submit(self, client: HubClient, attempt: _Attempt, data: bytes, blobs: Iterable[Blob]) -> None:
        sources = client.offer(blobs, self._host.blobs)
        assign = assign_of(attempt.invocation, data, hub_now=client.hub_now(), sources=sources)
        client.submit(assign, lambda answer: self._heard(attempt, answer))

    # -- hearing --------------------------------------------------------------------------------------------------

    def _heard(self, attempt: _Attempt, answer: Answer) -> None:
        match answer:
            case Accept():
                attempt.device = answer.device
                self._note(attempt, None, where(answer))
            case Progress():
                self._note(attempt, answer.fraction, answer.note or (f"on {attempt.device}" if attempt.device else ""))
            case Reject():
                self._finish(attempt, self._failed(attempt, refusal_of(answer)))
            case Result(status="succeeded"):
                attempt.device = answer.device
                try:
                    blobs = tuple(dict.fromkeys((*answer.blobs, *blobs_in(value_of(answer.value)))))
                except ProtocolError as error:
                    self._fail(attempt, ProtocolError(f"the result from {answer.device} cannot be read: {error}"))
                    return
                if blobs or answer.grows:
                    self._do(attempt, self._take(attempt, answer, blobs))
                else:
                    self._succeed(attempt, answer)
            case Result():
                attempt.device = answer.device
                self._finish(attempt, self._ended(attempt, answer))

    async def _take(self, attempt: _Attempt, result: Result, blobs: Sequence[Blob]) -> None:
        """Copy what a result consists of into the run's store; only then it counts."""
        client = self._client
        assert client is not None
        try:
            for blob in blobs:
                await client.fetch(blob, self._host.blobs)
            if not result.grows:
                self._succeed(attempt, result)
                return
            grown = await asyncio.to_thread(growth_unpacked, result.value, self._host.blobs.get)
        except ProtocolError as error:
            self._fail(attempt, error)
        except OrreryError as error:
            # It was done, and what came of it is out of reach: whoever asks again under the key may still get it.
            key, because = key_of(attempt.invocation), f"its result could not be had: {error}"
            self._finish(attempt, AttemptLost(self._host.now(), key[1], key[2], because))
        except Exception as error:  # noqa: BLE001 - whatever it is, the attempt has to end
            self._fail(attempt, error)
        else:
            key = key_of(attempt.invocation)
            event = msgspec.structs.replace(
                grown, at=self._host.now(), task=key[1], attempt=key[2], usage=usage_of(result)
            )
            try:
                event = confined(event, key[1], result.device)
                check_can_be_written(event)
            except OrreryError as error:
                self._fail(attempt, error)
            else:
                self._finish(attempt, event)

    def _succeed(self, attempt: _Attempt, result: Result) -> None:
        self._finish(attempt, success_of(result, attempt.invocation, self._host.now(), self._began_at(result)))

    def _ended(self, attempt: _Attempt, result: Result) -> Event:
        """The event of an attempt that brought no value."""
        if result.status == "stopped" and attempt.cancelled:
            return stopped(key_of(attempt.invocation), self._host, usage_of(result))
        return end_of(result, attempt.invocation, self._host.now(), self._began_at(result))

    def _began_at(self, result: Result) -> float | None:
        """When it began, by the run's clock."""
        hub_now = self._client.hub_now() if self._client is not None else None
        if result.began_at is None or hub_now is None:
            return None
        return self._host.now() - max(0.0, hub_now - result.began_at)

    # -- ends -----------------------------------------------------------------------------------------------------

    def _fail(self, attempt: _Attempt, error: Exception) -> None:
        self._finish(attempt, self._failed(attempt, outcome.failure_of(error)))

    def _failed(self, attempt: _Attempt, failure: Failure) -> Event:
        key = key_of(attempt.invocation)
        if attempt.cancelled:
            return stopped(key, self._host)
        if attempt.invocation.outlived:  # it was begun before, and nobody could be asked what became of it
            return AttemptLost(self._host.now(), key[1], key[2], failure.message)
        return TaskFailed(self._host.now(), key[1], key[2], failure)

    def _finish(self, attempt: _Attempt, event: Event) -> None:
        key = key_of(attempt.invocation)
        if self._attempts.get(key) is not attempt:
            return
        del self._attempts[key]
        if not isinstance(event, AttemptLost):  # what may be asked for again is better remembered
            self._unforgotten[key] = attempt.work
        self._host.report(key[0], event)
        if not self._forgets_late and key in self._unforgotten:
            self._forget(key)
        if not self._attempts:
            self._all_ended.set()

    def _recorded(self, run: str, events: Sequence[Event]) -> None:
        """Events are durable: what they tell of need not be remembered by anybody else."""
        for event in events:
            if self._unforgotten and type(event) is not TaskProgressed:
                task, attempt = getattr(event, "task", None), getattr(event, "attempt", None)
                if task is not None and attempt is not None and (run, task, attempt) in self._unforgotten:
                    self._forget((run, task, attempt))

    def _forget(self, key: AttemptKey) -> None:
        work = self._unforgotten.pop(key)
        if self._client is not None:
            self._client.forget(work)

    # -- telling --------------------------------------------------------------------------------------------------

    def _note(self, attempt: _Attempt, fraction: float | None, note: str) -> None:
        key = key_of(attempt.invocation)
        if self._attempts.get(key) is attempt:
            self._host.report(key[0], TaskProgressed(self._host.now(), key[1], key[2], fraction, note, attempt.device))

    def _went_down(self, because: str) -> None:
        if not self._is_down:
            self._is_down = True
            for attempt in list(self._attempts.values())[:MOST_NOTES]:
                self._note(attempt, None, f"the hub is away, waiting for it ({because})")

    def _came_up(self) -> None:
        if self._is_down:
            self._is_down = False
            for attempt in list(self._attempts.values())[:MOST_NOTES]:
                self._note(attempt, None, f"on {attempt.device}" if attempt.device else "waiting for a device")


def _check_mate(invocation: Invocation) -> None:
    """Whether the task that this one is to be beside ran on a device at all. Raises ArgumentError."""
    place = invocation.place
    if place is not None and place.beside is not None:
        raise ArgumentError(f"it is to run beside {place.beside.task!r}, which ran on this machine and on no device")


__all__ = ["FleetExecutor"]
