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

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from orrery.errors import ExpressionError, Failure, PatchRefused, Problem, ReplayDivergedError
from orrery.graph.edge import Edge
from orrery.graph.expr import Expr
from orrery.graph.live import LiveGraph
from orrery.graph.patch import Add, Link, Patch
from orrery.graph.task import Ref, TaskId, refs_in
from orrery.scheduler import events as ev
from orrery.scheduler.budgets import Ledger
from orrery.scheduler.commands import CancelTask
from orrery.scheduler.pools import Pools, demand_of
from orrery.scheduler.ranking import rank
from orrery.scheduler.ready import ReadyQueue
from orrery.scheduler.record import Record
from orrery.scheduler.results import Results, blob_is_too_large
from orrery.scheduler.retries import pause_s
from orrery.scheduler.states import ENDED, State, Step, after
from orrery.scheduler.timers import Timers

PERSON = "person"
"""The executor of tasks that wait for a person's answer."""


class Machine:
    """The state of one run. Read its attributes; change it only by `handle` and `replay`.

    Args:
        run: its name.
        pools: what attempts hold, shared with other runs; without limits when left out, as for a replay.
    """

    def __init__(self, run: str, pools: Pools | None = None) -> None:
        self.run = run
        self.pools = pools if pools is not None else Pools()
        self.options = ev.RunOptions()
        self.state: ev.RunState = "running"
        self.failure: Failure | None = None
        self.started_at = 0.0
        self.now = 0.0
        self.epoch = 0
        self.seq = 0
        self.paused = False
        self.cancelling = False
        self.stopping: Failure | None = None
        self.virtual_time = 0.0
        self.graph = LiveGraph()
        self.records: dict[TaskId, Record] = {}
        self.results = Results(self.records)
        self.ready = ReadyQueue()
        self.timers = Timers()
        self.ledger = Ledger()
        self.in_flight: dict[TaskId, Record] = {}
        self.lingering: dict[tuple[TaskId, int], Record] = {}
        self.edits: dict[str, tuple[Record, ...]] = {}
        self.failed: dict[TaskId, None] = {}
        self.open = 0
        self.added = 0
        self.patched = False
        self.decisions: list[ev.Event] = []
        self.cancels: list[CancelTask] = []
        self._settling: deque[Record] = deque()
        self._is_settling = False

    # -- events in ------------------------------------------------------------------------------------

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
            self._after_the_end(event)
            return None
        taken = _HANDLERS[type(event)](self, event)
        if self._settling:
            self._settle()
        if self.open == 0 and self.patched:
            self._conclude_run()
        return taken

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

    def next_due(self) -> float | None:
        """When `TimeReached` should be reported next, or None."""
        return self.timers.next_due() if self.state == "running" else None

    def _after_the_end(self, event: ev.Event) -> None:
        if isinstance(event, ev.TaskStopped | ev.TaskSucceeded | ev.TaskFailed | ev.TaskExpanded | ev.AttemptLost):
            self._confirm_lingering(event.task, event.attempt)

    # -- the run as a whole ---------------------------------------------------------------------------

    def _run_started(self, event: ev.RunStarted) -> ev.Event:
        self.options = event.options
        self.started_at = event.at
        self.ledger.budget = event.options.budget
        self.results.set_inputs(bytes(event.inputs))
        if event.options.budget.wall_s is not None:
            self.timers.set(event.at + event.options.budget.wall_s, "wall")
        return event

    def _run_resumed(self, event: ev.RunResumed) -> ev.Event:
        """Whatever was in flight belonged to a driver that is gone."""
        self.epoch = event.epoch
        self.lingering.clear()
        for edit in list(self.edits):
            self._release_edit(edit)
        for record in list(self.in_flight.values()):
            for _ in record.live:
                self._release(record)
            record.live = ()
            record.hedging = False
            if record.state is State.STOPPING:
                self._stopped(record)
            else:
                self._lost(record, "the process that ran it ended")
        return event

    def _run_paused(self, event: ev.RunPaused) -> ev.Event | None:
        if self.paused:
            return None
        self.paused = True
        return event

    def _run_continued(self, event: ev.RunContinued) -> ev.Event | None:
        if not self.paused:
            return None
        self.paused = False
        return event

    def _cancel_requested(self, event: ev.RunCancelRequested) -> ev.Event | None:
        if self.cancelling:
            return None
        self.cancelling = True
        self._end_everything(event.because or "the run was cancelled")
        return event

    def _end_everything(self, because: str, *, spare_running: bool = False) -> None:
        """Cancel all that has not ended; attempts in flight are stopped, or left to finish."""
        for record in self.records.values():
            if record.state is State.RUNNING:
                if not spare_running:
                    self._stop_all(record, _cancelled(because), cancelling=True)
            elif record.state is State.STOPPING:
                record.cancelling = True
                record.stop = _cancelled(because)
            elif record.state not in ENDED and record.state is not State.GROWN:
                self._give_up(record, _cancelled(because), Step.CANCEL)

    def _conclude_run(self) -> None:
        if self.edits or self.in_flight:
            return
        unhandled = [task for task in self.failed if not self._is_handled(self.records[task])]
        outputs = self.graph.outputs
        good = [name for name, value in outputs.items() if self._is_available(value)]
        if self.cancelling:
            self.state = "cancelled"
        elif self.stopping is None and not unhandled and len(good) == len(outputs):
            self.state = "succeeded"
        else:
            real = [name for name in good if any(True for _ in refs_in(outputs[name]))]
            self.state = "partial" if real else "failed"
            self.failure = self.stopping or self._first_failure(unhandled)
        self.decisions.append(ev.RunEnded(self.now, self.state, self.failure))

    def _first_failure(self, unhandled: list[TaskId]) -> Failure:
        if unhandled:
            first = self.records[unhandled[0]]
            return first.failure or Failure("Failure", f"task {unhandled[0]!r} failed", severity="permanent")
        return Failure("NoOutput", "an output was not produced: its task did not run", severity="permanent")

    def _is_available(self, value: Any) -> bool:
        for ref in refs_in(value):
            record = self.records.get(ref.task)
            if record is not None and (record.state in (State.FAILED, State.CANCELLED) or record.poisoned):
                return False
        return True

    def _is_handled(self, record: Record) -> bool:
        """Whether the graph says what happens when this task fails, so that its failure is not the run's."""
        return record.parent is not None or self._has_handler(record)  # a child is its parent's to judge

    def _has_handler(self, record: Record) -> bool:
        task = record.task.id
        for target in self.graph.outgoing[task]:
            if target == record.parent:
                continue
            edge = self.graph.incoming[target][task]
            if edge.on == "failure" and edge.hard:
                return True
            reader = self.records[target]
            if edge.on == "completion" and any(ref.task == task for ref in reader.task.refs()):
                return True
            if reader.task.join is not None and reader.state not in (State.WAITING, State.SKIPPED, State.CANCELLED):
                return True
        return False

    # -- the graph ------------------------------------------------------------------------------------

    def _graph_patched(self, event: ev.GraphPatched) -> ev.Event:
        problems = self._growth_problems(event.patch, depth=1)
        if not problems:
            problems = self._apply(event.patch, parent=None, depth=0)
        if not problems:
            return event
        if not self.patched:  # a run whose first graph is refused would wait for another one for ever
            self.patched = True
            self.stopping = Failure.of(PatchRefused(problems))
        return ev.PatchRejected(event.at, event.patch, tuple(problems))

    def _growth_problems(self, patch: Patch, *, depth: int) -> list[Problem]:
        caps = self.options.caps
        width = sum(isinstance(edit, Add) for edit in patch.edits)
        checks = (
            ("tasks", len(self.records) + width, caps.tasks),
            ("tasks added at once", width, caps.width),
            ("levels of growth", depth, caps.depth),
        )
        return [
            Problem("graph/growth-limit", f"run {self.run}", f"it would have {count} {what}; its cap is {cap}")
            for what, count, cap in checks
            if count > cap
        ]

    def _locked(self, task: TaskId) -> str | None:
        record = self.records.get(task)
        if record is None or record.state is State.WAITING or record.state is State.READY:
            return None
        return f"it is {record.state.value}, and what has started cannot be edited"

    def _apply(self, patch: Patch, *, parent: Record | None, depth: int) -> list[Problem]:
        """Patch the live graph and bring the records up to date, or return the problems."""
        parent_id = parent.task.id if parent is not None else None
        done = self.graph.apply(patch, lambda task: None if task == parent_id else self._locked(task))
        if isinstance(done, list):
            return done
        self.patched = True
        touched = patch.touched()
        if parent_id is not None:
            touched.pop(parent_id, None)
        fresh: list[Record] = []
        kept: list[Record] = []
        for task_id in touched:
            definition = self.graph.tasks.get(task_id)
            record = self.records.get(task_id)
            if definition is None:
                if record is not None:
                    del self.records[task_id]
                    self.open -= 1
                    record.state = State.SKIPPED  # so that its entry in the ready queue is stale
            elif record is None:
                owner = parent_id if parent_id is not None and task_id.startswith(f"{parent_id}/") else None
                record = Record(definition, self.added, demand_of(definition), owner, depth)
                self.added += 1
                self.records[task_id] = record
                self.open += 1
                fresh.append(record)
            else:
                record.task, record.demand, record.state = definition, demand_of(definition), State.WAITING
                kept.append(record)
        rank(self.graph, self.records, fresh, kept)
        for record in (*kept, *fresh):
            self._count(record)
        for record in (*kept, *fresh):
            if record.state is State.WAITING:
                self._consider(record)
        return []

    def _count(self, record: Record) -> None:
        """Set the counters of a waiting record from its edges."""
        edges = self.graph.incoming[record.task.id]
        hard = soft = fired = dead = 0
        for source, edge in edges.items():
            origin = self.records[source]
            ended = origin.state in ENDED
            if not edge.hard:
                soft += not ended
                continue
            hard += 1
            if ended:
                verdict = self._fires(edge, origin, record)
                fired += verdict
                dead += not verdict
        wanted = record.task.join or hard
        record.needs = wanted - fired
        record.slack = hard - wanted - dead
        record.soft = soft

    def _fires(self, edge: Edge, source: Record, target: Record) -> bool:
        """Whether an edge fires, its source having ended. A broken condition is left on the target."""
        on = edge.on
        if on == "success":
            return source.state is State.SUCCEEDED
        if on == "completion":
            return True
        if on == "failure":
            return source.state is State.FAILED
        if source.state is not State.SUCCEEDED or not isinstance(on, Expr):
            return False
        try:
            value = self.results.look_up(_whole(source), blob_is_too_large)
            return bool(on.evaluate({"result": value}))
        except (ExpressionError, LookupError) as error:
            target.stop = _broken_condition(f"{edge.source} -> {edge.target}", error)
            return False

    def _consider(self, record: Record) -> None:
        """Trigger a waiting record if its counters say so, or skip it if they can no longer."""
        if record.stop is not None:
            failure, record.stop = record.stop, None
            self._give_up(record, failure, Step.BREAK)
        elif record.slack < 0:
            self._skip(record)
        elif record.needs <= 0 and record.soft == 0:
            self._trigger(record)

    def _trigger(self, record: Record) -> None:
        if self.stopping is not None or self.cancelling:
            self._give_up(record, _cancelled("the run is being ended"), Step.CANCEL)
            return
        when = record.task.when
        if when is not None and not self._holds(record, when):
            return
        limits = record.task.limits
        record.ready_at = self.now
        if limits.deadline_s is not None:
            self.timers.set(self.now + limits.deadline_s, "deadline", record.task.id, record.order)
        if record.task.executor == PERSON:
            self._ask(record, _question(record), Step.ASK)
            return
        record.state = after(record.state, Step.TRIGGER, task=record.task.id)
        self.ready.push(record)

    def _holds(self, record: Record, when: Expr) -> bool:
        """Whether the task's own condition holds; if not, the task has been skipped or failed."""
        try:
            values = {name: self.results.look_up(ref, blob_is_too_large) for name, ref in when.names.items()}
            if when.evaluate(values):
                return True
        except (ExpressionError, LookupError) as error:
            self._give_up(record, _broken_condition(record.task.id, error), Step.BREAK)
            return False
        record.because = f"its condition {when.source!r} is false"
        self._end(record, Step.SKIP)
        self.decisions.append(ev.TaskSkipped(self.now, record.task.id, record.because))
        return False

    def _skip(self, record: Record) -> None:
        task = record.task.id
        for source, edge in self.graph.incoming[task].items():
            origin = self.records[source]
            if edge.hard and origin.state in ENDED and not (edge.on == "success" and origin.state is State.SUCCEEDED):
                bad = origin.state in (State.FAILED, State.CANCELLED) or origin.poisoned
                if bad and edge.on != "failure":
                    record.poisoned = True
                if not record.because:
                    record.because = f"{source!r} is {origin.state.value}, so its edge on {_named(edge)} cannot fire"
        self._end(record, Step.SKIP)
        self.decisions.append(ev.TaskSkipped(self.now, task, record.because))

    # -- attempts -------------------------------------------------------------------------------------

    def _task_refused(self, event: ev.TaskRefused) -> ev.Event | None:
        record = self.records.get(event.task)
        if record is None or record.state is not State.READY:
            return None
        record.failure = event.failure
        self._end(record, Step.FAIL)
        return event

    def _task_started(self, event: ev.TaskStarted) -> ev.Event | None:
        record = self.records.get(event.task)
        if record is None or event.attempt != record.attempt + 1:
            return None
        if record.state is not State.READY and not record.hedging:
            return None
        record.state = after(record.state, Step.START, task=event.task)
        record.attempt = event.attempt
        record.live = (*record.live, event.attempt)
        record.hedging = False
        self.in_flight[event.task] = record
        self.pools.acquire(record.demand)
        task = record.task
        if task.estimate.money or task.estimate.tokens:
            self.ledger.reserve(task.estimate)
        limits = task.limits
        if limits.timeout_s is not None:
            self.timers.set(event.at + limits.timeout_s, "timeout", event.task, event.attempt)
        if limits.hedge_after_s is not None and len(record.live) == 1:
            self.timers.set(event.at + limits.hedge_after_s, "hedge", event.task, event.attempt)
        return event

    def _attempt_ended(self, task: TaskId, attempt: int, usage: ev.Usage | None) -> Record | None:
        """Take a live attempt off its record and free what it held; None if it no longer counts."""
        record = self.records.get(task)
        if record is None or attempt not in record.live:
            self._confirm_lingering(task, attempt)
            return None
        live = record.live
        record.live = () if len(live) == 1 else tuple(a for a in live if a != attempt)
        self._release(record)
        if usage is not None:
            self._spend(usage)
        return record

    def _release(self, record: Record) -> None:
        self.pools.release(record.demand)
        estimate = record.task.estimate
        if estimate.money or estimate.tokens:
            self.ledger.settle(estimate)

    def _spend(self, usage: ev.Usage) -> None:
        self.ledger.spend(usage)
        over = self.ledger.exceeded()
        if over is not None and self.stopping is None:
            self._exceed(*over)

    def _exceed(self, limit: str, spent: float, allowed: float) -> None:
        """Note that a limit of the budget is reached: nothing new starts; over wall time, all is stopped."""
        self.decisions.append(ev.BudgetExceeded(self.now, limit, spent, allowed))
        why = f"the budget of {allowed:g} {_UNITS[limit]} is used up ({spent:g})"
        self.stopping = Failure("BudgetExceeded", why, code="budget", severity="permanent")
        self._end_everything(why, spare_running=limit != "wall")

    def _task_succeeded(self, event: ev.TaskSucceeded) -> ev.Event | None:
        record = self._attempt_ended(event.task, event.attempt, event.usage)
        if record is None:
            return None
        record.value = bytes(event.value)
        if record.live:
            self._linger_all(record)
        self._end(record, Step.SUCCEED)
        return event

    def _task_expanded(self, event: ev.TaskExpanded) -> ev.Event | None:
        record = self.records.get(event.task)
        if record is None or event.attempt not in record.live:
            self._confirm_lingering(event.task, event.attempt)
            return None
        problems = self._grow(record, event)
        if problems:
            refused = Failure.of(PatchRefused(problems))
            return self._task_failed(ev.TaskFailed(event.at, event.task, event.attempt, refused))
        return event

    def _grow(self, record: Record, event: ev.TaskExpanded) -> list[Problem]:
        """Add what an attempt returned below its task, or return the problems with it."""
        task = record.task.id
        children = [
            edit.task.id for edit in event.patch.edits if isinstance(edit, Add) and edit.task.id.startswith(f"{task}/")
        ]
        # The parent waits for its children by ordinary edges, so a child that waits for its parent is a
        # cycle like any other. The last child first: the others then already stand before the parent.
        waits = tuple(Link(Edge(child, task, on="completion")) for child in reversed(children))
        patch = msgspec.structs.replace(event.patch, edits=(*event.patch.edits, *waits))
        problems = self._growth_problems(patch, depth=record.depth + 1)
        problems = problems or self._dangling_result(event, patch)
        if task in event.patch.touched():
            why = "it changes the running task that returned it"
            problems = [*problems, Problem("patch/locked", f"result of task {task!r}", why)]
        problems = problems or self._apply(patch, parent=record, depth=record.depth + 1)
        if problems:
            return problems
        self._attempt_ended(task, event.attempt, None)
        if record.live:
            self._linger_all(record)
        record.tree = event.result
        record.accept_errors = event.accept_errors
        record.state = after(record.state, Step.GROW, task=task)
        record.stop, record.hedging = None, False
        self.in_flight.pop(task, None)
        record.needs = len(children)
        if not children:
            self._conclude_grown(record)
        return []

    def _dangling_result(self, event: ev.TaskExpanded, patch: Patch) -> list[Problem]:
        added = {edit.task.id for edit in patch.edits if isinstance(edit, Add)}
        return [
            Problem(
                "graph/unknown-task", f"result of task {event.task!r}", f"it needs {ref.task!r}, which does not exist"
            )
            for ref in refs_in(event.result)
            if ref.task not in added and (ref.task not in self.records or ref.task == event.task)
        ]

    def _conclude_grown(self, record: Record) -> None:
        task = record.task.id
        children = [self.records[c] for c in self.graph.incoming[task] if self.records[c].parent == task]
        children.sort(key=lambda child: child.order)
        bad = [child for child in children if child.state is State.FAILED and not self._has_handler(child)]
        if any(child.state is State.CANCELLED for child in children) and (self.cancelling or self.stopping):
            self._give_up(record, _cancelled("the run is being ended"), Step.CANCEL)
        elif bad and not record.accept_errors:
            first = bad[0]
            more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
            failure = Failure(
                "ChildFailed",
                f"{first.task.id!r}{more} failed: {first.failure}",
                severity="permanent",
                cause=first.failure,
            )
            self._give_up(record, failure, Step.FAIL)
        elif not record.accept_errors and not self._is_available(record.tree):
            why = "a task that its result depends on did not run"
            self._give_up(record, Failure("NoOutput", why, severity="permanent"), Step.FAIL)
        else:
            self._end(record, Step.CONCLUDE)

    def _task_failed(self, event: ev.TaskFailed) -> ev.Event | None:
        record = self._attempt_ended(event.task, event.attempt, event.usage)
        if record is None:
            return None
        if not record.live:
            if record.state is State.STOPPING:
                self._stopped(record)
            else:
                record.failed += 1
                self._retry_or_fail(record, event.failure)
        return event

    def _retry_or_fail(self, record: Record, failure: Failure) -> None:
        task = record.task
        pause = None
        if self.stopping is None and not self.cancelling:
            pause = pause_s(task.limits.retry, failure, failed=record.failed, seed=self.options.seed, task=task.id)
        if pause is None:
            record.failure = failure
            self._end(record, Step.FAIL)
            return
        record.state = after(record.state, Step.RETRY, task=task.id)
        self.in_flight.pop(task.id, None)
        record.because = str(failure)
        due = self.now + pause
        self.timers.set(due, "retry", task.id, record.attempt)
        self.decisions.append(ev.RetryScheduled(self.now, task.id, record.attempt, due, record.because))

    def _attempt_lost(self, event: ev.AttemptLost) -> ev.Event | None:
        record = self._attempt_ended(event.task, event.attempt, None)
        if record is None:
            return None
        if not record.live:
            if record.state is State.STOPPING:
                self._stopped(record)
            else:
                self._lost(record, event.because or "its worker vanished")
        return event

    def _lost(self, record: Record, because: str) -> None:
        """An attempt vanished: whether it had an effect is unknown."""
        record.crashes += 1
        self.in_flight.pop(record.task.id, None)
        record.because = because
        if record.task.effects.kind == "once":
            question = f"{because} while {record.task.id!r} was in flight; whether it took effect is unknown"
            self._ask(record, question, Step.ASK)
        elif record.crashes > self.options.max_crashes:
            why = f"{because}; it has now been in flight at {record.crashes} crashes"
            self._give_up(record, Failure("WorkerLostError", why, code="worker-lost", severity="permanent"), Step.FAIL)
        else:
            record.state = after(record.state, Step.LOSE, task=record.task.id)
            self.ready.push(record)

    def _task_stopped(self, event: ev.TaskStopped) -> ev.Event | None:
        record = self._attempt_ended(event.task, event.attempt, None)
        if record is None:
            return None
        if not record.live:
            if record.state is State.STOPPING:
                self._stopped(record)
            else:  # nobody asked for it: the executor gave up
                self._lost(record, "its executor stopped it")
        return event

    def _stop_all(self, record: Record, failure: Failure, *, cancelling: bool) -> None:
        """Ask that every attempt of a task ends; what follows is decided when they have."""
        record.state = after(record.state, Step.STOP, task=record.task.id)
        record.stop, record.cancelling, record.hedging = failure, cancelling, False
        for attempt in record.live:
            self._cancel(record, attempt)

    def _cancel(self, record: Record, attempt: int) -> None:
        task = record.task
        self.cancels.append(CancelTask(self.run, task.id, task.executor, attempt))
        self.timers.set(self.now + self.options.grace_s, "grace", task.id, attempt)

    def _stopped(self, record: Record) -> None:
        """The attempts of a task that was being stopped have ended."""
        failure = record.stop or _cancelled("it was stopped")
        record.stop = None
        if record.cancelling:
            self._give_up(record, failure, Step.CANCEL)
        elif failure.code == "timeout":
            record.failed += 1
            if record.task.effects.kind == "once":
                failure = msgspec.structs.replace(failure, severity="effect-unknown")
            self._retry_or_fail(record, failure)
        else:
            self._give_up(record, failure, Step.FAIL)

    def _linger_all(self, record: Record) -> None:
        """The task is decided; its other attempts are asked to end and hold their slots until they have."""
        for attempt in record.live:
            self.lingering[(record.task.id, attempt)] = record
            self._cancel(record, attempt)
        record.live = ()

    def _confirm_lingering(self, task: TaskId, attempt: int) -> None:
        record = self.lingering.pop((task, attempt), None)
        if record is not None:
            self._release(record)

    # -- people and edits -----------------------------------------------------------------------------

    def _ask(self, record: Record, question: str, step: Step) -> None:
        record.state = after(record.state, step, task=record.task.id)
        record.because = question
        if record.task.limits.timeout_s is not None:
            self.timers.set(self.now + record.task.limits.timeout_s, "timeout", record.task.id, -1)
        self.decisions.append(ev.PersonAsked(self.now, record.task.id, question))

    def _task_answered(self, event: ev.TaskAnswered) -> ev.Event | None:
        record = self.records.get(event.task)
        if record is None or record.state is not State.ASKING:
            return None
        if event.verdict == "approve":
            record.value = bytes(event.value)
            self._end(record, Step.SUCCEED)
        elif event.verdict == "rerun" and record.task.executor != PERSON:
            record.state = after(record.state, Step.RERUN, task=event.task)
            self.ready.push(record)
        elif event.verdict == "deny":
            who = f" by {event.by}" if event.by else ""
            record.failure = Failure("Denied", f"it was denied{who}", code="denied", severity="permanent")
            self._end(record, Step.FAIL)
        else:
            return None
        return event

    def _edit_opened(self, event: ev.EditOpened) -> ev.Event | None:
        if event.edit in self.edits:
            return None
        held = tuple(self.records[task] for task in dict.fromkeys(event.tasks) if task in self.records)
        self.edits[event.edit] = held
        for record in held:
            record.held += 1
        self.timers.set(event.until, "hold", event.edit)
        return event

    def _edit_closed(self, event: ev.EditClosed) -> ev.Event | None:
        if event.edit not in self.edits:
            return None
        self._release_edit(event.edit)
        return event

    def _release_edit(self, edit: str) -> None:
        for record in self.edits.pop(edit, ()):
            record.held -= 1
            if record.held == 0 and record.state is State.READY:
                self.ready.push(record)  # its first entry may have been discarded while it was held

    # -- time -----------------------------------------------------------------------------------------

    def _time_reached(self, event: ev.TimeReached) -> ev.Event | None:
        anything = False
        while (entry := self.timers.pop_due(event.at)) is not None:
            due, kind, subject, attempt = entry
            anything = True
            if kind == "hold":
                self._release_edit(subject)
            elif kind == "wall":
                if self.stopping is None and not self.cancelling:
                    self._exceed("wall", due - self.started_at, self.options.budget.wall_s or 0.0)
            else:
                self._due(kind, subject, attempt)
            if self._settling:
                self._settle()
        return event if anything else None

    def _due(self, kind: str, task: TaskId, attempt: int) -> None:
        record = self.records.get(task)
        if kind == "grace":
            self._grace_over(record, task, attempt)
            return
        if record is None or record.state in ENDED:
            return
        match kind:
            case "retry" if record.state is State.RETRYING and record.attempt == attempt:
                record.state = after(record.state, Step.WAKE, task=task)
                self.ready.push(record)
            case "hedge" if record.state is State.RUNNING and record.live == (attempt,):
                record.hedging = True
                self.ready.push(record)
            case "timeout" if record.state is State.ASKING and attempt == -1:
                self._give_up(record, _timeout(record, "nobody answered"), Step.FAIL)
            case "timeout" if record.state is State.RUNNING and attempt in record.live:
                if len(record.live) == 1:
                    self._stop_all(record, _timeout(record, "the attempt ran"), cancelling=False)
                else:
                    record.live = tuple(a for a in record.live if a != attempt)
                    self.lingering[(task, attempt)] = record
                    self._cancel(record, attempt)
            case "deadline" if record.order == attempt:
                self._deadline_passed(record)
            case _:
                pass

    def _deadline_passed(self, record: Record) -> None:
        limit = record.task.limits.deadline_s
        if limit is None or record.ready_at is None or self.now < record.ready_at + limit:
            return  # it was replaced since
        why = f"it was not done {limit:g} s after it became ready"
        failure = Failure("DeadlineExceeded", why, code="deadline", severity="permanent")
        if record.state is State.RUNNING:
            self._stop_all(record, failure, cancelling=False)
        elif record.state is State.STOPPING and not record.cancelling:
            record.stop = failure
        elif record.state in (State.READY, State.RETRYING, State.ASKING):
            self._give_up(record, failure, Step.FAIL)

    def _grace_over(self, record: Record | None, task: TaskId, attempt: int) -> None:
        """A cancelled attempt did not confirm in time: it is given up, and its late answer will not count."""
        self._confirm_lingering(task, attempt)
        if record is not None and record.state is State.STOPPING and attempt in record.live:
            self._attempt_ended(task, attempt, None)
            if not record.live:
                self._stopped(record)

    # -- ends -----------------------------------------------------------------------------------------

    def _give_up(self, record: Record, failure: Failure, step: Step) -> None:
        """End a task without a result, by the scheduler's own decision."""
        record.failure = failure
        self.decisions.append(ev.TaskGaveUp(self.now, record.task.id, failure, cancelled=step is Step.CANCEL))
        self._end(record, step)

    def _end(self, record: Record, step: Step) -> None:
        task = record.task.id
        record.state = state = after(record.state, step, task=task)
        record.stop = None
        record.hedging = False
        self.in_flight.pop(task, None)
        self.open -= 1
        if state is State.FAILED:
            self.failed[task] = None
            if self.options.fail_fast and self.stopping is None and not self._is_handled(record):
                self.stopping = record.failure
                self._settling.append(record)
                self._end_everything(f"{task!r} failed, and the run is to stop at the first failure")
                return
        self._settling.append(record)

    def _settle(self) -> None:
        """Tell the tasks behind those that have ended, until nothing follows any more."""
        if self._is_settling:
            return
        self._is_settling = True
        settling, records, incoming = self._settling, self.records, self.graph.incoming
        try:
            while settling:
                source = settling.popleft()
                task = source.task.id
                succeeded = source.state is State.SUCCEEDED
                for target_id in self.graph.outgoing[task]:
                    target = records[target_id]
                    if target.state is State.WAITING:
                        edge = incoming[target_id][task]
                        if not edge.hard:
                            target.soft -= 1
                        elif (succeeded and edge.on == "success") or self._fires(edge, source, target):
                            target.needs -= 1
                        else:
                            target.slack -= 1
                        self._consider(target)
                    elif target.state is State.GROWN and source.parent == target_id:
                        target.needs -= 1
                        if target.needs == 0:
                            self._conclude_grown(target)
        finally:
            self._is_settling = False

    def outputs(self, load: Callable[[Any], Any]) -> dict[str, Any]:
        """What the workflow returns as far as it exists: outputs that were not produced are left out."""
        return {
            name: self.results.fill(value, load)
            for name, value in self.graph.outputs.items()
            if self._is_available(value)
        }

    def counts(self) -> dict[str, int]:
        """How many tasks are in each state; states without tasks are left out."""
        counts: dict[str, int] = {}
        for record in self.records.values():
            counts[record.state.value] = counts.get(record.state.value, 0) + 1
        return counts

    def __repr__(self) -> str:
        return f"<Machine {self.run} {self.state} {self.counts()}>"


_UNITS = {"money": "in money", "tokens": "tokens", "wall": "s of wall time"}

_HANDLERS: dict[type[ev.Event], Callable[[Machine, Any], ev.Event | None]] = {
    ev.RunStarted: Machine._run_started,
    ev.RunResumed: Machine._run_resumed,
    ev.RunPaused: Machine._run_paused,
    ev.RunContinued: Machine._run_continued,
    ev.RunCancelRequested: Machine._cancel_requested,
    ev.GraphPatched: Machine._graph_patched,
    ev.EditOpened: Machine._edit_opened,
    ev.EditClosed: Machine._edit_closed,
    ev.TaskRefused: Machine._task_refused,
    ev.TaskStarted: Machine._task_started,
    ev.TaskProgressed: lambda _machine, event: event,
    ev.TaskSucceeded: Machine._task_succeeded,
    ev.TaskFailed: Machine._task_failed,
    ev.TaskExpanded: Machine._task_expanded,
    ev.TaskStopped: Machine._task_stopped,
    ev.AttemptLost: Machine._attempt_lost,
    ev.TaskAnswered: Machine._task_answered,
    ev.TimeReached: Machine._time_reached,
}


def _whole(record: Record) -> Ref:
    return Ref(record.task.id)


def _cancelled(because: str) -> Failure:
    return Failure("Cancelled", because, code="cancelled", severity="permanent")


def _timeout(record: Record, what: str) -> Failure:
    limit = record.task.limits.timeout_s
    return Failure("TimeoutError", f"{what} longer than its timeout of {limit:g} s", code="timeout")


def _broken_condition(place: str, error: Exception) -> Failure:
    return Failure("ExpressionError", f"{place}: {error}", code="expression", severity="permanent")


def _question(record: Record) -> str:
    question = record.task.args.get("question")
    return question if isinstance(question, str) else (record.task.label or record.task.id)


def _named(edge: Edge) -> str:
    return repr(edge.on.source) if isinstance(edge.on, Expr) else edge.on
