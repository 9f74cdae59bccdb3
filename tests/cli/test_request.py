"""`orrery run "a request in plain words"`: who plans, what is shown beforehand, and what comes of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.simulated import Simulated
from tests.simulated import simulated as simulated  # noqa: PLC0414 - a fixture

from orrery.cli.request import Choice, choose, is_request
from orrery.models.simulated import Answer, Asked

from .conftest import Call, Folder
from .test_terminal import Terminal, terminals

__all__ = ["terminals"]

in_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux reads the screen back")
COUNT = "count the lines of every text file under notes"


@pytest.fixture
def plain(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A folder with notes, where no model is configured."""
    for name in ("ORRERY_MODELS", "ORRERY_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(folder.path))
    (folder.path / "notes").mkdir()
    for number in (1, 2, 3):
        folder.write(f"notes/{number}.txt", "line\n" * number)
    return folder


def model(plan: str) -> Any:
    """A model that gives a plan, and answers about whatever else it is asked."""

    def answer(asked: Asked) -> Answer:
        return Answer(plan if asked.system.startswith("You plan ") else f"about {asked.text}")

    return answer


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("count the lines", True),
        ("read flow.yaml", True),
        ("flow.yaml", False),
        (" flow.yaml ", False),
        ("module:flow", False),
        ("a file.yaml", False),  # there is one
        ("a missing file.yaml", True),
        ("x" * 5_000 + " y", True),
        ("nul \0 byte", True),
    ],
)
def test_a_request_has_white_space_and_names_no_file(tmp_path: Path, target: str, expected: bool) -> None:
    (tmp_path / "a file.yaml").touch()
    assert is_request(target, tmp_path) is expected


def test_the_rules_plan_where_no_model_is_configured_and_a_model_where_one_is(
    plain: Folder, simulated: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plain.path)
    assert choose(None) == Choice("rules", "no model is configured")
    simulated()
    chosen = choose(None)
    assert chosen.planner == "llm"
    assert "sim-openai-chat:simulated" in chosen.because
    assert choose("recursive").because == "as --planner says"


def test_a_request_is_planned_run_and_answered_without_a_model(plain: Folder, call: Call) -> None:
    said = call("run", COUNT)
    assert said.status == 0, said
    lines = said.out.splitlines()
    assert lines[0] == "planned by rules: no model is configured"
    answer = lines[lines.index("") + 1 :]
    assert [line.split() for line in answer] == [
        ["path", "lines"],
        ["notes/1.txt", "1"],
        ["notes/2.txt", "2"],
        ["notes/3.txt", "3"],
    ], said.out
    assert call("runs", "--json").json["runs"][0]["target"] == COUNT


def test_json_of_a_request_is_that_of_any_run(plain: Folder, call: Call) -> None:
    said = call("run", COUNT, "--json", "--run", "r")
    assert said.err == ""
    assert len(said.out.splitlines()) == 1
    assert said.json["state"] == "succeeded"
    assert said.json["outputs"]["answer"][2]["lines"] == 3


def test_what_is_not_understood_exits_with_2_says_what_would_help_and_leaves_nothing(plain: Folder, call: Call) -> None:
    said = call("run", "make me a sandwich")
    assert said.status == 2
    assert "'sandwich'" in said.err
    assert "planned by rules: no model is configured; a model understands more" in said.err
    assert not (plain.path / ".orrery").exists()


def test_a_dry_run_shows_the_plan_and_what_it_would_take_and_runs_nothing(plain: Folder, call: Call) -> None:
    said = call("run", COUNT, "--dry-run")
    assert said.status == 0, said
    assert "files.glob" in said.out
    assert "in all   about" in said.out
    assert "asks     nobody" in said.out
    assert said.out.endswith("nothing was run\n")
    assert not (plain.path / ".orrery").exists()
    found = call("run", COUNT, "--dry-run", "--json").json
    assert found["planner"] == "rules"
    assert found["planning"] == {"money": 0, "tokens": 0, "is_beginning": False}
    assert found["seconds"] > 0
    assert {task["op"] for task in found["tasks"]} >= {"files.glob", "text.count"}


def test_a_dry_run_of_a_workflow_file_works_too(plain: Folder, call: Call) -> None:
    said = call("run", "asks.yaml", "--dry-run")
    assert "asks     ask  Ship it?" in said.out
    assert call("run", "asks.yaml", "--dry-run", "--json").json["asks"] == {"ask": "Ship it?"}


def test_plan_draws_a_request_as_it_draws_a_file(plain: Folder, call: Call) -> None:
    said = call("plan", COUNT)
    assert said.status == 0, said
    assert "planned by rules" in said.out
    assert "files.glob" in said.out
    drawn = call("plan", COUNT, "--format", "mermaid")
    assert drawn.out.startswith("flowchart"), "for other programs there is nothing but the graph"


def test_what_must_be_asked_is_named_beforehand_and_yes_answers_it(plain: Folder, call: Call) -> None:
    request = "remove the file notes/1.txt"
    found = call("run", request, "--dry-run", "--json").json
    (question,) = found["asks"].values()
    assert "notes/1.txt" in question
    assert call("run", request, "--dry-run", "--yes", "--json").json["asks"] == {}
    assert call("run", request, "--yes").status == 0
    assert not (plain.path / "notes/1.txt").exists()


def test_tools_that_are_not_allowed_are_not_used(plain: Folder, call: Call) -> None:
    assert call("run", COUNT, "--tools", "files,text,records").status == 0
    said = call("run", COUNT, "--tools", "metrics")
    assert said.status == 2, said
    assert "did you mean" in call("run", COUNT, "--tools", "fils").err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--planner", "rulez"], "did you mean 'rules'"),
        (["-i", "a=1"], "takes no inputs"),
        (["--option", "turns"], "write it as NAME=VALUE"),
    ],
)
def test_wrong_words_are_explained(plain: Folder, call: Call, words: list[str], expected: str) -> None:
    said = call("run", COUNT, *words)
    assert said.status == 2
    assert expected in said.err


def test_with_a_model_the_plan_is_asked_for_run_and_paid_for(plain: Folder, call: Call, simulated: Simulated) -> None:
    server = simulated(model('1. model.ask(prompt="the sky")\nanswer: $1\n'))
    said = call("run", "tell me about the sky", "--run", "r")
    assert said.status == 0, said
    assert said.out.startswith("planned by llm: sim-openai-chat:simulated is the configured model\n")
    assert said.out.endswith("\nabout the sky\n")
    assert "  spent    " in said.out
    assert " tokens" in said.out
    assert server.counts.calls == 2
    assert call("show", "r", "--json").json["tokens"] > 0


def test_a_dry_run_with_a_model_asks_it_for_the_plan_and_for_nothing_else(
    plain: Folder, call: Call, simulated: Simulated
) -> None:
    server = simulated(model('1. model.ask(prompt="the sky")\n2. files.remove(path="notes/1.txt")\nanswer: $1\n'))
    said = call("run", "tell me about the sky", "--dry-run")
    assert said.status == 0, said
    assert server.counts.calls == 1
    assert "llm makes its plan now, which may ask a model; no task of it is run" in said.err
    assert "planning took" in said.out
    assert "it removes 'notes/1.txt'" in said.out, "what would be asked, and why"
    assert (plain.path / "notes/1.txt").exists()
    assert not (plain.path / ".orrery/runs.db").exists()


# -- on a real terminal -------------------------------------------------------------------------------------


@in_tmux
@pytest.mark.parametrize("width", [80, 120])
def test_the_plan_grows_on_the_screen_while_it_streams_and_the_answer_stands_at_the_end(
    plain: Folder, terminals: list[Terminal], simulated: Simulated, width: int
) -> None:
    steps = "".join(
        f'{number}. model.ask(prompt="part {number} of the answer", cache=false)\n' for number in range(1, 5)
    )
    simulated(model(f"{steps}answer: [$1, $4]\n"), tokens_per_s=25.0)
    terminals.append(
        screen := Terminal(
            plain,
            "run",
            "'tell me about the parts of the answer, one after the other, and leave nothing out'",
            size=(width, 24),
            LC_ALL="C.UTF-8",
        )
    )
    few = screen.until("2. mod")
    assert not any("4. mod" in line for line in few), few
    assert any(" tokens" in line for line in few if "tell me" in line), few
    assert all(len(line) <= width for line in few)
    lines = screen.until("status 0")
    assert lines[-3:-1] == ["about part 1 of the answer", "about part 4 of the answer"], lines
    assert any(line.startswith("  spent    ") for line in lines), lines


@in_tmux
def test_a_request_that_must_ask_asks_with_the_reason_and_the_exact_call(
    plain: Folder, terminals: list[Terminal]
) -> None:
    terminals.append(screen := Terminal(plain, "run", "'remove the file notes/1.txt'", LC_ALL="C.UTF-8"))
    lines = screen.until("then Enter")
    shown = " ".join(" ".join(lines).split())
    assert 'files.remove(path="notes/1.txt"' in shown, lines
    assert "y: yes, n: no; then Enter" in shown
    screen.press("n")
    screen.press("Enter")
    screen.until("status 1")
    assert (plain.path / "notes/1.txt").exists()


def test_a_request_that_was_killed_is_resumed_and_its_answer_printed(plain: Folder, call: Call) -> None:
    process = plain.start("run", "remove the file notes/1.txt", "--run", "r", "--json")
    plain.wait_for(lambda: bool(json.loads(plain.orrery("runs", "--json").stdout)["runs"]), process)
    plain.wait_for(lambda: bool(json.loads(plain.orrery("show", "r", "--json").stdout)["asking"]), process)
    process.kill()
    process.communicate()
    asking = call("show", "r", "--json").json["asking"]
    assert call("approve", "r", next(iter(asking))).status == 0
    said = call("resume", "r")
    assert said.status == 0, said
    assert not (plain.path / "notes/1.txt").exists()


@pytest.mark.parametrize("planner", ["llm", "constellation", "recursive", "hierarchical"])
def test_a_planner_that_cannot_plan_says_so_before_there_is_a_run(plain: Folder, call: Call, planner: str) -> None:
    told = call("run", COUNT, "--planner", planner)
    assert told.status == 2
    assert "this planner asks a model, and none is named" in told.err
    assert call("run", COUNT, "--planner", planner, "--option", "nosuch=1").status == 2
    assert not (plain.path / ".orrery").exists()
