"""What holds for all tests."""

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    """Take what was imported and collected, some million objects, out of every later garbage collection.

    None of it is garbage before the end, and a bench that collects before each measurement would spend its time there.
    """
    gc.collect()
    gc.freeze()
