"""What a tool may ask of whoever runs it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from orrery.graph import Blob


class BlobWriter(Protocol):
    """Takes a large value piece by piece. As a context manager it drops what was not closed."""

    def write(self, data: bytes, /) -> None:
        """Add bytes."""

    def close(self) -> Blob:
        """Store the value and return what stands for it; closing again returns the same."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class ToolContext(Protocol):
    """What a tool learns about its run; a parameter named `ctx` or annotated with this class receives it."""

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt at one task: hand it to services that know such keys."""

    @property
    def attempt(self) -> int:
        """Which attempt this is, counted from 1."""

    @property
    def task(self) -> str:
        """The task's id."""

    @property
    def run(self) -> str:
        """The run's id."""

    @property
    def folder(self) -> Path:
        """The folder against which relative paths are read."""

    def progress(self, fraction: float | None, note: str = "") -> None:
        """Say how far the work is: `fraction` in [0, 1], or None where nobody can know. Never blocks."""

    def usage(self, *, money: float = 0.0, tokens: int = 0) -> None:
        """Add to what this attempt consumed: money in the budget's currency, tokens."""

    def blob_writer(self, media: str) -> BlobWriter:
        """A place for a large value of the given media type."""


Context = ToolContext
