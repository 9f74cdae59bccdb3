"""From the URL of a store to the journal in it."""

from __future__ import annotations

from typing import Protocol

from orrery.errors import StoreUrlError
from orrery.journal.protocol import Durability, Journal
from orrery.registry import Registry


class StoreFactory(Protocol):
    """Opens the store that a URL names."""

    def __call__(self, url: str, durability: Durability) -> Journal:
        """The journal. Raises StoreUrlError, StoreError and its kin."""


stores: Registry[StoreFactory] = Registry("store", group="orrery.stores")
"""The kinds of store by the scheme of their URL."""


def open_journal(url: str, durability: Durability = "process") -> Journal:
    """The journal at a URL, made if it is not there yet.

    Args:
        url: "memory:", "sqlite:///relative/path.db", "sqlite:////absolute/path.db", or another registered scheme.
        durability: what an acknowledged event survives: the death of the process, or a loss of power ("full").

    Raises:
        StoreUrlError, UnknownNameError: the URL is not one, or nobody registered its scheme.
        StoreVersionError, StoreReadOnlyError, StoreError: the store cannot be used.
    """
    scheme, colon, _ = url.partition(":")
    if not colon or len(scheme) < 2:  # one letter is a drive of Windows
        raise StoreUrlError(f"{url!r} is not the URL of a store; for a file write 'sqlite:///{url}'")
    return stores.get(scheme)(url, durability)


@stores.register("memory")
def _open_memory(url: str, durability: Durability) -> Journal:  # noqa: ARG001 - memory has neither
    from orrery.journal.memory import MemoryJournal

    return MemoryJournal()


@stores.register("sqlite")
def _open_sqlite(url: str, durability: Durability) -> Journal:
    from orrery.journal.sqlite import SqliteJournal

    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise StoreUrlError(
            f"{url!r} names no file; write 'sqlite:///runs.db', or 'sqlite:////var/runs.db' if absolute"
        )
    return SqliteJournal(path, durability=durability)
