"""PlannerExecutor: planners on the driver's own loop, each with a live view of its run.

A planner is an async generator of patches. Each patch is reported as `GraphPatched`, and the planner goes on
when that is durable; a refusal is raised where the patch was yielded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

from orrery.runtime.context import Context
from orrery.runtime.executors.inline import InlineExecutor
from orrery.runtime.executors.outcome import AttemptKey
from orrery.runtime.executors.protocol import Host, Invocation
from orrery.runtime.view import LiveView
from orrery.scheduler.events import Event
from orrery.scheduler.machine import Machine


class PlanningHost(Host, Protocol):
    """What planners need of the driver besides: sight of their runs."""

    @property
    def observers(self) -> list[Callable[[str, Sequence[Event]], None]]:
        """Told of every run's events once they are durable."""

    def machine(self, run: str) -> Machine:
        """The state of a run that is being driven."""


class PlannerExecutor(InlineExecutor):
    """Runs planners. They mostly wait, so they take no place among the attempts of the inline executor."""

    async def open(self, host: Host) -> None:
        """Get ready, and listen to what happens."""
        await super().open(host)
        self._views: dict[AttemptKey, LiveView] = {}
        if isinstance(observers := getattr(host, "observers", None), list):
            observers.append(self._observe)

    def _context(self, invocation: Invocation, key: AttemptKey) -> Context:
        view = self._views.get(key)
        if view is None:
            host = cast("PlanningHost", self._host)
            view = LiveView(invocation, host, host.machine(invocation.run), self._idle)
            self._views[key] = self._contexts[key] = view
        return view

    def _finish(self, key: AttemptKey, event: Event) -> None:
        self._views.pop(key, None)
        super()._finish(key, event)

    def _idle(self, run: str) -> set[str]:
        """The planning tasks of a run that wait for something to happen."""
        return {task for (of, task, _), view in self._views.items() if of == run and view.is_waiting}

    def _observe(self, run: str, events: Sequence[Event]) -> None:
        for key, view in list(self._views.items()):
            if key[0] == run:
                view.take(events)
