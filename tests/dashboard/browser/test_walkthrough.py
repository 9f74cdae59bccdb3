"""The walk of docs/guides/dashboard.md: on a failed run of the demo, what failed first, why, and what it delayed."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect
from tests.dashboard.browser.pictures import FOLDER, NAMES
from tests.dashboard.browser.visit import Visit

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "dashboard.md"
MOST_BYTES = 150_000
DELAYED = {"choose", "measure", "metrics.sample", "rank", "find_duplicates", "order_packages", "gather", "write_report"}


def test_three_clicks_from_the_list_to_what_failed_why_and_what_it_delayed(visit: Visit, demo: str) -> None:
    page = visit.open()
    page.get_by_role("link", name=demo).click()  # one
    banner = page.get_by_role("button", name=re.compile("git-files failed first"))
    expect(banner).to_contain_text("'git' ended with status 128")
    expect(banner).to_contain_text("index file smaller than expected")
    expect(banner).to_contain_text("delayed 8 tasks · 1 other failed later")
    banner.click()  # two
    panel = page.get_by_role("complementary", name="Task")
    expect(panel.get_by_role("heading", name="git-files")).to_be_visible()
    expect(panel.get_by_text("git-files failed in attempt 1: CommandError")).to_be_visible()
    expect(panel.get_by_role("heading", name="It delayed 8 tasks")).to_be_visible()
    delayed = panel.locator("section").filter(has=page.get_by_role("heading", name="It delayed")).get_by_role("button")
    assert set(delayed.all_text_contents()) == DELAYED
    panel.get_by_role("button", name="measure").click()  # three
    expect(panel.get_by_role("heading", name="measure")).to_be_visible()
    expect(panel.get_by_text("measure was skipped because 'choose' is failed")).to_be_visible()


def test_the_guide_shows_the_pictures_that_are_taken_and_no_other() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(\.\./images/(dashboard-[\w-]+\.webp)\)", GUIDE.read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(f"{name}.webp" for name in NAMES)
    assert sorted(path.name for path in FOLDER.glob("dashboard-*")) == sorted(shown)
    assert all(path.stat().st_size < MOST_BYTES for path in FOLDER.glob("dashboard-*"))
