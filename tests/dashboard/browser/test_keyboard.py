"""Without a mouse: a run is started, changed, and answered, and a failure is found."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect
from tests.dashboard.browser.house import House
from tests.dashboard.browser.visit import Visit

from orrery.scheduler import events as ev

MOST_TABS = 60


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until something has the focus; it must be reached, and be seen to have it."""
    expect(wanted).to_be_visible()
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if wanted.evaluate("(one) => one === document.activeElement"):
            assert wanted.evaluate("(one) => getComputedStyle(one).outlineStyle") != "none"
            return
    raise AssertionError(f"Tab does not lead to {wanted}")


def test_a_run_is_started_and_changed_by_keys(visit: Visit, page: Page, house: House) -> None:
    visit.open()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    page.keyboard.type("gs")
    tab_to(page, page.get_by_role("textbox", name="Find a workflow"))
    page.keyboard.type("steps")
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label("gate"))
    page.keyboard.press("Control+a")
    page.keyboard.type("keys")
    tab_to(page, page.get_by_role("button", name="Start", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Change")).to_be_visible()
    run = page.get_by_role("heading", level=1).inner_text()

    page.keyboard.press("e")
    dialog = page.get_by_role("dialog", name="Change what has not started")
    expect(dialog.get_by_label("The rest of the run as text")).to_be_focused()
    page.keyboard.press("Control+Home")
    page.keyboard.type('fifth = text.count(text="one two")\n')
    tab_to(page, dialog.get_by_role("button", name="Preview"))
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("The difference")).to_contain_text("fifth")
    tab_to(page, dialog.get_by_role("button", name="Send"))
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    house.open_gates("keys", 1, 2)
    expect(page).to_have_title(f"{run}: succeeded · Orrery")
    assert "fifth" in {one.task for one in house.told(run, ev.TaskSucceeded)}


def test_a_failure_is_found_by_keys(visit: Visit, page: Page) -> None:
    visit.open()
    expect(page.get_by_role("link", name="fails", exact=True)).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("fails")
    expect(page.get_by_role("link", name="hostile", exact=True)).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("k")  # from below, where the oldest is
    expect(page.get_by_role("link", name="fails", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=re.compile("bad failed first"))).to_be_visible()
    page.keyboard.press("f")
    panel = page.get_by_role("complementary", name="Task")
    expect(panel.get_by_text("ValueError: no such luck").first).to_be_visible()
    expect(panel.get_by_role("heading", name="It delayed 1 task")).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)


def test_a_question_is_answered_by_keys(visit: Visit, page: Page, house: House) -> None:
    house.run("keyed", "asks.yaml")
    visit.open()
    expect(page.get_by_role("link", name="keyed")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("keyed")
    expect(page.get_by_role("option", name=re.compile("asks.yaml"))).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Answer publish")).to_be_visible()
    page.keyboard.press("a")
    dialog = page.get_by_role("dialog", name="Answer publish")
    expect(dialog.get_by_role("button", name="Approve")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Answer publish")).to_have_count(0)
    assert [(one.task, one.verdict) for one in house.told("keyed", ev.TaskAnswered)] == [("publish", "approve")]
    assert page.evaluate("document.activeElement !== document.body")


def test_the_graph_is_walked_by_keys(visit: Visit, page: Page) -> None:
    visit.open("run/one")
    graph = page.get_by_role("group", name=re.compile("^Graph of 8 tasks"))
    tab_to(page, graph)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="Task")).to_be_visible()
    expect(page).to_have_url(re.compile(r"task="))
