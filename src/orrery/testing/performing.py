"""Performing: a whole run by the real scheduler in virtual time, with operations that are functions of their arguments.

For comparing two graphs that should do the same: every operation's value, duration and failure follow from its name and
its arguments alone, so what differs between two runs differs between the graphs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from heapq import heappop, heappush
from typing import Any

import msgspec

from orrery.cost.calls import ASK
from orrery.errors import Failure, InternalError, OrreryError
from orrery.graph.graph import Graph
from orrery.graph.nest import expanded
from orrery.graph.query import ancestors
from orrery.graph.ref import TaskId
from orrery.graph.resolve import as_text, resolve
from orrery.graph.task import Task, refs_in
from orrery.graph.values import encode
from orrery.models.marks import expanded as whole_question
from orrery.passes.effects import conflict, may_share
from orrery.passes.speculate import OUTCOME
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine
from orrery.scheduler.record import Record
from orrery.scheduler.results import blob_is_too_large
from orrery.scheduler.scheduler import Scheduler
from orrery.scheduler.states import State

RUN = "performed"

Operation = Callable[[str, Mapping[str, Any]], tuple[float, Any]]
"""What an operation does with its arguments: how many seconds that takes, and its value or its `Failure`."""


class Performed(msgspec.Struct, frozen=True):
    """How a run went.

    Args:
        state: how it ended.
        outputs: what it returned.
        attempts: those that began, in order: task, operation, and its arguments as bytes.
        failed: the tasks that failed.
        undecided: the tasks that were skipped for two reasons, a failure and a plain decision. Which of them the
            scheduler heard of first says whether their outputs are missing or None, and so how the run ended.
        seconds: from its beginning to its end.
    """

    state: ev.RunState
    outputs: dict[str, Any]
    attempts: tuple[tuple[TaskId, str, bytes], ...]
    failed: tuple[TaskId, ...]
    undecided: tuple[TaskId, ...]
    seconds: float


def by_digest(failing: float = 0.1) -> Operation:
    """Operations whose every property is drawn from a digest of name and arguments.

    Args:
        failing: the share of calls that fail, each time they are made.
    """

    def perform(op: str, args: Mapping[str, Any]) -> tuple[float, Any]:
        if op == OUTCOME:
            return 0.0, args["of"]
        digest = sha256(op.encode("utf-8", "surrogatepass") + said(as_asked(op, args))).digest()
        seconds = 0.1 + int.from_bytes(digest[:4], "big") / 2**30
        if digest[4] < 256 * failing:
            return seconds, Failure(
                "Drawn", "it was drawn to fail", severity="permanent" if digest[5] % 2 else "transient"
            )
        number = int.from_bytes(digest[8:12], "big")
        return seconds, (0, 1, "ok", number, {"name": number, "rows": [number % 7, 0]}, [number % 3, 1])[digest[6] % 6]

    return perform


def as_asked(op: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments as far as they say what is wanted: of a call to a model its question, whoever answers.

    A question that goes on with a conversation is the one that it would be without it.
    """
    if op != ASK or not isinstance(args.get("prompt"), str):
        return args
    history = args.get("history") or ()
    questions = [*(as_text(one["question"]) for one in history), args["prompt"]]
    question = whole_question(questions, [as_text(one["answer"]) for one in history])
    how = ("prompt", "history", "model", "thinking_tokens", "max_tokens", "temperature")
    return {"prompt": question, **{name: value for name, value in args.items() if name not in how}}


def said(value: Any) -> bytes:
    """A value as bytes, maps in order."""
    return msgspec.msgpack.encode(_plain(value), order="sorted")


def _worded(value: Any) -> Any:
    return Failure("Failed", "it failed") if isinstance(value, Failure) else value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return repr(value)
    return value if value is None or isinstance(value, int | float | str | bytes) else repr(value)


def perform(
    graph: Graph,
    *,
    operation: Operation | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> Performed:
    """Run a graph to its end. A person who is asked answers as an operation would.

    Args:
        operation: what every task performs.
        inputs: of the run.

    Raises:
        InternalError: the run stands still without having ended.
    """
    stage = _Stage(operation or by_digest())
    inbox: list[ev.Event] = [
        ev.RunStarted(0.0, RUN, inputs=msgspec.Raw(encode(dict(inputs or {})))),
        ev.GraphPatched(0.0, graph.as_patch()),
    ]
    while stage.machine.state == "running":
        stage.turn(inbox)
        inbox = stage.next_events() if stage.machine.state == "running" else []
    machine = stage.machine
    return Performed(
        machine.state,
        {name: _plain(value) for name, value in machine.outputs(lambda blob: blob).items()},
        tuple(stage.attempts),
        tuple(machine.failed),
        tuple(_undecided(machine)),
        machine.now,
    )


def differences(
    before: Graph, after: Graph, was: Performed, now: Performed, became: Callable[[TaskId], TaskId | None]
) -> list[str]:
    """In what two runs differ that should have done the same: outputs, effects, or the order of these.

    Args:
        before, after: the graphs of the runs `was` and `now`; small, since every pair of tasks is looked at.
        became: which task of `after` does the work of one of `before`; None where it was not needed.
    """
    found: list[str] = []
    open_ = {task for task in was.undecided if became(task) in {None, *now.undecided}}
    for name, value in before.outputs.items():
        if not any(ref.task in open_ for ref in refs_in(value)):
            missing = ["missing"]
            if was.outputs.get(name, missing) != now.outputs.get(name, missing):
                found.append(f"output {name!r} was {was.outputs.get(name)!r}, and is {now.outputs.get(name)!r}")
    dropped = [task for task in was.failed if became(task.partition("/")[0]) is None]
    if was.state != now.state and not dropped and not open_:  # what is not done cannot fail either
        found.append(f"it ended as {was.state}, and now as {now.state}")
    effects, effects_now = _effects(before, was), _effects(after, now)
    if effects != effects_now:
        found.append(f"effects were {effects - effects_now} more and {effects_now - effects} fewer")
    late = dict.fromkeys(_out_of_order(before, was, lambda task: task))
    found.extend(
        f"{task!r} waited for {first!r}, and now begins before it"
        for task, first in _out_of_order(before, now, became)
        if (task, first) not in late  # a task may be skipped, and so have ended, before those for which it waits have
    )
    return found


def _effects(graph: Graph, run: Performed) -> Counter[tuple[str, bytes]]:
    """What was done outside, and how often."""
    return Counter((op, args) for task, op, args in run.attempts if not may_share(graph[task.partition("/")[0]]))


def _out_of_order(
    before: Graph, run: Performed, became: Callable[[TaskId], TaskId | None]
) -> Iterator[tuple[TaskId, TaskId]]:
    """The conflicting tasks of which the first stands behind the second, and began before that had ended."""
    begins: dict[TaskId, int] = {}
    ends: dict[TaskId, int] = {}
    for number, (task, _, _) in enumerate(run.attempts):
        root = task.partition("/")[0]
        begins.setdefault(root, number)
        ends[root] = number
    for late in before:
        heir = became(late.id)
        if heir is None or heir not in begins:
            continue
        for first in ancestors(before, late.id):
            elder = became(first)
            if elder in ends and elder != heir and conflict(before[first], late) and ends[elder] > begins[heir]:
                yield late.id, first


def _undecided(machine: Machine) -> Iterator[TaskId]:
    undecided: set[TaskId] = set()
    for task in machine.graph.in_order():
        record = machine.records[task.id]
        if record.state is not State.SKIPPED:
            continue
        reasons: set[str] = set()
        for source, edge in machine.graph.incoming[task.id].items():
            origin = machine.records[source]
            if source in undecided:
                reasons |= {"failure", "decision"}
            elif edge.hard and not (edge.on == "success" and origin.state is State.SUCCEEDED):
                bad = origin.state in (State.FAILED, State.CANCELLED) or origin.poisoned
                reasons.add("failure" if bad and edge.on != "failure" else "decision")
        if len(reasons) > 1:
            undecided.add(task.id)
            yield task.id


class _Stage:
    """The scheduler with one run, and what is under way in it."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.scheduler = Scheduler()
        self.machine = self.scheduler.admit(Machine(RUN))
        self.attempts: list[tuple[TaskId, str, bytes]] = []
        self.due: list[tuple[float, int, ev.Event]] = []
        self.now = 0.0
        self.count = 0

    def turn(self, inbox: list[ev.Event]) -> None:
        """Let the scheduler decide, and begin what it wants begun."""
        turn = self.scheduler.turn([(RUN, event) for event in inbox], self.now)
        for event in turn.log.get(RUN, ()):
            if isinstance(event, ev.PersonAsked) and self.machine.records[event.task].state is State.ASKING:
                self._answer(self.machine.records[event.task])
        for start in turn.starts:
            self._begin(start.task, start.attempt)
        for cancel in turn.cancels:
            self._later(0.0, ev.TaskStopped(self.now, cancel.task, cancel.attempt))

    def next_events(self) -> list[ev.Event]:
        """Let time pass to whatever is due next."""
        timer = self.scheduler.next_due()
        times = [*([self.due[0][0]] if self.due else []), *([timer] if timer is not None else [])]
        if not times:
            raise InternalError(f"the run stands still: {self.machine!r}")
        self.now = min(times)
        inbox: list[ev.Event] = [ev.TimeReached(self.now)] if timer is not None and timer <= self.now else []
        while self.due and self.due[0][0] <= self.now:
            inbox.append(heappop(self.due)[2])
        return inbox

    def _later(self, seconds: float, event: ev.Event) -> None:
        at = self.now + seconds
        self.count += 1
        heappush(self.due, (at, self.count, msgspec.structs.replace(event, at=at)))

    def _answer(self, record: Record) -> None:
        try:
            args = self._fill(record.task.args)
        except LookupError:
            args = {}
        self.attempts.append((record.task.id, record.task.op, said(as_asked(record.task.op, args))))
        seconds, value = self.operation(record.task.op, args)
        verdict: Any = "deny" if isinstance(value, Failure) else "approve"
        kept = None if verdict == "deny" else value
        self._later(seconds, ev.TaskAnswered(0.0, record.task.id, verdict, msgspec.Raw(encode(kept))))

    def _begin(self, task: Task, attempt: int) -> None:
        try:
            if task.each is not None:
                self._later(0.0, self._expand(task, attempt))
                return
            args = self._fill(task.args)
            self.attempts.append((task.id, task.op, said(as_asked(task.op, args))))
            seconds, value = self.operation(task.op, args)
        except (LookupError, OrreryError) as error:
            # Without its words: they name the task, and equal work may have been done under another name.
            failure = Failure(type(error).__name__, "its arguments cannot be made", severity="permanent")
            self._later(0.0, ev.TaskFailed(0.0, task.id, attempt, failure))
            return
        if isinstance(value, Failure):
            self._later(seconds, ev.TaskFailed(0.0, task.id, attempt, value))
        else:
            self._later(seconds, ev.TaskSucceeded(0.0, task.id, attempt, msgspec.Raw(encode(value))))

    def _fill(self, value: Any) -> Any:
        """The value with results in place of references; of a failure only that it is one: its words may name tasks."""
        return resolve(value, lambda ref: _worded(self.machine.results.look_up(ref, blob_is_too_large)))

    def _expand(self, task: Task, attempt: int) -> ev.Event:
        assert task.each is not None
        items = self._fill(task.each.over)
        if not isinstance(items, dict | list | tuple):
            failure = Failure("TypeError", f"for-each needs a list or a map, not {items!r:.80}", severity="permanent")
            return ev.TaskFailed(0.0, task.id, attempt, failure)
        explicit = self.machine.graph.explicit.get(task.id, {}).values()
        patch, result = expanded(task, list(items) if isinstance(items, dict) else len(items), incoming=explicit)
        return ev.TaskExpanded(0.0, task.id, attempt, patch, result, task.each.accept_errors)
