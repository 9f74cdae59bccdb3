"""Spectators: the runs that somebody looks at, each folded once however many look."""

from __future__ import annotations

import threading
from collections import OrderedDict
from weakref import WeakValueDictionary

from orrery.dashboard.spectator import Spectator
from orrery.errors import UnknownRunError
from orrery.journal import Journal

MOST_KEPT = 8
"""Folded runs that are kept; the one that was looked at longest ago goes first."""
MOST_TASKS = 200_000
"""Of all that are kept together, at some 2 kB each; the last one is kept whatever it has."""


class Spectators:
    """The spectators of a store, by run."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._kept: OrderedDict[str, Spectator] = OrderedDict()
        self._held: WeakValueDictionary[str, Spectator] = WeakValueDictionary()
        """Those that somebody still follows, whether they are kept or not."""
        self._lock = threading.Lock()

    def of(self, run: str) -> Spectator:
        """The spectator of a run, as of its last look. Raises UnknownRunError at its first `catch_up`."""
        with self._lock:
            found = self._kept.pop(run, None) or self._held.get(run)
            if found is None:
                found = Spectator(self._journal, run)
                if not self._is_there(run):  # a wrong name drives nobody out
                    return found
            self._kept[run] = self._held[run] = found
            while len(self._kept) > MOST_KEPT or (len(self._kept) > 1 and self._tasks() > MOST_TASKS):
                self._kept.popitem(last=False)
            return found

    def seen(self, run: str) -> Spectator | None:
        """The spectator of a run if somebody looked at it lately, without its counting as a look."""
        with self._lock:
            return self._held.get(run)

    def _tasks(self) -> int:
        return sum(len(one.seen) for one in self._kept.values())

    def _is_there(self, run: str) -> bool:
        try:
            self._journal.head(run)
        except UnknownRunError:
            return False
        return True

    def close(self) -> None:
        """Forget all."""
        with self._lock:
            self._kept.clear()
            self._held.clear()
