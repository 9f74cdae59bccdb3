"""Batches on the command line: `run --rows`, its tables and errors, `runs`, `show`, `resume`; the guide's example."""

from __future__ import annotations

import csv
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from orrery.journal import open_journal
from orrery.scheduler.events import TaskSucceeded

from .conftest import Call, Folder

ROOT = Path(__file__).parents[2]
FLOW = """
name: greet-all
inputs:
  who: {type: string}
  times: {type: integer, default: 1}
tasks:
  greet: {uses: "py:./work.py:greet", with: {who: "${{ inputs.who }}"}}
  note: {uses: "py:./work.py:note", with: {line: "${{ tasks.greet }}"}}
  check: {uses: "py:./work.py:fail", with: {text: "not ${{ inputs.who }}"}, if: inputs.who == 'nobody'}
outputs:
  said: ${{ tasks.note }}
  checked: ${{ tasks.check }}
"""
TABLE = "who,times\nyou,1\nnobody,2\nall,\n"


def results(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(autouse=True)
def _flow(folder: Folder) -> None:
    folder.write("all.yaml", FLOW)
    folder.write("t.csv", TABLE)


def test_rows_that_fail_fail_alone_and_the_batch_says_so(folder: Folder, call: Call) -> None:
    said = call("run", "all.yaml", "--rows", "t.csv", "--run", "b", "--json")
    assert said.status == 1
    assert said.json["state"] == "partial"
    rows = said.json["outputs"]["rows"]
    assert (rows["total"], rows["succeeded"], rows["failed"], rows["results"]) == (3, 2, 1, "t.results.csv")
    assert rows["errors"] == [{"row": 2, "code": "ValueError", "error": "not nobody"}]
    assert said.json["error"]["code"] == "rows-failed"
    found = results(folder.path / "t.results.csv")
    assert [(one["who"], one["said"], one["state"], one["error"]) for one in found] == [
        ("you", "hello you", "succeeded", ""),
        ("nobody", "hello nobody", "partial", "not nobody"),
        ("all", "hello all", "succeeded", ""),
    ]
    assert sorted(folder.lines()) == ["hello all", "hello nobody", "hello you"]
    assert not (folder.path / "t.results.csv.part").exists()


def test_its_windows_are_no_runs_of_the_users(folder: Folder, call: Call) -> None:
    call("run", "all.yaml", "--rows", "t.csv", "--run", "b")
    assert [run["run"] for run in call("runs", "--json").json["runs"]] == ["b"]
    assert [run["run"] for run in call("runs", "--all", "--json").json["runs"]] == ["b", "b/0001"]
    shown = call("show", "last").out
    assert "rows  2/3 succeeded, 1 failed; see t.results.csv" in shown
    assert "row 2  not nobody [ValueError]" in shown
    assert call("show", "b/0", "--json").json["run"] == "b/0001"


def test_a_window_of_another_kind_of_run_is_none(folder: Folder, call: Call) -> None:
    call("run", "hello.yaml", "--run", "mine/one")
    assert [run["run"] for run in call("runs", "--json").json["runs"]] == ["mine/one"]


@pytest.mark.parametrize(
    ("table", "more", "said"),
    [
        ("who,times\nyou,x\n", (), "t.csv: row 1, column 'times': must be of type integer"),
        ("times\n1\n", (), "there is no column 'who', which 'greet-all' needs"),
        ("who,wo\na,b\n", (), "column 'wo' is no input of 'greet-all'; did you mean 'who'?"),
        ("who\na\n", ("-i", "who=b"), "input 'who' is given twice: by a column and by -i"),
        ("who\na\n", ("--out", "x.doc"), "no form in which results are written"),
        ("who\na\n", ("--rows-at-once", "0"), "there cannot be 0 rows at once"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(
    folder: Folder, call: Call, table: str, more: tuple[str, ...], said: str
) -> None:
    folder.write("t.csv", table)
    result = call("run", "all.yaml", "--rows", "t.csv", *more)
    assert result.status == 2
    assert said in result.err
    assert folder.lines() == []
    assert call("runs", "--json").json["runs"] == []


def test_bad_rows_and_further_columns_can_be_let_pass(folder: Folder, call: Call) -> None:
    folder.write("t.jsonl", '{"who": "you", "id": 1}\n{"who": 7, "id": 2}\n')
    words = ("run", "all.yaml", "--rows", "t.jsonl", "--out", "out/r.csv", "--json")
    said = call(*words, "--ignore-extra-columns", "--skip-bad-rows", "-i", "times=3")
    assert said.json["outputs"]["rows"]["succeeded"] == 1
    found = results(folder.path / "out/r.csv")
    assert [(one["who"], one["state"], one["error_code"]) for one in found] == [
        ("you", "succeeded", ""),
        ("7", "failed", "bad-row"),
    ]
    assert found[1]["error"] == "column 'who': must be of type string, not int 7"


def test_columns_that_are_passed_over_stand_in_the_results_of_any_form(folder: Folder, call: Call) -> None:
    folder.write("t.jsonl", '{"who": "you", "id": 1}\n{"key": "k", "who": "all"}\n')
    call("run", "all.yaml", "--rows", "t.jsonl", "--ignore-extra-columns", "--json")
    found = [json.loads(line) for line in (folder.path / "t.results.jsonl").read_text().splitlines()]
    assert [(one["who"], one["id"], one["key"], one["said"]) for one in found] == [
        ("you", 1, None, "hello you"),
        ("all", None, "k", "hello all"),
    ]


def test_the_options_of_tables_need_one(call: Call) -> None:
    assert "--skip-bad-rows needs a table: add --rows TABLE" in call("run", "all.yaml", "--skip-bad-rows").err
    assert "--rows needs a workflow" in call("run", "greet everybody", "--rows", "t.csv").err


def test_a_dry_run_checks_the_table_and_runs_nothing(folder: Folder, call: Call) -> None:
    assert call("run", "all.yaml", "--rows", "t.csv", "--dry-run").status == 0
    folder.write("t.csv", "who,times\nyou,x\n")
    assert call("run", "all.yaml", "--rows", "t.csv", "--dry-run").status == 2
    assert folder.lines() == []


def noted(folder: Folder) -> int:
    """How many rows have a note in the log."""
    path = folder.path / ".orrery/runs.db"
    if not path.exists():
        return 0
    journal = open_journal(f"sqlite:///{path}")
    try:
        events = [event for run in journal.runs() if "/" in run.run for _, event in journal.read(run.run)]
    finally:
        journal.close()
    return sum(isinstance(event, TaskSucceeded) and event.task.endswith("/note") for event in events)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX here")
def test_a_killed_batch_is_resumed_and_refuses_another_table(folder: Folder, call: Call) -> None:
    folder.write(
        "wait.yaml",
        FLOW.replace("greet-all", "wait").replace(
            "  check:",
            '  wait: {uses: "py:./work.py:wait_for", with: {path: go.txt}, executor: thread, needs: note}\n  check:',
        ),
    )
    process = folder.start("run", "wait.yaml", "--rows", "t.csv", "--run", "b")
    folder.wait_for(lambda: noted(folder) == 3, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert call("runs", "--json").json["runs"][0]["state"] == "interrupted"
    folder.write("t.csv", TABLE + "more,1\n")
    refused = call("resume", "b")
    assert refused.status == 2
    assert "'t.csv' is not the table with which batch 'b' began" in refused.err
    folder.write("t.csv", TABLE)
    folder.write("go.txt", "")
    said = call("resume", "b", "--json")
    assert said.json["outputs"]["rows"]["succeeded"] == 2
    assert len(folder.lines()) == 3, "what was noted is not noted again"


def test_the_example_of_the_guide(folder: Folder, call: Call) -> None:
    words = ("run", str(ROOT / "examples/11_rows.yaml"), "--rows", str(ROOT / "examples/11_rows.csv"))
    said = call(*words, "--out", "notes.csv", "--json")
    assert said.status == 0
    assert said.json["outputs"]["rows"]["tasks"] == 10
    guide = (ROOT / "docs/guides/rows.md").read_text()
    shown = guide.split("```csv\n")[1].split("```")[0].splitlines()
    made = [line.rsplit(",", 3)[0] for line in (folder.path / "notes.csv").read_text().splitlines()]
    assert made == [line.rsplit(",", 3)[0] for line in shown]
    assert json.dumps(said.json["outputs"]["rows"]["total"]) == "5"
