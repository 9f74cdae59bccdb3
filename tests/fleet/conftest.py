"""Fixtures that the tests of the fleet share."""

from tests.fleet.mosquitto import mosquitto

__all__ = ["mosquitto"]
