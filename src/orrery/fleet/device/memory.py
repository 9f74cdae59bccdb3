"""Memory: the keys that a device remembers, within limits. The oldest goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from orrery.fleet.device.events import Record
from orrery.fleet.device.settings import DeviceSettings


class Memory:
    """What became of each key: its result, or that it was begun and has none."""

    def __init__(self, limits: DeviceSettings) -> None:
        self._limits = limits
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._keys: dict[str, str] = {}  # of the work of each
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        """Every record, oldest first."""
        return iter(self._records.values())

    def of_key(self, key: str) -> Record | None:
        """What is remembered of a key."""
        return self._records.get(key)

    def of_work(self, work: str) -> Record | None:
        """What is remembered of an attempt, if it is the latest one at its key."""
        return self._records.get(self._keys.get(work, ""))

    def keep(self, record: Record) -> list[str]:
        """Remember a record in place of what is known of its key; returns the keys that had to go for it."""
        self.drop(record.key)
        self._records[record.key] = record
        self._keys[record.work] = record.key
        self._size_bytes += _bytes_of(record)
        gone = []
        while (oldest := next(iter(self))) is not record and self._is_too_much(oldest, record.since):
            self.drop(oldest.key)
            gone.append(oldest.key)
        return gone

    def drop(self, key: str) -> bool:
        """Forget a key; whether it was known."""
        record = self._records.pop(key, None)
        if record is None:
            return False
        del self._keys[record.work]
        self._size_bytes -= _bytes_of(record)
        return True

    def _is_too_much(self, oldest: Record, now: float) -> bool:
        limits = self._limits
        return (
            len(self._records) > limits.kept_most
            or self._size_bytes > limits.kept_bytes
            or oldest.since + limits.kept_s < now
        )


def _bytes_of(record: Record) -> int:
    return len(record.result.value) if record.result is not None else 0
