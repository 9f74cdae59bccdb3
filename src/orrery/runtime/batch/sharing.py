"""Shared work: what occurs in more than one row of a table, who does it, and what came of it.

Pure decisions over keys; a key stands for one piece of work, as `passes.batch` says. A value is kept only while rows
are to come that want it, so what is in memory is what the rows in flight share with those to come.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Generic, TypeVar

from orrery.passes.batch import Key

_PARTS = 256

Waiting = TypeVar("Waiting")


class Occurrences:
    """In how many rows each piece of work occurs: eight bytes for each while it counts.

    Two keys that begin alike are counted as one. Then a value is kept that nobody will want; nothing is shared wrongly,
    for whoever shares compares whole keys.
    """

    def __init__(self) -> None:
        self._parts = [array("Q") for _ in range(_PARTS)]

    def add(self, keys: Iterable[Key]) -> None:
        """Count the work of one row, each piece once."""
        for key in dict.fromkeys(keys):
            short = _short(key)
            self._parts[short % _PARTS].append(short)

    def repeated(self) -> dict[int, int]:
        """What occurs in more than one row, and in how many."""
        found: dict[int, int] = {}
        for part in self._parts:  # one after the other: a list takes four times the memory of an array
            for short, same in groupby(sorted(part)):
                count = sum(1 for _ in same)
                if count > 1:
                    found[short] = count
        return found


def _short(key: Key) -> int:
    return int.from_bytes(key[:8], "big")


class SharedWork(Generic[Waiting]):
    """Who does what is shared, and what came of it.

    A piece of work is unclaimed, claimed by a window, or known. Rows that want what another window is doing wait, and
    come back when it is done; if it failed, the first of them does it anew.

    Args:
        repeated: the work that occurs in more than one row, and in how many, as `Occurrences` counts.
    """

    def __init__(self, repeated: Mapping[int, int]) -> None:
        self._left = dict(repeated)
        self._known: dict[Key, Any] = {}
        self._claims: dict[Key, str] = {}
        self._waiting: dict[Key, list[Waiting]] = {}
        self._released: deque[Waiting] = deque()
        self.parked = 0

    def repeated(self, keys: Iterable[Key]) -> list[Key]:
        """Those that rows without a window want too, or wanted."""
        return [key for key in keys if _short(key) in self._left]

    def known(self, keys: Iterable[Key]) -> dict[Key, Any]:
        """The values of those that are done."""
        return {key: self._known[key] for key in keys if key in self._known}

    def in_the_way(self, keys: Iterable[Key], window: str) -> Key | None:
        """The first of the keys that another window is just doing; None if the row may go with this one."""
        for key in keys:
            if self._claims.get(key, window) != window:
                return key
        return None

    def park(self, row: Waiting, key: Key) -> None:
        """Let a row wait until a claimed piece of work is done."""
        self._waiting.setdefault(key, []).append(row)
        self.parked += 1

    def released(self) -> Waiting | None:
        """A row that has waited and need not any more, in the order in which they came to wait; None: there is none."""
        if not self._released:
            return None
        self.parked -= 1
        return self._released.popleft()

    def claim(self, keys: Iterable[Key], window: str) -> list[Key]:
        """Leave to a window what other rows want too, and is neither done nor claimed; returns what it got."""
        wanted = [key for key in keys if self._left.get(_short(key), 0) > 1]
        got = [key for key in wanted if key not in self._known and key not in self._claims]
        for key in got:
            self._claims[key] = window
        return got

    def reclaim(self, keys: Iterable[Key], window: str) -> None:
        """A window that is resumed goes on with what it had."""
        for key in keys:
            self._claims[key] = window

    def placed(self, keys: Iterable[Key]) -> None:
        """Rows have their window; their work is named once for each of them. What no further row wants is forgotten."""
        for key in keys:
            short = _short(key)
            left = self._left.get(short)
            if left is None:
                continue
            if left > 1:
                self._left[short] = left - 1
            else:
                del self._left[short]
                self._known.pop(key, None)

    def done(self, key: Key, value: Any) -> None:
        """A claimed piece of work has its value."""
        if _short(key) in self._left:
            self._known[key] = value
        self.given_up(key)

    def given_up(self, key: Key) -> None:
        """A window is through with a piece of work; if it has no value, the next row that wants it does it."""
        self._claims.pop(key, None)
        self._released.extend(self._waiting.pop(key, ()))

    def __repr__(self) -> str:
        return f"<SharedWork {len(self._known)} known, {len(self._claims)} claimed, {self.parked} rows wait>"
