"""What the tests of estimates share: simulated servers of models."""

from tests.simulated import simulated

__all__ = ["simulated"]
