"""Every store of ours passes the suite that it asks of others."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from orrery.journal import Journal
from orrery.journal.memory import MemoryJournal, MemoryStore
from orrery.journal.sqlite import SqliteJournal
from orrery.testing.journals import JournalConformance


class TestMemory(JournalConformance):
    stores: ClassVar[dict[Path, MemoryStore]] = {}

    def open(self, folder: Path) -> Journal:
        return MemoryJournal(self.stores.setdefault(folder, MemoryStore()))


class TestSqlite(JournalConformance):
    def open(self, folder: Path) -> Journal:
        return SqliteJournal(folder / "runs.db")


class TestSqliteThatWaitsForTheDisk(JournalConformance):
    def open(self, folder: Path) -> Journal:
        return SqliteJournal(folder / "runs.db", durability="full")
