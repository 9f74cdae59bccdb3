"""A context for calling a tool by hand, as a test or a script does: large values become files in a folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from orrery.graph import Blob
from orrery.tools.context import BlobWriter


class LocalContext:
    """A `ToolContext` for calling a tool by hand.

    Args:
        folder: relative paths are read against it.
        blobs: where large values go, one file each, named by digest; by default `folder`/".blobs".
    """

    def __init__(
        self,
        folder: Path,
        *,
        blobs: Path | None = None,
        idempotency_key: str = "by-hand",
        attempt: int = 1,
        task: str = "task",
        run: str = "run",
    ) -> None:
        self.folder = folder
        self.idempotency_key, self.attempt, self.task, self.run = idempotency_key, attempt, task, run
        self.progressed: list[tuple[float | None, str]] = []
        self.money, self.tokens = 0.0, 0
        self._blobs = blobs or folder / ".blobs"

    def progress(self, fraction: float | None, note: str = "") -> None:
        """Keep the report in `progressed`."""
        self.progressed.append((fraction, note))

    def usage(self, *, money: float = 0.0, tokens: int = 0) -> None:
        """Add to `money` and `tokens`."""
        self.money += money
        self.tokens += tokens

    def blob_writer(self, media: str) -> BlobWriter:
        """A writer into the folder for blobs."""
        self._blobs.mkdir(parents=True, exist_ok=True)
        return _FileBlobWriter(self._blobs, media)

    def read_blob(self, blob: Blob) -> bytes:
        """The bytes of a blob that was written through this context."""
        return (self._blobs / blob.digest).read_bytes()


class _FileBlobWriter:
    def __init__(self, folder: Path, media: str) -> None:
        self._folder, self._media = folder, media
        self._sum, self._size_bytes = hashlib.sha256(), 0
        self._blob: Blob | None = None
        self._file: IO[bytes] = tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False)  # noqa: SIM115

    def write(self, data: bytes, /) -> None:
        self._file.write(data)
        self._sum.update(data)
        self._size_bytes += len(data)

    def close(self) -> Blob:
        if self._blob is None:
            self._file.close()
            digest = self._sum.hexdigest()
            os.replace(self._file.name, self._folder / digest)
            self._blob = Blob(digest, self._size_bytes, self._media)
        return self._blob

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if self._blob is None:
            self._file.close()
            Path(self._file.name).unlink(missing_ok=True)
