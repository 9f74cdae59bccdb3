"""Record: what a log tells of routes. How each failure was answered, and how well each tool did."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from orrery.errors import Failure
from orrery.graph import Add, TaskId
from orrery.planners.routed.growing import GIVE_UP, REROUTE
from orrery.planners.routed.round import Round
from orrery.routing.tool_graph.heal import Compensation, Decision, Escalation, Reroute
from orrery.routing.tool_graph.health import Failed, Health, Limited, Monitor, Worked
from orrery.scheduler import events as ev


class Answered(msgspec.Struct, frozen=True):
    """A failure on a route, and what followed.

    Args:
        task: which failed.
        tool: which it used.
        failure: with what.
        decisions: what answered it; exactly one, unless the run ended before it could be answered.
    """

    task: TaskId
    tool: str
    failure: Failure
    decisions: tuple[Decision, ...]


def answers(events: Iterable[ev.Event]) -> list[Answered]:
    """Every failure of a task that a route has made, in the order in which they failed."""
    routes = _Routes(events)
    return [
        Answered(task, routes.tools[task], failure, tuple(routes.decided.get(task, ())))
        for task, failure in routes.failed.items()
        if task in routes.tools
    ]


def health_of(events: Iterable[ev.Event], *, monitor: Monitor | None = None) -> dict[str, Any]:
    """What a log tells of the tools of its routes, in the form that `route` takes as `health`."""
    routes = _Routes(events)
    health = Health(monitor or Monitor())
    for at, task, seconds, failure in routes.uses:
        tool = routes.tools.get(task)
        if tool is None:
            continue
        if failure is None:
            health = health.after([Worked(tool, seconds)], at=at)
        elif failure.retry_after_s is not None:
            health = health.after([Limited(tool, failure.retry_after_s)], at=at)
        else:
            health = health.after([Failed(tool, str(failure))], at=at)
    found: dict[str, Any] = msgspec.to_builtins(health.vitals)
    return found


_TIMED_OUT = Failure("TimeoutError", "it took longer than it may", code="timeout")


class _Routes:
    """One reading of a log.

    Attributes:
        tools: the tasks that routes have made → which tool each uses.
        decided: task → the decisions that name it among what failed.
        failed: task → the failure with which it ended for good.
        uses: each attempt: when it ended, of which task, how long it took, and its failure.
    """

    def __init__(self, events: Iterable[ev.Event]) -> None:
        self.tools: dict[TaskId, str] = {}
        self.decided: dict[TaskId, list[Decision]] = {}
        self.failed: dict[TaskId, Failure] = {}
        self.uses: list[tuple[float, TaskId, float | None, Failure | None]] = []
        started: dict[tuple[TaskId, int], float] = {}
        done: set[TaskId] = set()
        for event in events:
            match event:
                case ev.TaskExpanded():
                    self._grown(event)
                case ev.TaskStarted(at, task, attempt):
                    started[task, attempt] = at
                case ev.TaskSucceeded(at, task, attempt):
                    began = event.began_at if event.began_at is not None else started.get((task, attempt))
                    self.uses.append((at, task, None if began is None else max(0.0, at - began), None))
                    done.add(task)
                case ev.TaskFailed(at, task, _, failure):
                    self.failed[task] = failure
                    self.uses.append((at, task, None, failure))
                case ev.TaskStopped(at, task) if task not in done:  # for its timeout, unless it is said to be cancelled
                    self.failed[task] = _TIMED_OUT
                    self.uses.append((at, task, None, _TIMED_OUT))
                case ev.TaskGaveUp(at, task, failure, cancelled):
                    if cancelled:
                        self.failed.pop(task, None)
                        self.uses = [use for use in self.uses if use[1] != task]
                    else:
                        if task not in self.failed:  # else it was stopped for this, and has been counted
                            self.uses.append((at, task, None, failure))
                        self.failed[task] = failure
                case ev.RetryScheduled(_, task):
                    self.failed.pop(task, None)

    def _grown(self, event: ev.TaskExpanded) -> None:
        for edit in event.patch.edits:
            if not isinstance(edit, Add) or edit.task.op not in (REROUTE, GIVE_UP):
                continue
            prefix, args = edit.task.id.rpartition("/")[0] + "/", edit.task.args
            planned = {f"{prefix}{one.step}": one.tool for one in msgspec.convert(args["round"], Round).planned}
            self.tools |= planned
            decision: Decision = msgspec.convert(args["decided"], Reroute | Compensation | Escalation)
            answered = [f"{prefix}{step}" for step in decision.failed]
            if edit.task.op == GIVE_UP:  # nothing comes after it, so it answers for what fails under it as well
                answered += planned
            for task in answered:
                self.decided.setdefault(task, []).append(decision)


__all__ = ["Answered", "answers", "health_of"]
