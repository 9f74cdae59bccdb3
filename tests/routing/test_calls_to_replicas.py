"""The calls of a graph as the serving model takes them."""

from __future__ import annotations

from orrery.graph import Graph, Ref, Task
from orrery.graph.template import Template
from orrery.routing.replicas import model_calls

MANUAL = "The manual. " * 40


def ask(name: str, *parts: str | Ref, most: int | None = 40, model: str = "m") -> Task:
    prompt = Template(parts) if any(isinstance(part, Ref) for part in parts) else "".join(map(str, parts))
    args = {"prompt": prompt, "model": model} | ({"max_tokens": most} if most is not None else {})
    return Task(name, "model.ask", args)


def test_calls_wait_for_the_calls_they_rest_on_through_other_tasks_too() -> None:
    graph = Graph(
        [
            ask("write", "Use: ", Ref("count"), " and ", Ref("draft")),
            ask("draft", MANUAL, "Draft it."),
            Task("count", "count", {"text": Ref("draft"), "beside": Ref("other")}),
            ask("other", MANUAL, "Something else.", most=None),
        ]
    )
    calls = model_calls(graph)
    names = list(calls)
    assert sorted(names) == ["draft", "other", "write"]
    assert {names[before] for before in calls["write"].after} == {"draft", "other"}
    assert calls["draft"].after == calls["other"].after == ()
    assert (calls["draft"].answer_tokens, calls["other"].answer_tokens) == (40, 400)


def test_prompts_that_begin_alike_share_their_beginning_and_no_more() -> None:
    graph = Graph(
        [ask("a", MANUAL, "One?"), ask("b", MANUAL, "Two?"), ask("c", "Nothing of it"), ask("d", MANUAL, Ref("a"))]
    )
    calls = model_calls(graph)
    a, b, c, d = (calls[name].prompt for name in "abcd")
    assert a[0] == b[0] == d[0]
    assert a[0].tokens == len(MANUAL) // 4
    assert a[1] != b[1]
    assert c[0] != a[0]
    assert d[-1].tokens == 40


def test_a_graph_without_calls_has_none() -> None:
    assert model_calls(Graph([Task("a", "count", {})])) == {}
