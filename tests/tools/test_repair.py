"""Malformed calls: what is meant is found, what could mean two things is not, and nothing becomes more dangerous."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import AmbiguousNameError, ArgumentError, RequestError, UnknownNameError
from orrery.graph import Effects, Ref
from orrery.tools import Tool, tool, tools
from orrery.tools.repair import ARGUMENT_ALIASES, Repaired, repair

VALID: list[tuple[str, dict[str, Any]]] = [
    ("files.read", {"path": "a.txt", "max_bytes": 100}),
    ("files.read_bytes", {"path": "a.bin"}),
    ("files.write", {"path": "a.txt", "content": "hello"}),
    ("files.append", {"path": "log.txt", "content": "line"}),
    ("files.glob", {"pattern": "**/*.py", "hidden": True, "max_results": 50}),
    ("files.hash", {"path": "a.txt", "algorithm": "sha1"}),
    ("files.copy", {"source": "a.txt", "target": "b.txt"}),
    ("files.remove", {"path": "old", "recursive": True}),
    ("files.stat", {"path": "a.txt"}),
    ("text.count", {"text": "some words"}),
    ("text.lines", {"text": "a\nb"}),
    ("text.replace", {"text": "a b", "old": "a", "new": "c"}),
    ("text.split", {"text": "a,b", "separator": ","}),
    ("text.json", {"text": "[1]"}),
    ("http.get", {"url": "http://127.0.0.1/", "timeout_s": 5.0, "follow_redirects": False}),
    ("http.post", {"url": "http://127.0.0.1/", "json": {"a": 1}}),
    ("http.download", {"url": "http://127.0.0.1/", "path": "a.bin"}),
    ("shell.run", {"command": ["ls", "-l"], "check": False}),
    ("shell.script", {"script": "ls | wc", "arguments": ["a"]}),
    ("python.run", {"code": "1 + 1", "timeout_s": 3.0}),
    ("data.query", {"sql": "SELECT 1"}),
    ("chart.bar", {"values": {"a": 1.0}, "path": "bars.svg"}),
]


def test_a_call_that_is_right_is_left_as_it_is() -> None:
    for name, args in VALID:
        assert repair(name, args, tools) == Repaired(name, args)


@pytest.mark.parametrize(
    "written",
    [
        *("files.read", "files_read", "filesRead", "FILES.READ", "files-read", "files/read", "functions.files.read"),
        *("read_file", "readFile", "file_read", "files.read()", "cat", "flies.read", "fils.read", "tools.files_read"),
    ],
)
def test_a_name_written_otherwise_is_the_tool_that_was_meant(written: str) -> None:
    found = repair(written, {"path": "a.txt"}, tools)
    assert (found.name, found.args) == ("files.read", {"path": "a.txt"})
    assert len(found.changes) == (written != "files.read")


def test_every_change_is_told() -> None:
    found = repair("read_file", {"file": "a.txt", "maxBytes": "10 "}, tools)
    assert found.args == {"path": "a.txt", "max_bytes": 10}
    assert found.changes == (
        "the tool 'read_file' is 'files.read': it has the same words",
        "the argument 'maxBytes' is 'max_bytes'",
        "the argument 'file' is 'path'",
        "the argument 'max_bytes': its JSON text was read",
    )


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("files.read", '{"path": "a.txt"}', {"path": "a.txt"}),
        ("files.read", {"arguments": {"path": "a.txt"}}, {"path": "a.txt"}),
        ("files.read", {"input": '{"path": "a.txt"}'}, {"path": "a.txt"}),
        ("files.read", {"path": ["a.txt"]}, {"path": "a.txt"}),
        ("files.read", {"path": "a.txt", "max_bytes": None}, {"path": "a.txt"}),
        ("files.glob", {"pattern": "*", "hidden": "yes"}, {"pattern": "*", "hidden": True}),
        ("files.hash", {"path": "a", "algorithm": "SHA-256"}, {"path": "a", "algorithm": "sha256"}),
        ("files.write", {"path": "a", "text": {"b": 1}}, {"path": "a", "content": '{"b": 1}'}),
        ("files.copy", {"from": "a", "to": "b"}, {"source": "a", "target": "b"}),
        ("text.count", {"text": 12}, {"text": "12"}),
        ("http.get", {"uri": "http://h/", "timeout": 5}, {"url": "http://h/", "timeout_s": 5}),
        ("http.post", {"url": "http://h/", "payload": "x"}, {"url": "http://h/", "json": "x"}),
        ("shell.run", {"command": '["ls", "-l"]'}, None),
        ("shell.script", {"script": "ls", "arguments": "a"}, {"script": "ls", "arguments": ["a"]}),
        ("data.query", {"query": Ref("asked")}, {"sql": Ref("asked")}),
        ("chart.bar", {"values": '{"a": 1}', "path": "a.svg"}, {"values": {"a": 1}, "path": "a.svg"}),
        ("metrics.snapshot", None, {}),
    ],
)
def test_arguments_get_their_names_and_types(name: str, given: Any, wanted: dict[str, Any] | None) -> None:
    if wanted is None:  # the tool itself says what to do, and so nothing is guessed
        with pytest.raises(ArgumentError, match="write each word of the command as its own item"):
            repair(name, given, tools)
    else:
        assert repair(name, given, tools).args == wanted


def test_a_number_with_a_unit_is_left_alone() -> None:
    with pytest.raises(ArgumentError, match=r"argument 'timeout_s': expected a number, got text '5 s'"):
        repair("http.get", {"url": "http://h/", "timeout": "5 s"}, tools)


def test_what_the_tool_does_not_take_is_dropped_only_if_that_was_said() -> None:
    with pytest.raises(ArgumentError, match="there is no such argument"):
        repair("text.count", {"text": "a", "purpose": "x"}, tools)
    found = repair("text.count", {"text": "a", "purpose": "x"}, tools, drop_unknown=True)
    assert found.args == {"text": "a"}
    assert found.changes == ("'purpose' was left out: text.count has no such argument",)


def test_what_no_rule_explains_is_an_error() -> None:
    with pytest.raises(UnknownNameError):
        repair("make_coffee", {}, tools)
    with pytest.raises(UnknownNameError):
        repair("", {}, tools)
    for args in ("no json", "[1]", 5, ["a"]):
        with pytest.raises(ArgumentError, match="expected a map of arguments"):
            repair("text.count", args, tools)


def own(**named: Effects) -> dict[str, Tool[..., Any]]:
    def plain(path: str = "") -> str:
        return path

    made = {name.replace("__", "."): effects for name, effects in named.items()}
    return {name: tool(name=name, effects=effects)(plain) for name, effects in made.items()}


def test_what_could_be_two_tools_is_neither() -> None:
    with pytest.raises(AmbiguousNameError) as caught:
        repair("noteRead", {}, own(notes__read=Effects("pure"), read__note=Effects("pure")))
    assert caught.value.candidates == ("notes.read", "read.note")
    with pytest.raises(AmbiguousNameError, match=r"could be any of 'http\.get', 'https\.get'"):
        repair("httpx.get", {}, own(http__get=Effects("pure"), https__get=Effects("pure")))
    with pytest.raises(AmbiguousNameError):
        repair("get", {}, own(a__get=Effects("pure"), b__get=Effects("pure")))


def test_a_misspelt_name_never_becomes_the_more_dangerous_of_two() -> None:
    known = own(lamp__reset=Effects("once"), lamp__read=Effects("pure"))
    with pytest.raises(AmbiguousNameError) as caught:
        repair("lamp.reseti", {}, known)
    assert caught.value.candidates == ("lamp.reset", "lamp.read")
    assert repair("lamp.reset", {}, known).name == "lamp.reset"
    assert repair("lampReset", {}, known).name == "lamp.reset"
    assert repair("lamp.raed", {}, known).name == "lamp.read"


def test_a_tool_that_does_more_than_was_asked_for_is_refused() -> None:
    asked = Effects("idempotent")
    assert repair("readFile", {"path": "a"}, tools, asked=asked).name == "files.read"
    for name in ("files_write", "files.remove", "bash"):
        with pytest.raises(ArgumentError, match="was to be no more than idempotent"):
            repair(name, {"path": "a", "content": ""}, tools, asked=asked)
    assert repair("files_write", {"path": "a", "content": ""}, tools, asked=Effects("once")).name == "files.write"


def respelt(rng: random.Random, name: str) -> str:
    toolset, word = name.split(".")
    forms: list[Callable[[], str]] = [
        lambda: f"{toolset}_{word}",
        lambda: f"{toolset}-{word}".upper(),
        lambda: toolset + word.title(),
        lambda: f"functions.{name}",
        lambda: f"{word}_{toolset}",
        lambda: typo(rng, name),
    ]
    return rng.choice(forms)()


def typo(rng: random.Random, word: str) -> str:
    place = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(3)
    if kind == 0:
        return word[:place] + word[place + 1 :]
    if kind == 1:
        return word[:place] + rng.choice("aeinrst") + word[place:]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def renamed(rng: random.Random, args: dict[str, Any]) -> dict[str, Any]:
    name = rng.choice(list(args))
    taken = set(args)
    others = sorted({alias for group in ARGUMENT_ALIASES if name in group for alias in group} - taken)
    parts = name.split("_")
    camel = parts[0] + "".join(part.title() for part in parts[1:])
    new = rng.choice([*others[:3], camel, name.upper(), typo(rng, name) if len(name) > 3 else name])
    return {new if key == name else key: value for key, value in args.items()}


def retyped(rng: random.Random, args: dict[str, Any]) -> dict[str, Any]:
    name = rng.choice(list(args))
    value = args[name]
    forms: dict[type, list[Callable[[Any], Any]]] = {
        bool: [str, lambda v: "yes" if v else "no"],
        int: [str, lambda v: f"{v}.0", lambda v: [v], float],
        float: [str, lambda v: [v]],
        dict: [json.dumps],
        list: [json.dumps, lambda v: v[0] if len(v) == 1 else v],
        str: [lambda v: [v]],
    }
    return {**args, name: rng.choice(forms[type(value)])(value)}


def wrapped(rng: random.Random, args: dict[str, Any]) -> Any:
    return rng.choice([json.dumps(args), {"arguments": args}, {"args": json.dumps(args)}])


def test_most_of_300_mutated_calls_are_repaired_and_none_becomes_another_tool() -> None:
    rng = random.Random(20260731)
    repaired, wrong, refused = 0, [], []
    for _ in range(300):
        name, args = rng.choice(VALID)
        written, given = name, dict(args)
        how: Any = None
        while isinstance(given, dict) and written == name and not tools.get(name).check(given):
            how = rng.choice(["name", "argument", "type", "wrap", "both"])
            if how in ("name", "both"):
                written = respelt(rng, name)
            if how in ("argument", "both"):
                given = renamed(rng, args)
            if how == "type":
                given = retyped(rng, args)
            if how == "wrap":
                given = wrapped(rng, args)
        try:
            found = repair(written, given, tools)
        except RequestError as error:
            refused.append((written, given, str(error)))
            continue
        made = tools.get(found.name)
        if found.name != name or made.bind(found.args) != made.bind(args):
            wrong.append((written, given, found))
        assert made.check(found.args) == []
        repaired += 1
    assert wrong == []
    assert repaired / 300 >= 0.95, refused


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([name for name, _ in VALID]) | st.text(max_size=12),
    st.dictionaries(
        st.sampled_from(["path", "file", "content", "text", "url", "max_bytes"]) | st.text(max_size=6), plain
    )
    | plain,
    st.booleans(),
)
def test_what_comes_out_passes_the_check_and_what_was_right_is_unchanged(name: str, args: Any, drop: bool) -> None:
    try:
        found = repair(name, args, tools, drop_unknown=drop)
    except RequestError:
        assert name not in tools or not isinstance(args, dict) or tools.get(name).check(args)
        return
    assert tools.get(found.name).check(found.args) == []
    assert repair(found.name, found.args, tools) == Repaired(found.name, found.args)
    if name in tools and isinstance(args, dict) and not tools.get(name).check(args):
        assert found.args == args or len(args) == 1


def test_the_callers_arguments_are_not_touched() -> None:
    given: dict[str, Any] = {"file": "a.txt", "max_bytes": "7"}
    repair("files.read", given, tools)
    assert given == {"file": "a.txt", "max_bytes": "7"}
    assert Path("a.txt").name == "a.txt"
