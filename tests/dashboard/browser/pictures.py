"""The pictures of the dashboard in docs/images, taken of the page as it is built, over real runs.

`python -m tests.dashboard.browser.pictures` takes all of them, which needs Chromium; with names, only these.
"""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.dashboard.browser.house import House
from tests.dashboard.browser.visit import Theme, Visit

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "images"
SIZE = (1280, 760)
SHARPNESS = 1.5
QUALITY = 82
Stage = Callable[[Visit], None]


def runs(visit: Visit) -> None:
    """The list of runs."""
    page = visit.open()
    expect(page.get_by_role("link", name="publish-2", exact=True)).to_be_visible()


def failed(visit: Visit) -> None:
    """The first click: a run that failed, and what failed first."""
    page = visit.open(f"run/{_demo(visit.house, 'failed')}")
    expect(page.get_by_role("button", name=re.compile("failed first"))).to_contain_text("delayed")
    _drawn(page)


def first(visit: Visit) -> None:
    """The second: why, and what it delayed."""
    failed(visit)
    page = visit.page
    page.get_by_role("button", name=re.compile("failed first")).click()
    expect(page.get_by_role("heading", name=re.compile("It delayed"))).to_be_visible()


def delayed(visit: Visit) -> None:
    """The third: one of those that it delayed."""
    first(visit)
    panel = visit.page.get_by_role("complementary", name="Task")
    panel.get_by_role("button", name="measure").click()
    expect(panel.get_by_role("heading", name="measure")).to_be_visible()
    expect(panel.locator(".story")).to_be_visible()


def run(visit: Visit) -> None:
    """A run that succeeded, as a graph."""
    page = visit.open(f"run/{_demo(visit.house, 'succeeded')}")
    expect(page.locator(".run-title .badge").first).to_have_text("succeeded")
    _drawn(page)


def timeline(visit: Visit) -> None:
    """Its time."""
    page = visit.open(f"run/{_demo(visit.house, 'succeeded')}/timeline")
    expect(page.get_by_text("Critical path")).to_be_visible()
    _drawn(page)


def answer(visit: Visit) -> None:
    """A question, and the dialog for its answer."""
    page = visit.open("run/publish-2?task=publish")
    page.get_by_role("button", name="Answer publish").click()
    page.get_by_role("dialog").get_by_label("Comment").fill("The notes are good, go ahead.")


def words(visit: Visit) -> None:
    """A request in plain words."""
    page = visit.open("start?by=words")
    page.get_by_label("What is to be done?").fill(
        "Count the lines of every Python file under src, then draw a bar chart of the ten longest"
    )


STAGES: dict[str, tuple[Stage, Theme]] = {
    "dashboard-runs": (runs, "light"),
    "dashboard-failed": (failed, "light"),
    "dashboard-first": (first, "light"),
    "dashboard-delayed": (delayed, "light"),
    "dashboard-run": (run, "light"),
    "dashboard-run-dark": (run, "dark"),
    "dashboard-timeline": (timeline, "dark"),
    "dashboard-answer": (answer, "light"),
    "dashboard-start": (words, "dark"),
}
"""What is done for each picture, and in which theme it is taken."""
NAMES = tuple(STAGES)


def prepare(house: House) -> None:
    """The runs that are shown: a demo over Orrery's own source, another once the index is broken, and small ones."""
    shutil.copytree(
        ROOT / "src" / "orrery", house.folder / "src" / "orrery", ignore=shutil.ignore_patterns("__pycache__", "page")
    )
    git = ("git", "-c", "user.name=Orrery", "-c", "user.email=orrery@example.org")
    subprocess.run([*git, "add", "src"], cwd=house.folder, check=True)
    subprocess.run([*git, "commit", "--quiet", "--message=Source"], cwd=house.folder, check=True)
    house.end(house.start("demo"))
    house.end(house.start("run", "shown.yaml", "--run", "greeting"))
    house.spoil()
    house.end(house.start("demo"))
    house.run("steps-1", "steps.yaml", "-i", "gate=shown")
    house.run("publish-2", "asks.yaml")


def take(browser: Browser, house: House, name: str) -> bytes:
    """One picture as WebP. Raises AssertionError where the page was in trouble."""
    stage, theme = STAGES[name]
    visit = Visit(browser, house, theme=theme, size=SIZE, sharpness=SHARPNESS)
    stage(visit)
    visit.page.wait_for_load_state("networkidle")
    session = visit.context.new_cdp_session(visit.page)
    taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    visit.close()
    return base64.b64decode(taken["data"])


def _demo(house: House, state: str) -> str:
    return next(run.run for run in house.journal.runs() if run.run.startswith("demo-") and run.state == state)


def _drawn(page: Page) -> None:
    """Return once what is drawn stands still: two frames after it is there."""
    expect(page.locator("main .spinner")).to_have_count(0)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


def main(names: list[str]) -> int:
    """Take the pictures of these names, or all."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        house = House(Path(folder) / "house")
        try:
            prepare(house)
            for name in names or NAMES:
                picture = take(browser, house, name)
                (FOLDER / f"{name}.webp").write_bytes(picture)
                print(f"{name}.webp  {len(picture) / 1e3:.0f} kB")
        finally:
            house.close()
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
