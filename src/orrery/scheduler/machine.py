"""Machine: one run as a state machine. Events in, decisions and commands out; nothing else.

`handle` advances the run by one event. What the machine concludes by itself is left in `decisions`
(events for the log), what it wants done in `cancels`; attempts are started by the `Scheduler`, which sees
all the runs of a process and tells each machine by a `TaskStarted` event. So the state of a run is the
fold of its log and nothing more: `replay` folds, and complains if this code would have decided otherwise.

Readiness is kept by counters. A record counts the hard edges that must still fire, those that may still
die, and the soft edges whose source has not ended; when a task ends, only its own outgoing edges are
looked at. A task whose counters say that it can no longer be triggered is skipped at once and that
travels on, so a run always ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from orrery.errors import ReplayDivergedError
from orrery.graph.graph import Graph
from orrery.scheduler import events as ev
from orrery.scheduler.asking import edit_closed, edit_opened, release_edit, task_answered
from orrery.scheduler.attempts import (
    attempt_lost,
    lost,
    stopped,
    task_failed,
    task_refused,
    task_started,
    task_stopped,
    task_succeeded,
)
from orrery.scheduler.deadlines import time_reached
from orrery.scheduler.growth import graph_patched, task_expanded
from orrery.scheduler.outcome import conclude_run, is_handled
from orrery.scheduler.run_record import RunRecord
from orrery.scheduler.states import State
from orrery.scheduler.stopping import confirm_lingering, end_everything, release
from orrery.scheduler.triggers import settle


class Machine(RunRecord):
    """The state of one run. Read its attributes; change it only by `handle` and `replay`.

    Args:
        run: its name.
        pools: what attempts hold, shared with other runs; without limits when left out, as for a replay.
    """

    def handle(self, event: ev.Event) -> ev.Event | None:
        """Advance the run by one event.

        Returns the event as it belongs in the log: itself, what it amounts to (a patch that is refused
        becomes a `PatchRejected`), or None if it says nothing new (late, repeated, about an attempt that
        no longer counts).
        """
        if event.at > self.now:
            self.now = event.at
        elif event.at < self.now:
            event = msgspec.structs.replace(event, at=self.now)
        if self.state != "running":
            if isinstance(event, _FINAL):
                confirm_lingering(self, event.task, event.attempt)
            return None
        taken = _HANDLERS[type(event)](self, event)
        if self.settling:
            settle(self)
        if self.failed and self.options.fail_fast and self.stopping is None:
            self._fail_fast()
        if self.open == 0 and self.patched:
            conclude_run(self)
        return taken

    def open_with(self, graph: Graph, *, at: float, by: str = "") -> ev.GraphPatched:
        """The event that gives the run its first graph. What was verified when the graph was made is not again."""
        patch = graph.as_patch(by=by)
        self.opening = (patch, graph)
        return ev.GraphPatched(at, patch)

    def replay(self, event: ev.Event) -> None:
        """Fold one event of the log. Raises ReplayDivergedError if this code would have decided otherwise."""
        self.seq += 1
        if isinstance(event, ev.Decision):
            expected = self.decisions.pop(0) if self.decisions else None
            if expected != event:
                raise ReplayDivergedError(self.seq, f"the log has {event!r}, this code decides {expected!r}")
            return
        taken = self.handle(ev.GraphPatched(event.at, event.patch) if isinstance(event, ev.PatchRejected) else event)
        self.cancels.clear()
        if taken is None or type(taken) is not type(event):
            raise ReplayDivergedError(self.seq, f"the log has {event!r}, which means {taken!r} to this code")

    def _fail_fast(self) -> None:
        for task in self.failed:
            record = self.records[task]
            if not is_handled(self, record):
                self.stopping = record.failure
                end_everything(self, f"{task!r} failed, and the run is to stop at the first failure")
                settle(self)
                return


def run_started(run: RunRecord, event: ev.RunStarted) -> ev.Event:
    """Take over what the run was started with: options, budget, inputs, and the end of its wall time."""
    run.options = event.options
    run.started_at = event.at
    run.ledger.budget = event.options.budget
    run.results.set_inputs(bytes(event.inputs))
    if event.options.budget.wall_s is not None:
        run.timers.set(event.at + event.options.budget.wall_s, "wall")
    return event


def run_resumed(run: RunRecord, event: ev.RunResumed) -> ev.Event:
    """Whatever was in flight belonged to a driver that is gone, but for what an executor has that outlived it."""
    run.epoch = event.epoch
    for record in run.lingering.values():
        release(run, record)
    run.lingering.clear()
    for edit in list(run.edits):
        release_edit(run, edit)
    for record in list(run.in_flight.values()):
        once = record.task.effects.kind == "once" and record.task.each is None
        if once and record.task.executor in event.outlived and record.state is State.RUNNING:
            continue
        for _ in record.live:
            release(run, record)
        record.live = ()
        record.hedging = False
        if record.state is State.STOPPING:
            stopped(run, record)
        else:
            lost(run, record, "the process that ran it ended")
    return event


def run_paused(run: RunRecord, event: ev.RunPaused) -> ev.Event | None:
    """Start nothing new; what runs goes on."""
    if run.paused:
        return None
    run.paused = True
    return event


def run_continued(run: RunRecord, event: ev.RunContinued) -> ev.Event | None:
    """Go on after a pause."""
    if not run.paused:
        return None
    run.paused = False
    return event


def cancel_requested(run: RunRecord, event: ev.RunCancelRequested) -> ev.Event | None:
    """Cancel what has not started and stop what runs."""
    if run.cancelling:
        return None
    run.cancelling = True
    end_everything(run, event.because or "the run was cancelled")
    return event


_FINAL = (ev.TaskStopped, ev.TaskSucceeded, ev.TaskFailed, ev.TaskExpanded, ev.AttemptLost)

_HANDLERS: dict[type[ev.Event], Callable[[RunRecord, Any], ev.Event | None]] = {
    ev.RunStarted: run_started,
    ev.RunResumed: run_resumed,
    ev.RunPaused: run_paused,
    ev.RunContinued: run_continued,
    ev.RunCancelRequested: cancel_requested,
    ev.GraphPatched: graph_patched,
    ev.EditOpened: edit_opened,
    ev.EditClosed: edit_closed,
    ev.TaskRefused: task_refused,
    ev.TaskStarted: task_started,
    ev.TaskProgressed: lambda _run, event: event,
    ev.TaskSucceeded: task_succeeded,
    ev.TaskFailed: task_failed,
    ev.TaskExpanded: task_expanded,
    ev.TaskStopped: task_stopped,
    ev.AttemptLost: attempt_lost,
    ev.TaskAnswered: task_answered,
    ev.TimeReached: time_reached,
}
