"""LiveView: what a planner sees of the run that it plans, as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from orrery.errors import PatchRefused
from orrery.graph import Edit, LiveGraph, Patch, Ref, SetOutputs, TaskId
from orrery.graph.values import Blob, decode
from orrery.planners.protocol import own_name
from orrery.runtime.context import Context
from orrery.runtime.executors.protocol import Host, Invocation
from orrery.scheduler.codec import check_can_be_written
from orrery.scheduler.events import EditClosed, EditOpened, Event, GraphPatched, PatchRejected
from orrery.scheduler.machine import Machine
from orrery.scheduler.states import ENDED, State

_GOING_ON = frozenset({State.READY, State.RUNNING, State.STOPPING, State.RETRYING, State.ASKING})
"""States that end by themselves; a task in any other one waits for one of these."""
_setting: WeakKeyDictionary[Machine, asyncio.Lock] = WeakKeyDictionary()
"""Who sets outputs of a run: one planner after the other, since each keeps those that the others have set."""


class LiveView(Context):
    """The context of a planning task. Used on the driver's own loop only.

    Args:
        invocation: the attempt to plan.
        host: where patches are reported.
        machine: the state of the run; it is read, never changed.
        idle: the run's planning tasks that wait for something to happen.
    """

    __slots__ = ("_edits", "_ended", "_idle", "_machine", "_offered", "_stirred", "is_waiting")

    def __init__(
        self, invocation: Invocation, host: Host, machine: Machine, idle: Callable[[str], set[TaskId]]
    ) -> None:
        super().__init__(invocation, host)
        self._machine, self._idle = machine, idle
        self._ended = {task: None for task, record in machine.records.items() if record.state in ENDED}
        self._offered: tuple[Patch, asyncio.Future[None]] | None = None
        self._stirred = asyncio.Event()
        self._edits = 0
        self.is_waiting = False

    # -- seeing ---------------------------------------------------------------------------------------

    @property
    def graph(self) -> LiveGraph:
        """The graph as it is now, for reading."""
        return self._machine.graph

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The outputs that this planner has set, by its own names for them. The run may have others besides."""
        mine = own_name(self.task, "", mark=".")
        outputs = self._machine.graph.outputs
        return {name.removeprefix(mine): value for name, value in outputs.items() if name.startswith(mine)}

    def state(self, task: TaskId) -> State | None:
        """Where a task stands; None if there is none of that name."""
        record = self._machine.records.get(task)
        return record.state if record is not None else None

    def value(self, ref: Ref) -> Any:
        """What a reference stands for: a result, a `Failure`, or None where its task has no result.

        Raises LookupError if the path leads nowhere.
        """
        return self._machine.results.look_up(ref, self._load)

    def _load(self, blob: Blob) -> Any:
        return decode(self._host.blobs.get(blob))

    async def changed(self) -> Sequence[TaskId]:
        """Wait until tasks have ended, and return all that ended since the last call, in order of their addition.

        The first call returns those that had ended before. Empty where nothing can end any more without a patch.
        """
        while not self._ended:
            self.is_waiting = True
            try:
                if not self._something_goes_on():
                    return ()
                self._stirred.clear()
                await self._stirred.wait()
            finally:
                self.is_waiting = False
        records = self._machine.records
        ended = [task for task in self._ended if task in records]
        self._ended.clear()
        return sorted(ended, key=lambda task: records[task].order)

    def _something_goes_on(self) -> bool:
        idle = self._idle(self.run)
        if any(task not in idle for task in self._machine.in_flight):
            return True
        records = self._machine.records.items()
        return any(record.state in _GOING_ON and task not in idle for task, record in records)

    def take(self, events: Sequence[Event]) -> None:
        """Hear what has become durable."""
        for event in events:
            if isinstance(event, GraphPatched | PatchRejected):
                self._decided(event)
            task = getattr(event, "task", None)
            while task is not None:
                record = self._machine.records.get(task)
                if record is None or record.state not in ENDED:
                    break
                self._ended[task] = None
                task = record.parent  # which may have ended with it
        self._stirred.set()

    # -- changing -------------------------------------------------------------------------------------

    async def apply(self, patch: Patch) -> None:
        """Change the graph, and return when the change is durable.

        Raises:
            PatchRefused: the scheduler refused it whole.
            NotSerialisableError: a value in it cannot be written to the journal.
        """
        if not any(isinstance(edit, SetOutputs) for edit in patch.edits):
            await self._offer(patch)
            return
        async with _setting.setdefault(self._machine, asyncio.Lock()):
            await self._offer(msgspec.structs.replace(patch, edits=tuple(map(self._beside, patch.edits))))

    def _beside(self, edit: Edit) -> Edit:
        """An edit of the outputs as one that leaves those of others as they are."""
        if not isinstance(edit, SetOutputs):
            return edit
        mine = own_name(self.task, "", mark=".")
        return SetOutputs({**self.graph.outputs, **{f"{mine}{name}": value for name, value in edit.outputs.items()}})

    async def _offer(self, patch: Patch) -> None:
        patch = msgspec.structs.replace(patch, by=patch.by or self.task)
        event = GraphPatched(self._host.now(), patch)
        check_can_be_written(event)  # in the journal it would stop the driver
        decided: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._offered = patch, decided
        self._host.report(self.run, event)
        await decided

    def _decided(self, event: GraphPatched | PatchRejected) -> None:
        if self._offered is None or event.patch is not self._offered[0] or self._offered[1].done():
            return
        _, decided = self._offered
        self._offered = None
        if isinstance(event, PatchRejected):
            decided.set_exception(PatchRefused(event.problems))
        else:
            decided.set_result(None)

    @contextmanager
    def hold(self, tasks: Sequence[TaskId], *, seconds: float) -> Iterator[None]:
        """Keep tasks from starting inside the block, for so long at most; everything else goes on."""
        self._edits += 1
        now, name = self._host.now(), f"{self.task}#{self.attempt}.{self._edits}"
        self._host.report(self.run, EditOpened(now, name, tuple(tasks), now + seconds))
        try:
            yield
        finally:
            self._host.report(self.run, EditClosed(self._host.now(), name))
