"""Confined: what a task that ran on a device may add to its run.

A device is trusted with the tasks that it is given, and with no more: what it sends back is data. Work that a task
returns is a program, though, and if that ran wherever it says, whoever has one device would have the run's own machine
and every other device. So it stays where it came from: it runs on the device that asked for it, under the rules of
that device's owner; it stands below the task that returned it, sees no results but those that stand there, too, and
leaves the rest of the graph as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from orrery.errors import NotAllowedError
from orrery.graph.expr import Expr
from orrery.graph.patch import Add, Edit, Link
from orrery.graph.place import FLEET, Place
from orrery.graph.ref import PSEUDO_SOURCES, Ref, TaskId
from orrery.graph.task import Task, refs_in
from orrery.scheduler.events import TaskExpanded

PERSON = "person"
"""The executor of tasks that ask somebody; nothing is performed by them."""


def confined(event: TaskExpanded, task: TaskId, device: str) -> TaskExpanded:
    """The growth of a task that ran on a device, with everything in it placed on that device.

    Args:
        task: which task returned it, whatever the event says.
        device: where it ran; empty if the hub does not say, and then any device will do.

    Raises:
        NotAllowedError: it changes or reads what does not stand below the task.
    """
    above = task.rpartition("/")[0] if event.beside else task
    own = _Own(f"{above}/", device or "the fleet")
    edits = tuple(own.placed(edit, Place(on=(device,) if device else ())) for edit in event.patch.edits)
    own.sees(refs_in(event.result), "its result")
    patch = msgspec.structs.replace(event.patch, edits=edits, by=task)
    return msgspec.structs.replace(event, patch=patch)


class _Own:
    """What stands below the task."""

    def __init__(self, below: str, device: str) -> None:
        self._below, self._device = below, device

    def placed(self, edit: Edit, place: Place) -> Edit:
        """The edit, if it adds to what stands below the task, where it may run. Raises NotAllowedError."""
        match edit:
            case Add(task):
                self._is_own(task.id, f"it adds {task.id!r}")
                self.sees((*refs_in(task.args), *_others(task)), f"{task.id!r}")
                if task.executor == PERSON:
                    return Add(msgspec.structs.replace(task, place=None))
                return Add(msgspec.structs.replace(task, executor=FLEET, place=place))
            case Link(edge):
                for end in edge.key:
                    self._is_own(end, f"it links {edge.source!r} and {edge.target!r}")
                if isinstance(edge.on, Expr):
                    self.sees(refs_in(edge.on.names), f"the edge to {edge.target!r}")
                return edit
        raise self._refusal(f"it has an edit of the kind {type(edit).__name__!r}")

    def sees(self, refs: Iterator[Ref] | tuple[Ref, ...], who: str) -> None:
        """Return if all of these stand below the task. Raises NotAllowedError."""
        for ref in refs:
            if ref.task not in PSEUDO_SOURCES:
                self._is_own(ref.task, f"{who} refers to {ref.task!r}")

    def _is_own(self, task: TaskId, what: str) -> None:
        if not task.startswith(self._below):
            raise self._refusal(what)

    def _refusal(self, what: str) -> NotAllowedError:
        return NotAllowedError(
            f"a task on {self._device} returned more work, and {what}: from a device, only tasks below "
            f"{self._below.removesuffix('/')!r} are taken that use results of each other"
        )


def _others(task: Task) -> Iterator[Ref]:
    """The references of a task that do not stand in its arguments or in its place."""
    if task.each is not None:
        yield from refs_in(task.each.over)
    if task.when is not None:
        yield from refs_in(task.when.names)


__all__ = ["confined"]
