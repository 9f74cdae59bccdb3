"""One browser, one dashboard and its runs for all tests of this folder, which one worker has to itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orrery.dashboard.web.page import FOLDER

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed here")

from playwright.sync_api import Browser, Page, expect  # noqa: E402
from tests.dashboard.browser.house import House  # noqa: E402
from tests.dashboard.browser.visit import PATIENCE_MS, Visit  # noqa: E402

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests together, and skip them where they have nothing to look at, or with."""
    missing = ""
    if CHROMIUM is None:
        missing = "there is no Chromium here; on Debian: apt-get install chromium"
    elif not (FOLDER / "index.html").is_file():
        missing = "the page is not built here; `make ui` builds it"
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))
            if missing:
                item.add_marker(pytest.mark.skip(reason=missing))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. It goes when the tests of this folder have ended: its loop would disturb those of others."""
    with playwright.sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A dashboard with these runs: a demo that failed, "one" and "two" of shown.yaml, "hostile", and "fails"."""
    found = House(tmp_path_factory.mktemp("house"))
    try:
        found.spoil()
        found.end(
            found.start("demo"),
            found.start("run", "shown.yaml", "--run", "one"),
            found.start("run", "shown.yaml", "--run", "two", "-i", "who=you", "-i", "rows=4"),
        )
        found.end(
            found.start("run", "hostile.yaml", "--run", "hostile"), found.start("run", "fails.yaml", "--run", "fails")
        )
        yield found
    finally:
        found.close()


@pytest.fixture(scope="package")
def demo(house: House) -> str:
    """The name of the demo's run."""
    return next(run.run for run in house.journal.runs() if run.run.startswith("demo-"))


@pytest.fixture(scope="package")
def waits(browser: Browser, house: House) -> str:
    """The name of a run that waits for a person, in which nothing happens."""
    house.run("waits", "asks.yaml")
    visit = Visit(browser, house)
    expect(visit.open("run/waits").get_by_role("button", name="Answer size")).to_be_visible()
    visit.close()
    return "waits"


@pytest.fixture
def visiting(browser: Browser, house: House) -> Iterator[Callable[..., Visit]]:
    """Makes visits; each must have been without trouble."""
    visits: list[Visit] = []

    def visit(**how: object) -> Visit:
        visits.append(Visit(browser, house, **how))  # type: ignore[arg-type]
        return visits[-1]

    yield visit
    for one in visits:
        one.close()


@pytest.fixture
def visit(visiting: Callable[..., Visit]) -> Visit:
    """A visit as most are: wide, light, with the key."""
    return visiting()


@pytest.fixture
def page(visit: Visit) -> Page:
    """Its page."""
    return visit.page
