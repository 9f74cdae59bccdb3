"""DeviceSettings: the limits of a device."""

from __future__ import annotations

import msgspec


class DeviceSettings(msgspec.Struct, frozen=True):
    """The limits of a device.

    Args:
        slots: attempts at once.
        waiting: attempts that may wait for a slot besides.
        lease_margin: the share of a lease that is not used, so that what runs has stopped before it ends.
        kept_most: results that are kept at once for clients that have not said yet that they have them.
        kept_bytes: what their values may come to.
        kept_s: how long they are kept. The oldest go first, and a task that is asked for again then is done again.
    """

    slots: int = 1
    waiting: int = 4
    lease_margin: float = 0.1
    kept_most: int = 5_000
    kept_bytes: int = 64_000_000
    kept_s: float = 7 * 86_400.0
