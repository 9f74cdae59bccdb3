"""Inputs: read as what is wanted, and every problem said at once."""

from typing import Any

import pytest

from orrery.errors import InputError
from orrery.graph import Graph, Task
from orrery.workflow import InputSpec, Workflow


def workflow(*specs: InputSpec) -> Workflow:
    return Workflow("w", Graph([Task("a", "op")]), {spec.name: spec for spec in specs})


@pytest.mark.parametrize(
    ("kind", "given", "bound"),
    [
        ("integer", "3", 3),
        ("integer", 3, 3),
        ("number", " 2.5 ", 2.5),
        ("number", 2, 2),
        ("boolean", "True", True),
        ("boolean", False, False),
        ("string", "3", "3"),
        ("any", "3", "3"),
        ("any", None, None),
        ("array", '["a", 1]', ["a", 1]),
        ("array", (1, 2), (1, 2)),
        ("object", '{"a": null}', {"a": None}),
    ],
)
def test_values_are_read_as_their_type(kind: str, given: Any, bound: Any) -> None:
    assert workflow(InputSpec("x", kind)).bind_inputs({"x": given}) == {"x": bound}


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("integer", "3.5"),
        ("integer", True),
        ("integer", None),
        ("number", "many"),
        ("boolean", "yes"),
        ("boolean", 1),
        ("string", 3),
        ("array", "a,b"),
        ("array", "{}"),
        ("object", "["),
        ("any", object()),
    ],
)
def test_values_of_another_type_are_refused(kind: str, given: Any) -> None:
    with pytest.raises(InputError, match="input 'x'"):
        workflow(InputSpec("x", kind)).bind_inputs({"x": given})


def test_every_problem_is_said_at_once() -> None:
    specs = (
        InputSpec("count", "integer"),
        InputSpec("path", "string", description="which file"),
        InputSpec("n", default=1),
    )
    with pytest.raises(InputError) as caught:
        workflow(*specs).bind_inputs({"cuont": "3", "count": "x"})
    said = str(caught.value)
    assert "no input 'cuont'; did you mean 'count'?" in said
    assert "must be of type integer (such as 3), not str 'x'" in said
    assert "needs the input 'path' (which file): give it as path=VALUE" in said


def test_an_optional_input_may_be_nothing() -> None:
    assert workflow(InputSpec("x", "integer", None)).bind_inputs({}) == {"x": None}
    assert workflow(InputSpec("x", "integer", None)).bind_inputs({"x": None}) == {"x": None}


def test_a_workflow_without_inputs_says_so() -> None:
    with pytest.raises(InputError, match="it takes none"):
        workflow().bind_inputs({"x": 1})
