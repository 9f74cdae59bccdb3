"""The registry: every built-in tool is known by name, and none is imported before it is looked up."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module

import jsonschema
import pytest

from orrery.errors import NameTakenError, UnknownNameError
from orrery.tools import Tool, tool, tools
from orrery.tools.toolset import BUILT_IN, ToolRegistry


def in_fresh_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_every_built_in_tool_is_listed_and_found() -> None:
    listed = [f"{toolset}.{name}" for toolset, names in BUILT_IN.items() for name in names]
    assert set(listed) <= set(tools.names())
    for name in listed:
        found = tools.get(name)
        assert found.name == name
        assert found.description.endswith(".")
        jsonschema.Draft202012Validator.check_schema(found.parameters)
        jsonschema.Draft202012Validator.check_schema(found.result)
        assert json.loads(json.dumps(found.parameters)) == found.parameters


def test_every_tool_of_a_toolset_is_listed() -> None:
    for toolset, names in BUILT_IN.items():
        module = import_module(f"orrery.tools.{toolset}")
        made = {thing.name for thing in vars(module).values() if isinstance(thing, Tool)}
        assert made == {f"{toolset}.{name}" for name in names}


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = """
import sys, json
from orrery.tools import tools
tools.names(); "files.read" in tools
listed = [m for m in sys.modules if m.startswith("orrery.tools.")]
tools.get("files.read")
got = [m for m in sys.modules if m.startswith("orrery.tools.") and m not in listed]
for toolset in ("data", "http", "chart", "metrics", "shell", "text"):
    tools.get({"data": "data.query", "http": "http.get", "chart": "chart.bar", "metrics": "metrics.sample",
               "shell": "shell.run", "text": "text.count"}[toolset])
heavy = [m for m in ("duckdb", "httpx2", "matplotlib", "psutil", "numpy") if m in sys.modules]
print(json.dumps([sorted(listed), sorted(got), heavy]))
"""
    listed, got, heavy = json.loads(in_fresh_python(code))
    assert listed == [f"orrery.tools.{name}" for name in ("context", "hints", "schema", "tool", "toolset")]
    assert got == ["orrery.tools.disk", "orrery.tools.files"]
    assert heavy == []


@pytest.mark.parametrize(
    ("missing", "extra", "call"),
    [
        ("duckdb", "data", "from orrery.tools import data; data.query('SELECT 1')"),
        (
            "httpx2",
            "http",
            "import asyncio; from orrery.tools import http; asyncio.run(http.get('http://127.0.0.1:1'))",
        ),
        ("psutil", "metrics", "import asyncio; from orrery.tools import metrics; asyncio.run(metrics.snapshot())"),
        (
            "matplotlib",
            "charts",
            "from pathlib import Path; from orrery.tools import chart; chart.bar({'a': 1}, Path('x.svg'))",
        ),
    ],
)
def test_a_missing_extra_is_named(missing: str, extra: str, call: str) -> None:
    code = f"""
import sys
sys.modules[{missing!r}] = None
from orrery.errors import MissingExtraError
try:
    exec({call!r})
except MissingExtraError as error:
    print(error.extra, error)
"""
    assert in_fresh_python(code).startswith(f"{extra} the ")


def test_an_unknown_tool_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"there is no tool 'file\.read'; did you mean 'files\.read'"):
        tools.get("file.read")
    assert "files.read" in tools
    assert "file.read" not in tools


def test_tools_of_ones_own_can_be_added() -> None:
    own = ToolRegistry("tool", group="orrery.tools")

    @tool(name="moons.count")
    def count(planet: str) -> int:
        return len(planet)

    own.add(count.name, count)
    assert own.get("moons.count") is count
    assert "moons.count" in own.names()
    with pytest.raises(NameTakenError):
        own.add("moons.count", tool(name="moons.count")(count.function))
