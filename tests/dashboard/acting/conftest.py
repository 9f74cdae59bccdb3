"""Fixtures of the tests that act."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dashboard.acting.desk import Desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk of the test's own."""
    monkeypatch.delenv("ORRERY_STORE", raising=False)
    found = Desk(tmp_path)
    yield found
    found.close()
