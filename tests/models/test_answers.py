"""Answers as data: strict JSON, and the judgement of a schema is that of the reference implementation."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.models.answers import misfits, read_json

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([0.5, 1.0, -2.5]) | st.sampled_from("a b ab")
names = st.sampled_from(["a", "b", "ab", "c"])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=8
)
kinds = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])


def bounds(low: str, high: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={low: st.integers(0, 3), high: st.integers(0, 3)})


def merged(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(*parts).map(lambda found: {name: value for part in found for name, value in part.items()})


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return merged(
        st.fixed_dictionaries(
            {},
            optional={
                "type": kinds | st.lists(kinds, min_size=1, max_size=2, unique=True),
                "properties": st.dictionaries(names, inner, max_size=2),
                "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$"]), inner, max_size=1),
                "additionalProperties": inner,
                "propertyNames": st.just({"maxLength": 1}),
                "required": st.lists(names, max_size=2, unique=True),
                "items": inner,
                "prefixItems": st.lists(inner, min_size=1, max_size=2),
                "uniqueItems": st.booleans(),
                "anyOf": st.lists(inner, min_size=1, max_size=2),
                "oneOf": st.lists(inner, min_size=1, max_size=2),
                "allOf": st.lists(inner, min_size=1, max_size=2),
                "not": inner,
                "$ref": st.just("#/$defs/thing"),
            },
        ),
        bounds("minItems", "maxItems"),
        bounds("minProperties", "maxProperties"),
    )


leaves = st.booleans() | merged(
    st.fixed_dictionaries(
        {},
        optional={
            "type": kinds,
            "const": scalars,
            "enum": st.lists(values, min_size=1, max_size=3),
            "pattern": st.sampled_from(["^a", "b", "^$"]),
            "multipleOf": st.sampled_from([2, 0.5]),
            "exclusiveMinimum": st.integers(-2, 2),
            "exclusiveMaximum": st.integers(-2, 2),
        },
    ),
    bounds("minimum", "maximum"),
    bounds("minLength", "maxLength"),
)
schemas = st.recursive(leaves, nested, max_leaves=6)


@settings(deadline=None, max_examples=100)
@given(values, schemas, leaves)
def test_the_judgement_is_that_of_the_reference(value: Any, schema: Any, thing: Any) -> None:
    whole = {"allOf": [schema], "$defs": {"thing": thing}}
    fits = jsonschema.Draft202012Validator(whole).is_valid(value)
    assert (misfits(value, whole) == []) == fits


def test_everything_that_is_wrong_is_said_with_its_place() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 3},
            "tags": {"type": "array", "items": {"enum": ["x", "y"]}},
            "age": {"type": "integer", "minimum": 0},
        },
        "required": ["name", "size"],
        "additionalProperties": False,
    }
    assert misfits({"name": "ab", "tags": ["x", "z"], "age": -1, "more": 1}, schema) == [
        "the answer lacks 'size'",
        "name has 2 characters, fewer than 3",
        'tags[1] is none of "x", "y"',
        "age is below 0",
        "the answer has 'more', which is not asked for",
    ]
    assert misfits([], schema) == ["the answer is array, not object"]


def test_a_schema_that_refers_to_itself_ends() -> None:
    tree = {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}
    assert misfits([[], [[]]], tree) == []
    assert misfits([[1]], tree) == ["[0][0] is integer, not array"]
    assert misfits(1, {"$ref": "#"}) == ["the answer is nested too deeply for its schema"]


def test_both_halves_of_a_character_are_one() -> None:
    assert read_json(r'["\ud83d\ude00", "\\ud800"]') == ["\U0001f600", r"\ud800"]


@given(values)
def test_what_is_json_is_read_as_it_is(value: Any) -> None:
    text = json.dumps(value)
    assert read_json(text) == value
    assert read_json(f"```json\n{json.dumps(value, indent=1)}\n```") == value
    assert read_json(f"Here it is:\n\n```\n{text}\n```\nGood luck!") == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the name 'c' stands twice in one object"),
        ('{"a": ', "Expecting value"),
        ('{"a": 1} {"a": 2}', "Extra data"),
        ("NaN", "NaN is no number"),
        ("[1e999]", "1e999 is no number"),
        (r'{"a": "\ud800"}', "one half of a character"),
        ("", "Expecting value"),
        ("[" * 100_000, "nested too deeply"),
        ("```\n1\n```\nor\n```\n2\n```", "Expecting value"),
    ],
)
def test_what_is_no_json_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_json(text)


def test_a_fence_inside_the_data_is_data() -> None:
    data = {"text": "see:\n```json\n{}\n```\n"}
    assert read_json(json.dumps(data)) == data
