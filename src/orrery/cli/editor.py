"""The text of a run that a person edits: what has not started as statements, the rest as comments above them."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from orrery.cli.plain import short
from orrery.cli.screen import printable
from orrery.errors import RequestError
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

MOST_STARTED, MOST_LINE = 200, 100
"""Of the tasks that have started so many are shown, the newest, in lines of so many characters."""
USUAL_EDITORS = ("sensible-editor", "nano", "vim", "vi")


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
    old, new = told(before), told(after)
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


class Draft:
    """A person's text in a file of their own, which stays where it is until it is `done` with."""

    def __init__(self, run: str, text: str) -> None:
        descriptor, name = tempfile.mkstemp(prefix=f"orrery-{_plain_name(run)}-", suffix=".txt", text=True)
        self.path = Path(name)
        self.first = self.text = text
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)

    def edit(self) -> bool:
        """Let the person edit it; whether it says something else then.

        Raises RequestError: there is no editor, it failed, or what it left is no text.
        """
        words = _editor()
        before = signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is the editor's while it is open
        try:
            status = subprocess.run([*words, str(self.path)], check=False).returncode
        except OSError as error:
            raise RequestError(f"the editor {words[0]!r} cannot be started: {error.strerror}; set $EDITOR") from error
        finally:
            signal.signal(signal.SIGINT, before)
        if status != 0:
            raise RequestError(f"the editor {words[0]!r} ended with status {status}, so nothing was changed")
        try:
            after = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"{self.path} cannot be read: {error}") from error
        changed, self.text = after != self.text, after
        return changed

    @property
    def says_something(self) -> bool:
        """Whether there is anything in it that was not there at first; an empty text asks for nothing."""
        return bool(self.text.strip()) and self.text != self.first

    def complain(self, problems: Iterable[str]) -> None:
        """Put above the text what is wrong with it, in place of what was wrong before."""
        rest = [line for line in self.text.splitlines() if not line.startswith(_COMPLAINT)]
        lines = (f"{_COMPLAINT} {' '.join(problem.split())}" for problem in problems)
        self.text = "\n".join((*lines, *rest)) + "\n"
        self.path.write_text(self.text, encoding="utf-8")

    def done(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


_COMPLAINT = "#!"


def _plain_name(run: str) -> str:
    return "".join(mark if mark.isalnum() or mark in "-_" else "-" for mark in run)[:40]


def _editor() -> list[str]:
    """The words that start the person's editor. Raises RequestError if there is none."""
    for name in ("VISUAL", "EDITOR"):
        if words := shlex.split(os.environ.get(name, ""), posix=os.name != "nt"):
            return words
    for usual in ("notepad",) if os.name == "nt" else USUAL_EDITORS:
        if shutil.which(usual):
            return [usual]
    raise RequestError("there is no editor; name one in $EDITOR, or give the change with --patch or --drop")
