"""Growth: sub-graphs and for-each as patches."""

from __future__ import annotations

import pytest

from orrery.errors import GraphError
from orrery.graph import INDEX, INPUTS, ITEM, Add, Each, Edge, Expr, Graph, Ref, Task, Template
from orrery.graph.nest import bound, expanded, nested


def _sub() -> Graph:
    return Graph(
        [
            Task("load", "files.read", {"path": Ref(INPUTS, ("path",)), "deep": [{"k": Ref(INPUTS, ("opts", "k"))}]}),
            Task("count", "text.count", {"text": Ref("load", ("text", 0))}, when=Expr("n > 1", {"n": Ref("load")})),
            Task("tell", "say"),
        ],
        [Edge("load", "tell", on="failure")],
        {"lines": Ref("count"), "as": [Ref(INPUTS, ("opts",))]},
    )


def test_a_nested_graph_speaks_of_its_own_tasks_and_of_what_it_was_given() -> None:
    patch, result = nested(_sub(), "p", {"path": "a.txt", "opts": Ref("cfg", ("o",))})
    after = Graph([Task("cfg", "load"), Task("p", "sub")]).apply(patch)
    assert list(after.tasks) == ["cfg", "p", "p/load", "p/count", "p/tell"]
    assert after["p/load"].args == {"path": "a.txt", "deep": [{"k": Ref("cfg", ("o", "k"))}]}
    assert after["p/count"].args == {"text": Ref("p/load", ("text", 0))}
    assert after["p/count"].when == Expr("n > 1", {"n": Ref("p/load")})
    assert after.edges["p/load", "p/tell"].on == "failure"
    assert result == {"lines": Ref("p/count"), "as": [Ref("cfg", ("o",))]}


def test_one_output_named_result_is_the_result_itself() -> None:
    _, result = nested(Graph([Task("a", "f")], outputs={"result": [Ref("a", ("x",))]}), "p")
    assert result == [Ref("p/a", ("x",))]


def test_without_outputs_the_result_is_what_nobody_reads() -> None:
    _, result = nested(Graph([Task("a", "f"), Task("b", "f", {"x": Ref("a")}), Task("c", "f")]), "p")
    assert result == {"b": Ref("p/b"), "c": Ref("p/c")}


def test_every_missing_input_is_named_at_once() -> None:
    with pytest.raises(GraphError) as caught:
        nested(_sub(), "p", {"opts": {"x": 1}})
    assert [(p.code, p.place) for p in caught.value.problems] == [
        ("nest/missing-input", "task 'p/load'"),
        ("nest/no-such-part", "task 'p/load'"),
    ]


def test_a_condition_over_a_literal_input_is_computed_as_far_as_it_goes() -> None:
    names = {"n": Ref("count"), "limits": {"most": 3, "tags": ["a"]}, "flag": True}
    assert bound(Expr("flag and n > limits.most"), names) == Expr("True and n > 3", {"n": Ref("count")})
    assert bound(Expr("limits['most'] == 3"), names).evaluate({}) is True
    assert bound(Expr("n in limits.tags"), names).evaluate({"n": "a"}) is True
    graph = Graph([Task("a", "f", when=Expr("x > 1", {"x": Ref(INPUTS, ("x",))}))])
    patch, _ = nested(graph, "p", {"x": 5})
    assert Graph([Task("p", "sub")]).apply(patch)["p/a"].when == Expr("True")
    with pytest.raises(GraphError, match="nest/condition"):
        nested(graph, "p", {"x": {"a": 1}})


def test_the_original_condition_is_not_changed_by_being_bound() -> None:
    original = Expr("n > m", {"n": Ref("a"), "m": Ref("b")})
    bound(original, {"n": Ref("a"), "m": 2})
    assert original.evaluate({"n": 3, "m": 100}) is False


def test_for_each_over_a_result_reads_each_item_by_reference() -> None:
    task = Task(
        "t",
        "f",
        {"x": Ref(ITEM), "name": Ref(ITEM, ("name",)), "i": Ref(INDEX), "all": Ref("src"), "k": 1},
        each=Each(Ref("src", ("rows",))),
        when=Expr("s", {"s": Ref("src")}),
        label="row",
    )
    patch, result = expanded(task, 2)
    after = Graph([Task("src", "load"), task]).apply(patch)
    assert after["t/1"] == Task(
        "t/1",
        "f",
        {
            "x": Ref("src", ("rows", 1)),
            "name": Ref("src", ("rows", 1, "name")),
            "i": 1,
            "all": Ref("src"),
            "k": 1,
        },
        label="row 1",
    )
    assert result == [Ref("t/0"), Ref("t/1")]


def test_for_each_over_a_literal_list_puts_the_items_in() -> None:
    task = Task("t", "f", {"x": Ref(ITEM, ("n",))}, each=Each([{"n": 1}, {"n": Ref("a")}, Ref("b")]))
    patch, _ = expanded(task, 3)
    after = Graph([Task("a", "f"), Task("b", "f"), task]).apply(patch)
    assert [after[f"t/{i}"].args["x"] for i in range(3)] == [1, Ref("a"), Ref("b", ("n",))]
    with pytest.raises(GraphError, match="nest/no-such-part"):
        expanded(task, 4)


def test_for_each_over_a_map_names_children_by_key() -> None:
    task = Task("t", "f", {"x": Ref(ITEM), "i": Ref(INDEX)}, each=Each(Ref("src")))
    patch, result = expanded(task, ["a", "x/y%\n"])
    after = Graph([Task("src", "load"), task]).apply(patch)
    assert after["t/a"].args == {"x": Ref("src", ("a",)), "i": 0}
    assert after["t/x%2Fy%25%0A"].args == {"x": Ref("src", ("x/y%\n",)), "i": 1}
    assert result == {"a": Ref("t/a"), "x/y%\n": Ref("t/x%2Fy%25%0A")}


def test_a_child_accepts_what_its_parent_accepted() -> None:
    task = Task("t", "f", {"x": Ref(ITEM), "err": Ref("bad")}, each=Each([1]))
    graph = Graph([Task("bad", "f"), Task("other", "f"), task], [Edge("bad", "t", on="completion"), Edge("other", "t")])
    patch, _ = expanded(task, 1, incoming=graph.incoming("t"))
    after = graph.apply(patch)
    assert [(e.source, e.on) for e in after.incoming("t/0")] == [("bad", "completion")]


def test_a_task_without_for_each_has_no_items() -> None:
    with pytest.raises(GraphError, match="nest/no-each"):
        expanded(Task("t", "f"), 1)


def test_a_template_is_filled_as_far_as_the_inputs_are_known() -> None:
    text = Template(("see ", Ref(INPUTS, ("name",)), ", ", Ref("a"), " and ", Ref(INPUTS, ("opts",)), "!"))
    graph = Graph([Task("a", "f"), Task("b", "f", {"t": text, "u": Template((Ref(INPUTS, ("name",)), "."))})])
    patch, _ = nested(graph, "p", {"name": "Ann", "opts": [1, "x"]})
    after = Graph([Task("p", "sub")]).apply(patch)
    assert after["p/b"].args == {"t": Template(("see Ann, ", Ref("p/a"), ' and [1,"x"]!')), "u": "Ann."}
    inner = Template(("Dr ", Ref("title")))
    patch, _ = nested(graph, "p", {"name": inner, "opts": 1})
    after = Graph([Task("p", "sub"), Task("title", "f")]).apply(patch)
    assert after["p/b"].args["u"] == Template(("Dr ", Ref("title"), "."))
    with pytest.raises(GraphError, match="nest/template"):
        nested(graph, "p", {"name": "x", "opts": [Ref("title")]})


def test_a_condition_about_the_item_is_asked_for_every_item() -> None:
    task = Task("a", "f", {"x": Ref(ITEM)}, each=Each(Ref("src")), when=Expr("n > 1", {"n": Ref(ITEM, ("size",))}))
    patch, _ = expanded(task, 2)
    children = [edit.task for edit in patch.edits if isinstance(edit, Add)]
    assert [child.when for child in children] == [Expr("n > 1", {"n": Ref("src", (k, "size"))}) for k in range(2)]
    whole = Task("a", "f", {"x": Ref(ITEM)}, each=Each(Ref("src")), when=Expr("n > 1", {"n": Ref("other")}))
    patch, _ = expanded(whole, 1)
    assert all(edit.task.when is None for edit in patch.edits if isinstance(edit, Add))
