"""Values as JSON and as short lines."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.cli.options import read_inputs, read_value
from orrery.errors import Failure, InputError
from orrery.graph import Blob
from orrery.graph.values import decode, encode
from orrery.telling.plain import amount, plain, short, span, target_line

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
data = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(data)
def test_whatever_a_task_returns_can_be_written_as_json(value: Any) -> None:
    travelled = decode(encode(value))
    assert json.loads(json.dumps(plain(travelled), allow_nan=False)) == plain(travelled)


@given(data, st.integers(20, 100))
def test_a_short_form_is_one_line_that_fits(value: Any, width: int) -> None:
    text = short(value, width)
    assert len(text) <= width
    assert len(text.splitlines()) <= 1


def test_our_own_forms_have_the_forms_that_are_promised() -> None:
    assert plain(Blob("ab" * 32, 7, "text/plain")) == {"blob": "ab" * 32, "size_bytes": 7, "media": "text/plain"}
    failure = plain(Failure("ValueError", "no", code="c", cause=Failure("OSError", "disk")))
    assert failure["error"]["message"] == "no"
    assert failure["error"]["cause"]["type"] == "OSError"
    assert plain({1: float("inf"), "at": datetime(2026, 1, 2, tzinfo=UTC)}) == {
        "1": None,
        "at": "2026-01-02T00:00:00+00:00",
    }
    assert plain(1 << 20_000) == hex(1 << 20_000)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.004, "0.00 s"), (1.234, "1.23 s"), (59.9, "59.9 s"), (185, "3 m 05 s"), (7860, "2 h 11 m")]
)
def test_time_spans_are_for_people(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_amounts_are_for_people() -> None:
    assert [amount(n) for n in (7, 1500, 2_500_000_000_000)] == ["7 bytes", "1.5 kB", "2.5 TB"]


def test_inputs_are_split_at_the_first_equals_sign() -> None:
    assert read_inputs(["a=b=c", "empty="]) == {"a": "b=c", "empty": ""}
    with pytest.raises(InputError, match="twice"):
        read_inputs(["a=1", "a=2"])


def test_a_value_that_is_no_json_stands_for_itself() -> None:
    assert [read_value(text) for text in ("yes", "3", '{"a": 1}')] == ["yes", 3, {"a": 1}]


def test_a_long_request_is_told_in_one_line_and_a_path_whole() -> None:
    assert target_line("count the \x1b[2J lines\nof every file " + "and more " * 1000).startswith(
        "count the \ufffd[2J lines of"
    )
    assert len(target_line("word " * 2000)) == 60
    path = "/a/rather/deep/folder/" * 10 + "flow.yaml"
    assert target_line(path) == path
