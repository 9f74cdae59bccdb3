"""Damage a store on purpose and look at what a reader makes of it: the promise is *detected, never guessed over*.

The store is copied as it lies on the disk, cut or flipped, and read as after a crash. What comes out must be
an error, or the run as it was, or a beginning of it (as when the last commits had never been made); events
that differ from those written are a broken promise. SQLite itself drops what follows a damaged place in its
write-ahead log, which is why a beginning of the run may come back without an error.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from orrery.errors import OrreryError
from orrery.journal import Journal
from orrery.scheduler.codec import encode_events
from orrery.scheduler.events import Event

Damage = tuple[str, str, bytes]
"""What was done, the name of the file, and what it holds now."""


class DamageReport(msgspec.Struct):
    """What became of so many cases.

    Args:
        cases: how many there were.
        whole: the run came back complete.
        beginning: a beginning of the run came back, and no error.
        refused: an error of ours said so, after at most a true beginning.
        broken: the promise was: each case in words.
    """

    cases: int = 0
    whole: int = 0
    beginning: int = 0
    refused: int = 0
    broken: list[str] = []

    def __str__(self) -> str:
        return (
            f"{self.cases} cases: {self.refused} refused, {self.beginning} read as a beginning, {self.whole} whole, "
            f"{len(self.broken)} broken{': ' + self.broken[0] if self.broken else ''}"
        )


class Specimen:
    """A store at one instant, to be damaged and read again and again.

    Args:
        files: the files that hold it, which may be open elsewhere.
        scratch: a folder for the copies; one in memory makes thousands of cases quick.
        open_copy: opens the store from the copies in a folder.
        run: the run to read.
        written: its events.
    """

    def __init__(
        self,
        files: Iterable[Path],
        *,
        scratch: Path,
        open_copy: Callable[[Path], Journal],
        run: str,
        written: Sequence[Event],
    ) -> None:
        self.files = {file.name: file.read_bytes() for file in files if file.exists()}
        self._scratch, self._open_copy, self._run = scratch / "copy", open_copy, run
        self._written = [encode_events([event]) for event in written]

    def truncations(self, *, step: int = 1) -> DamageReport:
        """Cut every file at every `step`-th byte."""
        return self._judge(
            (f"{name} cut at {size} of {len(data)}", name, data[:size])
            for name, data in self.files.items()
            for size in range(0, len(data), step)
        )

    def bit_flips(self, count: int, *, seed: int = 0) -> DamageReport:
        """Flip one bit at `count` places, spread over all files."""
        return self._judge(self._flipped(count, random.Random(seed)))  # noqa: S311 - repeatable, not secret

    def _flipped(self, count: int, chance: random.Random) -> Iterator[Damage]:
        sizes = [len(data) for data in self.files.values()]
        for _ in range(count):
            (name,) = chance.choices(list(self.files), weights=sizes)
            data = bytearray(self.files[name])
            bit = chance.randrange(len(data) * 8)
            data[bit // 8] ^= 1 << bit % 8
            yield f"{name} with bit {bit % 8} of byte {bit // 8} flipped", name, bytes(data)

    def _judge(self, damages: Iterable[Damage]) -> DamageReport:
        report = DamageReport()
        for done, name, data in damages:
            report.cases += 1
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch.mkdir(parents=True)
            for other, content in self.files.items():
                (self._scratch / other).write_bytes(data if other == name else content)
            self._read(report, done)
        shutil.rmtree(self._scratch, ignore_errors=True)
        return report

    def _read(self, report: DamageReport, done: str) -> None:
        read: list[bytes] = []
        refused = False
        try:
            journal = self._open_copy(self._scratch)
            try:
                read.extend(encode_events([event]) for _, event in journal.read(self._run))
            finally:
                journal.close()
        except OrreryError:
            refused = True
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not one of the promised outcomes
            report.broken.append(f"{done}: {type(error).__name__}: {error}")
            return
        if read != self._written[: len(read)]:
            report.broken.append(f"{done}: events came back that were never written")
        elif refused:
            report.refused += 1
        elif len(read) < len(self._written):
            report.beginning += 1
        else:
            report.whole += 1
