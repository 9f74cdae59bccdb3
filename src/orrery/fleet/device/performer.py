"""Performer: what performs attempts on a device. `orrery.runtime.device` has the one that performs tools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from orrery.fleet.messages import Assign, Progress, Result


class Performer(Protocol):
    """What performs attempts on a device."""

    async def open(self) -> None:
        """Get ready."""

    def start(self, assign: Assign, report: Callable[[Progress | Result], None]) -> None:
        """Begin an attempt and return at once. Its blobs are in the device's folder.

        Args:
            report: is to be called with one Result at its end, and with Progress before it; on the loop's own thread.
        """

    def cancel(self, work: str) -> None:
        """Ask that an attempt ends; its Result confirms it. What is not running is ignored."""

    async def close(self) -> None:
        """Stop everything."""
