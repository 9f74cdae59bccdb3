"""What the tests of the tools share."""

from __future__ import annotations

from pathlib import Path

import pytest

from orrery.tools import LocalContext


@pytest.fixture
def ctx(tmp_path: Path) -> LocalContext:
    """A context whose folder is a fresh one."""
    return LocalContext(tmp_path)
