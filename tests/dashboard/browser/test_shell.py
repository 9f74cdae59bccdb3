"""What is around the pages: the palette, keys, titles, the way past the header, and what stays when a view breaks."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect
from tests.dashboard.browser.visit import NARROW, Visit

CONTROL_K, PALETTE = "Control+k", "Search runs, pages and actions"


def found(page: Page, typed: str) -> list[str]:
    """What the palette offers for what is typed; it is left open."""
    page.keyboard.press(CONTROL_K)
    page.get_by_role("combobox", name=PALETTE).fill(typed)
    choices = page.get_by_role("listbox", name="Found").get_by_role("option")
    expect(choices.last).to_have_text(f"See all runs with “{typed}”")
    return choices.all_inner_texts()


def test_the_palette_leads_to_runs_pages_and_actions(page: Page, visit: Visit) -> None:
    visit.open("run/fails")
    expect(page.get_by_role("heading", name="fails", exact=True)).to_be_visible()
    page.keyboard.press(CONTROL_K)
    options = page.get_by_role("listbox", name="Found").get_by_role("option")
    expect(options.filter(has_text="Run again")).to_be_visible()  # what can be done here stands before the places
    labels = options.all_inner_texts()
    assert next(i for i, label in enumerate(labels) if "Run again" in label) < next(
        i for i, label in enumerate(labels) if "Go to Runs" in label
    )
    page.keyboard.press("Escape")
    assert found(page, "compare go")[0] == "Go to Compare"
    page.keyboard.press("Enter")
    expect(page).to_have_title("Compare · Orrery")
    page.keyboard.press(CONTROL_K)
    page.get_by_role("combobox", name=PALETTE).fill("two")
    expect(page.get_by_role("option", selected=True)).to_contain_text("shown.yaml")
    page.keyboard.press("Enter")
    expect(page).to_have_title("two: succeeded · Orrery")


def test_the_keys_that_work_are_listed_and_the_focus_comes_back(page: Page, visit: Visit) -> None:
    visit.open("run/one")
    tab = page.get_by_role("tab", name="Graph")
    tab.focus()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    for group in ("Everywhere", "Run", "History"):
        expect(keys.get_by_role("heading", name=group, exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_have_count(0)
    expect(tab).to_be_focused()


def test_a_theme_is_remembered(page: Page, visit: Visit) -> None:
    visit.open()
    system = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("menuitemradio", name="Dark").click()
    page.reload()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != system
    page.get_by_role("button", name="Theme").click()
    expect(page.get_by_role("menuitemradio", name="Dark")).to_be_checked()


def test_the_first_stop_of_the_keyboard_leads_past_the_header(page: Page, visit: Visit) -> None:
    visit.open()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    assert page.url.endswith("#/runs")


def test_an_address_of_nothing_says_so(page: Page, visit: Visit) -> None:
    visit.open("nothing/here")
    expect(page).to_have_title("No such page · Orrery")
    page.get_by_role("link", name="See the runs").click()
    expect(page).to_have_title("Runs · Orrery")


def test_a_view_that_breaks_leaves_the_rest_of_the_page(page: Page, visit: Visit) -> None:
    visit.tolerate("null")
    page.route("**/api/fleet", lambda route: route.fulfill(json={"running": True, "devices": [None]}))
    visit.open("fleet")
    wrong = page.get_by_role("alert").filter(has_text="This part of the page went wrong")
    expect(wrong).to_contain_text("null")
    page.unroute("**/api/fleet")
    wrong.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Fleet", exact=True)).to_be_visible()
    page.get_by_role("navigation", name="Places").get_by_role("link", name="Runs").click()
    expect(page.get_by_role("table", name=re.compile("^Runs"))).to_be_visible()


def test_a_view_of_a_run_that_breaks_leaves_its_other_tabs(page: Page, visit: Visit) -> None:
    visit.tolerate("null|undefined|not iterable")
    page.route("**/api/runs/one/spending", lambda route: route.fulfill(body="null", content_type="application/json"))
    visit.open("run/one/spending")
    wrong = page.get_by_role("alert").filter(has_text="This part of the page went wrong")
    expect(wrong).to_be_visible()
    page.get_by_role("tab", name="Outputs").click()
    expect(wrong).to_have_count(0)
    expect(page.get_by_role("tabpanel").get_by_text("hello world").first).to_be_visible()


def test_a_page_that_lost_its_server_says_so_and_goes_on(visiting: Callable[..., Visit]) -> None:
    visit = visiting(size=NARROW)
    visit.tolerate("net::ERR_FAILED")
    page = visit.open()
    expect(page.get_by_role("table", name=re.compile("^Runs"))).to_be_visible()
    page.route("**/api/**", lambda route: route.abort())
    status = page.get_by_text("Not connected: trying again")
    page.get_by_role("navigation", name="Places").get_by_role("link", name="Fleet").click()
    expect(status).to_be_visible()
    page.unroute("**/api/**")
    expect(status).to_have_count(0)
    expect(page.get_by_role("heading", name="Fleet", exact=True)).to_be_visible()
