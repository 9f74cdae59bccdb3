"""Every page and every tab of it shows what is there."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect
from tests.dashboard.browser.house import House
from tests.dashboard.browser.visit import Visit


def test_runs_are_listed_filtered_and_found(visit: Visit, demo: str) -> None:
    page = visit.open()
    table = page.get_by_role("table", name="Runs, the newest first")
    expect(table.get_by_role("link", name=demo)).to_be_visible()
    expect(table.get_by_role("row").filter(has=page.get_by_role("link", name="one", exact=True))).to_contain_text(
        "succeeded"
    )
    page.get_by_role("button", name=re.compile("^failed")).click()
    expect(table.get_by_role("link", name="one", exact=True)).to_have_count(0)
    expect(table.get_by_role("link", name="fails", exact=True)).to_be_visible()
    page.get_by_role("button", name=re.compile("^All")).click()
    page.get_by_role("searchbox", name="Search in names and targets").fill("hostile.y")
    expect(page.get_by_role("status").filter(has_text="1 run")).to_be_visible()
    page.get_by_role("searchbox").fill("nothing has this name")
    expect(page.get_by_text("No run fits")).to_be_visible()


def test_a_run_with_all_its_tabs(visit: Visit) -> None:
    page = visit.open("run/one")
    expect(page.get_by_role("heading", name="one", exact=True)).to_be_visible()
    expect(page.get_by_text("8 of 8")).to_be_visible()
    shown = page.get_by_role("tabpanel")
    for tab, text in {
        "Events": "the run ended: succeeded",
        "Outputs": "hello world",
        "Spending": "Where it went",
        "Timeline": "Critical path",
    }.items():
        page.get_by_role("tab", name=tab).click()
        expect(shown.get_by_text(text).first).to_be_visible()
    expect(page).to_have_title("one: succeeded · Orrery")


def test_values_are_shown_as_what_they_are(visit: Visit) -> None:
    page = visit.open("run/one/outputs")
    outputs = page.get_by_role("tabpanel")
    expect(outputs.get_by_role("cell", name="row 2")).to_be_visible()
    expect(outputs.get_by_role("heading", name="Hello world")).to_be_visible()
    expect(outputs.get_by_role("button", name="readme", exact=True)).to_have_css(
        "border-radius", "999px"
    )  # its style came, too
    image = outputs.get_by_role("img")
    expect(image).to_be_visible()
    assert image.evaluate("(image) => image.decode().then(() => image.naturalWidth)") == 1


def test_a_task_says_everything_about_itself(visit: Visit) -> None:
    page = visit.open("run/one?task=each")
    panel = page.get_by_role("complementary", name="Task")
    expect(panel.get_by_role("heading", name="each", exact=True)).to_be_visible()
    expect(panel.get_by_text("It has added 3 tasks.")).to_be_visible()
    expect(panel.get_by_role("heading", name="Inputs")).to_be_visible()
    panel.get_by_role("button", name=re.compile("^list")).first.click()
    expect(panel.get_by_role("heading", name="list", exact=True)).to_be_visible()
    expect(panel.get_by_role("table").first).to_contain_text("row 2")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)


def test_a_workflow_is_explained_and_so_is_a_run(visit: Visit) -> None:
    page = visit.open("start?target=shown.yaml")
    page.get_by_role("link", name="Explain first").click()
    expect(page.get_by_text("The passes found nothing to change.")).to_be_visible()
    page = visit.open("explain?run=one")
    expect(page.get_by_role("heading", name="What the run was expected to take")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^readme")).first).to_be_visible()


def test_two_runs_are_compared(visit: Visit) -> None:
    page = visit.open()
    page.get_by_role("checkbox", name="Choose one").check()
    page.get_by_role("checkbox", name="Choose two").check()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_label("First run")).to_have_value("one")
    expect(page.get_by_label("Second run")).to_have_value("two")
    expect(page.get_by_role("tabpanel")).to_contain_text("each/3")
    for tab, text in {"Outputs": "hello you", "Time": "each"}.items():
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tabpanel").get_by_text(text).first).to_be_visible()
    page.get_by_role("tab", name="Graphs").click()
    expect(page.get_by_role("group", name=re.compile("^Graph of 9 tasks"))).to_be_visible()
    page.get_by_role("button", name="Exchange the two").click()
    expect(page.get_by_label("First run")).to_have_value("two")


def test_the_past_is_walked_through(visit: Visit, house: House) -> None:
    page = visit.open("run/one")
    page.get_by_role("button", name="Step back").click()
    expect(page.get_by_role("status").filter(has_text="You look at the past")).to_be_visible()
    slider = page.get_by_role("slider", name="Moment of the run")
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "before the first event")
    page.get_by_role("button", name="Play (space)").click()
    expect(page.get_by_role("button", name="Step forward")).to_be_disabled()
    page.get_by_role("button", name="Back to now").click()
    expect(page.get_by_text("You look at the past")).to_have_count(0)
    expect(slider).to_have_attribute("aria-valuetext", "live")
    page.keyboard.press("[")
    before_last = house.journal.head("one") - 2  # the end of the run itself changes no task
    expect(page).to_have_url(re.compile(rf"at={before_last}$"))


def test_palette_finds_runs_pages_and_actions(visit: Visit) -> None:
    page = visit.open()
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Search runs, pages and actions")
    box.fill("hosti")
    expect(page.get_by_role("option", name=re.compile("hostile.yaml"))).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="hostile", exact=True)).to_be_visible()
    page.keyboard.press("Control+k")
    box.fill("theme dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_keys_are_listed_and_what_is_not_there_says_so(visit: Visit) -> None:
    page = visit.open()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Compare the two chosen")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    visit.open("nowhere")
    expect(page.get_by_text("There is no such page")).to_be_visible()
    visit.tolerate("404")
    visit.open("run/nobody")
    expect(page.get_by_text("This run cannot be shown")).to_be_visible()
    expect(page.get_by_text("no run 'nobody'")).to_be_visible()
    visit.open("run/one?task=nothing")
    expect(page.get_by_text("There is no such task")).to_be_visible()


def test_hostile_names_and_values_stay_text(visit: Visit, page: Page) -> None:
    visit.open("run/hostile")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for place in (
        "run/hostile?task=%3Cb%3Ebold%3C%2Fb%3E",
        "run/hostile/outputs?task=a%2Fb%3Fc%23d%2520e",
        "run/hostile/events?task=%27%3B%20DROP%20TABLE",
        "run/hostile/timeline",
        "run/hostile/spending",
        "start?target=hostile.yaml",
        "explain?run=hostile",
        "compare?a=hostile&b=one",
    ):
        visit.open(place)
        expect(page.get_by_role("heading").first).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert (
            page.evaluate(
                "document.querySelectorAll('main script, main iframe, main b, main u, main [onerror]').length"
            )
            == 0
        )
        assert "taken" not in page.title()
    assert [url for url in asked if not url.startswith(visit.house.url)] == []
    assert page.locator("a[href^='javascript']").count() == 0
