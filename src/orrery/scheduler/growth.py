"""Growth: patches to the live graph, from people, planners and tasks alike."""

from __future__ import annotations

import msgspec

from orrery.errors import Failure, GrowthLimitError, PatchRefused, Problem
from orrery.graph.edge import Edge
from orrery.graph.patch import Add, Link, Patch
from orrery.graph.ref import Ref, TaskId
from orrery.graph.task import refs_in
from orrery.scheduler import events as ev
from orrery.scheduler.attempts import attempt_ended, task_failed
from orrery.scheduler.ending import end
from orrery.scheduler.pools import demand_of
from orrery.scheduler.ranking import rank
from orrery.scheduler.record import Record
from orrery.scheduler.run_record import RunRecord
from orrery.scheduler.states import State, Step, after
from orrery.scheduler.stopping import confirm_lingering, linger_all
from orrery.scheduler.triggers import conclude_grown, consider, count

GROWTH_LIMIT = "graph/growth-limit"


def graph_patched(run: RunRecord, event: ev.GraphPatched) -> ev.Event:
    """Change the graph, or turn the event into a PatchRejected."""
    problems = _growth_problems(run, event.patch, depth=1)
    if not problems:
        problems = _apply(run, event.patch, parent=None, depth=0)
    if not problems:
        return event
    if not run.patched:  # a run whose first graph is refused would wait for another one for ever
        run.patched = True
        run.stopping = _refusal(problems)
    return ev.PatchRejected(event.at, event.patch, tuple(problems))


def task_expanded(run: RunRecord, event: ev.TaskExpanded) -> ev.Event | None:
    """Let a task grow into what its attempt returned; if that is refused, the task fails."""
    record = run.records.get(event.task)
    if record is None or event.attempt not in record.live:
        confirm_lingering(run, event.task, event.attempt)
        return None
    problems = _grow(run, record, event)
    if problems:
        refused = _refusal(problems)
        return task_failed(run, ev.TaskFailed(event.at, event.task, event.attempt, refused, event.usage))
    return event


def _growth_problems(run: RunRecord, patch: Patch, *, depth: int) -> list[Problem]:
    caps = run.options.caps
    width = sum(isinstance(edit, Add) for edit in patch.edits)
    checks = (
        ("tasks", len(run.records) + width, caps.tasks),
        ("tasks added at once", width, caps.width),
        ("levels of growth", depth, caps.depth),
    )
    return [
        Problem(GROWTH_LIMIT, f"run {run.run}", f"it would have {count} {what}; its cap is {cap}")
        for what, count, cap in checks
        if count > cap
    ]


def _refusal(problems: list[Problem]) -> Failure:
    """What a task, or a run, is left with whose growth was refused."""
    if problems[0].code == GROWTH_LIMIT:
        return Failure.of(GrowthLimitError("; ".join(map(str, problems))))
    return Failure.of(PatchRefused(problems))


def why_locked(run: RunRecord, task: TaskId) -> str | None:
    """Why a task cannot be edited: it has started, be it that its attempt was lost; None if it can."""
    record = run.records.get(task)
    if record is None:
        return None
    if record.state is State.WAITING or record.state is State.READY:
        if record.attempt == 0:
            return None
        return f"its attempt {record.attempt} is to be made again, and what has started cannot be edited"
    return f"it is {record.state.value}, and what has started cannot be edited"


def _apply(run: RunRecord, patch: Patch, *, parent: Record | None, depth: int) -> list[Problem]:
    """Patch the live graph and bring the records up to date, or return the problems."""
    parent_id = parent.task.id if parent is not None else None
    if run.opening is not None and patch is run.opening[0] and not run.records:
        run.graph = run.opening[1].live()
    else:
        done = run.graph.apply(patch, lambda task: None if task == parent_id else why_locked(run, task))
        if isinstance(done, list):
            return done
    run.opening = None
    run.patched = True
    touched = patch.touched()
    if parent_id is not None:
        touched.pop(parent_id, None)
    fresh: list[Record] = []
    kept: list[Record] = []
    for task_id in touched:
        definition = run.graph.tasks.get(task_id)
        record = run.records.get(task_id)
        if definition is None:
            if record is not None:
                del run.records[task_id]
                run.open -= 1
                record.state = State.SKIPPED  # so that its entry in the ready queue is stale
        elif record is None:
            owner = parent_id if parent_id is not None and task_id.startswith(f"{parent_id}/") else None
            record = Record(definition, run.added, demand_of(definition), owner, depth)
            run.added += 1
            run.records[task_id] = record
            run.open += 1
            fresh.append(record)
        else:
            record.task, record.demand, record.state = definition, demand_of(definition), State.WAITING
            kept.append(record)
    rank(run.graph, run.records, fresh, kept)
    for record in (*kept, *fresh):
        count(run, record)
    for record in (*kept, *fresh):
        if record.state is State.WAITING:
            consider(run, record)
    return []


def _grow(run: RunRecord, record: Record, event: ev.TaskExpanded) -> list[Problem]:
    """Add what an attempt returned, or return the problems with it."""
    task = record.task.id
    owner = _above(run, record) if event.beside else record
    if owner is None:
        why = "it goes on beside itself, but the result of the task above is not exactly its own"
        return [Problem("patch/no-tail-call", f"result of task {task!r}", why)]
    above = owner.task.id
    children = [
        edit.task.id for edit in event.patch.edits if isinstance(edit, Add) and edit.task.id.startswith(f"{above}/")
    ]
    # The owner waits for its children by ordinary edges, so a child that waits for its owner is a
    # cycle like any other. The last child first: the others then already stand before the owner.
    waits = tuple(Link(Edge(child, above, on="completion")) for child in reversed(children))
    patch = msgspec.structs.replace(event.patch, edits=(*event.patch.edits, *waits))
    problems = _growth_problems(run, patch, depth=owner.depth + 1)
    problems = problems or _dangling_result(run, event, patch)
    if {task, above} & event.patch.touched().keys():
        why = "it changes the running task that returned it"
        problems = [*problems, Problem("patch/locked", f"result of task {task!r}", why)]
    problems = problems or _apply(run, patch, parent=owner, depth=owner.depth + 1)
    if problems:
        return problems
    attempt_ended(run, task, event.attempt, event.usage)
    if record.live:
        linger_all(run, record)
    record.stop, record.hedging = None, False
    run.in_flight.pop(task, None)
    owner.tree = event.result
    owner.accept_errors = event.accept_errors
    if owner is record:
        record.state = after(record.state, Step.GROW, task=task)
        record.needs = len(children)
        if not children:
            conclude_grown(run, record)
    else:
        owner.needs += len(children)
        record.value = bytes(ev.NOTHING)
        end(run, record, Step.SUCCEED)
    return []


def _above(run: RunRecord, record: Record) -> Record | None:
    """The task that a task may make a tail call for: its result is exactly this task's, and nothing else."""
    owner = run.records.get(record.parent) if record.parent is not None else None
    if owner is None or owner.state is not State.GROWN or owner.tree != Ref(record.task.id):
        return None
    return owner


def _dangling_result(run: RunRecord, event: ev.TaskExpanded, patch: Patch) -> list[Problem]:
    added = {edit.task.id for edit in patch.edits if isinstance(edit, Add)}
    return [
        Problem("graph/unknown-task", f"result of task {event.task!r}", f"it needs {ref.task!r}, which does not exist")
        for ref in refs_in(event.result)
        if ref.task not in added and (ref.task not in run.records or ref.task == event.task)
    ]
