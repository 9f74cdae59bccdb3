"""Many devices, one constellation: the protocol between a hub and devices, and who does what in it.

What decides does no I/O: `session`, `blobs`, `hub` and `device` take events with their time and return what is to be
done. The frames are in `messages` and `profile`, their bytes in `codec`. `transports` move messages, a `link` carries a
session over them, and a `dialler` keeps one up to a hub. A `porter` moves blobs; a `fetcher` and a `blob_server` are
made of it. `client` is the end of a run, and `hubs` says which hub it uses. Here stand the names by which a program
meets a fleet; they are loaded on first use.

It is not for performing work: whoever makes a device hands in the performer. It imports the journal's blobs, the
graph and the floor; nothing of tools, workflows or the runtime.
"""

from typing import TYPE_CHECKING

from orrery.lazy import exports

if TYPE_CHECKING:
    from orrery.fleet.client import HubClient
    from orrery.fleet.hubs import HubAddress, find_hub
    from orrery.fleet.profile import DeviceView

__all__ = ["DeviceView", "HubAddress", "HubClient", "find_hub"]

__getattr__, __dir__ = exports(
    __name__,
    {
        "DeviceView": "orrery.fleet.profile",
        "HubAddress": "orrery.fleet.hubs",
        "HubClient": "orrery.fleet.client",
        "find_hub": "orrery.fleet.hubs",
    },
)
