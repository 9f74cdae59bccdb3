"""The text tools: what they give, and what they say about a text that is not what it should be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import ArgumentError, ContentError, LimitReachedError
from orrery.tools import Tool, text


def test_a_text_is_cut_and_counted() -> None:
    assert text.lines("a\r\n b \n\nc") == ["a", " b ", "", "c"]
    assert text.lines("a\n b \n\nc\n", strip=True, skip_empty=True) == ["a", "b", "c"]
    assert text.split(" a  b ") == ["a", "b"]
    assert text.split("a,b,c", separator=",", max_parts=2) == ["a", "b,c"]
    assert text.count("one two\nthree") == {"lines": 2, "words": 3, "chars": 13}
    assert text.count("") == {"lines": 0, "words": 0, "chars": 0}
    with pytest.raises(ArgumentError, match="the separator is empty"):
        text.split("a", separator="")


def test_grep_gives_line_numbers_and_named_groups() -> None:
    log = "ok\nerror: disk 3\nfine\nERROR: disk 4"
    assert text.grep(log, r"error: disk (?P<disk>\d)") == [
        {"line": 2, "text": "error: disk 3", "match": "error: disk 3", "groups": {"disk": "3"}}
    ]
    assert [match["line"] for match in text.grep(log, "error", ignore_case=True)] == [2, 4]
    assert [match["text"] for match in text.grep(log, "(?i)error", invert=True)] == ["ok", "fine"]


def test_grep_says_where_a_pattern_is_wrong_and_keeps_its_cap() -> None:
    with pytest.raises(ArgumentError, match=r"cannot read the pattern 'a\(' at character 1: missing \), unterminated"):
        text.grep("", "a(")
    with pytest.raises(LimitReachedError, match="more than 2 lines match"):
        text.grep("a\na\na", "a", max_matches=2)


def test_replacing_is_literal_unless_asked_otherwise() -> None:
    assert text.replace("a.b.c", ".", "-") == "a-b-c"
    assert text.replace("a.b.c", ".", "-", most=1) == "a-b.c"
    assert text.replace("ab12", r"([a-z]+)(\d+)", r"\2\1", regex=True) == "12ab"
    assert text.replace("aa", "a", "b", regex=True, most=0) == "aa"
    with pytest.raises(ArgumentError, match="invalid group reference 3"):
        text.replace("a", "a", r"\3", regex=True)
    with pytest.raises(ArgumentError, match="`old` is empty"):
        text.replace("a", "", "b")


def test_a_template_is_filled_once_and_structurally() -> None:
    fields = {"name": "{secret} {{x}}", "n": 3, "ok": True, "deep": {"list": [{"a": "b"}]}, "none": None}
    filled = text.template("{name} has {n} {ok} {deep.list.0.a} {deep} {{kept}} {none}", fields)
    assert filled == '{secret} {{x}} has 3 true b {"list": [{"a": "b"}]} {kept} null'


def test_a_template_reports_everything_that_is_missing() -> None:
    with pytest.raises(ArgumentError) as caught:
        text.template("{nam} {n.x} } {nam}", {"name": 1, "n": {"y": 1}})
    assert str(caught.value) == (
        "tool 'text.template': there is no field 'nam'; did you mean 'name'?; "
        "there is no field 'n.x'; known: 'y'; a lone '}' at character 12; write '}}'"
    )


@settings(max_examples=30, deadline=None)
@given(st.text(), st.text())
def test_data_in_a_template_stays_as_it_is(before: str, data: str) -> None:
    written = before.replace("{", "{{").replace("}", "}}")
    assert text.template(written + "{x}", {"x": data}) == before + data


COMBINED = (
    '192.0.2.1 - ada [10/Oct/2026:13:55:36 -0700] "GET /a%20b?q=1 HTTP/1.1" 200 2326 "http://x/" "Moz \\"q\\" (X)"'
)


def test_web_server_logs_become_records() -> None:
    parsed = text.parse_log(COMBINED + "\n\nnonsense\n" + COMBINED.replace("Oct", "Okt"))
    assert parsed["records"] == [
        {
            "host": "192.0.2.1",
            "identity": None,
            "user": "ada",
            "time": "2026-10-10T13:55:36-07:00",
            "request": "GET /a%20b?q=1 HTTP/1.1",
            "status": 200,
            "size_bytes": 2326,
            "referrer": "http://x/",
            "agent": 'Moz \\"q\\" (X)',
            "method": "GET",
            "path": "/a%20b?q=1",
            "protocol": "HTTP/1.1",
        }
    ]
    assert parsed["unreadable"] == 2
    assert parsed["first_unreadable"][0] == {"line": 3, "text": "nonsense"}
    common = COMBINED[: COMBINED.index(' "http')].replace("2326", "-").replace("GET /a%20b?q=1 HTTP/1.1", "-")
    (record,) = text.parse_log(common, format="common")["records"]
    assert (record["size_bytes"], record["method"], record["request"]) == (0, None, None)


@pytest.mark.parametrize(
    ("line", "record"),
    [
        ('level=info msg="a \\"b\\"\\nc" n=3 debug', {"level": "info", "msg": 'a "b"\nc', "n": "3", "debug": True}),
        ("a= b=x=y", {"a": "", "b": "x=y"}),
        ("just some prose", None),
        ('broken="never closed', None),
    ],
)
def test_logfmt_lines_become_records(line: str, record: dict[str, Any] | None) -> None:
    parsed = text.parse_log(line, format="logfmt")
    assert (parsed["records"], parsed["unreadable"]) == (([], 1) if record is None else ([record], 0))


def test_json_lines_and_patterns_of_ones_own_become_records() -> None:
    parsed = text.parse_log('{"a": 1}\n[1]\n{"a"', format="json")
    assert (parsed["records"], parsed["unreadable"]) == ([{"a": 1}], 2)
    parsed = text.parse_log("10:00 up\n??", format="regex", pattern=r"^(?P<at>\d\d:\d\d) (?P<what>\w+)")
    assert parsed["records"] == [{"at": "10:00", "what": "up"}]
    with pytest.raises(ArgumentError, match="that format needs one"):
        text.parse_log("", format="regex")
    with pytest.raises(ArgumentError, match="names no groups"):
        text.parse_log("", format="regex", pattern="a")


def test_a_thousand_bad_lines_are_counted_but_not_kept() -> None:
    parsed = text.parse_log("x" * 1000 + "\n" + "x\n" * 999, format="json")
    assert parsed["unreadable"] == 1000
    assert len(parsed["first_unreadable"]) == 5
    assert len(parsed["first_unreadable"][0]["text"]) == 200


@settings(max_examples=30, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_json_is_read(value: Any) -> None:
    assert text.json(json.dumps(value)) == value


def test_broken_json_says_where() -> None:
    with pytest.raises(ContentError, match=r"not JSON: line 2, column 7: Expecting value; there stands 'oops}'"):
        text.json('{\n "a": oops}')
    with pytest.raises(ContentError, match="nested too deeply"):
        text.json("[" * 200_000)


def test_csv_becomes_records() -> None:
    assert text.csv('a,b\n1,"x, y"\n\n2,"line\nbreak"\n') == [{"a": "1", "b": "x, y"}, {"a": "2", "b": "line\nbreak"}]
    assert text.csv("1;2", delimiter=";", columns=["a", "b"]) == [{"a": "1", "b": "2"}]
    assert text.csv("") == []
    with pytest.raises(ContentError, match="CSV line 3 has 1 fields instead of 2"):
        text.csv("a,b\n1,2\n3")
    with pytest.raises(ContentError, match="names 'a' twice"):
        text.csv("a,a\n1,2")
    with pytest.raises(ContentError, match="CSV line 2: "):
        text.csv('a,b\n"1" x,2')
    with pytest.raises(ArgumentError, match="one character"):
        text.csv("a", delimiter="||")


def test_every_text_tool_is_pure() -> None:
    made = [thing for thing in vars(text).values() if isinstance(thing, Tool)]
    assert len(made) == 9
    assert {one.effects.kind for one in made} == {"pure"}
