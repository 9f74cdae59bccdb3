"""What is done with rows, called as the plain functions that the tools are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.errors import ArgumentError, ContentError
from orrery.tools import records

ROWS: list[records.Record] = [{"name": "Bo", "n": 3}, {"name": "Al", "n": None}, {"name": "cy", "n": 10}]


def test_rows_are_made_of_columns_of_equal_length() -> None:
    assert records.zip_rows({"path": ["a", "b"]}, spread=[[{"lines": 1}, {"lines": 2}]]) == [
        {"path": "a", "lines": 1},
        {"path": "b", "lines": 2},
    ]
    with pytest.raises(ArgumentError, match="differ in length"):
        records.zip_rows({"a": [1], "b": [1, 2]})


def test_sorting_puts_what_is_missing_last_both_ways() -> None:
    assert [row["name"] for row in records.sort(ROWS, "n")] == ["Bo", "cy", "Al"]
    assert [row["name"] for row in records.sort(ROWS, "n", descending=True)] == ["cy", "Bo", "Al"]
    assert [row["name"] for row in records.sort(ROWS, "name")] == ["Al", "Bo", "cy"]


def test_a_column_that_no_row_has_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(ContentError, match="did you mean 'name'"):
        records.sort(ROWS, "nam")


def test_conditions_compare_numbers_text_and_times() -> None:
    assert len(records.where(ROWS, [{"column": "n", "test": ">", "value": 3}])) == 1
    assert len(records.where(ROWS, [{"column": "name", "test": "=", "value": "CY"}])) == 1
    assert len(records.where(ROWS, [{"column": "n", "test": "empty"}])) == 1
    times: list[records.Record] = [{"at": "2025-03-01 10:00:00"}, {"at": "2025-03-01T12:00:00Z"}]
    assert records.where(times, [{"column": "at", "test": ">", "value": "2025-03-01T11:00"}]) == times[1:]


def test_groups_have_measures() -> None:
    rows: list[records.Record] = [{"k": "a", "v": 1}, {"k": "b", "v": 2}, {"k": "a", "v": 4}]
    grouped = records.group(rows, ["k"], {"count": {"how": "count"}, "sum": {"how": "sum", "column": "v"}})
    assert grouped == [{"k": "a", "count": 2, "sum": 5}, {"k": "b", "count": 1, "sum": 2}]


def test_text_has_no_mean() -> None:
    with pytest.raises(ContentError, match="is no number, so there is no mean"):
        records.reduce(ROWS, "mean", column="name")


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("2025-03-01 10:00:01 ERROR it broke", "ERROR"),
        ("2025-03-01T10:00:01Z [worker] WARN - slow", "WARNING"),
        ('time=2025-03-01T10:00:00Z level=error msg="it broke"', "ERROR"),
        ('{"ts": "2025-03-01T10:00:00Z", "level": "info", "msg": "fine"}', "INFO"),
        ("ERROR: it broke", "ERROR"),
        ("it said ERROR somewhere", "ERROR"),
    ],
)
def test_the_form_of_a_log_is_found_out(line: str, level: str) -> None:
    (record,) = records.of_log(line + "\n")
    assert record["level"] == level
    assert record["message"]


def test_lines_of_a_traceback_belong_to_the_record_before() -> None:
    log = "2025-03-01 10:00:01 ERROR it broke\n  File x\n2025-03-01 10:00:02 INFO on\n2025-03-01 10:00:03 INFO off\n"
    assert [row["message"] for row in records.of_log(log)] == ["it broke\n  File x", "on", "off"]


def test_values_are_laid_out_for_people_and_for_programs() -> None:
    rows: list[records.Record] = [{"a": 1, "b": "x"}, {"a": 20, "b": "y|z"}]
    assert records.text(rows) == "a   b\n1   x\n20  y|z\n"
    assert records.text(rows, form="csv") == "a,b\n1,x\n20,y|z\n"
    assert records.text(rows, form="markdown") == "| a | b |\n| --- | --- |\n| 1 | x |\n| 20 | y\\|z |\n"
    assert records.text(3) == "3\n"
    assert records.text(["a", "b"]) == "a\nb\n"


@given(st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=8) | st.none(), max_size=4)))
def test_json_lines_hold_every_row(rows: list[records.Record]) -> None:
    written = records.text(rows, form="jsonl")
    assert [json.loads(line) for line in written.split("\n")[:-1]] == rows


@given(st.text(max_size=400))
def test_any_text_is_a_log(text: str) -> None:
    assert all(isinstance(record, dict) for record in records.of_log(text))
