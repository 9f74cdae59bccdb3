"""`orrery explain` and `orrery run -O`, as somebody types them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from orrery.cli import main
from orrery.cli.explained import show
from orrery.journal import open_journal
from orrery.runtime.explain import explain
from orrery.scheduler.events import GraphPatched
from orrery.workflow import load_target

TWICE = """
name: twice
tasks:
  first: {uses: text.count, with: {text: "one two"}}
  second: {uses: text.count, with: {text: "one two"}}
  nobody: {uses: text.count, with: {text: "read by nobody"}}
outputs:
  words: ["${{ tasks.first.words }}", "${{ tasks.second.words }}"]
"""


@pytest.fixture
def twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORRERY_STORE", raising=False)
    Path("twice.yaml").write_text(TWICE, encoding="utf-8")
    return "twice.yaml"


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_it_shows_the_graph_before_and_after_and_why(twice: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", twice]) == 0
    shown = capsys.readouterr().out
    assert "as written: 3 tasks" in shown
    assert "optimised: 1 task" in shown
    assert "2 gone" in shown
    assert "nobody" in shown
    assert not Path(".orrery").exists()  # nothing was run, and no store was made


def test_as_json_it_has_both_graphs_every_reason_and_every_estimate(
    twice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", twice, "--json"]) == 0
    found = said(capsys)
    assert [len(found[side]["graph"]["tasks"]) for side in ("before", "after")] == [3, 1]
    changed = {step["pass"]: step["notes"] for step in found["passes"] if step["changed"]}
    assert changed.keys() == {"drop_unused", "merge_shared"}
    assert all(note["because"] for notes in changed.values() for note in notes)
    low, mid, high = found["after"]["estimate"]["seconds"]
    assert 0 < low <= mid <= high


def test_analyze_runs_it_and_sets_actual_beside_estimate(twice: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", twice, "--analyze", "--json"]) == 0
    (row,) = said(capsys)["actual"]["tasks"]
    assert row["ran"]
    assert row["seconds"]["actual"] > 0
    assert main(["explain", twice, "--analyze"]) == 0
    shown = capsys.readouterr().out
    assert "learned from 1 run" in shown
    assert "off by" in shown


def test_a_run_that_is_optimised_returns_the_same_and_logs_what_became_of_the_graph(
    twice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", twice, "--json"]) == 0
    plainly = said(capsys)
    assert main(["run", twice, "-O", "--json", "--run", "fast"]) == 0
    optimised = said(capsys)
    assert optimised["outputs"] == plainly["outputs"]
    assert [run["tasks"]["succeeded"] for run in (plainly, optimised)] == [3, 1]
    journal = open_journal("sqlite:///.orrery/runs.db")
    patches = [event.patch for _, event in journal.read("fast") if isinstance(event, GraphPatched)]
    journal.close()
    assert [patch.by for patch in patches] == ["workflow", "pass:drop_unused", "pass:merge_shared"]
    assert all(patch.because for patch in patches[1:])


def test_a_dry_run_shows_the_graph_as_the_passes_leave_it(twice: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", twice, "--dry-run", "-O", "--json"]) == 0
    assert [task["task"] for task in said(capsys)["tasks"]] == ["first"]


def test_passes_can_be_chosen_or_left_out(twice: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", twice, "--passes", "none", "--json"]) == 0
    assert said(capsys)["passes"] == []
    assert main(["explain", twice, "--passes", "drop_unused", "--json"]) == 0
    assert len(said(capsys)["after"]["graph"]["tasks"]) == 2
    assert main(["explain", twice, "--passes", "drop_unsued"]) == 2
    assert "did you mean 'drop_unused'" in capsys.readouterr().err


def test_a_pass_takes_options(twice: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", twice, "--passes", "choose_model:floor=0.8:objective=seconds,place", "--json"]) == 0
    assert [step["pass"] for step in said(capsys)["passes"]] == ["choose_model", "place"]
    assert main(["explain", twice, "--passes", "choose_model:flor=0.8"]) == 2
    assert "option of the pass 'choose_model'" in capsys.readouterr().err
    assert main(["explain", twice, "--passes", "choose_model:cheap"]) == 2
    assert "write it as choose_model:OPTION=VALUE" in capsys.readouterr().err


def test_an_option_is_read_as_its_type(twice: str, capsys: pytest.CaptureFixture[str]) -> None:
    for option in (
        "choose_model:floor=good",
        "choose_model:objective=fame",
        "place:effort=0.5",
        "allocate_effort:difficulty=1",
    ):
        assert main(["explain", twice, "--passes", option]) == 2
        assert f"option {option.split(':')[1].split('=')[0]!r} of the pass" in capsys.readouterr().err


def test_a_run_says_which_pass_was_skipped(twice: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", twice, "--passes", "drop_unused,allocate_effort:threshold=7"]) == 0
    shown = capsys.readouterr()
    assert "drop_unused, nobody" in shown.out
    assert "allocate_effort is skipped" in shown.err
    assert "the threshold of difficulty lies in [0, 1]" in shown.err


def test_the_picture_has_both_graphs(twice: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", twice, "-o", "both.svg"]) == 0
    assert "3 tasks before, 1 after" in capsys.readouterr().out
    picture = Path("both.svg").read_text(encoding="utf-8")
    assert "as written: 3 tasks" in picture
    assert "drop_unused, nobody:" in picture
    assert main(["explain", twice, "-o", "both.png"]) == 2
    assert "name it 'both.svg'" in capsys.readouterr().err
    assert not Path("both.png").exists()
    assert main(["explain", twice, "-o", "no/such/folder.svg"]) == 1
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["explain", "plan"])
def test_a_picture_does_not_replace_the_workflow(twice: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    written = Path(twice).read_text(encoding="utf-8")
    assert main([command, twice, "-o", f"./{twice}"]) == 2
    assert "of which it is made" in capsys.readouterr().err
    assert Path(twice).read_text(encoding="utf-8") == written


def test_over_a_table_it_says_how_much_work_is_there_more_than_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    flow = {"name": "f", "inputs": {"text": {"type": "string"}, "n": {"type": "integer"}}, "tasks": {}}
    flow["tasks"] = {
        "words": {"uses": "text.count", "with": {"text": "${{ inputs.text }}"}},
        "times": {"uses": "records.take", "with": {"items": ["a", "b"], "count": "${{ inputs.n }}"}},
    }
    Path("flow.yaml").write_text(json.dumps(flow), encoding="utf-8")
    lines = ["text,n", *(f"text {row % 4},{row % 2}" for row in range(1500))]
    Path("table.csv").write_text("\n".join(lines), encoding="utf-8")
    assert main(["explain", "flow.yaml", "--rows", "table.csv", "--json"]) == 0
    rows = said(capsys)["rows"]
    assert (rows["rows"], rows["tasks"], rows["distinct"], rows["sampled"]) == (1500, 3000, 6, 1000)
    assert main(["explain", "flow.yaml", "--rows", "table.csv"]) == 0
    assert "6 instead of 3,000" in capsys.readouterr().out
    Path("table.csv").write_text("text,n\nfine,1\nbad,one\n", encoding="utf-8")
    assert main(["explain", "flow.yaml", "--rows", "table.csv"]) == 2
    assert "row 2" in capsys.readouterr().err
    assert main(["explain", "flow.yaml", "--rows", "table.csv", "--skip-bad-rows"]) == 0
    assert "1 that do not fit" in capsys.readouterr().out


def test_over_a_table_it_says_how_calls_would_be_spread_over_replicas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = ["default = 'a:m'"]
    for name in ("a", "b"):
        settings += [f"[providers.{name}]", "kind = 'openai-chat'", f"base_url = 'http://localhost:1/{name}'"]
    monkeypatch.setenv("ORRERY_MODELS", "models.toml")
    Path("models.toml").write_text("\n".join([*settings, "[models.'a:m']", "quality = 0.5"]), encoding="utf-8")
    ask = {"uses": "model.ask", "with": {"prompt": "Name ${{ inputs.n }} moons"}}
    flow = {"name": "f", "inputs": {"n": {"type": "integer"}}, "tasks": {"answer": ask}}
    Path("flow.yaml").write_text(json.dumps(flow), encoding="utf-8")
    Path("table.csv").write_text("\n".join(["n", *map(str, range(200))]), encoding="utf-8")
    assert main(["explain", "flow.yaml", "--rows", "table.csv"]) == 0
    assert "calls   " not in capsys.readouterr().out
    with Path("models.toml").open("a", encoding="utf-8") as file:
        file.write("\n[models.'b:m']\nreplica_of = 'a:m'\n")
    assert main(["explain", "flow.yaml", "--rows", "table.csv"]) == 0
    assert "calls   100 to a:m, 100 to b:m" in capsys.readouterr().out
    assert main(["explain", "flow.yaml", "--rows", "table.csv", "--analyze"]) == 2


def test_a_request_in_plain_words_is_explained_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORRERY_MODEL", raising=False)
    Path("notes.txt").write_text("one two\n", encoding="utf-8")
    assert main(["explain", "count the words of notes.txt", "--planner", "rules"]) == 0
    assert "files.read" in capsys.readouterr().out


def test_what_is_for_requests_or_for_workflows_alone_is_not_passed_over(
    twice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "count the words of notes.txt", "-i", "a=1"]) == 2
    assert "takes no inputs" in capsys.readouterr().err
    assert main(["explain", twice, "--planner", "rules"]) == 2
    assert "--planner is for requests" in capsys.readouterr().err


def test_on_a_narrow_terminal_a_reason_goes_on_below_itself(twice: str) -> None:
    workflow = load_target(twice, Path.cwd(), {})
    written = io.StringIO()
    show(Console(file=written, force_terminal=True, width=60, color_system=None, highlight=False), explain(workflow))
    lines = written.getvalue().splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("  drop_unused   nobody:"))
    assert lines[first + 1].startswith(" " * len("  drop_unused   "))
    assert all(len(line.rstrip()) <= 60 for line in lines)
    (header,) = [line.split() for line in lines if line.startswith("task ")]
    assert header == ["task", "seconds", "because"]  # nothing is said of tokens and money where there are none
