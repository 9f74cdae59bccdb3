"""Runs that are begun from the dashboard are processes of their own, and what cannot begin says why."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.dashboard.acting.desk import Desk, Said
from tests.dashboard.logs import board

from orrery.dashboard.web.app import application
from orrery.graph.values import decode
from orrery.journal.memory import MemoryJournal
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine


def asks(machine: Machine) -> bool:
    return machine.records["ask"].state.value == "asking"


def test_a_form_has_a_field_for_every_kind_of_input_and_its_values_arrive_as_they_are(desk: Desk) -> None:
    form = desk.get("/workflows/form", target="kinds.yaml")
    assert (form.status, form.json["target"], form.json["name"]) == (200, "kinds.yaml", "kinds")
    fields = {field["name"]: (field.get("type", ""), field.get("required", False)) for field in form.json["fields"]}
    assert fields == {
        "text": ("string", True),
        "whole": ("integer", False),
        "real": ("number", True),
        "yes": ("boolean", True),
        "list": ("array", False),
        "map": ("object", True),
        "any": ("", False),
    }
    by_name = {field["name"]: field for field in form.json["fields"]}
    assert (by_name["whole"]["default"], by_name["list"]["default"]) == (3, [1, "a"])
    assert by_name["real"]["description"] == "How much."
    given = {
        "text": "-x = ☃\n",
        "whole": 2**60,
        "real": 0.5,
        "yes": False,
        "list": [],
        "map": {"a": [None]},
        "any": "7",
    }
    desk.begin("kinds.yaml", inputs=given)
    desk.wait_for(lambda machine: machine.state == "succeeded")
    assert decode(desk.events(ev.RunStarted)[0].inputs) == given
    assert desk.events(ev.TaskSucceeded)[-1].task == "all"
    assert decode(desk.events(ev.TaskSucceeded)[-1].value) == list(given.values())
    assert not list((desk.folder / ".orrery" / "started").glob("*.json")), "the inputs are not left behind"


def test_every_value_that_does_not_fit_is_told_and_no_run_is_left(desk: Desk) -> None:
    wrong = {"text": 1, "whole": "many", "real": 1, "yes": "perhaps", "map": [], "more": 0}
    said = desk.post("/runs", target="kinds.yaml", run="r", inputs=wrong)
    assert (said.status, said.json["code"]) == (400, "not-begun")
    told = "\n".join(problem["message"] for problem in said.json["problems"])
    assert {problem["code"] for problem in said.json["problems"]} == {"input"}
    assert len(said.json["problems"]) == 5
    assert all(f"'{name}'" in told for name in ("text", "whole", "yes", "map", "more")), told
    assert desk.get("/runs").json["runs"] == []


def test_a_request_in_plain_words_is_planned_and_done(desk: Desk) -> None:
    (desk.folder / "a.txt").write_text("one\ntwo\nthree\n", encoding="utf-8")
    run = desk.begin("count the lines of a.txt", "", planner="rules", yes=True)
    machine = desk.wait_for(lambda machine: machine.state == "succeeded", run)
    assert machine.records
    assert desk.get("/runs").json["runs"][0]["target"] == "count the lines of a.txt"
    outputs = desk.get(f"/runs/{run}/outputs").json["outputs"]
    assert "3" in str(outputs), outputs


def test_a_request_that_nobody_understands_is_refused_with_what_is_unclear(desk: Desk) -> None:
    said = desk.post("/runs", target="frobnicate all the gizmos", planner="rules")
    assert (said.status, said.json["code"]) == (400, "not-begun")
    assert said.json["problems"][0]["code"].startswith("plan/")
    assert desk.get("/runs").json["runs"] == []


def test_a_workflow_that_cannot_be_read_is_told_with_its_lines(desk: Desk) -> None:
    (desk.folder / "odd.yaml").write_text("tasks:\n  a: {ran: x}\n  b: {needs: zzz, run: x}\n", encoding="utf-8")
    said = desk.post("/runs", target="odd.yaml")
    assert (said.status, said.json["code"]) == (400, "not-begun")
    places = {(one["place"].partition(":")[0], one["line"]) for one in said.json["problems"]}
    assert places == {("odd.yaml", 2), ("odd.yaml", 3)}
    assert all(one["code"].startswith("workflow/") for one in said.json["problems"])
    assert desk.get("/workflows/form", target="odd.yaml").json["problems"] == said.json["problems"]


def test_two_clicks_begin_one_run(desk: Desk) -> None:
    answers: list[Said] = []
    both = [
        threading.Thread(target=lambda: answers.append(desk.post("/runs", target="asks.yaml", run="r"))) for _ in "ab"
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(said.status for said in answers) == [200, 409]
    assert {said.json["code"] for said in answers if said.status == 409} == {"run-exists"}
    assert len(desk.processes()) == 1
    assert desk.post("/runs", target="asks.yaml", run="r").json["code"] == "run-exists"


def test_a_run_is_begun_anew_with_its_inputs_its_limits_and_its_seed(desk: Desk) -> None:
    desk.begin(inputs={"line": "twice"}, budget_wall_s=50, budget_tokens=1000, budget_money=2.5)
    desk.post("/runs/r/cancel")
    desk.wait_for(lambda machine: machine.state == "cancelled")
    again = desk.post("/runs/r/retry", because="once more")
    assert again.status == 200
    run = again.json["run"]
    assert run != "r"
    (first,), (second,) = desk.events(ev.RunStarted), desk.events(ev.RunStarted, run)
    assert (second.target, bytes(second.inputs), second.options) == (first.target, bytes(first.inputs), first.options)
    desk.post(f"/runs/{run}/tasks/ask/answer", verdict="approve")
    desk.wait_for(lambda machine: machine.state == "succeeded", run)
    assert desk.lines() == ["twice"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, "request"),
        ({"target": ""}, "request"),
        ({"target": " "}, "request"),
        ({"target": "no-such.yaml"}, "request"),
        ({"target": "../outside.yaml"}, "request"),
        ({"target": "/etc/passwd.yaml"}, "request"),
        ({"target": "os:system"}, "request"),
        ({"target": "a\0b"}, "request"),
        ({"target": "x " * 20_000}, "request"),
        ({"target": "asks.yaml", "run": "a\nb"}, "run-name"),
        ({"target": "asks.yaml", "run": "x" * 201}, "run-name"),
        ({"target": "asks.yaml", "planner": "nobody"}, "unknown-name"),
        ({"target": "asks.yaml", "inputs": []}, "request"),
        ({"target": "asks.yaml", "more": 1}, "request"),
        ({"target": "asks.yaml", "budget_money": "1"}, "request"),
    ],
)
def test_what_may_not_begin_is_refused_before_a_process_is_started(
    tmp_path: Path, said: dict[str, object], code: str
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "asks.yaml").write_text("tasks: {}", encoding="utf-8")
    (tmp_path / "outside.yaml").write_text("tasks: {}", encoding="utf-8")
    answer = TestClient(application(board(MemoryJournal(), tmp_path / "home"))).post("/api/runs", json=said)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert not (tmp_path / "home" / ".orrery").exists()
