"""From the name in a task to a function, and from a task's arguments to the function's."""

from __future__ import annotations

import asyncio
import enum
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orrery.errors import ArgumentError, Failure, OperationError, UnknownNameError
from orrery.graph import Blob, values
from orrery.runtime.context import Context
from orrery.runtime.operations import resolve
from orrery.runtime.signature import Signature

if TYPE_CHECKING:
    from decimal import Decimal

DEEDS = Path(__file__).with_name("deeds.py")


@dataclass
class Point:
    x: int
    y: float


class Colour(enum.Enum):
    RED = "red"


def bound(function: Callable[..., Any], **args: Any) -> Any:
    """What the function returns for a task's arguments after their way through the journal."""
    signature = Signature(function, name="it")
    return signature.by_keyword(**signature.bind(values.decode(values.encode(args))))


def test_a_registered_tool_is_found_by_its_name() -> None:
    operation = resolve("files.read")
    assert operation.name == "files.read"
    assert callable(operation.function)


def test_a_name_that_nobody_registered_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean .*files\.read"):
        resolve("files.raed")


def test_a_function_of_a_module_is_found_once() -> None:
    assert resolve("py:math:sqrt") is resolve("py:math:sqrt")
    assert resolve("py:math:sqrt").function(x=9.0) == 3.0


def test_a_function_of_a_script_is_found_by_its_path() -> None:
    operation = resolve(f"py:{DEEDS}:thread_name")
    assert operation.function.__module__ != "__main__"
    assert operation.context_parameter is None


@pytest.mark.parametrize(
    ("op", "message"),
    [
        ("py:no_such_module_of_ours:f", "no module 'no_such_module_of_ours'"),
        ("py:/no/such/file.py:f", "no Python file"),
        ("py:math:sqr", "did you mean 'sqrt'"),
        ("py:math", "names no function"),
        ("py:math:pi", "cannot be called"),
        ("local:nobody", "another process"),
    ],
)
def test_what_cannot_be_found_is_an_error_with_a_way_out(op: str, message: str) -> None:
    with pytest.raises(OperationError, match=message):
        resolve(op)


def test_async_functions_are_known_as_such() -> None:
    assert resolve(f"py:{DEEDS}:loop_of_its_own").is_async
    assert not resolve(f"py:{DEEDS}:an_awaitable").is_async


def test_a_parameter_that_takes_the_context_is_not_an_argument() -> None:
    def by_name(a: int, ctx: Any) -> None: ...
    def by_hint(a: int, attempt: Context | None = None) -> None: ...

    assert Signature(by_name, name="it").context_parameter == "ctx"
    assert Signature(by_hint, name="it").context_parameter == "attempt"
    with pytest.raises(ArgumentError, match="there is no such argument"):
        Signature(by_name, name="it").bind({"a": 1, "ctx": 2})


def test_a_dataclass_comes_back_as_the_dataclass() -> None:
    def f(at: Point, path: list[Point]) -> Any:
        return at, path

    assert bound(f, at=Point(1, 2.0), path=[Point(3, 4.0)]) == (Point(1, 2.0), [Point(3, 4.0)])


def test_values_become_what_the_hints_say() -> None:
    def f(*, a: float, b: set[int], c: Path, d: datetime, e: Colour, g: tuple[int, ...], h: int | None = None) -> Any:
        return a, b, c, d, e, g, h

    when = datetime.fromisoformat("2024-05-06T07:08:09")
    assert bound(f, a=1, b={1, 2}, c=Path("x/y"), d=when, e=Colour.RED, g=(1, 2)) == (
        1.0, {1, 2}, Path("x/y"), when, Colour.RED, (1, 2), None,
    )  # fmt: skip


def test_text_becomes_a_number_only_where_nothing_else_fits() -> None:
    def f(number: int, either: int | str) -> Any:
        return number, either

    assert bound(f, number="3", either="3") == (3, "3")


def test_every_argument_at_fault_is_named() -> None:
    def f(a: int, b: int, c: int = 0) -> None: ...

    with pytest.raises(ArgumentError) as caught:
        bound(f, a="one", cc=2)
    assert [problem.code for problem in caught.value.problems] == [
        "argument/missing", "argument/type", "argument/unknown",
    ]  # fmt: skip
    assert "'b'" in str(caught.value)
    assert "did you mean 'c'" in str(caught.value)


def test_a_failure_that_the_task_accepts_reaches_it_as_it_is() -> None:
    def f(result: str) -> Any:
        return result

    assert bound(f, result=Failure("ValueError", "no")) == Failure("ValueError", "no")


def test_a_large_value_is_read_where_its_text_or_bytes_are_wanted() -> None:
    def f(text: str, raw: bytes | None, blob: Blob, anything: Any) -> Any:
        return text, raw, blob, anything

    blob = Blob("0" * 64, 3, "text/plain")
    args = dict.fromkeys(("text", "raw", "blob", "anything"), blob)
    kwargs = Signature(f, name="it").bind(args, read_blob=lambda _: b"abc")
    assert f(**kwargs) == ("abc", b"abc", blob, blob)


def test_hints_that_cannot_be_computed_or_aimed_at_are_no_obstacle() -> None:
    def f(a: Decimal, b: dict[str, int] | Point, c: Callable[[], int] | None = None) -> Any:
        return a, b, c

    assert bound(f, a=1, b={"x": 1}) == (1, {"x": 1}, None)


def test_unusual_callables_can_be_called() -> None:
    def positional(a: int, /, b: int, *rest: int, **more: int) -> Any:
        return a, b, rest, more

    class Adder:
        def __call__(self, a: int, b: Point) -> Any:
            return a + b.x

    assert bound(positional, a=1, b="2", z=3) == (1, 2, (), {"z": 3})
    assert bound(functools.partial(Adder(), a=2), b=Point(1, 1.0)) == 3
    assert bound(Point, x=1, y=2) == Point(1, 2.0)
    assert bound(math.hypot) == 0.0


async def _positional_and_async(a: int, /) -> int:
    return a


def test_an_async_function_with_positional_parameters_stays_async() -> None:
    signature = Signature(_positional_and_async, name="it")
    assert asyncio.run(signature.by_keyword(a=4)) == 4


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from("abc"), st.integers() | st.text() | st.none() | st.lists(st.integers())))
def test_a_function_without_hints_gets_exactly_what_it_was_given(args: dict[str, Any]) -> None:
    def f(a, b=0, **more):  # type: ignore[no-untyped-def]
        return {"a": a, "b": b, **more}

    if "a" in args:
        assert bound(f, **args) == {"b": 0} | args
    else:
        with pytest.raises(ArgumentError, match="'a'"):
            bound(f, **args)
