"""The readable form of a graph."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from orrery.errors import GraphError
from orrery.graph import INPUTS, ITEM, Each, Edge, Effects, Estimate, Expr, Graph, Limits, Ref, Retry, Task, Template
from orrery.graph.diff import same
from orrery.graph.text import parse, write
from orrery.graph.values import encode
from orrery.testing.graphs import graphs, random_graph, values


def test_simple_graphs_read_like_assignments() -> None:
    graph = parse("a = load(); b = count(a)\nc = copy(a.rows, to=b)  # a comment")
    assert graph == Graph(
        [
            Task("a", "load"),
            Task("b", "count", {"a": Ref("a")}),
            Task("c", "copy", {"rows": Ref("a", ("rows",)), "to": Ref("b")}),
        ]
    )
    assert write(graph) == "a = load()\nb = count(a)\nc = copy(a.rows, to=b)\n"


FULL = """\
load = files.read(@inputs.path, deep={a: [1, 2.5, null], "odd key": true})
count = text.count(load.text, what="lines") [
    pure,
    reads "file:a.md" "net:x",
    executor process,
    each load.files accepting errors,
    when "n > 1 and x" (n=load.rows[0]["a b"], x=load),
    timeout 30s,
    deadline 600s,
    retry 3 backoff 2s factor 3 most 30s jitter 0.5 on "OSError",
    holds gpu 2,
    hedge 5s,
    takes 2.5s,
    costs 0.02,
    tokens 500,
    label "Count them",
]
tell = say(message=t"no {load.name}: {{x}}\\n", item=`a b`) [after load.failure]
`a b` = py:pkg.mod:run() [once, softly after count.completion weight 0.5, after load if "result == 1"]
last = f(count, tell) [after tell, needs 1]
return lines=count, all=[load, {x: tell}]
"""


def test_every_field_has_its_word() -> None:
    graph = Graph(
        [
            Task(
                "load",
                "files.read",
                {"path": Ref(INPUTS, ("path",)), "deep": {"a": [1, 2.5, None], "odd key": True}},
            ),
            Task(
                "count",
                "text.count",
                {"text": Ref("load", ("text",)), "what": "lines"},
                effects=Effects("pure", reads=("file:a.md", "net:x")),
                executor="process",
                each=Each(Ref("load", ("files",)), accept_errors=True),
                when=Expr("n > 1 and x", {"n": Ref("load", ("rows", 0, "a b")), "x": Ref("load")}),
                limits=Limits(30, 600, Retry(3, 2, 3, 30, 0.5, ("OSError",)), {"gpu": 2}, 5),
                estimate=Estimate(2.5, 0.02, 500),
                label="Count them",
            ),
            Task(
                "tell",
                "say",
                {"message": Template(("no ", Ref("load", ("name",)), ": {x}\n")), "item": Ref("a b")},
            ),
            Task("a b", "py:pkg.mod:run", effects=Effects("once")),
            Task("last", "f", {"count": Ref("count"), "tell": Ref("tell")}, join=1),
        ],
        [
            Edge("load", "tell", on="failure"),
            Edge("count", "a b", on="completion", hard=False, weight=0.5),
            Edge("load", "a b", on=Expr("result == 1")),
            Edge("tell", "last"),
        ],
        {"lines": Ref("count"), "all": [Ref("load"), {"x": Ref("tell")}]},
    )
    assert write(graph) == FULL
    assert parse(FULL) == graph


@given(graphs(max_tasks=5))
@settings(max_examples=200, deadline=None)
def test_every_graph_survives_its_text(graph: Graph) -> None:
    text = write(graph)
    again = parse(text)
    assert again == graph
    assert list(again.tasks) == list(graph.tasks)
    assert all(same(again[task.id], task) for task in graph)
    assert write(again) == text


@given(values(refs=["a", "true", "x y", INPUTS]))
@settings(max_examples=200, deadline=None)
def test_every_value_survives_to_the_last_bit(value: Any) -> None:
    graph = Graph([Task("a", "f"), Task("true", "f"), Task("x y", "f"), Task("b", "f", {"v": value})])
    assert encode(parse(write(graph))["b"].args["v"]) == encode(value)


def test_a_name_with_a_brace_survives_in_a_template() -> None:
    graph = Graph([Task("}", "f"), Task("b", "f", {"t": Template(("x", Ref("}"), "{"))})])
    assert parse(write(graph)) == graph


def test_large_graphs_survive_too() -> None:
    graph = random_graph(1, tasks=500)
    assert parse(write(graph)) == graph


def test_spacing_lines_and_other_units_are_free() -> None:
    graph = parse(
        """
        ;; a = f( x = [ 1,
            2, ] , ) [ timeout 2m , pure, deadline 1500ms, ]; b=g(x=@item)[each [1,2]]
        return b
        """
    )
    assert graph["a"] == Task("a", "f", {"x": [1, 2]}, effects=Effects("pure"), limits=Limits(120.0, 1.5))
    assert graph["b"] == Task("b", "g", {"x": Ref(ITEM)}, each=Each([1, 2]))
    assert graph.outputs == {"b": Ref("b")}
    assert len(parse("")) == len(parse("# nothing\n\n")) == 0


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a = f(", "text/syntax", "line 1, column 7"),
        ("a = f()\nb = g(x=)", "text/syntax", "line 2, column 9"),
        ("a = f() b", "text/syntax", "line 1, column 9"),
        ("a f()", "text/syntax", "line 1, column 3"),
        ("a = ()", "text/syntax", "line 1, column 5"),
        ('a = f(x="abc\n")', "text/syntax", "line 1, column 9"),
        ('a = f(x="\\q")', "text/escape", "line 1, column 9"),
        ("a = f(x=1, x=2)", "text/duplicate", "line 1, column 12"),
        ("a = f(x={y: 1, y: 2})", "text/duplicate", "line 1, column 16"),
        ("a = f()\na = g()", "text/duplicate", "line 2, column 1"),
        ("a = f() [pure, once]", "text/duplicate", "line 1, column 16"),
        ("a = f() [tiemout 3s]", "text/clause", "line 1, column 10"),
        ("a = f() [timeout 3]", "text/unit", "line 1, column 19"),
        ("a = f() [retry 1.5]", "text/value", "line 1, column 16"),
        ("a = f(@inputs)", "text/unnamed", "line 1, column 7"),
        ("a = f(x=@imputs.y)", "text/unknown", "line 1, column 9"),
        ("true = f()", "text/keyword", "line 1, column 1"),
        ('a = f() [when "1 +"]', "text/condition", "line 1, column 15"),
        ('a = f(x=bytes("A"))', "text/value", "line 1, column 9"),
        ('a = f(x=t"{b} }")', "text/template", "line 1, column 15"),
        ("a = f(x=" + "[" * 5_000, "text/depth", None),
        ("a = f() [costs " + "9" * 400 + "]", "text/value", "line 1, column 15"),
        ("a = f()\n  b = g(x=c)", "graph/unknown-task", "line 2, column 3, task 'b'"),
        ("a = f(b)\nb = f(a)", "graph/cycle", None),
        ("a = f() [after a]", "graph/self-loop", "line 1, column 1, edge 'a' -> 'a'"),
    ],
)
def test_what_cannot_be_read_has_its_line_and_column(text: str, code: str, place: str | None) -> None:
    with pytest.raises(GraphError) as caught:
        parse(text)
    assert caught.value.problems[0].code == code
    assert place is None or caught.value.problems[0].place == place


def test_every_wrong_statement_is_reported_at_once() -> None:
    with pytest.raises(GraphError) as caught:
        parse("a = \nb = f() [nonsense]\nc = g()\nd = = ", source="flow.txt")
    assert [problem.place for problem in caught.value.problems] == ["flow.txt:1:5", "flow.txt:2:10", "flow.txt:4:5"]
