"""Fixtures that the tests of the dashboard share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orrery.journal.memory import MemoryJournal


@pytest.fixture
def journal() -> Iterator[MemoryJournal]:
    """A store of the test's own."""
    found = MemoryJournal()
    yield found
    found.close()
