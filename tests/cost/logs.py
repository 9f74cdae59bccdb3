"""Logs of runs written by hand: what happened when, without anything having happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from orrery.errors import Failure
from orrery.graph import Graph, Task
from orrery.graph.nest import expanded
from orrery.graph.values import encode
from orrery.scheduler import events as ev


class Log:
    """The events of one run over a graph, which began at second 1000."""

    def __init__(self, *tasks: Task, graph: Graph | None = None, inputs: dict[str, Any] | None = None) -> None:
        self.graph = graph or Graph(tasks)
        self.events: list[ev.AnyEvent] = [
            ev.RunStarted(1000.0, "r", msgspec.Raw(encode(inputs or {}))),
            ev.GraphPatched(1000.0, self.graph.as_patch()),
        ]

    def add(self, *events: ev.AnyEvent) -> Log:
        """Events as they are."""
        self.events += events
        return self

    def ran(
        self,
        task: str,
        seconds: float,
        *,
        at: float = 0.0,
        attempt: int = 1,
        value: Any = None,
        money: float = 0.0,
        tokens: int = 0,
        where: str = "",
    ) -> Log:
        """An attempt succeeds, which begins `at` seconds after the run."""
        began = 1000.0 + at
        usage = ev.Usage(money, tokens) if money or tokens else None
        raw = msgspec.Raw(encode(value))
        return self.add(
            ev.TaskStarted(began, task, attempt),
            ev.TaskSucceeded(began + seconds, task, attempt, raw, usage, began, where),
        )

    def failed(self, task: str, seconds: float, *, at: float = 0.0, attempt: int = 1) -> Log:
        """An attempt fails."""
        failure = Failure("ValueError", "no")
        return self.add(
            ev.TaskStarted(1000.0 + at, task, attempt), ev.TaskFailed(1000.0 + at + seconds, task, attempt, failure)
        )

    def fanned_out(self, task: str, seconds: Sequence[float], *, at: float = 0.0, value: Any = None) -> Log:
        """A for-each makes one child for each number, each of which then takes so long."""
        patch, result = expanded(self.graph[task], len(seconds))
        self.add(ev.TaskStarted(1000.0 + at, task, 1), ev.TaskExpanded(1000.0 + at, task, 1, patch, result))
        for place, one in enumerate(seconds):
            self.ran(f"{task}/{place}", one, at=at, value=value)
        return self

    def ended(self, state: ev.RunState = "succeeded", *, at: float = 100.0) -> Log:
        """The run is over."""
        return self.add(ev.RunEnded(1000.0 + at, state))
