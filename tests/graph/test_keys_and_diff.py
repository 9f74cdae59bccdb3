"""Content keys, and the difference of two graphs."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import GraphError
from orrery.graph import INPUTS, ITEM, Each, Edge, Estimate, Graph, Limits, Patch, Ref, Task, Template
from orrery.graph.diff import diff, same
from orrery.graph.keys import content_key, content_keys, value_key
from orrery.graph.values import decode, encode
from orrery.testing.graphs import graphs, patches, values


def _pair(names: tuple[str, str], path: str = "a.txt") -> Graph:
    load, count = names
    return Graph(
        [
            Task(load, "read", {"path": path, "opts": {"a": 1, "b": 2}}),
            Task(count, "count", {"of": Ref(load, ("text",)), "t": Template(("x", Ref(load)))}),
        ]
    )


def test_equal_computations_have_equal_keys_however_they_are_named() -> None:
    first, second = content_keys(_pair(("load", "count"))), content_keys(_pair(("a", "b")))
    assert list(first.values()) == list(second.values())
    assert content_keys(_pair(("load", "count"), "b.txt"))["count"] != first["count"]


def test_a_key_ignores_what_does_not_change_the_result() -> None:
    plain = Task("a", "f", {"m": {"x": 1, "y": 2}})
    other = Task(
        "b",
        "f",
        {"m": {"y": 2, "x": 1}},
        label="B",
        limits=Limits(timeout_s=3),
        estimate=Estimate(9),
        executor="process",
    )
    assert content_key(plain, {}) == content_key(other, {})


LOOKALIKES: list[Any] = [
    None, False, 0, 0.0, -0.0, "", b"", [], {}, "0", math.nan, math.inf, 1, 1.0, True, "1", b"1", [1], [[1]], {"1": 1},
    [1, 2], ["12"], ["1", "2"], [Ref(INPUTS)], Ref(INPUTS), Ref(INPUTS, ("1",)), Ref(INPUTS, (1,)), Template(()),
    Template(("1",)), 2**64, float(2**64),
]  # fmt: skip


def test_values_that_look_alike_have_different_keys() -> None:
    assert len({value_key(value) for value in LOOKALIKES}) == len(LOOKALIKES)
    assert value_key(-math.nan) == value_key(math.nan)


@given(values(refs=[INPUTS]), values(refs=[INPUTS]))
@settings(max_examples=150, deadline=None)
def test_keys_are_equal_exactly_when_values_are_the_same(a: Any, b: Any) -> None:
    assert (value_key(a) == value_key(b)) == same(a, b)
    assert value_key(a) == value_key(decode(encode(a)))
    assert same(a, decode(encode(a)))


def test_a_for_each_is_part_of_the_computation() -> None:
    one, two = (Task("a", "f", {"x": Ref(ITEM)}, each=Each(items)) for items in ([1], [2]))
    assert content_key(one, {}) != content_key(two, {})
    assert content_key(one, {}) != content_key(Task("a", "f", {"x": Ref(ITEM)}, each=Each([1], accept_errors=True)), {})


def test_inputs_count_when_their_key_is_given() -> None:
    graph = Graph([Task("a", "f", {"x": Ref(INPUTS, ("x",))})])
    assert content_keys(graph, value_key({"x": 1})) != content_keys(graph, value_key({"x": 2}))
    assert list(content_keys(graph)) == ["a"]
    with pytest.raises(GraphError, match="keys/unknown-input"):
        content_key(Task("a", "f", {"x": Ref("b")}), {})


def test_keys_do_not_depend_on_the_process() -> None:
    code = "from orrery.graph.keys import value_key; print(value_key({'b': [1.5, None], 'a': {'x', 'y'}.__len__()}))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {value_key({"a": 2, "b": [1.5, None]}) + "\n"}


@given(graphs(max_tasks=4), graphs(max_tasks=4))
@settings(max_examples=60, deadline=None)
def test_the_difference_leads_from_any_graph_to_any_other(before: Graph, after: Graph) -> None:
    assert before.apply(diff(before, after)) == after


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_the_difference_is_never_longer_than_the_patch_that_made_it(data: st.DataObject) -> None:
    before = data.draw(graphs(max_tasks=4))
    patch = data.draw(patches(before))
    after = before.apply(patch)
    found = diff(before, after)
    assert before.apply(found) == after
    assert len(found.edits) <= len(patch.edits)
    assert diff(after, after) == Patch()


def test_a_difference_touches_only_what_differs() -> None:
    before = Graph([Task("a", "f"), Task("b", "f"), Task("c", "f", {"x": 1})], [Edge("a", "b"), Edge("a", "c")])
    after = Graph([Task("c", "f", {"x": True}), Task("a", "f"), Task("d", "f")], [Edge("a", "c", on="failure")])
    kinds = [type(edit).__name__ for edit in diff(before, after).edits]
    assert kinds == ["Add", "Replace", "Link", "Drop"]
