"""What happens is seen at once, and nothing is missed when the server dies and comes back."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect
from tests.dashboard.browser.house import House
from tests.dashboard.browser.visit import Visit

SOON_MS = 2_000
"""How long after an event the page shows it: it is told ten times a second; the rest is for a slow machine."""


def seen(page: Page) -> list[int]:
    """The numbers of the events that the page lists."""
    return [int(number) for number in page.get_by_role("log").locator(".seq").all_text_contents()]


def test_a_row_changes_soon_after_its_event(visit: Visit, house: House) -> None:
    house.run("live", "steps.yaml", "-i", "gate=live")
    page = visit.open("run/live?task=first")
    panel = page.get_by_role("complementary", name="Task")
    expect(panel.get_by_text("running", exact=True).first).to_be_visible()
    expect(page.get_by_role("img", name="1 running, 3 waiting")).to_be_visible()
    house.open_gates("live", 1)
    expect(page.get_by_role("img", name="1 succeeded, 1 running, 2 waiting")).to_be_visible(timeout=SOON_MS)
    expect(panel.get_by_text("succeeded", exact=True).first).to_be_visible(timeout=SOON_MS)
    house.open_gates("live", 2)
    expect(page.locator(".run-title .badge")).to_have_text("succeeded", timeout=SOON_MS)
    expect(page).to_have_title("live: succeeded · Orrery")


def test_a_run_that_begins_elsewhere_appears_in_the_list(visit: Visit, house: House) -> None:
    page = visit.open()
    expect(page.get_by_role("link", name="one", exact=True)).to_be_visible()
    house.end(house.run("elsewhere", "fails.yaml"))
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="elsewhere"))
    expect(row).to_contain_text("failed", timeout=2 * SOON_MS)  # the list asks every two seconds


def test_events_come_without_a_gap(visit: Visit, house: House) -> None:
    house.run("told", "steps.yaml", "-i", "gate=told")
    page = visit.open("run/told/events")
    expect(page.get_by_role("log").get_by_text("TaskStarted")).to_have_count(1)
    house.open_gates("told", 1, 2)
    expect(page.get_by_role("log").get_by_text("RunEnded").first).to_be_visible(timeout=SOON_MS)
    assert seen(page) == [seq for seq, _ in house.journal.read("told")]


def test_no_event_is_missed_when_the_server_is_killed_and_started_anew(visit: Visit, house: House) -> None:
    visit.tolerate("ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE")
    house.run("restarted", "steps.yaml", "-i", "gate=restarted")
    page = visit.open("run/restarted/events")
    events = page.get_by_role("log")
    expect(events.get_by_text("TaskStarted")).to_have_count(1)
    house.crash()
    try:
        expect(page.get_by_text(re.compile("not connected"))).to_be_visible()
        expect(page.get_by_text("Not connected: trying again")).to_be_visible()
        house.open_gates("restarted", 1)  # the run goes on meanwhile
    finally:
        house.server = house.serve()
    house.open_gates("restarted", 2)
    expect(page.locator(".run-title .badge")).to_have_text("succeeded")
    expect(page.get_by_text(re.compile("not connected", re.IGNORECASE))).to_have_count(0)
    expect(events.get_by_text("RunEnded").first).to_be_visible()
    assert seen(page) == [seq for seq, _ in house.journal.read("restarted")]
    expect(page.get_by_role("img", name="4 succeeded")).to_be_visible()
