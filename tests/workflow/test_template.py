"""Templates and resolving: text with holes is filled once, and what fills it stays data."""

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.graph import INPUTS, Graph, Ref, Task, Template, refs_in
from orrery.graph.resolve import as_text, resolve
from orrery.graph.values import decode, encode

paths = st.lists(st.text(max_size=5) | st.integers(-5, 5), max_size=3).map(tuple)
refs = st.builds(Ref, st.text(min_size=1, max_size=5), paths)
templates = st.lists(st.text(max_size=8) | refs, max_size=5).map(Template)


@given(templates)
def test_a_template_survives_the_journal(template: Template) -> None:
    assert decode(encode({"deep": [template]})) == {"deep": [template]}
    assert pickle.loads(pickle.dumps(template)) == template


@given(templates)
def test_filling_leaves_no_reference(template: Template) -> None:
    filled = resolve([template], lambda ref: f"<{ref.task}>")
    assert list(refs_in(filled)) == []
    assert "".join(part if isinstance(part, str) else f"<{part.task}>" for part in template.parts) == filled[0]


def test_what_fills_a_template_is_never_read_again() -> None:
    hostile = "${{ tasks.secret }}"
    assert resolve(Template(("see ", Ref("a"))), lambda _ref: hostile) == f"see {hostile}"
    assert resolve({"x": Ref("a")}, lambda _ref: Ref("b")) == {"x": Ref("b")}


def test_values_without_references_are_not_copied() -> None:
    value = {"a": [1, {"b": None}], "c": ("x", 2.5)}
    assert resolve(value, lambda _ref: pytest.fail("nothing is to be looked up")) is value


def test_only_the_parts_with_references_are_new() -> None:
    kept = [1, 2]
    value = {"kept": kept, "filled": [Ref("a"), (Ref("b"), 3)]}
    found = resolve(value, lambda ref: ref.task * 2)
    assert found == {"kept": kept, "filled": ["aa", ("bb", 3)]}
    assert found["kept"] is kept


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (10**30, "1" + "0" * 30),
        ({"é": [1, 2.5]}, '{"é":[1,2.5]}'),
        (b"x", '"eA=="'),
    ],
)
def test_values_in_a_text_read_as_compact_json(value: Any, text: str) -> None:
    assert as_text(value) == text


def test_a_graph_depends_on_what_its_templates_refer_to() -> None:
    graph = Graph([Task("a", "op"), Task("b", "op", {"text": [Template(("x", Ref("a"), Ref(INPUTS, ("n",))))]})])
    assert [edge.source for edge in graph.incoming("b")] == ["a"]


def test_a_template_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="value"):
        Template(("a",)).parts = ()
