"""Reading tools: what is wrong is named with its place, all at once."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import ToolGraphError
from orrery.routing.tool_graph.reading import json_schema, load_tools, read_file, tool_graph

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "docs/reference/tool-graph.schema.json"

GOOD = """\
tools:
  quick:
    uses: http.get
    needs: {url: address}
    gives: page
    money: 0.01
    undo: forget
  forget: {uses: files.remove, needs: {path: address}}
  parse:
    uses: py:./parse.py:rows
    needs: page
    gives: [rows, header]
    with: {strict: true}
"""


def test_a_file_of_tools(tmp_path: Path) -> None:
    file = tmp_path / "tools.yaml"
    file.write_text(GOOD)
    graph = load_tools(file)
    quick, parse = graph["quick"], graph["parse"]
    assert (quick.op, quick.needs, quick.gives, quick.undo) == ("http.get", {"url": "address"}, {"page": ""}, "forget")
    assert quick.effects == "idempotent", "what http.get says of itself"
    assert (parse.needs, parse.gives, parse.args) == (
        {"page": "page"},
        {"rows": "rows", "header": "header"},
        {"strict": True},
    )
    assert parse.op == f"py:{tmp_path.resolve()}/parse.py:rows"
    assert graph.names == ["parse", "quick"], "what only takes effects back is no step"
    assert repr(graph) == "<ToolGraph 3 tools, 4 artefacts>"
    as_json = tmp_path / "tools.json"
    as_json.write_text(json.dumps({"tools": read_file(file)}))
    assert load_tools(as_json).tools == graph.tools


def problems(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "tools.yaml"
    file.write_text(text)
    with pytest.raises(ToolGraphError) as caught:
        load_tools(file)
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems]


def test_everything_that_is_wrong_in_a_file_has_its_line(tmp_path: Path) -> None:
    text = """\
tools:
  a:
    gives: x
    needs: [y, 3]
  b:
    give: x
  "c d": {}
  e:
    gives: x
    reliability: 0
more: 1
"""
    assert problems(tmp_path, text) == [
        "tools.yaml:11:1: there is no such key; known: 'tools' [tool-graph/shape]",
        "tools.yaml:4:16: Expected `str`, got `int` [tool-graph/shape]",
        "tools.yaml:6:5: there is no key 'give'; did you mean 'gives'? [tool-graph/shape]",
        (
            "tools.yaml:7:3: 'c d' cannot name a tool: use letters, digits, '_', '-' and dots between them "
            "[tool-graph/shape]"
        ),
        "tools.yaml:10:5: Expected `float` > 0.0 [tool-graph/shape]",
    ]


def test_tools_that_do_not_go_together(tmp_path: Path) -> None:
    text = """\
tools:
  a: {gives: x, undo: b}
  b: {gives: y}
  c: {gives: z, needs: {path: x}, with: {path: here}, undo: nobody}
  d: {gives: w, undo: e}
  e: {needs: z}
  f: {gives: v, seconds: .inf}
"""
    assert problems(tmp_path, text) == [
        "tools.yaml:2:17: 'b' gives 'y', so it is a step and takes nothing back [tool-graph/undo]",
        "tools.yaml:4:35: 'path' is an argument by 'needs' and by 'with'; keep one [tool-graph/shape]",
        "tools.yaml:4:55: there is no tool 'nobody'; known: 'a', 'b', 'c', 'd', 'e', 'f' [tool-graph/undo]",
        "tools.yaml:5:17: 'e' needs 'z', which 'd' neither needs nor gives [tool-graph/undo]",
        "tools.yaml:7:17: it is not a finite number [tool-graph/shape]",
    ]


@pytest.mark.parametrize("text", ["tools: [a, b]", "- a", "tool: {}"])
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    assert "it needs the key 'tools', a map of their names [tool-graph/shape]" in problems(tmp_path, text)[0]


def test_a_file_that_is_not_there_and_one_that_is_no_yaml(tmp_path: Path) -> None:
    with pytest.raises(ToolGraphError, match="cannot be read"):
        load_tools(tmp_path / "none.yaml")
    assert "the YAML cannot be read" in problems(tmp_path, "tools: {")[0]


def test_plain_data_has_places_too() -> None:
    with pytest.raises(ToolGraphError, match=r"tools\.a\.needs\[0\]: Expected `str`, got `int`"):
        tool_graph({"a": {"gives": "x", "needs": [1]}})


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_is_given_is_read_or_refused(data: Any) -> None:
    with contextlib.suppress(ToolGraphError):
        assert len(tool_graph({"a": data})) == 1


def test_the_published_schema_is_current_and_knows_the_good_and_the_bad() -> None:
    assert json.loads(SCHEMA.read_text()) == json_schema(), "python -m tests.routing.test_reading writes it anew"
    jsonschema.Draft202012Validator.check_schema(json_schema())
    jsonschema.validate(yaml.safe_load(GOOD), json_schema())
    for bad in ("tools: {a: {give: x}}", "tools: {a: {gives: 3}}", "tools: {a: {reliability: 0}}", "{}"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(yaml.safe_load(bad), json_schema())


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
