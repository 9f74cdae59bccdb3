"""Named things that plug in: tools, stores, executors, passes, planners.

One `Registry` per protocol; `register` returns what it decorates; a name taken twice is an error, an
unknown name is an error that suggests the nearest. Third parties register by entry points, which are
read only when a name is not found among those already known. Imports only `errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from orrery.errors import NameTakenError, UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """A mapping from names to things of one kind.

    Args:
        kind: what one entry is called in messages, such as "tool".
        group: the entry-point group that third parties use, such as "orrery.tools".
    """

    def __init__(self, kind: str, *, group: str) -> None:
        self.kind, self.group = kind, group
        self._things: dict[str, T] = {}
        self._scanned = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator: file the thing under `name` and return it. Raises NameTakenError."""

        def keep(thing: T) -> T:
            self.add(name, thing)
            return thing

        return keep

    def add(self, name: str, thing: T) -> None:
        """File `thing` under `name`. Raises NameTakenError if another thing has it."""
        if self._things.setdefault(name, thing) is not thing:
            raise NameTakenError(f"the {self.kind} {name!r} is registered twice; give one of them another name")

    def get(self, name: str) -> T:
        """The thing of that name. Raises UnknownNameError, with the nearest names."""
        found = self._things.get(name)
        if found is None and not self._scanned:
            self._scan()
            found = self._things.get(name)
        if found is None:
            raise UnknownNameError(self.kind, name, self._things)
        return found

    def names(self) -> list[str]:
        """Every known name, sorted, those of installed entry points included."""
        self._scan()
        return sorted(self._things)

    def __contains__(self, name: object) -> bool:
        return name in self._things or name in self.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _scan(self) -> None:
        if self._scanned:
            return
        self._scanned = True
        from importlib.metadata import entry_points  # 15 ms, and rarely needed

        for point in entry_points(group=self.group):
            if point.name not in self._things:
                self._things[point.name] = point.load()
