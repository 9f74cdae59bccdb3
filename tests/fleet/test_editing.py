"""The three invariants of editing, with edits and results in any order.

A running graph stays acyclic; what has started stays as it is; references and outputs stay whole. And what those who
edit and those who work must be able to rely on: no result that arrived is lost, and a patch that is refused leaves
nothing behind. What a patch should come to is worked out here a second time, naively and from scratch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import DataObject, DrawFn, SearchStrategy

from orrery.errors import Failure, PatchRefused
from orrery.graph import (
    Add,
    Drop,
    Edge,
    Edit,
    Effects,
    Expr,
    Graph,
    Limits,
    Link,
    Patch,
    Ref,
    Replace,
    Retry,
    SetOutputs,
    Task,
    TaskId,
    Unlink,
)
from orrery.graph.diff import same
from orrery.graph.edge import Condition
from orrery.graph.nest import nested
from orrery.graph.ref import INPUTS, PSEUDO_SOURCES
from orrery.graph.task import refs_in
from orrery.graph.values import encode
from orrery.graph.verify import edge_problems, join_problem, task_problems
from orrery.scheduler import Machine, Scheduler, State
from orrery.scheduler import events as ev
from orrery.scheduler.invariants import check
from orrery.scheduler.snapshot import freeze
from orrery.testing.strategies import patches

FRESH = [f"t{number}" for number in range(9)]
CAPACITY = {"inline": 2}
OPEN = (State.WAITING, State.READY)
DONE = (State.SUCCEEDED, State.FAILED, State.SKIPPED, State.CANCELLED)
BOOM = Failure("OSError", "boom", severity="transient")

# -- what people, planners and executors come up with ------------------------------------------------------------

_ONS: SearchStrategy[Condition] = st.sampled_from(["success", "success", "completion", "failure", Expr("result == 1")])
_LIMITS = st.sampled_from([Limits(), Limits(retry=Retry(2, backoff_s=1.0)), Limits(timeout_s=5.0)])


@st.composite
def _tasks(draw: DrawFn, ids: Sequence[TaskId], there: Sequence[TaskId]) -> Task:
    """A task of one of the ids, which reads of what is there."""
    read = draw(st.lists(st.sampled_from(there), max_size=2)) if there else []
    asks = bool(there) and draw(st.integers(0, 5)) == 0
    return Task(
        draw(st.sampled_from(ids)),
        draw(st.sampled_from(["work", "other"])),
        {f"x{number}": Ref(name) for number, name in enumerate(read)},
        executor=draw(st.sampled_from(["inline"] * 7 + ["person"])),
        effects=Effects(draw(st.sampled_from(["pure", "idempotent", "once"]))),
        limits=draw(_LIMITS),
        join=draw(st.sampled_from([None, None, None, 1])),
        when=Expr("x != 2", {"x": Ref(draw(st.sampled_from(there)))}) if asks else None,
    )


@st.composite
def _patches(draw: DrawFn, there: Sequence[TaskId], edges: Sequence[tuple[TaskId, TaskId]]) -> Patch:
    """A patch for a graph: mostly about what is in it, and often wrong all the same."""
    some = st.sampled_from([*there, *there, *FRESH])
    edits: list[Edit] = []
    for _ in range(draw(st.integers(1, 3))):
        match draw(st.sampled_from(["add", "replace", "drop", "link", "unlink", "outputs"])):
            case "add":
                edits.append(Add(draw(_tasks(FRESH, there))))
            case "replace":
                edits.append(Replace(draw(_tasks(there, there))))
            case "drop":
                edits.append(Drop(draw(some)))
            case "link":
                source, target = draw(st.sampled_from(there)), draw(some)
                edits.append(Link(Edge(source, target, on=draw(_ONS), hard=draw(st.booleans()))))
            case "unlink":
                edits.append(Unlink(*draw(st.sampled_from([*edges, ("t0", "t1")]))))
            case _:
                refs = draw(st.lists(some, max_size=2, unique=True))
                edits.append(SetOutputs({name: Ref(name) for name in refs}))
    if draw(st.integers(0, 2)) == 0:  # a circle, found when the edits before it have been laid over the graph
        source, target = draw(st.sampled_from([*edges, ("t0", "t1")]))
        edits.append(Link(Edge(target, source)))
    return Patch(tuple(edits), by="somebody")


@st.composite
def _graphs(draw: DrawFn) -> Graph:
    """A graph to begin with, and to grow into: a few tasks, each of which reads of earlier ones."""
    graph = Graph()
    for name in FRESH[: draw(st.integers(1, 8))]:
        edits: list[Edit] = [Add(draw(_tasks([name], list(graph.tasks))))]
        if len(graph) and draw(st.booleans()):
            edits.append(Link(Edge(draw(st.sampled_from(list(graph.tasks))), name, on=draw(_ONS))))
        try:
            graph = graph.apply(Patch(tuple(edits)))
        except PatchRefused:  # it needs more than it has: so be it without that
            graph = graph.apply(Patch((Add(Task(name, "work")),)))
    returned = draw(st.lists(st.sampled_from(list(graph.tasks)), max_size=2, unique=True))
    return graph.apply(Patch((SetOutputs({name: Ref(name) for name in returned}),)))


# -- the graph worked out naively --------------------------------------------------------------------------------


class Plain(NamedTuple):
    """A graph as three maps."""

    tasks: dict[TaskId, Task]
    explicit: dict[tuple[TaskId, TaskId], Edge]
    outputs: dict[str, Any]


def plain(machine: Machine) -> Plain:
    live = machine.graph
    explicit = {(s, t): edge for t, edges in live.explicit.items() for s, edge in edges.items()}
    return Plain(dict(live.tasks), explicit, dict(live.outputs))


def patched(graph: Plain, patch: Patch, locked: set[TaskId]) -> Plain | None:
    """The graph after a patch, or None if it must be refused."""
    tasks, explicit, outputs = dict(graph.tasks), dict(graph.explicit), graph.outputs
    for edit in patch.edits:
        match edit:
            case Add(task):
                if task.id in tasks:
                    return None
                tasks[task.id] = task
            case Replace(task):
                if task.id not in tasks or task.id in locked:
                    return None
                tasks[task.id] = task
            case Drop(name):
                if name not in tasks or name in locked:
                    return None
                del tasks[name]
                explicit = {key: edge for key, edge in explicit.items() if key[1] != name}
            case Link(edge):
                if edge.target not in tasks or edge.target in locked:
                    return None
                explicit[edge.source, edge.target] = edge
            case Unlink(source, target):
                if target in locked or (source, target) not in explicit:
                    return None
                del explicit[source, target]
            case SetOutputs(new):
                if outputs and not new:
                    return None
                outputs = new
    after = Plain(tasks, explicit, outputs)
    return after if is_whole(after) and is_acyclic(after) and is_sound(after) else None


def incoming(graph: Plain, task: Task) -> dict[TaskId, Edge]:
    """The edges into a task: the explicit ones, and one for each task that it refers to besides."""
    edges = {source: edge for (source, target), edge in graph.explicit.items() if target == task.id}
    for ref in task.refs():
        if ref.task not in PSEUDO_SOURCES:
            edges.setdefault(ref.task, Edge(ref.task, task.id))
    return edges


def is_whole(graph: Plain) -> bool:
    """Whether every edge, reference and output leads to a task that there is."""
    sources = {source for task in graph.tasks.values() for source in incoming(graph, task)}
    ends = {end for key in graph.explicit for end in key}
    returned = {ref.task for ref in refs_in(graph.outputs)} - {INPUTS}
    return (sources | ends | returned) <= graph.tasks.keys()


def is_acyclic(graph: Plain) -> bool:
    waits = {name: set(incoming(graph, task)) for name, task in graph.tasks.items()}
    while free := [name for name, sources in waits.items() if not sources]:
        for name in free:
            del waits[name]
        for sources in waits.values():
            sources.difference_update(free)
    return not waits


def is_sound(graph: Plain) -> bool:
    """Whether each task and edge is right by itself."""
    return not any(
        task_problems(task) or any(True for edge in edges.values() for _ in edge_problems(edge)) or _join(task, edges)
        for task in graph.tasks.values()
        if (edges := incoming(graph, task)) is not None
    )


def _join(task: Task, edges: Mapping[TaskId, Edge]) -> bool:
    return task.join is not None and join_problem(task, dict(edges)) is not None


# -- the run -----------------------------------------------------------------------------------------------------


class Editing(RuleBasedStateMachine):
    """One run; everybody does something to it, in any order, each event in a turn of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.log: list[ev.Event] = []
        self.live: dict[tuple[TaskId, int], None] = {}  # attempts that some executor still works at
        self.gone: list[tuple[TaskId, int]] = []
        self.results: dict[TaskId, bytes] = {}
        self.begun: dict[TaskId, tuple[Task, dict[TaskId, Edge]]] = {}
        self.had_outputs = False
        self.edits = 0

    @initialize(graph=_graphs())
    def begin(self, graph: Graph) -> None:
        self.scheduler = Scheduler(CAPACITY)
        self.machine = self.scheduler.admit(Machine("r"))
        self.say(ev.RunStarted(self.now, "r"))
        self.say(ev.GraphPatched(self.now, graph.as_patch()))

    def say(self, *events: ev.Event, start: bool = True) -> None:
        """One turn, as the driver makes it."""
        turn = self.scheduler.turn([("r", event) for event in events], self.now, start=start)
        self.log.extend(turn.log.get("r", ()))
        for begun in turn.starts:
            self.live[begun.task.id, begun.attempt] = None
            record = self.machine.records[begun.task.id]
            assert begun.task is record.task
            edges = incoming(plain(self.machine), begun.task)
            first = self.begun.setdefault(begun.task.id, (begun.task, edges))
            assert same(first[0], begun.task), "every attempt is made at what was first begun"
        check(self.scheduler)

    @property
    def goes_on(self) -> bool:
        return self.machine.state == "running"

    def edges(self) -> list[tuple[TaskId, TaskId]]:
        """The edges among what has not started, if there are any; else all."""
        edges = [(source, target) for target, sources in self.machine.graph.incoming.items() for source in sources]
        locked = self.locked()
        return [edge for edge in edges if locked.isdisjoint(edge)] or edges

    def locked(self) -> set[TaskId]:
        """What has started: that is so for good, also where an attempt was lost and is to be made again."""
        return {task for task, record in self.machine.records.items() if record.attempt or record.state not in OPEN}

    # -- those who edit ----------------------------------------------------------------------------------

    @precondition(lambda self: self.goes_on)
    @rule(data=st.data())
    def patch(self, data: DataObject) -> None:
        self.edit(data.draw(_patches(list(self.machine.records), self.edges())))

    @precondition(lambda self: not self.goes_on)
    @rule(data=st.data())
    def patch_too_late(self, data: DataObject) -> None:
        kept, said = freeze(self.machine), len(self.log)
        patch = data.draw(_patches(list(self.machine.records), self.edges()))
        self.say(ev.GraphPatched(self.machine.now, patch))
        assert (freeze(self.machine), len(self.log)) == (kept, said)

    @precondition(lambda self: self.goes_on)
    @rule(data=st.data(), valid=st.booleans())
    def strange_patch(self, data: DataObject, valid: bool) -> None:
        before = plain(self.machine)
        graph = Graph(before.tasks.values(), before.explicit.values(), before.outputs)
        self.edit(data.draw(patches(graph, max_edits=3, valid=valid)))

    def edit(self, patch: Patch) -> None:
        before, kept = plain(self.machine), freeze(self.machine)
        wanted = patched(before, patch, self.locked())
        self.say(ev.GraphPatched(self.machine.now, patch), start=False)
        (said,) = [event for event in self.log if getattr(event, "patch", None) is patch]
        if wanted is None:
            assert isinstance(said, ev.PatchRejected)
            assert said.problems, "a refusal has its reasons"
            assert freeze(self.machine) == kept, "a patch that is refused leaves everything as it was"
        else:
            assert isinstance(said, ev.GraphPatched)
            assert all(same(a, b) for a, b in zip(wanted, plain(self.machine), strict=True))
        self.say()

    @precondition(lambda self: self.goes_on)
    @rule(data=st.data(), seconds=st.floats(0.1, 20))
    def hold(self, data: DataObject, seconds: float) -> None:
        self.edits += 1
        tasks = data.draw(st.lists(st.sampled_from([*self.machine.records, "nobody"]), max_size=3))
        self.say(ev.EditOpened(self.now, f"edit-{self.edits}", tuple(tasks), self.now + seconds))

    @precondition(lambda self: self.goes_on and self.machine.edits)
    @rule(data=st.data())
    def let_go(self, data: DataObject) -> None:
        self.say(ev.EditClosed(self.now, data.draw(st.sampled_from(sorted(self.machine.edits)))))

    # -- those who work ----------------------------------------------------------------------------------

    def some_attempt(self, data: DataObject) -> tuple[TaskId, int]:
        found = data.draw(st.sampled_from(list(self.live)))
        del self.live[found]
        self.gone.append(found)
        return found

    @precondition(lambda self: self.live)
    @rule(data=st.data(), value=st.integers(0, 3))
    def succeed_at_one(self, data: DataObject, value: int) -> None:
        self.succeed(data, value)

    def succeed(self, data: DataObject, value: int) -> None:
        task, attempt = self.some_attempt(data)
        counts = self.goes_on and attempt in self.machine.records[task].live
        self.say(ev.TaskSucceeded(self.now, task, attempt, msgspec.Raw(encode(value))))
        if counts:
            assert task not in self.results, "a task has one result"
            self.results[task] = encode(value)

    @precondition(lambda self: self.live)
    @rule(data=st.data(), values=st.lists(st.integers(0, 3), min_size=1, max_size=4))
    def succeed_one_after_another(self, data: DataObject, values: list[int]) -> None:
        for value in values:
            if self.live:
                self.succeed(data, value)

    @precondition(lambda self: self.live)
    @rule(data=st.data(), severity=st.sampled_from(["transient", "permanent"]))
    def fail(self, data: DataObject, severity: Any) -> None:
        task, attempt = self.some_attempt(data)
        self.say(ev.TaskFailed(self.now, task, attempt, msgspec.structs.replace(BOOM, severity=severity)))

    @precondition(lambda self: self.live)
    @rule(data=st.data(), nothing_done=st.booleans())
    def lose(self, data: DataObject, nothing_done: bool) -> None:
        task, attempt = self.some_attempt(data)
        self.say(ev.AttemptLost(self.now, task, attempt, "its device is gone", nothing_done))

    @precondition(lambda self: self.live and len(self.machine.records) < 30)
    @rule(data=st.data(), inner=_graphs())
    def grow(self, data: DataObject, inner: Graph) -> None:
        task, attempt = self.some_attempt(data)
        grown, result = nested(inner, under=task)
        self.say(ev.TaskExpanded(self.now, task, attempt, grown, result))

    @precondition(lambda self: self.gone)
    @rule(data=st.data())
    def say_it_again(self, data: DataObject) -> None:
        """A result that was said already, or of an attempt that was given up."""
        task, attempt = data.draw(st.sampled_from(self.gone))
        before = len(self.log)
        self.say(ev.TaskSucceeded(self.now, task, attempt, msgspec.Raw(encode("again"))), start=False)
        assert not any(isinstance(event, ev.TaskSucceeded) for event in self.log[before:])
        self.say()

    @precondition(lambda self: self.goes_on and any(r.state is State.ASKING for r in self.machine.records.values()))
    @rule(data=st.data(), verdict=st.sampled_from(["approve", "deny", "rerun"]))
    def answer(self, data: DataObject, verdict: Any) -> None:
        asking = [task for task, record in self.machine.records.items() if record.state is State.ASKING]
        task = data.draw(st.sampled_from(asking))
        self.say(ev.TaskAnswered(self.now, task, verdict, msgspec.Raw(encode(1))))
        if verdict == "approve":
            self.results[task] = encode(1)

    @precondition(lambda self: self.goes_on)
    @rule(seconds=st.sampled_from([0.5, 3.0, 10.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.say(ev.TimeReached(self.now))

    @precondition(lambda self: self.goes_on)
    @rule(often=st.integers(0, 3))
    def pause_or_continue(self, often: int) -> None:
        if self.machine.paused:
            self.say(ev.RunContinued(self.now))
        elif not often:
            self.say(ev.RunPaused(self.now))

    @precondition(lambda self: self.goes_on)
    @rule()
    def crash(self) -> None:
        """The process dies and another one takes the run over from its log."""
        folded = Machine("r")
        for event in self.log:
            folded.replay(event)
        resumed = folded.handle(ev.RunResumed(self.now, folded.epoch + 1))
        assert resumed is not None
        self.log += [resumed, *folded.decisions]
        folded.decisions.clear()
        folded.cancels.clear()
        self.gone += self.live
        self.live.clear()
        self.scheduler = Scheduler(CAPACITY)
        self.machine = self.scheduler.admit(folded)
        self.say(ev.TimeReached(self.now))

    # -- what must hold ----------------------------------------------------------------------------------

    @invariant()
    def the_graph_is_acyclic(self) -> None:
        assert is_acyclic(plain(self.machine))

    @invariant()
    def what_has_started_is_as_it_was(self) -> None:
        graph = plain(self.machine)
        for task, (definition, edges) in self.begun.items():
            assert same(graph.tasks[task], definition)
            now = incoming(graph, definition)
            own = {source for source in now if self.machine.records[source].parent == task}
            assert {source: edge for source, edge in now.items() if source not in own} == edges

    @invariant()
    def references_and_outputs_are_whole(self) -> None:
        graph = plain(self.machine)
        assert is_whole(graph)
        assert graph.outputs or not self.had_outputs, "a run never loses what it returns"
        self.had_outputs = bool(graph.outputs)
        live = self.machine.graph
        assert live.incoming == {name: incoming(graph, task) for name, task in graph.tasks.items()}
        pairs = {(source, target) for target, edges in live.incoming.items() for source in edges}
        assert {(source, target) for source, targets in live.outgoing.items() for target in targets} == pairs

    @invariant()
    def no_result_is_lost(self) -> None:
        for task, value in self.results.items():
            record = self.machine.records[task]
            assert (record.state, record.value) == (State.SUCCEEDED, value)

    def teardown(self) -> None:
        """The log tells it all: folded, it is the same run."""
        if not self.log:
            return
        folded = Machine("r")
        for event in self.log:
            folded.replay(event)
        told = {task: (record.state, record.value) for task, record in self.machine.records.items()}
        assert {task: (record.state, record.value) for task, record in folded.records.items()} == told
        assert all(same(a, b) for a, b in zip(plain(folded), plain(self.machine), strict=True))


TestEditing = Editing.TestCase
TestEditing.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
