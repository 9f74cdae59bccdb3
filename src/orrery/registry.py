"""Named things that plug in: tools, stores, executors, passes, planners.

One `Registry` per protocol; `register` returns what it decorates; a name taken twice is an error, an
unknown name is an error that suggests the nearest. Third parties register by entry points, which are
read only when a name is not found among those already known, and loaded one by one when they are asked for: a
broken package spoils its own names only. Imports only `errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from orrery.errors import NameTakenError, PlugInError, UnknownNameError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

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
        self._offered: dict[str, EntryPoint] | None = None

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
        """The thing of that name. Raises UnknownNameError, with the nearest names; PlugInError."""
        found = self._things.get(name)
        return found if found is not None else self._plug_in(name)

    def names(self) -> list[str]:
        """Every known name, sorted, those of installed entry points included."""
        return sorted({*self._things, *self._entry_points()})

    def __contains__(self, name: object) -> bool:
        return name in self._things or name in self.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _plug_in(self, name: str) -> T:
        point = self._entry_points().get(name)
        if point is None:
            raise UnknownNameError(self.kind, name, self.names())
        try:
            thing: T = point.load()
        except Exception as error:
            package = point.dist.name if point.dist is not None else point.module
            raise PlugInError(
                f"the {self.kind} {name!r} of the package {package} cannot be loaded: {error}; "
                "upgrade or uninstall that package"
            ) from error
        return self._things.setdefault(name, thing)

    def _entry_points(self) -> Mapping[str, EntryPoint]:
        if self._offered is None:
            from importlib.metadata import entry_points  # 15 ms, and rarely needed

            self._offered = {point.name: point for point in entry_points(group=self.group)}
        return self._offered
