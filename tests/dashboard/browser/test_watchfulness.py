"""What these tests look for is noticed when it is there: trouble in a page, and what a screen reader would miss."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser
from tests.dashboard.browser.axe import AXE, contrasts, violations
from tests.dashboard.browser.house import House
from tests.dashboard.browser.visit import Visit


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("() => console.error('one thing')", "one thing"),
        ("() => { setTimeout(() => { throw new Error('another') }); }", "another"),
        (
            "() => { document.body.append(Object.assign(document.createElement('style'), { textContent: 'p {}' })); }",
            "style-src",
        ),
        ("() => { document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.1:9/x.png' })); }", "img-src"),
    ],
    ids=["said", "thrown", "style", "image"],
)
def test_a_visit_tells_of_trouble(browser: Browser, house: House, does: str, told: str) -> None:
    visit = Visit(browser, house)
    page = visit.open()
    with visit.context.expect_event("weberror" if "throw" in does else "console"):
        page.evaluate(does)
    with pytest.raises(AssertionError):
        visit.close()
    assert told in " ".join(visit.trouble)


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed; `npm ci` in ui/ does it")
def test_axe_sees_what_has_no_name_and_what_is_too_pale(visiting: Callable[..., Visit]) -> None:
    page = visiting().open()
    page.evaluate(
        """() => {
            const button = document.createElement("button");
            const pale = Object.assign(document.createElement("p"), { textContent: "pale" });
            pale.style.color = "#bbb";
            document.querySelector("main").append(button, pale);
        }"""
    )
    assert {one.partition(":")[0] for one in violations(page)} == {"button-name", "color-contrast"}


def test_contrast_is_that_of_the_standard(visit: Visit) -> None:
    page = visit.open()
    found = contrasts(page, ["#000", "#767676", "color-mix(in srgb, #000 50%, #fff)"], ["#fff"])
    assert [round(ratio, 2) for ratio in found.values()] == [21.0, 4.54, 3.98]
