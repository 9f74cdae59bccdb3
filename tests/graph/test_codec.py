"""Graphs and patches as JSON, and the published schema."""

from __future__ import annotations

import datetime
import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import GraphError, NotSerialisableError
from orrery.graph import Graph, Ref, Task
from orrery.graph.codec import from_json, graph_from_json, patch_from_json, to_json
from orrery.graph.schema import json_schema, text
from orrery.graph.values import encode
from orrery.testing.graphs import graphs, patches, random_graph, values

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "graph.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


@given(graphs(max_tasks=4))
@settings(max_examples=100, deadline=None)
def test_a_graph_survives_json_and_fits_the_schema(graph: Graph) -> None:
    written = to_json(graph)
    again = graph_from_json(written)
    assert again == graph
    assert list(again.tasks) == list(graph.tasks)
    assert to_json(again) == written
    VALIDATOR.validate(json.loads(written))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_patch_survives_json_and_fits_the_schema(data: st.DataObject) -> None:
    patch = data.draw(patches(data.draw(graphs(max_tasks=3)), valid=False))
    written = to_json(patch)
    assert patch_from_json(written.encode()) == patch
    VALIDATOR.validate(json.loads(written))


@given(values(refs=["a", "@inputs"]))
@settings(max_examples=100, deadline=None)
def test_every_value_survives_json_to_the_last_bit(value: Any) -> None:
    graph = Graph([Task("a", "f"), Task("b", "f", {"v": value})])
    assert encode(graph_from_json(to_json(graph))["b"].args["v"]) == encode(value)


def test_the_form_is_readable_by_others() -> None:
    graph = Graph(
        [
            Task("a", "f", {"n": 2**70, "x": math.inf, "raw": b"\x00", "$k": {"$ref": 1}}),
            Task("b", "g", {"t": Ref("a", ("rows", 0))}),
        ],
        outputs={"out": Ref("b")},
    )
    assert json.loads(to_json(graph)) == {
        "orrery": 1,
        "tasks": [
            {
                "id": "a",
                "op": "f",
                "args": {
                    "n": {"$int": "0x400000000000000000"},
                    "x": {"$float": "inf"},
                    "raw": {"$bytes": "AA=="},
                    "$k": {"$$ref": 1},
                },
            },
            {"id": "b", "op": "g", "args": {"t": {"$ref": ["a", "rows", 0]}}},
        ],
        "outputs": {"out": {"$ref": ["b"]}},
    }


def test_dates_and_tuples_become_plain_data_as_they_do_in_the_journal() -> None:
    graph = Graph([Task("a", "f", {"at": datetime.date(2024, 2, 29), "pair": (1, [2])})])
    assert graph_from_json(to_json(graph))["a"].args == {"at": "2024-02-29", "pair": [1, [2]]}


@pytest.mark.parametrize(
    ("data", "code", "place"),
    [
        ('{"orrery": 1,\n "tasks": [}', "json/syntax", "line 2, column 12"),
        (b"\xff\xfe\x00", "json/syntax", "document"),
        ('{"orrery": 1, "tasks": [{"id": "a", "op": "f", "args": {"x": NaN}}]}', "json/syntax", "document"),
        ("[" * 100_000, "json/syntax", "document"),
        ("[]", "json/kind", "document"),
        ('{"tasks": []}', "json/kind", "document"),
        ('{"orrery": 2, "tasks": []}', "json/version", "document"),
        ('{"orrery": 1, "tasks": [], "nodes": []}', "json/form", "document"),
        ('{"orrery": 1, "tasks": {}}', "json/form", "tasks"),
        ('{"orrery": 1, "tasks": [{"id": "a"}]}', "json/form", "tasks[0]"),
        ('{"orrery": 1, "tasks": [{"id": "a", "op": "f", "tiemout": 3}]}', "json/form", "tasks[0]"),
        ('{"orrery": 1, "tasks": [{"id": "a", "op": "f", "join": "x"}]}', "json/form", "tasks[0]"),
        ('{"orrery": 1, "tasks": [{"id": "a", "op": "f", "args": {"x": [{"$ref": []}]}}]}', "json/form", None),
        ('{"orrery": 1, "tasks": [{"id": "a", "op": "f", "args": {"x": {"$what": 1}}}]}', "json/form", None),
        ('{"orrery": 1, "tasks": [{"id": "a", "op": "f", "args": {"x": {"$bytes": "A"}}}]}', "json/form", None),
        ('{"orrery": 1, "tasks": [{"id": "a", "op": "f", "when": {"source": "1 +"}}]}', "json/condition", None),
        ('{"orrery": 1, "edges": [{"source": "a", "target": "b", "on": {"source": "x("}}]}', "json/condition", None),
        ('{"orrery": 1, "edits": [{"type": "shuffle"}]}', "json/form", "edits[0].type"),
        (
            '{"orrery": 1, "tasks": [{"id": "a", "op": "f", "args": {"x": {"$ref": ["b"]}}}]}',
            "graph/unknown-task",
            None,
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(data: str | bytes, code: str, place: str | None) -> None:
    with pytest.raises(GraphError) as caught:
        from_json(data)
    problem = caught.value.problems[0]
    assert problem.code == code
    assert place is None or problem.place == place


def test_a_patch_is_no_graph_and_a_graph_no_patch() -> None:
    with pytest.raises(GraphError, match="this is a patch"):
        graph_from_json('{"orrery": 1, "edits": []}')
    with pytest.raises(GraphError, match="this is a graph"):
        patch_from_json('{"orrery": 1, "tasks": []}')


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(NotSerialisableError):
        to_json(Graph([Task("a", "f", {"x": "\ud800"})]))


def test_the_published_schema_is_current() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == text(), (
        "run: python -m orrery.graph.schema > docs/reference/graph.schema.json"
    )


def test_the_schema_accepts_generated_graphs_and_refuses_wrong_ones() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    for seed in range(5):
        VALIDATOR.validate(json.loads(to_json(random_graph(seed, tasks=30))))
    for wrong in (
        {"orrery": 1},
        {"orrery": 9, "tasks": []},
        {"orrery": 1, "tasks": [{"id": "a"}]},
        {"orrery": 1, "tasks": [{"id": "a", "op": "f", "args": {"x": {"$what": 1}}}]},
        {"orrery": 1, "tasks": [{"id": "a", "op": "f", "tiemout": 1}]},
    ):
        assert not VALIDATOR.is_valid(wrong)
