"""Browser: the page of a run in Chromium, as Playwright drives it, and what it says of itself.

Playwright is a tool for whoever works on Orrery, and no part of it. Where it, a Chromium or the built page is missing,
`reason_against` says so and `opened` refuses.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from orrery.bench.dashboard.processes import Dashboard
from orrery.errors import MissingBrowserError, OutsideError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

WIDTH, HEIGHT = 1280, 800
DRAWN_S = 60.0
"""How long a page may take to draw a run before the bench gives up."""
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# The graph says by a mark in which frame it was drawn; that frame has been handed over when the next one begins.
_WATCH = """
window.orreryDrawn = new Promise((drawn) => {
  const observer = new PerformanceObserver(() => {
    if (performance.getEntriesByName("orrery:drawn").length === 0) return;
    observer.disconnect();
    requestAnimationFrame(() => drawn(performance.now()));
  });
  observer.observe({ type: "mark", buffered: true });
});
"""
_WAIT = "(ms) => Promise.race([orreryDrawn, new Promise((late) => setTimeout(() => late(null), ms))])"
_COUNT = """
() => {
  const found = { at: [], deltas: [], long: [] };
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) found.long.push(duration);
  });
  observer.observe({ type: "longtask" });
  let last = 0;
  let request = requestAnimationFrame(function frame(at) {
    if (last) { found.at.push(at); found.deltas.push(at - last); }
    last = at;
    request = requestAnimationFrame(frame);
  });
  window.orreryStopCounting = () => {
    cancelAnimationFrame(request);
    observer.disconnect();
    return found;
  };
}
"""


class Frames(msgspec.Struct, frozen=True):
    """The frames of a while: when each began, how long after the one before, and tasks of more than 50 ms; in ms."""

    at: tuple[float, ...]
    deltas: tuple[float, ...]
    long: tuple[float, ...]


class Memory(msgspec.Struct, frozen=True):
    """What a page holds after garbage was collected: its heap with buffers, and all of its process; in MB (10^6)."""

    heap_mb: float
    process_mb: float


class Window:
    """A page of the dashboard in a browser that has nothing of it in its cache."""

    def __init__(self, page: Page, context: BrowserContext, browser: Browser, dashboard: Dashboard) -> None:
        self.page, self._url = page, dashboard.url
        self._session = context.new_cdp_session(page)
        self._session.send("HeapProfiler.enable")
        self._machine = browser.new_browser_cdp_session()

    def show(self, run: str) -> float:
        """Go to a run; the seconds until its graph was drawn. Raises OutsideError."""
        self.page.goto(f"{self._url}/#/run/{quote(run)}", wait_until="commit")
        return self.wait_drawn()

    def wait_drawn(self) -> float:
        """Seconds from the navigation to the end of the first frame with the graph. Raises OutsideError."""
        found = self.page.evaluate(_WAIT, DRAWN_S * 1e3)
        if found is None:
            raise OutsideError(f"the page does not draw the graph within {DRAWN_S:g} s")
        return float(found) / 1e3

    def leave(self) -> None:
        """Show nothing."""
        self.page.goto("about:blank")

    def count_frames(self) -> None:
        """Count frames from now on."""
        self.page.evaluate(_COUNT)

    def frames(self) -> Frames:
        """The frames since `count_frames`."""
        return msgspec.convert(self.page.evaluate("() => window.orreryStopCounting()"), Frames)

    def memory(self) -> Memory:
        """What it holds now, once garbage was collected."""
        self._session.send("HeapProfiler.collectGarbage")
        used: dict[str, Any] = self._session.send("Runtime.getHeapUsage")
        held = sum(used.get(part, 0.0) for part in ("usedSize", "embedderHeapUsedSize", "backingStorageSize"))
        return Memory(held / 1e6, max(map(_resident_mb, self._renderers())))

    def _renderers(self) -> list[int]:
        found: dict[str, Any] = self._machine.send("SystemInfo.getProcessInfo")
        return [one["id"] for one in found["processInfo"] if one["type"] == "renderer"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A Chromium without a screen while the block lasts. Raises MissingBrowserError."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise MissingBrowserError("there is no Playwright here: pip install 'orrery[bench]'") from error
    with sync_playwright() as play:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []  # as root, Chromium starts in no other way
        program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
        try:
            browser = play.chromium.launch(executable_path=program, args=arguments)
        except Error as error:
            raise MissingBrowserError(
                "no Chromium can be started: apt-get install chromium, or playwright install chromium"
            ) from error
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def window(browser: Browser, dashboard: Dashboard) -> Iterator[Window]:
    """A window that may look at the dashboard, while the block lasts."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    try:
        name, value = dashboard.cookie()
        context.add_cookies([{"name": name, "value": value, "url": dashboard.url}])
        context.add_init_script(_WATCH)
        yield Window(context.new_page(), context, browser, dashboard)
    finally:
        context.close()


class Hand:
    """Somebody who drags the graph as it was drawn, zooms in, drags, and selects tasks; some sixty moves a second."""

    STEP_S = 1 / 60

    def __init__(self, window: Window, run: str, tasks: list[str]) -> None:
        self._page, self._run, self._tasks = window.page, run, tasks
        box = self._page.locator(".graph-place").bounding_box()
        if box is None:
            raise OutsideError("the page shows no graph to be used")
        self._x, self._y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self._next = time.monotonic()
        self.rounds = 0

    def use(self, seconds: float) -> None:
        """Go on with it for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._drag()
            self._zoom(-120)
            self._drag()
            self._select(self._tasks[self.rounds % len(self._tasks)])
            self._zoom(120)
            self._page.keyboard.press("Escape")
            self.rounds += 1

    def _drag(self) -> None:
        mouse = self._page.mouse
        mouse.move(self._x, self._y)
        mouse.down()
        for step in [*range(20), *range(20, -20, -1), *range(-20, 1)]:
            mouse.move(self._x + 5 * step, self._y + 3 * step)
            self._rest()
        mouse.up()

    def _zoom(self, by: int) -> None:
        for _ in range(12):
            self._page.mouse.wheel(0, by)
            self._rest()

    def _select(self, task: str) -> None:
        self._page.evaluate("(hash) => { location.hash = hash; }", f"#/run/{quote(self._run)}?task={quote(task)}")
        for _ in range(20):
            self._rest()

    def _rest(self) -> None:
        self._next = max(self._next + self.STEP_S, time.monotonic())
        time.sleep(max(0.0, self._next - time.monotonic()))


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # it has ended
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


__all__ = ["Frames", "Hand", "Memory", "Window", "chromium", "window"]
