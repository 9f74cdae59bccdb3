"""A tool is a typed function: what its hints accept, how it coerces, and what it says otherwise."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import ArgumentError, ToolDefinitionError
from orrery.graph import Blob, Effects, Limits, Ref, Retry, Template
from orrery.tools import LocalContext, Tool, ToolContext, recorder, tool


@dataclass
class Point:
    x: int
    y: int = 0


@dataclass
class Circle:
    radius: float


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Person(TypedDict):
    name: str
    age: int


class Model:
    """Quacks like a pydantic model."""

    def __init__(self, count: int) -> None:
        self.count = count

    @classmethod
    def model_validate(cls, value: Any) -> Model:
        try:
            return cls(int(value["count"]))
        except ValueError as error:
            raise ValueError("count: Input should be a valid integer") from error

    @classmethod
    def model_json_schema(cls) -> dict[str, Any]:
        return {"type": "object", "properties": {"count": {"type": "integer"}}}


@tool
def shout(text: str, times: int = 1) -> str:
    """Say it louder.

    The second paragraph is for people.

    Args:
        text: what to say,
            over two lines.
        times: how often.
    """
    return " ".join([text.upper()] * times)


@tool(
    name="shapes.area", effects="pure", reads=("file:{path}",), writes=("file:out/{path}",), timeout_s=3, estimate_s=1
)
async def area(
    shape: Circle | Point,
    path: Path | None = None,
    *,
    mode: Literal["fast", "exact"] = "fast",
    near: Annotated[int, msgspec.Meta(ge=0, description="how near")] = 0,
    note: Annotated[str, "what to note"] = "",
    ctx: ToolContext,
) -> float:
    ctx.progress(0.5, note)
    return 3.0 * shape.radius**2 if isinstance(shape, Circle) else 0.0


@tool
def everything(
    *,
    points: list[Point] | None = None,
    ages: Mapping[str, int] | None = None,
    when: datetime | None = None,
    colour: Colour | None = None,
    people: Sequence[Person] = (),
    content: str | bytes = "",
    number: int | str = 0,
    model: Model | None = None,
    flag: bool = False,
    tags: set[str] | None = None,
    anything: Any = None,
    **others: float,
) -> dict[str, Any]:
    return dict(others)


@dataclass
class Box:
    content: str | bytes
    sides: tuple[float, float] = (1.0, 1.0)
    owner: Person | None = None
    volume: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        if min(self.sides) <= 0:
            raise ValueError("a box has positive sides")
        self.volume = self.sides[0] * self.sides[1]


class Note(TypedDict):
    text: str
    stars: NotRequired[int]


@tool
def boxed(box: Box, note: Note | None = None, unique: set[Point] | None = None) -> Box:
    return box


def complaint(made: Tool[..., Any], args: Mapping[str, Any]) -> str:
    with pytest.raises(ArgumentError) as caught:
        made.bind(args)
    return str(caught.value)


def test_a_tool_stays_callable_as_the_plain_function() -> None:
    assert shout("hi", times=2) == "HI HI"
    assert shout.function("hi") == "HI"
    assert pickle.loads(pickle.dumps(shout)) is shout


def test_what_is_known_about_a_tool_comes_from_its_function() -> None:
    assert shout.name == "shout"
    assert shout.description == "Say it louder."
    assert (shout.executor, area.executor) == ("thread", "inline")
    assert shout.effects == Effects("keyed")
    assert (area.name, area.timeout_s, area.estimate_s) == ("shapes.area", 3, 1)
    assert (shout.wants_context, area.wants_context, area.context_parameter) == (False, True, "ctx")
    assert shout.result == {"type": "string"}


def test_the_schema_of_the_arguments_is_valid_and_says_what_is_known() -> None:
    assert shout.parameters == {
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "what to say, over two lines."},
            "times": {"type": "integer", "description": "how often.", "default": 1},
        },
        "required": ["text"],
        "additionalProperties": False,
    }
    for made in (shout, area, everything):
        jsonschema.Draft202012Validator.check_schema(made.parameters)
    properties = area.parameters["properties"]
    assert "ctx" not in properties
    assert properties["near"] == {"type": "integer", "minimum": 0, "description": "how near", "default": 0}
    assert properties["note"]["description"] == "what to note"
    jsonschema.validate({"shape": {"radius": 1.5}, "path": "a.txt"}, area.parameters)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"shape": {"radius": "x"}}, area.parameters)
    assert everything.parameters["additionalProperties"] == {"type": "number"}


def test_arguments_are_coerced_by_their_hints() -> None:
    assert shout.bind({"text": "a", "times": "3"}) == {"text": "a", "times": 3}
    assert area.bind({"shape": {"radius": "2"}, "path": "a/b", "mode": "exact"}) == {
        "shape": Circle(2.0),
        "path": Path("a/b"),
        "mode": "exact",
    }
    assert everything.bind(
        {
            "points": [{"x": "1"}, Point(2)],
            "ages": {"a": "4"},
            "when": "2026-01-02T03:04:05Z",
            "colour": "red",
            "people": ({"name": "Ada", "age": 36},),
            "content": b"\xff",
            "number": "5",
            "flag": "true",
            "tags": ["a", "b"],
            "anything": object,
            "more": 1,
        }
    ) == {
        "points": [Point(1), Point(2)],
        "ages": {"a": 4},
        "when": datetime.fromisoformat("2026-01-02T03:04:05+00:00"),
        "colour": Colour.RED,
        "people": [{"name": "Ada", "age": 36}],
        "content": b"\xff",
        "number": "5",
        "flag": True,
        "tags": {"a", "b"},
        "anything": object,
        "more": 1.0,
    }


@settings(max_examples=50, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "points": st.lists(st.fixed_dictionaries({"x": st.integers(-9, 9)})),
            "ages": st.dictionaries(st.text(max_size=3), st.integers(-9, 9).map(str)),
            "when": st.datetimes().map(datetime.isoformat),
            "content": st.text() | st.binary(),
            "number": st.integers(-9, 9) | st.text(max_size=3),
            "tags": st.lists(st.text(max_size=3)),
            "flag": st.sampled_from([True, False, "true", "false", 0, 1]),
        },
    )
)
def test_binding_what_was_bound_changes_nothing(args: dict[str, Any]) -> None:
    bound = everything.bind(args)
    assert everything.bind(bound) == bound
    assert everything.check(args) == []


def test_records_of_any_fields_are_made_from_maps() -> None:
    bound = boxed.bind({"box": {"content": b"x", "sides": ["2", 3], "more": 1}, "note": {"text": "a", "stars": "5"}})
    assert bound == {"box": Box(b"x", (2.0, 3.0)), "note": {"text": "a", "stars": 5}}
    assert bound["box"].volume == 6.0
    assert "argument 'box': a box has positive sides" in complaint(boxed, {"box": {"content": "", "sides": [0, 1]}})
    assert "argument 'box'['owner']: 'age' is missing; it takes a whole number" in complaint(
        boxed, {"box": {"content": "", "owner": {"name": "Ada"}}}
    )
    assert "holds what a set cannot" in complaint(boxed, {"box": {"content": ""}, "unique": [{"x": 1}]})


def test_a_model_that_validates_itself_is_asked_to() -> None:
    assert everything.bind({"model": {"count": 3}})["model"].count == 3
    assert "count: Input should be a valid integer" in complaint(everything, {"model": {"count": "x"}})
    assert everything.parameters["properties"]["model"]["anyOf"][0]["properties"] == {"count": {"type": "integer"}}


@pytest.mark.parametrize(
    ("made", "args", "said"),
    [
        (shout, {"text": 5}, "tool 'shout', argument 'text': expected text, got the number 5 [argument/type]"),
        (shout, {"text": "a", "times": "x"}, "argument 'times': expected a whole number, got text 'x'"),
        (shout, {"text": "a", "times": 1.5}, "expected a whole number, got the number 1.5"),
        (shout, {"text": "a", "times": True}, "expected a whole number, got true"),
        (shout, {}, "argument 'text': is missing; it takes text [argument/missing]"),
        (shout, {"txet": "a", "text": "b"}, "argument 'txet': there is no such argument; did you mean 'text'?"),
        (area, {"shape": {"radius": 1}, "mode": "slow"}, "expected 'fast' or 'exact', got text 'slow'"),
        (area, {"shape": {"radius": 1}, "near": -1}, "expected int >= 0, got the number -1"),
        (area, {"shape": 3}, "expected a map with radius or a map with x, y, got the number 3"),
        (area, {"shape": {"radius": 1}, "path": 3}, "expected a path or nothing, got the number 3"),
        (area, {"shape": {"radius": 1}, "ctx": 3}, "argument 'ctx': there is no such argument"),
        (
            everything,
            {"points": [{"x": 1}, {"x": "q"}]},
            "argument 'points'[1]['x']: expected a whole number, got text 'q'",
        ),
        (everything, {"points": [{"y": 1}]}, "argument 'points'[0]: 'x' is missing; it takes a whole number"),
        (everything, {"ages": {"a": "old"}}, "argument 'ages'['a']: expected a whole number, got text 'old'"),
        (everything, {"when": "soon"}, "expected a date and time (ISO 8601) or nothing, got text 'soon'"),
        (everything, {"colour": "green"}, "expected 'red' or 'blue' or nothing, got text 'green'"),
        (everything, {"content": 5}, "expected text or bytes (base64 where they come as text), got the number 5"),
        (everything, {"rate": "fast"}, "argument 'rate': expected a number, got text 'fast'"),
        (everything, {"points": "x" * 99}, f"expected a list of maps with x, y or nothing, got text '{'x' * 60}...'"),
    ],
)
def test_what_does_not_fit_is_said_in_plain_words(made: Tool[..., Any], args: dict[str, Any], said: str) -> None:
    assert said in complaint(made, args)


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(ArgumentError) as caught:
        shout.bind({"times": "x", "volume": 1})
    assert [(p.code, p.place) for p in caught.value.problems] == [
        ("argument/type", "tool 'shout', argument 'times'"),
        ("argument/unknown", "tool 'shout', argument 'volume'"),
        ("argument/missing", "tool 'shout', argument 'text'"),
    ]
    assert [p.argument for p in shout.check({"times": "x", "volume": 1})] == ["times", "volume", "text"]


def test_the_static_check_accepts_references_wherever_they_stand() -> None:
    assert shout.check({"text": Ref("a"), "times": Ref("b", ("n",))}) == []
    assert area.check({"shape": {"radius": Ref("a")}}) == []
    assert everything.check({"points": [Ref("a"), {"x": Ref("b")}], "ages": {"a": Ref("c")}, "tags": [Ref("d")]}) == []
    assert everything.check({"people": [{"name": Ref("a"), "age": 1}]}) == []
    assert boxed.check({"box": {"content": Ref("a"), "sides": [Ref("b"), 2]}}) == []


def test_bounds_hold_beside_references_and_own_classes() -> None:
    @tool
    def few(paths: Annotated[list[Path], msgspec.Meta(max_length=2)]) -> int:
        return len(paths)

    assert few.bind({"paths": ["a", Path("b")]}) == {"paths": [Path("a"), Path("b")]}
    assert few.check({"paths": [Ref("a"), "b"]}) == []
    assert "expected array of length <= 2, got a list of 3" in complaint(few, {"paths": ["a", "b", "c"]})


def test_the_static_check_still_sees_what_is_wrong_beside_a_reference() -> None:
    assert [str(p) for p in everything.check({"ages": {"a": Ref("c"), "b": "x"}, "points": [Ref("a"), 3]})] == [
        "tool 'everything', argument 'ages'['b']: expected a whole number, got text 'x' [argument/type]",
        "tool 'everything', argument 'points'[1]: expected a map with x, y, got the number 3 [argument/type]",
    ]
    assert len(everything.check({"points": [{"x": Ref("a"), "y": "no"}]})) == 1


def test_a_reference_that_was_never_resolved_is_refused_at_the_call() -> None:
    assert "expected text, got a Ref" in complaint(shout, {"text": Ref("a")})


def test_a_stored_value_is_read_where_text_is_wanted() -> None:
    blob = Blob("0" * 64, 3, "text/plain")
    assert shout.bind({"text": blob}, read_blob=lambda _: b"abc") == {"text": "abc"}
    assert everything.bind({"content": blob}, read_blob=lambda _: b"abc")["content"] in ("abc", b"abc")
    assert "expected text, got a Blob" in complaint(shout, {"text": blob})
    with pytest.raises(ArgumentError, match="not UTF-8 text: byte 1 is 0xff"):
        shout.bind({"text": blob}, read_blob=lambda _: b"a\xff")


def test_call_binds_and_hands_in_the_context(tmp_path: Path) -> None:
    ctx = LocalContext(tmp_path)
    assert shout.call({"text": "a", "times": "2"}, ctx) == "A A"
    assert asyncio.run(area.call({"shape": {"radius": 2}, "note": "half"}, ctx)) == 12.0
    assert ctx.progressed == [(0.5, "half")]


def test_the_effects_of_a_call_name_what_it_touches() -> None:
    assert area.effects_for({"path": "a.txt"}) == Effects("pure", ("file:a.txt",), ("file:out/a.txt",))
    assert area.effects_for({"path": Ref("a")}).reads == ("file:*",)
    assert area.effects_for({"path": Template(["in/", Ref("a")])}).reads == ("file:*",)
    assert area.effects_for({"path": "{path}"}).reads == ("file:{path}",)
    both = tool(name="both", effects=Effects("idempotent", ("a",)), reads=("b",))(shout.function)
    assert both.effects == Effects("idempotent", ("a", "b"))


def test_calls_go_to_the_recorder_while_there_is_one() -> None:
    token = recorder.set(lambda called, args, kwargs: (called.name, args, kwargs))
    try:
        recorded: object = shout("a", times=2)
    finally:
        recorder.reset(token)
    assert recorded == ("shout", ("a",), {"times": 2})
    assert shout("a") == "A"


def test_a_function_that_cannot_be_called_by_name_is_no_tool() -> None:
    def positional(a: int, /) -> int:
        return a

    def many(*a: int) -> None:
        return None

    def stream() -> Any:
        yield 1

    with pytest.raises(ToolDefinitionError, match="'a' cannot be positional-only"):
        tool(positional)
    with pytest.raises(ToolDefinitionError, match="given by name"):
        tool(many)
    with pytest.raises(ToolDefinitionError, match="return a list instead"):
        tool(stream)
    with pytest.raises(ToolDefinitionError, match="cannot name a tool"):
        tool(name="a b")(shout.function)
    with pytest.raises(ToolDefinitionError, match="did you mean 'pure'"):
        tool(effects="pur")(shout.function)  # type: ignore[call-overload]


def test_a_hint_that_cannot_be_resolved_is_named() -> None:
    def lost(a: Nowhere) -> None:  # type: ignore[name-defined]  # noqa: F821
        return None

    with pytest.raises(ToolDefinitionError, match=r"tool 'lost' has a hint that cannot be resolved.*Nowhere"):
        tool(lost).bind({})


class ProvidedContext:
    """What a run may hand in: all that `ToolContext` asks for, and more."""

    idempotency_key, attempt, task, run, folder = "k", 1, "t", "r", Path()

    def progress(self, fraction: float | None, note: str = "") -> None:
        return None

    def usage(self, *, money: float = 0.0, tokens: int = 0) -> None:
        return None

    def blob_writer(self, media: str) -> Any:
        return None


def test_a_context_is_known_by_what_it_offers() -> None:
    @tool
    def by_protocol(where: ToolContext) -> str:
        return where.run

    @tool
    def by_class(where: ProvidedContext | None = None) -> str:
        return ""

    @tool
    def by_name(ctx: Any) -> str:
        return ""

    @tool
    def without(context: str) -> str:
        return context

    assert [made.context_parameter for made in (by_protocol, by_class, by_name, without)] == [
        "where",
        "where",
        "ctx",
        None,
    ]


def test_a_tool_says_how_a_task_that_calls_it_is_limited_and_repeated() -> None:
    @tool(name="fetch", effects="idempotent", reads=("net:{url}",), timeout_s=5, retry=Retry(attempts=4), estimate_s=2)
    def fetch(url: str) -> str:
        return url

    made = fetch.task("a", {"url": "x"}, label="the page")
    assert (made.op, made.args, made.label) == ("fetch", {"url": "x"}, "the page")
    assert made.limits == Limits(timeout_s=5, retry=Retry(attempts=4))
    assert (made.effects.reads, made.estimate.seconds) == (("net:x",), 2)
    assert fetch.task("a", {"url": "x"}, timeout_s=60).limits == made.limits
    assert shout.task("a", {"text": "x"}, timeout_s=60).limits == Limits(timeout_s=60)
