"""Triggers: which tasks may go, which can no longer, and what follows when one has ended."""

from __future__ import annotations

from orrery.errors import ExpressionError, Failure
from orrery.graph.edge import Edge
from orrery.graph.expr import Expr
from orrery.graph.ref import Ref
from orrery.graph.task import asks_each_item
from orrery.scheduler import events as ev
from orrery.scheduler.asking import PERSON, ask, question_of
from orrery.scheduler.ending import broken_condition, cancelled, end, give_up
from orrery.scheduler.outcome import has_handler
from orrery.scheduler.record import Record
from orrery.scheduler.results import blob_is_too_large
from orrery.scheduler.run_record import RunRecord
from orrery.scheduler.states import ENDED, State, Step, after


def count(run: RunRecord, record: Record) -> None:
    """Set the counters of a waiting record from its edges."""
    edges = run.graph.incoming[record.task.id]
    hard = soft = fired = dead = 0
    for source, edge in edges.items():
        origin = run.records[source]
        ended = origin.state in ENDED
        if not edge.hard:
            soft += not ended
            continue
        hard += 1
        if ended:
            verdict = _fires(run, edge, origin, record)
            fired += verdict
            dead += not verdict
    wanted = record.task.join or hard
    record.needs = wanted - fired
    record.slack = hard - wanted - dead
    record.soft = soft


def consider(run: RunRecord, record: Record) -> None:
    """Trigger a waiting record if its counters say so, or skip it if they can no longer."""
    if record.stop is not None:
        failure, record.stop = record.stop, None
        give_up(run, record, failure, Step.BREAK)
    elif record.slack < 0:
        _skip(run, record)
    elif record.needs <= 0 and record.soft == 0:
        _trigger(run, record)


def _fires(run: RunRecord, edge: Edge, source: Record, target: Record) -> bool:
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
        value = run.results.look_up(Ref(source.task.id), blob_is_too_large)
        return bool(on.evaluate({"result": value}))
    except (ExpressionError, LookupError) as error:
        target.stop = broken_condition(f"{edge.source} -> {edge.target}", error)
        return False


def _trigger(run: RunRecord, record: Record) -> None:
    if run.stopping is not None or run.cancelling:
        give_up(run, record, cancelled("the run is being ended"), Step.CANCEL)
        return
    when = record.task.when
    if when is not None and not asks_each_item(record.task) and not _holds(run, record, when):
        return
    limits = record.task.limits
    record.ready_at = run.now
    if limits.deadline_s is not None:
        run.timers.set(run.now + limits.deadline_s, "deadline", record.task.id, record.order)
    if record.task.executor == PERSON:
        _ask_person(run, record)
        return
    record.state = after(record.state, Step.TRIGGER, task=record.task.id)
    run.ready.push(record)


def _ask_person(run: RunRecord, record: Record) -> None:
    try:
        question = question_of(run, record)
    except (ExpressionError, LookupError) as error:
        give_up(run, record, broken_condition(record.task.id, error), Step.BREAK)
        return
    ask(run, record, question, Step.ASK)


def _holds(run: RunRecord, record: Record, when: Expr) -> bool:
    """Whether the task's own condition holds; if not, the task has been skipped or failed."""
    try:
        values = {name: run.results.look_up(ref, blob_is_too_large) for name, ref in when.names.items()}
        if when.evaluate(values):
            return True
    except (ExpressionError, LookupError) as error:
        give_up(run, record, broken_condition(record.task.id, error), Step.BREAK)
        return False
    record.because = f"its condition {when.source!r} is false"
    end(run, record, Step.SKIP)
    run.decisions.append(ev.TaskSkipped(run.now, record.task.id, record.because))
    return False


def _skip(run: RunRecord, record: Record) -> None:
    task = record.task.id
    for source, edge in run.graph.incoming[task].items():
        origin = run.records[source]
        if edge.hard and origin.state in ENDED and not (edge.on == "success" and origin.state is State.SUCCEEDED):
            bad = origin.state in (State.FAILED, State.CANCELLED) or origin.poisoned
            if bad and edge.on != "failure":
                record.poisoned = True
            if not record.because:
                record.because = f"{source!r} is {origin.state.value}, so its edge on {_named(edge)} cannot fire"
    end(run, record, Step.SKIP)
    run.decisions.append(ev.TaskSkipped(run.now, task, record.because))


def settle(run: RunRecord) -> None:
    """Tell the tasks behind those that have ended, until nothing follows any more."""
    settling, records, incoming = run.settling, run.records, run.graph.incoming
    while settling:
        source = settling.popleft()
        task = source.task.id
        succeeded = source.state is State.SUCCEEDED
        for target_id in run.graph.outgoing[task]:
            target = records[target_id]
            if target.state is State.WAITING:
                edge = incoming[target_id][task]
                if not edge.hard:
                    target.soft -= 1
                elif (succeeded and edge.on == "success") or _fires(run, edge, source, target):
                    target.needs -= 1
                else:
                    target.slack -= 1
                if target.needs <= 0 or target.slack < 0 or target.stop is not None:
                    consider(run, target)
            elif target.state is State.GROWN and source.parent == target_id:
                target.needs -= 1
                if target.needs == 0:
                    conclude_grown(run, target)


def conclude_grown(run: RunRecord, record: Record) -> None:
    """End a task that grew, all of its children having ended."""
    task = record.task.id
    children = [run.records[c] for c in run.graph.incoming[task] if run.records[c].parent == task]
    children.sort(key=lambda child: child.order)
    bad = [child for child in children if child.state is State.FAILED and not has_handler(run, child)]
    if any(child.state is State.CANCELLED for child in children) and (run.cancelling or run.stopping):
        give_up(run, record, cancelled("the run is being ended"), Step.CANCEL)
    elif bad and not record.accept_errors:
        give_up(run, record, _child_failed(bad), Step.FAIL)
    elif not record.accept_errors and not run.is_available(record.tree):
        why = "a task that its result depends on did not run"
        give_up(run, record, Failure("NoOutput", why, code="no-output", severity="permanent"), Step.FAIL)
    else:
        end(run, record, Step.CONCLUDE)


def _child_failed(bad: list[Record]) -> Failure:
    first = bad[0]
    failure = first.failure
    assert failure is not None
    if failure.type == "ChildFailed":  # it names the task that is to blame: growth of any depth is one sentence
        return failure
    more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
    message = f"{first.task.id!r}{more} failed: {failure}"
    return Failure("ChildFailed", message, code=failure.code, severity="permanent", cause=failure)


def _named(edge: Edge) -> str:
    return repr(edge.on.source) if isinstance(edge.on, Expr) else edge.on
