"""Counters: what goes through a hub."""

from __future__ import annotations

import msgspec


class Counters(msgspec.Struct):
    """What went through the hub, both ways: attempts given to devices, frames, and bytes of messages."""

    assigned: int = 0
    frames: int = 0
    size_bytes: int = 0

    def since(self, before: Counters) -> Counters:
        """What came on top."""
        return Counters(
            self.assigned - before.assigned, self.frames - before.frames, self.size_bytes - before.size_bytes
        )

    def plus(self, more: Counters) -> Counters:
        """Both together."""
        return Counters(self.assigned + more.assigned, self.frames + more.frames, self.size_bytes + more.size_bytes)


__all__ = ["Counters"]
