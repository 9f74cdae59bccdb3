"""A stage for stories: a scheduler, a run on it, and events by the names that a story uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from orrery.errors import Failure
from orrery.graph import Edge, Graph, Task
from orrery.graph.values import encode
from orrery.scheduler import Machine, RunOptions, Scheduler, State, Turn
from orrery.scheduler import events as ev
from orrery.scheduler.invariants import check

BOOM = Failure("ValueError", "boom")


class Stage:
    """One run named "r", driven by hand; every turn is checked against the invariants."""

    def __init__(
        self,
        *tasks: Task,
        edges: tuple[Edge, ...] = (),
        outputs: Mapping[str, Any] | None = None,
        capacity: Mapping[str, int] | None = None,
        options: RunOptions | None = None,
    ) -> None:
        self.scheduler = Scheduler(capacity or {})
        self.machine = self.scheduler.admit(Machine("r"))
        self.log: list[ev.Event] = []
        self.turn: Turn = Turn()
        graph = Graph(tasks, edges, outputs)
        self.say(
            ev.RunStarted(0.0, "r", options=options or RunOptions()), ev.GraphPatched(0.0, graph.as_patch()), at=0.0
        )

    def say(self, *events: ev.Event, at: float) -> list[str]:
        """Let events happen; returns what starts, as "task" or "task#attempt" beyond the first."""
        self.turn = self.scheduler.turn([("r", event) for event in events], at)
        self.log.extend(self.turn.log.get("r", []))
        check(self.scheduler)
        return [s.task.id if s.attempt == 1 else f"{s.task.id}#{s.attempt}" for s in self.turn.starts]

    @property
    def started(self) -> list[str]:
        """What the last turn started."""
        return [s.task.id if s.attempt == 1 else f"{s.task.id}#{s.attempt}" for s in self.turn.starts]

    @property
    def cancelled(self) -> list[str]:
        """The attempts that the last turn wants to be ended."""
        return [f"{c.task}#{c.attempt}" for c in self.turn.cancels]

    def succeed(self, task: str, value: Any = None, *, at: float, attempt: int = 1, **usage: Any) -> list[str]:
        """An attempt returns."""
        used = ev.Usage(**usage) if usage else None
        return self.say(ev.TaskSucceeded(at, task, attempt, msgspec.Raw(encode(value)), used), at=at)

    def fail(self, task: str, failure: Failure = BOOM, *, at: float, attempt: int = 1) -> list[str]:
        """An attempt fails."""
        return self.say(ev.TaskFailed(at, task, attempt, failure), at=at)

    def wait(self, *, at: float) -> list[str]:
        """Time passes."""
        return self.say(ev.TimeReached(at), at=at)

    def states(self) -> dict[str, str]:
        """Every task's state."""
        return {task: record.state.value for task, record in self.machine.records.items()}

    def state(self, task: str) -> State:
        """One task's state."""
        return self.machine.records[task].state

    def decided(self, kind: type[ev.Event]) -> list[ev.Event]:
        """The events of a kind in the log."""
        return [event for event in self.log if isinstance(event, kind)]

    def value(self, task: str) -> Any:
        """What a task's result is to those who refer to it."""
        from orrery.graph import Ref
        from orrery.scheduler.results import blob_is_too_large

        return self.machine.results.look_up(Ref(task), blob_is_too_large)
