"""What a person does on the page stands in the log of the run, by their hand and with their words."""

from __future__ import annotations

import re
import signal

from playwright.sync_api import Page, expect
from tests.dashboard.browser.house import House
from tests.dashboard.browser.visit import Visit

from orrery.graph.values import decode
from orrery.scheduler import events as ev


def state(page: Page, state: str) -> None:
    """Wait until the run is in a state, as its page says."""
    expect(page.locator(".run-title .badge").first).to_have_text(state)


def test_questions_are_approved_rejected_and_answered(visit: Visit, house: House) -> None:
    house.run("asks", "asks.yaml")
    page = visit.open("run/asks")
    page.get_by_role("button", name="Answer publish").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Publish version 2?")
    dialog.get_by_label("Comment").fill("looks <b>good</b>")
    dialog.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("button", name="Answer publish")).to_have_count(0)

    page.get_by_role("button", name="Answer delete").click()
    dialog.get_by_label("Comment").fill("too early")
    dialog.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("button", name="Answer delete")).to_have_count(0)

    page.get_by_role("button", name="Answer size").click()
    dialog.get_by_role("radio", name="JSON").check()
    dialog.get_by_label("Answer", exact=True).fill('{"metres": ')
    dialog.get_by_role("button", name="Answer").click()
    expect(dialog.get_by_text("This is no JSON")).to_be_visible()
    dialog.get_by_label("Answer", exact=True).fill('{"metres": 3}')
    dialog.get_by_role("button", name="Answer").click()
    state(page, "failed")  # what needs the deletion cannot be done

    said = {one.task: (one.verdict, one.because) for one in house.told("asks", ev.TaskAnswered)}
    assert said == {
        "publish": ("approve", "looks <b>good</b>"),
        "delete": ("deny", "too early"),
        "size": ("approve", ""),
    }
    done = {one.task: decode(one.value) for one in house.told("asks", ev.TaskSucceeded)}
    assert (done["published"], done["sized"], "deleted" in done) == (True, {"metres": 3}, False)
    page.get_by_role("tab", name="Events").click()
    expect(page.get_by_role("tabpanel").get_by_text("looks <b>good</b>").first).to_be_visible()


def test_a_run_is_paused_goes_on_and_is_cancelled(visit: Visit, house: House) -> None:
    house.run("halted", "steps.yaml", "-i", "gate=halted")
    page = visit.open("run/halted")
    page.get_by_role("button", name="Pause").click()
    state(page, "paused")
    assert len(house.told("halted", ev.RunPaused)) == 1
    house.open_gates("halted", 1)
    expect(page.get_by_text("1 of 4")).to_be_visible()
    assert [one.task for one in house.told("halted", ev.TaskStarted)] == ["first"]
    page.get_by_role("button", name="Continue").click()
    state(page, "running")
    assert len(house.told("halted", ev.RunContinued)) == 1
    page.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog", name="Cancel the run?")
    dialog.get_by_label("Reason").fill("enough")
    dialog.get_by_role("button", name="Cancel the run").click()
    state(page, "cancelled")
    asked = house.told("halted", ev.RunCancelRequested)
    assert [one.because for one in asked] == ["enough"]
    assert [one.state for one in house.told("halted", ev.RunEnded)] == ["cancelled"]


def test_what_has_not_started_is_changed_after_a_look(visit: Visit, house: House) -> None:
    house.run("edited", "steps.yaml", "-i", "gate=edited")
    page = visit.open("run/edited?task=third")
    page.get_by_role("button", name="Change it").click()
    dialog = page.get_by_role("dialog", name="Change what has not started")
    text = dialog.get_by_label("The rest of the run as text")
    expect(text).to_have_value(re.compile("as it was"))
    whole = text.input_value()
    text.fill(whole.replace("(line=third)", "(line=thirdly)"))
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_role("heading", name=re.compile("It would not be taken"))).to_be_visible()
    expect(dialog.get_by_text("thirdly").last).to_be_visible()
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("heading", name=re.compile("It would not be taken"))).to_be_visible()
    assert len(house.told("edited", ev.GraphPatched)) == 1

    text.fill(whole.replace("as it was", "as it is"))
    dialog.get_by_label("Reason").fill("it reads better")
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_role("heading", name="What it would change")).to_be_visible()
    expect(dialog.get_by_label("The difference")).to_contain_text("as it is")
    assert len(house.told("edited", ev.GraphPatched)) == 1
    dialog.get_by_role("button", name="Send").click()
    expect(dialog).to_have_count(0)
    house.open_gates("edited", 1, 2)
    state(page, "succeeded")
    patched = house.told("edited", ev.GraphPatched)
    assert len(patched) == 2
    assert patched[1].patch.because.startswith("it reads better (")
    done = {one.task: decode(one.value) for one in house.told("edited", ev.TaskSucceeded)}
    assert done["fourth"] == "as it is"


def test_a_run_whose_process_died_is_resumed_and_asked_about(visit: Visit, house: House) -> None:
    process = house.run("left", "once.yaml", "-i", "gate=left")
    page = visit.open("run/left?task=send")
    expect(page.get_by_text("shell.script · running for")).to_be_visible()
    process.send_signal(signal.SIGKILL)
    state(page, "interrupted")
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("dialog", name="Resume the run?").get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Answer send").click()
    assert len(house.told("left", ev.RunResumed)) == 1
    dialog = page.get_by_role("dialog", name="What became of send?")
    (house.folder / "left").touch()
    dialog.get_by_role("button", name="Run it again").click()
    state(page, "succeeded")
    assert [one.verdict for one in house.told("left", ev.TaskAnswered)] == ["rerun"]
    assert [one.attempt for one in house.told("left", ev.TaskSucceeded)] == [2]


def test_a_run_that_failed_is_run_again(visit: Visit, house: House) -> None:
    page = visit.open("run/fails")
    before = {run.run for run in house.journal.runs()}
    page.get_by_role("button", name="Run again").click()
    page.get_by_role("dialog", name="Run it again?").get_by_role("button", name="Run again").click()
    expect(page.get_by_role("heading", name="fails", exact=True)).to_have_count(0)
    state(page, "failed")
    (run,) = {run.run for run in house.journal.runs()} - before
    expect(page.get_by_role("heading", name=run, exact=True)).to_be_visible()
    assert house.told(run, ev.RunStarted)[0].target == "fails.yaml"
    assert [one.task for one in house.told(run, ev.TaskFailed)] == ["bad"]


def test_a_workflow_is_started_by_its_form(visit: Visit, house: House) -> None:
    page = visit.open("start")
    page.get_by_role("textbox", name="Find a workflow").fill("shown")
    page.get_by_role("button", name=re.compile("^shown")).click()
    page.get_by_label("who").fill("everybody")
    page.get_by_label("rows").fill("three")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_label("rows")).to_be_focused()
    assert page.get_by_label("rows").get_attribute("aria-invalid") == "true"
    page.get_by_label("rows").fill("5")
    page.get_by_text("Name, limits, optimiser").click()
    page.get_by_label("Name of the run").fill("formed")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("heading", name="formed", exact=True)).to_be_visible()
    state(page, "succeeded")
    (started,) = house.told("formed", ev.RunStarted)
    assert decode(started.inputs) == {"who": "everybody", "rows": 5}
    visit.tolerate("409")
    visit.open("start?target=shown.yaml")
    page.get_by_text("Name, limits, optimiser").click()
    page.get_by_label("Name of the run").fill("formed")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("there is a run 'formed' already")).to_be_visible()


def test_a_sentence_is_planned_and_its_plan_grows(visit: Visit, house: House) -> None:
    page = visit.open("start?by=words")
    page.get_by_label("What is to be done?").fill("count the lines of every *.yaml file, then count the wobbly")
    visit.tolerate("422|400")
    page.get_by_role("button", name="Plan and start").click()
    expect(page.get_by_text("wobbly").last).to_be_visible()
    page.get_by_label("What is to be done?").fill("count the lines of every *.yaml file")
    page.get_by_text("Name, limits, optimiser").click()
    page.get_by_label("Name of the run").fill("worded")
    page.get_by_role("button", name="Plan and start").click()
    expect(page.get_by_role("heading", name="worded", exact=True)).to_be_visible()
    state(page, "succeeded")
    grown = [patch.patch for patch in house.told("worded", ev.GraphPatched)]
    assert grown
    page.get_by_role("tab", name="Outputs").click()
    expect(page.get_by_role("tabpanel").get_by_text("answer")).to_be_visible()
