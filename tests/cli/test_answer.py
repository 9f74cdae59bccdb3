"""What came of a run as people read it: the answer, what was spent, and what a plan would take."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from orrery.cli.answer import print_answer
from orrery.cli.forecast import forecast
from orrery.cli.tally import told_spending
from orrery.graph import Drop, Edge, Estimate, Graph, Patch, Task
from orrery.runtime import Result
from orrery.scheduler import events as ev
from orrery.telling.plain import dollars, spending
from orrery.telling.printable import printable

from .conftest import Call, Folder
from .test_picture import Scene


def printed(outputs: dict[str, Any], *, written: tuple[str, ...] = (), width: int = 80) -> list[str]:
    """What is printed as the answer."""
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        print_answer(console, Result("r", "succeeded", outputs, None, 1.0), written)
    return [line.rstrip() for line in captured.get().splitlines()]


def test_a_text_is_printed_as_it_is() -> None:
    assert printed({"answer": "Two lines.\n  Kept [as] they are."}) == ["", "Two lines.", "  Kept [as] they are."]


def test_records_are_a_table_with_numbers_at_the_right() -> None:
    assert printed({"answer": [{"file": "a.py", "lines": 9}, {"file": "long.py", "lines": 1200}]}) == [
        "",
        "file     lines",
        "a.py         9",
        "long.py   1200",
    ]


def test_named_numbers_are_a_table_too() -> None:
    assert printed({"result": {"a": 1, "b": 22}}) == ["", "name  value", "a         1", "b        22"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, ["3"]),
        (None, ["(nothing)"]),
        (True, ["true"]),
        (["a", "b"], ["a", "b"]),
        ([], ["[]"]),
        ({"path": "out/a.txt", "size_bytes": 12}, ["out/a.txt"]),
        ({"deep": {"er": [1, 2]}}, ["{", '  "deep": {', '    "er": [', "      1,", "      2", "    ]", "  }", "}"]),
    ],
)
def test_any_value_is_readable(value: Any, expected: list[str]) -> None:
    assert printed({"answer": value}) == ["", *expected]


def test_the_answer_is_what_is_called_so_and_else_everything_with_its_name() -> None:
    assert printed({"answer": "yes", "summary": "long"}) == ["", "yes"]
    assert printed({"one": "1", "two": "2"}) == ["", "one", "1", "", "two", "2"]


def test_a_long_answer_is_cut_and_says_where_the_rest_is() -> None:
    lines = printed({"answer": "\n".join(map(str, range(1000)))})
    assert lines[-1] == "and 800 more lines; `orrery show r --json` has all of it"
    rows = printed({"answer": [{"n": n} for n in range(100)]})
    assert rows[-1] == "and 40 more rows; `orrery show r --json` has all of it"


def test_files_that_were_written_are_named() -> None:
    assert printed({"answer": "done"}, written=("a.svg", "b.csv"))[-1] == "wrote  a.svg, b.csv"


def test_an_answer_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in "\n".join(printed({"answer": "\x1b[2J\x1b]0;title\x07gone"}))
    assert printable("a\tb\r\nc\rd\x1b[m") == "a\tb\nc\ufffdd\ufffd[m"


def test_money_and_tokens_are_told_where_there_are_any() -> None:
    assert spending(0.0, 0) == []
    assert spending(0.0042, 1204) == ["1,204 tokens", "$0.0042"]
    assert (dollars(12.345), dollars(0.00001), dollars(0)) == ("$12.35", "under $0.0001", "$0.0000")
    assert told_spending("1,204 tokens, $0.004200") == (0.0042, 1204)
    assert told_spending("page 5") == (0.0, 0)


def test_the_headline_counts_what_running_model_calls_say_of_themselves() -> None:
    scene = Scene(Graph([Task("ask", "model.ask"), Task("again", "model.ask")]))
    scene.start("ask", "again")
    scene.happen(ev.TaskProgressed(scene.at, "ask", 1, None, "120 tokens"))
    assert scene.lines()[0].startswith("flow  0/2 tasks · 2 running · 120 tokens ")
    done = ev.TaskSucceeded(scene.at, "ask", 1, usage=ev.Usage(0.5, 200))
    scene.happen(done, ev.TaskProgressed(scene.at, "again", 1, None, "40 tokens, $0.25"))
    assert "240 tokens · $0.7500" in scene.lines()[0]


def test_a_task_that_a_planner_drops_leaves_the_tree() -> None:
    scene = Scene(Graph([Task("a", "x"), Task("b", "x")], [Edge("a", "b")]))
    scene.happen(ev.GraphPatched(scene.at, Patch((Drop("b"),))))
    assert [line.split()[2] for line in scene.lines()[1:]] == ["a"]
    assert scene.tally.top_count == 1


def test_a_long_request_leaves_room_for_what_is_going_on() -> None:
    scene = Scene(Graph([Task("a", "x")]))
    scene.start("a")
    from orrery.cli.picture import Picture
    from orrery.cli.screen import FINE

    console = Console(file=io.StringIO(), width=80, height=24, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(Picture(scene.tally, "count the lines of every file " * 4, FINE, 0, scene.at))
    head = captured.get().splitlines()[0]
    assert "0/1 tasks · 1 running" in head
    assert head.rstrip().endswith(" s")
    assert len(head) <= 80


def test_a_forecast_adds_up_what_the_tasks_say_and_says_what_is_guessed() -> None:
    tasks = [
        Task("find", "files.glob", estimate=Estimate(2.0)),
        Task("read", "model.ask", estimate=Estimate(6.0, 0.01, 900)),
        Task("sum", "model.ask", estimate=Estimate(3.0, 0.02, 100)),
        Task("ok", "ask", {"question": "Send it?"}, executor="person"),
        Task("send", "x"),
    ]
    edges = [Edge("find", "read"), Edge("find", "sum"), Edge("read", "ok"), Edge("ok", "send")]
    found = forecast(Graph(tasks, edges))
    assert (found.seconds, found.work_s, found.tokens, found.guessed, found.calls) == (9.0, 12.0, 1000, 1, 2)
    assert found.money == pytest.approx(0.03)
    assert found.asks == {"ok": "Send it?"}


def test_what_a_run_spent_is_in_its_summary_in_show_and_in_json(call: Call, folder: Folder) -> None:
    folder.write("spend.py", "def spend(ctx):\n    ctx.usage(money=0.25, tokens=1234)\n    return 'done'\n")
    folder.write("spend.yaml", 'tasks: {spend: {uses: "py:./spend.py:spend"}}\noutputs: {said: "${{ tasks.spend }}"}')
    said = call("run", "spend.yaml", "--run", "r")
    assert "  spent    1,234 tokens · $0.2500" in said.out, said
    shown = call("show", "r").out.splitlines()
    assert "1,234 tokens  $0.2500" in shown[0]
    assert "1,234 tokens $0.2500" in next(
        line for line in shown if "spend" in line and "succeeded" in line and "r " not in line[:2]
    )
    found = call("show", "r", "--json").json
    assert (found["money"], found["tokens"]) == (0.25, 1234)
    plain = call("run", "hello.yaml", "--json").json
    assert not {"money", "tokens"} & plain.keys()
