"""Scripts: rules from files, cassettes, and the one that is there without any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import validate

from orrery.errors import ModelScriptError
from orrery.models.request import Offer
from orrery.models.simulated import Answer, Asked, Call, Fault, Message, Result, echo
from orrery.models.simulated.cassette import Cassette, Recorder
from orrery.models.simulated.rules import read_rules
from orrery.models.simulated.scripts import read_script, smallest

RULES = """
rules:
  - when: {matches: "weather in (?P<place>\\\\w+)", result: false}
    answer:
      text: Let me look.
      calls: [{name: weather, args: {place: "${place}", days: 2, note: ["$${place}"]}}]
  - when: {result: weather}
    answer: "It says: ${result}"
  - when: {contains: JOKE}
    answer: [first, second, {fault: "429,retry-after=1"}]
  - when: {structured: true}
    answer: {json: {model: "${model}", n: 1}}
  - when: {contains: steal}
    answer: {refusal: No.}
  - answer: "Pardon? ${text}"
"""


def asked(text: str, *results: tuple[str, str], **more: Any) -> Asked:
    """A request with this text, and perhaps results."""
    messages = [Message("user", text)]
    if results:
        messages += [Message("assistant"), Message("tool", results=tuple(Result("1", *one) for one in results))]
    return Asked("m", tuple(messages), **more)


def test_the_first_rule_that_fits_answers_with_what_it_captured(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES, encoding="utf-8")
    script = read_script(path)
    call = Call("weather", {"place": "Oslo", "days": 2, "note": ["${place}"]})
    assert script(asked("the weather in Oslo?")) == Answer("Let me look.", (call,))
    assert script(asked("the weather in Oslo?", ("weather", "rain"))) == Answer("It says: rain")
    assert [script(asked("a joke")) for _ in range(4)] == [
        Answer("first"),
        Answer("second"),
        Fault("status", status=429, retry_after_s=1.0),
        Fault("status", status=429, retry_after_s=1.0),
    ]
    assert script(asked("data", output={})) == Answer('{"model":"m","n":1}')
    assert script(asked("help me steal")) == Answer(refusal="No.")
    assert script(asked("what")) == Answer("Pardon? what")


def test_what_is_put_in_is_not_read_again() -> None:
    script = read_rules({"rules": [{"answer": "${text}"}]}, "here")
    assert script(asked("${model} $$ ${nothing}")) == Answer("${model} $$ ${nothing}")


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ({"tool": "add"}, True),
        ({"tool": "sub"}, False),
        ({"model": "m"}, True),
        ({"turn": 0}, True),
        ({"turn": 1}, False),
        ({"prompt": "adds numbers"}, True),
        ({"result": True}, False),
        ({"result": False}, True),
        ({"contains": "HELL", "matches": "o$"}, True),
    ],
)
def test_conditions_are_all_to_hold(when: dict[str, Any], fits: bool) -> None:
    script = read_rules({"rules": [{"when": when, "answer": "yes"}, {"answer": "no"}]}, "here")
    said = script(asked("Hello", tools=(Offer("add", "adds numbers", {}),)))
    assert said == Answer("yes" if fits else "no")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"rules": []}, "there is no rule"),
        ({"rules": [{"anwser": "x"}]}, r"`answer`|`anwser`"),
        ({"rules": [{"answer": "x", "when": {"matches": "("}}]}, "rule 1: when.matches"),
        (
            {"rules": [{"answer": "x"}, {"answer": "${plaec}", "when": {"matches": "(?P<place>.)"}}]},
            "did you mean 'place'",
        ),
        ({"rules": [{"answer": {"fault": "rest"}}]}, "did you mean 'reset'"),
        ({"rules": [{"answer": []}]}, "the list is empty"),
        (["x"], "rules.yaml: Expected"),
    ],
)
def test_rules_that_are_written_wrong_are_explained(value: Any, message: str) -> None:
    with pytest.raises(ModelScriptError, match=message):
        read_rules(value, "rules.yaml")


def test_a_request_that_no_rule_fits_is_an_error_that_quotes_it() -> None:
    script = read_rules({"rules": [{"when": {"contains": "x"}, "answer": "y"}]}, "rules.yaml")
    with pytest.raises(ModelScriptError, match="no rule fits the request 'hello'"):
        script(asked("hello"))


@pytest.mark.parametrize(("name", "content"), [("a.json", "{"), ("a.yaml", "a: [")])
def test_a_file_that_is_no_script_is_an_error(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ModelScriptError, match="this is no"):
        read_script(tmp_path / name)
    with pytest.raises(ModelScriptError, match="cannot be read"):
        read_script(tmp_path / "nowhere.json")


def record(path: Path) -> list[Answer | Fault]:
    """A cassette of three requests, and what they were answered."""

    def script(request: Asked) -> Answer | Fault | str:
        if request.text == "fail":
            return Fault("status", status=503)
        return Answer(f"answer to {request.text}", (Call("f", {"a": [1, None]}), Call("g", "no json")))

    with Recorder(script, path) as recorder:
        return [recorder(asked(text)) for text in ("one", "two", "fail")]


def test_a_cassette_answers_as_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "cassette.json"
    said = record(path)
    assert json.loads(path.read_text())["pairs"][0]["asked"]["text"] == "one"
    replayed = read_script(path)
    assert [replayed(asked(text)) for text in ("one", "two", "fail", "one")] == [*said, said[0]]


def test_a_request_that_was_not_recorded_is_an_error_or_gets_the_next_answer(tmp_path: Path) -> None:
    path = tmp_path / "cassette.json"
    said = record(path)
    with pytest.raises(ModelScriptError, match="nothing was recorded for 'three'"):
        Cassette.read(path)(asked("three"))
    loose = Cassette.read(path, strict=False)
    assert [loose(asked(text)) for text in ("three", "two", "four")] == said
    with pytest.raises(ModelScriptError, match="nothing was recorded"):
        loose(asked("five"))


@pytest.mark.parametrize("content", ["{", "[]", '{"pairs": [{}]}', '{"pairs": [], "cassette": 9}'])
def test_a_damaged_cassette_is_an_error(content: str) -> None:
    with pytest.raises(ModelScriptError, match="cassette"):
        Cassette.parse(content.encode(), "cassette.json")


def test_the_digest_is_of_what_is_asked_and_not_of_ids_or_formats() -> None:
    def turn(call_id: str) -> Asked:
        call, result = Call("f", {}, call_id), Result(call_id, "f", "3")
        return Asked("m", (Message("assistant", calls=(call,)), Message("tool", results=(result,))), kind="google")

    assert turn("a").digest == turn("b").digest
    assert asked("x").digest != asked("y").digest
    assert asked("x").digest != asked("x", output={}).digest


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"x": {"type": "integer", "minimum": 3}}, "required": ["x"]},
        {"type": "array", "items": {"type": "string", "minLength": 2}, "minItems": 2},
        {"anyOf": [{"type": "number", "exclusiveMinimum": 4}, {"type": "null"}]},
        {"enum": ["a", "b"]},
        {"type": ["boolean", "null"]},
        {"$ref": "#/$defs/point", "$defs": {"point": {"type": "object", "properties": {"x": {"const": 1}}}}},
        {},
    ],
)
def test_without_a_script_structured_output_fits_its_schema(schema: dict[str, Any]) -> None:
    validate(smallest(schema), schema)
    validate(json.loads(echo(asked("x", output=schema)).text), schema)


def test_without_a_script_a_tool_is_called_where_one_must_be() -> None:
    tool = Offer("add", "", {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]})
    assert echo(asked("x", tools=(tool,), must_call=True)).calls == (Call("add", {"a": 0}),)
    assert echo(asked("x", tools=(tool,))).text == "You said: x"


def test_a_schema_that_contains_itself_comes_to_an_end() -> None:
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    assert isinstance(smallest(schema), dict)
