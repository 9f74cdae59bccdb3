"""Scene: a run that somebody is about to change, as the text form of graphs; and changes written in that form."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from orrery.graph.diff import diff
from orrery.graph.edge import Edge
from orrery.graph.graph import Graph
from orrery.graph.patch import Patch
from orrery.graph.ref import TaskId
from orrery.graph.text import parse, statement, write
from orrery.graph.text_reader import ELSEWHERE
from orrery.graph.values import decode
from orrery.scheduler.growth import why_locked
from orrery.scheduler.machine import Machine
from orrery.scheduler.record import Record
from orrery.scheduler.states import State
from orrery.telling.plain import short
from orrery.telling.printable import printable

MOST_STARTED, MOST_LINE = 200, 100
"""Of the tasks that have started so many are shown, the newest, in lines of so many characters."""


class Scene:
    """A run at the moment at which somebody begins to change it.

    Attributes:
        graph: all of it, as it was then.
        locked: the tasks that have started or ended, and why they cannot be edited.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.graph = graph_of(machine)
        self.locked = {task: why for task in machine.records if (why := why_locked(machine, task)) is not None}

    def text(self) -> str:
        """What the person gets to see: comments on what has started, and the rest as the text form of graphs."""
        return "".join(f"# {line}".rstrip() + "\n" for line in self._head()) + "\n" + self.open_text()

    def open_text(self) -> str:
        """The part that can be edited, without comments."""
        return write(self.graph, only=self.graph.tasks.keys() - self.locked.keys())

    def _head(self) -> Iterable[str]:
        yield f"run {self.machine.run}: {len(self.graph) - len(self.locked)} tasks have not started"
        yield "Change them, take them away, add others; everything may refer to what has started. Lines like this one"
        yield "are not read. What you change is shown and asked about before it is sent; the same text changes nothing."
        yield ""
        shown = list(self.locked)[-MOST_STARTED:]
        if len(shown) < len(self.locked):
            yield f"{len(self.locked) - len(shown)} tasks more have started; `orrery show {self.machine.run} --all`"
        for task in shown:
            yield from _comment(self.machine.records[task], self.machine.graph.explicit.get(task, {}).values())

    def patch(self, text: str) -> Patch:
        """The change that a person made by editing `text()`. Raises GraphError with every problem and its line."""
        return diff(self._open_graph(), parse(text, beside=self.locked))

    def _open_graph(self) -> Graph:
        return parse(self.open_text(), beside=self.locked)


def graph_of(machine: Machine) -> Graph:
    """The graph of a run as it stands."""
    live = machine.graph
    edges = [edge for into in live.explicit.values() for edge in into.values()]
    return Graph(live.tasks.values(), edges, live.outputs)


def addition(text: str, scene: Scene, *, source: str = "") -> Patch:
    """The change that a text makes by itself: its tasks are added, or take the place of those of their names.

    Nothing is taken away by it; of the outputs it sets those that it names.

    Args:
        source: what the text is called in messages.

    Raises GraphError.
    """
    written = parse(text, source=source, beside={task: scene.locked.get(task) for task in scene.graph.tasks})
    mine = {task.id: task for task in written if task.op != ELSEWHERE}
    edges = [edge for edge in scene.graph.edges.values() if edge.target not in mine]
    after = Graph(
        {**scene.graph.tasks, **mine}.values(),
        [*edges, *written.edges.values()],
        {**scene.graph.outputs, **written.outputs},
    )
    return diff(scene.graph, after)


def difference(before: Graph, patch: Patch) -> list[str]:
    """What a patch changes, as lines of the text form with "- " and "+ " in front of them."""
    after = before.apply(patch)
    lines: list[str] = []
    for task in patch.touched():
        lines += _marked(before, after, lambda graph, task=task: _statement(graph, task))  # type: ignore[misc]
    return lines + _marked(before, after, lambda graph: write(graph, only=()))


def _marked(before: Graph, after: Graph, told: Callable[[Graph], str]) -> list[str]:
    return marked(told(before), told(after))


def marked(old: str, new: str) -> list[str]:
    """A text and what takes its place, as lines with "- " and "+ " in front of them; none where they are the same."""
    if old == new:
        return []
    return [*(f"- {line}" for line in old.splitlines()), *(f"+ {line}" for line in new.splitlines())]


def _statement(graph: Graph, task: TaskId) -> str:
    return statement(graph[task], _edges_into(graph, task)) if task in graph else ""


def _edges_into(graph: Graph, task: TaskId) -> list[Edge]:
    return [edge for source in graph.incoming(task) if (edge := graph.edges.get((source.source, task))) is not None]


def _comment(record: Record, edges: Iterable[Edge]) -> Iterable[str]:
    """A task that has started, on one line, and below it what came of it."""
    line = " ".join(printable(statement(record.task, edges)).split())
    yield f"{record.state.value:<9}  {line if len(line) <= MOST_LINE else line[: MOST_LINE - 3] + '...'}"
    if record.state is State.SUCCEEDED and record.value is not None:
        yield f"{'':<9}    {short(decode(record.value), MOST_LINE)}"
    elif record.failure is not None:
        yield f"{'':<9}    {short(str(record.failure), MOST_LINE)}"
