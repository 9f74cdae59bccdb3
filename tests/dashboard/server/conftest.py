"""Fixtures of the tests of the server as a process."""

from tests.dashboard.acting.conftest import desk

__all__ = ["desk"]
