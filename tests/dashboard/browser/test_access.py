"""Nobody is left out: axe finds nothing serious on any page or dialog, in light and dark; a narrow window is enough."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.dashboard.browser.axe import AXE, contrasts, violations
from tests.dashboard.browser.house import House
from tests.dashboard.browser.visit import NARROW, Theme, Visit

LEAST_CONTRAST = 4.5
PLACES = (
    "runs",
    "runs?q=nothing+has+this+name",
    "run/DEMO",
    "run/DEMO?task=git-files",
    "run/one?task=list",
    "run/one?at=9",
    "run/one/timeline",
    "run/DEMO/events",
    "run/one/outputs",
    "run/one/spending",
    "run/nobody",
    "start",
    "start?target=shown.yaml",
    "start?by=words",
    "explain",
    "explain?target=shown.yaml",
    "explain?run=one",
    "compare",
    "compare?a=one&b=two",
    "compare?a=one&b=two&show=graph",
    "compare?a=one&b=two&show=timing",
    "compare?a=one&b=two&show=outputs",
    "fleet",
    "nowhere",
)
STATES = ("waiting", "ready", "running", "succeeded", "failed", "asking", "retrying", "skipped", "cancelled")
TEXTS = ("text", "quiet", "accent", *STATES)
CARD_TINTS = (11, 22)
"""How much of its state's colour a card of the graph has, in percent: as it is, and under the pointer."""
RULES: dict[Theme, tuple[str, ...]] = {"light": (), "dark": ("color-contrast",)}
"""What is asked in each theme: all, and once more what depends on colours."""
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed; `npm ci` in ui/ does it")


def settled(page: Page) -> None:
    """Return once the place is there, with what it fetches."""
    expect(page.get_by_role("heading").first).to_be_visible()
    expect(page.locator("main .spinner")).to_have_count(0)


@needs_axe
def test_axe_finds_nothing_serious_on_any_page(visit: Visit, demo: str) -> None:
    visit.tolerate("404")
    found: dict[str, list[str]] = {}
    for place in PLACES:
        page = visit.open(place.replace("DEMO", demo))
        settled(page)
        if bad := violations(page):
            found[place] = bad
    assert found == {}


@needs_axe
def test_a_narrow_window_is_enough_and_dark_can_be_read(visiting: Callable[..., Visit], demo: str) -> None:
    visit = visiting(theme="dark", size=NARROW)
    visit.tolerate("404")
    found: dict[str, object] = {}
    for place in PLACES:
        page = visit.open(place.replace("DEMO", demo))
        settled(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > NARROW[0]:
            found[f"{place}: width"] = width
        if bad := violations(page, *RULES["dark"]):
            found[place] = bad
    assert found == {}


@needs_axe
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_dialog(
    visiting: Callable[..., Visit], house: House, waits: str, theme: Theme
) -> None:
    page = visiting(theme=theme).open(f"run/{waits}?task=publish")
    found: dict[str, list[str]] = {}
    for name, opened in {
        "palette": "Control+k",
        "keys": "?",
        "answer": "a",
        "edit": "e",
        "cancel": "x",
    }.items():
        page.keyboard.press(opened)
        expect(page.get_by_role("dialog")).to_be_visible()
        expect(page.locator("dialog .spinner")).to_have_count(0)
        found[name] = violations(page, *RULES[theme])
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    for name in ("Theme", "More"):
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_role("menu", name=name)).to_be_visible()
        found[name] = violations(page, *RULES[theme])
        page.keyboard.press("Escape")
    assert {name: bad for name, bad in found.items() if bad} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_of_the_theme_can_be_read_wherever_they_stand(visiting: Callable[..., Visit], theme: Theme) -> None:
    """Also what is drawn on a canvas, where axe sees nothing: the words of a card stand on a tint of its state."""
    page = visiting(theme=theme).open()
    texts, states = [f"var(--{name})" for name in TEXTS], [f"var(--{name})" for name in STATES]
    found = contrasts(page, texts, ["var(--surface)", "var(--raised)"])
    found |= contrasts(page, ["var(--on-accent)"], ["var(--accent)"])
    tints = [f"color-mix(in srgb, {state} {share}%, var(--surface))" for state in states for share in CARD_TINTS]
    found |= contrasts(page, ["var(--text)", "var(--quiet)"], tints)
    assert {name: round(ratio, 2) for name, ratio in found.items() if ratio < LEAST_CONTRAST} == {}


def test_the_theme_follows_the_system_unless_one_is_chosen(visiting: Callable[..., Visit]) -> None:
    page = visiting(theme="dark").open()
    body = page.locator("body")
    light, dark = "rgb(255, 255, 255)", "rgb(20, 23, 28)"
    expect(body).to_have_css("background-color", dark)
    page.emulate_media(color_scheme="light")
    expect(body).to_have_css("background-color", light)
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("menuitemradio", name="Dark").click()
    expect(body).to_have_css("background-color", dark)
    page.reload()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    expect(body).to_have_css("background-color", dark)
