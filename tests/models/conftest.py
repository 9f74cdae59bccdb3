"""What the tests of the models share: running simulated servers, and a context to call tools with."""

from __future__ import annotations

from pathlib import Path

import pytest

from orrery.tools import LocalContext
from tests.simulated import simulated

__all__ = ["simulated"]


@pytest.fixture
def ctx(tmp_path: Path) -> LocalContext:
    """A context whose folder is a fresh one."""
    return LocalContext(tmp_path)
