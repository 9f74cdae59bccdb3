"""How bytes travel between the two ends of a connection; nothing here knows what they mean."""

from orrery.fleet.transports.protocol import Accepted, Connection, Listener, Transport

__all__ = ["Accepted", "Connection", "Listener", "Transport"]
