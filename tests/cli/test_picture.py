"""The live display: what it shows, that it fits, and that a picture costs the same for any number of tasks."""

from __future__ import annotations

import io
import time
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from orrery.cli.picture import Picture, rows
from orrery.cli.screen import FINE, PLAIN, marks_for
from orrery.cli.tally import Happening, Tally
from orrery.errors import Failure
from orrery.graph import Each, Edge, Graph, Limits, Ref, Retry, Task
from orrery.graph.nest import expanded
from orrery.graph.values import encode
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine


class Scene:
    """A run told by hand, with the tally that a display would keep."""

    def __init__(self, graph: Graph) -> None:
        self.machine = Machine("r")
        self.at = 1000.0
        self.told: list[Happening] = []
        self.tally = Tally(self.machine, self.at)
        self.happen(ev.RunStarted(self.at, "r"), ev.GraphPatched(self.at, graph.as_patch()))

    def happen(self, *events: ev.Event) -> None:
        """Let events happen in one turn."""
        log: list[ev.Event] = []
        for event in events:
            taken = self.machine.handle(event)
            log += ([taken] if taken is not None else []) + self.machine.decisions
            self.machine.decisions.clear()
            self.machine.cancels.clear()
        self.told += self.tally.take(log)

    def start(self, *tasks: str) -> None:
        """Start an attempt at each."""
        self.at += 1
        self.happen(*(ev.TaskStarted(self.at, t, self.machine.records[t].attempt + 1) for t in tasks))

    def succeed(self, *tasks: str) -> None:
        """Let the attempt at each succeed."""
        self.at += 1
        done = msgspec.Raw(encode(None))
        self.happen(*(ev.TaskSucceeded(self.at, t, self.machine.records[t].attempt, done) for t in tasks))

    def fail(self, task: str, message: str) -> None:
        """Let the attempt at it fail."""
        self.at += 1
        self.happen(ev.TaskFailed(self.at, task, self.machine.records[task].attempt, Failure("ValueError", message)))

    def grow(self, task: str, count: int) -> None:
        """Let a task with for-each become one child per item."""
        record = self.machine.records[task]
        patch, result = expanded(record.task, count, incoming=())
        self.happen(ev.TaskExpanded(self.at, task, record.attempt, patch, result))

    def lines(self, height: int = 24, width: int = 80, *, fine: bool = True) -> list[str]:
        """The picture as lines of text."""
        console = Console(file=io.StringIO(), width=width, height=height, highlight=False, markup=False, emoji=False)
        with console.capture() as captured:
            console.print(Picture(self.tally, "flow", FINE if fine else PLAIN, 0, self.at))
        return [line.rstrip() for line in captured.get().splitlines()]


def chain(*names: str, **limits: Limits) -> Graph:
    """Tasks that wait for each other in the order given."""
    tasks = [Task(name, "x", limits=limits.get(name, Limits())) for name in names]
    return Graph(tasks, [Edge(a, b) for a, b in pairwise(names)])


def test_each_task_has_a_line_with_its_state_and_how_long_it_took() -> None:
    scene = Scene(chain("fetch", "parse", "store"))
    scene.start("fetch")
    scene.succeed("fetch")
    scene.start("parse")
    scene.happen(ev.TaskProgressed(scene.at, "parse", 1, 0.5, "page 5"))
    lines = scene.lines()
    assert lines[0].startswith("flow  1/3 tasks · 1 running")
    assert lines[1].startswith("├─ ✓ fetch")
    assert lines[1].endswith("1.00 s")
    assert "page 5" in lines[2]
    assert lines[2].count("━") == 12
    assert lines[3] == "└─ · store"


def test_children_are_one_line_with_a_bar_and_the_running_ones_below_it() -> None:
    each = Task("each", "x", {"item": Ref("@item")}, each=Each(list(range(40))))
    scene = Scene(Graph([each, Task("end", "x")], [Edge("each", "end")]))
    scene.start("each")
    scene.grow("each", 40)
    scene.start(*(f"each/{i}" for i in range(14)))
    scene.succeed(*(f"each/{i}" for i in range(12)))
    lines = scene.lines()
    assert "12/40 done, 2 running" in lines[1]
    assert [line.split()[2] for line in lines[2:4]] == ["◐", "◐"]
    assert lines[2].startswith("│  ├─ ◐ each/12")
    assert lines[3].startswith("│  └─ ◐ each/13")
    assert lines[4] == "└─ · end"
    scene.start(*(f"each/{i}" for i in range(14, 40)))
    scene.succeed(*(f"each/{i}" for i in range(12, 40)))
    assert "40/40 done" in scene.lines()[1]
    assert scene.told[-1].task == "each"


def test_a_retry_a_question_and_a_failure_say_why() -> None:
    retried = Task("retried", "x", limits=Limits(retry=Retry(attempts=3, backoff_s=5, jitter=0)))
    scene = Scene(
        Graph([retried, Task("asking", "ask", {"question": "Ship it?"}, executor="person"), Task("bad", "x")])
    )
    scene.start("retried", "bad")
    scene.fail("retried", "no luck")
    scene.fail("bad", "broken")
    text = "\n".join(scene.lines(width=100))
    assert "again in 4 s: ValueError: no luck" in text
    assert "Ship it? (orrery approve r asking)" in text
    assert "ValueError: broken" in text
    assert "1 failed" in text
    assert [(one.task, one.kind) for one in scene.told] == [
        ("asking", "asking"),
        ("retried", "retrying"),
        ("bad", "failed"),
    ]


def test_every_task_that_ends_is_told_once() -> None:
    each = Task("each", "x", {"item": Ref("@item")}, each=Each([1, 2]))
    scene = Scene(Graph([each, Task("end", "x")], [Edge("each", "end")]))
    scene.start("each")
    scene.grow("each", 2)
    scene.start("each/0", "each/1")
    scene.happen(
        ev.TaskFailed(scene.at, "each/0", 1, Failure("E", "x")), ev.TaskFailed(scene.at, "each/1", 1, Failure("E", "y"))
    )
    assert sorted((one.task, one.kind) for one in scene.told) == [
        ("each", "failed"),
        ("each/0", "failed"),
        ("each/1", "failed"),
        ("end", "skipped"),
    ]
    assert scene.tally.ended == scene.tally.done == scene.tally.total == 4


def test_what_is_most_pressing_is_shown_where_not_all_fits() -> None:
    scene = Scene(Graph([Task(f"t{i}", "x") for i in range(300)]))
    scene.start(*(f"t{i}" for i in range(100)))
    scene.fail("t7", "broken")
    scene.succeed(*(f"t{i}" for i in range(20, 60)))
    lines = scene.lines(height=12)
    assert len(lines) <= 12
    assert "✗ t7" in lines[1]
    assert "more running" in lines[-3]
    assert lines[-2:] == ["├─ ✓ 41 done", "└─ · 200 waiting"]


@pytest.mark.parametrize("count", [1, 5, 50, 2000])
@pytest.mark.parametrize(("height", "width"), [(6, 30), (24, 80), (50, 200)])
def test_a_picture_fits_its_screen(count: int, height: int, width: int) -> None:
    scene = Scene(Graph([Task("a long name that says much about task " + str(i), "x") for i in range(count)]))
    scene.start(*list(scene.machine.records)[: count // 2])
    for fine in (True, False):
        lines = scene.lines(height, width, fine=fine)
        assert len(lines) < height
        assert all(len(line) <= width for line in lines)
        assert fine or all(line.isascii() for line in lines)


def test_a_picture_costs_the_same_for_any_number_of_tasks() -> None:
    def seconds(count: int) -> float:
        scene = Scene(Graph([Task(f"t{i}", "x") for i in range(count)]))
        scene.start(*(f"t{i}" for i in range(count // 2)))

        def once() -> float:
            began = time.process_time()
            scene.lines()
            return time.process_time() - began

        return min(once() for _ in range(5))

    assert seconds(10_000) < 5 * seconds(200) + 0.01


@given(depths=st.lists(st.integers(0, 3), max_size=12))
def test_every_row_of_a_tree_has_a_guide_as_deep_as_it_hangs(depths: list[int]) -> None:
    from orrery.cli.picture import _guides

    guides = _guides(depths, FINE)
    assert [len(guide) for guide in guides] == [3 * (depth + 1) for depth in depths]
    for position, (guide, depth) in enumerate(zip(guides, depths, strict=True)):
        later = next((other for other in depths[position + 1 :] if other <= depth), None)
        assert guide.endswith(FINE.branch if later == depth else FINE.last)


def test_rows_of_a_run_that_has_not_begun_are_none() -> None:
    assert rows(Tally(Machine("r"), 0.0), 10, 0.0) == []


def test_a_console_that_cannot_write_unicode_gets_plain_marks() -> None:
    class Ascii(io.StringIO):
        encoding = "ascii"

    assert marks_for(Console(file=Ascii())) is PLAIN
