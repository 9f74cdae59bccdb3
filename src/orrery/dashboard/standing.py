"""Standing: whether the store is still the file that was opened.

A file that is taken away stays readable for whoever has it open, as it was then, while commands find a new one in its
place: the dashboard would show the past, and begin runs that it never sees.
"""

from __future__ import annotations

import os
from pathlib import Path

from orrery.errors import StoreError

_SCHEME = "sqlite:///"


class Standing:
    """A store as it was opened.

    Args:
        store: its URL; only a file can be taken away.
    """

    def __init__(self, store: str) -> None:
        self._path = Path(store.removeprefix(_SCHEME)).absolute() if store.startswith(_SCHEME) else None
        self._was = self._identity()

    def trouble(self) -> StoreError | None:
        """What is said where it was taken away, or another is in its place."""
        if self._was is None or self._identity() == self._was:
            return None
        return StoreError(
            f"the store {self._path} was taken away or replaced after it was opened; start `orrery ui` anew"
        )

    def check(self) -> None:
        """Raises StoreError: it is not what was opened."""
        if (trouble := self.trouble()) is not None:
            raise trouble

    def _identity(self) -> tuple[int, int] | None:
        if self._path is None:
            return None
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_dev, found.st_ino


__all__ = ["Standing"]
