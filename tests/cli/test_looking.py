"""Commands that look: runs, show, replay, trace, plan, tools."""

from __future__ import annotations

import json
import sqlite3
from xml.etree import ElementTree

import pytest

from .conftest import Call, Folder


@pytest.fixture
def ran(call: Call) -> Call:
    """The command line in a folder where two runs have ended."""
    assert call("run", "hello.yaml", "--run", "one-hello").status == 0
    assert call("run", "fails.yaml", "--run", "two-fails").status == 1
    return call


def test_looking_for_runs_makes_no_store(call: Call, folder: Folder) -> None:
    said = call("runs")
    assert (said.status, "no runs yet" in said.out) == (0, True)
    assert call("runs", "--json").json["runs"] == []
    assert not (folder.path / ".orrery").exists()


def test_runs_lists_every_run_with_its_state(ran: Call) -> None:
    out = ran("runs").out
    assert out.index("one-hello") < out.index("two-fails")
    assert [(run["run"], run["state"], run["live"]) for run in ran("runs", "--json").json["runs"]] == [
        ("one-hello", "succeeded", False),
        ("two-fails", "failed", False),
    ]


def test_a_run_is_found_by_the_beginning_of_its_name_and_as_the_last(ran: Call) -> None:
    assert ran("show", "one", "--json").json["run"] == "one-hello"
    assert ran("show", "last", "--json").json["run"] == "two-fails"
    assert "there is no run 'three'" in ran("show", "three").err


def test_a_name_that_fits_several_runs_is_refused(ran: Call) -> None:
    assert ran("run", "hello.yaml", "--run", "one-more").status == 0
    said = ran("show", "one")
    assert said.status == 2
    assert "one-hello, one-more" in said.err


def test_show_lists_the_tasks_and_why_one_failed(ran: Call) -> None:
    said = ran("show", "two")
    assert said.status == 0
    assert "no such luck" in said.out
    assert "good" in said.out


def test_show_tells_the_story_of_a_task(ran: Call) -> None:
    said = ran("show", "two", "--task", "bad")
    assert "bad failed in attempt 1: ValueError: no such luck" in said.out
    assert "work.py" in said.out, "the traceback of the task's own code"
    found = ran("show", "two", "--task", "bad", "--json").json
    assert found["state"] == "failed"
    assert [event["type"] for event in found["events"]] == ["GraphPatched", "TaskStarted", "TaskFailed"]
    assert "did you mean 'bad'" in ran("show", "two", "--task", "bat").err


def test_children_are_shown_below_their_parent(call: Call, folder: Folder) -> None:
    folder.write(
        "each.yaml",
        'tasks:\n  each: {for-each: ["a", "b"], uses: "py:./work.py:greet", with: {who: "${{ item }}"}}\n'
        '  other: {uses: "py:./work.py:greet", with: {who: x}}',
    )
    assert call("run", "each.yaml").status == 0
    out = call("show", "last").out
    assert out.index("each/0") < out.index("each/1") < out.index("other")
    assert "2 children" in out


def test_replay_says_that_decisions_are_the_same(ran: Call) -> None:
    said = ran("replay", "one", "--json")
    assert said.status == 0
    assert said.json["same"] is True
    assert said.json["events"] > 5
    assert said.json["events_per_s"] > 0


def test_a_damaged_log_is_noticed(ran: Call, folder: Folder) -> None:
    with sqlite3.connect(folder.path / ".orrery/runs.db") as store:
        (table,) = [
            name
            for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if any(column[2] == "BLOB" for column in store.execute(f"PRAGMA table_info({name})")) and "frame" in name
        ]
        (column,) = [c[1] for c in store.execute(f"PRAGMA table_info({table})") if c[2] == "BLOB"][:1]
        store.execute(f"UPDATE {table} SET {column} = {column} || x'00'")
    store.close()
    said = ran("replay", "one")
    assert said.status == 1, said
    assert "[corruption]" in said.err


def test_trace_names_the_critical_path(call: Call, folder: Folder) -> None:
    folder.write(
        "path.yaml",
        "tasks:\n  a: {run: sleep 0.1}\n  b: {run: sleep 0.3}\n  c: {run: sleep 0.1, needs: [a, b]}\n",
    )
    assert call("run", "path.yaml").status == 0
    found = call("trace", "last", "--format", "json").json
    assert found["critical_path"] == ["b", "c"]
    assert found["most_at_once"] == 2
    assert 1 < found["speed_up"] < 2
    assert [attempt["task"] for attempt in found["attempts"]] == ["a", "b", "c"]
    drawn = call("trace", "last").out
    assert "it waited for  b > c" in drawn


def test_trace_is_an_image_and_chrome_trace_events(ran: Call, folder: Folder) -> None:
    assert ran("trace", "one", "--format", "svg", "-o", "trace.svg").status == 0
    root = ElementTree.parse(folder.path / "trace.svg").getroot()
    assert root.tag.endswith("svg")
    events = json.loads(ran("trace", "one", "--format", "chrome").out)["traceEvents"]
    assert [event["name"] for event in events if event["ph"] == "X"] == ["greet", "again"]


def test_plan_draws_the_graph_and_runs_nothing(call: Call, folder: Folder) -> None:
    said = call("plan", "hello.yaml")
    assert said.status == 0, said
    assert "greet" in said.out
    assert "again" in said.out
    assert folder.lines() == []
    assert not (folder.path / ".orrery").exists()


@pytest.mark.parametrize("form", ["svg", "mermaid", "dot", "json", "text"])
def test_plan_writes_the_graph_for_other_programs(call: Call, folder: Folder, form: str) -> None:
    said = call("plan", "hello.yaml", "--format", form, "-o", "graph.out")
    assert said.status == 0, said
    assert "greet" in (folder.path / "graph.out").read_text(encoding="utf-8")


def test_a_planned_graph_can_be_run(call: Call) -> None:
    assert call("plan", "hello.yaml", "--format", "json", "-o", "graph.json").status == 0
    assert call("run", "graph.json", "-i", "who=graph", "--json").json["outputs"] == {"said": "hello graph"}


def test_tools_are_listed_with_their_effects(call: Call) -> None:
    out = call("tools").out
    assert "files.read" in out
    assert "pure" in out
    names = [tool["name"] for tool in call("tools", "files", "--json").json["tools"]]
    assert "files.read" in names
    assert all(name.startswith("files.") for name in names)


def test_one_tool_is_described_with_its_schema(call: Call) -> None:
    assert "path" in call("tools", "files.read").out
    (tool,) = call("tools", "files.read", "--json").json.get("tools", [call("tools", "files.read", "--json").json])
    assert "path" in tool["parameters"]["properties"]
    said = call("tools", "files.reed")
    assert (said.status, "files.read" in said.err) == (2, True)
