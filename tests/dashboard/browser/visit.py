"""A browser that looks at the dashboard, and tells of everything that goes wrong in its pages."""

from __future__ import annotations

import re
from typing import Literal

from playwright.sync_api import Browser, ConsoleMessage, Page
from tests.dashboard.browser.house import House

Theme = Literal["light", "dark"]
WIDE, NARROW = (1280, 800), (390, 844)
PATIENCE_MS = 10_000

_TELLS_OF_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`violated ${event.violatedDirective}: ${event.blockedURI}`));
"""


class Visit:
    """A browser of its own: nothing is remembered from another visit.

    Args:
        theme: what the system prefers.
        size: of the window in pixels.
        has_key: it came by the link, so that it has the cookie.
        sharpness: pixels of the screen for one of the page, in each direction.
    """

    def __init__(
        self,
        browser: Browser,
        house: House,
        *,
        theme: Theme = "light",
        size: tuple[int, int] = WIDE,
        has_key: bool = True,
        sharpness: float = 1,
    ) -> None:
        self.house = house
        self.trouble: list[str] = []
        self.tolerated: list[str] = []
        width, height = size
        self.context = browser.new_context(
            color_scheme=theme,
            viewport={"width": width, "height": height},
            reduced_motion="reduce",
            device_scale_factor=sharpness,
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.add_init_script(_TELLS_OF_VIOLATIONS)
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self.trouble.append(str(error.error)))
        if has_key:
            cookie = {"name": f"orrery-{house.port}", "value": house.token, "url": house.url}
            self.context.add_cookies([{**cookie, "httpOnly": True, "sameSite": "Strict"}])  # type: ignore[typeddict-item]
        self.page = self.context.new_page()

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self.trouble.append(f"{said.text} ({said.location['url']})")

    def open(self, place: str = "runs") -> Page:
        """Go to a place of the page, as its address has it behind "#/"."""
        self.page.goto(f"{self.house.url}/#/{place}")
        return self.page

    def tolerate(self, pattern: str) -> None:
        """What is said to the console and matches was meant to happen."""
        self.tolerated.append(pattern)

    def close(self) -> None:
        """Leave. Raises AssertionError where something went wrong that was not meant to."""
        self.context.close()
        bad = [said for said in self.trouble if not any(re.search(pattern, said) for pattern in self.tolerated)]
        if bad:
            raise AssertionError("the page had trouble:\n" + "\n".join(bad))


__all__ = ["NARROW", "PATIENCE_MS", "WIDE", "Theme", "Visit"]
