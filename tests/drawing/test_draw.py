"""Graphs as pictures: Mermaid, DOT, SVG and the terminal."""

from __future__ import annotations

import time
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.drawing.draw import dot, mermaid, svg, terminal
from orrery.drawing.view import short_seconds, shortened, view
from orrery.graph import Each, Edge, Expr, Graph, Ref, Task
from orrery.graph.nest import expanded
from orrery.graph.text import parse
from orrery.testing.graphs import graphs, random_graph

SVG = "{http://www.w3.org/2000/svg}"


def _story() -> Graph:
    return parse(
        """
        load = files.read(path="a.txt") [takes 0.2s]
        count = text.count(load) [takes 2.5s]
        tell = say() [after load.failure]
        index = text.index(load) [softly after count]
        report = render(count, index, tell) [after tell.completion, label "The report"]
        """
    )


def test_the_terminal_shows_lanes_that_part_and_meet() -> None:
    assert terminal(_story(), width=80) == (
        "●      load        files.read  200 ms\n"
        "├─┬─╮\n"
        "● │ │  count       text.count  2.5 s\n"
        "├─┤ │\n"
        "│ ● │  index       text.index  1 s\n"
        "├─╯ │\n"
        "│   ●  tell        say  1 s  ← load (on failure)\n"
        "├───╯\n"
        "●      The report  render  1 s  ← tell (in any case)\n"
    )


def test_the_terminal_shows_states_and_keeps_to_its_width() -> None:
    text = terminal(_story(), width=40, states={"load": "succeeded", "count": "running", "tell": "skipped"})
    assert "✔      load" in text
    assert "▶ │ │  count" in text
    assert max(map(len, text.splitlines())) <= 40
    assert terminal(Graph(), width=80) == ""


def _grown() -> tuple[Graph, dict[str, str]]:
    each = Task("work", "analyse", {"x": Ref("list")}, each=Each(Ref("list")))
    graph = Graph([Task("list", "glob"), each, Task("join", "merge", {"work": Ref("work")})])
    patch, _ = expanded(each, 240)
    return graph.apply(patch), {f"work/{n}": "succeeded" if n < 200 else "running" for n in range(240)}


def test_many_equal_siblings_are_one_line_in_their_parents_place() -> None:
    graph, states = _grown()
    assert terminal(graph, width=100, states=states).splitlines()[1] == (
        "▶ work/*  analyse  \N{MULTIPLICATION SIGN} 240  1 s  40 running, 200 succeeded"
    )
    assert [box.count for box in view(graph, most=10).boxes.values()] == [1, 240, 1]
    assert len(view(graph, most=500).boxes) == 243


def test_siblings_that_were_linked_behind_their_parents_reader_make_no_loop() -> None:
    graph, _ = _grown()
    tasks = [
        *graph,
        *(Task(f"late/{n}", "f", {"x": Ref("join")}) for n in range(5)),
        Task("late", "f"),
        Task("end", "f"),
    ]
    edges = [Edge("late", "join"), *(Edge(f"late/{n}", "end") for n in range(5))]
    shown = view(Graph(tasks, edges), most=5)
    place = {key: n for n, key in enumerate(shown.boxes)}
    assert all(place[arrow.source] < place[arrow.target] for arrow in shown.arrows)


def test_deep_growth_is_folded_level_by_level() -> None:
    tasks = [
        Task("a", "f"),
        *(Task(f"a/{n}", f"op{n}") for n in range(9)),
        *(Task(f"a/0/{n}", f"o{n}") for n in range(9)),
    ]
    assert list(view(Graph(tasks), most=12).boxes) == ["a", *(f"a/{n}" for n in range(9))]
    assert list(view(Graph(tasks), most=3).boxes) == ["a"]


def test_too_many_lanes_become_a_list_with_names() -> None:
    tasks = [Task(f"t{n}", f"op{n}") for n in range(60)]
    graph = Graph([*tasks, Task("z", "f", {f"x{n}": Ref(f"t{n}") for n in range(60)})])
    chain = Graph([Task("s", "f"), *(Task(f"t{n}", f"op{n}", {"s": Ref("s")}) for n in range(60))])
    assert len(terminal(graph, width=60).splitlines()) <= 122
    assert "● t7   op7  1 s  ← s" in terminal(chain, width=60)


def test_mermaid_and_dot_name_every_box_and_arrow() -> None:
    graph = Graph(
        [Task("a", 'say "hi"'), Task("b c", "f", {"a": Ref("a")}), Task("d", "f")],
        [Edge("a", "d", on=Expr("result > 1"), hard=False)],
    )
    assert mermaid(graph) == (
        "flowchart LR\n"
        '    n0["<b>a</b><br/>say #34;hi#34;  1 s"]\n'
        '    n1["<b>b c</b><br/>f  1 s"]\n'
        '    n2["<b>d</b><br/>f  1 s"]\n'
        "    n0 --> n1\n"
        '    n0 -.->|"if result #62; 1"| n2\n'
    )
    assert '    "a" [label="a\\nsay \\"hi\\"  1 s"]' in dot(graph)
    assert '    "a" -> "d" [style=dashed, label="if result > 1"]' in dot(graph)


@given(graphs(max_tasks=5), st.integers(1, 6), st.integers(1, 80))
@settings(max_examples=80, deadline=None)
def test_strange_graphs_are_drawn_well_formed(graph: Graph, most: int, width: int) -> None:
    states = dict.fromkeys(graph.tasks, "running")
    root = ElementTree.fromstring(svg(graph, states=states, most=most))
    assert root.tag == f"{SVG}svg"
    assert len(root.findall(f"{SVG}g/{SVG}rect[@class='card']")) == len(view(graph, most=most).boxes)
    assert max(map(len, terminal(graph, width=width).split("\n"))) <= width
    assert mermaid(graph, most=most).startswith("flowchart")
    assert dot(graph, most=most).startswith("digraph")


def test_the_svg_colours_states_and_dashes_soft_edges() -> None:
    picture = svg(_story(), states={"load": "failed", "count": "skipped"})
    root = ElementTree.fromstring(picture)
    assert len(root.findall(f"{SVG}g[@class='s-failed']")) == 1
    assert len(root.findall(f"{SVG}path[@class='e soft']")) == 1
    assert len(root.findall(f"{SVG}path[@class='e fail']")) == 1
    assert [text.text for text in root.findall(f"{SVG}text")] == ["failed", "skipped"]
    assert "prefers-color-scheme:dark" in picture
    assert "href" not in picture


def test_two_thousand_tasks_are_drawn_in_time() -> None:
    graph = random_graph(2, tasks=2_000)
    begin = time.process_time()
    svg(graph, most=5_000)
    terminal(graph, width=120)
    assert time.process_time() - begin < 4


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, ""), (0.25, "250 ms"), (2.5, "2.5 s"), (119, "119 s"), (600, "10 min"), (7_200, "2 h")]
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert short_seconds(seconds) == text


def test_long_names_are_cut_in_the_middle() -> None:
    assert shortened("abcdefghijklmnopqrstuvwxyz", 10) == "abcdef…xyz"
    assert shortened("abc", 3) == "abc"
    assert shortened("abc", 1) == "a"
